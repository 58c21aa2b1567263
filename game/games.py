"""The life of a game: it is opened, turns are applied, and it ends."""

import math
import secrets
from bisect import bisect_right
from operator import itemgetter

from msgspec import UNSET

import rules
from database import threadpool
from database.binding import is_sqlite, release_connection
from database.queries import Param, compiled
from database.transactions import commit, flush
from game import clock, codec, leaderboards, records
from game.pace import seconds_left
from models import Entry, Game, User, now, select_games
from observability import counters
from schemas import GameAnswer, timestamp
from web.problems import GAME_OPEN, GAME_OVER, NOT_YOUR_GAME, OUT_OF_ORDER, RATE_LIMITED, WRONG_TICK, Problem, invalid

UNPLAYED, UNPLAYED_WINDOW = 10, 60_000  # games on new seeds that may be left unplayed in so many milliseconds
PLAYED = 20  # ticks from which on a game counts as played; they last three seconds
ABANDON_AFTER_MS = 600_000  # after its last post, a game ends as left
SWEEP_BATCH = 25  # abandoned games that one transaction ends, in about ten milliseconds
SLICE = 20_000  # ticks played before other requests have their turn
STARTED = counters.Counter("games_started", "Games opened.")
ENDED = counters.Counter("games_ended", "Games that have ended, by outcome.", "outcome", rules.OUTCOMES)


# Opening.


def open_game(user, mode, pace, challenge=None, limits_unplayed=False, ends=UNSET):
    """Open a game on a new seed, or on that of a challenges.Challenge; the one that the user has open ends as left.

    Raise 409 if that was played and is not the game `ends`. With `limits_unplayed`, raise 429 if the user has left too many
    new seeds unplayed lately. Then nothing changes.
    """
    game_id, seed = secrets.token_urlsafe(9), challenge.seed if challenge else 1 + secrets.randbelow(0xFFFFFFFF)

    def open_it():
        User.lock(user.id)
        at = now()
        open_games = _open_games.all(user=user.id)
        if ends is not UNSET:
            _check_ends(open_games, ends, at)
        if limits_unplayed:
            _check_unplayed(user.id, at)
        left = sum(_leave(game, pace) for game in open_games)
        ranked = not challenge or challenge.counts(user)
        columns = {"seed": seed, "challenge": challenge and challenge.name, "ranked": ranked}
        _insert(game_id, user.id, mode, at, state=codec.encode_state(rules.Game(seed, mode)), **columns)
        return at, left, ranked

    at, left, ranked = commit(open_it)
    STARTED.inc()
    ENDED.labels(rules.LEFT).inc(left)
    return GameAnswer(
        id=game_id,
        mode=mode,
        seed=seed,
        rules=challenge.rules if challenge else rules.RULES,
        tick=0,
        started_at=timestamp(at),
        pause_left=seconds_left(pace.pause_left(0, 0), ranked),
        ranked=ranked,
        challenge=challenge and challenge.name,
    )


@compiled
def _open_games():
    return select_games().where(Game.user == Param("user"), Game.ended_at.is_null())


def _check_ends(open_games, ends, at):
    """Raise 409 if an open game may not end: one that was played and is not `ends`.

    One at tick 0 may: a client whose response got lost doesn't know of it.
    """
    for game in open_games:
        if game.id == ends or game.tick == 0 or at - game.last_post_at > ABANDON_AFTER_MS:
            continue
        detail = "You have another game open. Go on with it, or name it in `ends` to end it."
        params = {"game": game.id, "mode": game.mode, "score": game.score, "tick": game.tick}
        raise Problem(409, GAME_OPEN, detail, params=params)


def _check_unplayed(user_id, at):
    """Raise 429 if the user has left too many games unplayed: seeds could be drawn until a good one comes.

    A game counts if it was left, or would be by opening the next one, before its snake has made PLAYED ticks. One that ended
    by then in another way, as happens to players, counts half.
    """
    counted = 0
    for game in _unplayed_games.all(user=user_id, since=at - UNPLAYED_WINDOW):
        counted += 1 if game.outcome in (None, rules.LEFT) else 1 / 2
        if counted >= UNPLAYED:
            wait = max(1, math.ceil((game.started_at + UNPLAYED_WINDOW - at) / 1000))
            detail = f"Too many of your latest games were left unplayed. Play the open one, or open another in {wait} s."
            raise Problem(429, RATE_LIMITED, detail, retry_in=wait, params={"reason": "unplayed"})


@compiled
def _unplayed_games():
    is_on_new_seed = Game.challenge.is_null() & Game.seed.is_null(False)
    games = Game.select(Game.started_at, Game.outcome).where(
        Game.user == Param("user"), Game.started_at > Param("since"), Game.tick < PLAYED, is_on_new_seed
    )
    return games.order_by(Game.started_at.desc())


def _insert(game_id, user_id, mode, at, **columns):
    """Insert a game at tick 0; `columns` are those that differ from a verified game's without a challenge."""
    columns = {"seed": None, "challenge": None, "verified": True, "score": 0, "ended_at": None, "state": None} | columns
    _insert_game(
        id=game_id,
        user=user_id,
        mode=mode,
        rules=rules.RULES,
        started_at=at,
        last_post_at=at,
        outcome=None,
        tick=0,
        turns=b"",
        **columns,
    )


@compiled
def _insert_game():
    return Game.insert({field: Param(field.name) for field in Game._meta.sorted_fields}).returning()


# Playing.


def apply_turns(game_id, user, since, tick, turns, pace):
    """Play a game of the user's from the tick `since`, at which it must be, through `tick` or to its end.

    Return the Progress. Raise 409 if the game is at another tick or over, with its `tick` and the Progress as `game`: a post
    that was accepted and is sent again changes nothing. Raise 422 for turns that are out of order, outside (since, tick], or
    too fast.
    """
    game = _own_game(game_id, user)
    if game.ended_at is None and now() - game.last_post_at > ABANDON_AFTER_MS:
        _end_abandoned([game], pace)
        game = _own_game(game_id, user)
    if game.ended_at is not None:
        flush()  # the post that ended it may still wait for the disk
        raise _conflict(GAME_OVER, "This game is over.", game, pace)
    if since != game.tick:
        raise _conflict(WRONG_TICK, f"The server is at tick {game.tick}: post what comes after that.", game, pace)
    _check_turns(since, tick, turns)

    played = codec.decode_state(game.mode, game.state)
    heading = played.heading
    _advance(played, turns, tick)
    applied = turns[: bisect_right(turns, played.ticks, key=itemgetter(0))]
    at = now()
    elapsed = at - game.started_at
    pace.check(played.nominal_ms, elapsed)
    changes = {
        "last_post_at": at,
        "ended_at": at if played.outcome else None,
        "outcome": played.outcome,
        "tick": played.ticks,
        "score": played.score,
        "ranked": bool(game.ranked) and (not played.outcome or pace.allows(played.nominal_ms, elapsed)),
        "turns": game.turns + codec.encode_turns(with_effect(applied, heading)),
        "state": None if played.outcome else codec.encode_state(played),
    }
    progress = _store(game, changes, pace.pause_left(played.nominal_ms, elapsed))
    if not progress:
        game = _own_game(game_id, user)
        raise _conflict(WRONG_TICK, "Another post came first: post what comes after its tick.", game, pace)
    return progress


def _own_game(game_id, user):
    game = records.get_game(game_id)
    if game.user_id != user.id:
        raise Problem(403, NOT_YOUR_GAME, "This is somebody else's game. Open one of your own with POST /api/games.")
    return game


def _conflict(code, detail, game, pace):
    return Problem(409, code, detail, tick=game.tick, game=records.progress(game, pace))


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
    """Advance as rules.Game.advance does; during many ticks, other requests have their turn."""
    played.advance(turns, min(tick, played.ticks + SLICE))
    while played.ticks < tick and not played.outcome:
        release_connection()
        threadpool.give_way()
        played.advance(turns, min(tick, played.ticks + SLICE))


def with_effect(turns, heading):
    """Return the turns that change where a snake with this heading goes: not those to its heading, or to the opposite."""
    effective = []
    for turn in turns:
        if turn[1] not in (heading, rules.OPPOSITE[heading]):
            effective.append(turn)
            heading = turn[1]
    return effective


def _store(game, changes, pause_left):
    """Store the `changes` of a post. Return the Progress, or None if another post to the game came first.

    After a loss of power a client sends the turns of a game that goes on again. An end is on disk when this returns.
    """
    after = game._replace(**changes)
    if not after.outcome:
        is_stored = commit(lambda: _update_progress(game, changes), durable=False)
        return records.progress_of(after, pause_left, None) if is_stored else None
    try:
        progress = commit(lambda: _finish(game, after, changes))
    except _Overtaken:
        return None
    ENDED.labels(after.outcome).inc()
    return progress


class _Overtaken(Exception):
    """Another post to the game came first: the transaction must be undone."""


def _finish(game, after, changes):
    User.count_game(game.user_id)
    if not _update_progress(game, changes):
        raise _Overtaken
    if after.ranked:
        ended = game.user_id, game.id, game.mode, game.challenge, after.score, after.ended_at, game.verified
        best = leaderboards.record_result(*ended)
    else:
        best = records.best_on_board(game)
    return records.progress_of(after, None, best)


def _update_progress(game, changes):
    """Return whether the game was still as it was read, and now has the `changes`."""
    return _update_game(id=game.id, tick_before=game.tick, **changes).rowcount == 1


@compiled
def _update_game():
    fields = Game.last_post_at, Game.ended_at, Game.outcome, Game.tick, Game.score, Game.ranked, Game.turns, Game.state
    game = Game.update({field: Param(field.name) for field in fields})
    return game.where(Game.id == Param("id"), Game.tick == Param("tick_before"), Game.ended_at.is_null())


# Leaving.


def leave(game_id, user, pace):
    """End a game of the user's as left, with the score that it has. If it is over already, nothing happens."""
    _own_game(game_id, user)

    def leave_it():
        User.lock(user.id)
        return _leave(records.get_game_or_none(game_id), pace)

    ENDED.labels(rules.LEFT).inc(commit(leave_it))


def end_abandoned(pace):
    """End games without a post for ABANDON_AFTER_MS. Return whether there are more.

    On Postgres each game has its own transaction: if one ended several, it could deadlock with the end of another game.
    """
    games = _abandoned_games.all(before=now() - ABANDON_AFTER_MS)
    for batch in [games] if is_sqlite() else [[game] for game in games]:
        _end_abandoned(batch, pace)
    return len(games) == SWEEP_BATCH


@compiled
def _abandoned_games():
    return select_games().where(Game.ended_at.is_null(), Game.last_post_at < Param("before")).limit(SWEEP_BATCH)


def _end_abandoned(games, pace):
    """End the games in one transaction, but for those that have had a post since they were read."""

    def end_them():
        ended = 0
        for game in games:
            User.lock(game.user_id)
            ended += _end_as_left(game, pace)
        return ended

    if games:
        ENDED.labels(rules.LEFT).inc(commit(end_them))


def correct_clock():
    """Set a clock that differs from the machine's, once nobody plays: a background task."""
    if clock.has_stepped() and not Game.select().where(Game.ended_at.is_null()).exists():
        clock.step()


def _leave(game, pace):
    """Within a transaction, after User.lock: end a game, or None, as left. Return whether it was open."""
    while game and game.ended_at is None:
        if _end_as_left(game, pace):
            return True
        game = records.get_game_or_none(game.id)  # a post came first, which on Postgres doesn't wait for the lock
    return False


def _end_as_left(game, pace):
    """Within a transaction, after User.lock: end a game at its last post, unless another has come since it was read.

    That time decides its day, week and month, and whether it was too slow. Return whether it has ended now.
    """
    at = game.last_post_at
    ranked = bool(game.ranked) and pace.allows_game(game)
    if not _update_as_left(id=game.id, tick=game.tick, last_post_at=at, ranked=ranked).rowcount:
        return False
    User.count_game(game.user_id)
    if ranked:
        leaderboards.record_result(game.user_id, game.id, game.mode, game.challenge, game.score, at, game.verified)
    return True


@compiled
def _update_as_left():
    ended = {Game.ended_at: Game.last_post_at, Game.outcome: rules.LEFT, Game.ranked: Param("ranked"), Game.state: None}
    is_unchanged = (Game.tick == Param("tick")) & (Game.last_post_at == Param("last_post_at")) & Game.ended_at.is_null()
    return Game.update(ended).where(Game.id == Param("id"), is_unchanged)


# Stated scores.


def state_score(user, mode, score):
    """Accept a score without a game, where SCORE_POLICY=open. Return its Entry on the mode's board of all times."""
    game_id, at = secrets.token_urlsafe(9), now()

    def state_it():
        User.lock(user.id)
        _insert(game_id, user.id, mode, at, ended_at=at, verified=False, ranked=True, score=score)
        leaderboards.record_result(user.id, game_id, mode, None, score, at, False)

    commit(state_it)
    board = leaderboards.main_board_key(mode, bots=user.bot)
    return Entry(user=user.id, board=board, score=score, achieved_at=at, game_id=game_id, verified=False)
