"""For how long work may wait for the database: deadlines of requests and background tasks, and tries while it is locked."""

import time
from contextvars import ContextVar

from database.errors import is_locked

LOCK_WAIT = 5  # seconds
BACKOFF = 0.001, 0.02  # seconds between tries: the first pause, and the longest

_deadline = ContextVar("deadline", default=None)  # on the monotonic clock; None: as long as it takes


class deadline:  # noqa: N801 - it reads as a noun
    """Within, all that waits for the database fails after so many seconds in total, with peewee.OperationalError.

    None: no deadline, for work that takes long and would only start again, such as a migration.
    """

    __slots__ = ("seconds", "token")

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        self.token = _deadline.set(None if self.seconds is None else time.monotonic() + self.seconds)

    def __exit__(self, *exception):
        _deadline.reset(self.token)


def current_deadline():
    """Return the current deadline on the monotonic clock, or None."""
    return _deadline.get()


def seconds_left(most=None):
    """Return the seconds until the deadline: at least 0, at most `most`; `most` without a deadline."""
    until = _deadline.get()
    if until is None:
        return most
    left = max(0, until - time.monotonic())
    return left if most is None else min(most, left)


def retry_while_locked(until, call, *arguments):
    """Return what a call returns, repeated until the time `until` while another program locks the SQLite file.

    SQLite's own busy timeout would block gevent's event loop.
    """
    pause, longest = BACKOFF
    while True:
        try:
            return call(*arguments)
        except Exception as error:
            if not is_locked(error) or time.monotonic() >= until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, longest)
