"""Bots that play on a Snakepit server, through its public API and no faster than people.

    python examples/bot.py --url http://127.0.0.1:8000 --bots 4

To make your own, copy this file and rewrite `choose`, which is the whole strategy: before each tick it is given the game as
`rules.py` plays it (`body`, cells with the head first, `food`, `heading`, `mode`, ...) and answers with a heading. The rest
signs the bots up, keeps time, and tells the server which turns were made.
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
from contextlib import suppress
from http.client import HTTPException
from itertools import count
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import rules

# The bots, and how careless each is: the chance, at each tick, that it goes somewhere without looking.
SNAKES = {"Boa": 0.004, "Krait": 0.03, "Cobra": 0.008, "Mamba": 0.015, "Python": 0.002, "Viper": 0.02, "Adder": 0.006}
POST_EVERY = 1  # seconds
MOST_TICKS = 2000  # in one post, so that its turns fit into the 64 KiB that the server reads
TIMEOUT, LONGEST_DELAY = 10, 30  # seconds: for an answer; between tries, unless the server asks for more
stopped = threading.Event()  # by Ctrl+C


# The strategy.


def choose(game):
    """The heading for the next tick: to the food, unless that may be a trap; else a long way round to the own tail."""
    body = list(game.body)
    steps = {heading: rules.neighbour(body[0], heading, game.mode) for heading in rules.HEADINGS}
    path = paths(body[0], body[:-1], game.mode, game.food).get(game.food)  # the tail's cell is free by then
    if path and reaches_tail([*reversed(path), *body][: len(body) + 1], game.mode):
        return next(heading for heading in steps if steps[heading] == path[0])
    free = [heading for heading in steps if steps[heading] not in (*body[:-1], rules.OUTSIDE)]
    return max(free, key=lambda heading: outlook(game, steps[heading]), default=game.heading)


def reaches_tail(body, mode):
    """Whether the head can get to the tail: then it can follow it for as long as it likes."""
    return body[-1] in paths(body[0], body, mode, body[-1])


def outlook(game, cell):
    """How good it is to go to that cell: best with the tail in reach, but far, which gives time; else with much room."""
    body = [cell, *game.body][: len(game.body) + (cell == game.food)]
    return len(paths(cell, body, game.mode, body[-1]).get(body[-1], [])), len(paths(cell, body, game.mode))


def paths(start, taken, mode, goal=None):
    """Breadth first, until `goal`: {cell in reach: the cells of a shortest path there}. `goal` itself may be taken."""
    found, queue, closed = {start: []}, [start], {*taken, rules.OUTSIDE} - {goal}
    for cell in queue:
        for heading in rules.HEADINGS:
            near = rules.NEIGHBOURS[mode][heading][cell]
            if near not in found and near not in closed:
                found[near] = [*found[cell], near]
                queue.append(near)
        if goal in found:
            break
    return found


# The player.


class Bot:
    """A player. `account`: its username and password; `wanted`: the mode and the challenge that it plays, where given."""

    def __init__(self, url, account, careless, wanted):
        self.url, self.account, self.careless, self.wanted, self.token = url, account, careless, wanted, None

    def run(self, games):
        """Play so many games one after the other, or without end."""
        with suppress(Stopped):
            for _ in range(games) if games else count():
                wait(random.uniform(1, 5))
                try:
                    self.play()
                except Refused as refusal:
                    self.say(f"can't play: {refusal}")
                    wait(LONGEST_DELAY)

    def play(self):
        """Play a game, each tick when its time has come, and tell the server every second until it says that it is over.

        While the server is away a post waits; the ticks whose time has come meanwhile are played right after it.
        """
        mode = {"mode": random.choice(rules.MODES)} if self.wanted.get("challenge", "daily") == "daily" else {}
        opened = self.call("POST /api/games", mode | self.wanted)  # the challenge of a game has the game's mode
        if opened["rules"] != rules.RULES:
            raise RuntimeError(f"The server plays by rules {opened['rules']}: take the rules.py of its version.")
        game, turns, began = rules.Game(opened["seed"], opened["mode"]), [], time.monotonic()
        known, post_at = {"status": "playing", "tick": 0}, began + POST_EVERY
        self.say(f"begins, {game.mode}")
        try:
            while known["status"] == "playing":
                if game.outcome:
                    wait(post_at - time.monotonic())
                else:
                    wait(began + (game.nominal_ms + rules.tick_ms(game.score)) / 1000 - time.monotonic())
                    self.step(game, turns)
                if game.outcome or time.monotonic() >= post_at:
                    known = self.post(opened["id"], game, turns, known)
                    post_at = time.monotonic() + POST_EVERY
        except Stopped:
            self.call(f"DELETE /api/games/{opened['id']}")
            raise
        self.say(f"ends, {game.mode}: {known['score']} points, {known['outcome']}, rank {known['rank'] or '-'}")

    def step(self, game, turns):
        """Play one tick, and note its turn if there is one."""
        possible = [heading for heading in rules.HEADINGS if heading != rules.OPPOSITE[game.heading]]
        heading = random.choice(possible) if random.random() < self.careless else choose(game)
        if heading != game.heading:
            turns.append([game.ticks + 1, heading])
        game.advance(turns[-1:], game.ticks + 1)

    def post(self, game_id, game, turns, known):
        """Post what the server doesn't know yet; what it knows then."""
        since, tick = known["tick"], min(game.ticks, known["tick"] + MOST_TICKS)
        new = [turn for turn in turns if since < turn[0] <= tick]
        try:
            return self.call(f"POST /api/games/{game_id}/turns", {"since": since, "tick": tick, "turns": new})
        except Refused as refusal:
            if refusal.status == 409:  # it stands elsewhere: it took a post whose answer was lost, or the game is over
                return refusal.answer["game"]
            if refusal.status == 422:  # too early, by its clock
                return known
            raise

    def call(self, call, body=None):
        """Make a call such as "GET /api/games/active" and return its JSON. While the server is away or busy, try again."""
        method, path = call.split()
        for failures in count():
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            data = None if body is None else json.dumps(body).encode()
            headers |= {"Content-Type": "application/json"}
            request = Request(self.url + path, data, headers, method=method)  # noqa: S310 - the URL is the operator's
            delay = min(2**failures, LONGEST_DELAY)
            try:
                with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the same
                    return json.loads(answer.read() or "null")
            except HTTPError as error:
                with error:
                    status, answer, asked = error.code, error.read(), error.headers.get("Retry-After", "")
                if status == 401 and self.token:
                    self.sign_in()
                    continue
                if status != 429 and status < 500:
                    raise Refused(status, answer) from None
                delay = max(delay, int(asked) if asked.isdigit() else 0)
            except (OSError, HTTPException) as trouble:
                self.say(f"tries again in {delay} s: {trouble}")
            wait(delay)

    def sign_in(self, is_known=True):
        """Log in; or sign up, if the server doesn't know the account, by another name if this one is somebody else's."""
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
    """What the server won't do: the `status` of its `answer`, a dictionary."""

    def __init__(self, status, raw):
        self.status, self.answer = status, {"detail": f"it answers with status {status}"}
        with suppress(ValueError):  # some other server's page
            self.answer = json.loads(raw)
        super().__init__(self.answer["detail"])


class Stopped(Exception):
    """Ctrl+C was pressed."""


def wait(seconds):
    if stopped.wait(max(0, seconds)):
        raise Stopped


# The start.


def main():
    options = command_line().parse_args()
    wanted = {name: value for name, value in (("mode", options.mode), ("challenge", options.challenge)) if value}
    kept = json.loads(options.accounts.read_text()) if options.accounts.exists() else {}
    accounts = kept.setdefault(options.url, [])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threads = []
    try:
        for number in range(options.bots):
            snake, careless = list(SNAKES.items())[number % len(SNAKES)]
            if is_new := number == len(accounts):
                accounts.append({"username": f"{snake}-bot", "password": secrets.token_urlsafe(18)})
            bot = Bot(options.url, accounts[number], careless if options.careless is None else options.careless, wanted)
            bot.sign_in(not is_new)
            keep(kept, options.accounts)
            threads.append(threading.Thread(target=bot.run, args=[options.games]))
            threads[-1].start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        stopped.set()  # the bots leave their games
    except Refused as refusal:
        stopped.set()
        sys.exit(f"{options.url} takes no bots: {refusal}")


def keep(accounts, path):
    """Write the accounts, {url: [account]}, where only their owner can read them."""
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(accounts, file, indent=4)


def web_address(text):
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r}: give an address such as https://snakepit.example.org")
    return text.rstrip("/")


def command_line():
    parser = argparse.ArgumentParser(description="Bots that play on a Snakepit server, until Ctrl+C.")
    parser.add_argument("--url", type=web_address, default="http://127.0.0.1:8000", help="where the server is (%(default)s)")
    parser.add_argument("--bots", type=int, default=4, help="how many play at the same time (%(default)s)")
    parser.add_argument("--games", type=int, help="how many games each plays (without end)")
    parser.add_argument("--mode", choices=rules.MODES, help="what they play (each time one or the other)")
    parser.add_argument("--challenge", metavar="daily|ID", help="play today's challenge, or that of a game, over and over")
    parser.add_argument("--careless", type=float, help="the chance of a step without looking (each has its own)")
    parser.add_argument("--accounts", type=Path, default="bots.json", help="the file with their passwords (%(default)s)")
    return parser


if __name__ == "__main__":
    main()
