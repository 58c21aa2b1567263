"""What a player may be called, what a password may not be, and what is never stored."""

# ruff: noqa: RUF001 - letters that are mistaken for others are what this is about

import unicodedata

import pytest
from driver import PASSWORD, drive
from playhouse.migrations import Runner

import accounts
import connections
import models
import names
from models import User

# They show nothing, or change how others are shown.
UNSEEN = {
    "override": "\u202e",
    "isolate": "\u2066",
    "zero width space": "\u200b",
    "NUL": "\u0000",
    "byte order mark": "\ufeff",
    "escape": "\u001b",
    "C1 control": "\u0085",
    "soft hyphen": "\u00ad",
    "Hangul filler": "\u3164",
    "half Hangul filler": "\uffa0",
    "variation selector": "\ufe0f",
    "tag": "\U000e0041",
    "grapheme joiner": "\u034f",
    "private use": "\ue000",
    "unassigned": "\u0378",
}


def sign_up(api, **fields):
    return api.ask("POST /api/auth/signup", {"username": "Ada", "password": PASSWORD} | fields)


def errors(answer, status=422):
    assert answer.status == status, answer
    return [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize("unseen", UNSEEN.values(), ids=UNSEEN)
@pytest.mark.parametrize("form", ["{}Ada", "A{}da", "Ada{}"])
def test_what_is_not_seen_is_stored_in_no_name_and_no_email(api, db, unseen, form):
    name = form.format(unseen)
    assert errors(sign_up(api, username=name)) == ["username"]
    assert errors(sign_up(api, email=f"{name}@example.org")) == ["email"]
    assert errors(sign_up(api, email=f"ada@{name}.org")) == ["email"]
    ada = api.sign_up("Ada")
    wishes = {"username": name, "email": f"{name}@x.org", "current_password": PASSWORD}
    assert errors(ada.ask("PATCH /api/auth/me", wishes)) == ["username", "email"]
    assert list(User.select(User.name, User.email).tuples()) == [("Ada", None)]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Ada", "Аda"),  # Cyrillic A
        ("Ada", "Аԁa"),
        ("paypal", "раураl"),
        ("HELEN", "НЕLЕN"),
        ("Nike", "Νike"),  # Greek N
        ("Bob", "B0b"),
        ("Bob", "BOb"),
        ("Paul", "PauI"),
        ("Paul", "pau1"),
        ("Paul", "Pauӏ"),
        ("Olga", "০lga"),
        ("SCOPE", "ꓢꓚꓳꓑꓰ"),
        ("Zoë", "Zоe\u0308"),
        ("Zoë", "Zoё"),
        ("Том", "Toм"),
        ("Ada", "Ａｄａ"),
        ("x-1_l", "х-l_I"),
    ],
)
def test_a_name_that_looks_like_that_of_another_is_refused(api, db, name, other):
    assert sign_up(api, username=name).status == 201
    answer = sign_up(api, username=other)
    assert errors(answer, 409) == ["username"]
    same = names.key(name) == names.key(other)
    assert ("taken" in answer.json["detail"], "looks like" in answer.json["detail"]) == (same, not same)
    bob = api.sign_up("Someone")
    assert errors(bob.ask("PATCH /api/auth/me", {"username": other, "current_password": PASSWORD}), 409) == ["username"]
    assert {user.name for user in User.select()} == {unicodedata.normalize("NFKC", name), "Someone"}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ian", "lan"),
        ("Ali", "All"),
        ("Zoe", "Zoë"),
        ("Ada", "Ida"),
        ("Player10", "Player11"),
        ("Иван", "Иваn7"),
        ("국국국", "궁궁궁"),
    ],
)
def test_names_that_differ_to_the_eye_live_side_by_side(api, name, other):
    assert (sign_up(api, username=name).status, sign_up(api, username=other).status) == (201, 201)


def test_one_may_change_how_the_own_name_is_written_but_not_into_the_looks_of_another(api):
    ian = api.sign_up("ian")
    lan = api.sign_up("lan")
    answer = ian.ask("PATCH /api/auth/me", {"username": "Ian", "current_password": PASSWORD})
    assert (answer.status, "looks like" in answer.json["detail"]) == (409, True)
    assert lan("PATCH /api/auth/me", {"username": "1an", "current_password": PASSWORD})["username"] == "1an"


def test_a_name_is_free_again_when_its_player_is_gone(api):
    api.sign_up("Bob")("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert sign_up(api, username="B0b").status == 201


def test_every_look_alike_is_one_of_another_letter_and_survives_normalization():
    for letter, likes in names.LOOK_ALIKES.items():
        for like in likes:
            assert unicodedata.normalize("NFKD", like) == like, f"{like} is never met"
            assert names.skeleton(like) == letter, f"{like} stands twice"


@pytest.mark.parametrize("name", ["guest-1", "Guest-1", "GUEST-0", "guеst-1", "ｇuest-1"])
def test_nobody_is_called_like_a_guest(api, name):
    assert errors(sign_up(api, username=name)) == ["username"]


def test_guests_are_compared_with_nobody(api, db):
    for _ in range(3):
        api.guest()
    assert {user.name_skeleton for user in User.select()} == {None}


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "ADMIN", "Administrator", "admin42", "adm1n", "4dmin", "a-d-m-i-n", "_admin_", "Ádmin", "аdmіn"),
        *("root", "r00t", "moderator", "mod", "staff", "support", "system", "the-snakepit", "anonymous", "deleted"),
        *("null", "undefined", "guest", "bot", "server", "official"),
        *("fuck", "xxFUCKxx", "fu_ck", "fück", "nigger1", "n1gger", "hitler88", "cunt", "shit", "хуй"),
    ],
)
def test_reserved_and_offensive_names_are_refused_however_they_are_written(api, db, name):
    assert errors(sign_up(api, username=name)) == ["username"]
    assert errors(api.sign_up("Ada").ask("PATCH /api/auth/me", {"username": name, "current_password": PASSWORD})) == [
        "username"
    ]
    assert User.get().name == "Ada"


@pytest.mark.parametrize(
    "name",
    [
        *("Scunthorpe", "Penistone", "Harshit", "Ishita", "Pornchai", "Dickens", "Cockburn", "Assange", "Hancock", "Sussex"),
        *("Nazir", "Therapist", "Grapevine", "Spicy", "Snigger", "Swank", "Whorf", "Ali", "All", "Nil", "Mia", "Robot"),
        *("Botticelli", "Talbot", "Modesty", "Rooter", "Guestav", "Ecosystem", "Nullarbor", "---", "___", "123"),
    ],
)
def test_harmless_names_are_not(api, name):
    assert sign_up(api, username=name).status == 201


def test_the_operator_can_replace_the_list(make_app, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\ufeffBoss  # that is me\n\n# and nobody is\n*evil*\nＫing\n", "utf-8")
    api = drive(make_app(names_refused=str(path)))
    for name in ("b0ss", "d-EVIL", "king"):
        assert errors(sign_up(api, username=name)) == ["username"]
    for name in ("admin", "bosses"):
        assert sign_up(api, username=name).status == 201


def test_an_empty_list_refuses_nothing(make_app, tmp_path):
    (tmp_path / "none.txt").write_text("")
    assert sign_up(drive(make_app(names_refused="none.txt")), username="admin").status == 201


def test_one_who_has_a_name_that_is_refused_today_keeps_it(api, ada, db):
    User.update(name="Admin", name_key="admin").execute()
    wishes = {"username": "Admin", "email": "a@x.org", "current_password": PASSWORD}
    assert ada("PATCH /api/auth/me", wishes)["email"] == "a@x.org"


@pytest.mark.parametrize(
    "password",
    ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou", "Password123", "trustno1", "contraseña", "CONTRASEÑA"],
)
def test_common_passwords_are_refused_whatever_their_case(api, ada, db, password):
    assert errors(sign_up(api, username="Eve", password=password)) == ["password"]
    assert errors(ada.ask("PATCH /api/auth/me", {"password": password, "current_password": PASSWORD})) == ["password"]
    api.log_in("Ada")


def test_each_common_password_is_one_that_would_be_taken_otherwise():
    least, most = accounts.PASSWORD_LENGTH
    assert len(accounts.COMMON_PASSWORDS) > 300
    for password in accounts.COMMON_PASSWORDS:
        assert password == password.casefold()
        assert least <= len(password.encode()) <= most


OWN = {"username": "Lovelace", "email": "ada.byron@example.org"}


@pytest.mark.parametrize(
    "password",
    [
        *("Lovelace", "lovelace", "LOVELACE", "lovelace1", "Lovelace1815", "1815lovelace!", "love-lace", "LovelaceLovelace"),
        *("ada.byron", "AdaByron1815", "ada.byron@example.org", "Ｌovelace"),
    ],
)
def test_a_password_that_is_the_own_name_or_email_is_refused(api, db, password):
    assert errors(sign_up(api, **OWN, password=password)) == ["password"]
    assert User.select().count() == 0


@pytest.mark.parametrize(
    "password", [PASSWORD, "only for the benchmark", "my lovelace", "Lovelace and Babbage", "byron1815"]
)
def test_other_passwords_are_taken(api, password):
    assert sign_up(api, **OWN, password=password).status == 201


def test_a_name_without_letters_is_no_part_of_every_password(api):
    assert sign_up(api, username="2718281828", password="8182-3141-59").status == 201
    assert errors(sign_up(api, username="27182818", password="27182818")) == ["password"]


@pytest.mark.parametrize(
    ("wishes", "fields"),
    [
        ({"username": "Lovelace", "password": "lovelace1"}, ["password"]),
        ({"email": "lovelace@x.org", "password": "lovelace1"}, ["password"]),
        ({"password": "babbage1"}, ["password"]),
        ({"password": "charles1"}, ["password"]),
        ({"email": None, "password": "charles1"}, []),
        ({"username": "Lovelace", "password": "babbage1"}, []),
    ],
)
def test_a_new_password_is_compared_with_the_name_and_email_that_go_with_it(api, wishes, fields):
    babbage = api.sign_up("Babbage", email="charles@x.org")
    answer = babbage.ask("PATCH /api/auth/me", wishes | {"current_password": PASSWORD})
    assert errors(answer) == fields if fields else answer.status == 200


def test_players_from_before_keep_their_names_and_the_first_of_those_alike_is_who_is_compared(tmp_path):
    db = connections.connect(f"sqlite:///{tmp_path}/old.db")
    older = tmp_path / "migrations"
    older.mkdir()
    for path in models.MIGRATIONS.glob("000[1-3]*.py"):
        (older / path.name).write_text(path.read_text())
    with models.using(db):
        Runner(db, str(older)).up()
        users = (("Bob", "x"), ("B0b", "x"), ("Аda", "x"), ("guest-1", None), ("BOb7", "x"), ("Ada", "x"))
        for number, (name, password) in enumerate(users, 1):
            row = {"id": number, "name": name, "name_key": f"{name} {number}", "password": password, "created_at": 1}
            models.insert("users", **row)
        models.migrate()
        found = User.select(User.name, User.name_skeleton).order_by(User.id).tuples()
        assert list(found) == [
            ("Bob", "bob"),
            ("B0b", None),
            ("Аda", "ada"),
            ("guest-1", None),
            ("BOb7", "bob7"),
            ("Ada", None),
        ]
        with pytest.raises(models.peewee.IntegrityError, match="name_skeleton"):
            User.create(name="808", name_key="808", name_skeleton="bob", created_at=1)
    db.close_all()
