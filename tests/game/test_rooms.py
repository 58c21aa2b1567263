"""Rooms: codes, names, the host, limits, and how long they last."""

import re
import time
from functools import partial

import pytest
from driver import drive
from room_of import RoomOf, create, here, host, names, refusals, unseen

from game import presence, rooms
from models import Member, Room, User
from models import now as clock
from operations import maintenance

MINUTE = 60_000


# Creating and showing.


def test_a_room_is_shown_by_its_code_alone(api, ada):
    made = ada("POST /api/rooms", {"name": "Class 7b", "my_name": "Ms. Lovelace"}, 201)
    answer = api.ask(f"GET /api/rooms/{made['code'].lower()}")
    assert (answer.status, answer.json) == (200, made)
    [member] = made["members"]
    assert made == {
        "code": made["code"],
        "name": "Class 7b",
        "host": member["id"],
        "version": made["version"],
        "locked": False,
        "members": [{"id": member["id"], "name": "Ms. Lovelace", "is_host": True, "is_here": True, "wins": 0, "total": 0}],
        "round": None,
        "rounds": 0,
    }


def test_codes_have_six_characters_that_make_no_words(make_app):
    ada = drive(make_app(rate_limits=False)).sign_up("Ada")
    codes = [create(ada).code for _ in range(60)]
    assert len(set(codes)) == 60
    assert re.fullmatch("[2-9BCDFGHJKMNPQRSTVWXZ]+", "".join(codes))
    assert {len(code) for code in codes} == {6}


def test_a_room_without_a_name_has_its_code(room):
    assert room.show()["name"] == room.code


def test_guests_give_their_names_and_accounts_have_one(api, ada, room):
    guest = api.guest()
    assert refusals(guest("POST /api/rooms", {}, 422)) == [("my_name", "missing")]
    assert refusals(room.join(guest, 422)) == [("name", "missing")]
    assert names(create(guest, my_name="Gus").show()) == ["Gus"]
    room.join(guest, name="Gus")
    room.join(api.sign_up("Bob"))
    assert names(room.show()) == ["Ada", "Gus", "Bob"]


def test_rooms_need_a_token_but_for_looking(api, room):
    for call, body in (
        ("POST /api/rooms", {}),
        (f"POST {room.path}/members", {"name": "Gus"}),
        (f"PATCH {room.path}", {"name": "x"}),
        (f"PATCH {room.path}/members/{room.member}", {"name": "x"}),
        (f"DELETE {room.path}/members/{room.member}", None),
    ):
        assert api(call, body, 401)["code"] == "token_missing"
    api.token = "nonsense"
    api(f"GET {room.path}")


def test_a_wrong_code_is_404(api, ada, room):
    for code in ("22222", "2222222", "AAAAAA", "%00", "%F0%9F%90%8D", "......", f"{room.code}2", "22222\n"):
        assert api(f"GET /api/rooms/{code}".replace("\n", "%0A"), status=404)["code"] == "not_found"
    ada("POST /api/rooms/222222/members", {}, 404)
    ada("PATCH /api/rooms/222222", {"name": "x"}, 404)
    ada("PATCH /api/rooms/222222/members/x", {"name": "x"}, 404)
    ada("DELETE /api/rooms/222222/members/x", status=404)


def test_the_version_counts_changes(api, ada, room, db):
    guest = room.join(api.guest(), name="Gus")
    versions = [room.show()["version"]]
    for change in (
        partial(guest.rename, "Gusto"),
        partial(room.change, name="Class 7b"),
        partial(room.change, locked=True),
        partial(room.change, host=guest.member),
        room.leave,
    ):
        change()
        versions.append(guest.show()["version"])
    assert versions == sorted(set(versions))
    for _ in range(2):  # nothing changes
        room.join(guest.api)
    assert guest.show()["version"] == versions[-1]


def test_an_unchanged_room_is_304_and_each_answer_tells_the_time(api, room):
    version = room.show()["version"]
    for query, status in (
        ("", 200),
        (f"?version={version - 1}", 200),
        (f"?version={version}", 304),
        (f"?version={version + 1}", 200),
    ):
        answer = api.ask(f"GET {room.path}{query}")
        assert answer.status == status
        assert re.fullmatch(r"\d+\.\d{3}", answer.headers["Server-Time"])
        assert float(answer.headers["Server-Time"]) == pytest.approx(time.time(), abs=10)
        assert answer.headers["Cache-Control"] == "no-store"
    assert refusals(api(f"GET {room.path}?version=x", status=422)) == [("version", "wrong_type")]


@pytest.mark.parametrize(
    "name",
    [
        "Class 7b: Maths!",
        "🐍 & co.",
        "数学",
        "สวัสดี",
        "\u2764\ufe0f Ada",
        "\u06af\u0631\u0647\u200c\u0647\u0627",
        "👩\u200d🏫",
        "x" * 40,
    ],
)
def test_names_of_rooms(room, name):
    assert room.change(name=f" {name} ")["name"] == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "too_short"),
        ("x" * 41, "too_long"),
        *((name, "bad_format") for name in ("a\nb", "a\u202eb", "a\u3164b", "\u3164", "\ufe0f", "\u200da")),
    ],
)
def test_names_that_no_room_can_have(ada, room, name, code):
    assert refusals(room.change(422, name=name)) == [("name", code)]
    assert refusals(ada("POST /api/rooms", {"name": name}, 422)) == [("name", code)]


# The host.


def test_only_the_host_changes_the_room(api, room):
    gus, stranger = room.join(api.guest(), name="Gus"), RoomOf(api.guest(), room.code)
    for wishes in ({"name": "Mine"}, {"locked": True}, {"host": room.member}, {}):
        assert gus.change(403, **wishes)["code"] == "not_the_host"
        assert stranger.change(403, **wishes)["code"] == "not_a_member"
    assert gus.change(409, host=gus.member)["code"] == "host_present"
    before = room.show()
    assert room.change(name="Ours", locked=True) == before | {
        "name": "Ours",
        "locked": True,
        "version": before["version"] + 1,
    }


def test_a_change_changes_only_what_it_names(api, room):
    gus = room.join(api.guest(), name="Gus")
    for wishes in ({"name": "Ours"}, {"locked": True}, {"name": "Mine"}, {"host": gus.member}):
        before = room.show()
        after = before | wishes | {"version": before["version"] + 1}
        shown = room.change(**wishes)
        assert {name: shown[name] for name in ("name", "locked", "host", "version")} == {
            name: after[name] for name in ("name", "locked", "host", "version")
        }


def test_the_host_hands_over(api, room):
    gus, zoe = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Zoe")
    zoe.leave()
    for nobody in ("nobody", "\0", zoe.member):
        assert refusals(room.change(422, host=nobody)) == [("host", "not_a_member")]
    assert room.change(host=room.member)["host"] == room.member
    after = room.change(host=gus.member)
    assert (after["host"], host(after)) == (gus.member, ["Gus"])
    room.join(zoe.api)
    zoe.leave()
    assert host(room.show()) == ["Gus"]  # though Ada has been there for longer
    assert room.change(403, locked=True)["code"] == "not_the_host"
    gus.change(locked=True)


def test_a_host_who_is_absent_for_a_minute_can_be_replaced_and_the_first_wins(api, room, db):
    gus, zoe = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Zoe")
    unseen(room, MINUTE - 5000)
    assert gus.change(409, host=gus.member)["code"] == "host_present"
    unseen(room, MINUTE + 1)
    assert gus.change(403, host=zoe.member)["code"] == "not_the_host"
    unseen(gus, MINUTE)
    Member.update(is_here=False).where(Member.id == gus.member).execute()
    assert RoomOf(api.guest(), room.code).change(403, host=gus.member)["code"] == "not_a_member"
    taken = gus.change(host=gus.member, locked=True)
    assert (host(taken), taken["locked"]) == (["Gus"], True)
    assert "Gus" in here(taken)
    assert clock() - Member.get_by_id(gus.member).seen_at < MINUTE  # as other processes see it, too
    assert zoe.change(409, host=zoe.member)["code"] == "host_present"
    assert room.join(room.api).member == room.member
    assert host(room.show()) == ["Gus"]


def test_a_room_whose_host_is_not_known_can_be_taken_over(api, room, db):
    """As in an import that was edited."""
    gus = room.join(api.guest(), name="Gus")
    Room.update(host="nobody").execute()
    assert gus.change(host=gus.member)["host"] == gus.member


def test_a_host_who_was_seen_by_this_process_is_not_absent(api, room, db):
    gus = room.join(api.guest(), name="Gus")
    unseen(room, 2 * MINUTE)
    room.show()
    assert gus.change(409, host=gus.member)["code"] == "host_present"


def test_a_host_who_leaves_hands_over_to_the_member_present_longest(api, app, room, db):
    others = [room.join(api.guest(), name=name) for name in ("Away", "Gus", "Zoe")]
    unseen(others[0], MINUTE)
    for other in others[1:]:
        other.show()
    app.background.run_all()
    room.leave()
    assert host(others[1].show()) == ["Gus"]
    others[1].leave()
    others[2].leave()
    assert host(room.show()) == ["Away"]


def test_the_next_to_join_an_abandoned_room_is_its_host(api, room):
    room.leave()
    assert room.show()["members"] == []
    gus = room.join(api.guest(), name="Gus")
    assert host(gus.show()) == ["Gus"]
    room.join(room.api)
    assert host(gus.show()) == ["Gus"]


def test_a_host_can_do_nothing_to_members_of_other_rooms(api, ada, room):
    there = create(ada)
    gus = room.join(api.guest(), name="Gus")
    there.rename("Mud", 404, gus.member)
    there.remove(gus.member, 404)
    assert refusals(there.change(422, host=gus.member)) == [("host", "not_a_member")]
    assert names(room.show()) == ["Ada", "Gus"]


# Limits.


def test_wrong_codes_are_limited_by_token(api, ada, bob, room):
    for _ in range(20):
        bob("GET /api/rooms/222222", status=404)
    refused = bob.ask(f"GET {room.path}")
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 600
    bob(f"POST {room.path}/members", {}, 429)
    bob("GET /api/rooms/222222", status=429)
    ada("GET /api/rooms/222222", status=404)
    api(f"GET {room.path}")


def test_members_are_not_limited_and_who_has_left_is_no_member(api, ada, room, monkeypatch):
    monkeypatch.setattr(presence, "KNOWN_MS", 0)
    gus = room.join(api.guest(), name="Gus")
    gus.leave()
    for who in (ada, gus.api):
        for _ in range(20):
            who("GET /api/rooms/222222", status=404)
    ada(f"GET {room.path}")
    gus.api(f"GET {room.path}", status=429)


def test_right_codes_are_not_limited(api, room):
    for _ in range(50):
        RoomOf(api.guest(), room.code).show()
    guest = RoomOf(api.guest(), room.code)
    for _ in range(50):
        guest.show()


def test_wrong_codes_are_limited_by_address_but_not_for_members(app, ada, room):
    here, elsewhere = drive(app, "192.0.2.1"), drive(app, "192.0.2.2")
    member = room.join(here.guest(), name="Gus")
    guests = [here.guest() for _ in range(50)]
    for number in range(1000):
        guests[number % 50]("GET /api/rooms/222222", status=404)
    for who in (here, here.guest()):
        who(f"GET {room.path}", status=429)
        who("GET /api/rooms/222222", status=429)
    for _ in range(25):
        member.api("GET /api/rooms/222222", status=429)
        member.show()
    member.leave()
    elsewhere(f"GET {room.path}")


def test_five_rooms_of_a_user_and_sixty_from_an_address_in_an_hour(make_app):
    app = make_app()
    api = drive(app)
    users = [api.guest() for _ in range(13)]
    for user in users[:12]:
        user("POST /api/rooms", {"my_name": "admin"}, 422)
        for _ in range(5):
            create(user, my_name="Gus")
        if user is users[0]:
            user("POST /api/rooms", {"my_name": "Gus"}, 429)
    for user in users:
        refused = user.ask("POST /api/rooms", {"my_name": "Gus"})
        assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    create(drive(app, "192.0.2.1").guest(), my_name="Gus")


# Removal.


def test_rooms_unused_for_30_days_are_removed(api, app, ada, room, db):
    used, seen, changed, old = create(ada), create(ada), create(ada), create(ada)
    room.join(api.guest(), name="Gus")
    long_ago = clock() - 31 * maintenance.DAY
    Member.update(seen_at=long_ago, is_here=False).execute()
    Room.update(used_at=long_ago).execute()
    used.join(ada)
    Member.update(seen_at=clock()).where(Member.id == seen.member).execute()
    Room.update(used_at=clock()).where(Room.code == changed.code).execute()
    app.background.run_all()
    assert {row.code for row in Room.select()} == {used.code, seen.code, changed.code}
    assert app.removal.removed["rooms"] == 2
    assert Member.select().count() == 3
    api(f"GET {old.path}", status=404)
    assert User.select().count() == 2


def test_the_code_of_another_room_is_never_given_out(ada, room, monkeypatch, db):
    codes = iter([room.code, room.code, "222222"])
    monkeypatch.setattr(rooms, "_new_code", lambda: next(codes))
    assert create(ada).code == "222222"
