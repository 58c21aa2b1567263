"""Rooms as they are stored, so that tests can have some from long ago."""

from functools import partial

from database.transactions import commit
from models import Game, Member, Room, Round, User, now


def add_round(game_id, code="B7K2XM"):
    """Make a room whose first round, which is over, has the game; its player is the only member. Return the room's id."""
    return commit(partial(_add_round, game_id, code, now()))


def _add_round(game_id, code, at):
    room_id, member_id, game = f"of-{code}", f"m-{code}", Game.get(id=game_id)
    player = User.get(id=game.user_id)
    names = {"id": room_id, "code": code, "name": code, "host": member_id}
    Room.create(**names, locked=False, version=3, created_at=at, used_at=at)
    looks = {name: player.name for name in ("name", "name_skeleton", "folded_skeleton") if name in Member._meta.fields}
    Member.create(id=member_id, room=room_id, user=player, is_here=False, joined_at=at, seen_at=at, **looks)
    times = {"starts_at": game.started_at, "ends_at": game.started_at + 60_000}
    Round.create(room=room_id, number=1, mode=game.mode, tries="many", minutes=1, seed=game.seed, **times)
    Game.update(round=f"{room_id}/1").where(Game.id == game_id).execute()
    return room_id
