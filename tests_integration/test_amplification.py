"""Requests that cost the server much more than the client are bounded, and others don't wait for them."""

import json
import os
import socket
import statistics
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from driver import PASSWORD
from many_games import fill, make_long
from servers import TIMEOUT

from database.binding import bind
from database.connect import connect
from models import Game, User
from rules import CELLS, STARVES_AFTER

LONG_GAMES, LONG_TURNS, LONG_TICKS = 20, 100_000, CELLS * STARVES_AFTER
MOST_BYTES = 1_000_000
WAIT = 0.02  # seconds that others may wait, at the median: a request that takes longer has to let them in between
GAMES = [pytest.param(1_000, id="few"), pytest.param(1_000_000, id="many", marks=pytest.mark.long)]


@contextmanager
def database_of(server):
    database = connect(server.settings["DATABASE_URL"])
    try:
        with bind(database):
            yield
    finally:
        database.close_all()


class Probe:
    """Asks for little, again and again, and notes how long that takes."""

    def __init__(self, server):
        self.server, self.times, self.is_over = server, [], False
        self.thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.is_over = True
        self.thread.join(TIMEOUT)

    def _ask(self):
        connection = self.server.http()
        while not self.is_over:
            began = time.perf_counter()
            connection.request("GET", "/api/games/live?limit=0")
            connection.getresponse().read()
            self.times.append(time.perf_counter() - began)
        connection.close()

    @property
    def median(self):
        return statistics.median(self.times)


def size_of(server, path):
    status, content = server.get(path)
    assert status == 200, path
    return len(content)


@pytest.mark.alone
@pytest.mark.parametrize("number", GAMES)
def test_responses_without_a_token_are_small_and_others_do_not_wait(make_server, tmp_path, number):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    ada, bob = server.api.sign_up("Ada"), server.api.sign_up("Bob")
    long = [bob.play(0)[0]["id"] for _ in range(LONG_GAMES)]
    with database_of(server):
        fill(ada.user, number)
        for game_id in long:
            make_long(game_id, LONG_TURNS, LONG_TICKS)
    ada.open()
    from_start, from_end = (",".join(f"{game_id}:{tick}" for game_id in long) for tick in (0, LONG_TURNS - 1))
    asked = {
        "pictures": [f"/games/{game_id}/card.png" for game_id in long],
        "cards": [f"/games/{game_id}" for game_id in long],
        "games": [f"/api/games/{game_id}" for game_id in long],
        "ends of games": [f"/api/games/{game_id}?since={LONG_TURNS - 1}" for game_id in long],
        "the live feed": 10 * [f"/api/games/live?limit=50&known={from_start}"],
        "its ends": 10 * [f"/api/games/live?limit=50&known={from_end}"],
        "active games": 10 * ["/api/games/active?limit=200"],
        "players": 5 * ["/api/players/Ada", "/api/players/Bob"],
        "boards": [f"/api/leaderboard?limit=100&period={period}" for period in ("all", "month", "week", "day")] * 5,
        "the description": 10 * ["/api/openapi.json"],
        "metrics": 10 * ["/metrics"],
    }
    waits = {}
    for what, paths in asked.items():
        with Probe(server) as probe:
            sizes = [size_of(server, path) for path in paths]
        waits[what] = probe.median
        assert max(sizes) <= MOST_BYTES, what
    print({what: f"{1000 * wait:.1f} ms" for what, wait in waits.items()})
    assert {what: wait for what, wait in waits.items() if wait > WAIT} == {}


def memory(server):
    """Bytes of the server's processes."""
    pids = [server.process.pid]
    for pid in pids:
        pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_responses_that_nobody_reads_take_little_memory(make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    bob = server.api.sign_up("Bob")
    long = [bob.play(0)[0]["id"] for _ in range(LONG_GAMES)]
    with database_of(server):
        for game_id in long:
            make_long(game_id, LONG_TURNS, LONG_TICKS)
    path = f"/api/games/live?known={','.join(f'{game_id}:0' for game_id in long)}"
    size = size_of(server, path)
    before, clients, number = memory(server), [], 50
    try:
        for _ in range(number):
            client = server.connect()
            clients.append(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for client in clients:
            assert client.recv(9) == b"HTTP/1.1 "  # all have been made
        grown = memory(server) - before
        print(f"{grown / 1e6:.0f} MB for {number} responses of {size / 1e6:.2f} MB")
        assert grown < 4 * number * size
    finally:
        for client in clients:
            client.close()


@pytest.mark.alone
@pytest.mark.parametrize("number", GAMES)
def test_an_account_with_very_many_games_is_deleted_beside_the_others(make_server, database_url, number):
    server = make_server(DATABASE_URL=database_url, RATE_LIMITS="false")
    ada, bob = server.api.sign_up("Ada"), server.api.sign_up("Bob")
    game, _, _ = bob.play(1)
    with database_of(server):
        fill(ada.user, number)
    with Probe(server) as probe:
        began = time.monotonic()
        ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
        assert time.monotonic() - began < 2
        assert [entry["username"] for entry in server.api("GET /api/leaderboard")] == ["Bob"]
        server.api.sign_up("Ada")
    server.stop()
    server.start()
    with Probe(server) as again, database_of(server):
        until = time.monotonic() + TIMEOUT + number / 500
        while User.select().count() > 2:
            assert time.monotonic() < until
            bob.play(0)
        assert Game.select().where(Game.id == game["id"]).count() == 1
        assert Game.select().where(Game.user == ada.user["id"]).count() == 0
    print(f"others wait {1000 * probe.median:.1f} ms, and {1000 * again.median:.1f} ms")
    assert max(probe.median, again.median) < WAIT
    assert json.dumps(server.api("GET /api/leaderboard")).count("Bob") == 1
