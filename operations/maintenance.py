"""What operators do to games: replay and compare, unrank, prune, vacuum, count. And their removal in the background."""

import os
import shutil
import tempfile
from collections import Counter, namedtuple
from functools import partial
from itertools import pairwise

from peewee import Case, fn

import models
import rules
from accounts import accounts
from database import tables
from database.binding import is_sqlite
from database.queries import Param, compiled, literal
from database.transactions import commit
from game import clock, closed_leaderboards, codec, leaderboards, packing, rooms
from game.members import IN_ROOM, absent_since
from models import Game, Member, Room, Round, Session, User, now, select_games
from operations import unneeded_games
from operations.errors import OperationError

TABLE_NAMES = [table._meta.table_name for table in models.TABLES]
BATCH = 500  # games read, or deleted by one transaction
DAY = 86_400_000  # milliseconds
BY_RULES = {rules.RULES: rules.Game}  # by the version of the rules: all versions of which games are kept

IS_RANKED = Game.ranked & Game.verified & Game.ended_at.is_null(False)
_IS_THERE = Game.user.not_in(User.select(User.id).where(User.deleted_at.is_null(False)))  # the player


# Replaying.


def count_ranked():
    return Game.select().where(IS_RANKED, _IS_THERE).count()


def verify():
    """Replay every ranked game by its rules. Yield (games so far, differences as a list of lines) for each batch."""
    done, last = 0, ""
    while games := _ranked_games.all(after=last):
        done, last = done + len(games), games[-1].id
        yield done, [f"game {game.id} of {game.username}: {wrong}" for game in games if (wrong := difference(game))]


@compiled
def _ranked_games():
    return select_games().where(IS_RANKED, Game.id > Param("after")).order_by(Game.id).limit(BATCH)


def difference(game):
    """Return how a game's row differs from what its turns give, or None."""
    if game.rules not in BY_RULES:
        return f"it was played by rules {game.rules}, which this version doesn't know"
    try:
        turns = codec.decode_turns(game.turns)
        played = BY_RULES[game.rules](game.seed, game.mode)
        played.advance(turns, game.tick)
    except (ValueError, TypeError) as error:
        return f"it can't be played: {error}"
    ticks = [0, *(tick for tick, _ in turns)]
    if any(before >= after for before, after in pairwise(ticks)) or ticks[-1] > game.tick:
        return "its turns are not in order, or go on beyond its end"
    stored = game.score, game.tick, game.outcome
    given = played.score, played.ticks, played.outcome or rules.LEFT
    if stored == given:
        return None
    return "stored are {} points at tick {}, {}; its turns give {} at tick {}, {}".format(*stored, *given)


# Unranking.


def find_game(game_id):
    """Return a game, or a stated score, as models.select_games returns it; None if there is none of this id."""
    return _game_by_id.first(id=game_id)


@compiled
def _game_by_id():
    return select_games().where(Game.id == Param("id"))


def unrank(game):
    """Remove a game, as models.select_games returns it, from the leaderboards: it keeps its replay, but is not ranked."""

    def job():
        User.lock(game.user_id)
        Game.update(ranked=False).where(Game.id == game.id).execute()
        leaderboards.rebuild_player(game.user_id, gathered)

    gathered = leaderboards.gather_games(game.user_id, but=game.id)
    commit(job)


# Deleting. unneeded_games.py says which games, but for those of inactive guests.

_IS_MEMBER = fn.EXISTS(Member.select(Member.id).where(Member.user == User.id))


class PruneCandidates:
    """Games and guests older than so many days that no leaderboard needs. Unused sessions live `session_days`."""

    def __init__(self, days, session_days):
        before = now() - days * DAY
        seen = before + session_days * DAY  # a session that expires later was used since
        self.before = before
        has_session = fn.EXISTS(Session.select(Session.user).where(Session.user == User.id, Session.expires_at > seen))
        is_needed = (Game.last_post_at >= before) | Game.ended_at.is_null() | unneeded_games.IS_CHALLENGED
        has_game = fn.EXISTS(Game.select(Game.id).where(Game.user == User.id, is_needed))
        is_old = User.password.is_null() & User.deleted_at.is_null() & (User.created_at < before)
        self.guests = is_old & ~has_session & ~has_game & ~_IS_MEMBER

    def count(self):
        """Return (games, guests)."""
        return sum(len(ids) for _, ids in self._games()), User.select().where(self.guests).count()

    def delete(self):
        """Delete them, guests with their games. Yield ("games" or "guests", how many) for each batch.

        Each transaction checks again what may have changed.
        """
        for user_id, ids in self._games():
            for count in unneeded_games.delete(user_id, ids):
                yield "games", count
        last = -1
        while ids := _keys(User.id, self.guests & (User.id > last), BATCH):
            last = ids[-1]
            yield "guests", commit(User.delete().where(self.guests, User.id.in_(ids)).execute)

    def _games(self):
        for first, last in _windows(User.id, -1):
            yield from unneeded_games.find(self.before, first, last, BATCH)


def _keys(key, condition, number):
    return [value for (value,) in key.model.select(key).where(condition).order_by(key).limit(number).tuples()]


# Rooms.

ROOM_DAYS = 30  # after which an unused room is removed


def list_rooms():
    """Return the rooms, the latest used first: `code`, `name`, `locked`, `used_at`; the numbers `members`, `rounds`."""
    members = Member.select(fn.COUNT(Member.id)).where(Member.room == Room.id, *_is_member())
    rounds = Round.select(fn.COUNT(Round.number)).where(Round.room == Room.id)
    columns = Room.code, Room.name, Room.locked, Room.used_at, members.alias("members"), rounds.alias("rounds")
    return list(Room.select(*columns).order_by(Room.used_at.desc(), Room.id).namedtuples())


def _is_member():
    return (*IN_ROOM, Member.seen_at >= absent_since())


def delete_room(room_id):
    """Delete a room with its members and rounds; its games stay."""
    commit(Room.delete().where(Room.id == room_id).execute)


def count_unused_rooms():
    """Return how many rooms `delete_unused_rooms` would delete."""
    return rooms.unused(now() - ROOM_DAYS * DAY).count()


def delete_unused_rooms():
    """Delete rooms that were not used for ROOM_DAYS, in small steps. Yield how many, for each step."""
    while count := rooms.delete_unused(now() - ROOM_DAYS * DAY, LOOKED_AT):
        yield count


# Removing in the background, a little at a time.

GUEST_DAYS = 90  # after which an inactive guest is removed
LOOKED_AT = 100  # rows that one step looks at
BOARDS = 50  # leaderboards that one step looks at


class Removal:
    """A background task that removes what is no longer needed; each call is a step, which takes milliseconds.

    `keep_games_days`: after how many days a game that is on no leaderboard is removed; None keeps all. All processes may run
    it at the same time.
    """

    def __init__(self, session_days, keep_games_days):
        self.session_days, self.keep_games_days = session_days, keep_games_days
        self._steps = self._all_steps()
        self.removed = dict.fromkeys(("sessions", "rooms", "guests", "games", "entries"), 0)  # by this process

    @property
    def __name__(self):
        return "removal"

    def __call__(self):
        """Do the next step. Return whether there are more; if not, the next call begins again."""
        step = next(self._steps, None)  # also None after a step has failed
        if step is None:
            self._steps = self._all_steps()
            return False
        kind, count = step
        self.removed[kind] += count
        return True

    def _all_steps(self):
        yield from self._sessions()
        yield from self._rooms()
        yield from self._guests()
        yield from self._entries()
        if self.keep_games_days is not None:
            yield from self._games()

    def _sessions(self):
        for first, last in _windows(Session.token_hash, ""):
            yield "sessions", commit(partial(_delete_expired, first, last, now()), durable=False)

    def _rooms(self):
        for count in delete_unused_rooms():
            yield "rooms", count

    def _guests(self):
        old = PruneCandidates(GUEST_DAYS, self.session_days)
        for first, last in _windows(User.id, -1):
            for user_id in _keys(User.id, old.guests & (User.id > first) & (User.id <= last), LOOKED_AT):
                accounts.delete(user_id)  # its games in small steps, by a task of its own
                yield "guests", 1
            yield "guests", 0

    def _entries(self):
        at, today, looked = "", clock.today(), 0
        while found := closed_leaderboards.next_old_board(at, today):
            at, is_old = found
            while is_old and (count := commit(partial(closed_leaderboards.close_board, at, now()))):
                yield "entries", count
            looked += 1
            if looked % BOARDS == 0:
                yield "entries", 0

    def _games(self):
        before = now() - self.keep_games_days * DAY
        for first, last in _windows(User.id, -1):
            yield "games", 0
            for user_id, ids in unneeded_games.find(before, first, last, LOOKED_AT):
                for count in unneeded_games.delete(user_id, ids, durable=False) if ids else (0,):
                    yield "games", count


def _windows(key, first):
    """Yield (first, last) for each LOOKED_AT rows of a table in the order of its key: those after `first`, up to `last`."""
    while keys := _keys(key, key > first, LOOKED_AT):
        yield first, keys[-1]
        first = keys[-1]


def _delete_expired(first, last, at):
    is_expired = (Session.token_hash > first) & (Session.token_hash <= last) & (Session.expires_at <= at)
    return Session.delete().where(is_expired).execute()


# Disk space.


def pack_turns():
    """Pack the turns of games that were stored by an earlier version. Yield how many, for each batch.

    Nothing happens while servers of that version may run.
    """
    last = ""
    while packing.Packing().is_on() and (ids := _keys(Game.id, _IS_UNPACKED & (Game.id > last), BATCH)):
        last = ids[-1]
        yield commit(partial(_pack, ids), durable=False)


_IS_UNPACKED = Game.ended_at.is_null(False) & (fn.LENGTH(Game.turns) > 0) & (fn.SUBSTR(Game.turns, 1, 1) == b"\0")


def _pack(ids):
    games = Game.select(Game.id, Game.turns).where(Game.id.in_(ids), _IS_UNPACKED).tuples()
    for game_id, turns in list(games):
        _update_turns(id=game_id, turns=codec.encode_turns(codec.decode_turns(turns)))
    return len(ids)


@compiled
def _update_turns():
    return Game.update(turns=Param("turns")).where(Game.id == Param("id"))


def reusable():
    """Return how many bytes deleted rows take in SQLite's file; for Postgres, its estimate of deleted rows."""
    return tables.reusable(TABLE_NAMES)


def vacuum(path):
    """Give the space of deleted rows back, see tables.vacuum.

    Raise OperationError if SQLite's file, at `path`, and temporary files have too little space on their disks: each gets a
    copy of the database.
    """
    if is_sqlite():
        _check_space(path, tables.database_size() - reusable())
    tables.vacuum(TABLE_NAMES)


def _check_space(path, size):
    folders = {}
    for folder in (os.path.dirname(path) or ".", os.environ.get("SQLITE_TMPDIR") or tempfile.gettempdir()):
        folders.setdefault(os.stat(folder).st_dev, []).append(folder)
    for same_disk in folders.values():
        free, wanted = shutil.disk_usage(same_disk[0]).free, size * len(same_disk)
        if free < wanted:
            raise OperationError(
                f"{path}: the disk of {same_disk[0]} has {free / 1e6:.1f} MB free, and vacuum needs {wanted / 1e6:.1f} MB;"
                " free some space, or name a folder on another disk in SQLITE_TMPDIR"
            )


# Counting.

Stats = namedtuple("Stats", "players bots banned guests sessions rooms members rounds open outcomes ranked days oldest size")


def stats():
    """Return Stats: `outcomes` is {outcome: games}, `days` [(milliseconds, games begun)] of the last seven UTC days.

    `size` is in bytes.
    """
    counts = fn.COUNT(User.password), fn.COUNT(Case(None, [(User.bot, 1)])), fn.COUNT(User.banned_at), fn.COUNT(User.id)
    players, bots, banned, everybody = User.select(*counts).where(User.deleted_at.is_null()).tuples().get()
    today = now() // DAY
    day = Case(None, [(Game.started_at >= literal((today - 6) * DAY), Game.started_at / literal(DAY))])
    is_counted = Case(None, [(IS_RANKED & _IS_THERE, 1)])
    # The table is read once: with ten million games, that takes a minute.
    columns = Game.outcome, day, fn.COUNT(Game.id), fn.COUNT(is_counted), fn.MIN(Game.started_at)
    groups = list(Game.select(*columns).group_by(Game.outcome, day).tuples())
    outcomes, begun = Counter(), Counter()
    for outcome, begun_at, number, *_ in groups:
        outcomes[outcome] += number
        begun[begun_at] += number
    return Stats(
        players=players,
        bots=bots,
        banned=banned,
        guests=everybody - players,
        sessions=Session.select().where(Session.expires_at > now()).count(),
        rooms=Room.select().count(),
        members=Member.select().where(*_is_member()).count(),
        rounds=Round.select().count(),
        open=outcomes.pop(None, 0),
        outcomes=dict(outcomes),
        ranked=sum(ranked for _, _, _, ranked, _ in groups),
        days=[(day * DAY, begun[day]) for day in range(today - 6, today + 1)],
        oldest=min((oldest for *_, oldest in groups), default=None),
        size=tables.database_size(),
    )
