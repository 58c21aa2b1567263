"""Tables as a whole: catalogs, locks, checks and disk space. Peewee has no expressions for these."""

from collections import namedtuple
from functools import partial

from peewee import Select, SqliteDatabase, Table, fn

from config import ConfigError
from database import errors
from database.binding import current, database, is_sqlite
from database.queries import compiled, literal
from database.transactions import commit

HISTORY = "snakepit_migration"  # the names of the applied migrations

Column = namedtuple("Column", "type is_nullable")


def relations(db):
    """Return {name: {column: Column}} of all tables, views and indexes, the latter two without columns.

    In Postgres, of the schema in which our tables are.
    """
    found = {}
    query = (_IN_SQLITE, ()) if isinstance(db, SqliteDatabase) else (_IN_POSTGRES, (schema(),))
    for name, kind, column, type_, is_required in db.execute_sql(*query).fetchall():
        columns = found.setdefault(name, {})
        if kind in ("table", "r", "p") and column:
            columns[column] = Column(type_, not is_required)
    return found


def references(tables):
    """Return [(table, its table of ours)] of other programs' foreign keys to these tables of ours."""
    query = (_KEYS_IN_SQLITE, ()) if is_sqlite() else (_KEYS_IN_POSTGRES, (schema(),))
    found = database.execute_sql(*query).fetchall()
    return sorted((other, ours) for other, ours in found if ours in tables and other not in tables)


def missing_reference(table):
    """Return the table in which a row is missing that a row of this table refers to, or None. Postgres never lacks any."""
    if not is_sqlite() or table not in relations(current()):
        return None
    row = database.execute_sql(f"PRAGMA foreign_key_check({table})").fetchone()
    return row and row[2]


def schema():
    """Return the Postgres schema in which our tables are, or would be made."""
    found = _scalar(_SCHEMA, (HISTORY,))
    if found is None:
        raise ConfigError(
            "DATABASE_URL: the database has no schema to make tables in; make one, and put it into search_path"
        )
    return found


_IN_SQLITE = (
    'SELECT LOWER(s.name), s.type, c.name, c.type, c."notnull" FROM sqlite_master s'
    " LEFT JOIN pragma_table_info(s.name) c ON s.type = 'table'"
    " WHERE s.type <> 'trigger' AND s.name NOT LIKE 'sqlite@_%' ESCAPE '@'"
)
_IN_POSTGRES = (
    "SELECT c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull"
    " FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)"
)
_KEYS_IN_SQLITE = (
    'SELECT LOWER(s.name), LOWER(k."table") FROM sqlite_master s JOIN pragma_foreign_key_list(s.name) k'
    " WHERE s.type = 'table'"
)
# Of a table in another schema, the name is given with it.
_KEYS_IN_POSTGRES = (
    "SELECT k.conrelid::regclass::text, r.relname FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid"
    " WHERE k.contype = 'f' AND r.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)"
)
_SCHEMA = (
    "SELECT COALESCE((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.oid = to_regclass(%s)), current_schema())::text"
)


def other_sessions():
    """Return how many connections to this Postgres database others of our processes have open."""
    return _scalar(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name = current_setting('application_name')"
    )


def lock_tables(*models):
    """Let nobody else write to the models' tables until the transaction ends. SQLite has one writer anyway."""
    if not is_sqlite():
        database.execute_sql(f"LOCK TABLE {', '.join(_names(models))} IN EXCLUSIVE MODE")


def _names(models):
    return [model._meta.table_name for model in models]


def reset_sequences(tables):
    """Let Postgres's next ids begin after those that were inserted into the tables; SQLite does so by itself."""
    if is_sqlite():
        return
    there = relations(current())
    for name in tables:
        if "id" in there[name] and _scalar(f"SELECT pg_get_serial_sequence('{name}', 'id')"):
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            database.execute_sql(f"SELECT setval({sequence}, COALESCE(MAX(id), 0) + 1, false) FROM {name}")  # noqa: S608


# Checks.


def try_to_write(models):
    """Raise what prevents the server from writing to the models' tables."""
    if is_sqlite():
        # It is 0 already, and nobody reads it, but the page is written all the same.
        commit(partial(database.execute_sql, "PRAGMA user_version = 0"), durable=False)
        return
    read_only, lacking = database.execute_sql(_MAY_WRITE, (_names(models),)).fetchone()
    if read_only:
        raise errors.unavailable(errors.READ_ONLY)
    if lacking:
        raise errors.unavailable(errors.NO_PRIVILEGES)


# A standby is read-only, too. Of several privileges in one word Postgres wants only one.
_MAY_WRITE = (
    "SELECT current_setting('transaction_read_only')::bool OR pg_is_in_recovery(),"
    " EXISTS (SELECT 1 FROM unnest(%s::text[]) t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p"
    " WHERE NOT has_table_privilege(t, p))"
)


def check(models):
    """Return the name of the latest migration. Raise what is wrong with the models' tables, if something is."""
    return _check(tuple(models)).fetchone()[0]


@compiled
def _check(models):
    """A query that names each column, but finds no rows in any table, and so takes no time."""
    history = Table(HISTORY)
    empty = [model.select().where(literal(1) == literal(0)) for model in models]
    return history.select(fn.MAX(history.c.name), *(Select([query], [fn.COUNT(literal(1))]) for query in empty))


# Disk space.


def database_size():
    """Return how many bytes the database takes."""
    if is_sqlite():
        return _scalar("PRAGMA page_count") * _scalar("PRAGMA page_size")
    return _scalar("SELECT pg_database_size(current_database())")


def reusable(names):
    """Return how many bytes deleted rows take in SQLite's file; for Postgres, its estimate of deleted rows in the tables."""
    if is_sqlite():
        return _scalar("PRAGMA freelist_count") * _scalar("PRAGMA page_size")
    return int(
        _scalar(
            "SELECT COALESCE(SUM(n_dead_tup), 0) FROM pg_stat_user_tables"
            " WHERE relid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)",
            (list(names),),
        )
    )


def vacuum(names):
    """Rewrite SQLite's file without the space of deleted rows; on Postgres, make that space of the tables usable again."""
    if not is_sqlite():
        database.execute_sql(f"VACUUM (ANALYZE) {', '.join(names)}")
        return
    database.execute_sql("VACUUM")
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _scalar(statement, params=()):
    return database.execute_sql(statement, params).fetchone()[0]
