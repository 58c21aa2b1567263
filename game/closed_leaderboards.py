"""Closed leaderboards: those of a day more than a year ago, and of its daily challenge.

Only their best CLOSED_SIZE entries are stored. The histogram goes on counting all players, so that ranks stay the same. A
closed board is not derived from games any more: games that only it had may be gone.
"""

import re
from datetime import date, timedelta

from peewee import JOIN, Tuple, fn

from game.score_histogram import bump_versions, count_entries
from models import ClosedBoard, Entry, Game, ScoreHistogram
from rules import MODES

CLOSED_AFTER = 366  # days
CLOSED_SIZE = 100  # entries of a closed board
CLOSE_BATCH = 200  # entries deleted by one transaction
HIDDEN = "-"  # before the key of a closed board: the entry of a banned player, who may be unbanned
_OF_A_DAY = re.compile(r"[^/]+/(?:daily/)?(\d{4}-\d{2}-\d{2})(?:/bots)?")


def closed_boards():
    """Return the set of the keys of the closed boards."""
    return {row.board for row in ClosedBoard.select(ClosedBoard.board)}


def are_open(model):
    """Return the conditions for rows of a model to be of boards that are not closed."""
    return ~is_hidden(model), model.board.not_in(ClosedBoard.select(ClosedBoard.board))


def is_hidden(model):
    """Return the condition for an entry to be that of a banned player on a closed board."""
    return fn.SUBSTR(model.board, 1, 1) == HIDDEN


# Closing.


def next_old_board(after, today):
    """Return (the key of the next board after a key that has a day in its own, whether that is old enough to be closed).

    None after the last one. `today` is a datetime.date.
    """
    for beginning in sorted(f"{mode}/{kind}" for mode in MODES for kind in ("", "daily/")):
        later = ScoreHistogram.board > max(after, f"{beginning}1"), ScoreHistogram.board < f"{beginning}{today:%Y-%m-%d}"
        board = ScoreHistogram.select(fn.MIN(ScoreHistogram.board)).where(*later).scalar()
        if board:
            day = _OF_A_DAY.fullmatch(board)
            return board, bool(day) and date.fromisoformat(day[1]) < today - timedelta(days=CLOSED_AFTER)
    return None


def close_board(board, at):
    """Close a board, and delete up to CLOSE_BATCH of its entries beyond the best CLOSED_SIZE. Return how many."""
    ClosedBoard.insert(board=board, closed_at=at).on_conflict_ignore().execute()
    on_board, position = Entry.board == board, Tuple(Entry.achieved_at, Entry.user)
    best = Entry.select(Entry.score, Entry.achieved_at, Entry.user).where(on_board)
    best = best.order_by(Entry.score.desc(), Entry.achieved_at, Entry.user)
    last = best.offset(CLOSED_SIZE - 1).first()
    if not last:
        return 0
    later = (Entry.score == last.score) & (position > Tuple(last.achieved_at, last.user_id))
    beyond = Entry.select(Entry.user).where(on_board, (Entry.score < last.score) | later).limit(CLOSE_BATCH)
    user_ids = [entry.user_id for entry in beyond]
    if user_ids:
        Entry.delete().where(on_board, Entry.user.in_(user_ids)).execute()
        bump_versions([board])
    return len(user_ids)


# A player's entries, which can't be derived from games again.


def hide_player(user_id):
    """Hide the entries of a player who is banned on closed boards."""
    count_entries(update_player(user_id, closed_boards(), is_eligible=False))


def update_player(user_id, closed, is_eligible):
    """Hide a player's entries on closed boards, or show them again; delete those whose game is not ranked any more.

    Return the changes for score_histogram.count_entries.
    """
    changes = []
    own = Entry.user == user_id
    entries = Entry.select(Entry.board, Entry.score, Game.ranked)
    entries = entries.join(Game, JOIN.LEFT_OUTER, on=(Game.id == Entry.game_id)).where(own).tuples()
    for key, score, is_ranked in list(entries):
        was_hidden, board = key.startswith(HIDDEN), key.removeprefix(HIDDEN)
        if board not in closed:
            continue
        if not is_ranked:
            Entry.delete().where(own, Entry.board == key).execute()
        elif was_hidden == is_eligible:
            Entry.update(board=board if is_eligible else HIDDEN + board).where(own, Entry.board == key).execute()
        was_shown, is_shown = not was_hidden, bool(is_ranked) and is_eligible
        if was_shown != is_shown:
            changes.append((board, score, 1 if is_shown else -1))
    return changes
