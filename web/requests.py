"""What a request says: its body, its query and its token, as bottle's `request` at hand has them."""

import contextlib
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from bottle import request

from web import client_addresses, headers
from web.problems import (
    BAD_FORMAT,
    BODY_TOO_LARGE,
    LENGTH_REQUIRED,
    MALFORMED_JSON,
    MALFORMED_QUERY,
    MALFORMED_REQUEST,
    MISSING,
    NOT_A_CHOICE,
    QUERY_TOO_LONG,
    TOO_LARGE,
    TOO_LONG,
    TOO_SHORT,
    TOO_SMALL,
    UNKNOWN_FIELD,
    WRONG_TYPE,
    Problem,
    invalid,
)

MAX_BODY = 64 * 1024  # bytes
MAX_QUERY = 4094  # characters, what fits into the first line that gunicorn takes
MOST_FIELDS = 100  # of a query string
LONGEST_CACHED = 300  # characters of a query string: those that come again and again are shorter
LONGEST_INTEGER = 30  # digits of an integer that is written with a fraction or an exponent


def body(shape):
    """The request's body as `shape`. 413, 400 or 422 if it is too large, no JSON, or not of that shape."""
    raw = _read_body() or b"{}"
    try:
        try:
            return msgspec.json.decode(raw, type=shape)
        except msgspec.ValidationError as error:
            return _second_look(raw, shape, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, MALFORMED_JSON, f"The body is no JSON in UTF-8 that can be read: {error}.") from None


def _second_look(raw, shape, error):
    """Return the body as `shape` if that only failed because an integer was written as 100.0; else raise the Problem.

    JSON has one kind of number. The first look is strict, since it is faster; and it has stopped at the first value that
    didn't fit, so that what comes after it may be no JSON at all.
    """
    try:
        loose = _LOOSE.decode(raw)
        return msgspec.convert(loose, shape)
    except msgspec.ValidationError as second:
        raise _misshapen(second, shape) from None
    except RecursionError:  # so deep that it is no number that didn't fit
        raise _misshapen(error, shape) from None


def _number(text):
    """Return the number in a text of JSON that has a fraction or an exponent, as an int if it is whole and not huge."""
    with contextlib.suppress(InvalidOperation):  # its exponent has so many digits
        number = Decimal(text)
        if (not number or number.adjusted() < LONGEST_INTEGER) and number == number.to_integral_value():
            return int(number)
    return float(text)


_LOOSE = msgspec.json.Decoder(float_hook=_number)


def _read_body():
    # Not bottle's `request.body`: it undoes the chunked coding, which the server has undone already, if any can.
    environ = request.environ
    if environ.get("wsgi.input_terminated"):
        length = MAX_BODY + 1  # it ends by itself
    elif text := environ.get("CONTENT_LENGTH"):
        if not (text.isascii() and text.isdigit()):
            raise Problem(400, MALFORMED_REQUEST, "The Content-Length is no number.")
        length = min(int(text), MAX_BODY + 1) if len(text) < 20 else MAX_BODY + 1
    elif environ.get("HTTP_TRANSFER_ENCODING"):
        detail = "This server can't read a body in chunks. Send it with a Content-Length."
        raise Problem(411, LENGTH_REQUIRED, detail)
    else:
        length = 0
    read = environ["wsgi.input"].read(length)
    if len(read) > MAX_BODY:
        detail = f"The body is larger than {MAX_BODY // 1024} KiB. Send it in parts."
        raise Problem(413, BODY_TOO_LARGE, detail, params={"max_bytes": MAX_BODY})
    return read


def query(shape):
    """The query string as `shape`; an empty value counts as none. 414 or 422 if it is too long, or not of that shape."""
    raw = request.query_string
    if len(raw) > MAX_QUERY:
        detail = f"The query string is longer than {MAX_QUERY} characters. Leave out what is not needed."
        raise Problem(414, QUERY_TOO_LONG, detail, params={"max_characters": MAX_QUERY})
    return (_cached_query if len(raw) <= LONGEST_CACHED else _query)(shape, raw)


def page_query(shape):
    """Return the query string of a page as `shape`. Unknown parameters and bad values are ignored: links are shared, and
    trackers add parameters of their own.
    """
    known = shape.__struct_fields__
    given = {name: value for name, value in parse_qsl(request.query_string)[:MOST_FIELDS] if name in known}
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError:
        return shape()


def _query(shape, raw):
    known = shape.__struct_fields__
    try:
        pairs = parse_qsl(raw.encode("latin-1").decode(), True, errors="strict", max_num_fields=MOST_FIELDS)
        given = {name: value for name, value in pairs if value or name not in known}
        return msgspec.convert(given, shape, strict=False)
    except UnicodeDecodeError:
        raise Problem(400, MALFORMED_QUERY, "The query string is not UTF-8, percent-encoded.") from None
    except msgspec.ValidationError as error:
        raise _misshapen(error, shape) from None
    except ValueError:
        detail = f"The query string has more than {MOST_FIELDS} fields. Leave out what is not needed."
        raise Problem(400, MALFORMED_QUERY, detail) from None


_cached_query = lru_cache(maxsize=1000)(_query)


def _misshapen(error, shape):
    """422 for what msgspec says of a field, as in "Expected `int`, got `str` - at `$.turns[2][0]`"."""
    message, _, path = str(error).partition(" - at `")
    field = path.removesuffix("`").removeprefix("$").removeprefix(".")
    if "missing required field" in message:
        return invalid((message.split("`")[1], MISSING, "is missing"))
    if "unknown field" in message:
        return invalid((message.split("`")[1], UNKNOWN_FIELD, "is not known here; leave it out"))
    if message.startswith("Invalid enum value"):
        choices = _choices(get_type_hints(shape)[field.split("[")[0]])
        message += f"; give one of {', '.join(choices)}"
        return invalid((field or "body", NOT_A_CHOICE, message, {"choices": choices}))
    return invalid((field or "body", *_kind(message)))


def _kind(message):
    """Return the code, the message and the params of what msgspec says of a value."""
    if found := re.fullmatch(r"Expected `(\w+)` (of length )?(>=|<=) (-?\d+)", message):
        _, of_length, sign, limit = found.groups()
        code = {">=": (TOO_SMALL, TOO_SHORT), "<=": (TOO_LARGE, TOO_LONG)}[sign][bool(of_length)]
        unit = {"unit": "characters" if found[1] == "str" else "items"} if of_length else {}
        return code, message, {"min" if sign == ">=" else "max": int(limit)} | unit
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", message):
        if found[1].startswith("int") and found[2] == "float":
            message += "; give a whole number"
        return WRONG_TYPE, message, {"expected": found[1], "got": found[2]}
    return BAD_FORMAT, message


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


def matches_etag(etag):
    """Return whether the request's If-None-Match names the ETag."""
    return headers.matches(etag, header("IF_NONE_MATCH"))


def token():
    """The token of the request, or None.

    It is in X-Snakepit-Token where Authorization has something else, such as the password that a proxy asks for.
    """
    kind, _, value = header("AUTHORIZATION").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return header("X_SNAKEPIT_TOKEN").strip() or None


def client_address():
    """Return the client's address, as the trusted proxies forward it."""
    return client_addresses.client(request.environ, request.app.settings.trusted_proxies)
