"""Rooms through the API."""

from models import Member
from models import now as clock


class RoomOf:
    """A room through the Api of somebody in it, or of nobody."""

    def __init__(self, api, code, member=None):
        self.api, self.code, self.member = api, code, member
        self.path = f"/api/rooms/{code}"

    def show(self):
        return self.api(f"GET {self.path}")

    def change(self, status=200, **wishes):
        return self.api(f"PATCH {self.path}", wishes, status)

    def rename(self, name, status=200, member=None):
        return self.api(f"PATCH {self.path}/members/{member or self.member}", {"name": name}, status)

    def remove(self, member, status=204):
        return self.api(f"DELETE {self.path}/members/{member}", status=status)

    def leave(self):
        self.remove(self.member)

    def join(self, api, status=200, **fields):
        """Let somebody join; return their RoomOf, or the problem."""
        answer = api(f"POST {self.path}/members", fields, status)
        return RoomOf(api, self.code, answer["member"]) if status == 200 else answer


def create(api, **fields):
    room = api("POST /api/rooms", fields, 201)
    return RoomOf(api, room["code"], room["host"])


def names(room):
    return [member["name"] for member in room["members"]]


def here(room):
    return [member["name"] for member in room["members"] if member["is_here"]]


def host(room):
    return [member["name"] for member in room["members"] if member["is_host"]]


def unseen(member, milliseconds):
    """The member was seen last so long ago."""
    Member.update(seen_at=clock() - milliseconds).where(Member.id == member.member).execute()


def refusals(problem):
    return [(error["field"], error["code"]) for error in problem["errors"]]
