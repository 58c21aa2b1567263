"""Leaderboards: derived from games, and read at a cost that doesn't grow with the number of players.

A board is named `MODE/PERIOD`, such as `walls/all`, `walls/2026-11`, `walls/2026-W47` or `walls/2026-11-22`. It holds each
player's best ranked game that ended in the period (UTC): an Entry. Among equal scores the earlier stands first, and they
share a rank. The games of a challenge are on its board only, `walls/game/ID` or `walls/daily/2026-11-22`. Programs are on
boards of their own, with `/bots` behind the name.

A rank is one more than the number of better scores. Those are counted in two levels of tallies, by score and by BUCKET_WIDTH
scores, of which few rows are added up however many players there are.

Of a day more than a year ago, and of its daily challenge, only the best CLOSED_SIZE entries are kept: the board is closed.
Its tallies go on counting all players, so that ranks are what they were; it is not derived from games any more.

A third level counts the changes of anything that can be seen of a board. That is its version: what was read of a board
before is what it is now as long as its version is the same, whichever process has changed it.
"""

import re
from collections import namedtuple
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby

from database import threadpool
from database.binding import is_sqlite, release_connection
from database.transactions import commit, snapshot
from models import now, one, sql, upsert
from rules import MODES

PERIODS = ALL, MONTH, WEEK, DAY = "all", "month", "week", "day"
FINE, COARSE, VERSION = range(3)  # levels of the tallies
BUCKET_WIDTH = 512  # scores that a bucket of COARSE counts together
AROUND = 3  # entries on either side of one's own
CLOSED_SIZE = 100  # entries of a closed board
HIDDEN = "-"  # before the name of a closed board: the entry of a banned player, who may be unbanned
FIRST_CURSOR = (2**31 - 1, 0, 0)  # the place ahead of all others
EPOCH, MILLISECONDS_A_DAY = date(1970, 1, 1), 86_400_000
BELOW_ALL = -1  # a score that everybody has beaten
GAMES_BATCH = 500  # of a player that are read at a time
ENTRIES_BATCH = 500  # of a player that one transaction changes

EntryRow = namedtuple("EntryRow", "board score at game user_id name bot verified")
Player = namedtuple("Player", "bot")


@lru_cache(maxsize=1000)
def board_key(mode, period, day, bots=False):
    """The name of the board of a mode and of the period around a datetime.date, which `all` doesn't look at."""
    year, week, _ = day.isocalendar()
    spell = {ALL: "all", MONTH: f"{day:%Y-%m}", WEEK: f"{year}-W{week:02}", DAY: f"{day:%Y-%m-%d}"}
    return f"{mode}/{spell[period]}{'/bots' * bots}"


def challenge_board_key(mode, challenge, bots=False):
    """The name of the board of a challenge, which is named as in challenges.py."""
    return f"{mode}/{challenge if '/' in challenge else f'game/{challenge}'}{'/bots' * bots}"


def main_board_key(mode, challenge=None, bots=False):
    """The name of the board on which a game's rank is told: its challenge's, or the mode's of all times."""
    return challenge_board_key(mode, challenge, bots) if challenge else board_key(mode, ALL, date.min, bots)


def mode_of(name):
    return name.split("/")[0]


# Deriving. Each of these runs within the transaction that changes the games, after User.lock.


def record_result(user_id, game_id, mode, challenge, score, at, verified):
    """Put a ranked game that has just ended on each board where it is the player's best, unless they are on none.

    Answers the player's best score on the game's main board from now on, or None.
    """
    peoples, bots = (_boards_of(mode, challenge, at, bot) for bot in (False, True))
    found = sql(_player_with_entries(len(peoples)), *peoples, *bots, user_id).fetchall()
    if not found:
        return None
    names = bots if found[0][0] else peoples
    standing = {name: best for _, name, *best in found if name in names}
    this = _quality(score, at, game_id)
    better = [name for name in names if name not in standing or this > _quality(*standing[name])]
    _save_entries(dict.fromkeys(better, (score, at, game_id, verified)), user_id)
    left = [(name, standing[name][0], -1) for name in better if name in standing]
    _count_entries(left + [(name, score, 1) for name in better])
    return score if names[0] in better else standing[names[0]][0]


@lru_cache
def _player_with_entries(boards):
    """The statement for whether the player is a bot, with their entries on so many boards of people's and of bots'.

    It finds nothing for one who may not stand on a board.
    """
    return _ENTERING.format(", ".join("?" * 2 * boards))


_ENTERING = (
    "SELECT u.bot, e.board, e.score, e.at, e.game_id"
    " FROM users u LEFT JOIN entries e ON e.user_id = u.id AND e.board IN ({})"
    " WHERE u.id = ? AND u.password IS NOT NULL AND u.banned_at IS NULL"
)


def rebuild_player(user_id, gathered=None):
    """Derive a player's entries from their games again; none for a guest or a banned player.

    `gathered`: what `gather` returned before the transaction, so that a million games are not read within it.
    """
    closed = closed_boards()
    changed, player = _remove_entries(user_id, closed), _eligible_player(user_id)
    best = _best_games(user_id, player.bot, gathered, closed) if player else {}
    _save_entries(best, user_id)
    changed += _update_closed(user_id, closed, bool(player))
    _count_entries(changed + [(name, entry[0], 1) for name, entry in best.items()])


def hide_player(user_id):
    """Hide the entries of a player who is banned on closed boards, from which they could not be derived again."""
    _count_entries(_update_closed(user_id, closed_boards(), may_stand=False))


def _update_closed(user_id, closed, may_stand):
    """Hide a player's entries on closed boards, or show them again; delete those whose game is not ranked any more.

    Answers what is to be counted for it.
    """
    changed = []
    found = sql(
        "SELECT e.board, e.score, g.ranked FROM entries e LEFT JOIN games g ON g.id = e.game_id WHERE e.user_id = ?", user_id
    ).fetchall()
    for name, score, is_ranked in found:
        is_hidden, board = name.startswith(HIDDEN), name.removeprefix(HIDDEN)
        if board not in closed:
            continue
        if not is_ranked:
            sql("DELETE FROM entries WHERE user_id = ? AND board = ?", user_id, name)
        elif is_hidden == may_stand:
            wanted = board if may_stand else HIDDEN + board
            sql("UPDATE entries SET board = ? WHERE user_id = ? AND board = ?", wanted, user_id, name)
        was, is_now = not is_hidden, bool(is_ranked) and may_stand
        if was != is_now:
            changed.append((board, score, 1 if is_now else -1))
    return changed


# The best of the games that began before a time, of each day and challenge: (mode, challenge, score, at, id, verified).
GatheredGames = namedtuple("GatheredGames", "games since")


def gather_games(user_id, but=None):
    """Read a player's games for `rebuild`, in steps of a few milliseconds. `but`: the id of a game that is left out."""
    # What began before the open game, or before now, is over, and stays as it is.
    opened = sql("SELECT started_at FROM games WHERE user_id = ? AND ended_at IS NULL", user_id).fetchone()
    since = opened[0] if opened else now()
    best, last = {}, (-1, "")
    while rows := sql(_GAMES_AFTER, user_id, *last, since, GAMES_BATCH).fetchall():
        last = rows[-1][:2]
        for _, game_id, ranked, mode, challenge, score, at, verified in rows:
            if ranked and game_id != but:
                key = mode, challenge, challenge is None and at // MILLISECONDS_A_DAY
                if key not in best or _quality(score, at, game_id) > _quality(*best[key][2:5]):
                    best[key] = mode, challenge, score, at, game_id, verified
        if len(rows) == GAMES_BATCH:
            release_connection()
            threadpool.give_way()
    return GatheredGames(list(best.values()), since)


_GAMES_AFTER = (
    "SELECT started_at, id, ranked AND ended_at IS NOT NULL, mode, challenge, score, ended_at, verified FROM games"
    " WHERE user_id = ? AND (started_at, id) > (?, ?) AND started_at < ? ORDER BY started_at, id LIMIT ?"
)


def _best_games(user_id, bot, gathered=None, closed=frozenset()):
    """The player's entries, {board: (score, at, game_id, verified)}, by their games; not those on closed boards."""
    best, gathered = {}, gathered or GatheredGames((), 0)
    games = sql(
        "SELECT mode, challenge, score, ended_at, id, verified FROM games"
        " WHERE user_id = ? AND ranked AND ended_at IS NOT NULL AND started_at >= ?",
        *(user_id, gathered.since),
    ).fetchall()
    for mode, challenge, *game in sorted([*gathered.games, *games], key=lambda game: _quality(*game[2:5])):
        best.update((name, game) for name in _boards_of(mode, challenge, game[1], bot) if name not in closed)
    return best


def remove_player(user_id):
    """Take a player off up to ENTRIES_BATCH boards. Return whether there may be more."""
    entries = sql(_WITHDRAW, user_id, user_id, ENTRIES_BATCH).fetchall()
    _count_entries(_decrements(entries))
    return len(entries) == ENTRIES_BATCH


_WITHDRAW = (
    "DELETE FROM entries WHERE user_id = ? AND board IN (SELECT e.board FROM entries e WHERE e.user_id = ?"  # noqa: S608 - ours
    f" AND (SUBSTR(e.board, 1, 1) <> '{HIDDEN}' OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = e.user_id"
    " AND u.banned_at IS NOT NULL AND u.deleted_at IS NULL)) LIMIT ?)"
    " RETURNING board, score"
)


def _remove_entries(user_id, closed=()):
    """Delete the player's entries, but for those on closed boards if any are given; what is to be counted for it."""
    return _decrements(sql(_TAKE_OFF_OPEN if closed else _TAKE_OFF, user_id).fetchall())


def _decrements(entries):
    return [(name, score, -1) for name, score in entries if not name.startswith(HIDDEN)]


_NOT_CLOSED = f"SUBSTR(board, 1, 1) <> '{HIDDEN}' AND board NOT IN (SELECT board FROM closed_boards)"  # noqa: S608 - ours
_TAKE_OFF = "DELETE FROM entries WHERE user_id = ? RETURNING board, score"
_TAKE_OFF_OPEN = f"DELETE FROM entries WHERE user_id = ? AND {_NOT_CLOSED} RETURNING board, score"  # noqa: S608 - ours


def bump_versions(user_id, after=""):
    """Change the versions of up to ENTRIES_BATCH of a player's boards, in the order of their names: after a change of name.

    Return the last board if there may be more: what to go on `after`.
    """
    boards = [name for (name,) in sql(_BOARDS_AFTER, user_id, after, ENTRIES_BATCH).fetchall()]
    _add_to_histogram({(name, VERSION, 0): 1 for name in boards if not name.startswith(HIDDEN)})
    return boards[-1] if len(boards) == ENTRIES_BATCH else None


_BOARDS_AFTER = "SELECT board FROM entries WHERE user_id = ? AND board > ? ORDER BY board LIMIT ?"


def _quality(score, at, game_id):
    """Orders a player's games: the better is greater, among equals the earlier. The id decides within a millisecond."""
    return score, -at, game_id


def _eligible_player(user_id):
    """The Player, or None for one who is on no board: a guest, or somebody banned."""
    found = sql("SELECT bot FROM users WHERE id = ? AND password IS NOT NULL AND banned_at IS NULL", user_id).fetchone()
    return found and Player(*found)


def _boards_of(mode, challenge, at, bot):
    """The names of the boards that a game is for, which ended `at`, by its `challenge` or none; the main one first."""
    if challenge:
        return [challenge_board_key(mode, challenge, bot)]
    return _boards_of_day(mode, at // MILLISECONDS_A_DAY, bot)


@lru_cache(maxsize=100)
def _boards_of_day(mode, days, bot):
    """The names of the boards for so many days after the epoch."""
    day = EPOCH + timedelta(days=days)
    return tuple(board_key(mode, period, day, bot) for period in PERIODS)


def _save_entries(entries, user_id):
    """Write `entries`, {board: (score, at, game_id, verified)}, over those that the player has."""
    upsert(
        "INSERT INTO entries (board, score, at, game_id, verified, user_id) VALUES",
        [(name, *entry, user_id) for name, entry in sorted(entries.items())],
        "ON CONFLICT (user_id, board) DO UPDATE SET score = excluded.score, at = excluded.at,"
        " game_id = excluded.game_id, verified = excluded.verified",
    )


def _count_entries(changes):
    """Add `changes`, (board, score, more players), to the tallies; the boards have another version then."""
    tallies = {}
    for name, score, players in changes:
        for key in ((name, FINE, score), (name, COARSE, score // BUCKET_WIDTH)):
            tallies[key] = tallies.get(key, 0) + players
        tallies[name, VERSION, 0] = 1
    _add_to_histogram(tallies)


def _add_to_histogram(tallies):
    """Add {(board, level, bucket): number} to the tallies.

    In the order of their keys, so that two transactions on Postgres can't wait for each other.
    """
    upsert(
        "INSERT INTO tallies (board, level, bucket, number) VALUES",
        [(*key, number) for key, number in sorted(tallies.items()) if number],
        "ON CONFLICT (board, level, bucket) DO UPDATE SET number = tallies.number + excluded.number",
    )


# All of it at once.

PLAYERS_BATCH = 1000  # looked through at a time


def rebuild_all():
    """Derive every board anew, in one transaction: games that end meanwhile wait for it, or are told to come again."""
    commit(_rebuild_all)


def _rebuild_all():
    if not is_sqlite():
        sql("LOCK TABLE entries, tallies IN EXCLUSIVE MODE")
    names, closed = set(all_boards()), closed_boards()
    sql(f"DELETE FROM entries WHERE {_NOT_CLOSED}")  # noqa: S608 - it is ours
    sql(f"DELETE FROM tallies WHERE level < ? AND {_NOT_CLOSED}", VERSION)  # noqa: S608 - the same
    for user_id, bot, may_stand in _players():
        if may_stand:
            _save_entries(_best_games(user_id, bot, closed=closed), user_id)
    sql(f"INSERT INTO tallies (board, level, bucket, number) {_TALLIES}")
    _add_to_histogram({(name, VERSION, 0): 1 for name in names.union(all_boards())})


def check():
    """Compare the boards with what the games give; yields a sentence for each difference, none if all is well.

    All of it is as it was at one time, for which a transaction is open until the last one is taken. It holds the games of
    one player at a time.
    """
    with snapshot():
        closed = closed_boards()
        for user_id, bot, may_stand in _players():
            derived = _best_games(user_id, bot, closed=closed) if may_stand else {}
            yield from _differences(user_id, {name: tuple(entry) for name, entry in derived.items()}, _entries_of(user_id))
        for name, level, bucket, counted, players in sql(_WRONG_TALLIES).fetchall():
            scores = (
                f"score {bucket}"
                if level == FINE
                else f"scores from {bucket * BUCKET_WIDTH} to {(bucket + 1) * BUCKET_WIDTH - 1}"
            )
            yield f"{name}: {scores}: {players} players are counted, and {counted} have an entry"


def _players():
    """(id, bot, whether they may stand on boards) of each user."""
    last = -1
    while some := sql(_SOME_PLAYERS, last, PLAYERS_BATCH).fetchall():
        yield from some
        last = some[-1][0]


def _entries_of(user_id):
    rows = sql(_ENTRIES_OF, user_id)
    return {name: tuple(entry) for name, *entry in rows}


def _differences(user_id, derived, stored):
    for name in sorted(derived.keys() | stored.keys()):
        there, wanted = stored.get(name), derived.get(name)
        if there != wanted:
            yield f"{name}: player {user_id} has {_in_words(there)}, and by their games {_in_words(wanted)}"


def _in_words(entry):
    if entry is None:
        return "no entry"
    score, at, game_id, verified = entry
    return f"{score} at {at} by game {game_id}{'' if verified else ', not verified'}"


def all_boards():
    return [name for (name,) in sql(_NAMES).fetchall()]


_ENTRIES_OF = f"SELECT board, score, at, game_id, verified FROM entries WHERE user_id = ? AND {_NOT_CLOSED}"  # noqa: S608 - ours
_NAMES = (
    "SELECT board FROM (SELECT board FROM entries UNION SELECT board FROM tallies) AS names"  # noqa: S608 - ours
    f" WHERE {_NOT_CLOSED}"
)
_SOME_PLAYERS = (
    "SELECT id, bot, password IS NOT NULL AND banned_at IS NULL FROM users"
    " WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?"
)
_TALLIES = (
    f"SELECT board, {FINE} AS level, score AS bucket, COUNT(*) AS number FROM entries WHERE {_NOT_CLOSED}"  # noqa: S608 - nothing of a client's
    f" GROUP BY board, score UNION ALL SELECT board, {COARSE}, score / {BUCKET_WIDTH}, COUNT(*) FROM entries"
    f" WHERE {_NOT_CLOSED}"
    f" GROUP BY board, score / {BUCKET_WIDTH}"
)
_WRONG_TALLIES = (
    "SELECT board, level, bucket, SUM(counted), SUM(number) FROM ("  # noqa: S608 - the same
    f"SELECT board, level, bucket, number AS counted, 0 AS number FROM ({_TALLIES}) AS entries_by_score"
    f" UNION ALL SELECT board, level, bucket, 0, number FROM tallies WHERE level < {VERSION} AND {_NOT_CLOSED}"
    ") AS both_counts GROUP BY board, level, bucket HAVING SUM(counted) <> SUM(number)"
)


def has_entry(game_id, user_id, mode, challenge, at):
    """Return whether a game of the user's, which ended `at`, is on a board; those that it can be on are looked at alone."""
    names = [name for bot in (False, True) for name in _boards_of(mode, challenge, at, bot)]
    return bool(sql(_HAS_ENTRY.format(", ".join("?" * len(names))), user_id, game_id, *names).fetchone())


_HAS_ENTRY = "SELECT 1 FROM entries WHERE user_id = ? AND game_id = ? AND board IN ({}) LIMIT 1"


# Closing.

CLOSED_AFTER = 366  # days
CLOSE_BATCH = 200  # entries deleted by one transaction
_OF_A_DAY = re.compile(r"[^/]+/(?:daily/)?(\d{4}-\d{2}-\d{2})(?:/bots)?")


def closed_boards():
    """Return the names of the closed boards, a set."""
    return {name for (name,) in sql("SELECT board FROM closed_boards").fetchall()}


def next_old_board(after, today):
    """Return (the name of the next board after a name that has a day in its own, whether that is old enough to be closed).

    None after the last one. `today` is a datetime.date.
    """
    for beginning in sorted(f"{mode}/{kind}" for mode in MODES for kind in ("", "daily/")):
        found = sql(_NEXT, max(after, f"{beginning}1"), f"{beginning}{today:%Y-%m-%d}").fetchone()[0]
        if found:
            day = _OF_A_DAY.fullmatch(found)
            return found, bool(day) and date.fromisoformat(day[1]) < today - timedelta(days=CLOSED_AFTER)
    return None


_NEXT = "SELECT MIN(board) FROM tallies WHERE board > ? AND board < ?"
_LAST_STORED = "SELECT score, at, user_id FROM entries WHERE board = ? ORDER BY score DESC, at, user_id LIMIT 1 OFFSET ?"
_BEYOND = "SELECT user_id FROM entries WHERE board = ? AND (score < ? OR (score = ? AND (at, user_id) > (?, ?))) LIMIT ?"


def close_board(name, at):
    """Close a board, and delete up to CLOSE_BATCH of its entries beyond the best CLOSED_SIZE. Return how many."""
    sql("INSERT INTO closed_boards (board, closed_at) VALUES (?, ?) ON CONFLICT DO NOTHING", name, at)
    last = sql(_LAST_STORED, name, CLOSED_SIZE - 1).fetchone()
    if not last:
        return 0
    user_ids = [user_id for (user_id,) in sql(_BEYOND, name, *last[:1], *last, CLOSE_BATCH).fetchall()]
    if user_ids:
        places = ", ".join("?" * len(user_ids))
        sql(f"DELETE FROM entries WHERE board = ? AND user_id IN ({places})", name, *user_ids)  # noqa: S608 - question marks
        _add_to_histogram({(name, VERSION, 0): 1})
    return len(user_ids)


# Reading. `names` are the boards that are read as one: a mode's, or those of both modes.


def versions(names):
    """The boards' versions, as one value to compare: read before what is to be kept."""
    return [one(_VERSION_IN_SQLITE if is_sqlite() else _VERSION_IN_POSTGRES, name) for name in names]


_VERSION_IN_SQLITE = "SELECT number FROM tallies WHERE board = ? AND level = 2"
# A copy that takes the database's place while servers run sets the numbers back. The transaction that wrote the row, and the
# table's own number, are others then.
_VERSION_IN_POSTGRES = "SELECT number, xmin::text, tableoid FROM tallies WHERE board = ? AND level = 2"


def rank(names, score):
    """The rank that a score has, or would have."""
    return 1 + sum(sql(_count_better(1), *_rank_bounds(name, score)).fetchone()[0] for name in names)


def size(names):
    """How many entries there are."""
    return rank(names, BELOW_ALL) - 1


def ranks(names, scores):
    """{score: the rank that it has, or would have}; that of BELOW_ALL is one more than there are entries."""
    found = dict.fromkeys(scores, 1)
    for name in names:
        bounds = [bound for score in found for bound in _rank_bounds(name, score)]
        for score, better in zip(found, sql(_count_better(len(found)), *bounds).fetchone(), strict=True):
            found[score] += better
    return found


def _rank_bounds(name, score):
    upper = score // BUCKET_WIDTH
    return name, upper, name, score, (upper + 1) * BUCKET_WIDTH


@lru_cache
def _count_better(number):
    """The statement that counts the entries better than each of so many scores."""
    better = (
        "(SELECT COALESCE(SUM(number), 0) FROM tallies WHERE board = ? AND level = 1 AND bucket > ?)"
        " + (SELECT COALESCE(SUM(number), 0) FROM tallies WHERE board = ? AND level = 0 AND bucket > ? AND bucket < ?)"
    )
    return f"SELECT {', '.join([better] * number)}"


def entries_after(names, limit, after=FIRST_CURSOR):
    """The first `limit` Rows behind a place, (score, at, user_id)."""
    score, at, user_id = after
    rows = [row for name in names for row in _rows(PAGE_AFTER, name, score, at, user_id, limit, name, score, limit, limit)]
    return sorted(rows, key=sort_key)[:limit]


def entries_around(names, row):
    """The Rows around one that is on one of the boards, itself included."""
    ahead = [
        other
        for name in names
        for other in _rows(PAGE_BEFORE, name, row.score, row.at, row.user_id, AROUND, name, row.score, AROUND, AROUND)
    ]
    return [*sorted(ahead, key=sort_key)[-AROUND:], row, *entries_after(names, AROUND, cursor_of(row))]


def with_ranks(names, rows):
    """[(rank, EntryRow)] for Rows that follow each other on the boards."""
    groups = [(score, list(group)) for score, group in groupby(rows, key=lambda row: row.score)]
    # Of the first score some may stand ahead of these rows, so that the next rank can't be counted from here.
    known = ranks(names, [score for score, _ in groups[:2]]) if groups else {}
    answer, shared, before = [], 0, 0
    for score, group in groups:
        shared = known.get(score, shared + before)
        before = len(group)
        answer += [(shared, row) for row in group]
    return answer


def next_entry(names, score, user_id):
    """The last EntryRow of the boards that is better than a score, and not the user's own; None if there is none."""
    better = (row for name in names for row in _rows(NEXT_ENTRY, name, score, -1 if user_id is None else user_id))
    return max(better, key=sort_key, default=None)


def player_entry(names, user_id):
    """A player's best EntryRow on the boards, or None."""
    return min((row for name in names for row in _rows(OWN_ENTRY, name, user_id)), key=sort_key, default=None)


def sort_key(row):
    return -row.score, row.at, row.user_id


def cursor_of(row):
    return row.score, row.at, row.user_id


def _rows(statement, *parameters):
    return [EntryRow(*found) for found in sql(statement, *parameters)]


# Two runs along one index, each as long as the page at the most: the rest of the same score, then the scores beyond.
_KEYSET_PAGE = (
    "SELECT e.board, e.score, e.at, e.game_id, e.user_id, u.name, u.bot, e.verified FROM ("
    " SELECT * FROM (SELECT * FROM entries WHERE board = ? AND score = ? AND (at, user_id) {beyond} (?, ?)"
    " ORDER BY at {way}, user_id {way} LIMIT ?) AS same UNION ALL"
    " SELECT * FROM (SELECT * FROM entries WHERE board = ? AND score {further} ?"
    " ORDER BY score {score_way}, at {way}, user_id {way} LIMIT ?) AS others"
    ") AS e JOIN users u ON u.id = e.user_id ORDER BY e.score {score_way}, e.at {way}, e.user_id {way} LIMIT ?"
)
PAGE_AFTER = _KEYSET_PAGE.format(beyond=">", further="<", way="ASC", score_way="DESC")
PAGE_BEFORE = _KEYSET_PAGE.format(beyond="<", further=">", way="DESC", score_way="ASC")
_ROWS = (
    "SELECT e.board, e.score, e.at, e.game_id, e.user_id, u.name, u.bot, e.verified"
    " FROM entries e JOIN users u ON u.id = e.user_id WHERE e.board = ?"
)
OWN_ENTRY = _ROWS + " AND e.user_id = ?"
NEXT_ENTRY = _ROWS + " AND e.score > ? AND e.user_id <> ? ORDER BY e.score, e.at DESC, e.user_id DESC LIMIT 1"
