"""Servers of two versions on one Postgres, while an upgrade goes from one to the next; see docs/SCALING.md.

The later versions are copies of this one with further migrations, in two steps: the first adds what the old version's
statements are valid without, and the second requires it.
"""

import itertools
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from driver import PASSWORD, Api, plan
from room_host import Host
from servers import NOT_TAKEN, ROOT, TIMEOUT, Server, run_program, until

from database import migrations
from database.deadlines import LOCK_WAIT

LATEST = migrations.names()[-1]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "tests*", "bench", "docs", "*.db*", "*.png")
FIRST_STEP = f'''
COMPATIBLE_WITH = "{LATEST}"

def up(migrator, db):
    key = "INTEGER" if db.param == "?" else "SERIAL"
    for statement in (
        "ALTER TABLE users ADD COLUMN wings INTEGER",
        "ALTER TABLE games ADD COLUMN altitude INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX games_altitude ON games (altitude, started_at)",
        f"CREATE TABLE flights (id {{key}} PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
        " game_id VARCHAR(16) NOT NULL REFERENCES games (id) ON DELETE CASCADE)",
        "INSERT INTO flights (user_id, game_id) SELECT user_id, id FROM games",
    ):
        db.execute_sql(statement)
'''
SECOND_STEP = """
COMPATIBLE_WITH = "9001_wings"

def up(migrator, db):
    if db.param == "?":
        return
    for statement in (
        "UPDATE users SET wings = 0 WHERE wings IS NULL",
        "ALTER TABLE users ALTER COLUMN wings SET NOT NULL",
    ):
        db.execute_sql(statement)
"""


def copy_version(folder, *steps):
    """Copy this version with further migrations, a model for the column that they add, and another file of the client.

    Return the class of its servers.
    """
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED, symlinks=True)
    for number, step in enumerate(steps):
        (folder / "migrations" / f"900{number + 1}_wings.py").write_text(f'"""Wings."""\n{step}')
    models = folder / "models.py"
    anchor = "    bot = BooleanField(default=False)"
    text = models.read_text()
    assert text.count(anchor) == 1
    models.write_text(text.replace(anchor, f"    wings = IntegerField(default=0, null={len(steps) == 1})\n{anchor}"))
    (folder / "static" / "wings.txt").write_text(f"# {len(steps)}")
    return type("LaterServer", (Server,), {"program": folder / "service.py"})


@pytest.fixture(scope="module")
def with_first_step(tmp_path_factory):
    return copy_version(tmp_path_factory.mktemp("later") / "first", FIRST_STEP)


@pytest.fixture(scope="module")
def with_second_step(tmp_path_factory):
    return copy_version(tmp_path_factory.mktemp("later") / "second", FIRST_STEP, SECOND_STEP)


@pytest.fixture
def start(tmp_path, postgres_url):
    """Starts a server of a version, with a log of its own; ends those that a test leaves running."""
    servers = []

    def start(version, name):
        (tmp_path / name).mkdir()
        servers.append(version(tmp_path / name, DATABASE_URL=postgres_url, RATE_LIMITS="false"))
        return servers[-1].start()

    yield start
    for server in servers:
        if server.is_running:
            server.kill()


class Crowd:
    """Players who do all that players do, each request at the next of the `servers`, until the block ends.

    Whatever is not answered as it should be fails the block.
    """

    def __init__(self, *servers):
        self.servers, self.turns, self.numbers = servers, itertools.count(), itertools.count(1)
        self.is_over, self.lives, self.news = False, 0, threading.Condition()

    def __enter__(self):
        self.threads = ThreadPoolExecutor()
        kinds = self.play_with_account, self.play_with_account, self.play_as_guest, self.watch, self.play_in_room
        self.futures = [self.threads.submit(self.live, kind) for kind in kinds]
        return self

    def __exit__(self, *exception):
        self.is_over = True
        self.threads.shutdown()
        for future in self.futures:
            future.result()

    def live(self, kind):
        try:
            while not self.is_over:
                kind()
                self.count_life()
        finally:
            self.is_over = True
            self.count_life()

    def count_life(self):
        with self.news:
            self.lives += 1
            self.news.notify_all()

    def play_on(self, lives, seconds=0):
        """Return after so many more lives, and seconds."""
        with self.news:
            goal, until = self.lives + lives, time.monotonic() + seconds
            while self.lives < goal or time.monotonic() < until:
                assert not self.is_over
                assert self.news.wait(TIMEOUT)

    @property
    def api(self):
        return Api(self.send)

    def send(self, *call):
        while True:
            servers = self.servers
            server = servers[next(self.turns) % len(servers)]
            try:
                return server._send(*call)
            except NOT_TAKEN:  # as nginx, try another
                assert server not in self.servers

    def play(self, api, **wish):
        """Play a game in several posts, and read it meanwhile; its last answer."""
        game = api("POST /api/games", {"mode": "walls", **wish}, 201)
        turns, end = plan(game["seed"], game["mode"], next(self.numbers) % 4)
        for since, tick in itertools.pairwise(sorted({0, end // 3, end // 2, end})):
            answer = api.post(game, since, tick, [turn for turn in turns if since < turn[0] <= tick])
            assert api(f"GET /api/games/{game['id']}")["tick"] == tick
        assert answer["status"] == "over"
        return answer

    def play_with_account(self):
        name = f"Player{next(self.numbers)}"
        api = self.api.sign_up(name)
        score = self.play(api)["score"]
        assert api("GET /api/leaderboard/me?mode=walls")["score"] == score
        self.play(api, challenge="daily")
        assert api("GET /api/daily?mode=walls")["mine"]["counts"]
        api("PATCH /api/auth/me", {"username": f"{name}x", "current_password": PASSWORD})
        api = api.log_in(f"{name}x")
        assert api(f"GET /api/players/{name}x")["bests"]["walls"]["score"] == score
        api("DELETE /api/auth/me", {"password": PASSWORD}, 204)
        assert api.ask("GET /api/auth/me").status == 401

    def play_as_guest(self):
        guest = self.api.guest()
        self.play(guest)
        left = guest.open()
        self.play(guest)
        assert guest(f"GET /api/games/{left['id']}")["outcome"] == "left"
        guest.sign_up(f"Guest{next(self.numbers)}")("POST /api/auth/logout", status=204)

    def watch(self):
        for path in ("/api/home", "/api/games/active", "/api/games/live", "/api/leaderboard?limit=100", "/healthz"):
            self.api(f"GET {path}")

    def play_in_room(self):
        host, guest = Host(self.api.sign_up(f"Host{next(self.numbers)}")), self.api.guest()
        host.join(guest, name="Gus")
        host.make(minutes=5)
        until(lambda: self.is_over or host.show()["round"]["status"] == "running")
        if self.is_over:
            return
        for api in (host.api, guest):
            self.play(api, room=host.room["code"])
        until(lambda: [entry["status"] for entry in host.standings()] == ["over", "over"])
        host.api(f"DELETE {host.path}/rounds/1", status=204)
        host.api(f"DELETE {host.path}/members/{host.show()['members'][1]['id']}", status=204)


def manage(version, folder, url, *arguments, status=0):
    """What a version's manage.py prints."""
    done = run_program(folder, version.program.with_name("manage.py"), *arguments, DATABASE_URL=url)
    assert done.returncode == status, done.stderr
    return done.stdout or done.stderr


def check_pages(nginx):
    """A page and its files are of one version, whichever that is, for each of some clients."""
    versions, client = set(), 0
    while client < 12 or len(versions) < 2:  # by chance they may all come to servers of one version
        client += 1
        source = f"127.0.0.{client}"
        version = re.search(rb"static/(v-\w+)/", nginx.ask("GET", "/", source=source)[2])[1].decode()
        for file in ("js/main.js", "style.css", "js/rules.js"):
            assert "immutable" in nginx.ask("GET", f"/static/{version}/{file}", source=source)[1]["Cache-Control"]
        versions.add(version)


@pytest.mark.parametrize("seconds", [pytest.param(1, id="quick"), pytest.param(20, id="long", marks=pytest.mark.long)])
def test_two_versions_serve_players_together_in_each_of_two_steps(
    start, with_first_step, with_second_step, make_nginx, postgres_url, tmp_path, seconds
):
    old = start(Server, "old")
    with Crowd(old) as crowd:
        crowd.play_on(3, seconds)
        assert "Servers can run meanwhile" in manage(with_first_step, tmp_path, postgres_url, "migrate", "--check")
        first = start(with_first_step, "first")
        assert old.api("GET /healthz")["migration"] == first.api("GET /healthz")["migration"] == "9001_wings"
        crowd.servers = old, first
        crowd.play_on(6, seconds)
        again = start(Server, "again")  # as one that is restarted, or for which a machine is added
        crowd.servers = old, first, again
        crowd.play_on(4, seconds)
        check_pages(make_nginx("nginx-several.conf", [server.url for server in crowd.servers]))
        crowd.servers = (first,)
        assert (old.stop(), again.stop()) == (0, 0)
        second = start(with_second_step, "second")
        crowd.servers = first, second
        crowd.play_on(6, seconds)
    for server in (old, again, first, second):
        assert [line for line in server.log.read_text().splitlines() if " INFO " not in line] == []


def test_a_version_that_the_next_step_leaves_behind_says_so(start, with_second_step, postgres_url, tmp_path):
    old = start(Server, "old")
    guest = old.api.guest()
    said = manage(with_second_step, tmp_path, postgres_url, "migrate", "--check", status=1)
    assert "9001_wings, 9002_wings. Stop all servers first, or upgrade to a version with 9001_wings before" in said
    assert "connections of servers are open" in manage(with_second_step, tmp_path, postgres_url, "migrate", status=1)
    guest("GET /api/auth/me")
    start(with_second_step, "new").api.guest()
    for call in ("POST /api/auth/guest", "GET /api/auth/me", "GET /healthz"):
        answer = guest.ask(call)
        assert (answer.status, answer.json["code"], answer.json["params"]["reason"]) == (503, "unavailable", "lasting")
        assert "A newer version of this server" in answer.json["detail"]
    log = old.log.read_text()
    assert ("9002_wings" in log, "Traceback" in log) == (True, False)
    done = run_program(tmp_path, "service.py", DATABASE_URL=postgres_url)
    assert (done.returncode, done.stderr.count("\n"), "run that version" in done.stderr) == (2, 1, True)


def test_a_migration_that_waits_for_others_holds_nobody_up(start, with_first_step, postgres_url):
    old = start(Server, "old")
    with psycopg.connect(postgres_url) as reader, ThreadPoolExecutor() as threads:
        reader.execute("SELECT COUNT(*) FROM games")  # as an export does, or pg_dump, until the transaction ends
        starting = threads.submit(start, with_first_step, "first")
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            until(lambda: admin.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted").fetchone()[0])
        began = time.monotonic()
        guest = old.api.guest()
        guest.post(guest.open(), 0, 3)
        assert time.monotonic() - began < 3 * LOCK_WAIT  # of three requests
        assert not starting.done()
        reader.rollback()
        assert starting.result().api("GET /healthz")["migration"] == "9001_wings"
    assert " ERROR " not in old.log.read_text()
