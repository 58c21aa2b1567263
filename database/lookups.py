"""Short reads on Postgres that share round trips, as SQLite's writes share commits.

A round trip takes more of both processors than the read itself. Callers who come while one is under way wait for it to
end; then the first of them takes all of their reads along in the next.
"""

import threading
from collections import deque

import peewee
import psycopg

from database import errors
from database.deadlines import seconds_left
from database.progress import Progress

MOST = 50  # reads in a round trip
UNAVAILABLE = peewee.OperationalError, psycopg.OperationalError, psycopg.InterfaceError
PATIENCE = 0.05  # seconds of waiting for others' round trip
MAX_CALLERS, STALLED = 200, 1  # of one process, after so many seconds without an answer to any


class _Lookup:
    """A statement, whose caller waits until it is over, or until it is their turn to execute those that wait."""

    __slots__ = ("error", "is_over", "statement", "woken")

    def __init__(self, statement):
        self.statement = statement
        self.error, self.is_over, self.woken = None, False, None


class Lookups:
    """Executes statements by `execute(statements)`, which raises the error of the first that fails: none follows it."""

    def __init__(self, execute, patience=PATIENCE):
        self._execute, self._patience = execute, patience
        self._lock, self._waiting = threading.Lock(), deque()
        self._leader = None  # the lookup whose caller makes the latest round trip, or is about to
        self.callers, self._answers = 0, Progress(STALLED)

    def run(self, statement):
        """Execute the statement. Raise its error, or one if many wait and none gets an answer."""
        if self.callers >= MAX_CALLERS and self._answers.has_stopped():
            raise errors.unavailable(errors.TOO_MANY_WAIT)
        mine = _Lookup(statement)
        with self._lock:
            if not self.callers:
                self._answers.note()
            self.callers += 1
            if self._leader is None:
                self._leader = mine
            else:
                mine.woken = threading.Lock()
                mine.woken.acquire()
                self._waiting.append(mine)
        try:
            if mine.woken:
                self._wait(mine)
            if not mine.is_over:
                if not seconds_left(1):
                    raise errors.unavailable(errors.NO_ANSWER)
                self._lead(mine)
        finally:
            self._leave(mine)
        if mine.error:
            raise mine.error

    def _leave(self, mine):
        with self._lock:
            self.callers -= 1
            mine.is_over = True
            if mine in self._waiting:
                self._waiting.remove(mine)
            if self._leader is None or self._leader is mine:
                self._leader = self._waiting.popleft() if self._waiting else None
                if self._leader:
                    self._leader.woken.release()

    def _wait(self, mine):
        """Return when the lookup is over, or when it leads. Raise an error at the deadline."""
        left = seconds_left()
        if mine.woken.acquire(timeout=self._patience if left is None else min(self._patience, left)):
            return
        with self._lock:
            if mine in self._waiting and seconds_left(1):  # the round trip of the others takes long
                self._waiting.remove(mine)
                self._leader = mine
            if self._leader is mine:
                return
        left = seconds_left()
        if not mine.woken.acquire(timeout=-1 if left is None else left):
            raise errors.unavailable(errors.NO_ANSWER)

    def _lead(self, mine):
        """Execute the statement and those that wait. Those that are not to blame for an error wait again."""
        with self._lock:
            batch = [mine, *(self._waiting.popleft() for _ in range(min(MOST - 1, len(self._waiting))))]
        over = ()
        try:
            over = self._execute_batch(batch)
        finally:  # also if this caller is stopped
            with self._lock:
                for one in over:
                    one.is_over = True
                self._waiting.extendleft(one for one in reversed(batch[1:]) if not one.is_over)
            for one in over:
                if one is not mine:
                    one.woken.release()

    def _execute_batch(self, batch):
        """Execute a batch, the same statements once. Return the lookups that have a result or an error then."""
        groups, error = {}, None
        for one in batch:
            groups.setdefault(one.statement.key(), []).append(one)
        try:
            self._execute([first.statement for first, *_ in groups.values()])
            self._answers.note()
        except Exception as reason:
            error = reason
        over, failed = [], []
        for group in groups.values():
            first, *others = group
            if first.statement.is_executed():
                for other in others:
                    other.statement.take_result(first.statement)
                over += group
            else:
                failed += group
        if not seconds_left(1):  # this caller's time is up, and not the others'
            failed = [one for one in failed if one is batch[0]]
        elif not _is_of_connection(error):
            failed = failed[:1]
        for one in failed:
            one.error = error
        return over + failed


def _is_of_connection(error):
    """Return whether an error is no statement's: there is no connection, or it is lost."""
    error = errors.of_driver(error)
    return isinstance(error, UNAVAILABLE) and not getattr(error, "sqlstate", None)
