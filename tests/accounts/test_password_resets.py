"""Resetting a forgotten password with a link from the operator."""

import pytest
from driver import PASSWORD, drive

import models
from accounts import passwords
from models import Reset, Session, User

NEW = "four unrelated words"


@pytest.fixture
def token(ada, db):
    return passwords.create_reset(User.get(name="Ada"))


def reset(api, token, password=NEW, status=200):
    return api("POST /api/auth/reset", {"token": token, "password": password}, status)


def test_it_gives_another_password_and_logs_in(api, ada, token):
    session = reset(api, token)
    assert session["user"] == ada.user
    api.token = session["token"]
    assert api("GET /api/auth/me")["username"] == "Ada"
    api.log_in("Ada", NEW)
    assert api.ask("POST /api/auth/login", {"username": "Ada", "password": PASSWORD}).status == 401


def test_all_sessions_from_before_are_ended(api, ada, bob, token):
    reset(api, token)
    ada("GET /api/auth/me", status=401)
    bob("GET /api/auth/me")


def test_it_works_once(api, token):
    reset(api, token)
    assert "works once" in reset(api, token, "another four words", 403)["detail"]
    api.log_in("Ada", NEW)


def test_it_runs_out(api, token, db):
    Reset.update(expires_at=models.now()).execute()
    reset(api, token, status=403)
    api.log_in("Ada")


def test_it_lasts_a_day(token, db):
    assert abs(Reset.get().expires_at - models.now() - 24 * 3_600_000) < 10_000


def test_a_later_link_replaces_the_earlier_one(api, token, db):
    later = passwords.create_reset(User.get(name="Ada"))
    reset(api, token, status=403)
    reset(api, later)


def test_a_password_that_will_not_do_is_refused_and_does_not_use_it_up(api, token):
    for password in ("short", "password", "Ada-Ada-1"):
        answer = reset(api, token, password, 422)
        assert [error["field"] for error in answer["errors"]] == ["password"]
    reset(api, token)


def test_changing_the_password_meanwhile_ends_it(api, ada, token):
    ada("PATCH /api/auth/me", {"current_password": PASSWORD, "password": NEW})
    reset(api, token, "another four words", 403)
    api.log_in("Ada", NEW)


def test_it_is_gone_with_the_account(api, ada, token, db):
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    reset(api, token, status=403)
    assert Reset.select().count() == 0


def test_nobody_guesses_one(make_app):
    api = drive(make_app())
    statuses = {api.ask("POST /api/auth/reset", {"token": f"guess {n}", "password": NEW}).status for n in range(201)}
    assert statuses == {403, 429}


def test_the_token_is_not_stored(token, db):
    stored = [*Reset.select().tuples(), *Session.select().tuples()]
    assert all(token not in map(str, row) for row in stored)
