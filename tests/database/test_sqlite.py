"""SQLite in a server: a reader per thread, and a writer with group commit."""

import errno
import os
import shutil
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import pairwise

import peewee
import psycopg
import pytest
from driver import drive, plan

from database import errors, sqlite, transactions, writer
from database.binding import bind, database
from database.deadlines import deadline
from database.queries import Param, compiled
from database.transactions import change_mark, commit
from models import Game, Secret, User


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/snake.db", "sqlite+pool:///{}/snake.db", "sqlite:///{}/snake.db?cached_statements=10"]
)
def test_a_file_outlives_the_app(make_app, tmp_path, url):
    drive(make_app(database_url=url.format(tmp_path))).sign_up("Ada").play(2)
    again = drive(make_app(database_url=url.format(tmp_path)))
    assert again("GET /api/leaderboard")[0]["score"] == 20


def write(app, name, durable=True):
    with bind(app.database):
        commit(Secret.insert(name=name, value="").execute, durable)


def names(app):
    with bind(app.database):
        return {name for (name,) in database.execute_sql("SELECT name FROM secrets")}


def await_waiting(app, number):
    """Wait until so many jobs are in the queue."""
    until = time.monotonic() + 30
    while len(app.database.writer.waiting) < number:
        assert time.monotonic() < until
        time.sleep(0.001)


class Disk:
    """Looks on at fdatasync, and can hold it up: what the log held when each began."""

    def __init__(self, monkeypatch):
        self.began, self.may_go_on, self.sizes = threading.Semaphore(0), threading.Semaphore(0), []
        self.real = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self.fdatasync)

    def fdatasync(self, file):
        self.sizes.append(os.fstat(file).st_size)
        self.began.release()
        assert self.may_go_on.acquire(timeout=30)
        self.real(file)


@pytest.fixture
def on_file(make_app, tmp_path):
    return make_app(database_url=f"sqlite:///{tmp_path}/snake.db")


def test_what_is_durable_is_on_disk_before_it_goes_on(on_file, monkeypatch, tmp_path):
    disk, log = Disk(monkeypatch), tmp_path / "snake.db-wal"
    with ThreadPoolExecutor() as threads:
        writing = threads.submit(write, on_file, "one")
        assert disk.began.acquire(timeout=30)
        assert not writing.done()
        assert disk.sizes == [log.stat().st_size]
        with bind(on_file.database):  # and nobody else has to wait
            assert database.execute_sql("SELECT COUNT(*) FROM secrets WHERE name = 'one'").fetchone()[0] == 1
        disk.may_go_on.release()
        writing.result()


def test_concurrent_writes_share_one_fsync(on_file, monkeypatch, tmp_path):
    disk, log = Disk(monkeypatch), tmp_path / "snake.db-wal"
    with ThreadPoolExecutor() as threads:
        first = threads.submit(write, on_file, "first")
        assert disk.began.acquire(timeout=30)
        later = [threads.submit(write, on_file, f"later {n}") for n in range(4)]
        await_waiting(on_file, 4)
        disk.may_go_on.release()
        first.result()
        assert disk.began.acquire(timeout=30)  # for the others, all of whom have written by now
        assert disk.sizes[-1] == log.stat().st_size
        with bind(on_file.database):
            assert database.execute_sql("SELECT COUNT(*) FROM secrets WHERE name LIKE 'later%'").fetchone()[0] == 4
        assert not any(other.done() for other in later)
        disk.may_go_on.release()
        for other in later:
            other.result()
    assert len(disk.sizes) == 2


def test_a_job_that_fails_undoes_nothing_of_the_others_and_none_is_called_twice(on_file, monkeypatch):
    disk, calls = Disk(monkeypatch), []

    def fail():
        calls.append("failed")
        Secret.insert(name="failed", value="").execute()
        raise LookupError("on purpose")

    def try_to_fail():
        with bind(on_file.database), pytest.raises(LookupError, match="on purpose"):
            commit(fail)

    with ThreadPoolExecutor() as threads:
        first = threads.submit(write, on_file, "first")
        assert disk.began.acquire(timeout=30)
        jobs = [threads.submit(write, on_file, "before")]
        await_waiting(on_file, 1)
        jobs.append(threads.submit(try_to_fail))
        await_waiting(on_file, 2)
        jobs.append(threads.submit(write, on_file, "after"))
        await_waiting(on_file, 3)
        disk.may_go_on.release()
        disk.may_go_on.release()
        for job in (first, *jobs):
            job.result(30)
    assert names(on_file) >= {"first", "before", "after"}
    assert "failed" not in names(on_file)
    assert calls == ["failed"]
    assert len(disk.sizes) == 2


def test_a_job_reads_what_it_has_written_and_others_do_not(on_file):
    def job():
        Secret.insert(name="new", value="").execute()
        commit(Secret.insert(name="within", value="").execute)
        with ThreadPoolExecutor(1) as threads:
            assert not {"new", "within"} & threads.submit(names, on_file).result()
        return {name for (name,) in database.execute_sql("SELECT name FROM secrets")}

    with bind(on_file.database):
        assert {"new", "within"} <= commit(job)
    assert {"new", "within"} <= names(on_file)


def test_what_is_not_durable_waits_for_no_disk(on_file, monkeypatch):
    disk = Disk(monkeypatch)
    write(on_file, "one", durable=False)
    assert not disk.sizes
    disk.may_go_on.release()
    with bind(on_file.database):
        transactions.flush()
    assert len(disk.sizes) == 1


def test_what_is_as_well_done_later_does_not_wait_for_others(on_file, monkeypatch, tmp_path):
    disk = Disk(monkeypatch)

    def give_up():
        with bind(on_file.database), pytest.raises(peewee.OperationalError):
            commit(Secret.insert(name="later", value="").execute, wait=False)

    with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        give_up()
        lock.execute("ROLLBACK")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(write, on_file, "first")
        assert disk.began.acquire(timeout=30)
        give_up()
        disk.may_go_on.release()
        first.result(30)
    assert "later" not in names(on_file)


def test_who_waits_for_the_writer_gives_up_at_the_deadline(on_file, monkeypatch):
    disk = Disk(monkeypatch)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(write, on_file, "first")
        assert disk.began.acquire(timeout=30)
        with deadline(0.05), pytest.raises(peewee.OperationalError, match="in time"):
            write(on_file, "second")
        disk.may_go_on.release()
        first.result(30)
    assert "second" not in names(on_file)


def test_readers_do_not_write(on_file):
    with bind(on_file.database), pytest.raises(peewee.OperationalError, match="readonly"):
        Secret.insert(name="one", value="").execute()


def test_what_was_begun_and_not_ended_is_undone_with_the_request(on_file):
    with bind(on_file.database):
        database.execute_sql("BEGIN")
        database.execute_sql("SELECT COUNT(*) FROM secrets").fetchone()
    write(on_file, "one")
    assert "one" in names(on_file)


def descriptors(path):
    """How often this process has the database, its WAL file or its index open."""
    links = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if is_link(number)]
    return sum(link.startswith(str(path)) for link in links)


def is_link(number):
    return os.path.islink(f"/proc/self/fd/{number}")


def test_connections_are_one_reader_per_thread_and_a_writer(on_file, tmp_path):
    api, path = drive(on_file), tmp_path / "snake.db"
    for _ in range(3):
        api.ask("GET /api/leaderboard")
        api.ask("POST /api/auth/guest")
    most = descriptors(path) + 3 * 2  # the index is open once
    for _ in range(10):  # threads that end close theirs, which SQLite uses again
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda _: api.ask("GET /api/leaderboard"), range(20)))
        assert descriptors(path) <= most


def test_a_file_that_was_read_only_is_written_again_and_no_descriptor_leaks(on_file, tmp_path, monkeypatch):
    api, path = drive(on_file), tmp_path / "snake.db"
    ada = api.sign_up("Ada")
    ada.play(1)
    before = descriptors(path)
    with monkeypatch.context() as patch:  # as a file that is mounted read-only; root may write whatever its mode is
        execute = sqlite3.Connection.execute
        for _ in range(30):
            patch.setattr(on_file.database.writer.database, "connection", partial(refuse, execute))
            api("POST /api/auth/guest", status=503)
            assert len(api("GET /api/leaderboard")) == 1
    assert descriptors(path) <= before
    ada.play(2)
    assert descriptors(path) == before


def refuse(execute):
    with closing(sqlite3.connect(":memory:")) as connection:
        execute(connection, "PRAGMA query_only = 1")
        execute(connection, "CREATE TABLE t (a)")


def test_a_file_in_the_place_of_the_database_is_used_from_the_next_write_on(on_file, tmp_path):
    api, path = drive(on_file), tmp_path / "snake.db"
    api.sign_up("Ada")
    on_file.database.checkpoint()
    shutil.copy(path, tmp_path / "copy.db")
    api.sign_up("Bob")
    before = descriptors(path)
    on_file.database.checkpoint()
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink()
    (tmp_path / "copy.db").rename(path)
    api.sign_up("Carl")
    assert [api.ask(f"GET /api/players/{name}").status for name in ("Ada", "Bob", "Carl")] == [200, 404, 200]
    assert descriptors(path) <= before


def test_a_failing_fsync_fails_every_waiting_write(on_file, monkeypatch):
    def fail(file):
        raise OSError(errno.EIO, "Input/output error")

    api = drive(on_file)
    ada = api.sign_up("Ada")
    game = ada.open()
    turns, end = plan(game["seed"], "walls", 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        for _ in range(2):
            answer = ada.ask(f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": end, "turns": turns})
            assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
    ada.play(1)


def test_now_and_then_the_log_is_brought_into_the_database(on_file, monkeypatch, tmp_path):
    monkeypatch.setattr(writer, "CHECKPOINT_EVERY", 5)
    ada = drive(on_file).sign_up("Ada")

    def games_in_the_file_alone():
        shutil.copy(tmp_path / "snake.db", tmp_path / "alone.db")
        with closing(sqlite3.connect(tmp_path / "alone.db")) as alone:
            return alone.execute("SELECT COUNT(*) FROM games").fetchone()[0]

    played = 0
    while not games_in_the_file_alone():
        assert played < 5
        ada.play()
        played += 1


def test_while_somebody_reads_the_log_is_not_begun_again(on_file, tmp_path):
    path, log = str(tmp_path / "snake.db"), tmp_path / "snake.db-wal"

    def grows(name):
        before = log.stat().st_size
        write(on_file, name)
        return log.stat().st_size > before

    drive(on_file).sign_up("Ada")
    assert grows("first")
    with sqlite.reading(path):
        sqlite.checkpoint(path, ("PASSIVE",))
        assert grows("second")
    sqlite.checkpoint(path, ("PASSIVE",))
    assert not grows("third")
    with sqlite.reading(str(tmp_path / "missing.db")):
        pass


def test_a_database_that_is_out_of_reach_is_503_and_back_by_itself(make_app, tmp_path):
    """A file that another program has locked acts as a database that can't be reached."""
    path = tmp_path / "snake.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        api = drive(make_app(database_url=f"sqlite:///{path}", lock_wait=0.01))
        for call in ("GET /api/leaderboard", "GET /healthz"):
            answer = api.ask(call)
            assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) > 0
        lock.execute("ROLLBACK")
        assert api("GET /api/leaderboard") == []


def test_a_database_that_is_locked_for_long_is_503_and_nothing_is_written(make_app, tmp_path):
    path = tmp_path / "snake.db"
    app = make_app(database_url=f"sqlite:///{path}", lock_wait=0.05)
    api = drive(app)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    refused = api("POST /api/auth/guest", status=503)
    assert refused["detail"].startswith(errors.LOCKED)
    assert api("GET /api/leaderboard") == []
    lock.execute("COMMIT")
    lock.close()
    api.guest()
    with bind(app.database):
        assert User.select().count() == 1
        assert Game.select().count() == 0


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/snake.db-wal"), errors.DISK_FULL),
        (OSError(errno.EIO, "Input/output error"), errors.IO_ERROR),
        (OSError(errno.EINVAL, "Invalid argument"), errors.UNREACHABLE),
        (psycopg.errors.DiskFull("could not extend file"), errors.DISK_FULL),
        (psycopg.OperationalError("connection refused"), errors.UNREACHABLE),
    ],
)
def test_database_errors_are_described_without_paths(cause, told):
    error = peewee.OperationalError(peewee.OperationalError(cause, str(cause)))
    assert errors.describe(error) == told
    assert errors.describe(peewee.OperationalError("20 connections have been in use")) == errors.UNREACHABLE


def test_a_mark_is_the_same_until_somebody_writes(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    with bind(app.database):
        marks = [change_mark(), change_mark()]
        write(app, "by the server")
        marks.append(change_mark())
        with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as other:
            other.execute("DELETE FROM secrets WHERE name = 'by the server'")
        marks += [change_mark(), change_mark()]
        app.database.reopen()
        marks.append(change_mark())
        assert [before == after for before, after in pairwise(marks)] == [True, False, False, True, False]
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(mark_of, app).result() != change_mark()
        assert commit(change_mark) != commit(change_mark)  # a job sees its own changes, which no mark tells


def mark_of(app):
    with bind(app.database):
        return change_mark()


def test_a_database_in_memory_has_another_mark_each_time(app):
    assert mark_of(app) != mark_of(app)


def test_threads_get_their_rows_from_a_database_in_memory(app):
    """Python 3.13 lost some of them; others did not."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = [row for rows in threads.map(read_often, [app] * 8) for row in rows]
    finally:
        sys.setswitchinterval(before)
    assert set(found) == {("secret_key",)}


def read_often(app):
    with bind(app.database):
        return [find_secret.first(name="secret_key") for _ in range(500)]


@compiled
def find_secret():
    return Secret.select(Secret.name).where(Secret.name == Param("name"))
