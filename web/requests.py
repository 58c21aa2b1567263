"""The inputs of the current request: its body, query, headers, token, and the client's address."""

import contextlib
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from bottle import request

from config import MAX_BODY
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

MAX_QUERY = 4094  # characters: the first line of a request is not longer
MAX_FIELDS = 100  # of a query string
MAX_CACHED_QUERY = 300  # characters: queries that recur are shorter
MAX_INTEGER = 30  # digits of an integer that is written with a fraction or an exponent


def body(schema):
    """Return the body as a `schema`. Raise 413, 400 or 422 if it is too large, no JSON, or doesn't match."""
    raw = _read_body() or b"{}"
    try:
        try:
            return msgspec.json.decode(raw, type=schema)
        except msgspec.ValidationError as error:
            return _second_look(raw, schema, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, MALFORMED_JSON, f"The body is no JSON in UTF-8 that can be read: {error}.") from None


def _second_look(raw, schema, error):
    """Return the body as `schema` if that only failed because an integer was written as 100.0; else raise the Problem.

    JSON has one kind of number. The first look is strict, since it is faster; and it has stopped at the first value that
    didn't fit, so that what comes after it may be no JSON at all.
    """
    try:
        loose = _LOOSE.decode(raw)
        return msgspec.convert(loose, schema)
    except msgspec.ValidationError as second:
        raise _validation_problem(second, schema) from None
    except RecursionError:  # so deep that it is no number that didn't fit
        raise _validation_problem(error, schema) from None


def _number(text):
    """Return the number in a text of JSON that has a fraction or an exponent, as an int if it is whole and not huge."""
    with contextlib.suppress(InvalidOperation):  # its exponent has so many digits
        number = Decimal(text)
        if (not number or number.adjusted() < MAX_INTEGER) and number == number.to_integral_value():
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


def query(schema):
    """Return the query string as a `schema`; empty values count as missing. Raise 414 or 422 if it is invalid."""
    raw = request.query_string
    if len(raw) > MAX_QUERY:
        detail = f"The query string is longer than {MAX_QUERY} characters. Leave out what is not needed."
        raise Problem(414, QUERY_TOO_LONG, detail, params={"max_characters": MAX_QUERY})
    return (_cached_query if len(raw) <= MAX_CACHED_QUERY else _query)(schema, raw)


def page_query(schema):
    """Return the query string of a page as `schema`.

    Unknown parameters and invalid values are ignored: people share links, and trackers add parameters of their own.
    """
    known = schema.__struct_fields__
    given = {name: value for name, value in parse_qsl(request.query_string)[:MAX_FIELDS] if name in known}
    try:
        return msgspec.convert(given, schema, strict=False)
    except msgspec.ValidationError:
        return schema()


def _query(schema, raw):
    known = schema.__struct_fields__
    try:
        pairs = parse_qsl(raw.encode("latin-1").decode(), True, errors="strict", max_num_fields=MAX_FIELDS)
        given = {name: value for name, value in pairs if value or name not in known}
        return msgspec.convert(given, schema, strict=False)
    except UnicodeDecodeError:
        raise Problem(400, MALFORMED_QUERY, "The query string is not UTF-8, percent-encoded.") from None
    except msgspec.ValidationError as error:
        raise _validation_problem(error, schema) from None
    except ValueError:
        detail = f"The query string has more than {MAX_FIELDS} fields. Leave out what is not needed."
        raise Problem(400, MALFORMED_QUERY, detail) from None


_cached_query = lru_cache(maxsize=1000)(_query)


def _validation_problem(error, schema):
    """422 for what msgspec says of a field, as in "Expected `int`, got `str` - at `$.turns[2][0]`"."""
    message, _, path = str(error).partition(" - at `")
    field = path.removesuffix("`").removeprefix("$").removeprefix(".")
    if "missing required field" in message:
        return invalid((message.split("`")[1], MISSING, "is missing"))
    if "unknown field" in message:
        return invalid((message.split("`")[1], UNKNOWN_FIELD, "is not known here; leave it out"))
    if message.startswith("Invalid enum value"):
        choices = _enum_values(get_type_hints(schema)[field.split("[")[0]])
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


def _enum_values(kind):
    """Return all values that the Literals in a type allow."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return [choice for part in get_args(kind) for choice in _enum_values(part)]


def header(name):
    """Return a header by its CGI name, such as IF_NONE_MATCH; "" if it is missing.

    Bottle's `request.headers` would make a reference cycle with the environ, so that the request waits for the collector.
    """
    return request.environ.get(f"HTTP_{name}", "")


def matches_etag(etag):
    """Return whether the request's If-None-Match names the ETag."""
    return headers.matches(etag, header("IF_NONE_MATCH"))


def token():
    """Return the token of the request, or None.

    It is in X-Snakepit-Token if Authorization contains something else, such as a proxy's password.
    """
    kind, _, value = header("AUTHORIZATION").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return header("X_SNAKEPIT_TOKEN").strip() or None


def client_address():
    """Return the client's address, as the trusted proxies forward it."""
    return client_addresses.client(request.environ, request.app.settings.trusted_proxies)
