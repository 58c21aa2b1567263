"""Passwords: rate limits of attempts by account and address, and Unicode normalization."""

import unicodedata

import bcrypt
import pytest
from driver import PASSWORD, drive

import config
from accounts import passwords, sessions
from database.binding import bind
from models import Session, User
from web import problems

HERE, ELSEWHERE, ANYWHERE = "192.0.2.7", "198.51.100.1", "203.0.113.5"
NFC, NFD = unicodedata.normalize("NFC", "pässwörtchen"), unicodedata.normalize("NFD", "pässwörtchen")


@pytest.fixture
def at(app):
    """An Api of a client at an address."""
    return lambda address: drive(app, address)


@pytest.fixture
def ada_here(at):
    return at(HERE).sign_up("Ada", email="ada@example.org")


def log_in(api, name="Ada", password="wrong horse"):  # noqa: S107 - nobody's
    return api.ask("POST /api/auth/login", {"username": name, "password": password}).status


# Limits.


def test_the_tries_of_an_account_are_counted_together_whatever_it_is_called_and_wherever_they_come_from(at, ada_here):
    spellings = ["Ada", " aDA\t", "ADA@example.org", "ada@EXAMPLE.org ", "\uff21da"]
    statuses = [log_in(at(f"198.51.100.{n}"), spellings[n % 5]) for n in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    assert log_in(at(ANYWHERE), password=PASSWORD) == 429


def test_guessing_does_not_lock_players_out_of_addresses_they_have_used(at, ada_here):
    at(ELSEWHERE).log_in("Ada")
    while log_in(at(ANYWHERE)) != 429:
        pass
    assert [log_in(at(address), password=PASSWORD) for address in (HERE, ELSEWHERE, "192.0.2.8")] == [200, 200, 429]
    ada_here("PATCH /api/auth/me", {"username": "Augusta", "current_password": PASSWORD})
    ada_here("DELETE /api/auth/me", {"password": PASSWORD}, 204)


def test_a_network_of_ipv6_is_one_address(at, ada_here):
    at("2001:db8:0:7::1").log_in("Ada")
    while log_in(at(ANYWHERE)) != 429:
        pass
    assert log_in(at("2001:db8:0:7:ffff::2"), password=PASSWORD) == 200
    assert log_in(at("2001:db8:0:8::1"), password=PASSWORD) == 429


def test_an_address_is_known_as_long_as_a_session_from_there_lives(at, ada_here):
    elsewhere = at(ELSEWHERE).log_in("Ada")
    while log_in(at(ANYWHERE)) != 429:
        pass
    elsewhere("POST /api/auth/logout", status=204)
    assert log_in(at(ELSEWHERE), password=PASSWORD) == 429


def test_the_address_of_a_session_is_stored_hashed_and_differs_by_user(at, ada_here, db):
    at(HERE).sign_up("Bob")
    hashes = [session.address_hash for session in Session.select()]
    assert len(set(hashes)) == 2
    assert all(HERE not in hashed for hashed in hashes)


def test_who_guesses_where_the_player_has_logged_in_has_as_many_tries_there(at, ada_here):
    assert [log_in(at(HERE)) for _ in range(21)] == [401] * 20 + [429]
    assert log_in(at(ANYWHERE), password=PASSWORD) == 200


def test_a_guessing_address_is_blocked_except_for_players_who_have_used_it(at, ada_here):
    at(ELSEWHERE).sign_up("Bob")
    assert {log_in(at(HERE), f"Nobody{n}") for n in range(200)} == {401}
    assert log_in(at(HERE), "Nobody", PASSWORD) == 429
    assert log_in(at(HERE), "Bob", PASSWORD) == 429
    assert log_in(at(HERE), "Ada", PASSWORD) == 200
    assert log_in(at(ELSEWHERE), "Bob", PASSWORD) == 200


def test_a_right_password_is_not_counted_among_the_wrong_ones(at, ada_here):
    assert {log_in(at(ELSEWHERE)) for _ in range(19)} == {401}
    assert log_in(at(ELSEWHERE), password=PASSWORD) == 200
    assert [log_in(at(ANYWHERE)) for _ in range(2)] == [401, 429]


def test_a_right_password_is_not_counted_for_its_address_either(at, ada_here):
    at(ELSEWHERE).sign_up("Bob")
    assert {log_in(at(HERE), f"Nobody{n}") for n in range(199)} == {401}
    assert log_in(at(HERE), "Bob", PASSWORD) == 200
    assert [log_in(at(HERE), f"Somebody{n}") for n in range(2)] == [401, 429]


def test_a_session_has_tries_of_its_own(ada_here, at):
    other = at(HERE).log_in("Ada")
    wrong = {"current_password": "wrong horse"}
    assert [ada_here.ask("PATCH /api/auth/me", wrong).status for _ in range(21)] == [403] * 20 + [429]
    ada_here("DELETE /api/auth/me", {"password": PASSWORD}, 429)
    other("PATCH /api/auth/me", {"current_password": PASSWORD})
    assert log_in(at(HERE), password=PASSWORD) == 200


def test_right_passwords_of_one_account_are_limited(at, ada_here):
    statuses = [log_in(at(f"198.51.100.{n}"), password=PASSWORD) for n in range(40)]
    statuses += [ada_here.ask("PATCH /api/auth/me", {"current_password": PASSWORD}).status for _ in range(20)]
    assert set(statuses) == {200}
    assert log_in(at(HERE), password=PASSWORD) == 429


@pytest.mark.long
def test_right_passwords_from_one_address_are_limited(at):
    for account in range(20):
        at(ELSEWHERE).sign_up(f"Player{account}")
    statuses = [log_in(at(HERE), f"Player{n % 20}", PASSWORD) for n in range(1000)]
    assert set(statuses) == {200}
    assert log_in(at(HERE), "Player0", PASSWORD) == 429
    assert log_in(at(ELSEWHERE), "Player0", PASSWORD) == 200


def test_emails_can_not_be_probed_by_changing_an_email(at, ada_here):
    bob = at(HERE).sign_up("Bob")
    probe = {"email": "Ada@Example.org", "current_password": PASSWORD}
    answers = [bob.ask("PATCH /api/auth/me", probe) for _ in range(21)]
    assert [answer.status for answer in answers] == [409] * 20 + [429]
    assert answers[0].json["code"] == problems.EMAIL_TAKEN
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    bob("PATCH /api/auth/me", {"username": "Robert", "current_password": PASSWORD})


def test_what_is_no_email_is_not_counted_as_a_probe(at):
    bob = at(HERE).sign_up("Bob")
    for _ in range(25):
        bob("PATCH /api/auth/me", {"email": "none", "current_password": PASSWORD}, 422)
    bob("PATCH /api/auth/me", {"email": "bob@example.org", "current_password": PASSWORD})


def test_an_account_has_50_sessions_and_loses_the_oldest(at, ada_here, db):
    Session.update(created_at=Session.created_at - sessions.DAY).execute()
    others = [at(HERE).log_in("Ada") for _ in range(49)]
    assert len(ada_here("GET /api/auth/sessions")) == 50
    bob = at(HERE).sign_up("Bob")
    others.append(at(HERE).log_in("Ada"))
    assert ada_here.ask("GET /api/auth/me").status == 401
    assert {other.ask("GET /api/auth/me").status for other in (*others, bob)} == {200}
    assert len(others[0]("GET /api/auth/sessions")) == 50


# Names and emails are trimmed.


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u3000", "\r\n", "   "])
def test_blanks_around_a_name_or_an_email_do_not_matter(api, blank):
    fields = {"username": f"{blank}Ada{blank}", "email": f"{blank}ada@example.org{blank}", "password": PASSWORD}
    user = api("POST /api/auth/signup", fields, 201)["user"]
    assert (user["username"], user["email"]) == ("Ada", "ada@example.org")
    emails = {"username": f"ada@example.org{blank}"}, {"email": f"{blank}ADA@example.org"}
    for given in ({"username": f"{blank}ada"}, *emails):
        ada = api.as_session(api("POST /api/auth/login", {"password": PASSWORD, **given}))
    changed = {"username": f"Lady{blank}", "email": f"{blank}lady@example.org", "current_password": PASSWORD}
    user = ada("PATCH /api/auth/me", changed)
    assert (user["username"], user["email"]) == ("Lady", "lady@example.org")


@pytest.mark.parametrize("field", ["username", "email"])
def test_nothing_but_blanks_is_no_name_and_no_email(api, field):
    answer = api.ask("POST /api/auth/signup", {"username": "Ada", "password": PASSWORD, field: " \t "})
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_blanks_in_a_password_matter(api):
    api.sign_up("Ada", password=f" {PASSWORD}")
    assert [log_in(api, password=password) for password in (PASSWORD, f" {PASSWORD}")] == [401, 200]


# Both Unicode forms of a password.


@pytest.mark.parametrize(("first", "second"), [(NFC, NFD), (NFD, NFC)])
def test_both_unicode_forms_of_a_password_work(api, first, second):
    assert first != second
    ada = api.sign_up("Ada", password=first)
    assert log_in(api, password=second) == 200
    ada("PATCH /api/auth/me", {"current_password": second, "password": f"{first}!"})
    assert log_in(api, password=f"{second}!") == 200
    ada("DELETE /api/auth/me", {"password": f"{second}!"}, 204)


@pytest.mark.parametrize(
    ("password", "status"), [("a\u0308" * 36, 201), ("a\u0308" * 37, 422), ("a\u0308" * 3, 422), ("a\u0308" * 4, 201)]
)
def test_a_password_is_measured_as_it_is_composed(api, password, status):
    assert api.ask("POST /api/auth/signup", {"username": "Ada", "password": password}).status == status


@pytest.fixture
def before_nfc(api, db):
    """Ada's password was hashed as it was typed, when passwords were not composed."""
    ada = api.sign_up("Ada")
    hashed = bcrypt.hashpw(NFD.encode(), bcrypt.gensalt(4)).decode()
    User.update(password=hashed).execute()
    return ada


def test_a_hash_from_before_matches_what_is_typed_and_is_then_replaced(api, before_nfc, db):
    assert log_in(api, password=NFC) == 401
    assert log_in(api, password=NFD) == 200
    assert bcrypt.checkpw(NFC.encode(), User.get().password.encode())
    assert [log_in(api, password=password) for password in (NFC, NFD)] == [200, 200]


def test_a_hash_from_before_is_replaced_by_a_change_of_the_account_too(api, before_nfc):
    before_nfc("PATCH /api/auth/me", {"current_password": NFD, "username": "Lady"})
    assert log_in(api, "Lady", NFC) == 200


def test_an_account_with_a_hash_from_before_can_be_deleted(before_nfc, db):
    before_nfc("DELETE /api/auth/me", {"password": NFD}, 204)


@pytest.mark.parametrize(("password", "hashes"), [("wrong horse", 1), (NFC, 1), (NFD, 2)])
@pytest.mark.parametrize("name", ["Ada", "Nobody"])
def test_a_wrong_name_and_a_wrong_password_cost_the_same_in_both_forms(api, ada, monkeypatch, name, password, hashes):
    costs, check = [], bcrypt.checkpw

    def counting(given, hashed):
        costs.append(hashed[:7])
        return check(given, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    assert log_in(api, name, password) == 401
    assert costs == [b"$2b$04$"] * hashes


# The list of common passwords.


def test_the_list_of_common_passwords_can_be_replaced(make_app, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(f"\ufeffcorrect Horse\r\n\n{NFD}\n# battery staple\n", "utf-8")
    app = make_app(passwords_refused=str(path))
    api = drive(app)
    for password in ("Correct horse", NFC, NFD.upper(), "# battery staple"):
        answer = api.ask("POST /api/auth/signup", {"username": "Ada", "password": password})
        assert (answer.status, answer.json["errors"][0]["code"]) == (422, problems.PASSWORD_COMMON)
    ada = api.sign_up("Ada", password="password")
    wishes = {"current_password": "password", "password": "correct horse"}
    assert ada.ask("PATCH /api/auth/me", wishes).json["errors"][0]["code"] == problems.PASSWORD_COMMON
    with bind(app.database):
        token = passwords.create_reset(User.get())
    api("POST /api/auth/reset", {"token": token, "password": "correct horse"}, 422)
    api("POST /api/auth/reset", {"token": f" {token}\n", "password": "another horse"})


@pytest.mark.parametrize("kind", ["empty", "device"])
def test_an_empty_list_refuses_no_password(make_app, tmp_path, kind):
    path = tmp_path / "list.txt"
    path.touch()
    api = drive(make_app(passwords_refused=str(path) if kind == "empty" else "/dev/null"))
    api.sign_up("Ada", password="password")


def test_by_default_and_with_an_empty_setting_common_passwords_are_refused(make_app, monkeypatch):
    monkeypatch.setenv("PASSWORDS_REFUSED", "")
    answer = drive(make_app()).ask("POST /api/auth/signup", {"username": "Ada", "password": "PassWord"})
    assert answer.json["errors"][0]["code"] == problems.PASSWORD_COMMON


def test_a_list_that_is_too_long_or_no_text_stops_the_start(tmp_path):
    path = tmp_path / "list.txt"
    for content in (b"\xff\xfe\x00", b"x" * 16_000_001):
        path.write_bytes(content)
        with pytest.raises(config.ConfigError, match=r"^PASSWORDS_REFUSED: [^\n]+; give [^\n]+$"):
            config.load(passwords_refused=str(path))
