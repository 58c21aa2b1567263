"""Games that are being played: the list of active games, and the live feed."""

import re
from functools import partial

import msgspec
from peewee import Case, fn

import rules
from database.binding import is_sqlite
from database.queries import Param, compiled, literal, lookup, params
from database.transactions import change_mark
from game import codec, records, standings
from models import Game, Member, User, now, select_games
from schemas import KNOWN_GAME, MAX_ACTIVE, MAX_KNOWN, ActiveGame, Cell, LiveGame, LiveName, timestamp
from web.problems import BAD_FORMAT, TOO_LONG, invalid

LIVE_MS = 10_000  # after a post, a game is shown as live
STEP_MS = 100  # by which that may be longer: requests in between ask the database for the same, and share the answer
INTERVAL_MS = 1000  # between two updates of a game; its player posts as often
AFTER_POST_MS = 150  # the best time for an update: the post has arrived, and the next one has not
MAX_ALIGNMENT_MS = 250  # by which an update is moved at most, to come nearer to that time
MAX_BYTES = 1_000_000  # of the list of active games; only 200 very long snakes would need more

_CELLS = [msgspec.json.encode(Cell(cell % rules.SIZE, cell // rules.SIZE)) for cell in range(rules.CELLS)]


def _only_live(query):
    """Extend a query for games with their players to those that are live and may be shown. It takes the _live_params.

    Games on today's daily challenge, by its name, and challenges of them, by its seeds, would reveal the seeds.
    """
    is_hidden_seed = Game.seed.not_in(params("seeds", len(rules.MODES)))
    is_shown = Game.challenge.is_null() | ((Game.challenge != Param("hidden")) & is_hidden_seed)
    is_live = Game.ended_at.is_null(), Game.last_post_at > Param("since"), Game.round.is_null()
    return query.where(*is_live, User.banned_at.is_null(), is_shown)


def _live_params(hidden):
    name, seeds = hidden
    return {"since": (now() - LIVE_MS) // STEP_MS * STEP_MS, "hidden": name, "seeds": seeds}


def _best_live(query):
    return _only_live(query).order_by(Game.score.desc(), Game.started_at, Game.id).limit(Param("limit"))


def count():
    """Return (how many games are being played now, how many have not ended)."""
    return _count(since=now() - LIVE_MS).fetchone()


@compiled
def _count():
    is_live = Case(None, [(Game.last_post_at > Param("since"), 1)])
    return Game.select(fn.COUNT(is_live), fn.COUNT(1)).where(Game.ended_at.is_null())


# The start screen.


def best(limit, hidden):
    """Return the `limit` best games that are live, best first, as LiveNames, without the `hidden` ones."""
    games = _best_games.all(limit=limit, **_live_params(hidden))
    return [
        LiveName(game.id, game.username, game.score, game.mode, timestamp(game.started_at), bool(game.bot)) for game in games
    ]


# The list of active games.


def active(cache, limit, hidden):
    """Return the `limit` best games that are live, best first, as JSON, without the `hidden` ones.

    `hidden` is as challenges.hidden_now returns it. `cache` has the list as long as no game has moved, and each game as long
    as that one hasn't.
    """
    params = _live_params(hidden)
    games = cache.get("now", (change_mark(), params), _active_now, cache, params)
    return b"[%s]" % b",".join(games[:limit])


def _active_now(cache, params):
    return cache.get("all", _fingerprint(**params).fetchone(), _all_active, cache, params)


@lookup
def _fingerprint():
    """All that the list depends on, as one text: the database makes it in a sixth of the time that it takes to fetch rows.

    It has no order: sorting would take as long again.
    """
    space, comma = literal(" "), literal(",")
    game = Game.id.concat(space).concat(Game.tick).concat(space).concat(User.name)
    join = fn.GROUP_CONCAT if is_sqlite() else fn.STRING_AGG
    return _only_live(Game.select(join(game, comma)).join(User))


def _all_active(cache, params):
    """Return the games as JSON, as many as fit into one response."""
    fitting, size = [], 0
    for game in _active_games(limit=MAX_ACTIVE, **params).fetchall():
        fitting.append(cache.get(game[0], game[1:3], _active, *game))
        size += len(fitting[-1]) + 1
        if size > MAX_BYTES:
            return fitting[:-1]
    return fitting


@compiled
def _active_games():
    columns = Game.id, Game.tick, User.name, User.bot, Game.mode, Game.score, Game.started_at, Game.state
    return _best_live(Game.select(*columns).join(User))


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


# The live feed.


def parse_cursors(known):
    """Return {id: tick} of the games that the query's `known` gives as `ID:TICK,ID:TICK`.

    Raise a 422 Problem if it is spelled otherwise, or names too many.
    """
    games = known.split(",") if known else []
    if not all(re.fullmatch(KNOWN_GAME, game) for game in games):
        raise invalid(("known", BAD_FORMAT, "give ID:TICK of each game, with commas between, such as abc:12,def:0"))
    if len(games) > MAX_KNOWN:
        why = f"names {len(games)} games; give at most {MAX_KNOWN}, and ask for the others separately"
        raise invalid(("known", TOO_LONG, why, {"max": MAX_KNOWN, "unit": "games"}))
    return {game_id: int(tick) for game_id, _, tick in (game.partition(":") for game in games)}


def updates(cursors, limit, hidden, may_see):
    """Return LiveGames: updates of the games in `cursors`, {id: tick}, and of the `limit` best others that are live.

    Those that are `hidden`, see challenges.hidden_now, are not among the others, nor among the watched ones unless the
    client `may_see` them. A watched game without an update, not even its end, is gone with its player's account. All updates
    have at most records.MAX_TURNS turns together: those for which there is no room come with the next request.
    """
    order = {game_id: index for index, game_id in enumerate(cursors)}
    watched = _games_by_id.all(len(order), ids=list(order)) if order else []
    watched = [game for game in watched if game.round is None and may_see(game)]
    others = _best_games.all(limit=limit, **_live_params(hidden)) if limit else []
    return _updates(cursors, sorted(watched, key=lambda game: order[game.id]), others, _rank_on_board)


def follow(query, updates):
    """Return the next `known` of a client that watches these LiveGames, and after how many seconds it is due.

    None: all games are over, and it wants no others.
    """
    running = [update for update in updates if update.outcome is None][:MAX_KNOWN]
    if not running and not query.limit:
        return None
    is_only = len(running) == 1 and not query.limit
    pause = INTERVAL_MS + (_alignment(running[0].idle_ms) if is_only else 0)
    return ",".join(f"{update.id}:{update.tick}" for update in running), pause / 1000


def _alignment(idle_ms):
    """Return the milliseconds by which the next update should be later, or earlier, to come just after a post."""
    later = (AFTER_POST_MS - idle_ms + INTERVAL_MS // 2) % INTERVAL_MS - INTERVAL_MS // 2
    return max(-MAX_ALIGNMENT_MS, min(MAX_ALIGNMENT_MS, later))


def _rank_on_board(game):
    return records.rank(game, records.best_on_board(game))


def updates_of_round(cursors, limit, row):
    """Return `updates` of the games of a round's row. Its players have their names in the room."""
    name, room = standings.name_of(row), row.room_id
    watched = _round_games_by_id.all(len(cursors), ids=list(cursors), round=name, room=room) if cursors else []
    order = {game_id: index for index, game_id in enumerate(cursors)}
    others = _best_of_round.all(limit=limit, round=name, room=room, since=now() - LIVE_MS) if limit else []
    rank_of = partial(standings.rank_of, row)
    return _updates(cursors, sorted(watched, key=lambda game: order[game.id]), others, rank_of)


@lookup
def _round_games_by_id(count):
    return _of_round().where(Game.id.in_(params("ids", count)))


@compiled
def _best_of_round():
    games = _of_round().where(Game.ended_at.is_null(), Game.last_post_at > Param("since"))
    return games.order_by(Game.score.desc(), Game.started_at, Game.id).limit(Param("limit"))


def _of_round():
    """Return a query as select_games does, with the names in a room as `username`."""
    in_room = (Member.user == Game.user) & (Member.room == Param("room")) & Member.removed_at.is_null()
    games = select_games(brief=True, username=Member.name).join_from(Game, Member, on=in_room)
    return games.where(Game.round == Param("round"), User.banned_at.is_null())


def _updates(cursors, watched, others, rank_of):
    room, found = records.MAX_TURNS, []
    for game in [*watched, *(game for game in others if game.id not in cursors)]:
        since = cursors.get(game.id)
        update, number = _update(game, since or 0, room, rank_of)
        if update:
            found.append(update if since is not None else _full(game, update))
            room -= number
    return found


@lookup
def _games_by_id(count):
    return select_games(brief=True).where(Game.id.in_(params("ids", count)))


@compiled
def _best_games():
    return _best_live(select_games(brief=True))


def _update(game, since, room, rank_of):
    """Return (the LiveGame, with at most `room` turns after `since`; how many they are), or (None, 0) if it is gone.

    `rank_of(game)`: the rank of its player, once it is over.
    """
    part = codec.Part([], 0, None, is_cut=game.tick > since)  # where there is no room
    if game.tick > since and room:
        game, part = records.read_turns(game, since, room)
        if not game:
            return None, 0
    turns = part.turns if part.number else []
    if part.is_cut:
        return LiveGame(game.id, part.last or since, idle_ms=_idle_ms(game), turns=turns), part.number
    update = LiveGame(game.id, game.tick, idle_ms=_idle_ms(game), turns=turns)
    if game.ended_at is not None:
        update.outcome, update.ranked, update.rank = game.outcome, bool(game.ranked), rank_of(game)
    return update, part.number


def _idle_ms(game):
    return max(0, now() - game.last_post_at)


def _full(game, update):
    """Add what a client needs that doesn't know the game yet."""
    update.username, update.bot, update.challenge = game.username, bool(game.bot), game.challenge
    update.mode, update.rules, update.seed = game.mode, game.rules, game.seed
    return update
