"""Opening, playing, leaving and ending games through the API."""

import threading

import pytest
from driver import drive, plan

import models
import rules
from game import games, leaving
from models import Game

PAGE, WAL_HEADER = 4096, 24  # bytes in the log of a SQLite file


def test_opening_a_game(ada):
    game = ada.open("pass-through")
    assert game == {
        **game,
        "mode": "pass-through",
        "rules": rules.RULES,
        "tick": 0,
        "pause_left": None,
    }
    assert 1 <= game["seed"] <= 2**32 - 1
    assert game["started_at"].endswith("Z")
    assert ada.open()["seed"] != game["seed"]


@pytest.mark.parametrize("mode", rules.MODES)
def test_a_game_ends_with_exactly_the_score_that_the_rules_give(ada, api, mode):
    game, turns, answer = ada.play(meals=7, mode=mode)
    played = rules.Game(game["seed"], mode)
    played.advance(turns, 10_000)
    assert answer == {
        "status": "over",
        "tick": played.ticks,
        "score": played.score,
        "outcome": played.outcome,
        "ranked": True,
        "rank": 1,
        "personal_best": played.score,
        "pause_left": None,
    }
    [entry] = api(f"GET /api/leaderboard?mode={mode}")
    assert (entry["score"], entry["game"], entry["verified"]) == (played.score, game["id"], True)


def test_a_game_posted_tick_by_tick_ends_as_one_posted_at_once(ada):
    game = ada.open()
    turns, end = plan(game["seed"], "walls", 3)
    for tick in range(1, end + 1):
        answer = ada.post(game, tick - 1, tick, [turn for turn in turns if turn[0] == tick])
        assert answer["status"] == ("over" if tick == end else "playing")
    by_rules = rules.Game(game["seed"], "walls")
    by_rules.advance(turns, end)
    assert (answer["score"], answer["outcome"], answer["tick"]) == (by_rules.score, by_rules.outcome, end)


def test_a_post_within_a_game_writes_one_page_to_the_file(make_app, tmp_path):
    ada = drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db")).sign_up("Ada")
    game, log, written = ada.open("pass-through"), tmp_path / "snake.db-wal", []
    for tick in range(5):
        before = log.stat().st_size
        ada.post(game, tick, tick + 1)
        written.append(log.stat().st_size - before)
    assert min(written) == WAL_HEADER + PAGE  # others may write, too


def test_a_tick_beyond_the_end_ends_the_game_at_its_end(ada):
    game = ada.open()
    answer = ada.post(game, 0, 500, [[400, "R"]])
    assert (answer["tick"], answer["outcome"]) == (11, "wall")
    assert ada(f"GET /api/games/{game['id']}")["turns"] == []


def test_progress_while_playing(ada):
    ada.play(meals=1)
    game = ada.open()
    assert ada.post(game, 0, 4, [[2, "R"]]) == {
        "status": "playing",
        "tick": 4,
        "score": _score(game["seed"], [[2, "R"]], 4),
        "outcome": None,
        "ranked": True,
        "rank": None,
        "personal_best": 10,
        "pause_left": None,
    }


def test_a_game_that_is_played_elsewhere_ends_only_if_it_is_named(ada, db):
    game = ada.open()
    ada.post(game, 0, 4, [[2, "R"]])
    for ends in (None, "another"):
        refused = ada("POST /api/games", {"mode": "pass-through", "ends": ends}, 409)
        score = _score(game["seed"], [[2, "R"]], 4)
        params = {"game": game["id"], "mode": "walls", "score": score, "tick": 4}
        assert (refused["code"], refused["params"]) == ("game_open", params)
    refused = ada("POST /api/games", {"challenge": "daily", "mode": "walls", "ends": None}, 409)
    assert refused["params"] == params
    assert ada.post(game, 4, 5)["status"] == "playing"
    ada.open("pass-through", ends=game["id"])
    assert ada(f"GET /api/games/{game['id']}")["outcome"] == "left"


def test_a_game_that_nobody_plays_ends_without_being_named(ada, db):
    """At tick 0, when the response that opened it was lost; without a post for ten minutes; or if `ends` is left out."""
    lost = ada.open()
    forgotten = ada.open(ends=None)
    ada.post(forgotten, 0, 4)
    Game.update(last_post_at=models.now() - 600_001).where(Game.ended_at.is_null()).execute()
    ended = ada.open(ends=None)
    ada.post(ended, 0, 4)
    last = ada.open()
    ada("DELETE /api/games/" + last["id"], status=204)
    ada.open(ends=None)
    for game in (lost, forgotten, ended, last):
        assert ada(f"GET /api/games/{game['id']}")["outcome"] == "left"


def test_a_sign_of_life_changes_nothing_but_the_time(ada, db):
    game = ada.open()
    ada.post(game, 0, 4)
    Game.update(last_post_at=models.now() - 20_000).execute()
    assert ada("GET /api/games/active") == []
    assert ada.post(game, 4, 4)["tick"] == 4
    assert len(ada("GET /api/games/active")) == 1


def test_a_post_that_is_repeated_changes_nothing(ada, db):
    game = ada.open()
    ada.post(game, 0, 5, [[2, "R"]])
    before = Game.select().dicts().get()
    refused = ada.post(game, 0, 5, [[2, "R"]], status=409)
    assert (refused["status"], refused["tick"], refused["game"]["status"]) == (409, 5, "playing")
    assert Game.select().dicts().get() == before


def test_the_last_post_repeated_brings_the_result_again(ada):
    game = ada.open()
    answer = ada.post(game, 0, 11)
    refused = ada.post(game, 0, 11, status=409)
    assert refused["game"] == answer
    assert refused["tick"] == 11


def test_of_concurrent_posts_exactly_one_is_accepted(app):
    """Each from a thread of its own, released together, with other turns: whichever comes first is the game."""
    ada = drive(app).sign_up("Ada")
    game = ada.open()
    posts = [{"since": 0, "tick": 9, "turns": [[tick, "R"]]} for tick in range(1, 9)]
    barrier, answers = threading.Barrier(len(posts)), []

    def post(body):
        api = drive(app)
        api.token = ada.token
        barrier.wait()
        answers.append((api.ask(f"POST /api/games/{game['id']}/turns", body).status, body))

    threads = [threading.Thread(target=post, args=(body,)) for body in posts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] + [409] * (len(posts) - 1)
    [taken] = [body for status, body in answers if status == 200]
    assert ada(f"GET /api/games/{game['id']}")["turns"] == taken["turns"]


@pytest.mark.parametrize(
    ("since", "tick", "turns"),
    [
        (0, 5, [[3, "R"], [2, "U"]]),
        (0, 5, [[3, "R"], [3, "U"]]),
        (0, 5, [[0, "R"]]),
        (0, 5, [[6, "R"]]),
        (0, 0, [[1, "R"]]),
        (3, 2, []),
        (0, 5, [[1, "X"]]),
        (0, 5, [[1, "r"]]),
        (0, 5, [[1.5, "R"]]),
        (0, 5, [["1", "R"]]),
        (0, 5, [[True, "R"]]),
        (0, 5, [[1]]),
        (0, 5, [[1, "R", 3]]),
        (0, 5, [1]),
        (0, 5, "R"),
        (0, 5, None),
        (-1, 5, []),
        (0, -5, []),
        (0, 10**9, []),
        (0, 10**400, []),
        (0, 5.5, []),
        (0, "5", []),
        (None, 5, []),
        (0, 5, [[10**30, "R"]]),
    ],
)
def test_turns_that_make_no_sense_are_refused_and_change_nothing(ada, db, since, tick, turns):
    game = ada.open()
    if since == 3:
        ada.post(game, 0, 3)
    before = Game.select().dicts().get()
    body = {"since": since, "tick": tick, "turns": turns}
    answer = ada.ask(f"POST /api/games/{game['id']}/turns", body)
    assert answer.status == 422
    assert answer.json["errors"][0]["message"]
    assert Game.select().dicts().get() == before


@pytest.mark.parametrize("claim", [{"score": 9990}, {"outcome": "won"}, {"rank": 1}, {"seed": 7}])
def test_a_claim_beside_the_turns_is_refused(ada, db, claim):
    game = ada.open()
    body = {"since": 0, "tick": 11, "turns": [], **claim}
    refused = ada(f"POST /api/games/{game['id']}/turns", body, 422)
    assert refused["errors"] == [
        {"field": next(iter(claim)), "code": "unknown_field", "message": "is not known here; leave it out"}
    ]
    assert Game.get().tick == 0


def test_a_game_is_played_by_its_owner_only(ada, bob, api):
    game = ada.open()
    bob.post(game, 0, 11, status=403)
    bob(f"DELETE /api/games/{game['id']}", status=403)
    api.post(game, 0, 11, status=401)
    assert ada(f"GET /api/games/{game['id']}")["tick"] == 0


def test_turns_of_one_game_do_not_make_another(ada):
    """The seed is the server's: the same turns on another seed are another game, with its own true score."""
    first = ada.open()
    turns, end = plan(first["seed"], "walls", 5)
    second = ada.open()
    answer = ada.post(second, 0, end, turns)
    by_rules = rules.Game(second["seed"], "walls")
    by_rules.advance(turns, end)
    assert answer["score"] == by_rules.score


def test_leaving_keeps_the_score_and_counts(ada, api):
    game = ada.open()
    turns, _ = plan(game["seed"], "walls", 1)
    eats = next(tick for tick in range(1, 100) if _score(game["seed"], turns, tick) == 10)
    ada.post(game, 0, eats, [turn for turn in turns if turn[0] <= eats])
    ada(f"DELETE /api/games/{game['id']}", status=204)
    ada(f"DELETE /api/games/{game['id']}", status=204)
    record = api(f"GET /api/games/{game['id']}")
    assert (record["status"], record["outcome"], record["score"]) == ("over", "left", 10)
    assert api("GET /api/leaderboard")[0]["score"] == 10
    assert ada.post(game, eats, eats + 1, status=409)["game"]["outcome"] == "left"


def _score(seed, turns, tick):
    game = rules.Game(seed, "walls")
    game.advance(turns, tick)
    return game.score


def test_opening_another_game_ends_the_earlier_one_as_left(ada, api, db):
    first = ada.open()
    second = ada.open()
    assert api(f"GET /api/games/{first['id']}")["outcome"] == "left"
    assert api(f"GET /api/games/{second['id']}")["status"] == "playing"
    assert Game.select().where(Game.ended_at.is_null()).count() == 1


def test_the_database_itself_keeps_a_user_to_one_open_game(ada, db):
    ada.open()
    row = Game.select().dicts().get()
    with pytest.raises(models.peewee.IntegrityError):
        Game.create(**{**row, "id": "another"})


def test_the_active_games_best_first(ada, bob, api):
    ada.open()
    game = bob.open("pass-through")
    turns, _ = plan(game["seed"], "pass-through", 2)
    eats = next(tick for tick in range(1, 100) if _pass(game["seed"], turns, tick).score == 20)
    bob.post(game, 0, eats, [turn for turn in turns if turn[0] <= eats])
    first, second = api("GET /api/games/active")
    state = _pass(game["seed"], turns, eats).snapshot()
    assert first == {
        "id": game["id"],
        "username": "Bob",
        "score": 20,
        "mode": "pass-through",
        "snake": [{"x": x, "y": y} for x, y in state["body"]],
        "food": dict(zip("xy", state["food"], strict=True)),
        "tick": eats,
        "started_at": game["started_at"],
    }
    assert (second["username"], second["snake"][0]) == ("Ada", {"x": 10, "y": 10})


def _pass(seed, turns, tick):
    game = rules.Game(seed, "pass-through")
    game.advance(turns, tick)
    return game


def test_a_game_that_is_over_is_not_active(ada, api):
    ada.play()
    assert api("GET /api/games/active") == []


def test_a_game_without_a_post_for_ten_minutes_is_ended_as_left(ada, api, app, db):
    game = ada.open()
    seen = models.now() - 601_000
    Game.update(last_post_at=seen, started_at=seen).execute()
    app.background.run_all()
    record = api(f"GET /api/games/{game['id']}")
    assert (record["status"], record["outcome"]) == ("over", "left")
    assert Game.get().ended_at == seen
    assert len(api("GET /api/leaderboard")) == 1


def test_abandoned_games_are_ended_in_one_transaction_for_each_batch(api, app, db):
    for _ in range(leaving.SWEEP_BATCH + 1):
        api.guest().open()
    Game.update(last_post_at=models.now() - 601_000).execute()
    statements = []
    db.connection().set_trace_callback(statements.append)
    has_more = leaving.end_abandoned(app.pace)
    db.connection().set_trace_callback(None)
    assert (statements.count("COMMIT"), has_more) == (1, True)
    assert Game.select().where(Game.ended_at.is_null()).count() == 1
    app.background.run_all()
    assert not Game.select().where(Game.ended_at.is_null()).exists()


def test_a_post_to_a_game_that_is_about_to_be_ended_comes_too_late(ada, db):
    game = ada.open()
    Game.update(last_post_at=models.now() - 601_000).execute()
    assert ada.post(game, 0, 3, status=409)["game"]["outcome"] == "left"


def test_a_game_that_somebody_plays_is_not_ended(ada, app, db):
    game = ada.open()
    Game.update(started_at=models.now() - 3_600_000).execute()
    ada.post(game, 0, 0)
    app.background.run_all()
    assert ada(f"GET /api/games/{game['id']}")["status"] == "playing"


def test_a_post_of_very_many_ticks_is_played_in_slices_as_a_whole(ada, monkeypatch):
    monkeypatch.setattr(games, "SLICE", 7)
    game = ada.open()
    turns, end = plan(game["seed"], "walls", 5)
    answer = ada.post(game, 0, end + 50, turns)
    assert (answer["tick"], answer["score"], answer["outcome"]) == (end, 50, "wall")
    game = ada.open("pass-through")
    assert ada.post(game, 0, 20)["tick"] == 20
