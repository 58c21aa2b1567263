"""What whoever runs the server does to games: play them again and compare, withdraw one, delete old ones, count them."""

from collections import namedtuple

import boards
import rules
from games import found, unpack_turns
from models import NOT_DELETED, durably, is_sqlite, now, one, sql
from models import User as Users

AT_ONCE = 500  # games read, or deleted by one transaction
DAY = 86_400_000  # milliseconds
BY_RULES = {rules.RULES: rules.Game}  # of each version of the rules by which games are kept

RANKED = "ranked AND verified AND ended_at IS NOT NULL"


# Playing again.


def count_ranked():
    return one(f"SELECT COUNT(*) FROM games WHERE {RANKED} AND {NOT_DELETED}")[0]  # noqa: S608 - the names are ours


def verify():
    """Plays every ranked game again by its rules. Yields (games so far, what differs: a list of lines), now and then."""
    done, last = 0, ""
    while games := found(f"WHERE {RANKED} AND g.id > ? ORDER BY g.id LIMIT ?", last, AT_ONCE):
        done, last = done + len(games), games[-1].id
        yield done, [f"game {game.id} of {game.username}: {wrong}" for game in games if (wrong := difference(game))]


def difference(game):
    """What a game's turns give that its row doesn't say, or None."""
    if game.rules not in BY_RULES:
        return f"it was played by rules {game.rules}, which this version doesn't know"
    try:
        turns = unpack_turns(game.turns)
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


# Withdrawing.


def withdraw(game):
    """Take a game, as games.found gives it, off the boards: it stays, with its replay, but is not ranked."""

    def unrank():
        Users.lock(game.user_id)
        sql("UPDATE games SET ranked = ? WHERE id = ?", False, game.id)
        boards.rebuild(game.user_id, gathered)

    gathered = boards.gather(game.user_id, but=game.id)
    durably(unrank)


# Deleting. What a player's boards are derived from is kept, and so is what others play again. A banned player and a guest
# stand on no board, and may yet: their games are kept, but for those of guests who don't come any more.

_PLAYED_AGAIN = "SELECT challenge FROM games WHERE challenge IS NOT NULL"
_OLD_GAMES = (
    "FROM games g WHERE g.ended_at < ? AND g.id > ? AND NOT EXISTS"  # noqa: S608 - the names are ours
    " (SELECT 1 FROM entries e WHERE e.user_id = g.user_id AND e.game_id = g.id) AND EXISTS"
    " (SELECT 1 FROM users u WHERE u.id = g.user_id AND u.password IS NOT NULL AND u.banned_at IS NULL)"
    f" AND g.id NOT IN ({_PLAYED_AGAIN})"
)
_OLD_GUESTS = (
    "FROM users u WHERE u.password IS NULL AND u.deleted_at IS NULL AND u.created_at < ? AND u.id > ? AND NOT EXISTS"  # noqa: S608 - the same
    " (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.expires_at > ?) AND NOT EXISTS"
    " (SELECT 1 FROM games g WHERE g.user_id = u.id AND"
    f" (g.seen_at >= ? OR g.ended_at IS NULL OR g.id IN ({_PLAYED_AGAIN})))"
)


class Prunable:
    """What is older than so many days, and of no use to any board; `session_days` is how long a session lives unused."""

    def __init__(self, days, session_days):
        self.before = now() - days * DAY
        self.seen = self.before + session_days * DAY  # a session that ends later was used since

    def count(self):
        """(games, guests)"""
        games = sql(f"SELECT COUNT(*) {_OLD_GAMES}", self.before, "").fetchone()[0]
        guests = sql(f"SELECT COUNT(*) {_OLD_GUESTS}", *self._guests(-1)).fetchone()[0]
        return games, guests

    def _guests(self, after):
        return self.before, after, self.seen, self.before

    def delete_games(self):
        """Deletes the games; yields how many, now and then. Each look is again at all that may have changed."""
        last = ""
        while ids := _ids(f"SELECT g.id {_OLD_GAMES} ORDER BY g.id LIMIT {AT_ONCE}", self.before, last):
            last = ids[-1]
            yield _delete("games", "g", ids, _OLD_GAMES, self.before, "")

    def delete_guests(self):
        """The same of guests, with their games."""
        last = -1
        while ids := _ids(f"SELECT u.id {_OLD_GUESTS} ORDER BY u.id LIMIT {AT_ONCE}", *self._guests(last)):
            last = ids[-1]
            yield _delete("users", "u", ids, _OLD_GUESTS, *self._guests(-1))


def _ids(statement, *parameters):
    return [number for (number,) in sql(statement, *parameters).fetchall()]


def _delete(table, alias, ids, condition, *parameters):
    places = ", ".join("?" * len(ids))
    within = f"SELECT {alias}.id {condition} AND {alias}.id IN ({places})"
    statement = f"DELETE FROM {table} WHERE id IN ({within})"  # noqa: S608 - the same
    return durably(lambda: sql(statement, *parameters, *ids).rowcount)


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
        size=_size(),
    )


_BEGUN = f"SELECT started_at / {DAY}, COUNT(*) FROM games WHERE started_at >= ? GROUP BY 1"  # noqa: S608 - a number


def _size():
    if is_sqlite():
        return one("PRAGMA page_count")[0] * one("PRAGMA page_size")[0]
    return one("SELECT pg_database_size(current_database())")[0]
