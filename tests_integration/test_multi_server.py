"""Three servers on one Postgres, behind nginx, act as one, even while they are killed."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
from driver import plan
from servers import TIMEOUT

import rules

WATCHERS = 2
AWAY = 503  # what a POST is answered that went to a server which has died


class Told:
    """The scores that the server has confirmed; leaderboards that are read later must have them, or better ones."""

    def __init__(self):
        self.best = {}  # by mode and name
        self.over = 0  # games
        self.news = threading.Condition()

    def note(self, mode, name, score):
        with self.news:
            self.best[mode, name] = max(score, self.best.get((mode, name), 0))
            self.over += 1
            self.news.notify_all()

    def until_now(self):
        with self.news:
            return dict(self.best)

    def wait_for(self, games):
        with self.news:
            assert self.news.wait_for(lambda: self.over >= games, 2 * TIMEOUT)


class CheckingPlayer:
    """Plays as the client does: a post that was lost is sent again, and a 409 has the server's state."""

    def __init__(self, api, told, chance):
        self.api, self.told, self.chance = api, told, chance
        self.name = api.user["username"]
        self.games = []  # [(id, by the rules)]
        self.lost = 0

    def post(self, call, body):
        """The first answer that comes from a server; (status, JSON)."""
        deadline = time.monotonic() + TIMEOUT
        while (answer := self.api.ask(f"POST {call}", body)).status == AWAY:
            assert answer.headers["Retry-After"]
            assert time.monotonic() < deadline
            self.lost += 1
        return answer.status, answer.json

    def play(self):
        mode = self.chance.choice(rules.MODES)
        status, opened = self.post("/api/games", {"mode": mode})
        assert status == 201
        turns, end = plan(opened["seed"], mode, self.chance.randint(0, 6))
        stands, here = rules.Game(opened["seed"], mode), 0
        while here < end:
            tick = min(end, here + self.chance.randint(10, 120))
            new = [turn for turn in turns if here < turn[0] <= tick]
            status, answer = self.post(f"/api/games/{opened['id']}/turns", {"since": here, "tick": tick, "turns": new})
            if status == 409:  # the one that was lost had been taken
                assert (answer["tick"], self.lost > 0) == (tick, True)
                answer = answer["game"]
            here = tick
            stands.advance(new, tick)
            assert (answer["tick"], answer["score"], answer["outcome"]) == (stands.ticks, stands.score, stands.outcome)
            if here < end:
                self.read(opened, turns, stands)
        self.games.append((opened["id"], stands))
        self.told.note(mode, self.name, stands.score)
        self.read_what_came_of_it(mode, opened, stands)

    def read(self, opened, turns, stands):
        """Read the player's game in progress in one of the places that show it."""
        played = [turn for turn in turns if turn[0] <= stands.ticks]
        look = self.chance.randrange(3)
        if look == 0:
            record = self.api(f"GET /api/games/{opened['id']}")
            assert (record["status"], record["tick"], record["score"]) == ("playing", stands.ticks, stands.score)
            assert record["turns"] == played
        elif look == 1:
            [mine] = [game for game in self.api("GET /api/games/active") if game["username"] == self.name]
            assert (mine["id"], mine["tick"], mine["score"]) == (opened["id"], stands.ticks, stands.score)
            assert [(cell["y"], cell["x"]) for cell in mine["snake"]] == [divmod(cell, rules.SIZE) for cell in stands.body]
        else:
            [mine] = self.api(f"GET /api/games/live?known={opened['id']}:0&limit=0")
            assert (mine["tick"], mine.get("turns", [])) == (stands.ticks, played)

    def read_what_came_of_it(self, mode, opened, stands):
        """In the very next reads, from whichever process answers."""
        best = self.told.until_now()[mode, self.name]
        standing = self.api(f"GET /api/leaderboard/me?mode={mode}")
        assert standing["score"] == best
        assert best in [entry["score"] for entry in standing["around"] if entry["username"] == self.name]
        assert {self.name: best}.items() <= read_board(self.api, mode, {}).items()
        assert self.name not in [game["username"] for game in self.api("GET /api/games/active")]
        page = self.api(f"GET /api/players/{self.name}")
        assert (page["latest"][0]["id"], page["latest"][0]["score"]) == (opened["id"], stands.score)
        assert page["bests"][mode]["score"] == best
        record = self.api(f"GET /api/games/{opened['id']}")
        assert (record["status"], record["outcome"], record["score"]) == ("over", stands.outcome, stands.score)


def read_board(api, mode, told):
    """The scores by name, of a board that is in order and has all that anybody had been told before."""
    entries = api(f"GET /api/leaderboard?mode={mode}&limit=100")
    scores = [entry["score"] for entry in entries]
    assert scores == sorted(scores, reverse=True)
    assert [entry["rank"] for entry in entries] == [1 + sum(other > score for other in scores) for score in scores]
    found = {entry["username"]: entry["score"] for entry in entries}
    assert len(found) == len(entries)
    for (of, name), score in told.items():
        assert of != mode or found[name] >= score
    return found


def watch(api, told, chance, is_over):
    """Follow games that are being played, and read boards meanwhile; how often."""
    times = 0
    while not is_over.is_set():
        for mode in rules.MODES:
            read_board(api, mode, told.until_now())
        for game in chance.sample(active := api("GET /api/games/active"), min(2, len(active))):
            record = api(f"GET /api/games/{game['id']}")
            played = rules.Game(record["seed"], record["mode"])
            played.advance(record["turns"], record["tick"])
            assert (record["tick"] >= game["tick"], record["score"]) == (True, played.score)
            assert (record["status"] == "over") == (record["outcome"] is not None)
        times += 1
    return times


@pytest.fixture
def servers(make_server, postgres_url):
    settings = {"DATABASE_URL": postgres_url, "RATE_LIMITS": "false", "TRUSTED_PROXIES": "127.0.0.1"}
    return [make_server(**settings) for _ in range(3)]


@contextmanager
def at_once(count, is_over):
    """Threads that `is_over` ends; the first error in one of them is raised."""
    futures = []
    with ThreadPoolExecutor(count) as threads:
        try:
            yield lambda *call: futures.append(threads.submit(*call)) or futures[-1]
        finally:
            is_over.set()
            for future in futures:
                future.result(4 * TIMEOUT)


@pytest.mark.parametrize(("count", "games"), [(6, 8)])
def test_three_servers_act_as_one_while_each_is_killed_in_turn(servers, make_nginx, count, games):
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    nginx = make_nginx("nginx-several.conf", [server.url for server in servers])
    told, is_over = Told(), threading.Event()
    players = [
        CheckingPlayer(nginx.api.sign_up(f"Player{number}"), told, random.Random(seed + number)) for number in range(count)
    ]
    first, second = random.Random(seed).sample(servers, 2)

    def play(player):
        for _ in range(games):
            player.play()

    with at_once(count + WATCHERS, is_over) as start:
        watching = [start(watch, nginx.api, told, random.Random(seed - number - 1), is_over) for number in range(WATCHERS)]
        playing = [start(play, player) for player in players]
        told.wait_for(count * games // 3)
        first.kill()
        told.wait_for(count * games // 2)
        first.start()
        told.wait_for(count * games * 2 // 3)
        second.kill()
        assert told.over < count * games
        wait(playing, 4 * TIMEOUT)
    assert all(future.result() > 1 for future in watching)
    assert nginx.served_by() == {server.url.removeprefix("http://") for server in servers}
    assert told.over == count * games

    second.start()
    for path in everything(players):
        answers = [server.api(f"GET {path}") for server in servers]
        assert answers == [nginx.api(f"GET {path}")] * len(servers), path
    assert nginx.api("GET /api/games/active") == []
    for mode in rules.MODES:
        found = read_board(nginx.api, mode, told.best)
        # A game that was opened by a server which died before it could say so has ended since, without a move.
        assert {name: score for name, score in found.items() if score or (mode, name) in told.best} == {
            name: score for (of, name), score in told.best.items() if of == mode
        }


def everything(players):
    """The addresses of all that there is to read."""
    yield "/api/leaderboard?limit=100"
    for mode in rules.MODES:
        for period in ("all", "month", "week", "day"):
            yield f"/api/leaderboard?mode={mode}&period={period}&limit=100"
    for player in players:
        yield f"/api/players/{player.name}"
        for game, _ in player.games:
            yield f"/api/games/{game}"


def test_a_board_is_of_one_moment(make_server, database_url):
    """Its ranks are those of its own scores, while others overtake each other."""
    server = make_server(DATABASE_URL=database_url, WORKERS="2", RATE_LIMITS="false")
    players, is_over, told = [server.api.sign_up(f"Player{number}") for number in range(5)], threading.Event(), Told()

    def play(player):
        for meals in range(1, 16):
            _, _, answer = player.play(meals)
            told.note(rules.WALLS, player.user["username"], answer["score"])

    def read():
        while not is_over.is_set():
            read_board(server.api, rules.WALLS, told.until_now())

    with at_once(8, is_over) as start:
        for _ in range(3):
            start(read)
        wait([start(play, player) for player in players], 4 * TIMEOUT)
    assert told.over == 75
