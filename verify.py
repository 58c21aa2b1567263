"""Proves the scores of a Snakepit board, without trusting its server: fetches each game, and plays it again.

    python verify.py https://snakepit.example.org --mode walls

This file needs nothing but Python 3.11 or newer: it can be copied alone to another machine, and the rules in it be read.
The exit status is 0 if every score of the board is proven, 1 if one is not, and 2 if the server's answers can't be used.
"""

import argparse
import json
import re
import socket
import sys
import threading
import time
from bisect import bisect_right
from collections import deque
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from operator import itemgetter
from urllib.parse import quote, urlencode, urlsplit

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


# The board. What a server says is looked at before it is used: it may be anything.

BY_RULES = {RULES: Game}
TIMEOUT = 20  # seconds for an answer, all of it
MOST = 4_000_000  # bytes of an answer; the longest game's turns take 3.6 million
PAGE = 100  # entries asked for at once
TRIES, LONGEST_WAIT = 3, 60  # for an answer that the server puts off; seconds
TEXT = re.compile(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\uf900-\ufffd\U00010000-\U0003ffff]")


class Unusable(Exception):
    """What the server answers is nothing to go on with, in one line."""


class Wrong(Exception):
    """What is said of a game is not what its turns give, in one line."""


def main(arguments=None):
    """Prove a board; the exit status."""
    asked = command_line().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    counts = {"proven": 0, "not verified": 0, "wrong": 0}
    server = Server(asked.url)
    try:
        for entry in board(asked, server):
            verdict, why = judge(asked, server, entry)
            counts[verdict] += 1
            if why:
                say(f"{'' if verdict == 'wrong' else 'not verified: '}{describe(entry)}: {why}")
            progress(f"{sum(counts.values())} scores, {counts['proven']} proven")
    except Unusable as error:
        progress("")
        print(shown(f"verify.py: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress("")
        return 2
    finally:
        server.connection.close()
    progress("")
    total = sum(counts.values())
    rest = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count and verdict != "proven")
    print(f"{counts['proven']} of {total} scores are proven{': ' + rest if rest else ''}.")
    return 0 if counts["proven"] == total else 1


def board(asked, server):
    """Yields the entries, page by page, in the order in which they must stand."""
    query = {"limit": PAGE if asked.all else min(asked.limit, PAGE), "players": "bots" if asked.bots else None}
    query |= {name: getattr(asked, name) for name in ("mode", "period", "at", "challenge")}
    link, done, seen = urlencode({name: value for name, value in query.items() if value}), 0, set()
    lowest = None
    while link:
        page, headers = server.get(f"api/leaderboard?{link}")
        check_page(page, is_first=not done)
        for entry in page[: None if asked.all else asked.limit - done]:
            who = entry["username"], entry["mode"]
            if who in seen or (done and entry["score"] > lowest):
                raise Unusable(f"{describe(entry)}: stands on the board twice, or behind a lower score")
            seen.add(who)
            done, lowest = done + 1, entry["score"]
            yield entry
        link = next_page(headers) if asked.all or done < asked.limit else None


def check_page(page, is_first):
    """Unusable unless it is a list of entries with their ranks: on later pages, those who came meanwhile shift them."""
    kinds = {"rank": int, "username": str, "score": int, "mode": str, "timestamp": str, "verified": bool}
    if not isinstance(page, list) or not (page or is_first):
        raise Unusable("a page of the board is no list of entries")
    before = None
    for number, entry in enumerate(page, 1):
        if not isinstance(entry, dict) or any(type(entry.get(name)) is not kind for name, kind in kinds.items()):
            raise Unusable("an entry of the board lacks something, or is none")
        is_equal = before is not None and before["score"] == entry["score"]
        rank = before["rank"] if is_equal else number if is_first else entry["rank"]
        if entry["rank"] != rank:
            raise Unusable(f"{describe(entry)}: its rank would be {rank}")
        before = entry


def next_page(headers):
    """The query of the next page, if the Link header has one; what else its address has is of no use."""
    found = re.search(r'<[^>]*\?([^>]*)>\s*;\s*rel="?next"?', headers.get("Link") or "")
    return found and found[1]


def judge(asked, server, entry):
    """(a verdict, why it isn't proven)"""
    if not entry["verified"]:
        return "not verified", "the server has taken this score at its word"
    try:
        prove(asked, server, entry)
    except Wrong as wrong:
        return "wrong", str(wrong)
    return "proven", None


def prove(asked, server, entry):
    """Wrong unless the entry's game is that player's, and its turns give the entry's score."""
    if not isinstance(entry.get("game"), str):
        raise Wrong("it has no game")
    game, _ = server.get(f"api/games/{quote(entry['game'], safe='', errors='replace')}")
    if not isinstance(game, dict):
        raise Wrong("its game is none")
    stated = {name: entry[name] for name in ("username", "mode", "score")}
    stated |= {"id": entry["game"], "ended_at": entry["timestamp"], "status": "over", "ranked": True}
    for name, value in stated.items():
        if type(game.get(name)) is not type(value) or game[name] != value:
            raise Wrong(f"the board says {name} {value}, the game {game.get(name)}")
    check_seed(asked, game)
    played = play(game)
    if (played.score, played.ticks, played.outcome or LEFT) != (game["score"], game.get("tick"), game.get("outcome")):
        stands = f"{played.score} points at tick {played.ticks}, {played.outcome or LEFT}"
        raise Wrong(f"it says {game['score']} at tick {game.get('tick')}, {game.get('outcome')}; its turns give {stands}")


def check_seed(asked, game):
    """On a general board no seed is known beforehand, and on a challenge's all games have the same."""
    challenge, seed = game.get("challenge"), game.get("seed")
    if (challenge is None) != (asked.challenge is None):
        raise Wrong(f"it was played for {challenge or 'no challenge'}, and is on another board")
    if asked.challenge is not None and asked.seeds.setdefault(game["mode"], (challenge, seed)) != (challenge, seed):
        raise Wrong("it was played on another seed than the others of the challenge")


def play(game):
    """The Game that the turns give."""
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
    """Whether they are [tick, heading] in ascending order, none beyond the end at `tick`."""
    before = 0
    for turn in turns if isinstance(turns, list) else [None]:
        if not isinstance(turn, list) or len(turn) != 2 or type(turn[0]) is not int or turn[1] not in HEADINGS:
            return False
        if not before < turn[0] <= tick:
            return False
        before = turn[0]
    return True


# The server.


class Server:
    """The server at a URL, by one connection that is kept from answer to answer: it leads nowhere else."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.url, self.path, self.is_late = url, parts.path, False
        self.connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=TIMEOUT)

    def get(self, path):
        """(the JSON at a path, the answer's headers). Unusable if there is none."""
        for left in reversed(range(TRIES)):
            try:
                answer, raw = self._ask(path)
            except (OSError, HTTPException) as error:
                self.connection.close()
                if self.is_late:
                    raise Unusable(f"{self.url}{path}: no answer within {TIMEOUT} s") from None
                if not left:
                    raise Unusable(f"{self.url}{path}: no answer ({error or type(error).__name__})") from None
                continue
            if answer.status not in (429, 503) or not left:
                return self._read(path, answer, raw), answer.headers
            time.sleep(wait(answer.headers))
        raise AssertionError("the last try answers or refuses")

    def _ask(self, path):
        """The answer, and all of its body. The connection is cut if that takes too long: drop by drop, it could for good."""
        timer = threading.Timer(TIMEOUT, self._cut)
        timer.daemon = True
        timer.start()
        try:
            self.connection.request("GET", self.path + path, headers={"Accept": "application/json"})
            answer = self.connection.getresponse()
            raw = answer.read(MOST + 1)
            if self.is_late:
                raise TimeoutError  # what was read may look whole
        finally:
            timer.cancel()
        if len(raw) > MOST:
            raise Unusable(f"{self.url}{path}: the answer is larger than {MOST} bytes")
        return answer, raw

    def _cut(self):
        self.is_late = True
        with suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)

    def _read(self, path, answer, raw):
        if 300 <= answer.status < 400:
            raise Unusable(f"{self.url}{path}: it leads to {answer.headers.get('Location')}; give that server's address")
        if answer.status != 200:
            raise Unusable(f"{self.url}{path}: the server answers {answer.status}{detail(raw)}")
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise Unusable(f"{self.url}{path}: the answer is no JSON") from None


def detail(raw):
    """What a refusal says of itself, if it does."""
    with suppress(ValueError, RecursionError, KeyError, TypeError):
        return f": {str(json.loads(raw)['detail'])[:200]}"
    return ""


def wait(headers):
    """Seconds that the server wants, within reason."""
    asked = headers.get("Retry-After") or ""
    return min(int(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1


# Talking. What a server says is not to move the cursor, nor to colour or to turn anything.


def describe(entry):
    return f"rank {entry['rank']}, {entry['username']}, {entry['score']} in {entry['mode']}, game {entry.get('game')}"


def shown(text):
    return TEXT.sub("?", text)[:500]


def say(line):
    progress("")
    print(shown(line))


def progress(line):
    """On a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def web_address(text):
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?", parts.netloc):
        raise argparse.ArgumentTypeError(f"{text!r}: give an address such as https://snakepit.example.org")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def joined(arguments):
    """With a challenge's id behind a =, since it may begin with a -, as options do."""
    at = arguments.index("--challenge") if "--challenge" in arguments else len(arguments)
    return [*arguments[:at], *filter(None, ["=".join(arguments[at : at + 2])]), *arguments[at + 2 :]]


def positive(text):
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number, 1 or more")
    return int(text)


def command_line():
    about = "Proves the scores of a Snakepit leaderboard, without trusting its server."  # -OO drops docstrings
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("url", type=web_address, metavar="URL", help="where the server is")
    parser.add_argument("--mode", choices=MODES, help="one mode's board (both)")
    parser.add_argument("--period", choices=("all", "month", "week", "day"), help="the current one (all)")
    parser.add_argument("--at", metavar="DATE", help="the period around a date, such as 2026-11-22")
    parser.add_argument("--challenge", metavar="daily|ID", help="the board of today's challenge, or of a game's")
    parser.add_argument("--bots", action="store_true", help="the board of programs")
    parser.add_argument("--limit", type=positive, default=PAGE, help="how many of the best (%(default)s)")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.set_defaults(seeds={})
    return parser


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    sys.exit(main())
