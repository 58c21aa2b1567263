"""The standings of rounds: what the members of a room have reached in one, by their games.

Of a member the best ranked game counts, also while it is played. Equal scores share a rank, and the one that was reached
first is listed first. A process computes the standings of a round once a second at most.
"""

import threading
from bisect import bisect_left
from collections import namedtuple
from contextlib import suppress
from functools import partial

import msgspec
import peewee

from database.binding import database, release_connection
from database.queries import Param, compiled
from database.transactions import commit
from game.clock import now
from models import Game, Member, Round, User
from schemas import NextInRound, RoundEntry, RoundProgress

GRACE_MS = 2000  # after its end, in which posts of what was played before are accepted
LIFETIME_MS = 1000  # of computed standings
RESULTS_MS = 600_000  # for which the results of a finished round are cached: an operator may change them
SETTLED_MS = 10_000  # after the grace, when nothing that was accepted within it waits for the database any more
MAX_CACHED = 1000  # rounds
AWAY_MS = 10_000  # after a post, a member is away

Result = namedtuple("Result", "score scored_at game tries last_post_at")  # score None, and game, without a ranked game

_tables = {}  # {round: _Computed}
_results = {}  # {round: (until when it is valid, what results_of returns)}
_awaited = {}  # {round: True} once no post can change its results any more


def name_of(row):
    """Return the name of a round's row, as games have it."""
    return f"{row.room_id}/{row.number}"


def is_final(row, at):
    return at > row.ends_at + GRACE_MS


# The end.


def accepts_posts(row):
    """Within a transaction: return whether posts in a round's row are accepted, or its results are final.

    What is accepted is in the final results: who computes them waits for this transaction.
    """
    if now() >= row.ends_at:
        _lock(row, "FOR SHARE")
    return not is_final(row, now())


def _await_posts(row):
    """Return once the posts that were accepted are in the database; what comes now is refused."""
    with suppress(peewee.PeeweeException):  # a database that can't be written accepts none
        commit(partial(_lock, row, "FOR UPDATE"))


def _lock(row, how):
    if database.for_update:  # SQLite has one writer anyway
        _lock_round(how, room=row.room_id, number=row.number)


@compiled
def _lock_round(how):
    rounds = Round.select(Round.number).where(Round.room == Param("room"), Round.number == Param("number"))
    return rounds.for_update(how)


# Results.


def results_of(row, at):
    """Return {user: Result} of a round's row."""
    name = name_of(row)
    cached = _results.get(name)
    if cached and cached[0] > at:
        return cached[1]
    if is_final(row, at) and at <= row.ends_at + GRACE_MS + SETTLED_MS and name not in _awaited:
        _await_posts(row)
        _remember(_awaited, name, True)
    found = {}
    for game in _games.all(round=name):
        found[game.user_id] = _with_game(found.get(game.user_id), game)
    if at > row.ends_at + GRACE_MS + SETTLED_MS:
        _remember(_results, name, (at + RESULTS_MS, found))
    return found


@compiled
def _games():
    columns = (
        Game.id,
        Game.user,
        Game.score,
        Game.ranked,
        Game.scored_at,
        Game.ended_at,
        Game.last_post_at.alias("posted_at"),
    )
    return Game.select(*columns).where(Game.round == Param("round"))


def _with_game(result, game):
    score, scored_at, best, tries, last_post_at = result or (None, None, None, 0, None)
    if game.ended_at is None:
        last_post_at = game.posted_at
    if game.ranked and (score is None or (-game.score, game.scored_at) < (-score, scored_at)):
        score, scored_at, best = game.score, game.scored_at, game.id
    return Result(score, scored_at, best, tries + 1, last_post_at)


def _remember(cache, key, value):
    if len(cache) >= MAX_CACHED:
        cache.clear()  # rare, and costs only the next reader of each
    cache[key] = value


# Standings.


class Table:
    """The standings of a round as of the time `at`: `rows` are (user, RoundEntry), best first."""

    def __init__(self, row, at):
        self.is_final, self.until = is_final(row, at), at + LIFETIME_MS
        results, members = results_of(row, at), {member.user_id: member for member in _members.all(room=row.room_id)}
        found = sorted((_order(result, members[user]), user) for user, result in results.items() if user in members)
        self.rows, self.scores, self.index = [], [], {}
        for position, (_, user) in enumerate(found):
            entry = self._entry(members[user], results[user], at)
            self.index[user] = position
            self.rows.append((user, entry))
            if entry.ranked:
                self.scores.append(-entry.score)
        self._encoded = [msgspec.json.encode(entry) for _, entry in self.rows]

    def entry(self, user_id):
        """Return the RoundEntry of a user, or None."""
        position = self.index.get(user_id)
        return None if position is None else self.rows[position][1]

    def first(self, limit):
        """Return the first RoundEntries as JSON."""
        return msgspec.Raw(b"[%s]" % b",".join(self._encoded[:limit]))

    def _entry(self, member, result, at):
        status = "over"
        if result.last_post_at is not None and not self.is_final:
            status = "playing" if at - result.last_post_at <= AWAY_MS else "away"
        is_ranked = result.score is not None
        return RoundEntry(
            rank=1 + bisect_left(self.scores, -result.score) if is_ranked else None,
            id=member.id,
            name=member.name,
            score=result.score or 0,
            status=status,
            game=result.game,
            tries=result.tries,
            ranked=is_ranked,
            bot=bool(member.bot),
        )


def _order(result, member):
    is_unranked = result.score is None
    return is_unranked, -(result.score or 0), result.scored_at or 0, member.joined_at, member.id


class _Computed:
    """The latest Table of a round, and the lock of who computes the next one."""

    def __init__(self):
        self.table, self.lock = None, threading.Lock()

    def is_current(self, row, at):
        return self.table is not None and self.table.until > at and self.table.is_final == is_final(row, at)


def table(row):
    """Return the Table of a round's row, which may be LIFETIME_MS old, but not from before the standings were final."""
    name = name_of(row)
    computed = _tables.get(name)
    if computed is None:
        computed = _Computed()
        _remember(_tables, name, computed)
    if not computed.is_current(row, now()):
        release_connection()  # others may wait for one while they have the lock
        with computed.lock:
            if not computed.is_current(row, now()):
                computed.table = Table(row, now())
    return computed.table


@compiled
def _members():
    columns = Member.id, Member.user, Member.name, Member.joined_at, User.bot
    is_shown = User.deleted_at.is_null() & User.banned_at.is_null()
    members = Member.select(*columns).join(User, on=(User.id == Member.user) & is_shown)
    return members.where(Member.room == Param("room"), Member.removed_at.is_null())


# The place of a player.


def progress(row, user_id, best, version):
    """Return the RoundProgress of a user whose best score in the round is `best`, None without a ranked game."""
    found = table(row)
    own = found.entry(user_id)
    better = None
    if best is not None:
        index = bisect_left(found.scores, -best)
        others = [entry for user, entry in found.rows[max(0, index - 2) : index] if user != user_id]
        better = others[-1] if others else None
    is_counted = best is not None and not (own and own.ranked)
    return RoundProgress(
        number=row.number,
        version=version,
        rank=_rank(found, own, best),
        of=len(found.scores) + is_counted,
        next=better and NextInRound(better.name, better.score),
        ends_in=max(0.0, (row.ends_at - now()) / 1000),
    )


def rank_of(row, game):
    """Return the rank that the player of a game in the round has by the best score, or None without a ranked game."""
    found = table(row)
    own = found.entry(game.user_id)
    scores = [entry.score for entry in (own, game) if entry and entry.ranked]
    return _rank(found, own, max(scores, default=None))


def _rank(found, own, best):
    """Return the rank of the score `best`, which the player may have reached since the Table `found` was computed."""
    if best is None:
        return None
    return 1 + bisect_left(found.scores, -best) - bool(own and own.ranked and own.score > best)


# All rounds of a room.


def totals(room_id):
    """Return {member: (wins, total)} of the room's finished rounds."""
    at, members = now(), {member.user_id: member.id for member in _members.all(room=room_id)}
    found = {}
    for row in _rounds.all(room=room_id):
        if row.ends_at <= row.starts_at or not is_final(row, at):
            continue
        scores = {user: result.score or 0 for user, result in results_of(row, at).items() if user in members}
        best = max(scores.values(), default=0)
        for user, score in scores.items():
            wins, total = found.get(members[user], (0, 0))
            found[members[user]] = wins + (0 < score == best), total + score
    return found


@compiled
def _rounds():
    return Round.select(Round.room, Round.number, Round.starts_at, Round.ends_at).where(Round.room == Param("room"))
