"""What those who watch get to know: in one answer, only what is new of each game."""

import json

import pytest
from driver import plan

from models import Game, now
from rules import WALLS


@pytest.fixture
def game(ada):
    """Ada's, at tick 5."""
    game = ada.open()
    ada.post(game, 0, 5, [[2, "R"], [4, "D"]])
    return game


def test_a_game_that_one_does_not_know_comes_whole(api, game):
    [news] = api("GET /api/games/live")
    assert 0 <= news.pop("heard") < 5000
    assert news == {
        "id": game["id"],
        "username": "Ada",
        "mode": "walls",
        "rules": 1,
        "seed": game["seed"],
        "tick": 5,
        "turns": [[2, "R"], [4, "D"]],
    }


def test_of_a_game_that_one_knows_only_the_turns_since_come(ada, api, game):
    call = f"GET /api/games/live?known={game['id']}:3"
    [news] = api(call)
    assert {**news, "heard": 0} == {"id": game["id"], "tick": 5, "heard": 0, "turns": [[4, "D"]]}
    assert len(json.dumps(news, separators=(",", ":"))) < 100
    [news] = api(f"GET /api/games/live?known={game['id']}:5")
    assert set(news) == {"id", "tick", "heard"}


def test_heard_is_the_time_since_the_last_post_a_sign_of_life_included(ada, api, game, db):
    Game.update(seen_at=now() - 4000).execute()
    [news] = api("GET /api/games/live")
    assert 4000 <= news["heard"] < 6000
    ada.post(game, 5, 5)
    assert api("GET /api/games/live")[0]["heard"] < 2000


def test_the_end_comes_with_outcome_and_rank(ada, bob, api):
    bob.play(6)
    game = ada.open()
    turns, end = plan(game["seed"], WALLS, 2)
    ada.post(game, 0, end, turns)
    assert api("GET /api/games/live") == []
    [news] = api(f"GET /api/games/live?known={game['id']}:0")
    assert (news["outcome"], news["ranked"], news["rank"], news["turns"]) == ("wall", True, 2, turns)


def test_a_game_that_was_left_says_so(ada, api, game):
    ada(f"DELETE /api/games/{game['id']}", status=204)
    [news] = api(f"GET /api/games/live?known={game['id']}:5")
    assert (news["outcome"], news["tick"]) == ("left", 5)


def test_a_game_that_is_gone_is_not_in_the_answer(ada, api, game):
    ada("DELETE /api/auth/me", {"password": "correct horse"}, 204)
    assert api(f"GET /api/games/live?known={game['id']}:5") == []


def test_the_best_are_told_first_and_no_more_than_wanted(api):
    for meals in (1, 3, 2):
        player = api.sign_up(f"Player{meals}")
        game = player.open("pass-through")
        turns, end = plan(game["seed"], "pass-through", meals)
        player.post(game, 0, end - 1, [turn for turn in turns if turn[0] < end])
    assert [news["username"] for news in api("GET /api/games/live?limit=2")] == ["Player3", "Player2"]
    assert api("GET /api/games/live?limit=0") == []
    assert len(api("GET /api/games/live")) == 3


def test_a_game_that_nobody_has_heard_of_for_ten_seconds_is_told_to_those_who_watch_it_only(api, game, db):
    Game.update(seen_at=now() - 11_000).execute()
    assert api("GET /api/games/live") == []
    assert api(f"GET /api/games/live?known={game['id']}:5")[0]["heard"] >= 11_000


def test_challenges_and_bots_are_marked(api):
    bot = api.sign_up("Botticelli", bot=True)
    bot.open(challenge="daily")
    [news] = api("GET /api/games/live")
    assert news["bot"] is True
    assert news["challenge"].startswith("daily/")


@pytest.mark.parametrize(
    "query",
    [
        *("limit=51", "limit=-1", "limit=x", "known=x", "known=x:", "known=:1", "known=x:1,", "known=,x:1", "known=x:-1"),
        *("known=x:1;y:2", "known=x:1234567", f"known={'x' * 17}:1", f"known={','.join(['x:1'] * 501)}", "since=1"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(api, query):
    assert api.ask(f"GET /api/games/live?{query}").status == 422


def test_of_unknown_games_there_is_nothing(api):
    assert api("GET /api/games/live?known=nothing:7,another:0") == []
