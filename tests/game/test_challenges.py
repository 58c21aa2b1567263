"""Challenges: games on the seed of another game, ranked on the challenge's leaderboard only."""

import pytest
from driver import drive, ranking

from game import leaderboards
from models import Entry, User

BOARDS = ["mode=walls", "mode=pass-through", "period=month", "period=week", "period=day", ""]


def test_a_challenge_is_the_same_game_again(ada, bob, api):
    game, turns, answer = ada.play(3, "pass-through")
    challenge = bob.open(challenge=game["id"], mode="pass-through")
    for same in ("seed", "mode", "rules"):
        assert challenge[same] == game[same]
    assert (challenge["challenge"], challenge["ranked"], challenge["id"] != game["id"]) == (game["id"], True, True)
    again = bob.post(challenge, 0, answer["tick"], turns)
    assert (again["score"], again["outcome"], again["rank"], again["personal_best"]) == (30, answer["outcome"], 1, 30)
    assert api(f"GET /api/games/{challenge['id']}")["challenge"] == game["id"]
    assert "challenge" not in api(f"GET /api/games/{game['id']}")


def test_a_game_brings_its_own_mode(ada, bob):
    game, _, _ = ada.play(0, "pass-through")
    assert bob("POST /api/games", {"challenge": game["id"]}, 201)["mode"] == "pass-through"
    refused = bob("POST /api/games", {"challenge": game["id"], "mode": "walls"}, 422)
    assert refused["errors"][0]["field"] == "mode"


def test_a_challenge_is_ranked_on_its_own_board_only(ada, bob, api):
    game, _, _ = ada.play(1)
    before = [api(f"GET /api/leaderboard?{query}") for query in BOARDS]
    bob.play(5, challenge=game["id"])
    ada.play(2, challenge=game["id"])
    ada.play(4, challenge=game["id"])
    assert [api(f"GET /api/leaderboard?{query}") for query in BOARDS] == before
    assert ranking(api(f"GET /api/leaderboard?challenge={game['id']}")) == [(1, "Bob", 50), (2, "Ada", 40)]
    assert ada(f"GET /api/leaderboard/me?challenge={game['id']}")["rank"] == 2
    assert ada(f"GET /api/leaderboard/next?challenge={game['id']}&mode=walls&score=40")["next"]["username"] == "Bob"
    assert bob("GET /api/leaderboard/me")["rank"] is None
    assert api("GET /api/players/Bob")["bests"]["walls"] is None
    assert api("GET /api/players/Bob")["latest"][0]["challenge"] == game["id"]


def test_personal_bests_of_challenges_and_of_other_games_are_separate(ada):
    game, _, _ = ada.play(2)
    assert ada.play(5, challenge=game["id"])[2]["personal_best"] == 50
    assert ada.play(1)[2]["personal_best"] == 20
    assert ada.play(1, challenge=game["id"])[2]["personal_best"] == 50


def test_a_challenge_of_a_challenge_is_the_first_one(ada, bob, api):
    game, _, _ = ada.play(1)
    answer, _, _ = bob.play(2, challenge=game["id"])
    assert ada.open(challenge=answer["id"])["challenge"] == game["id"]
    for name in (game["id"], answer["id"]):
        assert ranking(api(f"GET /api/leaderboard?challenge={name}")) == [(1, "Bob", 20)]


def test_a_challenge_outlives_the_game_that_began_it(ada, bob, api):
    game, _, _ = ada.play(1)
    answer, _, _ = bob.play(2, challenge=game["id"])
    ada("DELETE /api/auth/me", {"password": "correct horse"}, 204)
    assert ranking(api(f"GET /api/leaderboard?challenge={answer['id']}")) == [(1, "Bob", 20)]
    assert bob.open(challenge=answer["id"])["seed"] == game["seed"]


def test_a_game_that_is_still_played_can_be_challenged(ada, bob):
    assert bob.open(challenge=ada.open()["id"])["ranked"] is True


@pytest.mark.parametrize(
    ("wanted", "status", "field"),
    [
        ({"mode": "walls", "challenge": "nothing"}, 404, None),
        ({"mode": "walls", "challenge": ""}, 404, None),
        ({"mode": "walls", "challenge": "\0"}, 404, None),
        ({"mode": "walls", "challenge": "x" * 321}, 422, "challenge"),
        ({"mode": "walls", "challenge": 7}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/"}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/never"}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/2020-01-01"}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/2120-01-01"}, 422, "challenge"),
        ({"challenge": "daily"}, 422, "mode"),
        ({}, 422, "mode"),
        ({"mode": "walls", "seed": 1}, 422, "seed"),
    ],
)
def test_what_can_not_be_challenged_is_refused_and_ends_no_game(ada, wanted, status, field):
    game = ada.open()
    refused = ada("POST /api/games", wanted, status)
    assert [error["field"] for error in refused.get("errors", [])] == ([field] if field else [])
    assert ada(f"GET /api/games/{game['id']}")["status"] == "playing"


def test_a_stated_score_is_no_challenge(make_app):
    ada = drive(make_app(score_policy="open")).sign_up("Ada")
    ada("POST /api/leaderboard", {"score": 70, "mode": "walls"}, 201)
    [game] = ada("GET /api/leaderboard?limit=1")
    ada("POST /api/games", {"challenge": game["id"].split(".")[1]}, 404)


def test_a_seed_is_new_with_each_game_and_nobody_can_ask_for_one(ada, api):
    """Nor is it told before: the game that has it exists from the answer on."""
    seeds = {ada.open()["seed"] for _ in range(50)}
    assert len(seeds) == 50
    assert max(seeds) > 2**31 > min(seeds)  # but in one of 2**49 cases


def test_the_boards_of_challenges_can_be_derived_again(ada, bob, app, db):
    game, _, _ = ada.play(1)
    for player in (ada, bob):
        for meals in (2, 4, 3):
            player.play(meals, challenge=game["id"])
            player.play(meals, challenge="daily")
    kept = list(Entry.select().order_by(Entry.board, Entry.user).tuples())
    with app.database.atomic():
        for user in User.select():
            leaderboards.rebuild_player(user.id)
    assert list(Entry.select().order_by(Entry.board, Entry.user).tuples()) == kept


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("challenge=nothing", 404),
        ("challenge=daily/never", 422),
        ("challenge=daily/", 422),
        ("challenge=daily&period=day", 422),
        ("challenge=daily&at=never", 422),
        (f"challenge={'x' * 321}", 422),
    ],
)
def test_a_challenges_board_that_there_is_not(api, query, status):
    assert api.ask(f"GET /api/leaderboard?{query}").status == status


def test_a_challenges_board_in_a_mode_that_it_is_not_played_in(ada, api):
    game, _, _ = ada.play()
    assert api.ask(f"GET /api/leaderboard?challenge={game['id']}&mode=pass-through").status == 404
    assert api(f"GET /api/leaderboard?challenge={game['id']}&mode=walls") == []
