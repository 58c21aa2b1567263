"""Leaderboards: ranks, periods and pages, and that they agree with the games."""

from datetime import UTC, date, datetime, timedelta

import pytest
from driver import PASSWORD, drive, ranking
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from query_plans import plan_of

from database.binding import bind
from game import leaderboard_pages, leaderboards, score_histogram
from models import Entry, Game, ScoreHistogram, User


@pytest.fixture
def opened(make_app):
    """A server that takes scores at their word: the boards' order can be tried with any."""
    app = make_app(score_policy="open")
    with bind(app.database):
        yield drive(app)


def state(player, score, mode="walls"):
    return player("POST /api/leaderboard", {"score": score, "mode": mode}, 201)


def seat(api, scores, mode="walls"):
    """One new player for each score."""
    for number, score in enumerate(scores):
        state(api.sign_up(f"Player{number}"), score, mode)


def test_an_empty_board(api, ada):
    assert api("GET /api/leaderboard") == []
    assert ada("GET /api/leaderboard/me") == {"rank": None, "of": 0, "score": None, "percentile": None, "around": []}


def test_best_first_and_equals_share_a_rank_the_earlier_first(opened):
    seat(opened, [30, 50, 50, 90])
    assert ranking(opened("GET /api/leaderboard?mode=walls")) == [
        (1, "Player3", 90),
        (2, "Player1", 50),
        (2, "Player2", 50),
        (4, "Player0", 30),
    ]


def test_the_fields_of_an_entry(ada, api):
    game, _, _ = ada.play(meals=3)
    record = api(f"GET /api/games/{game['id']}")
    [entry] = api("GET /api/leaderboard")
    assert entry == {
        "rank": 1,
        "id": entry["id"],
        "username": "Ada",
        "score": 30,
        "mode": "walls",
        "timestamp": record["ended_at"],
        "game": game["id"],
        "verified": True,
    }


def test_each_player_has_one_entry_for_the_best_game(ada, api):
    for meals in (1, 3, 2):
        ada.play(meals)
    assert ranking(api("GET /api/leaderboard")) == [(1, "Ada", 30)]
    assert ada.play(0)[2]["personal_best"] == 30


def test_a_game_that_equals_the_best_does_not_take_its_place(ada, api):
    first, _, _ = ada.play(2)
    ada.play(2)
    assert api("GET /api/leaderboard")[0]["game"] == first["id"]


def test_modes_have_boards_of_their_own_and_together_without_a_mode(ada, bob, api):
    ada.play(2, "walls")
    ada.play(1, "pass-through")
    bob.play(1, "walls")
    assert ranking(api("GET /api/leaderboard?mode=walls")) == [(1, "Ada", 20), (2, "Bob", 10)]
    assert ranking(api("GET /api/leaderboard?mode=pass-through")) == [(1, "Ada", 10)]
    both = api("GET /api/leaderboard")
    assert ranking(both) == [(1, "Ada", 20), (2, "Ada", 10), (2, "Bob", 10)]
    assert [entry["mode"] for entry in both] == ["walls", "pass-through", "walls"]
    mine = bob("GET /api/leaderboard/me")
    assert (mine["rank"], mine["of"], mine["percentile"]) == (2, 3, 66.7)
    assert ranking(mine["around"]) == ranking(both)


def test_a_new_name_shows_at_once(ada, api):
    ada.play()
    ada("PATCH /api/auth/me", {"username": "Lovelace", "current_password": PASSWORD})
    assert api("GET /api/leaderboard")[0]["username"] == "Lovelace"


# Periods.


@pytest.mark.parametrize(
    ("period", "day", "name"),
    [
        ("all", date(2026, 11, 22), "walls/all"),
        ("month", date(2026, 11, 22), "walls/2026-11"),
        ("week", date(2026, 11, 22), "walls/2026-W47"),
        ("week", date(2027, 1, 3), "walls/2026-W53"),
        ("week", date(2024, 12, 30), "walls/2025-W01"),
        ("day", date(2026, 2, 3), "walls/2026-02-03"),
    ],
)
def test_the_names_of_boards(period, day, name):
    assert leaderboards.board_key("walls", period, day) == name


def test_periods_are_those_in_which_a_game_ended_in_utc(ada, bob, api, app):
    """Ada's game ended on the last evening of last year, Bob's just now."""
    ada.play(3)
    bob.play(1)
    year = datetime.now(UTC).year
    evening = datetime(year, 1, 1, tzinfo=UTC) - timedelta(milliseconds=1)
    with bind(app.database), app.database.atomic():
        Game.update(ended_at=round(evening.timestamp() * 1000)).where(Game.user == ada.user["id"]).execute()
        leaderboards.rebuild_player(int(ada.user["id"]))
    for period in ("day", "month"):
        assert ranking(api(f"GET /api/leaderboard?period={period}")) == [(1, "Bob", 10)]
        assert ranking(api(f"GET /api/leaderboard?period={period}&at={year - 1}-12-31")) == [(1, "Ada", 30)]
    assert ranking(api("GET /api/leaderboard?period=all")) == [(1, "Ada", 30), (2, "Bob", 10)]
    assert api(f"GET /api/leaderboard?period=day&at={year - 1}-12-30") == []
    assert ada("GET /api/leaderboard/me?period=day")["rank"] is None
    assert ada(f"GET /api/leaderboard/me?period=day&at={year - 1}-12-31")["rank"] == 1
    assert bob("GET /api/leaderboard/me?period=day")["rank"] == 1


def test_a_worse_game_today_is_on_the_days_board_only(ada, api, app):
    game, _, _ = ada.play(3)
    with bind(app.database), app.database.atomic():
        Game.update(ended_at=Game.ended_at - 400 * 86_400_000).execute()
        leaderboards.rebuild_player(int(ada.user["id"]))
    ada.play(1)
    assert ranking(api("GET /api/leaderboard?period=day")) == [(1, "Ada", 10)]
    assert api("GET /api/leaderboard?period=all")[0]["game"] == game["id"]


# Pages.


def pages(api, query):
    """All pages of a board, by the Link headers."""
    found, path = [], f"/api/leaderboard?{query}"
    while path:
        answer = api.ask(f"GET {path}")
        assert answer.status == 200
        found.append(answer.json)
        link = answer.headers.get("Link")
        assert link is None or link.endswith('>; rel="next"')
        path = link and "/api/leaderboard" + link[1:].split(">")[0]
    return found


def test_pages_follow_each_other_without_gaps_also_among_equals(opened):
    seat(opened, [50, 70, 50, 50, 50, 20, 50])
    whole = opened("GET /api/leaderboard?limit=100")
    for limit in (1, 2, 3, 4, 7):
        found = pages(opened, f"mode=walls&limit={limit}")
        assert [len(page) for page in found][:-1] == [limit] * (len(found) - 1)
        assert [entry for page in found for entry in page] == whole
    assert [entry["rank"] for entry in whole] == [1, 2, 2, 2, 2, 2, 7]


def test_the_default_page_has_ten_rows(opened):
    seat(opened, range(0, 120, 10))
    assert [len(page) for page in pages(opened, "")] == [10, 2]


@pytest.mark.parametrize(
    "query",
    [
        *("mode=wals", "period=year", "at=tomorrow", "at=2026-02-30", "limit=0", "limit=101", "limit=ten", "limit=1.5"),
        *("after=x", "after=1.2", "after=-1.2.3", "after=1.2.x", "after=1.2.3.4", f"after=1.{'9' * 30}.2", "perod=day"),
        *("limit=" + "9" * 4000, "mode=walls%00", "challenge=daily/tomorrow"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api, query):
    answer = api.ask(f"GET /api/leaderboard?{query}")
    assert answer.status == 422
    assert answer.json["errors"][0]["field"] == query.split("=")[0]


def test_empty_values_in_the_query_count_as_none(ada, api):
    ada.play()
    assert len(api("GET /api/leaderboard?mode=&period=&at=&limit=&after=")) == 1


# One's own place.


def test_my_place_with_those_around_me(opened):
    seat(opened, range(0, 100, 10))
    me = opened.log_in("Player4")
    mine = me("GET /api/leaderboard/me?mode=walls")
    assert (mine["rank"], mine["of"], mine["score"], mine["percentile"]) == (6, 10, 40, 50.0)
    assert ranking(mine["around"]) == ranking(opened("GET /api/leaderboard?mode=walls")[2:9])


@pytest.mark.parametrize(("name", "rank", "percentile", "rows"), [("Player3", 1, 100.0, 4), ("Player0", 4, 25.0, 4)])
def test_my_place_at_either_end(opened, name, rank, percentile, rows):
    seat(opened, [0, 10, 20, 30])
    mine = opened.log_in(name)("GET /api/leaderboard/me?mode=walls")
    assert (mine["rank"], mine["percentile"], len(mine["around"])) == (rank, percentile, rows)


def test_my_place_among_equals(opened):
    seat(opened, [10] * 9)
    mine = opened.log_in("Player4")("GET /api/leaderboard/me?mode=walls")
    assert (mine["rank"], mine["percentile"]) == (1, 100.0)
    assert [entry["username"] for entry in mine["around"]] == [f"Player{number}" for number in range(1, 8)]


# The next one to beat.


def test_the_next_rank_to_beat_is_the_last_of_those_ahead(opened):
    seat(opened, [50, 30, 30, 10])
    ahead = opened("GET /api/leaderboard/next?mode=walls&score=20")
    assert (ahead["rank"], *ranking([ahead["next"]])) == (4, (2, "Player2", 30))
    ahead = opened("GET /api/leaderboard/next?mode=walls&score=30")
    assert (ahead["rank"], *ranking([ahead["next"]])) == (2, (1, "Player0", 50))
    assert opened("GET /api/leaderboard/next?mode=walls&score=50") == {"rank": 1, "next": None}
    assert opened("GET /api/leaderboard/next?mode=pass-through&score=0") == {"rank": 1, "next": None}


def test_one_does_not_have_to_beat_oneself(opened):
    seat(opened, [50, 30, 10])
    me = opened.log_in("Player1")
    ahead = me("GET /api/leaderboard/next?mode=walls&score=20")
    assert (ahead["rank"], *ranking([ahead["next"]])) == (2, (1, "Player0", 50))


@pytest.mark.parametrize("query", ["", "mode=walls", "score=1", "mode=walls&score=-1", "mode=walls&score=x"])
def test_the_next_rank_needs_a_mode_and_a_score(api, query):
    assert api.ask(f"GET /api/leaderboard/next?{query}").status == 422


# Scores that are stated.


def test_a_stated_score_is_refused_by_default(ada, api, db):
    for player in (ada, api):
        answer = player.ask("POST /api/leaderboard", {"score": 100, "mode": "walls"})
        assert answer.status == 403
        assert "POST /api/games" in answer.json["detail"]
    assert Entry.select().count() == Game.select().count() == 0


def test_a_stated_score_under_the_open_policy_is_marked_unverified(opened):
    ada = opened.sign_up("Ada")
    entry = state(ada, 120)
    assert entry == {**entry, "rank": 1, "username": "Ada", "score": 120, "game": None, "verified": False}
    assert opened("GET /api/leaderboard") == [entry]
    assert state(ada, 70)["rank"] == 2  # what it would be; the better score stays
    assert opened("GET /api/leaderboard") == [entry]
    page = opened("GET /api/players/Ada")
    assert (page["games"], page["latest"], page["bests"]["walls"]["game"]) == (0, [], None)


def test_scores_up_to_the_largest(opened):
    seat(opened, [2**31 - 1, 2**31 - 2, 0])
    assert [entry["rank"] for entry in opened("GET /api/leaderboard")] == [1, 2, 3]


@pytest.mark.parametrize(
    "body",
    [
        {"score": -1},
        {"score": 2**31},
        {"score": 1.5},
        {"score": "9"},
        {"score": None},
        {"score": True},
        {},
        {"mode": "x"},
    ],
)
def test_a_stated_score_that_is_none_is_refused(opened, body):
    ada = opened.sign_up("Ada")
    ada("POST /api/leaderboard", {"mode": "walls", **({"score": 1} if "mode" in body else {}), **body}, 422)
    assert Game.select().count() == 0


def test_guests_and_strangers_state_no_score(opened):
    opened("POST /api/leaderboard", {"score": 1, "mode": "walls"}, 401)
    opened.guest()("POST /api/leaderboard", {"score": 1, "mode": "walls"}, 403)


# Derived from games.


SCORES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 10, 510, 520, 4000])), max_size=40)


@given(plays=SCORES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_boards_equal_those_derived_from_the_games(make_app, plays):
    """Entries and histograms, stored with each game, equal those of a rebuild; ranks equal those that counting gives."""
    app = make_app(score_policy="open")
    with bind(app.database):
        api = drive(app)
        users = [api.sign_up(f"Player{number}") for number in range(6)]
        for player, score in plays:
            state(users[player], score)
        best = {}
        for player, score in plays:
            best[player] = max(score, best.get(player, 0))
        found = {entry["username"]: entry["rank"] for entry in api("GET /api/leaderboard?mode=walls")}
        assert found == {f"Player{p}": 1 + sum(other > score for other in best.values()) for p, score in best.items()}
        assert list(leaderboards.check()) == []
        kept = derived()
        with app.database.atomic():
            for user in User.select():
                leaderboards.rebuild_player(user.id)
        assert derived() == kept


def derived():
    entries = list(Entry.select().order_by(Entry.board, Entry.user).tuples())
    counted = (ScoreHistogram.count != 0) & (ScoreHistogram.level != score_histogram.VERSION)
    tallies = list(
        ScoreHistogram.select()
        .where(counted)
        .order_by(ScoreHistogram.board, ScoreHistogram.level, ScoreHistogram.bucket)
        .tuples()
    )
    return entries, tallies


SPOILED = (  # how, and on which board one sees it
    ("UPDATE entries SET score = score + 10 WHERE board = 'walls/all'", "walls/all"),
    ("DELETE FROM entries WHERE board = 'walls/all' AND score = 20", "walls/all"),
    ("UPDATE entries SET user_id = (SELECT MAX(id) FROM users) WHERE board = 'walls/all' AND score = 20", "walls/all"),
    ("UPDATE tallies SET number = number + 1 WHERE board = 'walls/all' AND level = 1", "walls/all"),
    ("DELETE FROM tallies WHERE board = 'pass-through/all' AND level = 0", "pass-through/all"),
    ("UPDATE games SET score = score + 10 WHERE mode = 'pass-through'", "pass-through/all"),
    ("UPDATE users SET banned_at = 1 WHERE name_key = 'bob'", "walls/all"),
)


@pytest.mark.parametrize(("statement", "board"), SPOILED)
def test_boards_that_differ_from_their_games_are_found_and_rebuilt(ada, bob, api, db, statement, board):
    ada.play(2)
    bob.play(3)
    ada.play(1, "pass-through")
    User.create(name="Guest", name_key="guest", created_at=0)
    assert list(leaderboards.check()) == []
    pages = [api(f"GET /api/leaderboard?mode={mode}") for mode in ("walls", "pass-through")]
    db.execute_sql(statement)
    differences = list(leaderboards.check())
    assert any(difference.startswith(f"{board}: ") for difference in differences), differences
    leaderboards.rebuild_all()
    assert list(leaderboards.check()) == []
    if "entries" in statement or "tallies" in statement:  # else the games are other ones
        assert [api(f"GET /api/leaderboard?mode={mode}") for mode in ("walls", "pass-through")] == pages


# Kept pages.


def test_a_cached_page_shows_changes_of_any_process(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    here, there = (drive(make_app(database_url=url)) for _ in range(2))
    ada, bob = here.sign_up("Ada"), here.sign_up("Bob")

    def rank(token):
        ranks = []
        for api in (here, there):
            api.token = token
            ranks.append(api("GET /api/leaderboard/me?mode=walls")["rank"])
            api.token = None
        assert ranks[0] == ranks[1]
        return ranks[0]

    def seen():
        pages = [api(f"GET /api/leaderboard?{query}") for api in (here, there) for query in ("mode=walls", "period=day", "")]
        assert [page for page in pages if page != pages[0]] == []
        return [(entry["username"], entry["score"]) for entry in pages[0]]

    assert seen() == []
    assert rank(ada.token) is None
    ada.play(1)
    assert seen() == [("Ada", 10)]
    assert rank(ada.token) == 1
    bob.play(3)
    assert seen() == [("Bob", 30), ("Ada", 10)]
    assert (rank(ada.token), rank(bob.token)) == (2, 1)
    ada.play(5)
    assert seen() == [("Ada", 50), ("Bob", 30)]
    assert (rank(ada.token), rank(bob.token)) == (1, 2)
    ada("PATCH /api/auth/me", {"username": "Lovelace", "current_password": PASSWORD})
    assert seen() == [("Lovelace", 50), ("Bob", 30)]
    bob("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert seen() == [("Lovelace", 50)]


def test_active_games_are_never_older_than_the_last_post(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    here, there = (drive(make_app(database_url=url)) for _ in range(2))
    ada = here.sign_up("Ada")
    assert there("GET /api/games/active") == []
    game = ada.open()
    for tick in range(1, 5):
        ada.post(game, tick - 1, tick)
        assert [active["tick"] for active in there("GET /api/games/active")] == [tick]
    ada("PATCH /api/auth/me", {"username": "Lovelace", "current_password": PASSWORD})
    assert [active["username"] for active in there("GET /api/games/active")] == ["Lovelace"]
    ada.post(game, 4, 11)
    assert there("GET /api/games/active") == []


def test_reading_goes_along_indexes_however_many_players_there_are(ada, db):
    """By SQLite's plans: no table is read from end to end, and nothing is sorted."""
    ada.play(1)
    boards, user = ["walls/all"], User.get(name="Ada")
    reads = [
        (score_histogram.versions, boards),
        (score_histogram.ranks, boards, (10, 20)),
        (leaderboard_pages.entries_after, boards, 10, (10, 1, 1)),
        (leaderboard_pages.player_standing, boards, user),
        (leaderboard_pages.next_rank, boards, 0, user),
    ]
    for call, *arguments in reads:
        steps = plan_of(db, call, *arguments)
        assert steps
        assert not [step for step in steps if step.startswith("SCAN t") or "TEMP B-TREE" in step], (call, steps)
