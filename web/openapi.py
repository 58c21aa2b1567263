"""The API's description, in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), made from the declarations of the routes."""

import ast
import inspect
import re
import sys
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Literal, get_args, get_origin

import msgspec

import schemas
from schemas import ProblemAnswer
from web import events
from web.headers import TEXT
from web.problems import CODES

ABOUT = """A snake game server whose clients never submit scores: a game is its seed and its turns, and the server plays it.

Requests and responses are JSON; times are ISO 8601 in UTC, ids opaque strings. To get a token, sign up, log in, or play as a
guest. Send it as `Authorization: Bearer TOKEN`, or as `X-Snakepit-Token: TOKEN` if Authorization is used for something else,
such as a proxy's password. Errors are problem details (RFC 9457) that say what was wrong and how to fix it; the server's log
contains their X-Request-ID. An unknown address is 404, another method than those below 405 with `Allow`. Responses leave out
optional fields that are false, empty or null.
"""
TAGS = {
    "auth": ("accounts", "The user's account and sessions."),
    "games": ("games", "Opening, playing, watching and replaying games."),
    "leaderboard": ("boards", "Leaderboards, and the user's rank on them."),
    "players": ("players", "Public pages of players."),
    "daily": ("daily challenge", "Today's challenge, and the user's attempt."),
    "rooms": ("rooms", "Groups of players who play together."),
    "home": ("home", "What the start screen shows."),
}
OTHERS = ("server", "The server itself.")
CONTACT = {"name": "The operator of this server"}
LICENSE = {"name": "MIT", "identifier": "MIT"}
REASONS = {
    400: "The request can't be read.",
    401: "The token is missing or not valid, or the name or password is wrong.",
    403: "The user may not do this.",
    404: "It doesn't exist.",
    408: "The body did not arrive in time.",
    409: "It conflicts with the current state.",
    411: "The body is chunked, which this server can't read.",
    413: "The body is larger than 64 KiB.",
    414: "The address is too long.",
    422: "A field is missing or unknown, or has a wrong type or value.",
    423: "It is locked.",
    429: "Too many attempts.",
    503: "The database is unavailable; nothing is lost.",
}
ANYWAY = {400, 503}
# The refusals that follow from the inputs of a route.
REFUSALS = {"user": {401}, "visitor": {401}, "path": {404, 414}, "query": {414, 422}, "body": {408, 411, 413, 422}}
SECONDS = {"description": "Seconds to wait before trying again.", "schema": {"type": "integer", "minimum": 1}}
HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"const": "Bearer", "type": "string"}}},
    429: {"Retry-After": SECONDS},
    503: {"Retry-After": SECONDS},
}
ETAG = {"ETag": {"description": "For If-None-Match of the next request.", "schema": {"type": "string"}}}
# Two ways to send the token.
SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "token_header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Snakepit-Token",
        "description": "The same token, if Authorization is used for something else, such as a proxy's password.",
    },
}
TOKENS = [{name: []} for name in SCHEMES]
SCHEMAS, RESPONSES = "#/components/schemas/{name}", "#/components/responses/{name}"
# {the choices of an enumeration in order: its name}
CHOICES = {tuple(sorted(get_args(kind))): name for name, kind in vars(schemas).items() if get_origin(kind) is Literal}
CODE = "Code"
ALL_CHOICES = CHOICES | {tuple(CODES): CODE}


def describe(routes):
    """Return the description of these Bottle routes as JSON; see api.py for what they declare."""
    if sys.flags.optimize > 1:
        kept = [kind for kind in vars(schemas).values() if isinstance(kind, type) and kind.__module__ == schemas.__name__]
        _restore_docstrings([*kept, *(route.callback for route in routes)])
    shapes = {
        repr(shape): shape for route in routes for shape in (route.config.get("body"), route.config.get("response")) if shape
    }
    kinds = [*shapes.values(), ProblemAnswer]
    (*shown, problem), components = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    shown = dict(zip(shapes, shown, strict=True))
    choices = {name: {"title": name, "type": "string", "enum": list(words)} for words, name in ALL_CHOICES.items()}
    choices[CODE]["description"] = "\n".join(f"- `{code}`: {meaning}" for code, meaning in CODES.items())
    paths = {}
    for route in routes:
        path = re.sub("<(.+?)>", r"{\1}", route.rule)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, shown)
    return msgspec.json.encode(
        {
            "openapi": "3.1.1",
            "info": {
                "title": "Snakepit",
                "version": "1",
                "description": _flowing(ABOUT),
                "contact": CONTACT,
                "license": LICENSE,
            },
            "servers": [{"url": "..", "description": "Where this description is, below whatever path."}],
            "tags": [{"name": name, "description": about} for name, about in (*TAGS.values(), OTHERS)],
            "paths": paths,
            "components": {
                "schemas": {name: _tidied(_without_defaults(shape)) for name, shape in components.items()} | choices,
                "responses": {str(status): _refusal(status, problem) for status in REASONS},
                "securitySchemes": SCHEMES,
            },
        }
    )


def _restore_docstrings(things):
    """Restore docstrings from the source files; `python -OO` drops them."""
    for thing in things:
        thing.__doc__ = _docstrings(sys.modules[thing.__module__].__file__).get(thing.__name__)


@cache
def _docstrings(path):
    """Return {name: docstring} of the functions and classes in a file."""
    nodes = [
        node for node in ast.parse(Path(path).read_text("utf-8")).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    return {node.name: ast.get_docstring(node, clean=False) for node in nodes}


def _operation(route, shown):
    """`shown`: the schema of each type by its repr. The text is the handler's docstring; see api.py."""
    summary, *rest = re.split(r"\s+(?=[45]\d\d: )|\n\n", inspect.getdoc(route.callback))
    reasons = {text[:3]: _sentence(text[5:]) for text in rest if text[:3].isdigit()}
    said = {
        "operationId": route.callback.__name__,
        "tags": [_tag(route.rule)],
        "summary": summary.removesuffix("."),
        "description": _flowing("\n\n".join(text for text in rest if text[:3] not in reasons)) or summary,
        "parameters": [*_parts(route.rule), *_fields(route.config.get("query"))],
        "requestBody": _body(route.config.get("body"), shown),
        "responses": _answers(route, shown, reasons),
    }
    return {name: value for name, value in said.items() if value} | {"security": _security(route.config)}


def _without_defaults(shape):
    """Return the shape of an object without `default` on its fields.

    A generator of clients takes a field with a default for one that is always there.
    """
    fields = shape.get("properties", {}).items()
    return shape | {"properties": {name: _without(field, "default") for name, field in fields}}


def _without(schema, name):
    return {key: value for key, value in schema.items() if key != name}


def _tidied(schema):
    """Return the same schema in the form that most tools understand.

    Each description is one line, choices have names and types, and a list with `prefixItems` says in `items` what any of
    them is.
    """
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    text = {"description": _flowing(schema["description"])} if isinstance(schema.get("description"), str) else {}
    tidied = {name: _tidied(part) for name, part in schema.items()} | text
    if "prefixItems" in tidied:
        tidied["items"] = {"anyOf": tidied["prefixItems"]}
    if choice := ALL_CHOICES.get(tuple(tidied.get("enum", ()))):
        return _without(_without(tidied, "enum"), "type") | {"$ref": SCHEMAS.format(name=choice)}
    return tidied | ({"type": "string"} if "enum" in tidied else {})


def _flowing(text):
    """Return the paragraphs of a docstring, each on one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def _sentence(text):
    return _flowing(text[0].upper() + text[1:])


def _tag(path):
    return next((tag for part, (tag, _) in TAGS.items() if path.startswith(f"/api/{part}")), OTHERS[0])


def _security(config):
    if "visitor" in config:
        return [{}, *TOKENS]
    return TOKENS if "user" in config else []


def _parts(path):
    """Return the parameters in the path."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall("<(.+?)>", path)
    ]


def _fields(shape):
    """Return the parameters in the query."""
    if shape is None:
        return
    schema = msgspec.json.schema(shape)["$defs"][shape.__name__]
    for name, field in _tidied(schema["properties"]).items():
        if field.get("default", ...) is None:
            del field["default"]
        about = {"description": field.pop("description")} if "description" in field else {}
        required = name in schema["required"]
        yield {"name": name, "in": "query", "required": required, "allowEmptyValue": not required, "schema": field} | about


def _body(shape, shown):
    if shape is None:
        return None
    required = any(field.required for field in msgspec.structs.fields(shape))
    return {"required": required, "content": {"application/json": {"schema": shown[repr(shape)]}}}


def _answers(route, shown, reasons):
    """Return the responses by status, the success first; `reasons` are the handler's own descriptions of some."""
    config = route.config
    media, has_etag = config.get("media"), "etag" in config or "media" in config
    status = config.get("status", 200) if media or "response" in config else 204
    headers = {name: {"description": about, "schema": {"type": "string"}} for name, about in config.get("headers", ())}
    headers |= ETAG if has_etag else {}
    answer = {"description": HTTPStatus(status).phrase}
    if headers:
        answer["headers"] = headers
    if "response" in config:
        answer["content"] = {"application/json": {"schema": shown[repr(config["response"])]}}
    if "follow" in config:
        answer["content"][events.MEDIA] = {"schema": {"type": "string"}}
    if media:
        answer["content"] = {kind: {"schema": {"type": "string"}} for kind in (media, TEXT)}
    answers = {str(status): answer}
    if has_etag:
        answers["304"] = {"description": "It is still what the ETag in If-None-Match stands for.", "headers": ETAG}
    if "unchanged" in config:
        answers["304"] = {"description": config["unchanged"]} | ({"headers": headers} if headers else {})
    inputs = [name for name in config if name in REFUSALS]
    inputs += ["path"] if "<" in route.rule else []
    inputs += ["query"] if route.rule.startswith("/api/") else []  # an unknown parameter is refused everywhere
    refused = ANYWAY.union(config.get("errors", ()), *(REFUSALS[name] for name in inputs))
    for status in map(str, sorted(refused)):
        answers[status] = {"$ref": RESPONSES.format(name=status)}
        if status in reasons:
            answers[status]["description"] = reasons[status]
    return answers


def _refusal(status, problem):
    said = {"description": REASONS[status], "content": {"application/problem+json": {"schema": problem}}}
    return said | ({"headers": HEADERS[status]} if status in HEADERS else {})
