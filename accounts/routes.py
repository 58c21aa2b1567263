"""The routes of accounts and sessions, and the users that other routes take as inputs."""

import msgspec
from bottle import request

import schemas
from accounts import accounts, attempts, passwords, sessions
from game import challenges
from web import problems, rate_limits
from web.api import make_routes
from web.problems import invalid, unauthorized
from web.requests import client_address, token

api = make_routes()


# Users, as inputs of routes.


def require_user(query=None, **params):
    """Return the user whose token the request has. 401 if it has none, or one that is not valid.

    `query` and `params` are as in sessions.Sessions.user.
    """
    given = token()
    if not given:
        raise unauthorized(
            problems.TOKEN_MISSING, "This needs a token, as `Authorization: Bearer TOKEN`: log in, or POST /api/auth/guest."
        )
    return request.app.sessions.user(given, query, **params)


def optional_user():
    """Return the user whose token the request has, or None if it has none. 401 for one that is not valid."""
    return require_user() if token() else None


# Accounts.


@api.post(
    "/api/auth/signup",
    body=schemas.SignUp,
    visitor=optional_user,
    response=schemas.SessionAnswer,
    status=201,
    errors=(409, 429),
)
def sign_up(body, visitor):
    """Create an account.

    With a guest's token, the guest becomes the account and keeps its games. 409: The name or the email is taken.
    """
    app = request.app
    guest = visitor if visitor and visitor.is_guest else None  # a player may create another account
    old_token, open_session = token(), _open_session()

    def finish(user):
        if guest:
            app.sessions.close(old_token)
            challenges.note_names(user, app.secret)
        return open_session(user)

    with attempts.signing_up(body.username) as hasher:
        fields = body.username, body.password, body.email, body.bot
        return _session(*accounts.sign_up(*fields, hasher, app.reserved_names, guest, finish))


@api.post("/api/auth/guest", body=schemas.Guest, response=schemas.SessionAnswer, status=201, errors=(429,))
def play_as_guest(body):
    """Create a guest, to play without an account.

    Guests are on no leaderboard until they sign up.
    """
    request.app.rate_limiter.hit((rate_limits.NEW_GUESTS, f"guest from {client_address()}"))
    return _session(*accounts.create_guest(_open_session()))


@api.post("/api/auth/login", body=schemas.LogIn, response=schemas.SessionAnswer, errors=(401, 429))
def log_in(body):
    """Log in with the username or the email."""
    if body.username is None and body.email is None:
        raise invalid(("username", problems.MISSING, "give a username or an email"))
    user, name = accounts.find(body.username, body.email)
    if not attempts.is_log_in_right(user, name, body.password):
        detail = "The name or the password is wrong. Check both; in the password, case matters."
        raise unauthorized(problems.LOG_IN_FAILED, detail)
    return _session(user, request.app.sessions.open(user.id, client_address()))


@api.post("/api/auth/logout", user=require_user)
def log_out(user):
    """Log out: the token is invalid from now on."""
    request.app.sessions.close(token())


@api.get("/api/auth/sessions", user=require_user, response=list[schemas.LiveSession])
def my_sessions(user):
    """List your sessions, newest first."""
    return request.app.sessions.live(user.id, token())


@api.delete("/api/auth/sessions/<session_id>", user=require_user)
def end_session(user, session_id):
    """End one of your sessions."""
    sessions.close_by_id(user.id, session_id)


@api.delete("/api/auth/sessions", user=require_user)
def log_out_everywhere(user):
    """End all of your sessions, including this one."""
    sessions.close_all(user.id)


@api.get("/api/auth/me", user=require_user, response=schemas.UserAnswer)
def show_me(user):
    """Return your account."""
    return _user(user)


@api.patch("/api/auth/me", user=require_user, body=schemas.Change, response=schemas.UserAnswer, errors=(403, 409, 429))
def change_me(user, body):
    """Change your name, email or password.

    A new password ends all other sessions. 403: The current password is wrong. 409: The name or the email is taken.
    """
    app = request.app
    attempts.confirm(user, body.current_password, "current_password")
    wishes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    del wishes["current_password"]
    here = token()

    def finish(user):
        if "password" in wishes:
            app.sessions.close_others(user.id, here)
        challenges.note_names(user, app.secret)

    with attempts.changing(user, wishes) as hasher:
        return _user(accounts.change(user, wishes, hasher, app.reserved_names, finish))


@api.delete("/api/auth/me", user=require_user, body=schemas.Delete, errors=(403, 429))
def delete_me(user, body):
    """Delete your account, with its games and its entries on leaderboards.

    403: The password is wrong.
    """
    if not user.is_guest:
        attempts.confirm(user, body.password, "password")
    accounts.delete(user.id)


@api.post("/api/auth/reset", body=schemas.Reset, response=schemas.SessionAnswer, errors=(403, 429))
def reset_password(body):
    """Set a new password, with the token of a link from the operator.

    It ends all existing sessions. 403: The link was used, or has expired.
    """
    with attempts.resetting(body.token) as hasher:
        return _session(*passwords.reset(body.token.strip(), body.password, hasher, _open_session()))


def _open_session():
    """Return a function that opens a session for a user within a transaction, which may run in another greenlet."""
    app, here = request.app, client_address()
    return lambda user: app.sessions.open(user.id, here)


def _session(user, token):
    return schemas.SessionAnswer(_user(user), token)


def _user(user):
    return schemas.UserAnswer(str(user.id), user.name, user.email, bool(user.is_guest), bool(user.bot))
