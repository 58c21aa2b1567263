"""How often something may be tried."""

import re
import sys

import limits
import pytest
from driver import PASSWORD, drive
from limits.storage import MemoryStorage, MovingWindowSupport, Storage

import config
import throttle
from problems import Problem


@pytest.mark.parametrize("name", ["Ada", "Nobody"])
def test_failed_log_ins_of_one_account_are_stopped_and_say_for_how_long(ada, api, name):
    for _ in range(20):
        api("POST /api/auth/login", {"username": name, "password": "wrong horse"}, 401)
    answer = api.ask("POST /api/auth/login", {"username": name, "password": PASSWORD})
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    api("POST /api/auth/login", {"username": "Eve", "password": "wrong horse"}, 401)


def test_log_ins_that_succeed_are_not_counted(ada, api):
    for _ in range(25):
        api.log_in("Ada")


def test_a_password_can_not_be_guessed_by_changing_the_account(ada):
    for _ in range(20):
        ada("PATCH /api/auth/me", {"current_password": "wrong horse"}, 403)
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 429)


def test_guests_from_one_address_are_bounded_unless_limits_are_off(make_app):
    limited, free = drive(make_app()), drive(make_app(rate_limits=False))
    for api in (limited, free):
        for _ in range(400):
            api.guest()
    assert limited.ask("POST /api/auth/guest").status == 429
    assert free.ask("POST /api/auth/guest").status == 201


def test_posts_to_one_game_are_bounded_and_say_for_how_long(make_app):
    api = drive(make_app(enforce_pace=True))
    ada, bob = api.guest(), api.guest()
    game, other = ada.open(), bob.open()
    most, seconds = throttle.POSTS
    call, post = f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []}
    statuses = [ada.ask(call, body).status for body in [post, {"nonsense": 1}] * (most // 2)]
    assert statuses == [200, 422] * (most // 2)
    answer = ada.ask(call, post)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= seconds
    bob.post(other, 0, 0)


def test_nobody_uses_up_the_posts_of_another_s_game(make_app):
    api = drive(make_app(enforce_pace=True))
    ada, eve = api.guest(), api.guest()
    game = ada.open()
    call, post = f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []}
    statuses = {eve.ask(call, post).status for _ in range(throttle.POSTS[0] + 1)}
    assert statuses == {403, 429}
    ada.post(game, 0, 0)


def test_a_player_opens_so_many_games_a_minute(make_app):
    api = drive(make_app(enforce_pace=True))
    ada, bob = api.guest(), api.guest()
    for _ in range(throttle.NEW_GAMES[0]):
        ada.open()
    assert 0 < int(ada.ask("POST /api/games", {"mode": "walls"}).headers["Retry-After"]) <= 60
    bob.open()


@pytest.mark.parametrize("settings", [{"enforce_pace": True, "rate_limits": False}, {"enforce_pace": False}])
def test_without_limits_or_without_pace_one_plays_as_fast_as_one_likes(make_app, settings):
    ada = drive(make_app(**settings)).guest()
    games = [ada.open() for _ in range(100)]
    for _ in range(100):
        ada.post(games[-1], 0, 0)


@pytest.mark.parametrize("later", [10_000, 1_000_000, -1])
def test_a_window_begins_anew_when_its_time_is_over_or_the_clock_was_set_back(later):
    window, began = throttle.Window(True, 1, 10), 1_800_000_000_000
    window.spend(began, "Ada")
    window.spend(began, "Bob")
    with pytest.raises(Problem) as caught:
        window.spend(began + 7_500, "Ada")
    assert caught.value.headers == {"Retry-After": "3"}
    window.spend(began + later, "Ada")


class Away(Storage, MovingWindowSupport):
    """What the limits library finds where it finds nobody."""

    STORAGE_SCHEME = ("away",)
    base_exceptions = OSError

    def _refuse(self, *_, **__):
        raise OSError("connection refused")

    incr = get = get_expiry = check = reset = clear = acquire_entry = get_moving_window = _refuse


def test_while_the_storage_is_out_of_reach_requests_go_through_and_limits_hold(make_app, caplog):
    api = drive(make_app(rate_limit_storage="away://somewhere"))
    ada = api.sign_up("Ada")
    assert "RATE_LIMIT_STORAGE is out of reach" in caplog.text
    assert "connection refused" in caplog.text
    ada.open()
    statuses = [ada.ask("PATCH /api/auth/me", {"current_password": "wrong horse"}).status for _ in range(21)]
    assert statuses == [403] * 20 + [429]


def test_two_servers_with_one_storage_count_together(make_app, monkeypatch):
    shared = MemoryStorage()
    monkeypatch.setitem(limits.storage.SCHEMES, "shared", lambda *_, **__: shared)
    first, second = (drive(make_app(rate_limit_storage="shared://")) for _ in range(2))
    for api in (first, second) * 10:
        api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    second("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 429)


@pytest.mark.parametrize(
    "url", ["nonsense://hunter2@host", "memory", "redis://:hunter2@host", "async+memory://", "redis+sentinel://"]
)
def test_a_storage_that_can_not_be_stops_the_start_with_what_would_do(make_app, monkeypatch, url):
    monkeypatch.setitem(sys.modules, "redis", None)  # its driver isn't there
    with pytest.raises(config.ConfigError) as caught:
        make_app(rate_limit_storage=url)
    message = str(caught.value)
    assert re.match("RATE_LIMIT_STORAGE: .{10,}; give memory://", message)
    assert ("\n" in message, "hunter2" in message) == (False, False)
