"""What manage.py does, each command on a SQLite file on which a server runs meanwhile."""

import json
import os
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import compress
from pathlib import Path

import peewee
import pytest
from driver import drive

import config
import manage
import models
import rules
from accounts import accounts, passwords
from database import ownership
from database.binding import bind
from game import score_histogram
from game.codec import encode_turns
from models import Entry, Game, Session, User
from operations import backup, commands, export, maintenance

DAY = maintenance.DAY
LATEST = max(path.stem for path in models.MIGRATIONS.glob("*.py"))


@pytest.fixture
def app(make_app, tmp_path, monkeypatch):
    """A server on a file, which the settings name to manage.py as well."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/snake.db")
    monkeypatch.setenv("BCRYPT_ROUNDS", "4")
    return make_app(database_url=f"sqlite:///{tmp_path}/snake.db")


@pytest.fixture
def run(app, capsys):
    """Runs a command, which must end with that status; what it said on the standard output, or else on the other."""

    def run(*arguments, status=0):
        capsys.readouterr()
        assert manage.main(arguments) == status
        said = capsys.readouterr()
        if status:
            assert said.err.startswith("manage.py: ") or said.out
        return said.err if said.err and not said.out else said.out

    return run


def age(game_id, days):
    """The game has ended so many days earlier."""
    moved = {field: field - days * DAY for field in (Game.started_at, Game.seen_at, Game.ended_at)}
    Game.update(moved).where(Game.id == game_id).execute()


def names(api, query="mode=walls"):
    return [entry["username"] for entry in api(f"GET /api/leaderboard?{query}")]


# Copies.


def test_a_backup_has_all_and_is_one_file(run, api, ada, tmp_path, make_app):
    ada.play(3)
    assert "is a copy of" in run("backup", "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.db"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "copy.db").read_bytes()[18:20] == b"\1\1"  # for which SQLite needs no log beside it
    other = drive(make_app(database_url=f"sqlite:///{tmp_path}/copy.db"))
    assert other("GET /api/leaderboard") == api("GET /api/leaderboard")
    other.log_in("Ada")


def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(app, db, monkeypatch, tmp_path):
    steps = []

    def write(done, of):
        steps.append((done, of))
        models.insert("secrets", name=f"meanwhile {done}", value="x" * 5000)

    monkeypatch.setattr(backup, "PAGES", 5)
    backup.backup(tmp_path / "snake.db", tmp_path / "copy.db", write)
    assert [done for done, _ in steps] == [*range(5, steps[0][1], 5), steps[0][1]]  # it did not start again
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM secrets").fetchone()[0] == 1


def test_a_backup_is_on_disk_before_it_takes_the_files_place(run, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *words, name=name, real=real: done.append(name) or real(*words))
    run("backup", "copy.db")
    assert done == ["fsync", "replace", "fsync"]  # the folder's as well


def test_a_backup_replaces_no_file_unasked_and_the_database_never(run, tmp_path):
    (tmp_path / "copy.db").write_text("dear")
    assert "--yes" in run("backup", "copy.db", status=1)
    assert (tmp_path / "copy.db").read_text() == "dear"
    run("backup", "copy.db", "--yes")
    assert (tmp_path / "copy.db").read_bytes().startswith(b"SQLite")
    assert "is the database itself" in run("backup", "snake.db", "--yes", status=1)


def test_a_backup_that_fails_leaves_nothing_and_replaces_nothing(run, tmp_path, monkeypatch):
    def fail(source, target, progress):
        raise sqlite3.OperationalError("database or disk is full")

    (tmp_path / "copy.db").write_text("dear")
    monkeypatch.setattr(backup, "_copy", fail)
    assert "disk is full" in run("backup", "copy.db", "--yes", status=1)
    assert (tmp_path / "copy.db").read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == ["copy.db"]


def test_a_backup_into_no_folder_says_so(run):
    assert "nowhere/copy.db: No such file or directory; " in run("backup", "nowhere/copy.db", status=1)


def test_restoring_brings_everything_back_and_keeps_what_was_there(run, app, api, ada, tmp_path, make_app):
    ada.play(3)
    run("backup", "copy.db")
    api.sign_up("Bob").play(5)
    app.close()
    assert "snake.db.before-" in run("restore", "copy.db", "--yes")
    again = drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db"))
    assert names(again) == ["Ada"]
    [aside] = tmp_path.glob("snake.db.before-*")
    assert names(drive(make_app(database_url=f"sqlite:///{aside}"))) == ["Bob", "Ada"]


def test_nothing_is_restored_while_a_server_has_the_database_open(run, api, ada, tmp_path):
    run("backup", "copy.db")
    ada.play(1)
    assert "stop the server" in run("restore", "copy.db", "--yes", status=1)
    assert names(api) == ["Ada"]
    assert list(tmp_path.glob("snake.db.before-*")) == []


def test_restoring_where_there_is_no_database_makes_one(run, app, ada, tmp_path):
    run("backup", "copy.db")
    app.close()
    for path in tmp_path.glob("snake.db*"):
        path.unlink()
    assert "before-" not in run("restore", "copy.db", "--yes")
    assert "players   1" in run("stats")


def test_a_database_that_can_not_be_read_is_kept_and_replaced(run, app, ada, tmp_path):
    run("backup", "copy.db")
    app.close()
    (tmp_path / "snake.db").write_text("no database at all" * 1000)
    run("restore", "copy.db", "--yes")
    assert "players   1" in run("stats")
    [aside] = tmp_path.glob("snake.db.before-*")
    assert aside.read_text().startswith("no database")


def test_only_a_sound_copy_of_ours_is_restored(run, app, ada, tmp_path):
    run("backup", "copy.db")
    app.close()
    before = (tmp_path / "snake.db").read_bytes()
    (tmp_path / "text").write_text("no database at all" * 1000)
    with closing(sqlite3.connect(tmp_path / "others.db")) as others:
        others.execute("CREATE TABLE users (id INTEGER)")
    shutil.copy("copy.db", "newer.db")
    with closing(sqlite3.connect("newer.db")) as newer, newer:
        newer.execute("INSERT INTO snakepit_migration (name, applied) VALUES ('9999_wings', '2030-01-01')")
    content = (tmp_path / "copy.db").read_bytes()
    (tmp_path / "torn.db").write_bytes(content[:4096] + b"\xff" * 8192 + content[12288:])
    (tmp_path / "damaged.db").write_bytes(content.replace(b"Adaada", b"Adabda"))
    for file, why in (
        ("nothing.db", "there is no such file"),
        ("text", "can't be read as a SQLite database"),
        ("others.db", "not Snakepit's"),
        ("newer.db", "9999_wings"),
        ("torn.db", "can't be read"),
        ("damaged.db", "it is damaged (row"),
        ("snake.db", "is the database itself"),
    ):
        assert why in run("restore", file, "--yes", status=1), file
    assert (tmp_path / "snake.db").read_bytes() == before


def test_postgres_is_told_its_own_tools_and_no_password(run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://snake:hush@db:5433/pit?sslmode=require&password=hush")
    line = "'postgresql://snake@db:5433/pit?sslmode=require'"
    assert f"(umask 077; pg_dump --format=custom --file='a copy' {line})" in run("backup", "a copy", status=1)
    assert f"--dbname={line} 'a copy'" in run("restore", "a copy", status=1)


def test_what_is_no_file_is_written_to_and_not_replaced(run, ada, tmp_path):
    run("export", "all.jsonl")
    exported = (tmp_path / "all.jsonl").read_bytes()
    os.mkfifo("pipe")
    for command, wanted in (("export", exported), ("backup", b"SQLite format 3")):
        with ThreadPoolExecutor() as threads:
            reading = threads.submit((tmp_path / "pipe").read_bytes)
            run(command, "pipe")
            assert reading.result().startswith(wanted)
        assert stat.S_ISFIFO(os.stat("pipe").st_mode)
        run(command, "/dev/null")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
        assert "/dev/full: No space left on device; free some space" in run(command, "/dev/full", status=1)
    assert sorted(path.name for path in tmp_path.iterdir() if "snake" in path.name) == [
        "snake.db",
        "snake.db-shm",
        "snake.db-wal",
    ]


def test_a_link_is_followed(run, ada, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for name, command in (("copy.db", "backup"), ("all.jsonl", "export")):
        (tmp_path / name).symlink_to(tmp_path / "elsewhere" / name)
        run(command, name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "elsewhere" / name).stat().st_mode & 0o777 == 0o600
        run(command, name, "--yes")
        assert (tmp_path / name).is_symlink()


@pytest.mark.parametrize("command", ["backup", "export"])
@pytest.mark.parametrize(
    ("target", "why"),
    [
        (".", ".: Is a directory; give the path of a file"),
        ("no/folder", "no/folder: No such file or directory; check the path"),
        ("text/file", "text/file: Not a directory; check the path"),
        ("x" * 300, "File name too long; give another file"),
        ("snake.db-wal", "is the database itself"),
        ("link", "is the database itself"),
        ("/proc/nothing", "/proc/nothing: No such file or directory"),
    ],
)
def test_a_target_that_can_not_be_is_named_with_the_remedy(run, ada, tmp_path, command, target, why):
    (tmp_path / "text").write_text("")
    (tmp_path / "link").symlink_to("snake.db")
    before = sorted(tmp_path.iterdir())
    said = run(command, target, "--yes", status=1)
    assert why in said
    assert said.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("source", "why"),
    [("nothing", "nothing: No such file or directory; check the path"), (".", ".: Is a directory; give the path of a file")],
)
def test_a_source_that_can_not_be_is_named_with_the_remedy(run, ada, elsewhere, tmp_path, source, why):
    elsewhere()
    assert why in run("import", source, status=1)
    assert list(tmp_path.glob("other*")) == []


def test_a_restore_that_fails_leaves_all_as_it_was(run, app, ada, tmp_path, monkeypatch):
    run("backup", "copy.db")
    app.close()
    (tmp_path / "copy.db").chmod(0o600)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(backup, "PAGES", 1)
    monkeypatch.setattr(commands.Progress, "__call__", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("restore", "copy.db", "--yes")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()}.keys() == before.keys()
    monkeypatch.undo()
    assert "snake.db" in before
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM users").fetchone() == (1,)


# Export and import.


@pytest.fixture
def elsewhere(run, monkeypatch, tmp_path):
    """From now on the settings name another database, which isn't there yet."""

    def go(name="other.db"):
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/{name}")
        return name

    return go


@pytest.fixture
def exported(run, api, ada, bob, app):
    """The lines of a database with a bit of everything."""
    ada.play(3)
    bob.play(2, rules.PASS_THROUGH)
    api.guest().open()
    bob.play(1, challenge="daily")
    with bind(app.database):
        passwords.create_reset(User.get(name="Ada"))
        accounts.ban(User.get(name="Bob").id)
    run("export", "all.jsonl")
    return Path("all.jsonl").read_bytes()


def test_an_import_has_all_that_was_exported(run, exported, elsewhere, ada, make_app, tmp_path):
    elsewhere()
    assert "3 users, 3 sessions, 1 resets, 4 games" in run("import", "all.jsonl")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported
    other = drive(make_app(database_url=f"sqlite:///{tmp_path}/other.db"))
    other.token = ada.token
    assert other("GET /api/auth/me")["username"] == "Ada"
    assert "none of them differ" in run("verify")
    run("rebuild", "--check")


def test_it_goes_through_standard_output_and_input(run, exported, elsewhere, monkeypatch, capsys):
    capsys.readouterr()
    assert manage.main(["export"]) == 0
    assert capsys.readouterr().out.encode() == exported
    elsewhere()
    with open("all.jsonl", encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        run("import")
    assert "players   2" in run("stats")


def test_many_rows_are_read_a_part_at_a_time(run, api, db, elsewhere, monkeypatch, tmp_path):
    monkeypatch.setattr("operations.export.AT_ONCE", 2)
    for number in range(5):
        api.sign_up(f"Player{number}")
    run("export", "all.jsonl")
    elsewhere()
    assert "5 users, 5 sessions" in run("import", "all.jsonl")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "all.jsonl").read_bytes()


def test_nothing_is_imported_while_a_server_runs_on_the_database(run, exported, api, tmp_path):
    before = names(api)
    assert "stop the server" in run("import", "all.jsonl", "--replace", status=1)
    assert names(api) == before


def test_players_are_never_mixed_with_those_of_another_database(run, app, exported, api, make_app, tmp_path):
    before = names(api)
    app.close()
    assert "is not empty (3 users, " in run("import", "all.jsonl", status=1)
    assert names(drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db"))) == before


def test_what_is_there_is_replaced_if_that_is_said(run, app, exported, api, make_app, tmp_path):
    api.sign_up("Carl").play(5)
    app.close()
    assert "3 users" in run("import", "all.jsonl", "--replace")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported


# Other programs' tables beside ours.

OTHERS = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT NOT NULL, buyer INTEGER);
INSERT INTO orders VALUES (1, 'snake oil', 1), (2, 'apples', 1), (3, 'mice', 2);
CREATE TABLE schema_migration (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, applied DATETIME NOT NULL);
INSERT INTO schema_migration VALUES (1, '0001_initial', '2024-01-01'), (2, '0099_last', '2025-01-01');
CREATE VIEW big_orders AS SELECT * FROM orders WHERE id > 1;
CREATE INDEX orders_what ON orders (what);
"""


def dumped(path):
    """What other programs' tables have, and how they are made."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%orders%' ORDER BY name").fetchall()
        return [made, *(connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("orders", "schema_migration"))]


def with_others(path, more=""):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OTHERS + more)
    return dumped(path)


def test_tables_of_other_programs_are_not_touched(run, exported, elsewhere, make_app, tmp_path):
    path = tmp_path / elsewhere()
    before = with_others(
        path,
    )
    run("import", "all.jsonl")
    assert dumped(path) == before
    app = make_app(database_url=f"sqlite:///{path}")
    drive(app).sign_up("Carl").play(1)
    app.close()
    run("import", "all.jsonl", "--replace")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported
    run("rebuild")
    assert dumped(path) == before


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)",
        "CREATE TABLE Games (id INTEGER PRIMARY KEY, title TEXT)",
        "CREATE VIEW entries AS SELECT * FROM orders",
        "CREATE TABLE games_open (id INTEGER)",
        "CREATE INDEX games_latest ON orders (buyer)",
        "CREATE TABLE snakepit_migration (id INTEGER)",
        "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO schema_migration VALUES (3, '0001_first', '2024-01-01')",
    ],
)
def test_a_table_with_one_of_our_names_that_is_not_ours_stops_all(run, exported, elsewhere, make_app, tmp_path, foreign):
    path = tmp_path / elsewhere()
    before = with_others(path, foreign)
    for command in (["import", "all.jsonl"], ["import", "all.jsonl", "--replace"], ["stats"], ["rebuild"]):
        assert "is not Snakepit's" in run(*command, status=2)
    with pytest.raises(config.ConfigError, match="is not Snakepit's"):
        make_app(database_url=f"sqlite:///{path}")
    assert dumped(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'tallies'").fetchone()[0] == 0


def test_a_table_of_ours_that_another_has_replaced_stops_all(run, app, make_app, tmp_path, exported):
    app.close()
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection, connection:
        connection.executescript("DROP TABLE games; CREATE TABLE games (id INTEGER PRIMARY KEY, title TEXT)")
    assert "its table games is not Snakepit's" in run("import", "all.jsonl", "--replace", status=2)
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection, connection:
        connection.executescript("DROP TABLE games")
    with pytest.raises(config.ConfigError, match="its table games is missing"):
        make_app(database_url=f"sqlite:///{tmp_path}/snake.db")


@pytest.mark.parametrize("key", ["REFERENCES users (id)", "REFERENCES users (id) ON DELETE CASCADE"])
def test_rows_that_others_refer_to_are_not_replaced(run, app, exported, tmp_path, key):
    app.close()
    path = tmp_path / "snake.db"
    before = with_others(
        path, f"CREATE TABLE others_orders (id INTEGER, buyer INTEGER {key}); INSERT INTO others_orders VALUES (1, 1)"
    )
    assert "others_orders refers to rows of users" in run("import", "all.jsonl", "--replace", status=1)
    assert dumped(path) == before
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported


def test_the_names_of_our_migrations_move_out_of_a_table_that_others_use(run, app, exported, make_app, tmp_path):
    app.close()
    path = tmp_path / "snake.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            OTHERS + "INSERT INTO schema_migration (name, applied) SELECT name, applied FROM"
            " snakepit_migration; DROP TABLE snakepit_migration"
        )
    make_app(database_url=f"sqlite:///{path}").close()
    assert [name for _, name, _ in dumped(path)[2]] == ["0001_initial", "0099_last"]
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported


def test_an_export_of_an_earlier_version_is_brought_along(run, api, exported, elsewhere, tmp_path, make_app):
    (tmp_path / "old.jsonl").write_bytes(as_of_0004(exported))
    elsewhere()
    run("import", "old.jsonl")
    assert f"at {LATEST}" in run("stats")
    run("rebuild", "--check")
    other = drive(make_app(database_url=f"sqlite:///{tmp_path}/other.db"))
    assert other("GET /api/leaderboard") == api("GET /api/leaderboard")


def as_of_0004(exported):
    """An export as it would have been before there were resets, and with how often boards have changed in another table."""
    tables = ownership.tables_at(["0004_skeletons"])
    written, table, versions = [{"snakepit": 1, "migration": "0004_skeletons"}], None, []
    for line in map(json.loads, exported.splitlines()[1:-1]):
        if isinstance(line, dict):
            table = line["table"]
            names = ["players" if name == "number" else name for name in line["columns"]]
            there = [name in tables.get(table, ()) for name in names]
            line["columns"] = list(compress(names, there))
        elif table in tables:
            line = list(compress(line, there))
        if table == "tallies" and isinstance(line, list) and line[1] == score_histogram.VERSION:
            versions.append([line[0], line[3]])
        elif table in tables:
            written.append(line)
    written += [{"table": "versions", "columns": ["board", "version"], "bytes": []}, *versions]
    written.append({"rows": sum(isinstance(line, list) for line in written)})
    return b"".join(json.dumps(line).encode() + b"\n" for line in written)


def without(lines, number):
    return lines[:number] + lines[number + 1 :]


def replaced(number, old, new):
    """What replaces something in the line of that number, counted from 1."""

    def change(lines):
        assert old in lines[number - 1]
        return [*lines[: number - 1], lines[number - 1].replace(old, new, 1), *lines[number:]]

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: lines[:-1], "the end is missing"),
        (lambda lines: lines[: len(lines) // 2], "the end is missing"),
        (lambda lines: without(lines, 3), "rows, and there are"),
        (lambda lines: without(lines, 2), "rows, and there are"),
        (lambda lines: lines[1:], "line 1 is not how an export begins"),
        (lambda lines: [], "line 1 is not how an export begins"),
        (lambda lines: without(lines, 1), "line 2 is a row of no table"),
        (lambda lines: [*lines[:5], b"[1\n", *lines[5:]], "line 6 is no JSON"),
        (lambda lines: [*lines[:2], lines[2], *lines[2:]], "line 4 does not fit into users"),
        (lambda lines: [*lines[:2], b"[1,2]\n", *lines[2:]], "line 3 is a row of 2 values"),
        (lambda lines: [*lines, b"[1,2]\n"], "comes after the end"),
        (lambda lines: [*lines[:-1], lines[1], lines[-1]], "has the table users once more"),
        (lambda lines: [*lines[:-1], b'{"table":"orders","columns":["id"]}\n', lines[-1]], "nor a table of Snakepit's"),
        (replaced(2, b'"name"', b'"name, id"'), "line 2 has not the columns of users"),
        (replaced(2, b'"name",', b""), "line 2 has not the columns of users"),
        (replaced(2, b'"users"', b'"schema_migration"'), "nor a table of Snakepit's"),
        (replaced(2, b'"users"', b"[1]"), "nor a table of Snakepit's"),
        (replaced(3, b'"Ada"', b'"Ad\xff"'), "line 3 is no JSON"),
        (replaced(3, b'"Ada"', b'"Ad\\ud800"'), "line 3 is no JSON"),
        (replaced(3, b'"Ada"', b'"Ad\\u0000"'), "line 3 is no row of users: name has a NUL"),
        (replaced(3, b'"Ada"', b"17"), "line 3 is no row of users: name must be a text"),
        (replaced(3, b'"Ada"', b"null"), "line 3 is no row of users: name is null"),
        (replaced(3, b"[1,", b"[NaN,"), "line 3 is no JSON"),
        (replaced(3, b"[1,", b"[1.0,"), "id must be a whole number"),
        (replaced(3, b"[1,", b"[true,"), "id must be a whole number"),
        (replaced(3, b"[1,", b"[2147483648,"), "id must be from"),
        (replaced(3, b"false", b"0"), "bot must be true or false"),
        (lambda lines: [line.replace(b'"walls",1,', b'"walls",1,1e999,', 1) for line in lines], "is no JSON"),
        (lambda lines: [line.replace(b'"walls",1,', b'"flying",1,', 1) for line in lines], "mode must be one of"),
        (lambda lines: [line.replace(b'",null,null]', b'!",null,null]') for line in lines], "turns must be base64"),
        (replaced(1, b'":1', b'":2'), "of format 2"),
        (replaced(1, LATEST.encode(), b"9999_wings"), "9999_wings"),
        (replaced(1, LATEST.encode(), b"0000_before"), "0000_before"),
        (lambda lines: [b"\xef\xbb\xbf" + lines[0], *lines[1:]], "line 1 is no JSON"),
    ],
)
def test_of_a_damaged_export_nothing_is_imported(run, exported, elsewhere, tmp_path, change, why):
    changed = b"".join(change(exported.splitlines(keepends=True)))
    assert changed != exported
    (tmp_path / "damaged.jsonl").write_bytes(changed)
    elsewhere()
    said = run("import", "damaged.jsonl", status=1)
    assert why in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.glob("other*")) == []
    run("import", "all.jsonl")


def test_a_line_that_is_too_long_is_not_read(run, exported, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "LONGEST_LINE", 100_000)
    (tmp_path / "long.jsonl").write_bytes(exported.splitlines(keepends=True)[0] + b"[" * 1_000_000)
    elsewhere()
    assert "line 2 has more than" in run("import", "long.jsonl", status=1)


# Checks.


def test_verify_finds_what_the_turns_do_not_give(run, ada, db):
    games = [ada.play(meals)[0]["id"] for meals in (1, 2, 3, 4, 5, 6)]
    assert "6 ranked games were played again" in run("verify")
    wrong = {"score": 990, "tick": 7, "outcome": rules.STARVED, "rules": 2}
    for game, (field, value) in zip(games, wrong.items(), strict=False):
        Game.update({field: value}).where(Game.id == game).execute()
    Game.update(turns=b"\0" * 6).where(Game.id == games[4]).execute()
    longer = Game.get(id=games[5])
    Game.update(turns=longer.turns + encode_turns([(longer.tick + 1, "U")])).where(Game.id == longer.id).execute()
    said = run("verify", status=1)
    assert [game in said for game in games] == [True] * 6
    assert "6 of them differ" in said
    assert "rules 2" in said


def test_verify_plays_games_that_were_left(run, ada, db, monkeypatch):
    monkeypatch.setattr(maintenance, "BATCH", 2)
    for tick in (0, 3, 5):
        game = ada.open()
        ada.post(game, 0, tick, [[2, "R"]] if tick else [])
        ada(f"DELETE /api/games/{game['id']}", status=204)
    assert "3 ranked games" in run("verify")
    Game.update(outcome=rules.WALL).where(Game.tick == 3).execute()
    assert "1 of them differ" in run("verify", status=1)


def test_rebuild_checks_boards_and_derives_them_anew(run, api, ada, bob, db):
    ada.play(2)
    bob.play(3)
    board = api("GET /api/leaderboard")
    run("rebuild", "--check")
    Entry.update(score=500).where(Entry.board == "walls/all", Entry.user == 1).execute()
    assert "walls/all" in run("rebuild", "--check", status=1)
    run("rebuild")
    run("rebuild", "--check")
    assert api("GET /api/leaderboard") == board


def test_stats_count(run, api, ada, bob, db):
    ada.play(2)
    bob.open()
    api.guest()
    api.sign_up("Robo", bot=True)
    said = run("stats")
    assert "players   3 (1 bots, 0 banned), guests 1" in said
    assert "sessions  4 live" in said
    assert "games     1 over (1 wall), 1 ranked, 1 open" in said or "1 self" in said
    assert f"MB, at {LATEST}" in said


# Players.


def test_a_reset_link_works_once(run, api, ada, capsys):
    assert manage.main(["reset-password", "ADA", "--url", "https://pit.example.org/snake/"]) == 0
    link, token = capsys.readouterr().out.strip().rsplit("/", 1)
    assert link == "https://pit.example.org/snake/#/reset"
    api("POST /api/auth/reset", {"token": token, "password": "four unrelated words"})
    api("POST /api/auth/reset", {"token": token, "password": "four unrelated words"}, 403)
    api.log_in("Ada", "four unrelated words")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("::1", "[::1]"),
        ("2001:db8::7", "[2001:db8::7]"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::", "[::1]"),
        ("pit.local", "pit.local"),
    ],
)
def test_a_reset_link_is_an_address_that_can_be_opened(run, ada, monkeypatch, capsys, host, shown):
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", "8123")
    assert manage.main(["reset-password", "Ada"]) == 0
    assert capsys.readouterr().out.startswith(f"http://{shown}:8123/#/reset/")


def test_a_reset_link_begins_with_the_public_url(run, ada, monkeypatch, capsys):
    monkeypatch.setenv("PUBLIC_URL", "https://pit.example.org/snake/")
    assert manage.main(["reset-password", "Ada"]) == 0
    link, hint = capsys.readouterr()
    assert link.startswith("https://pit.example.org/snake/#/reset/")
    assert "PUBLIC_URL" not in hint


def test_a_player_is_renamed(run, api, ada, bob):
    ada.play(1)
    assert names(api) == ["Ada"]
    assert "Ada is now Admin" in run("rename", "ada", "Admin")  # which only whoever runs the server may give
    assert names(api) == ["Admin"]
    assert "taken" in run("rename", "Admin", "BOB", status=1)
    assert "3 to 20" in run("rename", "Admin", "x", status=1)


def test_a_ban_is_seen_at_once_and_lifted_again(run, api, ada, bob):
    ada.play(2)
    bob.play(1)
    assert names(api) == ["Ada", "Bob"]
    run("ban", "ADA")
    assert names(api) == ["Bob"]
    run("unban", "ADA")
    assert names(api) == ["Ada", "Bob"]


def test_names_and_ids_that_begin_with_a_dash_are_no_options(run, api, db):
    player = api.sign_up("--x-")
    game = player.play(2)[0]["id"]
    Game.update(id="-y" + game[2:]).where(Game.id == game).execute()
    Entry.update(game_id="-y" + game[2:]).execute()
    run("ban", "--X-")
    run("unban", "--x-")
    assert "#/reset/" in run("reset-password", "--x-", "--url", "https://pit.example.org")
    run("rename", "--x-", "-z-")
    assert names(api) == ["-z-"]
    run("delete-score", "--yes", "-y" + game[2:])
    assert names(api) == []


@pytest.mark.parametrize("command", [["reset-password"], ["ban"], ["unban"], ["rename", "Carl"]])
def test_nobody_there_and_guests_are_said_to_be(run, api, command):
    name, *rest = command
    assert "no player 'Nobody'" in run(name, "Nobody", *rest, status=1)
    guest = api.guest().user["username"]
    if "ban" not in name:
        assert "is a guest" in run(name, guest, *rest, status=1)


def test_a_score_is_withdrawn_and_the_next_best_stands_instead(run, api, ada, bob, db):
    ada.play(2)
    best = ada.play(4)[0]["id"]
    bob.play(3)
    assert names(api) == ["Ada", "Bob"]
    assert "--yes" in run("delete-score", best, status=1)
    assert names(api) == ["Ada", "Bob"]
    run("delete-score", f"https://pit.example.org/#/games/{best}?tick=3", "--yes")
    assert names(api) == ["Bob", "Ada"]
    assert api(f"GET /api/games/{best}")["ranked"] is False
    assert "not ranked" in run("delete-score", best, "--yes", status=1)
    assert "no game" in run("delete-score", "nothing", "--yes", status=1)
    assert "being played" in run("delete-score", bob.open()["id"], "--yes", status=1)


def test_a_score_that_was_stated_is_withdrawn_by_its_entry(run, make_app, tmp_path):
    api = drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db", score_policy="open"))
    entry = api.sign_up("Ada")("POST /api/leaderboard", {"score": 700, "mode": "walls"}, 201)
    run("delete-score", entry["id"], "--yes")
    assert names(api) == []


# Deleting what is old.


def test_prune_deletes_old_games_that_are_on_no_board(run, api, ada, bob, db):
    best, worse, best_of_its_day = ada.play(4)[0]["id"], ada.play(1)[0]["id"], bob.play(1)[0]["id"]
    bob.play(5)
    ada.play(2)
    young = ada.play(1)[0]["id"]
    for game in (best, worse, best_of_its_day):
        age(game, 40)
    Game.update(ended_at=Game.get(id=best).ended_at).where(Game.id == worse).execute()
    run("rebuild")
    board = api("GET /api/leaderboard")
    assert run("prune", "--days", "30", "--dry-run").startswith("1 games that are on no leaderboard, and 0 guests")
    assert "--yes" in run("prune", "--days", "30", status=1)
    assert Game.select().count() == 6
    assert "Deleted 1 games and 0 guests" in run("prune", "--days", "30", "--yes")
    assert [game for game in (best, worse, best_of_its_day, young) if not Game.get_or_none(id=game)] == [worse]
    assert api("GET /api/leaderboard") == board
    run("rebuild", "--check")


def test_prune_keeps_games_that_others_play_again(run, ada, bob, db):
    ada.play(4)
    base = ada.play(1)[0]["id"]
    bob.play(1, challenge=base)
    Game.update({field: field - 40 * DAY for field in (Game.started_at, Game.seen_at, Game.ended_at)}).execute()
    run("rebuild")
    assert run("prune", "--days", "30", "--yes").startswith("0 games")
    Game.delete().where(Game.challenge == base).execute()
    run("rebuild")
    assert "Deleted 1 games" in run("prune", "--days", "30", "--yes")


def test_prune_keeps_the_games_of_banned_players_whose_ban_may_be_lifted(run, api, ada, db):
    game = ada.play(2)[0]["id"]
    ada.play(3)
    age(game, 40)
    run("rebuild")
    run("ban", "Ada")
    run("prune", "--days", "30", "--yes")
    run("unban", "Ada")
    assert len(api("GET /api/leaderboard?period=all")) == 1
    assert Game.select().count() == 2


def test_prune_deletes_guests_who_have_not_come_for_long(run, api, ada, db):
    gone, back, young, challenged = (api.guest() for _ in range(4))
    for guest in (gone, back, challenged):
        guest.play(1)
    base = Game.get(user=challenged.user["id"]).id
    ada.play(1, challenge=base)
    old = [guest.user["id"] for guest in (gone, back, challenged)]
    User.update(created_at=User.created_at - 40 * DAY).where(User.id << [*old, ada.user["id"]]).execute()
    Game.update({field: field - 40 * DAY for field in (Game.seen_at, Game.ended_at)}).where(Game.user << old).execute()
    Session.update(expires_at=Session.expires_at - 40 * DAY).where(Session.user << old).execute()
    Session.update(expires_at=Session.expires_at + 20 * DAY).where(Session.user == back.user["id"]).execute()
    assert "0 games that are on no leaderboard, and 1 guests" in run("prune", "--days", "30", "--dry-run")
    assert "Deleted 0 games and 1 guests" in run("prune", "--days", "30", "--yes")
    assert {user.name for user in User.select()} == {who.user["username"] for who in (back, young, challenged, ada)}
    assert Game.select().where(Game.user == gone.user["id"]).count() == 0


def test_prune_goes_on_where_a_part_ends(run, ada, db, monkeypatch):
    monkeypatch.setattr(maintenance, "BATCH", 2)
    ada.play(3)
    for _ in range(5):
        ada.play(1)
    Game.update({field: field - 40 * DAY for field in (Game.started_at, Game.seen_at, Game.ended_at)}).execute()
    run("rebuild")
    assert "Deleted 5 games" in run("prune", "--days", "30", "--yes")


def test_prune_says_what_vacuum_would_free_and_vacuum_does_it(run, api, ada, db, tmp_path):
    ada.play(3)
    for _ in range(30):
        game = ada.play(1)[0]["id"]
        Game.update(turns=b"\0" * 30_000).where(Game.id == game).execute()
    Game.update({field: field - 40 * DAY for field in (Game.started_at, Game.seen_at, Game.ended_at)}).execute()
    run("rebuild")
    assert "vacuum" not in run("prune", "--days", "30", "--dry-run")
    assert "0.9 MB of the file are free: vacuum returns them" in run("prune", "--days", "30", "--yes")
    before = (tmp_path / "snake.db").stat().st_size
    said = run("vacuum")  # while the server runs
    assert "before, it took" in said
    assert (tmp_path / "snake.db").stat().st_size < before - 800_000
    assert "vacuum" not in run("prune", "--days", "30", "--dry-run")
    ada.play(2)
    run("rebuild", "--check")


# The command line.


@pytest.mark.parametrize("arguments", [[], ["fly"], ["prune"], ["prune", "--days", "0"], ["backup"], ["rename", "Ada"]])
def test_what_is_no_command_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        manage.main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite:///nowhere.db", "there is no nowhere.db"),
        ("sqlite:///:memory:", "a database in memory"),
        ("sqlite:///text", "can't be read"),
        ("sqlite:///empty.db", "no tables"),
        ("sqlite:///old.db", "start the server once"),
        ("postgresql://nobody@127.0.0.1:1/nothing", "Connection refused"),
    ],
)
def test_a_database_that_is_not_the_servers_is_said_to_be_in_one_line(run, ada, monkeypatch, tmp_path, url, why):
    (tmp_path / "text").write_text("no database at all" * 1000)
    (tmp_path / "empty.db").touch()
    with closing(peewee.SqliteDatabase("old.db")) as old:
        ownership.History(old).up(ownership.names()[-2])
    monkeypatch.setenv("DATABASE_URL", url)
    for command in (["stats"], ["ban", "Ada"], ["verify"]):
        said = run(*command, status=1)
        assert why in said
        assert said.count("\n") == 1


def test_a_database_of_a_newer_version_is_left_alone(run, ada, monkeypatch, tmp_path):
    run("backup", "newer.db")
    with closing(sqlite3.connect("newer.db")) as connection, connection:
        connection.execute("INSERT INTO snakepit_migration (name, applied) VALUES ('9999_wings', '2030-01-01')")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///newer.db")
    for command in (["stats"], ["ban", "Ada"], ["verify"]):
        assert "9999_wings" in run(*command, status=2)


def test_whoever_is_asked_may_say_no(run, ada, api, monkeypatch):
    game = ada.play(2)[0]["id"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert "nothing was done" in run("delete-score", game, status=1)
    assert names(api) == ["Ada"]
    monkeypatch.setattr("builtins.input", lambda question: "y")
    run("delete-score", game)
    assert names(api) == []
