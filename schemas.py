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
Tries = Literal["one", "many"]
Heading = Literal["U", "R", "D", "L"]
Players = Literal["people", "bots"]
MAX_LIVE = 50  # games of the wall in one response
MAX_KNOWN = 50  # games that a request to the live feed names
MAX_ACTIVE = 200  # games in one response
MAX_STANDINGS = 1000  # members in the standings of a round
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

    `room`: the code of a room, whose round brings the mode.
    `ends`: the id of your open game that this one may end, or null for none. Left out, it may end any.
    """

    mode: Mode | None = None
    challenge: Text | None = None
    room: Text | None = None
    ends: Text | UnsetType | None = UNSET


class NewRoom(Request):
    """`my_name`: the caller's name in the room; guests must give one. `name`: the room's."""

    name: Text | None = None
    my_name: Text | None = None


class RoomChange(Request):
    """Fields that are left out don't change. `host`: the id of a member."""

    name: Text | UnsetType = UNSET
    locked: bool | UnsetType = UNSET
    host: Text | UnsetType = UNSET


class NewMember(Request):
    """`name`: the caller's name in the room; guests must give one when they join for the first time."""

    name: Text | None = None


class MemberChange(Request):
    name: Text


class NewRound(Request):
    """`starts_in`: seconds from now. `tries`: how many games each member can open."""

    mode: Mode
    minutes: Annotated[int, Meta(ge=1, le=30)]
    tries: Tries
    starts_in: Annotated[int, Meta(ge=3, le=60)]


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
    room: Annotated[Text, Meta(description="The code of a room: only its members are ranked.")] = None


class BoardQuery(StandingQuery):
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    after: Annotated[
        Text, Meta(description="The cursor in the Link header of the previous page.", extra_json_schema={"pattern": CURSOR})
    ] = None


class NextQuery(StandingQuery, kw_only=True):
    mode: Mode
    score: Score


class RoundQuery(Request):
    limit: Annotated[int, Meta(ge=1, le=MAX_STANDINGS, description="The number of members, best first.")] = 200


class DailyQuery(Request):
    mode: Annotated[Mode, Meta(description="Each mode has its own daily challenge.")]


class GameQuery(Request):
    since: Annotated[Tick, Meta(description="Return only the turns after this tick.")] = 0


class TickQuery(Request):
    tick: Tick = None


class RoomQuery(Request):
    version: Annotated[
        int,
        Meta(ge=0, le=2**53 - 1, description="The version that the client has. If it is the room's: 304."),
    ] = None


class ActiveQuery(Request):
    limit: Annotated[
        int, Meta(ge=1, le=MAX_ACTIVE, description="The number of best games. A response has at most 1 MB.")
    ] = 100


class LiveQuery(Request):
    room: Annotated[Text, Meta(description="The code of a room: the games of its latest round.")] = None
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
    post was for another tick, or too late; or the tick and the id of the only game that a round allows. `starts_in`: seconds
    until the round starts.
    """

    title: str
    status: int
    code: Code
    detail: str
    params: Params = {}
    errors: list[FieldError] = []
    tick: int | UnsetType = UNSET
    game: "Progress | str | UnsetType" = UNSET
    starts_in: float | UnsetType = UNSET


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
    """A new game. `pause_left` and `ranked` as in Progress; `challenge`: its full name, null for a new seed.

    `round`: `ROOM/NUMBER` in a round of a room, by an opaque id. Its first tick ends its first length after `started_at`,
    which may be in the future.
    """

    id: str
    mode: Mode
    seed: int
    rules: int
    tick: int
    started_at: Time
    pause_left: float | None
    ranked: bool
    challenge: str | None
    round: str | UnsetType = UNSET


class NextInRound(Struct):
    name: str
    score: int


class RoundProgress(Struct):
    """A player's place in a round, among `of` players with a ranked game. `version`: the room's, see RoomAnswer.

    `rank`: of the best game, running ones included; null without a ranked one. `next`: the next better member, or null.
    `ends_in`: seconds until the round ends.
    """

    number: int
    version: int
    rank: int | None
    of: int
    next: NextInRound | None
    ends_in: float


class Progress(Struct):
    """The server's state of a game.

    `ranked`: whether it counts on leaderboards. `rank`: once the game is over, the player's rank on the mode's leaderboard
    of all time, or on that of the challenge. `personal_best`: the player's best ranked score in the mode or the challenge,
    including this game once it is over. `pause_left`: seconds of pause until the game is no longer ranked; null if the pace
    is not enforced. It starts at 10 seconds and grows by a quarter of the play time, up to the server's PAUSE_BUDGET. Until
    the game is over, `ranked` and `pause_left` are provisional. In a round of a room there is a `round`, `rank` and
    `personal_best` are those in the round, and the whole PAUSE_BUDGET is available from the first tick.
    """

    status: Status
    tick: int
    score: int
    outcome: Outcome | None
    ranked: bool
    rank: int | None
    personal_best: int | None
    pause_left: float | None
    round: RoundProgress | UnsetType = UNSET


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
    challenge: str | UnsetType | None = UNSET
    round: str | UnsetType = UNSET


class GameRecord(GameSummary, kw_only=True):
    """A game with its turns [tick, heading], or those after the query's `since`. `challenge`: see NewGame.

    `round`: `ROOM/NUMBER` of a game in a round of a room, whose `challenge` is null.

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


class RoomMember(Struct, omit_defaults=True):
    """`is_here`: whether the member was seen in the last 15 seconds. `wins`, `total`: of the finished rounds."""

    id: str
    name: str
    is_host: bool
    is_here: bool
    wins: int
    total: int
    bot: bool = False


class RoundAnswer(Struct):
    """A round. The times are by the server's clock, which the header Server-Time tells."""

    number: int
    mode: Mode
    tries: Tries
    minutes: int
    starts_at: Time
    ends_at: Time
    status: Literal["waiting", "running", "over", "cancelled"]


class RoundEntry(Struct, omit_defaults=True):
    """A member in the standings of a round. `score`, `game`: of the best ranked game, running ones included.

    `rank` and `game` are null without a ranked one. `tries`: how many games the member has opened. `away`: without a post
    for ten seconds.
    """

    rank: int | None
    id: str
    name: str
    score: int
    status: Literal["playing", "away", "over"]
    game: str | None
    tries: int
    ranked: bool
    bot: bool = False


class RoundStandings(RoundAnswer, kw_only=True):
    """A round with its standings, best first; they are final two seconds after `ends_at`."""

    standings: list[RoundEntry]


class RoomAnswer(Struct):
    """A room. `version` counts its changes, but for those of scores and of time; `host`: the id of a member.

    The host may have left, until somebody joins. `name`: the code, unless it was given another.
    `members`: in the order in which they joined. `round`: the latest one, or null; `rounds`: how many there were.
    """

    code: str
    name: str
    host: str
    version: int
    locked: bool
    members: list[RoomMember]
    round: RoundAnswer | None
    rounds: int


class Joined(Struct):
    """The caller's `member` id, and the room."""

    member: str
    room: RoomAnswer
