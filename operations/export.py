"""Export and import of a whole database as lines of JSON: from SQLite to Postgres, and back.

The first line is `{"snakepit": FORMAT, "migration": NAME}`. Each table has a line with its columns,
`{"table": NAME, "columns": [...], "bytes": [those in base64]}`, and one for each row, a list of values, in the order of the
key. The last line, `{"rows": N}`, shows that nothing is missing. Two databases with the same content give the same lines.
"""

import binascii
import re
from base64 import b64decode
from functools import partial
from typing import get_args

import msgspec
import peewee

import models
from database import migrations
from database.binding import database, is_sqlite
from database.queries import batches, compiled, insert_rows, literal, rows
from database.tables import missing_reference, references, reset_sequences
from database.transactions import snapshot
from game import codec
from models import Game, Round, User
from operations.errors import OperationError
from rules import MODES
from schemas import Tries

FORMAT = 1
AT_ONCE = 1000  # rows
LONGEST_LINE = 8_000_000  # bytes: far more than the longest game takes
TABLES = {table._meta.table_name: table for table in models.TABLES}
MADE_BY_START = {"secrets"}  # by the first start of a server
KINDS = {int: "a whole number", bool: "true or false", str: "a text"}
BITS = {"INTEGER": (-(2**31), 2**31 - 2), "BIGINT": (-(2**63), 2**63 - 1)}
TIMES = 0, 253_402_300_799_999  # milliseconds, until the end of the year 9999
RANGES = {"seed": (1, 2**32 - 1), "tick": (0, 2**31 - 1), "score": (0, 2**31 - 1), "minutes": (1, 30)}
CHOICES = {"mode": MODES, "tries": get_args(Tries)}
FORMS = {"code": re.compile("[2-9B-DF-HJKMNP-TV-Z]{6}"), "round": re.compile(r"[\w-]{1,16}/[1-9]\d{0,8}", re.ASCII)}
IS_WHOLE = {"turns": codec.is_whole, "state": lambda found: len(found) % 4 == 0}


def export_lines(progress):
    """Yield the lines, of one snapshot, as bytes. `progress(done, of)` is called with rows."""
    with snapshot():
        applied, _ = migrations.status()
        migrations.refuse_newer(applied)  # it may have columns that this version doesn't know
        total = sum(_exported(table).count() for table in TABLES.values())
        yield _line({"snakepit": FORMAT, "migration": applied[-1]})
        done = 0
        for name, table in TABLES.items():
            columns = [field.column_name for field in models.columns_of(table)]
            yield _line({"table": name, "columns": columns, "bytes": _columns_of_type(table, peewee.BlobField)})
            flags = [columns.index(column) for column in _columns_of_type(table, peewee.BooleanField)]
            for batch in batches(_exported(table), AT_ONCE):
                yield b"".join(_line(_with_booleans(list(row), flags)) for row in batch)
                done += len(batch)
                progress(done, total)
        yield _line({"rows": done})


def _line(value):
    return msgspec.json.encode(value) + b"\n"


def _columns_of_type(table, kind):
    return [field.column_name for field in models.columns_of(table) if isinstance(field, kind)]


def _exported(table):
    """Return the query for a table's rows: not those of accounts that are being deleted, which nobody sees any more.

    They are in the order of the table's key: by bytes, whatever the database's own order is.
    """
    keys = table._meta.get_primary_keys()
    if not is_sqlite():
        keys = [key.collate('"C"') if isinstance(key, peewee.TextField | peewee.CharField) else key for key in keys]
    query = table.select().order_by(*keys)
    if table is User:
        return query.where(User.deleted_at.is_null())
    if "user" in table._meta.fields:
        return query.where(table.user.not_in(User.select(User.id).where(User.deleted_at.is_null(False))))
    return query


def _with_booleans(row, flags):
    for flag in flags:
        row[flag] = bool(row[flag])
    return row


# Import.


def import_lines(file, progress, replace=False):
    """Fill our tables in the database from `file`, open for reading bytes, in one transaction. Return {table: rows}.

    The tables must be empty, unless `replace`: then their rows are deleted. Other programs' tables stay as they are. An
    export of an earlier version is migrated afterwards, as a database would be. `progress(done)` is called with rows. Raise
    OperationError, and change nothing, if the file can't be imported.
    """
    lines = _numbered(file)
    _, head = next(lines, (1, None))
    if not isinstance(head, dict) or [type(head.get(name)) for name in ("snakepit", "migration")] != [int, str]:
        raise OperationError("line 1 is not how an export begins; give a file written by export")
    if head["snakepit"] > FORMAT:
        raise OperationError(
            f"the export is of format {head['snakepit']}, from a newer version; import it with that version"
        )
    migrations.refuse_newer([head["migration"]], "the export", OperationError)
    with migrations.migrating() as runner:
        _prepare(runner, head["migration"], replace)
        tables = migrations.tables_at(runner.applied())
        counts = _fill(lines, tables, progress)
        runner.up()
        _check_references(tables)
        _check_rounds()
        reset_sequences(tables)
    return counts


def _prepare(runner, migration, replace):
    """Bring our tables to the migration, and empty them: a server that was started on them has created a secret."""
    applied = sorted(runner.applied())
    migrations.refuse_newer(applied)
    tables = migrations.tables_at(applied)
    if filled := {name: count for name in tables if name not in MADE_BY_START and (count := _count(name))}:
        if not replace:
            what = ", ".join(f"{count} {name}" for name, count in filled.items())
            raise OperationError(f"the database is not empty ({what}); name an empty one in DATABASE_URL, or give --replace")
        if kept := references(tables):
            raise OperationError(
                f"the table {kept[0][0]} refers to rows of {kept[0][1]}, which can't be replaced; drop that key first"
            )
    if applied and applied[-1] > migration:
        runner.drop(tables)
    else:
        _empty(tables)
    runner.up(migration)
    _empty(migrations.tables_at(runner.applied()))  # of what the migrations have inserted


def _count(name):
    return peewee.Table(name).select(peewee.fn.COUNT(literal(1))).scalar(database)


def _empty(tables):
    for name in tables:
        peewee.Table(name).delete().execute(database)


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
        self.insert = partial(_insert_rows, name, tuple(columns))

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
        _check_text(name, value)
    return value


def _check_text(name, value):
    if value not in (choices := CHOICES.get(name, (value,))):
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    if name in FORMS and not FORMS[name].fullmatch(value):
        raise ValueError(f"{name} {value[:20]!r} is not valid")


def _bytes(name, value):
    try:
        found = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} must be base64") from None
    if name in IS_WHOLE and not IS_WHOLE[name](found):
        raise ValueError(f"{name} is cut off")
    return found


def _insert(table, batch):
    """Insert the rows of [(line, row)], and empty the batch. Return how many they were."""
    try:
        with database.atomic():
            insert_rows(table.insert, [row for _, row in batch])
    except (peewee.IntegrityError, peewee.DataError):
        for number, row in batch:  # find which of them it is
            try:
                insert_rows(table.insert, [row])
            except (peewee.IntegrityError, peewee.DataError) as error:
                reason = str(error).partition("\n")[0]
                raise _damaged(number, f"does not fit into {table.name}: {reason}") from None
        raise
    count = len(batch)
    batch.clear()
    return count


@compiled
def _insert_rows(name, columns, number):
    table = peewee.Table(name)
    return table.insert(rows("rows", number, len(columns)), columns=[getattr(table.c, column) for column in columns])


def _damaged(number, what):
    return OperationError(f"line {number} {what}; the file is damaged, and nothing was imported")


def _check_references(tables):
    for name in tables:
        if missing := missing_reference(name):
            what = f"a row of {name} belongs to a row of {missing} that is missing"
            raise OperationError(f"{what}; the file is damaged, and nothing was imported")


def _check_rounds():
    """Raise OperationError for a game of a round that is missing though its room is there, or with another seed or mode.

    Of rooms that were deleted, games stay.
    """
    found = {f"{row.room_id}/{row.number}": (row.seed, row.mode) for row in Round.select()}
    rooms = {name.partition("/")[0] for name in found}
    played = Game.select(Game.round, Game.seed, Game.mode).where(Game.round.is_null(False)).distinct().tuples()
    for name, seed, mode in played:
        if name.partition("/")[0] in rooms and found.get(name) != (seed, mode):
            what = f"a game of the round {name} belongs to no round of this seed and mode"
            raise OperationError(f"{what}; the file is damaged, and nothing was imported")


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
