"""Compiled queries on a connection to Postgres: prepared once, and several of them in one round trip.

A short query by psycopg's cursors takes three times as long in Python. Here are libpq's own functions instead, as psycopg.pq
has them, with psycopg's conversions of values.
"""

import re
import select
from contextlib import suppress
from functools import lru_cache
from itertools import count

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format

from database import errors, threadpool
from database.deadlines import seconds_left

FAILED = ExecStatus.FATAL_ERROR


class Statement:
    """A statement with its parameters and, once it is executed, its result, which is read as that of a cursor.

    To look at the result calls `execute`, if it isn't there yet.
    """

    __slots__ = ("_execute", "_result", "_rows", "_unread", "parameters", "sql")

    def __init__(self, sql, parameters, execute):
        self.sql, self.parameters, self._execute = sql, parameters, execute
        self._result = None

    def set_result(self, result, transformer):
        rows = ()
        if result.ntuples:
            transformer.set_pgresult(result)
            rows = transformer.load_rows(0, result.ntuples, tuple)
        self._result, self._rows, self._unread = result, rows, iter(rows)

    def is_executed(self):
        return self._result is not None

    def key(self):
        """Return what is the same for statements that have the same result."""
        return self.sql, tuple(self.parameters)

    def take_result(self, other):
        """Have the result of another statement, which is the same."""
        self._result, self._rows, self._unread = other._result, other._rows, iter(other._rows)

    def _seen(self):
        if not self._result:
            self._execute()
        return self._result

    def fetchone(self):
        return self._seen() and next(self._unread, None)

    def fetchall(self):
        return self._seen() and list(self._unread)

    @property
    def rowcount(self):
        return self._seen().command_tuples

    @property
    def description(self):
        result = self._seen()
        return [(result.fname(index).decode(),) for index in range(result.nfields)]


class Statements:
    """Executes Statements on a psycopg connection, whose cursors may be used in turns with it."""

    def __init__(self, connection):
        self._connection, self._libpq = connection, connection.pgconn
        self._transformer = Transformer(connection)
        self._names, self._numbers = {}, count()  # {(SQL, types of the parameters): the name by which it is prepared}
        # None where a pooler has another connection to Postgres for each transaction: nothing is prepared then.
        self._prepares = connection.prepare_threshold is not None
        connection.prepare_threshold = None  # else its cursors would drop what is prepared here, with their own

    def execute(self, statements):
        """Execute them in one round trip. Raise the error of the first that fails, as psycopg does: none follows it."""
        requests, results = [self._request(statement) for statement in statements], []
        try:
            self._exchange(requests, results)
        except BaseException as error:
            self._connection.close()  # what the server answers later must not be taken for another answer
            if not isinstance(error, psycopg.OperationalError) or not any(one.status == FAILED for one in results):
                raise
        for statement, result in zip(statements, results, strict=False):
            if result.status == FAILED:
                raise _error(result, self._connection.info.encoding)
            statement.set_result(result, self._transformer)

    def _request(self, statement):
        values = self._transformer.dump_sequence(statement.parameters, [PyFormat.AUTO] * len(statement.parameters))
        return (statement.sql, self._transformer.types or ()), values, self._transformer.formats or ()

    def _exchange(self, requests, results):
        """Send the requests and append their results, up to that of the first that fails."""
        libpq = self._libpq
        if len(requests) == 1 and requests[0][0] in self._names:
            self._send(*requests[0])
            self._flush()
            results.append(self._receive())
            return
        libpq.enter_pipeline_mode()
        are_new = [self._send(*request) for request in requests]
        libpq.pipeline_sync()
        self._flush()
        for (key, _, _), is_new in zip(requests, are_new, strict=True):
            if is_new and (prepared := self._receive()).status != ExecStatus.COMMAND_OK:
                del self._names[key]
                results.append(prepared)
            results.append(self._receive())
        self._next()  # that of the synchronisation
        libpq.exit_pipeline_mode()

    def _send(self, key, values, formats):
        """Send a statement, first to be prepared if it isn't. Return whether it is prepared now."""
        libpq, (sql, types) = self._libpq, key
        if not self._prepares:
            libpq.send_query_params(_numbered(sql), values, types, formats, Format.BINARY)
            return False
        is_new = key not in self._names
        if is_new:
            self._names[key] = b"snakepit_%d" % next(self._numbers)
            libpq.send_prepare(self._names[key], _numbered(sql), types)
        libpq.send_query_prepared(self._names[key], values, formats, Format.BINARY)
        return is_new

    def _flush(self):
        self._wait_while(self._libpq.flush, writes=True)

    def _receive(self):
        """Return the result of a statement: libpq ends it with None."""
        result = self._next()
        if result is None:
            raise psycopg.OperationalError(errors.UNREACHABLE)
        while self._next():
            pass
        return result

    def _next(self):
        self._wait_while(self._libpq.is_busy)
        return self._libpq.get_result()

    def _wait_while(self, is_busy, writes=False):
        """Wait for the server while `is_busy()`. At the deadline raise an error, unless the answer has come by then."""
        while is_busy():
            left = seconds_left()
            self._await_socket(left, writes)
            self._libpq.consume_input()
            if left == 0 and is_busy():
                raise errors.unavailable(errors.NO_ANSWER, psycopg.OperationalError)

    def _await_socket(self, left, writes):
        """Return once libpq's socket is ready, or after so many seconds."""
        if threadpool.gevent_runs():
            from gevent import socket

            with suppress(TimeoutError):
                (socket.wait_readwrite if writes else socket.wait_read)(self._libpq.socket, left)
        else:
            poll = select.poll()
            poll.register(self._libpq.socket, select.POLLIN | (select.POLLOUT if writes else 0))
            poll.poll(None if left is None else 1000 * left)


@lru_cache(maxsize=1000)
def _numbered(sql):
    """Return SQL with $1 and so on in the place of psycopg's %s, and a percent sign for two."""
    numbers = count(1)
    return re.sub("%[s%]", lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", sql).encode()


def _error(result, encoding):
    error = error_from_result(result, encoding)
    return error if error.sqlstate else psycopg.OperationalError(str(error))  # the connection is lost
