"""Routes: what each takes and gives, stated once, by which requests are read and the API's description is made."""

import functools
import hashlib
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import bottle
import msgspec
from bottle import request, response

import connections
import headers
import logs
import pages
from config import ConfigError
from parsing import body, header, query
from problems import INTERNAL_ERROR, UNAVAILABLE, Problem
from schemas import FieldError, NoQuery, ProblemAnswer

RETRY_AFTER = 2  # seconds, when the database can't do what is asked
RETRY_LATER = 30  # the same, if that doesn't pass by itself
REASON = "snakepit.reason"  # in the environ of a request that is refused: what it is counted as

NO_PAGES = ("/api/", "/healthz/", "/metrics/")  # below these there is no HTML

log = logging.getLogger("snakepit")

ROUTES = []
# How each thing is taken that a route can state.
TAKEN = {
    "user": lambda ask: ask,
    "visitor": lambda ask: ask,
    "query": lambda shape: functools.partial(query, shape),
    "body": lambda shape: functools.partial(body, shape),
}


class Route(NamedTuple):
    """What the app answers, and what is stated of it, as `route` has it; `takes` is None where nothing is: for pages."""

    method: str
    path: str
    handler: Callable
    takes: dict | None = None
    answer: Any = None
    status: int = 200
    validated: bool = False
    headers: dict | None = None
    errors: tuple = ()


def route(method, path, *, answer=None, status=200, validated=False, headers=None, errors=(), **takes):
    """Add the handler to the API, and to its description, which is made from what is stated here.

    `takes`: what the handler is called with, beside the parts of the path by their names. It is looked at in the order
    in which it stands, and refused where it isn't right: `user`, a function that says who asks, or `visitor`, the same for
    a call that needs no token; `query` and `body`, what shapes they have. `answer`: the type that is sent as JSON, with
    `status`; None is sent as 204. `validated`: with an ETag, and as 304 to those who have it. `headers`: what further ones
    say. `errors`: the statuses of refusals that don't follow from the rest.

    The handler's docstring is what the description says of it, `404: words.` in it what that refusal means here.
    """

    def add(handler):
        given = 204 if answer is None else status
        takers = [TAKEN[name](what) for name, what in takes.items()]
        refuses_query = path.startswith("/api/") and "query" not in takes
        answering = guarded(handler, takers, given, validated, refuses_query)
        ROUTES.append(Route(method, path, answering, takes, answer, given, validated, headers, errors))
        return handler

    return add


def guarded(handler, takes=(), status=200, validated=False, refuses_query=False):
    """The handler as bottle calls it: with its database, and no way out for an exception.

    `refuses_query`: it takes no query, and refuses one as it would an unknown parameter.
    """

    @functools.wraps(handler)
    def answer(**parameters):
        try:
            app = request.app
            app.prepare()
            if refuses_query and request.environ.get("QUERY_STRING"):
                query(NoQuery)
            result = handler(*[take() for take in takes], **parameters)
        except Problem as problem:
            return refuse(problem)
        except Exception as error:
            if trouble := connections.NOT_OURS if isinstance(error, ConfigError) else connections.trouble(error):
                log.error("%s %s: the database: %s", request.method, request.path, connections.in_a_line(error))
                return refuse(_not_now(trouble))
            log.exception("%s %s", request.method, request.path)
            return refuse(failed())
        if isinstance(result, bottle.HTTPResponse):
            return result
        if status != 200:
            response.status = status
        if result is None:
            return b""
        content = result if isinstance(result, bytes) else msgspec.json.encode(result)
        if validated:
            return _unless_known(content)
        response.content_type = "application/json"
        response.set_header("Cache-Control", "no-store")
        return content

    return answer


def _unless_known(content):
    """JSON with a validator, or 304 if it is what the client has."""
    etag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    fields = {"ETag": etag, "Cache-Control": "no-cache"} | dict(response.headers)
    if is_known(etag):
        return bottle.HTTPResponse(status=304, headers=fields)
    return bottle.HTTPResponse(content, headers=fields | {"Content-Type": "application/json"})


def is_known(etag):
    """Whether the client has what the validator stands for."""
    return headers.matches(etag, header("IF_NONE_MATCH"))


def refuse(problem):
    """Answer with a Problem; where a browser asked for a page, with one that says the same."""
    request.environ[REASON] = problem.reason
    response.status = problem.status
    response.content_type = "application/problem+json"
    response.set_header("Cache-Control", "no-store")
    for name, value in problem.headers.items():
        response.set_header(name, value)
    if not f"{request.path}/".startswith(NO_PAGES):
        response.add_header("Vary", "Accept")
        if headers.prefers_html(header("ACCEPT")):
            response.content_type = "text/html; charset=utf-8"
            return pages.refusal(problem, request.path)
    errors = [FieldError(*error) for error in problem.errors]
    answer = ProblemAnswer(
        *(HTTPStatus(problem.status).phrase, problem.status, problem.code, problem.detail, problem.params, errors),
        **problem.members,
    )
    return msgspec.json.encode(answer)


def failed():
    """500, with what the log has the request by."""
    known_as = logs.request_id(request.environ, request.app.settings.trusted_proxies)
    detail = f"The server has failed here; it is not your request's fault. Its log says more, at {known_as}."
    return Problem(500, INTERNAL_ERROR, detail)


def _not_now(trouble):
    """Return a 503 for what the database couldn't do; `trouble` is a sentence of connections."""
    is_lasting = trouble in connections.REMEDIES
    retry_in = RETRY_LATER if is_lasting else RETRY_AFTER
    what_then = (
        "The operator of this server must see to it." if is_lasting else f"Nothing is lost; try again in {retry_in} s."
    )
    fields = {"Retry-After": str(retry_in)}
    return Problem(503, UNAVAILABLE, f"{trouble} {what_then}", headers=fields, params={"retry_in": retry_in})
