"""verify.py on responses that are no JSON, too large or too slow, or meant to harm; its token."""

import json
import threading

import pytest
from lying_server import answers, of_entry

import verify


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
def test_a_bad_response_is_reported_in_one_line(liar, proves, monkeypatch, raw, why):
    if raw is drips:
        monkeypatch.setattr(verify, "TIMEOUT", 0.3)
    liar.http.stopped = threading.Event()
    liar.raw = raw
    said = proves(liar, status=2)
    liar.http.stopped.set()
    assert why in said
    assert said.count("\n") == 1


def test_pages_are_fetched_from_this_server_only_and_not_forever(liar, proves):
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


def test_an_unreachable_server_is_reported_in_one_line(capsys):
    assert verify.main(["http://127.0.0.1:1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


TOKEN = "a-token-of-a-player"


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_with_a_players_token_they_are_proven(server, proves, api, ada, monkeypatch, where):
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
def test_what_can_not_be_a_token_is_refused_without_showing_it(liar, capsys, token):
    with pytest.raises(SystemExit) as stopped:
        verify.main([liar.url, "--token", token])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "give the token" in said
    assert repr(token)[1:-1] not in said


def test_the_token_is_not_sent_to_another_server(liar, server, proves):
    liar.raw = answers(b"", 302, Location=f"{server.url}/api/leaderboard")
    assert "it redirects to" in proves(liar, "--token", TOKEN, status=2)
    assert server.asked == []


@pytest.mark.parametrize(
    "name",
    ["Location", "Retry-After", "Link", "Content-Type", "X-\u00e4"],
)
def test_headers_that_are_not_ascii_are_reported_in_one_line(liar, proves, name):
    def raw(handler):
        handler.wfile.write(b"HTTP/1.1 %d OK\r\n" % (302 if name == "Location" else 429 if name == "Retry-After" else 200))
        handler.wfile.write(f'{name}: <?after=\u00e4\u00f6>; rel="next"\r\nContent-Length: 2\r\n\r\n[]'.encode("latin-1"))
        handler.close_connection = True

    liar.raw = raw
    said = proves(liar, "--all", status=1 if name == "X-\u00e4" else 2)
    assert said.count("\n") == 1


@pytest.mark.parametrize("after", ["a%0d%0aX:y", "%00", "x" * 200, "\u00e4", ""])
def test_a_next_page_that_can_not_be_is_refused(liar, proves, after):
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
