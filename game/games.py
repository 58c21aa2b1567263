"""The life of a game: opened, played on with each post, over; and what anybody may see of it."""

import math
import secrets
import threading
from bisect import bisect_right
from collections import namedtuple
from operator import itemgetter

from msgspec import UNSET

import rules
from database import threadpool
from database.binding import release_connection
from database.transactions import commit, flush
from game import clock, codec, leaderboards, score_histogram
from models import Entry, User, insert, now, sql
from observability import counters
from schemas import GameAnswer, GameRecord, PastScore, PlayedGame, Progress, timestamp
from web.problems import (
    GAME_OVER,
    NOT_YOUR_GAME,
    OUT_OF_ORDER,
    RATE_LIMITED,
    TOO_FAST,
    WRONG_TICK,
    Problem,
    invalid,
    not_found,
)

UNPLAYED, UNPLAYED_WINDOW = 10, 60_000  # games on new seeds that may be left unplayed in so many milliseconds
PLAYED = 20  # ticks from which on a game counts as played; they last three seconds
ABANDONED = 600_000  # milliseconds after its last post at which a game is ended as left
SWEPT = 100  # abandoned games ended at a time
LATEST = 20  # games on a player's page
MOST_TURNS = 20_000  # in one response
SLICE = 20_000  # ticks played before other requests have their turn
SHORT = 12_000  # bytes of encoded turns that are read together with those of other games
SCORES = 200  # scores in its plot
STARTED = counters.Counter("games_started", "Games opened.")
ENDED = counters.Counter("games_ended", "Games that have ended, by outcome.", "outcome", rules.OUTCOMES)

_COLUMNS = "id user_id mode seed rules challenge ranked verified started_at seen_at ended_at outcome tick score turns state"
Found = namedtuple("Found", _COLUMNS + " username bot")
_FIND = (
    f"SELECT {', '.join('g.' + name for name in _COLUMNS.split())}, u.name, u.bot"  # noqa: S608 - the names are ours
    " FROM games g JOIN users u ON u.id = g.user_id AND u.deleted_at IS NULL"
)
_FIND_BRIEFLY = _FIND.replace("g.turns,", f"CASE WHEN length(g.turns) <= {SHORT} THEN g.turns END,")


class Pace:
    """How fast and how slow a game may be; `pause_budget` in seconds, None where nothing is enforced."""

    AHEAD, FASTER = 1000, 1.02  # milliseconds, ratio
    SLOWER = 1.1  # ratio
    AT_START, GROWTH = 10_000, 1 / 4  # of the pause budget: milliseconds, and a ratio of the play time

    def __init__(self, pause_budget):
        self.budget = None if pause_budget is None else pause_budget * 1000

    def check(self, nominal_ms, elapsed):
        """422 if so many milliseconds of play can't have been played in those that have passed."""
        if self.budget is not None and nominal_ms > elapsed * self.FASTER + self.AHEAD:
            why = (
                f"the ticks up to here last {nominal_ms / 1000:.1f} s, and the game began {elapsed / 1000:.1f} s ago;"
                " post it again when its time has come"
            )
            retry_in = {"retry_in": math.ceil(((nominal_ms - self.AHEAD) / self.FASTER - elapsed) / 100) / 10}
            raise invalid(("tick", TOO_FAST, why, retry_in), code=TOO_FAST, params=retry_in)

    def pause_left(self, nominal_ms, elapsed):
        """Milliseconds of pausing that are left, below zero if overdrawn; None where nothing is enforced."""
        if self.budget is None:
            return None
        budget = min(self.budget, self.AT_START + nominal_ms * self.GROWTH)
        return budget + nominal_ms * self.SLOWER - elapsed

    def is_kept(self, nominal_ms, elapsed):
        """Return whether a game that ended so many milliseconds after its start was not too slow to be ranked."""
        return self.budget is None or self.pause_left(nominal_ms, elapsed) >= 0


_of_long_games = threading.Lock()  # whose turns take up to a megabyte, so that one request at a time reads them


def some_turns(game, since, limit):
    """Return (the game, the Part of its turns after the tick `since` with at most `limit` of them).

    Of a game as `found_briefly` returns it, the turns may have to be read first. The game is as it was at the same moment
    then, or None if it is gone.
    """
    if game.turns is not None:
        return game, codec.decode_part(game.turns, since, limit)
    release_connection()
    with _of_long_games:
        game = find_or_none(game.id)
        return game and game._replace(turns=None), game and codec.decode_part(game.turns, since, limit)


def with_effect(turns, heading):
    """Return the turns that change where a snake with this heading goes: not those to its heading, or to the opposite."""
    effective = []
    for turn in turns:
        if turn[1] not in (heading, rules.OPPOSITE[heading]):
            effective.append(turn)
            heading = turn[1]
    return effective


def open_game(user, mode, pace, challenge=None, limits_unplayed=False):
    """Open a game on a new seed, or on that of a challenges.Challenge; the one that the user has open ends as left.

    With `limits_unplayed`, 429 if the user has left too many new seeds unplayed lately; then nothing changes.
    """
    game_id, seed = secrets.token_urlsafe(9), challenge.seed if challenge else 1 + secrets.randbelow(0xFFFFFFFF)

    def open_it():
        User.lock(user.id)
        at = now()
        if limits_unplayed and (wait := _unplayed_wait(user.id, at)):
            return wait, at, 0, False
        left = sum(_leave(game, pace) for game in found("WHERE g.user_id = ? AND g.ended_at IS NULL", user.id))
        ranked = not challenge or challenge.counts(user)
        insert(
            "games",
            **_beginning(game_id, user.id, mode, at),
            seed=seed,
            challenge=challenge and challenge.name,
            ranked=ranked,
            verified=True,
            score=0,
            state=codec.encode_state(rules.Game(seed, mode)),
        )
        return 0, at, left, ranked

    wait, at, left, ranked = commit(open_it)
    if wait:
        detail = f"Too many of your latest games were left unplayed. Play the one that is open, or open another in {wait} s."
        raise Problem(429, RATE_LIMITED, detail, headers={"Retry-After": str(wait)}, params={"retry_in": wait})
    STARTED.inc()
    ENDED.labels(rules.LEFT).inc(left)
    return GameAnswer(
        id=game_id,
        mode=mode,
        seed=seed,
        rules=challenge.rules if challenge else rules.RULES,
        tick=0,
        started_at=timestamp(at),
        pause_left=_seconds(pace.pause_left(0, 0), ranked),
        ranked=ranked,
        challenge=challenge and challenge.name,
    )


def _unplayed_wait(user_id, at):
    """Return for how many seconds the user can't open another new seed; 0 if at once.

    Seeds would else be drawn until one is good. A game counts that was left, or would be by the next one, before its snake
    has made PLAYED ticks; half as much does a game that ended by then in another way, as happens to those who play.
    """
    counted = 0
    for started_at, outcome in sql(_UNPLAYED, user_id, at - UNPLAYED_WINDOW, PLAYED).fetchall():
        counted += 1 if outcome in (None, rules.LEFT) else 1 / 2
        if counted >= UNPLAYED:
            return max(1, math.ceil((started_at + UNPLAYED_WINDOW - at) / 1000))
    return 0


_UNPLAYED = (
    "SELECT started_at, outcome FROM games WHERE user_id = ? AND started_at > ? AND tick < ? AND challenge IS NULL"
    " AND seed IS NOT NULL ORDER BY started_at DESC"
)


def _beginning(game_id, user_id, mode, at):
    """The columns that every game begins with."""
    return {
        "id": game_id,
        "user_id": user_id,
        "mode": mode,
        "rules": rules.RULES,
        "started_at": at,
        "seen_at": at,
        "tick": 0,
        "turns": b"",
    }


def play(game_id, user, since, tick, turns, pace):
    """Play a game of the user's on, from the tick `since` at which it must stand, through `tick` or to its end.

    409 if it stands elsewhere or is over, with its `tick` and the Progress as `game`: a post that was taken and is sent
    again changes nothing. 422 for turns that are out of order, outside (since, tick], or too fast.
    """
    game = _of(game_id, user)
    if game.ended_at is None and now() - game.seen_at > ABANDONED:
        _end_abandoned(game, pace)
        game = _of(game_id, user)
    if game.ended_at is not None:
        flush()  # the post that ended it may still wait for the disk
        raise _conflict(GAME_OVER, "This game is over.", game, pace)
    if since != game.tick:
        raise _conflict(WRONG_TICK, f"The server stands at tick {game.tick}: post what comes after that.", game, pace)
    _check_turns(since, tick, turns)

    played = codec.decode_state(game.mode, game.state)
    heading = played.heading
    _advance(played, turns, tick)
    taken = turns[: bisect_right(turns, played.ticks, key=itemgetter(0))]
    at = now()
    elapsed = at - game.started_at
    pace.check(played.nominal_ms, elapsed)
    pause_left = pace.pause_left(played.nominal_ms, elapsed)
    after = game._replace(
        seen_at=at,
        ended_at=at if played.outcome else None,
        outcome=played.outcome,
        tick=played.ticks,
        score=played.score,
        ranked=bool(game.ranked) and (not played.outcome or pace.is_kept(played.nominal_ms, elapsed)),
        turns=game.turns + codec.encode_turns(with_effect(taken, heading)),
        state=None if played.outcome else codec.encode_state(played),
    )
    progress = _store(game, after, pause_left)
    if not progress:
        raise _conflict(WRONG_TICK, "Another post came first: post what comes after its tick.", _of(game_id, user), pace)
    return progress


def _check_turns(since, tick, turns):
    if tick < since:
        raise invalid(("tick", OUT_OF_ORDER, f"is {tick}, before since, {since}; give the tick that the game has reached"))
    before = since
    for index, (at, _) in enumerate(turns):
        if not before < at <= tick:
            wanted = f"later than {before} and no later than {tick}"
            why = f"is at tick {at}; give one {wanted}, at most one turn a tick"
            raise invalid((f"turns[{index}]", OUT_OF_ORDER, why))
        before = at


def _advance(played, turns, tick):
    """Play on as rules.Game.advance does; during many ticks, other requests have their turn."""
    played.advance(turns, min(tick, played.ticks + SLICE))
    while played.ticks < tick and not played.outcome:
        release_connection()
        threadpool.give_way()
        played.advance(turns, min(tick, played.ticks + SLICE))


def _store(game, after, pause_left):
    """Write what a post has led to; the Progress that it is, or None if another post to the game came first.

    Moves in the middle of a game can be sent again after a loss of power; the end is on disk when this returns.
    """
    if not after.outcome:
        return _progress(after, pause_left, None) if commit(lambda: _move(game, after), durable=False) else None
    try:
        progress = commit(lambda: _end(game, after))
    except _Overtaken:
        return None
    ENDED.labels(after.outcome).inc()
    return progress


class _Overtaken(Exception):
    """Another post to the game came first: the transaction is to be undone."""


def _end(game, after):
    User.count_game(game.user_id)
    if not _move(game, after):
        raise _Overtaken
    if after.ranked:
        ended = game.user_id, game.id, game.mode, game.challenge, after.score, after.ended_at, game.verified
        standing = leaderboards.record_result(*ended)
    else:
        standing = _standing(game)
    return _progress(after, None, standing)


def _move(game, after):
    """Whether the game stood where it was found, and now stands `after` that."""
    values = [getattr(after, name) for name in _MOVED]
    return sql(_MOVE, *values, game.id, game.tick).rowcount == 1


_MOVED = "seen_at", "ended_at", "outcome", "tick", "score", "ranked", "turns", "state"
_MOVE = (
    f"UPDATE games SET {', '.join(f'{name} = ?' for name in _MOVED)}"  # noqa: S608 - the names are ours
    " WHERE id = ? AND tick = ? AND ended_at IS NULL"
)


def leave(game_id, user, pace):
    """End a game of the user's as left, with the score that it has. If it is over already, nothing happens."""
    _of(game_id, user)

    def leave_it():
        User.lock(user.id)
        return _leave(find_or_none(game_id), pace)

    ENDED.labels(rules.LEFT).inc(commit(leave_it))


def end_abandoned(pace):
    """End the games that nobody has posted to for long.

    Once nobody plays, a clock that was found wrong is set right.
    """
    for game in found("WHERE g.ended_at IS NULL AND g.seen_at < ? LIMIT ?", now() - ABANDONED, SWEPT):
        _end_abandoned(game, pace)
    if clock.is_off() and not sql("SELECT 1 FROM games WHERE ended_at IS NULL LIMIT 1").fetchone():
        clock.leap()


def _end_abandoned(game, pace):
    """End the game, unless a post has come since it was read."""

    def end_it():
        User.lock(game.user_id)
        return _end_as_left(game, pace)

    ENDED.labels(rules.LEFT).inc(commit(end_it))


def _leave(game, pace):
    """Within a transaction, after User.lock: end a game, or None, as left. Return whether it was open."""
    while game and game.ended_at is None:
        if _end_as_left(game, pace):
            return True
        game = find_or_none(game.id)  # a post came first, which on Postgres doesn't wait for the lock
    return False


def _end_as_left(game, pace):
    """Within a transaction, after User.lock: end a game at its last post, unless another has come since it was read.

    That time decides its day, week and month, and whether it was too slow. Return whether it has ended now.
    """
    at = game.seen_at
    ranked = bool(game.ranked) and _is_kept(game, pace)
    if not sql(_LEAVE, at, rules.LEFT, ranked, game.id, game.tick, at).rowcount:
        return False
    User.count_game(game.user_id)
    if ranked:
        leaderboards.record_result(game.user_id, game.id, game.mode, game.challenge, game.score, at, game.verified)
    return True


_LEAVE = (
    "UPDATE games SET ended_at = ?, outcome = ?, ranked = ?, state = NULL"
    " WHERE id = ? AND tick = ? AND seen_at = ? AND ended_at IS NULL"
)


def _is_kept(game, pace):
    """Return whether an open game was not too slow, as of its last post."""
    return pace.is_kept(codec.decode_state(game.mode, game.state).nominal_ms, game.seen_at - game.started_at)


def state_score(user, mode, score):
    """Take a score at its word, where SCORE_POLICY=open. Return its Entry on the mode's board of all times."""
    game_id, at = secrets.token_urlsafe(9), now()

    def state_it():
        User.lock(user.id)
        stated = {"ended_at": at, "verified": False, "ranked": True, "score": score}
        insert("games", **_beginning(game_id, user.id, mode, at), **stated)
        leaderboards.record_result(user.id, game_id, mode, None, score, at, False)

    commit(state_it)
    board = leaderboards.main_board_key(mode, bots=user.bot)
    return Entry(user=user.id, board=board, score=score, achieved_at=at, game_id=game_id, verified=False)


# Reading.


def found(where, *parameters):
    return [Found(*row) for row in sql(f"{_FIND} {where}", *parameters)]


def found_briefly(where, *parameters):
    """Return the same as `found`, without the turns of long games: None instead."""
    return [Found(*row) for row in sql(f"{_FIND_BRIEFLY} {where}", *parameters)]


def find(game_id, find=found):
    """The game, or 404. `find` is `found` or `found_briefly`."""
    game = find_or_none(game_id, find)
    if not game:
        raise not_found(f"game {game_id!r}")
    return game


def find_or_none(game_id, find=found):
    """The game, or None. A stated score is none: it has no turns to show. `find` is `found` or `found_briefly`."""
    rows = find("WHERE g.id = ? AND g.seed IS NOT NULL", game_id) if "\0" not in game_id else []
    return rows[0] if rows else None


def _of(game_id, user):
    game = find(game_id)
    if game.user_id != user.id:
        raise Problem(403, NOT_YOUR_GAME, "This is somebody else's game. Open one of your own with POST /api/games.")
    return game


def progress(game, pace):
    """Where the game stands."""
    if game.ended_at is not None:
        return _progress(game, None, _standing(game))
    pause_left = pace.pause_left(codec.decode_state(game.mode, game.state).nominal_ms, now() - game.started_at)
    return _progress(game, pause_left, None)


def _progress(game, pause_left, standing):
    """`pause_left` as Pace has it, `standing` as _standing has it once the game is over."""
    over = game.ended_at is not None
    return Progress(
        status=_status(game.ended_at),
        tick=game.tick,
        score=game.score,
        outcome=game.outcome,
        ranked=bool(game.ranked) and (over or pause_left is None or pause_left >= 0),
        rank=_rank(game, standing),
        personal_best=_personal_best(game) if standing is None else standing,
        pause_left=None if over else _seconds(pause_left, game.ranked),
    )


def _seconds(pause_left, ranked):
    """What is left of Pace's milliseconds: nothing for a game that isn't ranked, None where nothing is enforced."""
    if not ranked:
        return 0.0
    return None if pause_left is None else max(0.0, pause_left / 1000)


def rank(game):
    """The rank of the game's player on the board that the game is for, or None."""
    return _rank(game, _standing(game))


def _rank(game, standing):
    return None if standing is None else score_histogram.rank([_board(game)], standing)


def _standing(game):
    """Return the best score of the game's player on the board that the game is for, or None."""
    return leaderboards.best_score(_board(game), game.user_id)


def _board(game):
    return leaderboards.main_board_key(game.mode, game.challenge, game.bot)


def _personal_best(game):
    """The best score of the player's ranked games that are over: those of the challenge, or of the mode on new seeds."""
    parameters = (game.user_id, game.mode)
    found = sql(_BEST_OF_CHALLENGE, *parameters, game.challenge) if game.challenge else sql(_BEST, *parameters)
    return found.fetchone()[0]


_BEST = (
    "SELECT MAX(score) FROM games WHERE user_id = ? AND mode = ? AND challenge IS NULL AND ranked AND ended_at IS NOT NULL"
)
_BEST_OF_CHALLENGE = (
    "SELECT MAX(score) FROM games WHERE user_id = ? AND mode = ? AND challenge = ? AND ranked AND ended_at IS NOT NULL"
)


def _conflict(code, detail, game, pace):
    return Problem(409, code, detail, tick=game.tick, game=progress(game, pace))


def record(game, since, pace):
    """Return the GameRecord of a game as `found` or `found_briefly` returns it. 404 if it is gone by now.

    While the game is played, whether it is `ranked` is as of its last post.
    """
    found, part = some_turns(game, since, MOST_TURNS)
    if not found:
        raise not_found(f"game {game.id!r}")
    game = found
    return GameRecord(
        id=game.id,
        username=game.username,
        bot=bool(game.bot),
        mode=game.mode,
        rules=game.rules,
        seed=game.seed,
        challenge=game.challenge,
        status=_status(game.ended_at),
        outcome=game.outcome,
        ranked=bool(game.ranked) and (game.ended_at is not None or _is_kept(game, pace)),
        tick=game.tick,
        score=game.score,
        started_at=timestamp(game.started_at),
        ended_at=timestamp(game.ended_at),
        turns=part.turns,
        continue_since=part.last if part.is_cut else UNSET,
    )


def latest(user_id):
    rows = found_briefly("WHERE g.user_id = ? AND g.seed IS NOT NULL ORDER BY g.started_at DESC LIMIT ?", user_id, LATEST)
    return [
        PlayedGame(
            id=game.id,
            mode=game.mode,
            challenge=game.challenge,
            score=game.score,
            status=_status(game.ended_at),
            outcome=game.outcome,
            ranked=bool(game.ranked),
            ticks=game.tick,
            started_at=timestamp(game.started_at),
            ended_at=timestamp(game.ended_at),
        )
        for game in rows
    ]


def scores(user_id):
    """The scores of the user's latest games that are over, in their order."""
    rows = sql(
        "SELECT ended_at, mode, score FROM games WHERE user_id = ? AND ended_at IS NOT NULL AND seed IS NOT NULL"
        " ORDER BY started_at DESC LIMIT ?",
        *(user_id, SCORES),
    ).fetchall()
    return [PastScore(timestamp(at), mode, score) for at, mode, score in reversed(rows)]


def _status(ended_at):
    return "playing" if ended_at is None else "over"
