"""Compiled queries."""

import peewee
import pytest
from peewee import EXCLUDED

from database.queries import Param, compiled, insert_rows, literal, params, rows
from models import Secret, Session, User


@compiled
def users_by_id(number):
    return User.select(User.id, User.name.alias("called")).where(User.id.in_([Param(f"id{n}") for n in range(number)]))


@compiled
def add_session():
    return Session.insert(
        {Session.token_hash: Param("hash"), Session.user: Param("user"), Session.created_at: 1, Session.expires_at: 2}
    ).returning()


def test_rows_have_the_names_of_the_querys_columns(ada, bob, db):
    ids = {"id0": int(ada.user["id"]), "id1": int(bob.user["id"])}
    assert [row._asdict() for row in users_by_id.all(2, **ids)] == [
        {"id": ids["id0"], "called": "Ada"},
        {"id": ids["id1"], "called": "Bob"},
    ]
    assert users_by_id.first(1, id0=ids["id1"]).called == "Bob"
    assert users_by_id.first(1, id0=0) is None
    assert users_by_id.all(1, id0=0) == []


def test_the_cursor_has_the_number_of_changed_rows(ada, db):
    assert add_session(hash="a", user=int(ada.user["id"])).rowcount == 1


def test_a_missing_parameter_is_an_error(db):
    with pytest.raises(KeyError):
        users_by_id(1)


def test_errors_have_peewees_names(ada, db):
    add_session(hash="a", user=int(ada.user["id"]))
    with pytest.raises(peewee.IntegrityError):
        add_session(hash="a", user=int(ada.user["id"]))


@compiled
def users_by_ids(number):
    return User.select(User.id, literal("user").alias("kind")).where(
        User.id.in_(params("ids", number)), User.id > Param("low")
    )


def test_a_sequence_is_given_at_once(ada, bob, db):
    ids = [int(ada.user["id"]), int(bob.user["id"])]
    assert [tuple(row) for row in users_by_ids.all(2, ids=ids, low=0)] == [(id, "user") for id in ids]
    assert [row.id for row in users_by_ids.all(2, ids=ids, low=ids[0])] == ids[1:]


@compiled
def add_secrets(number):
    fields = [Secret.name, Secret.value]
    return Secret.insert_many(rows("rows", number, 2), fields).on_conflict(
        conflict_target=Secret.name, update={Secret.value: Secret.value.concat(EXCLUDED.value)}
    )


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 250])
def test_any_number_of_rows_is_inserted(db, number):
    for value in "ab":
        insert_rows(add_secrets, [(f"name {n}", f"{value}{n}") for n in range(number)])
    stored = {secret.name: secret.value for secret in Secret.select().where(Secret.name.startswith("name"))}
    assert stored == {f"name {n}": f"a{n}b{n}" for n in range(number)}
