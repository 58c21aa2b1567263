"""What operators do to games: replay and compare, unrank, prune, vacuum, count. And their removal in the background."""

import os
import shutil
import tempfile
from collections import namedtuple
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
from game import clock, closed_leaderboards, leaderboards
from game.codec import decode_turns
from models import Entry, Game, Session, User, now, select_games
from operations.errors import OperationError

TABLE_NAMES = [table._meta.table_name for table in models.TABLES]
BATCH = 500  # games read, or deleted by one transaction
DAY = 86_400_000  # milliseconds
BY_RULES = {rules.RULES: rules.Game}  # by the version of the rules: all versions of which games are kept

IS_RANKED = Game.ranked & Game.verified & Game.ended_at.is_null(False)


# Replaying.


def count_ranked():
    is_there = (User.id == Game.user) & User.deleted_at.is_null()
    return Game.select().join(User, on=is_there).where(IS_RANKED).count()


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
        turns = decode_turns(game.turns)
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


# Deleting. Games that a player's leaderboard entries are derived from are kept, and so are games that others play again.
# Banned players and guests have no entries, but may get some: their games are kept, but for those of inactive guests.


_Challenge = Game.alias()
_IS_CHALLENGED = fn.EXISTS(_Challenge.select(_Challenge.id).where(_Challenge.challenge == Game.id))
_HAS_ENTRY = fn.EXISTS(Entry.select(Entry.board).where(Entry.user == Game.user, Entry.game_id == Game.id))
_IS_RANKABLE = fn.EXISTS(
    User.select(User.id).where(User.id == Game.user, User.password.is_null(False), User.banned_at.is_null())
)


class PruneCandidates:
    """Games and guests older than so many days that no leaderboard needs. Unused sessions live `session_days`."""

    def __init__(self, days, session_days):
        before = now() - days * DAY
        seen = before + session_days * DAY  # a session that expires later was used since
        self.games = (Game.ended_at < before) & ~_HAS_ENTRY & _IS_RANKABLE & ~_IS_CHALLENGED
        has_session = fn.EXISTS(Session.select(Session.user).where(Session.user == User.id, Session.expires_at > seen))
        is_needed = (Game.last_post_at >= before) | Game.ended_at.is_null() | _IS_CHALLENGED
        has_game = fn.EXISTS(Game.select(Game.id).where(Game.user == User.id, is_needed))
        is_old = User.password.is_null() & User.deleted_at.is_null() & (User.created_at < before)
        self.guests = is_old & ~has_session & ~has_game

    def count(self):
        """Return (games, guests)."""
        return Game.select().where(self.games).count(), User.select().where(self.guests).count()

    def delete(self):
        """Delete them, guests with their games. Yield ("games" or "guests", how many) for each batch.

        Each transaction checks again what may have changed.
        """
        for kind, key, condition, last in (("games", Game.id, self.games, ""), ("guests", User.id, self.guests, -1)):
            while ids := _keys(key, condition & (key > last), BATCH):
                last = ids[-1]
                yield kind, commit(key.model.delete().where(condition, key.in_(ids)).execute)


def _keys(key, condition, number):
    return [value for (value,) in key.model.select(key).where(condition).order_by(key).limit(number).tuples()]


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
        self.removed = dict.fromkeys(("sessions", "guests", "games", "entries"), 0)  # by this process

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
        yield from self._guests()
        yield from self._entries()
        if self.keep_games_days is not None:
            yield from self._games()

    def _sessions(self):
        for first, last in _windows(Session.token_hash, ""):
            yield "sessions", commit(partial(_delete_expired, first, last, now()), durable=False)

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
        for first, last in _windows(Game.id, ""):
            yield "games", commit(partial(_delete_unused, first, last, before), durable=False)


def _windows(key, first):
    """Yield (first, last) for each LOOKED_AT rows of a table in the order of its key: those after `first`, up to `last`."""
    while keys := _keys(key, key > first, LOOKED_AT):
        yield first, keys[-1]
        first = keys[-1]


def _delete_expired(first, last, at):
    is_expired = (Session.token_hash > first) & (Session.token_hash <= last) & (Session.expires_at <= at)
    return Session.delete().where(is_expired).execute()


def _delete_unused(first, last, before):
    """Delete games of ids after `first`, up to `last`, that ended before a time and are not needed. Return how many."""
    columns = Game.id, Game.user, Game.mode, Game.challenge, Game.ended_at
    is_old = (Game.id > first) & (Game.id <= last) & (Game.ended_at < before) & _IS_RANKABLE & ~_IS_CHALLENGED
    ids = [
        game_id
        for game_id, *game in Game.select(*columns).where(is_old).tuples()
        if not leaderboards.has_entry(game_id, *game)
    ]
    return Game.delete().where(Game.id.in_(ids)).execute() if ids else 0


# Disk space.


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

Stats = namedtuple("Stats", "players bots banned guests sessions open outcomes ranked days oldest size")


def stats():
    """Return Stats: `outcomes` is {outcome: games}, `days` [(milliseconds, games begun)] of the last seven UTC days.

    `size` is in bytes.
    """
    counts = fn.COUNT(User.password), fn.COUNT(Case(None, [(User.bot, 1)])), fn.COUNT(User.banned_at), fn.COUNT(User.id)
    players, bots, banned, everybody = User.select(*counts).where(User.deleted_at.is_null()).tuples().get()
    today = now() // DAY
    outcomes = Game.select(Game.outcome, fn.COUNT(Game.id)).where(Game.outcome.is_null(False)).group_by(Game.outcome)
    day = Game.started_at / literal(DAY)
    begun = Game.select(day, fn.COUNT(Game.id)).where(Game.started_at >= (today - 6) * DAY).group_by(day)
    begun = dict(begun.tuples())
    return Stats(
        players=players,
        bots=bots,
        banned=banned,
        guests=everybody - players,
        sessions=Session.select().where(Session.expires_at > now()).count(),
        open=Game.select().where(Game.ended_at.is_null()).count(),
        outcomes=dict(outcomes.tuples()),
        ranked=count_ranked(),
        days=[(day * DAY, begun.get(day, 0)) for day in range(today - 6, today + 1)],
        oldest=Game.select(fn.MIN(Game.started_at)).scalar(),
        size=tables.database_size(),
    )
