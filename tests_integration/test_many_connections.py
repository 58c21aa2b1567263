"""Many connections from one address: a school class that must get in, and a client that takes all it can."""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from servers import until

from web import worker as served

CLASS = 200
EACH = 6  # connections that a browser has
POLL_EVERY = 1.5  # seconds, as the client does in a room
POSTS, TICKS = 2, 6  # of each in a round: one a second, with ticks that are a little slower than they may be
BODY_TO_COME = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"  # holds a connection for 10 s
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Browser:
    """One of the class: it has six connections, opens closed ones again, and counts the responses that it gets by status."""

    def __init__(self, address, statuses):
        self.address, self.statuses = address, statuses
        self.connections = []
        self.token = None

    async def connect(self):
        self.connections = [await asyncio.open_connection(*self.address) for _ in range(EACH)]

    async def ask(self, method, path, body=None, at=0):
        content = b"" if body is None else json.dumps(body).encode()
        token = f"X-Snakepit-Token: {self.token}\r\n" if self.token else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n{token}Content-Length: {len(content)}\r\n\r\n"
        )
        for _ in range(5):
            reader, writer = self.connections[at]
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                writer.write(head.encode() + content)
                answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = re.search(r"content-length: (\d+)", answer)
                received = await reader.readexactly(int(length[1]) if length else 0)
                if "connection: close" in answer:
                    await self._again(at)
                status = int(answer.split()[1])
                assert status not in (429, 503), f"{method} {path}: {status} {received}"
                self.statuses[status] = self.statuses.get(status, 0) + 1
                return received
            await self._again(at)  # the server has closed it meanwhile
        raise AssertionError(f"{method} {path}: no response")

    async def _again(self, at):
        self.connections[at][1].close()
        self.connections[at] = await asyncio.open_connection(*self.address)

    async def load(self, files):
        await self.ask("GET", "/")
        parts = [files[at::EACH] for at in range(EACH)]

        async def load_on(at):
            for path in parts[at]:
                await self.ask("GET", f"/{path}", at=at)

        await asyncio.gather(*(load_on(at) for at in range(EACH)))

    async def play(self):
        self.token = json.loads(await self.ask("POST", "/api/auth/guest", {}))["token"]
        game = json.loads(await self.ask("POST", "/api/games", {"mode": "walls"}))
        for _ in range(2):
            await self.ask("POST", f"/api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []})
            await self.ask("GET", "/api/leaderboard", at=1)

    async def enter(self, path, name):
        self.path = path
        await self.ask("GET", path)
        await self.ask("POST", f"{path}/members", {"name": name})

    async def play_round(self, place):
        """Await the round that the host has made, and play. `place` spreads the class: 0 is the first, 1 the last."""
        room = json.loads(await self.ask("GET", self.path))
        opens_at = seconds(room["round"]["starts_at"]) + place / 2
        while (left := opens_at - time.time()) > 0:
            await asyncio.sleep(min(left, POLL_EVERY))
            await self.ask("GET", f"{self.path}?version={room['version']}", at=1)
        game = json.loads(await self.ask("POST", "/api/games", {"room": self.path.rpartition("/")[2]}))
        self.game = game["id"]
        for number in range(POSTS):
            await asyncio.sleep(seconds(game["started_at"]) + number + 1 + place - time.time())
            assert (await self.post(number))["status"] == "playing"

    async def end_round(self):
        """Post what was played when the round ended, and see how it went."""
        ended = await self.post(POSTS)
        assert ended.get("game", ended)["outcome"] == "left"  # in a 409, if the machine is so slow that it comes too late
        number = json.loads(await self.ask("GET", self.path))["rounds"]
        await self.ask("GET", f"{self.path}/rounds/{number}", at=1)

    async def post(self, number):
        body = {"since": TICKS * number, "tick": TICKS * (number + 1), "turns": []}
        return json.loads(await self.ask("POST", f"/api/games/{self.game}/turns", body))

    def close(self):
        for _, writer in self.connections:
            writer.close()


def seconds(timestamp):
    return datetime.fromisoformat(timestamp).timestamp()


@pytest.mark.parametrize(("workers", "rounds"), [("1", 2), ("2", 1)])
def test_a_class_behind_one_address_gets_in_and_plays_rounds_in_a_room(make_server, tmp_path, workers, rounds):
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/snake.db", "ENFORCE_PACE": "true", "WORKERS": workers}
    server, statuses = make_server(**settings), {}
    address = server.address
    files = [f"static/{path.relative_to(served_files())}" for path in served_files().glob("js/**/*.js")][:18]

    async def all_at_once():
        browsers = [Browser(address, statuses) for _ in range(CLASS)]
        for browser in browsers:
            await browser.connect()
        await asyncio.gather(*(browser.load(files) for browser in browsers))
        await asyncio.gather(*(browser.play() for browser in browsers))
        host = browsers[0]
        path = f"/api/rooms/{json.loads(await host.ask('POST', '/api/rooms', {'my_name': 'Teacher'}))['code']}"
        names = ["Teacher", *(f"Student {number}" for number in range(1, CLASS))]
        await asyncio.gather(*(browser.enter(path, name) for browser, name in zip(browsers, names, strict=True)))
        for number in range(1, rounds + 1):
            await host.ask("POST", f"{path}/rounds", {"mode": "pass-through", "minutes": 30, "tries": "one", "starts_in": 3})
            await asyncio.gather(*(browser.play_round(place / CLASS) for place, browser in enumerate(browsers)))
            await host.ask("DELETE", f"{path}/rounds/{number}")
            await asyncio.gather(*(browser.end_round() for browser in browsers))
        for browser in browsers:
            browser.close()
        return path, names

    with ThreadPoolExecutor() as thread:  # in this one, the browser tests may have left a loop that runs
        path, names = thread.submit(asyncio.run, all_at_once()).result()
    assert {200, 201, 204, 304} <= set(statuses) <= {200, 201, 204, 304, 409}
    assert statuses[201] == CLASS * (2 + rounds) + 1 + rounds
    for number in range(1, rounds + 1):
        standings = server.api(f"GET {path}/rounds/{number}")["standings"]
        assert {entry["name"]: (entry["rank"], entry["ranked"]) for entry in standings} == dict.fromkeys(names, (1, True))


def served_files():
    return Path(served.__file__).parent / "static"


@pytest.fixture
def connect():
    """Opens a connection to a server, from an address of this machine; all are closed in the end."""
    with ExitStack() as stack:

        def connect(server, source="127.0.0.1", say=b""):
            opened = stack.enter_context(server.connect(source))
            opened.sendall(say)
            return opened

        yield connect


def answer(connection, request=ASK):
    """(status, headers in lower case, JSON) of the response to it."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(request)
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = connection.recv(65536)
        assert part, raw
        raw += part
    head, _, content = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), json.loads(content)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_connections_per_address_are_limited(make_server, connect, workers):
    server = make_server(CONNECTIONS_PER_ADDRESS="20", WORKERS=workers)
    held = [connect(server, say=BODY_TO_COME) for _ in range(20)]
    status, headers, problem = until(lambda: refused(connect(server)))
    assert (status, headers["connection"], problem["code"]) == (429, "close", "too_many_connections")
    assert problem["params"] == {"max": 20, "retry_in": int(headers["retry-after"])}
    assert headers["x-content-type-options"] == "nosniff"
    assert answer(connect(server, source="127.0.0.2"))[0] == 200
    for connection in held[:5]:
        connection.close()
    until(lambda: answer(connect(server))[0] == 200)


def refused(connection):
    """The answer of a server that refuses the connection; None if it doesn't, not yet."""
    found = answer(connection)
    return found if found[0] != 200 else None


@pytest.mark.parametrize("settings", [{"RATE_LIMITS": "false"}, {"TRUSTED_PROXIES": "127.0.0.1"}])
def test_proxies_have_no_limit_and_it_can_be_turned_off(make_server, connect, settings):
    server = make_server(DATABASE_URL="sqlite:///:memory:", CONNECTIONS_PER_ADDRESS="2", **settings)
    for _ in range(10):
        assert answer(connect(server))[0] == 200


def test_connections_of_a_worker_that_was_killed_are_forgotten(make_server, connect):
    server = make_server(DATABASE_URL="sqlite:///:memory:", CONNECTIONS_PER_ADDRESS="20")
    for _ in range(20):
        connect(server, say=BODY_TO_COME)
    until(lambda: refused(connect(server)))
    [worker] = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    until(lambda: answer(connect(server))[0] == 200)


def test_many_refusals_at_once_leave_the_server_usable(make_server, connect):
    server = make_server(DATABASE_URL="sqlite:///:memory:", CONNECTIONS_PER_ADDRESS="20")
    for _ in range(20):
        connect(server, say=BODY_TO_COME)
    for _ in range(500):
        connect(server)
    assert answer(connect(server, source="127.0.0.2"))[0] == 200
    assert server.log.stat().st_size < 10_000


def test_connections_of_a_crowded_address_are_closed_after_each_response(make_server, connect):
    server = make_server(DATABASE_URL="sqlite:///:memory:", CONNECTIONS_PER_ADDRESS="40")
    assert answer(connect(server))[1]["connection"] == "keep-alive"
    for _ in range(10):
        connect(server, say=BODY_TO_COME)
    last = connect(server)
    assert answer(last)[1]["connection"] == "close"
    assert last.recv(100) == b""
    assert answer(connect(server, source="127.0.0.2"))[1]["connection"] == "keep-alive"
