"""The cost of parsing request headers, relative to a browser's: PYTHONPATH=. python bench/heads.py"""

import time
from contextlib import suppress

from gunicorn.http import errors

import config
from web import server
from web.http_parser import RequestParser

TRIES = 7  # the fastest counts
PART = 8192  # bytes that arrive at once
LINE = b"GET / HTTP/1.1\r\nHost: x\r\n"


def head(headers, size):
    return LINE + b"".join(b"X-%d: %s\r\n" % (n, b"v" * size) for n in range(headers)) + b"\r\n"


HEADS = {
    "a browser's": (head(12, 30), PART),
    "three headers of 8 KB, accepted": (head(3, 8180), PART),
    "63 headers of 490 bytes, accepted": (head(63, 490), PART),
    "the same, byte by byte": (head(63, 490), 1),
    "60 headers of 8 KB, refused": (head(60, 8180), PART),
    "a line of 500 KB, refused": (b"GET /" + b"x" * 500_000, PART),
    "8,000 empty headers, refused": (LINE + b"a:\r\n" * 8000 + b"\r\n", PART),
}


def seconds(settings, text, size):
    """Return the shortest time of a few attempts to parse headers that arrive in parts of this size."""
    times = []
    for _ in range(TRIES):
        parts = (text[at : at + size] for at in range(0, len(text), size))
        began = time.perf_counter()
        with suppress(errors.ParseException):
            next(RequestParser(settings, parts, ("192.0.2.1", 1)))
        times.append(time.perf_counter() - began)
    return min(times)


def main():
    settings = server.Server(config.load(), {}).cfg
    browser = seconds(settings, *HEADS["a browser's"])
    for name, (text, size) in HEADS.items():
        took = seconds(settings, text, size)
        print(f"{name:36} {took * 1000:8.2f} ms  {took / browser:7.1f}")


if __name__ == "__main__":
    main()
