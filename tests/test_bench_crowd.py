"""The crowd of the benchmark: an answer that is an error counts as one, and the clients go on with the next second."""

import asyncio
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

NO_ANSWER, BUSY = None, (503, {"code": "unavailable"})
AT_ONCE = -100  # seconds before now, at which the clients begin: they wait for nothing but answers


@pytest.fixture(scope="module")
def crowd():
    spec = importlib.util.spec_from_file_location("crowd_of_bench", Path(__file__).parent.parent / "bench" / "crowd.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Server:
    """Gives these answers in turn: (status, content), or a whole one; for NO_ANSWER it closes the connection."""

    def __init__(self, *answers):
        self.answers, self.asked = iter(answers), []  # asked: (path, content) of the requests

    async def serve(self, reader, writer):
        for answer in self.answers:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            self.asked.append((head.split()[1].decode(), json.loads(await reader.readexactly(length) or "null")))
            if answer is NO_ANSWER:
                break
            if isinstance(answer, bytes):
                writer.write(answer)
                continue
            status, content = answer
            body = b"" if content is None else json.dumps(content).encode()
            writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        writer.close()
        await writer.wait_closed()

    async def run(self, client):
        async with await asyncio.start_server(self.serve, "127.0.0.1") as server:
            host, port = server.sockets[0].getsockname()
            await client(SimpleNamespace(hostname=host, port=port))


def errors(seen):
    return [error.split()[0] for error in seen.errors]


def test_a_player_posts_again_what_was_not_taken(crowd):
    server, seen = Server((200, {"tick": 6}), BUSY, NO_ANSWER, (409, {"tick": 13}), (200, {"tick": 32})), crowd.Seen()
    asyncio.run(server.run(lambda address: crowd.play(address, "token", "id", 5, AT_ONCE, seen)))
    assert [(post["since"], post["tick"]) for _, post in server.asked] == [(0, 6), (6, 13), (6, 19), (6, 26), (13, 32)]
    assert [turn[0] for turn in server.asked[3][1]["turns"]] == [9, 12, 15, 18, 21, 24]
    assert errors(seen) == ["503", "0", "409"]
    assert len(seen.latencies) == 5


def test_a_watcher_who_polls_asks_again_from_where_the_game_was(crowd):
    server, seen = Server((200, [{"tick": 7}]), BUSY, NO_ANSWER, (200, []), (200, [{"tick": 20}])), crowd.Seen()
    asyncio.run(server.run(lambda address: crowd.poll(address, "id", None, 5, AT_ONCE, seen)))
    assert [path.rpartition(":")[2] for path, _ in server.asked] == ["0", "7", "7", "7", "7"]
    assert errors(seen) == ["503", "0"]


def test_a_watcher_with_events_asks_again_when_they_have_ended_or_failed(crowd):
    server, seen = Server(events(7, 14), NO_ANSWER, events(20)), crowd.Seen()
    asyncio.run(server.run(lambda address: crowd.Watcher(address, "id", None, seen).watch(2.5, -1)))
    assert [path.rpartition(":")[2] for path, _ in server.asked] == ["0", "14", "14"]
    assert errors(seen) == ["the"]
    assert len(seen.latencies) == 3


def events(*ticks):
    """A response with an event for each tick."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = [b'id: id:%d\ndata: [{"id":"id","tick":%d,"heard":150}]\n\n' % (tick, tick) for tick in ticks]
    return head + b"".join(b"%X\r\n%s\r\n" % (len(event), event) for event in found) + b"0\r\n\r\n"


def test_a_projector_goes_on_with_its_next_request(crowd):
    room, standings, updates = (200, {"version": 3}), (200, {}), (200, [{"id": "a", "tick": 7}])
    server, seen = Server(room, BUSY, updates, (304, None), standings, BUSY, BUSY, standings, updates), crowd.Seen()

    async def show(address):
        shown = crowd.Room(address, ["token"])
        shown.code, shown.path = "BCDFGH", "/api/rooms/BCDFGH"
        await shown.show(3, AT_ONCE, seen)

    asyncio.run(server.run(show))
    assert [path for path, _ in server.asked[::3]] == [f"/api/rooms/BCDFGH?version={known}" for known in (0, 3, 3)]
    assert [path.partition("known=")[2] for path, _ in server.asked[2::3]] == ["", "a:7", "a:7"]
    assert errors(seen) == ["503", "503", "503"]
