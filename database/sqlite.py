"""SQLite: a file that a server shares between its threads, a file or a database in memory with a connection of one's own.

A server has one reader connection per OS thread and one writer. sqlite3 never yields to gevent, so that all greenlets of a
thread can share its reader, as long as none of them yields between BEGIN and COMMIT, or before it has fetched its rows.
"""

import os
import sqlite3
import threading
import time
import weakref
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import peewee

from database import errors, threadpool, transactions
from database.deadlines import LOCK_WAIT, retry_while_locked, seconds_left
from database.writer import Writer
from observability import counters

PRAGMAS = (
    ("journal_mode", "wal"),
    ("foreign_keys", 1),
    ("journal_size_limit", 32 << 20),  # bytes, of the WAL file once its pages are in the database
)
PAGES = 20_000  # in the WAL file, after which a commit brings them into the database itself
OWN = (*PRAGMAS, ("synchronous", "full"), ("wal_autocheckpoint", PAGES))
# The writer calls fsync itself, and checkpoints run in a thread: both would block the event loop within SQLite's COMMIT.
WRITER = (*PRAGMAS, ("synchronous", "normal"), ("wal_autocheckpoint", 0))
READER = (("synchronous", "normal"), ("query_only", 1))
CHECKPOINT_WAIT = 0.1  # seconds to wait for readers to end, while writers wait, so that the WAL file can be emptied


class Sqlite(transactions.Transactions, peewee.SqliteDatabase):
    """A database file, with a connection per thread. While another program locks the file, gevent runs other greenlets."""

    BEGIN, BEGIN_SNAPSHOT = "BEGIN IMMEDIATE", "BEGIN"

    def __init__(self, database, lock_wait=LOCK_WAIT, **options):
        self.lock_wait = lock_wait
        options |= {"check_same_thread": False, "timeout": 0}
        super().__init__(database, **{"pragmas": OWN} | options)

    def connect(self, reuse_if_open=False):
        if not self.database.startswith("file:"):
            _make_private(self.database)
        is_new = retry_while_locked(self._give_up_at(), super().connect, reuse_if_open)
        counters.CONNECTIONS_OPEN.inc(is_new)
        return is_new

    def close(self):
        was_open = super().close()
        counters.CONNECTIONS_OPEN.inc(-was_open)
        return was_open

    def close_all(self):
        """Close this thread's connection; what the WAL file has is in the database file then, if nobody else is reading."""
        self.release()
        if not self.is_in_memory:
            checkpoint(os.path.abspath(self.database))
        self.close()

    def release(self):
        """Undo what was begun and not committed."""
        if self.has_begun():
            self.connection().rollback()

    def has_begun(self):
        return not self.is_closed() and self.connection().in_transaction

    def run(self, statement, parameters=()):
        """Execute a statement and return its cursor. Raise the driver's errors."""
        return retry_while_locked(self._give_up_at(), self.connection().execute, statement, parameters)

    def _give_up_at(self):
        return time.monotonic() + seconds_left(self.lock_wait)

    # What peewee itself calls.

    def begin(self):
        self.execute_sql(self.BEGIN)

    def commit(self):
        self.execute_sql("COMMIT")

    def rollback(self):
        if self.has_begun():  # else the error, such as that of a full disk, has rolled it back already
            super().rollback()


class InMemorySqlite(Sqlite):
    """A database in memory: one connection, which threads use in turn."""

    is_in_memory = True

    def __init__(self, database, **options):
        self._turn = threading.RLock()
        self.pid = os.getpid()
        # Rows are fetched outside of the turn: a statement that is used again would lose those of another thread.
        super().__init__(database, thread_safe=False, **options | {"cached_statements": 0})

    def begin_process(self):
        raise RuntimeError("a database in memory belongs to the process that made it; name a file in DATABASE_URL")

    def run(self, statement, parameters=()):
        with self._turn:
            return super().run(statement, parameters)

    def commit_job(self, job, durable, wait):
        with self._turn:
            return super().commit_job(job, durable, wait)

    def begin_snapshot(self):
        self._turn.acquire()
        try:
            super().begin_snapshot()
        except BaseException:
            self._turn.release()
            raise

    def end_snapshot(self):
        try:
            super().end_snapshot()
        finally:
            self._turn.release()

    def release(self):
        with self._turn:
            super().release()

    def shut(self):
        self.close_all()


class _Connections:
    """What an OS thread has of a database: a reader, and the writer while it runs a job."""

    database = reader = writer = None  # a _Reader and its connection; the writer's connection
    version = 0  # of SharedSqlite, at which the reader was opened
    opened = None  # an object that stands for the reader


class SharedSqlite(transactions.Transactions, peewee.SqliteDatabase):
    """A database file as a server uses it: one reader per OS thread, and one writer for all."""

    is_checkpointing = False
    is_failing = False  # the file can't be used: connections are closed after each use, see `reopen`
    version = None

    def __init__(self, database, lock_wait=LOCK_WAIT, **options):
        self._thread = threadpool.os_thread_local(_Connections)
        super().__init__(database, **options)
        self.lock_wait, self._options = lock_wait, options
        self._begin()
        transactions.shared.add(self)

    def _begin(self):
        self.pid = os.getpid()
        self.writer = Writer(self._make(Sqlite, WRITER, lock_wait=0), self)
        self.version = 1  # of the connections: those of an earlier version are closed and opened again
        self._readers = weakref.WeakSet()
        self._file = None  # what tells the file from another one that may take its place

    def _make(self, kind, pragmas, **options):
        options = {"lock_wait": self.lock_wait, "pragmas": pragmas, "thread_safe": False} | options
        return kind(self.database, **self._options | options)

    def begin_process(self):
        """Begin again in a process that was forked. Raise RuntimeError if it inherited connections: SQLite can't tell."""
        if self.writer.is_open() or any(not reader.is_closed() for reader in self._readers):
            raise RuntimeError(
                "this process was forked while the app's SQLite connections were in use; fork before the app serves"
            )
        self._thread = threadpool.os_thread_local(_Connections)
        self._begin()

    def run(self, statement, parameters=()):
        """Execute a statement and return its cursor: on the writer within a job, else on this thread's reader."""
        thread = self._thread
        if thread.writer:
            return thread.writer.execute(statement, parameters)
        reader = thread.reader if thread.version == self.version else self._open_reader(thread)
        try:
            return reader.execute(statement, parameters)
        except sqlite3.DatabaseError as error:
            if errors.is_lost(error):
                thread.version = 0
            elif errors.is_locked(error) and not reader.in_transaction:
                give_up_at = time.monotonic() + seconds_left(self.lock_wait)
                return retry_while_locked(give_up_at, reader.execute, statement, parameters)
            raise

    def _open_reader(self, thread):
        if self.is_shut:
            raise peewee.InterfaceError("The app is closed.")
        if thread.database:
            thread.database.close()
        thread.database = database = self._make(_Reader, READER)
        thread.version, thread.reader, thread.opened = self.version, database.connection(), object()
        self._readers.add(database)
        return thread.reader

    def change_mark(self):
        """Return the reader, and its number of what it has seen others commit; it writes nothing itself."""
        thread = self._thread
        if thread.writer:
            return object()
        number = self.pragma("data_version")  # this may open the reader
        return thread.opened, number

    def commit_job(self, job, durable, wait):
        """Run the job on the writer; within a job, run it as a part of that."""
        return job() if self._thread.writer else self.writer.run(job, durable, wait)

    @contextmanager
    def writing(self, connection):
        """Within, this thread's statements are executed on the writer's connection. Nothing in there may yield to gevent."""
        self._thread.writer = connection
        try:
            yield
        finally:
            self._thread.writer = None

    def release(self):
        """Undo what was begun and not committed."""
        thread = self._thread
        if thread.version == self.version and thread.reader.in_transaction:
            thread.reader.rollback()
        if self.is_failing and thread.database:
            thread.version = 0
            thread.database.close()

    @contextmanager
    def own_connection(self):
        with closing(self._make(Sqlite, OWN)) as database:
            yield database

    def reopen(self, is_failing=False):
        """Have all threads, and the writer, open their connections again.

        While the file is failing, they close them after each use: SQLite opens the WAL's index once for all connections of a
        process, so that only with none open it finds out that a file isn't read-only any more.
        """
        self.version += 1
        self.is_failing = is_failing

    def reopen_if_replaced(self):
        """Reopen if another file is at the path now."""
        with suppress(OSError):
            found = os.stat(self.database)
            file = found.st_dev, found.st_ino
            if self._file not in (None, file):
                self.reopen()
            self._file = file

    def checkpoint(self):
        """Bring what the WAL file has into the database file, and empty it if nobody reads it. A background task."""
        self.reopen_if_replaced()
        threadpool.run(threadpool.CHECKPOINTS, self._checkpoint)

    def start_checkpoint(self):
        """Do a part of the same, beside readers and writers."""
        threadpool.spawn(threadpool.CHECKPOINTS, self._checkpoint, False)

    def _checkpoint(self, is_whole=True):
        """Checkpoint beside readers and writers, and then, if it `is_whole`, alone.

        Somebody reads during the first part, so that SQLite doesn't begin the WAL file again, which takes an fsync.
        """
        path = os.path.abspath(self.database)
        with reading(path):
            checkpoint(path, ("PASSIVE",))
            self.writer.wal_may_restart = True
        if not is_whole:
            return
        self.is_checkpointing = True
        try:
            checkpoint(path, ("TRUNCATE",))
        finally:
            self.writer.wal_may_restart = True
            self.is_checkpointing = False

    def close_all(self):
        """Close all connections; what the WAL file has is in the database file then, if no other process is reading."""
        if self.pid != os.getpid():  # they are another process's
            return
        checkpoint(os.path.abspath(self.database))
        self.close_connections()

    def close_connections(self):
        """Close all connections. A forked process couldn't: that would free the locks on the file."""
        self.reopen()
        self.writer.close()
        for reader in list(self._readers):
            reader.close()

    def shut(self):
        """Close all connections, and open none any more: a task that doesn't stop in time may try to."""
        self.is_shut = True
        self.close_all()

    # What peewee itself calls.

    def connection(self):
        thread = self._thread
        return thread.writer or (thread.reader if thread.version == self.version else self._open_reader(thread))

    def cursor(self, named_cursor=None):
        return self.connection().cursor()

    def is_closed(self):
        return self._thread.version != self.version

    def begin(self):
        raise RuntimeError("Write in a job, see transactions.commit.")


class _Reader(Sqlite):
    """The connection on which an OS thread reads. It is closed when the thread has ended."""

    def __del__(self):
        self.close()


def _make_private(path):
    """Make the file, for its user only, unless it is there; SQLite gives its mode to the WAL file and its index, too."""
    with suppress(OSError):  # SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


@contextmanager
def reading(path):
    """Within, a connection reads the database file, if it can be read."""
    with ExitStack() as stack:
        with suppress(sqlite3.Error):
            connection = stack.enter_context(closing(sqlite3.connect(f"{Path(path).as_uri()}?mode=ro", uri=True)))
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        yield


def checkpoint(path, modes=("PASSIVE", "TRUNCATE")):
    """Bring what the WAL file of a database file has into it, in SQLite's modes: first beside writers, then alone."""
    try:
        if not os.path.getsize(f"{path}-wal"):
            return
    except OSError:  # there is none
        return
    uri = f"{Path(path).as_uri()}?mode=rw"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, timeout=CHECKPOINT_WAIT, uri=True)) as connection:
        for mode in modes:  # where it fails, the next one tries again
            connection.execute(f"PRAGMA wal_checkpoint({mode})")
