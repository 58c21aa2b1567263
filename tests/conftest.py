"""Each test has a fresh server on a fresh SQLite in memory, driven through WebTest."""

import dataclasses

import pytest
from driver import drive

import config
import service
from database.binding import bind


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    """The settings are those that a test gives, not those of the shell or of a `.env` that runs it."""
    for setting in dataclasses.fields(config.Settings):
        monkeypatch.delenv(setting.name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make_app():
    """Makes a server; arguments as for service.create_app."""
    apps = []

    def make(**settings):
        quick = {"database_url": "sqlite:///:memory:", "enforce_pace": False, "bcrypt_rounds": 4}
        apps.append(service.create_app(**quick | settings))
        return apps[-1]

    yield make
    for app in apps:
        app.close()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def api(app):
    return drive(app)


@pytest.fixture
def ada(api):
    return api.sign_up("Ada")


@pytest.fixture
def bob(api):
    return api.sign_up("Bob")


@pytest.fixture
def db(app):
    """The app's database, for looking at rows, and for moving them in time."""
    with app.database.own_connection() as database, bind(database):
        yield database
