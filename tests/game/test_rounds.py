"""Rounds: made and ended by the host, played on one seed from one moment, and what is hidden of them."""

import json

import pytest
import webtest
from driver import drive
from room_host import WHOLE, Host, eat, ranking

import models
import rules
from game import leaving
from models import Game, Member, Room, Round

pytestmark = pytest.mark.usefixtures("fresh_standings")


# Making and ending.


def test_only_the_host_makes_a_round_and_one_at_a_time(host, ada, bob, api):
    call = f"POST {host.path}/rounds"
    assert bob(call, WHOLE, 403)["code"] == "not_a_member"
    host.join(bob)
    assert bob(call, WHOLE, 403)["code"] == "not_the_host"
    version = host.show()["version"]
    made = host.make()
    assert (made["number"], made["status"], made["minutes"], made["tries"]) == (1, "waiting", 1, "many")
    assert host.make(409)["code"] == "round_active"
    room = host.show()
    assert (room["round"], room["rounds"], room["version"]) == (made, 1, version + 1)
    host.move(made, -5)
    assert host.make(409)["code"] == "round_active"
    host.move(made, -70)
    assert host.make()["number"] == 2


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"minutes": 31}, {"starts_in": 2}, {"starts_in": 61}, {"tries": "two"}])
def test_a_round_has_limits(host, wrong):
    host.make(422, **wrong)


def test_a_round_is_cancelled_before_it_starts_and_ended_afterwards(host, ada, bob):
    host.join(bob)
    host.make(starts_in=60)
    assert bob(f"DELETE {host.path}/rounds/1", status=403)["code"] == "not_the_host"
    ada(f"DELETE {host.path}/rounds/1", status=204)
    assert host.show()["round"]["status"] == "cancelled"
    assert host.play(bob, 409)["code"] == "no_round"
    host.start()
    ada(f"DELETE {host.path}/rounds/2", status=204)
    ended = host.show()
    assert ended["round"]["status"] == "over"
    ada(f"DELETE {host.path}/rounds/2", status=204)
    assert host.show() == ended
    ada(f"DELETE {host.path}/rounds/7", status=404)
    assert host.play(bob, 409)["code"] == "round_over"


# Opening.


def test_no_seed_exists_before_the_start(host, bob):
    host.join(bob)
    made = host.make(starts_in=60)
    refused = host.play(bob, 409)
    assert refused["code"] == "round_not_started"
    assert 0 < refused["starts_in"] == refused["params"]["starts_in"] <= 60
    assert Round.get().seed is None
    host.move(made, -0.1)
    game = host.play(bob)
    assert Round.get().seed == game["seed"] == host.play(host.api)["seed"]
    starts_at = Round.get().starts_at
    assert {row.started_at for row in Game.select()} == {starts_at + 2000}
    assert (game["mode"], game["challenge"], game["round"]) == ("walls", None, f"{Room.get().id}/1")


def test_a_late_game_begins_at_once(host):
    host.start(20)
    before = models.now()
    host.play(host.api)
    assert before <= Game.get().started_at <= models.now()


def test_who_can_not_open_a_game_in_a_round(host, bob):
    host.start()
    assert host.play(bob, 403)["code"] == "not_a_member"
    assert host.play(host.api, 422, challenge="daily")["code"] == "invalid"
    assert host.play(host.api, 422, mode="pass-through")["errors"][0]["code"] == "mode_mismatch"
    assert host.play(host.api, mode="walls")
    bob("POST /api/games", {"room": "ZZZZZZ"}, 404)


def test_one_try_is_one_game(host):
    host.start(tries="one")
    game = host.play(host.api)
    host.api.post(game, 0, 3)
    used = host.play(host.api, 409)
    assert (used["code"], used["game"], used["tick"]) == ("attempt_used", game["id"], 3)
    assert host.api.post(game, 3, 5)["status"] == "playing"


def test_a_game_that_is_played_ends_only_if_it_is_named(host, ada):
    host.start()
    other = ada.open()
    ada.post(other, 0, 3)
    refused = host.play(ada, 409, ends=None)
    assert (refused["code"], refused["params"]["game"]) == ("game_open", other["id"])
    host.play(ada, ends=other["id"])
    assert ada(f"GET /api/games/{other['id']}")["outcome"] == "left"


@pytest.mark.parametrize("number", ["0", "-1", "01x", "1.0", "x", "%00", "9" * 12, "%D9%A1"])
def test_an_unknown_round_is_404(host, number):
    host.make()
    for call in ("GET", "DELETE"):
        assert host.api(f"{call} {host.path}/rounds/{number}", status=404)["code"] == "not_found"


# Playing.


def test_a_post_tells_that_the_member_is_here_and_changes_no_version(host, ada, bob, app):
    member = host.join(bob)
    host.start()
    game = host.play(bob)
    app.background.run_all()
    version = host.show()["version"]
    Member.update(seen_at=models.now() - 60_000).where(Member.id == member).execute()
    assert eat(bob, game, 2)["round"]["version"] == version
    app.background.run_all()
    assert [found["is_here"] for found in host.show()["members"]] == [True, True]
    assert host.show()["version"] == version
    assert models.now() - Member.get_by_id(member).seen_at < 30_000


def test_a_post_has_the_players_place(host, bob):
    host.join(bob)
    host.start()
    eat(host.api, host.play(host.api), 2)
    game = host.play(bob)
    answer = bob.post(game, 0, 1)
    place = answer["round"]
    assert 40 < place.pop("ends_in") < 60
    assert place == {
        "number": 1,
        "version": host.show()["version"],
        "rank": 2,
        "of": 2,
        "next": {"name": "Ada", "score": 20},
    }
    assert (answer["rank"], answer["personal_best"]) == (None, None)


def test_rank_and_best_are_the_rounds_for_guests_too(host, api, ada):
    ada.play(5)
    guest = api.guest()
    host.join(guest, name="Gast")
    host.start()
    eat(host.api, host.play(host.api), 1)
    over = eat(guest, host.play(guest), 3)
    assert (over["rank"], over["personal_best"], over["round"]["rank"], over["round"]["next"]) == (1, 30, 1, None)
    again = eat(guest, host.play(guest), 0)
    assert (again["rank"], again["personal_best"]) == (1, 30)
    over = eat(ada, host.play(ada), 0)
    assert (over["rank"], over["personal_best"]) == (2, 10)
    assert guest.play(1)[2]["personal_best"] == 10  # on new seeds


def test_ticks_after_the_end_do_not_count(host):
    host.start(40, mode="pass-through", tries="one")
    game = host.play(host.api)
    host.move(None, -61)
    limit = Round.get().ends_at - Game.get().started_at
    answer = host.api.post(game, 0, 1000)
    played = rules.Game(game["seed"], game["mode"])
    while played.nominal_ms + rules.tick_ms(played.score) <= limit:
        played.advance([], played.ticks + 1)
    assert (answer["status"], answer["outcome"]) == ("over", "left")
    assert (answer["tick"], answer["score"]) == (played.ticks, played.score)
    refused = host.api.post(game, answer["tick"], 1001, status=409)
    assert (refused["code"], refused["game"]["tick"]) == ("game_over", played.ticks)


def test_a_post_after_the_end_ends_the_game(host):
    host.start(40)
    game = host.play(host.api)
    host.move(None, -61)
    answer = host.api.post(game, 0, 2)
    assert (answer["status"], answer["outcome"], answer["tick"]) == ("over", "left", 2)


def test_after_the_grace_a_game_is_over_as_it_was(host):
    host.start(40, mode="pass-through")
    game = host.play(host.api)
    host.api.post(game, 0, 9)
    host.move(None, -63)
    assert ranking(host.standings())[0][3] == "over"
    refused = host.api.post(game, 9, 20, status=409)
    assert (refused["code"], refused["game"]["tick"], refused["game"]["outcome"]) == ("game_over", 9, "left")


def test_the_sweep_ends_the_games_of_finished_rounds(host, app):
    host.start()
    host.play(host.api)
    leaving.end_abandoned(app.pace)
    assert Game.get().ended_at is None
    host.move(None, -63)
    leaving.end_abandoned(app.pace)
    assert (Game.get().ended_at is None, Game.get().outcome) == (False, "left")


def test_the_whole_pause_budget_is_there_from_the_first_tick(make_app):
    from database.binding import bind

    app = make_app(enforce_pace=True)
    with bind(app.database):
        ada = drive(app).sign_up("Ada")
        host = Host(ada)
        host.start(1, minutes=5)
        game = host.play(ada)
        assert game["pause_left"] == 60
        assert ada.post(game, 0, 0)["pause_left"] > 59  # before its first tick
        host.move(None, -50)
        assert ada.post(game, 0, 5)["ranked"] is True
        host.move(None, -75)
        assert ada.post(game, 5, 6)["ranked"] is False
        [entry] = host.standings()
        assert (entry["rank"], entry["ranked"], entry["score"], entry["game"]) == (None, False, 0, None)


# What is hidden.


def test_before_its_start_a_rounds_feed_is_empty_for_everybody(host, ada, bob, api):
    host.join(bob)
    call = f"GET /api/games/live?room={host.room['code']}"
    assert [who(call) for who in (ada, bob, api)] == [[], [], []]
    host.make(starts_in=60)
    assert [who(call) for who in (ada, bob, api)] == [[], [], []]
    host.move(None, -1)
    assert bob(call, status=403)["code"] == "round_hidden"
    assert ada(call) == []


def test_games_of_a_round_are_hidden_from_others_until_it_ends(host, ada, bob, api, app):
    host.join(bob)
    host.start()
    carl = api.sign_up("Carl")
    host.join(carl)
    game = host.play(bob)
    bob.post(game, 0, 5)
    client = webtest.TestApp(app)
    for who in (api, carl):
        for call in (f"GET /api/games/{game['id']}", f"GET /api/games/live?room={host.room['code']}"):
            refused = who.ask(call)
            assert (refused.status, refused.json["code"]) == (403, "round_hidden"), call
            assert refused.headers["Cache-Control"] == "no-store"
    for who in (bob, ada):  # a player, and the host
        assert who(f"GET /api/games/{game['id']}")["round"] == game["round"]
        [live] = who(f"GET /api/games/live?room={host.room['code']}")
        assert (live["id"], live["username"]) == (game["id"], "Bob")
    for path in (f"/games/{game['id']}", f"/games/{game['id']}/card.png"):
        assert client.get(path, status=403).json["code"] == "round_hidden"
    for who in (bob, ada, carl):
        assert who("POST /api/games", {"challenge": game["id"]}, 403)["code"] == "round_hidden"
    host.play(carl)
    assert carl(f"GET /api/games/{game['id']}")["seed"] == game["seed"]
    host.move(None, -61)
    assert api(f"GET /api/games/{game['id']}")["challenge"] is None


def test_games_of_a_round_are_nowhere_else(host, ada, api):
    host.start()
    game = host.play(ada)
    for since, status in ((0, "playing"), (3, "over")):
        ada.post(game, since, since + 3) if status == "playing" else eat(ada, host.play(ada), 3)
        calls = ("games/active", "games/live", f"games/live?known={game['id']}:0", "home", "players/Ada", "leaderboard")
        for call in calls:
            text = json.dumps(ada(f"GET /api/{call}"))
            assert game["id"] not in text
            assert str(game["seed"]) not in text
    assert ada("GET /api/players/Ada")["games"] == 0
    assert ada("GET /api/leaderboard/me")["rank"] is None
    over = ada.play(1)[2]
    assert (over["personal_best"], over["rank"]) == (10, 1)


def test_a_member_who_was_removed_sees_no_game(host, ada, bob):
    member = host.join(bob)
    host.start()
    game = host.play(bob)
    ada(f"DELETE {host.path}/members/{member}", status=204)
    assert bob(f"GET /api/games/{game['id']}", status=403)["code"] == "round_hidden"
    assert Member.select().count() == 2
