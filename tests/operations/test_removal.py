"""Automatic removal in small steps, and the leaderboards that are closed for it."""

from datetime import timedelta

import pytest
from days import today
from driver import drive
from stored_rooms import add_round

from accounts import accounts
from database.binding import bind
from game import closed_leaderboards, leaderboard_pages, leaderboards, score_histogram
from models import ClosedBoard, Entry, Game, Room, Session, User
from operations import maintenance

DAY = maintenance.DAY


@pytest.fixture
def app(make_app):
    return make_app(keep_games_days=30, session_days=30)


def remove(app):
    """Run the background tasks until they have nothing more to do."""
    app.background.run_all()


def move(days, **games):
    """The games have been played so many days earlier."""
    condition = Game.id == games["id"] if "id" in games else True
    fields = (Game.started_at, Game.last_post_at, Game.ended_at)
    Game.update({field: field - days * DAY for field in fields}).where(condition).execute()


def ids(model=Game):
    return {row.id for row in model.select(model.id)}


def test_sessions_that_have_run_out_are_removed(app, api, ada, db):
    api.log_in("Ada")
    first = Session.select().order_by(Session.token_hash).first()
    Session.update(expires_at=1).where(Session.token_hash == first.token_hash).execute()
    remove(app)
    assert Session.select().count() == 1
    assert app.removal.removed["sessions"] == 1


def test_guests_inactive_for_90_days_are_removed_with_their_games(app, api, ada, db, monkeypatch):
    monkeypatch.setattr(maintenance, "BATCH", 2)
    gone, young, back, challenged = (api.guest() for _ in range(4))
    for guest in (gone, back, challenged):
        for _ in range(5):
            guest.play(1)
    ada.play(1, challenge=Game.get(user=challenged.user["id"]).id)
    old = [guest.user["id"] for guest in (gone, back, challenged)]
    User.update(created_at=User.created_at - 100 * DAY).where(User.id << [*old, ada.user["id"]]).execute()
    Game.update({field: field - 100 * DAY for field in (Game.last_post_at, Game.ended_at)}).where(Game.user << old).execute()
    Session.update(expires_at=Session.expires_at - 20 * DAY).where(Session.user << old).execute()
    Session.update(expires_at=Session.expires_at - 80 * DAY).where(Session.user != back.user["id"]).execute()
    remove(app)
    assert {user.name for user in User.select()} == {who.user["username"] for who in (young, back, challenged, ada)}
    assert Game.select().where(Game.user == gone.user["id"]).count() == 0


def test_games_on_no_leaderboard_are_removed_after_so_many_days(app, ada, bob, db):
    best, worse, base, young = (ada.play(meals)[0]["id"] for meals in (4, 1, 2, 1))
    bob.play(1, challenge=base)
    kept = ids() - {worse}
    for game in (best, worse, base):
        move(31, id=game)
    leaderboards.rebuild_all()
    before = {board: leaderboard_pages.entries_after([board], 100) for board in leaderboards.all_boards()}
    remove(app)
    assert ids() == kept | {young}
    assert {board: leaderboard_pages.entries_after([board], 100) for board in leaderboards.all_boards()} == before
    assert list(leaderboards.check()) == []


def test_games_are_removed_only_with_the_setting(make_app):
    app = make_app()
    ada = drive(app).sign_up("Ada")
    with bind(app.database):
        for meals in (3, 1):
            move(5000, id=ada.play(meals)[0]["id"])
        remove(app)
        assert len(ids()) == 2


def test_games_of_the_banned_are_kept(app, ada, db):
    for meals in (3, 1):
        ada.play(meals)
    move(40)
    leaderboards.rebuild_all()
    accounts.ban(User.get(name="Ada").id)
    remove(app)
    assert len(ids()) == 2


def test_games_and_guests_of_a_room_are_kept_as_long_as_it_is_there(app, api, ada, db):
    guest = api.guest()
    ada.play(3)
    games = [player.play(1)[0]["id"] for player in (ada, guest)]
    for game, code in zip(games, ("B7K2XM", "B7K2XN"), strict=True):
        add_round(game, code)
    move(100)
    User.update(created_at=User.created_at - 100 * DAY).execute()
    Session.update(expires_at=1).execute()
    leaderboards.rebuild_all()
    remove(app)
    assert ids() >= set(games)
    assert User.select().where(User.id == guest.user["id"]).exists()
    Room.delete().execute()
    remove(app)
    assert not ids() & set(games)


# Closed leaderboards.

LONG_AGO = 400  # days


def then():
    return today() - timedelta(days=LONG_AGO)


def of_day():
    return f"mode=walls&period=day&at={then()}"


@pytest.fixture
def closed(api, db, app, monkeypatch):
    """Five players with 50 to 10 points on a day long ago, of which two entries are stored; the players, best first."""
    monkeypatch.setattr(closed_leaderboards, "CLOSED_SIZE", 2)
    players = [api.sign_up(name) for name in ("Ada", "Bob", "Carl", "Dora", "Emil")]
    for player, meals in zip(players, (5, 4, 3, 2, 1), strict=True):
        player.play(meals)
    move(LONG_AGO)
    leaderboards.rebuild_all()
    remove(app)
    return players


def entries(api, query=None):
    return [(entry["username"], entry["rank"]) for entry in api(f"GET /api/leaderboard?{query or of_day()}")]


def test_of_a_day_long_ago_only_the_best_entries_are_kept_and_ranks_stay(closed, api, app):
    assert entries(api) == [("Ada", 1), ("Bob", 2)]
    assert [name for name, _ in entries(api, "mode=walls")] == ["Ada", "Bob", "Carl", "Dora", "Emil"]
    assert app.removal.removed["entries"] == 3
    standing = closed[1](f"GET /api/leaderboard/me?{of_day()}")
    assert (standing["rank"], standing["of"]) == (2, 5)
    assert closed[4](f"GET /api/leaderboard/me?{of_day()}")["rank"] is None
    assert score_histogram.rank([f"walls/{then()}"], 10) == 5
    months = f"mode=walls&period=month&at={then()}"
    assert len(entries(api, months)) == 5


def test_daily_challenges_long_ago_are_closed_too(api, db, app, monkeypatch):
    monkeypatch.setattr(closed_leaderboards, "CLOSED_SIZE", 1)
    for name in ("Ada", "Bob"):
        api.sign_up(name).play(1, challenge="daily")
    young = api.sign_up("Carl").play(1)[0]["id"]
    Game.update(challenge=f"daily/{then()}").where(Game.id != young).execute()
    leaderboards.rebuild_all()
    remove(app)
    assert [closed.board for closed in ClosedBoard.select()] == [f"walls/daily/{then()}"]
    assert Entry.select().where(Entry.board == f"walls/daily/{then()}").count() == 1


def test_a_day_less_than_a_year_ago_stays_open(api, db, app, monkeypatch):
    monkeypatch.setattr(closed_leaderboards, "CLOSED_SIZE", 1)
    for name in ("Ada", "Bob"):
        api.sign_up(name).play(1)
    move(360)
    leaderboards.rebuild_all()
    remove(app)
    assert ClosedBoard.select().count() == 0
    assert Entry.select().count() == 8


def test_rebuild_and_check_skip_closed_leaderboards(closed, api):
    assert list(leaderboards.check()) == []
    leaderboards.rebuild_all()
    assert list(leaderboards.check()) == []
    assert entries(api) == [("Ada", 1), ("Bob", 2)]
    assert score_histogram.size([f"walls/{then()}"]) == 5


def test_a_ban_hides_the_entry_on_a_closed_leaderboard_until_it_is_lifted(closed, api):
    ada, carl = (User.get(name=name) for name in ("Ada", "Carl"))
    for user in (ada, carl):
        accounts.ban(user.id)
    assert entries(api) == [("Bob", 1)]
    leaderboards.rebuild_all()
    assert list(leaderboards.check()) == []
    for user in (ada, carl):
        accounts.unban(user.name)
    assert entries(api) == [("Ada", 1), ("Bob", 2)]
    assert score_histogram.size([f"walls/{then()}"]) == 5
    assert list(leaderboards.check()) == []


def test_a_withdrawn_game_and_a_deleted_player_are_on_no_closed_leaderboard(closed, api, db):
    game = maintenance.find_game(Game.get(user=User.get(name="Ada")).id)
    maintenance.unrank(game)
    assert entries(api) == [("Bob", 1)]
    accounts.ban(User.get(name="Bob").id)
    accounts.delete(User.get(name="Bob").id)
    assert entries(api) == []
    assert score_histogram.size([f"walls/{then()}"]) == 3
    assert list(leaderboards.check()) == []


def test_old_games_that_only_a_closed_leaderboard_had_are_removed(closed, api, app, db):
    dora = closed[3]
    dora.play(5)
    leaderboards.rebuild_player(int(dora.user["id"]))
    before = len(ids())
    Game.update(ranked=False).where(Game.user == dora.user["id"], Game.score == 20).execute()
    leaderboards.rebuild_player(int(dora.user["id"]))
    remove(app)
    assert len(ids()) == before - 1
