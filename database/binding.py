"""The database that queries go to: each call is bound to one, so that several apps can live in one process."""

from contextvars import ContextVar

import peewee

_current = ContextVar("database", default=None)


class _CurrentDatabase(peewee.DatabaseProxy):
    """The database that `bind` has set in this thread or greenlet."""

    obj = property(lambda self: _current.get(), lambda self, value: None)


database = _CurrentDatabase()


class bind:  # noqa: N801 - it reads as a verb
    """Make `db` the database of all queries within; its connection goes back to the pool at the end."""

    def __init__(self, db):
        self.db = db

    def __enter__(self):
        self.token = _current.set(self.db)
        return self.db

    def __exit__(self, *exception):
        release_connection()
        _current.reset(self.token)


def current():
    """Return the database that `bind` has set, itself."""
    return _current.get()


def release_connection():
    """Return the connection to Postgres's pool, ahead of a wait for something else; the next query checks one out again."""
    if db := _current.get():
        db.release()


def is_sqlite():
    return isinstance(_current.get(), peewee.SqliteDatabase)
