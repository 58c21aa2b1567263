"""Accounts: emails, passwords and sessions; for names, see names.py."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections import namedtuple
from contextlib import contextmanager, suppress
from pathlib import Path

import bcrypt
import peewee

import boards
import models
import names
import threads
from models import User, database, insert, now, sql
from names import folded_skeleton, key, normalized, skeleton
from problems import (
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
from schemas import LiveSession, timestamp

PASSWORD_LENGTH = (8, 72)  # bytes in UTF-8; bcrypt reads no more
COMMON_PASSWORDS = frozenset((Path(__file__).parent / "passwords_common.txt").read_text("utf-8").split())
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
RESET_LASTS = DAY


def password_errors(password, name, email):
    """What is wrong with a password of the user of that name and email, as a list of errors, see problems.Problem."""
    size = len(password.encode())
    least, most = PASSWORD_LENGTH
    if size < least:
        return [("password", TOO_SHORT, f"give at least {least} characters", {"min": least, "unit": "bytes"})]
    if size > most:
        why = f"give at most {most} bytes; this has {size}, and bcrypt reads no more"
        return [("password", TOO_LONG, why, {"max": most, "unit": "bytes"})]
    if password.casefold() in COMMON_PASSWORDS:
        why = "is one of the most common; give one of your own, such as four unrelated words"
        return [("password", PASSWORD_COMMON, why)]
    if _is_own_name(password, name, email):
        why = "is your own name or email; give one that others don't know, such as four unrelated words"
        return [("password", PASSWORD_IS_NAME, why)]
    return []


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
    return unicodedata.category(character)[0] == "C" or names.INVISIBLE.match(character)


# Passwords. bcrypt takes a quarter of a second at 12 rounds, in which the server must go on answering.


def hash_password(password, rounds):
    return _in_a_thread(bcrypt.hashpw, password.encode(), bcrypt.gensalt(rounds)).decode()


def is_password(password, hashed, rounds):
    """Whether it is the one; takes as long where there is none to compare with (`hashed` None)."""
    given = password.encode()
    none = hashed is None or len(given) > PASSWORD_LENGTH[1]
    nobody = f"$2b${rounds:02}${'.' * 53}"
    same = _in_a_thread(bcrypt.checkpw, given[: PASSWORD_LENGTH[1]], (nobody if none else hashed).encode())
    return same and not none


def _in_a_thread(function, *args):
    models.release()
    return threads.call(threads.HASHING, function, *args)


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

    def _hash(self, token):
        mac = self.mac.copy()
        mac.update(token.encode())
        return mac.hexdigest()

    def open(self, user):
        """A new token for the user; those of theirs that have run out are forgotten."""
        token = secrets.token_urlsafe(24)
        sql("DELETE FROM sessions WHERE user_id = ? AND expires_at <= ?", user.id, now())
        expires_at = now() + self.lifetime
        insert("sessions", token_hash=self._hash(token), user_id=user.id, created_at=now(), expires_at=expires_at)
        return token

    def user(self, token):
        """Whose token it is. 401 if it is nobody's, or has run out. Use extends it, once an hour at the most."""
        hashed = self._hash(token)
        found = sql(
            "SELECT u.id, u.name, u.email, u.password, u.banned_at, u.bot, s.expires_at"
            " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?",
            hashed,
        ).fetchone()
        if not found or found[-1] <= now():
            raise unauthorized(TOKEN_INVALID, "This token is not, or no longer, valid. Log in, or go on as a guest.")
        if found[-1] < now() + self.lifetime - HOUR:
            with suppress(*models.OUT_OF_REACH), models.impatient():  # else the next use will
                sql("UPDATE sessions SET expires_at = ? WHERE token_hash = ?", now() + self.lifetime, hashed)
        return Account(*found[:-1])

    def live(self, user, token):
        """The user's sessions, newest first; `token` is that of the one in which they are asked for."""
        here = self._hash(token)
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
        sql("DELETE FROM sessions WHERE token_hash = ?", self._hash(token))

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
        sql("DELETE FROM sessions WHERE user_id = ? AND token_hash <> ?", user.id, self._hash(token))


def _session_id(token_hash):
    """Tells a user's sessions apart, and nothing of their tokens."""
    return hashlib.sha256(token_hash.encode()).hexdigest()[:16]


# Accounts.


def make_guest():
    """A new guest, whose name nobody else has."""
    while True:
        name = names.GUEST + secrets.token_hex(4)
        with suppress(peewee.IntegrityError):
            return User.create(name=name, name_key=key(name), created_at=now())


def sign_up(username, password, email, bot, rounds, refused, guest=None):
    """A new account, or the `guest`'s from now on, with the games played so far. 409 if the name or email is taken.

    `bot`: it is a program's. `refused`: see names.errors.
    """
    name = normalized(username)
    if errors := names.errors(name, refused) + password_errors(password, name, email) + email_errors(email):
        raise invalid(*errors)
    hashed = hash_password(password, rounds)
    fields = {"password": hashed, "bot": bot, **_name_fields(name), **_email_fields(email)}
    with _unique(name), database.atomic():
        if not guest:
            return User.create(created_at=now(), **fields)
        User.lock(guest.id)
        if not User.update(**fields).where(User.id == guest.id, User.password.is_null()).execute():
            raise Problem(409, ALREADY_SIGNED_UP, "This guest has signed up already. Log in.")
        boards.rebuild(guest.id)
        return User.get_by_id(guest.id)


def log_in(username, email, password, rounds):
    """The user of that name, or of that email. A wrong one and a wrong password are the same 401, in the same time."""
    by_email = username is None or "@" in username
    field = User.email_key if by_email else User.name_key
    wanted = key(email if username is None else username)
    # What no name or email can be is not asked for: Postgres takes no NUL.
    user = None if "\0" in wanted else User.get_or_none(field == wanted)
    if not is_password(password, user and user.password, rounds):
        raise unauthorized(LOG_IN_FAILED, "The name or the password is wrong. Check both; in the password, case matters.")
    return user


def change(user, wishes, rounds, refused):
    """Change what `wishes` has of `username`, `email` (None forgets it) and `password`. 409 if one is taken.

    `refused`: see names.errors.
    """
    fields, errors = {}, []
    name = normalized(wishes.get("username", user.name))
    if name != user.name:
        errors += names.errors(name, refused)
        fields |= _name_fields(name)
    if "email" in wishes:
        errors += email_errors(wishes["email"])
        fields |= _email_fields(wishes["email"])
    if "password" in wishes:
        errors += password_errors(wishes["password"], name, wishes.get("email", user.email))
    if errors:
        raise invalid(*errors)
    if "password" in wishes:
        fields["password"] = hash_password(wishes["password"], rounds)
    if fields:
        with _unique(name, user.id), database.atomic():
            User.update(**fields).where(User.id == user.id).execute()
            boards.rename(user.id)
            if "password" in fields:
                sql("DELETE FROM resets WHERE user_id = ?", user.id)
    return User.get_by_id(user.id)


def make_reset(user):
    """A token with which the user gives another password, once and within RESET_LASTS; an earlier one is dead."""
    reset = secrets.token_urlsafe(24)
    sql(
        "INSERT INTO resets (user_id, token_hash, expires_at) VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET"
        " token_hash = excluded.token_hash, expires_at = excluded.expires_at",
        *(user.id, _reset_hash(reset), now() + RESET_LASTS),
    )
    return reset


def reset_password(reset, password, rounds):
    """Give the user whose token it is this password, and end their sessions. 403 for a token that is none any more.

    Answers the user.
    """
    user = _user_of_reset(reset)
    if errors := password_errors(password, user.name, user.email):
        raise invalid(*errors)
    hashed = hash_password(password, rounds)
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
    """The account, its sessions, its games and its entries are gone."""
    with database.atomic():
        User.lock(user.id)
        boards.withdraw(user.id)
        sql("DELETE FROM users WHERE id = ?", user.id)


def ban(user_id):
    """Take a player off every board until `unban`."""
    with database.atomic():
        User.lock(user_id)
        User.update(banned_at=now()).where(User.id == user_id).execute()
        boards.rebuild(user_id)


def unban(user_id):
    with database.atomic():
        User.lock(user_id)
        User.update(banned_at=None).where(User.id == user_id).execute()
        boards.rebuild(user_id)


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
        why, code = "is taken", EMAIL_TAKEN if column == "email" else NAME_TAKEN
        # A name that is the same looks the same, too; it is a matter of the database which of both it finds first.
        same = User.select().where(User.name_key == key(name), User.id != user_id)
        if "skeleton" in line and not same.exists():
            why, code = "looks like that of another player", NAME_LOOKS_ALIKE
        errors = [(column, code, f"{why}; choose another")]
        raise Problem(409, code, f"This {column} {why}. Choose another.", errors) from None
