"""What is counted, and told to Prometheus."""

import json
import sqlite3
from contextlib import closing

import pytest
import webtest
from driver import PASSWORD, drive
from prometheus_client.parser import text_string_to_metric_families as parsed

import rules
from database.binding import bind
from game import games
from models import Game
from observability import counters


class Watched:
    """What an app's metrics say. Counts are the process's, of all tests': they are compared with those at the start."""

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
    asked = watched.grown("requests_total")
    del asked["GET", "/metrics", "200"]
    assert asked == {
        ("POST", "/api/auth/signup", "201"): 1,
        ("GET", "/api/players/<name>", "200"): 1,
        ("GET", "/api/players/<name>", "404"): 2,
        ("POST", "/api/games", "401"): 1,
        ("GET", "/static/<path:path>", "404"): 1,
        ("GET", "/healthz", "200"): 1,
    }


def test_under_another_server_it_says_that_it_is_one_process_s(watched):
    assert watched("metrics_scope", scope="one_process") == 1
    assert watched("metrics_scope", scope="all_workers") is None
    assert "# HELP snakepit_metrics_scope Whose numbers these are" in watched.text


def test_what_there_is_no_route_for_is_counted_without_its_path_and_method(watched, api):
    for number in range(50):
        api.send("GET", f"/secret/{number}", None, {})
    api.send("PUT", "/healthz", None, {})
    api.send("TRACE", "/healthz", None, {})
    asked = watched.grown("requests_total")
    none = {key: more for key, more in asked.items() if key[1] == "none"}
    assert none == {("GET", "none", "404"): 50, ("PUT", "none", "405"): 1, ("other", "none", "405"): 1}
    assert "secret" not in watched.text


def test_a_preflight_is_counted(make_app):
    watched = Watched(make_app(cors_origins="*"))
    watched.client.options("/api/games", headers={"Origin": "https://example.org"})
    assert watched.grown("requests_total")["OPTIONS", "none", "204"] == 1


def test_the_time_that_answers_take_is_counted(watched, api):
    for _ in range(5):
        api("GET /api/games/active")
    route = ("GET", "/api/games/active")
    buckets = {
        float(le): more for (le, *labels), more in _by_bound(watched.grown("request_seconds_bucket")) if labels == [*route]
    }
    assert buckets[float("inf")] == watched.grown("request_seconds_count")[route] == 5
    assert list(buckets.values()) == [buckets[bound] for bound in sorted(buckets)] == sorted(buckets.values())
    assert 0 < watched.grown("request_seconds_sum")[route] < 5


def _by_bound(grown):
    return sorted(grown.items(), key=lambda item: float(item[0][0]))


@pytest.mark.parametrize(
    ("nanoseconds", "bucket"),
    [(0, 0), (500_000, 0), (500_001, 1), (5_000_000_000, len(counters.BOUNDS) - 1), (5_000_000_001, len(counters.BOUNDS))],
)
def test_a_bucket_holds_its_bound(own_place, nanoseconds, bucket):
    row = counters.unmatched("GET")
    counters.answered(row, "200 OK", nanoseconds)
    counted = counters.totals()[row + counters.BUCKETS : row + counters.SUM]
    assert [at for at, number in enumerate(counted) if number] == [bucket]


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
    Game.update(seen_at=Game.seen_at - games.ABANDONED - 1).execute()
    db.close()
    app.background.run_all()
    ada("GET /api/games/active")
    assert watched.grown("games_ended_total") == {("left",): 1}


def test_games_that_run_are_those_of_the_database(watched, ada, bob, db):
    ada.open()
    paused = bob.open()
    Game.update(seen_at=Game.seen_at - 60_000).where(Game.id == paused["id"]).execute()
    db.close()
    assert (watched("games_running"), watched("games_open")) == (1, 2)
    ada.open()  # which ends the other
    assert (watched("games_running"), watched("games_open")) == (1, 2)


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
    assert watched.grown("posts_refused_total") == {}
    game = ada.open()
    assert ada.ask(f"POST /api/games/{game['id']}/turns", post).status in (409, 422)
    assert watched.grown("posts_refused_total") == {(reason,): 1}


def test_a_post_to_what_is_not_one_s_own_or_over_is_counted_by_why(watched, api, ada, bob):
    game, _, _ = ada.play()
    call = f"POST /api/games/{game['id']}/turns"
    for player, called, status in (
        (ada, call, 409),
        (bob, call, 403),
        (api, call, 401),
        (ada, "POST /api/games/nothing/turns", 404),
    ):
        player(called, TICKS, status)
    assert watched.grown("posts_refused_total") == {("over",): 1, ("not_own",): 1, ("no_token",): 1, ("not_found",): 1}


def test_a_post_too_many_is_counted_by_why(make_app):
    app = make_app(enforce_pace=True)
    watched, ada = Watched(app), drive(app).sign_up("Ada")
    game = ada.open()
    statuses = [
        ada.ask(f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 0, "turns": []}).status for _ in range(60)
    ]
    assert watched.grown("posts_refused_total").get(("rate_limited",)) == statuses.count(429) > 0


def test_what_is_refused_elsewhere_is_no_refused_post(watched, ada):
    ada("POST /api/games", {"mode": "sideways"}, 422)
    assert watched.grown("posts_refused_total") == {}


def test_failed_log_ins_are_counted(watched, api, ada):
    api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    api("POST /api/auth/login", {"username": "Nobody", "password": "wrong horse"}, 401)
    ada("PATCH /api/auth/me", {"current_password": "wrong horse", "email": None}, 403)
    api("POST /api/auth/login", {"username": "Ada", "password": PASSWORD})
    assert watched.grown("log_in_failures_total") == {(): 3}


def test_connections_are_told_of_as_in_use_and_as_kept(own_place, make_app):
    app = make_app()
    watched = Watched(app)

    def connections():
        return [watched("database_connections", worker="0", state=state) for state in ("in_use", "kept")]

    assert connections() == [0, 1]
    with bind(app.database) as db:
        db.connection()
        assert counters.workers()[0][1:] == (1, 1)
    assert connections() == [0, 1]
    with bind(app.database) as db:
        db.close_all()
    assert counters.workers()[0][1:] == (0, 0)


def test_while_the_database_is_out_of_reach_the_rest_is_told(make_app, tmp_path):
    """A locked file stands for a database that can't be reached."""
    with closing(sqlite3.connect(tmp_path / "snake.db", isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        app = make_app(database_url=f"sqlite:///{tmp_path}/snake.db", lock_wait=0.01)
        watched = Watched(app)
        drive(app)("GET /healthz", status=503)
        assert (watched("database_up"), watched("games_open")) == (0, None)
        assert watched.grown("requests_total")["GET", "/healthz", "503"] == 1
    drive(app)("GET /healthz")
    assert (watched("database_up"), watched("games_open")) == (1, 0)


def test_where_there_is_a_token_it_is_asked_for(make_app):
    token = "sixteen characters"
    client = webtest.TestApp(make_app(metrics_token=token))
    for headers in ({}, {"Authorization": "Bearer sixteen"}, {"Authorization": "Bearer \xfc"}, {"Authorization": token}):
        refused = client.get("/metrics", headers=headers, status=401)
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert "METRICS_TOKEN" in json.loads(refused.text)["detail"]
    assert "snakepit_requests_total" in client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text


def test_the_process_is_told_of(watched):
    [memory] = [value for (name, _), value in watched.read().items() if name == "process_resident_memory_bytes"]
    assert 1_000_000 < memory < 10_000_000_000


def test_every_family_is_told_once(watched, ada):
    ada.play()
    watched.read()
    names = [line.split()[2] for line in watched.text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert len(watched.text) < 100_000


# Places.


@pytest.fixture
def own_place(monkeypatch):
    """A place at which nobody has counted yet."""
    monkeypatch.setattr(counters, "_mine", memoryview(bytearray(counters.SLOTS * 8)).cast("q"))
    yield
    for at in (0, 1):
        counters._place(at)[:] = memoryview(bytearray(counters.SLOTS * 8)).cast("q")


def worker(monkeypatch, at, started):
    """What a worker does that is given a place: it counts before, and then there."""
    monkeypatch.setattr(counters, "_mine", memoryview(bytearray(counters.SLOTS * 8)).cast("q"))
    counters.up(counters.OPEN)
    counters.up(games.STARTED, started)
    counters.begin(at)
    counters.up(games.STARTED, started)


def test_what_workers_have_counted_is_added_up_and_stays_when_they_are_gone(own_place, monkeypatch):
    worker(monkeypatch, 0, 2)
    worker(monkeypatch, 1, 30)
    assert counters.totals()[games.STARTED] == 64
    assert set(counters.workers()) == {0, 1}
    counters.end(0)
    assert counters.totals()[games.STARTED] == 64
    assert set(counters.workers()) == {1}
    worker(monkeypatch, 0, 100)
    assert counters.totals()[games.STARTED] == 264
    assert [opened for _, opened, _ in counters.workers().values()] == [1, 1]


def test_what_a_worker_of_another_version_has_counted_is_not_taken_for_something_else(own_place, monkeypatch):
    worker(monkeypatch, 0, 5)
    counters._place(0)[counters.LAYOUT] += 1
    worker(monkeypatch, 1, 7)
    assert counters.totals()[games.STARTED] == 14
    worker(monkeypatch, 0, 1)
    assert counters.totals()[games.STARTED] == 16


def test_every_outcome_has_its_count():
    assert set(games.ENDED) == set(rules.OUTCOMES)
    assert len(set(games.ENDED.values())) == len(rules.OUTCOMES)
