"""Rounds of a room: its members play on the same seed from the same moment. Their standings are in standings.py."""

import secrets
from functools import partial

from peewee import JOIN, fn

from database.queries import Param, compiled, literal, lookup
from database.transactions import commit
from game import members
from game.standings import GRACE_MS, is_final, name_of, table, totals
from models import Game, Member, Room, Round, columns_of, insert_row, now
from schemas import RoundAnswer, RoundStandings, timestamp
from web import problems
from web.problems import Problem, invalid, not_found

FIRST_TICK_MS = 2000  # after the start, when the first tick begins on all devices
MAX_NUMBER = 2**31 - 1

results = totals  # by the name that rooms know


@compiled
def latest():
    """The latest round of a room."""
    rounds = Round.select().where(Round.room == Param("room"))
    return rounds.order_by(Round.number.desc()).limit(1)


def answer(row, at):
    """Return the RoundAnswer of a round's row at a time."""
    return RoundAnswer(**_fields(row, at))


def _fields(row, at):
    return {
        "number": row.number,
        "mode": row.mode,
        "tries": row.tries,
        "minutes": row.minutes,
        "starts_at": timestamp(row.starts_at),
        "ends_at": timestamp(row.ends_at),
        "status": _status(row, at),
    }


def _status(row, at):
    if row.ends_at <= row.starts_at:
        return "cancelled"
    return "waiting" if at < row.starts_at else "running" if at < row.ends_at else "over"


def next_change(row, at):
    """Return when what rooms show of a round changes by itself after a time; None if it doesn't."""
    return next((time for time in (row.starts_at, row.ends_at, row.ends_at + GRACE_MS + 1) if time > at), None)


def find(room, number):
    """Return the row of a round of the room, by its number as text. 404 if there is none."""
    row = int(number) <= MAX_NUMBER if number.isascii() and number.isdigit() and len(number) < 11 else False
    row = row and _by_number.first(room=room.id, number=int(number))
    if not row:
        raise not_found(f"round {number!r} of this room")
    return row


@lookup
def _by_number():
    return Round.select().where(Round.room == Param("room"), Round.number == Param("number"))


def standings(row, limit):
    """Return the RoundStandings of a round's row."""
    return RoundStandings(**_fields(row, now()), standings=table(row).first(limit))


# Made and ended by the host.


def create(room, user, wishes):
    """Make a round of the room, as its host, by a schemas.NewRound. Return its RoundAnswer. 409 while one waits or runs."""

    def job():
        bumped, at = members.bump(room), now()
        _check_host(bumped, user, "start a round")
        before = latest.first(room=room.id)
        if before and _status(before, at) in ("waiting", "running"):
            detail = f"Round {before.number} of this room is not over. End it first."
            raise Problem(409, problems.ROUND_ACTIVE, detail, params={"number": before.number})
        starts_at = at + wishes.starts_in * 1000
        _insert(
            room=room.id,
            number=before.number + 1 if before else 1,
            mode=wishes.mode,
            tries=wishes.tries,
            minutes=wishes.minutes,
            starts_at=starts_at,
            ends_at=starts_at + wishes.minutes * 60_000,
            seed=None,
            is_counted=False,
        )
        return answer(latest.first(room=room.id), at)

    return commit(job)


@compiled
def _insert():
    return insert_row(Round)


def _check_host(room, user, what):
    if members.member_of(room, user).id != room.host:
        raise members.not_the_host(what)


def end(room, user, number):
    """End a round now, as the host; before its start it is cancelled. Nothing happens if it is over."""
    _check_host(room, user, "end a round")
    if _status(find(room, number), now()) not in ("waiting", "running"):
        return

    def job():
        bumped, at = members.bump(room), now()
        _check_host(bumped, user, "end a round")
        row = find(room, number)
        if _status(row, at) in ("waiting", "running"):
            is_cancelled = at < row.starts_at  # at the very start, too, it has begun: a game may have been opened
            ends_at = at if is_cancelled else max(at, row.starts_at + 1)
            _update_end(room=room.id, number=row.number, at=ends_at, is_counted=is_cancelled)

    commit(job)


@compiled
def _update_end():
    changed = Round.update(ends_at=Param("at"), is_counted=Param("is_counted"))
    return changed.where(Round.room == Param("room"), Round.number == Param("number"))


def count_finished():
    """Change the versions of rooms whose rounds count in wins and totals from now on: a background task.

    Several processes may do it for the same round, which costs its clients a request.
    """
    for row in _uncounted.all(before=now() - GRACE_MS):
        commit(partial(_count, row))


@compiled
def _uncounted():
    return Round.select(Round.room, Round.number).where(~Round.is_counted, Round.ends_at < Param("before"))


def _count(row):
    if Room.bump(row.room_id):
        _update_counted(room=row.room_id, number=row.number)


@compiled
def _update_counted():
    return Round.update(is_counted=True).where(Round.room == Param("room"), Round.number == Param("number"))


# Playing.


def enter(room, user, mode):
    """Within a transaction, before User.lock: return the row of the round that a member of the room can play now.

    403 for others, 409 if no round is being played, 422 if it is in another mode than `mode` or None.
    """
    members.lock(room.id, user.id)
    members.member_of(room, user)
    row, at = latest.first(room=room.id), now()
    status = _status(row, at) if row else "cancelled"
    if status == "waiting":
        starts_in = (row.starts_at - at) / 1000
        detail = f"The round starts in {starts_in:.1f} s. Open the game then."
        params = {"starts_in": starts_in}
        raise Problem(409, problems.ROUND_NOT_STARTED, detail, params=params, starts_in=starts_in)
    if status == "over":
        raise Problem(409, problems.ROUND_OVER, "The round is over. Wait for the next one.")
    if status == "cancelled":
        raise Problem(409, problems.NO_ROUND, "No round of this room is being played. Wait until its host starts one.")
    if mode not in (None, row.mode):
        why = f"is {row.mode} in this round; give that, or leave it out"
        raise invalid(("mode", problems.MODE_MISMATCH, why, {"mode": row.mode, "reason": "round"}))
    return row


def check_tries(row, user_id):
    """Within a transaction, after User.lock: 409 if the user has opened the only game that the round allows."""
    if row.tries == "one" and (game := _own_game.first(round=name_of(row), user=user_id)):
        detail = "This round allows one game, and you have opened it. Go on with that while it is open."
        params = {"game": game.id, "tick": game.tick}
        raise Problem(409, problems.ATTEMPT_USED, detail, params=params, **params)


@compiled
def _own_game():
    return Game.select(Game.id, Game.tick).where(Game.round == Param("round"), Game.user == Param("user")).limit(1)


def draw_seed(row):
    """Within a transaction: return the seed of a round that has started, which its first game draws."""
    if row.seed is not None:
        return row.seed
    _update_seed(room=row.room_id, number=row.number, seed=1 + secrets.randbelow(0xFFFFFFFF))
    return _by_number.first(room=row.room_id, number=row.number).seed  # another process may have been the first


@compiled
def _update_seed():
    own = Round.room == Param("room"), Round.number == Param("number"), Round.seed.is_null()
    return Round.update(seed=Param("seed")).where(*own)


def of_game(game):
    """Return the row of the round of a game, with the `version` of its room; None if the room was deleted.

    `best`: the best score of the player's ranked games in it that are over.
    """
    return _of_game.first(id=game.id)


@compiled
def _of_game():
    columns = [column.alias(name) for name, column in post_columns().items()]
    return join_round(Game.select(*columns)).where(Game.id == Param("id"), Room.id.is_null(False))


def post_columns():
    """Return {name: column} of what `of_game` returns, in a query of games with `join_round`."""
    other = Game.alias("other_in_round")
    own = other.round == Game.round, other.user == Game.user
    best = other.select(fn.MAX(other.score)).where(*own, other.ranked, other.ended_at.is_null(False))
    columns = {field.safe_name: field for field in Round._meta.sorted_fields}
    return columns | {"version": Room.version, "best": best}


def join_round(games):
    """Extend a query of games by the round that each is of, and its room."""
    prefix = fn.RTRIM(Game.round, literal("0123456789"))  # ROOM/
    number = fn.SUBSTR(Game.round, fn.LENGTH(prefix) + literal(1)).cast("INTEGER")
    is_round = (Round.room == fn.RTRIM(prefix, literal("/"))) & (Round.number == number)
    games = games.join_from(Game, Round, JOIN.LEFT_OUTER, on=is_round)
    return games.join_from(Round, Room, JOIN.LEFT_OUTER, on=Room.id == Round.room)


def member_of_game(user, game_id):
    """Return the id of the user's member of the room in whose round the game is, or None."""
    found = _round_of.first(id=game_id)
    member = found and _in_room.first(room=found.round.partition("/")[0], user=user.id)
    return member and member.id


@compiled
def _round_of():
    return Game.select(Game.round).where(Game.id == Param("id"), Game.round.is_null(False))


@compiled
def _in_room():
    own = Member.room == Param("room"), Member.user == Param("user")
    return Member.select(Member.id).where(*own, Member.removed_at.is_null())


def has_ended(game, at):
    """Return whether nothing is accepted any more for a game of a round, whose room may be gone."""
    row = of_game(game)
    return row is None or is_final(row, at)


# What is hidden.


def is_hidden(game):
    """Return whether a game is of a round that is being played."""
    row = of_game(game) if game.round else None
    return row is not None and now() < row.ends_at


def may_see(game, user):
    """Return whether a user, or None, may see a game of a round that is being played: after opening one, or as the host."""
    room, _, number = game.round.partition("/")
    row = _by_number_with_viewer.first(room=room, number=int(number), user=user and user.id)
    return row is None or may_see_round(row)


def may_see_round(row):
    """Return whether the viewer of a row, of `watched`, may see the games of the round."""
    is_viewer = row.viewer is not None and (row.viewer == row.host or bool(row.has_played))
    return is_viewer or now() >= row.ends_at


@compiled
def _by_number_with_viewer():
    return _with_viewer((Round.room == Room.id) & (Round.number == Param("number"))).where(Round.room == Param("room"))


def watched(code, user):
    """Return the row of the latest round of the room with a stored code, as a user, or None, views it.

    `viewer`: the id of the user's member, or None; `host`: that of the room's host; `has_played`: whether the user has
    opened a game in the round. None if there is no such room; the `number` is None if no round of it has started.
    """
    row = _latest_with_viewer.first(code=code, user=user and user.id)
    return row._replace(number=None) if row and row.number and _status(row, now()) == "waiting" else row


@lookup
def _latest_with_viewer():
    latest = Round.select(fn.MAX(Round.number)).where(Round.room == Room.id)
    rooms = _with_viewer((Round.room == Room.id) & (Round.number == latest), JOIN.LEFT_OUTER)
    return rooms.where(Room.code == Param("code"))


def _with_viewer(is_round, join=JOIN.INNER):
    """Return a query for rounds of rooms as the `user` views them."""
    is_viewer = (Member.room == Room.id) & (Member.user == Param("user")) & Member.removed_at.is_null()
    is_own = Game.round == Room.id.concat("/").concat(Round.number)
    played = Game.select(literal(1)).where(is_own, Game.user == Param("user"))
    columns = *columns_of(Round), Room.host, Member.id.alias("viewer"), fn.EXISTS(played).alias("has_played")
    rooms = Room.select(*columns).join(Round, join, on=is_round)
    return rooms.join_from(Room, Member, JOIN.LEFT_OUTER, on=is_viewer)


def hidden():
    """Return the Problem that refuses to show a game of a round that is being played."""
    detail = (
        "This belongs to a round that is still running. Until that ends, it is shown to those who have opened a game in it:"
        " join its room and play, or come back when the round is over."
    )
    headers = {"Vary": "Authorization, X-Snakepit-Token", "Cache-Control": "no-store"}
    return Problem(403, problems.ROUND_HIDDEN, detail, headers=headers)
