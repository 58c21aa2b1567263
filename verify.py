"""Proves the scores of a Snakepit leaderboard, without trusting its server: fetches each game, and plays it again.

    python verify.py https://snakepit.example.org --mode walls

This file needs nothing but Python 3.11 or newer. It can be copied alone to another machine, and the rules in it be read.

An entry is proven if all of this is so:

- It is of the mode, the period, the challenge and the players (people or bots) that were asked for, and not in the future.
- Its rank and its place are right, and neither its player nor its game is on the leaderboard twice.
- Its game is that player's, is over and ranked, and ended when the entry says. On a challenge, all games have the same seed.
- The game's turns, played by the rules on its seed, give exactly its score, its last tick and its outcome.
- It was played neither faster than time, nor slower than the pause budget allows.

Other entries are reported: as `wrong`; as `not verified`, where the server took a score without a game; or as
`not provable`: a game of today's daily challenge, which the server shows only to its players, or a game so slow that an
older rule may have allowed it. Nobody can prove from outside that no entry is missing, that a person played, who that was,
that a seed was drawn by chance, or that the server's times are true.

The exit status is 0 if there is a score and all are proven, 1 if one is not or the leaderboard is empty, and 2 if the
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

# The rules, word for word as the server has them in rules.py.

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


# The leaderboard. What a server says is checked before it is used: it may be anything.

BY_RULES = {RULES: Game}
PAGE = 100  # entries per request
MOST_ENTRIES = 1_000_000  # read by --all
MOST_PAGES_OF_TURNS = 32  # of a game; the longest has 16
LONGEST_NAME, LONGEST_ID = 20, 64  # characters
MOST_SCORE = 2**31 - 1
CLOCKS_DIFFER = timedelta(minutes=5)  # at most, between the server and this machine
AHEAD, FASTER, SLOWER = 1000, 1.02, 1.1  # of the pace: milliseconds, and ratios
PAUSE_BUDGET = 60  # seconds, the server's default
PAUSE_AT_START, PAUSE_GROWTH = 10_000, 1 / 4  # of the pause budget: milliseconds, and a ratio of the play time
ABANDONED = 600_000  # milliseconds; before the budget grew, a game that was left ended up to so long after its last post
DAILY, DAILY_HIDDEN = "daily", "daily_hidden"
PERIODS = ALL, MONTH, WEEK, DAY = "all", "month", "week", "day"
PROVEN, UNVERIFIED, UNPROVABLE, WRONG = "proven", "not verified", "not provable", "wrong"
KINDS = {"rank": int, "username": str, "score": int, "mode": str, "timestamp": str, "verified": bool}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


class Unusable(Exception):
    """The server's responses can't be used; the message is one line."""


class Refused(Unusable):
    """The server refuses a request with `status` and, as a problem, `code` (None without one)."""

    def __init__(self, message, status, code):
        super().__init__(message)
        self.status, self.code = status, code


class Wrong(Exception):
    """What the server says of an entry is not true, or not what was asked for; the message is one line."""


class Unprovable(Exception):
    """What the server says of an entry may be true, and can't be proven; the message is one line."""


def main(arguments=None):
    """Prove a leaderboard; return the exit status."""
    asked = command_line().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    server = Server(asked.url, asked.token)
    try:
        counts = prove_all(Proof(asked, server))
    except Unusable as error:
        progress("")
        print(shown(f"verify.py: {error}", asked.token), file=sys.stderr)
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
    """Prove each entry, and say which are not proven and why; return {verdict: number of entries}."""
    counts = dict.fromkeys((PROVEN, UNVERIFIED, UNPROVABLE, WRONG), 0)
    for entry, is_shifted in proof.entries():
        verdict, why = proof.judge(entry, is_shifted)
        counts[verdict] += 1
        if verdict != PROVEN:
            progress("")
            print(shown(f"{verdict}: {describe(entry)}: {why}", proof.server.token))
        progress(f"{sum(counts.values())} scores, {counts[PROVEN]} proven")
    return counts


class Proof:
    """What was asked for, and what is known of the leaderboard so far."""

    def __init__(self, asked, server):
        self.asked, self.server = asked, server
        self.day = asked.at or datetime.now(UTC).date()
        self.challenge, self.origin = self.find_challenge()
        self.players, self.ids, self.games, self.seeds = set(), set(), set(), {}

    def find_challenge(self):
        """Return (the challenge's full name, the game that it is named after); None for what there isn't."""
        asked = self.asked.challenge
        if asked is None:
            return None, None
        if asked == DAILY or asked.startswith(f"{DAILY}/"):
            with suppress(ValueError):  # else the server says what is wrong with it
                return f"{DAILY}/{self.day if asked == DAILY else date.fromisoformat(asked.removeprefix(DAILY + '/'))}", None
            return asked, None
        origin, _ = self.server.get(f"api/games/{quote(asked, safe='', errors='replace')}")
        if not isinstance(origin, dict) or is_other(origin, "id", asked):
            raise Unusable(f"the game {asked} of the challenge is another one, or none")
        name = origin.get("challenge")
        return (name if isinstance(name, str) and not name.startswith(f"{DAILY}/") else asked), origin

    def entries(self):
        """Yield (entry, whether its rank is another than its place gives), page by page, in their order."""
        query = {"mode": self.asked.mode, "period": self.asked.period, "challenge": self.challenge}
        query |= {"players": self.players_asked(), "at": None if self.challenge else self.day}
        done, wanted, after = 0, MOST_ENTRIES if self.asked.all else self.asked.limit, None
        before, rank, shift = None, 1, 0
        while done < wanted:
            limit = min(PAGE, wanted - done)
            page, after = self.page(query | {"limit": limit, "after": after}, limit, is_first=not done)
            for index, entry in enumerate(page):
                rank = rank if before and entry["score"] == before["score"] else done + 1
                # Those who came or went while this is read move the ranks of a later page, all by the same number.
                shift = shift if index else (entry["rank"] - rank) * (done > 0)
                self.check_place(entry, before, rank + shift)
                done, before = done + 1, entry
                yield entry, shift != 0
            if after is None:
                return
        if self.asked.all:
            raise Unusable(f"the leaderboard has more than {MOST_ENTRIES} entries; give a --limit")

    def page(self, query, limit, is_first):
        """Return (entries, the `after` of the next page or None); raise Unusable unless they are entries."""
        query = urlencode({name: value for name, value in query.items() if value is not None}, errors="replace")
        page, headers = self.server.get(f"api/leaderboard?{query}")
        if not isinstance(page, list) or not (page or is_first):
            raise Unusable("a page of the leaderboard is no list of entries")
        if len(page) > limit:
            raise Unusable(f"a page of the leaderboard has {len(page)} entries, and {limit} were asked for")
        for entry in page:
            if not isinstance(entry, dict) or any(type(entry.get(name)) is not kind for name, kind in KINDS.items()):
                raise Unusable("an entry of the leaderboard lacks something, or is none")
            if not 0 <= entry["score"] <= MOST_SCORE or not 0 < entry["rank"] <= MOST_SCORE:
                raise Unusable("an entry of the leaderboard has a score or a rank that can't be")
            if not 0 < len(entry["username"]) <= LONGEST_NAME:
                raise Unusable("an entry of the leaderboard has a username that can't be")
        return page, next_place(headers)

    def check_place(self, entry, before, rank):
        """Raise Unusable unless the entry can be where it is: after the better ones, and each player only there."""
        player = hash((unicodedata.normalize("NFKC", entry["username"]).casefold(), entry["mode"]))
        if player in self.players:
            raise Unusable(f"{describe(entry)}: this player is on the leaderboard twice")
        self.players.add(player)
        if before and entry["score"] > before["score"]:
            raise Unusable(f"{describe(entry)}: it is behind a lower score")
        if entry["rank"] != rank:
            raise Unusable(f"{describe(entry)}: its rank would be {rank}")
        if before and entry["score"] == before["score"] and entry["timestamp"] < before["timestamp"]:
            raise Unusable(f"{describe(entry)}: it is behind an equal score that was reached later")

    def judge(self, entry, is_shifted):
        """Return (verdict, why it isn't proven)."""
        try:
            self.check_entry(entry)
            if not entry["verified"]:
                return UNVERIFIED, "the server took this score without a game"
            self.prove(entry)
            if is_shifted:
                raise Unprovable("the leaderboard changed while it was read, and so did the ranks; run this again")
        except Wrong as wrong:
            return WRONG, str(wrong)
        except Unprovable as unprovable:
            return UNPROVABLE, str(unprovable)
        return PROVEN, None

    def check_entry(self, entry):
        """Raise Wrong unless the entry is of the leaderboard that was asked for."""
        if not is_id(entry.get("id")) or hash(entry["id"]) in self.ids:
            raise Wrong("it has no id of its own")
        self.ids.add(hash(entry["id"]))
        if entry["mode"] not in ([self.asked.mode] if self.asked.mode else MODES):
            raise Wrong(f"it is of the mode {entry['mode']}, and {self.asked.mode or ' or '.join(MODES)} was asked for")
        if entry.get("bot", False) is not self.asked.bots:
            raise Wrong(f"it is {'not ' if self.asked.bots else ''}a bot's, and {self.players_asked()} were asked for")
        ended = time_of(entry["timestamp"])
        if ended > datetime.now(UTC) + CLOCKS_DIFFER:
            raise Wrong(f"it was reached at {entry['timestamp']}, which is in the future")
        period = self.asked.period or ALL
        if self.challenge is None and not is_within(ended.date(), period, self.day):
            raise Wrong(f"it was reached at {entry['timestamp']}, which is not in the {period} of {self.day}")

    def players_asked(self):
        return "bots" if self.asked.bots else "people"

    def prove(self, entry):
        """Raise Wrong unless the entry's game is that player's and what was asked for, and its turns give the score."""
        if not is_id(entry.get("game")):
            raise Wrong("it has no game")
        if hash(entry["game"]) in self.games:
            raise Wrong("its game is on the leaderboard already")
        self.games.add(hash(entry["game"]))
        game = self.fetch(entry["game"])
        stated = {name: entry[name] for name in ("username", "mode", "score")}
        stated |= {"id": entry["game"], "ended_at": entry["timestamp"], "status": "over", "ranked": True}
        for name, value in stated.items():
            if is_other(game, name, value):
                raise Wrong(f"the leaderboard says {name} {value}, the game {game.get(name)}")
        if game.get("bot", False) is not self.asked.bots:
            raise Wrong(f"its game is {'not ' if self.asked.bots else ''}a bot's, and {self.players_asked()} were asked for")
        self.check_challenge(game)
        played = play(game)
        found = played.score, played.ticks, played.outcome or LEFT
        if found != (game["score"], game["tick"], game.get("outcome")):
            gives = f"{found[0]} points at tick {found[1]}, {found[2]}"
            raise Wrong(f"it says {game['score']} at tick {game['tick']}, {game.get('outcome')}; its turns give {gives}")
        self.check_seed(game)
        if not self.asked.ignore_pace:
            check_pace(game, played.nominal_ms, self.asked.pause_budget * 1000)

    def fetch(self, game_id):
        """Return the game with all its turns; raise Wrong if there is none, Unprovable if it is hidden today."""
        path = f"api/games/{quote(game_id, safe='', errors='replace')}"
        game = self.part(path)
        head, turns, since, pages = without_turns(game), game.get("turns"), game.get("continue_since"), 1
        while since is not None:
            is_tick = type(since) is int and since <= CELLS * STARVES_AFTER
            if not is_tick or pages == MOST_PAGES_OF_TURNS or not are_turns(turns, since):
                raise Wrong("its turns are not those up to the tick from which it continues")
            game, pages = self.part(f"{path}?since={since}"), pages + 1
            if without_turns(game) != head or not isinstance(game.get("turns"), list) or not game["turns"]:
                raise Wrong("the rest of its turns is another game's, or missing")
            turns, since = turns + game["turns"], game.get("continue_since")
        return head | {"turns": turns}

    def part(self, path):
        """Return the game at a path, with as many of its turns as one response has."""
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
                raise Wrong(f"its game can't be read: {refusal}") from None
            raise
        if not isinstance(game, dict):
            raise Wrong("its game is none")
        return game

    def check_challenge(self, game):
        """Raise Wrong unless the game was played for what was asked for."""
        challenge = game.get("challenge")
        if challenge != self.challenge or game.get("round") is not None:
            raise Wrong(
                f"it was played for {challenge or game.get('round') or 'no challenge'}, and is on another leaderboard"
            )
        if self.origin:
            for name in ("mode", "seed", "rules"):
                if is_other(game, name, self.origin.get(name)):
                    raise Wrong(f"its {name} is {game.get(name)}, and the challenge's {self.origin.get(name)}")
        elif challenge and challenge != f"{DAILY}/{time_of(game.get('started_at')).date()}":
            raise Wrong(f"it was started at {game.get('started_at')}, and is for {challenge}")

    def check_seed(self, game):
        """Raise Wrong for a copy of another game, or one on another seed than the others of a challenge.

        On a general leaderboard no seed is known beforehand, so a seed comes twice only by a very rare chance.
        """
        if self.challenge is not None:
            if self.seeds.setdefault(game["mode"], game["seed"]) != game["seed"]:
                raise Wrong("it was played on another seed than the others of the challenge")
            return
        seed, turns = (game["seed"], game["mode"]), hash(tuple(map(tuple, game["turns"])))
        if self.seeds.get(seed) == turns:
            raise Wrong("its game is a copy of another one of the leaderboard")
        if seed in self.seeds:
            raise Unprovable("another game of the leaderboard has the same seed, so one of them may have known it")
        self.seeds[seed] = turns


def play(game):
    """Return the Game that the turns give, at the game's tick or its end."""
    if type(game.get("rules")) is not int or game["rules"] not in BY_RULES:
        raise Wrong(f"it was played by rules {game.get('rules')}, which this program doesn't know; get a newer one")
    seed, tick, turns = game.get("seed"), game.get("tick"), game.get("turns")
    if type(seed) is not int or type(tick) is not int or not are_turns(turns, tick):
        raise Wrong("its seed, its tick or its turns can't be")
    try:
        played = BY_RULES[game["rules"]](seed, game["mode"])
    except ValueError as error:
        raise Wrong(str(error)) from None
    played.advance(turns, min(tick, CELLS * STARVES_AFTER))
    return played


def are_turns(turns, tick):
    """Return whether they are [tick, heading] in ascending order, none beyond `tick`."""
    before = 0
    for turn in turns if isinstance(turns, list) else [None]:
        if not isinstance(turn, list) or len(turn) != 2 or type(turn[0]) is not int or turn[1] not in HEADINGS:
            return False
        if not before < turn[0] <= tick:
            return False
        before = turn[0]
    return True


def check_pace(game, nominal_ms, pause_budget):
    """Raise Wrong if the game was played faster than time or much slower, by ticks of `nominal_ms` in all.

    `pause_budget`: in milliseconds, the server's. It grows with play time. Before it did, games had all of it from the
    start, and ended up to ABANDONED after their last post: those can't be told from games that were too slow.
    """
    elapsed = (time_of(game["ended_at"]) - time_of(game.get("started_at"))) / timedelta(milliseconds=1)
    took = f"its ticks last {nominal_ms / 1000:.1f} s, and it took {elapsed / 1000:.1f} s"
    if nominal_ms > elapsed * FASTER + AHEAD:
        raise Wrong(f"it was played faster than time: {took}")
    paused = elapsed - nominal_ms * SLOWER
    if paused <= min(pause_budget, PAUSE_AT_START + nominal_ms * PAUSE_GROWTH):
        return
    if paused > max(pause_budget, PAUSE_AT_START) + ABANDONED * (game["outcome"] == LEFT):
        raise Wrong(f"it was played too slowly: {took}")
    raise Unprovable(f"it was played slowly: {took}; it may have ended when games could pause longer")


# What a server says, in parts.


def is_other(thing, name, value):
    """Return whether a field of a dictionary has another value or another type."""
    return type(thing.get(name)) is not type(value) or thing[name] != value


def is_id(value):
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID


def without_turns(game):
    return {name: value for name, value in game.items() if name not in ("turns", "continue_since")}


def time_of(text):
    """Return the datetime that a timestamp of the API is; raise Wrong if it is none."""
    with suppress(ValueError):
        if isinstance(text, str) and TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    raise Wrong(f"its time {str(text)[:40]} is none")


def is_within(day, period, other):
    """Return whether two dates are in the same period."""
    spell = {ALL: lambda at: None, MONTH: lambda at: at.timetuple()[:2], WEEK: lambda at: at.isocalendar()[:2]}
    return day == other if period == DAY else spell[period](day) == spell[period](other)


def next_place(headers):
    """Return the `after` of the next page that the Link header names, or None; the rest of its address is of no use."""
    link = re.search(r'<[^<>?]*\?([^<>]*)>\s*;\s*rel="?next"?', headers.get("Link") or "")
    after = parse_qs(link[1]).get("after") if link else None
    if link and not (after and len(after[0]) <= 100 and after[0].isascii() and after[0].isprintable()):
        raise Unusable("the address of the leaderboard's next page can't be")
    return after and after[0]


def whole(pairs):
    """Return the dictionary; raise ValueError if it has a name twice, of which readers would take different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def no_number(text):
    raise ValueError(f"{text} is no number in JSON")


# The server.


TIMEOUT = 20  # seconds for a response, all of it
MOST = 1_000_000  # bytes of a response; servers send no more without a token
TRIES, LONGEST_WAIT, PATIENCE = 3, 60, 600  # for a response that the server puts off; seconds, and seconds in all
TOKEN_VARIABLE = "SNAKEPIT_TOKEN"  # noqa: S105 - the name of it
JSON_TYPES = re.compile(r"application/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)


class Server:
    """The server at a URL, by one connection that is kept from request to request: it leads nowhere else."""

    def __init__(self, url, token=None):
        parts = urlsplit(url)
        self.url, self.path, self.token, self.patience = url, parts.path, token, PATIENCE
        self.headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=TIMEOUT)

    def get(self, path):
        """Return (the JSON at a path, the response's headers). Raise Unusable if there is none."""
        for left in reversed(range(TRIES)):
            answer, raw = self._ask(path, left)
            if answer is None:
                continue
            if answer.status not in (429, 503) or not left or self.patience <= 0:
                return self._read(path, answer, raw), answer.headers
            seconds = min(wait(answer.headers), self.patience)
            self.patience -= seconds
            time.sleep(seconds)
        raise AssertionError("the last try returns or raises")

    def _ask(self, path, left):
        """Return the response and all of its body, or (None, None) if there is none and tries are `left`.

        A thread of its own asks: a server that sends byte by byte, or never ends its head, can't hold up this one.
        """
        found = []
        thread = threading.Thread(target=self._try, args=(path, found), daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        if not found:
            raise Unusable(f"{self.url}{path}: no answer within {TIMEOUT} s")
        if isinstance(found[0], Exception):
            self.connection.close()
            if not left:
                raise Unusable(f"{self.url}{path}: no answer ({found[0] or type(found[0]).__name__})")
            return None, None
        answer, raw = found[0]
        if len(raw) > MOST:
            raise Unusable(f"{self.url}{path}: the answer is larger than {MOST} bytes")
        return answer, raw

    def _try(self, path, found):
        try:
            self.connection.request("GET", self.path + path, headers=self.headers)
            answer = self.connection.getresponse()
            found.append((answer, answer.read(MOST + 1)))
        except (OSError, HTTPException, ValueError, AttributeError) as error:  # the latter, once it is closed meanwhile
            found.append(error)

    def _read(self, path, answer, raw):
        if 300 <= answer.status < 400:
            where = answer.headers.get("Location")
            raise Unusable(f"{self.url}{path}: it leads to {where}; give that server's address")
        if answer.status != 200:
            detail, code = problem(raw)
            raise Refused(f"{self.url}{path}: the server answers {answer.status}{detail}", answer.status, code)
        kind = answer.headers.get("Content-Type")
        if kind is not None and not JSON_TYPES.fullmatch(str(kind)):
            raise Unusable(f"{self.url}{path}: the answer is no JSON, but {kind}")
        try:
            return json.loads(raw, object_pairs_hook=whole, parse_constant=no_number)
        except (ValueError, RecursionError):
            raise Unusable(f"{self.url}{path}: the answer is no JSON") from None


def problem(raw):
    """Return (what a refusal says of itself, its code), as far as it does."""
    with suppress(ValueError, RecursionError, KeyError, TypeError):
        found = json.loads(raw)
        return f": {str(found['detail'])[:200]}", found.get("code")
    return "", None


def wait(headers):
    """Return the seconds that the server wants, within reason."""
    asked = headers.get("Retry-After") or ""
    return min(int(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1


# What is printed. What a server says must not move the cursor, nor colour or turn anything, nor show the token.


TEXT = re.compile(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\uf900-\ufffd\U00010000-\U0003ffff]")


def describe(entry):
    return f"rank {entry['rank']}, {entry['username']}, {entry['score']} in {entry['mode']}, game {entry.get('game')}"


def shown(text, token=None):
    return TEXT.sub("?", text.replace(token, "TOKEN") if token else text)[:500]


def progress(line):
    """On a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


# The command line.

MAY_BEGIN_WITH_A_DASH = "--challenge", "--token"


def web_address(text):
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?", parts.netloc):
        raise argparse.ArgumentTypeError(f"{text!r}: give an address such as https://snakepit.example.org")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def joined(arguments):
    """With the values of MAY_BEGIN_WITH_A_DASH behind a =, or they would be taken for options."""
    found, rest = [], iter(arguments)
    for argument in rest:
        value = next(rest, None) if argument in MAY_BEGIN_WITH_A_DASH else None
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
        raise argparse.ArgumentTypeError("give a token as the server gave it, letters and digits without spaces")
    return text


def command_line():
    parser = argparse.ArgumentParser(description="Prove the scores of a Snakepit leaderboard without trusting its server.")
    parser.add_argument("url", type=web_address, metavar="URL", help="where the server is")
    parser.add_argument("--mode", choices=MODES, help="one mode's leaderboard (both)")
    parser.add_argument("--period", choices=PERIODS, help="the current one (all)")
    parser.add_argument("--at", type=day, metavar="DATE", help="the period around a date, such as 2026-11-22, in UTC")
    parser.add_argument("--challenge", metavar="daily|ID", help="the leaderboard of today's challenge, or of a game's")
    parser.add_argument("--bots", action="store_true", help="the leaderboard of programs")
    parser.add_argument("--limit", type=positive, default=PAGE, help="how many of the best (%(default)s)")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument(
        "--token",
        type=bearer,
        default=os.environ.get(TOKEN_VARIABLE) or None,
        help=f"a player's, for today's daily challenge; safer in {TOKEN_VARIABLE}: others can see arguments",
    )
    parser.add_argument(
        "--pause-budget",
        type=positive,
        metavar="SECONDS",
        default=PAUSE_BUDGET,
        help="the server's PAUSE_BUDGET (%(default)s)",
    )
    parser.add_argument("--ignore-pace", action="store_true", help="for a server with ENFORCE_PACE=false")
    return parser


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    try:
        sys.exit(main())
    except BrokenPipeError:  # as of `verify.py ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
