"""Reading leaderboards: which boards a query asks for, pages of their entries, and a player's rank.

`boards` are the keys of boards that are read as one: a mode's, or those of both modes. Their entries are rows with `board`,
`score`, `achieved_at`, `game_id`, `user_id`, `verified`, and the player's `name` and `bot`.
"""

import re
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

import msgspec
from peewee import Tuple

from database.queries import Param, compiled, params
from database.transactions import snapshot
from game import challenges, clock
from game.leaderboards import ALL, board_key, challenge_board_key
from game.score_histogram import BELOW_ALL, rank, ranks, size
from models import Entry, User
from rules import MODES
from schemas import CURSOR, EntryAnswer, NextRank, Standing, timestamp
from web.problems import BAD_FORMAT, NOT_WITH_CHALLENGE, invalid

AROUND = 3  # entries on either side of the player's own
FIRST_CURSOR = (2**31 - 1, 0, 0)  # before all entries


def boards_for_query(query, user=None):
    """Return the keys of the boards that a query asks for: those with the user, where it doesn't say whose."""
    bots = query.players == "bots" or bool(user and user.bot and not query.players)
    if query.challenge is None:
        day = date.min if query.period == ALL else query.at or clock.today()
        return [board_key(mode, query.period, day, bots) for mode in ([query.mode] if query.mode else MODES)]
    if query.period != ALL:
        raise invalid(("period", NOT_WITH_CHALLENGE, "a challenge has one board, of all its games; leave the period out"))
    name, modes = challenges.challenge_and_modes(query.challenge, query.mode, query.at)
    return [challenge_board_key(mode, name, bots) for mode in modes]


# Responses.


@snapshot()
def leaderboard_page(query, boards):
    """Return a page of boards as JSON, and the Link to the next one, or None."""
    cursor = FIRST_CURSOR if query.after is None else parse_cursor(query.after)
    rows = entries_after(boards, query.limit + 1, cursor)
    link = None
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        link = link_after(query, rows[-1])
    return msgspec.json.encode(entry_responses(boards, rows)), link


def link_after(query, last):
    """Return the Link to the page after a row."""
    next_page = msgspec.to_builtins(query) | {"after": ".".join(map(str, cursor_of(last)))}
    return f'<?{urlencode(next_page)}>; rel="next"'


def parse_cursor(after):
    """Return the cursor of a query's `after`, as the Link header gave it."""
    if not re.fullmatch(CURSOR, after):
        why = "give what the Link header of the page before has, or nothing for the first page"
        raise invalid(("after", BAD_FORMAT, why))
    return tuple(map(int, after.split(".")))


@snapshot()
def player_standing(boards, user):
    """Return a player's Standing on boards, as JSON."""
    row = player_entry(boards, user.id)
    if not row:
        return msgspec.json.encode(Standing(None, size(boards), None, None, []))
    found = ranks(boards, (row.score, BELOW_ALL))
    rank, of = found[row.score], found[BELOW_ALL] - 1
    percentile = round(100 * (of - rank + 1) / of, 1)
    around = entry_responses(boards, _entries_around(boards, row))
    return msgspec.json.encode(Standing(rank, of, row.score, percentile, around))


@snapshot()
def next_rank(boards, score, user):
    """Return the NextRank of a score, for a user or None: their own entry is not to beat."""
    own = user and player_entry(boards, user.id)
    reached = rank(boards, score) - bool(own and own.score > score)
    row = _next_entry(boards, score, user and user.id)
    return NextRank(reached, entry_responses(boards, [row])[0] if row else None)


def entry_responses(boards, rows):
    """Return the EntryAnswers of rows that follow each other on the boards."""
    return [entry_response(rank, row, row) for rank, row in _with_ranks(boards, rows)]


def entry_response(rank, entry, player):
    """Return the EntryAnswer of an entry, and of its player's `name` and `bot`."""
    return EntryAnswer(
        rank=rank,
        id=f"{entry.user_id}.{entry.game_id}",
        username=player.name,
        score=entry.score,
        mode=entry.board.partition("/")[0],
        timestamp=timestamp(entry.achieved_at),
        game=entry.game_id if entry.verified else None,
        verified=bool(entry.verified),
        bot=bool(player.bot),
    )


def _with_ranks(boards, rows):
    """Return [(rank, row)] for rows that follow each other on the boards."""
    groups = [(score, list(group)) for score, group in groupby(rows, key=lambda row: row.score)]
    # The first group may continue on the page before, so its size here is not its size on the board.
    known = ranks(boards, [score for score, _ in groups[:2]]) if groups else {}
    ranked, shared, before = [], 0, 0
    for score, group in groups:
        shared = known.get(score, shared + before)
        before = len(group)
        ranked += [(shared, row) for row in group]
    return ranked


# Entries, by keyset pagination. A cursor is the position of an entry: (score, achieved_at, user_id).


def cursor_of(row):
    return row.score, row.achieved_at, row.user_id


def sort_key(row):
    return -row.score, row.achieved_at, row.user_id


def entries_after(boards, limit, cursor=FIRST_CURSOR):
    """Return the first `limit` rows after a cursor."""
    return sorted(_rows(False, boards, cursor, limit), key=sort_key)[:limit]


def _entries_around(boards, row):
    """Return the rows around one that is on one of the boards, itself included."""
    before = sorted(_rows(True, boards, cursor_of(row), AROUND), key=sort_key)[-AROUND:]
    return [*before, row, *entries_after(boards, AROUND, cursor_of(row))]


def _rows(before, boards, cursor, limit):
    score, *position = cursor
    values = {"score": score, "position": position, "limit": limit}
    return [row for board in boards for row in _page.all(before, board=board, **values)]


def _next_entry(boards, score, user_id):
    """Return the last row that is better than a score, and not the user's own, or None."""
    user = -1 if user_id is None else user_id
    better = (_better_entry.first(board=board, score=score, user=user) for board in boards)
    return max(filter(None, better), key=sort_key, default=None)


def player_entry(boards, user_id):
    """Return a player's best row on the boards, or None."""
    own = (_own_entry.first(board=board, user=user_id) for board in boards)
    return min(filter(None, own), key=sort_key, default=None)


@compiled
def _page(before):
    """Two runs along one index, each at most a page long: the rest of the cursor's score, then the scores beyond it."""
    score, position = Param("score"), Tuple(Entry.achieved_at, Entry.user)
    cursor = Tuple(*params("position", 2))
    if before:
        order = Entry.score, Entry.achieved_at.desc(), Entry.user.desc()
        same_score, others = position < cursor, Entry.score > score
    else:
        order = Entry.score.desc(), Entry.achieved_at, Entry.user
        same_score, others = position > cursor, Entry.score < score
    entries = select_entries().order_by(*order).limit(Param("limit"))
    return entries.where(Entry.score == score, same_score).union_all(entries.where(others))


@compiled
def _better_entry():
    better = select_entries().where(Entry.score > Param("score"), Entry.user != Param("user"))
    return better.order_by(Entry.score, Entry.achieved_at.desc(), Entry.user.desc()).limit(1)


@compiled
def _own_entry():
    return select_entries().where(Entry.user == Param("user"))


def select_entries():
    columns = Entry.board, Entry.score, Entry.achieved_at.alias("achieved_at"), Entry.game_id, Entry.user, Entry.verified
    return Entry.select(*columns, User.name, User.bot).join(User).where(Entry.board == Param("board"))
