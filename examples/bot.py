"""Bots that play on a Snakepit server, through its public API and no faster than people.

    python examples/bot.py --url http://127.0.0.1:8000 --bots 4
    python examples/bot.py --room B7K2XM --bots 30

To write your own bot, copy this file and rewrite `choose`, which is the whole strategy. Before each tick it gets the Game
(`body`, cells with the head first, `food`, `heading`, `mode`, ...) and returns a heading. The rest signs the bots up, keeps
time and posts their turns. The file needs only Python 3.11 or newer.
"""

import argparse
import json
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from itertools import count
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

# The bots, and the probability that they make a random turn at a tick.
SNAKES = {"Boa": 0.004, "Krait": 0.03, "Cobra": 0.008, "Mamba": 0.015, "Python": 0.002, "Viper": 0.02, "Adder": 0.006}
POST_EVERY = 1  # seconds
LOOK_EVERY = 2  # seconds, into a room where no round can be played
MAX_TICKS = 2000  # per post, so that its turns fit into the 64 KiB that the server reads
TIMEOUT, MAX_DELAY = 10, 30  # seconds: for a response; between attempts, unless the server asks for more
MAX_RETRY_AFTER = 3600  # seconds between attempts, whatever the server asks for
MAX_RESPONSE = 5_000_000  # bytes
# Why no game can be opened in a room just now.
NOT_NOW = "round_not_started", "round_over", "no_round", "attempt_used"
stopped = threading.Event()  # set by Ctrl+C


# The strategy.


def choose(game):
    """Return the heading for the next tick: to the food unless that may be a trap, else the long way to the own tail."""
    body = list(game.body)
    steps = {heading: neighbour(body[0], heading, game.mode) for heading in HEADINGS}
    path = paths(body[0], body[:-1], game.mode, game.food).get(game.food)  # by then the tail has left its cell
    if path and reaches_tail([*reversed(path), *body][: len(body) + 1], game.mode):
        return next(heading for heading in steps if steps[heading] == path[0])
    free = [heading for heading in steps if steps[heading] not in (*body[:-1], OUTSIDE)]
    return max(free, key=lambda heading: outlook(game, steps[heading]), default=game.heading)


def reaches_tail(body, mode):
    """Return whether the head can reach the tail, and so can follow it forever."""
    return body[-1] in paths(body[0], body, mode, body[-1])


def outlook(game, cell):
    """Return how good a cell is: best with the tail in reach but far away, which gains time; else with much room."""
    body = [cell, *game.body][: len(game.body) + (cell == game.food)]
    return len(paths(cell, body, game.mode, body[-1]).get(body[-1], [])), len(paths(cell, body, game.mode))


def paths(start, taken, mode, goal=None):
    """Return {cell in reach: a shortest path to it}, breadth first until `goal`, which may be taken."""
    found, queue, closed = {start: []}, [start], {*taken, OUTSIDE} - {goal}
    for cell in queue:
        for heading in HEADINGS:
            near = NEIGHBOURS[mode][heading][cell]
            if near not in found and near not in closed:
                found[near] = [*found[cell], near]
                queue.append(near)
        if goal in found:
            break
    return found


# The player.


class Bot:
    """A player. `account` has its username and password; `wanted` may have the mode and the challenge, or the room."""

    def __init__(self, url, account, careless, wanted):
        self.url, self.account, self.careless, self.wanted, self.token = url, account, careless, wanted, None
        self.room = f"/api/rooms/{wanted['room']}" if "room" in wanted else None
        self.name, self.member, self.round = {}, None, None  # in the room, and the round that it has played there
        self.clock = 0  # the server's, in seconds, less this one's; known in rooms

    def run(self, games):
        """Play this number of games one after the other, or forever if it is None."""
        try:
            for _ in range(games) if games else count():
                try:
                    if self.room:
                        self.await_round()
                    else:
                        wait(random.uniform(1, 5))
                    self.play()
                except Refused as refusal:
                    self.accept(refusal)
        except Stopped:
            pass
        finally:
            if self.member:
                with suppress(Refused, Stopped):
                    self.call(f"DELETE {self.room}/members/{self.member}")

    def accept(self, refusal):
        """Say why the bot can't play, and wait until it is time to try again."""
        if refusal.answer.get("code") in NOT_NOW:
            wait(LOOK_EVERY)
            return
        self.say(f"can't play: {refusal}")
        if self.room and refusal.status in (403, 404):  # the host has removed it, or there is no such room
            raise Stopped
        wait(MAX_DELAY)

    def await_round(self):
        """Join the room, and wait until the bot can open a game in a round there."""
        self.join()
        while True:
            found = self.call(f"GET {self.room}")["round"] or {"status": "none"}
            is_new = found.get("number") != self.round
            if found["status"] == "running" and (is_new or found["tries"] == "many"):
                wait(random.uniform(0, 0.5) if is_new else random.uniform(1, 5))
                self.round = found["number"]
                return
            starts_in = self.seconds_until(found["starts_at"]) if found["status"] == "waiting" else LOOK_EVERY
            wait(min(max(0.1, starts_in), LOOK_EVERY))

    def join(self):
        """Join the room, or come back to it. If others have the bot's name, use another one."""
        while True:
            try:
                self.member = self.call(f"POST {self.room}/members", self.name)["member"]
                return
            except Refused as refusal:
                if refusal.answer.get("code") != "name_taken":
                    raise
            self.name = {"name": f"{self.account['username'][:15]}-{secrets.randbelow(10_000)}"}

    def seconds_until(self, timestamp):
        """Return the seconds until a time, by the server's clock."""
        return datetime.fromisoformat(timestamp).timestamp() - self.clock - time.monotonic()

    def play(self):
        """Play a game in real time, and post every second until the server responds that the game is over.

        While the server is unavailable a post waits. The ticks that are due by then are played right after it.
        """
        has_mode = self.room or self.wanted.get("challenge", "daily") != "daily"  # rooms and challenges of games have one
        opened = self.call("POST /api/games", ({} if has_mode else {"mode": random.choice(MODES)}) | self.wanted)
        if opened["rules"] != RULES:
            self.say(f"can't play: the server plays by rules {opened['rules']}; get the bot.py of its version")
            raise Stopped
        game, turns, began = Game(opened["seed"], opened["mode"]), [], time.monotonic()
        if self.room:  # where the first tick begins at the same time for all
            began += max(0, self.seconds_until(opened["started_at"]))
        known, post_at = {"status": "playing", "tick": 0}, began + POST_EVERY
        self.say(f"begins, {game.mode}")
        try:
            while known["status"] == "playing":
                if game.outcome:
                    wait(post_at - time.monotonic())
                else:
                    wait(began + (game.nominal_ms + game.tick_ms()) / 1000 - time.monotonic())
                    self.step(game, turns)
                if game.outcome or time.monotonic() >= post_at:
                    known = self.post(opened["id"], game, turns, known)
                    post_at = time.monotonic() + POST_EVERY
        except Stopped:
            self.call(f"DELETE /api/games/{opened['id']}")
            raise
        self.say(f"ends, {game.mode}: {known['score']} points, {known['outcome']}, rank {known['rank'] or '-'}")

    def step(self, game, turns):
        """Play one tick, and record its turn if there is one."""
        possible = [heading for heading in HEADINGS if heading != OPPOSITE[game.heading]]
        heading = random.choice(possible) if random.random() < self.careless else choose(game)
        if heading != game.heading:
            turns.append([game.ticks + 1, heading])
        game.step(heading)

    def post(self, game_id, game, turns, known):
        """Post the turns that the server doesn't have yet. Return its state of the game."""
        since, tick = known["tick"], min(game.ticks, known["tick"] + MAX_TICKS)
        new = [turn for turn in turns if since < turn[0] <= tick]
        try:
            return self.call(f"POST /api/games/{game_id}/turns", {"since": since, "tick": tick, "turns": new})
        except Refused as refusal:
            # A post whose response was lost has arrived, or the game is over.
            if refusal.status == 409 and "game" in refusal.answer:
                return refusal.answer["game"]
            if refusal.status == 422:  # too early by the server's clock
                return known
            raise

    def call(self, call, body=None):
        """Make a call such as "GET /api/games/active" and return its JSON. Retry while the server is unavailable."""
        method, path = call.split()
        for failures in count():
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            data = None if body is None else json.dumps(body).encode()
            headers |= {"Content-Type": "application/json"}
            request = Request(self.url + path, data, headers, method=method)  # noqa: S310 - the URL is the operator's
            delay = min(2**failures, MAX_DELAY)
            try:
                with urlopen(request, timeout=TIMEOUT) as response:
                    if "Server-Time" in response.headers:
                        self.clock = float(response.headers["Server-Time"]) - time.monotonic()
                    return json.loads(response.read(MAX_RESPONSE) or "null")
            except HTTPError as error:
                with error:
                    status, raw, retry_after = error.code, error.read(MAX_RESPONSE), error.headers.get("Retry-After")
                if status == 401 and self.token:
                    self.sign_in()
                    continue
                if status != 429 and status < 500:
                    raise Refused(status, raw) from None
                delay = max(delay, seconds_until(retry_after))
            except (OSError, HTTPException, ValueError) as error:  # ValueError: a proxy's page instead of JSON
                self.say(f"tries again in {delay} s: {error}")
            wait(delay)

    def sign_in(self, is_known=True):
        """Log in, or sign up if the server doesn't know the account. If its name is taken, use another one."""
        self.token, name = None, self.account["username"]
        while not self.token:
            path, more = ("login", {}) if is_known else ("signup", {"bot": True})
            try:
                self.token = self.call(f"POST /api/auth/{path}", self.account | more)["token"]
            except Refused as refusal:
                if refusal.status not in (401, 409):
                    raise
                is_known = False
                if refusal.status == 409:
                    self.account["username"] = f"{name}-{secrets.randbelow(10_000)}"

    def say(self, what):
        print(f"{self.account['username']} {what}", flush=True)


class Refused(Exception):
    """The server refused a request with `status`; `answer` is the problem as a dictionary."""

    def __init__(self, status, raw):
        self.status, self.answer = status, {}
        with suppress(ValueError):  # another server's page
            found = json.loads(raw)
            self.answer = found if isinstance(found, dict) else {}
        super().__init__(self.answer.get("detail", f"status {status}"))


class Stopped(Exception):
    """The bot is to play no more."""


class NoRedirect(HTTPRedirectHandler):
    """Follows no redirects, which could send the token to another server."""

    def redirect_request(self, *args):
        return None


urlopen = build_opener(NoRedirect).open


def seconds_until(retry_after):
    """Return the seconds in a Retry-After header, a number or a date; 0 if it is missing or not valid."""
    with suppress(AttributeError, TypeError, ValueError):
        if retry_after.isascii() and retry_after.isdigit():
            return min(int(retry_after[:9]), MAX_RETRY_AFTER)
        seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        return max(0, min(seconds, MAX_RETRY_AFTER))
    return 0


def wait(seconds):
    if stopped.wait(max(0, seconds)):
        raise Stopped


# The rules. A cell is a number, `y * SIZE + x`; (0, 0) is the top left. The command line is at the end of this file.

RULES = 1  # their version
SIZE = 20
CELLS = SIZE * SIZE
OUTSIDE = CELLS  # the cell beyond every edge in `walls`
STARVES_AFTER = 800  # ticks in a row without a meal
HEADINGS = ("U", "R", "D", "L")
STEPS = {"U": (0, -1), "R": (1, 0), "D": (0, 1), "L": (-1, 0)}
OPPOSITE = {"U": "D", "R": "L", "D": "U", "L": "R"}
MODES = WALLS, PASS_THROUGH = "walls", "pass-through"


def neighbour(cell, heading, mode):
    """Return the cell one step from `cell`; OUTSIDE where a wall is."""
    x, y = cell % SIZE + STEPS[heading][0], cell // SIZE + STEPS[heading][1]
    if mode == WALLS and not (0 <= x < SIZE and 0 <= y < SIZE):
        return OUTSIDE
    return y % SIZE * SIZE + x % SIZE


NEIGHBOURS = {
    mode: {heading: [neighbour(cell, heading, mode) for cell in range(CELLS)] for heading in HEADINGS} for mode in MODES
}


class Game:
    """A game as the server plays it. `outcome` is None while it is going on, `nominal_ms` the length of all its ticks."""

    def __init__(self, seed, mode):
        self.rng, self.mode, self.heading, self.outcome = seed, mode, "U", None
        self.ticks = self.score = self.hunger = self.nominal_ms = 0
        self.body = deque([10 * SIZE + 10, 11 * SIZE + 10, 12 * SIZE + 10])  # head first
        self.place_food()

    def tick_ms(self):
        """Return how many milliseconds the next tick lasts."""
        return max(70, 150 - 2 * self.score // 10)

    def step(self, heading):
        """Play a tick. A turn to the opposite has no effect."""
        self.nominal_ms += self.tick_ms()
        self.ticks += 1
        self.hunger += 1
        if heading != OPPOSITE[self.heading]:
            self.heading = heading
        head = NEIGHBOURS[self.mode][self.heading][self.body[0]]
        is_meal = head == self.food
        if not is_meal:
            self.body.pop()
        if head == OUTSIDE or head in self.body:
            self.outcome = "wall" if head == OUTSIDE else "self"
            return
        self.body.appendleft(head)
        if is_meal:
            self.score += 10
            self.hunger = 0
            if len(self.body) == CELLS:
                self.outcome = "won"
            else:
                self.place_food()
        elif self.hunger == STARVES_AFTER:
            self.outcome = "starved"

    def place_food(self):
        """Put the food on an empty cell, by xorshift32 (Marsaglia, 2003)."""
        self.rng ^= self.rng << 13 & 0xFFFFFFFF
        self.rng ^= self.rng >> 17
        self.rng ^= self.rng << 5 & 0xFFFFFFFF
        empty = [cell for cell in range(CELLS) if cell not in self.body]
        self.food = empty[self.rng % len(empty)]


# The start.


def main():
    parser = command_line()
    options = parser.parse_args()
    wanted = {name: value for name in ("mode", "challenge", "room") if (value := getattr(options, name))}
    if options.room and len(wanted) > 1:
        parser.error("argument --room: a room has its mode and seeds; leave out --mode and --challenge")
    try:
        saved = json.loads(options.accounts.read_text()) if options.accounts.exists() else {}
        accounts = saved.setdefault(options.url, [])
        if not isinstance(accounts, list):
            raise ValueError("it has other content")
        save(saved, options.accounts)
    except (OSError, ValueError, AttributeError) as error:
        sys.exit(f"{options.accounts} can't store the bots' accounts ({error}); name another file with --accounts")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threads = []
    try:
        for number in range(options.bots):
            snake, careless = list(SNAKES.items())[number % len(SNAKES)]
            if is_new := number == len(accounts):
                accounts.append({"username": f"{snake}-bot", "password": secrets.token_urlsafe(18)})
            bot = Bot(options.url, accounts[number], careless if options.careless is None else options.careless, wanted)
            bot.sign_in(not is_new)
            save(saved, options.accounts)
            threads.append(threading.Thread(target=bot.run, args=[options.games]))
            threads[-1].start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        stopped.set()  # the bots leave their games
    except Refused as refusal:
        stopped.set()
        sys.exit(f"{options.url} refuses the bots: {refusal}")


def save(accounts, path):
    """Write the accounts, {url: [account]}, to a file that only its owner can read."""
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(accounts, file, indent=4)


def web_address(text):
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r}: give an address such as https://snakepit.example.org")
    return text.rstrip("/")


def number(text):
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) < 10**6:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number, 1 or more")
    return int(text)


def room_code(text):
    if not text.isascii() or not text.isalnum():
        raise argparse.ArgumentTypeError(f"{text!r}: give the room's code, such as B7K2XM")
    return text


def chance(text):
    with suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r}: give a number from 0 to 1")


def command_line():
    parser = argparse.ArgumentParser(description="Bots that play on a Snakepit server until Ctrl+C.")
    add, url, default = parser.add_argument, "http://127.0.0.1:8000", "(default: %(default)s)"
    add("--url", type=web_address, default=url, help=f"the server's address {default}")
    add("--bots", type=number, default=4, help=f"number of bots {default}")
    add("--games", type=number, help="number of games that each plays (default: no limit)")
    add("--mode", choices=MODES, help="the mode to play (default: random)")
    add("--challenge", metavar="daily|ID", help="play today's challenge, or the challenge of a game, again and again")
    add("--room", type=room_code, metavar="CODE", help="join a room, and play its rounds")
    add("--careless", type=chance, help="the probability of a random turn (default: each bot has its own)")
    add("--accounts", type=Path, default="bots.json", help=f"the file that stores their passwords {default}")
    return parser


if __name__ == "__main__":
    main()
