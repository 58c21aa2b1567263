"""The API's description is complete, valid, and agrees with the responses."""

import re
from pathlib import Path
from urllib.parse import urljoin

import conformance
import jsonschema_rs
import msgspec
import pytest
from driver import PASSWORD, drive

import models
import schemas
import service
from accounts import passwords
from database.binding import bind
from web import problems

DESCRIPTION = conformance.DESCRIPTION
OPERATIONS = [operation for path in DESCRIPTION["paths"].values() for operation in path.values()]


def test_every_call_of_the_api_is_described_and_nothing_else():
    described = {(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods}
    pages = {
        "/",
        "/metrics",
        "/api/docs",
        "/games/{game_id}",
        "/games/{game_id}/card.png",
        "/manifest.webmanifest",
        "/r/{code}",
        "/r/{code}/",
        "/sw.js",
        "/static/{path:path}",
    }
    routes = [*service.api.routes, *service.site.routes]
    answered = {(route.method, re.sub("<(.+?)>", r"{\1}", route.rule)) for route in routes}
    assert {call for call in answered if call[1] not in pages} == described


def test_the_descriptions_shapes_are_valid():
    for name in DESCRIPTION["components"]["schemas"]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": DESCRIPTION["components"]}
        jsonschema_rs.meta.validate(DESCRIPTION["components"]["schemas"][name])
        jsonschema_rs.validator_for(schema)  # all that it refers to is there


def test_each_call_has_a_name_of_its_own_a_summary_and_a_tag():
    assert len({operation["operationId"] for operation in OPERATIONS}) == len(OPERATIONS)
    assert all(operation["summary"] for operation in OPERATIONS)
    known = {tag["name"] for tag in DESCRIPTION["tags"]}
    assert {tag for operation in OPERATIONS for tag in operation["tags"]} == known


def test_it_names_the_license():
    assert DESCRIPTION["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert (Path(service.__file__).parent / "LICENSE").read_text().startswith("MIT License")


def test_it_is_served_with_a_validator(app):
    api = drive(app)
    answer = api.ask("GET /api/openapi.json")
    assert answer.json == DESCRIPTION
    assert answer.headers["Content-Type"] == "application/json"
    assert api.ask("GET /api/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status == 304


@pytest.mark.parametrize("below", ["", "/games/snake"])
def test_its_addresses_are_right_below_whatever_path_it_is_served(below):
    here = f"https://example.org{below}/api/openapi.json"
    base = urljoin(here, DESCRIPTION["servers"][0]["url"]).removesuffix("/")
    assert base == f"https://example.org{below}"


TOKENS = [{"token": []}, {"token_header": []}]  # either


@pytest.mark.parametrize(
    ("path", "security"),
    [
        ("post /api/games", TOKENS),
        ("post /api/auth/signup", [{}, *TOKENS]),
        ("get /api/leaderboard/next", [{}, *TOKENS]),
        ("get /api/leaderboard", []),
        ("get /healthz", []),
    ],
)
def test_operations_that_need_a_token_are_described_so(path, security):
    method, path = path.split()
    operation = DESCRIPTION["paths"][path][method]
    assert operation["security"] == security
    assert ("401" in operation["responses"]) == bool(security)


def test_each_operation_has_a_description_and_its_security():
    for operation in OPERATIONS:
        assert isinstance(operation["security"], list)
        assert operation["description"].strip()


def schemas_within(part):
    """Yield each schema in a part of the description, at any depth."""
    if isinstance(part, dict):
        if "type" in part or "enum" in part or "prefixItems" in part:
            yield part
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from schemas_within(inner)


def test_generators_of_clients_find_a_type_for_each_element_and_each_choice():
    found = list(schemas_within(DESCRIPTION["paths"])) + list(schemas_within(DESCRIPTION["components"]))
    assert len(found) > 100
    for schema in found:
        if schema.get("type") == "array":
            assert schema["items"], schema  # neither missing nor false
        if "enum" in schema:
            assert schema["type"] == "string"


def test_no_field_that_may_be_left_out_has_a_default():
    """Else generators of clients take it for a field that is always there."""
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            assert "default" not in shape, f"{name}.{field}"


def test_the_codes_of_problems_are_described_with_their_meaning():
    code = DESCRIPTION["components"]["schemas"]["Code"]
    assert code["enum"] == list(problems.CODES)
    for name, meaning in problems.CODES.items():
        assert f"`{name}`: {meaning}" in code["description"]
    for name in ("ProblemAnswer", "FieldError"):
        shape = DESCRIPTION["components"]["schemas"][name]
        assert shape["properties"]["code"] == {"$ref": "#/components/schemas/Code"}
        assert "code" in shape["required"]
        assert shape["properties"]["params"]["additionalProperties"]
    errors = DESCRIPTION["components"]["schemas"]["ProblemAnswer"]["properties"]["errors"]
    assert errors == {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}}


def test_the_query_is_described_field_by_field():
    fields = {field["name"]: field for field in DESCRIPTION["paths"]["/api/leaderboard/next"]["get"]["parameters"]}
    assert set(fields) == set(schemas.NextQuery.__struct_fields__)
    assert {name for name, field in fields.items() if field["required"]} == {"mode", "score"}
    assert fields["mode"]["schema"] == {"$ref": "#/components/schemas/Mode"}
    assert DESCRIPTION["components"]["schemas"]["Mode"]["enum"] == ["pass-through", "walls"]
    assert fields["at"]["schema"] == {"type": "string", "format": "date"}
    assert fields["period"]["schema"]["default"] == "all"


def test_a_request_that_the_description_refuses_is_refused(ada):
    game = ada.open()
    turns = jsonschema_rs.validator_for(msgspec.json.schema(schemas.Turns))
    for body in (
        {"since": -1, "tick": 1, "turns": []},
        {"since": 0, "tick": 1, "turns": [[1, "X"]]},
        {"since": 0, "tick": 1},
    ):
        assert not turns.is_valid(body)
        ada(f"POST /api/games/{game['id']}/turns", body, 422)


def test_what_a_games_calls_answer_is_as_described(make_app):
    """The driver holds each answer against the description; here each call of the API is made."""
    app, asked = make_app(score_policy="open"), set()
    api = drive(app)

    def ask(api, call, body=None):
        method, path = call.split(" ", 1)
        asked.add(conformance.operation(method, path.partition("?")[0])["operationId"])
        return api.ask(call, body).json

    guest = ask(api, "POST /api/auth/guest")
    api.token = guest["token"]
    ask(api, "POST /api/auth/signup", {"username": "Ada", "password": PASSWORD, "email": "ada@example.org"})
    session = ask(api, "POST /api/auth/login", {"username": "Ada", "password": PASSWORD})
    api.token = session["token"]
    game = ask(api, "POST /api/games", {"mode": "walls"})
    ask(api, f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 2, "turns": [[1, "R"]]})
    for known in ("", f"?known={game['id']}:1"):
        ask(api, f"GET /api/games/live{known}")
    ask(api, "GET /api/games/active")
    ask(api, f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 1, "turns": []})  # a conflict
    ask(api, f"POST /api/games/{game['id']}/turns", {"since": 2, "tick": 300, "turns": []})
    ask(api, f"GET /api/games/{game['id']}")
    left = ask(api, "POST /api/games", {"mode": "walls", "challenge": "daily"})
    ask(api, f"DELETE /api/games/{left['id']}")
    ask(api, "POST /api/leaderboard", {"score": 120, "mode": "walls"})
    api.sign_up("Bob").play(1)
    for call in ("home", "daily?mode=walls", "players/Ada"):
        ask(api, f"GET /api/{call}")
    for call in ("leaderboard?limit=1", "leaderboard/me?mode=walls", "leaderboard/next?mode=walls&score=5"):
        ask(api, f"GET /api/{call}")
    for call in ("GET /healthz", "GET /api/openapi.json", "GET /api/auth/me", "GET /api/auth/sessions"):
        ask(api, call)
    room = ask(api, "POST /api/rooms", {"name": "Class 7b"})
    path = f"/api/rooms/{room['code']}"
    ask(api, f"GET {path}")
    ask(api, f"GET {path}?version={room['version']}")
    ask(api, f"GET {path}/qr.svg")
    ask(api, f"PATCH {path}", {"locked": True})
    mine = ask(api, f"POST {path}/members", {})["member"]
    ask(api, f"PATCH {path}/members/{mine}", {"name": "Ada B."})
    wishes = {"mode": "walls", "minutes": 1, "tries": "one", "starts_in": 3}
    ask(api, f"POST {path}/rounds", wishes)
    ask(api, "POST /api/games", {"room": room["code"]})  # it has not started
    ask(api, f"GET {path}/rounds/1")
    ask(api, f"DELETE {path}/rounds/1")
    ask(api, f"DELETE {path}/members/{mine}")
    ask(api, "PATCH /api/auth/me", {"current_password": PASSWORD, "email": None})
    other = next(one for one in api("GET /api/auth/sessions") if not one["current"])
    ask(api, f"DELETE /api/auth/sessions/{other['id']}")
    with bind(app.database):
        reset = passwords.create_reset(models.User.get(name="Ada"))
    ask(api, "POST /api/auth/reset", {"token": reset, "password": PASSWORD})
    ask(api.log_in("Ada"), "POST /api/auth/logout")
    ask(api.log_in("Ada"), "DELETE /api/auth/sessions")
    ask(api.log_in("Ada"), "DELETE /api/auth/me", {"password": PASSWORD})
    assert asked == {operation["operationId"] for operation in OPERATIONS}
