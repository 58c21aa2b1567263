"""Leaderboards of a room: its members, ranked among themselves by their general games. See leaderboard_pages.py.

A room has so few members that all their entries are read.
"""

from bisect import bisect_left

import msgspec

from database.queries import Param, compiled
from game.leaderboard_pages import AROUND, FIRST_CURSOR, entry_response, link_after, parse_cursor, select_entries, sort_key
from game.members import IS_MEMBER, absent_since
from models import Entry, Member
from schemas import NextRank, Standing


class RoomLeaderboard:
    """The entries of a room's members on boards, best first."""

    def __init__(self, boards, room_id):
        since = absent_since()
        self.rows = sorted(
            (row for board in boards for row in _of_members.all(board=board, room=room_id, since=since)), key=sort_key
        )
        self.scores = [-row.score for row in self.rows]

    def page(self, query):
        """Return a page as leaderboard_pages.leaderboard_page does."""
        cursor = FIRST_CURSOR if query.after is None else parse_cursor(query.after)
        later = [row for row in self.rows if sort_key(row) > (-cursor[0], *cursor[1:])]
        link = link_after(query, later[query.limit - 1]) if len(later) > query.limit else None
        return msgspec.json.encode(self._responses(later[: query.limit])), link

    def standing(self, user):
        """Return the Standing of a user."""
        row, of = self._best(user), len(self.rows)
        if not row:
            return Standing(None, of, None, None, [])
        rank, index = self._rank(row.score), self.rows.index(row)
        around = self._responses(self.rows[max(0, index - AROUND) : index + AROUND + 1])
        return Standing(rank, of, row.score, round(100 * (of - rank + 1) / of, 1), around)

    def next_rank(self, score, user):
        """Return the NextRank of a score, for a user or None: their own entry is not to beat."""
        own = user and self._best(user)
        better = [row for row in self.rows if row.score > score and not (user and row.user_id == user.id)]
        reached = self._rank(score) - bool(own and own.score > score)
        return NextRank(reached, self._responses(better[-1:])[0] if better else None)

    def _best(self, user):
        return next((row for row in self.rows if row.user_id == user.id), None)

    def _rank(self, score):
        return 1 + bisect_left(self.scores, -score)

    def _responses(self, rows):
        return [entry_response(self._rank(row.score), row, row) for row in rows]


@compiled
def _of_members():
    in_room = (Member.user == Entry.user) & (Member.room == Param("room"))
    entries = select_entries().join_from(Entry, Member, on=in_room)
    return entries.where(*IS_MEMBER)
