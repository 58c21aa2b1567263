"""Accounts: emails, passwords and sessions; for names, see names.py."""

import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections import namedtuple
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import bcrypt
import peewee

import models
from accounts import bans, usernames
from accounts.usernames import folded_skeleton, key, normalized, skeleton
from database import threadpool
from database.binding import database, is_sqlite, release_connection
from database.transactions import UNAVAILABLE, commit
from game import leaderboards
from models import User, insert, now, sql
from schemas import LiveSession, timestamp
from web.problems import (
    ALREADY_SIGNED_UP,
    BAD_FORMAT,
    EMAIL_TAKEN,
    LOG_IN_FAILED,
    NAME_LOOKS_ALIKE,
    NAME_TAKEN,
    PASSWORD_COMMON,
    PASSWORD_IS_NAME,
    RESET_LINK_INVALID,
    TOKEN_INVALID,
    TOO_LONG,
    TOO_SHORT,
    Problem,
    invalid,
    not_found,
    unauthorized,
)

PASSWORD_LENGTH = (8, 72)  # bytes in UTF-8; bcrypt reads no more
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
RESET_LASTS = DAY
# What is trimmed from names and emails: what a keyboard or a copied line puts there. Other controls are refused.
BLANKS = " \t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
MOST_SESSIONS = 50  # of one user
MOST_WITHDRAWALS = 20  # transactions of boards.ENTRIES within a request; more is for those with thousands of challenges
FEWEST_ERASED, MOST_ERASED = 10, 500  # games of a deleted account that one transaction deletes
ERASING_STEP, ERASING_TIME = 0.004, 0.3  # seconds that such a transaction should take, and a run of the background task


def password_errors(password, name, email, refused=frozenset()):
    """What is wrong with a password of the user of that name and email, as a list of errors, see problems.Problem.

    `refused`: see `read_refused_passwords`.
    """
    password = composed(password)
    size = len(password.encode())
    least, most = PASSWORD_LENGTH
    if size < least:
        return [("password", TOO_SHORT, f"give at least {least} characters", {"min": least, "unit": "bytes"})]
    if size > most:
        why = f"give at most {most} bytes; this has {size}, and bcrypt reads no more"
        return [("password", TOO_LONG, why, {"max": most, "unit": "bytes"})]
    if password.casefold() in refused:
        why = "is one of the most common; give one of your own, such as four unrelated words"
        return [("password", PASSWORD_COMMON, why)]
    if _is_own_name(password, name, email):
        why = "is your own name or email; give one that others don't know, such as four unrelated words"
        return [("password", PASSWORD_IS_NAME, why)]
    return []


def read_refused_passwords(path):
    """The passwords that are refused, whatever their case, of a file with one a line; none if it is empty."""
    return frozenset(composed(line.strip()).casefold() for line in Path(path).read_text("utf-8-sig").splitlines()) - {""}


def _is_own_name(password, name, email):
    """Whether it is the name, the email, or what that has before the @, once or twice; but for letters nothing counts."""
    given = key(password)
    for words in filter(None, (name, email, email and email.partition("@")[0])):
        own = key(words)
        if given == own or (_letters(own) and _letters(given) in (_letters(own), 2 * _letters(own))):
            return True
    return False


def _letters(words):
    return "".join(c for c in words if c.isalpha())


def email_errors(email):
    if email is None or (EMAIL.fullmatch(email) and not any(_is_unseen(c) for c in email)):
        return []
    return [("email", BAD_FORMAT, "give an address such as name@example.org, or none")]


def _is_unseen(character):
    """Whether it shows nothing, or changes how others are shown, as those do that turn the direction of writing."""
    return unicodedata.category(character)[0] == "C" or usernames.INVISIBLE.match(character)


# Passwords. bcrypt takes a quarter of a second at 12 rounds, in which the server must go on answering.


def composed(password):
    """The password in the form in which it is hashed: an accented letter can be typed as one character or as two."""
    return unicodedata.normalize("NFC", password)


def _in_a_thread(function, *args):
    return threadpool.call(threadpool.HASHING, function, *args)


class Passwords(NamedTuple):
    """How passwords are hashed, and which are refused.

    `run(function, *args)` runs it when it is its turn; see hashing.py.
    """

    rounds: int
    refused: frozenset = frozenset()
    run: object = _in_a_thread

    def hash(self, password):
        return hash_password(password, self.rounds, self.run)

    def is_right(self, user, password):
        """Whether it is the user's. It takes as long where there is no user (None), or one without a password.

        One that was hashed before passwords were `composed` is compared as it was typed, and is hashed again.
        """
        hashed = user and user.password
        if is_password(password, hashed, self.rounds, self.run):
            return _has_password(user)
        if composed(password) == password or not _is_as_typed(password, hashed, self.rounds, self.run):
            return False
        if _is_too_long(composed(password)):
            return _has_password(user)
        new = self.hash(password)
        return bool(User.update(password=new).where(User.id == user.id, User.password == hashed).execute())


def _has_password(user):
    """Whether it is the user's still: they may have changed it, or deleted the account, while others had their turn."""
    return User.select().where(User.id == user.id, User.password == user.password).exists()


def hash_password(password, rounds, run=_in_a_thread):
    release_connection()
    return run(bcrypt.hashpw, composed(password).encode(), bcrypt.gensalt(rounds)).decode()


def is_password(password, hashed, rounds, run=_in_a_thread):
    """Whether it is the one; takes as long where there is none to compare with (`hashed` None)."""
    return _is_as_typed(composed(password), hashed, rounds, run)


def _is_as_typed(password, hashed, rounds, run):
    none = hashed is None or _is_too_long(password)
    nobody = f"$2b${rounds:02}${'.' * 53}"
    release_connection()
    same = run(bcrypt.checkpw, password.encode()[: PASSWORD_LENGTH[1]], (nobody if none else hashed).encode())
    return same and not none


def _is_too_long(password):
    return len(password.encode()) > PASSWORD_LENGTH[1]


# Sessions.


class Account(namedtuple("Account", "id name email password banned_at bot")):
    """A models.User as far as a request needs to know who makes it; peewee's takes longer to make."""

    __slots__ = ()
    is_guest = User.is_guest


class Sessions:
    """Tokens, of which the database holds a keyed hash only.

    `secret` is the server's own, `days` how long a session lives after its last use.
    """

    def __init__(self, secret, days):
        self.mac = hmac.new(secret.encode(), digestmod="sha256")
        self.lifetime = days * DAY

    def hashed(self, token):
        mac = self.mac.copy()
        mac.update(token.encode())
        return mac.hexdigest()

    def open(self, user, address):
        """A new token for the user at that address; those of theirs that have run out, and the oldest, are forgotten."""
        token = secrets.token_urlsafe(24)
        hashed = self.hashed(token)
        sql("DELETE FROM sessions WHERE user_id = ? AND expires_at <= ?", user.id, now())
        insert(
            "sessions",
            token_hash=hashed,
            user_id=user.id,
            created_at=now(),
            expires_at=now() + self.lifetime,
            address_hash=self._hashed_address(user.id, address),
        )
        sql(_DROP_OLDEST, user.id, hashed, user.id, hashed, MOST_SESSIONS - 1)
        return token

    def _hashed_address(self, user_id, address):
        """Tells whether a user was there before, and nobody where that is, nor who else was there."""
        return self.hashed(f"address of {user_id} {address}")

    def is_known(self, user, address):
        """Whether the user has logged in from the address: there is a live session that was opened there."""
        found = sql(
            "SELECT 1 FROM sessions WHERE user_id = ? AND address_hash = ? AND expires_at > ? LIMIT 1",
            *(user.id, self._hashed_address(user.id, address), now()),
        )
        return found.fetchone() is not None

    def user(self, token):
        """Whose token it is. 401 if it is nobody's, or has run out. Use extends it, once an hour at the most."""
        hashed = self.hashed(token)
        found = sql(
            "SELECT u.id, u.name, u.email, u.password, u.banned_at, u.bot, s.expires_at"
            " FROM sessions s JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL WHERE s.token_hash = ?",
            hashed,
        ).fetchone()
        if not found or found[-1] <= now():
            raise unauthorized(TOKEN_INVALID, "This token is not, or no longer, valid. Log in, or go on as a guest.")
        if found[-1] < now() + self.lifetime - HOUR:
            with suppress(*UNAVAILABLE), models.impatient():  # else the next use will
                sql("UPDATE sessions SET expires_at = ? WHERE token_hash = ?", now() + self.lifetime, hashed)
        return Account(*found[:-1])

    def live(self, user, token):
        """The user's sessions, newest first; `token` is that of the one in which they are asked for."""
        here = self.hashed(token)
        return [
            LiveSession(_session_id(hashed), timestamp(created_at), timestamp(expires_at), hashed == here)
            for hashed, created_at, expires_at in self._rows(user)
        ]

    def _rows(self, user):
        return sql(
            "SELECT token_hash, created_at, expires_at FROM sessions WHERE user_id = ? AND expires_at > ?"
            " ORDER BY created_at DESC",
            *(user.id, now()),
        ).fetchall()

    def close(self, token):
        sql("DELETE FROM sessions WHERE token_hash = ?", self.hashed(token))

    def close_one(self, user, session_id):
        """End the one of the user's sessions that `live` gives this id. 404 if there is none."""
        for hashed, *_ in self._rows(user):
            if _session_id(hashed) == session_id:
                sql("DELETE FROM sessions WHERE token_hash = ?", hashed)
                return
        raise not_found(f"session {session_id!r} of yours")

    def close_all(self, user):
        sql("DELETE FROM sessions WHERE user_id = ?", user.id)

    def close_others(self, user, token):
        sql("DELETE FROM sessions WHERE user_id = ? AND token_hash <> ?", user.id, self.hashed(token))


# Not the one that was just opened, though others may have been opened in the same millisecond.
_DROP_OLDEST = (
    "DELETE FROM sessions WHERE user_id = ? AND token_hash <> ? AND token_hash NOT IN (SELECT token_hash FROM sessions"
    " WHERE user_id = ? AND token_hash <> ? ORDER BY created_at DESC, expires_at DESC LIMIT ?)"
)


def _session_id(token_hash):
    """Tells a user's sessions apart, and nothing of their tokens."""
    return hashlib.sha256(token_hash.encode()).hexdigest()[:16]


# Accounts.


def make_guest():
    """A new guest, whose name nobody else has."""
    while True:
        name = usernames.GUEST + secrets.token_hex(4)
        with suppress(peewee.IntegrityError):
            return User.create(name=name, name_key=key(name), created_at=now())


def sign_up(username, password, email, bot, passwords, refused, guest=None):
    """A new account, or the `guest`'s from now on, with the games played so far. 409 if the name or email is taken.

    `bot`: it is a program's. `passwords`: a Passwords. `refused`: see names.errors.
    """
    name, email = trimmed_name(username), trimmed_email(email)
    if (
        errors := usernames.errors(name, refused)
        + password_errors(password, name, email, passwords.refused)
        + email_errors(email)
    ):
        raise invalid(*errors)
    _refuse_banned(name, email)
    hashed = passwords.hash(password)
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


def trimmed_name(username):
    return normalized(username).strip(BLANKS)


def trimmed_email(email):
    return email and email.strip(BLANKS)


def find(username, email):
    """(the user of that name, or of that email, or None; what was looked for, the same however it is written)"""
    by_email = username is None or "@" in username
    field = User.email_key if by_email else User.name_key
    wanted = key(email if username is None else username).strip(BLANKS)
    # What no name or email can be is not asked for: Postgres takes no NUL.
    return None if "\0" in wanted else User.get_or_none(field == wanted), wanted


def wrong_log_in():
    """A wrong name and a wrong password are the same."""
    return unauthorized(LOG_IN_FAILED, "The name or the password is wrong. Check both; in the password, case matters.")


def change(user, wishes, passwords, refused):
    """Change what `wishes` has of `username`, `email` (None forgets it) and `password`. 409 if one is taken.

    `passwords`: a Passwords. `refused`: see names.errors.
    """
    fields, errors = {}, []
    name, email = trimmed_name(wishes.get("username", user.name)), trimmed_email(wishes.get("email", user.email))
    if name != user.name:
        errors += usernames.errors(name, refused)
        fields |= _name_fields(name)
    if "email" in wishes:
        errors += email_errors(email)
        fields |= _email_fields(email)
    if "password" in wishes:
        errors += password_errors(wishes["password"], name, email, passwords.refused)
    if errors:
        raise invalid(*errors)
    _refuse_banned("name" in fields and name, "email" in fields and email, user)
    if "password" in wishes:
        fields["password"] = passwords.hash(wishes["password"])
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


def make_reset(user):
    """A token with which the user gives another password, once and within RESET_LASTS; an earlier one is dead."""
    reset = secrets.token_urlsafe(24)
    sql(
        "INSERT INTO resets (user_id, token_hash, expires_at) VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET"
        " token_hash = excluded.token_hash, expires_at = excluded.expires_at",
        *(user.id, _reset_hash(reset), now() + RESET_LASTS),
    )
    return reset


def reset_password(reset, password, passwords):
    """Give the user whose token it is this password, and end their sessions. 403 for a token that is none any more.

    `passwords`: a Passwords. Answers the user.
    """
    user = _user_of_reset(reset)
    if errors := password_errors(password, user.name, user.email, passwords.refused):
        raise invalid(*errors)
    hashed = passwords.hash(password)
    with database.atomic():
        if not sql("DELETE FROM resets WHERE user_id = ? AND token_hash = ?", user.id, _reset_hash(reset)).rowcount:
            raise _dead_reset()  # it was used meanwhile
        User.update(password=hashed).where(User.id == user.id).execute()
        sql("DELETE FROM sessions WHERE user_id = ?", user.id)
    return user


def _user_of_reset(reset):
    found = sql("SELECT user_id FROM resets WHERE token_hash = ? AND expires_at > ?", _reset_hash(reset), now()).fetchone()
    if not found:
        raise _dead_reset()
    return User.get_by_id(found[0])


def _dead_reset():
    hours = RESET_LASTS // HOUR
    detail = f"This link is not, or no longer, valid: it works once, within {hours} hours. Ask for another one."
    return Problem(403, RESET_LINK_INVALID, detail)


def _reset_hash(reset):
    """What the database holds of a token that is random, so that nobody can try them all."""
    return hashlib.sha256(reset.encode()).hexdigest()


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
    return {"name": name, "name_key": key(name), "name_skeleton": skeleton(name), "folded_skeleton": folded_skeleton(name)}


def _email_fields(email):
    return {"email": email, "email_key": key(email) if email else None}


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
        same = User.select().where(User.name_key == key(name), User.id != user_id)
        raise _taken(column, looks_alike="skeleton" in line and not same.exists()) from None


def _taken(column, looks_alike=False):
    """409 for a name or an email that somebody has."""
    why, code = "is taken", EMAIL_TAKEN if column == "email" else NAME_TAKEN
    if looks_alike:
        why, code = "looks like that of another player", NAME_LOOKS_ALIKE
    errors = [(column, code, f"{why}; choose another")]
    return Problem(409, code, f"This {column} {why}. Choose another.", errors)
