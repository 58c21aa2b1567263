"""verify.py on games whose record is false: their turns, times, and parts."""

import json
from datetime import datetime, timedelta

import pytest
from lying_server import at, get, of_both, of_entry, of_game

import rules
from game import records


def ended_before_its_last_turn(path, answer):
    return answer | {"tick": answer["turns"][-1][0] - 1} if "/games/" in path else answer


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (of_entry(score=990), "the leaderboard says score 990, the game 30"),
        (of_both(score=990), "it says 990 at tick"),
        (of_game(seed=5), "its turns give"),
        (ended_before_its_last_turn, "turns are not valid"),
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


def test_ignore_pace_accepts_games_of_a_server_without_pace(lasted):
    assert lasted(-lasted.nominal_ms, "--ignore-pace", status=0) == "1 of 1 scores are proven.\n"


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
