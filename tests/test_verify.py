"""verify.py proves the scores of a server, and is neither deceived nor harmed by one that lies."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from driver import drive

import rules
import service
import verify

ROOT = Path(rules.__file__).parent


def test_its_rules_are_those_of_the_server_word_for_word():
    source = Path(rules.__file__).read_text()
    assert source[source.index("RULES = ") :].strip() in (ROOT / "verify.py").read_text()


def test_it_needs_nothing_of_ours():
    lines = (ROOT / "verify.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported.isdisjoint({path.stem for path in ROOT.glob("*.py")})


class Honest:
    """A server at an address, which answers as the app does; `lie(path, answer)` may change what it says."""

    def __init__(self, app):
        self.lie = self.raw = None
        api, me = drive(app), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: else the second waits for the first one's receipt

            def do_GET(self):
                if me.raw:
                    me.raw(self)
                    return
                answer = api.ask(f"GET {self.path}")
                content = json.dumps(me.lie(self.path, answer.json) if me.lie else answer.json).encode()
                self.send_response(answer.status)
                if "Link" in answer.headers:
                    self.send_header("Link", answer.headers["Link"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        class Http(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """It hangs up on an answer that is too long."""

        self.http = Http(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@contextmanager
def served(app):
    honest = Honest(app)
    with honest.http:
        threading.Thread(target=honest.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield honest
        honest.http.shutdown()


@pytest.fixture
def server(app):
    with served(app) as honest:
        yield honest


@pytest.fixture(scope="module")
def filled():
    """A server with a game of Ada's, of 30 points, and one of Bob's, of 10; it is only read."""
    app = service.create_app(database_url="sqlite:///:memory:", enforce_pace=False, bcrypt_rounds=4)
    for name, meals in (("Ada", 3), ("Bob", 1)):
        drive(app).sign_up(name).play(meals)
    with served(app) as honest:
        yield honest
    app.close()


@pytest.fixture
def liar(filled):
    yield filled
    filled.lie = filled.raw = None


@pytest.fixture
def proves(capsys):
    """Runs it on a server, which must end with that status; what it said."""

    def run(server, *options, status=0):
        assert verify.main([server.url, *options]) == status
        said = capsys.readouterr()
        return said.out + said.err

    return run


def test_an_honest_board_is_proven(server, proves, ada, bob):
    ada.play(3)
    bob.play(3)
    bob.play(2, rules.PASS_THROUGH)
    left = ada.open(rules.PASS_THROUGH)
    ada.post(left, 0, 5, [[2, "R"]])
    ada(f"DELETE /api/games/{left['id']}", status=204)
    assert proves(server) == "4 of 4 scores are proven.\n"
    assert proves(server, "--mode", "walls", "--period", "day") == "2 of 2 scores are proven.\n"
    assert proves(server, "--limit", "1") == "1 of 1 scores are proven.\n"
    assert proves(server, "--bots") == "0 of 0 scores are proven.\n"


def test_all_pages_are_proven(server, proves, api, monkeypatch):
    monkeypatch.setattr(verify, "PAGE", 2)
    for number in range(7):
        api.sign_up(f"Player{number}").play(number // 2)
    assert proves(server, "--all") == "7 of 7 scores are proven.\n"
    assert proves(server, "--limit", "5") == "5 of 5 scores are proven.\n"


def test_the_boards_of_challenges_are_proven(server, proves, ada, bob):
    game = ada.play(2)[0]["id"]
    bob.play(3, challenge=game)
    assert proves(server, "--challenge", game) == "1 of 1 scores are proven.\n"


@pytest.mark.parametrize(
    "words", [["--challenge", "-a_b"], ["--all", "--challenge", "-a_b", "--bots"], ["--challenge=-a_b"]]
)
def test_ids_that_begin_with_a_dash_are_no_options(server, proves, words):
    assert "There is no game '-a_b'" in proves(server, *words, status=2)


def test_what_the_server_has_taken_at_its_word_is_said(make_app, proves):
    app = make_app(score_policy="open")
    ada = drive(app).sign_up("Ada")
    ada("POST /api/leaderboard", {"score": 700, "mode": "walls"}, 201)
    ada.play(2, rules.PASS_THROUGH)
    with served(app) as honest:
        said = proves(honest, status=1)
    assert "Ada, 700 in walls" in said
    assert "1 of 2 scores are proven: 1 not verified." in said


def of_game(**changed):
    return lambda path, answer: answer | changed if "/games/" in path else answer


def of_entry(**changed):
    return lambda path, answer: [answer[0] | changed, *answer[1:]] if "leaderboard" in path else answer


def of_both(**changed):
    def lie(path, answer):
        return answer | changed if "/games/" in path else [{**answer[0], **changed}, *answer[1:]]

    return lie


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (of_entry(score=990), "the board says score 990, the game 30"),
        (of_both(score=990), "it says 990 at tick"),
        (of_game(seed=5), "its turns give"),
        (of_game(tick=7), "its turns can't be"),
        (of_game(tick=10**18), "its turns give"),
        (of_game(outcome="won"), "won; its turns give"),
        (of_game(turns=[]), "its turns give"),
        (of_game(turns=[[3, "R"], [3, "U"]]), "its turns can't be"),
        (of_game(turns=[[3, "N"]]), "its turns can't be"),
        (of_game(turns=[[3, []]]), "its turns can't be"),
        (of_game(turns=[3]), "its turns can't be"),
        (of_game(turns=None), "its turns can't be"),
        (of_game(seed=0), "seed 0"),
        (of_game(seed="5"), "can't be"),
        (of_game(rules=2), "rules 2, which this program doesn't know"),
        (of_game(rules=[1]), "which this program doesn't know"),
        (of_game(username="Eve"), "the board says username Ada, the game Eve"),
        (of_game(mode="pass-through"), "the board says mode walls"),
        (of_game(id="other"), "the board says id"),
        (of_game(ranked=False), "ranked"),
        (of_game(ranked=1), "ranked"),
        (of_game(status="playing"), "status"),
        (of_game(challenge="daily/2026-11-22"), "is on another board"),
        (of_entry(timestamp="2020-01-01T00:00:00.000Z"), "ended_at"),
        (of_entry(game=None), "it has no game"),
        (lambda path, answer: [] if "/games/" in path else answer, "its game is none"),
        (of_entry(verified=False), "1 not verified"),
    ],
)
def test_a_lie_about_a_game_is_found_and_the_others_are_proven(liar, proves, lie, why):
    liar.lie = lambda path, answer: answer if "Bob" in json.dumps(answer) and "/games/" in path else lie(path, answer)
    said = proves(liar, "--mode", "walls", status=1)
    assert why in said
    assert "1 of 2 scores are proven" in said


def of_board(change):
    return lambda path, answer: change(answer) if "leaderboard" in path else answer


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (of_board(lambda board: board[::-1]), "rank"),
        (of_board(lambda board: [board[0], board[0]]), "twice"),
        (of_board(lambda board: [board[0] | {"rank": 2}, board[1]]), "its rank would be 1"),
        (of_board(lambda board: [board[0], board[1] | {"rank": 1}]), "its rank would be 2"),
        (of_board(lambda board: [board[0], board[1] | {"score": 10**9}]), "behind a lower score"),
        (of_board(lambda board: [board[0] | {"score": "30"}]), "lacks something"),
        (of_board(lambda board: [board[0] | {"rank": True}]), "lacks something"),
        (of_board(lambda board: [None]), "lacks something"),
        (of_board(lambda board: {"a": 1}), "no list"),
        (of_board(lambda board: None), "no list"),
    ],
)
def test_a_board_that_can_not_be_is_refused_in_one_line(liar, proves, lie, why):
    liar.lie = lie
    said = proves(liar, "--mode", "walls", status=2)
    assert why in said
    assert said.count("verify.py: ") == 1


def answers(content, status=200, **headers):
    def raw(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return raw


def drips(handler):
    """A head without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    try:
        while True:
            handler.wfile.write(b"X: y\r\n")
            handler.wfile.flush()
            handler.server.stopped.wait(0.02)
    except OSError:
        handler.close_connection = True


def says_nothing(handler):
    handler.close_connection = True


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (answers(b"<html>"), "no JSON"),
        (answers(b"\xff\xfe\x00"), "no JSON"),
        (answers(b"[" * 100_000), "no JSON"),
        (answers(b"9" * 10_000), "no JSON"),
        (answers(b" " * 5_000_000), "larger than"),
        (answers(b"", 302, Location="file:///etc/passwd"), "it leads to file:///etc/passwd"),
        (answers(b'{"detail": "Not \\u001b[31m here.\\ud800"}', 404), "answers 404: Not ?[31m here.?"),
        (answers(b"[]", 503, **{"Retry-After": "0"}), "answers 503"),
        (answers(b"[]", 500), "answers 500"),
        (says_nothing, "no answer"),
        (drips, "no answer within"),
    ],
)
def test_an_answer_that_is_none_is_one_line(liar, proves, monkeypatch, raw, why):
    monkeypatch.setattr(verify, "TIMEOUT", 0.3)
    liar.http.stopped = threading.Event()
    liar.raw = raw
    said = proves(liar, status=2)
    liar.http.stopped.set()
    assert why in said
    assert said.count("\n") == 1


def test_pages_are_asked_of_this_server_only_and_not_for_good(liar, proves):
    entry = {"username": "Eve", "mode": "walls", "rank": 1, "score": 1, "timestamp": "", "verified": False}
    link = '<https://elsewhere.invalid/x?after=0.0.0>; rel="next"'
    liar.raw = answers(json.dumps([entry]).encode(), Link=link)
    assert "twice" in proves(liar, "--all", status=2)


def test_names_from_a_server_do_not_move_the_cursor(liar, proves):
    liar.lie = of_entry(username="\x1b[2J\u202eAda\ud800", score=990)
    said = proves(liar, status=1)
    assert "?[2J?Ada?, 990" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org", "example.org", "http://", "http://a b", "http://u@h"]
)
def test_only_web_addresses_are_asked(url, capsys):
    with pytest.raises(SystemExit) as stopped:
        verify.main([url])
    assert stopped.value.code == 2
    assert "give an address such as" in capsys.readouterr().err


def test_nobody_at_the_address_is_one_line(capsys):
    assert verify.main(["http://127.0.0.1:1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
