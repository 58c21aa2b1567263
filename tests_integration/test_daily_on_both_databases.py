"""The daily challenge, unplayed games and the start screen, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from driver import PASSWORD


@pytest.fixture
def server(make_server, database_url):
    """One that takes whole games at once."""
    return make_server(DATABASE_URL=database_url, ENFORCE_PACE="false", WORKERS="2")


def test_the_daily_attempt_and_its_hidden_games(server):
    ada, bob, guest = server.api.sign_up("Ada"), server.api.sign_up("Bob"), server.api.guest()
    game, turns, answer = ada.play(2, challenge="daily")
    assert (answer["ranked"], answer["rank"]) == (True, 1)
    for who in (bob, guest, server.api):
        refused = who(f"GET /api/games/{game['id']}", status=403)
        assert refused["code"] == "daily_hidden"
    assert guest.play(3, challenge="daily")[2]["ranked"] is False
    assert guest(f"GET /api/games/{game['id']}")["turns"] == turns
    open_one = bob.open("pass-through", challenge="daily")
    other = server.api.sign_up("Cyn").open()
    for call in ("games/active", "games/live"):
        assert [found["id"] for found in server.api(f"GET /api/{call}")] == [other["id"]]
    assert server.api(f"GET /api/games/live?limit=0&known={open_one['id']}:0") == []
    found = ada("GET /api/daily?mode=walls")
    assert (found["players"], found["streak"], found["best_streak"]) == (1, 1, 1)
    assert found["mine"] == {"game": game["id"], "score": 20, "beaten_percent": 0, "counts": True}
    home = server.api("GET /api/home")
    assert ([live["id"] for live in home["live"]], home["daily"]["players"]["walls"]) == ([other["id"]], 1)
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert server.api.sign_up("ADA").open(challenge="daily")["ranked"] is False


def test_of_attempts_opened_concurrently_one_counts(server):
    ada = server.api.sign_up("Ada")
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: ada.ask("POST /api/games", {"mode": "walls", "challenge": "daily"}), range(8)))
    assert {answer.status for answer in opened} == {201}
    assert sorted(answer.json["ranked"] for answer in opened) == [False] * 7 + [True]


def test_unplayed_games_are_counted_by_all_processes_together(make_server, database_url):
    server = make_server(DATABASE_URL=database_url, ENFORCE_PACE="true", WORKERS="2")
    ada = server.api.guest()
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: ada.ask("POST /api/games", {"mode": "walls"}).status, range(20)))
    assert sorted(statuses) == [201] * 10 + [429] * 10
