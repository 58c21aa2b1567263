"""Accounts with very many games disappear at once; their rows are deleted in small steps."""

import json

import pytest
from driver import PASSWORD, drive
from many_games import fill

from accounts import accounts
from database.binding import bind, database
from game import leaderboards, records
from game.score_histogram import VERSION
from models import Entry, Game, ScoreHistogram, User
from operations import export, maintenance

MANY = 1500  # games, which are not deleted by the request


@pytest.fixture
def made(make_app, tmp_path):
    """Makes a server on a file, each time on the same; answers (app, api) while it is the current database."""

    def make(**settings):
        app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db", **settings)
        return app, drive(app)

    return make


def rows_of(user):
    return Game.select().where(Game.user == int(user["id"])).count()


def test_a_deleted_account_with_many_games_is_gone_at_once(made):
    app, api = made()
    ada, bob = api.sign_up("Ada", email="ada@example.org"), api.sign_up("Bob")
    bob.play(1)
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY)
        assert [entry["username"] for entry in api("GET /api/leaderboard")] == ["Ada", "Bob"]
        [game_id] = [entry["game"] for entry in api("GET /api/leaderboard?limit=1")]
        going_on = ada.open()
        ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
        assert rows_of(ada.user) > MANY / 2  # the rest is done later

        assert [entry["username"] for entry in api("GET /api/leaderboard")] == ["Bob"]
        for period in ("month", "week", "day"):
            names = [entry["username"] for entry in api(f"GET /api/leaderboard?period={period}")]
            assert "Ada" not in names
        assert bob("GET /api/leaderboard/me")["rank"] == 1
        ada("GET /api/auth/me", status=401)
        api("GET /api/players/Ada", status=404)
        for game in (game_id, going_on["id"]):
            api(f"GET /api/games/{game}", status=404)
        assert api(f"GET /api/games/live?known={game_id}:0,{going_on['id']}:0") == []
        assert api("GET /api/games/active") == []
        api("POST /api/auth/login", {"username": "Ada", "password": PASSWORD}, 401)
        again = api.sign_up("Ada", email="ada@example.org")
        assert again.user["id"] != ada.user["id"]
        assert list(leaderboards.check()) == []


def test_the_rest_is_deleted_in_the_background_and_nothing_else(made):
    app, api = made()
    ada, bob = api.sign_up("Ada"), api.sign_up("Bob")
    game, _, _ = bob.play(1)
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY)
        ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
        app.background.run_all()
        assert [user.name for user in User.select()] == ["Bob"]
        assert [row.id for row in Game.select()] == [game["id"]]
        assert {entry.user_id for entry in Entry.select()} == {int(bob.user["id"])}
        assert list(leaderboards.check()) == []


def test_after_a_restart_it_goes_on(made):
    app, api = made()
    ada = api.sign_up("Ada")
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY)
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    app.close()
    app, api = made(erasing_interval=0.01)
    api("GET /healthz")  # with the first request, the background tasks begin
    with app.database.own_connection() as db, bind(db):
        while User.select().count():
            pass
        assert Game.select().count() == 0


def test_who_had_an_entry_on_very_many_boards_leaves_them_all(made):
    app, api = made()
    ada = api.sign_up("Ada")
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY, challenge="'game' || n")
        assert Entry.select().count() == MANY
        ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
        assert Entry.select().count() == 0
        assert ScoreHistogram.select().where(ScoreHistogram.level != VERSION, ScoreHistogram.count != 0).count() == 0


def test_operator_commands_skip_accounts_that_are_being_deleted(made):
    app, api = made()
    ada, bob = api.sign_up("Ada"), api.sign_up("Bob")
    bob.play(1)
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY)
        ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
        assert rows_of(ada.user)
        stats = maintenance.stats()
        assert (stats.players, stats.guests, stats.ranked) == (1, 0, 1)
        assert [differences for _, differences in maintenance.verify()] == [[]]
        assert maintenance.PruneCandidates(0, 0).count() == (0, 0)
        exported = {}
        for line in map(json.loads, b"".join(export.export_lines(lambda done, of: None)).splitlines()[1:-1]):
            if isinstance(line, dict):
                columns, rows = line["columns"], exported.setdefault(line["table"], [])
            else:
                rows.append(dict(zip(columns, line, strict=True)))
        assert [user["name"] for user in exported["users"]] == ["Bob"]
        assert {row["user_id"] for table in ("games", "entries") for row in exported[table]} == {int(bob.user["id"])}


# What else concerns all games of a player is done in small steps, too.


def entries(user_id):
    found = Entry.select().where(Entry.user == user_id)
    return {entry.board: (entry.score, entry.achieved_at, entry.game_id) for entry in found}


@pytest.mark.parametrize("challenge", ["NULL", "'game' || n"])
def test_a_guest_with_very_many_games_signs_up(made, challenge):
    app, api = made()
    guest = api.guest()
    guest.play(1)
    going_on = guest.open()
    with app.database.own_connection() as db, bind(db):
        fill(guest.user, MANY, challenge=challenge)
        guest("POST /api/auth/signup", {"username": "Ada", "password": PASSWORD}, 201)
        assert len(entries(guest.user["id"])) > 4
        assert list(leaderboards.check()) == []
        ada = api.log_in("Ada")
        ada(f"DELETE /api/games/{going_on['id']}", status=204)
        assert list(leaderboards.check()) == []


@pytest.mark.parametrize("challenge", ["NULL", "'game' || n"])
def test_a_ban_of_a_player_with_very_many_games_and_its_end(made, challenge):
    app, api = made()
    ada = api.sign_up("Ada")
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY, challenge=challenge)
        before = entries(ada.user["id"])
        accounts.ban(int(ada.user["id"]))
        assert entries(ada.user["id"]) == {}
        assert list(leaderboards.check()) == []
        accounts.unban("Ada")
        assert entries(ada.user["id"]) == before
        assert list(leaderboards.check()) == []


def test_deleting_the_best_of_many_games_ranks_the_next_best(made):
    app, api = made()
    ada = api.sign_up("Ada")
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, MANY)
        [best] = api("GET /api/leaderboard?limit=1")
        maintenance.unrank(records.get_game(best["game"]))
        [next_best] = api("GET /api/leaderboard?limit=1")
        assert (next_best["score"], next_best["game"] != best["game"]) == (best["score"], True)  # there were several
        assert list(leaderboards.check()) == []


def test_games_that_end_while_others_are_read_count_too(made):
    app, api = made()
    ada = api.sign_up("Ada")
    with app.database.own_connection() as db, bind(db):
        fill(ada.user, 10)
        going_on = ada.open("pass-through")
        gathered = leaderboards.gather_games(int(ada.user["id"]))
        ada(f"DELETE /api/games/{going_on['id']}", status=204)
        ada.play(2)
        with database.atomic():
            leaderboards.rebuild_player(int(ada.user["id"]), gathered)
        assert list(leaderboards.check()) == []


def test_another_name_shows_on_very_many_boards(made):
    app, api = made()
    ada, bob = api.sign_up("Ada"), api.sign_up("Bob")
    with app.database.own_connection() as db, bind(db):
        game, _, _ = bob.play(1)
        fill(ada.user, MANY, challenge=f"CASE WHEN n = {MANY} THEN '{game['id']}' ELSE 'game' || n END")
        board = f"GET /api/leaderboard?challenge={game['id']}"
        assert [entry["username"] for entry in api(board)] == ["Ada"]
        before = versions()
        ada("PATCH /api/auth/me", {"username": "Eve", "current_password": PASSWORD})
        assert [entry["username"] for entry in api(board)] == ["Eve"]
        assert sum(after != before[name] for name, after in versions().items()) == MANY


def versions():
    return {row.board: row.count for row in ScoreHistogram.select().where(ScoreHistogram.level == VERSION)}
