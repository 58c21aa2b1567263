"""Refusals: what was wrong, and what would do."""


class Problem(Exception):
    """An answer that refuses, as RFC 9457 has it.

    `detail` is a sentence that a person can act on; `errors` a list of (field, message) for invalid input; `headers` go
    into the answer's head; other keyword arguments become members of the answer beside the standard ones.
    """

    def __init__(self, status, detail, errors=(), headers=None, **members):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}
        self.members = members


def invalid(*errors):
    """422 for input of the wrong shape or value; each of `errors` is (field, message)."""
    return Problem(422, "; ".join(f"{field}: {message}" for field, message in errors), errors)


def unauthorized(detail):
    """401: there is no live token."""
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(what):
    """404: `what` names the thing and the id it was asked by."""
    return Problem(404, f"There is no {what}.")
