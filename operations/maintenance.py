"""What whoever runs the server does to games: play them again and compare, withdraw one, delete old ones, count them."""

import os
import shutil
import tempfile
from collections import namedtuple
from functools import partial

import models
import rules
from accounts import accounts
from database.binding import is_sqlite
from database.queries import Param, compiled
from database.transactions import commit
from game import clock, closed_leaderboards, leaderboards
from game.codec import decode_turns
from models import NOT_DELETED, Game, User, now, one, select_games, sql
from operations.errors import OperationError

TABLE_NAMES = [table._meta.table_name for table in models.TABLES]
BATCH = 500  # games read, or deleted by one transaction
DAY = 86_400_000  # milliseconds
BY_RULES = {rules.RULES: rules.Game}  # of each version of the rules by which games are kept

RANKED = "ranked AND verified AND ended_at IS NOT NULL"


# Playing again.


def count_ranked():
    return one(f"SELECT COUNT(*) FROM games WHERE {RANKED} AND {NOT_DELETED}")[0]  # noqa: S608 - the names are ours


def verify():
    """Plays every ranked game again by its rules. Yields (games so far, what differs: a list of lines), now and then."""
    done, last = 0, ""
    while games := _ranked_games.all(after=last):
        done, last = done + len(games), games[-1].id
        yield done, [f"game {game.id} of {game.username}: {wrong}" for game in games if (wrong := difference(game))]


@compiled
def _ranked_games():
    is_ranked = Game.ranked & Game.verified & Game.ended_at.is_null(False)
    return select_games().where(is_ranked, Game.id > Param("after")).order_by(Game.id).limit(BATCH)


def difference(game):
    """What a game's turns give that its row doesn't say, or None."""
    if game.rules not in BY_RULES:
        return f"it was played by rules {game.rules}, which this version doesn't know"
    try:
        turns = decode_turns(game.turns)
        played = BY_RULES[game.rules](game.seed, game.mode)
        played.advance(turns, game.tick)
    except (ValueError, TypeError) as error:
        return f"it can't be played: {error}"
    if any(before >= at for (before, _), (at, _) in zip([(0, ""), *turns], turns, strict=False)) or _end(turns) > game.tick:
        return "its turns are not in order, or go on beyond its end"
    stored = game.score, game.tick, game.outcome
    given = played.score, played.ticks, played.outcome or rules.LEFT
    if stored == given:
        return None
    return "stored are {} points at tick {}, {}; its turns give {} at tick {}, {}".format(*stored, *given)


def _end(turns):
    return turns[-1][0] if turns else 0


# Removing a score.


def find_game(game_id):
    """Return a game, or a stated score, as models.select_games returns it; None if there is none of this id."""
    return _game_by_id.first(id=game_id)


@compiled
def _game_by_id():
    return select_games().where(Game.id == Param("id"))


def unrank(game):
    """Take a game, as models.select_games returns it, off the boards: it stays, with its replay, but is not ranked."""

    def job():
        User.lock(game.user_id)
        sql("UPDATE games SET ranked = ? WHERE id = ?", False, game.id)
        leaderboards.rebuild_player(game.user_id, gathered)

    gathered = leaderboards.gather_games(game.user_id, but=game.id)
    commit(job)


# Deleting. What a player's boards are derived from is kept, and so is what others play again. A banned player and a guest
# stand on no board, and may yet: their games are kept, but for those of guests who don't come any more.

_CHALLENGED = "EXISTS (SELECT 1 FROM games c WHERE c.challenge = g.id)"
_OLD_GAMES = (
    "FROM games g WHERE g.ended_at < ? AND g.id > ? AND NOT EXISTS"  # noqa: S608 - the names are ours
    " (SELECT 1 FROM entries e WHERE e.user_id = g.user_id AND e.game_id = g.id) AND EXISTS"
    " (SELECT 1 FROM users u WHERE u.id = g.user_id AND u.password IS NOT NULL AND u.banned_at IS NULL)"
    f" AND NOT {_CHALLENGED}"
)
_OLD_GUESTS = (
    "FROM users u WHERE u.password IS NULL AND u.deleted_at IS NULL AND u.created_at < ? AND u.id > ? AND NOT EXISTS"  # noqa: S608 - the same
    " (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.expires_at > ?) AND NOT EXISTS"
    " (SELECT 1 FROM games g WHERE g.user_id = u.id AND"
    f" (g.seen_at >= ? OR g.ended_at IS NULL OR {_CHALLENGED}))"
)


class PruneCandidates:
    """What is older than so many days, and of no use to any board; `session_days` is how long a session lives unused."""

    def __init__(self, days, session_days):
        self.before = now() - days * DAY
        self.seen = self.before + session_days * DAY  # a session that ends later was used since

    def count(self):
        """(games, guests)"""
        games = sql(f"SELECT COUNT(*) {_OLD_GAMES}", self.before, "").fetchone()[0]
        guests = sql(f"SELECT COUNT(*) {_OLD_GUESTS}", *self.guests_after(-1)).fetchone()[0]
        return games, guests

    def guests_after(self, after):
        return self.before, after, self.seen, self.before

    def delete_games(self):
        """Deletes the games; yields how many, now and then. Each look is again at all that may have changed."""
        last = ""
        while ids := _ids(f"SELECT g.id {_OLD_GAMES} ORDER BY g.id LIMIT {BATCH}", self.before, last):
            last = ids[-1]
            yield _delete("games", "g", ids, _OLD_GAMES, self.before, "")

    def delete_guests(self):
        """The same of guests, with their games."""
        last = -1
        while ids := _ids(f"SELECT u.id {_OLD_GUESTS} ORDER BY u.id LIMIT {BATCH}", *self.guests_after(last)):
            last = ids[-1]
            yield _delete("users", "u", ids, _OLD_GUESTS, *self.guests_after(-1))


def _ids(statement, *parameters):
    return [number for (number,) in sql(statement, *parameters).fetchall()]


def _delete(table, alias, ids, condition, *parameters):
    places = ", ".join("?" * len(ids))
    within = f"SELECT {alias}.id {condition} AND {alias}.id IN ({places})"
    statement = f"DELETE FROM {table} WHERE id IN ({within})"  # noqa: S608 - the same
    return commit(lambda: sql(statement, *parameters, *ids).rowcount)


# Removing by itself, in the background: a little at a time.

GUEST_DAYS = 90  # after which a guest who doesn't come is removed
LOOKED_AT = 100  # rows that one step looks at
BOARDS = 50  # leaderboards that one step looks at


class Removal:
    """A background task that removes what is of no use any more; each call is a step, which takes milliseconds.

    `keep_games_days`: after how many days a game that is on no leaderboard is removed; None keeps all. All processes may run
    it at the same time.
    """

    def __init__(self, session_days, keep_games_days):
        self.session_days, self.keep_games_days = session_days, keep_games_days
        self._steps = iter(())
        self.removed = dict.fromkeys(("sessions", "guests", "games", "entries"), 0)  # by this process

    @property
    def __name__(self):
        return "removal"

    def __call__(self):
        """Do the next step. Return whether there are more; if not, the next call begins again."""
        try:
            kind, count = next(self._steps)
        except StopIteration:
            self._steps = self._all_steps()
            kind, count = next(self._steps)
        if kind is None:
            self._steps = iter(())
            return False
        self.removed[kind] += count
        return True

    def _all_steps(self):
        yield from self._sessions()
        yield from self._guests()
        yield from self._entries()
        if self.keep_games_days is not None:
            yield from self._games()
        yield None, 0

    def _sessions(self):
        for first, last in _windows("sessions", "token_hash", ""):
            yield "sessions", commit(partial(_delete_expired, first, last, now()), durable=False)

    def _guests(self):
        old = PruneCandidates(GUEST_DAYS, self.session_days)
        for first, last in _windows("users", "id", -1):
            for user_id in _ids(f"SELECT u.id {_OLD_GUESTS} AND u.id <= ?", *old.guests_after(first), last):
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
        for first, last in _windows("games", "id", ""):
            yield "games", commit(partial(_delete_unused, first, last, before), durable=False)


def _delete_unused(first, last, before):
    """Delete the games after one id up to another that ended before a time, and are of no use. Return how many."""
    found = sql(_CANDIDATES, first, last, before).fetchall()
    ids = [game_id for game_id, *game in found if not leaderboards.has_entry(game_id, *game)]
    if not ids:
        return 0
    return sql(f"DELETE FROM games WHERE id IN ({', '.join('?' * len(ids))})", *ids).rowcount  # noqa: S608 - question marks


_CANDIDATES = (
    "SELECT g.id, g.user_id, g.mode, g.challenge, g.ended_at FROM games g JOIN users u ON u.id = g.user_id"  # noqa: S608 - ours
    " WHERE g.id > ? AND g.id <= ? AND g.ended_at < ? AND u.password IS NOT NULL AND u.banned_at IS NULL"
    f" AND NOT {_CHALLENGED}"
)


def _windows(table, key, first):
    """Yield (first, last) of each LOOKED_AT rows of a table in the order of its key: those after `first`, up to `last`."""
    statement = f"SELECT MAX({key}) FROM (SELECT {key} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?) AS next_ones"  # noqa: S608
    while (last := sql(statement, first, LOOKED_AT).fetchone()[0]) is not None:
        yield first, last
        first = last


def _delete_expired(first, last, at):
    return sql("DELETE FROM sessions WHERE token_hash > ? AND token_hash <= ? AND expires_at <= ?", first, last, at).rowcount


# The room that deleted rows take.


def reusable():
    """Return how many bytes deleted rows take in SQLite's file; of Postgres, how many deleted rows it estimates to have."""
    if is_sqlite():
        return one("PRAGMA freelist_count")[0] * one("PRAGMA page_size")[0]
    return int(one(_DEAD)[0])


_DEAD = (
    "SELECT COALESCE(SUM(n_dead_tup), 0) FROM pg_stat_user_tables WHERE relid IN ("  # noqa: S608 - the names are ours
    + ", ".join(f"to_regclass('{name}')" for name in TABLE_NAMES)
    + ")"
)


def vacuum(path):
    """Write SQLite's file again, without the room that deleted rows take; of Postgres, make that room usable again.

    Raise OperationError if the disks of `path`, the file, and of temporary files have too little space: each gets a copy.
    """
    if not is_sqlite():
        sql(f"VACUUM (ANALYZE) {', '.join(TABLE_NAMES)}")
        return
    needed = size() - reusable()
    folders = {}
    for folder in (os.path.dirname(path) or ".", os.environ.get("SQLITE_TMPDIR") or tempfile.gettempdir()):
        folders.setdefault(os.stat(folder).st_dev, []).append(folder)
    for same in folders.values():
        free, wanted = shutil.disk_usage(same[0]).free, needed * len(same)
        if free < wanted:
            raise OperationError(
                f"{path}: the disk of {same[0]} has {free / 1e6:.1f} MB free, and vacuum needs {wanted / 1e6:.1f} MB;"
                " free some space, or name a folder on another disk in SQLITE_TMPDIR"
            )
    sql("VACUUM")
    sql("PRAGMA wal_checkpoint(TRUNCATE)")


# Counting.

Stats = namedtuple("Stats", "players bots banned guests sessions open outcomes ranked days oldest size")


def stats():
    """`outcomes`: {outcome: games}; `days`: [(milliseconds, games begun)] of the last seven, in UTC; `size` in bytes."""
    players, bots, banned, everybody = sql(
        "SELECT COUNT(password), COALESCE(SUM(CASE WHEN bot THEN 1 ELSE 0 END), 0), COUNT(banned_at), COUNT(*) FROM users"
        " WHERE deleted_at IS NULL"
    ).fetchone()
    today = now() // DAY
    begun = dict(sql(_BEGUN, (today - 6) * DAY).fetchall())
    return Stats(
        players=players,
        bots=int(bots),
        banned=banned,
        guests=everybody - players,
        sessions=one("SELECT COUNT(*) FROM sessions WHERE expires_at > ?", now())[0],
        open=one("SELECT COUNT(*) FROM games WHERE ended_at IS NULL")[0],
        outcomes=dict(sql("SELECT outcome, COUNT(*) FROM games WHERE outcome IS NOT NULL GROUP BY outcome").fetchall()),
        ranked=count_ranked(),
        days=[(day * DAY, begun.get(day, 0)) for day in range(today - 6, today + 1)],
        oldest=one("SELECT MIN(started_at) FROM games")[0],
        size=size(),
    )


_BEGUN = f"SELECT started_at / {DAY}, COUNT(*) FROM games WHERE started_at >= ? GROUP BY 1"  # noqa: S608 - a number


def size():
    """Return how many bytes the database takes."""
    if is_sqlite():
        return one("PRAGMA page_count")[0] * one("PRAGMA page_size")[0]
    return one("SELECT pg_database_size(current_database())")[0]
