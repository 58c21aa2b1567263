"""Rate limits."""

import gc
import re
import sys
import tracemalloc

import limits
import pytest
from driver import PASSWORD, drive
from limits.storage import MemoryStorage, MovingWindowSupport, Storage

import config
import models
from database.binding import bind
from game import games
from models import Game
from web import rate_limits
from web.problems import Problem


@pytest.mark.parametrize("name", ["Ada", "Nobody"])
def test_failed_log_ins_of_an_account_are_limited_with_retry_after(ada, api, name):
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


def test_guests_from_one_address_are_bounded(make_app):
    app = make_app()
    here, elsewhere = drive(app, "192.0.2.7"), drive(app, "192.0.2.8")
    for _ in range(2000):  # ten for each of a class of 200
        here.guest()
    assert 0 < int(here.ask("POST /api/auth/guest").headers["Retry-After"]) <= 3600
    elsewhere.guest()


def test_without_limits_passwords_can_be_tried_without_end(make_app):
    api = drive(make_app(rate_limits=False))
    assert {api.ask("POST /api/auth/login", {"username": "Ada", "password": "wrong"}).status for _ in range(30)} == {401}


def test_posts_to_a_game_are_limited_with_retry_after(make_app):
    api = drive(make_app(enforce_pace=True))
    ada, bob = api.guest(), api.guest()
    game, other = ada.open(), bob.open()
    most, seconds = rate_limits.POSTS
    call, post = f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []}
    statuses = [ada.ask(call, body).status for body in [post, {"nonsense": 1}] * (most // 2)]
    assert statuses == [200, 422] * (most // 2)
    answer = ada.ask(call, post)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= seconds
    bob.post(other, 0, 0)


def test_posts_to_invented_games_are_bounded_too(make_app):
    api = drive(make_app(enforce_pace=True))
    eve, ada = api.guest(), api.guest()
    post = {"since": 0, "tick": 0, "turns": []}
    most, _ = rate_limits.POSTS
    statuses = [eve.ask(f"POST /api/games/invented{number}/turns", post).status for number in range(most + 5)]
    assert statuses == [404] * most + [429] * 5
    refused = eve.post(eve.open(), 0, 0, status=429)
    assert (refused["code"], list(refused["params"])) == ("rate_limited", ["retry_in"])
    ada.post(ada.open(), 0, 0)


def test_stated_scores_are_bounded_for_each_player(make_app):
    api = drive(make_app(score_policy="open"))
    ada, bob = api.sign_up("Ada"), api.sign_up("Bob")
    most, seconds = rate_limits.STATED_SCORES
    stated = {"score": 10, "mode": "walls"}
    statuses = [ada.ask("POST /api/leaderboard", stated).status for _ in range(most)]
    assert statuses == [201] * most
    refused = ada.ask("POST /api/leaderboard", {"score": 20, "mode": "pass-through"})
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= seconds
    bob("POST /api/leaderboard", stated, 201)
    free = drive(make_app(score_policy="open", rate_limits=False)).sign_up("Ada")
    assert {free.ask("POST /api/leaderboard", stated).status for _ in range(most + 1)} == {201}


def test_nobody_uses_up_the_posts_of_anothers_game(make_app):
    api = drive(make_app(enforce_pace=True))
    ada, eve = api.guest(), api.guest()
    game = ada.open()
    call, post = f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []}
    statuses = {eve.ask(call, post).status for _ in range(rate_limits.POSTS[0] + 1)}
    assert statuses == {403, 429}
    ada.post(game, 0, 0)


def test_a_player_opens_so_many_games_a_minute(make_app):
    api = drive(make_app(enforce_pace=True))
    ada, bob = api.guest(), api.guest()
    challenge = bob.open()["id"]  # whose seed is known: that it is left unplayed is no matter
    for _ in range(rate_limits.NEW_GAMES[0]):
        ada.open(challenge=challenge)
    assert 0 < int(ada.ask("POST /api/games", {"mode": "walls"}).headers["Retry-After"]) <= 60
    bob.open()


LEAVING = {  # ways to have a game over in no time
    "another": lambda ada, game: None,
    "leave": lambda ada, game: ada(f"DELETE /api/games/{game['id']}", status=204),
    "a tick": lambda ada, game: ada.post(game, 0, 1, [[1, "R"]]),
    "a sign of life": lambda ada, game: ada.post(game, 0, 0),
    "a second": lambda ada, game: ada.post(game, 0, 6) and ada(f"DELETE /api/games/{game['id']}", status=204),
}


@pytest.fixture
def paced(make_app):
    """A server with limits, at whose database a test looks."""
    app = make_app(enforce_pace=True)
    with bind(app.database):
        yield drive(app)


@pytest.mark.parametrize("way", LEAVING)
@pytest.mark.parametrize("who", ["guest", "player"])
def test_seeds_can_not_be_drawn_until_a_good_one_comes(paced, way, who):
    ada = paced.guest() if who == "guest" else paced.sign_up("Ada")
    for _ in range(games.UNPLAYED):
        game = ada.open()
        LEAVING[way](ada, game)
    before = ada(f"GET /api/games/{game['id']}")
    refused = ada.ask("POST /api/games", {"mode": "pass-through"})
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert 0 < refused.json["params"]["retry_in"] == int(refused.headers["Retry-After"]) <= 60
    assert ada(f"GET /api/games/{game['id']}") == before  # the open one is left to be played
    assert ada.open(challenge="daily")["challenge"]  # whose seed is no new one
    paced.guest().open()
    Game.update(started_at=Game.started_at - 60_000).execute()
    ada.open()


@pytest.mark.parametrize("ticks", [20, 500])
def test_games_that_were_played_can_be_followed_by_others_at_once(paced, ticks):
    ada = paced.sign_up("Ada")
    for _ in range(3 * games.UNPLAYED):
        ada.open()
        Game.update(tick=ticks).where(Game.ended_at.is_null()).execute()
    ada.open()


def test_who_dies_early_may_try_again_as_fast_as_people_can(paced):
    """It takes a second and a half to reach the wall, and as long to begin again."""
    ada = paced.sign_up("Ada")
    for _ in range(2 * games.UNPLAYED):
        game = ada.open()
        Game.update(started_at=models.now() - 1000).where(Game.ended_at.is_null()).execute()
        assert ada.post(game, 0, 11)["status"] == "over"
    refused = ada.ask("POST /api/games", {"mode": "walls"})  # no person is as fast
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")


@pytest.mark.parametrize("settings", [{"enforce_pace": True, "rate_limits": False}, {"enforce_pace": False}])
def test_without_limits_or_pace_a_player_can_play_at_any_rate(make_app, settings):
    ada = drive(make_app(**settings)).guest()
    opened = [ada.open() for _ in range(100)]
    for _ in range(100):
        ada.post(opened[-1], 0, 0)


@pytest.mark.parametrize("later", [10_000, 1_000_000, -1])
def test_a_window_is_reset_after_its_period_or_if_the_clock_was_set_back(later):
    window, began = rate_limits.FixedWindow(True, 1, 10), 1_800_000_000_000
    window.hit(began, "Ada")
    window.hit(began, "Bob")
    with pytest.raises(Problem) as caught:
        window.hit(began + 7_500, "Ada")
    assert caught.value.headers == {"Retry-After": "3"}
    window.hit(began + later, "Ada")


def grown(action):
    """The bytes that are still held after an action."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        action()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def hit_all(counting, names):
    for name in names:
        counting.hit(
            (rate_limits.NEW_GUESTS, f"account {name}"), (rate_limits.NEW_GUESTS, f"account {name} from an address")
        )


def post_all(window, numbers):
    for number in numbers:
        window.hit(1_800_000_000_000, 1, f"game {number}")


BOUNDED = [(rate_limits.RateLimiter(True, "memory://"), hit_all), (rate_limits.FixedWindow(True, 2000, 10), post_all)]


@pytest.mark.parametrize(("counting", "count_all"), BOUNDED, ids=["names", "games"])
def test_what_was_tried_costs_little_and_a_flood_a_bounded_amount(counting, count_all):
    assert grown(lambda: count_all(counting, range(20_000))) / 20_000 < 500
    count_all(counting, range(20_000, 180_000))
    assert grown(lambda: count_all(counting, range(180_000, 200_000))) < 500_000


@pytest.mark.long
def test_a_million_names_cost_a_bounded_amount():
    counting = rate_limits.RateLimiter(True, "memory://")
    assert grown(lambda: hit_all(counting, range(1_000_000))) < 40_000_000


def test_a_flood_of_names_makes_nobodys_tries_forgotten():
    counting = rate_limits.RateLimiter(True, "memory://")
    for _ in range(20):
        counting.hit((rate_limits.PASSWORDS, "account Ada"))
    counting.hit((rate_limits.PASSWORDS, "account Bob"))
    hit_all(counting, range(120_000))
    with pytest.raises(Problem):
        counting.hit((rate_limits.PASSWORDS, "account Ada"))
    for _ in range(19):
        counting.hit((rate_limits.PASSWORDS, "account Bob"))
    with pytest.raises(Problem):
        counting.hit((rate_limits.PASSWORDS, "account Bob"))
    hits = [counting.hit((rate_limits.PASSWORDS, "account Eve")) for _ in range(10)]
    for hit in hits:
        counting.refund(hit)
    for _ in range(10):
        counting.hit((rate_limits.PASSWORDS, "account Eve"))


def test_where_a_limit_is_reached_nothing_is_counted():
    counting = rate_limits.RateLimiter(True, "memory://")
    for _ in range(20):
        counting.hit((rate_limits.PASSWORDS, "full"))
    for _ in range(30):
        with pytest.raises(Problem):
            counting.hit((rate_limits.PASSWORDS, "free"), (rate_limits.PASSWORDS, "full"))
    for _ in range(20):
        counting.hit((rate_limits.PASSWORDS, "free"))


def test_what_is_refunded_can_be_tried_again():
    counting = rate_limits.RateLimiter(True, "memory://")
    for _ in range(50):
        counting.refund(counting.hit((rate_limits.PASSWORDS, "Ada"), (rate_limits.PASSWORDS_FROM, "an address")))


class Away(Storage, MovingWindowSupport):
    """A storage of the limits library that can't be reached."""

    STORAGE_SCHEME = ("away",)
    base_exceptions = OSError

    def _refuse(self, *_, **__):
        raise OSError("connection refused")

    incr = get = get_expiry = check = reset = clear = acquire_entry = get_moving_window = _refuse


def test_while_the_storage_is_out_of_reach_requests_go_through_and_limits_hold(make_app, caplog, monkeypatch):
    monkeypatch.setitem(config.STORAGES, "away", None)
    api = drive(make_app(rate_limit_storage="away://somewhere"))
    ada = api.sign_up("Ada")
    assert "RATE_LIMIT_STORAGE is out of reach" in caplog.text
    assert "connection refused" in caplog.text
    ada.open()
    statuses = [ada.ask("PATCH /api/auth/me", {"current_password": "wrong horse"}).status for _ in range(21)]
    assert statuses == [403] * 20 + [429]


def test_two_servers_with_one_storage_count_together(make_app, monkeypatch):
    shared = MemoryStorage()
    monkeypatch.setitem(config.STORAGES, "shared", None)
    monkeypatch.setitem(limits.storage.SCHEMES, "shared", lambda *_, **__: shared)
    first, second = (drive(make_app(rate_limit_storage="shared://")) for _ in range(2))
    for api in (first, second) * 10:
        api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    second("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 429)


@pytest.mark.parametrize(
    "url", ["nonsense://hunter2@host", "memory", "redis://:hunter2@host", "async+memory://", "redis+sentinel://"]
)
def test_a_bad_storage_stops_the_start_and_names_good_ones(make_app, monkeypatch, url):
    monkeypatch.setitem(sys.modules, "redis", None)  # its driver isn't there
    with pytest.raises(config.ConfigError) as caught:
        make_app(rate_limit_storage=url)
    message = str(caught.value)
    assert re.match("RATE_LIMIT_STORAGE: .{10,}; give memory://", message)
    assert ("\n" in message, "hunter2" in message) == (False, False)


def test_the_queries_of_clients_cost_a_bounded_amount(api):
    def ask():
        for number in range(500):
            known = ",".join(f"{number * 100 + game:016}:{number}" for game in range(50))
            api(f"GET /api/games/live?known={known}")

    api("GET /api/games/live")
    assert grown(ask) < 500_000
