"""Errors of manage.py's command line, and of the database that it is pointed at."""

import sqlite3
from contextlib import closing

import pytest

import manage
from database import migrations
from database.binding import bind
from database.connect import connect


@pytest.mark.parametrize("arguments", [[], ["fly"], ["prune"], ["prune", "--days", "0"], ["backup"], ["rename", "Ada"]])
def test_an_unknown_command_is_status_2(arguments, capsys):
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
def test_a_database_that_is_not_the_servers_is_reported_in_one_line(run, ada, monkeypatch, tmp_path, url, why):
    (tmp_path / "text").write_text("no database at all" * 1000)
    (tmp_path / "empty.db").touch()
    with closing(connect("sqlite:///old.db")) as old, bind(old):
        migrations.Runner().up(migrations.names()[-2])
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
    for command in (["stats"], ["ban", "Ada"], ["verify"], ["migrate"]):
        assert "9999_wings" in run(*command, status=2)


def test_a_newer_database_that_allows_it_is_worked_with_but_not_exported(run, ada, monkeypatch):
    run("backup", "newer.db")
    with closing(sqlite3.connect("newer.db")) as connection, connection:
        row = "9999_wings", "2030-01-01", migrations.names()[-1]
        connection.execute("INSERT INTO snakepit_migration (name, applied, compatible_with) VALUES (?, ?, ?)", row)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///newer.db")
    assert "at 9999_wings" in run("stats")
    run("ban", "Ada")
    assert "nothing to migrate" in run("migrate")
    assert "9999_wings" in run("export", "all.jsonl", status=2)


def test_migrate_tells_what_it_would_do_and_does_it(run, ada, monkeypatch):
    with closing(connect("sqlite:///old.db")) as old, bind(old):
        migrations.Runner().up("0013_confusable_names")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///old.db")
    said = run("migrate", "--check", status=1)
    assert said.startswith("To be applied: 0014_rooms, ")
    assert "Stop all servers first" in said
    assert "start the server once" in run("stats", status=1)
    assert migrations.names()[-1] in run("migrate")
    assert "nothing to migrate" in run("migrate", "--check")
    run("stats")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///nowhere.db")
    assert "there is no nowhere.db" in run("migrate", status=1)
