"""Accounts: sign up, find, change, delete and ban."""

import secrets
import time
from contextlib import contextmanager, suppress
from functools import partial

import peewee

from accounts import bans, emails, passwords, usernames
from accounts.usernames import canonical, folded_skeleton, skeleton
from database import threadpool
from database.binding import database, is_sqlite, release_connection
from database.transactions import commit
from game import leaderboards
from models import User, now, sql
from web.problems import (
    ALREADY_SIGNED_UP,
    EMAIL_TAKEN,
    LOG_IN_FAILED,
    NAME_LOOKS_ALIKE,
    NAME_TAKEN,
    Problem,
    invalid,
    not_found,
    unauthorized,
)

MOST_WITHDRAWALS = 20  # transactions of boards.ENTRIES within a request; more is for those with thousands of challenges
FEWEST_ERASED, MOST_ERASED = 10, 500  # games of a deleted account that one transaction deletes
ERASING_STEP, ERASING_TIME = 0.004, 0.3  # seconds that such a transaction should take, and a run of the background task


def make_guest():
    """A new guest, whose name nobody else has."""
    while True:
        name = usernames.GUEST + secrets.token_hex(4)
        with suppress(peewee.IntegrityError):
            return User.create(name=name, name_key=canonical(name), created_at=now())


def sign_up(username, password, email, bot, hasher, reserved, guest=None):
    """A new account, or the `guest`'s from now on, with the games played so far. 409 if the name or email is taken.

    `bot`: it is a program's. `hasher`: a passwords.Hasher. `reserved`: see usernames.load_reserved.
    """
    name, email = usernames.trimmed(username), emails.normalized(email)
    if (
        errors := usernames.problems_with(name, reserved)
        + passwords.problems_with(password, name, email, hasher.common)
        + emails.problems_with(email)
    ):
        raise invalid(*errors)
    _refuse_banned(name, email)
    hashed = hasher.hash(password)
    fields = {"password": hashed, "bot": bot, **_name_fields(name), **_email_fields(email)}
    gathered = guest and leaderboards.gather_games(guest.id)
    with _unique(name), database.atomic():
        _refuse_banned(name, email)  # since the account may have been deleted meanwhile
        if not guest:
            return User.create(created_at=now(), **fields)
        User.lock(guest.id)
        if (
            not User.update(**fields)
            .where(User.id == guest.id, User.password.is_null(), User.deleted_at.is_null())
            .execute()
        ):
            raise Problem(409, ALREADY_SIGNED_UP, "This guest has signed up already. Log in.")
        user = User.get_by_id(guest.id)
        if user.banned_at:
            bans.record_change(guest.name, name, email)
        leaderboards.rebuild_player(guest.id, gathered)
        return user


def find(username, email):
    """(the user of that name, or of that email, or None; what was looked for, the same however it is written)"""
    by_email = username is None or "@" in username
    field = User.email_key if by_email else User.name_key
    wanted = canonical(email if username is None else username).strip(usernames.BLANKS)
    # What no name or email can be is not asked for: Postgres takes no NUL.
    return None if "\0" in wanted else User.get_or_none(field == wanted), wanted


def wrong_log_in():
    """A wrong name and a wrong password are the same."""
    return unauthorized(LOG_IN_FAILED, "The name or the password is wrong. Check both; in the password, case matters.")


def change(user, wishes, hasher, reserved):
    """Change what `wishes` has of `username`, `email` (None forgets it) and `password`. 409 if one is taken.

    `hasher`: a passwords.Hasher. `reserved`: see usernames.load_reserved.
    """
    fields, errors = {}, []
    name, email = usernames.trimmed(wishes.get("username", user.name)), emails.normalized(wishes.get("email", user.email))
    if name != user.name:
        errors += usernames.problems_with(name, reserved)
        fields |= _name_fields(name)
    if "email" in wishes:
        errors += emails.problems_with(email)
        fields |= _email_fields(email)
    if "password" in wishes:
        errors += passwords.problems_with(wishes["password"], name, email, hasher.common)
    if errors:
        raise invalid(*errors)
    _refuse_banned("name" in fields and name, "email" in fields and email, user)
    if "password" in wishes:
        fields["password"] = hasher.hash(wishes["password"])
    if fields:
        with _unique(name, user.id), database.atomic():
            User.lock(user.id)
            was = User.get_by_id(user.id)
            if was.banned_at:
                bans.record(was.name, was.email)
                bans.record_change(was.name, name, email)
            User.update(**fields).where(User.id == user.id).execute()
            more = leaderboards.bump_versions(user.id)
            if "password" in fields:
                sql("DELETE FROM resets WHERE user_id = ?", user.id)
        while more:
            _give_way()
            more = commit(partial(leaderboards.bump_versions, user.id, more))
    return User.get_by_id(user.id)


def _refuse_banned(name, email, user=None):
    """409 for a name or an email that is banned, as for one that is taken; what is their own, the `user` can have."""
    kind = bans.find(name or None, email or None, user and user.name)
    if kind:
        column = "email" if kind == bans.EMAIL else "username"
        raise _taken(column, looks_alike=kind in (bans.LOOK, bans.FOLDED_LOOK))


def delete(user):
    """Delete an account: at once for everybody to see, and its rows in small steps, the rest of them by `erase`.

    Its name and email are free, its sessions and its entries on the boards are gone when this returns. A ban is not.
    """

    def mark():
        User.lock(user.id)
        found = User.get_or_none(User.id == user.id, User.deleted_at.is_null())
        if not found:
            return False
        if found.banned_at:
            bans.record(found.name, found.email)
        sql("DELETE FROM sessions WHERE user_id = ?", user.id)
        sql("DELETE FROM resets WHERE user_id = ?", user.id)
        sql("DELETE FROM games WHERE user_id = ? AND ended_at IS NULL", user.id)
        freed = dict.fromkeys([*_name_fields(""), *_email_fields(None), "password"])
        key_of_none = f"DELETED {user.id}"  # in capitals, which no key of a name has
        marked = freed | {"name": "deleted", "name_key": key_of_none, "deleted_at": now()}
        User.update(**marked).where(User.id == user.id).execute()
        return leaderboards.remove_player(user.id)

    _withdraw_rest(user.id, commit(mark), MOST_WITHDRAWALS)
    _erase_some(user.id, FEWEST_ERASED)


def erase():
    """Delete rows of accounts that were deleted: a background task. Return whether there is more to do.

    On SQLite each step takes a few milliseconds, since other writers wait for it, and under gevent everybody.
    """
    found = sql("SELECT id FROM users WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 1").fetchone()
    if not found:
        return False
    since, number, until = 0, FEWEST_ERASED if is_sqlite() else MOST_ERASED, time.monotonic() + ERASING_TIME
    while time.monotonic() < until:
        began = time.monotonic()
        since = _erase_some(found[0], number, since)
        if since is None:
            break
        if is_sqlite():
            took = time.monotonic() - began
            number = int(min(max(FEWEST_ERASED, number * ERASING_STEP / took), MOST_ERASED))
        _give_way()
    return True


def _erase_some(user_id, number, since=0):
    """Delete so many games, which began at `since` or later, of a deleted account, and the account once it has none.

    Return the next `since`, or None if nothing is left. Postgres would look again at all that was deleted before that time.
    """
    if sql("SELECT 1 FROM entries WHERE user_id = ? LIMIT 1", user_id).fetchone():
        _withdraw_some(user_id)
        return since
    deleted = commit(lambda: sql(_ERASE_GAMES, user_id, since, number).fetchall(), durable=False)
    if len(deleted) == number:
        return max(began for (began,) in deleted)
    if sql("SELECT 1 FROM games WHERE user_id = ? LIMIT 1", user_id).fetchone():
        return 0
    commit(lambda: sql("DELETE FROM users WHERE id = ?", user_id))
    return None


_ERASE_GAMES = (
    "DELETE FROM games WHERE id IN (SELECT id FROM games WHERE user_id = ? AND started_at >= ? ORDER BY started_at LIMIT ?)"
    " RETURNING started_at"
)


def _withdraw_rest(user_id, has_more, steps):
    """Take a player who gets no entries any more off the boards, in so many steps at most."""
    while has_more and steps:
        _give_way()
        has_more, steps = _withdraw_some(user_id), steps - 1


def _withdraw_some(user_id):
    def withdraw():
        User.lock(user_id)
        return leaderboards.remove_player(user_id)

    return commit(withdraw)


def _give_way():
    release_connection()
    threadpool.give_way()


def ban(user_id):
    """Take a player off every board until `unban`; until then nobody else can have the name or the email."""

    def mark():
        User.lock(user_id)
        user = User.get_by_id(user_id)
        bans.record(user.name, user.email)
        User.update(banned_at=now()).where(User.id == user_id).execute()
        leaderboards.hide_player(user_id)
        return leaderboards.remove_player(user_id)

    _withdraw_rest(user_id, commit(mark), steps=-1)


def unban(user_id):
    gathered = leaderboards.gather_games(user_id)
    with database.atomic():
        User.lock(user_id)
        bans.lift(User.get_by_id(user_id).name)
        _put_back(user_id, gathered)


def unban_by_name(name):
    """Lift the ban of the player who has that name, or had it when banned; the account may be deleted. 404 if there is none.

    Answers the name that the player has now, or None if there is no account any more.
    """
    user, _ = find(name, None)
    gathered = user and leaderboards.gather_games(user.id)
    with database.atomic():
        is_theirs = bans.lift(name)
        banned = User.select().where(User.banned_at.is_null(False)) if is_theirs else ()
        users = [user] if user else [other for other in banned if is_theirs(other.name)]
        if not users and not is_theirs:
            raise not_found(f"player {name!r}, and no ban of that name")
        for found in users:
            User.lock(found.id)
            bans.lift(found.name)
            _put_back(found.id, gathered)
    return users[0].name if users else None


def _put_back(user_id, gathered):
    User.update(banned_at=None).where(User.id == user_id).execute()
    leaderboards.rebuild_player(user_id, gathered)


def _name_fields(name):
    return {
        "name": name,
        "name_key": canonical(name),
        "name_skeleton": skeleton(name),
        "folded_skeleton": folded_skeleton(name),
    }


def _email_fields(email):
    return {"email": email, "email_key": canonical(email) if email else None}


@contextmanager
def _unique(name, user_id=None):
    """Turn the database's refusal of a name or an email that somebody has into a 409 that says which, and why.

    `user_id`: the user who is to have it, if there is one already.
    """
    try:
        yield
    except peewee.IntegrityError as error:
        # Both databases name the column in the first line; Postgres quotes the value in the second.
        line = str(error).splitlines()[0]
        column = "email" if "email_key" in line else "username"
        # A name that is the same looks the same, too; it is a matter of the database which of both it finds first.
        same = User.select().where(User.name_key == canonical(name), User.id != user_id)
        raise _taken(column, looks_alike="skeleton" in line and not same.exists()) from None


def _taken(column, looks_alike=False):
    """409 for a name or an email that somebody has."""
    why, code = "is taken", EMAIL_TAKEN if column == "email" else NAME_TAKEN
    if looks_alike:
        why, code = "looks like that of another player", NAME_LOOKS_ALIKE
    errors = [(column, code, f"{why}; choose another")]
    return Problem(409, code, f"This {column} {why}. Choose another.", errors)
