"""What anybody may see of a game: its record, where it is, its rank, and a player's latest games."""

import threading

from msgspec import UNSET
from peewee import fn

from database.binding import release_connection
from database.queries import Param, compiled
from game import codec, leaderboards, score_histogram
from game.pace import seconds_left
from models import Entry, Game, now, select_games
from schemas import GameRecord, PastScore, PlayedGame, Progress, timestamp
from web.problems import not_found

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
        "challenge": game.challenge,
    }


def progress(game, pace):
    """Return the Progress of a game as it is stored."""
    if game.ended_at is not None:
        return progress_of(game, None, best_on_board(game))
    nominal_ms = codec.decode_state(game.mode, game.state).nominal_ms
    return progress_of(game, pace.pause_left(nominal_ms, now() - game.started_at), None)


def progress_of(game, pause_left, best):
    """Return a Progress with Pace's `pause_left`; `best` is as best_on_board returns it once the game is over."""
    is_over = game.ended_at is not None
    return Progress(
        status=_status(game.ended_at),
        tick=game.tick,
        score=game.score,
        outcome=game.outcome,
        ranked=bool(game.ranked) and (is_over or pause_left is None or pause_left >= 0),
        rank=rank(game, best),
        personal_best=_personal_best(game) if best is None else best,
        pause_left=None if is_over else seconds_left(pause_left, game.ranked),
    )


def _status(ended_at):
    return "playing" if ended_at is None else "over"


def rank(game, best):
    """Return the rank of a score, or None, on the leaderboard that the game is for."""
    return None if best is None else score_histogram.rank([_board(game)], best)


def best_on_board(game):
    """Return the best score of the game's player on the leaderboard that the game is for, or None without an entry."""
    found = _entry_score(board=_board(game), user=game.user_id).fetchone()
    return found and found[0]


@compiled
def _entry_score():
    return Entry.select(Entry.score).where(Entry.user == Param("user"), Entry.board == Param("board"))


def _board(game):
    return leaderboards.main_board_key(game.mode, game.challenge, game.bot)


def _personal_best(game):
    """Return the best score of the player's ranked games that are over: in the challenge, or in the mode on new seeds."""
    params = {"user": game.user_id, "mode": game.mode, "challenge": game.challenge}
    return _best_score(bool(game.challenge), **params).fetchone()[0]


@compiled
def _best_score(of_challenge):
    of_same = Game.challenge == Param("challenge") if of_challenge else Game.challenge.is_null()
    return Game.select(fn.MAX(Game.score)).where(
        Game.user == Param("user"), Game.mode == Param("mode"), of_same, Game.ranked, Game.ended_at.is_null(False)
    )


def latest(user_id):
    """Return the user's latest games, as PlayedGames."""
    return [PlayedGame(ticks=game.tick, **_summary(game)) for game in _latest_games.all(user=user_id)]


@compiled
def _latest_games():
    games = select_games(brief=True).where(Game.user == Param("user"), Game.seed.is_null(False))
    return games.order_by(Game.started_at.desc()).limit(LATEST)


def scores(user_id):
    """Return the PastScores of the user's latest games that are over, in their order."""
    games = reversed(_latest_scores.all(user=user_id))
    return [PastScore(timestamp(game.ended_at), game.mode, game.score) for game in games]


@compiled
def _latest_scores():
    is_over = Game.ended_at.is_null(False) & Game.seed.is_null(False)
    games = Game.select(Game.ended_at, Game.mode, Game.score).where(Game.user == Param("user"), is_over)
    return games.order_by(Game.started_at.desc()).limit(SCORES)
