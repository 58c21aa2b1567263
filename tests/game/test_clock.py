"""The server's clock, and the pace of games by it, on simulated system clocks."""

from datetime import date
from types import SimpleNamespace

import pytest
from driver import PASSWORD, drive
from hypothesis import given, settings
from hypothesis import strategies as st

import rules
from database.binding import bind
from game import clock
from game.pace import Pace
from models import Entry, Game
from web import rate_limits
from web.problems import Problem

MS, SECOND, HOUR = 1_000_000, 1_000_000_000, 3_600_000_000_000  # nanoseconds
BEGAN = 1_800_000_000_000  # milliseconds since the epoch


class Machine:
    """What the machine's clocks say, until `end`."""

    def __init__(self):
        self.patch = pytest.MonkeyPatch()
        self.steady, self.wall = 5 * HOUR, BEGAN * MS
        self.patch.setattr(clock, "monotonic_ns", lambda: self.steady)
        self.patch.setattr(clock, "wall_ns", lambda: self.wall)
        self.patch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: self.wall / SECOND))
        clock.step()

    def end(self):
        self.patch.undo()
        clock.step()

    def passes(self, nanoseconds):
        self.steady += nanoseconds
        self.wall += nanoseconds

    def at(self, game, milliseconds):
        """So long after a game began."""
        self.passes(Game.get(Game.id == game["id"]).started_at * MS + milliseconds * MS - clock.now() * MS)


@pytest.fixture
def machine():
    machine = Machine()
    yield machine
    machine.end()


# The clock.


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, HOUR), st.sampled_from([0, 0, 1]), st.integers(-24 * HOUR, 24 * HOUR))))
def test_however_the_machines_time_leaps_the_clock_runs_on_steadily(readings):
    machine = Machine()
    try:
        before = clock.now()
        for passed, leaps, by in readings:
            machine.passes(passed)
            machine.wall += leaps * by
            now = clock.now()
            assert 0.99 * passed - MS <= (now - before) * MS <= 1.01 * passed + MS
            assert now >= before
            before = now
    finally:
        machine.end()


@pytest.mark.parametrize("leap", [-30, -1, 1, 30])
def test_it_comes_back_to_the_machines_time(machine, leap):
    machine.wall += leap * SECOND
    for _ in range(abs(leap) * 100 + 2):
        machine.passes(SECOND)
        clock.now()
    assert clock.now() == machine.wall // MS


def test_a_machines_time_that_is_corrected_gently_is_followed(machine):
    """Two months in which the crystal is off by fifty millionths, and NTP makes up for it."""
    for _ in range(60 * 24 * 60):
        machine.passes(60 * SECOND)
        machine.wall += 60 * SECOND // 20_000
        assert clock.now() * MS == pytest.approx(machine.wall, abs=5 * MS)


def test_a_time_of_sleep_has_passed(machine):
    before = clock.now()
    machine.passes(8 * HOUR)  # which both of the system's clocks count
    assert clock.now() - before == 8 * HOUR // MS


def test_the_date_is_the_clocks_own(machine):
    machine.wall += 24 * HOUR
    assert clock.today() == date(2027, 1, 15)
    clock.step()
    assert clock.today() == date(2027, 1, 16)


def test_while_nobody_plays_a_clock_that_was_corrected_is_followed_at_once(machine, ada, api, app):
    game = ada.open()
    machine.wall += 24 * HOUR
    app.background.run_all()
    ada.post(game, 0, 11)
    assert api("GET /api/leaderboard")[0]["timestamp"].startswith("2027-01-15")
    app.background.run_all()
    ada.play()
    [day] = api("GET /api/leaderboard?period=day")
    assert (day["timestamp"][:10], day["rank"]) == ("2027-01-16", 1)


# Pace.


@pytest.fixture
def paced(make_app, machine):
    app = make_app(enforce_pace=True, rate_limits=False)
    with bind(app.database):
        yield drive(app).sign_up("Ada")


@settings(deadline=None)
@given(st.integers(0, 10**8), st.integers(-2, 2))
def test_what_is_too_fast_and_too_slow_is_so_to_the_millisecond(nominal, beside):
    pace = Pace(60)
    fastest = max(0, -(-(nominal - 1000) * 100 // 102) + beside)  # the least time in which it can have been played
    too_fast = nominal * 100 > fastest * 102 + 100_000
    if too_fast:
        with pytest.raises(Problem):
            pace.check(nominal, fastest)
    else:
        pace.check(nominal, fastest)
    twenty_times = nominal * 22 + min(60_000 * 20, 10_000 * 20 + nominal * 5)  # the most time that it can have taken
    slowest = twenty_times // 20 + beside
    too_slow = slowest * 20 > twenty_times
    assert (pace.pause_left(nominal, slowest) < 0, pace.allows(nominal, slowest)) == (too_slow, not too_slow)


def lane(seed):
    """A first turn after which the snake goes round without a meal, whose ticks last 150 ms each."""
    for turns in ([], [[1, "R"]], [[1, "L"]]):
        game = rules.Game(seed, "pass-through")
        game.advance(turns, 700)
        if game.score == 0:
            return turns
    raise AssertionError("the food is in both lanes")


@pytest.mark.parametrize("tick", [7, 100, 685])
def test_a_post_is_taken_from_the_millisecond_on_in_which_it_can_have_been_played(paced, machine, tick):
    game = paced.open("pass-through")
    turns, first = lane(game["seed"]), -(-(tick * 150 - 1000) * 100 // 102)
    machine.at(game, first - 1)
    before = paced(f"GET /api/games/{game['id']}")
    assert paced.post(game, 0, tick, turns, status=422)["errors"][0]["field"] == "tick"
    assert paced(f"GET /api/games/{game['id']}") == before
    machine.at(game, first)
    assert paced.post(game, 0, tick, turns)["tick"] == tick


@pytest.mark.parametrize(("tick", "budget"), [(0, 10_000), (7, 10_262), (685, 35_687)])
def test_a_game_is_ranked_through_the_last_millisecond_of_its_pause_budget(paced, machine, tick, budget):
    for late in (0, 1):
        game = paced.open("pass-through")
        machine.at(game, tick * 165 + budget + late)
        answer = paced.post(game, 0, tick, lane(game["seed"]) if tick else [])
        assert answer["ranked"] is not bool(late)
        assert answer["pause_left"] == pytest.approx(0, abs=0.001)
        paced(f"DELETE /api/games/{game['id']}", status=204)
        assert paced(f"GET /api/games/{game['id']}")["ranked"] is not bool(late)


@pytest.mark.parametrize(("slept", "is_ranked"), [(7, True), (9, True), (12, False), (500, False)])
def test_who_slept_plays_on_and_is_ranked_within_the_budget(paced, machine, slept, is_ranked):
    game = paced.open()
    machine.passes(SECOND)
    paced.post(game, 0, 6)
    machine.passes(slept * SECOND)
    assert paced.post(game, 6, 8)["status"] == "playing"
    machine.passes(SECOND)
    answer = paced.post(game, 8, 11)
    assert (answer["status"], answer["ranked"], answer["rank"]) == ("over", is_ranked, 1 if is_ranked else None)


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_a_step_of_the_machines_clock_does_not_affect_running_games(paced, machine, hours):
    """Half a minute at the true pace, within which the time leaps, and no more than the ticks' own is allowed."""
    game, tick = paced.open("pass-through"), 0
    turns = lane(game["seed"])
    for seconds in range(30):
        machine.passes(SECOND)
        if seconds == 10:
            machine.wall += hours * HOUR
        reached = (seconds + 1) * 1000 // 150
        answer = paced.post(game, tick, reached, turns if tick == 0 else [])
        tick = answer["tick"]
    assert (answer["status"], answer["ranked"]) == ("playing", True)
    assert answer["pause_left"] == pytest.approx(20.5, abs=0.5)
    paced.post(game, tick, tick + 30, status=422)
    paced(f"DELETE /api/games/{game['id']}", status=204)
    assert Entry.select().where(Entry.score == 0).exists()


# Limits.


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_a_leap_of_the_machines_time_shuts_nobody_out(make_app, machine, hours):
    api = drive(make_app())
    api.sign_up("Ada")
    for _ in range(20):
        api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    api("POST /api/auth/login", {"username": "Ada", "password": PASSWORD}, 429)
    machine.wall += hours * HOUR
    machine.passes(2 * SECOND)
    api.log_in("Ada")
