"""Games that are being played, for those who watch."""

import re

import msgspec

import rules
from game import codec, games
from models import now, sql
from schemas import KNOWN_GAME, MOST_ACTIVE, MOST_KNOWN, ActiveGame, Cell, LiveGame, LiveName, timestamp
from web.problems import BAD_FORMAT, TOO_LONG, invalid

LIVE = 10_000  # milliseconds after a post in which a game is shown as live
MOST_BYTES = 1_000_000  # of the list of active games; only 200 very long snakes would need more

# Games on today's daily challenge, by its name, and challenges of them, by its seeds, would reveal the seeds.
_IS_SHOWN = "(g.challenge IS NULL OR (g.challenge <> ? AND g.seed NOT IN (?, ?)))"
_PLAYED_NOW = f"WHERE g.ended_at IS NULL AND g.seen_at > ? AND u.banned_at IS NULL AND {_IS_SHOWN}"
_BEST_FIRST = f"{_PLAYED_NOW} ORDER BY g.score DESC, g.started_at, g.id LIMIT ?"
_JOINED = "FROM games g JOIN users u ON u.id = g.user_id"
_ACTIVE = f"SELECT g.id, g.tick, u.name, u.bot, g.mode, g.score, g.started_at, g.state {_JOINED} {_BEST_FIRST}"
# All that the list depends on, as one text: the database makes it in a sixth of the time that rows take to get here.
# In no order: to sort them would take as long again.
_STATE = f"SELECT group_concat(g.id || ' ' || g.tick || ' ' || u.name, ',') {_JOINED} {_PLAYED_NOW}"


def count():
    """How many games are being played now, and how many have not ended."""
    return sql(_COUNT, now() - LIVE).fetchone()


_COUNT = "SELECT COUNT(CASE WHEN seen_at > ? THEN 1 END), COUNT(*) FROM games WHERE ended_at IS NULL"


def best(limit, hidden):
    """Return the `limit` best games that are being played now, best first, as LiveNames, without the `hidden` ones."""
    name, seeds = hidden
    rows = sql(_NAMES, now() - LIVE, name, *seeds, limit).fetchall()
    return [LiveName(*row[:-2], timestamp(row[-2]), bool(row[-1])) for row in rows]


_NAMES = f"SELECT g.id, u.name, g.score, g.mode, g.started_at, u.bot {_JOINED} {_BEST_FIRST}"


def active(kept, limit, hidden):
    """Return the `limit` best games that are being played now, best first, as JSON, without the `hidden` ones.

    `hidden` is as challenges.hidden_now returns it. `kept`, a keeping.Kept, has the list as long as no game has moved, and
    each game as long as that one hasn't.
    """
    name, seeds = hidden
    played_now = now() - LIVE, name, *seeds
    games = kept.get("all", sql(_STATE, *played_now).fetchone(), _all_active, kept, played_now)
    return b"[%s]" % b",".join(games[:limit])


def _all_active(kept, played_now):
    """The games as JSON, as many as fit into one response."""
    fitting, size = [], 0
    for game in sql(_ACTIVE, *played_now, MOST_ACTIVE).fetchall():
        fitting.append(kept.get(game[0], game[1:3], _active, *game))
        size += len(fitting[-1]) + 1
        if size > MOST_BYTES:
            return fitting[:-1]
    return fitting


def _active(game_id, tick, username, bot, mode, score, started_at, state):
    game = codec.decode_state(mode, state)
    return msgspec.json.encode(
        ActiveGame(
            id=game_id,
            username=username,
            score=score,
            mode=mode,
            snake=msgspec.Raw(b"[%s]" % b",".join([_CELLS[cell] for cell in game.body])),
            food=msgspec.Raw(_CELLS[game.food]),
            tick=tick,
            started_at=timestamp(started_at),
            bot=bool(bot),
        )
    )


_CELLS = [msgspec.json.encode(Cell(cell % rules.SIZE, cell // rules.SIZE)) for cell in range(rules.CELLS)]


def parse_known(spelled):
    """Return {id: tick} of the games that a query names as `ID:TICK,ID:TICK`.

    Raise a 422 Problem if it is spelled otherwise, or names too many.
    """
    known = spelled.split(",") if spelled else []
    if not all(re.fullmatch(KNOWN_GAME, game) for game in known):
        raise invalid(("known", BAD_FORMAT, "give ID:TICK of each game, with commas between, such as abc:12,def:0"))
    if len(known) > MOST_KNOWN:
        why = f"names {len(known)} games; give at most {MOST_KNOWN}, and ask for the others separately"
        raise invalid(("known", TOO_LONG, why, {"max": MOST_KNOWN, "unit": "games"}))
    return {game_id: int(tick) for game_id, _, tick in (game.partition(":") for game in known)}


def news(known, limit, hidden, may_see):
    """What is new of the games in `known`, {id: tick}, and of the `limit` best that are being played, as LiveGames.

    Those that are `hidden`, see challenges.hidden_now, are not among the others, nor among the known ones unless the client
    `may_see` them.

    A known game of which there is nothing more, not even its end, is gone with its player's account. All of them have
    at most games.MOST_TURNS turns together: those for which there is no room come with the next request.
    """
    order = list(known)
    watched = games.found_briefly(f"WHERE g.id IN ({', '.join('?' * len(known))})", *known) if known else []
    watched = [game for game in watched if may_see(game)]
    watched.sort(key=lambda game: order.index(game.id))
    name, seeds = hidden
    others = games.found_briefly(_BEST_FIRST, now() - LIVE, name, *seeds, limit) if limit else []
    room, told = games.MOST_TURNS, []
    for game in [*watched, *(game for game in others if game.id not in known)]:
        since = known.get(game.id)
        update, number = _news(game, since or 0, room)
        if update:
            told.append(update if since is not None else _whole(game, update))
            room -= number
    return told


def _news(game, since, room):
    """Return (the LiveGame, with at most `room` turns after `since`; how many they are), or (None, 0) if it is gone."""
    part = codec.Part([], 0, None, is_cut=game.tick > since)  # where there is no room
    if game.tick > since and room:
        game, part = games.some_turns(game, since, room)
        if not game:
            return None, 0
    turns = part.turns if part.number else []
    if part.is_cut:
        return LiveGame(game.id, part.last or since, heard=_heard(game), turns=turns), part.number
    news = LiveGame(game.id, game.tick, heard=_heard(game), turns=turns)
    if game.ended_at is not None:
        news.outcome, news.ranked, news.rank = game.outcome, bool(game.ranked), games.rank(game)
    return news, part.number


def _heard(game):
    return max(0, now() - game.seen_at)


def _whole(game, news):
    news.username, news.bot, news.challenge = game.username, bool(game.bot), game.challenge
    news.mode, news.rules, news.seed = game.mode, game.rules, game.seed
    return news
