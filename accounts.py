"""Accounts: names, emails, passwords and sessions."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections import namedtuple
from contextlib import contextmanager, suppress

import bcrypt
import peewee

import boards
import models
import threads
from models import User, database, insert, now, sql
from problems import Problem, invalid, not_found, unauthorized
from schemas import LiveSession, timestamp

NAME_LENGTH = (3, 20)  # characters
PASSWORD_LENGTH = (8, 72)  # bytes in UTF-8; bcrypt reads no more
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
GUEST = "guest-"
HOUR, DAY = 3_600_000, 86_400_000  # milliseconds


def normalized(name):
    return unicodedata.normalize("NFKC", name)


def key(name):
    """What two names share that are the same but for their case."""
    return normalized(normalized(name).casefold())


def name_errors(name):
    """What is wrong with a username that is `normalized`, as a list of (field, message)."""
    if not NAME_LENGTH[0] <= len(name) <= NAME_LENGTH[1]:
        return [("username", f"give 3 to 20 characters; this has {len(name)}")]
    for before, character in zip(" " + name, name, strict=False):
        if not _may_follow(before, character):
            return [("username", "use letters, digits, - and _ only")]
    if key(name).startswith(GUEST):
        return [("username", f"{GUEST} begins the names of guests; choose another name")]
    return []


def _may_follow(before, character):
    """Letters and digits of any script, - and _; marks where they spell a letter, as in Devanagari and Thai.

    Accents that could be stacked on any letter are left out: NFKC has put those that belong to one into it.
    """
    category = unicodedata.category(character)
    if category[0] == "M":
        return unicodedata.category(before)[0] in "LM" and not unicodedata.name(character, "").startswith("COMBINING")
    return category[0] == "L" or category == "Nd" or character in "-_"


def password_errors(password):
    size = len(password.encode())
    if size < PASSWORD_LENGTH[0]:
        return [("password", f"give at least {PASSWORD_LENGTH[0]} characters")]
    if size > PASSWORD_LENGTH[1]:
        return [("password", f"give at most {PASSWORD_LENGTH[1]} bytes; this has {size}, and bcrypt reads no more")]
    return []


def email_errors(email):
    if email is not None and (not EMAIL.fullmatch(email) or any(unicodedata.category(c)[0] == "C" for c in email)):
        return [("email", "give an address such as name@example.org, or none")]
    return []


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
            raise unauthorized("This token is not, or no longer, valid. Log in, or go on as a guest.")
        if found[-1] < now() + self.lifetime - HOUR:
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
        name = GUEST + secrets.token_hex(4)
        with suppress(peewee.IntegrityError):
            return User.create(name=name, name_key=key(name), created_at=now())


def sign_up(username, password, email, bot, rounds, guest=None):
    """A new account, or the `guest`'s from now on, with the games played so far. 409 if the name or email is taken.

    `bot`: it is a program's.
    """
    name = normalized(username)
    if errors := name_errors(name) + password_errors(password) + email_errors(email):
        raise invalid(*errors)
    hashed = hash_password(password, rounds)
    fields = {"name": name, "name_key": key(name), "password": hashed, "bot": bot, **_email_fields(email)}
    with _unique(), database.atomic():
        if not guest:
            return User.create(created_at=now(), **fields)
        User.lock(guest.id)
        if not User.update(**fields).where(User.id == guest.id, User.password.is_null()).execute():
            raise Problem(409, "This guest has signed up already. Log in.")
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
        raise unauthorized("The name or the password is wrong. Check both; in the password, case matters.")
    return user


def change(user, wishes, rounds):
    """Change what `wishes` has of `username`, `email` (None forgets it) and `password`. 409 if one is taken."""
    fields, errors = {}, []
    if "username" in wishes:
        name = normalized(wishes["username"])
        errors += name_errors(name)
        fields |= {"name": name, "name_key": key(name)}
    if "email" in wishes:
        errors += email_errors(wishes["email"])
        fields |= _email_fields(wishes["email"])
    if "password" in wishes:
        errors += password_errors(wishes["password"])
    if errors:
        raise invalid(*errors)
    if "password" in wishes:
        fields["password"] = hash_password(wishes["password"], rounds)
    if fields:
        with _unique(), database.atomic():
            User.update(**fields).where(User.id == user.id).execute()
            boards.rename(user.id)
    return User.get_by_id(user.id)


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


def _email_fields(email):
    return {"email": email, "email_key": key(email) if email else None}


@contextmanager
def _unique():
    """Turn the database's refusal of a name or an email that is taken into a 409 that says which."""
    try:
        yield
    except peewee.IntegrityError as error:
        # Both databases name the column in the first line; Postgres quotes the value in the second.
        column = "email" if "email_key" in str(error).splitlines()[0] else "username"
        raise Problem(409, f"This {column} is taken. Choose another.", [(column, "is taken; choose another")]) from None
