"""verify.py and the servers that it is run on."""

import pytest
from driver import drive
from lying_server import served

import service
import verify


@pytest.fixture
def server(app):
    with served(app) as honest:
        yield honest


@pytest.fixture(scope="module")
def filled():
    """A server with a game of Ada's, of 30 points, and one of Bob's, of 10; it is only read."""
    app = service.create_app(database_url="sqlite:///:memory:", enforce_pace=False, bcrypt_rounds=4)
    for name, meals in (("Ada", 3), ("Bob", 1)):
        drive(app).sign_up(name).play(meals)
    with served(app) as honest:
        yield honest
    app.close()


@pytest.fixture
def liar(filled):
    yield filled
    filled.lie = filled.instead = filled.raw = None
    filled.asked.clear()


@pytest.fixture
def proves(capsys):
    """Runs it on a server, which must end with that status; what it said."""

    def run(server, *options, status=0, pace="--ignore-pace"):
        assert verify.main([server.url, *filter(None, [pace]), *options]) == status
        said = capsys.readouterr()
        return said.out + said.err

    return run
