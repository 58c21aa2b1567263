"""Members of rooms: they join, have a name there, leave, or are removed by the host.

A member who was not seen for ABSENT_MS is not listed and does not count, and the name is free again. Results stay, and
joining brings the member back. The changes run in transactions that begin with Room.bump, so that on Postgres, too, no two
members get the same name or the last place.
"""

import secrets

from peewee import fn

from accounts import usernames
from accounts.usernames import folded_skeleton, skeleton
from database.binding import database
from database.queries import Param, compiled
from database.transactions import commit
from models import Member, Room, User, insert_row, now
from web import problems
from web.problems import Problem, invalid, not_found

MAX_MEMBERS = 200
HERE_MS = 15_000  # after which a member who wasn't seen is away
ABSENT_MS = 12 * 3_600_000  # after which such a member must join again

IN_ROOM = Member.left_at.is_null(), Member.removed_at.is_null()
IS_MEMBER = *IN_ROOM, Member.seen_at >= Param("since")


def absent_since():
    """Return the parameter `since` of IS_MEMBER."""
    return now() - ABSENT_MS


# Finding.


def id_in_room(code, user):
    """Return the id of the user's member of the room with this code, or None."""
    found = _id_by_code.first(code=code, user=user.id, since=absent_since())
    return found and found.id


@compiled
def _id_by_code():
    own = Member.select(Member.id).join(Room, on=Room.id == Member.room)
    return own.where(Room.code == Param("code"), Member.user == Param("user"), *IS_MEMBER)


def member_of(room, user):
    """Return the user's row of Member in a room. 403 if the user is no member, or not any more."""
    found = _member_by_user.first(room=room.id, user=user.id)
    if found and found.removed_at is not None:
        raise _removed()
    if not found or not is_member(found):
        raise Problem(403, problems.NOT_A_MEMBER, "You are not in this room. Join it first.")
    return found


@compiled
def _member_by_user():
    return Member.select().where(Member.room == Param("room"), Member.user == Param("user"))


def lock(room_id, user_id):
    """Within a transaction: make others wait who remove the user from the room; SQLite has one writer anyway."""
    if database.for_update:
        _lock_member(room=room_id, user=user_id)


@compiled
def _lock_member():
    return Member.select(Member.id).where(Member.room == Param("room"), Member.user == Param("user")).for_update()


def is_member(row):
    """Return whether the row of Member is of somebody who is in the room, if only lately."""
    return row.left_at is None and row.removed_at is None and row.seen_at >= absent_since()


def listed(room_id):
    """Return the members of a room, in the order in which they joined: `id`, `name`, `is_here`, `seen_at`, `bot`."""
    return _listed.all(room=room_id, since=absent_since())


@compiled
def _listed():
    columns = Member.id, Member.name, Member.is_here, Member.seen_at, User.bot
    members = Member.select(*columns).join(User, on=User.id == Member.user).where(Member.room == Param("room"), *IS_MEMBER)
    return members.order_by(Member.joined_at, Member.id)


def find_listed(room, member_id):
    """Return the member of that id as `listed` does, or None."""
    return next((member for member in listed(room.id) if member.id == member_id), None)


def find(room, member_id):
    """Return the row of a member of the room, who may have left. 404 if there is none."""
    found = None if "\0" in member_id else by_id.first(room=room.id, id=member_id)
    if not found:
        raise not_found(f"member {member_id!r} of this room")
    return found


@compiled
def by_id():
    return Member.select().where(Member.id == Param("id"), Member.room == Param("room"))


# Names.


def checked_name(name, user, reserved, field="name", present=None):
    """Return the name that a user is to have in a room: the `name`, or else the `present` one, or an account's username.

    422 if it is no display name, or `reserved`, see usernames.load_reserved; or if a guest gives none.
    """
    if name is None:
        if present is None and user.is_guest:
            raise invalid((field, problems.MISSING, "is missing; guests give the name that others are to see"))
        return user.name if present is None else present
    name = usernames.trimmed(name.replace("\u2019", "'"))  # as phones write it
    if errors := usernames.problems_with(name, reserved, usernames.DISPLAY_NAME._replace(field=field)):
        raise invalid(*errors)
    return name


def _name_fields(name):
    return {"name": name, "name_skeleton": skeleton(name), "folded_skeleton": folded_skeleton(name)}


def _refuse_taken(room_id, member_id, fields):
    """Within a transaction, after Room.bump: 409 if another member's name is, or looks, the same."""
    looks = fields["name_skeleton"], fields["folded_skeleton"]
    other = _alike.first(room=room_id, id=member_id, skeleton=looks[0], folded=looks[1], since=absent_since())
    if other:
        is_equal = usernames.canonical(other.name) == usernames.canonical(fields["name"])
        why = "is taken" if is_equal else f"looks like {other.name!r}, who is here, too"
        code = problems.NAME_TAKEN
        raise Problem(409, code, f"This name {why}. Choose another.", [("name", code, f"{why}; choose another")])


@compiled
def _alike():
    is_alike = (Member.name_skeleton == Param("skeleton")) | (Member.folded_skeleton == Param("folded"))
    others = Member.select(Member.name).where(Member.room == Param("room"), Member.id != Param("id"), is_alike, *IS_MEMBER)
    return others.limit(1)


# Joining.


def insert(room_id, user, name, at):
    """Within a transaction: make the user a member of the room by that name. Return the member's id."""
    member_id = secrets.token_urlsafe(9)
    columns = {"id": member_id, "room": room_id, "user": user.id, "joined_at": at, "seen_at": at, "is_here": True}
    _insert(**columns, **_name_fields(name), left_at=None, removed_at=None)
    return member_id


@compiled
def _insert():
    return insert_row(Member)


def join(room, user, name, reserved):
    """Make the user a member of the room, or bring the member back, by the `name` if one is given. Return the member's id.

    403 if the host has removed the user, 423 if the room is locked and the user isn't known there, 409 if it is full or the
    name is taken.
    """
    own = _member_by_user.first(room=room.id, user=user.id)
    if own and own.removed_at is not None:
        raise _removed()
    name = checked_name(name, user, reserved, present=own and own.name)
    if own and is_member(own) and own.is_here and own.name == name:
        return own.id

    def job():
        bumped = bump(room)
        own = _member_by_user.first(room=room.id, user=user.id)  # another process may have changed it
        member_id = _rejoin(bumped, own, name) if own else _join(bumped, user, name)
        if not _is_in_room.first(room=room.id, id=bumped.host):
            set_host(room.id, member_id)
        return member_id

    return commit(job)


def bump(room):
    """Within a transaction: return the room's row as Room.bump does. 404 if the room was deleted."""
    bumped = Room.bump(room.id)
    if not bumped:
        raise not_found(f"room {room.code!r}")
    return bumped


def _join(room, user, name):
    _refuse_new(room)
    _refuse_full(room)
    _refuse_taken(room.id, "", _name_fields(name))
    return insert(room.id, user, name, now())


def _rejoin(room, own, name):
    if own.removed_at is not None:
        raise _removed()
    if own.left_at is not None:
        _refuse_new(room)
    was_member, at = is_member(own), now()
    if not was_member:
        _refuse_full(room)
    fields = _name_fields(name)
    if name != own.name or not was_member:
        _refuse_taken(room.id, own.id, fields)
    _update_rejoined(id=own.id, **fields, seen_at=at, joined_at=own.joined_at if was_member else at)
    return own.id


@compiled
def _update_rejoined():
    names = "name", "name_skeleton", "folded_skeleton", "seen_at", "joined_at"
    changes = {getattr(Member, name): Param(name) for name in names}
    return Member.update({**changes, Member.left_at: None, Member.is_here: True}).where(Member.id == Param("id"))


def _refuse_new(room):
    if room.locked:
        detail = "This room is locked: nobody new can join. Ask its host to open it."
        raise Problem(423, problems.ROOM_LOCKED, detail)


def _refuse_full(room):
    if _count.first(room=room.id, since=absent_since()).number >= MAX_MEMBERS:
        detail = f"This room is full: it has {MAX_MEMBERS} members. Join when somebody has left."
        raise Problem(409, problems.ROOM_FULL, detail, params={"max": MAX_MEMBERS})


@compiled
def _count():
    members = Member.select(fn.COUNT(Member.id).alias("number"))
    return members.where(Member.room == Param("room"), *IS_MEMBER)


def _removed():
    return Problem(403, problems.REMOVED_FROM_ROOM, "The host has removed you from this room.")


# Changing and leaving.


def rename(room, user, member_id, name, reserved):
    """Give a member another name, as the member or as the host. Return the member's id. 409 if it is taken."""
    actor = member_of(room, user)
    if actor.id != member_id and room.host != actor.id:
        raise not_the_host("rename others")
    name = checked_name(name, user, reserved)

    def job():
        bump(room)
        member = find(room, member_id)
        if not is_member(member):
            raise not_found(f"member {member_id!r} of this room")
        fields = _name_fields(name)
        _refuse_taken(room.id, member_id, fields)
        _update_name(id=member_id, **fields)

    commit(job)


@compiled
def _update_name():
    names = "name", "name_skeleton", "folded_skeleton"
    return Member.update({getattr(Member, name): Param(name) for name in names}).where(Member.id == Param("id"))


def remove(room, user, member_id):
    """Let a member leave, or be removed by the host. Return the user who was removed by that, or None.

    A host who leaves hands over to the member who has been there for longest.
    """
    member = find(room, member_id)
    if member.user_id == user.id:
        if member.removed_at is None and member.left_at is None:
            commit(lambda: _leave(room, member))
        return None
    actor = member_of(room, user)
    if room.host != actor.id:
        raise not_the_host("remove others")

    def job():
        bump(room)
        _update_gone(True, id=member_id, at=now())

    if member.removed_at is None:
        commit(job)
    return member.user_id


def _leave(room, member):
    """Within a transaction: note that a member has left."""
    bumped = bump(room)
    _update_gone(False, id=member.id, at=now())
    hand_over(bumped, member.id)


@compiled
def _update_gone(is_removed):
    at = {(Member.removed_at if is_removed else Member.left_at): Param("at")}
    return Member.update({**at, Member.is_here: False}).where(Member.id == Param("id"))


def hand_over(room, member_id):
    """Within a transaction: if the member who has left is the host, the one who has been there for longest is from now on.

    If there is none, it is the next one who joins.
    """
    if room.host == member_id and (heir := _heir.first(room=room.id, since=absent_since())):
        set_host(room.id, heir.id)


@compiled
def _heir():
    members = Member.select(Member.id).where(Member.room == Param("room"), *IS_MEMBER)
    return members.order_by(Member.is_here.desc(), Member.joined_at, Member.id).limit(1)


def set_host(room_id, member_id):
    _update_host(id=room_id, host=member_id)


@compiled
def _update_host():
    return Room.update(host=Param("host")).where(Room.id == Param("id"))


@compiled
def _is_in_room():
    return Member.select(Member.id).where(Member.id == Param("id"), Member.room == Param("room"), *IN_ROOM)


def touch(member_id):
    """Within a transaction: note that a member is in the room."""
    _update_seen(id=member_id, at=now())


@compiled
def _update_seen():
    return Member.update(seen_at=Param("at"), is_here=True).where(Member.id == Param("id"))


def not_the_host(what):
    """Return the 403 for a member who isn't the host; `what` only the host can do."""
    return Problem(403, problems.NOT_THE_HOST, f"Only the host of the room can {what}.")


# The end of an account.


def forget(user_id):
    """Delete a user's membership of a room. Return whether there may be others."""
    own = Member.get_or_none(Member.user == user_id)
    if not own:
        return False

    def job():
        room = Room.bump(own.room_id)
        Member.delete().where(Member.id == own.id).execute()
        if room:
            hand_over(room, own.id)

    commit(job)
    return True
