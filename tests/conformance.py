"""Checks responses against the API's description."""

import json
import re
from functools import cache

import jsonschema_rs

import service

DESCRIPTION = json.loads(service.describe_api())
# If two match, the one without parameters counts.
PATHS = [
    (re.compile(re.sub("{.+?}", "[^/]+", template)), DESCRIPTION["paths"][template])
    for template in sorted(DESCRIPTION["paths"], key=lambda template: "{" in template)
]


def check(method, path, answer):
    """Assert that the answer to a call is one of those that the description has for it; a preflight is none of the API's."""
    if method == "OPTIONS":
        return
    said = _said(method, path.partition("?")[0], answer.status)
    content = said.get("content", {})
    if not content:
        assert answer.json is None, f"{method} {path}: no content is described"
        return
    kind = answer.headers["Content-Type"]
    assert kind in content, f"{method} {path}: {kind} is not described"
    _validator(json.dumps(content[kind]["schema"])).validate(answer.json)
    for name, header in said.get("headers", {}).items():
        if name in answer.headers and header["schema"]["type"] == "integer":
            assert int(answer.headers[name]) >= header["schema"]["minimum"]


def operation(method, path):
    """Return the description of an address, or None."""
    methods = next((methods for pattern, methods in PATHS if pattern.fullmatch(path)), {})
    return methods.get(method.lower())


def _said(method, path, status):
    found = operation(method, path)
    if found is None:
        assert status in (404, 405), f"{method} {path} is not described, and answers {status}"
        return DESCRIPTION["components"]["responses"]["404"]
    assert str(status) in found["responses"], f"{method} {path}: {status} is not described"
    said = found["responses"][str(status)]
    return DESCRIPTION["components"]["responses"][str(status)] if "$ref" in said else said


@cache
def _validator(schema):
    return jsonschema_rs.validator_for(json.loads(schema) | {"components": DESCRIPTION["components"]})
