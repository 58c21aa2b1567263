"""Members of a room: joining, leaving and removal."""

from driver import PASSWORD
from room_of import RoomOf, create, here, host, names, unseen

from game import members
from models import Game, Member, Room

MINUTE = 60_000


# Joining.


def test_joining_again_changes_nothing(api, room):
    gus = room.join(api.guest(), name="Gus")
    again = room.join(gus.api)
    assert again.member == gus.member
    assert names(room.show()) == ["Ada", "Gus"]
    assert room.join(gus.api, name="Gusto").member == gus.member
    assert names(room.show()) == ["Ada", "Gusto"]
    assert room.join(gus.api, 409, name="Ada")["code"] == "name_taken"


def test_who_comes_back_is_in_the_old_place_and_who_had_left_in_the_last(api, app, room, db):
    gus, zoe = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Zoe")
    unseen(gus, MINUTE)
    app.background.run_all()
    room.join(gus.api)
    assert names(room.show()) == here(room.show()) == ["Ada", "Gus", "Zoe"]
    gus.leave()
    room.join(gus.api)
    assert names(zoe.show()) == ["Ada", "Zoe", "Gus"]


def test_a_guest_who_signs_up_is_still_the_same_member(api, room):
    gus = room.join(api.guest(), name="Gus")
    account = gus.api.sign_up("Gustav")
    again = room.join(account)
    assert (again.member, names(room.show())) == (gus.member, ["Ada", "Gus"])


def test_a_locked_room_takes_nobody_new(api, room):
    gus, other = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Olga")
    room.change(locked=True)
    other.leave()
    for who in (api.guest(), other.api):
        assert room.join(who, 423, name="Zoe")["code"] == "room_locked"
    assert room.join(gus.api).member == gus.member
    room.change(locked=False)
    assert room.join(other.api).member == other.member


def test_a_room_holds_so_many(api, room, db, monkeypatch):
    monkeypatch.setattr(members, "MAX_MEMBERS", 3)
    gus, zoe = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Zoe")
    late = api.guest()
    problem = room.join(late, 409, name="Late")
    assert (problem["code"], problem["params"]) == ("room_full", {"max": 3})
    assert room.join(zoe.api).member == zoe.member
    gus.leave()
    room.join(late, name="Late")
    assert room.join(gus.api, 409)["code"] == "room_full"


def test_two_hundred_is_the_limit():
    assert members.MAX_MEMBERS == 200


# Leaving.


def test_members_leave_and_come_back(api, room):
    gus = room.join(api.guest(), name="Gus")
    version = room.show()["version"]
    for _ in range(2):
        gus.leave()
        assert (names(room.show()), room.show()["version"]) == (["Ada"], version + 1)
    assert gus.change(403, name="x")["code"] == "not_a_member"
    assert room.join(gus.api).member == gus.member
    assert names(room.show()) == ["Ada", "Gus"]


def test_removal_bars_the_user(api, room):
    gus, zoe = room.join(api.guest(), name="Gus"), room.join(api.guest(), name="Zoe")
    assert zoe.remove(gus.member, 403)["code"] == "not_the_host"
    assert RoomOf(api.guest(), room.code).remove(gus.member, 403)["code"] == "not_a_member"
    for nobody in ("nobody", "%00"):
        room.remove(nobody, 404)
    version = room.show()["version"]
    for _ in range(2):
        room.remove(gus.member)
        assert (names(room.show()), room.show()["version"]) == (["Ada", "Zoe"], version + 1)
    for name in ("Gus", "Gusto", "<b>"):
        assert room.join(gus.api, 403, name=name)["code"] == "removed_from_room"
    assert gus.rename("Gusto", 403)["code"] == "removed_from_room"
    room.join(api.guest(), name="Gus")
    zoe.leave()
    room.remove(zoe.member)  # also who has left
    assert room.join(zoe.api, 403)["code"] == "removed_from_room"


def test_removal_ends_the_open_game_of_the_room(api, room, db):
    gus = room.join(api.guest(), name="Gus")
    game = gus.api.open()
    room_id = Room.get(code=room.code).id
    room.remove(gus.member)
    assert Game.get_by_id(game["id"]).ended_at is None
    zoe = room.join(api.guest(), name="Zoe")
    game = zoe.api.open()
    Game.update(round=f"{room_id}/1").where(Game.id == game["id"]).execute()
    room.remove(zoe.member)
    assert Game.get_by_id(game["id"]).outcome == "left"


def test_an_account_that_is_deleted_leaves_its_rooms(api, bob, room, db):
    there = create(bob)
    zoe = there.join(api.guest(), name="Zoe")
    room.join(bob)
    version = room.show()["version"]
    bob("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    assert (names(room.show()), room.show()["version"]) == (["Ada"], version + 1)
    assert host(zoe.show()) == ["Zoe"]
    zoe.api("DELETE /api/auth/me", {}, 204)
    assert Member.select().count() == 1
