"""A server on a SQLite file, and manage.py beside it."""

from pathlib import Path

import pytest
from stored_rooms import add_round

import manage
import rules
from accounts import accounts, passwords
from database.binding import bind
from models import User


@pytest.fixture
def app(make_app, tmp_path, monkeypatch):
    """A server on a file, which the settings name to manage.py as well."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/snake.db")
    monkeypatch.setenv("BCRYPT_ROUNDS", "4")
    return make_app(database_url=f"sqlite:///{tmp_path}/snake.db")


@pytest.fixture
def run(app, capsys):
    """Runs a command, which must end with `status`. Returns its standard output, or else its standard error."""

    def run(*arguments, status=0):
        capsys.readouterr()
        assert manage.main(arguments) == status
        said = capsys.readouterr()
        if status:
            assert said.err.startswith("manage.py: ") or said.out
        return said.err if said.err and not said.out else said.out

    return run


@pytest.fixture
def elsewhere(run, monkeypatch, tmp_path):
    """From now on the settings name another database, which isn't there yet."""

    def go(name="other.db"):
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/{name}")
        return name

    return go


@pytest.fixture
def exported(run, api, ada, bob, app):
    """The export of a database with a bit of everything."""
    ada.play(3)
    bob.play(2, rules.PASS_THROUGH)
    api.guest().open()
    bob.play(1, challenge="daily")
    with bind(app.database):
        passwords.create_reset(User.get(name="Ada"))
        accounts.ban(User.get(name="Bob").id)
        add_round(ada.play(1)[0]["id"])
    run("export", "all.jsonl")
    return Path("all.jsonl").read_bytes()
