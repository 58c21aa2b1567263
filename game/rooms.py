"""Rooms: groups of players with a code, with which others join. Members are in members.py, rounds in rounds.py."""

import re
import secrets
import unicodedata
from collections import namedtuple

import msgspec
import peewee

from accounts.usernames import INVISIBLE, trimmed
from database.queries import Param, compiled, lookup
from database.transactions import commit, commit_unique
from game import members, rounds
from game.members import ABSENT_MS
from models import Member, Room, insert_row, now
from observability import counters
from schemas import RoomAnswer, RoomMember
from web import problems
from web.problems import Problem, invalid, not_found

ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"  # of codes: without vowels, and so without words, and without what looks like 1
CODE = re.compile(f"[{ALPHABET}]{{6}}", re.ASCII | re.IGNORECASE)
NAME_LENGTH = 40  # characters of a room's name
JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # of letters in some scripts, and of emoji
HOST_ABSENT_MS = 60_000  # after which another member can take over
OPENED = counters.Counter("rooms_opened", "Rooms that were created.")

# A room as it is shown; at `until`, what it shows changes without a new version.
State = namedtuple("State", "content until")


# Finding.


def normalized(code):
    """Return a code as it is stored, or None for what can be no code."""
    return code.upper() if CODE.fullmatch(code) else None


def find(code):
    """Return the row of the room with a code, in lower case, too. 404 if there is none."""
    return _found(code, (stored := normalized(code)) and _room_by_code.first(code=stored))


def find_watched(code, user):
    """Return the row of the room's latest round as rounds.watched does. 404 if there is no room with that code."""
    return _found(code, (stored := normalized(code)) and rounds.watched(stored, user))


def _found(code, row):
    if not row:
        raise not_found(f"room {code!r}; check the code")
    return row


@lookup
def _room_by_code():
    return Room.select().where(Room.code == Param("code"))


# Showing.


def content(cache, room):
    """Return the RoomAnswer of a room's row as JSON. `cache` has it until the room changes."""
    state = cache.get(room.id, room.version, _state, room)
    if state.until is not None and state.until <= now():
        cache.entries.pop(room.id, None)
        state = cache.get(room.id, room.version, _state, room)
    return state.content


def _state(room):
    at = now()
    found, latest, results = members.listed(room.id), rounds.latest.first(room=room.id), rounds.results(room.id)
    answer = RoomAnswer(
        code=room.code,
        name=room.name,
        host=room.host,
        version=room.version,
        locked=bool(room.locked),
        members=[show_member(room, member, results) for member in found],
        round=latest and rounds.answer(latest, at),
        rounds=latest.number if latest else 0,
    )
    times = [member.seen_at + ABSENT_MS for member in found]
    times += [rounds.next_change(latest, at)] if latest else []
    return State(msgspec.json.encode(answer), min(filter(None, times), default=None))


def show_member(room, member, results):
    """Return the RoomMember of a row of members.listed; `results` are as rounds.results returns them."""
    wins, total = results.get(member.id, (0, 0))
    return RoomMember(member.id, member.name, member.id == room.host, bool(member.is_here), wins, total, bool(member.bot))


# Creating.


def checked_name(name):
    """Return a room's name as it is stored. 422 if it can't be one."""
    name = trimmed(name)
    if not 1 <= len(name) <= NAME_LENGTH:
        code, limit = (problems.TOO_LONG, {"max": NAME_LENGTH}) if name else (problems.TOO_SHORT, {"min": 1})
        why = f"give 1 to {NAME_LENGTH} characters; this has {len(name)}"
        raise invalid(("name", code, why, limit | {"unit": "characters"}))
    if not _is_shown(name[0]) or not all(_is_shown(character) or character in JOINERS for character in name):
        raise invalid(("name", problems.BAD_FORMAT, "use characters that can be seen, and spaces, only"))
    return name


def _is_shown(character):
    return character == " " or (unicodedata.category(character)[0] in "LMNPS" and not INVISIBLE.match(character))


def create(user, name, my_name):
    """Create a room with the user as its host, by names that are checked. Return its row; without a name it has its code."""

    def job():
        room_id, code, at = secrets.token_urlsafe(9), _new_code(), now()
        columns = {"id": room_id, "code": code, "name": name or code, "created_at": at, "used_at": at}
        _insert(**columns, host="", locked=False, version=1)
        members.set_host(room_id, members.insert(room_id, user, my_name, at))
        return _room_by_code.first(code=code)

    room = commit_unique(job)
    OPENED.inc()
    return room


def _new_code():
    return "".join(secrets.choice(ALPHABET) for _ in range(6))


@compiled
def _insert():
    return insert_row(Room)


# Changing.


def change(room, user, wishes, last_seen):
    """Change what `wishes` has of `name`, `locked` and `host`, the id of a member, as the host.

    Another member can take over as host once the host was absent for HOST_ABSENT_MS: the first wins, others get a 409.
    `last_seen(member)`: when this process has seen a member lately, or 0.
    """
    name = checked_name(wishes["name"]) if "name" in wishes else None

    def job():
        bumped = members.bump(room)
        member = members.member_of(room, user)
        if bumped.host != member.id:
            _take_over(bumped, member, wishes.get("host"), last_seen)
        elif "host" in wishes:
            _hand_over(bumped, wishes["host"])
        _update(id=room.id, name=name or bumped.name, locked=wishes.get("locked", bumped.locked))

    commit(job)


def _take_over(room, member, wanted, last_seen):
    if wanted != member.id:
        raise members.not_the_host("change it")
    host = members.by_id.first(room=room.id, id=room.host)
    if host:
        absent = now() - max(host.seen_at, last_seen(host.id))
        if absent < HOST_ABSENT_MS:
            detail = "The host of this room is here, or was a minute ago. Wait, or ask the host to hand over."
            raise Problem(409, problems.HOST_PRESENT, detail)
    members.set_host(room.id, member.id)
    members.touch(member.id)


def _hand_over(room, member_id):
    heir = None if "\0" in member_id else members.by_id.first(room=room.id, id=member_id)
    if not heir or not members.is_member(heir):
        raise invalid(("host", problems.NOT_A_MEMBER, "is no member of this room; give the id of one"))
    members.set_host(room.id, member_id)


@compiled
def _update():
    return Room.update(name=Param("name"), locked=Param("locked")).where(Room.id == Param("id"))


# Removing.


def unused(before):
    """Return the query for the rooms that nobody has used since a time."""
    return Room.select(Room.id).where(Room.used_at < before, ~peewee.fn.EXISTS(_users_since(before)))


def delete_unused(before, limit):
    """Delete up to `limit` rooms that nobody has used since a time, with members and rounds. Return how many."""
    ids = [room.id for room in unused(before).order_by(Room.used_at).limit(limit)]
    return commit(Room.delete().where(Room.id.in_(ids), Room.used_at < before).execute) if ids else 0


def _users_since(time):
    return Member.select(Member.id).where(Member.room == Room.id, Member.seen_at >= time)
