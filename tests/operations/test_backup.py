"""manage.py backup and restore, beside a running server."""

import os
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from driver import drive, names

from models import Secret
from operations import backup, commands


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
        Secret.insert(name=f"meanwhile {done}", value="x" * 5000).execute()

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
    def fail(*args):
        raise sqlite3.OperationalError("database or disk is full")

    (tmp_path / "copy.db").write_text("dear")
    monkeypatch.setattr(commands.Progress, "__call__", fail)
    assert "disk is full" in run("backup", "copy.db", "--yes", status=1)
    assert (tmp_path / "copy.db").read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == ["copy.db"]


def test_a_backup_into_a_missing_folder_is_an_error(run):
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


def test_on_postgres_the_commands_are_printed_without_the_password(run, monkeypatch):
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
