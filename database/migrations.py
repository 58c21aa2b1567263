"""Migrations: which of them a database has had, which of its tables are therefore ours, and how the others are applied.

Tables of other programs may be beside ours, and are never touched. Ours are those that our migrations create, if the table
HISTORY lists these migrations as applied. Any other table with one of their names is another program's.

Servers of an older version go on working on a newer database if its migrations allow it: COMPATIBLE_WITH of each names the
latest migration that a version must know for that. The database stores it.
"""

import sqlite3
import time
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import peewee
from playhouse import migrations as playhouse
from playhouse.migrate import SchemaMigrator

from config import ConfigError
from database import errors
from database.binding import bind, current, database, is_sqlite
from database.deadlines import deadline
from database.tables import HISTORY, relations, schema

FOLDER = Path(__file__).parents[1] / "migrations"
# Where their names were before. It is playhouse's default, so other programs' migrations may be in it, too.
SHARED_HISTORY, FIRST = "schema_migration", "0001_first"
LOCK = 0x536E616B  # the key of the advisory lock under which one process at a time migrates Postgres
# Other servers play on while one migrates Postgres. A statement that waits for them makes their posts wait in turn, so it
# gives up soon, before Postgres looks for a deadlock and fails one of them; and all is tried again after a pause.
LOCK_TIMEOUT, PAUSE, TRIES = 500, 1, 12  # milliseconds, seconds; gunicorn ends a worker that takes 30 s to start


def migrate():
    """Bring the tables to today's; several processes may try at once. Where they are, nothing is written.

    Raise ConfigError for a database that a newer version has brought further than this one can work with, and for one that
    has a table with one of our names that is not ours.
    """
    if current().is_in_memory:
        _make_in_memory()
        return
    applied, pending = status()
    refuse_incompatible(applied)
    if not pending and HISTORY in relations(current()):
        return
    for tries_left in reversed(range(TRIES)):
        try:
            return _apply_pending()
        except peewee.OperationalError as error:
            if is_sqlite() or errors.describe(error) != errors.LOCKED or not tries_left:
                raise
        time.sleep(PAUSE)


def _apply_pending():
    with migrating() as runner:
        refuse_incompatible(runner.applied())
        runner.up()


def _make_in_memory():
    """Make the tables of an empty database in memory as a copy: test suites make many of them."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.deserialize(_tables_in_memory())
        made.backup(current().connection())


@cache
def _tables_in_memory():
    """Return an empty database with today's tables, as the bytes of a SQLite file."""
    with migrating() as runner:
        runner.up()
    return current().connection().serialize()


@contextmanager
def migrating():
    """A transaction in which tables may be changed, by this process alone; its Runner."""
    with deadline(None), current().own_connection() as db, bind(db), _foreign_keys_off(), database.atomic():
        if not is_sqlite():
            db.execute_sql("SET LOCAL statement_timeout = 0")
            db.execute_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            db.execute_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT}")
            db.execute_sql("SELECT set_config('search_path', %s, true)", (f'"{schema()}"',))
        runner = Runner()
        runner.take_over()
        yield runner


@contextmanager
def _foreign_keys_off():
    """A migration may have to rebuild a table, and SQLite would delete what refers to it.

    It takes this setting outside of transactions only, so it can't be left to the migrations.
    """
    if not is_sqlite():
        yield
        return
    database.execute_sql("PRAGMA foreign_keys = 0")
    try:
        yield
    finally:
        database.execute_sql("PRAGMA foreign_keys = 1")


def status():
    """Return (the names of the migrations that the database has had, those that it has not), each in order."""
    found = Runner().status()
    applied = [migration.name for migration in found if migration.applied]
    return applied, [migration.name for migration in found if not migration.applied]


def refuse_newer(applied, what="DATABASE_URL: this database", refusal=ConfigError):
    """Raise `refusal` if there are migrations among the names that this version doesn't know."""
    if unknown := sorted(set(applied) - set(names())):
        raise refusal(
            f"{what} comes from a newer version, with the migration {unknown[-1]}, which this one doesn't know;"
            " run that version, or restore a copy from before it"
        )


def refuse_incompatible(applied):
    """Raise ConfigError if a newer version has applied migrations that this version can't work with."""
    newer = set(applied) - set(names())
    if newer and not (set(names()) <= set(applied) and _works_after(newer)):
        refuse_newer(applied)


def check_version():
    """Raise ConfigError if a newer version has brought the database further than this one can work with since the start."""
    refuse_incompatible(_names_in(HISTORY))


def _works_after(newer):
    """Return whether this version can work on the database after these migrations, which it doesn't know."""
    if "compatible_with" not in relations(current())[HISTORY]:
        return False
    history = peewee.Table(HISTORY)
    rows = history.select(history.c.compatible_with).where(history.c.name.in_(list(newer))).tuples()
    return all(needed and needed <= names()[-1] for (needed,) in rows.execute(database))


def oldest_compatible(pending):
    """Return the latest migration that a version must know to go on working after these; None if none can."""
    needed = [_compatible_with(migration) for migration in _migrations() if migration.name in pending]
    return None if None in needed else max(needed)


def _compatible_with(migration):
    return getattr(migration.load(), "COMPATIBLE_WITH", None)


class Runner(playhouse.Runner):
    """playhouse's runner, for the current database and HISTORY, in any schema of Postgres's search path."""

    def __init__(self):
        super().__init__(current(), str(FOLDER), HISTORY)

        class History(self.History):
            compatible_with = peewee.TextField(null=True)  # COMPATIBLE_WITH of the migration

            class Meta:
                table_name = HISTORY

        self.History = History

    def up(self, target=None, fake=False):
        done = super().up(target, fake)
        for migration in _migrations():
            if migration.name in done and (oldest := _compatible_with(migration)):
                found = self.History.name == migration.name
                self.History.update(compatible_with=oldest).where(found).execute(self.database)
        return done

    def applied(self):
        """Return {name: True}, in order, with those of a newer version.

        Raise ConfigError if the database has tables with our names that are not ours.
        """
        there = relations(self.database)
        if HISTORY in there:
            if not {"name", "applied"} <= there[HISTORY].keys():
                raise _not_ours(HISTORY)
            found = _names_in(HISTORY)
        else:
            found = _shared(there)
        if not set(found) - set(names()):
            _check(found, there)
        return dict.fromkeys(found, True)

    def take_over(self):
        """Bring HISTORY to today's form. Must run in a transaction.

        Our names may be in SHARED_HISTORY still.
        """
        there = relations(self.database)
        if HISTORY in there:
            if {"name", "applied"} <= there[HISTORY].keys() and "compatible_with" not in there[HISTORY]:
                database.execute_sql(f"ALTER TABLE {HISTORY} ADD COLUMN compatible_with TEXT")
            return
        if not (found := _shared(there)):
            return
        self.History.create_table()
        ours, shared = peewee.Table(HISTORY), peewee.Table(SHARED_HISTORY)
        moved = shared.select(shared.c.name, shared.c.applied).where(shared.c.name.in_(found)).order_by(shared.c.name)
        ours.insert(moved, columns=[ours.c.name, ours.c.applied]).execute(database)
        shared.delete().where(shared.c.name.in_(found)).execute(database)
        if not _names_in(SHARED_HISTORY):
            database.execute_sql(f"DROP TABLE {SHARED_HISTORY}")

    def drop(self, tables):
        """Drop these tables of ours, and forget that migrations have created them."""
        if is_sqlite():
            for name in tables:
                database.execute_sql(f"DROP TABLE {name}")
        else:  # all at once, since they refer to each other
            database.execute_sql(f"DROP TABLE {', '.join(tables)}")
        self.History.delete().execute()


def _shared(there):
    """Return the names of ours in SHARED_HISTORY; none if the tables that they would have created are missing."""
    if not {"name", "applied"} <= there.get(SHARED_HISTORY, {}).keys():
        return []
    found = [name for name in _names_in(SHARED_HISTORY) if name in names()]
    return found if FIRST in found and tables_at(found).keys() & there.keys() else []


def _names_in(table):
    history = peewee.Table(table)
    return sorted(name for (name,) in history.select(history.c.name).tuples().execute(database))


def _check(applied, there):
    """Raise ConfigError unless all tables that these migrations create exist, and none that later ones would create."""
    for table, columns in tables_at(applied).items():
        if table not in there:
            raise ConfigError(f"DATABASE_URL: its table {table} is missing; restore a copy of the database")
        if not columns.keys() <= there[table].keys():
            raise _not_ours(table)
    level = _level(applied)
    to_come = {name for step in _made()[level + 1 :] for name in step} - _made()[level].keys()
    if taken := sorted(to_come & there.keys()):
        raise _not_ours(taken[0])


def _not_ours(table):
    return ConfigError(
        f"DATABASE_URL: its table {table} is not Snakepit's; rename it, or give a database that has none of this name,"
        " or on Postgres a schema (?options=-csearch_path%3DSCHEMA)"
    )


# What the migrations make.


def names():
    """Return the names of all our migrations, in order."""
    return tuple(migration.name for migration in _migrations())


def tables_at(applied):
    """Return {table: {column: Column}} of ours after the migrations of these names, with SQLite's names of types."""
    return {name: columns for name, columns in _made()[_level(applied)].items() if columns}


def _level(applied):
    return max((number for number, name in enumerate(names(), 1) if name in applied), default=0)


@cache
def _made():
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


@cache
def _migrations():
    return playhouse.Migration.load_directory(str(FOLDER))


class _Memory(peewee.SqliteDatabase):
    """A database in memory whose columns have types as precise as Postgres's; Peewee makes most of them INTEGER."""

    field_types = peewee.SqliteDatabase.field_types | {"BIGINT": "BIGINT", "BOOL": "BOOLEAN"}
