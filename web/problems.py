"""Problems: errors as responses that people and programs can act on (RFC 9457)."""

# {code: its meaning}, for programs. Codes never change; new ones are added here.
CODES = {}


def _code(name, meaning):
    CODES[name] = meaning
    return name


# Requests that can't be read.
MALFORMED_JSON = _code("malformed_json", "The body is not JSON in UTF-8.")
MALFORMED_QUERY = _code("malformed_query", "The query string can't be read.")
MALFORMED_REQUEST = _code("malformed_request", "The request can't be read.")
BODY_TIMEOUT = _code("body_timeout", "The body did not arrive in time.")
BODY_TOO_LARGE = _code("body_too_large", "The body is too large; `max_bytes` is the limit.")
LENGTH_REQUIRED = _code("length_required", "The server can't read a body in chunks, and needs a Content-Length.")
QUERY_TOO_LONG = _code("query_too_long", "The query string is too long; `max_characters` is the limit.")
NOT_FOUND = _code("not_found", "It doesn't exist.")
TOO_MANY_CONNECTIONS = _code(
    "too_many_connections", "The address has `max` connections; `retry_in` is the number of seconds until the next try."
)
HEAD_TOO_LARGE = _code("head_too_large", "The first line or the headers of the request are too large.")
METHOD_NOT_ALLOWED = _code("method_not_allowed", "The path does not support this method; `allowed` are those that it does.")

# Users.
TOKEN_MISSING = _code("token_missing", "The request needs a token and has none.")
TOKEN_INVALID = _code("token_invalid", "The token is not valid, or not valid any more.")
LOG_IN_FAILED = _code("log_in_failed", "The name or the password is wrong.")
WRONG_PASSWORD = _code("wrong_password", "The current password is wrong.")
GUEST_HAS_NO_PASSWORD = _code("guest_has_no_password", "A guest must sign up first.")
GUEST_NOT_RANKED = _code("guest_not_ranked", "Guests are on no leaderboard.")
ALREADY_SIGNED_UP = _code("already_signed_up", "This guest has signed up already.")
RESET_LINK_INVALID = _code("reset_link_invalid", "The link that resets a password was used, or is older than `hours`.")
RATE_LIMITED = _code(
    "rate_limited",
    "Too many attempts, or games (`reason`: `unplayed`); `retry_in` is the number of seconds until the next one.",
)

# Names and emails.
NAME_TAKEN = _code("name_taken", "Another player has this name.")
NAME_LOOKS_ALIKE = _code("name_looks_alike", "The name looks like that of another player.")
EMAIL_TAKEN = _code("email_taken", "Another player has this email.")

# Games.
NOT_YOUR_GAME = _code("not_your_game", "The game is another player's.")
WRONG_TICK = _code("wrong_tick", "The game is at another tick than `since`; `tick` is where it is.")
GAME_OVER = _code("game_over", "The game is over; `game` is its final state.")
GAME_OPEN = _code("game_open", "Your open game is not the one in `ends`: it is `game`, in `mode` with `score` at `tick`.")
TOO_FAST = _code("too_fast", "The ticks can't have been played yet; `retry_in` is the number of seconds until they can.")
DAILY_HIDDEN = _code(
    "daily_hidden",
    "The game is on the daily challenge `challenge`: until `ends_at` only those who have opened it in `mode` may see it.",
)
SCORES_NOT_STATED = _code("scores_not_stated", "This server takes no stated scores.")

# Rooms.
NOT_A_MEMBER = _code("not_a_member", "Only members of the room can do this, or be it.")
NOT_THE_HOST = _code("not_the_host", "Only the host of the room can do this.")
HOST_PRESENT = _code("host_present", "The room has a host who is present, or was a minute ago.")
ROOM_LOCKED = _code("room_locked", "The host has locked the room: nobody new can join.")
ROOM_FULL = _code("room_full", "The room has as many members as it can hold, `max`.")
REMOVED_FROM_ROOM = _code("removed_from_room", "The host has removed this user from the room.")
ROUND_ACTIVE = _code("round_active", "A round of the room waits for its start, or is being played.")
NO_ROUND = _code("no_round", "No round of the room is being played.")
ROUND_NOT_STARTED = _code("round_not_started", "The round has not started; it starts in `starts_in` seconds.")
ROUND_OVER = _code("round_over", "The round is over.")
ROUND_HIDDEN = _code(
    "round_hidden", "The game is played in a round: until that ends, only those who have opened a game in it may see it."
)
ATTEMPT_USED = _code("attempt_used", "The round allows one game, and this player has opened it: `game`, at `tick`.")

# Fields of a body or a query.
INVALID = _code("invalid", "At least one field is invalid; `errors` says which, and why.")
MISSING = _code("missing", "The field is required.")
UNKNOWN_FIELD = _code("unknown_field", "There is no such field.")
WRONG_TYPE = _code("wrong_type", "The value has the wrong type; `expected` is the right one.")
TOO_SMALL = _code("too_small", "The number is too small; `min` is the smallest.")
TOO_LARGE = _code("too_large", "The number is too large; `max` is the largest.")
TOO_SHORT = _code("too_short", "The value is too short; `min` is the smallest length, in `unit`.")
TOO_LONG = _code("too_long", "The value is too long; `max` is the largest length, in `unit`.")
NOT_A_CHOICE = _code("not_a_choice", "The value is not one of `choices`.")
BAD_FORMAT = _code("bad_format", "The value is not in the form that the field needs.")
OUT_OF_ORDER = _code("out_of_order", "The ticks are not in ascending order, or not after `since` and up to `tick`.")
PASSWORD_COMMON = _code("password_common", "The password is one of the most common ones.")
PASSWORD_IS_NAME = _code("password_is_name", "The password is the player's own name or email.")
NAME_CHARACTERS = _code("name_characters", "The name has characters that no name can have.")
NAME_RESERVED = _code("name_reserved", "No player can have this name.")
UNKNOWN_CHALLENGE = _code("unknown_challenge", "There is no such challenge.")
CHALLENGE_CLOSED = _code("challenge_closed", "The challenge is over, or has not begun.")
MODE_MISMATCH = _code(
    "mode_mismatch", "The challenge, or the round (`reason`: `round`), is in another mode; `mode` is the right one."
)
NOT_WITH_CHALLENGE = _code("not_with_challenge", "The field can't be combined with `challenge`.")

# The server.
INTERNAL_ERROR = _code("internal_error", "The server failed; the request was not at fault. `request_id` is in its log.")
WRONG_SETUP = _code("wrong_setup", "The server can't work as the operator has set it up.")
BUSY = _code("busy", "Too many passwords wait to be hashed; `retry_in` is the number of seconds until the next try.")
UNAVAILABLE = _code(
    "unavailable",
    "The database can't do this now; `retry_in` is the number of seconds until the next try. `reason` is `lasting` where"
    " only the operator can help.",
)

# The reasons in the metric of rejected posts.
REASONS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    422: "invalid",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}
OTHER_REASON = "invalid"
REASONS_OF_CODES = {GAME_OVER: "game_over", TOO_FAST: "too_fast"}
REJECTION_REASONS = (*REASONS.values(), *REASONS_OF_CODES.values())


class Problem(Exception):
    """An error as a response; raise it to refuse a request.

    `code` is one of CODES, `params` the values that belong to it, and `detail` a sentence that a person can act on.
    `errors` lists (field, code, message) or (field, code, message, params) for invalid input. `headers` are sent with the
    response; other keyword arguments become members of it beside the standard ones. `retry_in`: seconds until the next try.
    """

    def __init__(self, status, code, detail, errors=(), headers=None, params=None, retry_in=None, **members):
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}
        self.params = params or {}
        self.members = members
        if retry_in is not None:
            self.headers["Retry-After"] = str(retry_in)
            self.params["retry_in"] = retry_in

    @property
    def reason(self):
        """Its reason in metrics, one of REJECTION_REASONS."""
        return REASONS_OF_CODES.get(self.code) or REASONS.get(self.status, OTHER_REASON)


def invalid(*errors, code=INVALID, params=None):
    """Return a 422 for invalid fields; `errors` are as in Problem."""
    detail = "; ".join(f"{field}: {message}" for field, _, message, *_ in errors)
    return Problem(422, code, detail, errors, params=params)


def unauthorized(code, detail):
    """Return a 401: there is no valid token."""
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(what):
    """Return a 404; `what` names its kind and id."""
    return Problem(404, NOT_FOUND, f"There is no {what}.")
