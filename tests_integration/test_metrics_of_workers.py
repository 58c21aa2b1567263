"""Metrics of a server with several workers: every worker serves the same, even if workers are killed."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed
from servers import until

WORKERS = 2
BOARD = {"method": "GET", "route": "/api/leaderboard"}


def read(server):
    """{(name, labels): value} of one who tells it, on a connection of its own."""
    status, content = server.get("/metrics")
    text = content.decode()
    assert status == 200, text
    return {(s.name, frozenset(s.labels.items())): s.value for family in parsed(text) for s in family.samples}


def value(metrics, name, **labels):
    return metrics.get((name, frozenset(labels.items())))


def ask_often(server, times):
    """Ask for a board on so many connections, all open at once, so that each worker has some of them."""
    connections = [server.http() for _ in range(times)]
    for connection in connections:
        connection.request("GET", "/api/leaderboard")
    for connection in connections:
        assert connection.getresponse().read() == b"[]"
        connection.close()


def told(server, times=10):
    """The metrics of responses and games, on which all workers agree."""
    said = [read(server) for _ in range(times)]
    names = "snakepit_http_requests_total", "snakepit_http_request_duration_seconds_count", "snakepit_games_started_total"
    asked = [
        {key: metrics[key] for key in metrics if key[0] in names and ("route", "/metrics") not in key[1]} for metrics in said
    ]
    assert asked == [asked[0]] * times
    return said[-1]


def workers_told_of(metrics, by="process_resident_memory_bytes"):
    return {dict(labels)["worker"] for name, labels in metrics if name == by}


def connected(metrics):
    return workers_told_of(metrics, by="snakepit_database_connections")


@pytest.fixture
def serve(make_server):
    """Makes a server whose workers have all begun."""

    def serve(url):
        server = make_server(DATABASE_URL=url, WORKERS=str(WORKERS), RATE_LIMITS="false")
        until(lambda: workers_told_of(read(server)) == {"0", "1"})
        return server

    return serve


@pytest.fixture
def served(serve, tmp_path):
    return serve(f"sqlite:///{tmp_path}/snake.db")


def test_each_worker_serves_the_counts_of_all_and_counts_survive_killed_workers(serve, database_url):
    served = serve(database_url)
    ada = served.api.sign_up("Ada")
    ask_often(served, 60)
    game = ada.open()
    before = told(served)
    assert value(before, "snakepit_http_requests_total", **BOARD, status="200") == 60
    assert value(before, "snakepit_http_request_duration_seconds_count", **BOARD) == 60
    assert value(before, "snakepit_metrics_scope", scope="all_workers") == 1
    for killed in served.workers:
        os.kill(killed, signal.SIGKILL)
        until(lambda killed=killed: killed not in served.workers and len(served.workers) == WORKERS)
    until(lambda: workers_told_of(read(served)) == {"0", "1"})
    after = told(served)
    assert value(after, "snakepit_http_requests_total", **BOARD, status="200") == 60
    assert value(after, "snakepit_games_started_total") == 1
    assert value(after, "snakepit_games_active") == 1
    ask_often(served, 20)
    assert value(told(served), "snakepit_http_requests_total", **BOARD, status="200") == 80
    ada.post(game, 0, 5)


def test_a_reload_forgets_no_counts(served):
    ask_often(served, 30)
    before = served.workers
    served.process.send_signal(signal.SIGHUP)
    until(lambda: len(served.workers) == WORKERS and not set(served.workers) & set(before))
    ask_often(served, 10)
    assert value(told(served), "snakepit_http_requests_total", **BOARD, status="200") == 40


def test_counts_are_exact_under_concurrency(served):
    def play(number):
        player = served.api.sign_up(f"Player{number}")
        player.play(1)
        player.open()
        player.open()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(play, range(6)))
    metrics = told(served)
    assert value(metrics, "snakepit_games_started_total") == 18
    assert value(metrics, "snakepit_games_ended_total", outcome="left") == 6
    ended = sum(
        value(metrics, "snakepit_games_ended_total", outcome=outcome) for outcome in ("wall", "self", "starved", "won")
    )
    assert ended == 6
    assert value(metrics, "snakepit_games_active") == 6
    in_use = [value(metrics, "snakepit_database_connections", worker=worker, state="in_use") for worker in ("0", "1")]
    assert in_use == [0, 0]


def test_what_is_no_request_is_counted(served):
    assert served.get("/" + "x" * 5000)[0] == 414
    assert value(told(served), "snakepit_http_requests_total", method="other", route="unread", status="414") == 1


def test_the_connections_metric_equals_the_databases_connections(serve, postgres_url):
    served = serve(postgres_url)
    assert served.api("GET /healthz")["engine"] == "postgres"
    ask_often(served, 60)
    name = urlsplit(postgres_url).path[1:]
    with psycopg.connect(postgres_url) as admin:
        asked = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        [open_now] = admin.execute(asked, (name,)).fetchone()
    metrics = read(served)
    told_of = sum(
        number
        for (metric, labels), number in metrics.items()
        if metric == "snakepit_database_connections" and dict(labels)["state"] in ("in_use", "idle")
    )
    assert open_now == told_of >= WORKERS


def test_a_worker_that_is_let_go_has_no_connections_and_its_counts_stay(served):
    ask_often(served, 30)
    served.process.send_signal(signal.SIGTTOU)
    until(lambda: len(connected(read(served))) == WORKERS - 1)
    metrics = told(served)
    assert connected(metrics) == workers_told_of(metrics)
    assert value(metrics, "snakepit_http_requests_total", **BOARD, status="200") == 30
