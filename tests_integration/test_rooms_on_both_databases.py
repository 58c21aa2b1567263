"""Rooms with two workers, on both databases."""

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import pytest
from driver import PASSWORD, plan
from servers import until

from database.binding import bind
from database.connect import connect
from models import Game

GRACE = 2  # seconds after the end of a round, in which posts are accepted
CROWD = 205  # five more than a room holds


@pytest.fixture
def server(make_server, database_url):
    return make_server(DATABASE_URL=database_url, WORKERS="2", RATE_LIMITS="false")


def at_once(calls):
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(lambda call: call(), calls))


def test_a_room_through_its_life(server):
    ada, bob, guest = server.api.sign_up("Ada"), server.api.sign_up("Bob"), server.api.guest()
    room = ada("POST /api/rooms", {"name": "Class 7b"}, 201)
    path = f"/api/rooms/{room['code']}"
    joined = bob(f"POST {path}/members", {})
    gus = guest(f"POST {path}/members", {"name": "Gus"})["member"]
    version = server.api(f"GET {path}")["version"]
    assert server.api.ask(f"GET {path}?version={version}").status == 304
    ada(f"PATCH {path}", {"host": joined["member"], "locked": True})
    assert bob(f"PATCH {path}/members/{gus}", {"name": "Gusto"})["name"] == "Gusto"
    bob(f"DELETE {path}/members/{gus}", status=204)
    assert guest(f"POST {path}/members", {"name": "Gus"}, 403)["code"] == "removed_from_room"
    bob("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    shown = server.api(f"GET {path}")
    assert [(member["name"], member["is_host"]) for member in shown["members"]] == [("Ada", True)]
    assert (shown["name"], shown["locked"], shown["host"]) == ("Class 7b", True, room["host"])


def test_who_stops_asking_is_away_and_who_asks_is_not(server):
    ada, guest = server.api.sign_up("Ada"), server.api.guest()
    path = f"/api/rooms/{ada('POST /api/rooms', {}, 201)['code']}"
    guest(f"POST {path}/members", {"name": "Gus"})

    def here():
        return [member["name"] for member in ada(f"GET {path}")["members"] if member["is_here"]]

    assert here() == ["Ada", "Gus"]
    until(lambda: here() == ["Ada"])
    guest(f"GET {path}")
    until(lambda: here() == ["Ada", "Gus"])


def test_of_those_who_join_at_once_each_has_a_name_and_a_place_of_their_own(server):
    ada = server.api.sign_up("Ada")
    path = f"/api/rooms/{ada('POST /api/rooms', {}, 201)['code']}"
    alike = [partial(server.api.guest().ask, f"POST {path}/members", {"name": name}) for name in ("Paul", "PAU1") * 4]
    assert sorted(answer.status for answer in at_once(alike)) == [200] + [409] * 7
    guests = at_once([server.api.guest] * CROWD)
    joining = [partial(who.ask, f"POST {path}/members", {"name": f"G {n}"}) for n, who in enumerate(guests)]
    answers = at_once(joining)
    assert sorted(answer.status for answer in answers) == [200] * 198 + [409] * (CROWD - 198)
    assert {answer.json["code"] for answer in answers if answer.status == 409} == {"room_full"}
    assert len(server.api(f"GET {path}")["members"]) == 200


@contextmanager
def connected(url):
    db = connect(url)
    try:
        with bind(db):
            yield db
    finally:
        db.close_all()


@contextmanager
def held(url, game_id):
    """Within, no post to a game can be written: on SQLite nothing at all."""
    with connected(url) as db, db.atomic():
        Game.update(tick=0).where(Game.id == game_id).execute()
        yield


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_a_post_at_the_last_moment_is_in_the_first_final_standings_or_refused(server, database_url, threads):
    """Though it is written later than these are read."""
    ada = server.api.sign_up("Ada")
    path = f"/api/rooms/{(code := ada('POST /api/rooms', {}, 201)['code'])}"
    ada(f"POST {path}/rounds", {"mode": "walls", "minutes": 1, "tries": "one", "starts_in": 3}, 201)
    until(lambda: ada(f"GET {path}")["round"]["status"] == "running")
    game = ada("POST /api/games", {"room": code}, 201)
    with connected(database_url):
        Game.update(started_at=Game.started_at - 60_000).where(Game.id == game["id"]).execute()
    turns, tick = plan(game["seed"], game["mode"], 1)
    ada(f"DELETE {path}/rounds/1", status=204)
    final_at = datetime.fromisoformat(ada(f"GET {path}")["round"]["ends_at"]).timestamp() + GRACE
    with held(database_url, game["id"]):
        posting = threads.submit(ada.ask, f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": tick, "turns": turns})
        wait([posting], max(0, final_at + 0.1 - time.time()))
        reading = threads.submit(ada, f"GET {path}/rounds/1")
        wait([reading], 0.5)
    posted, [first] = posting.result(), reading.result()["standings"]
    assert (posted.status, posted.json["code" if posted.status == 409 else "score"]) in ((200, 10), (409, "game_over"))
    assert (first["score"], first["status"]) == (10 if posted.status == 200 else 0, "over")
    for _ in range(4):  # by either worker
        assert ada(f"GET {path}/rounds/1")["standings"] == [first]
