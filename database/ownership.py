"""Which tables of a database are ours. Tables of other programs may be beside them, and are never touched.

Ours are those that our migrations create, if the table HISTORY lists these migrations as applied. Any other table with one
of their names is another program's.
"""

from collections import namedtuple
from contextlib import closing
from functools import cache
from pathlib import Path

import peewee
from playhouse.migrate import SchemaMigrator
from playhouse.migrations import Migration, Runner

from config import ConfigError

MIGRATIONS = Path(__file__).parents[1] / "migrations"
HISTORY = "snakepit_migration"  # the names of the applied migrations
# Where their names were before. It is playhouse's default, so other programs' migrations may be in it, too.
SHARED_HISTORY, FIRST = "schema_migration", "0001_first"


def names():
    """Return the names of all our migrations, in order."""
    return tuple(migration.name for migration in _migrations())


def _migrations():
    return Migration.load_directory(str(MIGRATIONS))


class _Memory(peewee.SqliteDatabase):
    """A database in memory whose columns have types as precise as Postgres's; Peewee makes most of them INTEGER."""

    field_types = peewee.SqliteDatabase.field_types | {"BIGINT": "BIGINT", "BOOL": "BOOLEAN"}


@cache
def made():
    """Return a list of our `relations` before the first migration, and after each.

    The migrations themselves are run, in memory, which takes about 10 ms.
    """
    db = _Memory(":memory:")
    migrator = SchemaMigrator.from_database(db)
    steps = [{}]
    with closing(db):
        for migration in _migrations():
            migration.load().up(migrator, db)
            steps.append(relations(db))
    return steps


def tables_at(applied):
    """Return {table: {column: Column}} of ours after the migrations of these names, with SQLite's names of types."""
    return {name: columns for name, columns in made()[_level(applied)].items() if columns}


def _level(applied):
    return max((number for number, name in enumerate(names(), 1) if name in applied), default=0)


def applied(db):
    """Return the names of our migrations that were applied to the database, in order, with those of a newer version.

    Raise ConfigError if it has tables with our names that are not ours.
    """
    there = relations(db)
    if HISTORY in there:
        if not {"name", "applied"} <= there[HISTORY].keys():
            raise _not_ours(HISTORY)
        found = _names_in(db, HISTORY)
    else:
        found = _shared(db, there)
    if not set(found) - set(names()):
        _check(found, there)
    return found


def has_history(db):
    """Return whether the names are in HISTORY already."""
    return HISTORY in relations(db)


def _shared(db, there):
    """Return the names of ours in SHARED_HISTORY; none if the tables that they would have created are missing."""
    if not {"name", "applied"} <= there.get(SHARED_HISTORY, {}).keys():
        return []
    found = [name for name in _names_in(db, SHARED_HISTORY) if name in names()]
    return found if FIRST in found and tables_at(found).keys() & there.keys() else []


def _names_in(db, table):
    history = peewee.Table(table)
    return sorted(name for (name,) in history.select(history.c.name).tuples().execute(db))


def _check(found, there):
    """Raise ConfigError unless all tables that these migrations create exist, and none that later ones would create."""
    for table, columns in tables_at(found).items():
        if table not in there:
            raise ConfigError(f"DATABASE_URL: its table {table} is missing; restore a copy of the database")
        if not columns.keys() <= there[table].keys():
            raise _not_ours(table)
    level = _level(found)
    to_come = {name for step in made()[level + 1 :] for name in step} - made()[level].keys()
    if taken := sorted(to_come & there.keys()):
        raise _not_ours(taken[0])


def _not_ours(table):
    return ConfigError(
        f"DATABASE_URL: its table {table} is not Snakepit's; rename it, or give a database that has none of this name,"
        " or on Postgres a schema (?options=-csearch_path%3DSCHEMA)"
    )


class History(Runner):
    """playhouse's runner of migrations, with HISTORY as its table, in any schema of Postgres's search path."""

    def __init__(self, db):
        super().__init__(db, str(MIGRATIONS), HISTORY)

    def applied(self):
        """Return {name: True}."""
        return dict.fromkeys(applied(self.database), True)

    def take_over(self):
        """Move our names out of SHARED_HISTORY, if they are there. Must run in a transaction."""
        db = self.database
        there = relations(db)
        if HISTORY in there or not (found := _shared(db, there)):
            return
        self.History.create_table()
        ours, shared = peewee.Table(HISTORY), peewee.Table(SHARED_HISTORY)
        moved = shared.select(shared.c.name, shared.c.applied).where(shared.c.name.in_(found)).order_by(shared.c.name)
        ours.insert(moved, columns=[ours.c.name, ours.c.applied]).execute(db)
        shared.delete().where(shared.c.name.in_(found)).execute(db)
        if not _names_in(db, SHARED_HISTORY):
            db.execute_sql(f"DROP TABLE {SHARED_HISTORY}")


# Changes of whole tables, which Peewee can't express for tables without models.


def drop(db, tables):
    """Drop these tables of ours, and forget that migrations have created them."""
    if _is_sqlite(db):
        for name in tables:
            db.execute_sql(f"DROP TABLE {name}")
    else:  # all at once, since they refer to each other
        db.execute_sql(f"DROP TABLE {', '.join(tables)}")
    db.execute_sql(f"DELETE FROM {HISTORY}")  # noqa: S608 - the name is ours


def missing_reference(db, table):
    """Return the table in which a row is missing that a row of this table refers to, or None. Postgres never lacks any."""
    if not _is_sqlite(db) or table not in relations(db):
        return None
    row = db.execute_sql(f"PRAGMA foreign_key_check({table})").fetchone()
    return row and row[2]


def reset_sequences(db):
    """Let Postgres's next ids begin after those that were inserted; SQLite does so by itself."""
    if _is_sqlite(db):
        return
    there = relations(db)
    for name in tables_at(names()):
        if "id" in there[name] and db.execute_sql(f"SELECT pg_get_serial_sequence('{name}', 'id')").fetchone()[0]:
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            db.execute_sql(f"SELECT setval({sequence}, COALESCE(MAX(id), 0) + 1, false) FROM {name}")  # noqa: S608


# What is in the database. Peewee has no queries on catalogs.


def _is_sqlite(db):
    return isinstance(db, peewee.SqliteDatabase)


Column = namedtuple("Column", "type is_nullable")


def relations(db):
    """Return {name: {column: Column}} of all tables, views and indexes, the latter two without columns.

    In Postgres, of the schema in which our tables are.
    """
    found = {}
    query = (_IN_SQLITE, ()) if _is_sqlite(db) else (_IN_POSTGRES, (schema(db),))
    rows = db.execute_sql(*query).fetchall()
    for name, kind, column, type_, is_required in rows:
        columns = found.setdefault(name, {})
        if kind in ("table", "r", "p") and column:
            columns[column] = Column(type_, not is_required)
    return found


def references(db, tables):
    """Return [(table, its table of ours)] of other programs' foreign keys to these tables of ours."""
    if _is_sqlite(db):
        found = db.execute_sql(_KEYS_IN_SQLITE).fetchall()
    else:
        found = db.execute_sql(_KEYS_IN_POSTGRES, (schema(db),)).fetchall()
    return sorted((other, ours) for other, ours in found if ours in tables and other not in tables)


def schema(db):
    """Return the Postgres schema in which our tables are, or would be made."""
    [found] = db.execute_sql(_SCHEMA, (HISTORY,)).fetchone()
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
