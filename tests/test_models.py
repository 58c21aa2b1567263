"""The database: its tables, and which one is meant."""

import sqlite3

import pytest
from driver import drive
from playhouse.schema_diff import diff_models

import models
from models import Game, User


def test_the_migrations_make_the_tables_that_the_models_describe(db):
    found = diff_models(db, models.TABLES)
    assert not found.create_tables + found.add_columns + found.drop_columns + found.add_indexes, found
    own = {index.name for index in found.drop_indexes}  # those that no model declares: migrations write them in SQL
    assert own == {"games_open", "games_seen", "games_latest", "games_best", "games_challenge", "entries_standing"}


def test_migrating_twice_changes_nothing(db):
    models.migrate()


def test_apps_in_one_process_have_databases_of_their_own(make_app):
    one, other = drive(make_app()), drive(make_app())
    one.sign_up("Ada")
    other.sign_up("Ada")
    one.sign_up("Bob")
    assert other.ask("GET /api/players/Bob").status == 404


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/snake.db", "sqlite+pool:///{}/snake.db", "sqlite:///{}/snake.db?cached_statements=10"]
)
def test_a_file_outlives_the_app(make_app, tmp_path, url):
    drive(make_app(database_url=url.format(tmp_path))).sign_up("Ada").play(2)
    again = drive(make_app(database_url=url.format(tmp_path)))
    assert again("GET /api/leaderboard")[0]["score"] == 20


def test_sqlite_is_set_up_to_lose_nothing(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    app.database.close_all()  # what new connections are set up with
    with models.using(app.database) as db:
        assert (db.journal_mode, db.synchronous, db.foreign_keys) == ("wal", 2, 1)
        assert db.pragma("busy_timeout") == 5000
        with models.relaxed():
            assert db.synchronous == 1
        assert db.synchronous == 2


def test_what_was_begun_and_not_committed_is_gone_with_the_request(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    with models.using(app.database):
        models.sql("BEGIN IMMEDIATE")
        models.sql("DELETE FROM secrets")
    with models.using(app.database):
        assert models.sql("SELECT COUNT(*) FROM secrets").fetchone()[0] == 1


def test_connections_are_kept_and_given_back(make_app, tmp_path):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    api = drive(app)
    for _ in range(3):
        api.ask("GET /api/leaderboard")
        api.ask("GET /api/games/nothing")
    assert len(app.database._kept) == 1


def test_a_database_that_is_out_of_reach_is_503_and_back_by_itself(make_app, tmp_path):
    """A file that is no database stands for one that can't be reached."""
    path = tmp_path / "snake.db"
    path.mkdir()
    api = drive(make_app(database_url=f"sqlite:///{path}"))
    for call in ("GET /api/leaderboard", "GET /healthz"):
        answer = api.ask(call)
        assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) > 0
    path.rmdir()
    assert api("GET /api/leaderboard") == []


def test_a_database_that_is_locked_for_long_is_503_and_nothing_is_written(make_app, tmp_path):
    path = tmp_path / "snake.db"
    app = make_app(database_url=f"sqlite:///{path}")
    with models.using(app.database) as db:
        db.pragma("busy_timeout", 50, permanent=True)
        db.close_all()
    api = drive(app)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert api.ask("POST /api/auth/guest").status == 503
    assert api("GET /api/leaderboard") == []
    lock.execute("COMMIT")
    lock.close()
    api.guest()
    with models.using(app.database):
        assert User.select().count() == 1
        assert Game.select().count() == 0
