"""Queries that are compiled once."""

import peewee
import pytest

from database.queries import Param, compiled
from models import Session, User


@compiled
def users_by_id(number):
    return User.select(User.id, User.name.alias("called")).where(User.id.in_([Param(f"id{n}") for n in range(number)]))


@compiled
def add_session():
    return Session.insert(
        {Session.token_hash: Param("hash"), Session.user: Param("user"), Session.created_at: 1, Session.expires_at: 2}
    ).returning()


def test_rows_have_the_names_of_the_query_s_columns(ada, bob, db):
    ids = {"id0": int(ada.user["id"]), "id1": int(bob.user["id"])}
    assert [row._asdict() for row in users_by_id.all(2, **ids)] == [
        {"id": ids["id0"], "called": "Ada"},
        {"id": ids["id1"], "called": "Bob"},
    ]
    assert users_by_id.first(1, id0=ids["id1"]).called == "Bob"
    assert users_by_id.first(1, id0=0) is None
    assert users_by_id.all(1, id0=0) == []


def test_the_cursor_says_how_many_rows_were_changed(ada, db):
    assert add_session(hash="a", user=int(ada.user["id"])).rowcount == 1


def test_a_missing_parameter_is_an_error(db):
    with pytest.raises(KeyError):
        users_by_id(1)


def test_errors_have_peewee_s_names(ada, db):
    add_session(hash="a", user=int(ada.user["id"]))
    with pytest.raises(peewee.IntegrityError):
        add_session(hash="a", user=int(ada.user["id"]))
