"""Postgres: a pool of connections with deadlines."""

import threading
from contextlib import nullcontext

import peewee

from database import errors
from database.connections import CONNECTIONS, POOL_WAIT, WAITING, _Kept
from database.deadlines import current_deadline, seconds_left

# That the other machine is gone is noticed by the system, in seconds; a URL may say otherwise.
OPTIONS = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds
    "fallback_application_name": "snakepit",  # by which `manage.py import` finds a server that runs
}


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
            raise errors.unavailable(errors.TOO_MANY_WAIT)
        self._waiting += 1
        try:
            if not self._free.acquire(timeout=seconds_left(POOL_WAIT)):
                raise errors.unavailable(errors.NO_FREE)
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
    """peewee's, with connections that have a deadline."""

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
    return type(f"Kept{kind.__name__}", (_KeptPostgres, kind), {"psycopg3_adapter": _Adapter})
