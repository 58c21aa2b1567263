"""Many players and watchers: each player posts once a second, each watcher polls one player's game once a second.

    python bench/crowd.py URL TOKENS PLAYERS WATCHERS SECONDS

Prints the results as JSON. It runs on the same cores as the server, so its own cost is part of the figures.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

TICKS_A_SECOND = 6.5  # a little slower than the first ticks, so that no post is too early
STAIRS = ("R", "U")  # turns that never end a game in pass-through


class Client(asyncio.Protocol):
    """A persistent connection with one request at a time. It reconnects if the server has closed it."""

    def __init__(self, address):
        self.address, self.transport, self.received, self.answer = address, None, b"", None

    def connection_lost(self, error):
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError("the server has closed the connection"))

    async def ask(self, method, path, token="", body=None):
        """(status, body) of the answer."""
        loop = asyncio.get_running_loop()
        if self.transport is None or self.transport.is_closing():
            self.transport, _ = await loop.create_connection(lambda: self, self.address.hostname, self.address.port)
        raw = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}\r\n"
        head += f"Authorization: Bearer {token}\r\n\r\n" if token else "\r\n"
        self.received, self.answer = b"", loop.create_future()
        self.transport.write(head.encode() + raw)
        return await self.answer

    def data_received(self, data):
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) >= length:
            self.answer.set_result((int(head[9:12]), body))


class Seen:
    def __init__(self):
        self.latencies, self.errors, self.bytes = [], [], 0

    async def time(self, asking):
        began = time.perf_counter()
        status, body = await asking
        self.latencies.append(time.perf_counter() - began)
        self.bytes += len(body)
        if status != 200:
            self.errors.append(f"{status} {body[:200]}")
        return json.loads(body)


async def each_second(seconds, offset, act):
    """Call it once a second, however long it took before."""
    began = time.perf_counter() + offset
    for second in range(1, seconds + 1):
        await asyncio.sleep(began + second - time.perf_counter())
        await act(second)


async def play(address, token, game, seconds, offset, seen):
    client, known = Client(address), 0

    async def post(second):
        nonlocal known
        tick = int(TICKS_A_SECOND * second)
        turns = [[at, STAIRS[at // 3 % 2]] for at in range(known + 1, tick + 1) if at % 3 == 0]
        body = {"since": known, "tick": tick, "turns": turns}
        answer = await seen.time(client.ask("POST", f"/api/games/{game}/turns", token, body))
        known = answer.get("tick", tick)

    await each_second(seconds, offset, post)


async def watch(address, game, seconds, offset, seen):
    client, known = Client(address), 0

    async def ask(second):
        nonlocal known
        for news in await seen.time(client.ask("GET", f"/api/games/live?limit=0&known={game}:{known}")):
            known = news["tick"]

    await each_second(seconds, offset, ask)


async def open_game(address, token):
    client = Client(address)
    status, body = await client.ask("POST", "/api/games", token, {"mode": "pass-through"})
    assert status == 201, body
    client.transport.close()
    return json.loads(body)["id"]


async def main(url, tokens, players, watchers, seconds):
    address = urlsplit(url)
    tokens = Path(tokens).read_text().split()[:players]
    posted, watched = Seen(), Seen()
    games, tasks = [], []
    for number, token in enumerate(tokens):
        games.append(await open_game(address, token))
        tasks.append(asyncio.create_task(play(address, token, games[-1], seconds, number / players, posted)))
    for number in range(watchers):
        game = games[number % len(games)]
        tasks.append(asyncio.create_task(watch(address, game, seconds, number / watchers, watched)))
    await asyncio.gather(*tasks)
    print(json.dumps({"posts": summary(posted), "fetches": summary(watched)}))


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
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
