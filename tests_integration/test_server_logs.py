"""The log of a server: its own lines, gunicorn's and the drivers', in one format and without secrets."""

import json
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from driver import PASSWORD
from servers import ROOT, TIMEOUT

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) [\w.]+( \[[\w.-]+\])?: .+")
LOUD = {"LOG_LEVEL": "debug", "ACCESS_LOG": "true", "WORKERS": "2"}
METRICS_TOKEN = "the token of the metrics"
SECRET_KEY = "the secret key of the server"


def lines(server, log_format):
    """Those of the log, once the server has stopped; each must be of the format."""
    server.stop()
    found = server.log.read_text().splitlines()
    if log_format == "json":
        return [json.loads(line) for line in found]
    for line in found:
        assert STAMP.fullmatch(line) or line.startswith("    "), line
    return found


def raw(server, request):
    with server.connect() as connection:
        connection.sendall(request)
        return connection.recv(1 << 16)


@pytest.mark.parametrize(
    ("database_url", "log_format"), [("sqlite", "text"), ("postgres", "json")], indirect=["database_url"]
)
def test_the_debug_log_has_no_token_and_no_password(make_server, database_url, log_format):
    given = {"SECRET_KEY": SECRET_KEY, "METRICS_TOKEN": METRICS_TOKEN, "LOG_FORMAT": log_format}
    server = make_server(DATABASE_URL=database_url, **given, **LOUD)
    ada = server.api.sign_up("Ada", email="ada@example.org")
    ada("PATCH /api/auth/me", {"current_password": PASSWORD, "password": "another horse"})
    bob = server.api.sign_up("Bob")
    server.api("POST /api/auth/login", {"username": "Ada", "password": "wrong horse"}, 401)
    server.api("POST /api/auth/login", {"username": "Ada", "password": {"is": "a shape"}}, 422)
    for path in ("/api/auth/sessions/", "/api/games/", "/api/players/", "/static/", "/nothing/"):
        ada.send("DELETE" if "sessions" in path else "GET", path + ada.token, None, {"Authorization": f"Bearer {ada.token}"})
    ada.send("GET", f"/healthz?token={ada.token}&password=another%20horse", None, {"Cookie": f"token={ada.token}"})
    for head in (f"Authorization Bearer {bob.token}", f"Authorization: Bearer\t{bob.token}\x00", f"Bearer {bob.token}: x"):
        raw(server, f"GET / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
    raw(server, f"GET /x?token={bob.token} HTTP/9.9\r\nHost: x\r\n\r\n".encode())
    raw(server, f"{bob.token} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    for token in (METRICS_TOKEN, "wrong"):
        assert server.get("/metrics", token)[0] == (200 if token == METRICS_TOKEN else 401)
    said = str(lines(server, log_format))
    for secret in (
        ada.token,
        bob.token,
        PASSWORD,
        "another",
        "wrong horse",
        METRICS_TOKEN,
        SECRET_KEY,
        "$2b$",
        "ada@example",
    ):
        assert secret not in said
    assert "/api/auth/login" in said


def test_lines_of_all_are_json_with_the_request_that_they_are_about(make_server):
    server = make_server(LOG_FORMAT="json", TRUSTED_PROXIES="127.0.0.1", **LOUD)
    answer = server.api.ask("GET /api/players/nobody", headers={"X-Request-ID": "from-afar", "X-Forwarded-For": "192.0.2.7"})
    assert answer.headers["X-Request-ID"] == "from-afar"
    server.api.sign_up("Ada")
    said = lines(server, "json")
    assert all({"time", "level", "logger", "message"} <= set(line) for line in said)
    assert {"gunicorn.error", "snakepit.access", "peewee.migrations"} <= {line["logger"] for line in said}
    about = [line for line in said if line.get("request") == "from-afar"]
    assert [(line["status"], line["client"], line["path"]) for line in about] == [(404, "192.0.2.7", "/api/players/nobody")]
    [signed_up] = [line for line in said if line.get("path") == "/api/auth/signup"]
    assert (signed_up["method"], signed_up["status"], "\n" in signed_up["message"]) == ("POST", 201, False)


def test_the_default_log_has_no_lines_for_answered_or_refused_requests(make_server):
    server = make_server()
    server.api("GET /healthz")
    server.api("GET /api/players/nobody", status=404)
    assert [line for line in lines(server, "text") if "peewee.migrations" not in line] == []


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_flood_of_requests_that_can_not_be_read_is_counted(make_server, log_format):
    server = make_server(DATABASE_URL="sqlite:///:memory:", LOG_FORMAT=log_format)
    floods = [
        lambda n: b"GET / HTTP/1.1\r\nHost: x\r\n%04d" % n + b"\xff\x1b" * 4000 + b"\r\n\r\n",  # a header without a colon
        lambda n: b"%04d" % n * 500 + b"\r\n\r\n",
        lambda n: b"GET /%04d HTTP/9.9\r\n\r\n" % n,
    ]
    for number in range(300):
        raw(server, floods[number % 3](number))
    said = lines(server, log_format)
    assert server.log.stat().st_size < 50_000
    assert int(re.search(r"(?:Repeated |'repeated': )(\d+)", str(said[-1]))[1]) >= 280


def test_a_database_that_refuses_stops_the_start_without_its_password(tmp_path, postgres_url):
    parts = urlsplit(postgres_url)
    name = "hunter2 hunter2"
    host = parts.netloc.rpartition("@")[2]
    url = f"postgres://nobody:{name.replace(' ', '%20')}@{host}{parts.path}?{parts.query}"
    settings = {"DATABASE_URL": url, "LOG_LEVEL": "debug", "PORT": "0"}
    run = subprocess.run(
        [sys.executable, ROOT / "service.py"], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert run.returncode == 2
    assert "DATABASE_URL: the database refuses the server's user or password" in run.stderr
    assert "hunter2" not in run.stdout + run.stderr
