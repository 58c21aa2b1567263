"""verify.py proves the scores of a server, and is neither deceived nor harmed by one that lies."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path

import pytest
from driver import drive

import rules
import service
import verify
from game import records
from models import Entry, Game

ROOT = Path(rules.__file__).parent


def test_its_rules_are_those_of_the_server_word_for_word():
    source = Path(rules.__file__).read_text()
    assert source[source.index("RULES = ") :].strip() in (ROOT / "verify.py").read_text()


def test_it_needs_nothing_of_ours():
    lines = (ROOT / "verify.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported.isdisjoint({path.stem for path in ROOT.glob("*.py")})


class Honest:
    """A server at an address, which answers as the app does.

    `lie(path, answer)` may change what it says: to other JSON, to bytes, or to (status, either). `instead(path)` may answer
    another request than was made, and `raw(handler)` may send anything.
    """

    def __init__(self, app):
        self.lie = self.instead = self.raw = None
        self.app = app
        self.asked = []  # (path, headers) of each request
        api, me = drive(app), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: else the second waits for the first one's receipt

            def do_GET(self):
                if me.raw:
                    me.raw(self)
                    return
                me.asked.append((self.path, dict(self.headers)))
                bearer = {"Authorization": self.headers["Authorization"]} if "Authorization" in self.headers else {}
                answer = api.ask(f"GET {me.instead(self.path) if me.instead else self.path}", headers=bearer)
                told = me.lie(self.path, answer.json) if me.lie else answer.json
                status, told = told if isinstance(told, tuple) else (answer.status, told)
                content = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                for name in ("Link", "Content-Type"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
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
    filled.lie = filled.instead = filled.raw = None
    filled.asked.clear()


@pytest.fixture
def proves(capsys):
    """Runs it on a server, which must end with that status; what it said."""

    def run(server, *options, status=0, pace="--ignore-pace"):
        assert verify.main([server.url, *filter(None, [pace]), *options]) == status
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


def test_an_empty_leaderboard_proves_nothing(server, proves, ada):
    ada.play(1)
    for options in (["--bots"], ["--mode", "pass-through"], ["--period", "day", "--at", "2020-02-02"]):
        assert proves(server, *options, status=1) == "The leaderboard is empty: nothing is proven.\n"


def test_all_pages_are_proven(server, proves, api, monkeypatch):
    monkeypatch.setattr(verify, "PAGE_SIZE", 2)
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
        (of_entry(score=990), "the leaderboard says score 990, the game 30"),
        (of_both(score=990), "it says 990 at tick"),
        (of_game(seed=5), "its turns give"),
        (of_game(tick=7), "turns are not valid"),
        (of_game(tick=10**18), "its turns give"),
        (of_game(outcome="won"), "won; its turns give"),
        (of_game(turns=[]), "its turns give"),
        (of_game(turns=[[3, "R"], [3, "U"]]), "turns are not valid"),
        (of_game(turns=[[3, "N"]]), "turns are not valid"),
        (of_game(turns=[[3, []]]), "turns are not valid"),
        (of_game(turns=[3]), "turns are not valid"),
        (of_game(turns=None), "turns are not valid"),
        (of_game(seed=0), "seed 0"),
        (of_game(seed="5"), "not valid"),
        (of_game(rules=2), "rules 2, which this program doesn't know"),
        (of_game(rules=[1]), "which this program doesn't know"),
        (of_game(username="Eve"), "the leaderboard says username Ada, the game Eve"),
        (of_game(mode="pass-through"), "the leaderboard says mode walls"),
        (of_game(id="other"), "the leaderboard says id"),
        (of_game(ranked=False), "ranked"),
        (of_game(ranked=1), "ranked"),
        (of_game(status="playing"), "status"),
        (of_game(challenge="daily/2026-11-22"), "is on another leaderboard"),
        (of_entry(timestamp="2020-01-01T00:00:00.000Z"), "ended_at"),
        (of_entry(game=None), "it has no game"),
        (lambda path, answer: [] if "/games/" in path else answer, "its game is not an object"),
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
        (of_board(lambda board: [board[0] | {"rank": 2}, board[1]]), "its rank should be 1"),
        (of_board(lambda board: [board[0], board[1] | {"rank": 1}]), "its rank should be 2"),
        (of_board(lambda board: [board[0], board[1] | {"score": 10**9}]), "follows a lower score"),
        (of_board(lambda board: [board[0] | {"score": "30"}]), "lacks a field"),
        (of_board(lambda board: [board[0] | {"rank": True}]), "lacks a field"),
        (of_board(lambda board: [None]), "lacks a field"),
        (of_board(lambda board: {"a": 1}), "not a list"),
        (of_board(lambda board: None), "not a list"),
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
        (answers(b"<html>"), "not JSON"),
        (answers(b"\xff\xfe\x00"), "not JSON"),
        (answers(b"[" * 100_000), "not JSON"),
        (answers(b"9" * 10_000), "not JSON"),
        (answers(b" " * 5_000_000), "larger than"),
        (answers(b"", 302, Location="file:///etc/passwd"), "it redirects to file:///etc/passwd"),
        (answers(b'{"detail": "Not \\u001b[31m here.\\ud800"}', 404), "responds with 404: Not ?[31m here.?"),
        (answers(b"[]", 503, **{"Retry-After": "0"}), "responds with 503"),
        (answers(b"[]", 500), "responds with 500"),
        (says_nothing, "no response"),
        (drips, "no response within"),
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


# What was requested, and what is served.


def get(honest, path):
    return drive(honest.app)(f"GET {path}")


def other(old, new):
    """Answer another request to a leaderboard than was made."""
    return lambda path: path.replace(old, new) if "leaderboard" in path else path


def test_another_mode_than_was_asked_for_is_wrong(server, proves, ada, bob):
    ada.play(2, rules.PASS_THROUGH)
    server.instead = other("mode=walls", "mode=pass-through")
    said = proves(server, "--mode", "walls", status=1)
    assert "wrong: rank 1, Ada, 20 in pass-through" in said
    assert "its mode is pass-through, but walls was requested" in said


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_game_of_another_year_is_in_no_current_period(server, proves, db, ada, period):
    game = ada.play(2)[0]["id"]
    year = 366 * 24 * 3_600_000
    Game.update(started_at=Game.started_at - year, ended_at=Game.ended_at - year).execute()
    Entry.update(achieved_at=Entry.achieved_at - year).execute()
    assert proves(server) == "1 of 1 scores are proven.\n"
    server.instead = other(f"period={period}", "period=all")
    said = proves(server, "--period", period, status=1)
    assert game in said
    assert f"which is not in the {period} of {datetime.now(UTC).date()}" in said


def test_the_period_of_a_date_is_asked_for_and_proven(server, proves, ada):
    ada.play(2)
    today = datetime.now(UTC).date()
    for period in ("day", "week", "month"):
        assert proves(server, "--period", period, "--at", str(today)) == "1 of 1 scores are proven.\n"
    server.instead = other("at=2020-02-29", f"at={today}")
    for period in ("day", "week", "month"):
        assert f"not in the {period} of 2020-02-29" in proves(server, "--period", period, "--at", "2020-02-29", status=1)


@pytest.mark.parametrize("asked", ["game", "daily", "daily/2026-01-01"])
def test_another_challenge_than_was_asked_for_is_wrong(server, proves, ada, bob, asked):
    first, second = ada.play(2)[0]["id"], bob.play(1)[0]["id"]
    ada.play(3, challenge=second)
    server.instead = lambda path: f"/api/leaderboard?challenge={second}" if "leaderboard" in path else path
    said = proves(server, "--challenge", first if asked == "game" else asked, status=1)
    assert f"it was played for {second}, and is on another leaderboard" in said


def test_a_challenge_of_a_game_of_a_challenge_is_that_challenge(server, proves, ada, bob):
    first = ada.play(2)[0]["id"]
    second = bob.play(1, challenge=first)[0]["id"]
    assert proves(server, "--challenge", second) == "1 of 1 scores are proven.\n"


@pytest.mark.parametrize(("name", "value"), [("seed", 77), ("rules", 2), ("mode", "pass-through"), ("seed", 5.0)])
def test_a_challenge_has_the_seed_of_the_game_that_it_is_named_after(server, proves, ada, bob, name, value):
    first = ada.play(2)[0]["id"]
    bob.play(1, challenge=first)
    server.lie = lambda path, answer: answer | {name: value} if path == f"/api/games/{first}" else answer
    assert f"its {name} is" in proves(server, "--challenge", first, status=1)


def test_a_game_that_is_named_after_another_is_no_challenge(server, proves, ada):
    first, second = ada.play(2)[0]["id"], ada.play(1)[0]["id"]
    server.instead = lambda path: path.replace(first, second)
    assert "the server has no game" in proves(server, "--challenge", first, status=2)


def test_bots_among_people_and_people_among_bots_are_wrong(server, proves, api, ada):
    api.sign_up("Robot", bot=True).play(2)
    ada.play(1)
    assert proves(server) == proves(server, "--bots") == "1 of 1 scores are proven.\n"
    server.instead = other("players=people", "players=bots")
    assert "it is a bot's, but people were requested" in proves(server, status=1)
    without = lambda entry: {name: value for name, value in entry.items() if name != "bot"}  # noqa: E731
    server.lie = lambda path, answer: [without(entry) for entry in answer] if "leaderboard" in path else answer
    assert "its game is a bot's, but people were requested" in proves(server, status=1)
    server.lie, server.instead = None, other("players=bots", "players=people")
    assert "it is not a bot's, but bots were requested" in proves(server, "--bots", status=1)


# One game, one player, one entry.


def listed(*changes):
    """The first entry of the leaderboard again and again, with these changes."""
    return lambda path, answer: [answer[0] | change for change in changes] if "leaderboard" in path else answer


def named(path, answer, names):
    return answer | {"username": next(names)} if "/games/" in path else answer


def test_one_game_under_three_names_is_proven_once(liar, proves):
    names = cycle(["Ada", "Eve", "Mallory"])
    entries = listed(*({"username": name, "id": name} for name in ("Ada", "Eve", "Mallory")))
    liar.lie = lambda path, answer: named(path, entries(path, answer), names)
    said = proves(liar, "--mode", "walls", status=1)
    assert said.count("its game is on the leaderboard already") == 2
    assert "1 of 3 scores are proven: 2 wrong." in said


def test_a_copy_of_a_game_under_another_id_is_wrong(liar, proves):
    entries = listed({}, {"username": "Eve", "id": "2", "game": "copy"})
    game = {}

    def lie(path, answer):
        if path.endswith("/copy"):
            return 200, game | {"id": "copy", "username": "Eve"}
        game.update(answer if "/games/" in path else {})
        return entries(path, answer)

    liar.lie = lie
    said = proves(liar, "--mode", "walls", status=1)
    assert "its game is a copy of another game" in said
    assert "1 of 2 scores are proven" in said


def test_two_games_on_one_seed_are_not_proven_on_a_general_leaderboard(liar, proves):
    first, second = get(liar, "/api/leaderboard?mode=walls&limit=2")
    seed = get(liar, f"/api/games/{first['game']}")["seed"]
    game = rules.Game(seed, "walls")
    game.advance([], 100)
    ahead = {"seed": seed, "turns": [], "tick": game.ticks, "score": game.score, "outcome": game.outcome}

    def lie(path, answer):
        if "leaderboard" in path:
            return [answer[0], answer[1] | {"score": game.score}]
        return answer | ahead if second["game"] in path else answer

    liar.lie = lie
    said = proves(liar, "--mode", "walls", status=1)
    assert "not provable: rank 2, Bob" in said
    assert "the same seed" in said
    assert "1 of 2 scores are proven" in said


def test_the_same_name_in_another_case_is_the_same_player(liar, proves):
    liar.lie = listed({}, {"username": "ADA", "id": "2"})
    assert "this player is on the leaderboard twice" in proves(liar, "--mode", "walls", status=2)


@pytest.mark.parametrize("change", [{"id": None}, {"id": ""}, {"id": 5}, {"id": "x" * 65}])
def test_an_entry_has_an_id_of_its_own(liar, proves, change):
    liar.lie = of_entry(**change)
    assert "its id is missing or appears twice" in proves(liar, "--mode", "walls", status=1)


def test_two_entries_don_t_share_an_id(liar, proves):
    liar.lie = of_board(lambda board: [board[0], board[1] | {"id": board[0]["id"]}])
    assert "its id is missing or appears twice" in proves(liar, "--mode", "walls", status=1)


# Times.


def at(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_time(**changed):
    """Change the times of a game, and its entry's with them."""

    def lie(path, answer):
        if "/games/" in path:
            return answer | changed
        ended = {"timestamp": changed["ended_at"]} if "ended_at" in changed else {}
        return [answer[0] | ended]

    return lie


@pytest.mark.parametrize("ended", [400, 86400 * 365])
def test_a_game_that_ended_in_the_future_is_wrong(liar, proves, ended):
    liar.lie = of_time(ended_at=at(ended))
    assert "which is in the future" in proves(liar, "--mode", "walls", status=1)


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00.000Z", "2026-01-01T00:00:00+02:00", "9" * 5000])
def test_a_time_that_is_none_is_wrong(liar, proves, time):
    liar.lie = of_time(ended_at=time)
    assert "is not valid" in proves(liar, "--mode", "walls", status=1)


@pytest.fixture
def lasted(liar, proves):
    """Proves the best game of the server when it took so many milliseconds more than `factor` times its tick lengths."""
    [entry] = get(liar, "/api/leaderboard?mode=walls&limit=1")
    game = get(liar, f"/api/games/{entry['game']}")
    played = rules.Game(game["seed"], game["mode"])
    played.advance(game["turns"], game["tick"])
    ended = datetime.fromisoformat(game["ended_at"])

    def run(milliseconds, *options, factor=1.0, status=1, **changed):
        took = timedelta(milliseconds=round(played.nominal_ms * factor + milliseconds))
        started = (ended - took).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        liar.lie = of_game(started_at=started, **changed)
        return proves(liar, "--mode", "walls", "--limit", "1", *options, status=status, pace=None)

    run.nominal_ms = played.nominal_ms
    return run


def test_a_game_at_its_pace_is_proven(lasted):
    for milliseconds in (0, 5_000, 10_000):
        assert lasted(milliseconds, factor=1.1, status=0) == "1 of 1 scores are proven.\n"
    assert lasted(-1, factor=1.1, status=0)
    assert lasted(10_000 + lasted.nominal_ms / 4 - 5, factor=1.1, status=0)
    assert lasted(-990 / 1.02, factor=1 / 1.02, status=0)


@pytest.mark.parametrize("milliseconds", [-1010 / 1.02, -10_000, None])
def test_a_game_in_no_time_is_wrong(lasted, milliseconds):
    said = lasted(milliseconds or -lasted.nominal_ms, factor=1 / 1.02 if milliseconds else 1.0)
    assert "it was played faster than time" in said
    assert "0 of 1 scores are proven: 1 wrong." in said


def test_a_game_before_its_start_is_wrong(lasted):
    assert "faster than time" in lasted(-1_000_000)


@pytest.mark.parametrize("milliseconds", [60_100, 6 * 86_400_000])
def test_a_game_of_six_days_is_wrong(lasted, milliseconds):
    assert "it was played too slowly" in lasted(milliseconds, factor=1.1)


def test_a_game_that_an_older_rule_may_have_allowed_is_not_provable(lasted):
    said = lasted(10_050 + lasted.nominal_ms / 4, factor=1.1)
    assert "not provable: rank 1, Ada" in said
    assert "0 of 1 scores are proven: 1 not provable." in said
    assert "not provable" in lasted(59_900, factor=1.1)
    assert "too slowly" in lasted(59_900, "--pause-budget", "30", factor=1.1)


def test_a_server_without_pace_is_told_so(lasted):
    assert lasted(-lasted.nominal_ms, "--ignore-pace", status=0) == "1 of 1 scores are proven.\n"


# Ranks over several pages.


def test_ranks_go_on_over_pages_and_ties(server, proves, api, monkeypatch):
    monkeypatch.setattr(verify, "PAGE_SIZE", 2)
    for number, meals in enumerate((3, 2, 2, 2, 1, 0)):
        api.sign_up(f"Player{number}").play(meals)
    assert [entry["rank"] for entry in api("GET /api/leaderboard?mode=walls")] == [1, 2, 2, 2, 5, 6]
    assert proves(server, "--all", "--mode", "walls") == "6 of 6 scores are proven.\n"


def test_ranks_of_a_later_page_that_are_shifted_are_not_provable(server, proves, api, monkeypatch):
    monkeypatch.setattr(verify, "PAGE_SIZE", 2)
    for number in range(4):
        api.sign_up(f"Player{number}").play(number)
    later = lambda board: [entry | {"rank": entry["rank"] + 1} for entry in board]  # noqa: E731
    server.lie = lambda path, answer: later(answer) if "after=" in path else answer
    said = proves(server, "--all", status=1)
    assert "the leaderboard changed while it was read" in said
    assert "2 of 4 scores are proven: 2 not provable." in said
    server.lie = lambda path, answer: answer[:1] + later(answer[1:]) if "after=" in path else answer
    assert "its rank should be 4" in proves(server, "--all", status=2)


def test_equal_scores_are_in_the_order_in_which_they_were_reached(liar, proves):
    later, earlier = {"timestamp": at(-10)}, {"timestamp": at(-20), "score": 30, "rank": 1}
    liar.lie = of_board(lambda board: [board[0] | later, board[1] | earlier])
    assert "it follows an equal score that was reached later" in proves(liar, "--mode", "walls", status=2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"score": -10}, "impossible"),
        ({"score": 10**4000}, "impossible"),
        ({"rank": 0}, "impossible"),
        ({"username": ""}, "impossible"),
        ({"username": "a" + "\u0316\u0301" * 60_000}, "impossible"),
        ({"rank": 1.0}, "lacks a field"),
        ({"score": 30.0}, "lacks a field"),
        ({"score": True}, "lacks a field"),
        ({"verified": 1}, "lacks a field"),
        ({"username": ["Ada"]}, "lacks a field"),
    ],
)
def test_numbers_are_whole_and_within_reason(liar, proves, change, why):
    liar.lie = of_board(lambda board: [board[0] | change, *board[1:]])
    assert why in proves(liar, "--mode", "walls", status=2)


def test_more_entries_than_were_asked_for_are_refused(liar, proves):
    liar.instead = other("limit=1", "limit=2")
    assert "has 2 entries, but 1 were requested" in proves(liar, "--mode", "walls", "--limit", "1", status=2)


# Games with more turns than one response has.


def test_the_rest_of_long_games_is_fetched(server, proves, ada, monkeypatch):
    monkeypatch.setattr(records, "MAX_TURNS", 2)
    _, turns, _ = ada.play(9)
    assert proves(server) == "1 of 1 scores are proven.\n"
    assert sum("since=" in path for path, _ in server.asked) == (len(turns) - 1) // 2


@pytest.mark.parametrize(
    "change",
    [
        {"username": "Eve"},
        {"seed": 5},
        {"score": 10},
        {"turns": []},
        {"turns": [[1, "U"]]},
        {"turns": None},
        {"continue_since": 1},
        {"continue_since": 10**9},
        {"continue_since": "5"},
        {"continue_since": True},
    ],
)
def test_the_rest_of_a_game_is_of_the_same_game(server, proves, ada, monkeypatch, change):
    monkeypatch.setattr(records, "MAX_TURNS", 2)
    ada.play(9)
    server.lie = lambda path, answer: answer | change if "since=" in path else answer
    assert "0 of 1 scores are proven: 1 wrong." in proves(server, status=1)


def test_a_game_without_end_is_given_up(server, proves, ada):
    ada.play(3)

    def lie(path, answer):
        if "/games/" not in path:
            return answer
        since = int(path.partition("since=")[2] or 0)
        return answer | {"turns": [[since + 1, "RD"[since % 2]]], "continue_since": since + 1, "tick": 300_000}

    server.lie = lie
    assert "its turns are not those" in proves(server, status=1)
    assert len(server.asked) < 50


# Today's daily challenge.


HIDDEN = {"title": "Forbidden", "status": 403, "code": "daily_hidden", "detail": "Come back after 00:00 UTC."}
TOKEN = "a-token-of-a-player"


def test_games_of_today_s_challenge_are_not_provable_before_the_day_is_over(server, proves, ada):
    ada.play(1, challenge="daily")
    said = proves(server, "--challenge", "daily", status=1)
    assert "not provable: rank 1, Ada" in said
    assert "SNAKEPIT_TOKEN" in said
    assert "0 of 1 scores are proven: 1 not provable." in said


def test_games_of_other_leaderboards_can_t_be_hidden(server, proves, ada, bob):
    ada.play(1)
    server.lie = lambda path, answer: (403, HIDDEN) if "/games/" in path else answer
    assert "wrong: rank 1, Ada" in proves(server, status=1)


def test_a_daily_game_of_another_day_is_wrong(server, proves, ada):
    ada.play(1, challenge="daily")
    server.lie = of_game(started_at=at(-3 * 86400))
    assert "and is for daily/" in proves(server, "--challenge", "daily", "--token", ada.token, status=1)


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_with_a_player_s_token_they_are_proven(server, proves, api, ada, monkeypatch, where):
    ada.play(1, challenge="daily")

    monkeypatch.setenv("SNAKEPIT_TOKEN", ada.token if where == "environment" else "")
    options = ["--token", ada.token] if where == "argument" else []
    assert proves(server, "--challenge", "daily", *options) == "1 of 1 scores are proven.\n"
    assert [headers["Authorization"] for _, headers in server.asked] == [f"Bearer {ada.token}"] * 2


def test_a_token_may_begin_with_a_dash(liar, proves):
    proves(liar, "--all", "--token", "-a-token", "--challenge", "-a_b", status=2)
    assert [headers["Authorization"] for _, headers in liar.asked] == ["Bearer -a-token"]
    assert [path for path, _ in liar.asked] == ["/api/games/-a_b"]


def test_the_token_is_not_printed(liar, proves):
    liar.raw = answers(json.dumps({"detail": f"What is {TOKEN}?"}).encode(), 500)
    said = proves(liar, "--token", TOKEN, status=2)
    assert "What is TOKEN?" in said
    assert TOKEN not in said


@pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "\u00e9", "x" * 501])
def test_what_can_t_be_a_token_is_refused_without_showing_it(liar, capsys, token):
    with pytest.raises(SystemExit) as stopped:
        verify.main([liar.url, "--token", token])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "give the token" in said
    assert repr(token)[1:-1] not in said


def test_nobody_s_token_is_sent_to_another_server(liar, server, proves):
    liar.raw = answers(b"", 302, Location=f"{server.url}/api/leaderboard")
    assert "it redirects to" in proves(liar, "--token", TOKEN, status=2)
    assert server.asked == []


# Responses that are meant to harm.


@pytest.mark.parametrize(
    "name",
    ["Location", "Retry-After", "Link", "Content-Type", "X-\u00e4"],
)
def test_headers_that_are_not_ascii_are_one_line(liar, proves, name):
    def raw(handler):
        handler.wfile.write(b"HTTP/1.1 %d OK\r\n" % (302 if name == "Location" else 429 if name == "Retry-After" else 200))
        handler.wfile.write(f'{name}: <?after=\u00e4\u00f6>; rel="next"\r\nContent-Length: 2\r\n\r\n[]'.encode("latin-1"))
        handler.close_connection = True

    liar.raw = raw
    said = proves(liar, "--all", status=1 if name == "X-\u00e4" else 2)
    assert said.count("\n") == 1


@pytest.mark.parametrize("after", ["a%0d%0aX:y", "%00", "x" * 200, "\u00e4", ""])
def test_a_next_page_that_can_t_be_is_refused(liar, proves, after):
    liar.raw = answers(b"[]", Link=f'<?after={after}>; rel="next"'.encode().decode("latin-1"))
    assert "next page is not valid" in proves(liar, status=2)


def test_the_next_page_is_asked_for_as_the_first_was(server, proves, api, monkeypatch):
    monkeypatch.setattr(verify, "PAGE_SIZE", 1)
    for number in range(2):
        api.sign_up(f"Player{number}").play(number)
    assert proves(server, "--all", "--mode", "walls") == "2 of 2 scores are proven.\n"
    pages = [path for path, _ in server.asked if "leaderboard" in path]
    assert len(pages) == 2
    assert all("mode=walls&players=people" in path for path in pages)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'[{"rank": 1, "rank": 2}]', "not JSON"),
        (b"[NaN]", "not JSON"),
        (b"[1e999]", "lacks a field"),
        (b'{"a":' * 50_000, "not JSON"),
        (b" " * 1_000_001, "larger than"),
        (b"[" + b"{}," * 100 + b"{}]", "has 101 entries"),
    ],
)
def test_json_that_is_meant_to_deceive_is_refused(liar, proves, content, why):
    liar.raw = answers(content)
    assert why in proves(liar, status=2)


@pytest.mark.parametrize("kind", ["text/html", "image/png; x=application/json", "application/jsonx"])
def test_what_is_not_sent_as_json_is_refused(liar, proves, kind):
    liar.raw = answers(b"[]", **{"Content-Type": kind})
    assert "is not JSON but" in proves(liar, status=2)


def test_a_server_that_puts_off_all_answers_is_given_up(liar, proves, monkeypatch):
    slept = []
    monkeypatch.setattr(verify.time, "sleep", slept.append)
    monkeypatch.setattr(verify, "MAX_TOTAL_WAIT", 100)
    liar.raw = answers(b"[]", 503, **{"Retry-After": "99999999"})
    assert "responds with 503" in proves(liar, status=2)
    assert slept == [60, 40]


def test_colours_and_direction_marks_of_a_server_are_not_printed(liar, proves):
    liar.lie = lambda path, answer: (404, {"detail": "\x1b[31m\u202e\x9b1m\u2066"}) if "/games/" in path else answer
    said = proves(liar, status=1)
    assert not set(said) & set("\x1b\u202e\x9b\u2066")


def test_it_needs_no_docstrings():
    done = subprocess.run([sys.executable, "-OO", ROOT / "verify.py", "--help"], capture_output=True, text=True, check=True)
    assert "without trusting its server" in done.stdout
