"""Postgres: a pool of connections with deadlines.

playhouse.pool can't be used: it connects while it holds the lock that each checkout and each return needs, so that a host
that doesn't answer would hold up every request for longer than its deadline; and it sends SELECT 1 with each checkout.
"""

import os
import threading
import weakref
from collections import deque
from contextlib import contextmanager, suppress

import peewee

from database import errors, transactions
from database.deadlines import current_deadline, seconds_left
from observability import counters

POOL_SIZE = 20  # connections of one process
POOL_TIMEOUT = 5  # seconds to wait for a free one
MAX_WAITING = 200  # requests of one process that wait for a free one
OPTIONS = {  # unless the URL has others
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds; the system notices that the other machine is gone
    "tcp_user_timeout": 10_000,  # milliseconds
    "fallback_application_name": "snakepit",  # by which `manage.py import` finds a server that runs
}
IDLE = 0  # libpq's PQTRANS_IDLE
READS = "SELECT", "BEGIN", "(", "WITH"  # statements that may be sent twice


class Pooled(transactions.Transactions):
    """A pool, for one of peewee's classes of Postgres, all of which use psycopg.

    `limits` are set in each session, {name: milliseconds}, unless the URL's own options set them.
    """

    is_in_memory = False
    is_shut = False
    BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, *args, limits=None, **options):
        super().__init__(*args, **options)
        given = str(options.get("options", ""))
        self.limits = {name: value for name, value in (limits or {}).items() if name not in given}
        self._begin()
        _pools.add(self)

    def _begin(self):
        self.pid = os.getpid()
        self._idle, self._opened = deque(), set()
        self._free, self._waiting = threading.BoundedSemaphore(POOL_SIZE), 0

    def begin_process(self):
        """Begin again in a process that was forked: the connections are still the other process's."""
        _inherited.append((self._state, self._opened))
        counters.CONNECTIONS_IN_USE.inc(len(self._idle) - len(self._opened))
        counters.CONNECTIONS_OPEN.inc(-len(self._opened))
        self._state = type(self._state)()
        self._begin()

    def connect(self, reuse_if_open=False):
        if not self.is_closed():
            return super().connect(reuse_if_open)
        if not self._free.acquire(blocking=False):
            self._wait_for_free()
        try:
            self._state.set_connection(self._check_out())
        except BaseException:
            self._free.release()
            raise
        counters.CONNECTIONS_IN_USE.inc()
        return True

    def _wait_for_free(self):
        """Wait for a free connection. At most MAX_WAITING wait: if the database hangs, the others fail at once."""
        if self._waiting >= MAX_WAITING:
            raise errors.unavailable(errors.TOO_MANY_WAIT)
        self._waiting += 1
        try:
            if not self._free.acquire(timeout=seconds_left(POOL_TIMEOUT)):
                raise errors.unavailable(errors.NO_FREE)
        finally:
            self._waiting -= 1

    def _check_out(self):
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if not connection.closed:
                    return connection
                self._discard(connection)
        return self._open()

    def _open(self):
        """Open a connection. peewee's own `connect` holds a lock meanwhile."""
        with peewee.__exception_wrapper__:
            connection = self._connect()
            self._opened.add(connection)
            counters.CONNECTIONS_OPEN.inc()
            try:
                if self.server_version is None:
                    self._set_server_version(connection)
                if self.limits:
                    settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in self.limits.items())
                    connection.execute(f"SELECT {settings}")
                self._initialize_connection(connection)
            except BaseException:
                self._discard(connection)
                raise
        return connection

    def _discard(self, connection):
        self._opened.discard(connection)
        counters.CONNECTIONS_OPEN.inc(-1)
        connection.close()

    def close(self):
        """Return this thread's connection to the pool."""
        if self.is_closed():
            return False
        connection = self._state.conn
        self._state.reset()
        counters.CONNECTIONS_IN_USE.inc(-1)
        try:
            if self._adapter.is_connection_reusable(connection) and not self.is_shut:
                self._idle.append(connection)
            else:
                self._discard(connection)
        finally:
            self._free.release()
        return True

    release = close

    def close_all(self):
        """Close this thread's connection and those that are idle."""
        if self.pid == os.getpid():  # else they are another process's
            self.close()
            self.close_idle()

    def close_idle(self):
        with suppress(IndexError):
            while True:
                self._discard(self._idle.pop())

    def shut(self):
        """Close the pool; connections that are in use are closed when they are returned."""
        self.is_shut = True
        self.close_all()

    @contextmanager
    def own_connection(self):
        yield self

    def has_begun(self):
        return not self.is_closed() and self._state.conn.pgconn.transaction_status != IDLE

    def commit_job(self, job, durable, wait):
        """Run the job in a transaction; a job that isn't durable is a single statement, which needs none."""
        return super().commit_job(job, durable, wait) if durable else job()

    def run(self, statement, parameters=()):
        """Execute a statement and return its cursor. Raise psycopg's errors.

        The first statement on a connection may find it dead: a read is sent again, on a new connection.
        """
        is_first = self.is_closed() and statement.startswith(READS)
        connection = self.connection()
        try:
            return connection.execute(statement, parameters)
        except peewee.psycopg.OperationalError:
            if not is_first or not connection.closed:
                raise
        self.close()
        self.close_idle()  # they are as old
        return self.connection().execute(statement, parameters)

    def execute_sql(self, sql, params=None):
        with peewee.__exception_wrapper__:
            return self.run(sql, params or ())


_pools = weakref.WeakSet()
_inherited = []  # by fork: never closed, since that would end the other process's sessions


def _close_before_fork():
    for pool in list(_pools):
        pool.close_idle()


os.register_at_fork(before=_close_before_fork)


def _with_deadline(kind):
    """Return a subclass of a class of psycopg's connections in which all that waits for the server has the deadline.

    A server that hangs, or a network that loses packets, never answers, and no setting of the server's helps.
    """

    class Connection(kind):
        def wait(self, gen, *args, timeout=None, **options):
            if current_deadline() is None:
                return super().wait(gen, *args, timeout=timeout, **options)
            try:
                return super().wait(gen, *args, timeout=seconds_left(timeout), **options)
            except peewee.psycopg.errors._WaitTimeout:
                self.pgconn.finish()  # what the server answers later must not be taken for another answer
                raise errors.unavailable(errors.NO_ANSWER, peewee.psycopg.OperationalError) from None

        @classmethod
        def _connect_gen(cls, *args, **options):
            connecting = super()._connect_gen(*args, **options)
            wanted = next(connecting)
            while True:
                if seconds_left(1) == 0:
                    raise errors.unavailable(errors.NO_ANSWER, peewee.psycopg.OperationalError)
                try:
                    wanted = connecting.send((yield wanted))
                except StopIteration as connected:
                    return connected.value

    return Connection


class _Adapter(peewee.Psycopg3Adapter):
    """Makes connections that have the deadline."""

    def __init__(self):
        super().__init__()
        self.connection = _with_deadline(peewee.psycopg.Connection)

    def connect(self, db, **params):
        if db._encoding:
            params.setdefault("client_encoding", db._encoding)
        params.setdefault("conninfo" if db.database.startswith("postgresql://") else "dbname", db.database)
        return self.connection.connect(**params)


def pooled(kind):
    """Return the class of a pool of connections, given one of peewee's classes for Postgres."""
    return type(f"Pooled{kind.__name__}", (Pooled, kind), {"psycopg3_adapter": _Adapter})
