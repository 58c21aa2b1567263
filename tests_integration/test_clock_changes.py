"""Clocks that are wrong or are set during a game: the server's and the client's."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from browser import REACH_IN, game_of, give_up, sign_up, start, state, steer
from servers import LeapingServer


@pytest.fixture
def shifted_server(database_url, tmp_path):
    settings = {"ENFORCE_PACE": "true", "WORKERS": "2", "RATE_LIMITS": "false"}  # the last: it asks until time has come
    server = LeapingServer(tmp_path, DATABASE_URL=database_url, **settings)
    server.set_ahead(0)
    yield server.start()
    server.kill()


@pytest.mark.parametrize("leap", [-86_400, 86_400])
def test_an_operator_who_sets_the_time_ends_no_game_and_makes_none_too_fast(shifted_server, leap):
    """A game of eleven ticks at the true pace, whichever of the workers answers."""
    server = shifted_server
    ada, bob = server.api.sign_up("Ada"), server.api.sign_up("Bob")
    game, others, began = ada.open(), bob.open("pass-through"), time.monotonic()
    ada.post(game, 0, 5)
    server.set_ahead(leap)
    for tick in range(6, 12):
        while time.monotonic() - began < tick * 0.15:
            bob("GET /api/games/active")  # as others do meanwhile
        answer = ada.post(game, tick - 1, tick)
    assert (answer["status"], answer["ranked"], answer["rank"]) == ("over", True, 1)
    assert 0 < bob.post(others, 0, 0)["pause_left"] < 9  # of 10 s at the start, less what has passed
    bob.post(others, 0, 60, status=422)
    assert ada("GET /api/auth/me")["username"] == "Ada"


def test_without_running_games_all_workers_take_the_time_that_was_set(shifted_server):
    server, until = shifted_server, time.monotonic() + 60
    ada, bob = server.api.sign_up("Ada"), server.api.sign_up("Bob")
    game = ada.open()
    server.set_ahead(86_400 * 20)
    while game["started_at"] < _date(10):
        assert time.monotonic() < until
        ada(f"DELETE /api/games/{game['id']}", status=204)
        for _ in range(5):  # one of them looks for abandoned games, and finds none that is played
            server.api("GET /api/games/active")
        game = ada.open()
    # From here on somebody plays, so that no worker takes it by itself.
    assert all(bob.open()["started_at"] > _date(10) for _ in range(40))


def _date(days):
    """The date so many days from now, as the API has times."""
    return f"{datetime.now(UTC) + timedelta(days):%Y-%m-%d}"


SET_DATE = "window.now ??= Date.now; Date.now = () => window.now() + {};"


def test_a_clients_clock_does_not_matter(open_page, live):
    """Neither that it is wrong nor that it is set in mid-game: the client sends no time to the server."""
    page = open_page("about:blank")
    page.add_init_script(SET_DATE.format(-3_600_000))
    told = []
    page.on("request", lambda request: told.append(request.post_data or ""))
    page.goto(live.url)
    page.evaluate(REACH_IN)
    assert page.evaluate("Date.now()") / 1000 == pytest.approx(time.time() - 3600, abs=60)
    page.locator("#account").click()
    page.locator("#show-signup").click()
    sign_up(page, "Ada")
    start(page)
    page.wait_for_function("() => state.syncedTick > 0")
    page.evaluate(SET_DATE.format(86_400_000))
    steer(page, 20)
    give_up(page)
    found = state(page)
    record = live.api(f"GET /api/games/{found['id']}")
    assert (record["score"], record["ranked"], record["status"]) == (game_of(found).score, True, "over")
    posts = [json.loads(body) for body in told if "since" in body]
    assert posts
    assert {name for post in posts for name in post} == {"since", "tick", "turns"}
