"""The shapes of requests and answers; requests refuse what they don't know.

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
MOST_LIVE = 50  # games of the wall in one answer
MOST_KNOWN = 50  # games that a request to the live feed names
MOST_ACTIVE = 200  # games in one answer
PLACE = "^([0-9]{1,18}[.]){2}[0-9]{1,18}$"  # on a board
KNOWN_GAME = "[A-Za-z0-9_-]{1,16}:[0-9]{1,6}"
KNOWN = f"^({KNOWN_GAME}(,{KNOWN_GAME}){{0,{MOST_KNOWN - 1}}})?$(?!\n)"
Text = Annotated[str, Meta(max_length=320)]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Code = Annotated[str, Meta(extra_json_schema={"enum": list(CODES)})]
Params = dict[str, int | float | str | list[str]]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]
Score = Annotated[int, Meta(ge=0, le=2**31 - 1)]
# No game is longer: it starves in between.
Tick = Annotated[int, Meta(ge=0, le=CELLS * STARVES_AFTER)]


def timestamp(milliseconds):
    """The time as the API writes it; None stays None."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Request(Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What a client sends, as JSON or in the query."""


class SignUp(Request):
    """`bot`: the account is a program's, which stands on boards of their own."""

    username: Text
    password: Text
    email: Text | None = None
    bot: bool = False


class LogIn(Request):
    password: Text
    username: Text | None = None
    email: Text | None = None


class Change(Request):
    """What is left out stays as it is; an email of null is forgotten."""

    current_password: Text
    username: Text | UnsetType = UNSET
    email: Text | UnsetType | None = UNSET
    password: Text | UnsetType = UNSET


class Reset(Request):
    """`token`: what the link has that the operator makes; `password`: the new one."""

    token: Text
    password: Text


class Delete(Request):
    """A guest has no password to give."""

    password: Text | None = None


class Guest(Request):
    """Nothing is asked of a guest."""


class NewGame(Request):
    """`challenge`: `daily`, `daily/DATE`, or the id of a game, which then brings its mode."""

    mode: Mode | None = None
    challenge: Text | None = None


class Turns(Request):
    since: Tick
    tick: Tick
    turns: list[tuple[Tick, Heading]]


class StatedScore(Request):
    score: Score
    mode: Mode


# In a query, nothing says null: a field that is left out is None, or as it says here.


class NoQuery(Request):
    """What a call takes that has no parameters."""


class StandingQuery(Request):
    mode: Annotated[Mode, Meta(description="Both modes' entries without it.")] = None
    period: Annotated[Period, Meta(description="In UTC; weeks as in ISO 8601. A challenge has `all` only.")] = "all"
    at: Annotated[date, Meta(description="A day in the period; today without it.")] = None
    challenge: Annotated[Text, Meta(description="`daily`, `daily/DATE`, or the id of a game.")] = None
    players: Annotated[Players, Meta(description="Whose boards; those with oneself without it, or people's.")] = None


class BoardQuery(StandingQuery):
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    after: Annotated[
        Text, Meta(description="As the Link of the page before has it.", extra_json_schema={"pattern": PLACE})
    ] = None


class NextQuery(StandingQuery, kw_only=True):
    mode: Mode
    score: Score


class DailyQuery(Request):
    mode: Annotated[Mode, Meta(description="Each mode has a daily challenge of its own.")]


class GameQuery(Request):
    since: Annotated[Tick, Meta(description="The answer has only the turns after this tick.")] = 0


class TickQuery(Request):
    tick: Tick = None


class ActiveQuery(Request):
    limit: Annotated[int, Meta(ge=1, le=MOST_ACTIVE, description="How many of the best, as far as they fit into 1 MB.")] = (
        100
    )


class LiveQuery(Request):
    known: Annotated[
        str,
        Meta(
            max_length=2000,
            extra_json_schema={"pattern": KNOWN},
            description=f"The games that one has, as `ID:TICK,ID:TICK`, at most {MOST_KNOWN}.",
        ),
    ] = ""
    limit: Annotated[int, Meta(ge=0, le=MOST_LIVE, description="How many of the best to tell of beside them.")] = 12


class FieldError(Struct, omit_defaults=True):
    """What is wrong with a field; `code` and `params` as in ProblemAnswer."""

    field: str
    code: Code
    message: str
    params: Params = {}


class ProblemAnswer(Struct, omit_defaults=True):
    """What is refused, and how to fix it; `errors` for invalid input.

    `code`: what a program can tell refusals apart by. `params`: the values that belong to the code. `tick`, `game`: where
    the server is in a game, when a post to it comes at the wrong tick, or too late.
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
    """`migration`: the latest one that the database has been brought to."""

    status: Literal["ok"]
    database: Literal["ok"]
    engine: Literal["sqlite", "postgres"]
    migration: str


class UserAnswer(Struct, omit_defaults=True):
    """`guest` is there for guests only, `bot` for programs."""

    id: str
    username: str
    email: str | None
    guest: bool = False
    bot: bool = False


class SessionAnswer(Struct):
    user: UserAnswer
    token: str


class LiveSession(Struct):
    """A session without its token; `current` is the one in which this is asked."""

    id: str
    created_at: Time
    expires_at: Time
    current: bool


class GameAnswer(Struct):
    """A game just opened. `pause_left` and `ranked` as in Progress; `challenge` by its full name, null for a new seed."""

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
    """Where the server stands in a game.

    `ranked`: whether it counts on the boards. `rank`, once the game is over: the player's on the mode's board of all times,
    or on that of its challenge. `personal_best`: the player's best ranked score of the mode, or in the challenge, once this
    game is over with it included. `pause_left`: seconds of pausing left before the game is not ranked; null where the pace
    is not enforced. Play time adds to it: 10 seconds and a quarter of the ticks' lengths, up to the server's PAUSE_BUDGET.
    While the game is played, `ranked` and `pause_left` are provisional: whether it was too slow is decided at its end.
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


class ActiveGame(Struct, omit_defaults=True):
    """A game with a post in the last ten seconds; `snake` head first."""

    id: str
    username: str
    score: int
    mode: Mode
    snake: list[Cell]
    food: Cell
    tick: int
    started_at: Time
    bot: bool = False


class LiveGame(Struct, omit_defaults=True):
    """What is new of a game that is watched: what does not change is there for a game that the client doesn't know.

    `heard`: milliseconds since the player's last post, which a sign of life while paused is, too. `turns`: those after the
    tick that the client has, complete up to `tick`: a response has at most 20,000 turns, and the next one has those after
    that. `outcome`, `ranked`, and `rank` as in Progress: once it is over, and all turns are there.
    """

    id: str
    tick: int
    heard: int
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


class GameRecord(Struct, omit_defaults=True):
    """A game with its turns, [tick, heading], those after `since` only where the query has it. `challenge`: see NewGame.

    A response has at most 20,000 turns. If there are more, `continue_since` is the `since` of the request for the next ones.
    """

    id: str
    username: str
    mode: Mode
    rules: int
    seed: int
    status: Status
    outcome: Outcome | None
    ranked: bool
    tick: int
    score: int
    started_at: Time
    ended_at: Time | None
    turns: list[tuple[int, Heading]]
    challenge: str | None = None
    bot: bool = False
    continue_since: int | UnsetType = UNSET


class BestGame(GameRecord, kw_only=True):
    """The best game of a period, over both modes; the period is `all` if there is none of this month."""

    period: Period


class EntryAnswer(Struct, omit_defaults=True):
    """`game` is null for a score that is not verified: it brought no turns."""

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
    """A player's place on a board of `of` entries. `percentile`: how many percent of them it equals or beats."""

    rank: int | None
    of: int
    score: int | None
    percentile: float | None
    around: list[EntryAnswer]


class NextRank(Struct):
    """The `rank` that a score would have among others, and the entry of somebody else just ahead of it, null if none is."""

    rank: int
    next: EntryAnswer | None


class Best(Struct):
    rank: int
    of: int
    score: int
    game: str | None
    timestamp: Time


class PlayedGame(Struct, omit_defaults=True):
    id: str
    mode: Mode
    score: int
    status: Status
    outcome: Outcome | None
    ranked: bool
    ticks: int
    started_at: Time
    ended_at: Time | None
    challenge: str | None = None


class PastScore(Struct):
    at: Time
    mode: Mode
    score: int


class Player(Struct, omit_defaults=True):
    """`bests` by mode, null where the player is not on its board; `scores` of the last games that are over, in order."""

    username: str
    joined_at: Time
    games: int
    bests: dict[str, Best | None]
    latest: list[PlayedGame]
    scores: list[PastScore]
    bot: bool = False


class HomeDaily(Struct):
    """Today's daily challenge; `players` by mode, as in Daily."""

    number: int
    date: Day
    ends_at: Time
    players: dict[str, int]


class Home(Struct):
    """What a start screen shows. `live`: the best games that are being played; `top`: the best entries ever, by mode.

    `best_game` is to be played again; null where nobody has played yet.
    """

    live: list[LiveName]
    top: dict[str, list[EntryAnswer]]
    daily: HomeDaily
    best_game: BestGame | None


class DailyAttempt(Struct):
    """The player's attempt of the day: the first game on the challenge. `counts`: whether it is for the leaderboard.

    `beaten_percent`: how many percent of the other players on the leaderboard have a lower score; 0 if there are none.
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
    """Today's daily challenge of a mode. `players`: how many are on its leaderboard; `yesterday`: who won that of yesterday.

    `streak`, `best_streak`: consecutive days in UTC with an attempt that counts, in either mode; the streak goes on while
    today has not ended. `mine` is null without an attempt, or without a token.
    """

    number: int
    date: Day
    ends_at: Time
    players: int
    mine: DailyAttempt | None
    streak: int
    best_streak: int
    yesterday: DailyWinner | None
