"""Signing up, logging in and out, changing and deleting an account, and guests."""

import bcrypt
import pytest
from driver import PASSWORD, drive

import models
from accounts import accounts, passwords
from accounts.sessions import DAY
from models import Entry, Game, Session, User


def signup(api, **fields):
    return api.ask("POST /api/auth/signup", {"username": "Ada", "password": PASSWORD} | fields)


def test_signing_up_answers_the_user_and_a_token_that_works(api):
    answer = api("POST /api/auth/signup", {"username": "Ada", "password": PASSWORD, "email": "ada@example.org"}, 201)
    assert answer["user"] == {"id": answer["user"]["id"], "username": "Ada", "email": "ada@example.org"}
    assert api.as_session(answer)("GET /api/auth/me") == answer["user"]


def test_passwords_and_tokens_are_stored_hashed(ada, db):
    user, session = User.get(), Session.get()
    assert user.password.startswith("$2b$04$")
    assert PASSWORD not in user.password
    assert ada.token not in session.token_hash


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({"username": "Ada"}, {"username": "aDA"}, "username"),
        ({"username": "Straße"}, {"username": "STRASSE"}, "username"),
        ({"username": "Åsa"}, {"username": "A\u030asa"}, "username"),
        ({"username": "Ada", "email": "a@x.org"}, {"username": "Bob", "email": "A@X.ORG"}, "email"),
        ({"username": "Ada", "email": "name_key@x.org"}, {"username": "Bob", "email": "name_key@x.org"}, "email"),
    ],
)
def test_a_name_or_email_that_is_taken_is_refused_whatever_its_case(api, db, first, second, field):
    assert signup(api, **first).status == 201
    answer = signup(api, **second)
    assert answer.status == 409
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert User.select().count() == 1


@pytest.mark.parametrize("name", ["Ada", "x-_", "a" * 20, "Ωμέγα", "中文名", "महेश", "ที่รัก", "Zoë", "123", "한국어"])
def test_names_of_any_script(api, name):
    assert signup(api, username=name).json["user"]["username"] == name


def test_names_are_kept_as_nfkc_has_them(api):
    assert signup(api, username="\uff21\uff44\uff41").json["user"]["username"] == "Ada"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 21,
        "a b",
        "ada!",
        "a\u0000b",
        "<b>x",
        "a\u202eb",
        "a\u200db",
        "a\u0336d\u0336a\u0336",
        "guest-1",
        "😀😀😀",
    ],
)
def test_other_names_are_refused(api, db, name):
    answer = signup(api, username=name)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "username")
    assert User.select().count() == 0


@pytest.mark.parametrize(
    ("password", "status"), [("1234567", 422), ("8 bytes!", 201), ("a" * 72, 201), ("a" * 73, 422), ("ä" * 37, 422)]
)
def test_passwords_have_8_to_72_bytes(api, password, status):
    answer = signup(api, password=password)
    assert answer.status == status
    if status == 422:
        assert answer.json["errors"][0]["field"] == "password"


@pytest.mark.parametrize("email", ["", "x", "@", "a@", "@b", "a b@c", "a@b c", "a\u0000@b", "a@b@c", "x" * 65 + "@y"])
def test_what_is_no_email_is_refused(api, email):
    assert signup(api, email=email).json["errors"][0]["field"] == "email"


def test_all_errors_are_reported_at_once(api):
    answer = signup(api, username="!", password="x", email="y")
    assert [error["field"] for error in answer.json["errors"]] == ["username", "password", "email"]


def test_logging_in_by_name_or_email_whatever_its_case(api):
    api.sign_up("Ada", email="ada@example.org")
    for given in ({"username": "ADA"}, {"email": "Ada@Example.org"}, {"username": "ada@example.org"}):
        session = api("POST /api/auth/login", {"password": PASSWORD, **given})
        assert api.as_session(session)("GET /api/auth/me")["username"] == "Ada"


@pytest.mark.parametrize("name", ["Ada", "Nobody", "x\u0000", "", "a" * 300])
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(api, ada, name):
    wrong = api.ask("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"})
    other = api.ask("POST /api/auth/login", {"username": name, "password": "wrong horse"})
    assert (other.status, other.json) == (wrong.status, wrong.json) == (401, wrong.json)
    assert other.headers["WWW-Authenticate"] == "Bearer"


def test_an_unknown_name_is_compared_with_a_hash_of_the_same_cost():
    """Equal time takes equal work: bcrypt also runs when there is no hash to compare with."""
    rounds = []
    check = bcrypt.checkpw

    def counting(password, hashed):
        rounds.append(hashed[:7])
        return check(password, hashed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bcrypt, "checkpw", counting)
        hasher = passwords.Hasher(5)
        assert not hasher.matches(PASSWORD, None)
        assert hasher.matches(PASSWORD, hasher.hash(PASSWORD))
    assert rounds == [b"$2b$05$", b"$2b$05$"]


@pytest.mark.parametrize("name", ["Ada", "Nobody", "the guest's", "nobody@example.org", "x\u0000", "\u202e", ""])
def test_a_log_in_that_fails_costs_one_hash_whether_the_name_is_known_or_not(api, ada, monkeypatch, name):
    costs, check = [], bcrypt.checkpw

    def counting(password, hashed):
        costs.append(hashed[:7])
        return check(password, hashed)

    guest = api.guest().user["username"]
    monkeypatch.setattr(bcrypt, "checkpw", counting)
    wrong = {"username": guest if name == "the guest's" else name, "password": "wrong horse"}
    api("POST /api/auth/login", wrong, 401)
    assert costs == [b"$2b$04$"]


def test_a_password_beyond_what_bcrypt_reads_does_not_log_in(api):
    signup(api, password="a" * 72)
    assert api.ask("POST /api/auth/login", {"username": "Ada", "password": "a" * 73}).status == 401


def test_logging_out_kills_that_token_only(api, ada):
    again = api.log_in("Ada")
    ada("POST /api/auth/logout", status=204)
    assert ada.ask("GET /api/auth/me").status == 401
    assert again("GET /api/auth/me")["username"] == "Ada"


def test_logging_out_everywhere_kills_all_tokens_of_the_account(api, ada, bob):
    again = api.log_in("Ada")
    ada("DELETE /api/auth/sessions", status=204)
    ada("GET /api/auth/me", status=401)
    again("GET /api/auth/me", status=401)
    assert bob("GET /api/auth/me")["username"] == "Bob"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic QTpi", "bearer \u00e4"])
def test_without_a_live_token_the_answer_is_401(api, header):
    headers = {} if header is None else {"Authorization": header.encode().decode("latin1")}
    answer = api.ask("GET /api/auth/me", headers=headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_session_runs_out_unless_it_is_used(ada, db):
    day = DAY
    Session.update(expires_at=models.now() + day).execute()
    ada("GET /api/auth/me")
    assert Session.get().expires_at > models.now() + 29 * day
    Session.update(expires_at=models.now() - 1).execute()
    ada("GET /api/auth/me", status=401)


def test_changing_name_email_and_password(api, ada):
    elsewhere = api.log_in("Ada")
    wishes = {"username": "Lovelace", "email": "l@x.org", "password": "another horse", "current_password": PASSWORD}
    assert ada("PATCH /api/auth/me", wishes) == {"id": ada.user["id"], "username": "Lovelace", "email": "l@x.org"}
    assert ada("GET /api/auth/me")["username"] == "Lovelace"
    elsewhere("GET /api/auth/me", status=401)
    api.log_in("Lovelace", "another horse")
    assert api.ask("POST /api/auth/login", {"username": "Lovelace", "password": PASSWORD}).status == 401


def test_what_a_change_leaves_out_stays_and_null_forgets_the_email(api):
    ada = api.sign_up("Ada", email="a@x.org")
    assert ada("PATCH /api/auth/me", {"current_password": PASSWORD})["email"] == "a@x.org"
    assert ada("PATCH /api/auth/me", {"username": "ADA", "current_password": PASSWORD})["email"] == "a@x.org"
    assert ada("PATCH /api/auth/me", {"email": None, "current_password": PASSWORD})["email"] is None


@pytest.mark.parametrize(
    ("wishes", "status", "field"),
    [
        ({"username": "Bob"}, 409, "username"),
        ({"username": "!"}, 422, "username"),
        ({"password": "short"}, 422, "password"),
        ({"email": "x"}, 422, "email"),
        ({"current_password": "wrong horse"}, 403, "current_password"),
        ({"username": None}, 422, "username"),
    ],
)
def test_changes_that_are_refused_change_nothing(api, ada, bob, db, wishes, status, field):
    before = list(User.select().order_by(User.id).dicts())
    answer = ada.ask("PATCH /api/auth/me", {"current_password": PASSWORD, **wishes})
    assert (answer.status, answer.json["errors"][0]["field"]) == (status, field)
    assert list(User.select().order_by(User.id).dicts()) == before


def test_deleting_the_account_takes_its_games_and_entries_along(ada, bob, api, db):
    game, _, _ = ada.play(meals=1)
    bob.play()
    ada("DELETE /api/auth/me", {"password": "wrong horse"}, 403)
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    ada("GET /api/auth/me", status=401)
    api(f"GET /api/games/{game['id']}", status=404)
    board = api("GET /api/leaderboard")
    assert [(entry["rank"], entry["username"]) for entry in board] == [(1, "Bob")]
    assert {row.user_id for table in (Session, Game, Entry) for row in table.select()} == {int(bob.user["id"])}
    api.sign_up("Ada")


def test_a_guest_plays_and_is_on_no_board(api):
    guest = api.guest()
    assert guest.user["guest"] is True
    assert guest("GET /api/auth/me") == guest.user
    _, _, answer = guest.play(meals=1)
    assert (answer["score"], answer["ranked"], answer["rank"], answer["personal_best"]) == (10, True, None, 10)
    assert api("GET /api/leaderboard") == []
    assert guest("GET /api/leaderboard/me")["rank"] is None


def test_signing_up_as_a_guest_keeps_the_games_played_so_far(api):
    guest = api.guest()
    game, _, _ = guest.play(meals=2)
    guest.play(meals=1)
    ada = guest.sign_up("Ada")
    assert ada.user == {"id": guest.user["id"], "username": "Ada", "email": None}
    [entry] = api("GET /api/leaderboard?period=day")
    assert (entry["username"], entry["score"], entry["game"]) == ("Ada", 20, game["id"])
    guest("GET /api/auth/me", status=401)


def test_signing_up_in_the_middle_of_a_game_goes_on_with_it(api):
    guest = api.guest()
    game = guest.open()
    guest.post(game, 0, 5)
    ada = guest.sign_up("Ada")
    assert ada.post(game, 5, 11)["rank"] == 1


def test_a_player_who_signs_up_again_makes_another_account(ada):
    assert ada.sign_up("Eve").user["id"] != ada.user["id"]


def test_signing_up_with_a_dead_token_is_refused(api):
    api.token = "dead"
    assert signup(api).status == 401


def test_a_guest_has_no_password_to_change_and_none_to_delete_with(api):
    guest = api.guest()
    guest("PATCH /api/auth/me", {"username": "Ada", "current_password": "whatever"}, 403)
    api("POST /api/auth/login", {"username": guest.user["username"], "password": "whatever"}, 401)
    guest("DELETE /api/auth/me", status=204)


def test_a_ban_takes_a_player_off_the_boards_until_it_is_lifted(ada, bob, api, db):
    ada.play(meals=1)
    bob.play()
    before = api("GET /api/leaderboard")
    accounts.ban(int(ada.user["id"]))
    ada.play(meals=2)
    ada.open()
    assert api("GET /api/games/active") == []
    assert [(entry["rank"], entry["username"]) for entry in api("GET /api/leaderboard")] == [(1, "Bob")]
    accounts.unban("Ada")
    after = api("GET /api/leaderboard")
    assert [(entry["rank"], entry["username"], entry["score"]) for entry in after] == [(1, "Ada", 20), (2, "Bob", 0)]
    assert before[1:] == after[1:]


def test_a_secret_key_is_made_once_and_kept(make_app, tmp_path):
    url = f"sqlite:///{tmp_path}/kept.db"
    ada = drive(make_app(database_url=url)).sign_up("Ada")
    ada.send = drive(make_app(database_url=url)).send
    assert ada("GET /api/auth/me")["username"] == "Ada"
    ada.send = drive(make_app(database_url=url, secret_key="quite another secret")).send
    ada("GET /api/auth/me", status=401)
