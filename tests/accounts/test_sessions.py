"""Listing and ending the sessions of an account."""

from datetime import datetime, timedelta

import pytest

import models
from accounts.sessions import DAY
from models import Session


@pytest.fixture
def phone(api, ada, db):
    """Ada, logged in a second time a day later; a day passes for the first session."""
    Session.update(created_at=Session.created_at - DAY, expires_at=Session.expires_at - DAY).execute()
    return api.log_in("Ada")


def test_sessions_are_listed_newest_first_and_the_current_one_is_marked(ada, phone, bob):
    here, there = phone("GET /api/auth/sessions")
    assert (here["current"], there["current"]) == (True, False)
    assert [session["current"] for session in ada("GET /api/auth/sessions")] == [False, True]
    created = [datetime.fromisoformat(session["created_at"]) for session in (here, there)]
    assert created[0] - created[1] >= timedelta(days=1)
    assert datetime.fromisoformat(here["expires_at"]) - created[0] >= timedelta(days=29)
    assert len(bob("GET /api/auth/sessions")) == 1


def test_a_session_that_has_run_out_is_not_listed_and_can_not_be_ended(ada, phone, db):
    there = phone("GET /api/auth/sessions")[1]["id"]
    Session.update(expires_at=models.now() - 1).where(Session.created_at < models.now() - DAY).execute()
    assert [session["current"] for session in phone("GET /api/auth/sessions")] == [True]
    phone(f"DELETE /api/auth/sessions/{there}", status=404)


def test_a_session_is_ended_from_another(ada, phone):
    there = phone("GET /api/auth/sessions")[1]["id"]
    phone(f"DELETE /api/auth/sessions/{there}", status=204)
    ada("GET /api/auth/me", status=401)
    assert [session["current"] for session in phone("GET /api/auth/sessions")] == [True]
    phone(f"DELETE /api/auth/sessions/{there}", status=404)


def test_nobody_ends_the_session_of_another(ada, bob):
    [session] = ada("GET /api/auth/sessions")
    answer = bob.ask(f"DELETE /api/auth/sessions/{session['id']}")
    assert (answer.status, session["id"] in answer.json["detail"]) == (404, True)
    ada("GET /api/auth/me")


def test_the_id_of_a_session_is_neither_its_token_nor_what_is_stored_of_it(api, ada, db):
    [session] = ada("GET /api/auth/sessions")
    stored = Session.get().token_hash
    assert session["id"] not in ada.token
    assert session["id"] not in stored
    for token in (session["id"], stored):
        api.token = token
        api("GET /api/auth/me", status=401)


def test_a_guest_has_a_session_too(api):
    assert [session["current"] for session in api.guest()("GET /api/auth/sessions")] == [True]
