"""Connections to the database: kept for whoever needs one next, and what is committed on them brought to disk."""

import itertools
import os
import sqlite3
import threading
from collections import deque
from contextlib import closing, suppress
from functools import cached_property

import peewee
from playhouse import db_url

import config
import counts
import threads

CONNECTIONS = 20  # in use at once, by one process
POOL_WAIT = 5  # seconds to wait for a free one
SQLITE_PRAGMAS = (
    ("journal_mode", "wal"),
    ("busy_timeout", 5000),  # milliseconds
    ("foreign_keys", 1),
    ("synchronous", "full"),
    ("wal_autocheckpoint", 20_000),  # pages: when a commit has to see to it, since nobody else did
)
COMMITS = 1000  # after which somebody else does
# That the other machine is gone is noticed by the system, in seconds; a URL may say otherwise.
POSTGRES_OPTIONS = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds
}


class _Kept:
    """A database whose connections are kept for whoever needs one next; there are as many as were ever in use at once.

    playhouse.pool does the same with a heap and three locks, and asks Postgres each time whether it is there: that costs
    a request as much as several queries do.
    """

    def __init__(self, *args, **options):
        self._kept = deque()  # whose append and pop are atomic
        super().__init__(*args, **options)

    def _connect(self):
        connection = super()._connect()
        counts.up(counts.OPEN)
        return connection

    def _close(self, connection):
        counts.up(counts.OPEN, -1)
        super()._close(connection)

    def connect(self, reuse_if_open=False):
        if not self.is_closed():
            return super().connect(reuse_if_open)
        while self._kept:
            try:
                connection = self._kept.pop()
            except IndexError:  # another thread was faster
                break
            if self._is_alive(connection):
                self._state.set_connection(connection)
                counts.up(counts.IN_USE)
                return True
            self._close(connection)
        opened = super().connect()
        counts.up(counts.IN_USE)
        return opened

    def close(self):
        if self.is_closed() or self.in_transaction():
            return super().close()
        connection = self._state.conn
        self._state.reset()
        counts.up(counts.IN_USE, -1)
        if self._is_reusable(connection):
            self._kept.append(connection)
        else:
            self._close(connection)
        return True

    def close_all(self):
        """Close this thread's connection and all that are kept; a database in memory is gone with them."""
        self.close()
        while self._kept:
            self._close(self._kept.pop())


class _Group:
    """Those whose commits one fsync is for; the first of them sees to it when that for the group `before` is over."""

    def __init__(self, before=None):
        self.before = before
        self.first = threading.Lock()
        self.over = threading.Event()
        self.error = None


class KeptSqliteDatabase(_Kept, peewee.SqliteDatabase):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._group, self._commits = _Group(), 0

    def _is_alive(self, connection):
        return True

    def _is_reusable(self, connection):
        if connection.in_transaction:
            connection.rollback()
        return True

    def run(self, statement, parameters):
        """Execute a statement; the cursor."""
        return self.connection().execute(statement, parameters)

    def one(self, statement, parameters):
        """The first row that a statement finds, or None: on a spare connection where there is one.

        To take a connection and give it back costs as much as the query; what asks for nothing else is spared that.
        """
        try:
            connection = self._kept.pop() if self.is_closed() else None
        except IndexError:
            connection = None
        if connection is None:
            return self.run(statement, parameters).fetchone()
        try:
            return connection.execute(statement, parameters).fetchone()
        finally:
            self._kept.append(connection)

    @cached_property
    def log(self):
        """The path of the write-ahead log; None for a database in memory, and where the file system takes none."""
        if self.execute_sql("PRAGMA journal_mode").fetchone()[0] != "wal":
            return None
        return self.execute_sql("PRAGMA database_list").fetchone()[2] + "-wal"

    def sync(self):
        """Wait until all that is committed by now is on disk: one fsync for all who wait at the same time."""
        group = self._group
        if group.first.acquire(blocking=False):
            self._see_to(group)
        group.over.wait()
        if group.error:
            raise peewee.OperationalError(str(group.error))

    def _see_to(self, group):
        try:
            if group.before:
                group.before.over.wait()
            group.before, self._group = None, _Group(before=group)  # who commits from now on is in the next one
            threads.call(threads.DISK, _sync, self.log)
        except BaseException as error:
            group.error = error
            raise
        finally:
            group.over.set()

    def committed(self):
        """Now and then, bring the log's pages into the database, beside those who go on meanwhile."""
        self._commits += 1
        if self._commits >= COMMITS and self.log:
            self._commits = 0
            threads.start(threads.CHECKPOINTS, _checkpoint, self.log.removesuffix("-wal"))


def _checkpoint(path):
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:  # the next one tries again
        connection.execute("PRAGMA wal_checkpoint")


def _sync(path):
    try:
        file = os.open(path, os.O_RDWR)
        try:
            os.fdatasync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise peewee.OperationalError(f"{path}: {error.strerror}") from error


class _KeptPostgres(_Kept):
    """With one of peewee's databases for Postgres, all of which speak through psycopg: up to CONNECTIONS of them."""

    def __init__(self, *args, **options):
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(*args, **options)

    def connect(self, reuse_if_open=False):
        if self.is_closed() and not self._free.acquire(timeout=POOL_WAIT):
            raise peewee.OperationalError(f"{CONNECTIONS} connections have been in use for {POOL_WAIT} s")
        try:
            return super().connect(reuse_if_open)
        except BaseException:
            if self.is_closed():
                self._free.release()
            raise

    def close(self):
        was_open = not self.is_closed()
        try:
            return super().close()
        finally:
            if was_open and self.is_closed():
                self._free.release()

    def _is_alive(self, connection):
        """Ask the server, which takes a round trip, unless `run` may try what it wants right away."""
        return getattr(self._state, "is_trusting", False) or not self._adapter.is_connection_closed(connection)

    def _is_reusable(self, connection):
        return self._adapter.is_connection_reusable(connection)

    def run(self, statement, parameters):
        """Execute a statement; the cursor.

        Where it is the first on its connection and changes nothing, it tells by itself whether the connection has died
        while it was kept, and is then made on another.
        """
        self._state.is_trusting = self.is_closed() and statement.startswith(("SELECT", "BEGIN"))
        try:
            return self.connection().execute(statement, parameters)
        except peewee.psycopg.OperationalError:
            if not self._state.is_trusting or self.is_closed() or not self._state.conn.closed:
                raise
        finally:
            self._state.is_trusting = False
        self.close()
        return self.connection().execute(statement, parameters)

    def one(self, statement, parameters):
        """The first row that a statement finds, or None."""
        return self.run(statement, parameters).fetchone()


def connect(url):
    """The database of a URL as playhouse.db_url takes it; nothing is opened yet.

    A SQLite in memory is one database for each call of this function, shared by all of its connections.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.removesuffix("+pool")
    options = db_url.parse(f"{scheme}://{rest}", unquote_password=True, unquote_user=True)
    if scheme != "sqlite":
        kind = db_url.schemes[scheme]
        return type(f"Kept{kind.__name__}", (_KeptPostgres, kind), {})(**POSTGRES_OPTIONS | options)
    options |= {"pragmas": SQLITE_PRAGMAS, "lock_type": "IMMEDIATE", "check_same_thread": False, "timeout": POOL_WAIT}
    if config.is_in_memory(url):
        # SQLite's memdb: a name that begins with a slash is one database for all connections of the process.
        options |= {"database": f"file:/snakepit-{next(_numbers)}?vfs=memdb", "uri": True}
    return KeptSqliteDatabase(**options)


_numbers = itertools.count(1)
