"""Connections to the database: kept for whoever needs one next, and what is committed on them brought to disk."""

import mmap
import os
import sqlite3
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path

import peewee

from database import cache, deadlines, errors, threadpool
from database.deadlines import current_deadline, deadline, seconds_left
from observability import counters

CONNECTIONS = 20  # in use at once, by one process
POOL_WAIT = 5  # seconds to wait for a free one
LOCK_WAIT = 5  # seconds to wait for SQLite's lock, while another process writes
LOCK_WAITING = 200  # that one process has wait for it at once: each holds a connection
WAITING = 200  # requests of one process that wait for a free connection at once
LOCK_TRIES = 0.001, 0.02  # seconds between tries, at first and in the end
SQLITE_PRAGMAS = (
    ("journal_mode", "wal"),
    ("foreign_keys", 1),
    ("synchronous", "full"),
    ("wal_autocheckpoint", 20_000),  # pages: when a commit has to see to it, since nobody else did
    ("journal_size_limit", 32 << 20),  # bytes, of the WAL file once its pages are in the database
)
CHECKPOINT_WAIT = 0.1  # seconds for readers to end, while others wait to write, for the WAL file to be emptied
FOUND = 1000  # rows that are found again while nothing has changed
COMMITS = 1000  # after which somebody else does
ENOUGH = 8  # who want to commit for them to do so, while another fsync is under way
UNDER_WAY = 2  # fsyncs at once


class _Kept:
    """A database whose connections are kept for whoever needs one next: up to CONNECTIONS of those that were in use at once.

    playhouse.pool does the same with a heap and three locks, and asks Postgres each time whether it is there: that costs
    a request as much as several queries do.
    """

    is_in_memory = False
    is_shut = False  # then no connection is kept that is given back

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._begin()
        _databases.add(self)

    def _begin(self):
        """Have nothing open yet, in this process."""
        self.pid = os.getpid()
        self._kept = deque()  # whose append and pop are atomic
        self._opened = set()

    def begin_process(self):
        """Forget what belongs to the process that this one was forked from: nothing of it may be used, or closed, here."""
        _inherited.append((self._state, self._opened))
        counters.CONNECTIONS_IN_USE.inc(-self._in_use())
        counters.CONNECTIONS_OPEN.inc(-len(self._opened))
        self._state, self._lock = type(self._state)(), threading.RLock()
        self._begin()

    def _in_use(self):
        return len(self._opened) - len(self._kept)

    def patient(self):
        """Within, there is no deadline."""
        return deadline(None)

    def _connect(self):
        connection = super()._connect()
        self._opened.add(connection)
        counters.CONNECTIONS_OPEN.inc()
        return connection

    def _close(self, connection):
        self._opened.discard(connection)
        counters.CONNECTIONS_OPEN.inc(-1)
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
                counters.CONNECTIONS_IN_USE.inc()
                return True
            self._close(connection)
        self._open()
        counters.CONNECTIONS_IN_USE.inc()
        return True

    def _open(self):
        """As peewee's `connect`, which holds a lock meanwhile: each would wait for all who connect before."""
        self._state.reset()
        with peewee.__exception_wrapper__:
            connection = self._connect()
            try:
                if self.server_version is None:
                    self._set_server_version(connection)
                self._initialize_connection(connection)
            except BaseException:
                self._close(connection)
                raise
        self._state.set_connection(connection)

    def close(self):
        if self.is_closed() or self.in_transaction():
            return super().close()
        connection = self._state.conn
        self._state.reset()
        counters.CONNECTIONS_IN_USE.inc(-1)
        if self._is_reusable(connection) and len(self._kept) < CONNECTIONS and not self.is_shut:
            self._kept.append(connection)
        else:
            self._close(connection)
        return True

    def close_all(self):
        """Close this thread's connection and all that are kept; a database in memory is gone with them."""
        if self.pid == os.getpid():  # else they are another process's
            self.close()
            self._close_spare()

    def _close_spare(self):
        with suppress(IndexError):  # another thread was faster
            while True:
                self._close(self._kept.pop())


_databases = weakref.WeakSet()
_inherited = []  # by fork: never closed, since that would end what the other process does, or free its locks


def _close_before_fork():
    """A process that is forked would share the connections, and SQLite's notes on which locks they hold."""
    for database in list(_databases):
        if not database.is_in_memory:
            database._close_spare()


os.register_at_fork(before=_close_before_fork)


class _Head:
    """The head of the write-ahead log's index, in memory that all of SQLite's processes share: each commit changes it.

    As long as it is the same, what was found before is still so. To ask for it would take two system calls, by which a
    query locks what it sees and unlocks it. https://www.sqlite.org/walformat.html#the_wal_index_header
    """

    SIZE = 48  # bytes; it is there twice, and not to be trusted while the two differ
    VERSION = (3_007_000).to_bytes(4, sys.byteorder)

    def __init__(self, path):
        self.bytes = mmap.mmap(os.open(path, os.O_RDONLY), 2 * self.SIZE, prot=mmap.PROT_READ)
        # To close it would take from SQLite all locks that this process has on the file. So it stays open, as the file does.
        _never_closed.append(self.bytes)

    def read(self):
        """What changes with each commit of whichever process, or None if that can't be told at the moment."""
        first, second = self.bytes[: self.SIZE], self.bytes[self.SIZE :]
        return first if first == second and first.startswith(self.VERSION) else None


_never_closed = []


class _Group:
    """Works that are done in one transaction, and brought to disk by one fsync."""

    def __init__(self, works, before=None):
        self.works = works
        self.before = before  # the group before, until this one begins
        self.answers = None  # (answer, error) of each
        self.error = None  # of all
        self.over = threading.Event()
        self.until = None  # the earliest deadline of those who wait for it

    def answer(self, number):
        """What the work of this number has answered, or raised."""
        if self.error:
            raise peewee.OperationalError(self.error, str(self.error)) from self.error
        answer, error = self.answers[number]
        if error:
            raise error
        return answer


class _Together:
    """Has those who write at the same time share a transaction, and an fsync if it `is_durable`; others are served."""

    def __init__(self, db, is_durable):
        self.db, self.is_durable = db, is_durable
        self.group, self.under_way, self.joining = _Group([]), 0, threading.Lock()

    def do(self, work):
        """What the work answers. A group begins once the one before is over, or they are ENOUGH."""
        self.db.close()  # who waits needs no connection
        if self.db.is_impatient():  # and waits for nobody, nor has others fail for it
            self._carry_out(group := _Group([work]))
            return group.answer(0)
        with self.joining:
            group, number = self.group, len(self.group.works)
            group.works.append(work)
            group.until = min(filter(None, (group.until, current_deadline())), default=None)
            begins = number + 1 >= ENOUGH and self.under_way < UNDER_WAY and self._begin(group)
        if number == 0 and not begins:
            in_time = True
            try:
                time.sleep(0)  # under gevent: whose request is here already comes along
                in_time = not group.before or group.before.over.wait(seconds_left())
            finally:
                with self.joining:
                    begins = self._begin(group)
                if begins:
                    self._carry_out(group, in_time)
        elif begins:
            self._carry_out(group)
        group.over.wait()
        return group.answer(number)

    def _begin(self, group):
        """Whether the group is not under way yet: it is from now on, and who comes later is in the next one."""
        if group is not self.group:
            return False
        group.before, self.group = None, _Group([], before=group)
        return True

    def _carry_out(self, group, in_time=True):
        with self.joining:
            self.under_way += 1
        token = deadlines._deadline.set(group.until)
        try:
            if not in_time:
                raise errors.unavailable(errors.NO_ANSWER)
            self.db.execute_sql("PRAGMA synchronous = NORMAL")  # no fsync by SQLite itself, which all would wait for
            try:
                group.answers = self._answers(group.works)
            finally:
                self.db.execute_sql("PRAGMA synchronous = FULL")
            self.db.committed(len(group.works))
            self.db.close()
            if self.is_durable:
                threadpool.call(threadpool.DISK, _sync, self.db.log)
        except BaseException as error:
            group.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            deadlines._deadline.reset(token)
            with self.joining:
                self.under_way -= 1
            group.over.set()

    def _answers(self, works):
        """(answer, error) of each: of all in one transaction, if none raises."""
        self.db.begin()
        try:
            answers = [(work(), None) for work in works]
            self.db.commit()
            return answers
        except BaseException as error:
            self.db.rollback()
            if not isinstance(error, Exception):
                raise
            if len(works) == 1:
                return [(None, error)]
        return [answer for work in works for answer in self._answers([work])]


class KeptSqliteDatabase(_Kept, peewee.SqliteDatabase):
    """Waits here for what another process has locked, while gevent runs the others; SQLite's busy timeout would stop all."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.is_in_memory = "vfs=memdb" in self.database
        self.lock_wait = LOCK_WAIT

    def _begin(self):
        super()._begin()
        self._durable, self._swift = _Together(self, is_durable=True), _Together(self, is_durable=False)
        self._commits = 0
        self._next, self._waiting = threading.Lock(), 0
        self._keeper, self._head, self._found = None, None, cache.Kept(FOUND)

    def begin_process(self):
        """As above. Raise RuntimeError where that can't be undone: SQLite knows nothing of forks."""
        if self._opened:
            what = (
                "a database in memory belongs to the process that made it; name a file in DATABASE_URL"
                if self.is_in_memory
                else "this process was forked while the app's SQLite connections were in use; fork before the app serves"
            )
            raise RuntimeError(what)
        super().begin_process()

    def _in_use(self):
        return super()._in_use() - bool(self._keeper)

    def _connect(self):
        if not self.database.startswith("file:"):
            _make_private(self.database)
        try:
            return super()._connect()
        except sqlite3.OperationalError as error:
            return self._go_on(error, super()._connect)

    def _is_alive(self, connection):
        return True

    def _is_reusable(self, connection):
        if connection.in_transaction:
            connection.rollback()
        if was_read_only := getattr(self._state, "was_read_only", False):
            self._state.was_read_only = False
        return not was_read_only

    def run(self, statement, parameters):
        """Execute a statement; the cursor."""
        connection = self.connection()
        try:
            return connection.execute(statement, parameters)
        except sqlite3.OperationalError as error:
            return self._go_on(error, connection.execute, statement, parameters)

    def one(self, statement, parameters):
        """The first row that a statement finds, or None; the same as before while nobody has changed anything."""
        if self.is_closed() and (state := self._read_head()):
            return self._found.get((statement, parameters), state, self._find, statement, parameters)
        return self._find(statement, parameters)

    def _read_head(self):
        """What is so as long as nobody changes anything, or None where a query has to tell what is."""
        if not self._head and self.log:
            self._keeper = self._keeper or self._connect()  # while it is open, SQLite keeps the file that it has made
            with suppress(OSError, ValueError, sqlite3.Error):  # the next one tries again
                self._keeper.execute("SELECT 1 FROM sqlite_master").fetchone()
                self._head = _Head(self.log.removesuffix("-wal") + "-shm")
        return self._head and self._head.read()

    def _find(self, statement, parameters):
        """On a spare connection where there is one: to take a connection and give it back costs as much as a query."""
        try:
            connection = self._kept.pop() if self.is_closed() else None
        except IndexError:
            connection = None
        if connection is None:
            return self.run(statement, parameters).fetchone()
        try:
            return connection.execute(statement, parameters).fetchone()
        except sqlite3.OperationalError as error:
            return self._go_on(error, connection.execute, statement, parameters).fetchone()
        finally:
            self._kept.append(connection)

    def _close_spare(self):
        super()._close_spare()
        keeper, self._keeper, self._head = self._keeper, None, None
        if keeper:
            self._close(keeper)

    def close_all(self):
        """As above; what the WAL file has is in the database file then, if no other process is reading."""
        if not self.is_in_memory:
            checkpoint(os.path.abspath(self.database))
        super().close_all()

    # What peewee itself executes.

    def execute_sql(self, sql, params=None):
        self._log_query(sql, params)
        with peewee.__exception_wrapper__:
            return self.run(sql, params or ())

    def begin(self, lock_type=None):
        self.execute_sql(f"BEGIN {lock_type or self._lock_type}")

    def commit(self):
        self.execute_sql("COMMIT")

    def rollback(self):
        if self.connection().in_transaction:  # else the error, such as that of a full disk, has rolled it back, and is told
            super().rollback()

    def _go_on(self, error, call, *arguments):
        """What a call answers that has met with an error, and is made again once nobody else holds the lock.

        Of all that wait one tries, so that a thousand cost no more than it does. Raises the error if it is another, or after
        `lock_wait`.
        """
        if errors.sqlite_code(error) == sqlite3.SQLITE_READONLY:
            # So is the file that these have opened; once it is not, one has to open it anew.
            self._state.was_read_only = True
            self._close_spare()
        if not _is_locked(error) or self._waiting >= LOCK_WAITING:
            raise error
        until = time.monotonic() + (0 if self.is_impatient() else seconds_left(self.lock_wait))
        if not self.is_closed() and self._state.conn.in_transaction:  # others may wait for this one
            return _persist(until, call, *arguments)
        self._waiting += 1
        try:
            if not self._next.acquire(timeout=max(0, until - time.monotonic())):
                raise error
            try:
                return _persist(until, call, *arguments)
            finally:
                self._next.release()
        finally:
            self._waiting -= 1

    @contextmanager
    def impatient(self):
        """Don't wait for the lock within."""
        self._state.is_impatient = True
        try:
            yield
        finally:
            self._state.is_impatient = False

    def is_impatient(self):
        return getattr(self._state, "is_impatient", False)

    @cached_property
    def log(self):
        """The path of the write-ahead log; None for a database in memory, and where the file system takes none."""
        if self.execute_sql("PRAGMA journal_mode").fetchone()[0] != "wal":
            return None
        return self.execute_sql("PRAGMA database_list").fetchone()[2] + "-wal"

    def durably(self, work):
        """What work() answers, whose changes are on disk then. It may be called again, and changes the database only."""
        return self._durable.do(work)

    def swiftly(self, work):
        """As `durably`, but that it doesn't wait for the disk."""
        return self._swift.do(work)

    def committed(self, commits=1):
        """Now and then, bring the log's pages into the database, beside those who go on meanwhile."""
        self._commits += commits
        if self._commits >= COMMITS and self.log:
            self._commits = 0
            threadpool.start(threadpool.CHECKPOINTS, checkpoint, self.log.removesuffix("-wal"), ("PASSIVE",))

    def checkpoint(self):
        """Bring what the WAL file has into the database file, and empty it if nobody reads it. A background task."""
        if not self.is_in_memory:
            threadpool.call(threadpool.CHECKPOINTS, checkpoint, os.path.abspath(self.database))


def _make_private(path):
    """Make the file, for its user only, unless it is there; SQLite gives its mode to the WAL file and the index, too."""
    with suppress(OSError):  # SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _is_locked(error):
    """Whether it is worth to wait; not for what began with reading, and has read what is no longer so."""
    return errors.sqlite_code(error) == sqlite3.SQLITE_BUSY and error.sqlite_errorcode != sqlite3.SQLITE_BUSY_SNAPSHOT


def _persist(until, call, *arguments):
    """What a call answers, made again while it meets a lock; its error at the time `until`."""
    pause, longest = LOCK_TRIES
    while True:
        try:
            return call(*arguments)
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() >= until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, longest)


def checkpoint(path, modes=("PASSIVE", "TRUNCATE")):
    """Bring what the WAL file of a SQLite file has into it, in SQLite's modes: first beside those who write, then alone."""
    try:
        if not os.path.getsize(f"{path}-wal"):
            return
    except OSError:  # there is none
        return
    uri = f"{Path(path).as_uri()}?mode=rw"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, timeout=CHECKPOINT_WAIT, uri=True)) as connection:
        for mode in modes:  # where it fails, the next one tries again
            connection.execute(f"PRAGMA wal_checkpoint({mode})")


def _sync(path):
    file = os.open(path, os.O_RDWR)
    try:
        os.fdatasync(file)
    finally:
        os.close(file)
