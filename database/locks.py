"""Waiting for what another program locks in SQLite. SQLite's own busy timeout would block gevent's event loop."""

import sqlite3
import time

import peewee

from database.errors import of_driver, sqlite_code

LOCK_WAIT = 5  # seconds
BACKOFF = 0.001, 0.02  # seconds between tries: the first pause, and the longest


def is_locked(error):
    """Return whether it is worth trying again.

    It isn't after SQLITE_BUSY_SNAPSHOT: the transaction began with a read, of what has changed since.
    """
    error = of_driver(error)
    return sqlite_code(error) == sqlite3.SQLITE_BUSY and error.sqlite_errorcode != sqlite3.SQLITE_BUSY_SNAPSHOT


def retry_while_locked(until, call, *arguments):
    """Return what a call returns, repeated until the time `until` while another program holds the lock."""
    pause, longest = BACKOFF
    while True:
        try:
            return call(*arguments)
        except (sqlite3.OperationalError, peewee.OperationalError) as error:
            if not is_locked(error) or time.monotonic() >= until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, longest)
