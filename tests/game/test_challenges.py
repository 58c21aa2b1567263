"""Challenges: a game on a seed that one can know stands on the challenge's board, and on no other."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import webtest
from driver import PASSWORD, drive, plan

import models
from game import challenges, leaderboards
from models import Attempt, Entry, Game, ScoreHistogram, User
from rules import MODES

BOARDS = ["mode=walls", "mode=pass-through", "period=month", "period=week", "period=day", ""]
TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def _one_day():
    """A test that began on the day before is about another day."""
    global TODAY, YESTERDAY
    TODAY = datetime.now(UTC).date()
    YESTERDAY = TODAY - timedelta(days=1)


def standing(entries):
    return [(entry["rank"], entry["username"], entry["score"]) for entry in entries]


def test_a_challenge_is_the_same_game_again(ada, bob, api):
    game, turns, answer = ada.play(3, "pass-through")
    challenge = bob.open(challenge=game["id"], mode="pass-through")
    for same in ("seed", "mode", "rules"):
        assert challenge[same] == game[same]
    assert (challenge["challenge"], challenge["ranked"], challenge["id"] != game["id"]) == (game["id"], True, True)
    again = bob.post(challenge, 0, answer["tick"], turns)
    assert (again["score"], again["outcome"], again["rank"], again["personal_best"]) == (30, answer["outcome"], 1, 30)
    assert api(f"GET /api/games/{challenge['id']}")["challenge"] == game["id"]
    assert "challenge" not in api(f"GET /api/games/{game['id']}")


def test_a_game_brings_its_own_mode(ada, bob):
    game, _, _ = ada.play(0, "pass-through")
    assert bob("POST /api/games", {"challenge": game["id"]}, 201)["mode"] == "pass-through"
    refused = bob("POST /api/games", {"challenge": game["id"], "mode": "walls"}, 422)
    assert refused["errors"][0]["field"] == "mode"


def test_a_challenge_stands_on_its_own_board_only(ada, bob, api):
    game, _, _ = ada.play(1)
    before = [api(f"GET /api/leaderboard?{query}") for query in BOARDS]
    bob.play(5, challenge=game["id"])
    ada.play(2, challenge=game["id"])
    ada.play(4, challenge=game["id"])
    assert [api(f"GET /api/leaderboard?{query}") for query in BOARDS] == before
    assert standing(api(f"GET /api/leaderboard?challenge={game['id']}")) == [(1, "Bob", 50), (2, "Ada", 40)]
    assert ada(f"GET /api/leaderboard/me?challenge={game['id']}")["rank"] == 2
    assert ada(f"GET /api/leaderboard/next?challenge={game['id']}&mode=walls&score=40")["next"]["username"] == "Bob"
    assert bob("GET /api/leaderboard/me")["rank"] is None
    assert api("GET /api/players/Bob")["bests"]["walls"] is None
    assert api("GET /api/players/Bob")["latest"][0]["challenge"] == game["id"]


def test_best_scores_of_challenges_and_of_other_games_are_told_apart(ada):
    game, _, _ = ada.play(2)
    assert ada.play(5, challenge=game["id"])[2]["personal_best"] == 50
    assert ada.play(1)[2]["personal_best"] == 20
    assert ada.play(1, challenge=game["id"])[2]["personal_best"] == 50


def test_a_challenge_of_a_challenge_is_the_first_one(ada, bob, api):
    game, _, _ = ada.play(1)
    answer, _, _ = bob.play(2, challenge=game["id"])
    assert ada.open(challenge=answer["id"])["challenge"] == game["id"]
    for name in (game["id"], answer["id"]):
        assert standing(api(f"GET /api/leaderboard?challenge={name}")) == [(1, "Bob", 20)]


def test_a_challenge_outlives_the_game_that_began_it(ada, bob, api):
    game, _, _ = ada.play(1)
    answer, _, _ = bob.play(2, challenge=game["id"])
    ada("DELETE /api/auth/me", {"password": "correct horse"}, 204)
    assert standing(api(f"GET /api/leaderboard?challenge={answer['id']}")) == [(1, "Bob", 20)]
    assert bob.open(challenge=answer["id"])["seed"] == game["seed"]


def test_a_game_that_is_still_played_can_be_challenged(ada, bob):
    assert bob.open(challenge=ada.open()["id"])["ranked"] is True


@pytest.mark.parametrize(
    ("wanted", "status", "field"),
    [
        ({"mode": "walls", "challenge": "nothing"}, 404, None),
        ({"mode": "walls", "challenge": ""}, 404, None),
        ({"mode": "walls", "challenge": "\0"}, 404, None),
        ({"mode": "walls", "challenge": "x" * 321}, 422, "challenge"),
        ({"mode": "walls", "challenge": 7}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/"}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/never"}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/2020-01-01"}, 422, "challenge"),
        ({"mode": "walls", "challenge": "daily/2120-01-01"}, 422, "challenge"),
        ({"challenge": "daily"}, 422, "mode"),
        ({}, 422, "mode"),
        ({"mode": "walls", "seed": 1}, 422, "seed"),
    ],
)
def test_what_can_not_be_challenged_is_refused_and_ends_no_game(ada, wanted, status, field):
    game = ada.open()
    refused = ada("POST /api/games", wanted, status)
    assert [error["field"] for error in refused.get("errors", [])] == ([field] if field else [])
    assert ada(f"GET /api/games/{game['id']}")["status"] == "playing"


def test_a_stated_score_is_no_challenge(make_app):
    ada = drive(make_app(score_policy="open")).sign_up("Ada")
    ada("POST /api/leaderboard", {"score": 70, "mode": "walls"}, 201)
    [game] = ada("GET /api/leaderboard?limit=1")
    ada("POST /api/games", {"challenge": game["id"].split(".")[1]}, 404)


# The seeds of games on the general boards.


def test_a_seed_is_new_with_each_game_and_nobody_can_ask_for_one(ada, api):
    """Nor is it told before: the game that has it exists from the answer on."""
    seeds = {ada.open()["seed"] for _ in range(50)}
    assert len(seeds) == 50
    assert max(seeds) > 2**31 > min(seeds)  # but in one of 2**49 cases


# The daily challenge.


@pytest.mark.parametrize("mode", ["walls", "pass-through"])
def test_the_daily_challenge_is_the_same_for_everybody(ada, bob, mode):
    hers, his = ada.open(mode, challenge="daily"), bob.open(mode, challenge=f"daily/{TODAY}")
    assert (hers["seed"], hers["challenge"]) == (his["seed"], his["challenge"])
    assert hers["challenge"] == f"daily/{TODAY}"


def test_seeds_of_days_and_modes_differ_and_come_from_the_secret(ada, app):
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    modes = ["walls", "pass-through"]
    seeds = {challenges.daily_seed(app.secret, day, mode) for day in days for mode in modes}
    assert len(seeds) == 800
    assert all(1 <= seed <= 2**32 - 1 for seed in seeds)
    assert challenges.daily_seed("another secret", TODAY, "walls") != challenges.daily_seed(app.secret, TODAY, "walls")
    assert ada.open(challenge="daily")["seed"] == challenges.daily_seed(app.secret, TODAY, "walls")


def test_the_seed_of_the_day_outlives_a_restart(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    seeds = {drive(make_app(database_url=url)).guest().open(challenge="daily")["seed"] for _ in range(2)}
    assert len(seeds) == 1


def test_only_the_first_try_of_the_day_counts(ada, bob, api):
    first = ada.play(1, challenge="daily")
    second = ada.play(4, challenge="daily")
    assert (first[0]["ranked"], first[2]["ranked"], first[2]["rank"]) == (True, True, 1)
    assert (second[0]["ranked"], second[2]["ranked"], second[2]["rank"]) == (False, False, 1)
    assert (second[0]["pause_left"], second[2]["personal_best"]) == (0, 10)
    bob.play(2, challenge="daily")
    board = [(1, "Bob", 20), (2, "Ada", 10)]
    assert standing(api("GET /api/leaderboard?challenge=daily&mode=walls")) == board
    assert standing(api(f"GET /api/leaderboard?challenge=daily/{TODAY}")) == board
    assert standing(api(f"GET /api/leaderboard?challenge=daily&at={TODAY}")) == board
    assert api("GET /api/leaderboard?challenge=daily&mode=pass-through") == []
    assert api("GET /api/leaderboard") == []


def test_a_first_try_that_was_left_was_the_first_try(ada, api):
    ada.open(challenge="daily")
    assert ada.open(challenge="daily")["ranked"] is False
    assert standing(api("GET /api/leaderboard?challenge=daily")) == [(1, "Ada", 0)]


def test_the_modes_have_a_first_try_each(ada):
    assert [ada.open(mode, challenge="daily")["ranked"] for mode in ("walls", "pass-through")] == [True, True]


def test_yesterday_s_is_playable_out_of_the_count(ada, api):
    game, _, answer = ada.play(2, challenge=f"daily/{YESTERDAY}")
    assert (game["ranked"], answer["ranked"], answer["rank"]) == (False, False, None)
    assert game["seed"] != ada.open(challenge="daily")["seed"]
    assert api(f"GET /api/leaderboard?challenge=daily/{YESTERDAY}") == []
    assert api(f"GET /api/leaderboard?challenge=daily&at={YESTERDAY}") == []


def test_the_day_before_yesterday_s_is_not(ada):
    refused = ada("POST /api/games", {"mode": "walls", "challenge": f"daily/{YESTERDAY - timedelta(days=1)}"}, 422)
    assert f"daily/{TODAY}" in refused["detail"]


def test_a_new_day_is_a_new_first_try(ada, db):
    ada.play(1, challenge="daily")
    a_day_passes()
    assert ada.open(challenge="daily")["ranked"] is True


def a_day_passes():
    """As if all daily games so far had been played a day earlier."""
    a_day = 86_400_000
    times = {"started_at": Game.started_at - a_day, "seen_at": Game.seen_at - a_day, "ended_at": Game.ended_at - a_day}
    Game.update(challenge=f"daily/{YESTERDAY}", seed=1, **times).where(Game.challenge == f"daily/{TODAY}").execute()
    for mode in MODES:
        Entry.update(board=f"{mode}/daily/{YESTERDAY}").where(Entry.board == f"{mode}/daily/{TODAY}").execute()
        ScoreHistogram.update(board=f"{mode}/daily/{YESTERDAY}").where(
            ScoreHistogram.board == f"{mode}/daily/{TODAY}"
        ).execute()
    Attempt.update(challenge=f"daily/{YESTERDAY}").execute()


def test_a_guest_s_attempt_is_the_day_s_attempt_also_after_signing_up(api):
    guest = api.guest()
    opened, _, answer = guest.play(3, challenge="daily")
    assert (opened["ranked"], opened["pause_left"], answer["ranked"], answer["rank"]) == (False, 0, False, None)
    ada = guest.sign_up("Ada")
    assert ada.open(challenge="daily")["ranked"] is False
    assert ada.open("pass-through", challenge="daily")["ranked"] is True  # the other mode's is another one
    assert api("GET /api/leaderboard?challenge=daily&mode=walls") == []


def test_a_guest_who_signs_up_in_the_middle_of_an_attempt_is_not_on_the_board(api):
    guest = api.guest()
    game = guest.open(challenge="daily")
    ada = guest.sign_up("Ada")
    turns, tick = plan(game["seed"], "walls", 2)
    assert ada.post(game, 0, tick, turns)["ranked"] is False
    assert api("GET /api/leaderboard?challenge=daily") == []


def test_a_new_guest_s_good_attempt_is_of_no_use(api):
    """Guests can try as often as they like: none of these attempts is ever on the board."""
    guests = [api.guest() for _ in range(3)]
    for meals, guest in enumerate(guests):
        guest.play(meals, challenge="daily")
    for number, guest in enumerate(guests):
        guest.sign_up(f"Player{number}")
    assert api("GET /api/leaderboard?challenge=daily") == []


@pytest.mark.parametrize("again", ["Ada", "ADA", "\N{CYRILLIC CAPITAL LETTER A}da"])
def test_an_account_that_is_deleted_and_created_again_has_no_other_attempt(ada, api, again):
    ada.play(1, challenge="daily")
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    ada = api.sign_up(again)
    opened, _, answer = ada.play(4, challenge="daily")
    assert (opened["ranked"], answer["ranked"], answer["rank"]) == (False, False, None)
    assert api("GET /api/leaderboard?challenge=daily") == []
    assert ada.open("pass-through", challenge="daily")["ranked"] is True


def test_nor_has_one_with_the_same_email(api):
    ada = api.sign_up("Ada", email="ada@example.org")
    ada.play(1, challenge="daily")
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert api.sign_up("Eve", email="ADA@example.org").open(challenge="daily")["ranked"] is False
    assert api.sign_up("Ada").open(challenge="daily")["ranked"] is False
    assert api.sign_up("Mia").open(challenge="daily")["ranked"] is True


@pytest.mark.parametrize("again", ["Ada", "Eve"])
def test_nor_has_one_that_was_renamed_in_between(ada, api, again):
    ada.play(1, challenge="daily")
    ada("PATCH /api/auth/me", {"username": "Eve", "current_password": PASSWORD})
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert api.sign_up(again).open(challenge="daily")["ranked"] is False


def test_nor_has_a_guest_s(api):
    guest = api.guest()
    guest.play(1, challenge="daily")
    guest.sign_up("Ada")("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert api.sign_up("Ada").open(challenge="daily")["ranked"] is False


def test_names_of_attempts_are_forgotten_with_the_day(ada, api, app, db):
    ada.play(1, challenge="daily")
    challenges.forget_attempts()
    assert Attempt.select().count() == 1
    a_day_passes()
    challenges.forget_attempts()
    assert Attempt.select().count() == 0


def test_an_attempt_that_began_before_midnight_counts_and_is_that_day_s(ada, api, db):
    game = ada.open(challenge="daily")
    Game.update(challenge=f"daily/{YESTERDAY}").execute()  # as if it were the next day now
    turns, tick = plan(game["seed"], "walls", 1)
    assert ada.post(game, 0, tick, turns)["rank"] == 1
    assert standing(api(f"GET /api/leaderboard?challenge=daily/{YESTERDAY}")) == [(1, "Ada", 10)]


# What is hidden of it.


def refused_as_hidden(answer, mode="walls"):
    """Assert that an answer refuses to show a game of today's challenge, and that no shared cache can store that."""
    tomorrow = TODAY + timedelta(days=1)
    assert (answer.status, answer.json["code"]) == (403, "daily_hidden")
    assert answer.json["params"] == {
        "challenge": f"daily/{TODAY}",
        "mode": mode,
        "ends_at": f"{tomorrow}T00:00:00.000Z",
    }
    assert "Authorization" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "no-store"
    return True


@pytest.mark.parametrize("is_over", [False, True])
def test_a_game_of_the_day_is_hidden_from_those_who_have_not_opened_it(ada, bob, api, is_over):
    game = ada.open(challenge="daily")
    ada.post(game, 0, 11) if is_over else ada.post(game, 0, 5)
    for who in (api, bob, api.guest()):
        for query in ("", "?since=3"):
            assert refused_as_hidden(who.ask(f"GET /api/games/{game['id']}{query}"))
        assert refused_as_hidden(who.ask(f"GET /api/games/{game['id']}", headers={"If-None-Match": "*"}))
    assert refused_as_hidden(bob.ask("POST /api/games", {"challenge": game["id"]}))
    assert refused_as_hidden(api.ask(f"GET /api/games/{game['id']}", headers={"Authorization": "Bearer nonsense"}))
    assert ada(f"GET /api/games/{game['id']}")["seed"] == game["seed"]


def test_those_who_have_opened_it_in_that_mode_see_it(ada, bob, api):
    game, turns, _ = ada.play(2, challenge="daily")
    bob.open("pass-through", challenge="daily")
    assert refused_as_hidden(bob.ask(f"GET /api/games/{game['id']}"))
    guest = api.guest()
    for who in (bob, guest):
        who.open("walls", challenge="daily")
        answer = who.ask(f"GET /api/games/{game['id']}")
        assert (answer.status, answer.json["turns"]) == (200, turns)
        assert "Authorization" in answer.headers["Vary"]
        assert answer.headers["Cache-Control"].startswith("private")
        again = who.ask(f"GET /api/games/{game['id']}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.headers["Vary"]) == (304, answer.headers["Vary"])
        assert who.open(challenge=game["id"])["challenge"] == game["id"]
    stranger = api.ask(f"GET /api/games/{game['id']}", headers={"If-None-Match": answer.headers["ETag"]})
    assert refused_as_hidden(stranger)


def test_challenges_of_such_a_game_are_hidden_too(ada, bob, api):
    """They have the day's seed under another name."""
    first, _, _ = ada.play(1, challenge="daily")
    second = ada.open(challenge=first["id"])
    ada.post(second, 0, 5)
    for who in (bob, api):
        assert refused_as_hidden(who.ask(f"GET /api/games/{second['id']}"))
        assert who("GET /api/games/active") == who("GET /api/games/live") == []
        assert who(f"GET /api/games/live?known={second['id']}:0") == []
    assert refused_as_hidden(bob.ask("POST /api/games", {"challenge": second["id"]}))
    assert ada(f"GET /api/games/live?known={second['id']}:0")[0]["tick"] == 5


@pytest.mark.parametrize("mode", MODES)
def test_lists_of_live_games_leave_the_day_s_out(ada, bob, api, mode):
    game = ada.open(mode, challenge="daily")
    other = bob.open(mode)
    ada.post(game, 0, 5)
    for who in (ada, bob, api):
        assert [found["id"] for found in who("GET /api/games/active")] == [other["id"]]
        assert [found["id"] for found in who("GET /api/games/live")] == [other["id"]]
    for who in (bob, api):
        assert who(f"GET /api/games/live?limit=0&known={game['id']}:0") == []
    mine = ada.ask(f"GET /api/games/live?limit=0&known={game['id']}:0")
    assert (mine.json[0]["id"], mine.json[0]["tick"]) == (game["id"], 5)
    assert (mine.headers["Cache-Control"], "Authorization" in mine.headers["Vary"]) == ("no-store", True)


def test_once_the_day_is_over_everybody_sees_it(ada, bob, api, db):
    game, turns, _ = ada.play(2, challenge="daily")
    open_one = bob.open("pass-through", challenge="daily")
    assert refused_as_hidden(api.ask(f"GET /api/games/{game['id']}"))
    a_day_passes()
    answer = api.ask(f"GET /api/games/{game['id']}")
    assert (answer.status, answer.json["turns"]) == (200, turns)
    assert "Vary" not in answer.headers
    assert api.guest().open(challenge=game["id"])["challenge"] == game["id"]
    Game.update(ended_at=None, seen_at=models.now()).where(Game.id == open_one["id"]).execute()
    assert open_one["id"] in [found["id"] for found in api("GET /api/games/active")]


def test_a_game_of_yesterday_s_challenge_is_shown(ada, api):
    game = ada.open(challenge=f"daily/{YESTERDAY}")
    assert api(f"GET /api/games/{game['id']}")["seed"] == game["seed"]
    assert [found["id"] for found in api("GET /api/games/active")] == [game["id"]]


def test_other_games_need_no_token_to_be_seen(ada, api):
    game, _, _ = ada.play(1)
    answer = api.ask(f"GET /api/games/{game['id']}", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status, answer.headers.get("Vary")) == (200, None)


def test_what_is_told_of_a_hidden_game_does_not_reveal_it(ada, api):
    game, turns, _ = ada.play(4, challenge="daily")
    assert len(turns) > 1
    page = api("GET /api/players/Ada")
    assert [played["id"] for played in page["latest"]] == [game["id"]]
    for call in ("players/Ada", "leaderboard?challenge=daily", f"leaderboard?challenge={game['id']}", "games/live"):
        text = json.dumps(api(f"GET /api/{call}"))
        assert str(game["seed"]) not in text
        assert "turns" not in text


@pytest.mark.parametrize("mode", MODES)
def test_the_link_to_such_a_game_leads_to_the_challenge(ada, app, mode):
    game, _, _ = ada.play(3, mode=mode, challenge="daily")
    client = webtest.TestApp(app)
    page = client.get(f"/games/{game['id']}", headers={"Accept": "text/html,*/*"}, status=403)
    assert page.content_type == "text/html"
    assert f'url=../#/?challenge=daily&amp;mode={mode}&amp;game={game["id"]}"' in page.text
    for told in ("Ada", ">30", "card.png"):
        assert told not in page.text
    assert "Authorization" in page.headers["Vary"]
    problem = client.get(f"/games/{game['id']}", status=403)
    assert (problem.content_type, problem.json["code"]) == ("application/problem+json", "daily_hidden")
    assert client.get(f"/games/{game['id']}/card.png", status=403).json["code"] == "daily_hidden"
    shown = client.get(f"/games/{game['id']}", headers={"Authorization": f"Bearer {ada.token}"})
    assert "30 by Ada" in shown.text
    assert shown.headers["Cache-Control"].startswith("private")
    picture = client.get(f"/games/{game['id']}/card.png", headers={"Authorization": f"Bearer {ada.token}"})
    assert picture.headers["Cache-Control"].startswith("private")


def test_the_boards_of_challenges_can_be_derived_again(ada, bob, app, db):
    game, _, _ = ada.play(1)
    for player in (ada, bob):
        for meals in (2, 4, 3):
            player.play(meals, challenge=game["id"])
            player.play(meals, challenge="daily")
    kept = list(Entry.select().order_by(Entry.board, Entry.user).tuples())
    with app.database.atomic():
        for user in User.select():
            leaderboards.rebuild_player(user.id)
    assert list(Entry.select().order_by(Entry.board, Entry.user).tuples()) == kept


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("challenge=nothing", 404),
        ("challenge=daily/never", 422),
        ("challenge=daily/", 422),
        ("challenge=daily&period=day", 422),
        ("challenge=daily&at=never", 422),
        (f"challenge={'x' * 321}", 422),
    ],
)
def test_a_challenge_s_board_that_there_is_not(api, query, status):
    assert api.ask(f"GET /api/leaderboard?{query}").status == status


def test_a_challenge_s_board_in_a_mode_that_it_is_not_played_in(ada, api):
    game, _, _ = ada.play()
    assert api.ask(f"GET /api/leaderboard?challenge={game['id']}&mode=pass-through").status == 404
    assert api(f"GET /api/leaderboard?challenge={game['id']}&mode=walls") == []


# Programs.


def test_bots_stand_on_boards_of_their_own(ada, api):
    bot = api.sign_up("Botticelli", bot=True)
    assert bot.user["bot"] is True
    assert "bot" not in ada.user
    ada.play(1)
    game, _, answer = bot.play(6)
    bot.play(2, challenge="daily")
    bot.play(3, challenge=game["id"])
    assert answer["rank"] == 1
    for query in ("", f"challenge={game['id']}", "challenge=daily"):
        people, bots = (api(f"GET /api/leaderboard?{query}&players={who}") for who in ("people", "bots"))
        assert people == api(f"GET /api/leaderboard?{query}")
        assert [entry["username"] for entry in people] == ([] if query else ["Ada"])
        assert [(entry["username"], entry["bot"]) for entry in bots] == [("Botticelli", True)]
    assert api.ask("GET /api/leaderboard?players=cats").status == 422


def test_a_bot_is_ranked_among_bots(ada, api):
    ada.play(9)
    bot, other = api.sign_up("Botticelli", bot=True), api.sign_up("Talbot", bot=True)
    other.play(4)
    bot.play(2)
    assert (bot("GET /api/leaderboard/me")["rank"], bot("GET /api/leaderboard/me")["of"]) == (2, 2)
    assert bot("GET /api/leaderboard/me?players=people")["rank"] is None
    assert bot("GET /api/leaderboard/next?mode=walls&score=20")["next"]["username"] == "Talbot"
    page = api("GET /api/players/Botticelli")
    assert (page["bot"], page["bests"]["walls"]["rank"], page["bests"]["walls"]["of"]) == (True, 2, 2)
    assert "bot" not in api("GET /api/players/Ada")


def test_bots_are_marked_where_games_are_shown(api):
    bot = api.sign_up("Botticelli", bot=True)
    game = bot.open()
    assert api("GET /api/games/active")[0]["bot"] is True
    assert api(f"GET /api/games/{game['id']}")["bot"] is True
    assert bot("GET /api/auth/me")["bot"] is True


def test_a_guest_s_account_can_become_a_bot_s(api):
    guest = api.guest()
    guest.play(3)
    guest.sign_up("Botticelli", bot=True)
    assert api("GET /api/leaderboard") == []
    assert len(api("GET /api/leaderboard?players=bots")) == 1
