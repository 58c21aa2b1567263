"""What a request says: its body, its query and its token, as bottle's `request` at hand has them."""

import contextlib
from functools import lru_cache
from typing import Literal, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from bottle import request

from problems import Problem, invalid

MAX_BODY = 64 * 1024  # bytes
MAX_QUERY = 4094  # characters, what fits into the first line that gunicorn takes
MOST_FIELDS = 100  # of a query string


def body(shape):
    """The request's body as `shape`. 413, 400 or 422 if it is too large, no JSON, or not of that shape."""
    raw = _read_body() or b"{}"
    try:
        try:
            return msgspec.json.decode(raw, type=shape)
        except msgspec.ValidationError as error:
            # It stops at the first value that doesn't fit; what comes behind may be no JSON at all.
            with contextlib.suppress(msgspec.ValidationError, RecursionError):
                msgspec.json.decode(raw)
            raise _misshapen(error, shape) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body is no JSON in UTF-8 that can be read: {error}.") from None


def _read_body():
    # Not bottle's `request.body`: it undoes the chunked coding, which gunicorn has undone already.
    ends = request.environ.get("wsgi.input_terminated")  # by itself; else it must not be read beyond its length
    length = MAX_BODY + 1 if ends else max(0, min(request.content_length, MAX_BODY + 1))
    read = request.environ["wsgi.input"].read(length)
    if len(read) > MAX_BODY:
        raise Problem(413, f"The body is larger than {MAX_BODY // 1024} KiB. Send it in parts.")
    return read


def query(shape):
    """The query string as `shape`; an empty value counts as none. 414 or 422 if it is too long, or not of that shape."""
    raw = request.query_string
    if len(raw) > MAX_QUERY:
        raise Problem(414, f"The query string is longer than {MAX_QUERY} characters. Leave out what is not needed.")
    return _query(shape, raw)


@lru_cache(maxsize=1000)
def _query(shape, raw):
    try:
        given = dict(parse_qsl(raw.encode("latin-1").decode(), errors="strict", max_num_fields=MOST_FIELDS))
        return msgspec.convert(given, shape, strict=False)
    except UnicodeDecodeError:
        raise Problem(400, "The query string is not UTF-8, percent-encoded.") from None
    except msgspec.ValidationError as error:
        raise _misshapen(error, shape) from None
    except ValueError:
        raise Problem(400, f"The query string has more than {MOST_FIELDS} fields. Leave out what is not needed.") from None


def _misshapen(error, shape):
    """422 for what msgspec says of a field, as in "Expected `int`, got `str` - at `$.turns[2][0]`"."""
    message, _, path = str(error).partition(" - at `")
    field = path.removesuffix("`").removeprefix("$").removeprefix(".")
    for words, said in (("missing required field", "is missing"), ("unknown field", "is not known here; leave it out")):
        if words in message:
            return invalid((message.split("`")[1], said))
    if message.startswith("Invalid enum value"):
        message += f"; give one of {', '.join(_choices(get_type_hints(shape)[field.split('[')[0]]))}"
    return invalid((field or "body", message))


def _choices(kind):
    """All that the Literals in a type allow."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return [choice for part in get_args(kind) for choice in _choices(part)]


def header(name):
    """A header of the request by its name in CGI, such as IF_NONE_MATCH; empty if it isn't there.

    Not bottle's `request.headers`, which is held by the environ that it holds: garbage that somebody has to collect.
    """
    return request.environ.get(f"HTTP_{name}", "")


def token():
    """The token of the request, or None."""
    kind, _, value = header("AUTHORIZATION").partition(" ")
    return value.strip() if kind.lower() == "bearer" and value.strip() else None
