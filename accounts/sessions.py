"""Sessions: tokens that tell who makes a request."""

import hashlib
import hmac
import secrets
from collections import namedtuple
from contextlib import suppress

import models
from database.transactions import UNAVAILABLE
from models import User, insert, now, sql
from schemas import LiveSession, timestamp
from web.problems import TOKEN_INVALID, not_found, unauthorized

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
MAX_SESSIONS = 50  # of one user


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
        sql(_DROP_OLDEST, user.id, hashed, user.id, hashed, MAX_SESSIONS - 1)
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
