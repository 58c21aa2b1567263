"""Sessions: tokens that tell who makes a request. The database stores keyed hashes of them only."""

import hashlib
import hmac
import secrets
from contextlib import suppress
from functools import partial

from database.queries import Param, compiled, lookup
from database.transactions import UNAVAILABLE, commit
from models import Session, User, now
from schemas import LiveSession, timestamp
from web.problems import TOKEN_INVALID, not_found, unauthorized

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
MAX_SESSIONS = 50  # of one user

# What a request needs to know about the user who makes it.
USER = User.id, User.name, User.email, User.password, User.banned_at, User.bot, User.password.is_null().alias("is_guest")


class Sessions:
    """The sessions of a server with this `secret`. They expire so many `days` after their last use."""

    def __init__(self, secret, days):
        self.mac = hmac.new(secret.encode(), digestmod="sha256")
        self.lifetime = days * DAY

    def hashed(self, token):
        mac = self.mac.copy()
        mac.update(token.encode())
        return mac.hexdigest()

    def open(self, user_id, address):
        """Open a session for the user at that address. Return its token.

        The user's expired sessions are deleted, and so are the oldest beyond MAX_SESSIONS.
        """
        token, at = secrets.token_urlsafe(24), now()
        hashed, address_hash = self.hashed(token), self._hashed_address(user_id, address)

        def job():
            _delete_expired(user=user_id, now=at)
            _insert(token=hashed, user=user_id, now=at, expires_at=at + self.lifetime, address=address_hash)
            _delete_oldest(user=user_id, token=hashed)

        commit(job)
        return token

    def _hashed_address(self, user_id, address):
        """Return a hash that tells whether the user was there before, but neither where that is nor who else was there."""
        return self.hashed(f"address of {user_id} {address}")

    def is_known(self, user_id, address):
        """Return whether the user has logged in from the address: a live session was opened there."""
        address_hash = self._hashed_address(user_id, address)
        return _from_address.first(user=user_id, address=address_hash, now=now()) is not None

    def user(self, token, query=None, **params):
        """Return the user whose token it is. 401 if it is nobody's, or expired. Use extends it, at most once an hour.

        `query`, which takes the `params`, may find more: a compiled one that extends `select_users`.
        """
        hashed = self.hashed(token)
        user = (query or _user_by_token).first(token=hashed, **params)
        if not user or user.expires_at <= now():
            raise unauthorized(TOKEN_INVALID, "This token is not, or no longer, valid. Log in, or go on as a guest.")
        if user.expires_at < now() + self.lifetime - HOUR:
            extending = partial(_extend, token=hashed, expires_at=now() + self.lifetime)
            with suppress(*UNAVAILABLE):  # else the next use extends it
                commit(extending, durable=False, wait=False)
        return user

    def live(self, user_id, token):
        """Return the user's sessions, newest first, as LiveSessions. The one with the `token` is marked as current."""
        here = self.hashed(token)
        return [
            LiveSession(
                id=_session_id(session),
                created_at=timestamp(session.created_at),
                expires_at=timestamp(session.expires_at),
                current=session.token_hash == here,
            )
            for session in _live(user_id)
        ]

    def close(self, token):
        commit(Session.delete().where(Session.token_hash == self.hashed(token)).execute)

    def close_others(self, user_id, token):
        """End the user's sessions but the one with this token."""
        commit(Session.delete().where(Session.user == user_id, Session.token_hash != self.hashed(token)).execute)


def close_by_id(user_id, session_id):
    """End the user's session that has this id in `Sessions.live`. 404 if there is none."""
    for session in _live(user_id):
        if _session_id(session) == session_id:
            commit(session.delete_instance)
            return
    raise not_found(f"session {session_id!r} of yours")


def close_all(user_id):
    commit(Session.delete().where(Session.user == user_id).execute)


def _live(user_id):
    is_live = (Session.user == user_id) & (Session.expires_at > now())
    return Session.select().where(is_live).order_by(Session.created_at.desc())


def _session_id(session):
    """Return what tells a user's sessions apart, but nothing about their tokens."""
    return hashlib.sha256(session.token_hash.encode()).hexdigest()[:16]


def select_users(*columns):
    """Return a query for the user of a `token`, with USER and the further `columns`. It is to be extended, and compiled."""
    is_theirs = (User.id == Session.user) & User.deleted_at.is_null()
    users = Session.select(*USER, Session.expires_at, *columns).join(User, on=is_theirs)
    return users.where(Session.token_hash == Param("token"))


@lookup
def _user_by_token():
    return select_users()


@compiled
def _extend():
    return Session.update(expires_at=Param("expires_at")).where(Session.token_hash == Param("token"))


@compiled
def _from_address():
    is_live = (Session.user == Param("user")) & (Session.expires_at > Param("now"))
    return Session.select(Session.token_hash).where(is_live, Session.address_hash == Param("address")).limit(1)


@compiled
def _insert():
    row = {"token_hash": "token", "user": "user", "created_at": "now", "expires_at": "expires_at", "address_hash": "address"}
    return Session.insert({name: Param(param) for name, param in row.items()}).returning()


@compiled
def _delete_expired():
    return Session.delete().where(Session.user == Param("user"), Session.expires_at <= Param("now"))


@compiled
def _delete_oldest():
    # Not the one that was just opened, though others may have been opened in the same millisecond.
    others = (Session.user == Param("user")) & (Session.token_hash != Param("token"))
    newest = Session.select(Session.token_hash).where(others)
    newest = newest.order_by(Session.created_at.desc(), Session.expires_at.desc()).limit(MAX_SESSIONS - 1)
    return Session.delete().where(others, Session.token_hash.not_in(newest))
