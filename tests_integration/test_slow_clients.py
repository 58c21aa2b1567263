"""Clients that misbehave: slow, silent, or sending malformed requests."""

import json
import re
import select
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from servers import TIMEOUT, exchange

SLOW = 200  # clients at once
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(scope="module")
def server(make_server_of_module):
    return make_server_of_module(DATABASE_URL="sqlite:///:memory:")


@pytest.fixture(scope="module")
def impatient(make_server_of_module):
    """A server that waits two seconds for a client where others wait eight."""
    settings = {"DATABASE_URL": "sqlite:///:memory:", "RATE_LIMITS": "false"}
    return make_server_of_module(waiting={"client_timeout": 2}, **settings)


def head_of(answer):
    status, *lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines)


REFUSED = {
    "no request": (b"nonsense\r\n\r\n", 400),
    "bare line feeds": (HEAD.replace(b"\r", b"") + b"\n", 400),
    "space before the colon": (HEAD + b"Content-Length : 3\r\n\r\n", 400),
    "two lengths": (POST.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"), 400),
    "length and chunks": (POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + b"0\r\n\r\n", 400),
    "no chunks": (HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nnonsense\r\n", 400),
    "long line": (b"GET /api/leaderboard?" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
    "many headers": (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(64)) + b"\r\n", 431),
    "large header": (HEAD + b"X: " + b"x" * 8190 + b"\r\n\r\n", 431),
    "long header that is none": (HEAD + b"x" * 8190 + b"\r\n\r\n", 400),
    "another version": (b"GET / HTTP/7.7\r\nHost: x\r\n\r\n", 400),
    "an expectation": (HEAD + b"Expect: wonders\r\n\r\n", 417),
    "another coding": (HEAD + b"Transfer-Encoding: wonders\r\n\r\n", 501),
}


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_requests_are_refused_with_a_problem(server, name):
    request, expected = REFUSED[name]
    answer = exchange(server, request)
    status, headers = head_of(answer)
    assert (status, headers["content-type"]) == (expected, "application/problem+json")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == expected
    assert len(answer) < 2000
    assert answer.count(b"HTTP/1.1 ") == 1
    assert headers["x-content-type-options"] == "nosniff"


RARE = {
    "the address as a proxy gets it": (b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n", 200),
    "of another host": (b"GET http://y/api/leaderboard?x=1 HTTP/1.1\r\nHost: x\r\n", 422),
    "the options of all": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n", 404),
    "a trace": (b"TRACE /healthz HTTP/1.1\r\nHost: x\r\n", 405),
    "a part of a file": (b"GET /static/icon.svg HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n", 200),
}


@pytest.mark.parametrize("name", RARE)
def test_rare_forms_of_requests_have_a_response(server, name):
    request, status = RARE[name]
    answer = exchange(server, request + b"Connection: close\r\n\r\n")
    found, headers = head_of(answer)
    assert found == status
    assert "content-range" not in headers  # a part can be asked for, and the whole is sent
    assert len(answer.partition(b"\r\n\r\n")[2]) == int(headers["content-length"])
    if status >= 400:
        assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", [b"/healthz", b"/static/js/rules.js", b"/api/auth/me"])
def test_an_answers_head_and_body_leave_at_once(server, path):
    """So that a kill in between leaves nothing that a proxy has begun to hand on."""
    with server.connect() as connection:
        for _ in range(30):
            connection.sendall(HEAD.replace(b"/healthz", path) + b"\r\n")
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert len(body) == int(re.search(rb"Content-Length: (\d+)", head)[1]) > 0


@pytest.mark.parametrize(
    ("proxies", "address"), [("", "http://x"), ("192.0.2.1", "http://x"), ("127.0.0.0/8", "https://snake.example")]
)
def test_only_a_trusted_proxy_sets_the_host_of_a_request(make_server, proxies, address):
    server = make_server(DATABASE_URL="sqlite:///:memory:", TRUSTED_PROXIES=proxies)
    game = server.api.guest().open()
    head = HEAD.replace(b"/healthz", f"/games/{game['id']}".encode())
    forwarded = b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: snake.example\r\nConnection: close\r\n\r\n"
    page = exchange(server, head + forwarded)
    assert f"{address}/games/".encode() in page


@pytest.mark.parametrize("proxies", ["", "127.0.0.1"])
def test_only_a_trusted_proxy_sets_the_client_of_a_request(make_server, proxies):
    server = make_server(DATABASE_URL="sqlite:///:memory:", TRUSTED_PROXIES=proxies)

    def fail(number):
        body = {"username": f"Player{number}", "password": "wrong horse"}
        return server.api.ask("POST /api/auth/login", body, {"X-Forwarded-For": f"198.51.100.{number}"}).status

    statuses = [fail(number) for number in range(201)]
    assert statuses == [401] * 200 + [401 if proxies else 429]


@pytest.mark.parametrize("start", [HEAD, POST], ids=["head", "body"])
def test_slow_clients_hold_up_nobody(impatient, start):
    """200 send a few bytes a second; meanwhile a player plays. Each of the slow ones is disconnected after two seconds."""
    connections = [impatient.connect() for _ in range(SLOW)]
    for connection in connections:
        connection.sendall(start)
    gone, over = [], threading.Event()

    def drip(connection):
        with connection:
            try:
                while not over.wait(0.25):
                    connection.sendall(b"x")
            except OSError:
                gone.append(connection)

    with ThreadPoolExecutor(SLOW) as threads:
        dripping = [threads.submit(drip, connection) for connection in connections]
        slowest = 0.0
        guest, played = impatient.api.guest(), 0
        deadline = time.monotonic() + TIMEOUT
        while len(gone) < SLOW and time.monotonic() < deadline:
            before = time.monotonic()
            guest.play(1)
            slowest, played = max(slowest, time.monotonic() - before), played + 1
        over.set()
    assert all(drip.done() for drip in dripping)
    assert (len(gone), played > 5, slowest < 2) == (SLOW, True, True)


@pytest.mark.parametrize("start", [b"", HEAD, POST], ids=["nothing", "head", "body"])
def test_a_silent_client_is_disconnected(impatient, start):
    answer = exchange(impatient, start)
    assert head_of(answer)[0] == 408 if start == POST else answer == b""


def test_a_body_that_does_not_arrive_is_refused_with_a_problem(impatient):
    answer = exchange(impatient, POST)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["title"] == "Request Timeout"
    assert head_of(answer)[1]["x-content-type-options"] == "nosniff"


def test_a_client_that_does_not_read_its_responses_is_disconnected(impatient):
    with impatient.connect() as connection:
        connection.setblocking(False)
        try:
            for _ in range(100_000):
                connection.send((HEAD.replace(b"/healthz", b"/static/js/rules.js") + b"\r\n") * 100)
        except BlockingIOError:
            pass  # the server has stopped reading, since nobody takes its answers
        poll = select.poll()
        poll.register(connection, 0)
        assert [event for _, event in poll.poll(TIMEOUT * 1000)] == [select.POLLERR | select.POLLHUP]
