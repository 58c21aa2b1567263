"""Postgres: a pool of connections with deadlines.

playhouse.pool can't be used: it connects while it holds the lock that each checkout and each return needs, so that a host
that doesn't answer would hold up every request for longer than its deadline. Here each connection has a peewee database of
its own, and none of them shares a lock.
"""

import os
import threading
import time
from contextlib import contextmanager, suppress

import peewee
import psycopg

from database import errors, transactions
from database.connect import only_primary
from database.deadlines import seconds_left
from database.hosts import Hosts
from database.lookups import Lookups
from database.places import Places
from database.progress import Progress
from database.statements import Statement, Statements
from observability import counters

POOL_SIZE = 20  # connections of one process
POOL_TIMEOUT = 5  # seconds to wait for a free one, without a deadline
SILENCE = 1  # second without an answer, until the deadline: the server hangs, or the network loses what is sent
MAX_WAITING, STALLED = 200, 0.5  # requests of one process that wait for a free one, after so many seconds with none
OPTIONS = {  # unless the URL has others
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds; the system notices that the other machine is gone
    "tcp_user_timeout": 10_000,  # milliseconds
    "fallback_application_name": "snakepit",  # by which `manage.py import` finds a server that runs
}
READS = "SELECT", "BEGIN", "(", "WITH"  # statements that may be sent twice
MAX_LATER = 50  # statements that wait for others


class _Connection(psycopg.Connection):
    """A connection on which all that waits for the server has the deadline.

    A server that hangs, or a network that loses packets, never answers, and no setting of the server's helps.
    """

    hosts, generation = None, 0  # once it is open

    def wait(self, gen, *args, **options):
        with self.learning():
            return super().wait(_until_deadline(gen), *args, **options)

    @contextmanager
    def learning(self):
        """Learn from the errors of what the server is asked within. Raise them by another name if it is no primary."""
        asked_at = time.monotonic()
        try:
            yield
        except psycopg.Error as error:
            self._learn_from(error, time.monotonic() - asked_at)
            raise

    def _learn_from(self, error, seconds):
        """Note what an error so many seconds after a question means for this connection, and for the others."""
        is_late = isinstance(error, psycopg.OperationalError) and seconds_left(1) == 0
        is_silent = is_late and seconds > SILENCE  # else the question came late, and says nothing about the server
        is_lost = is_silent or errors.is_lost(error) or (self.closed and not is_late)
        if is_late:
            self.close()  # what the server answers later must not be taken for another answer
        if self.hosts and is_lost:
            self.hosts.lose(self.generation, is_silent)
            if self.hosts.wants_primary and isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                raise errors.unavailable(errors.NO_PRIMARY, psycopg.OperationalError) from error

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
        connection = db.hosts.connect(_Connection.connect, dbname=db.database, **params)
        connection.hosts, connection.generation = db.hosts, db.hosts.generation
        return connection


class _Session(peewee.PostgresqlDatabase):
    """A database with one connection."""

    psycopg3_adapter = _Adapter
    hosts = None

    def open(self):
        self.connect()
        self.statements = Statements(self.connection())

    def execute_statements(self, statements):
        with self.connection().learning():
            self.statements.execute(statements)

    def is_idle(self):
        return self.connection().pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def is_usable(self):
        """Return whether it can be used again, without a transaction that has begun."""
        connection = self.connection()
        return self.is_idle() and self.hosts.is_current(connection.generation, connection.pgconn)


class _CheckedOut(threading.local):
    """What a thread, or greenlet, has."""

    session = None
    later = ()  # statements of its transaction that have not been sent yet, of which the first may be BEGIN


class PostgresPool(transactions.Transactions, peewee.PostgresqlDatabase):
    """A pool of up to POOL_SIZE connections. The first query of a request checks one out.

    `limits` are set in each session, {name: milliseconds}, unless the URL's own options set them.
    """

    BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, database, limits=None, encoding=None, **options):
        given = str(options.get("options", ""))
        self.limits = {name: value for name, value in (limits or {}).items() if name not in given}
        options |= {"prefer_psycopg3": True} | ({"client_encoding": encoding} if encoding else {})
        self._options = OPTIONS | only_primary(options) | options | {"thread_safe": False}
        self.hosts = Hosts(self._options, self.close_connections)
        self.begin_process()
        super().__init__(database, **options)
        transactions.shared.add(self)

    def begin_process(self):
        """Begin with no connections: in a process that was forked, those that were in use are still the other process's."""
        self.pid = os.getpid()
        self._mine, self._idle = _CheckedOut(), []
        self._places, self._is_failing = Places(POOL_SIZE), False
        self._lookups = Lookups(self._execute_lookups)
        self._returns = Progress(STALLED)  # of connections

    def _check_out(self, goes_first=False):
        self._wait_for_place(goes_first)
        try:
            try:
                session = self._idle.pop()
            except IndexError:
                session = self._open()
        except BaseException:
            self._is_failing = True
            self._places.give_back()
            raise
        self._mine.session = session
        counters.CONNECTIONS_IN_USE.inc()
        return session

    def _wait_for_place(self, goes_first):
        """Wait until fewer than POOL_SIZE connections are in use. While the database hangs, at most MAX_WAITING wait.

        Those who go first are not counted: `lookups` has a limit for them. The wait takes at most half of the time until the
        deadline: a connection is of no use to those who have no time left.
        """
        waiting = self._places.waiting()
        if not waiting:
            self._returns.note()
        elif not goes_first and waiting >= MAX_WAITING and (self._is_failing or self._returns.has_stopped()):
            raise errors.unavailable(errors.TOO_MANY_WAIT)
        left = seconds_left()
        if not self._places.take(POOL_TIMEOUT if left is None else left / 2, goes_first):
            self._is_failing = True
            raise errors.unavailable(errors.NO_FREE)

    def _open(self):
        session = _Session(self.database, **self._options)
        session.hosts = self.hosts
        session.open()
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
        self._mine.session, self._mine.later = None, []
        counters.CONNECTIONS_IN_USE.inc(-1)
        try:
            if session.is_usable() and not self.is_shut:
                self._idle.append(session)
                self._is_failing = False
                self._returns.note()
            else:
                self._is_failing = True
                self._discard(session)
        finally:
            self._places.give_back()
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
        mine = self._mine
        return bool(mine.later) or (mine.session is not None and not mine.session.is_idle())

    def commit_job(self, job, durable, wait):
        """Run the job in a transaction; a job that isn't durable is a single statement, which needs none."""
        return super().commit_job(job, durable, wait) if durable else job()

    # BEGIN and COMMIT are sent with the first and the last statement, so that they take no round trip of their own.

    def _begin_with(self, statement):
        self._mine.later = [self._statement(statement)]

    def _commit(self):
        later = self._mine.later
        if len(later) == 1 and later[0].sql == self.BEGIN:
            self._mine.later = []
            return
        if self.is_closed():
            self._execute_later()  # it may have to be repeated, which COMMIT must not be
        self.run("COMMIT")

    def _roll_back(self):
        self._mine.later = []
        if self.has_begun():
            super()._roll_back()

    def run(self, statement, parameters=()):
        """Execute a compiled statement and return it with its result. Raise psycopg's errors."""
        found = self._statement(statement, parameters)
        self._execute([*self._mine.later, found])
        return found

    def run_later(self, statement, parameters=()):
        """Execute it in the round trip of the transaction's next statement, or before its result is looked at."""
        mine = self._mine
        if not self.has_begun() or len(mine.later) >= MAX_LATER:
            return self.run(statement, parameters)
        mine.later.append(self._statement(statement, parameters))
        return mine.later[-1]

    def look_up(self, statement, parameters=()):
        """Execute a short read, outside of a transaction together with those of others."""
        if self.has_begun():
            return self.run(statement, parameters)
        found = self._statement(statement, parameters)
        self._lookups.run(found)
        return found

    def _execute_lookups(self, statements):
        """Execute the reads of many requests, before others who wait for a connection."""
        try:
            self._execute(statements, goes_first=True)
        finally:
            self.close()

    def _statement(self, sql, parameters=()):
        return Statement(sql, parameters, self._execute_later)

    def _execute_later(self):
        if self._mine.later:
            self._execute(self._mine.later)

    def _execute(self, statements, goes_first=False):
        self._mine.later = []
        self._try(statements[0].sql, lambda session: session.execute_statements(statements), goes_first)

    def _try(self, statement, call, goes_first=False):
        """Return `call(session)`. The first statement on a connection may find it dead: a read is repeated on another."""
        if session := self._mine.session:
            return call(session)
        session = self._check_out(goes_first)
        try:
            return call(session)
        except psycopg.OperationalError:
            if not statement.startswith(READS) or not session.connection().closed or seconds_left(1) == 0:
                raise
        self.close()
        return call(self._check_out(goes_first))

    # What peewee itself calls.

    def execute_sql(self, sql, params=None):
        with peewee.__exception_wrapper__:
            self._execute_later()
            return self._try(sql, lambda session: session.connection().execute(sql, params or ()))

    def is_closed(self):
        return self._mine.session is None

    def connection(self):
        self._execute_later()
        return (self._mine.session or self._check_out()).connection()

    def cursor(self, named_cursor=None):
        return self.connection().cursor()
