"""The types of requests and responses. Requests refuse unknown fields.

Times are ISO 8601 in UTC, ids opaque strings, scores points.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from rules import CELLS, STARVES_AFTER
from web.problems import CODES

Mode = Literal["walls", "pass-through"]
Outcome = Literal["wall", "self", "starved", "won", "left"]
Status = Literal["playing", "over"]
Period = Literal["all", "month", "week", "day"]
Heading = Literal["U", "R", "D", "L"]
Players = Literal["people", "bots"]
MAX_LIVE = 50  # games of the wall in one response
MAX_KNOWN = 50  # games that a request to the live feed names
MAX_ACTIVE = 200  # games in one response
CURSOR = "^([0-9]{1,18}[.]){2}[0-9]{1,18}$"  # in a leaderboard
KNOWN_GAME = "[A-Za-z0-9_-]{1,16}:[0-9]{1,6}"
KNOWN = f"^({KNOWN_GAME}(,{KNOWN_GAME}){{0,{MAX_KNOWN - 1}}})?$(?!\n)"
Text = Annotated[str, Meta(max_length=320)]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Code = Annotated[str, Meta(extra_json_schema={"enum": list(CODES)})]
Params = dict[str, int | float | str | list[str]]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]
Score = Annotated[int, Meta(ge=0, le=2**31 - 1)]
# The longest possible game: each meal just before starvation.
Tick = Annotated[int, Meta(ge=0, le=CELLS * STARVES_AFTER)]


def timestamp(milliseconds):
    """Return a time as the API writes it; None for None."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Request(Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """The JSON body or the query of a request."""


class SignUp(Request):
    """`bot`: a program uses the account; bots have their own leaderboards."""

    username: Text
    password: Text
    email: Text | None = None
    bot: bool = False


class LogIn(Request):
    password: Text
    username: Text | None = None
    email: Text | None = None


class Change(Request):
    """Fields that are left out don't change. An `email` of null removes the email."""

    current_password: Text
    username: Text | UnsetType = UNSET
    email: Text | UnsetType | None = UNSET
    password: Text | UnsetType = UNSET


class Reset(Request):
    """`token`: from the link that the operator has created; `password`: the new password."""

    token: Text
    password: Text


class Delete(Request):
    """Guests have no password and leave it out."""

    password: Text | None = None


class Guest(Request):
    """No fields are needed."""


class NewGame(Request):
    """`challenge`: `daily`, `daily/DATE`, or the id of a game, which then brings its mode.

    `ends`: the id of your open game that this one may end, or null for none. Left out, it may end any.
    """

    mode: Mode | None = None
    challenge: Text | None = None
    ends: Text | UnsetType | None = UNSET


class Turns(Request):
    since: Tick
    tick: Tick
    turns: list[tuple[Tick, Heading]]


class StatedScore(Request):
    score: Score
    mode: Mode


# Queries can't contain null: a field that is left out has the default below.


class NoQuery(Request):
    """The query of a call without parameters."""


class StandingQuery(Request):
    mode: Annotated[Mode, Meta(description="Default: entries of both modes.")] = None
    period: Annotated[Period, Meta(description="In UTC; weeks are those of ISO 8601. Challenges have only `all`.")] = "all"
    at: Annotated[date, Meta(description="A day in the period. Default: today.")] = None
    challenge: Annotated[Text, Meta(description="`daily`, `daily/DATE`, or the id of a game.")] = None
    players: Annotated[Players, Meta(description="Default: the kind of players that the user belongs to, or `people`.")] = (
        None
    )


class BoardQuery(StandingQuery):
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    after: Annotated[
        Text, Meta(description="The cursor in the Link header of the previous page.", extra_json_schema={"pattern": CURSOR})
    ] = None


class NextQuery(StandingQuery, kw_only=True):
    mode: Mode
    score: Score


class DailyQuery(Request):
    mode: Annotated[Mode, Meta(description="Each mode has its own daily challenge.")]


class GameQuery(Request):
    since: Annotated[Tick, Meta(description="Return only the turns after this tick.")] = 0


class TickQuery(Request):
    tick: Tick = None


class ActiveQuery(Request):
    limit: Annotated[
        int, Meta(ge=1, le=MAX_ACTIVE, description="The number of best games. A response has at most 1 MB.")
    ] = 100


class LiveQuery(Request):
    known: Annotated[
        str,
        Meta(
            max_length=2000,
            extra_json_schema={"pattern": KNOWN},
            description=f"Watched games and the ticks that are known of them, as `ID:TICK,ID:TICK`, at most {MAX_KNOWN}.",
        ),
    ] = ""
    limit: Annotated[
        int, Meta(ge=0, le=MAX_LIVE, description="The number of best games to return besides the watched ones.")
    ] = 12


class FieldError(Struct, omit_defaults=True):
    """The error of a field; `code` and `params` as in ProblemAnswer."""

    field: str
    code: Code
    message: str
    params: Params = {}


class ProblemAnswer(Struct, omit_defaults=True):
    """What was refused, and how to fix it; `errors` for invalid input.

    `code` is a stable name for programs, `params` has its values. `tick` and `game` are the server's state of a game if a
    post was for another tick, or too late.
    """

    title: str
    status: int
    code: Code
    detail: str
    params: Params = {}
    errors: list[FieldError] = []
    tick: int | UnsetType = UNSET
    game: "Progress | UnsetType" = UNSET


class Health(Struct):
    """`migration`: the latest migration of the database."""

    status: Literal["ok"]
    database: Literal["ok"]
    engine: Literal["sqlite", "postgres"]
    migration: str


class UserAnswer(Struct, omit_defaults=True):
    """`guest` is present for guests only, `bot` for bots."""

    id: str
    username: str
    email: str | None
    guest: bool = False
    bot: bool = False


class SessionAnswer(Struct):
    user: UserAnswer
    token: str


class LiveSession(Struct):
    """A session without its token. `current`: whether it is the session of this request."""

    id: str
    created_at: Time
    expires_at: Time
    current: bool


class GameAnswer(Struct):
    """A new game. `pause_left` and `ranked` as in Progress; `challenge`: its full name, null for a new seed."""

    id: str
    mode: Mode
    seed: int
    rules: int
    tick: int
    started_at: Time
    pause_left: float | None
    ranked: bool
    challenge: str | None


class Progress(Struct):
    """The server's state of a game.

    `ranked`: whether it counts on leaderboards. `rank`: once the game is over, the player's rank on the mode's leaderboard
    of all time, or on that of the challenge. `personal_best`: the player's best ranked score in the mode or the challenge,
    including this game once it is over. `pause_left`: seconds of pause until the game is no longer ranked; null if the pace
    is not enforced. It starts at 10 seconds and grows by a quarter of the play time, up to the server's PAUSE_BUDGET. Until
    the game is over, `ranked` and `pause_left` are provisional.
    """

    status: Status
    tick: int
    score: int
    outcome: Outcome | None
    ranked: bool
    rank: int | None
    personal_best: int | None
    pause_left: float | None


class LiveName(Struct, omit_defaults=True):
    """A game with a post in the last ten seconds, without its state."""

    id: str
    username: str
    score: int
    mode: Mode
    started_at: Time
    bot: bool = False


class Cell(Struct):
    x: int
    y: int


class ActiveGame(LiveName, kw_only=True):
    """A game with a post in the last ten seconds. `snake`: its cells, head first."""

    snake: list[Cell]
    food: Cell
    tick: int


class LiveGame(Struct, omit_defaults=True, rename={"idle_ms": "heard"}):
    """An update of a watched game. Constant fields are present for games that the client doesn't know yet.

    `heard`: milliseconds since the player's last post; paused games post, too. `turns`: those after the known tick, complete
    up to `tick`. A response has at most 20,000 turns; the next response has the following ones. `outcome`, `ranked` and
    `rank` as in Progress, once the game is over and all its turns were sent.
    """

    id: str
    tick: int
    idle_ms: int
    turns: list[tuple[int, Heading]] = []
    username: str | None = None
    mode: Mode | None = None
    rules: int | None = None
    seed: int | None = None
    challenge: str | None = None
    bot: bool = False
    outcome: Outcome | None = None
    ranked: bool | None = None
    rank: int | None = None


class GameSummary(Struct, omit_defaults=True, kw_only=True):
    id: str
    mode: Mode
    score: int
    status: Status
    outcome: Outcome | None
    ranked: bool
    started_at: Time
    ended_at: Time | None
    challenge: str | None = None


class GameRecord(GameSummary, kw_only=True):
    """A game with its turns [tick, heading], or those after the query's `since`. `challenge`: see NewGame.

    A response has at most 20,000 turns. If there are more, pass `continue_since` as the next `since`.
    """

    username: str
    rules: int
    seed: int
    tick: int
    turns: list[tuple[int, Heading]]
    bot: bool = False
    continue_since: int | UnsetType = UNSET


class BestGame(GameRecord, kw_only=True):
    """The best game of both modes this month, or of all time if there is none."""

    period: Period


class EntryAnswer(Struct, omit_defaults=True):
    """`game` is null for a score that is not verified."""

    rank: int
    id: str
    username: str
    score: int
    mode: Mode
    timestamp: Time
    game: str | None
    verified: bool
    bot: bool = False


class Standing(Struct):
    """A player's rank on a leaderboard of `of` entries. `percentile`: the percentage of them that it equals or beats."""

    rank: int | None
    of: int
    score: int | None
    percentile: float | None
    around: list[EntryAnswer]


class NextRank(Struct):
    """The `rank` that a score would have among other players, and the next better entry, or null."""

    rank: int
    next: EntryAnswer | None


class Best(Struct):
    rank: int
    of: int
    score: int
    game: str | None
    timestamp: Time


class PlayedGame(GameSummary, kw_only=True):
    ticks: int


class PastScore(Struct):
    at: Time
    mode: Mode
    score: int


class Player(Struct, omit_defaults=True):
    """`bests`: by mode, null without an entry; `scores`: those of the latest finished games, oldest first."""

    username: str
    joined_at: Time
    games: int
    bests: dict[str, Best | None]
    latest: list[PlayedGame]
    scores: list[PastScore]
    bot: bool = False


class HomeDaily(Struct):
    """Today's daily challenge. `players`: by mode, as in Daily."""

    number: int
    date: Day
    ends_at: Time
    players: dict[str, int]


class Home(Struct):
    """What the start screen shows. `live`: the best running games; `top`: the best entries of all time by mode.

    `best_game`: a game to replay, or null.
    """

    live: list[LiveName]
    top: dict[str, list[EntryAnswer]]
    daily: HomeDaily
    best_game: BestGame | None


class DailyAttempt(Struct):
    """The player's attempt of the day: the first game on the challenge. `counts`: whether it counts on the leaderboard.

    `beaten_percent`: the percentage of the other players on the leaderboard with a lower score; 0 if there are none.
    """

    game: str
    score: int
    beaten_percent: float
    counts: bool


class DailyWinner(Struct):
    name: str
    score: int
    game: str


class Daily(Struct):
    """Today's daily challenge of a mode. `players`: the number on its leaderboard; `yesterday`: yesterday's winner.

    `streak`, `best_streak`: consecutive UTC days with an attempt that counts, in either mode; a day without an attempt ends
    the streak when it is over. `mine` is null without an attempt or a token.
    """

    number: int
    date: Day
    ends_at: Time
    players: int
    mine: DailyAttempt | None
    streak: int
    best_streak: int
    yesterday: DailyWinner | None
