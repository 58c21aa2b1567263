"""Bans survive the account: its names and emails stay refused until the ban is lifted."""

import re

import pytest
from driver import PASSWORD, drive

import manage
from accounts import accounts
from database.binding import bind
from models import Ban, User
from web import problems


@pytest.fixture
def banned(api, db):
    """Ada, banned, with a game."""
    ada = api.sign_up("Ada", email="ada@example.org")
    ada.play(meals=1)
    accounts.ban(int(ada.user["id"]))
    return ada


def delete(user):
    user("DELETE /api/auth/me", {"password": PASSWORD}, 204)


def sign_up(api, **fields):
    answer = api.ask("POST /api/auth/signup", {"username": "Bob", "password": PASSWORD} | fields)
    return answer.status, answer.json.get("code")


def change(user, **wishes):
    answer = user.ask("PATCH /api/auth/me", {"current_password": PASSWORD, **wishes})
    return answer.status, answer.json.get("code")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"username": "Ada"}, problems.NAME_TAKEN),
        ({"username": " aDA"}, problems.NAME_TAKEN),
        ({"username": "\u0410da"}, problems.NAME_LOOKS_ALIKE),
        ({"email": "ADA@example.org"}, problems.EMAIL_TAKEN),
        ({"email": "ada@example.org "}, problems.EMAIL_TAKEN),
    ],
)
def test_the_name_and_email_of_a_deleted_banned_account_stay_banned(api, banned, fields, code):
    delete(banned)
    assert sign_up(api, **fields) == (409, code)
    assert sign_up(api.guest(), **fields) == (409, code)
    bob = api.sign_up("Bob", email="bob@example.org")
    assert change(bob, **fields) == (409, code)
    assert api("GET /api/leaderboard") == []


def test_an_account_that_was_not_banned_leaves_its_name_free(api, db):
    delete(api.sign_up("Ada", email="ada@example.org"))
    assert Ban.select().count() == 0
    api.sign_up("Ada", email="ada@example.org")


def test_a_banned_player_who_takes_another_name_and_email_leaves_none_of_them_free(api, banned):
    assert change(banned, username="Eve", email="eve@example.org") == (200, None)
    assert change(banned, email=None) == (200, None)
    for fields in ({"username": "ada"}, {"email": "ada@example.org"}, {"email": "eve@example.org"}):
        assert sign_up(api, **fields)[0] == 409
    delete(banned)
    for fields in ({"username": "ada"}, {"username": "EVE"}, {"email": "ada@example.org"}, {"email": "eve@example.org"}):
        assert sign_up(api, **fields)[0] == 409
    assert change(api.sign_up("Bob"), username="Eve") == (409, problems.NAME_TAKEN)


def test_a_banned_player_can_take_their_own_name_and_email_back(banned):
    assert change(banned, username="Eve") == (200, None)
    assert change(banned, username="Ada") == (200, None)
    assert change(banned, username="ADA", email="Ada@example.org") == (200, None)


def test_players_who_were_banned_before_names_were_stored_leave_none_free_either(api, banned, db):
    Ban.delete().execute()
    delete(banned)
    for fields in ({"username": "Ada"}, {"email": "ada@example.org"}):
        assert sign_up(api, **fields)[0] == 409


def test_nor_do_they_if_they_change_their_email_before(api, banned, db):
    Ban.delete().execute()
    assert change(banned, email="eve@example.org") == (200, None)
    delete(banned)
    for fields in ({"username": "Ada"}, {"email": "ada@example.org"}, {"email": "eve@example.org"}):
        assert sign_up(api, **fields)[0] == 409


def test_a_banned_guest_who_signs_up_stays_banned(api, db):
    guest = api.guest()
    accounts.ban(int(guest.user["id"]))
    eve = guest.sign_up("Eve", email="eve@example.org")
    eve.play(meals=1)
    assert api("GET /api/leaderboard") == []
    delete(eve)
    assert sign_up(api, username="Eve")[0] == 409
    assert sign_up(api, email="eve@example.org")[0] == 409


def test_what_is_banned_is_stored_hashed(banned, db):
    bans = list(Ban.select())
    assert bans
    assert all(re.fullmatch("[0-9a-f]{64}", row.hash) and re.fullmatch("[0-9a-f]{16}", row.ban) for row in bans)


@pytest.fixture
def run(make_app, tmp_path, monkeypatch, capsys):
    """Runs manage.py on the database of `run.api`'s server; what it printed."""
    url = f"sqlite:///{tmp_path}/snake.db"
    monkeypatch.setenv("DATABASE_URL", url)

    def run(*arguments, status=0):
        assert manage.main(arguments) == status
        return "".join(capsys.readouterr())

    run.api = drive(make_app(database_url=url))
    return run


def test_lifting_the_ban_of_a_deleted_account_frees_name_and_email(run):
    ada = run.api.sign_up("Ada", email="ada@example.org")
    run("ban", "Ada")
    delete(ada)
    assert "can be signed up with again" in run("unban", " aDA ")
    run.api.sign_up("Bob", email="ada@example.org").play(meals=1)
    assert len(run.api("GET /api/leaderboard")) == 1
    run.api.sign_up("Ada")
    assert "There is no player 'Eve'" in run("unban", "Eve", status=1)


@pytest.mark.parametrize("name", ["Ada", "Eve"])
def test_a_ban_is_lifted_by_any_name_that_the_player_has_had_since(run, name):
    ada = run.api.sign_up("Ada")
    ada.play(meals=1)
    run("ban", "Ada")
    assert change(ada, username="Eve") == (200, None)
    assert run("unban", name) == "Eve is on the leaderboards again.\n"
    assert [entry["username"] for entry in run.api("GET /api/leaderboard")] == ["Eve"]
    run.api.sign_up("Ada")


def test_a_ban_moves_to_another_database_and_survives_another_secret_key(run, make_app, tmp_path, monkeypatch):
    ada = run.api.sign_up("Ada")
    run("ban", "Ada")
    delete(ada)
    run("export", "snake.jsonl")
    other = f"sqlite:///{tmp_path}/other.db"
    monkeypatch.setenv("DATABASE_URL", other)
    run("import", "snake.jsonl")
    api = drive(make_app(database_url=other, secret_key="another secret of sixteen characters"))
    assert sign_up(api, username="Ada") == (409, problems.NAME_TAKEN)
    run("unban", "Ada")
    api.sign_up("Ada")


def test_a_ban_that_was_lifted_leaves_nothing_behind(api, db):
    ada = api.sign_up("Ada")
    with bind(db):
        accounts.ban(User.get().id)
        accounts.unban("Ada")
    delete(ada)
    api.sign_up("Ada")
