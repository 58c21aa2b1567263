"""Transactions on the current database: `commit` for all that writes, `snapshot` for several reads of one moment."""

import os
import weakref
from contextlib import ContextDecorator, contextmanager, suppress

import peewee

from database.binding import current
from database.errors import is_duplicate

# What a call to the database raises when the database is unavailable, or too busy to answer in time.
UNAVAILABLE = (peewee.OperationalError, peewee.InterfaceError)


def commit(job, durable=True, wait=True):
    """Run `job()` in a transaction and return its result. Its changes are on disk then if it is `durable`.

    On SQLite, jobs that wait at the same time share a transaction and an fsync, and run on the writer's connection: a job
    waits for nothing but the database. Not `durable` are changes that the client would send again: they survive a crash of
    the process, but not always a loss of power. Postgres writes each commit to disk. Within a job, `commit` runs another as
    a part of it. Without `wait` it fails at once where others write at the moment: for what is as well done later.
    """
    return current().commit_job(job, durable, wait)


def commit_unique(job):
    """Commit a job that draws a random key, and draws another if a row has that key."""
    while True:
        try:
            return commit(job)
        except peewee.IntegrityError as error:
            if not is_duplicate(error):
                raise


def flush():
    """Return once all that is committed so far is on disk."""
    commit(_nothing)


def _nothing():
    pass


def change_mark():
    """Return a value. If it is the same again, nobody has written to the database in between.

    It is different each time while others write, within a job, and on a database that has no such value.
    """
    return current().change_mark()


class snapshot(ContextDecorator):  # noqa: N801 - it reads as a noun
    """Within, all reads see the database as it was at one moment. It can't be nested, and not be in a job."""

    def __enter__(self):
        with peewee.__exception_wrapper__:
            current().begin_snapshot()

    def __exit__(self, *exception):
        with peewee.__exception_wrapper__:
            current().end_snapshot()


class Transactions:
    """Transactions of a database that has a connection for each who uses it, with `run`, `has_begun` and the statements."""

    BEGIN = BEGIN_SNAPSHOT = "BEGIN"
    is_in_memory = is_shut = False

    @contextmanager
    def own_connection(self):
        """Yield a database with a connection that nobody else uses, for what takes long."""
        yield self

    def execute_sql(self, sql, params=None):
        with peewee.__exception_wrapper__:
            return self.run(sql, params or ())

    def run_later(self, statement, parameters=()):
        """Execute a statement whose result isn't needed before the transaction's next one; see compiled.later."""
        return _Result(self.run(statement, parameters))

    def look_up(self, statement, parameters=()):
        """Execute a statement that reads a few rows; see queries.lookup."""
        return self.run(statement, parameters)

    def change_mark(self):
        return object()

    def commit_job(self, job, durable, wait):
        """Run the job in a transaction, or as a part of one that has begun."""
        if self.has_begun():
            return job()
        with peewee.__exception_wrapper__:
            self._begin_with(self.BEGIN)
            try:
                result = job()
                self._commit()
            except BaseException:
                self._roll_back()
                raise
        return result

    def begin_snapshot(self):
        self._begin_with(self.BEGIN_SNAPSHOT)

    def end_snapshot(self):
        self._roll_back()

    def _begin_with(self, statement):
        self.run(statement)

    def _commit(self):
        self.run("COMMIT")

    def _roll_back(self):
        # Some errors have rolled it back already, or have closed the connection.
        with suppress(*UNAVAILABLE), peewee.__exception_wrapper__:
            self.run("ROLLBACK")


class _Result:
    """The result of a statement, for after its transaction, which ends SQLite's cursors."""

    __slots__ = ("fetchall", "fetchone", "rowcount")

    def __init__(self, cursor):
        rows = iter(cursor.fetchall())
        self.rowcount = cursor.rowcount
        self.fetchone, self.fetchall = (lambda: next(rows, None)), (lambda: list(rows))


shared = weakref.WeakSet()  # databases whose connections are closed before a fork


def _close_before_fork():
    for database in list(shared):
        database.close_connections()


os.register_at_fork(before=_close_before_fork)
