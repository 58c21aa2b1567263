"""Leaderboards, derived from games.

A board's key is `MODE/PERIOD`, such as `walls/all`, `walls/2026-11`, `walls/2026-W47` or `walls/2026-11-22`. The board has
each player's best ranked game that ended in the period (UTC): an Entry. Among equal scores the earlier is listed first, and
they share a rank. The games of a challenge are on its board only, `walls/game/ID` or `walls/daily/2026-11-22`; those of a
round of a room are on none. Programs are on boards of their own, with `/bots` behind the key.

Ranks come from score_histogram.py. Old boards are closed, see closed_leaderboards.py.
"""

from collections import namedtuple
from datetime import date, timedelta
from functools import lru_cache

from peewee import JOIN, Tuple, ValueLiterals, fn

from database import threadpool
from database.binding import release_connection
from database.queries import Param, compiled, insert_rows, literal, params, rows
from database.tables import lock_tables
from database.transactions import commit, snapshot
from game.closed_leaderboards import HIDDEN, are_open, closed_boards, is_hidden, update_player
from game.score_histogram import BUCKET_WIDTH, COARSE, FINE, VERSION, bump_versions, count_entries
from models import Entry, Game, ScoreHistogram, User, now

PERIODS = ALL, MONTH, WEEK, DAY = "all", "month", "week", "day"
EPOCH, MILLISECONDS_A_DAY = date(1970, 1, 1), 86_400_000
GAMES_BATCH = 500  # games of a player that are read at a time
ENTRIES_BATCH = 500  # entries of a player that one transaction changes

ELIGIBLE = User.password.is_null(False) & User.banned_at.is_null()  # for leaderboards: neither a guest nor banned

# The best of the games that began before a time, of each day and challenge: (mode, challenge, score, at, id, verified).
GatheredGames = namedtuple("GatheredGames", "games since")


# Keys.


@lru_cache(maxsize=1000)
def board_key(mode, period, day, bots=False):
    """Return the key of the board of a mode and of the period around a datetime.date, which `all` ignores."""
    year, week, _ = day.isocalendar()
    name = {ALL: "all", MONTH: f"{day:%Y-%m}", WEEK: f"{year}-W{week:02}", DAY: f"{day:%Y-%m-%d}"}
    return f"{mode}/{name[period]}{'/bots' * bots}"


def challenge_board_key(mode, challenge, bots=False):
    """Return the key of the board of a challenge, which is named as in challenges.py."""
    return f"{mode}/{challenge if '/' in challenge else f'game/{challenge}'}{'/bots' * bots}"


def main_board_key(mode, challenge=None, bots=False):
    """Return the key of the board on which a game is ranked: its challenge's, or the mode's of all times."""
    return challenge_board_key(mode, challenge, bots) if challenge else board_key(mode, ALL, date.min, bots)


def _boards_of(mode, challenge, ended_at, bot):
    """Return the keys of all boards that a game is for, by its `challenge` or None; the main one first."""
    if challenge:
        return [challenge_board_key(mode, challenge, bot)]
    return _boards_of_day(mode, ended_at // MILLISECONDS_A_DAY, bot)


@lru_cache(maxsize=100)
def _boards_of_day(mode, days, bot):
    """Return the keys for so many days after the epoch."""
    day = EPOCH + timedelta(days=days)
    return tuple(board_key(mode, period, day, bot) for period in PERIODS)


# Deriving. Each of these runs within the transaction that changes the games, after User.lock.


def record_result(user_id, game_id, mode, challenge, score, ended_at, verified):
    """Record a ranked game that has just ended on each board where it beats the player's entry, if they are eligible.

    Return the player's best score on the game's main board from now on, or None.
    """
    people, bots = (_boards_of(mode, challenge, ended_at, bot) for bot in (False, True))
    found = _player_with_entries(2 * len(people), user=user_id, boards=[*people, *bots]).fetchall()
    if not found:
        return None
    boards = bots if found[0][0] else people
    entries = {board: best for _, board, *best in found if board in boards}
    this = _quality(score, ended_at, game_id)
    better = [board for board in boards if board not in entries or this > _quality(*entries[board])]
    _save(dict.fromkeys(better, (score, ended_at, game_id, verified)), user_id)
    replaced = [(board, entries[board][0], -1) for board in better if board in entries]
    count_entries(replaced + [(board, score, 1) for board in better])
    return score if boards[0] in better else entries[boards[0]][0]


@compiled
def _player_with_entries(number):
    """Whether an eligible player is a bot, with their entries on some boards."""
    own = (Entry.user == User.id) & Entry.board.in_(params("boards", number))
    columns = User.bot, Entry.board, Entry.score, Entry.achieved_at, Entry.game_id
    return User.select(*columns).join(Entry, JOIN.LEFT_OUTER, on=own).where(User.id == Param("user"), ELIGIBLE)


def _quality(score, ended_at, game_id):
    """Return a key by which a player's better game is greater: among equals the earlier, or by id within a millisecond."""
    return score, -ended_at, game_id


def _save(entries, user_id):
    """Write `entries`, {board: (score, at, game_id, verified)}, over those that the player has."""
    insert_rows(_save_entries.later, [(board, *entry, user_id) for board, entry in sorted(entries.items())])


@compiled
def _save_entries(number):
    values = Entry.score, Entry.achieved_at, Entry.game_id, Entry.verified
    insert = Entry.insert_many(rows("rows", number, 6), [Entry.board, *values, Entry.user])
    return insert.on_conflict(conflict_target=(Entry.user, Entry.board), preserve=values).returning()


# A player's games read again.


def rebuild_player(user_id, gathered=None):
    """Derive a player's entries from their games again; none for a guest or a banned player.

    `gathered`: what `gather_games` returned before the transaction, so that a million games are not read within it.
    """
    closed = closed_boards()
    changes = _decrements(_remove_entries(Entry.user == user_id, *are_open(Entry)))
    player = User.select(User.bot).where(User.id == user_id, ELIGIBLE).first()
    best = _best_games(user_id, player.bot, gathered, closed) if player else {}
    _save(best, user_id)
    changes += update_player(user_id, closed, bool(player))
    count_entries(changes + [(board, entry[0], 1) for board, entry in best.items()])


def _remove_entries(*conditions):
    return list(Entry.delete().where(*conditions).returning(Entry.board, Entry.score).execute())


def _decrements(entries):
    return [(entry.board, entry.score, -1) for entry in entries if not entry.board.startswith(HIDDEN)]


def gather_games(user_id, but=None):
    """Read a player's games for `rebuild_player`, in steps of a few milliseconds, without the game whose id is `but`."""
    # What began before the open game, or before now, is over, and stays as it is.
    opened = Game.select(Game.started_at).where(Game.user == user_id, Game.ended_at.is_null()).first()
    since = min(opened.started_at, now()) if opened else now()  # a game of a round may start in a moment
    best, last = {}, (-1, "")
    while games := _games_after(user=user_id, last=last, since=since, limit=GAMES_BATCH).fetchall():
        last = games[-1][:2]
        for _, game_id, counts, mode, challenge, score, at, verified in games:
            if counts and game_id != but:
                key = mode, challenge, challenge is None and at // MILLISECONDS_A_DAY
                if key not in best or _quality(score, at, game_id) > _quality(*best[key][2:5]):
                    best[key] = mode, challenge, score, at, game_id, verified
        if len(games) == GAMES_BATCH:
            release_connection()
            threadpool.give_way()
    return GatheredGames(list(best.values()), since)


@compiled
def _games_after():
    order = Game.started_at, Game.id
    counts = Game.ranked & Game.ended_at.is_null(False) & Game.round.is_null()
    columns = *order, counts, Game.mode, Game.challenge, Game.score, Game.ended_at, Game.verified
    later = Tuple(*order) > Tuple(*params("last", 2)), Game.started_at < Param("since")
    return Game.select(*columns).where(Game.user == Param("user"), *later).order_by(*order).limit(Param("limit"))


def _best_games(user_id, bot, gathered=None, closed=frozenset()):
    """Return a player's entries, {board: (score, at, game_id, verified)}, by their games; not those on closed boards."""
    best, gathered = {}, gathered or GatheredGames((), 0)
    games = _ranked_games(user=user_id, since=gathered.since).fetchall()
    for mode, challenge, *game in sorted([*gathered.games, *games], key=lambda game: _quality(*game[2:5])):
        best.update((board, game) for board in _boards_of(mode, challenge, game[1], bot) if board not in closed)
    return best


@compiled
def _ranked_games():
    columns = Game.mode, Game.challenge, Game.score, Game.ended_at, Game.id, Game.verified
    since = Game.user == Param("user"), Game.started_at >= Param("since")
    return Game.select(*columns).where(*since, Game.ranked, Game.ended_at.is_null(False), Game.round.is_null())


# All of a player's entries, a batch at a time.


def remove_player(user_id):
    """Remove up to ENTRIES_BATCH entries of a player, but for the hidden ones of a banned account.

    Return whether there may be more.
    """
    own = Entry.alias()
    banned = User.select(User.id).where(User.id == user_id, User.banned_at.is_null(False), User.deleted_at.is_null())
    some = own.select(own.board).where(own.user == user_id, ~is_hidden(own) | ~fn.EXISTS(banned)).limit(ENTRIES_BATCH)
    removed = _remove_entries(Entry.user == user_id, Entry.board.in_(some))
    count_entries(_decrements(removed))
    return len(removed) == ENTRIES_BATCH


def bump_player_versions(user_id, after=""):
    """Change the versions of up to ENTRIES_BATCH of a player's boards, in the order of their keys: after a change of name.

    Return the last board if there may be more: what to go on `after`.
    """
    later = Entry.select(Entry.board).where(Entry.user == user_id, Entry.board > after)
    boards = [entry.board for entry in later.order_by(Entry.board).limit(ENTRIES_BATCH)]
    bump_versions(board for board in boards if not board.startswith(HIDDEN))
    return boards[-1] if len(boards) == ENTRIES_BATCH else None


# All boards at once.

PLAYERS_BATCH = 1000  # players that are read at a time


def rebuild_all():
    """Derive all boards again, in one transaction: games that end meanwhile wait for it, or fail and are posted again."""
    commit(_rebuild_all)


def _rebuild_all():
    lock_tables(Entry, ScoreHistogram)
    boards, closed = all_boards(), closed_boards()
    Entry.delete().where(*are_open(Entry)).execute()
    ScoreHistogram.delete().where(ScoreHistogram.level < VERSION, *are_open(ScoreHistogram)).execute()
    for user_id, bot, is_eligible in _players():
        if is_eligible:
            _save(_best_games(user_id, bot, closed=closed), user_id)
    for level in BUCKET:
        columns = ScoreHistogram.board, ScoreHistogram.level, ScoreHistogram.bucket, ScoreHistogram.count
        ScoreHistogram.insert_from(_counted(level), columns).returning().execute()
    bump_versions(boards | all_boards())


BUCKET = {FINE: Entry.score, COARSE: ValueLiterals(Entry.score / BUCKET_WIDTH)}  # an entry's, on each level


def _counted(level):
    """Return the query for the rows that the histogram must have on a level, by the entries."""
    columns = Entry.board, literal(level), BUCKET[level], fn.COUNT(Entry.user)
    return Entry.select(*columns).where(*are_open(Entry)).group_by(Entry.board, BUCKET[level])


def all_boards():
    """Return the set of the keys of all boards that are not closed."""
    found = (model.select(model.board).where(*are_open(model)).distinct() for model in (Entry, ScoreHistogram))
    return {row.board for rows in found for row in rows}


def check():
    """Compare the boards with their games. Yield a sentence for each difference, none if all is well.

    All of it is as of one moment: a transaction is open until the last sentence is taken. It holds the games of one player
    at a time.
    """
    with snapshot():
        closed = closed_boards()
        for user_id, bot, is_eligible in _players():
            derived = _best_games(user_id, bot, closed=closed) if is_eligible else {}
            stored = {board: entry for board, *entry in _open_entries(user=user_id).fetchall()}
            yield from _differences(user_id, derived, stored)
        for board, level, bucket, counted, players in _wrong_counts():
            low = bucket * BUCKET_WIDTH
            scores = f"score {bucket}" if level == FINE else f"scores from {low} to {low + BUCKET_WIDTH - 1}"
            yield f"{board}: {scores}: {players} players are counted, and {counted} have an entry"


@compiled
def _open_entries():
    columns = Entry.board, Entry.score, Entry.achieved_at, Entry.game_id, Entry.verified
    return Entry.select(*columns).where(Entry.user == Param("user"), *are_open(Entry))


def _wrong_counts():
    """Return (board, level, bucket, number of entries, number in the histogram) where the numbers differ."""
    key, count = (ScoreHistogram.board, ScoreHistogram.level, ScoreHistogram.bucket), ScoreHistogram.count
    stored = ScoreHistogram.select(*key, literal(0).alias("entries"), count.alias("players"))
    both = stored.where(ScoreHistogram.level < VERSION, *are_open(ScoreHistogram))
    for level in BUCKET:
        both = both.union_all(_counted(level).select_extend(literal(0)))
    key, entries, players = (both.c.board, both.c.level, both.c.bucket), fn.SUM(both.c.entries), fn.SUM(both.c.players)
    sums = ScoreHistogram.select(*key, entries, players).from_(both)
    return list(sums.group_by(*key).having(entries != players).tuples())


def _players():
    """Yield (id, bot, whether they are eligible) of each user."""
    users = User.select(User.id, User.bot, ELIGIBLE).where(User.deleted_at.is_null()).order_by(User.id).tuples()
    last = -1
    while some := list(users.where(User.id > last).limit(PLAYERS_BATCH)):
        yield from some
        last = some[-1][0]


def _differences(user_id, derived, stored):
    for board in sorted(derived.keys() | stored.keys()):
        found, wanted = _in_words(stored.get(board)), _in_words(derived.get(board))
        if found != wanted:
            yield f"{board}: player {user_id} has {found}, and by their games {wanted}"


def _in_words(entry):
    if entry is None:
        return "no entry"
    score, at, game_id, verified = entry
    return f"{score} at {at} by game {game_id}{'' if verified else ', not verified'}"
