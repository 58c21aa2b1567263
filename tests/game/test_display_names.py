"""Names of members: what they may be, and that no two in a room look alike."""

import pytest
from room_of import RoomOf, create, names, refusals


@pytest.mark.parametrize(
    "name", ["A", "Ada B.", "O'Brien", "jo_ann-2", "山田 太郎", "محمد علي", "Zoë", "สมชาย", "x" * 20, "ß", "७"]
)
def test_display_names(api, room, name):
    room.join(api.guest(), name=name)
    assert names(room.show()) == ["Ada", name]


def test_names_are_stored_tidily(api, room):
    room.join(api.guest(), name=" O\u2019Brien\n")
    room.join(api.guest(), name="\uff27us")
    assert names(room.show()) == ["Ada", "O'Brien", "Gus"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "too_short"),
        ("  ", "too_short"),
        ("x" * 21, "too_long"),
        ("a  b", "name_characters"),
        ("a/b", "name_characters"),
        ("a\tb", "name_characters"),
        ("a\0b", "name_characters"),
        ("<b>", "name_characters"),
        ("🐍", "name_characters"),
        ("a\u202eb", "name_characters"),
        ("a\u200bb", "name_characters"),
        ("...", "name_characters"),
        ("a" + "\u0301" * 9, "name_characters"),
        ("Admin", "name_reserved"),
        ("a.d.m.i n", "name_reserved"),
        ("guest-1", "name_reserved"),
    ],
)
def test_names_that_nobody_can_have(api, room, name, code):
    gus = room.join(api.guest(), name="Gus")
    assert refusals(room.join(api.guest(), 422, name=name)) == [("name", code)]
    assert refusals(gus.rename(name, 422)) == [("name", code)]
    assert refusals(gus.api("POST /api/rooms", {"my_name": name}, 422)) == [("my_name", code)]


@pytest.mark.parametrize("name", ["Ada", "ADA", "ada", "Аdа", "Ａｄａ", " Ada "])  # noqa: RUF001
def test_no_two_look_alike(api, room, name):
    problem = room.join(api.guest(), 409, name=name)
    assert (problem["code"], refusals(problem)) == ("name_taken", [("name", "name_taken")])
    gus = room.join(api.guest(), name="Gus")
    assert gus.rename(name, 409)["code"] == "name_taken"
    assert room.rename("GUS", 409)["code"] == "name_taken"
    assert names(room.show()) == ["Ada", "Gus"]


@pytest.mark.parametrize(("name", "other"), [("PauI", "Paul"), ("ISTANBUL", "İSTANBUL"), ("PAUL", "PAU1")])
def test_no_two_look_alike_in_upper_or_in_lower_case(api, room, name, other):
    room.join(api.guest(), name=name)
    assert room.join(api.guest(), 409, name=other)["code"] == "name_taken"


def test_a_name_is_taken_in_one_room_only_and_until_its_member_leaves(api, ada, room):
    gus = room.join(api.guest(), name="Gus")
    create(api.guest(), my_name="Ada")
    gus.rename("GUS")
    gus.leave()
    room.join(api.guest(), name="Gus")
    assert room.join(gus.api, 409)["code"] == "name_taken"
    room.join(gus.api, name="Gustav")


def test_an_account_whose_username_is_taken_gives_another(api, room, bob):
    room.join(api.guest(), name="Bob")
    assert room.join(bob, 409)["code"] == "name_taken"
    room.join(bob, name="Bob II")


def test_renaming_is_for_the_member_and_the_host(api, room):
    gus, zoe = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Zoe")
    assert gus.rename("Gusto")["name"] == "Gusto"
    renamed = room.rename("Augustus", member=gus.member)
    assert renamed == {"id": gus.member, "name": "Augustus", "is_host": False, "is_here": True, "wins": 0, "total": 0}
    assert zoe.rename("Mud", 403, gus.member)["code"] == "not_the_host"
    assert RoomOf(api.guest(), room.code).rename("Mud", 403, gus.member)["code"] == "not_a_member"
    for nobody in ("nobody", "%00"):
        room.rename("Mud", 404, nobody)
    zoe.leave()
    assert zoe.rename("Zoey", 403)["code"] == "not_a_member"
    room.rename("Zoey", 404, zoe.member)
    assert names(room.show()) == ["Ada", "Augustus"]
