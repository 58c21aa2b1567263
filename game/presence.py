"""Who is in a room now. Polls and posts of members are noted in memory, and written every few seconds: a background task."""

from functools import partial
from itertools import chain

from peewee import Entity, ValuesList, fn

from database.binding import is_sqlite
from database.queries import Param, compiled, literal, params, rows
from database.transactions import commit
from game.members import HERE_MS, IN_ROOM, IS_MEMBER, absent_since
from models import Member, Room, now

INTERVAL = 5  # seconds between writes
KNOWN_MS = 60_000  # for which it is known whose token it is
MAX_KNOWN = 20_000
BATCH = 100  # members that one statement changes


class Presence:
    """Notes when members were seen by this process."""

    def __init__(self):
        self._known = {}  # {(code, token): member}, begun again after KNOWN_MS
        self._known_until = 0
        self._seen = {}  # {member: when it was seen}, since the last write

    def note(self, code, token, find):
        """Note that the member with this token is in the room with this code. Return the member's id, or None for others.

        `find(code)` returns that, too; it isn't called for what is known.
        """
        if token is None:
            return None
        at = now()
        if at >= self._known_until or len(self._known) >= MAX_KNOWN:
            self._known, self._known_until = {}, at + KNOWN_MS
        member = self._known.get((code, token))
        if member is None:
            member = find(code)
            if member is None:  # not remembered, since it can join at any moment, in another process, too
                return None
            self._known[code, token] = member
        self._seen[member] = at
        return member

    def last_seen(self, member):
        """Return when the member was seen by this process since the last write, or 0."""
        return self._seen.get(member, 0)

    def write(self):
        """Write when members were seen, and change the versions of rooms to which some came, or which some have left."""
        seen, self._seen = self._seen, {}
        try:
            _write(seen)
        except BaseException:
            self._seen = seen | self._seen
            raise


def _write(seen):
    changed, ordered = set(), sorted(seen.items())
    for start in range(0, len(ordered), BATCH):
        some = ordered[start : start + BATCH]
        values = list(chain.from_iterable(some))
        commit(partial(_note, len(some), seen=values, since=absent_since()), durable=False)
        changed.update(_come(len(some), ids=values[::2]).fetchall())
    before = now() - HERE_MS
    changed.update(_gone(before=before).fetchall())
    for (room,) in sorted(changed):
        commit(partial(_show, room, before), durable=not is_sqlite())  # Postgres has no transaction for what isn't


@compiled
def _note(number):
    """Of those who have left, or were absent for so long that they must join again, nothing is noted."""
    seen = ValuesList(rows("seen", number, 2), alias="seen")
    at = Entity("seen", "column2")
    is_seen = (Member.id == Entity("seen", "column1")) & (Member.seen_at < at)
    return Member.update(seen_at=at).from_(seen).where(is_seen, *IS_MEMBER)


@compiled
def _come(number):
    return Member.select(Member.room).where(Member.id.in_(params("ids", number)), ~Member.is_here, *IN_ROOM).distinct()


@compiled
def _gone():
    return Member.select(Member.room).where(Member.is_here, Member.seen_at < Param("before")).distinct()


def _show(room, before):
    """Within a transaction: change who is shown as being in the room, and its version, unless another process has."""
    if _bump_if_changed(room=room, before=before, now=now()).rowcount:
        for is_here in (False, True):
            _update(is_here, room=room, before=before)


def _is_wrong(is_here=None):
    """Return the condition for members that are shown wrongly, or that are to be shown as `is_here`."""
    to_come = ~Member.is_here & (Member.seen_at >= Param("before"))
    to_go = Member.is_here & (Member.seen_at < Param("before"))
    return {None: to_come | to_go, True: to_come, False: to_go}[is_here]


@compiled
def _bump_if_changed():
    wrong = Member.select(literal(1)).where(Member.room == Param("room"), _is_wrong(), *IN_ROOM)
    bumped = Room.update({Room.version: Room.version + 1, Room.used_at: Param("now")})
    return bumped.where(Room.id == Param("room"), fn.EXISTS(wrong))


@compiled
def _update(is_here):
    return Member.update(is_here=is_here).where(Member.room == Param("room"), _is_wrong(is_here), *IN_ROOM)


# Metrics.


def count():
    """Return (how many rooms somebody is in, how many members are in one)."""
    return _count().fetchone()


@compiled
def _count():
    return Member.select(fn.COUNT(Member.room.distinct()), fn.COUNT(1)).where(Member.is_here)
