"""Games that are being played, for those who watch."""

import msgspec

import rules
from games import found, rank, unpack_state, unpack_turns
from models import now, sql
from schemas import ActiveGame, Cell, LiveGame, timestamp

LIVE = 10_000  # milliseconds after a post in which a game is shown as live

_PLAYED_NOW = "WHERE g.ended_at IS NULL AND g.seen_at > ? AND u.banned_at IS NULL"
_BEST_FIRST = f"{_PLAYED_NOW} ORDER BY g.score DESC, g.started_at, g.id"
_JOINED = "FROM games g JOIN users u ON u.id = g.user_id"
_ACTIVE = f"SELECT g.id, g.tick, u.name, u.bot, g.mode, g.score, g.started_at, g.state {_JOINED} {_BEST_FIRST}"
# All that the answer depends on, as one text: the database makes it in a sixth of the time that rows take to get here.
_STATE = f"SELECT group_concat(g.id || ' ' || g.tick || ' ' || u.name, ',') {_JOINED} {_PLAYED_NOW}"


def count():
    """How many games are being played now, and how many have not ended."""
    return sql(_COUNT, now() - LIVE).fetchone()


_COUNT = "SELECT COUNT(CASE WHEN seen_at > ? THEN 1 END), COUNT(*) FROM games WHERE ended_at IS NULL"


def active(kept):
    """The games that are being played now, best first, as JSON.

    `kept`, a keeping.Kept, has the answer as long as no game has moved, and what is said of each as long as that one hasn't.
    """
    since = now() - LIVE
    return kept.get("all", sql(_STATE, since).fetchone(), _all_active, kept, since)


def _all_active(kept, since):
    games = sql(_ACTIVE, since).fetchall()
    return b"[%s]" % b",".join([kept.get(game[0], game[1:3], _active, *game) for game in games])


def _active(game_id, tick, username, bot, mode, score, started_at, state):
    game = unpack_state(mode, state)
    return msgspec.json.encode(
        ActiveGame(
            id=game_id,
            username=username,
            score=score,
            mode=mode,
            snake=[_cell(cell) for cell in game.body],
            food=_cell(game.food),
            tick=tick,
            started_at=timestamp(started_at),
            bot=bool(bot),
        )
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
