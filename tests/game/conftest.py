"""Fixtures of tests of the game."""

import pytest
from room_host import Host
from room_of import create

from game import standings


@pytest.fixture
def room(ada):
    """A room whose host is Ada."""
    return create(ada)


@pytest.fixture
def host(ada, db):
    """A room of Ada's with rounds."""
    return Host(ada)


@pytest.fixture
def fresh_standings(monkeypatch):
    """Standings are computed each time they are asked for."""
    monkeypatch.setattr(standings, "LIFETIME_MS", 0)
