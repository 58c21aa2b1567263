"""Faults while people play: killed processes, stopped databases, full disks, locked files."""

import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from functools import partial

import pytest
from crowd import Crowd
from driver import PASSWORD
from servers import NOT_TAKEN, TIMEOUT, run_program

import service
from database import errors


def said_at_start(server):
    """The lines in its log, once it answers."""
    assert server.get("/")[0] == 200
    return server.log.read_text().splitlines()


@pytest.mark.parametrize("kills", [6, pytest.param(25, marks=pytest.mark.long)])
def test_kills_at_any_moment_lose_nothing_that_was_answered(make_server, database_url, kills):
    """Of a worker, after which the server starts another, and of all of the server; open games go on each time."""
    server = make_server(DATABASE_URL=database_url, WORKERS="2", RATE_LIMITS="false")
    with Crowd(server) as crowd:
        chance = random.Random(crowd.seed)
        for number in range(kills):
            crowd.await_answers(30)
            time.sleep(chance.uniform(0, 0.1))
            if number % 2:
                server.kill()
                server.start()
            else:
                os.kill(chance.choice(server.workers), signal.SIGKILL)
        crowd.await_answers(100)
    assert crowd.broken
    crowd.check(database_url)


def test_a_stop_under_load_cuts_nobody_off(make_server, database_url):
    """Accepted requests are answered, others have no effect, and the same port serves again at once."""
    server = make_server(DATABASE_URL=database_url, WORKERS="2", RATE_LIMITS="false")
    with Crowd(server) as crowd:
        for _ in range(2):
            crowd.await_answers(200)
            assert server.stop() == 0
            with pytest.raises(ConnectionRefusedError):
                server.get("/")
            server.start()
        crowd.await_answers(100)
    assert not [error for error in crowd.broken if not isinstance(error, NOT_TAKEN)]
    assert crowd.check(database_url) + len(crowd.done_unanswered) == 0


SOON = (0, 0.01, 0.02, 0.04, 0.08, 0.16)  # seconds after the start


@pytest.mark.parametrize("delays", [SOON[::2], pytest.param(SOON, marks=pytest.mark.long)], ids=["quick", "long"])
def test_a_stop_right_after_the_start_is_heard(make_server, tmp_path, delays):
    """Also by a worker that is not yet what it is to be."""
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    for delay in delays:
        while not server.workers:
            time.sleep(0.001)
        time.sleep(delay)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20  # lost, it took thirty
        server.start()


def test_a_client_that_hangs_delays_a_stop_by_ten_seconds_at_the_most(make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    head = b"POST /api/auth/guest HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n"
    with ExitStack() as stack:
        assert server.get("/")[0] == 200  # what connects before is only queued, and refused by a worker that is to stop
        for begun in (b"", head, head + b"\r\n{"):
            hanging = stack.enter_context(server.connect())
            hanging.sendall(begun)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20
        assert hanging.recv(4096).startswith(b"HTTP/1.1 408 ")
    server.start()
    server.api.sign_up("Ada")


# SQLite.


@pytest.fixture
def lock(tmp_path):
    """Takes the write lock of a SQLite file in another process, and answers what gives it back."""
    holders = []

    def take(path):
        program = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE');"
            "print('taken', flush=True); sys.stdin.readline()"
        )
        command = [sys.executable, "-c", program, path]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout.readline() == "taken\n"
        return lambda: holder.communicate("give it back\n", TIMEOUT)

    yield take
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_who_waits_for_a_locked_file_holds_nobody_up(make_server, tmp_path, lock):
    """Writes wait for five seconds, and say what they wait for; reads, and the client's files, are answered at once."""
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    ada, bob, eve, zoe = (server.api.sign_up(name) for name in ("Ada", "Bob", "Eve", "Zoe"))
    game, other, abandoned = ada.open(), bob.open(), zoe.open()
    writes = (  # in the middle of a game, at its end, and by peewee, within a transaction and without
        lambda: ada.ask(f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 1, "turns": []}),
        lambda: bob.ask(f"POST /api/games/{other['id']}/turns", {"since": 0, "tick": 100, "turns": []}),
        lambda: eve.ask("PATCH /api/auth/me", {"email": "eve@example.org", "current_password": PASSWORD}),
        lambda: server.api.ask("POST /api/auth/guest"),
    )
    reads = ("/", "/static/js/rules.js", "/healthz", "/api/leaderboard", "/api/games/active", "/api/auth/me")
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection, connection:  # so that reads find what to write
        connection.execute("UPDATE games SET seen_at = 1 WHERE id = ?", (abandoned["id"],))
        connection.execute("UPDATE sessions SET expires_at = expires_at - 7200000")
    give_back = lock(tmp_path / "snake.db")
    taken = time.monotonic()
    slowest = 0

    def read_until(condition):
        nonlocal slowest
        while not condition():
            for path in reads:
                began = time.monotonic()
                assert server.get(path, zoe.token)[0] == 200
                slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.02)

    with ThreadPoolExecutor(len(writes)) as threads:
        first = [threads.submit(write) for write in writes]
        read_until(lambda: all(write.done() for write in first))
        assert time.monotonic() - taken > 4.5
        for answer in (write.result() for write in first):
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json["detail"].startswith(errors.LOCKED)
        read_until(lambda: time.monotonic() > taken + 8)
        second = [threads.submit(write) for write in writes]
        read_until(lambda: time.monotonic() > taken + 10)
        assert not any(write.done() for write in second)
        give_back()
        assert [write.result().status for write in second] == [200, 200, 200, 201]
    assert slowest < 2.5
    assert {entry["game"] for entry in server.api("GET /api/leaderboard")} >= {other["id"]}


def test_a_full_disk_stops_what_writes_until_there_is_room(make_server, disk):
    server = make_server(disk.wrapper(disk.tmpfs("64m")), DATABASE_URL=disk.url, RATE_LIMITS="false")
    ballast = disk.seen_from_outside(server) / "ballast"
    plays_through(server, partial(fill, ballast), ballast.unlink, errors.DISK_FULL).check(disk.copy(server))


def test_a_file_that_may_not_grow_stops_what_writes_until_it_may(make_server, tmp_path):
    """As with a quota; an ordinary user can try it, too."""
    url = f"sqlite:///{tmp_path}/snake.db"
    server = make_server(DATABASE_URL=url, RATE_LIMITS="false")

    def allow(size):
        for pid in (server.process.pid, *server.workers):
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if size is None else size, most))

    def stop():
        allow((tmp_path / "snake.db-wal").stat().st_size)

    plays_through(server, stop, partial(allow, None), errors.IO_ERROR).check(url)


def plays_through(server, stop, go_on, trouble):
    """Players meet, twice, what stops writing, and say of what trouble they were told; the Crowd."""
    with Crowd(server) as crowd:
        for _ in range(2):
            crowd.await_answers(200)
            stop()
            before = len(crowd.refused)
            crowd.wait(lambda before=before: len(crowd.refused) > before + 50)
            for call, body in (("guest", {}), ("signup", {"username": "Ada", "password": PASSWORD})):
                assert server.api(f"POST /api/auth/{call}", body, status=503)["detail"].startswith(trouble)
            game = crowd.players[0].opened[0]
            for path in ("/", "/healthz", "/api/leaderboard", f"/api/games/{game}", "/api/games/active"):
                assert server.get(path)[0] == 200
            go_on()
            since = time.monotonic()
            crowd.await_answers(200)
            assert not [answer.json for asked, answer in crowd.refused if asked > since]
    assert {answer.json["detail"].removeprefix(trouble) for _, answer in crowd.refused} == {
        " Nothing is lost; try again in 2 s."
    }
    assert not crowd.broken + crowd.done_unanswered  # what is refused is not done
    return crowd


def fill(ballast):
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(ballast).free == 0


def test_a_start_on_a_full_disk_reports_it_and_continues_once_there_is_room(make_server, disk):
    filled = f"{disk.tmpfs('1m')} && cat /dev/zero 2> /dev/null > {disk.path}/ballast; true"
    server = make_server(disk.wrapper(filled), DATABASE_URL=disk.url)
    [line] = said_at_start(server)
    assert errors.DISK_FULL in line
    assert server.api("GET /api/leaderboard", status=503)["detail"].startswith(errors.DISK_FULL)
    (disk.seen_from_outside(server) / "ballast").unlink()
    server.api.sign_up("Ada").play()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_read_only_stops_the_start(disk, what):
    make_database(disk.path / "snake.db")
    path = disk.path / "snake.db" if what == "file" else disk.path
    run = run_program(disk.path.parent, "service.py", wrapper=disk.wrapper(disk.read_only(path)), DATABASE_URL=disk.url)
    assert (run.returncode, run.stdout) == (2, "")
    assert re.fullmatch("DATABASE_URL: the (server can't write to|database file can't be opened).*\n", run.stderr)


def make_database(path):
    app = service.create_app(database_url=f"sqlite:///{path}")
    app.close()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_restarted_worker_serves_reads_of_a_read_only_file_and_writes_once_it_can(make_server, disk, what):
    make_database(disk.path / "snake.db")
    path = disk.path / "snake.db" if what == "file" else disk.path
    server = make_server(disk.wrapper(f"mount --bind {path} {path}"), DATABASE_URL=disk.url)
    ada = server.api.sign_up("Ada")
    ada.play(1)
    game = ada.open()
    server.process.send_signal(signal.SIGSTOP)  # so that no worker starts before the file is read-only
    [worker] = server.workers
    os.kill(worker, signal.SIGKILL)  # which leaves the WAL file: without one, SQLite could not even read in such a folder
    disk.remount(server, path, "ro")
    server.process.send_signal(signal.SIGCONT)
    for _ in range(3):
        assert [entry["score"] for entry in server.api("GET /api/leaderboard")] == [10]
        assert server.api(f"GET /api/games/{game['id']}")["status"] == "playing"
        for call in ("POST /api/auth/guest", f"DELETE /api/games/{game['id']}"):
            assert ada(call, status=503)["detail"].startswith(errors.READ_ONLY)
        ada.post(game, 0, 5, status=503)
    disk.remount(server, path, "rw")
    ada.post(game, 0, 5)
    ada.post(game, 5, 100)
    ada.play(2)


# Postgres.


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_postgres_may_go_and_come_back(make_server, own_postgres, mode):
    server = make_server(DATABASE_URL=own_postgres.url, RATE_LIMITS="false")
    with Crowd(server) as crowd:
        crowd.await_answers(100)
        own_postgres.stop(mode)
        stopped = time.monotonic()
        crowd.wait(lambda: any(asked > stopped for asked, _ in crowd.refused))
        for call in ("GET /api/leaderboard", "GET /healthz", "POST /api/auth/guest"):
            refused = server.api(call, status=503)
            assert refused["detail"].startswith(errors.UNREACHABLE)
        own_postgres.start()
        started = time.monotonic()
        crowd.await_answers(100)
    assert not [answer.json for asked, answer in crowd.refused if asked > started]
    assert not crowd.broken
    ada = server.api.sign_up("Ada")
    for ask in (ada.play, lambda: ada("GET /api/auth/me"), lambda: server.api("GET /api/leaderboard")):
        own_postgres.stop(mode)
        own_postgres.start()
        ask()
    server.kill()
    crowd.check(own_postgres.url)


def test_a_start_without_its_postgres_reports_it_and_continues_once_it_is_there(make_server, own_postgres):
    own_postgres.stop("fast")
    server = make_server(DATABASE_URL=own_postgres.url)
    [line] = said_at_start(server)
    assert errors.UNREACHABLE in line
    assert server.api("GET /api/leaderboard", status=503)["detail"].startswith(errors.UNREACHABLE)
    own_postgres.start()
    server.api.sign_up("Ada").play()
