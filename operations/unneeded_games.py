"""Which old games can be deleted.

Games that a player's leaderboard entries are derived from are kept. So are games that others play again, and those of a room
that is there, with its members: its standings are derived from them. Banned players and guests have no entries, but may get
some: their games are kept.
"""

from functools import partial

from peewee import Tuple, fn

from database.queries import Param, compiled, params
from database.transactions import commit
from models import Entry, Game, Room, User

DELETED_AT_ONCE = 25  # by one transaction, in about four milliseconds

_Challenge = Game.alias()
IS_CHALLENGED = fn.EXISTS(_Challenge.select(_Challenge.id).where(_Challenge.challenge == Game.id))
_ROOM = fn.RTRIM(fn.RTRIM(Game.round, "0123456789"), "/")  # of ROOM/NUMBER
_IS_OF_ROOM = Game.round.is_null(False) & fn.EXISTS(Room.select(Room.id).where(Room.id == _ROOM))


def find(before, first, last, size):
    """Yield (user, the ids of up to `size` of their games that ended before a time and that no leaderboard needs).

    Of the players with ids after `first`, up to `last`. They are found player by player: an index has a player's games in
    their order, and the player's entries are read once for many games.
    """
    is_rankable = User.password.is_null(False) & User.banned_at.is_null()
    users = User.select(User.id).where(User.id > first, User.id <= last, is_rankable).order_by(User.id)
    for (user_id,) in list(users.tuples()):
        at = (-1, "")
        while games := _games_after(user=user_id, last=at, limit=size).fetchall():
            at = games[-1][:2]
            ids = [game_id for _, game_id, ended_at in games if ended_at is not None and ended_at < before]
            yield user_id, _unneeded(user_id, ids)


@compiled
def _games_after():
    order = Game.started_at, Game.id
    later = Tuple(*order) > Tuple(*params("last", 2))
    games = Game.select(*order, Game.ended_at).where(Game.user == Param("user"), later)
    return games.order_by(*order).limit(Param("limit"))


def _unneeded(user_id, ids):
    """Return those of a player's games that can be deleted."""
    entries = Entry.select(Entry.game_id).where(Entry.user == user_id, Entry.game_id.in_(ids)).tuples()
    others = set(ids) - {game_id for (game_id,) in entries} if ids else ()
    if not others:
        return []
    unneeded = Game.select(Game.id).where(Game.id.in_(sorted(others)), ~IS_CHALLENGED, ~_IS_OF_ROOM)
    return [game_id for (game_id,) in unneeded.tuples()]


def delete(user_id, ids, durable=True):
    """Delete those of a player's games that are still not needed. Yield how many, for each of some short transactions."""
    for start in range(0, len(ids), DELETED_AT_ONCE):
        yield commit(partial(_delete, user_id, ids[start : start + DELETED_AT_ONCE]), durable)


def _delete(user_id, ids):
    User.lock(user_id)
    is_banned = User.select(User.id).where(User.id == user_id, User.banned_at.is_null(False)).exists()
    ids = [] if is_banned else _unneeded(user_id, ids)
    return Game.delete().where(Game.id.in_(ids)).execute() if ids else 0
