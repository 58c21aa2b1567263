"""Games of today's challenge are hidden from players who have not opened it."""

import json
from datetime import timedelta

import pytest
import webtest
from days import a_day_passes, today, yesterday

import models
from models import Game
from rules import MODES


def refused_as_hidden(answer, mode="walls"):
    """Assert that an answer refuses to show a game of today's challenge, and that no shared cache can store that."""
    tomorrow = today() + timedelta(days=1)
    assert (answer.status, answer.json["code"]) == (403, "daily_hidden")
    assert answer.json["params"] == {
        "challenge": f"daily/{today()}",
        "mode": mode,
        "ends_at": f"{tomorrow}T00:00:00.000Z",
    }
    assert "Authorization" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "no-store"
    return True


@pytest.mark.parametrize("is_over", [False, True])
def test_a_daily_game_is_hidden_from_players_who_have_not_opened_the_challenge(ada, bob, api, is_over):
    game = ada.open(challenge="daily")
    ada.post(game, 0, 11) if is_over else ada.post(game, 0, 5)
    for who in (api, bob, api.guest()):
        for query in ("", "?since=3"):
            assert refused_as_hidden(who.ask(f"GET /api/games/{game['id']}{query}"))
        assert refused_as_hidden(who.ask(f"GET /api/games/{game['id']}", headers={"If-None-Match": "*"}))
    assert refused_as_hidden(bob.ask("POST /api/games", {"challenge": game["id"]}))
    assert refused_as_hidden(api.ask(f"GET /api/games/{game['id']}", headers={"Authorization": "Bearer nonsense"}))
    assert ada(f"GET /api/games/{game['id']}")["seed"] == game["seed"]


def test_players_who_have_opened_the_challenge_in_that_mode_see_its_games(ada, bob, api):
    game, turns, _ = ada.play(2, challenge="daily")
    bob.open("pass-through", challenge="daily")
    assert refused_as_hidden(bob.ask(f"GET /api/games/{game['id']}"))
    guest = api.guest()
    for who in (bob, guest):
        who.open("walls", challenge="daily")
        answer = who.ask(f"GET /api/games/{game['id']}")
        assert (answer.status, answer.json["turns"]) == (200, turns)
        assert "Authorization" in answer.headers["Vary"]
        assert answer.headers["Cache-Control"].startswith("private")
        again = who.ask(f"GET /api/games/{game['id']}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.headers["Vary"]) == (304, answer.headers["Vary"])
        assert who.open(challenge=game["id"])["challenge"] == game["id"]
    stranger = api.ask(f"GET /api/games/{game['id']}", headers={"If-None-Match": answer.headers["ETag"]})
    assert refused_as_hidden(stranger)


def test_challenges_of_such_a_game_are_hidden_too(ada, bob, api):
    """They have the day's seed under another name."""
    first, _, _ = ada.play(1, challenge="daily")
    second = ada.open(challenge=first["id"])
    ada.post(second, 0, 5)
    for who in (bob, api):
        assert refused_as_hidden(who.ask(f"GET /api/games/{second['id']}"))
        assert who("GET /api/games/active") == who("GET /api/games/live") == []
        assert who(f"GET /api/games/live?known={second['id']}:0") == []
    assert refused_as_hidden(bob.ask("POST /api/games", {"challenge": second["id"]}))
    assert ada(f"GET /api/games/live?known={second['id']}:0")[0]["tick"] == 5


@pytest.mark.parametrize("mode", MODES)
def test_lists_of_live_games_leave_the_days_out(ada, bob, api, mode):
    game = ada.open(mode, challenge="daily")
    other = bob.open(mode)
    ada.post(game, 0, 5)
    for who in (ada, bob, api):
        assert [found["id"] for found in who("GET /api/games/active")] == [other["id"]]
        assert [found["id"] for found in who("GET /api/games/live")] == [other["id"]]
    for who in (bob, api):
        assert who(f"GET /api/games/live?limit=0&known={game['id']}:0") == []
    mine = ada.ask(f"GET /api/games/live?limit=0&known={game['id']}:0")
    assert (mine.json[0]["id"], mine.json[0]["tick"]) == (game["id"], 5)
    assert (mine.headers["Cache-Control"], "Authorization" in mine.headers["Vary"]) == ("no-store", True)


def test_once_the_day_is_over_everybody_sees_it(ada, bob, api, db):
    game, turns, _ = ada.play(2, challenge="daily")
    open_one = bob.open("pass-through", challenge="daily")
    assert refused_as_hidden(api.ask(f"GET /api/games/{game['id']}"))
    a_day_passes()
    answer = api.ask(f"GET /api/games/{game['id']}")
    assert (answer.status, answer.json["turns"]) == (200, turns)
    assert "Vary" not in answer.headers
    assert api.guest().open(challenge=game["id"])["challenge"] == game["id"]
    Game.update(ended_at=None, last_post_at=models.now()).where(Game.id == open_one["id"]).execute()
    assert open_one["id"] in [found["id"] for found in api("GET /api/games/active")]


def test_a_game_of_yesterdays_challenge_is_shown(ada, api):
    game = ada.open(challenge=f"daily/{yesterday()}")
    assert api(f"GET /api/games/{game['id']}")["seed"] == game["seed"]
    assert [found["id"] for found in api("GET /api/games/active")] == [game["id"]]


def test_other_games_need_no_token_to_be_seen(ada, api):
    game, _, _ = ada.play(1)
    answer = api.ask(f"GET /api/games/{game['id']}", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status, answer.headers.get("Vary")) == (200, None)


def test_lists_do_not_reveal_hidden_games(ada, api):
    game, turns, _ = ada.play(4, challenge="daily")
    assert len(turns) > 1
    page = api("GET /api/players/Ada")
    assert [played["id"] for played in page["latest"]] == [game["id"]]
    for call in ("players/Ada", "leaderboard?challenge=daily", f"leaderboard?challenge={game['id']}", "games/live"):
        text = json.dumps(api(f"GET /api/{call}"))
        assert str(game["seed"]) not in text
        assert "turns" not in text


@pytest.mark.parametrize("mode", MODES)
def test_the_link_to_such_a_game_leads_to_the_challenge(ada, app, mode):
    game, _, _ = ada.play(3, mode=mode, challenge="daily")
    client = webtest.TestApp(app)
    page = client.get(f"/games/{game['id']}", headers={"Accept": "text/html,*/*"}, status=403)
    assert page.content_type == "text/html"
    assert f'url=../#/?challenge=daily&amp;mode={mode}&amp;game={game["id"]}"' in page.text
    for told in ("Ada", ">30", "card.png"):
        assert told not in page.text.replace(game["id"], "")
    assert "Authorization" in page.headers["Vary"]
    problem = client.get(f"/games/{game['id']}", status=403)
    assert (problem.content_type, problem.json["code"]) == ("application/problem+json", "daily_hidden")
    assert client.get(f"/games/{game['id']}/card.png", status=403).json["code"] == "daily_hidden"
    shown = client.get(f"/games/{game['id']}", headers={"Authorization": f"Bearer {ada.token}"})
    assert "30 by Ada" in shown.text
    assert shown.headers["Cache-Control"].startswith("private")
    picture = client.get(f"/games/{game['id']}/card.png", headers={"Authorization": f"Bearer {ada.token}"})
    assert picture.headers["Cache-Control"].startswith("private")
