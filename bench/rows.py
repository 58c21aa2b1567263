"""The rows of the benchmark. Each measurement returns {ratio, ...} or other figures."""

import itertools
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import fill
from databases import FEW, MANY, SOME, served
from driver import Api, plan
from load import ROUNDS, Load, compare
from servers import until

import models
import rules
import service
from accounts.sessions import Sessions
from database.binding import bind, database
from database.connect import connect
from game import challenges, games, records

HERE = Path(__file__).parent
WHOLE = 300  # ticks of a game posted at once
CAPACITY_MS, CAPACITY_SECONDS = 150, 12  # of a crowd that is served well, and of each try
ROOM, ROOMS, CROWDS = 200, 5, 3  # members of a room; rooms of the crowd; how often it is compared


class Bench:
    def __init__(self, databases, standard):
        self.databases, self.standard = databases, standard

    def capacity(self):
        """Find the largest crowd without errors whose 99th percentiles are under CAPACITY_MS: posts and updates a second."""
        standards, served_well, too_many, people = [self.standard.run()["rate"]], 0, None, 400
        while too_many is None or too_many - served_well > max(10, served_well / 12):
            is_served = any(self._serves(people) for _ in range(2))  # the machine may have done something else
            standards.append(self.standard.run()["rate"])
            served_well, too_many = (people, too_many) if is_served else (served_well, people)
            people = (served_well + too_many) // 2 if too_many else people * 3 // 2
        standard = statistics.median(standards)
        return {"standard": round(standard), "rate": 2 * served_well, "ratio": round(2 * served_well / standard, 3)}

    def _serves(self, people):
        found = crowd(self.databases, CAPACITY_SECONDS, people)
        seen = found["posts"], found["fetches"]
        return not any(one["errors"] for one in seen) and max(one["p99_ms"] for one in seen) < CAPACITY_MS

    def round_trip(self):
        """Measure the yardstick with one query: the most that Postgres allows."""
        return compare(Load(self.standard.url, "/round-trip"), self.standard)

    def board(self, players):
        with served(self.databases.filled(players)) as server:
            return compare(Load(server.url, "/api/leaderboard?mode=walls"), self.standard)

    def board_of_few(self):
        return self.board(FEW)

    def board_of_many(self):
        """Relative to the same with few players, not to the yardstick."""
        with served(self.databases.filled(FEW)) as few, served(self.databases.filled(MANY)) as many:
            path = "/api/leaderboard?mode=walls"
            return compare(Load(many.url, path), Load(few.url, path))

    def board_first_read(self):
        """A page that is in no cache: each request has another cursor."""
        with served(self.databases.filled(MANY)) as server:
            places = itertools.count()

            def requests():
                """Other requests in each round."""
                for n in itertools.islice(places, 20_000):
                    yield "GET", f"/api/leaderboard?mode=walls&after={10 * (n % 90)}.{n}.{n}", "", ""

            return compare(Load(server.url, requests=requests), self.standard)

    def me(self):
        with served(self.databases.filled(MANY)) as server:
            return compare(Load(server.url, requests=lambda: map(_me, fill.asked(MANY))), self.standard)

    def me_worst(self):
        """The worst rank relative to the best."""
        url = self.databases.filled(MANY)
        with bind(connect(url)) as db:
            scores = dict(database.execute_sql("SELECT user_id, score FROM entries WHERE board = 'walls/all'").fetchall())
        db.close_all()
        standing = sorted((n for n in fill.asked(MANY) if n in scores), key=lambda n: -scores[n])
        with served(url) as server:
            best, worst = (Load(server.url, requests=lambda n=n: [_me(n)]) for n in (standing[0], standing[-1]))
            return compare(worst, best)

    def turns(self):
        with self.databases.copy(FEW) as url, served(url, ENFORCE_PACE="false") as server:

            def requests():
                """Each post is for another game: wrk sometimes loses a post, and later ones would be rejected."""
                opened = open_games(url, more_players(url, SOME), "pass-through", seconds=10)
                return [_post(n, game, 10) for n, game in opened.items()]

            return compare(Load(server.url, requests=requests), self.standard)

    def whole_games(self):
        turns, seed, tick = whole_game()
        body = json.dumps({"since": 0, "tick": tick, "turns": turns})
        with self.databases.copy(FEW) as url, served(url, ENFORCE_PACE="false") as server:

            def requests():
                opened = open_games(url, more_players(url, SOME), "walls", seed)
                return [("POST", f"/api/games/{game}/turns", fill.token(n), body) for n, game in opened.items()]

            found = compare(Load(server.url, requests=requests), self.standard)
        if not self.databases.postgres:
            found["commits"] = round(bare_commits())
            found["of_commits"] = round(found["rate"] / found["commits"], 3)
        return found

    def active(self):
        with self.databases.copy(FEW) as url, served(url, ENFORCE_PACE="false") as server, playing(server, 200):
            path = "/api/games/active?limit=200"
            assert len(server.api(f"GET {path}")) == 200
            return compare(Load(server.url, path), self.standard)

    def watching(self):
        with self.databases.copy(FEW) as url, served(url, ENFORCE_PACE="false") as server, playing(server, 200):

            def requests():
                known = [f"{game['id']}:{game['tick']}" for game in server.api("GET /api/games/active?limit=200")]
                return [("GET", f"/api/games/live?limit=0&known={one}", "", "") for one in known]

            return compare(Load(server.url, requests=requests), self.standard)

    def room_unchanged(self):
        """Polls of members who know the room's version."""
        return self.room(lambda version: f"?version={version}")

    def room_changed(self):
        return self.room(lambda version: f"?version={version - 1}")

    def room(self, query):
        with full_room(self.databases) as (server, path, players):

            def requests():
                """Members who come, as the first ones do, change the version: they are asked for it before each round."""
                address = path + query(server.api(f"GET {path}")["version"])
                return [("GET", address, fill.token(n), "") for n in players]

            return compare(Load(server.url, requests=requests), self.standard)

    def standings(self):
        with full_room(self.databases) as (server, path, _):
            until(lambda: len(server.api(f"GET {path}/rounds/1")["standings"]) == ROOM)
            return compare(Load(server.url, f"{path}/rounds/1"), self.standard)


def _me(number):
    return "GET", "/api/leaderboard/me?mode=walls", fill.token(number), ""


def _post(number, game, second):
    """The post of a second of play: seven ticks, two turns."""
    body = {"since": 7 * second, "tick": 7 * second + 7, "turns": _turns(second)}
    return "POST", f"/api/games/{game}/turns", fill.token(number), json.dumps(body)


def _turns(second):
    return [(7 * second + 3, "R"), (7 * second + 6, "U")]


def open_games(url, players, mode, seed=None, seconds=0):
    """Open games and play them for a number of seconds, on `seed` if given. Return {player: id}."""
    app = service.create_app(database_url=url, secret_key=fill.SECRET_KEY, enforce_pace=False)
    drawn = seed and challenges.Challenge("", mode, seed, rules.RULES)
    opened = {}
    with app.database.own_connection() as db, bind(db):
        for number in players:
            player = models.User(id=number, name="", password="")
            opened[number] = games.open_game(player, mode, app.pace, drawn).id
            if seconds:
                turns = [turn for second in range(seconds) for turn in _turns(second)]
                game = records.own_game(opened[number], number)
                games.apply_turns(game, None, 0, 7 * seconds, turns, app.pace)
        if drawn:
            database.execute_sql("UPDATE games SET challenge = NULL, ranked = TRUE WHERE challenge = ''")
    app.close()
    return opened


@contextmanager
def full_room(databases):
    """Yield (a server, the path of a room, its members): they play a round."""
    with databases.copy(FEW) as url:
        players = more_players(url, ROOM)
        with served(url, ENFORCE_PACE="false") as server:
            host, *others = members = [Api(server.api.send, fill.token(n)) for n in players]
            code = host("POST /api/rooms", {}, 201)["code"]
            for member in others:
                member(f"POST /api/rooms/{code}/members", {})
            round_ = {"mode": "pass-through", "minutes": 30, "tries": "many", "starts_in": 3}
            host(f"POST /api/rooms/{code}/rounds", round_, 201)
            until(lambda: host(f"GET /api/rooms/{code}")["round"]["status"] == "running")
            for member in members:
                game = member("POST /api/games", {"room": code}, 201)
                member.post(game, 0, 7, _turns(0))
            yield server, f"/api/rooms/{code}", players


def more_players(url, number):
    """Sign up players without games. Return their tokens."""
    sessions, now = Sessions(fill.SECRET_KEY, 30), models.now()
    with bind(connect(url)) as db, db.atomic():
        first = 1 + database.execute_sql("SELECT MAX(id) FROM users").fetchone()[0]
        players = range(first, first + number)
        users = "id name name_key password created_at bot"
        fill.write(db, "users", users, ((n, f"Player{n}", f"player{n}", "-", now, False) for n in players))
        fill.write(db, "sessions", fill.SESSION_COLUMNS, fill.sessions_of(sessions, players, now))
    db.close_all()
    return players


def whole_game():
    """Return (turns, seed, tick) of a game of about WHOLE ticks."""
    for seed in range(1, 1000):
        for meals in range(15, 30):
            turns, tick = plan(seed, "walls", meals)
            if tick == WHOLE:
                return turns, seed, tick
    raise LookupError(WHOLE)


@contextmanager
def playing(server, players):
    """Keep a number of games running, each with a post per second."""
    apis = [server.api for _ in range(players)]
    for number, api in enumerate(apis, 1):
        api.token = fill.token(number)
    opened = [api.open("pass-through") for api in apis]
    stop = threading.Event()

    def play():
        for second in range(100):
            for number, (api, game) in enumerate(zip(apis, opened, strict=True)):
                if stop.wait(max(0, began + second + number / players - time.monotonic())):
                    return
                method, path, _, body = _post(number, game["id"], second)
                api(f"{method} {path}", json.loads(body))

    began = time.monotonic()
    thread = threading.Thread(target=play)
    thread.start()
    time.sleep(1.5)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def bare_commits(seconds=2):
    """Measure commits of one row per second on this disk, with the server's settings of SQLite."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=fill.CACHE))
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT)")
    until, commits = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows (body) VALUES (?)", ("x" * 200,))
        connection.execute("COMMIT")
        commits += 1
    connection.close()
    shutil.rmtree(folder)
    return commits / seconds


def replays(databases):
    """Measure ticks per second of rules.py on the bots' games."""
    played = fill.repertoire()
    began = time.perf_counter()
    for mode, seed, turns, tick, *_ in played:
        rules.Game(seed, mode).advance(turns, tick)
    return {"rate": round(sum(game[3] for game in played) / (time.perf_counter() - began))}


def log_ins(databases):
    """Measure the 99th percentile of reads during four log-ins a second, relative to that without log-ins."""
    with served(databases.filled(FEW)) as server:
        load, ratios, found = Load(server.url, "/api/leaderboard?mode=walls"), [], []
        for _ in range(ROUNDS):
            quiet = load.run()["p99"]
            with logging_in(server, 4):
                busy = load.run()["p99"]
            found.append((quiet, busy))
            ratios.append(busy / quiet)
    return {
        "quiet_ms": statistics.median(quiet for quiet, _ in found),
        "busy_ms": statistics.median(busy for _, busy in found),
        "ratio": round(statistics.median(ratios), 2),
    }


@contextmanager
def logging_in(server, a_second):
    """Log in a number of users per second, one after the other."""
    stop = threading.Event()

    def log_in(number):
        server.api("POST /api/auth/login", {"username": f"Player{number + 1}", "password": "wrong password"}, 401)

    def keep_on():
        began, threads = time.monotonic(), []
        for number in range(10_000):
            if stop.wait(max(0, began + number / a_second - time.monotonic())):
                break
            threads.append(threading.Thread(target=log_in, args=[number % FEW]))
            threads[-1].start()
        for thread in threads:
            thread.join()

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def crowd(databases, seconds=60, people=1000, rooms=0, way="events"):
    """Run a number of players and as many watchers for a minute; measure memory before and after. `way`: see crowd.py.

    `cores`: the CPU time of the server's processes, relative to the time that passed.
    """
    with databases.copy(FEW) as url, tempfile.NamedTemporaryFile("w", suffix=".tokens") as tokens:
        players = [*fill.asked(FEW), *more_players(url, max(0, people - FEW))]
        tokens.write("\n".join(map(fill.token, players)))
        tokens.flush()
        with served(url) as server:
            server.api("GET /healthz")
            idle, used, began = memory(server), cpu_time(server), time.monotonic()
            numbers = map(str, (people, people, seconds, rooms))
            command = [sys.executable, HERE / "crowd.py", server.url, tokens.name, *numbers, way]
            said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            cores = (cpu_time(server) - used) / (time.monotonic() - began)
            return said | {"cores": round(cores, 2), "idle_mb": idle, "after_mb": memory(server)}


def polling_crowd(databases):
    """Run the same with watchers who poll."""
    return crowd(databases, way="polls")


def crowd_in_rooms(databases):
    """Run the same in ROOMS rooms with a projector each, and without rooms, in turns. The figures are those of the last run.

    `ratios`: the 99th percentiles, relative to those of the crowd just before. `ratio`: their medians. A single
    ratio says little: once a crowd overloads the server, 10 % more work makes responses about 20 % slower, and a core
    that is slower by half for a minute makes them twice as slow.
    """
    ratios = {"posts": [], "fetches": []}
    for _ in range(CROWDS):
        plain, found = crowd(databases), crowd(databases, rooms=ROOMS)
        for what, seen in ratios.items():
            seen.append(round(found[what]["p99_ms"] / plain[what]["p99_ms"], 2))
    return found | {"ratio": {what: statistics.median(seen) for what, seen in ratios.items()}, "ratios": ratios}


def processes(server):
    """Return the ids of all the server's processes."""
    return subprocess.run(["pgrep", "-g", str(server.process.pid)], capture_output=True, text=True).stdout.split()


def cpu_time(server):
    """Return the CPU time of all the server's processes in seconds."""
    fields = [Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in processes(server)]
    return sum(int(user) + int(system) for *_, user, system in (found[:13] for found in fields)) / os.sysconf("SC_CLK_TCK")


def memory(server):
    """Return the proportional set size of all the server's processes in megabytes."""
    total = 0
    for process in processes(server):
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1])
    return round(total / 1000, 1)


def start(databases):
    """Measure seconds from `python service.py` to the first response, with a new and with an existing database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url, found = f"sqlite:///{folder}/snake.db", []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            with served(url) as server:
                server.api("GET /api/leaderboard")
                found.append(time.perf_counter() - began)
    return {"new_s": round(found[0], 2), "seconds": round(statistics.median(found[1:]), 2)}


# Figures that are not ratios to the yardstick.
OTHERS = {
    "replays": replays,
    "log_ins": log_ins,
    "start": start,
    "crowd": crowd,
    "crowd_polling": polling_crowd,
    "crowd_in_rooms": crowd_in_rooms,
}
