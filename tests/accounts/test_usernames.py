"""Which usernames and passwords are accepted, and what is never stored."""

# ruff: noqa: RUF001 - letters that are mistaken for others are what this is about

import string
import unicodedata
from pathlib import Path

import peewee
import pytest
from driver import PASSWORD, drive
from playhouse.migrations import Runner

import config
from accounts import passwords, usernames
from database import migrations
from database.binding import bind
from database.connect import connect
from models import User

DATA = Path(usernames.__file__).with_name("confusables.txt").read_text("utf-8")

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
    same = usernames.canonical(name) == usernames.canonical(other)
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


def test_our_confusables_are_missing_in_unicode_and_survive_normalization():
    for code, letter in usernames.confusables("more_confusables.txt").items():
        like = chr(code)
        assert unicodedata.normalize("NFKD", like) == like, f"{like} is never met"
        assert usernames.skeleton(like) == usernames.skeleton(letter), f"{like} is in the list twice"


def test_each_small_capital_looks_like_its_letter():
    by_name = {unicodedata.name(chr(code), ""): chr(code) for code in range(0x250, 0xFFFF)}
    found = {letter: by_name.get(f"LATIN LETTER SMALL CAPITAL {letter.upper()}") for letter in string.ascii_lowercase}
    assert sum(map(bool, found.values())) >= 23  # Unicode has no small capital X, and no S by that name before 5.1
    for letter, small in found.items():
        if small:
            assert usernames.skeleton(small) == usernames.skeleton(letter), letter


# Pairs that UTS #39 lists, a character with what it looks like: of each script a few, chosen by hand from its data file.
LISTED = {
    "Latin": ("ɑ a", "ı i", "ƽ s", "ɡ g"),
    "Greek": ("α a", "ο o", "ρ p", "Κ K", "ν v", "ι i"),
    "Cyrillic": ("а a", "ԁ d", "һ h", "ѕ s", "Ԍ G", "ӏ l", "ꭓ x"),
    "Armenian": ("օ o", "հ h", "ո n", "ս u", "Տ S", "զ q"),
    "Coptic": ("Ⲏ H", "Ⲓ I", "Ⲛ N", "Ⲟ O", "ⲟ o", "ⲣ p", "Ⲣ P", "ⲥ c", "Ⲥ C", "Ⲧ T", "Ⲩ Y", "Ⲭ X", "Ⲕ K", "Ⲙ M"),
    "Deseret": (
        "\U00010404 O",
        "\U00010415 C",
        "\U0001041b L",
        "\U00010420 S",
        "\U0001042c o",
        "\U0001043d c",
        "\U00010448 s",
    ),
    "Cherokee": ("Ꭺ A", "Ᏼ B", "Ꮯ C", "Ꭼ E", "Ꮋ H", "ꮃ w", "ꮯ c"),
    "Lisu": ("ꓮ A", "ꓐ B", "ꓚ C", "ꓰ E", "ꓲ I", "ꓳ O"),
    "Carian": ("\U000102a0 A", "\U000102a2 C", "\U000102a5 F"),
    "Old Italic": ("\U00010301 B", "\U00010309 I", "\U00010315 T"),
    "Osage": ("\U000104c2 O", "\U000104ce U"),
    "Warang Citi": ("\U000118e5 Z", "\U000118c8 o", "\U000118d8 u"),
    "Tifinagh": ("ⵔ O", "ⵏ l", "ⵝ X", "ⴹ E"),
    "Hebrew": ("ו l", "ס o", "ן l"),
    "Arabic": ("ه o", "ا l", "٥ o"),
    "digits": ("० o", "௦ o", "߀ O", "\U0001fbf0 0"),
}


@pytest.mark.parametrize("script", LISTED)
def test_letters_of_many_scripts_are_compared_by_what_they_look_like(script):
    for pair in LISTED[script]:
        like, letter = pair.split()
        if unicodedata.category(like) != "Cn" and unicodedata.normalize("NFKC", like) == like:
            assert usernames.skeleton(f"x{like}x") == usernames.skeleton(f"x{letter}x"), pair


def test_all_of_the_data_file_is_used_and_a_skeleton_is_its_own():
    pairs = [line.split("; ") for line in DATA.splitlines() if line and not line.startswith("#")]
    assert len(pairs) > 1000
    for target, sources in pairs:
        wanted = usernames.skeleton("".join(chr(int(code, 16)) for code in target.split()))
        ours = {f"{code:04X}" for code in usernames.confusables("more_confusables.txt")}
        for code in set(sources.split()) - ours:
            assert usernames.skeleton(chr(int(code, 16))) == wanted, code
        assert usernames.skeleton(wanted) == wanted


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("istanbul", "\u0131stanbul"),
        ("istanbul", "\u0130stanbul"),
        ("ISTANBUL", "\u0130STANBUL"),
        ("\u0130STANBUL", "ISTANBUL"),
        ("I\u015e\u0131k", "\u0131\u015fIK"),
        ("Istanbul", "\u0131stanbul"),
        ("\u0131\u015f\u0131k", "I\u015eIK"),
        ("istanbul", "i\u0307stanbul"),
        ("Ian", "\u0406an"),
        ("ian", "\u0406an"),
        ("helen", "\u041d\u0415L\u0415N"),
        ("helen", "\u043d\u0435l\u0435n"),
        ("paul", "ᴘᴀᴜʟ"),
        ("Bob", "Ⲃⲟⲃ"),
        ("cool", "\U0001043d\U0001042c\U0001042cl"),
        ("modern", "rnodem"),
        ("Z\u00f8e", "Z\u00f3\u0338e"),
    ],
)
def test_names_that_look_alike_in_another_case_or_script_are_refused(api, name, other):
    assert sign_up(api, username=name).status == 201
    answer = sign_up(api, username=other)
    if answer.status == 422:  # a mark that no name can have
        assert usernames.skeleton(usernames.normalized(other)) != ""
        return
    assert errors(answer, 409) == ["username"]


STACKED = {
    "three accents": "a\u0301\u0302\u0303da",
    "a third accent on a Vietnamese letter": "\u1ec7\u0303ab",
    "accents on a digit": "Ada1\u0301",
    "an accent first": "\u0301Ada",
    "a stroke through a letter": "A\u0336d\u0336a\u0336",
    "a circle around a letter": "A\u20ddda",
    "a Thai vowel on a Latin letter": "A\u0e34da",
    "a Hebrew point on a Cyrillic letter": "И\u05b4ван",
    "the same Thai mark again and again": "\u0e01\u0e49\u0e49\u0e49\u0e49",
    "a virama on a Latin letter": "A\u094dda",
    "twenty marks": "A" + "\u0308" * 19,
    "a letter above a letter": "A\u0363da",
    "a right-to-left mark": "Ada\u200f",
    "a joiner": "A\u200dda",
}
SPELLED = {
    "Vietnamese": "Nguy\u1ec5n",
    "Vietnamese, decomposed": "Nguye\u0302\u0303n",
    "Yoruba": "Ad\u00e9b\u1ecd\u0301l\u00e1",
    "Lithuanian": "J\u016b\u0303rat\u0117",
    "Greek": "\u1f82\u03b3\u03b1\u03b8\u03cc\u03c2",
    "Thai": "\u0e19\u0e49\u0e33\u0e15\u0e32\u0e25",
    "Hebrew with points": "\u05e9\u05b8\u05c1\u05bc\u05dc\u05d5\u05b9\u05dd",
    "Arabic with vowels": "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f",
    "Hindi": "\u092e\u0941\u0916\u093c\u094d\u092f",
    "Burmese": "\u1019\u103b\u103e\u1031\u102c\u1037\u1000",
    "Tibetan": "\u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56\u0f66",
    "Khmer": "\u1781\u17d2\u1798\u17c2\u179a",
    "Tamil": "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
    "Japanese": "\u30cd\u30b3\u304b\u3099",
}


@pytest.mark.parametrize("name", STACKED.values(), ids=STACKED)
def test_no_more_than_two_accents_are_on_a_letter_and_no_marks_of_other_scripts(api, name):
    answer = sign_up(api, username=name)
    assert errors(answer) == ["username"]
    assert answer.json["errors"][0]["code"] in ("name_characters",)


@pytest.mark.parametrize("name", SPELLED.values(), ids=SPELLED)
def test_marks_by_which_a_script_spells_are_taken(api, name):
    assert sign_up(api, username=name).json["user"]["username"] == unicodedata.normalize("NFKC", name)


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
        *("adm\u0131n", "ADM\u0130N", "ᴀᴅᴍɪɴ", "adrnin", "мod", "r\U0001042c\U0001042ct", "ⲃⲟⲧ", "ɴᴜʟʟ", "a\u0323dmin"),
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


def test_a_player_keeps_a_name_that_would_be_refused_today(api, ada, db):
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


def test_each_common_password_would_be_accepted_otherwise():
    least, most = passwords.LENGTH
    refused = passwords.load_common(config.Settings().passwords_refused)
    assert len(refused) > 300
    for password in refused:
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


def test_earlier_players_keep_confusable_names_and_new_names_are_compared_with_the_first(tmp_path):
    db = connect(f"sqlite:///{tmp_path}/old.db")
    older = tmp_path / "migrations"
    older.mkdir()
    for path in migrations.FOLDER.glob("000[1-3]*.py"):
        (older / path.name).write_text(path.read_text())
    with bind(db):
        Runner(db, str(older)).up()
        users = (("Bob", "x"), ("B0b", "x"), ("Аda", "x"), ("guest-1", None), ("BOb7", "x"), ("Ada", "x"))
        for number, (name, password) in enumerate(users, 1):
            row = {"id": number, "name": name, "name_key": f"{name} {number}", "password": password, "created_at": 1}
            peewee.Table("users").insert(**row).execute(db)
        migrations.migrate()
        found = User.select(User.name, User.name_skeleton, User.folded_skeleton).order_by(User.id).tuples()
        assert list(found) == [
            ("Bob", "bob", "bob"),
            ("B0b", None, None),
            ("Аda", "ada", "ada"),
            ("guest-1", None, None),
            ("BOb7", "bob7", "bob7"),
            ("Ada", None, None),
        ]
        with pytest.raises(peewee.IntegrityError, match="name_skeleton"):
            User.create(name="808", name_key="808", name_skeleton="bob", created_at=1)
    db.close_all()
