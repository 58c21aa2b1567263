"""Connections to the database: kept for whoever needs one next, and what is committed on them brought to disk."""

import errno
import itertools
import mmap
import os
import re
import sqlite3
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import closing, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path

import peewee
from playhouse import db_url

import config
from database import cache, threadpool
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
# That the other machine is gone is noticed by the system, in seconds; a URL may say otherwise.
POSTGRES_OPTIONS = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds
    "fallback_application_name": "snakepit",  # by which `manage.py import` finds a server that runs
}


# Until when what is done for a request must be over, on the monotonic clock; None: as long as it takes.
_until = ContextVar("until", default=None)


class deadline:  # noqa: N801 - it reads as a noun
    """Within, whatever waits for the database fails after so many seconds in all, with peewee.OperationalError.

    None: there is no deadline, for what takes long and would begin again, such as a migration.
    """

    __slots__ = ("seconds", "token")

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        self.token = _until.set(None if self.seconds is None else time.monotonic() + self.seconds)

    def __exit__(self, *exception):
        _until.reset(self.token)


def _left(most=None):
    """Return the seconds until the deadline, `most` at most and 0 at least; `most` where there is none."""
    until = _until.get()
    if until is None:
        return most
    left = max(0, until - time.monotonic())
    return left if most is None else min(most, left)


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
        counters.up(counters.IN_USE, -self._in_use())
        counters.up(counters.OPEN, -len(self._opened))
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
        counters.up(counters.OPEN)
        return connection

    def _close(self, connection):
        self._opened.discard(connection)
        counters.up(counters.OPEN, -1)
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
                counters.up(counters.IN_USE)
                return True
            self._close(connection)
        self._open()
        counters.up(counters.IN_USE)
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
        counters.up(counters.IN_USE, -1)
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
            group.until = min(filter(None, (group.until, _until.get())), default=None)
            begins = number + 1 >= ENOUGH and self.under_way < UNDER_WAY and self._begin(group)
        if number == 0 and not begins:
            in_time = True
            try:
                time.sleep(0)  # under gevent: whose request is here already comes along
                in_time = not group.before or group.before.over.wait(_left())
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
        token = _until.set(group.until)
        try:
            if not in_time:
                raise unavailable(NO_ANSWER)
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
            _until.reset(token)
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
        if _code(error) == sqlite3.SQLITE_READONLY:
            # So is the file that these have opened; once it is not, one has to open it anew.
            self._state.was_read_only = True
            self._close_spare()
        if not _is_locked(error) or self._waiting >= LOCK_WAITING:
            raise error
        until = time.monotonic() + (0 if self.is_impatient() else _left(self.lock_wait))
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
    return _code(error) == sqlite3.SQLITE_BUSY and error.sqlite_errorcode != sqlite3.SQLITE_BUSY_SNAPSHOT


def _code(error):
    """SQLite's own for an error, or None for one of the driver's."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


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


class _KeptPostgres(_Kept):
    """With one of peewee's databases for Postgres, all of which speak through psycopg: up to CONNECTIONS of them.

    `limits` are set in each session, {name: milliseconds}, unless the URL has options of its own for that.
    """

    def __init__(self, *args, limits=None, **options):
        super().__init__(*args, **options)
        given = str(options.get("options", ""))
        self.limits = {name: value for name, value in (limits or {}).items() if name not in given}

    def _begin(self):
        super()._begin()
        self._free, self._waiting = threading.BoundedSemaphore(CONNECTIONS), 0

    def connect(self, reuse_if_open=False):
        if self.is_closed() and not self._free.acquire(blocking=False):
            self._wait_for_free()
        try:
            return super().connect(reuse_if_open)
        except BaseException:
            if self.is_closed():
                self._free.release()
            raise

    def _wait_for_free(self):
        """Of those who wait there are never more than WAITING: if the database hangs, the others know at once."""
        if self._waiting >= WAITING:
            raise unavailable(TOO_MANY_WAIT)
        self._waiting += 1
        try:
            if not self._free.acquire(timeout=_left(POOL_WAIT)):
                raise unavailable(NO_FREE)
        finally:
            self._waiting -= 1

    def close(self):
        was_open = not self.is_closed()
        try:
            return super().close()
        finally:
            if was_open and self.is_closed():
                self._free.release()

    def _connect(self):
        connection = super()._connect()
        if self.limits:
            settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in self.limits.items())
            try:
                connection.execute(f"SELECT {settings}")
            except BaseException:
                self._close(connection)
                raise
        return connection

    def _is_alive(self, connection):
        """Ask the server, which takes a round trip, unless `run` may try what it wants right away."""
        return getattr(self._state, "is_trusting", False) or not self._adapter.is_connection_closed(connection)

    def _is_reusable(self, connection):
        return self._adapter.is_connection_reusable(connection)

    def impatient(self):
        """For what would wait for SQLite's lock."""
        return nullcontext()

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


def _with_deadline(kind):
    """Return the class of psycopg's connections, or a subclass of it, with the deadline for all that waits for the server.

    A server that hangs, or a network that loses packets, never answers, and no setting of the server's helps.
    """

    class Connection(kind):
        def wait(self, gen, *args, timeout=None, **options):
            if _until.get() is None:
                return super().wait(gen, *args, timeout=timeout, **options)
            try:
                return super().wait(gen, *args, timeout=_left(timeout), **options)
            except peewee.psycopg.errors._WaitTimeout:
                self.pgconn.finish()  # what the server answers later must not be taken for another answer
                raise unavailable(NO_ANSWER, peewee.psycopg.OperationalError) from None

        @classmethod
        def _connect_gen(cls, *args, **options):
            connecting = super()._connect_gen(*args, **options)
            wanted = next(connecting)
            while True:
                if _left(1) == 0:
                    raise unavailable(NO_ANSWER, peewee.psycopg.OperationalError)
                try:
                    wanted = connecting.send((yield wanted))
                except StopIteration as connected:
                    return connected.value

    return Connection


class _Adapter(peewee.Psycopg3Adapter):
    """peewee's, with connections that have a deadline."""

    def __init__(self):
        super().__init__()
        self.connection = _with_deadline(peewee.psycopg.Connection)

    def connect(self, db, **params):
        if db._encoding:
            params.setdefault("client_encoding", db._encoding)
        params.setdefault("conninfo" if db.database.startswith("postgresql://") else "dbname", db.database)
        return self.connection.connect(**params)


def connect(url, lock_wait=LOCK_WAIT, limits=None):
    """The database of a URL as playhouse.db_url takes it; nothing is opened yet.

    A SQLite in memory is one database for each call of this function, shared by all of its connections. `lock_wait`: seconds
    to wait for what another program has locked in SQLite; `limits`: Postgres's settings for the same, see _KeptPostgres.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.removesuffix("+pool")
    if scheme != "sqlite":
        kind, (address, query) = db_url.schemes[scheme], config.postgres_address(url)
        options = address | _without_pool(db_url.parse(f"{scheme}:///?{query}")) | {"database": address["database"]}
        attributes = {"psycopg3_adapter": _Adapter}
        return type(f"Kept{kind.__name__}", (_KeptPostgres, kind), attributes)(limits=limits, **POSTGRES_OPTIONS | options)
    options = _without_pool(db_url.parse(f"{scheme}://{rest}"))
    options |= {"pragmas": SQLITE_PRAGMAS, "lock_type": "IMMEDIATE", "check_same_thread": False, "timeout": 0}
    if config.is_in_memory(url):
        # SQLite's memdb: a name that begins with a slash is one database for all connections of the process.
        options |= {"database": f"file:/snakepit-{next(_numbers)}?vfs=memdb", "uri": True}
    database = KeptSqliteDatabase(**options)
    database.lock_wait = lock_wait
    return database


def _without_pool(options):
    """Without those of playhouse's pool: ours is another."""
    return {name: value for name, value in options.items() if name not in config.POOL_OPTIONS}


_numbers = itertools.count(1)


# What is wrong with the database, for anybody: without names, hosts and other parts of DATABASE_URL.
FULL = "The server's disk is full: nothing can be written."
READ_ONLY = "The server can't write to its database."
FAILS = "The server's disk fails, or is full."
BUSY = "The database is busy with what another program writes."
AWAY = "The database is out of reach."
NO_ANSWER = "The database does not answer in time."
STARTING = "The database is starting or stopping."
NO_FREE = "All connections to the database are in use."
TOO_MANY_WAIT = "Too many requests wait for the database."
DAMAGED = "The database file is damaged, or is not a database."
CANT_OPEN = "The database file can't be opened."
LOG_IN_REFUSED = "The database refuses the server's user or password."
NO_DATABASE = "The database does not exist."
NO_HOST = "The host of the database is unknown."
NOT_SECURE = "The connection to the database can't be made as secure as it must be."
NO_PRIVILEGES = "The server lacks privileges on its database."
NO_TABLES = "Tables or columns of the server are missing in its database."
NOT_OURS = "The database is another program's, or comes from a newer version."

# Those that don't pass by themselves: how an operator can fix them.
REMEDIES = {
    READ_ONLY: "let the server's user write to the file and its folder, or name a Postgres that is no standby and not"
    " read-only",
    DAMAGED: "restore a copy, or name another file",
    CANT_OPEN: "let the server's user read and write the file and its folder, or name another file",
    LOG_IN_REFUSED: "correct the user and the password, or let this user in (pg_hba.conf)",
    NO_DATABASE: "create it, or name another",
    NO_HOST: "correct the host's name",
    NOT_SECURE: "correct sslmode and the certificates",
    NO_PRIVILEGES: "grant its user all on the database's schema and on the tables in it",
    **dict.fromkeys((NO_TABLES, NOT_OURS), "restore a copy, or name another database"),
}
TROUBLES = {
    **{sqlite3.SQLITE_FULL: FULL, sqlite3.SQLITE_READONLY: READ_ONLY, sqlite3.SQLITE_IOERR: FAILS},
    **{sqlite3.SQLITE_BUSY: BUSY, sqlite3.SQLITE_NOTADB: DAMAGED, sqlite3.SQLITE_CORRUPT: DAMAGED},
    **{sqlite3.SQLITE_CANTOPEN: CANT_OPEN, sqlite3.SQLITE_PERM: CANT_OPEN, sqlite3.SQLITE_AUTH: NO_PRIVILEGES},
    **{"ENOSPC": FULL, "EDQUOT": FULL, "EFBIG": FULL, "EROFS": READ_ONLY, "EIO": FAILS},
    # Postgres's SQLSTATEs, see https://www.postgresql.org/docs/current/errcodes-appendix.html
    **{"53100": FULL, "58030": FAILS, "XX001": DAMAGED, "XX002": DAMAGED, "25006": READ_ONLY},
    **{"55P03": BUSY, "40P01": BUSY, "40001": BUSY, "57014": NO_ANSWER, "53300": NO_FREE},
    **{"57P01": STARTING, "57P02": STARTING, "57P03": STARTING, "28000": LOG_IN_REFUSED, "28P01": LOG_IN_REFUSED},
    **{"3D000": NO_DATABASE, "42501": NO_PRIVILEGES, "42P01": NO_TABLES, "42703": NO_TABLES, "3F000": NO_TABLES},
}
# What has no code, by its words: SQLite's, libpq's, and what Postgres says before it knows the session's language.
WORDS = {
    re.compile(pattern): sentence
    for pattern, sentence in {
        "no such (table|column)": NO_TABLES,
        "system is (starting up|shutting down)|in recovery mode|not (yet )?accepting connections": STARTING,
        "too many (clients|connections)|remaining connection slots": NO_FREE,
        "timeout expired|wait timeout": NO_ANSWER,
        r"authentication failed|no password supplied|role .* does not exist|no pg_hba.conf entry|not permitted to log in": (
            LOG_IN_REFUSED
        ),
        "database .* does not exist": NO_DATABASE,
        "Name or service not known|No address associated|nodename nor servname|not known": NO_HOST,
        "(?i)permission denied": NO_PRIVILEGES,
        "SSL|certificate": NOT_SECURE,
    }.items()
}


def unavailable(trouble, kind=peewee.OperationalError):
    """Return an error that says what is wrong with the database, in one of the sentences above."""
    error = kind(trouble)
    error.trouble = trouble
    return error


def trouble(error):
    """Return what is wrong, as a sentence, by an error of peewee's; the error itself is for the log only.

    None for what is a fault of ours, or an expected refusal such as that of a name that is taken.
    """
    words, is_away = str(error), isinstance(error, peewee.OperationalError | peewee.InterfaceError)
    while isinstance(error, peewee.PeeweeException) and not hasattr(error, "trouble"):
        error = getattr(error, "orig", None)  # what it stands for, where it isn't one of ours
    if found := getattr(error, "trouble", None):
        return found
    code = errno.errorcode.get(error.errno) if isinstance(error, OSError) else getattr(error, "sqlstate", _code(error))
    if found := TROUBLES.get(code):
        return found
    if is_away and code in (None, sqlite3.SQLITE_ERROR):
        found = next((sentence for pattern, sentence in WORDS.items() if pattern.search(words)), None)
    return found or (AWAY if is_away else None)


def in_a_line(error):
    """An error's words, for the log: Postgres's come in several lines."""
    return " ".join(str(error).split())
