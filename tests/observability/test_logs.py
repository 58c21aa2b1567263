"""The log: one line per record, with its request id and without secrets."""

import contextlib
import dataclasses
import io
import json
import logging
import re
import time

import bottle
import pytest
import webtest
from driver import drive

import config
from models import Game
from observability import logs

FORMATS = {"text": logs.Text, "json": logs.Json}
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
SECRET = "the secret key of the server"


@pytest.fixture(autouse=True)
def _no_request_before():
    """As under the server, which clears a request when it is over."""
    with contextlib.suppress(RuntimeError):
        bottle.request.environ.clear()


@pytest.fixture
def said():
    """The lines that are logged, as LOG_FORMAT=json has them."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(self.format(record)))

    handler = Handler()
    handler.setFormatter(logs.Json())
    for name in ("snakepit", "snakepit.access"):
        logging.getLogger(name).addHandler(handler)
    logs.access_log.setLevel(logging.INFO)
    logs.access_log.propagate = False
    yield lines
    logs.access_log.propagate = True
    for name in ("snakepit", "snakepit.access"):
        logging.getLogger(name).removeHandler(handler)


def record(message, *args, error=None, **extra):
    trace = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("snakepit", logging.ERROR, "x.py", 1, message, args, trace)
    vars(made).update(extra)
    return made


def raised(message):
    try:
        raise ValueError(message)
    except ValueError as error:
        return error


def test_a_record_is_a_line():
    assert re.fullmatch(rf"{STAMP} ERROR snakepit: it is 5", logs.Text().format(record("it is %d", 5)))
    line = json.loads(logs.Json().format(record("it is %d", 5, request="abc")))
    assert re.fullmatch(STAMP, line.pop("time"))
    assert line == {"level": "error", "logger": "snakepit", "message": "it is 5", "request": "abc"}


FORGED = "x\n2026-11-25T00:00:00.000Z INFO snakepit: all is well\r\x1b[2J\u2028\u202e"


@pytest.mark.parametrize("kind", FORMATS)
def test_input_of_clients_begins_no_line_and_moves_no_cursor(kind):
    line = FORMATS[kind]().format(record("GET %s", FORGED))
    assert line.isprintable()
    if kind == "json":
        assert json.loads(line)["message"] == f"GET {FORGED}"


def test_a_traceback_follows_indented_in_text_and_is_a_member_in_json():
    first, *rest = logs.Text().format(record("GET /x", error=raised(FORGED))).split("\n")
    assert first.endswith("GET /x")
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert "Traceback" in rest[0]
    line = logs.Json().format(record("GET /x", error=raised(FORGED)))
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith(f"ValueError: {FORGED}")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "connection to postgresql://ada:correct%20horse@host/db failed for 'correct horse'",
        f"key {SECRET}",
        "asked with sixteen metrics' words",
        "redis://:hunter2hunter2@localhost is away",
        "no header: 'Authorization Bearer abc.def-123'",
        "Authorization: basic YWRhOmh1bnRlcjI=",
        "Authorization: Bearer\tabc.def-123",
        "no header: 'X-Snakepit-Token: abc.def-123'",
        "x-snakepit-token:abcdef",
        "{'X-SNAKEPIT-TOKEN': 'abcdef'}",
        "/api/auth/sessions/nNf6n_kW8rG84yZPOIrvxFN8DAGp6QVn",
        "GET /x?token=abcdef&password=correct",
    ],
)
def test_nothing_secret_is_shown(kind, text):
    settings = config.load(
        database_url="postgresql://ada:correct%20horse@host/db?password=correct",
        secret_key=SECRET,
        metrics_token="sixteen metrics' words",
    )
    # A storage is checked for its driver, which need not be installed here.
    settings = dataclasses.replace(settings, rate_limit_storage="redis://:hunter2hunter2@localhost")
    formatter = FORMATS[kind](logs.secrets_of(settings))
    for line in (
        formatter.format(record("%s", text)),
        formatter.format(record("failed", error=raised(text))),
    ):
        assert logs.REDACTED in line
        for word in (
            *("correct", SECRET, "sixteen metrics' words", "hunter2", "abc.def", "YWRh", "nNf6n_kW8rG84yZPOIrvxFN8DAGp6QVn"),
            "abcdef",
        ):
            assert word not in line


def test_what_only_looks_like_much_is_shown():
    for text in ("the_name_of_a_function_that_is_32", "nothing at /api/players/Ada", "bearer", "0004_skeletons"):
        assert text in logs.Text().format(record("%s", text))


# Floods.

HUGE = {"ascii": "x" * 100_000, "control characters": "\x1b\n" * 50_000, "another script": "\U00010400" * 50_000}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", HUGE)
def test_a_record_is_bounded(kind, name):
    text = HUGE[name]
    line = FORMATS[kind]().format(record("GET %s", text, fields={"path": text}))
    assert len(line) < (30_000 if kind == "json" else 3_000)
    assert "characters ...]" in line
    with_trace = FORMATS[kind]().format(record("GET %s", text, error=raised(text)))
    assert len(with_trace) < 130_000
    assert "Traceback" in with_trace
    assert "ValueError" in with_trace


def test_where_a_record_is_cut_no_part_of_a_token_is_left():
    token = "nNf6n_kW8rG84yZPOIrvxFN8DAGp6QVn"
    for before in range(logs.MAX_MESSAGE // 2 - 40, logs.MAX_MESSAGE // 2 + 10):
        assert token[:3] not in logs.Text().format(record("%s", "x" * before + f" {token} " + "y" * 10_000))


@pytest.fixture(params=FORMATS)
def written(request):
    """Gives a logger and a function that returns what it has written, as lines; by the arguments of logs.Handler."""
    logger, handlers = logging.getLogger("snakepit.flood"), []
    logger.propagate = False

    def make(**arguments):
        stream = io.StringIO()
        handlers.append(logs.Handler(stream, **arguments))
        handlers[-1].setFormatter(FORMATS[request.param]())
        logger.addHandler(handlers[-1])
        return logger, handlers[-1], lambda: stream.getvalue().splitlines()

    yield make
    for handler in handlers:
        logger.removeHandler(handler)
    logger.propagate = True


def test_what_repeats_is_written_a_few_times_and_then_counted(written):
    logger, handler, lines = written()
    for number in range(1500):
        logger.warning("no request: %s", f"{number:x}" * 5000)
    logger.warning("something else")
    assert len(lines()) == logs.MAX_REPEATS + 1
    handler.close()
    summary = lines()[-1]
    assert len(lines()) == logs.MAX_REPEATS + 2
    assert str(1500 - logs.MAX_REPEATS) in summary
    assert "no request: 5db5db" in summary
    assert sum(map(len, lines())) < 50_000
    if summary.startswith("{"):
        assert json.loads(summary)["repeated"] == 1500 - logs.MAX_REPEATS


def test_repetitions_are_counted_and_reported_after_each_interval(written):
    logger, handler, lines = written(interval=0.02)
    deadline, logged = time.monotonic() + 10, 0
    while len(numbers_in(lines())) < 3:
        logger.error("the same")
        logged += 1
        assert time.monotonic() < deadline
    handler.close()
    numbers = numbers_in(lines())
    assert len(lines()) - len(numbers) + sum(numbers) == logged


def test_a_number_does_not_wait_for_the_next_record(written):
    logger, handler, lines = written(interval=0.02)
    for _ in range(100):
        logger.error("the same")
    deadline = time.monotonic() + 10
    while not numbers_in(lines()):
        handler.report()
        assert time.monotonic() < deadline


def numbers_in(lines):
    """How often what was counted has been, by each line that says so."""
    return [int(found[1]) for line in lines if (found := re.search(r'(?:Repeated |"repeated": )(\d+)', line))]


def test_a_failure_is_counted_by_where_it_was_raised(written):
    logger, handler, lines = written()
    for _ in range(100):
        for fail in (lambda: 1 / 0, lambda: int("x"), lambda: {}["x"]):
            try:
                fail()
            except (ArithmeticError, LookupError, ValueError):
                logger.exception("GET /x")
    handler.close()
    text = "\n".join(lines())
    for name in ("ZeroDivisionError", "ValueError", "KeyError"):
        assert text.count(f"{name}: ") == logs.MAX_REPEATS
    assert len([line for line in lines() if "epeated" in line]) == 3


def test_what_is_no_trouble_is_not_counted(written):
    logger, handler, lines = written()
    logger.setLevel(logging.INFO)
    for _ in range(100):
        logger.info("a migration")
    assert len(lines()) == 100
    logs.access_log.addHandler(handler)
    try:
        for _ in range(100):
            logs.access_log.warning("an answer")
    finally:
        logs.access_log.removeHandler(handler)
    assert len(lines()) == 200


def test_a_counted_record_names_the_request_that_it_was_about(written):
    logger, handler, lines = written()
    for number in range(100):
        logger.error("GET /x", extra={"request": f"request-{number}"})
    handler.close()
    assert "request-99" in lines()[-1]


# Requests.


def test_error_responses_have_a_request_id_and_others_do_not(api, ada):
    known = {api.ask(call).headers["X-Request-ID"] for call in ("GET /nothing", "GET /api/players/x", "GET /api/auth/me")}
    assert len(known) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in known)
    assert "X-Request-ID" not in ada.ask("GET /api/auth/me").headers


@pytest.mark.parametrize(
    ("peer", "given", "is_taken"),
    [
        ("10.0.0.1", "5e1c-A.b:c/d+e=f@g", True),
        ("10.0.0.2", "5e1c", False),
        ("10.0.0.1", "", False),
        ("10.0.0.1", "a b", False),
        ("10.0.0.1", "x" * 65, False),
        ("10.0.0.1", "caf\xe9", False),
    ],
)
def test_a_trusted_proxy_names_the_request_and_nobody_else(make_app, peer, given, is_taken):
    client = webtest.TestApp(make_app(trusted_proxies="10.0.0.1"), extra_environ={"REMOTE_ADDR": peer})
    called = client.get("/nothing", headers={"X-Request-ID": given}, status=404).headers["X-Request-ID"]
    assert (called == given) == is_taken


def break_game(ada, db):
    """A game that the server can't read."""
    game = ada.open()
    Game.update(state=b"nonsense").where(Game.id == game["id"]).execute()
    return f"POST /api/games/{game['id']}/turns"


def test_a_failure_names_the_request_as_the_log_does(ada, db, said):
    call = break_game(ada, db)
    bearer = {"Authorization": f"Bearer {ada.token}"}
    answer = ada.send(*call.split(), {"since": 0, "tick": 1, "turns": []}, bearer)  # which no description has
    called = answer.headers["X-Request-ID"]
    assert answer.status == 500
    assert called in answer.json["detail"]
    [line] = [line for line in said if line["level"] == "error"]
    assert line["request"] == called
    assert line["message"] == call
    assert "Traceback" in line["traceback"]


def test_no_answer_is_logged_unless_it_is_wished(api, said):
    api("GET /healthz")
    assert said == []


def test_where_it_is_wished_every_answer_is_logged(make_app, said):
    app = make_app(access_log=True, trusted_proxies="127.0.0.1", cors_origins="*")
    client = webtest.TestApp(app, extra_environ={"REMOTE_ADDR": "127.0.0.1"})
    from_afar = {"X-Forwarded-For": "192.0.2.7", "X-Request-ID": "afar"}
    for ask in (
        lambda: client.get("/api/leaderboard?mode=walls&limit=2", headers=from_afar),
        lambda: client.get("/api/players/%0anobody", status=404),
        lambda: client.options("/api/games", headers={"Origin": "https://example.org"}),
    ):
        assert ask().headers["X-Request-ID"]
    board, player, preflight = said
    assert 0 < board["ms"] < 5000
    assert board == board | {
        "level": "info",
        "logger": "snakepit.access",
        "request": "afar",
        "method": "GET",
        "path": "/api/leaderboard",
        "status": 200,
        "client": "192.0.2.7",
    }
    assert (player["path"], player["status"], player["client"]) == ("/api/players/\nnobody", 404, "127.0.0.1")
    assert (preflight["method"], preflight["status"]) == ("OPTIONS", 204)


def test_pages_of_other_origins_can_read_the_request_id(make_app):
    answer = drive(make_app(cors_origins="*")).ask("GET /nothing", headers={"Origin": "https://example.org"})
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


def test_a_record_has_the_id_of_its_request(api):
    called = api.ask("GET /nothing").headers["X-Request-ID"]
    assert f"[{called}]" in logs.Text().format(record("said meanwhile"))
    bottle.request.environ.clear()
    assert "[" not in logs.Text().format(record("said later"))
