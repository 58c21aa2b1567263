"""The rows of the benchmark. Each measurement returns {ratio, ...} or other figures."""

import itertools
import json
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
from driver import plan
from load import ROUNDS, Load, compare

import models
import rules
import service
from accounts.sessions import Sessions
from database.binding import bind, database
from database.connect import connect
from game import challenges, games

HERE = Path(__file__).parent
WHOLE = 300  # ticks of a game posted at once


class Bench:
    def __init__(self, databases, standard):
        self.databases, self.standard = databases, standard

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
                games.apply_turns(opened[number], player, 0, 7 * seconds, turns, app.pace)
        if drawn:
            database.execute_sql("UPDATE games SET challenge = NULL, ranked = TRUE WHERE challenge = ''")
    app.close()
    return opened


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


def crowd(databases, seconds=60, people=1000):
    """Run a number of players and as many watchers for a minute; measure memory before and after."""
    with databases.copy(FEW) as url, served(url) as server, tempfile.NamedTemporaryFile("w", suffix=".tokens") as tokens:
        server.api("GET /healthz")
        idle = memory(server)
        tokens.write("\n".join(fill.token(n) for n in fill.asked(FEW)))
        tokens.flush()
        command = [sys.executable, HERE / "crowd.py", server.url, tokens.name, *map(str, (people, people, seconds))]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(said) | {"idle_mb": idle, "after_mb": memory(server)}


def memory(server):
    """Return the proportional set size of all the server's processes in megabytes."""
    children = subprocess.run(["pgrep", "-g", str(server.process.pid)], capture_output=True, text=True).stdout.split()
    total = 0
    for process in children:
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


OTHERS = {"replays": replays, "log_ins": log_ins, "start": start, "crowd": crowd}  # figures that are not ratios
