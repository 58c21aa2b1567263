"""Passwords: which are allowed, how they are hashed and compared, and links to reset them."""

import hashlib
import secrets
import unicodedata
from pathlib import Path
from typing import NamedTuple

import bcrypt

from accounts import sessions
from accounts.usernames import canonical
from database import threadpool
from database.binding import release_connection
from database.transactions import commit
from models import Reset, User, now
from web.problems import PASSWORD_COMMON, PASSWORD_IS_NAME, RESET_LINK_INVALID, TOO_LONG, TOO_SHORT, Problem, invalid

LENGTH = (8, 72)  # bytes in UTF-8; bcrypt reads no more
RESET_HOURS = 24  # that a link is valid


def problems_with(password, name, email, common=frozenset()):
    """Return what is wrong with a password of the user of that name and email, as a list of errors; see problems.Problem.

    `common`: see `load_common`.
    """
    password = composed(password)
    size = len(password.encode())
    least, most = LENGTH
    if size < least:
        return [("password", TOO_SHORT, f"give at least {least} characters", {"min": least, "unit": "bytes"})]
    if size > most:
        why = f"give at most {most} bytes; this has {size}, and bcrypt reads no more"
        return [("password", TOO_LONG, why, {"max": most, "unit": "bytes"})]
    if password.casefold() in common:
        why = "is one of the most common; give one of your own, such as four unrelated words"
        return [("password", PASSWORD_COMMON, why)]
    if _is_own_name(password, name, email):
        why = "is your own name or email; give one that others don't know, such as four unrelated words"
        return [("password", PASSWORD_IS_NAME, why)]
    return []


def load_common(path):
    """Return the passwords, one per line of a file, that are refused in upper or lower case; none if the file is empty."""
    return frozenset(composed(line.strip()).casefold() for line in Path(path).read_text("utf-8-sig").splitlines()) - {""}


def _is_own_name(password, name, email):
    """Return whether it is the name, the email, or the email's part before the @, once or twice. Only letters count."""
    given = canonical(password)
    for words in filter(None, (name, email, email and email.partition("@")[0])):
        own = canonical(words)
        if given == own or (_letters(own) and _letters(given) in (_letters(own), 2 * _letters(own))):
            return True
    return False


def _letters(words):
    return "".join(c for c in words if c.isalpha())


# Hashing. bcrypt takes a quarter of a second at 12 rounds, during which the server must continue to respond.


def composed(password):
    """Return the password as it is hashed: an accented letter can be typed as one character or as two."""
    return unicodedata.normalize("NFC", password)


def _in_a_thread(function, *args):
    return threadpool.run(threadpool.HASHING, function, *args)


class Hasher(NamedTuple):
    """How passwords are hashed, and which are too `common`.

    `run(function, *args)` runs the function when it is the request's turn; see hashing.py.
    """

    rounds: int
    common: frozenset = frozenset()
    run: object = _in_a_thread

    def hash(self, password):
        release_connection()
        return self.run(bcrypt.hashpw, composed(password).encode(), bcrypt.gensalt(self.rounds)).decode()

    def is_right(self, user, password):
        """Return whether it is the user's password. It takes as long for no user (None), or for one without a password.

        Passwords that were hashed before they were `composed` are compared as they were typed, and hashed again.
        """
        hashed = user and user.password
        if self.matches(composed(password), hashed):
            return _has_password(user)
        if composed(password) == password or not self.matches(password, hashed):
            return False
        if _is_too_long(composed(password)):
            return _has_password(user)
        rehashing = User.update(password=self.hash(password)).where(User.id == user.id, User.password == hashed)
        return bool(commit(rehashing.execute))

    def matches(self, password, hashed):
        """Return whether the hash is that of the password. It takes as long for no hash (None)."""
        none = hashed is None or _is_too_long(password)
        nobody = f"$2b${self.rounds:02}${'.' * 53}"
        release_connection()
        same = self.run(bcrypt.checkpw, password.encode()[: LENGTH[1]], (nobody if none else hashed).encode())
        return same and not none


def _has_password(user):
    """Return whether it is still the user's: they may have changed it, or deleted the account, during the hashing."""
    return User.select().where(User.id == user.id, User.password == user.password).exists()


def _is_too_long(password):
    return len(password.encode()) > LENGTH[1]


# Resets.


def create_reset(user):
    """Return a token with which the user can set another password, once and within RESET_HOURS. It replaces earlier ones."""
    token = secrets.token_urlsafe(24)
    row = {"user": user.id, "token_hash": _reset_hash(token), "expires_at": now() + RESET_HOURS * 3_600_000}
    commit(
        Reset.insert(row).on_conflict(conflict_target=[Reset.user], preserve=[Reset.token_hash, Reset.expires_at]).execute
    )
    return token


def reset(token, password, hasher, then):
    """Set the password of the user with this reset token, and end their sessions. 403 for a bad token.

    Return the user, and what `then(user)` returns, which runs in the same transaction.
    """
    is_valid = (Reset.token_hash == _reset_hash(token)) & (Reset.expires_at > now())
    user = User.select().join(Reset).where(is_valid).first()
    if not user:
        raise _invalid_link()
    if errors := problems_with(password, user.name, user.email, hasher.common):
        raise invalid(*errors)
    hashed = hasher.hash(password)

    def job():
        if not Reset.delete().where(Reset.user == user.id, Reset.token_hash == _reset_hash(token)).execute():
            raise _invalid_link()  # it was used meanwhile
        User.update(password=hashed).where(User.id == user.id).execute()
        sessions.close_all(user.id)
        return user, then(user)

    return commit(job)


def _invalid_link():
    detail = f"This link is not, or no longer, valid: it works once, within {RESET_HOURS} hours. Ask for another one."
    return Problem(403, RESET_LINK_INVALID, detail, params={"hours": RESET_HOURS})


def _reset_hash(token):
    """Return what the database stores of a token. Tokens are random, so that they can't be guessed from their hashes."""
    return hashlib.sha256(token.encode()).hexdigest()
