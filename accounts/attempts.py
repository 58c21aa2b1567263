"""Attempts to guess passwords, reset links and emails, as the current request makes them.

An attempt is counted before it is checked, so that many at once are as many as one after the other. It is uncounted if it
turns out to be legitimate. Guessing by others locks nobody out: known users, and sessions, have counts of their own.
"""

from contextlib import contextmanager, nullcontext
from functools import partial

from bottle import request

from accounts.hashing import is_gone
from accounts.usernames import canonical
from observability.counters import Counter
from web import problems, rate_limits
from web.problems import Problem
from web.requests import client_address, token

LOGIN_FAILURES = Counter("login_failures", "Log-ins with a wrong password or an unknown name.")


def signing_up(username):
    """Count a sign-up, unless too many passwords wait. The context is the hasher for its password."""
    limit = rate_limits.NEW_ACCOUNTS, f"account from {client_address()}"
    return _attempt(_hasher(f"sign-up of {canonical(username)}"), [limit], counts=lambda code: code != problems.BUSY)


def changing(user, wishes):
    """Count the email that a user changes to: the response says if another has it. The context is the hasher."""
    hashing = _hasher(f"account {user.id}") if "password" in wishes else nullcontext(request.app.hasher)
    limits = []
    if wishes.get("email"):
        limits = [(rate_limits.EMAILS, f"emails of {user.id}"), (rate_limits.EMAILS_FROM, f"emails from {client_address()}")]
    return _attempt(hashing, limits, counts=lambda code: code in (None, problems.EMAIL_TAKEN))


def resetting(token):
    """Count an invalid link to reset a password. The context is the hasher for the new one."""
    limit = rate_limits.RESETS_FROM, f"reset from {client_address()}"
    return _attempt(_hasher(f"reset by {token}"), [limit], counts=lambda code: code == problems.RESET_LINK_INVALID)


def is_log_in_right(user, name, password):
    """Return whether it is the user's password; `user` is None if nobody has the `name`, or email, that was given."""
    here = client_address()
    account = f"account {user.id}" if user else f"name {name}"
    pair = f"{account} from {here}"
    if user and request.app.sessions.is_known(user.id, here):
        who = f"known {pair}"
        return _is_right(user, password, who, [(rate_limits.PASSWORDS, who)])
    limits = [
        (rate_limits.PASSWORDS, account),
        (rate_limits.PASSWORDS, pair),
        (rate_limits.PASSWORDS_FROM, f"passwords from {here}"),
    ]
    return _is_right(user, password, account, limits)


def confirm(user, password, field):
    """Raise 403 if it is not the user's password, or the user is a guest and has none."""
    if user.is_guest:
        detail = "A guest has no password. Sign up first, with this token, to keep the games."
        raise Problem(403, problems.GUEST_HAS_NO_PASSWORD, detail)
    who = f"session {request.app.sessions.hashed(token())}"
    if not _is_right(user, password or "", who, [(rate_limits.PASSWORDS, who)]):
        detail = "The password is wrong. Give the one that you log in with."
        raise Problem(403, problems.WRONG_PASSWORD, detail, [(field, problems.WRONG_PASSWORD, "is wrong")])


def _is_right(user, password, who, failures):
    """Return whether it is the user's password. Count `failures` until that is known, and if it is not.

    Raise 429 if there are too many, or too many successes; 503 if too many passwords wait.
    """
    limiter = request.app.rate_limiter
    successes = [(rate_limits.LOG_INS_FROM, f"log-ins from {client_address()}")]
    if user:
        successes.insert(0, (rate_limits.LOG_INS, f"log-ins of {user.id}"))
    with _hasher(who) as hasher:
        hits = limiter.hit(*failures, *successes)
        try:
            is_right = hasher.is_right(user, password)
        except BaseException:
            limiter.refund(hits)
            raise
    limiter.refund(hits[: len(failures)] if is_right else hits[len(failures) :])
    if not is_right:
        LOGIN_FAILURES.inc()
    return is_right


@contextmanager
def _hasher(account):
    """Wait in the queue of passwords. The context is a hasher whose turn is in this request's place."""
    app = request.app
    with app.hashing.place(account, client_address(), partial(is_gone, request.environ)) as run:
        yield app.hasher._replace(run=run)


@contextmanager
def _attempt(hashing, limits, counts):
    """Count an attempt. Refund it unless it `counts(code)`, by the code of the Problem that ends it, None without one."""
    limiter = request.app.rate_limiter
    with hashing as hasher:
        hits = limiter.hit(*limits)
        code = problems.INTERNAL_ERROR
        try:
            yield hasher
            code = None
        except Problem as problem:
            code = problem.code
            raise
        finally:
            if not counts(code):
                limiter.refund(hits)
