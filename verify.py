"""Proves the scores of a Snakepit leaderboard without trusting its server: fetches each game and replays it.

    python verify.py https://snakepit.example.org --mode walls

This file needs only Python 3.11 or newer. Copy it alone to another machine, and read the rules in it.

An entry is proven if all of this holds:

- It belongs to the requested mode, period, challenge and players (people or bots), and is not in the future.
- Its rank and its position are right, and its player and its game appear only once.
- Its game belongs to that player, is over and ranked, and ended when the entry says. All games of a challenge have the same
  seed.
- The game's turns, played by the rules on its seed, give exactly its score, last tick and outcome.
- It was played neither faster than time nor slower than the pause budget allows.

Other entries are printed: as `wrong`; as `not verified` if the server accepted a score without a game; or as `not provable`:
a game of today's daily challenge, which the server shows only to its players, or a game so slow that only an older rule may
have allowed it. Nobody can prove from outside that no entry is missing, that a person played, who it was, that a seed was
random, or that the server's clock is right.

The exit status is 0 if there is a score and all are proven, 1 if a score isn't or the leaderboard is empty, and 2 if the
server's responses can't be used.
"""

import argparse
import json
import os
import re
import sys
import threading
import time
import unicodedata
from bisect import bisect_right
from collections import deque
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from operator import itemgetter
from urllib.parse import parse_qs, quote, urlencode, urlsplit

# The rules: the same text as in the server's rules.py.

RULES = 1

SIZE = 20
CELLS = SIZE * SIZE
POINTS = 10  # for a meal
STARVES_AFTER = 800  # ticks in a row without a meal

HEADINGS = ("U", "R", "D", "L")
STEPS = {"U": (0, -1), "R": (1, 0), "D": (0, 1), "L": (-1, 0)}
OPPOSITE = {"U": "D", "R": "L", "D": "U", "L": "R"}

WALLS, PASS_THROUGH = "walls", "pass-through"
MODES = (WALLS, PASS_THROUGH)

WALL, SELF, STARVED, WON, LEFT = "wall", "self", "starved", "won", "left"
OUTCOMES = (WALL, SELF, STARVED, WON, LEFT)

OUTSIDE = CELLS  # the cell beyond every edge in `walls`: always taken, never food
NEVER = 0  # the tick of a turn that doesn't come


def tick_ms(score):
    """How long a tick lasts, in milliseconds, with the score as it is before that tick."""
    return max(70, 150 - 2 * score // 10)


def draw(rng):
    """The state of the random numbers after one draw, which is also the number drawn.

    xorshift32 on 32-bit unsigned integers (Marsaglia, "Xorshift RNGs", 2003).
    """
    rng ^= rng << 13 & 0xFFFFFFFF
    rng ^= rng >> 17
    return rng ^ (rng << 5 & 0xFFFFFFFF)


def neighbour(cell, heading, mode):
    """The cell one step from `cell`; OUTSIDE where a wall is."""
    x, y = cell % SIZE + STEPS[heading][0], cell // SIZE + STEPS[heading][1]
    if mode == WALLS and not (0 <= x < SIZE and 0 <= y < SIZE):
        return OUTSIDE
    return y % SIZE * SIZE + x % SIZE


NEIGHBOURS = {
    mode: {heading: [neighbour(cell, heading, mode) for cell in range(CELLS)] for heading in HEADINGS} for mode in MODES
}


class Game:
    """A game in progress: `seed` 1 to 4294967295, `mode` one of MODES. Raises ValueError for others.

    `ticks`, `score`, `outcome` (None while playing), `heading`, `body` (cells, head first), `food` (a cell), `rng` (the
    state after the last draw), `hunger` (ticks since the last meal) and `nominal_ms` (the sum of the ticks' lengths) are
    for reading.
    """

    def __init__(self, seed, mode):
        if not 1 <= seed <= 0xFFFFFFFF:
            raise ValueError(f"seed {seed} is not from 1 to 4294967295")
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self.mode = mode
        self.ticks = self.score = self.hunger = self.nominal_ms = 0
        self.outcome = None
        self.heading = "U"
        self.rng = seed
        self._occupy([10 * SIZE + 10, 11 * SIZE + 10, 12 * SIZE + 10])
        self._place_food()

    @classmethod
    def load(cls, mode, saved):
        """The game that `save()` wrote, in that mode, still playing."""
        game = cls.__new__(cls)
        game.mode = mode
        game.outcome = None
        game.ticks, game.score, game.hunger, game.nominal_ms, game.rng, game.food = saved[:6]
        game.heading = HEADINGS[saved[6]]
        game._occupy(saved[7:])
        return game

    def save(self):
        """The state of a game that is still playing, as unsigned 32-bit integers: what `load` takes."""
        heading = HEADINGS.index(self.heading)
        return [self.ticks, self.score, self.hunger, self.nominal_ms, self.rng, self.food, heading, *self.body]

    def snapshot(self):
        """The state as the vectors of the rules have it, cells as [x, y]."""
        return {
            "ticks": self.ticks,
            "score": self.score,
            "outcome": self.outcome,
            "heading": self.heading,
            "body": [[cell % SIZE, cell // SIZE] for cell in self.body],
            "food": [self.food % SIZE, self.food // SIZE],
            "rng": self.rng,
            "nominal_ms": self.nominal_ms,
        }

    def advance(self, turns, tick):
        """Play on through `tick`, or to the end of the game.

        `turns` is a list of [tick, heading] in ascending order. Those at ticks already played are passed over, and so are
        those after `tick`: the list may be the whole game's.
        """
        following = bisect_right(turns, self.ticks, key=itemgetter(0))
        while self.ticks < tick and not self.outcome:
            starves = self.ticks + STARVES_AFTER - self.hunger
            following = self._run_to_meal(turns, following, min(tick, starves))

    def _run_to_meal(self, turns, following, last):
        """Play through tick `last`, to the next meal, or to the end of the game, whichever is first.

        `following` is the index of the turn that comes next; answers what it is then. The one hot loop of the server: the
        state is kept in locals, and what can only change with a meal (a tick's length, the tick of starvation) is not
        looked at on each tick.
        """
        neighbours, body, taken, food = NEIGHBOURS[self.mode], self.body, self._taken, self.food
        neighbour_of, head, ate = neighbours[self.heading], body[0], False
        turns_at = turns[following][0] if following < len(turns) else NEVER
        for tick in range(self.ticks + 1, last + 1):
            if tick == turns_at:
                heading = turns[following][1]
                if heading != OPPOSITE[self.heading]:
                    self.heading = heading
                    neighbour_of = neighbours[heading]
                following += 1
                turns_at = turns[following][0] if following < len(turns) else NEVER
            head = neighbour_of[head]
            if head == food:
                ate = True
                break
            tail = body.pop()
            taken[tail] = 0
            if taken[head]:
                body.append(tail)
                taken[tail] = 1
                self.outcome = WALL if head == OUTSIDE else SELF
                break
            taken[head] = 1
            body.appendleft(head)

        self.hunger += tick - self.ticks
        self.nominal_ms += (tick - self.ticks) * tick_ms(self.score)
        self.ticks = tick
        if ate:
            self._eat()
        elif self.hunger == STARVES_AFTER and not self.outcome:
            self.outcome = STARVED
        return following

    def _eat(self):
        self.body.appendleft(self.food)
        self._taken[self.food] = 1
        self.score += POINTS
        self.hunger = 0
        if len(self.body) == CELLS:
            self.outcome = WON
        else:
            self._place_food()

    def _place_food(self):
        self.rng = draw(self.rng)
        index = self.rng % (CELLS - len(self.body))
        # The empty cell's number is its index, and one more for each cell up to there that is taken.
        self.food = index
        while (cell := index + self._taken.count(1, 0, self.food + 1)) != self.food:
            self.food = cell

    def _occupy(self, cells):
        self.body = deque(cells)
        self._taken = bytearray(CELLS + 1)
        for cell in (*cells, OUTSIDE):
            self._taken[cell] = 1


# The leaderboard. Every value from the server is checked before use.

BY_RULES = {RULES: Game}
PAGE_SIZE = 100  # entries per request
MAX_ENTRIES = 1_000_000  # that --all reads
MAX_TURN_PAGES = 32  # per game; the longest game has 16
MAX_NAME_LENGTH, MAX_ID_LENGTH = 20, 64  # characters
MAX_SCORE = 2**31 - 1
CLOCK_TOLERANCE = timedelta(minutes=5)  # between the server's clock and this machine's
EARLY_ALLOWANCE_MS, SPEED_TOLERANCE, SLOWNESS_TOLERANCE = 1000, 1.02, 1.1  # the rules of pace
PAUSE_BUDGET = 60  # seconds, the server's default
PAUSE_AT_START_MS, PAUSE_GROWTH = 10_000, 1 / 4  # the pause budget grows with play time
ABANDON_AFTER_MS = 600_000  # games of older versions ended up to this long after their last post
DAILY, DAILY_HIDDEN = "daily", "daily_hidden"
PERIODS = ALL, MONTH, WEEK, DAY = "all", "month", "week", "day"
PROVEN, UNVERIFIED, UNPROVABLE, WRONG = "proven", "not verified", "not provable", "wrong"
ENTRY_TYPES = {"rank": int, "username": str, "score": int, "mode": str, "timestamp": str, "verified": bool}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


class BadResponse(Exception):
    """A response of the server can't be used. The message is one line."""


class Refused(BadResponse):
    """The server refused a request with `status` and the problem's `code`, or None."""

    def __init__(self, message, status, code):
        super().__init__(message)
        self.status, self.code = status, code


class Mismatch(Exception):
    """An entry is false, or not what was requested. The message is one line."""


class Unprovable(Exception):
    """An entry may be true but can't be proven. The message is one line."""


def main(arguments=None):
    """Prove a leaderboard; return the exit status."""
    args = command_line().parse_args(join_values(sys.argv[1:] if arguments is None else arguments))
    server = Server(args.url, args.token)
    try:
        counts = prove_all(Proof(args, server))
    except BadResponse as error:
        progress("")
        print(sanitized(f"verify.py: {error}", args.token), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress("")
        return 2
    finally:
        server.connection.close()
    progress("")
    total = sum(counts.values())
    if not total:
        print("The leaderboard is empty: nothing is proven.")
        return 1
    rest = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count and verdict != PROVEN)
    print(f"{counts[PROVEN]} of {total} scores are proven{': ' + rest if rest else ''}.")
    return 0 if counts[PROVEN] == total else 1


def prove_all(proof):
    """Prove each entry and print those that are not proven. Return {verdict: number of entries}."""
    counts = dict.fromkeys((PROVEN, UNVERIFIED, UNPROVABLE, WRONG), 0)
    for entry, is_shifted in proof.entries():
        verdict, why = proof.verdict(entry, is_shifted)
        counts[verdict] += 1
        if verdict != PROVEN:
            progress("")
            print(sanitized(f"{verdict}: {describe(entry)}: {why}", proof.server.token))
        progress(f"{sum(counts.values())} scores, {counts[PROVEN]} proven")
    return counts


class Proof:
    """The proof of one leaderboard: what was requested, and what has been read so far."""

    def __init__(self, args, server):
        self.args, self.server = args, server
        self.day = args.at or datetime.now(UTC).date()
        self.challenge, self.origin = self.find_challenge()
        self.players, self.ids, self.games, self.seeds = set(), set(), set(), {}

    def find_challenge(self):
        """Return (the challenge's full name or None, the game whose seed it uses or None)."""
        wanted = self.args.challenge
        if wanted is None:
            return None, None
        if wanted == DAILY:
            return f"{DAILY}/{self.day}", None
        if wanted.startswith(f"{DAILY}/"):
            with suppress(ValueError):  # the server refuses other dates
                wanted = f"{DAILY}/{date.fromisoformat(wanted.removeprefix(f'{DAILY}/'))}"
            return wanted, None
        origin, _ = self.server.get(f"api/games/{quote(wanted, safe='', errors='replace')}")
        if not isinstance(origin, dict) or differs(origin, "id", wanted):
            raise BadResponse(f"the server has no game {wanted} for the challenge")
        name = origin.get("challenge")
        return (name if isinstance(name, str) and not name.startswith(f"{DAILY}/") else wanted), origin

    def entries(self):
        """Yield (entry, whether its rank differs from its position) in the order of the leaderboard."""
        query = {"mode": self.args.mode, "period": self.args.period, "challenge": self.challenge}
        query |= {"players": self.players_wanted(), "at": None if self.challenge else self.day}
        done, wanted, after = 0, MAX_ENTRIES if self.args.all else self.args.limit, None
        before, rank, shift = None, 1, 0
        while done < wanted:
            limit = min(PAGE_SIZE, wanted - done)
            page, after = self.page(query | {"limit": limit, "after": after}, limit, is_first=not done)
            for index, entry in enumerate(page):
                rank = rank if before and entry["score"] == before["score"] else done + 1
                # Players who came or left meanwhile shift all ranks of a later page by the same number.
                shift = shift if index else (entry["rank"] - rank) * (done > 0)
                self.check_position(entry, before, rank + shift)
                done, before = done + 1, entry
                yield entry, shift != 0
            if after is None:
                return
        if self.args.all:
            raise BadResponse(f"the leaderboard has more than {MAX_ENTRIES} entries; give a --limit")

    def page(self, query, limit, is_first):
        """Return (the entries of a page, the cursor of the next page or None)."""
        query = urlencode({name: value for name, value in query.items() if value is not None}, errors="replace")
        page, headers = self.server.get(f"api/leaderboard?{query}")
        if not isinstance(page, list) or not (page or is_first):
            raise BadResponse("a page of the leaderboard is not a list of entries")
        if len(page) > limit:
            raise BadResponse(f"a page of the leaderboard has {len(page)} entries, but {limit} were requested")
        for entry in page:
            if not isinstance(entry, dict) or any(type(entry.get(name)) is not kind for name, kind in ENTRY_TYPES.items()):
                raise BadResponse("an entry of the leaderboard lacks a field, or is not an object")
            if not 0 <= entry["score"] <= MAX_SCORE or not 0 < entry["rank"] <= MAX_SCORE:
                raise BadResponse("an entry of the leaderboard has an impossible score or rank")
            if not 0 < len(entry["username"]) <= MAX_NAME_LENGTH:
                raise BadResponse("an entry of the leaderboard has an impossible username")
        return page, next_cursor(headers)

    def check_position(self, entry, before, rank):
        """Raise BadResponse unless the entry follows better ones, has this rank, and its player is new."""
        player = hash((unicodedata.normalize("NFKC", entry["username"]).casefold(), entry["mode"]))
        if player in self.players:
            raise BadResponse(f"{describe(entry)}: this player is on the leaderboard twice")
        self.players.add(player)
        if before and entry["score"] > before["score"]:
            raise BadResponse(f"{describe(entry)}: it follows a lower score")
        if entry["rank"] != rank:
            raise BadResponse(f"{describe(entry)}: its rank should be {rank}")
        if before and entry["score"] == before["score"] and entry["timestamp"] < before["timestamp"]:
            raise BadResponse(f"{describe(entry)}: it follows an equal score that was reached later")

    def verdict(self, entry, is_shifted):
        """Return (verdict, the reason if it isn't proven)."""
        try:
            self.check_entry(entry)
            if not entry["verified"]:
                return UNVERIFIED, "the server took this score without a game"
            self.replay_entry(entry)
            if is_shifted:
                raise Unprovable("the leaderboard changed while it was read, and so did the ranks; run this again")
        except Mismatch as wrong:
            return WRONG, str(wrong)
        except Unprovable as unprovable:
            return UNPROVABLE, str(unprovable)
        return PROVEN, None

    def check_entry(self, entry):
        """Raise Mismatch unless the entry belongs to the requested leaderboard."""
        if not is_id(entry.get("id")) or hash(entry["id"]) in self.ids:
            raise Mismatch("its id is missing or appears twice")
        self.ids.add(hash(entry["id"]))
        if entry["mode"] not in ([self.args.mode] if self.args.mode else MODES):
            raise Mismatch(f"its mode is {entry['mode']}, but {self.args.mode or ' or '.join(MODES)} was requested")
        if entry.get("bot", False) is not self.args.bots:
            raise Mismatch(f"it is {'not ' if self.args.bots else ''}a bot's, but {self.players_wanted()} were requested")
        ended = time_of(entry["timestamp"])
        if ended > datetime.now(UTC) + CLOCK_TOLERANCE:
            raise Mismatch(f"it was reached at {entry['timestamp']}, which is in the future")
        period = self.args.period or ALL
        if self.challenge is None and not is_within(ended.date(), period, self.day):
            raise Mismatch(f"it was reached at {entry['timestamp']}, which is not in the {period} of {self.day}")

    def players_wanted(self):
        return "bots" if self.args.bots else "people"

    def replay_entry(self, entry):
        """Fetch and replay the entry's game. Raise Mismatch unless it is the player's and gives the score."""
        if not is_id(entry.get("game")):
            raise Mismatch("it has no game")
        if hash(entry["game"]) in self.games:
            raise Mismatch("its game is on the leaderboard already")
        self.games.add(hash(entry["game"]))
        game = self.fetch(entry["game"])
        stated = {name: entry[name] for name in ("username", "mode", "score")}
        stated |= {"id": entry["game"], "ended_at": entry["timestamp"], "status": "over", "ranked": True}
        for name, value in stated.items():
            if differs(game, name, value):
                raise Mismatch(f"the leaderboard says {name} {value}, the game {game.get(name)}")
        if game.get("bot", False) is not self.args.bots:
            raise Mismatch(
                f"its game is {'not ' if self.args.bots else ''}a bot's, but {self.players_wanted()} were requested"
            )
        self.check_challenge(game)
        played = play(game)
        found = played.score, played.ticks, played.outcome or LEFT
        if found != (game["score"], game["tick"], game.get("outcome")):
            gives = f"{found[0]} points at tick {found[1]}, {found[2]}"
            raise Mismatch(f"it says {game['score']} at tick {game['tick']}, {game.get('outcome')}; its turns give {gives}")
        self.check_seed(game)
        if not self.args.ignore_pace:
            check_pace(game, played.nominal_ms, self.args.pause_budget * 1000)

    def fetch(self, game_id):
        """Return the game with all its turns. Raise Mismatch if there is none, Unprovable if it is hidden today."""
        path = f"api/games/{quote(game_id, safe='', errors='replace')}"
        game = self.fetch_part(path)
        head, turns, since, pages = without_turns(game), game.get("turns"), game.get("continue_since"), 1
        while since is not None:
            is_tick = type(since) is int and since <= CELLS * STARVES_AFTER
            if not is_tick or pages == MAX_TURN_PAGES or not are_turns(turns, since):
                raise Mismatch("its turns are not those up to the tick from which it continues")
            game, pages = self.fetch_part(f"{path}?since={since}"), pages + 1
            if without_turns(game) != head or not isinstance(game.get("turns"), list) or not game["turns"]:
                raise Mismatch("the rest of its turns is another game's, or missing")
            turns, since = turns + game["turns"], game.get("continue_since")
        return head | {"turns": turns}

    def fetch_part(self, path):
        """Return the game at a path, with the turns that one response contains."""
        try:
            game, _ = self.server.get(path)
        except Refused as refusal:
            is_daily = self.challenge is not None and self.challenge.startswith(f"{DAILY}/")
            if refusal.status == 403 and refusal.code == DAILY_HIDDEN and is_daily:
                raise Unprovable(
                    "before 00:00 UTC the server shows games of the daily challenge only to those who have played it;"
                    f" give the token of a player in {TOKEN_VARIABLE}, or come back later"
                ) from None
            if refusal.status in (403, 404, 410):
                raise Mismatch(f"its game can't be read: {refusal}") from None
            raise
        if not isinstance(game, dict):
            raise Mismatch("its game is not an object")
        return game

    def check_challenge(self, game):
        """Raise Mismatch unless the game belongs to the requested challenge, or to none."""
        challenge = game.get("challenge")
        if challenge != self.challenge or game.get("round") is not None:
            raise Mismatch(
                f"it was played for {challenge or game.get('round') or 'no challenge'}, and is on another leaderboard"
            )
        if self.origin:
            for name in ("mode", "seed", "rules"):
                if differs(game, name, self.origin.get(name)):
                    raise Mismatch(f"its {name} is {game.get(name)}, and the challenge's {self.origin.get(name)}")
        elif challenge and challenge != f"{DAILY}/{time_of(game.get('started_at')).date()}":
            raise Mismatch(f"it was started at {game.get('started_at')}, and is for {challenge}")

    def check_seed(self, game):
        """Raise Mismatch for a copy of another game, and for another seed than that of the challenge.

        On a general leaderboard players don't know seeds in advance, so the same seed twice is suspicious.
        """
        if self.challenge is not None:
            if self.seeds.setdefault(game["mode"], game["seed"]) != game["seed"]:
                raise Mismatch("it was played on another seed than the other games of the challenge")
            return
        seed, turns = (game["seed"], game["mode"]), hash(tuple(map(tuple, game["turns"])))
        if self.seeds.get(seed) == turns:
            raise Mismatch("its game is a copy of another game on the leaderboard")
        if seed in self.seeds:
            raise Unprovable("another game on the leaderboard has the same seed, which one of the players may have known")
        self.seeds[seed] = turns


def play(game):
    """Play the turns through the game's last tick. Return the Game."""
    if type(game.get("rules")) is not int or game["rules"] not in BY_RULES:
        raise Mismatch(f"it was played by rules {game.get('rules')}, which this program doesn't know; get a newer verify.py")
    seed, tick, turns = game.get("seed"), game.get("tick"), game.get("turns")
    if type(seed) is not int or type(tick) is not int or not are_turns(turns, tick):
        raise Mismatch("its seed, tick or turns are not valid")
    try:
        played = BY_RULES[game["rules"]](seed, game["mode"])
    except ValueError as error:
        raise Mismatch(str(error)) from None
    played.advance(turns, min(tick, CELLS * STARVES_AFTER))
    return played


def are_turns(turns, tick):
    """Return whether the turns are a list of [tick, heading] in ascending order, none after `tick`."""
    before = 0
    for turn in turns if isinstance(turns, list) else [None]:
        if not isinstance(turn, list) or len(turn) != 2 or type(turn[0]) is not int or turn[1] not in HEADINGS:
            return False
        if not before < turn[0] <= tick:
            return False
        before = turn[0]
    return True


def check_pace(game, nominal_ms, pause_budget):
    """Raise Mismatch if the game was played faster than time or too slowly. Its ticks last `nominal_ms`.

    `pause_budget`: the server's, in milliseconds. It grows with play time. In older versions games had all of it from the
    start, and ended up to ABANDON_AFTER_MS after their last post: whether such games were too slow can't be proven.
    """
    elapsed = (time_of(game["ended_at"]) - time_of(game.get("started_at"))) / timedelta(milliseconds=1)
    took = f"its ticks last {nominal_ms / 1000:.1f} s, and it took {elapsed / 1000:.1f} s"
    if nominal_ms > elapsed * SPEED_TOLERANCE + EARLY_ALLOWANCE_MS:
        raise Mismatch(f"it was played faster than time: {took}")
    paused = elapsed - nominal_ms * SLOWNESS_TOLERANCE
    if paused <= min(pause_budget, PAUSE_AT_START_MS + nominal_ms * PAUSE_GROWTH):
        return
    if paused > max(pause_budget, PAUSE_AT_START_MS) + ABANDON_AFTER_MS * (game["outcome"] == LEFT):
        raise Mismatch(f"it was played too slowly: {took}")
    raise Unprovable(f"it was played slowly: {took}; it may have ended when games could pause longer")


# Values in responses.


def differs(thing, name, value):
    """Return whether a field of a dictionary has another value or type."""
    return type(thing.get(name)) is not type(value) or thing[name] != value


def is_id(value):
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH


def without_turns(game):
    return {name: value for name, value in game.items() if name not in ("turns", "continue_since")}


def time_of(text):
    """Return the datetime of a timestamp. Raise Mismatch if it is not valid."""
    with suppress(ValueError):
        if isinstance(text, str) and TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(text)
    raise Mismatch(f"its time {str(text)[:40]} is not valid")


def is_within(day, period, other):
    """Return whether two dates are in the same period."""
    spell = {ALL: lambda at: None, MONTH: lambda at: at.timetuple()[:2], WEEK: lambda at: at.isocalendar()[:2]}
    return day == other if period == DAY else spell[period](day) == spell[period](other)


def next_cursor(headers):
    """Return the `after` of the next page from the Link header, or None."""
    link = re.search(r'<[^<>?]*\?([^<>]*)>\s*;\s*rel="?next"?', headers.get("Link") or "")
    after = parse_qs(link[1]).get("after") if link else None
    if link and not (after and len(after[0]) <= 100 and after[0].isascii() and after[0].isprintable()):
        raise BadResponse("the address of the leaderboard's next page is not valid")
    return after and after[0]


def unique_keys(pairs):
    """Return the dictionary. Raise ValueError for a duplicate key, which programs read differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def refuse_constant(text):
    raise ValueError(f"{text} is not a number in JSON")


# The server.


TIMEOUT = 20  # seconds for a response, all of it
MAX_RESPONSE = 1_000_000  # bytes; servers send no more without a token
ATTEMPTS, MAX_WAIT, MAX_TOTAL_WAIT = 3, 60, 600  # for 429 and 503; seconds per request, and in total
TOKEN_VARIABLE = "SNAKEPIT_TOKEN"  # noqa: S105 - a name, not a token
JSON_TYPES = re.compile(r"application/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)


class Server:
    """The server at a URL, on one persistent connection. Redirects are not followed."""

    def __init__(self, url, token=None):
        parts = urlsplit(url)
        self.url, self.path, self.token, self.wait_left = url, parts.path, token, MAX_TOTAL_WAIT
        self.headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=TIMEOUT)

    def get(self, path):
        """Return (the JSON at a path, the response's headers). Raise BadResponse if there is none."""
        for left in reversed(range(ATTEMPTS)):
            response, raw = self._ask(path, left)
            if response is None:
                continue
            if response.status not in (429, 503) or not left or self.wait_left <= 0:
                return self._read(path, response, raw), response.headers
            seconds = min(retry_after(response.headers), self.wait_left)
            self.wait_left -= seconds
            time.sleep(seconds)
        raise AssertionError("the last attempt returns or raises")

    def _ask(self, path, left):
        """Return the response and its whole body, or (None, None) if there is none and attempts are `left`.

        It runs in a thread: a server that sends byte by byte, or never ends its headers, can't block this one.
        """
        found = []
        thread = threading.Thread(target=self._try, args=(path, found), daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        if not found:
            raise BadResponse(f"{self.url}{path}: no response within {TIMEOUT} s")
        if isinstance(found[0], Exception):
            self.connection.close()
            if not left:
                raise BadResponse(f"{self.url}{path}: no response ({found[0] or type(found[0]).__name__})")
            return None, None
        response, raw = found[0]
        if len(raw) > MAX_RESPONSE:
            raise BadResponse(f"{self.url}{path}: the response is larger than {MAX_RESPONSE} bytes")
        return response, raw

    def _try(self, path, found):
        try:
            self.connection.request("GET", self.path + path, headers=self.headers)
            response = self.connection.getresponse()
            found.append((response, response.read(MAX_RESPONSE + 1)))
        except (OSError, HTTPException, ValueError, AttributeError) as error:  # AttributeError: closed meanwhile
            found.append(error)

    def _read(self, path, response, raw):
        if 300 <= response.status < 400:
            where = response.headers.get("Location")
            raise BadResponse(f"{self.url}{path}: it redirects to {where}; give that server's address")
        if response.status != 200:
            detail, code = problem(raw)
            raise Refused(f"{self.url}{path}: the server responds with {response.status}{detail}", response.status, code)
        kind = response.headers.get("Content-Type")
        if kind is not None and not JSON_TYPES.fullmatch(str(kind)):
            raise BadResponse(f"{self.url}{path}: the response is not JSON but {kind}")
        try:
            return json.loads(raw, object_pairs_hook=unique_keys, parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            raise BadResponse(f"{self.url}{path}: the response is not JSON") from None


def problem(raw):
    """Return (the detail of a problem, its code), as far as it has them."""
    with suppress(ValueError, RecursionError, KeyError, TypeError):
        found = json.loads(raw)
        return f": {str(found['detail'])[:200]}", found.get("code")
    return "", None


def retry_after(headers):
    """Return the seconds after which the server wants to be asked again, at most MAX_WAIT."""
    text = headers.get("Retry-After") or ""
    return min(int(text), MAX_WAIT) if text.isascii() and text.isdigit() and len(text) < 9 else 1


# Output. Text from the server must not control the terminal or reveal the token.


UNSAFE = re.compile(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\uf900-\ufffd\U00010000-\U0003ffff]")


def describe(entry):
    return f"rank {entry['rank']}, {entry['username']}, {entry['score']} in {entry['mode']}, game {entry.get('game')}"


def sanitized(text, token=None):
    return UNSAFE.sub("?", text.replace(token, "TOKEN") if token else text)[:500]


def progress(line):
    """Show the progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


# The command line.

MAY_START_WITH_A_DASH = "--challenge", "--token"


def web_address(text):
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?", parts.netloc):
        raise argparse.ArgumentTypeError(f"{text!r}: give an address such as https://snakepit.example.org")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def join_values(arguments):
    """Return the arguments with `--token=VALUE` for `--token VALUE`, so that argparse accepts values that start with "-"."""
    found, rest = [], iter(arguments)
    for argument in rest:
        value = next(rest, None) if argument in MAY_START_WITH_A_DASH else None
        found.append(argument if value is None else f"{argument}={value}")
    return found


def positive(text):
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number, 1 or more")
    return int(text)


def day(text):
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give a date such as 2026-11-22") from None


def bearer(text):
    if not re.fullmatch(r"[!-~]{1,500}", text):
        raise argparse.ArgumentTypeError("give the token as the server returned it, without spaces")
    return text


def command_line():
    parser = argparse.ArgumentParser(description="Prove the scores of a Snakepit leaderboard without trusting its server.")
    parser.add_argument("url", type=web_address, metavar="URL", help="the server's address")
    parser.add_argument("--mode", choices=MODES, help="one mode (default: both)")
    parser.add_argument("--period", choices=PERIODS, help="the current period (default: all)")
    parser.add_argument(
        "--at", type=day, metavar="DATE", help="the period that contains this date in UTC, such as 2026-11-22"
    )
    parser.add_argument(
        "--challenge", metavar="daily|ID", help="the leaderboard of today's challenge, or of a game's challenge"
    )
    parser.add_argument("--bots", action="store_true", help="the leaderboard of bots")
    parser.add_argument("--limit", type=positive, default=PAGE_SIZE, help="number of entries (default: %(default)s)")
    parser.add_argument("--all", action="store_true", help="all entries")
    parser.add_argument(
        "--token",
        type=bearer,
        default=os.environ.get(TOKEN_VARIABLE) or None,
        help=f"a player's token, for today's daily challenge; {TOKEN_VARIABLE} is safer, since others can see arguments",
    )
    parser.add_argument(
        "--pause-budget",
        type=positive,
        metavar="SECONDS",
        default=PAUSE_BUDGET,
        help="the server's PAUSE_BUDGET (default: %(default)s)",
    )
    parser.add_argument("--ignore-pace", action="store_true", help="for a server with ENFORCE_PACE=false")
    return parser


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    try:
        sys.exit(main())
    except BrokenPipeError:  # such as `verify.py ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
