"""A database of the first version is brought to today's by the start, and nothing of it is lost."""

import shutil

import pytest
from driver import PASSWORD
from playhouse.migrations import Runner
from playhouse.schema_diff import diff_models

import accounts
import boards
import connections
import models
from models import Entry, Tally

FIRST = "0001_first.py"
AT = 1_763_800_000_000  # milliseconds: in November 2025


@pytest.fixture
def old(database_url, tmp_path):
    """The URL of a database as the first version left it: two players with a game each, and an open one."""
    (tmp_path / "migrations").mkdir()
    shutil.copy(models.MIGRATIONS / FIRST, tmp_path / "migrations")
    db = connections.connect(database_url)
    hashed = accounts.hash_password(PASSWORD, 4)
    with models.using(db):
        Runner(db, str(tmp_path / "migrations")).up()
        for number, name in ((1, "Ada"), (2, "Bob")):
            models.insert("users", name=name, name_key=name.lower(), password=hashed, created_at=AT)
            _insert_game(f"game-{number}", number, ended_at=AT, outcome="wall", tick=300, score=100 * number)
            for board in ("walls/all", "walls/2025-11", "walls/2025-W47", "walls/2025-11-22"):
                score = 100 * number
                row = {"board": board, "user_id": number, "score": score, "at": AT, "game_id": f"game-{number}"}
                models.insert("entries", **row, verified=True)
                models.insert("tallies", board=board, level=0, bucket=score, players=1)
                if number == 1:
                    models.insert("tallies", board=board, level=1, bucket=0, players=2)
        _insert_game("open", 1, tick=0, score=0, state=b"")
    db.close_all()
    return database_url


def _insert_game(game_id, user_id, **more):
    models.insert(
        "games",
        **{"id": game_id, "user_id": user_id, "mode": "walls", "rules": 1, "seed": 7, "verified": True, "ranked": True},
        **{"started_at": AT, "seen_at": models.now(), "turns": b""},
        **more,
    )


def test_starting_brings_it_along(old, make_server):
    server = make_server(DATABASE_URL=old)
    assert [(e["username"], e["score"]) for e in server.api("GET /api/leaderboard?mode=walls")] == [
        ("Bob", 200),
        ("Ada", 100),
    ]
    assert server.api("GET /api/leaderboard?period=day&at=2025-11-22&mode=walls")[1]["game"] == "game-1"
    assert server.api("GET /api/games/game-2")["score"] == 200
    server.stop()
    db = connections.connect(old)
    with models.using(db):
        found = diff_models(db, models.TABLES)
        assert not found.create_tables + found.add_columns + found.drop_columns + found.add_indexes, found
        before = _derived()
        with db.atomic():
            for user_id in (1, 2):
                boards.rebuild(user_id)
        assert _derived() == before
    db.close_all()


def test_it_is_played_on_as_before(old, make_server):
    ada = make_server(DATABASE_URL=old, RATE_LIMITS="false").api.log_in("Ada")
    assert ada.play(30)[2]["rank"] == 1
    assert ada("GET /api/leaderboard/me?mode=walls")["of"] == 2
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert [entry["username"] for entry in ada("GET /api/leaderboard?mode=walls")] == ["Bob"]


def test_players_from_before_are_not_imitated(old, make_server):
    api = make_server(DATABASE_URL=old).api
    for name, why in (("B0b", "looks like"), ("bob", "is taken")):
        answer = api.ask("POST /api/auth/signup", {"username": name, "password": PASSWORD})
        assert (answer.status, why in answer.json["detail"]) == (409, True)


def _derived():
    entries = sorted(Entry.select(Entry.board, Entry.user, Entry.score, Entry.at, Entry.game_id).tuples())
    return entries, sorted(Tally.select().where(Tally.number != 0, Tally.level != boards.CHANGES).tuples())
