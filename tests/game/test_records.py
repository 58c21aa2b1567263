"""Reading a game's record, and the pages of players."""

import pytest
from driver import drive, plan_many_turns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rules
from models import Game


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
