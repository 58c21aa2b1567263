"""What anybody may see of a game: its record, where it is, its rank, and a player's latest games."""

import threading
from collections import namedtuple

from msgspec import UNSET
from peewee import JOIN, Case, fn

from accounts.sessions import select_users
from database.binding import release_connection
from database.queries import Param, compiled, lookup
from game import codec, leaderboards, rounds, score_histogram, standings
from game.pace import seconds_left
from models import Entry, Game, Session, game_columns, now, select_games
from schemas import GameRecord, PastScore, PlayedGame, Progress, timestamp
from web.problems import NOT_YOUR_GAME, Problem, not_found

MAX_TURNS = 20_000  # in one response
LATEST = 20  # games on a player's page
SCORES = 200  # scores in the plot on a player's page

_reading_long_game = threading.Lock()  # its turns take up to a megabyte, so that one request at a time reads them


@compiled
def _game_by_id(brief):
    return select_games(brief).where(Game.id == Param("id"), Game.seed.is_null(False))


def get_game(game_id, brief=False):
    """Return a game as models.select_games does. Raise 404 if there is none."""
    game = get_game_or_none(game_id, brief)
    if not game:
        raise not_found(f"game {game_id!r}")
    return game


def get_game_or_none(game_id, brief=False):
    """Return a game as models.select_games does, or None. A stated score is none: it has no turns to show."""
    return None if "\0" in game_id else _game_by_id.first(brief, id=game_id)


# Own games. They have a further column, `personal_best`.


def own_game(game_id, user_id):
    """Return the user's game. Raise 404 if there is none of this id, 403 if it is another player's."""
    game = None if "\0" in game_id else _own_game_by_id.first(id=game_id)
    return _checked_own(game, game_id, user_id)


@compiled
def _own_game_by_id():
    games = select_games().select_extend(_personal_best().alias("personal_best"))
    return games.where(Game.id == Param("id"), Game.seed.is_null(False))


@lookup
def with_game():
    """The user of a `token`, see Sessions.user, with the columns of a `game` and of its round; null is what there is not."""
    games = [column.alias(f"game_{name}") for name, column in _own_game_columns().items()]
    of_round = [column.alias(f"round_{name}") for name, column in rounds.post_columns().items()]
    is_game = (Game.id == Param("game")) & Game.seed.is_null(False)
    users = select_users(*games, *of_round).join_from(Session, Game, JOIN.LEFT_OUTER, on=is_game)
    return rounds.join_round(users)


def _own_game_columns():
    return game_columns() | {"personal_best": _personal_best()}


_OwnGame = namedtuple("_OwnGame", [*game_columns(), "personal_best"])
_RoundOfGame = namedtuple("_RoundOfGame", rounds.post_columns())


def game_of(player, game_id):
    """Return (the same as `own_game`, as rounds.of_game) of a row of `with_game`."""
    start = len(player) - len(_OwnGame._fields) - len(_RoundOfGame._fields)
    game = _OwnGame._make(player[start : start + len(_OwnGame._fields)])
    row = _RoundOfGame._make(player[start + len(_OwnGame._fields) :])
    return _checked_own(game if game.id else None, game_id, player.id), row if row.room_id else None


def _checked_own(game, game_id, user_id):
    if not game:
        raise not_found(f"game {game_id!r}")
    if game.user_id != user_id:
        raise Problem(403, NOT_YOUR_GAME, "This is somebody else's game. Open one of your own with POST /api/games.")
    return game


def _personal_best():
    """Return the column of the best score of the player's ranked games that are over: of the challenge, or on new seeds."""
    other = Game.alias("other")
    is_counted = other.ranked, other.ended_at.is_null(False), other.round.is_null()
    of_mode = other.select(fn.MAX(other.score)).where(other.user == Game.user, other.mode == Game.mode, *is_counted)
    of_challenge = of_mode.where(other.challenge == Game.challenge)
    return Case(None, [(Game.challenge.is_null(), of_mode.where(other.challenge.is_null()))], of_challenge)


# Turns.


def read_turns(game, since, limit):
    """Return (the game, the codec.Part of its turns after the tick `since` with at most `limit` of them).

    The turns of a long game that was selected briefly have to be read first. Then the game is returned as it was at the same
    moment, or None if it is gone.
    """
    if game.turns is not None:
        return game, codec.decode_part(game.turns, since, limit)
    release_connection()
    with _reading_long_game:
        game = get_game_or_none(game.id)
        return game and game._replace(turns=None), game and codec.decode_part(game.turns, since, limit)


def record(game, since, pace):
    """Return the GameRecord of a game that was selected, briefly or not. Raise 404 if it is gone by now.

    While the game is played, `ranked` is as of its last post.
    """
    selected, part = read_turns(game, since, MAX_TURNS)
    if not selected:
        raise not_found(f"game {game.id!r}")
    summary = _summary(selected)
    if selected.ended_at is None:
        summary["ranked"] = summary["ranked"] and pace.allows_game(selected)
    return GameRecord(
        username=selected.username,
        bot=bool(selected.bot),
        rules=selected.rules,
        seed=selected.seed,
        tick=selected.tick,
        turns=part.turns,
        continue_since=part.last if part.is_cut else UNSET,
        **summary,
    )


def _summary(game):
    """Return the fields of a GameSummary."""
    return {
        "id": game.id,
        "mode": game.mode,
        "score": game.score,
        "status": _status(game.ended_at),
        "outcome": game.outcome,
        "ranked": bool(game.ranked),
        "started_at": timestamp(game.started_at),
        "ended_at": timestamp(game.ended_at),
        "challenge": game.challenge if game.challenge or game.round else UNSET,
        "round": game.round or UNSET,
    }


def progress(game, pace):
    """Return the Progress of an own game as it is stored."""
    row = rounds.of_game(game) if game.round else None
    if game.ended_at is not None:
        return progress_of(game, None, best_on_board(game), row)
    nominal_ms, elapsed = codec.decode_state(game.mode, game.state).nominal_ms, max(0, now() - game.started_at)
    return progress_of(game, pace.pause_left(nominal_ms, elapsed, bool(game.round)), None, row)


def progress_of(game, pause_left, best, row=None, find_rank=None):
    """Return the Progress of an own game with Pace's `pause_left`; `best` is as best_on_board returns it at its end.

    `row`: that of the round that it is played in, as rounds.of_game returns it, from before the game was over or later.
    `find_rank`: see rank_later.
    """
    is_over = game.ended_at is not None
    in_round, personal_best = UNSET, game.personal_best
    if is_over and game.ranked:
        personal_best = max(game.score, personal_best or 0)
    if row:
        own = max(game.score, row.best or 0) if game.ranked else row.best
        best = own if is_over else row.best
        in_round = standings.progress(row, game.user_id, own, row.version)
    return Progress(
        status=_status(game.ended_at),
        tick=game.tick,
        score=game.score,
        outcome=game.outcome,
        ranked=bool(game.ranked) and (is_over or pause_left is None or pause_left >= 0),
        rank=find_rank() if find_rank else _rank_of(game, best, in_round),
        personal_best=personal_best if best is None and not game.round else best,
        pause_left=None if is_over else seconds_left(pause_left, game.ranked),
        round=in_round,
    )


def _rank_of(game, best, in_round):
    if game.round:
        return in_round.rank if in_round and game.ended_at is not None else None
    return rank(game, best)


def _status(ended_at):
    return "playing" if ended_at is None else "over"


def rank(game, best):
    """Return the rank of a score, or None, on the leaderboard that the game is for; None for a game in a round."""
    return None if best is None else score_histogram.rank([_board(game)], best)


def rank_later(game, best):
    """Within a transaction, read the `rank`. Return a function that returns it, also after the transaction, or None."""
    return None if best is None else score_histogram.rank_later(_board(game), best)


def best_on_board(game):
    """Return the best score of the game's player on the leaderboard that the game is for, or None without an entry."""
    if game.round:
        return None
    found = _entry_score(board=_board(game), user=game.user_id).fetchone()
    return found and found[0]


@compiled
def _entry_score():
    return Entry.select(Entry.score).where(Entry.user == Param("user"), Entry.board == Param("board"))


def _board(game):
    return leaderboards.main_board_key(game.mode, game.challenge, game.bot)


def latest(user_id):
    """Return the user's latest games, as PlayedGames."""
    return [PlayedGame(ticks=game.tick, **_summary(game)) for game in _latest_games.all(user=user_id)]


@compiled
def _latest_games():
    games = select_games(brief=True).where(Game.user == Param("user"), Game.seed.is_null(False), Game.round.is_null())
    return games.order_by(Game.started_at.desc()).limit(LATEST)


def scores(user_id):
    """Return the PastScores of the user's latest games that are over, in their order."""
    games = reversed(_latest_scores.all(user=user_id))
    return [PastScore(timestamp(game.ended_at), game.mode, game.score) for game in games]


@compiled
def _latest_scores():
    is_over = Game.ended_at.is_null(False) & Game.seed.is_null(False) & Game.round.is_null()
    games = Game.select(Game.ended_at, Game.mode, Game.score).where(Game.user == Param("user"), is_over)
    return games.order_by(Game.started_at.desc()).limit(SCORES)
