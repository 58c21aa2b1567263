"""The database: its tables, and which one is meant."""

import errno
import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import peewee
import psycopg
import pytest
from driver import drive, plan
from playhouse.schema_diff import diff_models

import config
import models
from database import connections, errors, transactions
from database.binding import bind, release_connection
from models import Game, User


def test_the_migrations_make_the_tables_that_the_models_describe(db):
    found = diff_models(db, models.TABLES)
    assert not found.create_tables + found.add_columns + found.drop_columns + found.add_indexes, found
    own = {index.name for index in found.drop_indexes}  # those that no model declares: migrations write them in SQL
    games = {"games_open", "games_latest", "games_best", "games_challenge", "games_challenged", "games_daily"}
    assert own == games | {"entries_standing", "users_deleted"}


def test_migrating_twice_changes_nothing(db):
    models.migrate()


def test_a_database_from_a_newer_version_stops_the_start_and_is_left_alone(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    with bind(make_app(database_url=url).database):
        models.insert("snakepit_migration", name="9999_wings", applied="2030-01-01 00:00:00")
        models.sql("DELETE FROM snakepit_migration WHERE name = '0001_first'")  # which it would else begin with
    with pytest.raises(config.ConfigError, match=r"9999_wings.*run that version"):
        make_app(database_url=url)


def test_a_new_file_is_for_its_user_only_whatever_the_umask(make_app, tmp_path):
    before = os.umask(0)
    try:
        drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db")).guest()
    finally:
        os.umask(before)
    assert {path.name for path in tmp_path.iterdir()} == {"snake.db", "snake.db-wal", "snake.db-shm"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("wrong", ["newer", "no database", "table", "option", "storage"])
def test_an_app_that_cannot_be_made_leaves_no_connection_open(make_app, tmp_path, wrong, monkeypatch):
    monkeypatch.setitem(config.STORAGES, "wings", None)
    path, options = tmp_path / "snake.db", {}
    if wrong == "newer":
        with bind(make_app(database_url=f"sqlite:///{path}").database) as db:
            models.insert(models.MIGRATED, name="9999_wings", applied="2030-01-01 00:00:00")
        db.close_all()
    elif wrong == "no database":
        path.write_bytes(b"not a database" * 1000)
    elif wrong == "table":
        with closing(sqlite3.connect(path)) as another_program:
            another_program.execute("CREATE TABLE users (wings INTEGER)")
    elif wrong == "option":
        options = {"database_url": f"sqlite:///{path}?wings=2"}
    else:
        options = {"rate_limit_storage": "wings://here"}
    before = open_files(path)
    with pytest.raises((config.ConfigError, peewee.DatabaseError)) as raised:
        make_app(**{"database_url": f"sqlite:///{path}"} | options)
    assert raised.tb, "with it, the app is still there"
    gc.collect()  # Python 3.13 warns of a connection that is lost while it is open
    assert open_files(path) == before


def open_files(path):
    """How often this process has the database at the path open, and its WAL."""
    names = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if is_link(number)]
    return sum(name.startswith(str(path)) and not name.endswith("-shm") for name in names)


def is_link(number):
    return os.path.islink(f"/proc/self/fd/{number}")


def test_apps_in_one_process_have_databases_of_their_own(make_app):
    one, other = drive(make_app()), drive(make_app())
    one.sign_up("Ada")
    other.sign_up("Ada")
    one.sign_up("Bob")
    assert other.ask("GET /api/players/Bob").status == 404


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/snake.db", "sqlite+pool:///{}/snake.db", "sqlite:///{}/snake.db?cached_statements=10"]
)
def test_a_file_outlives_the_app(make_app, tmp_path, url):
    drive(make_app(database_url=url.format(tmp_path))).sign_up("Ada").play(2)
    again = drive(make_app(database_url=url.format(tmp_path)))
    assert again("GET /api/leaderboard")[0]["score"] == 20


def test_sqlite_is_set_up_to_lose_nothing(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    app.database.close_all()  # what new connections are set up with
    with bind(app.database) as db:
        assert (db.journal_mode, db.synchronous, db.foreign_keys) == ("wal", 2, 1)
        assert transactions.commit(lambda: db.synchronous, durable=False) == 1
        assert db.synchronous == 2


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


def write_durably(app, name):
    with bind(app.database):
        transactions.commit(partial(models.insert, "secrets", name=name, value=""))


def test_what_is_durable_is_on_disk_before_it_goes_on(on_file, monkeypatch, tmp_path):
    disk, log = Disk(monkeypatch), tmp_path / "snake.db-wal"
    with ThreadPoolExecutor() as threads:
        writing = threads.submit(write_durably, on_file, "one")
        assert disk.began.acquire(timeout=30)
        assert not writing.done()
        assert disk.sizes == [log.stat().st_size]
        with bind(on_file.database):  # and nobody else has to wait
            assert models.sql("SELECT COUNT(*) FROM secrets WHERE name = 'one'").fetchone()[0] == 1
        disk.may_go_on.release()
        writing.result()


def until_joined(app, number):
    until = time.monotonic() + 30
    while len(app.database._durable.group.works) < number:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_those_who_wait_for_the_disk_at_once_share_one_fsync(on_file, monkeypatch, tmp_path):
    disk, log = Disk(monkeypatch), tmp_path / "snake.db-wal"
    with ThreadPoolExecutor() as threads:
        first = threads.submit(write_durably, on_file, "first")
        assert disk.began.acquire(timeout=30)
        later = [threads.submit(write_durably, on_file, f"later {n}") for n in range(4)]
        until_joined(on_file, 4)
        disk.may_go_on.release()
        first.result()
        assert disk.began.acquire(timeout=30)  # for the others, all of whom have written by now
        assert disk.sizes[-1] == log.stat().st_size
        with bind(on_file.database):
            assert models.sql("SELECT COUNT(*) FROM secrets WHERE name LIKE 'later%'").fetchone()[0] == 4
        assert not any(other.done() for other in later)
        disk.may_go_on.release()
        for other in later:
            other.result()
    assert len(disk.sizes) == 2


def test_many_do_not_wait_for_the_fsync_before(on_file, monkeypatch):
    disk = Disk(monkeypatch)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(write_durably, on_file, "first")
        assert disk.began.acquire(timeout=30)
        many = [threads.submit(write_durably, on_file, f"many {n}") for n in range(connections.ENOUGH)]
        assert disk.began.acquire(timeout=30)
        assert not first.done()
        more = [threads.submit(write_durably, on_file, f"more {n}") for n in range(connections.ENOUGH + 2)]
        until_joined(on_file, connections.ENOUGH + 2)  # two fsyncs at once are enough
        for _ in range(3):
            disk.may_go_on.release()
        for one in [first, *many, *more]:
            one.result(30)
    assert len(disk.sizes) == 3


def test_what_fails_in_a_shared_transaction_fails_alone(on_file, monkeypatch):
    disk = Disk(monkeypatch)

    def fail():
        models.insert("secrets", name="failed", value="")
        raise LookupError("on purpose")

    def try_durably():
        with bind(on_file.database), pytest.raises(LookupError, match="on purpose"):
            transactions.commit(fail)

    with ThreadPoolExecutor() as threads:
        first = threads.submit(write_durably, on_file, "first")
        assert disk.began.acquire(timeout=30)
        before = threads.submit(write_durably, on_file, "before")
        until_joined(on_file, 1)
        failing = threads.submit(try_durably)
        until_joined(on_file, 2)
        after = threads.submit(write_durably, on_file, "after")
        until_joined(on_file, 3)
        disk.may_go_on.release()
        disk.may_go_on.release()
        for one in (first, before, failing, after):
            one.result(30)
    with bind(on_file.database):
        assert {name for (name,) in models.sql("SELECT name FROM secrets")} >= {"first", "before", "after"}
        assert not models.sql("SELECT 1 FROM secrets WHERE name = 'failed'").fetchone()


def test_who_is_impatient_has_nobody_else_fail(on_file, tmp_path):
    """One who does what may be done later finds the lock taken, and gives up; whoever comes at that time waits for it."""
    with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as holder, ThreadPoolExecutor() as threads:
        holder.execute("BEGIN IMMEDIATE")
        waiting = threads.submit(write_durably, on_file, "waiting")
        with bind(on_file.database), models.impatient(), pytest.raises(peewee.OperationalError, match="locked"):
            transactions.commit(partial(models.insert, "secrets", name="later", value=""))
        assert not waiting.done()
        holder.execute("ROLLBACK")
        waiting.result(30)


def test_a_disk_that_fails_is_told_to_all_who_wait(on_file, monkeypatch):
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
    monkeypatch.setattr(connections, "COMMITS", 5)
    ada = drive(on_file).sign_up("Ada")

    def games_in_the_file_alone():
        shutil.copy(tmp_path / "snake.db", tmp_path / "alone.db")
        with closing(sqlite3.connect(tmp_path / "alone.db")) as alone:
            return alone.execute("SELECT COUNT(*) FROM games").fetchone()[0]

    ada.play()
    assert games_in_the_file_alone() == 0  # four commits: a secret, the sign-up, and a game opened and ended
    ada.play()
    assert games_in_the_file_alone() > 0


def test_what_was_begun_and_not_committed_is_gone_with_the_request(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    with bind(app.database):
        models.sql("BEGIN IMMEDIATE")
        models.sql("DELETE FROM secrets")
    with bind(app.database):
        assert models.sql("SELECT COUNT(*) FROM secrets").fetchone()[0] == 1


WRITER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1], isolation_level=None) as connection:
    for number in sys.stdin:
        connection.execute("UPDATE secrets SET value = ? WHERE name = 'number'", (number.strip(),))
        print("written", flush=True)
"""
NUMBER = "SELECT value FROM secrets WHERE name = ?"


def test_a_row_is_found_again_without_a_query_until_another_process_commits(on_file, tmp_path):
    statements = []
    command = [sys.executable, "-c", WRITER, tmp_path / "snake.db"]
    with (
        bind(on_file.database) as db,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer,
    ):
        models.insert("secrets", name="number", value="-1")
        release_connection()
        assert models.one(NUMBER, "number") == ("-1",)
        release_connection()
        (spare,) = db._kept
        spare.set_trace_callback(statements.append)
        for number in range(300):
            print(number, file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "written\n"
            assert [models.one(NUMBER, "number") for _ in range(3)] == [(str(number),)] * 3
    assert len(statements) == 300


def test_a_transaction_finds_what_it_has_written_itself_and_nobody_else_does(on_file):
    with bind(on_file.database) as db:
        models.insert("secrets", name="number", value="1")
        release_connection()
        assert models.one(NUMBER, "number") == ("1",)
        with db.atomic() as transaction:
            models.sql("UPDATE secrets SET value = '2' WHERE name = 'number'")
            assert models.one(NUMBER, "number") == ("2",)
            transaction.rollback()
        release_connection()
        assert models.one(NUMBER, "number") == ("1",)


def test_a_row_is_not_found_again_in_a_log_that_was_made_anew(on_file, tmp_path):
    """With the last connection SQLite closes its log, and the index that the rows were compared by is a file no more."""
    with bind(on_file.database) as db:
        models.insert("secrets", name="number", value="1")
        release_connection()
        assert models.one(NUMBER, "number") == ("1",)
        db.close_all()
        assert not (tmp_path / "snake.db-shm").exists()
        with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as other:
            other.execute("UPDATE secrets SET value = '2' WHERE name = 'number'")
            assert models.one(NUMBER, "number") == ("2",)
            other.execute("UPDATE secrets SET value = '3' WHERE name = 'number'")
            assert models.one(NUMBER, "number") == ("3",)


def test_connections_are_kept_and_given_back(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    api = drive(app)
    for _ in range(3):
        api.ask("GET /api/leaderboard")
        api.ask("GET /api/games/nothing")
    assert len(app.database._kept) == 1


def test_a_database_that_is_out_of_reach_is_503_and_back_by_itself(make_app, tmp_path):
    """A file that another program has locked stands for one that can't be reached."""
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
def test_what_is_told_of_a_trouble_says_what_it_is_and_nothing_of_paths(cause, told):
    error = peewee.OperationalError(peewee.OperationalError(cause, str(cause)))
    assert errors.describe(error) == told
    assert errors.describe(peewee.OperationalError("20 connections have been in use")) == errors.UNREACHABLE
