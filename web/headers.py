"""HTTP headers: those that protect browsers, and the values of a request's headers (RFC 9110).

The process that starts the workers imports this, too, so nothing of the app is imported here.
"""

import re
from functools import lru_cache

TEXT = "text/plain"
NOSNIFF = "X-Content-Type-Options", "nosniff"  # of every response
# Of HTML pages: only a document runs scripts, can be framed, and sends a Referer.
PAGE = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "Referrer-Policy": "same-origin",
}
MAX_LIST = 2000  # characters of a list that are read; no honest client sends more
_WEIGHT = re.compile(r"[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*", re.IGNORECASE)


@lru_cache(maxsize=500)
def gzip_name(accepted):
    """Return the name by which Accept-Encoding accepts gzip, "gzip" or "x-gzip"; None if it doesn't, or prefers identity."""
    weights = _weights(accepted)
    name = "x-gzip" if "x-gzip" in weights and "gzip" not in weights else "gzip"
    weight = weights.get(name, weights.get("*", 1 if weights.get("identity") == 0 else 0))
    return name if weight > 0 and weight >= weights.get("identity", 0) else None


@lru_cache(maxsize=500)
def prefers_html(accepted):
    """Return whether Accept prefers HTML to JSON, as that of a browser that opens a page does."""
    weights = _weights(accepted)
    as_json = max(weights.get(kind, 0) for kind in ("application/problem+json", "application/json"))
    return weights.get("text/html", 0) > 0 and weights["text/html"] >= as_json


def _weights(text):
    """Return {value in lower case: its weight from 0 to 1} of a list. An invalid weight counts as 0."""
    weights = {}
    for part in text[:MAX_LIST].lower().split(","):
        value, *parameters = part.split(";")
        weight = 1.0
        for parameter in parameters:
            if parameter.strip(" \t").startswith("q"):
                found = _WEIGHT.fullmatch(parameter)
                weight = float(found[1]) if found else 0.0
        if value := value.strip(" \t"):
            weights[value] = weight
    return weights


def matches(etag, if_none_match):
    """Return whether If-None-Match names the ETag, by the weak comparison, or any ETag by `*`."""
    if not if_none_match:
        return False
    if if_none_match.strip(" \t") == "*":
        return True
    return etag.removeprefix("W/") in (tag.strip(" \t").removeprefix("W/") for tag in if_none_match.split(","))


def cors(origin, allowed):
    """Return the headers that let a page of another origin read the response, if `allowed` has that origin."""
    if not origin or not ("*" in allowed or origin in allowed):
        return [("Vary", "Origin")]
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, X-Snakepit-Token"),
        ("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"),
        ("Access-Control-Expose-Headers", "ETag, Link, Retry-After, Server-Time, X-Request-ID"),
        ("Access-Control-Max-Age", "3600"),
        ("Vary", "Origin"),
    ]
