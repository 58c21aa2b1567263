"""Proves the scores of a Snakepit leaderboard without trusting its server: fetches each game and replays it.

    python verify.py https://snakepit.example.org --mode walls
    python verify.py https://snakepit.example.org --room B7K2XM --round 1

This file needs only Python 3.11 or newer. Copy it alone to another machine, and read the rules in it.

An entry is proven if all of this holds:

- It belongs to the requested mode, period, challenge and players (people or bots), and is not in the future.
- Its rank and its position are right, and its player and its game appear only once.
- Its game belongs to that player, is over and ranked, and ended when the entry says. All games of a challenge have the same
  seed.
- The game's turns, played by the rules on its seed, give exactly its score, last tick and outcome.
- It was played neither faster than time nor slower than the pause budget allows.

With `--room`, the final standings of a round are proven. All its games have one mode and one seed, began after the round's
start, and have no tick after its end.

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
from collections import Counter, deque
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import parse_qs, quote, urlencode, urlsplit

# The rules, version 1. `x` grows to the right, `y` grows downwards, (0, 0) is the top left.

SIZE = 20
CELLS = [(x, y) for y in range(SIZE) for x in range(SIZE)]  # in the order in which food counts them
POINTS = 10  # for a meal
STARVES_AFTER = 800  # ticks in a row without a meal
MAX_TICKS = len(CELLS) * STARVES_AFTER

HEADINGS = ("U", "R", "D", "L")
STEPS = {"U": (0, -1), "R": (1, 0), "D": (0, 1), "L": (-1, 0)}
OPPOSITE = {"U": "D", "R": "L", "D": "U", "L": "R"}
MODES = WALLS, PASS_THROUGH = "walls", "pass-through"
WALL, SELF, STARVED, WON, LEFT = "wall", "self", "starved", "won", "left"


def draw(rng):
    """Return the next random number, which is also the next state: xorshift32 (Marsaglia, 2003)."""
    rng ^= rng << 13 & 0xFFFFFFFF
    rng ^= rng >> 17
    return rng ^ (rng << 5 & 0xFFFFFFFF)


def replay(seed, mode, turns, last):
    """Play through tick `last`, or to the end of the game.

    `turns` are [tick, heading]. Return (score, tick, outcome, length of all ticks in milliseconds); a game that is still
    going on was left.
    """
    turns, heading = dict(turns), "U"
    body = deque([(10, 10), (10, 11), (10, 12)])  # head first
    taken, food, rng = set(body), None, seed
    score = tick = hunger = nominal_ms = 0
    while True:
        if food is None:
            rng = draw(rng)
            empty = [cell for cell in CELLS if cell not in taken]
            food = empty[rng % len(empty)]
        if tick == last:
            return score, tick, LEFT, nominal_ms
        tick += 1
        hunger += 1
        nominal_ms += max(70, 150 - 2 * score // 10)
        turn = turns.get(tick, heading)
        if turn != OPPOSITE[heading]:
            heading = turn
        x, y = body[0][0] + STEPS[heading][0], body[0][1] + STEPS[heading][1]
        if mode == PASS_THROUGH:
            x, y = x % SIZE, y % SIZE
        elif not (0 <= x < SIZE and 0 <= y < SIZE):
            return score, tick, WALL, nominal_ms
        if (x, y) == food:
            score, hunger, food = score + POINTS, 0, None
        else:
            taken.remove(body.pop())
        if (x, y) in taken:
            return score, tick, SELF, nominal_ms
        body.appendleft((x, y))
        taken.add((x, y))
        if len(body) == len(CELLS):
            return score, tick, WON, nominal_ms
        if hunger == STARVES_AFTER:
            return score, tick, STARVED, nominal_ms


REPLAYS = {1: replay}  # by the version of the rules


# The leaderboard. Every value from the server is checked before use.

PAGE_SIZE = 100  # entries per request
MAX_ENTRIES = 1_000_000  # that --all reads
MAX_STANDINGS = 1000  # entries of a round that the server shows at once
MAX_TURN_PAGES = 32  # per game; the longest game has 16
MAX_NAME_LENGTH, MAX_ID_LENGTH = 20, 64  # characters
MAX_SCORE = 2**31 - 1
CLOCK_TOLERANCE = timedelta(minutes=5)  # between the server's clock and this machine's
EARLY_ALLOWANCE_MS, SPEED_TOLERANCE, SLOWNESS_TOLERANCE = 1000, 1.02, 1.1  # the rules of pace
PAUSE_BUDGET = 60  # seconds, the server's default
PAUSE_AT_START_MS, PAUSE_GROWTH = 10_000, 1 / 4  # the pause budget grows with play time
ABANDON_AFTER_MS = 600_000  # games of older versions ended up to this long after their last post
DAILY, DAILY_HIDDEN = "daily", "daily_hidden"
PERIODS = {"all": "", "month": "%Y-%m", "week": "%G-%V", "day": "%Y-%m-%d"}  # and what two dates in a period share
PROVEN, UNVERIFIED, UNPROVABLE, WRONG = "proven", "not verified", "not provable", "wrong"
ENTRY_TYPES = {"rank": int, "username": str, "score": int, "mode": str, "timestamp": str, "verified": bool}
ROUND_TYPES = {"id": str, "name": str, "score": int, "status": str, "ranked": bool}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


class BadResponse(Exception):
    """A response can't be used. The message is one line; `status` and `code` are those of a refusal, or None."""

    def __init__(self, message, status=None, code=None):
        super().__init__(message)
        self.status, self.code = status, code


class Unproven(Exception):
    """An entry is not proven; `verdict` is one of the above. The message is one line."""

    def __init__(self, verdict, why):
        super().__init__(why)
        self.verdict = verdict


def require(is_right, why):
    """Raise Unproven for a wrong entry unless a condition holds."""
    if not is_right:
        raise Unproven(WRONG, why)


def main(arguments=None):
    """Prove a leaderboard; return the exit status."""
    args = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    server = Server(args.url, args.token)
    counts = Counter()
    try:
        prove_all((RoundProof if args.room else Proof)(args, server), counts)
    except BadResponse as error:
        progress("")
        print(sanitized(f"verify.py: {error}", args.token), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 2
    finally:
        progress("")
        server.connection.close()
    if not counts:
        print("The leaderboard is empty: nothing is proven.")
        return 1
    total, proven = counts.total(), counts.pop(PROVEN, 0)
    rest = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (UNVERIFIED, UNPROVABLE, WRONG) if counts[verdict])
    print(f"{proven} of {total} scores are proven{': ' + rest if rest else ''}.")
    return 0 if proven == total else 1


def prove_all(proof, counts):
    """Prove each entry and print those that are not proven. Count the verdicts."""
    for entry, is_shifted in proof.entries():
        try:
            proof.check_entry(entry)
            proof.check_game(entry)
            if is_shifted:
                raise Unproven(UNPROVABLE, "the leaderboard changed while it was read, and so did the ranks; run this again")
            counts[PROVEN] += 1
        except Unproven as unproven:
            counts[unproven.verdict] += 1
            progress("")
            print(sanitized(f"{unproven.verdict}: {describe(entry)}: {unproven}", proof.server.token))
        progress(f"{counts.total()} scores, {counts[PROVEN]} proven")


class Proof:
    """The proof of one leaderboard: what was requested, and what has been read so far."""

    def __init__(self, args, server):
        self.args, self.server = args, server
        self.day = args.at or datetime.now(UTC).date()
        self.wanted_players = "bots" if args.bots else "people"
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
        origin, _ = self.server.get(game_path(wanted))
        if not isinstance(origin, dict) or not has(origin, "id", wanted):
            raise BadResponse(f"the server has no game {wanted} for the challenge")
        name = origin.get("challenge")
        return (name if isinstance(name, str) and not name.startswith(f"{DAILY}/") else wanted), origin

    def entries(self):
        """Yield (entry, whether its rank differs from its position) in the order of the leaderboard."""
        query = {"mode": self.args.mode, "period": self.args.period, "challenge": self.challenge}
        query |= {"players": self.wanted_players, "at": None if self.challenge else self.day}
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
        name = unicodedata.normalize("NFKC", entry["username"]).casefold()
        if not is_new(self.players, (name, entry["mode"])):
            raise BadResponse(f"{describe(entry)}: this player is on the leaderboard twice")
        if before and entry["score"] > before["score"]:
            raise BadResponse(f"{describe(entry)}: it follows a lower score")
        if entry["rank"] != rank:
            raise BadResponse(f"{describe(entry)}: its rank should be {rank}")
        if before and entry["score"] == before["score"] and entry["timestamp"] < before["timestamp"]:
            raise BadResponse(f"{describe(entry)}: it follows an equal score that was reached later")

    def check_entry(self, entry):
        """Raise Unproven unless the entry belongs to the requested leaderboard, and to a game."""
        require(is_id(entry.get("id")) and is_new(self.ids, entry["id"]), "its id is missing or appears twice")
        modes = [self.args.mode] if self.args.mode else MODES
        require(entry["mode"] in modes, f"its mode is {entry['mode']}, but {' or '.join(modes)} was requested")
        self.check_kind("it", entry)
        ended, period = time_of(entry["timestamp"]), self.args.period or "all"
        reached = f"it was reached at {entry['timestamp']}, which is"
        require(ended <= datetime.now(UTC) + CLOCK_TOLERANCE, f"{reached} in the future")
        is_in_period = ended.strftime(PERIODS[period]) == self.day.strftime(PERIODS[period])
        require(self.challenge or is_in_period, f"{reached} not in the {period} of {self.day}")
        if not entry["verified"]:
            raise Unproven(UNVERIFIED, "the server took this score without a game")
        require(is_id(entry.get("game")), "it has no game")
        require(is_new(self.games, entry["game"]), "its game is on the leaderboard already")

    def check_kind(self, name, thing):
        """Raise Unproven for a person's entry or game among those of bots, and the other way round."""
        kind = "not a bot's" if self.args.bots else "a bot's"
        is_right = thing.get("bot", False) is self.args.bots
        require(is_right, f"{name} is {kind}, but {self.wanted_players} were requested")

    def check_game(self, entry):
        """Fetch and replay the entry's game. Raise Unproven unless it is the player's and gives the score."""
        game = self.fetch(entry["game"])
        self.check_stated(game, {name: entry[name] for name in ("username", "mode", "score")})
        self.check_stated(game, {"id": entry["game"], "ended_at": entry["timestamp"]})
        self.check_kind("its game", game)
        self.check_challenge(game)
        nominal_ms = self.check_turns(game)
        self.check_seed(game)
        if not self.args.ignore_pace:
            check_pace(game, nominal_ms, self.args.pause_budget * 1000)

    def check_stated(self, game, stated):
        """Raise Unproven unless the game is over and ranked, and has these fields of its entry."""
        for name, value in (stated | {"status": "over", "ranked": True}).items():
            require(has(game, name, value), f"the leaderboard says {name} {value}, the game {game.get(name)}")

    def check_turns(self, game):
        """Raise Unproven unless its turns give what the game says. Return the length of all its ticks in milliseconds."""
        *found, nominal_ms = play(game)
        stated = [game["score"], game["tick"], game.get("outcome")]
        words = "it says {} at tick {}, {}; its turns give {} points at tick {}, {}"
        require(found == stated, words.format(*stated, *found))
        return nominal_ms

    def fetch(self, game_id):
        """Return the game with all its turns. Raise Unproven if there is none, or it is hidden today."""
        path = game_path(game_id)
        game = self.fetch_part(path)
        head, turns, since, pages = without_turns(game), game.get("turns"), game.get("continue_since"), 1
        while since is not None:
            is_tick = type(since) is int and since <= MAX_TICKS
            is_right = is_tick and pages < MAX_TURN_PAGES and are_turns(turns, since)
            require(is_right, "its turns are not those up to the tick from which it continues")
            game, pages = self.fetch_part(f"{path}?since={since}"), pages + 1
            is_rest = without_turns(game) == head and isinstance(game.get("turns"), list) and game["turns"]
            require(is_rest, "the rest of its turns is another game's, or missing")
            turns, since = turns + game["turns"], game.get("continue_since")
        return head | {"turns": turns}

    def fetch_part(self, path):
        """Return the game at a path, with the turns that one response contains."""
        try:
            game, _ = self.server.get(path)
        except BadResponse as refusal:
            if refusal.code == DAILY_HIDDEN and (self.challenge or "").startswith(f"{DAILY}/"):
                why = "before 00:00 UTC the server shows games of the daily challenge only to those who have played it"
                remedy = f"give the token of a player in {TOKEN_VARIABLE}, or come back later"
                raise Unproven(UNPROVABLE, f"{why}; {remedy}") from None
            require(refusal.status not in (403, 404, 410), f"its game can't be read: {refusal}")
            raise
        require(isinstance(game, dict), "its game is not an object")
        return game

    def check_challenge(self, game):
        """Raise Unproven unless the game belongs to the requested challenge, or to none."""
        challenge, round_name, started_at = (game.get(name) for name in ("challenge", "round", "started_at"))
        found = challenge or round_name or "no challenge"
        is_right = challenge == self.challenge and round_name is None
        require(is_right, f"it was played for {found}, and is on another leaderboard")
        if self.origin:
            for name in ("mode", "seed", "rules"):
                wanted = self.origin.get(name)
                require(has(game, name, wanted), f"its {name} is {game.get(name)}, and the challenge's {wanted}")
        elif challenge:
            is_of_day = challenge == f"{DAILY}/{time_of(started_at).date()}"
            require(is_of_day, f"it was started at {started_at}, and is for {challenge}")

    def check_seed(self, game):
        """Raise Unproven for a copy of another game, and for another seed than that of the challenge.

        On a general leaderboard players don't know seeds in advance, so the same seed twice is suspicious.
        """
        if self.challenge is not None:
            is_same = self.seeds.setdefault(game["mode"], game["seed"]) == game["seed"]
            require(is_same, "it was played on another seed than the other games of the challenge")
            return
        seed, turns = (game["seed"], game["mode"]), hash(tuple(map(tuple, game["turns"])))
        require(self.seeds.get(seed) != turns, "its game is a copy of another game on the leaderboard")
        if seed in self.seeds:
            why = "another game on the leaderboard has the same seed, which one of the players may have known"
            raise Unproven(UNPROVABLE, why)
        self.seeds[seed] = turns


class RoundProof(Proof):
    """The proof of the final standings of a round: its row of the API, and what has been read so far."""

    def __init__(self, args, server):
        self.args, self.server, self.challenge = args, server, None
        self.ids, self.games, self.found = set(), set(), {}
        path = f"api/rooms/{quote(args.room, safe='', errors='replace')}/rounds/{args.round}?limit={MAX_STANDINGS}"
        self.round, _ = server.get(path)
        if not isinstance(self.round, dict) or not isinstance(self.round.get("standings"), list):
            raise BadResponse("the round is not an object with standings")
        if not has(self.round, "number", args.round) or self.round.get("mode") not in MODES:
            raise BadResponse("the round has another number, or an unknown mode")
        try:
            self.starts, self.ends = (time_of(self.round.get(name)) for name in ("starts_at", "ends_at"))
        except Unproven:
            raise BadResponse("the round has no start or end") from None
        if self.round.get("status") != "over" or any(has(entry, "status", "playing") for entry in self.standings()):
            raise BadResponse("the round is not over; its standings are final two seconds after its end")

    def standings(self):
        """Return the entries. Raise BadResponse for what can be none."""
        for entry in self.round["standings"]:
            if not isinstance(entry, dict) or any(type(entry.get(name)) is not kind for name, kind in ROUND_TYPES.items()):
                raise BadResponse("an entry of the standings lacks a field, or is not an object")
            if not 0 <= entry["score"] <= MAX_SCORE or not 0 < len(entry["name"]) <= MAX_NAME_LENGTH:
                raise BadResponse("an entry of the standings has an impossible score or name")
        return self.round["standings"]

    def entries(self):
        """Yield (entry, False) for those who have a ranked game. The others come last, and have no score."""
        before, rank, has_ended = None, 0, False
        for position, entry in enumerate(self.standings(), 1):
            entry |= {"username": entry["name"], "mode": self.round["mode"]}
            if not entry["ranked"]:
                has_ended = True
                if entry["score"] or entry.get("rank") is not None:
                    raise BadResponse(f"{entry['name']} has a score or a rank, but no ranked game")
                continue
            rank = rank if before == entry["score"] else position
            if has_ended or (before is not None and before < entry["score"]) or not has(entry, "rank", rank):
                raise BadResponse(f"{describe({'rank': None} | entry)}: its rank should be {rank}, behind better ones")
            before = entry["score"]
            yield entry, False

    def check_entry(self, entry):
        require(is_id(entry["id"]) and is_new(self.ids, entry["id"]), "its id is missing or appears twice")
        require(is_id(entry.get("game")), "it has no game")
        require(is_new(self.games, entry["game"]), "its game is in the standings already")

    def check_game(self, entry):
        """Fetch and replay the entry's game. Raise Unproven unless it was played in the round, and gives the score."""
        game = self.fetch(entry["game"])
        if has(game, "status", "playing"):
            raise Unproven(UNPROVABLE, "the server has yet to write its end; run this again in a minute")
        self.check_stated(game, {"id": entry["game"], "mode": entry["mode"], "score": entry["score"], "challenge": None})
        name = game.get("round")
        is_of_round = isinstance(name, str) and name.endswith(f"/{self.args.round}")
        require(is_of_round, f"it was played for {name or 'no round'}, and counts elsewhere")
        nominal_ms = self.check_turns(game)
        for what, value in (("round", name), ("seed", game["seed"])):
            require(self.found.setdefault(what, value) == value, f"its {what} is {value}, and that of others another")
        require(is_new(self.ids, ("player", game.get("username"))), "its player is in the standings already")
        started, last_tick = time_of(game.get("started_at")), timedelta(milliseconds=nominal_ms)
        require(started >= self.starts, f"it was started at {game['started_at']}, before the round")
        require(
            started + last_tick <= self.ends, f"its last tick was {started + last_tick - self.ends} after the round's end"
        )
        if not self.args.ignore_pace:
            self.check_pace(game, nominal_ms)

    def check_pace(self, game, nominal_ms):
        """Raise Unproven if the game was played faster than time or too slowly: it has all of the pause budget at once."""
        ended = min(time_of(game.get("ended_at")), self.ends)
        elapsed = max(0, (ended - time_of(game["started_at"])) / timedelta(milliseconds=1))
        took = f"its ticks last {nominal_ms / 1000:.1f} s, and it took {elapsed / 1000:.1f} s"
        require(nominal_ms <= elapsed * SPEED_TOLERANCE + EARLY_ALLOWANCE_MS, f"it was played faster than time: {took}")
        paused = elapsed - nominal_ms * SLOWNESS_TOLERANCE
        require(paused <= self.args.pause_budget * 1000, f"it was played too slowly: {took}")


def play(game):
    """Play the turns through the game's last tick. Return what `replay` returns."""
    version, seed, tick, turns = (game.get(name) for name in ("rules", "seed", "tick", "turns"))
    is_known = type(version) is int and version in REPLAYS
    require(is_known, f"it was played by rules {version}, which this program doesn't know; get a newer verify.py")
    is_valid = type(seed) is int and type(tick) is int and are_turns(turns, tick)
    require(is_valid, "its seed, tick or turns are not valid")
    require(1 <= seed <= 0xFFFFFFFF, f"seed {seed} is not from 1 to 4294967295")
    return REPLAYS[version](seed, game["mode"], turns, min(tick, MAX_TICKS))


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
    """Raise Unproven if the game was played faster than time or too slowly. Its ticks last `nominal_ms`.

    `pause_budget`: the server's, in milliseconds. It grows with play time. In older versions games had all of it from the
    start, and ended up to ABANDON_AFTER_MS after their last post: whether such games were too slow can't be proven.
    """
    elapsed = (time_of(game["ended_at"]) - time_of(game.get("started_at"))) / timedelta(milliseconds=1)
    took = f"its ticks last {nominal_ms / 1000:.1f} s, and it took {elapsed / 1000:.1f} s"
    require(nominal_ms <= elapsed * SPEED_TOLERANCE + EARLY_ALLOWANCE_MS, f"it was played faster than time: {took}")
    paused = elapsed - nominal_ms * SLOWNESS_TOLERANCE
    longest = max(pause_budget, PAUSE_AT_START_MS) + ABANDON_AFTER_MS * (game["outcome"] == LEFT)
    require(paused <= longest, f"it was played too slowly: {took}")
    if paused > min(pause_budget, PAUSE_AT_START_MS + nominal_ms * PAUSE_GROWTH):
        raise Unproven(UNPROVABLE, f"it was played slowly: {took}; it may have ended when games could pause longer")


# Values in responses.


def game_path(game_id):
    return f"api/games/{quote(game_id, safe='', errors='replace')}"


def has(thing, name, value):
    """Return whether a field of a dictionary has this value, and its type."""
    return type(thing.get(name)) is type(value) and thing.get(name) == value


def is_id(value):
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH


def is_new(seen, value):
    """Return whether a value was not seen before, and note it: by its hash, since there may be a million long ones."""
    number = len(seen)
    seen.add(hash(value))
    return len(seen) > number


def without_turns(game):
    return {name: value for name, value in game.items() if name not in ("turns", "continue_since")}


def time_of(text):
    """Return the datetime of a timestamp. Raise Unproven if it is not valid."""
    with suppress(ValueError):
        if isinstance(text, str) and TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(text)
    raise Unproven(WRONG, f"its time {str(text)[:40]} is not valid")


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
            found = self._ask(path)
            if isinstance(found, Exception):
                self.connection.close()
                continue
            response, _ = found
            if response.status not in (429, 503) or not left or self.wait_left <= 0:
                break
            seconds = min(retry_after(response.headers), self.wait_left)
            self.wait_left -= seconds
            time.sleep(seconds)
        try:
            if isinstance(found, Exception):
                raise BadResponse(f"no response ({found or type(found).__name__})")
            return parse(*found), response.headers
        except BadResponse as error:
            raise BadResponse(f"{self.url}{path}: {error}", error.status, error.code) from None

    def _ask(self, path):
        """Return (the response, its body), or the error if there is none.

        It runs in a thread: a server that sends byte by byte, or never ends its headers, can't block this one.
        """
        found = []

        def ask():
            try:
                self.connection.request("GET", self.path + path, headers=self.headers)
                response = self.connection.getresponse()
                found.append((response, response.read(MAX_RESPONSE + 1)))
            except (OSError, HTTPException, ValueError, AttributeError) as error:  # AttributeError: closed meanwhile
                found.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        if not found:
            raise BadResponse(f"{self.url}{path}: no response within {TIMEOUT} s")
        return found[0]


def parse(response, raw):
    """Return the JSON of a response. Raise BadResponse for any other than a 200 with JSON of a reasonable size."""
    if len(raw) > MAX_RESPONSE:
        raise BadResponse(f"the response is larger than {MAX_RESPONSE} bytes")
    if 300 <= response.status < 400:
        raise BadResponse(f"it redirects to {response.headers.get('Location')}; give that server's address")
    if response.status != 200:
        detail, code = problem(raw)
        raise BadResponse(f"the server responds with {response.status}{detail}", response.status, code)
    kind = response.headers.get("Content-Type")
    if kind is not None and not JSON_TYPES.fullmatch(str(kind)):
        raise BadResponse(f"the response is not JSON but {kind}")
    try:
        # `int` refuses the constants, such as NaN.
        return json.loads(raw, object_pairs_hook=unique_keys, parse_constant=int)
    except (ValueError, RecursionError):
        raise BadResponse("the response is not JSON") from None


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


def describe(entry):
    return f"rank {entry['rank']}, {entry['username']}, {entry['score']} in {entry['mode']}, game {entry.get('game')}"


def sanitized(text, token=None):
    text = text.replace(token, "TOKEN") if token else text
    return "".join(character if character.isprintable() else "?" for character in text[:500])


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


def parse_arguments(arguments):
    parser = command_line()
    args = parser.parse_args(join_values(arguments))
    others = [name for name in ("mode", "period", "at", "challenge", "bots", "all") if getattr(args, name)]
    if (args.room is None) != (args.round is None):
        parser.error("give --room and --round together")
    if args.room and others:
        parser.error(f"argument --room: not with --{others[0]}; a round has standings of its own")
    return args


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
    add, token = parser.add_argument, os.environ.get(TOKEN_VARIABLE) or None
    add("url", type=web_address, metavar="URL", help="the server's address")
    add("--mode", choices=MODES, help="one mode (default: both)")
    add("--period", choices=PERIODS, help="the current period (default: all)")
    add("--at", type=day, metavar="DATE", help="the period that contains this date in UTC, such as 2026-11-22")
    add("--challenge", metavar="daily|ID", help="the leaderboard of today's challenge, or of a game's challenge")
    add("--room", metavar="CODE", help="the standings of a round of this room, once they are final")
    add("--round", type=positive, metavar="N", help="the round's number, from 1")
    add("--bots", action="store_true", help="the leaderboard of bots")
    add("--limit", type=positive, default=PAGE_SIZE, help="number of entries (default: %(default)s)")
    add("--all", action="store_true", help="all entries")
    why = f"a player's token, for today's daily challenge; {TOKEN_VARIABLE} is safer, since others can see arguments"
    add("--token", type=bearer, default=token, help=why)
    budget = "the server's PAUSE_BUDGET in seconds (default: %(default)s)"
    add("--pause-budget", type=positive, metavar="SECONDS", default=PAUSE_BUDGET, help=budget)
    add("--ignore-pace", action="store_true", help="for a server with ENFORCE_PACE=false")
    return parser


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    try:
        sys.exit(main())
    except BrokenPipeError:  # such as `verify.py ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
