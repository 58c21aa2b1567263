"""verify.py on responses to another query than its own: of another mode, period, challenge or day."""

from datetime import UTC, datetime

import pytest
from lying_server import at, of_game, other

import rules
from models import Entry, Game


def test_another_mode_than_was_asked_for_is_wrong(server, proves, ada, bob):
    ada.play(2, rules.PASS_THROUGH)
    server.instead = other("mode=walls", "mode=pass-through")
    said = proves(server, "--mode", "walls", status=1)
    assert "wrong: rank 1, Ada, 20 in pass-through" in said
    assert "its mode is pass-through, but walls was requested" in said


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_game_of_another_year_is_in_no_current_period(server, proves, db, ada, period):
    game = ada.play(2)[0]["id"]
    year = 366 * 24 * 3_600_000
    Game.update(started_at=Game.started_at - year, ended_at=Game.ended_at - year).execute()
    Entry.update(achieved_at=Entry.achieved_at - year).execute()
    assert proves(server) == "1 of 1 scores are proven.\n"
    server.instead = other(f"period={period}", "period=all")
    said = proves(server, "--period", period, status=1)
    assert game in said
    assert f"which is not in the {period} of {datetime.now(UTC).date()}" in said


def test_the_period_of_a_date_is_asked_for_and_proven(server, proves, ada):
    ada.play(2)
    today = datetime.now(UTC).date()
    for period in ("day", "week", "month"):
        assert proves(server, "--period", period, "--at", str(today)) == "1 of 1 scores are proven.\n"
    server.instead = other("at=2020-02-29", f"at={today}")
    for period in ("day", "week", "month"):
        assert f"not in the {period} of 2020-02-29" in proves(server, "--period", period, "--at", "2020-02-29", status=1)


@pytest.mark.parametrize("asked", ["game", "daily", "daily/2026-01-01"])
def test_another_challenge_than_was_asked_for_is_wrong(server, proves, ada, bob, asked):
    first, second = ada.play(2)[0]["id"], bob.play(1)[0]["id"]
    ada.play(3, challenge=second)
    server.instead = lambda path: f"/api/leaderboard?challenge={second}" if "leaderboard" in path else path
    said = proves(server, "--challenge", first if asked == "game" else asked, status=1)
    assert f"it was played for {second}, and is on another leaderboard" in said


def test_a_challenge_of_a_game_of_a_challenge_is_that_challenge(server, proves, ada, bob):
    first = ada.play(2)[0]["id"]
    second = bob.play(1, challenge=first)[0]["id"]
    assert proves(server, "--challenge", second) == "1 of 1 scores are proven.\n"


@pytest.mark.parametrize(("name", "value"), [("seed", 77), ("rules", 2), ("mode", "pass-through"), ("seed", 5.0)])
def test_a_challenge_has_the_seed_of_the_game_that_it_is_named_after(server, proves, ada, bob, name, value):
    first = ada.play(2)[0]["id"]
    bob.play(1, challenge=first)
    server.lie = lambda path, answer: answer | {name: value} if path == f"/api/games/{first}" else answer
    assert f"its {name} is" in proves(server, "--challenge", first, status=1)


def test_a_game_that_is_named_after_another_is_no_challenge(server, proves, ada):
    first, second = ada.play(2)[0]["id"], ada.play(1)[0]["id"]
    server.instead = lambda path: path.replace(first, second)
    assert "the server has no game" in proves(server, "--challenge", first, status=2)


def test_bots_among_people_and_people_among_bots_are_wrong(server, proves, api, ada):
    api.sign_up("Robot", bot=True).play(2)
    ada.play(1)
    assert proves(server) == proves(server, "--bots") == "1 of 1 scores are proven.\n"
    server.instead = other("players=people", "players=bots")
    assert "it is a bot's, but people were requested" in proves(server, status=1)
    without = lambda entry: {name: value for name, value in entry.items() if name != "bot"}  # noqa: E731
    server.lie = lambda path, answer: [without(entry) for entry in answer] if "leaderboard" in path else answer
    assert "its game is a bot's, but people were requested" in proves(server, status=1)
    server.lie, server.instead = None, other("players=bots", "players=people")
    assert "it is not a bot's, but bots were requested" in proves(server, "--bots", status=1)


HIDDEN = {"title": "Forbidden", "status": 403, "code": "daily_hidden", "detail": "Come back after 00:00 UTC."}


def test_games_of_todays_challenge_are_not_provable_before_the_day_is_over(server, proves, ada):
    ada.play(1, challenge="daily")
    said = proves(server, "--challenge", "daily", status=1)
    assert "not provable: rank 1, Ada" in said
    assert "SNAKEPIT_TOKEN" in said
    assert "0 of 1 scores are proven: 1 not provable." in said


def test_games_of_other_leaderboards_can_not_be_hidden(server, proves, ada, bob):
    ada.play(1)
    server.lie = lambda path, answer: (403, HIDDEN) if "/games/" in path else answer
    assert "wrong: rank 1, Ada" in proves(server, status=1)


def test_a_daily_game_of_another_day_is_wrong(server, proves, ada):
    ada.play(1, challenge="daily")
    server.lie = of_game(started_at=at(-3 * 86400))
    assert "and is for daily/" in proves(server, "--challenge", "daily", "--token", ada.token, status=1)
