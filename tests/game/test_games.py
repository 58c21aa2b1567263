"""A game from its opening to its end, through the API."""

import threading
from datetime import UTC, datetime

import pytest
from driver import drive, plan, plan_many_turns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import models
import rules
from database.binding import bind
from game import games
from models import Entry, Game


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


def test_a_sign_of_life_changes_nothing_but_the_time(ada, db):
    game = ada.open()
    ada.post(game, 0, 4)
    Game.update(seen_at=models.now() - 20_000).execute()
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


def test_of_many_posts_at_once_one_is_taken(app):
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
    Game.update(seen_at=seen, started_at=seen).execute()
    app.background.run_all()
    record = api(f"GET /api/games/{game['id']}")
    assert (record["status"], record["outcome"]) == ("over", "left")
    assert Game.get().ended_at == seen
    assert len(api("GET /api/leaderboard")) == 1


def test_abandoned_games_are_ended_in_one_transaction_for_each_batch(api, app, db):
    for _ in range(games.SWEEP_BATCH + 1):
        api.guest().open()
    Game.update(seen_at=models.now() - 601_000).execute()
    statements = []
    db.connection().set_trace_callback(statements.append)
    has_more = games.end_abandoned(app.pace)
    db.connection().set_trace_callback(None)
    assert (statements.count("COMMIT"), has_more) == (1, True)
    assert Game.select().where(Game.ended_at.is_null()).count() == 1
    app.background.run_all()
    assert not Game.select().where(Game.ended_at.is_null()).exists()


def test_a_post_to_a_game_that_is_about_to_be_ended_comes_too_late(ada, db):
    game = ada.open()
    Game.update(seen_at=models.now() - 601_000).execute()
    assert ada.post(game, 0, 3, status=409)["game"]["outcome"] == "left"


def test_a_game_that_somebody_plays_is_not_ended(ada, app, db):
    game = ada.open()
    Game.update(started_at=models.now() - 3_600_000).execute()
    ada.post(game, 0, 0)
    app.background.run_all()
    assert ada(f"GET /api/games/{game['id']}")["status"] == "playing"


# What anybody may see.


def test_the_record_of_a_game_has_all_that_it_takes_to_play_it_again(ada, api):
    game, turns, answer = ada.play(meals=4)
    record = api(f"GET /api/games/{game['id']}")
    assert record == {
        "id": game["id"],
        "username": "Ada",
        "mode": "walls",
        "rules": 1,
        "seed": game["seed"],
        "status": "over",
        "outcome": answer["outcome"],
        "ranked": True,
        "tick": answer["tick"],
        "score": 40,
        "started_at": game["started_at"],
        "ended_at": record["ended_at"],
        "turns": turns,
    }
    assert record["started_at"] <= record["ended_at"]


def test_since_gives_the_turns_after_that_tick(ada, api):
    game, turns, _ = ada.play(meals=4)
    since = turns[1][0]
    assert api(f"GET /api/games/{game['id']}?since={since}")["turns"] == turns[2:]
    assert api(f"GET /api/games/{game['id']}?since={since - 1}")["turns"] == turns[1:]


def test_turns_without_effect_are_accepted_but_not_stored(ada, api):
    game = ada.open("pass-through")
    ada.post(game, 0, 4, [[1, "U"], [2, "D"], [3, "R"], [4, "R"]])
    ada.post(game, 4, 6, [[5, "L"], [6, "R"]])
    ada.post(game, 6, 9, [[7, "D"], [8, "U"], [9, "L"]])
    record = api(f"GET /api/games/{game['id']}")
    assert record["turns"] == [[3, "R"], [7, "D"], [9, "L"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(turns=st.lists(st.sampled_from([None, *rules.HEADINGS]), max_size=60), cuts=st.sets(st.integers(1, 59)))
def test_the_turns_that_are_stored_give_the_game_that_was_posted(app, turns, cuts):
    ada = drive(app).guest()
    game = ada.open("pass-through")
    posted = [[tick, heading] for tick, heading in enumerate(turns, 1) if heading]
    since, answer = 0, {"status": "playing"}
    for tick in (*sorted(cuts), 60):
        if answer["status"] == "playing":
            answer = ada.post(game, since, tick, [turn for turn in posted if since < turn[0] <= tick])
            since = tick
    record = ada(f"GET /api/games/{game['id']}")
    played, again = rules.Game(game["seed"], "pass-through"), rules.Game(game["seed"], "pass-through")
    played.advance(posted, 60)
    again.advance([tuple(turn) for turn in record["turns"]], 60)
    assert again.snapshot() == played.snapshot()
    assert (record["tick"], record["score"], record["outcome"]) == (played.ticks, played.score, played.outcome)
    heading = "U"
    for _, turn in record["turns"]:
        assert turn not in (heading, rules.OPPOSITE[heading])
        heading = turn


def test_a_game_with_many_turns_comes_in_parts(ada, api):
    game = ada.open("pass-through")
    turns, end = plan_many_turns(game["seed"], 20_001)
    ada.post_many(game, turns, end)
    address = f"GET /api/games/{game['id']}"
    first = api(address)
    assert first["turns"] == turns[:20_000]
    assert first["continue_since"] == turns[19_999][0]
    rest = api(f"{address}?since={first['continue_since']}")
    assert rest["turns"] == turns[20_000:]
    assert "continue_since" not in rest
    assert "continue_since" not in api(f"{address}?since=1")  # just as many as one response has


def test_what_has_not_changed_costs_a_304(ada, api):
    game = ada.open()
    call = f"GET /api/games/{game['id']}"
    etag = api.ask(call).headers["ETag"]
    assert api.ask(call, headers={"If-None-Match": etag}).status == 304
    assert api.ask(call, headers={"If-None-Match": f'"other", W/{etag}'}).status == 304
    ada.post(game, 0, 1)
    assert api.ask(call, headers={"If-None-Match": etag}).status == 200


@pytest.mark.parametrize("game_id", ["nothing", "a" * 500, "%00", "%F0%9F%90%8D", "..%2F..%2Fetc"])
def test_an_unknown_game_is_404(ada, game_id):
    assert ada.ask(f"GET /api/games/{game_id}").status == 404
    assert ada.ask(f"DELETE /api/games/{game_id}").status == 404
    assert ada.ask(f"POST /api/games/{game_id}/turns", {"since": 0, "tick": 1, "turns": []}).status == 404


def test_players_pages(ada, api):
    game, _, _ = ada.play(meals=2)
    ada.play(meals=1)
    going_on = ada.open("pass-through")
    page = api("GET /api/players/aDA")
    assert (page["username"], page["games"]) == ("Ada", 2)
    best = page["bests"]["walls"]
    assert (best["rank"], best["of"], best["score"], best["game"]) == (1, 1, 20, game["id"])
    assert page["bests"]["pass-through"] is None
    assert [played["score"] for played in page["latest"]] == [0, 10, 20]
    assert (page["latest"][0]["id"], page["latest"][0]["status"]) == (going_on["id"], "playing")
    assert [(past["mode"], past["score"]) for past in page["scores"]] == [("walls", 20), ("walls", 10)]
    assert api.ask("GET /api/players/nobody").status == 404
    assert api.ask("GET /api/players/%00").status == 404


# Pace. The time since the start is moved in the stored row; nothing waits.


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


def test_a_post_of_very_many_ticks_is_played_in_slices_as_a_whole(ada, monkeypatch):
    monkeypatch.setattr(games, "SLICE", 7)
    game = ada.open()
    turns, end = plan(game["seed"], "walls", 5)
    answer = ada.post(game, 0, end + 50, turns)
    assert (answer["tick"], answer["score"], answer["outcome"]) == (end, 50, "wall")
    game = ada.open("pass-through")
    assert ada.post(game, 0, 20)["tick"] == 20


def games_played(api, name):
    return api(f"GET /api/players/{name}")["games"]


def test_games_are_counted_however_they_end_and_once(api, app, db):
    guest = api.guest()
    name = guest.user["username"]
    game, _, _ = guest.play(1)
    assert games_played(api, name) == 1
    guest.post(game, 0, 5, status=409)
    guest.open()
    game = guest.open()
    assert games_played(api, name) == 2  # the first was left by opening the second
    for _ in range(2):
        guest(f"DELETE /api/games/{game['id']}", status=204)
        assert games_played(api, name) == 3
    ada = guest("POST /api/auth/signup", {"username": "Ada", "password": "correct horse"}, 201)
    assert games_played(api, ada["user"]["username"]) == 3
    Game.delete().execute()
    assert games_played(api, "Ada") == 3  # what has been deleted since was played all the same


def test_stated_scores_are_no_games(make_app):
    api = drive(make_app(score_policy="open"))
    ada = api.sign_up("Ada")
    ada("POST /api/leaderboard", {"score": 100, "mode": "walls"}, 201)
    assert games_played(api, "Ada") == 0


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
    Game.update(started_at=models.now() - 700_000, seen_at=last).execute()
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
    midnight = models.now() // 86_400_000 * 86_400_000
    Game.update(started_at=midnight - 3000, seen_at=midnight - 1000).execute()
    if way == "leave":
        ada(f"DELETE /api/games/{game['id']}", status=204)
    elif way == "another":
        ada.open()
    else:
        app.end_abandoned()
    yesterday = str(datetime.fromtimestamp(midnight / 1000 - 1, UTC).date())
    record = api(f"GET /api/games/{game['id']}")
    assert (record["outcome"], record["ended_at"][:10]) == ("left", yesterday)
    assert [entry["game"] for entry in api(f"GET /api/leaderboard?period=day&at={yesterday}")] == [game["id"]]
    assert api("GET /api/leaderboard?period=day") == []
    assert ada("GET /api/leaderboard?period=day") == []


def test_a_post_after_midnight_makes_it_the_new_day_s_game(ada, api, db):
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
