"""The start screen in one response."""

import json
from datetime import timedelta

import pytest
from days import today
from driver import drive

import models
from game import codec, home, leaderboards
from models import SHORT_TURNS, Game
from rules import MODES


def test_an_empty_server_has_all_of_it_empty(api):
    answer = api.ask("GET /api/home")
    assert answer.json == {
        "live": [],
        "top": {"walls": [], "pass-through": []},
        "daily": {
            "number": api("GET /api/daily?mode=walls")["number"],
            "date": str(today()),
            "ends_at": f"{today() + timedelta(days=1)}T00:00:00.000Z",
            "players": {"walls": 0, "pass-through": 0},
        },
        "best_game": None,
    }
    assert answer.headers["Cache-Control"] == "no-cache"
    assert api.ask("GET /api/home", headers={"If-None-Match": answer.headers["ETag"]}).status == 304


def test_everybody_gets_the_same(ada, api):
    ada.play(1)
    ada.open(challenge="daily")
    assert ada("GET /api/home") == api("GET /api/home") == api.guest()("GET /api/home")
    api("GET /api/home", headers={"Authorization": "Bearer nonsense"})


def test_a_score_is_in_it_at_once(ada, bob, api):
    assert api("GET /api/home")["top"]["walls"] == []
    game, turns, _ = ada.play(2)
    found = api("GET /api/home")
    assert found["top"] == {mode: api(f"GET /api/leaderboard?mode={mode}&limit={home.TOP}") for mode in MODES}
    assert found["best_game"] == api(f"GET /api/games/{game['id']}") | {"period": "day"}
    assert found["best_game"]["turns"] == turns
    better, _, _ = bob.play(3, mode="pass-through")
    found = api("GET /api/home")
    assert [entry["username"] for entry in found["top"]["pass-through"]] == ["Bob"]
    assert found["best_game"]["id"] == better["id"]
    bob.play(1, challenge="daily")
    assert api("GET /api/home")["daily"]["players"] == {"walls": 1, "pass-through": 0}


def test_the_top_is_of_people_and_short(api):
    for number in range(home.TOP + 2):
        api.sign_up(f"Player{number}").play(number % 3)
    api.sign_up("Botticelli", bot=True).play(9)
    top = api("GET /api/home")["top"]["walls"]
    assert len(top) == home.TOP
    assert not any("bot" in entry for entry in top)


@pytest.mark.parametrize(("days", "period"), [(0, "day"), (40, "all")])
def test_the_best_game_is_of_the_latest_period_that_has_one(ada, api, db, days, period):
    game, _, _ = ada.play(2)
    api("GET /api/home")
    moved = Game.ended_at - days * 86_400_000
    Game.update(ended_at=moved).execute()
    leaderboards.rebuild_all()
    found = api("GET /api/home")["best_game"]
    assert (found["id"], found["period"]) == (game["id"], period)


def test_a_bots_game_is_shown_where_there_is_no_other(ada, api):
    bot = api.sign_up("Botticelli", bot=True)
    game, _, _ = bot.play(5)
    assert api("GET /api/home")["best_game"]["id"] == game["id"]
    people_s, _, _ = ada.play(1)
    assert api("GET /api/home")["best_game"]["id"] == people_s["id"]


def test_a_stated_score_is_no_game_to_show(make_app):
    ada = drive(make_app(score_policy="open")).sign_up("Ada")
    ada("POST /api/leaderboard", {"score": 700, "mode": "walls"}, 201)
    found = ada("GET /api/home")
    assert (found["best_game"], found["top"]["walls"][0]["score"]) == (None, 700)
    game, _, _ = ada.play(1, mode="pass-through")
    assert ada("GET /api/home")["best_game"]["id"] == game["id"]


def test_a_game_with_very_many_turns_is_not_sent_along(ada, bob, api, db):
    long, _, _ = ada.play(3)
    turns = [(tick, "RULD"[tick % 4]) for tick in range(1, SHORT_TURNS + 1)]
    Game.update(turns=codec.encode_turns(turns), tick=len(turns)).where(Game.id == long["id"]).execute()
    short, _, _ = bob.play(1)
    assert api("GET /api/home")["best_game"]["id"] == short["id"]
    Game.update(turns=codec.encode_turns(turns[1:])).where(Game.id == long["id"]).execute()
    ada.play(0, mode="pass-through")  # so that it is looked for again
    answer = api.ask("GET /api/home")
    assert answer.json["best_game"]["id"] == long["id"]
    assert len(json.dumps(answer.json)) < 150_000


def test_live_games_best_first_and_none_that_are_hidden(api, db):
    players = [api.sign_up(f"Player{number}") for number in range(home.LIVE + 2)]
    opened = [player.open() for player in players]
    daily = api.sign_up("Ada").open(challenge="daily")
    ended = api.sign_up("Bob").play(5)[0]
    Game.update(score=50).where(Game.id == opened[4]["id"]).execute()
    live = api("GET /api/home")["live"]
    assert len(live) == home.LIVE
    assert live[0] == {
        "id": opened[4]["id"],
        "username": "Player4",
        "score": 50,
        "mode": "walls",
        "started_at": opened[4]["started_at"],
    }
    assert {daily["id"], ended["id"]}.isdisjoint(game["id"] for game in live)


def test_it_does_not_reveal_the_days_seed(ada, api):
    game, _, _ = ada.play(9, challenge="daily")
    ada.open(challenge=game["id"])
    found = api.ask("GET /api/home")
    assert str(game["seed"]) not in json.dumps(found.json)
    assert (found.json["best_game"], found.json["live"]) == (None, [])


def test_many_requests_build_it_once(ada, api, app, db, monkeypatch):
    """By what the database is asked: the second response needs the versions of the leaderboards only."""
    ada.play(1)
    later = models.now() // home.LIFETIME * home.LIFETIME + home.LIFETIME
    monkeypatch.setattr("game.home.now", lambda: later)
    api("GET /api/home")
    asked = []
    db.connection().set_trace_callback(asked.append)
    for _ in range(20):
        api("GET /api/home")
    db.connection().set_trace_callback(None)
    assert [statement for statement in asked if '"tallies"' not in statement] == []
