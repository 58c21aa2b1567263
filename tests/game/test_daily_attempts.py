"""The daily challenge: its seeds, and each player's single ranked attempt."""

from datetime import date, timedelta

import pytest
from days import a_day_passes, today, yesterday
from driver import PASSWORD, drive, plan, ranking

from game import challenges
from models import Attempt, Game


@pytest.mark.parametrize("mode", ["walls", "pass-through"])
def test_the_daily_challenge_is_the_same_for_everybody(ada, bob, mode):
    hers, his = ada.open(mode, challenge="daily"), bob.open(mode, challenge=f"daily/{today()}")
    assert (hers["seed"], hers["challenge"]) == (his["seed"], his["challenge"])
    assert hers["challenge"] == f"daily/{today()}"


def test_seeds_of_days_and_modes_differ_and_come_from_the_secret(ada, app):
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    modes = ["walls", "pass-through"]
    seeds = {challenges.daily_seed("a secret", day, mode) for day in days for mode in modes}
    assert len(seeds) == 800
    assert all(1 <= seed <= 2**32 - 1 for seed in seeds)
    assert challenges.daily_seed("another secret", today(), "walls") != challenges.daily_seed(app.secret, today(), "walls")
    assert ada.open(challenge="daily")["seed"] == challenges.daily_seed(app.secret, today(), "walls")


def test_the_seed_of_the_day_outlives_a_restart(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    seeds = {drive(make_app(database_url=url)).guest().open(challenge="daily")["seed"] for _ in range(2)}
    assert len(seeds) == 1


def test_only_the_first_try_of_the_day_counts(ada, bob, api):
    first = ada.play(1, challenge="daily")
    second = ada.play(4, challenge="daily")
    assert (first[0]["ranked"], first[2]["ranked"], first[2]["rank"]) == (True, True, 1)
    assert (second[0]["ranked"], second[2]["ranked"], second[2]["rank"]) == (False, False, 1)
    assert (second[0]["pause_left"], second[2]["personal_best"]) == (0, 10)
    bob.play(2, challenge="daily")
    board = [(1, "Bob", 20), (2, "Ada", 10)]
    assert ranking(api("GET /api/leaderboard?challenge=daily&mode=walls")) == board
    assert ranking(api(f"GET /api/leaderboard?challenge=daily/{today()}")) == board
    assert ranking(api(f"GET /api/leaderboard?challenge=daily&at={today()}")) == board
    assert api("GET /api/leaderboard?challenge=daily&mode=pass-through") == []
    assert api("GET /api/leaderboard") == []


def test_a_first_try_that_was_left_was_the_first_try(ada, api):
    ada.open(challenge="daily")
    assert ada.open(challenge="daily")["ranked"] is False
    assert ranking(api("GET /api/leaderboard?challenge=daily")) == [(1, "Ada", 0)]


def test_the_modes_have_a_first_try_each(ada):
    assert [ada.open(mode, challenge="daily")["ranked"] for mode in ("walls", "pass-through")] == [True, True]


def test_yesterdays_is_playable_out_of_the_count(ada, api):
    game, _, answer = ada.play(2, challenge=f"daily/{yesterday()}")
    assert (game["ranked"], answer["ranked"], answer["rank"]) == (False, False, None)
    assert game["seed"] != ada.open(challenge="daily")["seed"]
    assert api(f"GET /api/leaderboard?challenge=daily/{yesterday()}") == []
    assert api(f"GET /api/leaderboard?challenge=daily&at={yesterday()}") == []


def test_the_day_before_yesterdays_is_not(ada):
    refused = ada("POST /api/games", {"mode": "walls", "challenge": f"daily/{yesterday() - timedelta(days=1)}"}, 422)
    assert f"daily/{today()}" in refused["detail"]


def test_a_new_day_is_a_new_first_try(ada, db):
    ada.play(1, challenge="daily")
    a_day_passes()
    assert ada.open(challenge="daily")["ranked"] is True


def test_a_guests_attempt_is_the_days_attempt_also_after_signing_up(api):
    guest = api.guest()
    opened, _, answer = guest.play(3, challenge="daily")
    assert (opened["ranked"], opened["pause_left"], answer["ranked"], answer["rank"]) == (False, 0, False, None)
    ada = guest.sign_up("Ada")
    assert ada.open(challenge="daily")["ranked"] is False
    assert ada.open("pass-through", challenge="daily")["ranked"] is True  # the other mode's is another one
    assert api("GET /api/leaderboard?challenge=daily&mode=walls") == []


def test_a_guest_who_signs_up_in_the_middle_of_an_attempt_is_not_on_the_board(api):
    guest = api.guest()
    game = guest.open(challenge="daily")
    ada = guest.sign_up("Ada")
    turns, tick = plan(game["seed"], "walls", 2)
    assert ada.post(game, 0, tick, turns)["ranked"] is False
    assert api("GET /api/leaderboard?challenge=daily") == []


def test_a_new_guests_good_attempt_is_of_no_use(api):
    """Guests can try as often as they like: none of these attempts is ever on the board."""
    guests = [api.guest() for _ in range(3)]
    for meals, guest in enumerate(guests):
        guest.play(meals, challenge="daily")
    for number, guest in enumerate(guests):
        guest.sign_up(f"Player{number}")
    assert api("GET /api/leaderboard?challenge=daily") == []


@pytest.mark.parametrize("again", ["Ada", "ADA", "\N{CYRILLIC CAPITAL LETTER A}da"])
def test_an_account_that_is_deleted_and_created_again_has_no_other_attempt(ada, api, again):
    ada.play(1, challenge="daily")
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    ada = api.sign_up(again)
    opened, _, answer = ada.play(4, challenge="daily")
    assert (opened["ranked"], answer["ranked"], answer["rank"]) == (False, False, None)
    assert api("GET /api/leaderboard?challenge=daily") == []
    assert ada.open("pass-through", challenge="daily")["ranked"] is True


def test_an_account_with_the_email_of_a_deleted_one_has_no_other_attempt(api):
    ada = api.sign_up("Ada", email="ada@example.org")
    ada.play(1, challenge="daily")
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert api.sign_up("Eve", email="ADA@example.org").open(challenge="daily")["ranked"] is False
    assert api.sign_up("Ada").open(challenge="daily")["ranked"] is False
    assert api.sign_up("Mia").open(challenge="daily")["ranked"] is True


@pytest.mark.parametrize("again", ["Ada", "Eve"])
def test_an_account_that_was_renamed_and_deleted_has_no_other_attempt(ada, api, again):
    ada.play(1, challenge="daily")
    ada("PATCH /api/auth/me", {"username": "Eve", "current_password": PASSWORD})
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert api.sign_up(again).open(challenge="daily")["ranked"] is False


def test_a_guests_account_that_was_deleted_has_no_other_attempt(api):
    guest = api.guest()
    guest.play(1, challenge="daily")
    guest.sign_up("Ada")("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert api.sign_up("Ada").open(challenge="daily")["ranked"] is False


def test_names_of_attempts_are_forgotten_with_the_day(ada, api, app, db):
    ada.play(1, challenge="daily")
    challenges.forget_attempts()
    assert Attempt.select().count() == 1
    a_day_passes()
    challenges.forget_attempts()
    assert Attempt.select().count() == 0


def test_an_attempt_that_began_before_midnight_counts_and_is_that_days(ada, api, db):
    game = ada.open(challenge="daily")
    Game.update(challenge=f"daily/{yesterday()}").execute()  # as if it were the next day now
    turns, tick = plan(game["seed"], "walls", 1)
    assert ada.post(game, 0, tick, turns)["rank"] == 1
    assert ranking(api(f"GET /api/leaderboard?challenge=daily/{yesterday()}")) == [(1, "Ada", 10)]
