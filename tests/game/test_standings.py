"""The standings of rounds, and what a room shows of them."""

import pytest
from driver import plan
from room_host import eat, ranking

import models
from game import rooms, rounds, standings
from models import Game, Member, Room, Round

pytestmark = pytest.mark.usefixtures("fresh_standings")


def test_standings(host, ada, bob, api):
    guest = api.guest()
    host.join(bob)
    host.join(guest, name="Gast")
    host.start()
    eat(ada, host.play(ada), 2)
    eat(bob, host.play(bob), 2)
    eat(bob, host.play(bob), 1)
    game = host.play(guest)
    turns, tick = plan(game["seed"], "walls", 3)
    guest.post(game, 0, tick - 1, [turn for turn in turns if turn[0] < tick])
    found = host.standings()
    assert ranking(found) == [(1, "Gast", 30, "playing"), (2, "Ada", 20, "over"), (2, "Bob", 20, "over")]
    assert [entry["tries"] for entry in found] == [1, 1, 2]
    assert found[0]["game"] == game["id"]
    assert host.standings(limit=1) == found[:1]
    Game.update(last_post_at=models.now() - 11_000).where(Game.id == game["id"]).execute()
    assert host.standings()[0]["status"] == "away"


def test_who_reached_an_equal_score_first_is_first(host, ada, bob):
    opened = None
    host.join(bob)
    host.start()
    for player in (ada, bob):
        game = host.play(player)
        turns, tick = plan(game["seed"], "walls", 1)
        reached = tick - 1  # then the snake has eaten, and goes on
        player.post(game, 0, reached, [turn for turn in turns if turn[0] <= reached])
        Game.update(scored_at=Game.scored_at - 5000).execute()
        opened = opened or (game, reached)
    ada.post(opened[0], reached, reached)  # which brings no points
    assert {entry["score"] for entry in host.standings()} == {10}
    assert [entry["name"] for entry in host.standings()] == ["Ada", "Bob"]


def test_nobody_wins_without_a_score(host, ada):
    host.start()
    eat(ada, host.play(ada), 0)
    host.move(None, -63)
    Room.update(version=Room.version + 1).execute()
    assert host.show()["members"][0]["wins"] == 0


def test_wins_and_totals_are_those_of_finished_rounds(host, ada, bob):
    member = host.join(bob)
    host.start()
    eat(ada, host.play(ada), 1)
    eat(bob, host.play(bob), 1)
    assert [(member["wins"], member["total"]) for member in host.show()["members"]] == [(0, 0), (0, 0)]
    host.move(None, -63)
    host.start()
    Room.update(version=Room.version + 1).execute()
    assert [(member["wins"], member["total"]) for member in host.show()["members"]] == [(1, 10), (1, 10)]
    ada(f"DELETE {host.path}/members/{member}", status=204)
    assert [entry["name"] for entry in host.standings(1)] == ["Ada"]


def test_time_alone_changes_what_a_room_shows_of_a_round(host, ada, monkeypatch):
    host.start()
    eat(ada, host.play(ada), 1)
    ends_at = Round.get().ends_at
    shown = []
    for at in (ends_at - 1, ends_at, ends_at + standings.GRACE_MS, ends_at + standings.GRACE_MS + 1):
        for module in (rooms, rounds, standings):
            monkeypatch.setattr(module, "now", lambda at=at: at)
        room = host.show()
        shown.append((room["round"]["status"], room["members"][0]["wins"]))
    assert shown == [("running", 0), ("over", 0), ("over", 0), ("over", 1)]


def test_standings_are_computed_once_a_second_but_for_their_end(host, ada, bob, monkeypatch):
    monkeypatch.setattr(standings, "LIFETIME_MS", 3_600_000)
    host.join(bob)
    host.start()
    ada.post(host.play(ada), 0, 1)  # whose response has a place, for which they are computed
    found = host.standings()
    assert [entry["name"] for entry in found] == ["Ada"]
    over = eat(bob, host.play(bob), 2)
    assert (over["rank"], over["round"]["rank"], over["round"]["of"]) == (1, 1, 2)
    assert host.standings() == found
    host.move(None, -63)
    assert [entry["name"] for entry in host.standings()] == ["Bob", "Ada"]


def test_a_post_in_a_round_needs_no_more_queries_than_another(host, ada, db, monkeypatch):
    monkeypatch.setattr(standings, "LIFETIME_MS", 3_600_000)
    host.start()
    game = host.play(ada)
    ada.post(game, 0, 1)
    in_round = queries(db, lambda: ada.post(game, 1, 2))
    other = ada.open()
    ada.post(other, 0, 1)
    assert len(in_round) <= len(queries(db, lambda: ada.post(other, 1, 2)))


def queries(db, act):
    statements = []
    db.connection().set_trace_callback(statements.append)
    act()
    db.connection().set_trace_callback(None)
    return statements


def test_the_version_changes_when_results_become_final(host, ada, app):
    host.start()
    eat(ada, host.play(ada), 1)
    before = host.show()
    app.background.run_all()
    assert host.show()["version"] == before["version"]
    host.move(None, -63)
    for _ in range(2):
        app.background.run_all()
        room = host.show()
        assert (room["version"], room["members"][0]["wins"]) == (before["version"] + 1, 1)
    host.make()
    ada(f"DELETE {host.path}/rounds/2", status=204)
    host.move(None, -63)
    app.background.run_all()
    assert host.show()["version"] == room["version"] + 2  # as it was made, and as it was cancelled


def test_the_rounds_feed_has_the_rank_in_the_round(host, ada, bob):
    host.join(bob)
    host.start()
    eat(ada, host.play(ada), 3)
    game = host.play(bob)
    eat(bob, game, 1)
    [update] = ada(f"GET /api/games/live?room={host.room['code']}&limit=0&known={game['id']}:0")
    assert (update["outcome"], update["ranked"], update["rank"]) == ("wall", True, 2)
    eat(bob, host.play(bob), 4)
    [update] = ada(f"GET /api/games/live?room={host.room['code']}&limit=0&known={game['id']}:0")
    assert update["rank"] == 1  # of the player's best game


def test_bots_are_shown_as_bots(host, api):
    bot = api.sign_up("Boa", bot=True)
    host.join(bot)
    host.start()
    eat(bot, host.play(bot), 1)
    assert [member.get("bot") for member in host.show()["members"]] == [None, True]
    assert [entry.get("bot") for entry in host.standings()] == [True]


def test_who_was_removed_is_in_no_result(host, ada, bob):
    member = host.join(bob)
    host.start()
    eat(ada, host.play(ada), 1)
    game = host.play(bob)
    turns, tick = plan(game["seed"], "walls", 2)
    bob.post(game, 0, tick - 1, [turn for turn in turns if turn[0] < tick])
    ada(f"DELETE {host.path}/members/{member}", status=204)
    assert ranking(host.standings()) == [(1, "Ada", 10, "over")]
    assert bob.post(game, tick - 1, tick, status=409)["code"] == "game_over"
    assert host.play(bob, 403)["code"] == "removed_from_room"
    host.move(None, -63)
    Room.update(version=Room.version + 1).execute()
    assert [(found["wins"], found["total"]) for found in host.show()["members"]] == [(1, 10)]


def test_results_of_members_who_left_or_are_absent_stay(host, ada, bob, api):
    carl = api.sign_up("Carl")
    there, away = host.join(bob), host.join(carl)
    host.start()
    for meals, player in enumerate((ada, bob, carl)):
        eat(player, host.play(player), meals)
    bob(f"DELETE {host.path}/members/{there}", status=204)
    Member.update(seen_at=models.now() - 13 * 3_600_000).where(Member.id == away).execute()
    assert [entry["name"] for entry in host.standings()] == ["Carl", "Bob", "Ada"]
    assert [member["name"] for member in host.show()["members"]] == ["Ada"]
    assert [entry["username"] for entry in api(f"GET /api/leaderboard?room={host.room['code']}")] == []
    for meals, player in enumerate((ada, bob, carl)):
        player.play(meals)
    assert [entry["username"] for entry in api(f"GET /api/leaderboard?room={host.room['code']}")] == ["Ada"]
    host.join(carl)
    assert [entry["username"] for entry in api(f"GET /api/leaderboard?room={host.room['code']}")] == ["Carl", "Ada"]


def test_members_are_ranked_among_themselves_by_their_general_games(host, ada, bob, api):
    members = [api.sign_up(f"Member{number}") for number in range(3)]
    for meals, member in enumerate(members):
        host.join(member)
        member.play(meals)
    bob.play(5)  # who is not in the room
    ada.play(2)
    host.start()
    eat(ada, host.play(ada), 4)  # which counts in the round only
    call = f"GET /api/leaderboard?mode=walls&room={host.room['code'].lower()}"
    found = [(entry["rank"], entry["username"], entry["score"]) for entry in api(call)]
    assert found == [(1, "Member2", 20), (1, "Ada", 20), (3, "Member1", 10), (4, "Member0", 0)]
    first = api.ask(f"{call}&limit=3")
    following = first.headers["Link"].partition("?")[2].partition(">")[0]
    assert [entry["rank"] for entry in api(f"GET /api/leaderboard?{following}")] == [4]
    here = f"mode=walls&room={host.room['code']}"
    own = ada(f"GET /api/leaderboard/me?{here}")
    assert (own["rank"], own["of"], own["score"], own["percentile"]) == (1, 4, 20, 100.0)
    assert [entry["username"] for entry in own["around"]] == ["Member2", "Ada", "Member1", "Member0"]
    assert bob(f"GET /api/leaderboard/me?{here}")["rank"] is None
    assert api(f"GET /api/leaderboard/next?{here}&score=10")["next"]["username"] == "Ada"
    following = ada(f"GET /api/leaderboard/next?{here}&score=10")
    assert (following["rank"], following["next"]["username"]) == (2, "Member2")
    assert api(f"GET /api/leaderboard/next?{here}&score=20") == {"rank": 1, "next": None}
    for path in ("leaderboard?", "leaderboard/me?", "leaderboard/next?mode=walls&score=1&"):
        ada(f"GET /api/{path}room=ZZZZZZ", status=404)
