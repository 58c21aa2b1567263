"""The writer of a SQLite file: jobs that wait at the same time share a transaction and an fsync (group commit).

There is no thread for it, since some servers have none to give. A caller that finds no batch running runs one with all jobs
that wait, its own among them. Callers that come meanwhile wait until that batch is over. Then one of them, or a newcomer,
runs the next.

All of them wait for the same event. gevent wakes those who wait for an event at once, but those who wait for locks of their
own a few at a time, in between responding to others: under load, they would wait for seconds.
"""

import copy
import os
import sqlite3
import threading
import time
from contextlib import suppress

import peewee

from database import errors, threadpool
from database.deadlines import current_deadline, retry_while_locked, seconds_left

CHECKPOINT_EVERY = 5000  # jobs, which write at least 20 MB to the WAL file


class _Job:
    """`function()` changes the database. Its caller waits until the batch that it is in is over."""

    __slots__ = ("durable", "error", "function", "is_over", "result", "until")

    def __init__(self, function, durable, lock_wait):
        self.function, self.durable = function, durable
        self.until = min(time.monotonic() + lock_wait, current_deadline() or float("inf"))
        self.result = self.error = None
        self.is_over = False


class Writer:
    """Runs jobs on a connection of its own, `database`, for the callers of `shared`, a sqlite.SharedSqlite."""

    def __init__(self, database, shared):
        self.database, self._shared = database, shared
        self.waiting = []  # jobs, for the next batch
        self._batch = None  # while a batch is running: an Event that is set at its end
        self._lock = threading.Lock()
        self._is_beginning = False
        self._version = 0  # of the shared connections, at which this one was opened
        self._wal = None  # the path of the WAL file, if there is one
        self.wal_may_restart = True  # since all of it may be in the database file: SQLite calls fsync then
        self._jobs = 0

    def run(self, function, durable, wait):
        """Run the function in a transaction and return its result; see transactions.commit."""
        job = _Job(function, durable, self._shared.lock_wait if wait else 0)
        with self._lock:
            self.waiting.append(job)
        while not job.is_over:
            with self._lock:
                running = self._batch
                if not running:
                    self._batch = threading.Event()
            if running:
                self._wait(job, running, seconds_left() if wait else 0)
            else:
                self._run_batch(job)
        if job.error:
            raise job.error
        return job.result

    def _wait(self, job, batch, left):
        """Return when the batch is over. Raise an error if it isn't after `left` seconds, unless the job is in it."""
        if batch.wait(left):
            return
        with self._lock:
            if job in self.waiting:
                self.waiting.remove(job)
                raise errors.unavailable(errors.LOCKED if self._is_beginning else errors.NO_ANSWER)
        batch.wait()

    def _run_batch(self, own):
        """Run all jobs that wait, this caller's `own` among them: only that fails if the file is locked for too long."""
        jobs = []
        try:
            if own.durable:
                time.sleep(0)  # under gevent, requests that have arrived add their jobs, to share the fsync
            with peewee.__exception_wrapper__:
                connection = self._begin(own.until)
                jobs = self._take_all()
                self._call(connection, jobs)
                self._commit(connection, any(job.durable and not job.error for job in jobs))
            self._shared.is_failing = False
            self._count(len(jobs))
        except BaseException as error:
            jobs = jobs or self._take(own)
            self._fail(jobs, error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._end(jobs)

    def _take_all(self):
        with self._lock:
            jobs, self.waiting = self.waiting, []
        return jobs

    def _take(self, job):
        with self._lock:
            self.waiting.remove(job)
        return [job]

    def _begin(self, until):
        """Begin a transaction and return the connection."""
        self._shared.reopen_if_replaced()
        self._is_beginning = True
        try:
            connection = retry_while_locked(until, self._open)
            retry_while_locked(until, connection.execute, "BEGIN IMMEDIATE")
            return connection
        finally:
            self._is_beginning = False

    def _open(self):
        if self._version == self._shared.version:
            return self.database.connection()
        if self._shared.is_shut:
            raise peewee.InterfaceError("The app is closed.")
        self.database.close()
        connection = self.database.connection()
        [mode] = connection.execute("PRAGMA journal_mode").fetchone()
        self._wal = f"{os.path.abspath(self.database.database)}-wal" if mode == "wal" else None
        if not self._wal:  # the file system can't have one: SQLite must call fsync itself
            connection.execute("PRAGMA synchronous = full")
        self._version = self._shared.version
        return connection

    def _call(self, connection, jobs):
        """Call each job's function. The failure of a job undoes its own changes only."""
        is_alone = len(jobs) == 1
        with self._shared.writing(connection):
            for job in jobs:
                if not is_alone:
                    connection.execute("SAVEPOINT job")
                try:
                    job.result = job.function()
                except Exception as error:
                    # A full disk, say, has undone what the others changed, too; a read-only file fails for all of them.
                    if not connection.in_transaction or errors.is_lost(error):
                        raise
                    job.error = error
                    connection.execute("ROLLBACK" if is_alone else "ROLLBACK TO job")
                if not is_alone:
                    connection.execute("RELEASE job")

    def _commit(self, connection, is_durable):
        """Commit, in a thread where that takes an fsync: ours, or SQLite's own when it begins the WAL file again."""
        if not connection.in_transaction:
            return
        until = time.monotonic() + self._shared.lock_wait
        is_checkpointing = self._shared.is_checkpointing
        if is_durable or is_checkpointing or self.wal_may_restart or not self._wal:
            self.wal_may_restart = is_checkpointing
            wal = self._wal if is_durable else None
            retry_while_locked(until, threadpool.run, threadpool.DISK, _commit_and_sync, connection, wal)
        else:
            retry_while_locked(until, connection.execute, "COMMIT")

    def _fail(self, jobs, error):
        """Give each job an error of its own, undo what is not committed, and reopen the file if it can't be used."""
        own = peewee.OperationalError(error, str(error)) if isinstance(error, OSError) else error
        if not isinstance(error, Exception):
            own = errors.unavailable(errors.NO_ANSWER)
        for job in jobs:
            job.error = copy.copy(own)
            job.error.__cause__ = error
        with suppress(peewee.PeeweeException, sqlite3.Error):
            self.database.release()
        if errors.is_lost(error):
            self.database.close()
            self._shared.reopen(is_failing=True)

    def _end(self, jobs):
        for job in jobs:
            job.is_over = True
        with self._lock:
            batch, self._batch = self._batch, None
        batch.set()

    def _count(self, jobs):
        """Now and then, start to bring the WAL file's pages into the database."""
        self._jobs += jobs
        if self._jobs >= CHECKPOINT_EVERY and self._wal:
            self._jobs = 0
            self._shared.start_checkpoint()

    def is_open(self):
        return not self.database.is_closed()

    def close(self):
        if not self._batch:
            self.database.close()


def _commit_and_sync(connection, wal):
    connection.execute("COMMIT")
    if not wal:
        return
    file = os.open(wal, os.O_RDWR)
    try:
        os.fdatasync(file)
    finally:
        os.close(file)
