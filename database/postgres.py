"""Postgres: a pool of connections with deadlines.

playhouse.pool can't be used: it connects while it holds the lock that each checkout and each return needs, so that a host
that doesn't answer would hold up every request for longer than its deadline. Here each connection has a peewee database of
its own, and none of them shares a lock.
"""

import os
import threading
from contextlib import suppress

import peewee
import psycopg

from database import errors, transactions
from database.deadlines import seconds_left
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
READS = "SELECT", "BEGIN", "(", "WITH"  # statements that may be sent twice


class _Connection(psycopg.Connection):
    """A connection on which all that waits for the server has the deadline.

    A server that hangs, or a network that loses packets, never answers, and no setting of the server's helps.
    """

    def wait(self, gen, *args, **options):
        try:
            return super().wait(_until_deadline(gen), *args, **options)
        except psycopg.OperationalError:
            if seconds_left(1) == 0:
                self.close()  # what the server answers later must not be taken for another answer
            raise

    @classmethod
    def _connect_gen(cls, *args, **options):
        return _until_deadline(super()._connect_gen(*args, **options))


def _until_deadline(steps):
    """Go through one of psycopg's generators, which yields when it waits for the server, and at times while it waits."""
    ready = None
    while True:
        try:
            wanted = steps.send(ready)
        except StopIteration as end:
            return end.value
        if seconds_left(1) == 0:
            raise errors.unavailable(errors.NO_ANSWER, psycopg.OperationalError)
        ready = yield wanted


class _Adapter(peewee.Psycopg3Adapter):
    def connect(self, db, **params):
        return _Connection.connect(dbname=db.database, **params)


class _Session(peewee.PostgresqlDatabase):
    """A database with one connection."""

    psycopg3_adapter = _Adapter

    def is_idle(self):
        return self.connection().pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE


class _CheckedOut(threading.local):
    session = None  # of this thread, or greenlet


class PostgresPool(transactions.Transactions, peewee.PostgresqlDatabase):
    """A pool of up to POOL_SIZE connections. The first query of a request checks one out.

    `limits` are set in each session, {name: milliseconds}, unless the URL's own options set them.
    """

    BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, database, limits=None, encoding=None, **options):
        given = str(options.get("options", ""))
        self.limits = {name: value for name, value in (limits or {}).items() if name not in given}
        options |= {"prefer_psycopg3": True} | ({"client_encoding": encoding} if encoding else {})
        self._options = OPTIONS | options | {"thread_safe": False}
        self.begin_process()
        super().__init__(database, **options)
        transactions.shared.add(self)

    def begin_process(self):
        """Begin with no connections: in a process that was forked, those that were in use are still the other process's."""
        self.pid = os.getpid()
        self._mine, self._idle = _CheckedOut(), []
        self._free, self._waiting = threading.BoundedSemaphore(POOL_SIZE), 0

    def _check_out(self):
        if not self._free.acquire(blocking=False):
            self._wait_for_free()
        try:
            try:
                session = self._idle.pop()
            except IndexError:
                session = self._open()
        except BaseException:
            self._free.release()
            raise
        self._mine.session = session
        counters.CONNECTIONS_IN_USE.inc()
        return session

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

    def _open(self):
        session = _Session(self.database, **self._options)
        session.connect()
        counters.CONNECTIONS_OPEN.inc()
        if self.limits:
            settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in self.limits.items())
            try:
                session.execute_sql(f"SELECT {settings}")
            except BaseException:
                self._discard(session)
                raise
        return session

    def _discard(self, session):
        counters.CONNECTIONS_OPEN.inc(-1)
        session.close()

    def close(self):
        """Return this thread's connection to the pool."""
        session = self._mine.session
        if session is None:
            return False
        self._mine.session = None
        counters.CONNECTIONS_IN_USE.inc(-1)
        try:
            if session.is_idle() and not self.is_shut:
                self._idle.append(session)
            else:
                self._discard(session)
        finally:
            self._free.release()
        return True

    release = close

    def close_all(self):
        """Close this thread's connection and those that are idle."""
        if self.pid == os.getpid():  # else they are another process's
            self.close()
            self.close_connections()

    def close_connections(self):
        """Close those that are idle."""
        with suppress(IndexError):
            while True:
                self._discard(self._idle.pop())

    def shut(self):
        """Close the pool; connections that are in use are closed when they are returned."""
        self.is_shut = True
        self.close_all()

    def has_begun(self):
        return self._mine.session is not None and not self._mine.session.is_idle()

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
        except psycopg.OperationalError:
            if not is_first or not connection.closed:
                raise
        self.close()
        self.close_connections()  # they are as old
        return self.connection().execute(statement, parameters)

    # What peewee itself calls.

    def is_closed(self):
        return self._mine.session is None

    def connection(self):
        return (self._mine.session or self._check_out()).connection()

    def cursor(self, named_cursor=None):
        return self.connection().cursor()
