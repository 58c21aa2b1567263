"""The tables, and the database that an app is bound to."""

import gc
import os
import sqlite3
from contextlib import closing

import peewee
import pytest
from driver import drive
from playhouse.migrations import Migration
from playhouse.schema_diff import diff_models

import config
import models
from database import migrations
from database.binding import bind, database
from database.tables import relations


def test_the_migrations_make_the_tables_that_the_models_describe(db):
    found = diff_models(db, models.TABLES)
    assert not found.create_tables + found.add_columns + found.drop_columns + found.add_indexes, found
    own = {index.name for index in found.drop_indexes}  # those that no model declares: migrations write them in SQL
    games = {"games_open", "games_latest", "games_best", "games_challenge", "games_challenged", "games_daily", "games_round"}
    assert own == games | {"entries_standing", "users_deleted", "members_here", "rounds_uncounted"}


def test_migrating_twice_changes_nothing(db):
    migrations.migrate()


def add_newer_migration(compatible_with=None):
    database.execute_sql(
        "INSERT INTO snakepit_migration (name, applied, compatible_with) VALUES ('9999_wings', '2030-01-01 00:00:00', ?)",
        (compatible_with,),
    )


@pytest.mark.parametrize("migration", [name for name in migrations.names() if name > "0014_rooms"])
def test_a_migration_says_which_versions_go_on_working(migration):
    [found] = [found for found in Migration.load_directory(migrations.FOLDER) if found.name == migration]
    earlier = [name for name in migrations.names() if name < migration]
    assert found.load().COMPATIBLE_WITH in (None, *earlier)


@pytest.fixture
def newer(make_app, tmp_path):
    """Brings a database further, as a version to come does that needs another one to know `compatible_with`; its URL."""
    url = f"sqlite:///{tmp_path}/snake.db"

    def bring(compatible_with, *statements):
        with make_app(database_url=url).database.own_connection() as db, bind(db):
            add_newer_migration(compatible_with)
            for statement in statements:
                database.execute_sql(statement)
        return url

    return bring


def test_a_newer_database_that_allows_it_is_worked_with(make_app, newer):
    url = newer(migrations.names()[-1], "ALTER TABLE games ADD COLUMN wings INTEGER", "CREATE TABLE wings (id INTEGER)")
    app = make_app(database_url=url)
    assert drive(app).sign_up("Ada").play(2)[2]["rank"] == 1
    assert drive(app)("GET /healthz")["migration"] == "9999_wings"


@pytest.mark.parametrize(
    ("compatible_with", "statements"),
    [
        ("9998_feathers", []),
        (None, []),
        (migrations.names()[0], ["DELETE FROM snakepit_migration WHERE name = '0014_rooms'"]),  # it is of another branch
        (migrations.names()[0], ["ALTER TABLE snakepit_migration DROP COLUMN compatible_with"]),
    ],
)
def test_a_newer_database_that_does_not_allow_it_stops_the_start(make_app, newer, compatible_with, statements):
    url = newer(compatible_with, *statements)
    with pytest.raises(config.ConfigError, match=r"9999_wings.*run that version"):
        make_app(database_url=url)


def test_a_database_from_before_versions_were_stored_learns_them_with_its_next_migration(db):
    database.execute_sql("ALTER TABLE snakepit_migration DROP COLUMN compatible_with")
    migrations.migrate()
    with migrations.migrating() as runner:
        assert "compatible_with" in relations(db)["snakepit_migration"]
        assert runner.up() == []


@pytest.mark.parametrize("notice", ["an error", "the background task"])
def test_a_server_that_can_no_longer_work_with_its_database_says_so(make_app, tmp_path, notice, caplog):
    app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db")
    api = drive(app).sign_up("Ada")
    game = api.open()
    with app.database.own_connection() as db, bind(db):
        add_newer_migration()
        if notice == "an error":
            database.execute_sql("DROP INDEX games_round")
            database.execute_sql("ALTER TABLE games RENAME COLUMN round TO wings")
    if notice == "the background task":
        app.background.run_all()
    for call in (f"POST /api/games/{game['id']}/turns", "GET /api/games/active", "GET /healthz"):
        body = {"since": 0, "tick": 5, "turns": []} if call.startswith("POST") else None
        answer = api.ask(call, body)
        assert (answer.status, answer.json["code"], answer.json["params"]["reason"]) == (503, "unavailable", "lasting")
        assert "A newer version of this server" in answer.json["detail"]
    assert "9999_wings, which this one doesn't know; run that version" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_database_from_a_newer_version_stops_the_start_and_is_left_alone(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    with make_app(database_url=url).database.own_connection() as db, bind(db):
        add_newer_migration()
        database.execute_sql("DELETE FROM snakepit_migration WHERE name = '0001_first'")  # which it would else begin with
    with pytest.raises(config.ConfigError, match=r"9999_wings.*run that version"):
        make_app(database_url=url)


def test_a_new_file_is_for_its_user_only_whatever_the_umask(make_app, tmp_path):
    before = os.umask(0)
    try:
        drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db")).guest()
    finally:
        os.umask(before)
    assert {path.name for path in tmp_path.iterdir()} == {"snake.db", "snake.db-wal", "snake.db-shm"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("wrong", ["newer", "no database", "table", "option", "storage"])
def test_an_app_that_cannot_be_made_leaves_no_connection_open(make_app, tmp_path, wrong, monkeypatch):
    monkeypatch.setitem(config.STORAGES, "wings", None)
    path, options = tmp_path / "snake.db", {}
    if wrong == "newer":
        with make_app(database_url=f"sqlite:///{path}").database.own_connection() as db, bind(db):
            add_newer_migration()
    elif wrong == "no database":
        path.write_bytes(b"not a database" * 1000)
    elif wrong == "table":
        with closing(sqlite3.connect(path)) as another_program:
            another_program.execute("CREATE TABLE users (wings INTEGER)")
    elif wrong == "option":
        options = {"database_url": f"sqlite:///{path}?wings=2"}
    else:
        options = {"rate_limit_storage": "wings://here"}
    before = open_files(path)
    with pytest.raises((config.ConfigError, peewee.DatabaseError)) as raised:
        make_app(**{"database_url": f"sqlite:///{path}"} | options)
    assert raised.tb, "with it, the app is still there"
    gc.collect()  # Python 3.13 warns of a connection that is lost while it is open
    assert open_files(path) == before


def open_files(path):
    """How often this process has the database at the path open, and its WAL."""
    names = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if is_link(number)]
    return sum(name.startswith(str(path)) and not name.endswith("-shm") for name in names)


def is_link(number):
    return os.path.islink(f"/proc/self/fd/{number}")


def test_apps_in_one_process_have_databases_of_their_own(make_app):
    one, other = drive(make_app()), drive(make_app())
    one.sign_up("Ada")
    other.sign_up("Ada")
    one.sign_up("Bob")
    assert other.ask("GET /api/players/Bob").status == 404
