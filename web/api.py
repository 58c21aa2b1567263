"""The API plugin for Bottle: it parses requests, calls handlers, and makes responses of what they return or raise.

A route declares its inputs and its response as keyword arguments, which Bottle stores in `route.config`:

    @api.patch("/api/auth/me", user=require_user, body=Change, response=UserAnswer, errors=(403, 409, 429))
    def change_me(user, body):
        '''Change the user's name, email or password.'''

- `user`: a function that returns who asks; `visitor`: the same for a call that needs no token.
- `query`, `body`: the msgspec types of the query string and of the JSON body.
- `response`: the type that is sent as JSON, with `status` (200 by default). Without it the response is 204.
- `media`: the media type of a response that is no JSON: the handler returns its bytes. It has an ETag. A client that asks
  for `text/plain` gets it as that, since generators of clients know text but no images.
- `follow`: a function of the query and the response. It returns (the `known` of the query that the client would send next,
  after how many seconds), or None if nothing more would come. Clients can get all those responses as events; see events.py.
- `etag`: whether the response has an ETag; a client that has this content already gets 304.
- `unchanged`: what it means if the handler answers 304 itself.
- `headers`: pairs of the name and the description of further response headers.
- `errors`: statuses of refusals that don't follow from the inputs.
- `rejections`: the Counter of refusals by reason, if they are counted.

Inputs are read in the order of their declaration and passed to the handler by their names, as are the parts of the path.
openapi.py describes the API from the same declarations; a handler's docstring is its description there, and `404: text.` in
it says what that status means here.
"""

import functools
import hashlib
import logging
import time
from contextlib import suppress
from http import HTTPStatus

import bottle
import msgspec
import peewee
from bottle import request, response

from config import ConfigError
from database import errors
from database.binding import bind
from database.deadlines import deadline
from database.transactions import UNAVAILABLE as UNAVAILABLE_ERRORS
from observability import logs
from schemas import FieldError, NoQuery, ProblemAnswer
from web import events, headers, pages
from web.problems import INTERNAL_ERROR, UNAVAILABLE, Problem
from web.requests import body, header, matches_etag, query

RETRY_AFTER = 2  # seconds, when the database is unavailable for a moment
RETRY_LATER = 30  # seconds, when the operator must act first

JSON_ONLY = ("/api/", "/healthz/", "/metrics/")  # paths below which no error is an HTML page

JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}

log = logging.getLogger("snakepit")

# {input that a route can declare: function that makes its reader from what is declared}
INPUTS = {
    "user": lambda find_user: find_user,
    "visitor": lambda find_visitor: find_visitor,
    "query": lambda kind: functools.partial(query, kind),
    "body": lambda kind: functools.partial(body, kind),
}


def make_routes():
    """Return a Bottle app for routes of the API."""
    routes = bottle.Bottle()
    routes.uninstall(True)  # Bottle's own plugins: JSON is encoded by msgspec
    routes.install(ApiPlugin())
    return routes


class ApiPlugin:
    """Wraps handlers so that they get parsed inputs, and no exception gets out."""

    name, api = "snakepit", 2

    def apply(self, callback, route):
        config = route.config
        readers = [(name, INPUTS[name](config[name])) for name in config if name in INPUTS]
        takes_no_query = route.rule.startswith("/api/") and "query" not in config
        status = config.get("status")
        media = config.get("media")
        has_etag = config.get("etag")
        rejections = config.get("rejections")
        follow = config.get("follow")

        def api_handler(**inputs):
            try:
                request.app.prepare()
                if takes_no_query and request.environ.get("QUERY_STRING"):
                    query(NoQuery)
                for name, read in readers:
                    inputs[name] = read()
                if is_stream := follow and events.are_wanted(request.environ):
                    _resume(inputs)
                result = callback(**inputs)
            except Exception as error:
                problem = _problem_of(error)
                if rejections:
                    rejections.labels(problem.reason).inc()
                return problem_response(problem)
            if isinstance(result, bottle.HTTPResponse):
                return result
            if is_stream:
                response.headers.update(events.HEADERS)
                again = _respond_again(callback, inputs, readers)
                return events.stream(request.environ, inputs["query"], result, follow, again)
            if result is None:
                response.status = 204
                return b""
            if status:
                response.status = status
            content = result if isinstance(result, bytes) else msgspec.json.encode(result)
            if media:
                response.set_header("Vary", "Accept")
                return _with_etag(content, headers.TEXT if header("ACCEPT") == headers.TEXT else media)
            if has_etag:
                return _with_etag(content, JSON["Content-Type"])
            for name, value in JSON.items():
                response.set_header(name, value)
            return content

        return api_handler


def _resume(inputs):
    """Let the query go on after the last event that the client of an earlier stream has received."""
    if last := header("LAST_EVENT_ID"):
        inputs["query"] = msgspec.structs.replace(inputs["query"], known=last)


def _respond_again(callback, inputs, readers):
    """Return a function of a query that returns what the handler returns for it, some time after the request.

    It returns None for a refusal: the client's next request gets that. The other inputs are read again when they are old.
    """
    app, read_at = request.app, time.monotonic()

    def respond(query):
        nonlocal read_at
        try:
            with deadline(app.settings.request_wait), bind(app.database):
                app.prepare()
                if time.monotonic() - read_at > events.UP_TO_DATE:
                    inputs.update({name: read() for name, read in readers if name != "query"})
                    read_at = time.monotonic()
                return callback(**inputs | {"query": query})
        except Exception as error:
            _problem_of(error)
            return None

    return respond


def cacheable_response(content, headers):
    """Return the response with JSON, which may be sent any number of times."""
    return bottle.HTTPResponse(content, headers=JSON | {"Content-Length": str(len(content))} | headers)


def _problem_of(error):
    """Return the Problem that describes an exception to the client; log what the operator must know."""
    if isinstance(error, Problem):
        return error
    if trouble := _trouble(error):
        log.error("%s %s: the database: %s", request.method, request.path, errors.one_line(error))
        return _unavailable(trouble)
    log.error("%s %s", request.method, request.path, exc_info=error)
    return internal_error()


def _trouble(error):
    """Return what is wrong with the database as a sentence; None for a fault of ours."""
    if isinstance(error, ConfigError):
        return errors.NOT_OURS
    trouble = errors.describe(error)
    if isinstance(error, peewee.PeeweeException) and trouble in (None, errors.NO_TABLES):  # the tables may have changed
        with suppress(*UNAVAILABLE_ERRORS):
            request.app.check_version()
        if request.app.outdated.is_set():
            return errors.OUTDATED
    return trouble


def _with_etag(content, media):
    """Return content of a media type with an ETag, or 304 if the client has this content."""
    etag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    fields = {"ETag": etag, "Cache-Control": "no-cache"} | dict(response.headers)
    if matches_etag(etag):
        return bottle.HTTPResponse(status=304, headers=fields)
    return bottle.HTTPResponse(content, headers=fields | {"Content-Type": media})


def problem_response(problem):
    """Respond with a Problem: as an HTML page where a browser asked for a page, as JSON elsewhere."""
    response.status = problem.status
    response.content_type = "application/problem+json"
    response.set_header("Cache-Control", "no-store")
    for name, value in problem.headers.items():
        response.set_header(name, value)
    if not f"{request.path}/".startswith(JSON_ONLY):
        response.add_header("Vary", "Accept")
        if headers.prefers_html(header("ACCEPT")):
            response.headers.update(headers.PAGE)
            return pages.refusal(problem, request.path)
    errors = [FieldError(*error) for error in problem.errors]
    answer = ProblemAnswer(
        *(HTTPStatus(problem.status).phrase, problem.status, problem.code, problem.detail, problem.params, errors),
        **problem.members,
    )
    return msgspec.json.encode(answer)


def internal_error():
    """Return a 500 that names the request as the log does."""
    request_id = logs.request_id(request.environ, request.app.settings.trusted_proxies)
    detail = f"The server has failed here; it is not your request's fault. Its log says more, at {request_id}."
    return Problem(500, INTERNAL_ERROR, detail, params={"request_id": request_id})


def _unavailable(trouble):
    """Return a 503 for a database error; `trouble` is a sentence of connections."""
    is_lasting = trouble in errors.REMEDIES
    retry_in = RETRY_LATER if is_lasting else RETRY_AFTER
    what_then = (
        "The operator of this server must see to it." if is_lasting else f"Nothing is lost; try again in {retry_in} s."
    )
    return Problem(
        503, UNAVAILABLE, f"{trouble} {what_then}", retry_in=retry_in, params={"reason": "lasting"} if is_lasting else None
    )
