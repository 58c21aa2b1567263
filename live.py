"""Games that are being played, for those who watch."""

import rules
from games import found, rank, unpack_state, unpack_turns
from models import now
from schemas import ActiveGame, Cell, LiveGame, timestamp

LIVE = 10_000  # milliseconds after a post in which a game is shown as live

_BEST_FIRST = "WHERE g.ended_at IS NULL AND g.seen_at > ? AND u.banned_at IS NULL ORDER BY g.score DESC, g.started_at, g.id"


def active():
    """The games that are being played now, best first."""
    return [_active(game, unpack_state(game.mode, game.state)) for game in found(_BEST_FIRST, now() - LIVE)]


def _active(game, state):
    return ActiveGame(
        id=game.id,
        username=game.username,
        score=game.score,
        mode=game.mode,
        snake=[_cell(cell) for cell in state.body],
        food=_cell(state.food),
        tick=game.tick,
        started_at=timestamp(game.started_at),
        bot=bool(game.bot),
    )


def _cell(cell):
    return Cell(cell % rules.SIZE, cell // rules.SIZE)


def news(known, limit):
    """What is new of the games in `known`, {id: tick}, and of the `limit` best that are being played, as LiveGames.

    A known game of which there is nothing more, not even its end, is gone with its player's account.
    """
    watched = found(f"WHERE g.id IN ({', '.join('?' * len(known))})", *known) if known else []
    others = found(f"{_BEST_FIRST} LIMIT ?", now() - LIVE, limit) if limit else []
    return [_news(game, known[game.id]) for game in watched] + [_whole(game) for game in others if game.id not in known]


def _news(game, since):
    news = LiveGame(game.id, game.tick, heard=max(0, now() - game.seen_at), turns=unpack_turns(game.turns, since))
    if game.ended_at is not None:
        news.outcome, news.ranked, news.rank = game.outcome, bool(game.ranked), rank(game)
    return news


def _whole(game):
    news = _news(game, 0)
    news.username, news.bot, news.challenge = game.username, bool(game.bot), game.challenge
    news.mode, news.rules, news.seed = game.mode, game.rules, game.seed
    return news
