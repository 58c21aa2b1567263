"""Automatic removal on both databases."""

import pytest
from driver import drive

import service
from database.binding import bind
from game import closed_leaderboards, leaderboards, score_histogram
from models import ClosedBoard, Entry, Game, Session, User
from operations import maintenance

LONG_AGO = 400  # days


@pytest.fixture
def app(database_url):
    app = service.create_app(database_url=database_url, enforce_pace=False, bcrypt_rounds=4, keep_games_days=30)
    yield app
    app.close()


def test_what_is_of_no_use_any_more_is_removed(app, monkeypatch):
    for name, few in (("LOOKED_AT", 2), ("BATCH", 2)):
        monkeypatch.setattr(maintenance, name, few)
    monkeypatch.setattr(closed_leaderboards, "CLOSE_BATCH", 1)
    monkeypatch.setattr(closed_leaderboards, "CLOSED_SIZE", 1)
    api = drive(app)
    players = [api.sign_up(name) for name in ("Ada", "Bob", "Carl")]
    for player, meals in zip(players, (3, 2, 1), strict=True):
        player.play(meals)
    players[0].play(1)
    guest = api.guest()
    for _ in range(5):
        guest.play(1)
    with app.database.own_connection() as db, bind(db):
        moved = {field: field - LONG_AGO * maintenance.DAY for field in (Game.started_at, Game.last_post_at, Game.ended_at)}
        Game.update(moved).execute()
        User.update(created_at=User.created_at - LONG_AGO * maintenance.DAY).execute()
        Session.update(expires_at=1).where(Session.user == guest.user["id"]).execute()
        leaderboards.rebuild_all()
        app.background.run_all()
        assert app.removal.removed["sessions"] == 1
        assert {user.name for user in User.select()} == {"Ada", "Bob", "Carl"}
        assert Game.select().count() == 3
        [closed] = [row.board for row in ClosedBoard.select()]
        assert Entry.select().where(Entry.board == closed).count() == 1
        assert score_histogram.size([closed]) == 3
        assert list(leaderboards.check()) == []
        leaderboards.rebuild_all()
        assert list(leaderboards.check()) == []
        assert score_histogram.size([closed]) == 3
        maintenance.vacuum(app.database.database)
        assert maintenance.reusable() >= 0
        for _ in range(2):  # and then there is nothing to do
            app.background.run_all()
        assert Game.select().count() == 3
