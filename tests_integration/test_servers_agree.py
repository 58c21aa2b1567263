"""What one process has confirmed, the others show in their next response, or within the staleness that is documented.

On Postgres they are two servers. A SQLite file has one server, whose two workers take turns: they are asked several times.
"""

import time

import pytest
from driver import PASSWORD, plan
from room_host import WHOLE
from servers import run_program, until

APART = 1  # seconds between two responses with the servers' clocks, at most


class Pair:
    """Two processes, each of which has the API of the other's users."""

    def __init__(self, make_server, url, **settings):
        self.is_sqlite = url.startswith("sqlite")
        settings = {"DATABASE_URL": url, "RATE_LIMITS": "false", "WORKERS": "2" if self.is_sqlite else "1"} | settings
        self.first = make_server(**settings)
        self.second = self.first if self.is_sqlite else make_server(**settings)
        self.here = self.first.api

    def there(self, api):
        return type(api)(self.second.api.send, api.token, api.user)

    def answers(self, api, call, status=200):
        """The JSON of each process."""
        return [who(f"GET {call}", status=status) for who in [self.there(api), api] * (3 if self.is_sqlite else 1)]

    def agreed(self, api, call, status=200):
        """The JSON that all processes answer."""
        answers = self.answers(api, call, status)
        assert answers == answers[:1] * len(answers), call
        return answers[0]


@pytest.fixture
def pair(make_server, database_url):
    return Pair(make_server, database_url)


def listed(entries):
    return [entry["username"] for entry in entries]


def test_accounts(pair, database_url, tmp_path):
    ada, bob = pair.here.sign_up("Ada"), pair.there(pair.here).sign_up("Bob")
    game, _, _ = ada.play(2)
    pair.there(bob).play(1)
    live = bob.open()
    bob.post(live, 0, 3)
    shows_names = {
        "/api/leaderboard?mode=walls": listed,
        "/api/games/active": listed,
        "/api/games/live": listed,
        f"/api/games/{game['id']}": lambda record: record["username"],
        "/api/home": lambda home: listed(home["top"]["walls"]) + listed(home["live"]),
    }

    def shown():
        """What each of them shows of names, to each process the same."""
        bob.ask(f"POST /api/games/{live['id']}/turns", {"since": 3, "tick": 3, "turns": []})  # it stays live
        found = {call: [names(answer) for answer in pair.answers(pair.here, call)] for call, names in shows_names.items()}
        assert all(answers == answers[:1] * len(answers) for answers in found.values()), found
        return [answers[0] for answers in found.values()]

    def manage(*arguments):
        done = run_program(tmp_path, "manage.py", *arguments, DATABASE_URL=database_url)
        assert done.returncode == 0, done.stderr

    until(lambda: shown() == [["Ada", "Bob"], ["Bob"], ["Bob"], "Ada", ["Ada", "Bob", "Bob"]])
    ada("PATCH /api/auth/me", {"username": "Augusta", "current_password": PASSWORD})
    assert pair.agreed(ada, "/api/auth/me")["username"] == "Augusta"
    assert shown()[:4] == [["Augusta", "Bob"], ["Bob"], ["Bob"], "Augusta"]
    assert pair.agreed(bob, "/api/players/Augusta")["username"] == "Augusta"
    manage("rename", "Bob", "Rob")
    assert shown()[:4] == [["Augusta", "Rob"], ["Rob"], ["Rob"], "Augusta"]
    until(lambda: shown()[4] == ["Augusta", "Rob", "Rob"])
    manage("ban", "Rob")
    assert shown()[:3] == [["Augusta"], [], []]
    assert pair.agreed(bob, "/api/leaderboard/me?mode=walls")["rank"] is None
    manage("unban", "Rob")
    assert shown()[0] == ["Augusta", "Rob"]

    other = pair.there(ada).log_in("Augusta")
    ada("POST /api/auth/logout", status=204)
    assert pair.agreed(ada, "/api/auth/me", 401)["code"] == "token_invalid"
    last = pair.here.log_in("Augusta")
    pair.there(last)("PATCH /api/auth/me", {"password": f"{PASSWORD}2", "current_password": PASSWORD})
    pair.agreed(other, "/api/auth/me", 401)
    assert pair.here.ask("POST /api/auth/login", {"username": "Augusta", "password": PASSWORD}).status == 401
    pair.there(last)("DELETE /api/auth/me", {"password": f"{PASSWORD}2"}, 204)
    pair.agreed(last, "/api/auth/me", 401)
    assert listed(pair.agreed(pair.here, "/api/leaderboard?mode=walls")) == ["Rob"]
    pair.agreed(pair.here, "/api/players/Augusta", 404)
    assert pair.here.sign_up("Augusta").user["username"] == "Augusta"


def test_games_and_their_results_and_the_daily_challenge(pair):
    ada = pair.here.sign_up("Ada")
    there = pair.there(ada)
    game = ada.open()
    turns, end = plan(game["seed"], game["mode"], 2)
    parts = [0, end // 3, end // 2, end]
    for since, tick, api in zip(parts, parts[1:-1], (there, ada), strict=False):
        api.post(game, since, tick, [turn for turn in turns if since < turn[0] <= tick])
        played = [turn for turn in turns if turn[0] <= tick]
        assert pair.agreed(ada, f"/api/games/{game['id']}")["tick"] == tick
        assert [(found["id"], found["tick"]) for found in pair.agreed(ada, "/api/games/active")] == [(game["id"], tick)]
        for [found] in pair.answers(ada, f"/api/games/live?known={game['id']}:0&limit=0"):
            assert (found["tick"], found.get("turns", [])) == (tick, played)
    assert there.post(game, 0, end, turns, 409)["tick"] == parts[2]
    there.post(game, parts[2], end, [turn for turn in turns if turn[0] > parts[2]])
    assert ada.post(game, parts[2], end, status=409)["game"]["score"] == 20
    assert pair.agreed(ada, "/api/games/active") == []
    for [found] in pair.answers(ada, f"/api/games/live?known={game['id']}:{end - 1}&limit=0"):
        assert (found["tick"], found["rank"]) == (end, 1)
    for period in ("all", "month", "week", "day"):
        assert [entry["score"] for entry in pair.agreed(ada, f"/api/leaderboard?mode=walls&period={period}")] == [20]
    assert pair.agreed(ada, "/api/leaderboard/me?mode=walls")["score"] == 20
    assert pair.agreed(ada, "/api/home")["top"]["walls"][0]["game"] == game["id"]
    bob = there.sign_up("Bob")
    bob.play(3)  # on the other
    assert [pair.agreed(who, "/api/leaderboard/me?mode=walls")["rank"] for who in (ada, bob)] == [2, 1]
    assert listed(pair.agreed(ada, "/api/home")["top"]["walls"]) == ["Bob", "Ada"]

    left = ada.open()
    other = pair.there(ada).open()
    assert pair.agreed(ada, f"/api/games/{left['id']}")["outcome"] == "left"
    ada(f"DELETE /api/games/{other['id']}", status=204)
    assert pair.agreed(ada, f"/api/games/{other['id']}")["outcome"] == "left"

    first, _, answer = ada.play(1, challenge="daily")
    assert (answer["ranked"], pair.there(ada).play(2, challenge="daily")[2]["ranked"]) == (True, False)
    daily = pair.agreed(ada, "/api/daily?mode=walls")
    assert (daily["mine"]["game"], daily["players"], daily["streak"]) == (first["id"], 1, 1)
    assert pair.agreed(pair.here, "/api/home")["daily"]["players"]["walls"] == 1
    assert listed(pair.agreed(bob, "/api/leaderboard?mode=walls&challenge=daily")) == ["Ada"]
    assert pair.agreed(bob, f"/api/games/{first['id']}", 403)["code"] == "daily_hidden"
    assert pair.there(bob).open(challenge="daily")["seed"] == first["seed"]
    assert pair.agreed(bob, f"/api/games/{first['id']}")["score"] == 10


def test_rooms(pair):
    ada, bob, guest = pair.here.sign_up("Ada"), pair.here.sign_up("Bob"), pair.here.guest()
    room = ada("POST /api/rooms", {"name": "Class 7b"}, 201)
    path = f"/api/rooms/{room['code']}"
    rob = pair.there(bob)(f"POST {path}/members", {})["member"]
    gus = pair.there(guest)(f"POST {path}/members", {"name": "Gus"})["member"]
    version = pair.agreed(pair.here, path)["version"]
    changes = [
        (ada, f"PATCH {path}/members/{gus}", {"name": "Gusto"}, 200),
        (ada, f"PATCH {path}", {"name": "7b", "locked": True}, 200),
        (pair.there(ada), f"PATCH {path}", {"host": rob}, 200),
        (bob, f"POST {path}/rounds", WHOLE, 201),
    ]
    for who, call, body, status in changes:
        assert pair.there(who).ask(f"GET {path}?version={version}").status == 304
        who(call, body, status)
        changed = pair.agreed(pair.here, f"{path}?version={version}")
        assert changed["version"] > version
        version = changed["version"]
    shown = [(member["name"], member["is_host"]) for member in changed["members"]]
    assert (changed["name"], changed["locked"], shown) == ("7b", True, [("Ada", False), ("Bob", True), ("Gusto", False)])
    assert len(set(pair.answers(ada, f"{path}/qr.svg"))) == 1 + (not pair.is_sqlite)  # each with its own address
    times = [float(who.ask(f"GET {path}").headers["Server-Time"]) for who in (pair.here, pair.there(ada))]
    assert abs(times[0] - times[1]) < APART

    until(lambda: pair.there(bob)(f"GET {path}")["round"]["status"] == "running")
    code = {"room": room["code"]}
    game, other = ada("POST /api/games", code, 201), pair.there(guest)("POST /api/games", code, 201)
    assert other["seed"] == game["seed"]
    turns, end = plan(game["seed"], game["mode"], 2)
    pair.there(ada).post(game, 0, end - 1, [turn for turn in turns if turn[0] < end])
    for who in (ada, pair.there(ada)):
        until(lambda who=who: [entry["score"] for entry in who(f"GET {path}/rounds/1")["standings"]] == [20, 0])
    for feed in pair.answers(bob, f"/api/games/live?room={room['code']}"):
        assert {found["id"] for found in feed} == {game["id"], other["id"]}
    assert pair.agreed(pair.here, "/api/games/active") == []

    pair.there(bob)(f"DELETE {path}/members/{gus}", status=204)
    assert guest(f"POST {path}/members", {"name": "Gus"}, 403)["code"] == "removed_from_room"
    assert pair.there(guest).post(other, 0, 3, status=409)["game"]["outcome"] == "left"
    ended = ada.post(game, end - 1, end, [turn for turn in turns if turn[0] == end])
    assert (ended["status"], ended["round"]["number"]) == ("over", 1)
    bob(f"DELETE {path}/rounds/1", status=204)
    for who in (ada, pair.there(ada)):
        until(lambda who=who: who(f"GET {path}")["members"][0]["wins"] == 1)
        assert [entry["name"] for entry in who(f"GET {path}/rounds/1")["standings"]] == ["Ada"]


@pytest.mark.long
def test_who_is_seen_by_one_is_there_for_all(pair):
    ada, guest = pair.here.sign_up("Ada"), pair.here.guest()
    path = f"/api/rooms/{ada('POST /api/rooms', {}, 201)['code']}"
    guest(f"POST {path}/members", {"name": "Gus"})

    def here(who):
        return [member["name"] for member in who(f"GET {path}")["members"] if member["is_here"]]

    ends = time.monotonic() + 17  # longer than a member is here without a poll, and than a process waits until it writes
    while time.monotonic() < ends:
        assert here(ada) == ["Ada", "Gus"]  # who polls the other server
        pair.there(guest)(f"GET {path}")
        time.sleep(0.5)
    until(lambda: here(ada) == here(pair.there(ada)) == ["Ada"])
