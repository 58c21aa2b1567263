"""Transactions on the current database: `commit` for whatever writes, `snapshot` for several reads of one moment."""

from contextlib import contextmanager, suppress

import peewee

from database.binding import current, is_sqlite

# What a call to the database raises when the database is unavailable, or too busy to answer in time.
UNAVAILABLE = (peewee.OperationalError, peewee.InterfaceError)


def commit(job, durable=True):
    """Run `job()` in a transaction and return its result. Its changes are on disk then if it is `durable`.

    On SQLite, jobs that arrive at the same time share a transaction and an fsync. A job must not call `commit` itself, and
    must not wait for anything but the database. Without `durable` its changes survive a crash of the process, but not always
    a loss of power: only for what the client sends again. Postgres writes each commit to disk.
    """
    if _has_wal():
        return current().durably(job) if durable else current().swiftly(job)
    if not durable and not is_sqlite():
        return job()
    with _transaction("BEGIN IMMEDIATE" if is_sqlite() else "BEGIN"):
        return job()


def flush():
    """Return once all that is committed so far is on disk."""
    if _has_wal():
        commit(lambda: None)


@contextmanager
def snapshot():
    """Within, all reads see the database as it was at one moment."""
    with _transaction("BEGIN" if is_sqlite() else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
        yield


@contextmanager
def _transaction(begin):
    """Like peewee's `atomic`, in half the time. It can't be nested."""
    _execute(begin)
    try:
        yield
        _execute("COMMIT")
    except BaseException:
        with suppress(*UNAVAILABLE):  # some errors have rolled it back already, or have closed the connection
            _execute("ROLLBACK")
        raise


def _execute(statement):
    with peewee.__exception_wrapper__:
        current().run(statement, ())


def _has_wal():
    return is_sqlite() and current().log is not None
