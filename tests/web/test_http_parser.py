"""Which request heads are accepted and which are refused. bench/heads.py measures their cost."""

import pytest
from gunicorn.http import errors

import config
from web import server
from web.http_parser import RequestParser

LINE = b"GET / HTTP/1.1\r\nHost: x\r\n"
PART = 8192  # bytes that come at once


def head(headers, size):
    return LINE + b"".join(b"X-%d: %s\r\n" % (n, b"v" * size) for n in range(headers)) + b"\r\n"


REFUSED = {
    "60 headers of 8 KB": head(60, 8180),
    "five headers of 8 KB": head(5, 8180),
    "thousands of headers": LINE + b"a:\r\n" * 8000 + b"\r\n",
    "a line without an end": b"GET /" + b"x" * 500_000,
    "headers without an end": LINE + b"x" * 500_000,
    "line feeds": LINE + b"\n" * 30_000,
    "one header of 500 KB": LINE + b"X: " + b"x" * 500_000 + b"\r\n\r\n",
}
TAKEN = {
    "three headers of 8 KB": head(3, 8180),
    "63 headers of 500 bytes": head(63, 490),
    "the same header often": LINE + (b"X-Forwarded-For: " + b"1.1.1.1," * 60 + b"\r\n") * 60 + b"\r\n",
}


@pytest.fixture
def read():
    """Reads a head that comes in parts of so many bytes, as the server does. Returns the request."""
    settings = server.Server(config.load(), {}).cfg

    def read(text, size=PART):
        parts = (text[at : at + size] for at in range(0, len(text), size))
        return next(RequestParser(settings, parts, ("192.0.2.1", 1)))

    return read


@pytest.mark.parametrize("name", REFUSED)
def test_a_head_that_is_too_large_is_refused(read, name):
    with pytest.raises(errors.ParseException):
        read(REFUSED[name])


@pytest.mark.parametrize("name", TAKEN)
def test_the_largest_heads_are_taken(read, name):
    assert len(read(TAKEN[name]).headers) > 3


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_a_head_is_read_the_same_in_whatever_parts_it_comes(read, size):
    text = head(12, 30)
    for request in (read(text, size), read(b"\r\n" + text, size), read(text + b"GET / HTTP/1.1\r\n\r\n", size)):
        assert (request.method, request.path, len(request.headers)) == ("GET", "/", 13)
    with pytest.raises(errors.InvalidHeader):
        read(text.replace(b"\r\n", b"\n", 3).replace(b"\n", b"\r\n", 1), size)
