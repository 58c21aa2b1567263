"""Errors of manage.py: each is one line with the file and the remedy, and nothing is left behind."""

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing

import psycopg
import pytest
from servers import ROOT, TIMEOUT

BIG = 400_000  # bytes: more than a pipe holds, and than the small disks below have


@pytest.fixture
def url(make_server, tmp_path):
    """Of a SQLite database with a few rows, one of them big."""
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    server.api.sign_up("Ada").play(2)
    server.stop()
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection, connection:
        connection.execute("INSERT INTO secrets VALUES ('big', ?)", ["x" * BIG])
    return server.settings["DATABASE_URL"]


def environment(url, **more):
    return {"PATH": os.environ["PATH"], "DATABASE_URL": url, **more}


def run(folder, url, command, wrapper=(), **more):
    """Run a shell's line in which `manage` is manage.py, and return (status, what it said)."""
    line = command.replace("manage", shlex.join([sys.executable, str(ROOT / "manage.py")]))
    done = subprocess.run(
        [*wrapper, "bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=environment(url, **more),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "file"),
    [("manage backup disk/copy.db", "disk/copy.db"), ("manage export disk/all.jsonl", "disk/all.jsonl")],
)
def test_a_full_disk_is_reported_and_nothing_is_left_on_it(url, disk, tmp_path, command, file):
    _, said = run(tmp_path, url, f"{command}; echo $?; ls -A disk", disk.wrapper(disk.tmpfs("64k")))
    line, rest = sorted(said.splitlines(), reverse=True)
    assert rest == "1"
    assert line.startswith(f"manage.py: {file}: ")
    assert "free some space" in line


def test_an_import_and_a_restore_on_a_full_disk_leave_nothing(url, disk, tmp_path):
    run(tmp_path, url, "manage export all.jsonl && manage backup copy.db")
    for command in ("manage import all.jsonl", "manage restore copy.db --yes"):
        _, said = run(tmp_path, disk.url, f"{command}; echo $?; ls -A disk", disk.wrapper(disk.tmpfs("256k")))
        line, rest = sorted(said.splitlines(), reverse=True)
        assert rest == "1"
        assert "disk/snake.db: its disk is full; free some space" in line


def test_what_is_read_only_is_named(url, disk, tmp_path):
    run(tmp_path, url, "manage backup disk/snake.db && manage export all.jsonl")
    wrapper = disk.wrapper(disk.read_only(disk.path))
    for command, file in (
        ("manage backup disk/copy.db", "disk/copy.db: Read-only file system; give a file on a disk"),
        ("manage export disk/all.jsonl", "disk/all.jsonl: Read-only file system; give a file on a disk"),
    ):
        status, said = run(tmp_path, url, command, wrapper)
        assert (status, said.count("\n")) == (1, 1)
        assert file in said
    status, said = run(tmp_path, disk.url, "manage ban Ada", wrapper)
    assert (status, said.count("\n")) == (1, 1)
    assert "snake.db: it can't be " in said


def test_vacuum_begins_only_where_there_is_room(url, disk, tmp_path):
    run(tmp_path, url, "manage backup copy.db")
    fill = "cp copy.db disk/snake.db && manage vacuum"
    status, said = run(tmp_path, disk.url, fill, disk.wrapper(disk.tmpfs("1m")))
    assert (status, said.count("\n")) == (1, 1)
    assert "snake.db: the disk of " in said
    assert "free some space" in said


def test_a_reader_that_stops_ends_an_export(url, tmp_path):
    status, said = run(tmp_path, url, "manage export | head -c 10")
    assert status == 1
    assert said.endswith("manage.py: whatever reads the output has stopped; not all of it was written\n")
    status, said = run(tmp_path, url, "manage stats > /dev/full")
    assert (status, said.count("\n")) == (1, 1)
    assert "No space left on device; free some space" in said
    assert run(tmp_path, url, "manage export >&-")[0] == 1


def test_a_stop_removes_what_was_begun(url, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    os.mkfifo(tmp_path / "pipe")  # nobody reads it: the command waits
    exported = run(tmp_path, url, "manage export")[1].encode()
    other = f"sqlite:///{tmp_path}/other.db"
    for database_url, arguments, begun in (
        (url, ["backup", "pipe"], lambda: list(temporary.iterdir())),
        (other, ["import"], lambda: (tmp_path / "other.db").exists()),
    ):
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", *arguments],
            cwd=tmp_path,
            env=environment(database_url, TMPDIR=str(temporary)),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if arguments == ["import"]:
            process.stdin.write(exported[: len(exported) // 2])
            process.stdin.flush()
        until = time.monotonic() + TIMEOUT
        while not begun():
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=TIMEOUT)[1].decode()
        assert (process.returncode, said.count("\n")) == (1, 1), said
        assert said.startswith("manage.py: stopped")
        assert list(temporary.iterdir()) == []
        assert list(tmp_path.glob("other.db*")) == []


def test_a_locked_database_is_reported(url, tmp_path):
    with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        status, said = run(tmp_path, url, "manage ban Ada")
    assert (status, said.count("\n")) == (1, 1)
    assert "snake.db: another program has locked it; try again" in said


def test_errors_of_postgres_are_reported_in_one_line(postgres_url, tmp_path):
    role = f"role_{uuid.uuid4().hex[:8]}"
    before, _, query = postgres_url.partition("?")
    base, _, name = before.rpartition("/")
    as_role = f"{base.partition('://')[0]}://{role}@/{name}?{query}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        if admin.info.host and not admin.info.host.startswith("/"):
            pytest.skip("Roles without a password can't log in to this Postgres.")
        admin.execute(f"CREATE ROLE {role} LOGIN")
        (tmp_path / "empty.jsonl").write_text('{"snakepit":1,"migration":"0001_first"}\n')
        try:
            for url, command, why in (
                (f"{base}/nowhere?{query}", "manage stats", "create it, or name another"),
                (f"{base}/{name}?{query}", "manage stats", "has no tables of Snakepit's yet"),
                (as_role, "manage import empty.jsonl", "grant its user all on the database's schema"),
                (as_role.replace(role, "nobody"), "manage stats", "correct the user and the password"),
            ):
                status, said = run(tmp_path, url, command)
                assert (status, said.count("\n")) == (1, 1), said
                assert why in said
        finally:
            admin.execute(f"DROP ROLE {role}")
