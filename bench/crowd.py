"""Many players and watchers: each player posts once a second, each watcher gets what is new of one player's game as often.

    python bench/crowd.py URL TOKENS PLAYERS WATCHERS SECONDS ROOMS WAY

WAY: watchers have `events`, as the client does, or `polls`, as it does where it can have no events. The latency of an event
is how much later it comes than it is due. In rooms, the players play rounds. Watchers are members there, too, and each room
has a projector, which polls it and the six best games. Prints the results as JSON. It runs on the same cores as the server,
so its own cost is part of the figures.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from game import live
from schemas import LiveGame, LiveQuery
from web.events import MEDIA

TICKS_A_SECOND = 6.5  # a little slower than the first ticks, so that no post is too early
STAIRS = ("R", "U")  # turns that never end a game in pass-through
ON_WALL = 6  # games that a projector shows
ROUND = {"mode": "pass-through", "minutes": 30, "tries": "one", "starts_in": 3}


class Client(asyncio.Protocol):
    """A persistent connection with one request at a time. It reconnects if the server has closed it."""

    def __init__(self, address):
        self.address, self.transport, self.received, self.answer = address, None, b"", None

    def connection_lost(self, error):
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError("the server has closed the connection"))

    def close(self):
        if self.transport:
            self.transport.close()

    async def ask(self, method, path, token="", body=None, accept="*/*"):
        """(status, body) of the answer."""
        loop = asyncio.get_running_loop()
        if self.transport is None or self.transport.is_closing():
            self.transport, _ = await loop.create_connection(lambda: self, self.address.hostname, self.address.port)
        raw = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nContent-Length: {len(raw)}\r\n"
        head += f"Authorization: Bearer {token}\r\n\r\n" if token else "\r\n"
        self.received, self.answer = b"", loop.create_future()
        self.transport.write(head.encode() + raw)
        return await self.answer

    def data_received(self, data):
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        _, has_length, rest = head.lower().partition(b"content-length:")
        if len(body) >= (int(rest.split(b"\r\n")[0]) if has_length else 0):
            if b"connection: close" in head.lower():  # of a crowded address
                self.transport.close()
            if not self.answer.done():  # else nobody waits for it: another request has failed, and with it the measurement
                self.answer.set_result((int(head[9:12]), body))


class Seen:
    def __init__(self):
        self.latencies, self.errors, self.bytes = [], [], 0

    async def time(self, asking):
        """Return what a 200 says, or a 409, which has the server's tick, else None. All but 200 and 304 are errors."""
        began = time.perf_counter()
        try:
            status, body = await asking
        except OSError as error:
            status, body = 0, str(error).encode()
        self.latencies.append(time.perf_counter() - began)
        self.bytes += len(body)
        if status not in (200, 304):
            self.errors.append(f"{status} {body[:200]}")
        return json.loads(body) if status in (200, 409) else None


async def each_second(client, seconds, offset, act):
    """Call it once a second, however long it took before, and then close the client's connection."""
    began = time.perf_counter() + offset
    for second in range(1, seconds + 1):
        await asyncio.sleep(began + second - time.perf_counter())
        await act(second)
    client.close()


async def play(address, token, game, seconds, offset, seen):
    client, known = Client(address), 0

    async def post(second):
        nonlocal known
        tick = int(TICKS_A_SECOND * second)
        turns = [[at, STAIRS[at // 3 % 2]] for at in range(known + 1, tick + 1) if at % 3 == 0]
        body = {"since": known, "tick": tick, "turns": turns}
        answer = await seen.time(client.ask("POST", f"/api/games/{game}/turns", token, body))
        known = answer["tick"] if answer else known  # else these turns are posted again

    await each_second(client, seconds, offset, post)


async def poll(address, game, room, seconds, offset, seen):
    client, known = Client(address), 0
    of_room, token = (f"&room={room.code}", room.tokens[0]) if room else ("", "")

    async def ask(second):
        nonlocal known
        path = f"/api/games/live?limit=0&known={game}:{known}{of_room}"
        for news in await seen.time(client.ask("GET", path, token)) or ():
            known = news["tick"]

    await each_second(client, seconds, offset, ask)


class Watcher(Client):
    """Gets the events of a game, and asks again a second after they end."""

    QUERY = LiveQuery(limit=0)

    def __init__(self, address, game, room, seen):
        super().__init__(address)
        self.game, self.seen, self.known, self.due = game, seen, 0, 0
        self.of_room, self.token = (f"&room={room.code}", room.tokens[0]) if room else ("", "")

    async def watch(self, seconds, offset):
        await asyncio.sleep(1 + offset)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            self.due, path = time.perf_counter(), f"/api/games/live?limit=0&known={self.game}:{self.known}{self.of_room}"
            try:
                await self.ask("GET", path, self.token, accept=MEDIA)
            except OSError as error:
                self.seen.errors.append(str(error))
            await asyncio.sleep(1)
        self.close()

    def data_received(self, data):
        self.received += data
        if self.received.startswith(b"HTTP/1.1 ") and MEDIA.encode() not in self.received.partition(b"\r\n\r\n")[0]:
            self.answer.set_exception(ConnectionError(self.received[:200].decode()))
            self.close()
            return
        *events, self.received = self.received.split(b"\n\n")
        for event in events:
            self.note(event)
        if self.received.endswith(b"\r\n0\r\n\r\n"):
            self.answer.set_result(None)

    def note(self, event):
        now = time.perf_counter()
        self.seen.latencies.append(max(0, now - self.due))
        self.seen.bytes += len(event)
        for update in json.loads(event.partition(b"data: ")[2]):
            self.known = update["tick"]
            _, pause = live.follow(self.QUERY, [LiveGame(self.game, self.known, update["heard"])])
            self.due = now + pause


class Room:
    """A room of the players who have the tokens; the first one is the host, in whose browser the projector's view is."""

    def __init__(self, address, tokens):
        self.address, self.tokens, self.code, self.path = address, tokens, None, None

    async def open(self):
        """Let all join, start a round, and wait until it is played."""
        host, *others = self.tokens
        self.code = (await call(self.address, host, "POST", "/api/rooms", {}))["code"]
        self.path = f"/api/rooms/{self.code}"
        for token in others:
            await call(self.address, token, "POST", f"{self.path}/members", {})
        await call(self.address, host, "POST", f"{self.path}/rounds", ROUND)
        while (await call(self.address, host, "GET", self.path))["round"]["status"] != "running":
            await asyncio.sleep(0.1)

    async def show(self, seconds, offset, seen):
        client, version, known = Client(self.address), 0, {}

        async def ask(second):
            nonlocal version
            room = await seen.time(client.ask("GET", f"{self.path}?version={version}", self.tokens[0]))
            version = room["version"] if room else version
            await seen.time(client.ask("GET", f"{self.path}/rounds/1", self.tokens[0]))
            cursors = ",".join(f"{game}:{tick}" for game, tick in list(known.items())[:ON_WALL])
            path = f"/api/games/live?room={self.code}&limit={ON_WALL}&known={cursors}"
            for news in await seen.time(client.ask("GET", path, self.tokens[0])) or ():
                known[news["id"]] = news["tick"]

        await each_second(client, seconds, offset, ask)


async def call(address, token, method, path, body=None):
    client = Client(address)
    status, content = await client.ask(method, path, token, body)
    assert status in (200, 201), content
    client.close()
    return json.loads(content)


async def main(url, tokens, players, watchers, seconds, number_of_rooms, way):
    address = urlsplit(url)
    tokens = Path(tokens).read_text().split()[:players]
    rooms = [Room(address, tokens[first::number_of_rooms]) for first in range(number_of_rooms)]
    await asyncio.gather(*(room.open() for room in rooms))
    posted, watched, shown = Seen(), Seen(), Seen()
    games, tasks = [], []
    for number, token in enumerate(tokens):
        what = {"room": rooms[number % len(rooms)].code} if rooms else {"mode": "pass-through"}
        games.append((await call(address, token, "POST", "/api/games", what))["id"])
        tasks.append(asyncio.create_task(play(address, token, games[-1], seconds, number / players, posted)))
    for number in range(watchers):
        at = number % len(games)
        room = rooms[at % len(rooms)] if rooms else None
        watching = (
            Watcher(address, games[at], room, watched).watch(seconds, number / watchers)
            if way == "events"
            else poll(address, games[at], room, seconds, number / watchers, watched)
        )
        tasks.append(asyncio.create_task(watching))
    tasks += [asyncio.create_task(room.show(seconds, at / len(rooms), shown)) for at, room in enumerate(rooms)]
    await asyncio.gather(*tasks)
    found = {"posts": posted, "fetches": watched} | ({"projectors": shown} if rooms else {})
    print(json.dumps({what: summary(seen) for what, seen in found.items()}))


def summary(seen):
    latencies = sorted(seen.latencies)
    return {
        "answers": len(latencies),
        "errors": seen.errors[:5],
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 1),
        "p99_ms": round(1000 * latencies[len(latencies) * 99 // 100], 1),
        "most_ms": round(1000 * latencies[-1], 1),
        "body_bytes": round(seen.bytes / len(latencies)),
    }


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3], *map(int, sys.argv[3:7]), sys.argv[7]))
