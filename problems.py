"""Refusals: what was wrong, and what would do."""

# What kind of refusal it is, where it doesn't say so itself.
REASONS = {
    401: "no_token",
    403: "not_own",
    404: "not_found",
    409: "conflict",
    429: "rate_limited",
    500: "failed",
    503: "unavailable",
}
INVALID, OVER, TOO_FAST = "invalid", "over", "too_fast"


class Problem(Exception):
    """An answer that refuses, as RFC 9457 has it.

    `detail` is a sentence that a person can act on; `errors` a list of (field, message) for invalid input; `headers` go
    into the answer's head; other keyword arguments become members of the answer beside the standard ones. `reason` is
    what it is counted as, REASONS' if none is given.
    """

    def __init__(self, status, detail, errors=(), headers=None, reason=None, **members):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}
        self.reason = reason or REASONS.get(status, INVALID)
        self.members = members


def invalid(*errors, reason=INVALID):
    """422 for input of the wrong shape or value; each of `errors` is (field, message)."""
    return Problem(422, "; ".join(f"{field}: {message}" for field, message in errors), errors, reason=reason)


def unauthorized(detail):
    """401: there is no live token."""
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(what):
    """404: `what` names the thing and the id it was asked by."""
    return Problem(404, f"There is no {what}.")
