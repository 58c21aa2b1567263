"""Plugs pulled while people play: processes killed, databases stopped, disks full, files locked."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from playing import Crowd

import connections

KILLS = 25  # on each database


def workers_of(server):
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def test_kills_at_any_moment_lose_nothing_that_was_answered(make_server, database_url):
    """Of a worker, after which the server starts another, and of all of the server; open games go on each time."""
    server = make_server(DATABASE_URL=database_url, WORKERS="2", RATE_LIMITS="false")
    with Crowd(server) as crowd:
        chance = random.Random(crowd.seed)
        for number in range(KILLS):
            crowd.await_answers(30)
            time.sleep(chance.uniform(0, 0.1))
            if number % 2:
                server.kill()
                server.start()
            else:
                os.kill(chance.choice(workers_of(server)), signal.SIGKILL)
        crowd.await_answers(100)
    assert crowd.broken
    crowd.check(database_url)


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
            assert refused["detail"].startswith(connections.AWAY)
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
    assert server.stop() == 0
    crowd.check(own_postgres.url)
