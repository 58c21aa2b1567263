"""The life of a game: it is opened, turns are applied, and it ends."""

import math
import secrets
from bisect import bisect_right
from operator import itemgetter

from msgspec import UNSET

import rules
from database import threadpool
from database.binding import release_connection
from database.queries import Param, compiled
from database.transactions import commit, flush
from game import clock, codec, leaderboards, leaving, records, rounds, standings
from game.pace import seconds_left
from models import Entry, Game, Round, User, insert_row, is_open_game, now
from observability import counters
from schemas import GameAnswer, timestamp
from web.problems import GAME_OPEN, GAME_OVER, OUT_OF_ORDER, RATE_LIMITED, WRONG_TICK, Problem, invalid

UNPLAYED, UNPLAYED_WINDOW = 10, 60_000  # games on new seeds that may be left unplayed in so many milliseconds
PLAYED = 20  # ticks from which on a game counts as played; they last three seconds
SLICE = 20_000  # ticks played before other requests have their turn
STARTED = counters.Counter("games_started", "Games opened.")


# Opening.


def open_game(user, mode, pace, challenge=None, limits_unplayed=False, ends=UNSET, no_turns=codec.PACKED):
    """Open a game on a new seed, or on that of a challenges.Challenge; the one that the user has open ends as left.

    Raise 409 if that was played and is not the game `ends`. With `limits_unplayed`, raise 429 if the user has left too many
    new seeds unplayed lately. Then nothing changes. `no_turns`: as Packing returns it.
    """
    game_id, seed = secrets.token_urlsafe(9), challenge.seed if challenge else 1 + secrets.randbelow(0xFFFFFFFF)

    def open_it():
        User.lock(user.id)
        at = now()
        open_games = leaving.open_games.all(user=user.id)
        if ends is not UNSET:
            _check_ends(open_games, ends, at)
        if limits_unplayed:
            _check_unplayed(user.id, at)
        left = sum(leaving.leave_open(game, pace) for game in open_games)
        ranked = not challenge or challenge.counts(user)
        columns = {"seed": seed, "challenge": challenge and challenge.name, "ranked": ranked, "turns": no_turns}
        _insert(game_id, user.id, mode, at, state=codec.encode_state(rules.Game(seed, mode)), **columns)
        return at, left, ranked

    at, left, ranked = commit(open_it)
    STARTED.inc()
    leaving.ENDED.labels(rules.LEFT).inc(left)
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


def open_round_game(user, room, mode, pace, ends=UNSET, no_turns=codec.PACKED):
    """Open a game in the round of a room that is being played; the one that the user has open ends as left.

    Its first tick begins with those of the others, or at once if it is opened later. See rounds.enter for what is refused;
    `ends` and `no_turns` are as in `open_game`.
    """
    game_id = secrets.token_urlsafe(9)

    def open_it():
        row = rounds.enter(room, user, mode)
        User.lock(user.id)
        rounds.check_tries(row, user.id)
        at, open_games = now(), leaving.open_games.all(user=user.id)
        if ends is not UNSET:
            _check_ends(open_games, ends, at)
        left = sum(leaving.leave_open(game, pace) for game in open_games)
        seed, starts = rounds.draw_seed(row), max(at, row.starts_at + rounds.FIRST_TICK_MS)
        columns = {"seed": seed, "round": standings.name_of(row), "scored_at": at, "started_at": starts, "ranked": True}
        columns["turns"] = no_turns
        _insert(game_id, user.id, row.mode, at, state=codec.encode_state(rules.Game(seed, row.mode)), **columns)
        return row, seed, starts, left

    row, seed, starts, left = commit(open_it)
    STARTED.inc()
    leaving.ENDED.labels(rules.LEFT).inc(left)
    return GameAnswer(
        id=game_id,
        mode=row.mode,
        seed=seed,
        rules=rules.RULES,
        tick=0,
        started_at=timestamp(starts),
        pause_left=seconds_left(pace.pause_left(0, 0, in_round=True), True),
        ranked=True,
        challenge=None,
        round=standings.name_of(row),
    )


def _check_ends(open_games, ends, at):
    """Raise 409 if an open game may not end: one that was played and is not `ends`.

    One at tick 0 may: a client whose response got lost doesn't know of it.
    """
    for game in open_games:
        if game.id == ends or game.tick == 0 or at - game.last_post_at > leaving.ABANDON_AFTER_MS:
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
    is_on_new_seed = Game.challenge.is_null() & Game.round.is_null() & Game.seed.is_null(False)
    games = Game.select(Game.started_at, Game.outcome).where(
        Game.user == Param("user"), Game.started_at > Param("since"), Game.tick < PLAYED, is_on_new_seed
    )
    return games.order_by(Game.started_at.desc())


def _insert(game_id, user_id, mode, at, **columns):
    """Insert a game at tick 0; `columns` are those that differ from a verified game's without a challenge."""
    nothing = dict.fromkeys(("seed", "challenge", "round", "scored_at", "ended_at", "state"))
    columns = nothing | {"verified": True, "score": 0, "turns": b"", "started_at": at} | columns
    _insert_game(
        id=game_id,
        user=user_id,
        mode=mode,
        rules=rules.RULES,
        last_post_at=at,
        outcome=None,
        tick=0,
        **columns,
    )


@compiled
def _insert_game():
    return insert_row(Game)


# Playing.


def apply_turns(game, row, since, tick, turns, pace):
    """Play an own game, see records.py, from the tick `since`, at which it must be, through `tick` or to its end.

    `row`: that of its round, see rounds.of_game, or None.

    Return the Progress. Raise 409 if the game is at another tick or over, with its `tick` and the Progress as `game`: a post
    that was accepted and is sent again changes nothing. Raise 422 for turns that are out of order, outside (since, tick], or
    too fast.
    """
    is_late = bool(game.round) and (row is None or standings.is_final(row, now()))
    if game.ended_at is None and (is_late or now() - game.last_post_at > leaving.ABANDON_AFTER_MS):
        leaving.end_games([game], pace)
        game = records.own_game(game.id, game.user_id)
    if game.ended_at is not None:
        flush()  # the post that ended it may still wait for the disk
        raise _conflict(GAME_OVER, "This game is over.", game, pace)
    if since != game.tick:
        raise _conflict(WRONG_TICK, f"The server is at tick {game.tick}: post what comes after that.", game, pace)
    _check_turns(since, tick, turns)

    played = codec.decode_state(game.mode, game.state)
    heading, outcome = played.heading, None
    if row:
        outcome = _advance_in_round(played, turns, tick, row.ends_at - game.started_at)
    else:
        _advance(played, turns, tick)
    applied = turns[: bisect_right(turns, played.ticks, key=itemgetter(0))]
    at = now()
    elapsed = max(0, (min(at, row.ends_at) if row else at) - game.started_at)
    pace.check(played.nominal_ms, elapsed)
    outcome = played.outcome or outcome or (rules.LEFT if row and at >= row.ends_at else None)
    # In a round the standings show while it is played whether it is ranked.
    is_judged = bool(outcome or row)
    changes = {
        "last_post_at": at,
        "ended_at": at if outcome else None,
        "outcome": outcome,
        "tick": played.ticks,
        "score": played.score,
        "scored_at": at if row and played.score > game.score else game.scored_at,
        "ranked": bool(game.ranked or row) and (not is_judged or pace.allows(played.nominal_ms, elapsed, bool(row))),
        "turns": codec.append_turns(game.turns, with_effect(applied, heading)),
        "state": None if outcome else codec.encode_state(played),
    }
    progress = _store(game, changes, pace.pause_left(played.nominal_ms, elapsed, bool(row)), row)
    if not progress:
        game = records.own_game(game.id, game.user_id)
        if row and standings.is_final(row, now()):
            return apply_turns(game, row, since, tick, turns, pace)  # it was too late, and is refused
        raise _conflict(WRONG_TICK, "Another post came first: post what comes after its tick.", game, pace)
    return progress


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


def _advance_in_round(played, turns, tick, limit_ms):
    """Advance up to the last tick within the first `limit_ms`. Return LEFT if that cut the game, or None."""
    while played.ticks < tick and not played.outcome:
        ticks = (limit_ms - played.nominal_ms) // rules.tick_ms(played.score)  # at least: they only become shorter
        if ticks <= 0:
            return rules.LEFT
        _advance(played, turns, min(tick, played.ticks + ticks))
    return None


def with_effect(turns, heading):
    """Return the turns that change where a snake with this heading goes: not those to its heading, or to the opposite."""
    effective = []
    for turn in turns:
        if turn[1] not in (heading, rules.OPPOSITE[heading]):
            effective.append(turn)
            heading = turn[1]
    return effective


def _store(game, changes, pause_left, row):
    """Store the `changes` of a post. Return the Progress; None if another post to the game came first, or it was too late.

    After a loss of power a client sends the turns of a game that goes on again. An end is on disk when this returns. `row`
    is that of the round, or None.
    """
    after = game._replace(**changes)
    if not after.outcome:
        is_stored = commit(lambda: _was_stored(_update_progress(game, changes, row)), durable=False)
        return records.progress_of(after, pause_left, None, row) if is_stored else None
    try:
        best, rank = commit(lambda: _finish(game, after, changes, row))
    except _Overtaken:
        return None
    leaving.ENDED.labels(after.outcome).inc()
    return records.progress_of(after, None, best, row, rank)


class _Overtaken(Exception):
    """Another post to the game came first, or it was too late: the transaction must be undone."""


def _finish(game, after, changes, row):
    """Return what progress_of takes: the best score on the game's leaderboard, and a function that returns its rank."""
    leaving.lock_or_count(game)
    stored = _update_progress(game, changes, row)
    best = None
    if not game.round:
        best = _record(game, after) if after.ranked else records.best_on_board(game)
    if not _was_stored(stored):
        raise _Overtaken
    return best, records.rank_later(game, best)


def _record(game, after):
    ended = game.user_id, game.id, game.mode, game.challenge, after.score, after.ended_at, game.verified
    return leaderboards.record_result(*ended)


def _update_progress(game, changes, row):
    """Store the changes if the game is still as it was read: the cursor has a rowcount of 1 then.

    Return None if it is too late in a round.
    """
    if row is None or standings.accepts_posts(row):
        is_over = changes["ended_at"] is not None
        return _update_game.later(is_over, id=game.id, user=game.user_id, tick_before=game.tick, **changes)
    return None


def _was_stored(updated):
    return updated is not None and updated.rowcount == 1


@compiled
def _update_game(is_over):
    """Store what a post changes. While the game goes on, SQLite would write to an index, too, if `ended_at` were set."""
    names = ["last_post_at", "tick", "score", "scored_at", "ranked", "turns", "state"]
    names += ["ended_at", "outcome"] if is_over else []
    fields = [getattr(Game, name) for name in names]
    game = Game.update({field: Param(field.name) for field in fields})
    return game.where(is_open_game(), Game.tick == Param("tick_before"))


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


# The clock.


def correct_clock():
    """Set a clock that differs from the machine's, once nobody plays: a background task."""
    is_played = Game.select().where(Game.ended_at.is_null()).exists
    is_awaited = Round.select().where(Round.ends_at > now()).exists
    if clock.has_stepped() and not is_played() and not is_awaited():
        clock.step()
