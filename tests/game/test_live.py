"""The live feed: one response with only the updates of each game."""

import json
import sqlite3
from contextlib import closing
from struct import pack

import pytest
import webtest
from driver import drive, plan

import models
import rules
from database.binding import bind
from game import codec, live
from models import Game, now
from rules import WALLS
from schemas import LiveGame, LiveQuery


@pytest.fixture
def game(ada):
    """Ada's, at tick 5."""
    game = ada.open()
    ada.post(game, 0, 5, [[2, "R"], [4, "D"]])
    return game


def test_an_unknown_game_is_sent_whole(api, game):
    [news] = api("GET /api/games/live")
    assert 0 <= news.pop("heard") < 10_000
    assert news == {
        "id": game["id"],
        "username": "Ada",
        "mode": "walls",
        "rules": 1,
        "seed": game["seed"],
        "tick": 5,
        "turns": [[2, "R"], [4, "D"]],
    }


def test_of_a_known_game_only_new_turns_are_sent(ada, api, game):
    call = f"GET /api/games/live?known={game['id']}:3"
    [news] = api(call)
    assert {**news, "heard": 0} == {"id": game["id"], "tick": 5, "heard": 0, "turns": [[4, "D"]]}
    assert len(json.dumps(news, separators=(",", ":"))) < 100
    [news] = api(f"GET /api/games/live?known={game['id']}:5")
    assert set(news) == {"id", "tick", "heard"}


def test_heard_is_the_time_since_the_last_post_a_sign_of_life_included(ada, api, game, db):
    Game.update(last_post_at=now() - 4000).execute()
    [news] = api("GET /api/games/live")
    assert 4000 <= news["heard"] < 10_000
    ada.post(game, 5, 5)
    assert api("GET /api/games/live")[0]["heard"] < 4000


def test_the_end_comes_with_outcome_and_rank(ada, bob, api):
    bob.play(6)
    game = ada.open()
    turns, end = plan(game["seed"], WALLS, 2)
    ada.post(game, 0, end, turns)
    assert api("GET /api/games/live") == []
    [news] = api(f"GET /api/games/live?known={game['id']}:0")
    assert (news["outcome"], news["ranked"], news["rank"], news.get("turns", [])) == ("wall", True, 2, turns)


def test_a_game_that_was_left_is_reported_as_left(ada, api, game):
    ada(f"DELETE /api/games/{game['id']}", status=204)
    [news] = api(f"GET /api/games/live?known={game['id']}:5")
    assert (news["outcome"], news["tick"]) == ("left", 5)


def test_a_game_that_is_gone_is_not_in_the_answer(ada, api, game):
    ada("DELETE /api/auth/me", {"password": "correct horse"}, 204)
    assert api(f"GET /api/games/live?known={game['id']}:5") == []


def test_the_best_games_come_first_up_to_the_limit(api):
    for meals in (1, 3, 2):
        player = api.sign_up(f"Player{meals}")
        game = player.open("pass-through")
        turns, end = plan(game["seed"], "pass-through", meals)
        player.post(game, 0, end - 1, [turn for turn in turns if turn[0] < end])
    assert [news["username"] for news in api("GET /api/games/live?limit=2")] == ["Player3", "Player2"]
    assert api("GET /api/games/live?limit=0") == []
    assert len(api("GET /api/games/live")) == 3


def test_a_game_idle_for_ten_seconds_is_sent_to_its_watchers_only(api, game, db):
    Game.update(last_post_at=now() - 11_000).execute()
    assert api("GET /api/games/live") == []
    assert api(f"GET /api/games/live?known={game['id']}:5")[0]["heard"] >= 11_000


def test_challenges_and_bots_are_marked(api, ada):
    game, _, _ = ada.play()
    bot = api.sign_up("Botticelli", bot=True)
    bot.open(challenge=game["id"])
    [news] = api("GET /api/games/live")
    assert news["bot"] is True
    assert news["challenge"] == game["id"]


@pytest.mark.parametrize(
    "query",
    [
        *("limit=51", "limit=-1", "limit=x", "known=x", "known=x:", "known=:1", "known=x:1,", "known=,x:1", "known=x:-1"),
        *("known=x:1;y:2", "known=x:1234567", f"known={'x' * 17}:1", f"known={','.join(['x:1'] * 501)}", "since=1"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(api, query):
    assert api.ask(f"GET /api/games/live?{query}").status == 422


def test_of_unknown_games_there_is_nothing(api):
    assert api("GET /api/games/live?known=nothing:7,another:0") == []


def test_at_most_fifty_games_can_be_asked_for(api, game):
    known = ",".join(f"{number}:0" for number in range(49))
    [news] = api(f"GET /api/games/live?known={known},{game['id']}:0&limit=0")
    assert news["turns"] == [[2, "R"], [4, "D"]]
    problem = api(f"GET /api/games/live?known={known},a:0,b:0", status=422)
    [error] = problem["errors"]
    assert (error["field"], error["code"], error["params"]) == ("known", "too_long", {"max": 50, "unit": "games"})
    assert "51" in error["message"]


def with_many_turns(game, number):
    """Give the game that many turns, one at each tick from 1; only to be read."""
    turns = [(tick, rules.HEADINGS[tick % 4]) for tick in range(1, number + 1)]
    Game.update(turns=codec.encode_turns(turns), tick=number + 5).where(Game.id == game["id"]).execute()


def test_a_response_has_at_most_20_000_turns_and_later_ones_the_rest(api, bob, db, game):
    other = bob.open()
    with_many_turns(game, 45_000)
    with_many_turns(other, 45_000)
    known = {game["id"]: 0, other["id"]: 0}
    turns = {game["id"]: [], other["id"]: []}
    for _ in range(5):
        news = api(f"GET /api/games/live?limit=0&known={','.join(f'{i}:{tick}' for i, tick in known.items())}")
        assert {update["id"] for update in news} == known.keys()
        assert sum(len(update.get("turns", [])) for update in news) <= 20_000
        for update in news:
            turns[update["id"]] += update.get("turns", [])
            known[update["id"]] = update["tick"]
            assert not turns[update["id"]] or turns[update["id"]][-1][0] <= update["tick"]
    assert set(known.values()) == {45_005}
    for told in turns.values():
        assert [tick for tick, _ in told] == list(range(1, 45_001))


def test_unknown_games_for_which_there_is_no_room_come_whole_later(api, bob, db, game):
    other = bob.open()
    with_many_turns(game, 30_000)
    with_many_turns(other, 30_000)
    Game.update(score=10).where(Game.id == game["id"]).execute()
    first, second = api("GET /api/games/live")
    assert (first["id"], first["tick"], len(first["turns"])) == (game["id"], 20_000, 20_000)
    assert (second["id"], second["tick"], second["username"]) == (other["id"], 0, "Bob")
    assert "turns" not in second
    assert all(game["seed"] for game in (first, second))


def test_the_end_is_sent_after_all_turns(api, db, game):
    with_many_turns(game, 30_000)
    Game.update(ended_at=now(), outcome="left", state=None).execute()
    [news] = api(f"GET /api/games/live?known={game['id']}:0")
    assert "outcome" not in news
    [news] = api(f"GET /api/games/live?known={game['id']}:{news['tick']}")
    assert (news["outcome"], news["tick"], len(news["turns"])) == ("left", 30_005, 10_000)


def test_the_active_games_are_as_many_as_were_asked_for(api):
    for _ in range(3):
        api.guest().open()
    assert len(api("GET /api/games/active")) == 3
    assert len(api("GET /api/games/active?limit=2")) == 2
    assert len(api("GET /api/games/active?limit=200")) == 3
    for query in ("limit=0", "limit=201", "limit=x", "unknown=1"):
        api(f"GET /api/games/active?{query}", status=422)


def test_the_longest_snakes_of_the_most_active_games_fit_into_a_megabyte(app, api, db):
    ada = api.sign_up("Ada")
    ada.open()
    played = rules.Game(1, "walls")
    head = played.save()[:7]
    Game.update(state=pack(f"<{7 + rules.CELLS}I", *head, *range(rules.CELLS))).execute()
    columns = Game.select().dicts().get()
    for number in range(199):
        user = models.User.create(name=f"Player{number}", name_key=f"player{number}", created_at=now())
        Game.insert(columns | {"id": f"game{number}", "user": user.id, "score": number}).execute()
    answer = webtest.TestApp(app).get("/api/games/active?limit=200")
    assert 900_000 < len(answer.body) <= 1_000_000
    assert [game["score"] for game in answer.json[:3]] == [198, 197, 196]
    assert len(answer.json[0]["snake"]) == 400


def test_the_list_is_made_again_only_if_somebody_has_written(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    ada = drive(app).sign_up("Ada")
    game = ada.open("pass-through")
    queries, counts = [], []
    with bind(app.database):
        app.database.connection().set_trace_callback(queries.append)
        while not counts or (min(counts) > 0 and len(counts) < 200):  # the time to which a game is live moves on, too
            queries.clear()
            assert [one["tick"] for one in ada("GET /api/games/active")] == [0]
            counts.append(sum("GROUP_CONCAT" in query for query in queries))
    assert counts[0] == 1
    assert counts[-1] == 0
    ada.post(game, 0, 3)
    assert [one["tick"] for one in ada("GET /api/games/active")] == [3]
    with closing(sqlite3.connect(tmp_path / "snake.db")) as other, other:
        other.execute("UPDATE games SET seen_at = seen_at - 10200")
    assert ada("GET /api/games/active") == []


def test_a_server_that_can_send_no_events_responds_once(api, game):
    response = api.ask(f"GET /api/games/live?known={game['id']}:3", headers={"Accept": "text/event-stream"})
    assert response.headers["Content-Type"] == "application/json"
    assert response.json[0]["turns"] == [[4, "D"]]


@pytest.mark.parametrize(("idle_ms", "seconds"), [(150, 1), (152, 0.998), (900, 1.25), (400, 0.75), (3100, 1.05)])
def test_the_next_update_of_one_game_comes_just_after_a_post(idle_ms, seconds):
    update = LiveGame("abc", 7, idle_ms)
    assert live.follow(LiveQuery(limit=0), [update]) == ("abc:7", seconds)
    assert live.follow(LiveQuery(limit=3), [update]) == ("abc:7", 1)
    assert live.follow(LiveQuery(limit=0), [update, LiveGame("def", 9, 100)]) == ("abc:7,def:9", 1)


def test_nothing_follows_the_end_of_all_games():
    over = LiveGame("abc", 7, 100, outcome="wall")
    assert live.follow(LiveQuery(limit=0), [over]) is None
    assert live.follow(LiveQuery(limit=1), [over]) == ("", 1)
