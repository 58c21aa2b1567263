"""Passwords on a running server: concurrent attempts, and the queue of passwords to hash."""

import json
import select
import threading
import time
from collections import Counter

import pytest
from driver import PASSWORD
from playwright.sync_api import expect
from servers import TIMEOUT, run_program

PROXY = {"TRUSTED_PROXIES": "127.0.0.1"}  # so that a test can be at several addresses
SLOW = "10"  # rounds, with which a hash takes long enough to wait for


def ask(server, name, password=PASSWORD, address="127.0.0.1", timeout=TIMEOUT):
    """Ask to log in; the connection, on which the answer comes."""
    connection = server.http(timeout)
    body = json.dumps({"username": name, "password": password})
    connection.request("POST", "/api/auth/login", body, {"X-Forwarded-For": address})
    return connection


def answer_on(connection):
    """Return (status, seconds to wait before another try, problem code)."""
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, int(answer.headers.get("Retry-After", 0)), said.get("code")


def served(connections, timeout=0):
    """Wait until at least one has been answered; return those that have been."""
    sockets = {connection.sock: connection for connection in connections}
    return [sockets[sock] for sock in select.select(list(sockets), [], [], timeout)[0]]


def log_in(*args, **options):
    return answer_on(ask(*args, **options))


def at_once(calls):
    """Make calls at the same time, each in a thread of its own; what they return, in their order."""
    results = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def make(number, call):
        ready.wait()
        results[number] = call()

    threads = [threading.Thread(target=make, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def leave_after_asking(server, name, number):
    """Ask to log in so often, each time on a connection that is closed when the request is sent."""
    body = json.dumps({"username": name, "password": "wrong horse"}).encode()
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(number):
        with server.connect() as connection:
            connection.sendall(head.encode() + body)


def sessions_of(server, name):
    return server.api.log_in(name)("GET /api/auth/sessions")


def test_passwords_tried_at_the_same_time_are_counted_before_they_are_hashed(make_server):
    server = make_server(BCRYPT_ROUNDS=SLOW, **PROXY)
    server.api.sign_up("Ada")
    asked = [ask(server, "Ada", word, "192.0.2.7") for word in ["wrong horse"] * 149 + [PASSWORD]]
    statuses = [answer_on(connection)[0] for connection in asked]
    assert Counter(statuses) == {401: 20, 429: 130}
    assert statuses[-1] == 429
    assert log_in(server, "Ada", PASSWORD, "192.0.2.8")[0] == 429
    assert log_in(server, "Ada")[0] == 200  # from where Ada has been before


def test_hashes_for_clients_that_have_left_are_skipped(make_server):
    server = make_server(BCRYPT_ROUNDS=SLOW)
    server.api.sign_up("Ada")
    alone = seconds(lambda: log_in(server, "Ada"))
    for number in range(10):
        leave_after_asking(server, f"Nobody{number}", 10)
    assert seconds(lambda: log_in(server, "Ada")) < 30 * alone  # to hash for those who left would take 100 times as long


def seconds(call):
    began = time.monotonic()
    assert call()[0] == 200
    return time.monotonic() - began


def test_addresses_are_served_in_turn(make_server):
    server = make_server(BCRYPT_ROUNDS=SLOW, **PROXY)
    server.api.sign_up("Ada")
    crowd = [ask(server, f"Nobody{number}", address="192.0.2.7") for number in range(30)]
    assert log_in(server, "Ada")[0] == 200
    assert len(served(crowd)) < 25  # which asked first
    assert {answer_on(connection)[0] for connection in crowd} == {401}


def test_a_stop_does_not_wait_for_the_queue(make_server):
    server = make_server(BCRYPT_ROUNDS="12", **PROXY)
    asked = [ask(server, f"Nobody{n}", address=f"192.0.2.{n % 3}") for n in range(120)]
    assert served(asked, TIMEOUT)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    assert {answer_on(connection)[0] for connection in asked} == {401, 503}


def log_in_patiently(server, name, until):
    """As the client does: a 503 is followed."""
    while True:
        status, wait, code = log_in(server, name, timeout=120)
        if status != 503 or time.monotonic() > until:
            return status
        assert code == "busy"
        assert 1 <= wait <= 10
        time.sleep(wait)


def all_log_in(make_server, tmp_path, rounds):
    """200 players log in at once from an address at which they have not been; the seconds that it takes."""
    names = [f"Player{number}" for number in range(200)]
    quick = make_server(RATE_LIMITS="false")
    hashed = {"BCRYPT_ROUNDS": rounds}
    for name in names:
        quick.api.sign_up(name)
    quick.stop()
    _hash_again(tmp_path / "snake.db", rounds)
    server = make_server(**hashed)
    began = time.monotonic()
    statuses = at_once([lambda name=name: log_in_patiently(server, name, began + 120) for name in names])
    assert statuses == [200] * 200
    return time.monotonic() - began


def _hash_again(path, rounds):
    import sqlite3

    import bcrypt

    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(int(rounds))).decode()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE users SET password = ?", [hashed])
        db.execute("DELETE FROM sessions")
    db.close()


def test_a_class_of_200_logs_in_at_once(make_server, tmp_path):
    all_log_in(make_server, tmp_path, "7")


@pytest.mark.long
def test_a_class_of_200_logs_in_at_once_within_two_minutes_by_default(make_server, tmp_path):
    assert all_log_in(make_server, tmp_path, "12") < 120


def test_right_passwords_of_one_account_have_a_limit_of_their_own(make_server):
    server = make_server()
    server.api.sign_up("Ada")
    assert [log_in(server, "Ada")[0] for _ in range(61)] == [200] * 60 + [429]
    assert len(server.api.sign_up("Bob")("GET /api/auth/sessions")) == 1


def manage(folder, database_url, *arguments):
    assert run_program(folder, "manage.py", *arguments, DATABASE_URL=database_url).returncode == 0


def test_both_databases_know_bans_and_addresses_and_drop_the_oldest_sessions(database_url, make_server, tmp_path):
    server = make_server(DATABASE_URL=database_url, **PROXY)
    ada = server.api.sign_up("Ada", email="ada@example.org")
    while log_in(server, "Ada", "wrong horse", "192.0.2.7")[0] != 429:
        pass
    assert log_in(server, "Ada", PASSWORD, "192.0.2.8")[0] == 429
    assert [log_in(server, "Ada")[0] for _ in range(50)] == [200] * 50
    ada("GET /api/auth/me", status=401)
    ada = server.api.log_in("Ada")
    assert len(ada("GET /api/auth/sessions")) == 50
    manage(tmp_path, database_url, "ban", "Ada")
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 204)
    server.api("POST /api/auth/signup", {"username": "ada", "password": PASSWORD}, 409)
    bob = {"username": "Bob", "password": PASSWORD, "email": "Ada@example.org"}
    server.api("POST /api/auth/signup", bob, 409)
    manage(tmp_path, database_url, "unban", "ada")
    server.api("POST /api/auth/signup", bob, 201)


def test_several_workers_with_one_storage_count_together(make_server, redis_url):
    settings = {"RATE_LIMIT_STORAGE": redis_url, "WORKERS": "3"}
    server = make_server(BCRYPT_ROUNDS="8", **settings, **PROXY)
    server.api.sign_up("Ada")
    calls = [lambda: log_in(server, "Ada", "wrong horse", "192.0.2.7")] * 60
    statuses = Counter(status for status, *_ in at_once(calls))
    assert statuses[401] == 20
    assert log_in(server, "Ada", PASSWORD, "192.0.2.8")[0] == 429
    for _ in range(3):
        assert log_in(server, "Ada")[0] == 200


@pytest.mark.long
def test_the_page_reports_the_queue_and_retries_by_itself(make_server, open_page):
    server = make_server(BCRYPT_ROUNDS="14")  # a place in the queue becomes free once a second
    server.api.sign_up("Ada")
    page = open_page(server.url)
    page.locator("#account").click()
    page.locator("#show-login").click()
    page.locator("#login-form [name=username]").fill("Ada")
    page.locator("#login-form [name=password]").fill(PASSWORD)
    crowd = [ask(server, f"Nobody{number}") for number in range(130)]
    while len(served(crowd, TIMEOUT)) < 25:  # those for whom there was no room
        pass
    page.keyboard.press("Enter")
    expect(page.locator("#login-form .problem")).to_contain_text("Trying again in")
    for connection in crowd:
        connection.close()
    expect(page.locator("#account")).to_have_text("Ada", timeout=60_000)
