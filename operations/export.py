"""All of a database as lines of JSON, which any database can be filled from: from SQLite to Postgres, and back.

The first line says what it is: `{"snakepit": FORMAT, "migration": NAME}`. For each table follow a line with its columns,
`{"table": NAME, "columns": [...], "bytes": [those in base64]}`, and one for each row, a list of values, in the order of the
key. The last line, `{"rows": N}`, says that nothing is missing. Two databases with the same content give the same lines.
"""

import binascii
import re
from base64 import b64decode
from contextlib import contextmanager

import msgspec
import peewee

import models
from database import ownership
from database.binding import current, database, is_sqlite
from models import sql, upsert
from operations.errors import OperationError
from rules import MODES

FORMAT = 1
AT_ONCE = 1000  # rows
LONGEST_LINE = 8_000_000  # bytes: far more than the longest game takes
TABLES = {table._meta.table_name: table for table in models.TABLES}
MADE_BY_START = {"secrets"}  # by the first start of a server
KINDS = {int: "a whole number", bool: "true or false", str: "a text"}
BITS = {"INTEGER": (-(2**31), 2**31 - 2), "BIGINT": (-(2**63), 2**63 - 1)}
TIMES = 0, 253_402_300_799_999  # milliseconds, until the end of the year 9999
RANGES = {"seed": (1, 2**32 - 1), "tick": (0, 2**31 - 1), "score": (0, 2**31 - 1)}
WIDTHS = {"turns": 3, "state": 4}  # bytes, of which there is a multiple


def export_lines(progress):
    """Yields the lines, of one moment, as bytes. `progress(done, of)` is called with rows."""
    with _of_one_moment():
        total = sum(sql(f"SELECT COUNT(*) FROM {_of(table)}").fetchone()[0] for table in TABLES.values())  # noqa: S608 - the names are ours
        yield _line({"snakepit": FORMAT, "migration": models.migrations()[0][-1]})
        done = 0
        for name, table in TABLES.items():
            columns = [field.column_name for field in table._meta.sorted_fields]
            yield _line({"table": name, "columns": columns, "bytes": _columns_of_type(table, peewee.BlobField)})
            for rows in _rows(table, columns):
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


def _columns_of_type(table, kind):
    return [field.column_name for field in table._meta.sorted_fields if isinstance(field, kind)]


def _of(table):
    """The rows of a table that are exported: not those of accounts that are being deleted, which nobody sees any more."""
    columns = {field.column_name for field in table._meta.sorted_fields}
    hidden = "deleted_at IS NULL" if "deleted_at" in columns else models.NOT_DELETED if "user_id" in columns else "TRUE"
    return f"{table._meta.table_name} WHERE {hidden}"


def _rows(table, columns):
    """Yields lists of up to AT_ONCE rows, in the order of their key: that of bytes, whatever the database's own is."""
    order = ", ".join(map(_ordered, table._meta.get_primary_keys()))
    flags = [columns.index(column) for column in _columns_of_type(table, peewee.BooleanField)]
    query = f"SELECT {', '.join(columns)} FROM {_of(table)} ORDER BY {order}"  # noqa: S608 - the names are ours
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


# Import.


def import_lines(file, progress, replace=False):
    """Fill our tables in the database from `file`, open for reading bytes, in one transaction; return {table: rows}.

    The tables must be empty, unless `replace` says that what they have is deleted. Other programs' tables are not touched.
    An export of an earlier version is brought to today's afterwards, as a database would be. `progress(done)` is called with
    rows. Raise OperationError, and change nothing, for what can't be imported.
    """
    lines = _numbered(file)
    _, head = next(lines, (1, None))
    if not isinstance(head, dict) or not {"snakepit": int, "migration": str}.items() <= _kinds(head).items():
        raise OperationError("line 1 is not how an export begins; give a file that export has written")
    if head["snakepit"] > FORMAT:
        raise OperationError(
            f"the export is of format {head['snakepit']}, from a newer version; import it with that version"
        )
    models.refuse_newer([head["migration"]], "the export", OperationError)
    with models.migrating() as runner:
        _prepare(runner, head["migration"], replace)
        tables = ownership.tables_at(runner.applied())
        counts = _fill(lines, tables, progress)
        runner.up()
        _see_to_keys(tables)
    return counts


def _kinds(head):
    return {name: type(value) for name, value in head.items()}


def _prepare(runner, migration, replace):
    """Bring our tables to the migration, and empty them: a server that was started on them has made a secret."""
    applied = sorted(runner.applied())
    models.refuse_newer(applied)
    tables = ownership.tables_at(applied)
    if filled := {name: count for name in tables if name not in MADE_BY_START and (count := _count(name))}:
        if not replace:
            what = ", ".join(f"{count} {name}" for name, count in filled.items())
            raise OperationError(f"the database is not empty ({what}); name an empty one in DATABASE_URL, or say --replace")
        if kept := ownership.references(current(), tables):
            raise OperationError(
                f"the table {kept[0][0]} refers to rows of {kept[0][1]}, which can't be replaced; drop that key first"
            )
    if applied and applied[-1] > migration:
        _drop(tables)
    else:
        for name in tables:
            sql(f"DELETE FROM {name}")  # noqa: S608 - the names are ours
    runner.up(migration)
    for name in ownership.tables_at(runner.applied()):
        sql(f"DELETE FROM {name}")  # noqa: S608 - what the migrations have put there


def _count(name):
    return sql(f"SELECT COUNT(*) FROM {name}").fetchone()[0]  # noqa: S608 - the names are ours


def _drop(tables):
    """Drop our tables, and forget that migrations have made them."""
    if is_sqlite():
        for name in tables:
            sql(f"DROP TABLE {name}")
    else:
        sql(f"DROP TABLE {', '.join(tables)}")
    sql(f"DELETE FROM {ownership.HISTORY}")  # noqa: S608 - the name is ours


def _fill(lines, tables, progress):
    counts, batch, done, table, last, number = {}, [], 0, None, None, 1
    for number, value in lines:
        if isinstance(value, list):
            if not table:
                raise _damaged(number, "is a row of no table")
            batch.append((number, table.row(number, value)))
            done += 1
            if len(batch) == AT_ONCE:
                counts[table.name] += _insert(table, batch)
                progress(done)
            continue
        if batch:
            counts[table.name] += _insert(table, batch)
        last = value
        if isinstance(value, dict) and "rows" in value:
            break
        table = _Table(number, value, tables)
        if counts.setdefault(table.name, 0):
            raise _damaged(number, f"has the table {table.name} once more")
    if not isinstance(last, dict) or "rows" not in last:
        raise OperationError("the end is missing; the file is cut off, and nothing was imported")
    if last != {"rows": done}:
        raise _damaged(number, f"says that there are {last['rows']} rows, and there are {done}")
    if missing := tables.keys() - counts.keys():
        raise _damaged(number, f"is the end, but the table {min(missing)} is missing")
    for number, _ in lines:
        raise _damaged(number, "comes after the end")
    return counts


class _Table:
    """A table of ours, as a line of the export has it: checks the rows that follow."""

    def __init__(self, number, head, tables):
        if not isinstance(head, dict) or not isinstance(name := head.get("table"), str) or name not in tables:
            raise _damaged(number, "is neither a row, nor a table of Snakepit's, nor the end")
        columns = head.get("columns")
        if not isinstance(columns, list) or sorted(map(str, columns)) != sorted(tables[name]):
            raise _damaged(number, f"has not the columns of {name}")
        self.name, self.columns = name, [(column, tables[name][column]) for column in columns]
        self.insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES"

    def row(self, number, values):
        """Return the values as the database takes them; raise OperationError if they can't be in this table."""
        if len(values) != len(self.columns):
            raise _damaged(number, f"is a row of {len(values)} values, and {self.name} has {len(self.columns)} columns")
        try:
            return [_value(name, column, value) for (name, column), value in zip(self.columns, values, strict=True)]
        except ValueError as error:
            raise _damaged(number, f"is no row of {self.name}: {error}") from None


def _value(name, column, value):
    """Return what the database takes; raise ValueError with the reason if it can't be in a column of that name."""
    if value is None:
        if not column.is_nullable:
            raise ValueError(f"{name} is null")
        return None
    kind = column.type.upper().partition("(")[0]
    wanted = {"INTEGER": int, "BIGINT": int, "BOOLEAN": bool}.get(kind, str)
    if type(value) is not wanted:
        raise ValueError(f"{name} must be {KINDS[wanted]}")
    if wanted is int:
        low, high = RANGES.get(name) or (TIMES if name == "at" or name.endswith("_at") else BITS[kind])
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}")
    if kind == "BLOB":
        return _bytes(name, value)
    if wanted is str:
        if "\0" in value:
            raise ValueError(f"{name} has a NUL character")
        if (length := re.search(r"\d+", column.type)) and len(value) > int(length[0]):
            raise ValueError(f"{name} has more than {length[0]} characters")
        if name == "mode" and value not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
    return value


def _bytes(name, value):
    try:
        found = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} must be base64") from None
    if len(found) % WIDTHS.get(name, 1):
        raise ValueError(f"{name} is cut off")
    return found


def _insert(table, batch):
    """Insert the rows of (line, row), and take them out of the batch; return how many."""
    try:
        with database.atomic():
            upsert(table.insert, [row for _, row in batch], "")
    except (peewee.IntegrityError, peewee.DataError):
        for number, row in batch:  # which of them it is
            try:
                upsert(table.insert, [row], "")
            except (peewee.IntegrityError, peewee.DataError) as error:
                reason = str(error).partition("\n")[0]
                raise _damaged(number, f"does not fit into {table.name}: {reason}") from None
        raise
    count = len(batch)
    batch.clear()
    return count


def _damaged(number, what):
    return OperationError(f"line {number} {what}; the file is damaged, and nothing was imported")


def _see_to_keys(tables):
    there = ownership.relations(current())
    if is_sqlite():
        for name in tables:
            if name in there and (broken := sql(f"PRAGMA foreign_key_check({name})").fetchone()):
                what = f"a row of {name} belongs to a row of {broken[2]} that is missing"
                raise OperationError(f"{what}; the file is damaged, and nothing was imported")
        return
    for name in ownership.tables_at(ownership.names()):
        if "id" in there[name] and sql(f"SELECT pg_get_serial_sequence('{name}', 'id')").fetchone()[0]:
            sql(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), COALESCE(MAX(id), 0) + 1, false) FROM {name}")  # noqa: S608


def _numbered(file):
    """Yield (number, value) of each line."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise _damaged(number, f"has more than {LONGEST_LINE // 1_000_000} MB")
        try:
            yield number, msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise OperationError(
                f"line {number} is no JSON; the file is cut off or damaged, and nothing was imported"
            ) from None
