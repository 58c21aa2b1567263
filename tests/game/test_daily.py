"""Today's daily challenge as a player sees it: the attempt, the streak, and who won yesterday."""

import time
from datetime import date, timedelta

import pytest
from days import today
from driver import PASSWORD, plan
from query_plans import plan_of

import models
from game import challenges, daily, leaderboards, records
from models import Game, User
from operations import maintenance
from rules import MODES

A_DAY = timedelta(days=1)


def days_ago(number):
    return today() - number * A_DAY


def attempt(user, day, mode="walls", meals=1):
    """Have a player's counted attempt of a past day: played as a challenge of a game, then moved to that day."""
    game, _, _ = user.play(meals, mode=mode)
    at = models.now() - (today() - day).days * 86_400_000
    moved = {"challenge": f"daily/{day}", "started_at": at, "last_post_at": at, "ended_at": at}
    Game.update(moved).where(Game.id == game["id"]).execute()
    return game["id"]


@pytest.mark.parametrize("mode", MODES)
def test_what_there_is_before_anybody_has_played(api, ada, mode):
    for who in (api, ada, api.guest()):
        answer = who.ask(f"GET /api/daily?mode={mode}")
        assert answer.json == {
            "number": (today() - date(2025, 12, 31)).days,
            "date": str(today()),
            "ends_at": f"{today() + A_DAY}T00:00:00.000Z",
            "players": 0,
            "mine": None,
            "streak": 0,
            "best_streak": 0,
            "yesterday": None,
        }
        assert "Authorization" in answer.headers["Vary"]
        assert float(answer.headers["Server-Time"]) == pytest.approx(time.time(), abs=10)
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("day", "number"), [("2026-01-01", 1), ("2026-01-02", 2), ("2026-12-31", 365), ("2027-01-01", 366)])
def test_number_one_is_the_first_of_january_2026(day, number):
    assert daily.number(date.fromisoformat(day)) == number


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "missing"), ("?mode=", "missing"), ("?mode=both", "not_a_choice"), ("?mode=walls&x=1", "unknown_field")],
)
def test_the_mode_is_needed(api, query, code):
    refused = api(f"GET /api/daily{query}", status=422)
    assert [error["code"] for error in refused["errors"]] == [code]


def test_the_players_attempt_and_how_many_others_it_beats(api):
    players = [api.sign_up(name) for name in ("Ada", "Bob", "Cyn", "Dee")]
    played = [player.play(meals, challenge="daily")[0]["id"] for player, meals in zip(players, (1, 3, 3, 0), strict=True)]
    found = [player("GET /api/daily?mode=walls") for player in players]
    assert [day["mine"]["game"] for day in found] == played
    assert [day["mine"]["score"] for day in found] == [10, 30, 30, 0]
    assert [day["mine"]["beaten_percent"] for day in found] == [33.3, 66.7, 66.7, 0]
    assert {day["mine"]["counts"] for day in found} == {True}
    assert {day["players"] for day in found} == {4}
    assert api("GET /api/daily?mode=walls")["mine"] is None
    assert players[0]("GET /api/daily?mode=pass-through")["mine"] is None
    assert players[0]("GET /api/daily?mode=pass-through")["players"] == 0


def test_a_lonely_attempt_beats_nobody(ada):
    ada.play(2, challenge="daily")
    assert ada("GET /api/daily?mode=walls")["mine"]["beaten_percent"] == 0


def test_only_the_first_attempt_is_mine(ada):
    first = ada.play(1, challenge="daily")[0]["id"]
    ada.play(4, challenge="daily")
    ada.play(3, challenge=first)
    found = ada("GET /api/daily?mode=walls")
    assert (found["mine"]["game"], found["mine"]["score"], found["players"]) == (first, 10, 1)


def test_an_attempt_that_is_still_open_is_mine(ada, bob):
    bob.play(0, challenge="daily")
    game = ada.open(challenge="daily")
    turns, tick = plan(game["seed"], "walls", 1)
    for at in range(1, tick):
        if ada.post(game, at - 1, at, [turn for turn in turns if turn[0] == at])["score"]:
            break
    found = ada("GET /api/daily?mode=walls")
    assert found["mine"] == {"game": game["id"], "score": 10, "beaten_percent": 100, "counts": True}
    assert (found["players"], found["streak"]) == (1, 0)


def test_a_guests_attempt_does_not_count(api, bob):
    bob.play(1, challenge="daily")
    guest = api.guest()
    game, _, _ = guest.play(2, challenge="daily")
    mine = {"game": game["id"], "score": 20, "beaten_percent": 100, "counts": False}
    found = guest("GET /api/daily?mode=walls")
    assert (found["mine"], found["players"], found["streak"], found["best_streak"]) == (mine, 1, 0, 0)
    ada = guest.sign_up("Ada")
    found = ada("GET /api/daily?mode=walls")
    assert (found["mine"], found["players"], found["streak"]) == (mine, 1, 0)


def test_a_token_that_is_not_valid_is_refused(api):
    api("GET /api/daily?mode=walls", status=401, headers={"Authorization": "Bearer nonsense"})


def test_a_streak_counts_days_in_a_row_in_either_mode(ada, db):
    for day, mode in ((0, "walls"), (1, "pass-through"), (2, "walls"), (2, "pass-through"), (4, "walls")):
        attempt(ada, days_ago(day), mode)
    for mode in MODES:
        found = ada(f"GET /api/daily?mode={mode}")
        assert (found["streak"], found["best_streak"]) == (3, 3)


def test_a_streak_goes_on_until_the_day_is_over(ada, db):
    for day in (1, 2, 5, 6, 7):
        attempt(ada, days_ago(day))
    assert (ada("GET /api/daily?mode=walls")["streak"], ada("GET /api/daily?mode=walls")["best_streak"]) == (2, 3)
    ada.play(0, challenge="daily")
    assert ada("GET /api/daily?mode=walls")["streak"] == 3


def test_a_streak_that_has_ended_remains_the_best(ada, db):
    for day in range(2, 12):
        attempt(ada, days_ago(day))
    found = ada("GET /api/daily?mode=walls")
    assert (found["streak"], found["best_streak"]) == (0, 10)


def test_only_attempts_that_count_make_a_streak(ada, api, db):
    attempt(ada, days_ago(1))
    withdrawn = attempt(ada, days_ago(2))
    maintenance.unrank(records.get_game(withdrawn))
    attempt(ada, days_ago(3))
    found = ada("GET /api/daily?mode=walls")
    assert (found["streak"], found["best_streak"]) == (1, 1)
    ada.play(0, challenge=f"daily/{days_ago(1)}")  # out of the count
    ada.play(0)  # no challenge
    assert ada("GET /api/daily?mode=walls")["streak"] == 1
    assert api.sign_up("Bob")("GET /api/daily?mode=walls")["best_streak"] == 0


def test_streaks_are_read_from_an_index_of_counted_attempts(ada, db):
    """By the plan of the database: with an index that has at most two games for each day."""
    assert any("games_daily" in step for step in plan_of(db, daily.streaks, 1, today()))
    [step] = plan_of(db, challenges.first_game.first, user=1, challenge="daily/x", mode="walls")
    assert "games_challenge" in step


def test_the_winner_of_yesterday(ada, bob, api, db):
    attempt(ada, days_ago(1), meals=2)
    game = attempt(bob, days_ago(1), meals=3)
    attempt(bob, days_ago(2), meals=5)
    leaderboards.rebuild_all()
    assert api("GET /api/daily?mode=walls")["yesterday"] == {"name": "Bob", "score": 30, "game": game}
    assert api("GET /api/daily?mode=pass-through")["yesterday"] is None
    User.update(banned_at=1).where(User.name == "Bob").execute()
    leaderboards.rebuild_all()
    assert api("GET /api/daily?mode=walls")["yesterday"]["name"] == "Ada"


def test_bots_see_the_challenge_of_bots(ada, api):
    bot = api.sign_up("Botticelli", bot=True)
    bot.play(2, challenge="daily")
    ada.play(1, challenge="daily")
    assert (bot("GET /api/daily?mode=walls")["players"], ada("GET /api/daily?mode=walls")["players"]) == (1, 1)
    assert ada("GET /api/daily?mode=walls")["mine"]["beaten_percent"] == 0


def test_an_account_that_was_created_again_has_no_attempt_yet(ada, api):
    ada.play(1, challenge="daily")
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    ada = api.sign_up("Ada")
    assert ada("GET /api/daily?mode=walls")["mine"] is None
    ada.play(1, challenge="daily")
    assert ada("GET /api/daily?mode=walls")["mine"]["counts"] is False
