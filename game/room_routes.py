"""The routes of rooms, their members and rounds."""

import bottle
import msgspec
from bottle import request

import schemas
from accounts.routes import require_user
from game import join_links, leaving, members, rooms, rounds
from game.clock import SERVER_TIME, server_time
from web import rate_limits
from web.api import cacheable_response, make_routes
from web.problems import Problem
from web.requests import client_address, token

api = make_routes()


def find_room(code, find=rooms.find):
    """Return the row of the room with that code. If the request has the token of a member, note that the member is there.

    `find(code)` may return another row instead. 404 if there is no such room. Of others than members, wrong codes are
    counted: 429 if there were too many, before the lookup.
    """
    app, given, stored = request.app, token(), rooms.normalized(code)
    if stored and app.presence.note(stored, given, _member_in):
        return find(stored)
    hits = app.rate_limiter.hit(
        (rate_limits.WRONG_CODES_FROM, f"room codes from {client_address()}"),
        *([(rate_limits.WRONG_CODES, f"room codes with {given}")] if given else []),
    )
    found = find(code)
    app.rate_limiter.refund(hits)
    return found


def _member_in(code):
    """Return the id of the member of the room with that code whose token the request has, or None."""
    try:
        return members.id_in_room(code, require_user())
    except Problem:
        return None


def _room(code):
    """Return the RoomAnswer of the room with that code as JSON, after a change."""
    return rooms.content(request.app.room_cache, rooms.find(code))


@api.post("/api/rooms", user=require_user, body=schemas.NewRoom, response=schemas.RoomAnswer, status=201, errors=(429,))
def create_room(user, body):
    """Create a room, whose host you are.

    Others join with its code.
    """
    app = request.app
    my_name = members.checked_name(body.my_name, user, app.reserved_names, "my_name")
    name = None if body.name is None else rooms.checked_name(body.name)
    by, place = f"rooms of {user.id}", f"rooms from {client_address()}"
    app.rate_limiter.hit((rate_limits.NEW_ROOMS, by), (rate_limits.NEW_ROOMS_FROM, place))
    return rooms.content(app.room_cache, rooms.create(user, name, my_name))


@api.get(
    "/api/rooms/<code>",
    visitor=token,
    query=schemas.RoomQuery,
    response=schemas.RoomAnswer,
    headers=[SERVER_TIME],
    unchanged="The room has the version of the query.",
    errors=(429,),
)
def show_room(visitor, query, code):
    """Return a room.

    It needs only the code; with a member's token, it also says that the member is there. 429: There were too many wrong
    codes.
    """
    room = find_room(code)
    clock = server_time()
    if query.version == room.version:
        return bottle.HTTPResponse(status=304, headers=clock | {"Cache-Control": "no-store"})
    return cacheable_response(rooms.content(request.app.room_cache, room), clock)


@api.patch(
    "/api/rooms/<code>",
    user=require_user,
    body=schemas.RoomChange,
    response=schemas.RoomAnswer,
    errors=(403, 409, 429),
)
def change_room(user, body, code):
    """Rename or lock your room, or hand it over.

    Any member can take over, with the own id as `host`, once the host was absent for a minute. 403: You are not its host, or
    no member. 409: The host is present.
    """
    wishes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    rooms.change(find_room(code), user, wishes, request.app.presence.last_seen)
    return _room(code)


@api.post(
    "/api/rooms/<code>/members",
    user=require_user,
    body=schemas.NewMember,
    response=schemas.Joined,
    errors=(403, 409, 423, 429),
)
def join_room(user, body, code):
    """Join a room, or come back to it.

    403: The host has removed you. 409: The name is taken, or the room is full. 423: The room is locked.
    """
    member = members.join(find_room(code), user, body.name, request.app.reserved_names)
    return schemas.Joined(member, msgspec.Raw(_room(code)))


@api.patch(
    "/api/rooms/<code>/members/<member_id>",
    user=require_user,
    body=schemas.MemberChange,
    response=schemas.RoomMember,
    errors=(403, 409, 429),
)
def rename_member(user, body, code, member_id):
    """Change your name in a room, or as its host that of a member.

    403: You are not its host, or no member. 409: The name is taken.
    """
    room = find_room(code)
    members.rename(room, user, member_id, body.name, request.app.reserved_names)
    return rooms.show_member(room, members.find_listed(room, member_id), rounds.results(room.id))


@api.delete("/api/rooms/<code>/members/<member_id>", user=require_user, errors=(403, 429))
def leave_room(user, code, member_id):
    """Leave a room, or as its host remove a member.

    A member who was removed can't come back, and is in no standings of the room. 403: You are not its host, or no member.
    """
    room = find_room(code)
    removed = members.remove(room, user, member_id)
    if removed is not None:
        leaving.leave_rounds(removed, room.id, request.app.pace)


@api.get("/api/rooms/<code>/qr.svg", visitor=token, media="image/svg+xml", errors=(429,))
def show_qr_code(visitor, code):
    """Return the QR code of the address with which others join the room.

    Its title is the address. 429: There were too many wrong codes.
    """
    room = find_room(code)
    return join_links.qr_code(join_links.join_address(request.environ, request.app.settings, room.code))


@api.post(
    "/api/rooms/<code>/rounds",
    user=require_user,
    body=schemas.NewRound,
    response=schemas.RoundAnswer,
    status=201,
    errors=(403, 409, 429),
)
def start_round(user, body, code):
    """Start a round in your room.

    403: You are not its host. 409: A round waits for its start, or is being played.
    """
    return rounds.create(find_room(code), user, body)


@api.get("/api/rooms/<code>/rounds/<number>", query=schemas.RoundQuery, response=schemas.RoundStandings, errors=(429,))
def show_round(query, code, number):
    """Return a round with its standings, which are up to a second old.

    It needs only the code.
    """
    return rounds.standings(rounds.find(find_room(code), number), query.limit)


@api.delete("/api/rooms/<code>/rounds/<number>", user=require_user, errors=(403, 429))
def end_round(user, code, number):
    """End a round of your room now; before its start it is cancelled.

    403: You are not its host.
    """
    rounds.end(find_room(code), user, number)
