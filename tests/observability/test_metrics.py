"""Prometheus metrics."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import webtest
from driver import PASSWORD, drive
from prometheus_client.parser import text_string_to_metric_families as parsed

import rules
from game import leaving
from models import Game
from observability import counters

ROOT = Path(counters.__file__).parent.parent


class Watched:
    """An app's metrics. The counters are shared by all tests of the process, so values are relative to the start."""

    def __init__(self, app):
        self.client = webtest.TestApp(app)
        self.before = self.read()

    def read(self, **headers):
        self.text = self.client.get("/metrics", headers=headers).text
        samples = (sample for family in parsed(self.text) for sample in family.samples)
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}

    def __call__(self, name, **labels):
        """The value of a metric now; None if there is none."""
        return self.read().get((f"snakepit_{name}", frozenset(labels.items())))

    def grown(self, name):
        """{the values of its labels, sorted by their names: by how much} of a metric, where it has grown."""
        now = {key: value - self.before.get(key, 0) for key, value in self.read().items() if key[0] == f"snakepit_{name}"}
        return {tuple(value for _, value in sorted(labels)): more for (_, labels), more in now.items() if more}


@pytest.fixture
def watched(app):
    return Watched(app)


def test_answers_are_counted_by_route_and_status(watched, api, ada):
    api("GET /api/players/Ada")
    for _ in range(2):
        api("GET /api/players/nobody", status=404)
    api("POST /api/games", {"mode": "walls"}, 401)
    api.send("GET", "/static/nothing", None, {})
    api.send("HEAD", "/healthz", None, {})
    asked = watched.grown("http_requests_total")
    del asked["GET", "/metrics", "200"]
    assert asked == {
        ("POST", "/api/auth/signup", "201"): 1,
        ("GET", "/api/players/<name>", "200"): 1,
        ("GET", "/api/players/<name>", "404"): 2,
        ("POST", "/api/games", "401"): 1,
        ("GET", "/static/<path:path>", "404"): 1,
        ("GET", "/healthz", "200"): 1,
    }


def test_every_metric_is_in_the_readme(watched):
    readme = (ROOT / "README.md").read_text()
    for family in parsed(watched.text):
        if family.name.startswith("snakepit_") and "by its old name" not in family.documentation:
            assert family.name.removeprefix("snakepit_") in readme


def test_under_another_server_the_scope_is_one_process(watched):
    assert watched("metrics_scope", scope="one_process") == 1
    assert watched("metrics_scope", scope="all_workers") is None
    assert "# HELP snakepit_metrics_scope Whose numbers these are" in watched.text


def test_what_there_is_no_route_for_is_counted_without_its_path_and_method(watched, api):
    for number in range(50):
        api.send("GET", f"/secret/{number}", None, {})
    api.send("PUT", "/healthz", None, {})
    api.send("TRACE", "/healthz", None, {})
    asked = watched.grown("http_requests_total")
    none = {key: more for key, more in asked.items() if key[1] == "none"}
    assert none == {("GET", "none", "404"): 50, ("PUT", "none", "405"): 1, ("other", "none", "405"): 1}
    assert "secret" not in watched.text


def test_a_preflight_is_counted(make_app):
    watched = Watched(make_app(cors_origins="*"))
    watched.client.options("/api/games", headers={"Origin": "https://example.org"})
    assert watched.grown("http_requests_total")["OPTIONS", "none", "204"] == 1


def test_the_time_that_answers_take_is_counted(watched, api):
    for _ in range(5):
        api("GET /api/games/active")
    route = ("GET", "/api/games/active")
    grown = _by_bound(watched.grown("http_request_duration_seconds_bucket"))
    buckets = {float(le): more for (le, *labels), more in grown if labels == [*route]}
    assert buckets[float("inf")] == watched.grown("http_request_duration_seconds_count")[route] == 5
    assert list(buckets.values()) == [buckets[bound] for bound in sorted(buckets)] == sorted(buckets.values())
    assert 0 < watched.grown("http_request_duration_seconds_sum")[route] < 5


def _by_bound(grown):
    return sorted(grown.items(), key=lambda item: float(item[0][0]))


@pytest.mark.parametrize(
    ("nanoseconds", "bucket"), [(0, 0), (500_000, 0), (500_001, 1), (5_000_000_000, 9), (5_000_000_001, 10)]
)
def test_a_bucket_holds_its_bound(nanoseconds, bucket):
    metrics = counters.RouteMetrics("GET", "/a/test")
    metrics.observe("200 OK", nanoseconds)
    numbers, buckets, total = metrics.of(counters.totals())
    assert {status: number for status, number in numbers.items() if number} == {"200": 1}
    assert [at for at, number in enumerate(buckets) if number] == [bucket]
    assert total == nanoseconds


def test_games_are_counted_as_they_start_and_end(watched, ada, bob):
    _, _, answer = ada.play(1)
    bob.open()
    bob.open()
    left = ada.open()
    ada(f"DELETE /api/games/{left['id']}", status=204)
    ada(f"DELETE /api/games/{left['id']}", status=204)  # again, which changes nothing
    assert watched.grown("games_started_total") == {(): 4}
    assert watched.grown("games_ended_total") == {(answer["outcome"],): 1, ("left",): 2}


def test_a_game_that_is_abandoned_is_counted_as_left(app, watched, ada, db):
    ada.open()
    Game.update(last_post_at=Game.last_post_at - leaving.ABANDON_AFTER_MS - 1).execute()
    app.background.run_all()
    ada("GET /api/games/active")
    assert watched.grown("games_ended_total") == {("left",): 1}


def test_games_that_run_are_those_of_the_database(watched, ada, bob, db):
    ada.open()
    paused = bob.open()
    Game.update(last_post_at=Game.last_post_at - 60_000).where(Game.id == paused["id"]).execute()
    assert (watched("games_active"), watched("games_open")) == (1, 2)
    ada.open()  # which ends the other
    assert (watched("games_active"), watched("games_open")) == (1, 2)


TICKS = {"since": 0, "tick": 5, "turns": []}


@pytest.mark.parametrize(
    ("reason", "post"),
    [
        ("invalid", {"since": 0, "tick": 5}),
        ("invalid", {"since": 0, "tick": 5, "turns": [[9, "R"]]}),
        ("conflict", {"since": 3, "tick": 5, "turns": []}),
        ("too_fast", {"since": 0, "tick": 200, "turns": [[tick, "URDL"[tick % 4]] for tick in range(1, 200)]}),
    ],
)
def test_a_post_that_is_refused_is_counted_by_why(make_app, reason, post):
    app = make_app(enforce_pace=True)
    watched, ada = Watched(app), drive(app).sign_up("Ada")
    ada.post(ada.open(), 0, 1)
    assert watched.grown("turn_posts_rejected_total") == {}
    game = ada.open()
    assert ada.ask(f"POST /api/games/{game['id']}/turns", post).status in (409, 422)
    assert watched.grown("turn_posts_rejected_total") == {(reason,): 1}


def test_posts_to_another_players_game_or_a_finished_game_are_counted_by_reason(watched, api, ada, bob):
    game, _, _ = ada.play()
    call = f"POST /api/games/{game['id']}/turns"
    for player, called, status in (
        (ada, call, 409),
        (bob, call, 403),
        (api, call, 401),
        (ada, "POST /api/games/nothing/turns", 404),
    ):
        player(called, TICKS, status)
    assert watched.grown("turn_posts_rejected_total") == {
        (reason,): 1 for reason in ("game_over", "forbidden", "unauthorized", "not_found")
    }


def test_a_post_too_many_is_counted_by_why(make_app):
    app = make_app(enforce_pace=True)
    watched, ada = Watched(app), drive(app).sign_up("Ada")
    game = ada.open()
    statuses = [
        ada.ask(f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []}).status for _ in range(60)
    ]
    assert watched.grown("turn_posts_rejected_total").get(("rate_limited",)) == statuses.count(429) > 0


def test_what_is_refused_elsewhere_is_no_refused_post(watched, ada):
    ada("POST /api/games", {"mode": "sideways"}, 422)
    assert watched.grown("turn_posts_rejected_total") == {}


def test_failed_log_ins_are_counted(watched, api, ada):
    api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    api("POST /api/auth/login", {"username": "Nobody", "password": "wrong horse"}, 401)
    ada("PATCH /api/auth/me", {"current_password": "wrong horse", "email": None}, 403)
    api("POST /api/auth/login", {"username": "Ada", "password": PASSWORD})
    assert watched.grown("login_failures_total") == {(): 3}


def test_connections_are_in_use_or_idle(make_app):
    app = make_app()
    watched = Watched(app)

    def connections():
        return [watched("database_connections", worker="0", state=state) for state in ("in_use", "idle", "kept")]

    in_use, idle, kept = connections()
    assert idle == kept
    _, opened, _ = counters.workers()[0]
    assert opened == in_use + idle
    app.database.close_all()
    assert counters.workers()[0][1:] == (opened - 1, in_use)


def test_without_the_database_the_other_metrics_are_served(make_app, tmp_path):
    """A locked file acts as a database that can't be reached."""
    with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db", lock_wait=0.01)
        watched = Watched(app)
        drive(app)("GET /healthz", status=503)
        assert (watched("database_up"), watched("games_open")) == (0, None)
        assert watched.grown("http_requests_total")["GET", "/healthz", "503"] == 1
    drive(app)("GET /healthz")
    assert (watched("database_up"), watched("games_open")) == (1, 0)


def test_where_there_is_a_token_it_is_asked_for(make_app):
    token = "sixteen characters"
    client = webtest.TestApp(make_app(metrics_token=token))
    for headers in ({}, {"Authorization": "Bearer sixteen"}, {"Authorization": "Bearer \xfc"}, {"Authorization": token}):
        refused = client.get("/metrics", headers=headers, status=401)
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert "METRICS_TOKEN" in json.loads(refused.text)["detail"]
    assert "snakepit_http_requests_total" in client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text


def test_process_metrics_are_served(watched):
    [memory] = [value for (name, _), value in watched.read().items() if name == "process_resident_memory_bytes"]
    assert 1_000_000 < memory < 10_000_000_000


def test_every_family_appears_once(watched, ada):
    ada.play()
    watched.read()
    names = [line.split()[2] for line in watched.text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert len(watched.text) < 200_000  # old names are beside the new ones


OLD_NAMES = {
    "http_requests_total": "requests_total",
    "http_request_duration_seconds_bucket": "request_seconds_bucket",
    "http_request_duration_seconds_sum": "request_seconds_sum",
    "login_failures_total": "log_in_failures_total",
    "games_active": "games_running",
}


def test_metrics_with_new_names_have_the_old_ones_too(watched, api, ada):
    ada.open()
    api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    values = watched.read()
    for new, old in OLD_NAMES.items():
        renamed = {
            (f"snakepit_{old}", labels): value for (name, labels), value in values.items() if name == f"snakepit_{new}"
        }
        assert renamed
        assert renamed.items() <= values.items()


def test_reasons_with_new_names_have_the_old_ones_too(watched, api, ada, bob):
    game = ada.open()
    api(f"POST /api/games/{game['id']}/turns", TICKS, 401)
    bob(f"POST /api/games/{game['id']}/turns", TICKS, 403)
    assert watched.grown("posts_refused_total") == {("no_token",): 1, ("not_own",): 1}


# Slots.

SERVER = """
import json, os
from observability import counters

WORK = counters.Counter("work", "Work that was done.")

def in_worker(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    os.waitpid(pid, 0)

def work(slot, amount, version=1):
    def work():
        if version > 1:
            counters.Counter("new", "What another version counts.")
        counters.CONNECTIONS_OPEN.inc()
        WORK.inc(amount)  # before it has its slot
        counters.attach(slot)
        WORK.inc(amount)
    in_worker(work)

def show():
    def work():
        counters.attach(9)
        opened = {slot: opened for slot, (_, opened, _) in counters.workers().items()}
        print(json.dumps([WORK.of(counters.totals()), opened]), flush=True)
    in_worker(work)
"""


def run(program):
    """Run a program with workers, after SERVER. Return what it shows: [the work, {slot: open connections}], ..."""
    command = [sys.executable, "-c", SERVER + program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_totals_are_those_of_all_workers_and_stay_when_they_have_exited():
    shown = run("work(0, 2); work(1, 30); show()\ncounters.detach(0); show()\nwork(0, 100); show()")
    everyone = {"9": 0, "0": 1, "1": 1}
    assert shown == [[64, everyone], [64, {"9": 0, "1": 1}], [264, everyone]]


def test_totals_of_another_version_are_not_taken_for_something_else():
    shown = run("work(0, 5, version=2); work(1, 7); show(); work(0, 1); show()")
    assert [work for work, _ in shown] == [14, 16]


def test_every_outcome_has_its_count():
    assert set(leaving.ENDED.numbers) == set(rules.OUTCOMES)


def test_rooms_and_those_who_are_there(watched, api, ada, app):
    code = ada("POST /api/rooms", {}, 201)["code"]
    gus = api.guest()
    there = gus(f"POST /api/rooms/{code}/members", {"name": "Gus"})
    assert (watched("rooms_active"), watched("rooms_members_here")) == (1, 2)
    assert watched.grown("rooms_opened_total")[()] == 1
    gus(f"DELETE /api/rooms/{code}/members/{there['member']}", status=204)
    assert (watched("rooms_active"), watched("rooms_members_here")) == (1, 1)
