"""The app under other WSGI servers, in one process or several, created before they fork or after."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from driver import Answer, Api
from servers import ROOT, TIMEOUT

BIN = ROOT / ".venv" / "bin"
APP = "import service; app = service.create_app(enforce_pace=False, rate_limits=False, bcrypt_rounds=4)"
# Each serves app.py of its folder at a free port, of which its log tells.
GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "app:app"]
UWSGI = [
    *("uwsgi", "--shared-socket", "127.0.0.1:0", "--http", "=0", "--master", "--processes", "3"),
    *("--module", "app:app", "--need-app", "--die-on-term"),
]
WAITRESS = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
    "from waitress import create_server; from app import app\n"
    "server = create_server(app, host='127.0.0.1', port=0, threads=8)\n"
    "print(f'Listening at: http://127.0.0.1:{server.effective_port}', flush=True)\n"
    "server.run()"
)
WSGIREF = (
    "import signal, threading\n"
    "from wsgiref.simple_server import make_server; from app import app\n"
    "with make_server('127.0.0.1', 0, app) as server:\n"
    " print(f'Listening at: http://127.0.0.1:{server.server_port}', flush=True)\n"
    " signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())\n"
    " server.serve_forever()"
)
IS_AT = re.compile(r"(?:Listening at: http://|uWSGI http bound on )127\.0\.0\.1:(\d+)")
SERVERS = {
    "gunicorn, sync": [*GUNICORN, "--workers", "3"],
    "gunicorn, sync, preload": [*GUNICORN, "--workers", "3", "--preload"],
    "gunicorn, gthread": [*GUNICORN, "--workers", "2", "--worker-class", "gthread", "--threads", "8"],
    "gunicorn, gthread, preload": [*GUNICORN, "--workers", "2", "--worker-class", "gthread", "--threads", "8", "--preload"],
    "gunicorn, gevent": [*GUNICORN, "--workers", "2", "--worker-class", "gevent"],
    "uWSGI": UWSGI,
    "uWSGI, threads": [*UWSGI, "--enable-threads", "--threads", "4"],
    "uWSGI, lazy": [*UWSGI, "--lazy-apps", "--enable-threads"],
    "waitress": [sys.executable, "-c", WAITRESS],
    "wsgiref": [sys.executable, "-c", WSGIREF],
}
SELDOM = {"gunicorn, sync", "gunicorn, gthread", "uWSGI, threads", "uWSGI, lazy", "wsgiref"}  # others have the same risks
PARAMETERS = [pytest.param(name, marks=[pytest.mark.long] if name in SELDOM else []) for name in SERVERS]
PRELOADED_GEVENT = [*GUNICORN, "--workers", "2", "--worker-class", "gevent", "--preload"]


class Foreign:
    """A server of another make, in a folder."""

    def __init__(self, folder, command, url, then=""):
        (folder / "app.py").write_text(f"{APP}{then}\n")
        self.log = folder / "log"
        if command[0] == "uwsgi":
            found = shutil.which("uwsgi", path=str(BIN)) or pytest.skip("There is no uWSGI: pip install pyuwsgi.")
            command = [found, *command[1:]]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{folder}", "DATABASE_URL": url}
        with self.log.open("w") as log:
            options = {"cwd": folder, "env": environment, "stdout": log, "stderr": log, "start_new_session": True}
            self.process = subprocess.Popen(command, **options)
        self._await()

    def _await(self):
        until = time.monotonic() + TIMEOUT
        while True:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            if found := IS_AT.search(self.log.read_text()):
                self.port = int(found[1])
                with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            time.sleep(0.02)

    @property
    def api(self):
        return Api(self._send)

    def _send(self, method, path, body, headers):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)) as connection:
            raw = b"" if body is None else json.dumps(body).encode()
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, answer.headers, json.loads(content) if content else None)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(TIMEOUT)

    def kill(self):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(command, url, then=""):
        """`then` is what the process does with the app before it serves."""
        servers.append(Foreign(tmp_path, command, url, then))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def play(server, number):
    """Each answer belongs to its request: to this player, and to this game."""
    name = f"Player{number}"
    player = server.api.sign_up(name)
    assert player.user["username"] == name
    for meals in (1, 2):
        game, _, answer = player.play(meals)
        assert answer["score"] == meals * 10
        record = server.api(f"GET /api/games/{game['id']}")
        assert (record["id"], record["username"], record["score"]) == (game["id"], name, meals * 10)
        assert player("GET /api/auth/me")["username"] == name
        assert player("GET /api/leaderboard/me?mode=walls")["score"] == meals * 10
        assert name in {entry["username"] for entry in server.api("GET /api/leaderboard?limit=100")}
        assert server.api(f"GET /api/players/{name}")["username"] == name


def post_in_chunks(server):
    """A server joins the chunks of a body, or else the client learns that it must send a length."""
    parts = [b'{"username": "Chunk",', b'"password": "a good one"}', b""]
    head = (
        b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    until, content = time.monotonic() + TIMEOUT, None
    while content is None:  # uWSGI may close the connection before the client has read the refusal
        assert time.monotonic() < until
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as connection:
            connection.sendall(head + body)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            content = json.loads(answer.read())
    assert answer.status in (201, 411), content
    assert content["user"]["username"] == "Chunk" if answer.status == 201 else content["code"] == "length_required"


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_app_serves_many_at_once_under_other_servers(serve, database_url, tmp_path, name):
    server = serve(SERVERS[name], database_url)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: play(server, number), range(8)))
    post_in_chunks(server)
    assert "Traceback" not in server.log.read_text()
    server.stop()
    if database_url.startswith("sqlite"):
        wal = tmp_path / "snake.db-wal"
        assert not wal.exists() or wal.stat().st_size == 0
        shutil.copy(tmp_path / "snake.db", tmp_path / "alone.db")
        with closing(sqlite3.connect(tmp_path / "alone.db")) as alone:
            assert alone.execute("SELECT COUNT(*) FROM games").fetchone() == (16,)


def refuses(server, words):
    for call in ("GET /healthz", "GET /api/leaderboard", "POST /api/auth/guest"):
        answer = server.api.ask(call)
        assert (answer.status, answer.json["code"]) == (503, "wrong_setup")
        assert words in answer.json["detail"]
    assert words in server.log.read_text()


def test_an_app_from_before_gevent_refuses_to_serve_with_the_reason(serve, database_url):
    refuses(serve(PRELOADED_GEVENT, database_url), "without --preload")


def test_several_processes_with_a_database_in_memory_refuse_to_serve(serve):
    refuses(serve(SERVERS["gunicorn, sync"], "sqlite:///:memory:"), "in memory belongs to one process")


@pytest.mark.parametrize("name", ["uWSGI", "gunicorn, sync, preload"])
def test_a_database_in_memory_that_was_made_before_the_fork_is_refused(serve, name):
    refuses(serve(SERVERS[name], "sqlite:///:memory:"), "in memory belongs to")


def test_one_process_with_a_database_in_memory_serves(serve):
    server = serve([*GUNICORN, "--workers", "1", "--worker-class", "gthread", "--threads", "4"], "sqlite:///:memory:")
    play(server, 1)


USED = "webtest.TestApp(app).get('/api/leaderboard')"


def test_connections_from_before_the_fork_are_not_inherited(serve, database_url):
    """An app that has served requests in the process from which the server's processes are forked."""
    server = serve(SERVERS["gunicorn, sync, preload"], database_url, f"; import webtest; {USED}; {USED}")
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda number: play(server, number), range(6)))
    assert "Traceback" not in server.log.read_text()
