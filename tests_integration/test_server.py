"""A real server: restarts, crashes, many players at once; on SQLite and on Postgres."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg
import pytest
from driver import PASSWORD, plan
from servers import TIMEOUT, Server, run_program

import config
import rules
import service


def by_rules(game, turns, tick):
    played = rules.Game(game["seed"], game["mode"])
    played.advance(turns, tick)
    return played


def test_sign_up_log_in_play_and_read_it_back(server):
    server.api.sign_up("Ada", email="ada@example.org")
    ada = server.api.log_in("ada@example.org")
    game = ada.open("pass-through")
    turns, end = plan(game["seed"], "pass-through", 6)
    for tick in range(10, end + 10, 10):
        tick = min(tick, end)
        since = (tick - 1) // 10 * 10
        answer = ada.post(game, since, tick, [turn for turn in turns if since < turn[0] <= tick])
    played = by_rules(game, turns, end)
    assert (answer["status"], answer["score"], answer["outcome"], answer["rank"]) == ("over", 60, played.outcome, 1)
    for period in ("all", "month", "week", "day"):
        [entry] = server.api(f"GET /api/leaderboard?mode=pass-through&period={period}")
        assert (entry["username"], entry["score"], entry["game"]) == ("Ada", 60, game["id"])
    record = server.api(f"GET /api/games/{game['id']}")
    assert by_rules(record, record["turns"], record["tick"]).snapshot() == played.snapshot()


UNNEEDED = {"asyncio", "limits", "prometheus_client", "psycopg.connection", "segno", "unittest"}  # large, and used later
SAY_WHAT_IS_OPENED = """
import sys
sys.addaudithook(lambda event, arguments: event == "open" and print(f"opens {arguments[0]}", file=sys.stderr))
"""


def test_it_starts_without_large_modules_and_a_search_for_plugins(make_server, tmp_path):
    """They would take a third of the start, and 5 MB of each worker."""
    (tmp_path / "sitecustomize.py").write_text(SAY_WHAT_IS_OPENED)
    url = f"sqlite:///{tmp_path}/snake.db"
    server = make_server(DATABASE_URL=url, PYTHONPATH=str(tmp_path), PYTHONPROFILEIMPORTTIME="1")
    server.api("GET /api/leaderboard")
    assert server.get("/")[0] == 200
    log = server.log.read_text()
    imported = set(re.findall(r"^import time:.* (\S+)$", log, re.M))
    assert {"gunicorn", "gevent", "bottle", "service"} <= imported
    assert not imported & UNNEEDED
    opened = re.findall(r"^opens (.*)$", log, re.M)
    assert any("static/index.html" in path for path in opened)
    assert not [path for path in opened if path.endswith(("entry_points.txt", "confusables.txt"))]


def test_without_docstrings_and_asserts_it_serves_the_same(make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", PYTHONOPTIMIZE="2")
    _, _, answer = server.api.sign_up("Ada").play(2)
    assert (answer["score"], answer["rank"]) == (20, 1)
    assert server.api("GET /api/openapi.json") == json.loads(service.describe_api())
    assert server.api.ask("GET /api/nothing").status == 404
    assert server.stop() == 0
    assert " ERROR " not in server.log.read_text()


def test_a_restart_loses_nothing_and_the_game_goes_on(server):
    ada = server.api.sign_up("Ada")
    ada.play(2)
    game = ada.open()
    ada.post(game, 0, 5, [[2, "R"]])
    board = server.api("GET /api/leaderboard")
    assert server.stop() == 0
    server.start()
    assert server.api("GET /api/leaderboard") == board
    assert [active["id"] for active in server.api("GET /api/games/active")] == [game["id"]]
    answer = ada.post(game, 5, 100)
    assert answer["tick"] == by_rules(game, [[2, "R"]], 100).ticks


def test_after_a_kill_in_the_middle_of_a_game_nothing_that_was_answered_is_missing(server):
    ada = server.api.sign_up("Ada")
    game = ada.open()
    turns, end = plan(game["seed"], "walls", 8)
    tick = 0
    while tick < end:
        since, tick = tick, min(tick + 7, end)
        answer = ada.post(game, since, tick, [turn for turn in turns if since < turn[0] <= tick])
        if since // 7 % 4 == 0 or tick == end:
            server.kill()
            server.start()
            record = server.api(f"GET /api/games/{game['id']}")
            assert (record["tick"], record["score"], record["status"]) == (tick, answer["score"], answer["status"])
            assert record["turns"] == [turn for turn in turns if turn[0] <= tick]
    assert [entry["score"] for entry in server.api("GET /api/leaderboard")] == [80]


def test_a_score_is_stored_before_the_game_is_reported_over(server):
    ada = server.api.sign_up("Ada")
    for meals in range(1, 5):
        _, _, answer = ada.play(meals)
        server.kill()
        server.start()
        assert answer["status"] == "over"
        assert [entry["score"] for entry in server.api("GET /api/leaderboard")] == [meals * 10]


def at_once(*calls):
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_of_concurrent_posts_one_is_accepted(make_server, database_url, workers):
    server = make_server(DATABASE_URL=database_url, WORKERS=workers)
    ada = server.api.sign_up("Ada")
    for _ in range(5):
        game = ada.open()
        call = f"POST /api/games/{game['id']}/turns"
        bodies = [{"since": 0, "tick": 100, "turns": [[tick, "R"]]} for tick in range(1, 9)]
        answers = at_once(*(partial(ada.ask, call, body) for body in bodies))
        assert sorted(answer.status for answer in answers) == [200] + [409] * 7
        [taken] = [(answer, body) for answer, body in zip(answers, bodies, strict=True) if answer.status == 200]
        assert server.api(f"GET /api/games/{game['id']}")["turns"] == taken[1]["turns"]
        assert taken[0].json["score"] == by_rules(game, taken[1]["turns"], 100).score


@pytest.mark.parametrize("workers", ["1", "2"])
def test_many_players_at_once_and_each_sees_their_game_in_the_next_read(make_server, database_url, workers):
    server = make_server(DATABASE_URL=database_url, WORKERS=workers, RATE_LIMITS="false")

    def play(number):
        player = server.api.sign_up(f"Player{number}")
        for meals in (1, number % 4 + 1, 2):
            player.play(meals)
            mine = player("GET /api/leaderboard/me?mode=walls")
            assert mine["score"] >= meals * 10
        return max(2, number % 4 + 1) * 10

    best = at_once(*(partial(play, number) for number in range(12)))
    board = server.api("GET /api/leaderboard?mode=walls&limit=100")
    assert {entry["username"]: entry["score"] for entry in board} == {f"Player{n}": s for n, s in enumerate(best)}
    assert [entry["rank"] for entry in board] == [1 + sum(s > entry["score"] for s in best) for entry in board]


def test_of_games_opened_concurrently_one_stays_open(server):
    ada = server.api.sign_up("Ada")
    games = at_once(*[ada.open] * 8)
    records = [server.api(f"GET /api/games/{game['id']}") for game in games]
    assert sorted(record["outcome"] or "" for record in records) == [""] + ["left"] * 7


def test_concurrent_sign_ups_with_one_name_make_one_account(server):
    body = {"username": "Ada", "password": PASSWORD}
    answers = at_once(*[lambda: server.api.ask("POST /api/auth/signup", body)] * 6)
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5


def test_several_servers_may_start_at_once_on_an_empty_database(make_server, database_url, tmp_path):
    def start(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        return Server(folder, DATABASE_URL=database_url).start()

    servers = at_once(*(partial(start, number) for number in range(3)))
    try:
        servers[0].api.sign_up("Ada").play(1)
        for server in servers:
            assert [entry["score"] for entry in server.api("GET /api/leaderboard")] == [10]
            server.api.log_in("Ada")
    finally:
        for server in servers:
            server.kill()


def test_hashing_a_password_does_not_hold_up_the_others(make_server, database_url):
    """While log-ins hash for about a second each, a hundred other requests are answered."""
    server = make_server(DATABASE_URL=database_url, BCRYPT_ROUNDS="14", RATE_LIMITS="false")
    with ThreadPoolExecutor(1) as thread:
        hashing = thread.submit(server.api.sign_up, "Ada")
        answered = 0
        while not hashing.done():
            server.api("GET /api/leaderboard")
            answered += 1
    assert hashing.result().user["username"] == "Ada"
    assert answered > 100


def test_pace_is_kept_by_the_clock(make_server, database_url):
    server = make_server(DATABASE_URL=database_url, ENFORCE_PACE="true", RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    game = ada.open()
    refused = ada.post(game, 0, 11, status=422)
    assert refused["errors"][0]["field"] == "tick"
    while (answer := ada.ask(f"POST /api/games/{game['id']}/turns", {"since": 0, "tick": 11, "turns": []})).status != 200:
        assert answer.status == 422
    assert answer.json["status"] == "over"


def test_a_bad_setting_stops_the_start_with_one_line(tmp_path):
    (tmp_path / ".env").write_text("WORKERS=many\n")
    run = run_program(tmp_path, "service.py")
    assert run.returncode == 2
    assert run.stderr == "WORKERS=many: give a whole number from 1 to 64\n"


def test_an_option_that_the_driver_does_not_know_stops_the_start_in_words(database_url, tmp_path):
    url = f"{database_url}{'&' if '?' in database_url else '?'}nonsense=1"
    run = run_program(tmp_path, "service.py", DATABASE_URL=url)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("DATABASE_URL: ")
    assert "nonsense" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_bad_rate_limit_storage_stops_the_start_with_one_line(tmp_path):
    run = run_program(tmp_path, "service.py", RATE_LIMIT_STORAGE="nonsense://:hunter2@host")
    assert run.returncode == 2
    assert run.stderr.startswith("RATE_LIMIT_STORAGE: there is no such storage; give memory://")
    assert run.stderr.count("\n") == 1
    assert "hunter2" not in run.stderr


def test_a_client_with_many_requests_does_not_keep_others_waiting(make_server, tmp_path):
    """One sends a thousand requests at once; the log tells in which order they are answered, and somebody else's."""
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", ACCESS_LOG="true")
    many = 1000
    with server.connect() as greedy, ThreadPoolExecutor() as threads:
        greedy.sendall(b"GET /greedy HTTP/1.1\r\nHost: snakepit\r\n\r\n" * many)

        def receive():
            received = b""
            while received.count(b"HTTP/1.1 404") < many:
                received += greedy.recv(1 << 16)

        receiving = threads.submit(receive)
        while not receiving.done():
            server.api("GET /healthz")
        receiving.result()
    paths = re.findall("GET (/greedy|/healthz)", server.log.read_text())
    assert paths.count("/greedy") == many
    last = len(paths) - paths[::-1].index("/greedy")
    assert "/healthz" in paths[paths.index("/greedy") : last]


def test_ctrl_c_stops_it_without_a_stack_trace(make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", WORKERS="2")
    for _ in range(3):
        server.api("GET /healthz")
        assert server.interrupt() == 0
        server.start()
    assert "Traceback" not in server.log.read_text()


def test_a_port_that_is_taken_stops_the_start(make_server, tmp_path):
    first = make_server(DATABASE_URL="sqlite:///:memory:")
    port = first.settings["PORT"]
    run = run_program(tmp_path, "service.py", PORT=port, DATABASE_URL="sqlite:///:memory:")
    assert run.returncode == 2
    assert run.stderr.startswith(f"PORT={port}: ")
    assert run.stderr.count("\n") == 1


def test_a_chunked_body_is_read_and_bounded(server):
    """gunicorn undoes the chunks; what it hands on has no length."""

    def send(chunks):
        connection = server.http()
        connection.request("POST", "/api/auth/login", iter(chunks), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        answer = connection.getresponse()
        status, detail = answer.status, json.loads(answer.read())
        connection.close()
        return status, detail

    server.api.sign_up("Ada")
    status, session = send([b'{"username": "Ada", ', f'"password": "{PASSWORD}"}}'.encode()])
    assert (status, session["user"]["username"]) == (200, "Ada")
    assert send([b"x" * 1000] * 100)[0] == 413


# Postgres only.


def test_connections_that_died_in_the_pool_are_replaced_unseen(make_server, postgres, postgres_url):
    server = make_server(DATABASE_URL=postgres_url)
    ada = server.api.sign_up("Ada")
    name = Path(postgres_url.split("?")[0]).name
    what_asks_first = (  # a query of ours, one of peewee's, and a transaction
        lambda: ada("GET /api/auth/me"),
        lambda: server.api.log_in("Ada"),
        ada.play,
        lambda: server.api("GET /api/leaderboard"),
    )
    with psycopg.connect(postgres, autocommit=True) as admin:
        for ask in what_asks_first * 3:
            killed = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            ).fetchall()
            assert killed
            ask()


def test_an_app_that_cannot_be_made_leaves_no_connection_to_postgres(postgres_url):
    service.create_app(database_url=postgres_url).close()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("INSERT INTO snakepit_migration (name, applied) VALUES ('9999_wings', now())")
        with pytest.raises(config.ConfigError) as raised:
            service.create_app(database_url=postgres_url)
        assert raised.tb, "with it, the app is still there"
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        deadline = time.monotonic() + TIMEOUT
        while admin.execute(others).fetchone() != (0,):  # Postgres takes a moment to see that a client has gone
            assert time.monotonic() < deadline


@pytest.mark.parametrize("how", ["restored", "data only"])
def test_a_leaderboard_is_the_databases_own_also_after_a_copy_took_its_place(make_server, postgres_url, how):
    """As pg_restore does it while a server runs: the boards' versions go back, and come to the same again."""
    server = make_server(DATABASE_URL=postgres_url)
    ada, bob = server.api.sign_up("Ada"), server.api.sign_up("Bob")
    ada.play(1)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        tables = [name for (name,) in admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for name in tables:
            admin.execute(f"CREATE TABLE IF NOT EXISTS copy_of_{name} AS TABLE {name}")
        ada.play(3)
        assert [entry["score"] for entry in server.api("GET /api/leaderboard?mode=walls")] == [30]
        for name in tables:
            admin.execute("SET session_replication_role = replica")  # as pg_restore --disable-triggers
            admin.execute(f"DELETE FROM {name}" if how == "data only" else f"TRUNCATE {name} CASCADE")
        for name in tables:
            admin.execute(f"INSERT INTO {name} SELECT * FROM copy_of_{name}")
    bob.play(2)  # after which each board has changed as often as when it was read
    found = [(entry["username"], entry["score"]) for entry in server.api("GET /api/leaderboard?mode=walls")]
    assert found == [("Bob", 20), ("Ada", 10)]
