"""HTTP headers: those that every response carries, and what a request's headers ask for (RFC 9110).

Nothing of the app is imported here: the process that starts the workers writes responses, too.
"""

import re
from functools import lru_cache

SECURITY = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    ),
]
LONGEST = 2000  # characters of a list that are read; no client that means well sends more
_WEIGHT = re.compile(r"[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*", re.IGNORECASE)


@lru_cache(maxsize=500)
def gzip_name(accepted):
    """Return by which name a client takes gzip, by its Accept-Encoding: "gzip", "x-gzip", or None if it doesn't.

    Return None, too, if it would rather have the content as it is.
    """
    weights = _weights(accepted)
    name = "x-gzip" if "x-gzip" in weights and "gzip" not in weights else "gzip"
    weight = weights.get(name, weights.get("*", 1 if weights.get("identity") == 0 else 0))
    return name if weight > 0 and weight >= weights.get("identity", 0) else None


@lru_cache(maxsize=500)
def prefers_html(accepted):
    """Return whether a client would rather have HTML than JSON, by its Accept: browsers that open a page do."""
    weights = _weights(accepted)
    as_json = max(weights.get(kind, 0) for kind in ("application/problem+json", "application/json"))
    return weights.get("text/html", 0) > 0 and weights["text/html"] >= as_json


def _weights(text):
    """Return {value in lower case: its weight from 0 to 1} of a list; what is no weight counts as 0."""
    weights = {}
    for part in text[:LONGEST].lower().split(","):
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
        ("Access-Control-Expose-Headers", "ETag, Link, Retry-After, X-Request-ID"),
        ("Access-Control-Max-Age", "3600"),
        ("Vary", "Origin"),
    ]
