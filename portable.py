"""All of a database as lines of JSON, which any database can be filled from: from SQLite to Postgres, and back.

The first line says what it is: `{"snakepit": FORMAT, "migration": NAME}`. For each table follow a line with its columns,
`{"table": NAME, "columns": [...], "bytes": [those in base64]}`, and one for each row, a list of values, in the order of the
key. The last line, `{"rows": N}`, says that nothing is missing. Two databases with the same content give the same lines.
"""

import binascii
import re
from base64 import b64decode
from contextlib import contextmanager
from itertools import groupby, islice

import msgspec
import peewee

import models
from backups import Refused
from models import database, is_sqlite, sql, upsert

FORMAT = 1
AT_ONCE = 1000  # rows
HISTORY = "schema_migration"  # playhouse's table
TABLES = {table._meta.table_name: table for table in models.TABLES}


def lines(progress):
    """Yields the lines, of one moment, as bytes. `progress(done, of)` is called with rows."""
    with _of_one_moment():
        total = sum(sql(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in TABLES)  # noqa: S608 - the names are ours
        yield _line({"snakepit": FORMAT, "migration": models.migrations()[0][-1]})
        done = 0
        for name, table in TABLES.items():
            columns = [field.column_name for field in table._meta.sorted_fields]
            yield _line({"table": name, "columns": columns, "bytes": _of_kind(table, peewee.BlobField)})
            for rows in _rows(name, table, columns):
                yield b"".join(map(_line, rows))
                done += len(rows)
                progress(done, total)
        yield _line({"rows": done})


@contextmanager
def _of_one_moment():
    """A transaction that only reads, and holds up nobody."""
    sql("BEGIN" if is_sqlite() else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        sql("ROLLBACK")


def _line(value):
    return msgspec.json.encode(value) + b"\n"


def _of_kind(table, kind):
    return [field.column_name for field in table._meta.sorted_fields if isinstance(field, kind)]


def _rows(name, table, columns):
    """Yields lists of up to AT_ONCE rows, in the order of their key: that of bytes, whatever the database's own is."""
    order = ", ".join(map(_ordered, table._meta.get_primary_keys()))
    flags = [columns.index(column) for column in _of_kind(table, peewee.BooleanField)]
    query = f"SELECT {', '.join(columns)} FROM {name} ORDER BY {order}"  # noqa: S608 - the names are ours
    for rows in _fetched(query):
        yield [_with_booleans(list(row), flags) for row in rows]


def _ordered(field):
    is_text = isinstance(field, peewee.TextField | peewee.CharField)
    return field.column_name + (' COLLATE "C"' if is_text and not is_sqlite() else "")


def _fetched(query):
    """psycopg would fetch all rows at once, but for a cursor that Postgres keeps."""
    if is_sqlite():
        cursor = sql(query)
        while rows := cursor.fetchmany(AT_ONCE):
            yield rows
        return
    sql(f"DECLARE export NO SCROLL CURSOR FOR {query}")
    while rows := sql(f"FETCH {AT_ONCE} FROM export").fetchall():
        yield rows
    sql("CLOSE export")


def _with_booleans(row, flags):
    for flag in flags:
        row[flag] = bool(row[flag])
    return row


def load(source, progress):
    """Fill the database at hand, which must be empty, from `source`, an iterator of lines; all in one transaction.

    An export of an earlier version is brought to today's afterwards, as a database would be. Answers {table: rows}. Raises
    Refused. `progress(done)` is called with rows.
    """
    head = _read(next(source, b""), 1)
    if not isinstance(head, dict) or not {"snakepit": int, "migration": str}.items() <= _kinds(head).items():
        raise Refused("line 1 is not how an export begins; give what export has written")
    if head["snakepit"] > FORMAT:
        raise Refused(f"it is of format {head['snakepit']}, from a newer version; import it with that version")
    models.refuse_newer([head["migration"]], "it")
    with models.migrating() as runner:
        _prepare(runner, head["migration"])
        counts = _fill(source, progress)
        runner.up()
        _see_to_keys()
    return counts


def _kinds(head):
    return {name: type(value) for name, value in head.items()}


def _prepare(runner, migration):
    """Bring a new database to the migration; of one that a server has been started on, forget what that has made."""
    applied = sorted(runner.applied())
    models.refuse_newer(applied)
    if applied and sql("SELECT 1 FROM users LIMIT 1").fetchone():
        raise Refused("the database has players already; name an empty one in DATABASE_URL")
    if applied and applied[-1] > migration:
        raise Refused(f"the database is at {applied[-1]}, this at {migration}; name one without tables in DATABASE_URL")
    runner.up(migration)
    for name in _there():
        sql(f"DELETE FROM {name}")  # noqa: S608 - the names are ours


def _there():
    """The names of the tables that there are: at an earlier migration, not all of today's, and others."""
    return set(database.get_tables()) - {HISTORY}


def _fill(source, progress):
    counts, done, last, insert_rows = {}, 0, None, None
    values = (_read(line, number) for number, line in enumerate(source, 2))
    for is_rows, group in groupby(values, key=lambda value: isinstance(value, list)):
        if is_rows and not insert_rows:
            raise Refused("there are rows of no table; the file is damaged, and nothing was imported")
        if not is_rows:
            for last in group:
                if isinstance(last, dict) and "table" in last:
                    insert_rows = _inserter(last)
                    name = last["table"]
                    counts[name] = 0
            continue
        while rows := list(islice(group, AT_ONCE)):
            insert_rows(rows)
            counts[name] += len(rows)
            done += len(rows)
            progress(done)
    if last != {"rows": done}:
        raise Refused("the end is missing; the file is cut off or damaged, and nothing was imported")
    return counts


def _inserter(head):
    """What inserts the rows that follow the line of a table."""
    table, columns = head["table"], head.get("columns") or []
    if table not in _there() or not all(isinstance(name, str) and re.fullmatch("[a-z_]+", name) for name in columns):
        raise Refused(f"there is no table {table!r} with such columns; the file is damaged, and nothing was imported")
    binary = [columns.index(name) for name in head.get("bytes", ()) if name in columns]
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"

    def insert_rows(rows):
        try:
            for row in rows:
                for at in binary:
                    row[at] = row[at] if row[at] is None else b64decode(row[at])
            upsert(statement, [row for row in rows if len(row) == len(columns) or _cut(table)], "")
        except (peewee.DatabaseError, peewee.InterfaceError, IndexError, TypeError, binascii.Error) as error:
            reason = str(error).partition("\n")[0]
            raise Refused(f"the rows of {table} don't fit ({reason}); nothing was imported") from None

    return insert_rows


def _cut(table):
    raise Refused(f"a row of {table} is too short or too long; the file is damaged, and nothing was imported")


def _see_to_keys():
    if is_sqlite():
        if broken := sql("PRAGMA foreign_key_check").fetchone():
            raise Refused(f"{broken[0]}: what a row belongs to is missing; the file is damaged, and nothing was imported")
    else:
        sql("SELECT setval(pg_get_serial_sequence('users', 'id'), COALESCE(MAX(id), 0) + 1, false) FROM users")


def _read(line, number):
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        raise Refused(f"line {number} is no JSON; the file is cut off or damaged, and nothing was imported") from None
