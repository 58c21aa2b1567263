"""Games that end without a post: left by their players, abandoned, or over with their round."""

from peewee import fn

import rules
from database.binding import is_sqlite
from database.queries import Param, compiled
from database.transactions import commit
from game import leaderboards, records, rounds
from models import Game, User, is_open_game, now, select_games
from observability import counters

ABANDON_AFTER_MS = 600_000  # after its last post, a game ends as left
SWEEP_BATCH = 25  # abandoned games that one transaction ends, in about ten milliseconds
ENDED = counters.Counter("games_ended", "Games that have ended, by outcome.", "outcome", rules.OUTCOMES)


def leave(game_id, user, pace):
    """End a game of the user's as left, with the score that it has. If it is over already, nothing happens."""
    records.own_game(game_id, user.id)

    def leave_it():
        User.lock(user.id)
        return leave_open(records.get_game_or_none(game_id), pace)

    ENDED.labels(rules.LEFT).inc(commit(leave_it))


@compiled
def open_games():
    return select_games().where(Game.user == Param("user"), Game.ended_at.is_null())


def leave_rounds(user_id, room_id, pace):
    """End the game that the user has open in a round of the room, if there is one, as left."""

    def leave_it():
        User.lock(user_id)
        opened = [game for game in open_games.all(user=user_id) if game.round and game.round.startswith(f"{room_id}/")]
        return sum(leave_open(game, pace) for game in opened)

    ENDED.labels(rules.LEFT).inc(commit(leave_it))


def end_abandoned(pace):
    """End games without a post for ABANDON_AFTER_MS. Return whether there are more.

    On Postgres each game has its own transaction: if one ended several, it could deadlock with the end of another game.
    """
    games = _abandoned_games.all(before=now() - ABANDON_AFTER_MS)
    if len(games) < SWEEP_BATCH:
        games += _games_of_finished_rounds()[: SWEEP_BATCH - len(games)]
    for batch in [games] if is_sqlite() else [[game] for game in games]:
        end_games(batch, pace)
    return len(games) == SWEEP_BATCH


def _games_of_finished_rounds():
    found, ended = _open_round_games.all(), {}
    for game in found:
        if game.round not in ended:
            ended[game.round] = rounds.has_ended(game, now())
    return [game for game in found if ended[game.round]]


@compiled
def _open_round_games():
    # By `IS NOT NULL`, SQLite would go through the index of all games that were ever played in rounds.
    return select_games().where(Game.ended_at.is_null(), fn.LENGTH(Game.round) > 0)


@compiled
def _abandoned_games():
    return select_games().where(Game.ended_at.is_null(), Game.last_post_at < Param("before")).limit(SWEEP_BATCH)


def end_games(games, pace):
    """End the games in one transaction, but for those that have had a post since they were read."""

    def end_them():
        ended = 0
        for game in games:
            User.lock(game.user_id)
            ended += _end_as_left(game, pace)
        return ended

    if games:
        ENDED.labels(rules.LEFT).inc(commit(end_them))


def leave_open(game, pace):
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
    if not _update_as_left(id=game.id, user=game.user_id, tick=game.tick, last_post_at=at, ranked=ranked).rowcount:
        return False
    lock_or_count(game)
    if ranked and not game.round:
        leaderboards.record_result(game.user_id, game.id, game.mode, game.challenge, game.score, at, game.verified)
    return True


def lock_or_count(game):
    """Within a transaction that ends a game: count it, unless it is of a round, and make others on the user's games wait."""
    if game.round:
        User.lock(game.user_id)
    else:
        User.count_game(game.user_id)


@compiled
def _update_as_left():
    ended = {Game.ended_at: Game.last_post_at, Game.outcome: rules.LEFT, Game.ranked: Param("ranked"), Game.state: None}
    is_unchanged = (Game.tick == Param("tick")) & (Game.last_post_at == Param("last_post_at"))
    return Game.update(ended).where(is_open_game(), is_unchanged)
