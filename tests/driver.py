"""A client of the API over any transport, and plans of games."""

import json
from collections import namedtuple
from secrets import token_hex

import conformance
import webtest

import rules
from examples import bot

PASSWORD = "correct horse"
Answer = namedtuple("Answer", "status headers json")


def new_name():
    """Return a name that no player has yet, for servers that tests share: a test that failed may run again there."""
    return f"x{token_hex(6)}"


def content(headers, raw):
    """Return the JSON of an answer, or the text of one that has something else; None if it is empty."""
    if not raw:
        return None
    return json.loads(raw) if headers["Content-Type"].endswith("json") else raw.decode()


class Api:
    """Calls of the API. `send(method, path, body, headers)` carries one, and returns an Answer.

    Each answer must be as the API's description has it.
    """

    def __init__(self, send, token=None, user=None):
        self.send = send
        self.token = token
        self.user = user

    def __call__(self, call, body=None, status=200, headers=None):
        """Make a call such as "GET /api/games/active" and return its JSON; it must be answered with `status`."""
        answer = self.ask(call, body, headers)
        assert answer.status == status, f"{call}: {answer.status}, not {status}: {answer.json}"
        return answer.json

    def ask(self, call, body=None, headers=None):
        method, path = call.split(" ", 1)
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.send(method, path, body, bearer | (headers or {}))
        conformance.check(method, path, answer)
        return answer

    def sign_up(self, username, **fields):
        """Create an account. Return an Api with its token."""
        return self.as_session(self("POST /api/auth/signup", {"username": username, "password": PASSWORD, **fields}, 201))

    def log_in(self, username, password=PASSWORD):
        return self.as_session(self("POST /api/auth/login", {"username": username, "password": password}))

    def guest(self):
        return self.as_session(self("POST /api/auth/guest", status=201))

    def as_session(self, session):
        """An Api with the token of a sign-up, a log-in or a guest."""
        return Api(self.send, session["token"], session["user"])

    def open(self, mode=rules.WALLS, **challenge):
        return self("POST /api/games", {"mode": mode, **challenge}, 201)

    def post(self, game, since, tick, turns=(), status=200):
        body = {"since": since, "tick": tick, "turns": list(turns)}
        return self(f"POST /api/games/{game['id']}/turns", body, status)

    def post_many(self, game, turns, tick):
        """Post more turns than a single post can have, from the beginning."""
        for start in range(0, len(turns), 4000):
            some = turns[start : start + 4000]
            since = turns[start - 1][0] if start else 0
            answer = self.post(game, since, tick if start + 4000 >= len(turns) else some[-1][0], some)
        return answer

    def play(self, meals=0, mode=rules.WALLS, **challenge):
        """Play a whole game in one post, with so many meals. Returns (game, turns, answer)."""
        game = self.open(mode, **challenge)
        turns, tick = plan(game["seed"], mode, meals)
        answer = self.post(game, 0, tick, turns)
        assert answer["status"] == "over"
        return game, turns, answer


def drive(app, address=None):
    """Return an Api whose requests go straight to the WSGI application, through WebTest's checks of the protocol.

    `address`: the client's, if it matters.
    """
    client = webtest.TestApp(app, extra_environ={"REMOTE_ADDR": address} if address else None)

    def send(method, path, body, headers):
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = client.request(path, method=method, body=raw, headers=headers, expect_errors=True)
        return Answer(answer.status_code, answer.headers, content(answer.headers, answer.body))

    return Api(send)


def ranking(entries):
    """Return (rank, username, score) of each entry of a leaderboard."""
    return [(entry["rank"], entry["username"], entry["score"]) for entry in entries]


def names(api, query="mode=walls"):
    """Return the names on a leaderboard, the best first."""
    return [entry["username"] for entry in api(f"GET /api/leaderboard?{query}")]


def plan_many_turns(seed, number):
    """Return the first turns, at least `number`, of a pass-through game that goes on, and the tick of the last."""
    game, turns, on_stairs = rules.Game(seed, rules.PASS_THROUGH), [], False
    while len(turns) < number:
        stair = "R" if game.heading in "UD" else "U"
        on_stairs = game.hunger <= rules.STARVES_AFTER - 100 and (
            (on_stairs and game.hunger > 0) or _are_stairs_free(game, stair)
        )
        heading = stair if on_stairs else bot.choose(game)
        if heading != game.heading:
            turns.append([game.ticks + 1, heading])
        game.advance(turns[-1:], game.ticks + 1)
        assert not game.outcome
    return turns, turns[-1][0]


def _are_stairs_free(game, heading):
    """Whether a snake can go up stairs from here, right and up in turns, until it comes to its own beginning."""
    body, cell = list(game.body), game.body[0]
    for step in range(min(len(body), 2 * rules.SIZE)):
        cell = rules.neighbour(cell, heading, game.mode)
        if cell in body[: len(body) - step - 1]:
            return False
        heading = "U" if heading == "R" else "R"
    return len(body) < 2 * rules.SIZE - 1


def plan(seed, mode, meals):
    """Return the turns of a game that eats `meals` times and then goes straight to its end, and the tick of that end."""
    game, turns = rules.Game(seed, mode), []
    while game.score < meals * rules.POINTS:
        heading = bot.choose(game)
        if heading != game.heading:
            turns.append([game.ticks + 1, heading])
        game.advance(turns[-1:], game.ticks + 1)
    last, tick = plan_end(game)
    return turns + last, tick


def plan_end(game):
    """Return the turns, at most one, after which a game goes straight to its end without a meal, and that end's tick."""
    for turns in ([], [[game.ticks + 1, "U" if game.heading in "LR" else "R"]]):  # the food lies ahead, or beside
        end = rules.Game.load(game.mode, game.save())
        end.advance(turns, rules.CELLS * rules.STARVES_AFTER)
        if end.score == game.score:
            return turns, end.ticks
    raise AssertionError("there is food on both ways")


def with_effect(turns):
    """Return the turns that are stored: those to the heading that the snake has, or to the opposite one, change nothing."""
    stored, heading = [], "U"
    for at, wanted in turns:
        if wanted not in (heading, rules.OPPOSITE[heading]):
            stored.append([at, wanted])
            heading = wanted
    return stored
