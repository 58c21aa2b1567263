"""The pace of games. Time stands still, and the start is moved in the stored row."""

from datetime import UTC, datetime

import pytest
from driver import drive

import models
import rules
from database.binding import bind
from game import clock
from models import Entry, Game


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch):
    steady, wall = clock.monotonic_ns(), clock.wall_ns()
    monkeypatch.setattr(clock, "monotonic_ns", lambda: steady)
    monkeypatch.setattr(clock, "wall_ns", lambda: wall)


@pytest.fixture
def paced_app(make_app):
    return make_app(enforce_pace=True)


@pytest.fixture
def paced(paced_app):
    with bind(paced_app.database):
        yield drive(paced_app).sign_up("Ada")


@pytest.fixture
def api_of(paced_app):
    """Reads the record of a game, as anybody can."""
    return lambda game: drive(paced_app)(f"GET /api/games/{game['id']}")


def begun(seconds):
    """As if the open game had begun so long ago."""
    Game.update(started_at=models.now() - seconds * 1000).where(Game.ended_at.is_null()).execute()


def test_a_game_can_not_run_faster_than_time(paced):
    game = paced.open()
    assert game["pause_left"] == 10
    refused = paced.post(game, 0, 11, status=422)  # 1,650 ms of ticks, at once
    assert refused["errors"][0]["field"] == "tick"
    assert Game.get().tick == 0
    assert paced.post(game, 0, 6)["tick"] == 6  # 900 ms: within the second that is given
    begun(1)
    assert paced.post(game, 6, 11)["status"] == "over"


def test_the_allowance_is_one_second_and_two_percent(paced):
    game = paced.open("pass-through")
    begun(100)
    turns, tick = [], 690  # 103.5 s without a meal: more than 100 s + 1 s + 2 %
    lane = _away_from_food(game["seed"])
    turns = [[1, lane]] if lane else []
    paced.post(game, 0, tick, turns, status=422)
    assert paced.post(game, 0, 685, turns)["tick"] == 685  # 102.75 s


def _away_from_food(seed):
    """A first turn after which the snake goes round and never eats, None if straight on does."""
    for lane in (None, "R", "L"):
        game = rules.Game(seed, "pass-through")
        game.advance([[1, lane]] if lane else [], 700)
        if game.score == 0 and not game.outcome:
            return lane
    raise AssertionError("the food is in both lanes")


def test_the_pause_budget_grows_with_play_time_up_to_the_setting(paced):
    """Ten seconds and a quarter of the ticks' lengths, beside 1.1 times these."""
    game = paced.open("pass-through")
    begun(110)
    lane = _away_from_food(game["seed"])
    turns = [[1, lane]] if lane else []
    assert paced.post(game, 0, 400, turns)["pause_left"] == 0  # 60 s of ticks: 25 s + 66 s are less than 110 s
    begun(90)
    assert paced.post(game, 400, 400)["pause_left"] == pytest.approx(1, abs=0.5)  # 25 s + 66 s - 90 s
    begun(200)
    assert paced.post(game, 400, 690)["pause_left"] == 0
    begun(130)
    assert paced.post(game, 690, 690)["pause_left"] == pytest.approx(19.7, abs=0.5)  # 35.9 s + 113.8 s - 130 s


def test_while_a_game_is_played_too_slow_is_not_the_last_word(paced, api_of):
    game = paced.open()
    begun(14)
    answer = paced.post(game, 0, 5)
    assert (answer["ranked"], answer["pause_left"], answer["status"]) == (False, 0, "playing")
    assert api_of(game)["ranked"] is False
    assert Game.get().ranked  # nothing is decided yet
    begun(3)  # as if it had caught up
    assert paced.post(game, 5, 6)["ranked"] is True
    assert api_of(game)["ranked"] is True
    answer = paced.post(game, 6, 11)
    assert (answer["status"], answer["ranked"], answer["rank"]) == ("over", True, 1)


@pytest.mark.parametrize(("seconds", "ranked"), [(11.6, True), (12.6, False)])  # 10 s + 1.35 times 1.65 s is 12.2 s
def test_a_game_that_ends_is_judged_from_its_start_to_its_end(paced, seconds, ranked):
    game = paced.open()
    paced.post(game, 0, 5)
    begun(seconds)
    answer = paced.post(game, 5, 11)
    assert (answer["status"], answer["ranked"], answer["rank"]) == ("over", ranked, 1 if ranked else None)
    assert answer["personal_best"] == (answer["score"] if ranked else None)  # there may be food in the way
    assert Entry.select().exists() is ranked


@pytest.mark.parametrize(("seconds", "ranked"), [(10.9, True), (11.2, False)])  # 10 s + 1.35 times 0.75 s is 11.01 s
@pytest.mark.parametrize("way", ["leave", "another", "timeout"])
def test_a_game_that_is_left_is_judged_by_its_last_post(paced, api_of, seconds, ranked, way, paced_app):
    """However late it is left: what comes after the last post is no play."""
    game = paced.open()
    paced.post(game, 0, 5)
    last = models.now() - 700_000 + round(seconds * 1000)
    Game.update(started_at=models.now() - 700_000, last_post_at=last).execute()
    if way == "leave":
        paced(f"DELETE /api/games/{game['id']}", status=204)
    elif way == "another":
        paced.open()
    else:
        paced_app.end_abandoned()
    record = api_of(game)
    assert (record["status"], record["outcome"], record["ranked"]) == ("over", "left", ranked)
    assert Game.get_by_id(game["id"]).ended_at == last
    assert Entry.select().where(Entry.game_id == game["id"]).exists() is ranked


@pytest.mark.parametrize("way", ["leave", "another", "timeout"])
def test_a_game_left_after_midnight_counts_for_the_day_of_its_last_post(ada, api, app, db, way):
    game = ada.open()
    ada.post(game, 0, 5)
    midnight = models.now() // 86_400_000 * 86_400_000 - 86_400_000  # yesterday's: abandoned, whatever the time
    Game.update(started_at=midnight - 3000, last_post_at=midnight - 1000).execute()
    if way == "leave":
        ada(f"DELETE /api/games/{game['id']}", status=204)
    elif way == "another":
        ada.open()
    else:
        app.end_abandoned()
    day = str(datetime.fromtimestamp(midnight / 1000 - 1, UTC).date())
    record = api(f"GET /api/games/{game['id']}")
    assert (record["outcome"], record["ended_at"][:10]) == ("left", day)
    assert [entry["game"] for entry in api(f"GET /api/leaderboard?period=day&at={day}")] == [game["id"]]
    assert api("GET /api/leaderboard?period=day") == []
    assert ada("GET /api/leaderboard?period=day") == []


def test_a_post_after_midnight_makes_it_the_new_days_game(ada, api, db):
    game = ada.open()
    Game.update(started_at=models.now() // 86_400_000 * 86_400_000 - 3000).execute()
    ada.post(game, 0, 5)
    ada(f"DELETE /api/games/{game['id']}", status=204)
    assert [entry["game"] for entry in api("GET /api/leaderboard?period=day")] == [game["id"]]


def test_without_pace_no_game_is_too_slow(ada, db):
    game = ada.open()
    begun(5000)
    assert ada.post(game, 0, 5)["ranked"] is True
    assert ada.post(game, 5, 11)["ranked"] is True


def test_the_pause_budget_is_a_setting(make_app):
    ada = drive(make_app(enforce_pace=True, pause_budget=7)).sign_up("Ada")
    assert ada.open()["pause_left"] == 7
