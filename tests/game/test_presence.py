"""Who is in a room at the moment."""

import pytest
from driver import drive
from room_of import RoomOf, here, names, unseen

from game import members, presence, rooms
from models import Member
from models import now as clock

MINUTE, HOUR = 60_000, 3_600_000


def test_a_member_who_is_not_seen_for_15_seconds_is_away(api, app, room, db):
    gus = room.join(api.guest(), name="Gus")
    app.background.run_all()
    version = room.show()["version"]
    assert here(room.show()) == ["Ada", "Gus"]
    unseen(gus, members.HERE_MS + 1)
    unseen(room, members.HERE_MS + 1)
    assert room.api.ask(f"GET {room.path}?version={version}").status == 304  # which notes that Ada is here
    app.background.run_all()
    shown = room.show()
    assert (here(shown), shown["version"]) == (["Ada"], version + 1)
    gus.show()
    app.background.run_all()
    shown = room.show()
    assert (here(shown), shown["version"]) == (["Ada", "Gus"], version + 2)
    app.background.run_all()
    assert room.show()["version"] == version + 2


def test_seen_within_15_seconds_is_here(app, room, db, monkeypatch):
    at = clock() + HOUR
    monkeypatch.setattr(presence, "now", lambda: at)
    for ago, shown in ((15_000, ["Ada"]), (15_001, [])):
        Member.update(seen_at=at - ago).execute()
        app.presence.write()
        assert here(RoomOf(drive(app), room.code).show()) == shown


def test_only_a_members_token_tells_that_the_member_is_here(api, app, bob, room, db):
    unseen(room, members.HERE_MS + 1)
    for stranger in (api, bob):
        stranger(f"GET {room.path}")
    app.background.run_all()
    assert here(bob(f"GET {room.path}")) == []
    assert room.join(room.api).member == room.member
    assert here(bob(f"GET {room.path}")) == ["Ada"]


def test_who_has_left_is_not_here_however_often_the_page_asks(api, app, room, db):
    gus, zoe, away = (room.join(api.guest(), name=name) for name in ("Gus", "Zoe", "Away"))
    for member in (gus, zoe):
        member.show()
    gus.leave()
    room.remove(zoe.member)
    version = room.show()["version"]
    for member in (gus, zoe):
        member.show()
    app.background.run_all()
    assert (names(room.show()), room.show()["version"]) == (["Ada", "Away"], version)
    unseen(away, members.HERE_MS + 1)
    app.background.run_all()
    assert (here(room.show()), room.show()["version"]) == (["Ada"], version + 1)
    assert Member.select().where(Member.is_here).count() == 1


def test_whose_token_it_is_is_asked_again_after_a_minute_and_if_there_are_too_many(monkeypatch):
    notes, asked, at = presence.Presence(), [], clock()
    monkeypatch.setattr(presence, "MAX_KNOWN", 3)

    def is_asked(token, later=0):
        monkeypatch.setattr(presence, "now", lambda: at + later)
        before = len(asked)
        assert notes.note("B7K2XM", token, lambda code: asked.append(code) or token) == token
        return len(asked) > before

    assert [is_asked(token) for token in "aabca"] == [True, False, True, True, True]
    assert not is_asked("a", presence.KNOWN_MS - 1)
    assert is_asked("a", presence.KNOWN_MS)


def test_what_another_process_has_seen_later_stays(app, room, db, monkeypatch):
    at, other = clock(), presence.Presence()
    for notes, seen_at in ((other, at + 1000), (app.presence, at + 3000)):
        monkeypatch.setattr(presence, "now", lambda seen_at=seen_at: seen_at)
        notes.note(room.code, "token", lambda code: room.member)
    for notes in (app.presence, other):
        notes.write()
    assert Member.get().seen_at == at + 3000


def test_what_was_seen_is_written_later_if_the_database_is_unavailable(api, app, room, db, monkeypatch):
    unseen(room, members.HERE_MS - 1000)
    room.show()
    monkeypatch.setattr(presence, "_write", lambda seen: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        app.presence.write()
    monkeypatch.undo()
    app.presence.write()
    assert Member.get().seen_at >= clock() - 5000


def test_a_member_absent_for_12_hours_does_not_count_until_joining_again(api, app, room, db, monkeypatch):
    gus = room.join(api.guest(), name="Gus")
    gus.show()  # from now on its token is known
    unseen(gus, 12 * HOUR - MINUTE)
    app.background.run_all()
    assert names(room.show()) == ["Ada", "Gus"]
    unseen(gus, 12 * HOUR + 1)
    room.change(locked=True)
    for _ in range(2):
        assert names(gus.show()) == ["Ada"]
        app.background.run_all()
    assert gus.rename("Gusto", 403)["code"] == "not_a_member"
    assert room.join(gus.api).member == gus.member  # though it is locked
    assert names(room.show()) == ["Ada", "Gus"]
    unseen(gus, 12 * HOUR + 1)
    room.change(locked=False)
    room.join(api.guest(), name="GUS")
    assert room.join(gus.api, 409)["code"] == "name_taken"
    monkeypatch.setattr(members, "MAX_MEMBERS", 2)
    assert room.join(gus.api, 409, name="Gusto")["code"] == "room_full"


def test_time_alone_makes_a_member_absent(api, app, room, db, monkeypatch):
    gus = room.join(api.guest(), name="Gus")
    unseen(gus, HOUR)
    unseen(room, -12 * HOUR)
    app.background.run_all()
    before = room.show()
    assert names(before) == ["Ada", "Gus"]
    later = clock() + 11 * HOUR
    for module in (rooms, members):
        monkeypatch.setattr(module, "now", lambda: later)
    after = api(f"GET {room.path}")
    assert (names(after), after["version"]) == (["Ada"], before["version"])
