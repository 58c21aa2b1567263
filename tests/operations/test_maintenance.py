"""manage.py verify, rebuild, stats, prune and vacuum."""

from room_host import Host, eat
from stored_rooms import add_round

import manage
import rules
from database import migrations
from game.codec import append_turns, encode_turns
from models import Entry, Game, Member, Room, Round, Session, User
from operations import maintenance

DAY = maintenance.DAY


def age(game_id, days):
    """The game has ended so many days earlier."""
    moved = {field: field - days * DAY for field in (Game.started_at, Game.last_post_at, Game.ended_at)}
    Game.update(moved).where(Game.id == game_id).execute()


def test_verify_finds_what_the_turns_do_not_give(run, ada, db):
    games = [ada.play(meals)[0]["id"] for meals in (1, 2, 3, 4, 5, 6)]
    assert "6 ranked games were played again" in run("verify")
    wrong = {"score": 990, "tick": 7, "outcome": rules.STARVED, "rules": 2}
    for game, (field, value) in zip(games, wrong.items(), strict=False):
        Game.update({field: value}).where(Game.id == game).execute()
    Game.update(turns=b"\0" * 6).where(Game.id == games[4]).execute()
    longer = Game.get(id=games[5])
    Game.update(turns=append_turns(longer.turns, [(longer.tick + 1, "U")])).where(Game.id == longer.id).execute()
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


def test_rebuild_checks_and_rebuilds_boards(run, api, ada, bob, db):
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
    assert f"MB, at {migrations.names()[-1]}" in said


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
    Game.update({field: field - 40 * DAY for field in (Game.started_at, Game.last_post_at, Game.ended_at)}).execute()
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


def test_prune_deletes_inactive_guests(run, api, ada, db):
    gone, back, young, challenged = (api.guest() for _ in range(4))
    for guest in (gone, back, challenged):
        guest.play(1)
    base = Game.get(user=challenged.user["id"]).id
    ada.play(1, challenge=base)
    old = [guest.user["id"] for guest in (gone, back, challenged)]
    User.update(created_at=User.created_at - 40 * DAY).where(User.id << [*old, ada.user["id"]]).execute()
    Game.update({field: field - 40 * DAY for field in (Game.last_post_at, Game.ended_at)}).where(Game.user << old).execute()
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
    Game.update({field: field - 40 * DAY for field in (Game.started_at, Game.last_post_at, Game.ended_at)}).execute()
    run("rebuild")
    assert "Deleted 5 games" in run("prune", "--days", "30", "--yes")


def test_vacuum_packs_the_turns_of_earlier_versions(run, ada, db, monkeypatch):
    monkeypatch.setattr(maintenance, "BATCH", 2)
    games = [ada.play(meals)[:2] for meals in range(1, 6)]
    played = [(game, turns) for game, turns in games if turns]  # with luck, a first meal lies ahead; then there are none
    for game, turns in played:
        Game.update(turns=append_turns(b"", turns)).where(Game.id == game["id"]).execute()
    opened = ada.open()
    Game.update(turns=b"\0\0\5").where(Game.id == opened["id"]).execute()
    run("vacuum")
    for game, turns in played:
        assert Game.get_by_id(game["id"]).turns == encode_turns(turns)
    assert Game.get_by_id(opened["id"]).turns == b"\0\0\5"  # a server may add to it
    assert "5 ranked games were played again" in run("verify")


def test_prune_prints_what_vacuum_would_free_and_vacuum_frees_it(run, api, ada, db, tmp_path):
    ada.play(3)
    for _ in range(30):
        game = ada.play(1)[0]["id"]
        Game.update(turns=b"\0" * 30_000).where(Game.id == game).execute()
    Game.update({field: field - 40 * DAY for field in (Game.started_at, Game.last_post_at, Game.ended_at)}).execute()
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


def test_rooms_are_listed_and_closed_and_their_games_stay(run, ada, db):
    assert run("rooms") == "no rooms\n"
    room = ada("POST /api/rooms", {"name": "Class 5b"}, 201)
    game = ada.play(1)[0]["id"]
    add_round(game, "B7K2XM")
    said = run("rooms")
    assert f"{room['code']}     1 members    0 rounds  used " in said
    assert "Class 5b" in said
    assert "B7K2XM     1 members    1 rounds" in said
    assert "2 rooms" in said
    assert "rooms     2, members 2, rounds 1" in run("stats")
    run("close-room", "b7k2xm", "--yes")
    assert "1 rooms" in run("rooms")
    assert ada(f"GET /api/games/{game}")["id"] == game
    assert "B7K2XM" in run("close-room", "B7K2XM", "--yes", status=1)


def test_members_who_are_absent_are_not_counted(run, ada, bob, db):
    code = ada("POST /api/rooms", {}, 201)["code"]
    away = bob(f"POST /api/rooms/{code}/members", {})["member"]
    assert f"{code}     2 members" in run("rooms")
    Member.update(seen_at=Member.seen_at - 13 * 3_600_000).where(Member.id == away).execute()
    assert f"{code}     1 members" in run("rooms")
    assert "rooms     1, members 1" in run("stats")


# What operators run while a round is played, but for those that copy the database, which are as secret as it is.
COPIES = {"backup", "restore", "export", "import"}
WHILE_A_ROUND_IS_PLAYED = [
    ("verify",),
    ("rebuild",),
    ("rebuild", "--check"),
    ("stats",),
    ("migrate",),
    ("rooms",),
    ("prune", "--days", "1", "--dry-run"),
    ("prune", "--days", "1", "--yes"),
    ("vacuum",),
    ("delete-score", "ID", "--yes"),
    ("reset-password", "Ada"),
    ("rename", "Bob", "Bobby"),
    ("ban", "Bobby"),
    ("unban", "Bobby"),
    ("close-room", "CODE", "--yes"),
]


def test_no_command_prints_what_a_round_is_played_on(run, ada, bob, db):
    host, seed = Host(ada), 3141592653
    host.join(bob)
    host.start()
    Round.update(seed=seed).execute()
    game = host.play(bob)
    assert eat(bob, game, 2)["score"] == 20
    Game.update(tick=Game.tick - 1).execute()  # so that verify has something to print
    [choices] = [action.choices for action in manage.command_line()._actions if action.choices]
    assert {arguments[0] for arguments in WHILE_A_ROUND_IS_PLAYED} == choices.keys() - COPIES
    names = {"ID": game["id"], "CODE": host.room["code"]}
    for arguments in WHILE_A_ROUND_IS_PLAYED:
        said = run(*(names.get(word, word) for word in arguments), status=arguments == ("verify",))
        assert str(seed) not in said, arguments
        assert "[[" not in said, arguments


def test_prune_deletes_rooms_that_were_not_used_for_30_days(run, ada, db):
    old, young, changed = (ada("POST /api/rooms", {}, 201)["code"] for _ in range(3))
    for model, field, condition in (
        (Room, Room.used_at, Room.code == old),
        (Member, Member.seen_at, Member.room.in_(Room.select(Room.id).where(Room.code == old))),
    ):
        model.update({field: field - 31 * DAY}).where(condition).execute()
    Member.update(seen_at=0).where(Member.room == Room.get(code=changed).id).execute()
    assert "1 rooms were not used for 30 days" in run("prune", "--days", "90", "--dry-run")
    assert "and 1 rooms" in run("prune", "--days", "90", "--yes")
    assert {room.code for room in Room.select()} == {young, changed}
