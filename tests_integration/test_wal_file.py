"""The database file is complete after a stop and never far behind; the WAL file stays small."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from driver import drive
from servers import ROOT, TIMEOUT, run_program, until

import service

STOPS = {"SIGTERM": lambda server: server.stop(), "Ctrl+C": lambda server: server.interrupt()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "snake.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture
def make_app(url):
    """Makes apps on the file; arguments as for service.create_app."""
    apps = []

    def make(**settings):
        apps.append(service.create_app(database_url=url, enforce_pace=False, bcrypt_rounds=4, **settings))
        return apps[-1]

    yield make
    for app in apps:
        app.close()


def wal_size(path):
    wal = path.with_name("snake.db-wal")
    return wal.stat().st_size if wal.exists() else 0


def games_in_the_file_alone(path):
    """How many games a copy of the file has, without the WAL file."""
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as alone:
        assert alone.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return alone.execute("SELECT COUNT(*) FROM games").fetchone()[0]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("workers", ["1", "3"])
def test_after_a_clean_stop_the_file_alone_is_complete(make_server, path, url, workers, stop):
    server = make_server(DATABASE_URL=url, WORKERS=workers)
    ada = server.api.sign_up("Ada")
    for _ in range(6):
        ada.play(1)
    assert wal_size(path) > 0
    assert STOPS[stop](server) == 0
    assert wal_size(path) == 0
    assert games_in_the_file_alone(path) == 6


def test_after_a_close_the_file_alone_is_complete(make_app, path):
    app = make_app()
    drive(app).sign_up("Ada").play(1)
    app.close()
    assert wal_size(path) == 0
    assert games_in_the_file_alone(path) == 1


def test_the_last_of_several_apps_to_close_leaves_the_file_complete(make_app, path):
    first, second = make_app(), make_app()
    ada = drive(first).sign_up("Ada")
    ada.play(1)
    drive(second)("GET /api/leaderboard")
    first.close()
    ada.send = drive(second).send
    ada.play(1)
    second.close()
    assert wal_size(path) == 0
    assert games_in_the_file_alone(path) == 2


def test_a_program_that_ends_without_closing_its_app_leaves_the_file_complete(path, url):
    program = (
        "import sys; sys.path[:0] = sys.argv[1:3]; import driver, service\n"
        "app = service.create_app(database_url=sys.argv[3], enforce_pace=False, bcrypt_rounds=4)\n"
        "driver.drive(app).sign_up('Ada').play(1)\n"
    )
    subprocess.run([sys.executable, "-c", program, ROOT, ROOT / "tests", url], check=True, timeout=TIMEOUT)
    assert wal_size(path) == 0
    assert games_in_the_file_alone(path) == 1


def test_a_command_leaves_the_file_complete(make_app, path, url):
    app = make_app()
    drive(app).sign_up("Ada").play(1)
    app.close()
    assert run_program(path.parent, "manage.py", "ban", "Ada", DATABASE_URL=url).returncode == 0
    assert wal_size(path) == 0
    shutil.copy(path, path.with_name("copy.db"))
    with closing(sqlite3.connect(path.with_name("copy.db"))) as alone:
        assert alone.execute("SELECT banned_at IS NOT NULL FROM users").fetchone() == (1,)


def test_what_was_written_is_soon_in_the_file(make_app, path):
    """Also what another program has written."""
    app = make_app(checkpoint_interval=0.02)
    drive(app).sign_up("Ada").play(1)
    until(lambda: wal_size(path) == 0)
    assert games_in_the_file_alone(path) == 1
    with closing(sqlite3.connect(path)) as other:
        other.execute("DELETE FROM games")
        other.commit()
        until(lambda: wal_size(path) == 0)
        assert games_in_the_file_alone(path) == 0


def test_the_server_does_so_by_itself(make_server, path, url):
    server = make_server(waiting={"checkpoint_interval": 0.1}, DATABASE_URL=url, WORKERS="2")
    server.api.sign_up("Ada").play(1)
    until(lambda: wal_size(path) == 0)
    assert games_in_the_file_alone(path) == 1


def test_once_a_long_reader_ends_the_wal_file_shrinks(make_app, path):
    app = make_app(checkpoint_interval=0.02)
    api = drive(app)
    ada = api.sign_up("Ada")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM users").fetchone()
        for _ in range(10):
            ada.play(1)
        assert wal_size(path) > 50_000
        api("GET /api/leaderboard")  # beside it others read and write
        reader.execute("COMMIT")
        until(lambda: wal_size(path) == 0)
    ada.play(1)
    assert len(api("GET /api/leaderboard")) == 1
