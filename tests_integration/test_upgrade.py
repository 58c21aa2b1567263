"""The start migrates a database of the first version without loss, and refuses a newer one.

The databases in fixtures/ were made by that version itself; fixtures/fill_first.py says how.
"""

# ruff: noqa: RUF001 - names that look like others are part of it

import gzip
import json
from pathlib import Path

import psycopg
import pytest
from driver import PASSWORD
from playhouse.schema_diff import diff_models
from servers import run_program, until

import models
import rules
from accounts import passwords
from database import migrations
from database.binding import bind, is_sqlite
from database.connect import connect
from game import codec, leaderboards
from game.packing import FROM
from models import Game, Secret, User, now
from operations import maintenance

FIXTURES = Path(__file__).parent / "fixtures"
FIRST = json.loads((FIXTURES / "first.json").read_text())  # what the first version said of it
BEGAN = "2026-04-01T00:00:00.000Z"
LEFT = {"status": "over", "outcome": "left", "started_at": BEGAN, "ended_at": BEGAN}


@pytest.fixture
def old(database_url):
    """The URL of a database as the first version left it."""
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).write_bytes(gzip.decompress((FIXTURES / "first.db.gz").read_bytes()))
    else:
        with psycopg.connect(database_url) as connection:
            connection.execute((FIXTURES / "first.sql").read_text())
    return database_url


@pytest.fixture
def server(old, make_server):
    server = make_server(DATABASE_URL=old, SESSION_DAYS="3650", RATE_LIMITS="false", SCORE_POLICY="open")
    server.api("GET /healthz")
    return server


def test_games_and_boards_are_what_they_were(server):
    for game, said in FIRST["games"].items():
        if said["status"] == "playing":  # and nobody has posted to it for long
            said = {**said, **LEFT}
            until(lambda game=game: server.api(f"GET /api/games/{game}")["status"] == "over")
        found = server.api(f"GET /api/games/{game}")
        assert found == said
        played = rules.Game(found["seed"], found["mode"])
        played.advance(found["turns"], found["tick"])
        assert (played.score, played.ticks, played.outcome or "left") == (found["score"], found["tick"], found["outcome"])
    for query, said in FIRST["boards"].items():
        assert server.api(f"GET /api/leaderboard?{query}") == said, query


def test_players_log_in_and_sessions_live(server):
    api = server.api
    for name, token in FIRST["tokens"].items():
        api.token = token
        assert api("GET /api/auth/me")["username"] == name
        if not name.startswith("guest-"):
            assert api.log_in(name.upper()).user["username"] == name
    assert api("POST /api/auth/login", {"email": "ADA@example.org", "password": PASSWORD})["user"]["username"] == "Ada"


def test_tables_and_boards_are_as_if_it_had_been_made_today(old, server):
    server.stop()
    db = connect(old)
    with bind(db):
        found = diff_models(db, models.TABLES)
        assert not found.create_tables + found.add_columns + found.drop_columns + found.add_indexes, found
        assert list(leaderboards.check()) == []
        assert [lines for _, lines in maintenance.verify() if lines] == []
        assert maintenance.count_ranked() > 20
    db.close_all()


def test_turns_are_packed_once_no_server_of_the_version_before_can_run(old, server):
    server.api.log_in("Ada").play(3)
    server.stop()
    db = connect(old)
    with bind(db):
        assert not any(_are_packed())
        assert list(maintenance.pack_turns()) == []
        Secret.update(value=str(now())).where(Secret.name == FROM).execute()
        assert sum(maintenance.pack_turns()) > 10
        assert all(_are_packed())
        assert [lines for _, lines in maintenance.verify() if lines] == []
    db.close_all()


def _are_packed():
    games = Game.select(Game.turns).where(Game.ended_at.is_null(False)).tuples()
    return [bytes(turns).startswith(codec.PACKED) for (turns,) in games if turns]


def test_it_is_played_on_as_before(server):
    ada = server.api.log_in("Ada")
    assert ada.play(30)[2]["rank"] == 1
    names = [entry["username"] for entry in ada("GET /api/leaderboard?mode=walls")]
    before = [entry["username"] for entry in FIRST["boards"]["mode=walls"] if entry["username"] != "Ada"]
    assert names == ["Ada", *before]
    guest = server.api
    guest.token = next(token for name, token in FIRST["tokens"].items() if name.startswith("guest-"))
    assert guest.sign_up("Newcomer")("GET /api/leaderboard/me?mode=walls")["score"] == 20
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert "Ada" not in [entry["username"] for entry in ada("GET /api/leaderboard?mode=walls")]


def test_players_from_before_are_not_imitated_and_keep_their_names(server):
    for name, why in (("boB", "is taken"), ("b0B", "is taken"), ("BO\u042c", "looks like"), ("\u0410da", "looks like")):
        answer = server.api.ask("POST /api/auth/signup", {"username": name, "password": PASSWORD})
        assert (answer.status, why in answer.json.get("detail", "")) == (409, True), name


def test_of_names_that_look_alike_by_unicodes_data_the_oldest_is_compared_and_all_are_kept(database_url, make_server):
    names = ("Paul", "Ⲣaul", "ıan", "İan", "Ian", "guest-1", "Cool", "\U00010415ool")
    db = connect(database_url)
    with bind(db):
        with migrations.migrating() as runner:
            runner.up("0006_changes")
        password = passwords.Hasher(4).hash(PASSWORD)
        for number, name in enumerate(names, 1):
            row = {"id": number, "name": name, "name_key": f"{name} {number}".casefold(), "created_at": 1, "bot": False}
            if not name.startswith("guest-"):
                row |= {"password": password, "name_skeleton": f"old {number}"}
            values = ", ".join([db.param] * len(row))
            db.execute_sql(f"INSERT INTO users ({', '.join(row)}) VALUES ({values})", [*row.values()])
        migrations.migrate()
        found = User.select(User.name, User.name_skeleton, User.folded_skeleton).order_by(User.id).tuples()
        assert [tuple(row) for row in found] == [
            ("Paul", "paul", "paul"),
            ("Ⲣaul", None, None),
            ("ıan", "ian", "ian"),
            ("İan", None, None),
            ("Ian", "lan", None),
            ("guest-1", None, None),
            ("Cool", "cool", "cool"),
            ("\U00010415ool", None, None),
        ]
        if not is_sqlite():
            db.execute_sql("SELECT setval(pg_get_serial_sequence('users', 'id'), 100)")
    db.close_all()
    api = make_server(DATABASE_URL=database_url).api
    for name in ("РauI", "Ⲣau1", "ISTANBUL", "İSTANBUL"):
        answer = api.ask("POST /api/auth/signup", {"username": name, "password": PASSWORD})
        assert answer.status == (201 if name == "ISTANBUL" else 409), name


@pytest.fixture
def newer(old, server):
    """The URL of a database that a version to come has brought further."""
    server.stop()
    db = connect(old)
    with bind(db):
        db.execute_sql("INSERT INTO snakepit_migration (name, applied) VALUES ('9999_wings', '2030-01-01 00:00:00')")
    db.close_all()
    return old


def test_a_database_from_a_newer_version_is_left_alone_and_reported_in_one_line(newer, tmp_path):
    for program, *arguments in (["service.py"], ["manage.py", "stats"], ["manage.py", "ban", "Ada"]):
        done = run_program(tmp_path, program, *arguments, DATABASE_URL=newer)
        assert done.returncode != 0
        [line] = [line for line in done.stderr.splitlines() if "9999_wings" in line]
        assert "run that version, or restore a copy" in line
        assert "Traceback" not in done.stderr
    db = connect(newer)
    with bind(db):
        assert User.select().where(User.banned_at.is_null(False)).count() == 1
    db.close_all()
