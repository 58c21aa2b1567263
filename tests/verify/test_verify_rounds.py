"""verify.py on the standings of rounds."""

from datetime import datetime, timedelta

import pytest
from driver import plan
from lying_server import of_game
from room_host import Host, eat

import rules
import verify


@pytest.fixture
def host(ada, bob, api, db):
    """A room whose round is over. In it Ada has 20 points, Bob 10 and then 20, and a guest 30."""
    host = Host(ada)
    guest = api.guest()
    host.join(bob)
    host.join(guest, name="Gast")
    host.start()
    eat(ada, host.play(ada), 2)
    for meals in (1, 2):
        eat(bob, host.play(bob), meals)
    eat(guest, host.play(guest), 3)
    return host


@pytest.fixture
def over(host, app):
    host.move(None, -63)
    app.background.run_all()
    return ["--room", host.room["code"].lower(), "--round", "1"]


def test_final_standings_are_proven(server, proves, over):
    assert proves(server, *over) == "3 of 3 scores are proven.\n"


def test_a_game_that_the_end_cut_is_proven(server, proves, host, app):
    host.move(None, -63)
    host.start(40, mode="pass-through")
    game = host.play(host.api)
    host.move(None, -61)
    assert host.api.post(game, 0, 1000)["outcome"] == "left"
    host.move(None, -63)
    assert proves(server, "--room", host.room["code"], "--round", "2") == "1 of 1 scores are proven.\n"


def test_standings_that_are_not_final_prove_nothing(server, proves, host):
    options = ["--room", host.room["code"], "--round"]
    assert "the round is not over" in proves(server, *options, "1", status=2)
    assert "There is no round '7'" in proves(server, *options, "7", status=2)
    assert "room" in proves(server, "--room", "ZZZZZZ", "--round", "1", status=2)
    host.move(None, -63)
    host.start()
    host.move(None, -63)
    assert proves(server, *options, "2", status=1) == "The leaderboard is empty: nothing is proven.\n"


def of_standings(index=0, **changed):
    def lie(path, answer):
        if "/rounds/" in path:
            answer["standings"][index] |= changed
        return answer

    return lie


@pytest.mark.parametrize(
    ("lie", "why", "status"),
    [
        (of_standings(score=40), "score 40, the game 30", 1),
        (of_standings(score=5), "its rank should be", 2),
        (of_standings(1, rank=3), "its rank should be 2", 2),
        (of_standings(2, rank=3), "its rank should be 2", 2),
        (of_standings(ranked=False, rank=None), "no ranked game", 2),
        (of_standings(ranked=False, score=0), "no ranked game", 2),
        (of_standings(ranked=False, score=0, rank=None), "its rank should be", 2),
        (of_standings(game=None), "it has no game", 1),
        (of_standings(score="30"), "lacks a field", 2),
        (of_standings(name=""), "impossible score or name", 2),
        (of_standings(status="playing"), "not over", 2),
        (of_game(round=None), "counts elsewhere", 1),
        (of_game(round="x/2"), "counts elsewhere", 1),
        (of_game(challenge="daily"), "the leaderboard says challenge None", 1),
        (of_game(seed=5), "its turns give", 1),
        (of_game(username="Eve"), "its player is in the standings already", 1),
        (of_game(ranked=False), "ranked", 1),
        (of_game(status="playing"), "run this again", 1),
        (of_game(started_at="2020-01-01T00:00:00Z"), "before the round", 1),
        (lambda path, answer: [] if "/rounds/" in path else answer, "not an object with standings", 2),
        (lambda path, answer: answer | {"number": 2} if "/rounds/" in path else answer, "another number", 2),
        (lambda path, answer: answer | {"mode": "x"} if "/rounds/" in path else answer, "unknown mode", 2),
        (lambda path, answer: answer | {"ends_at": 5} if "/rounds/" in path else answer, "no start or end", 2),
    ],
)
def test_lies_are_found(server, proves, over, lie, why, status):
    server.lie = lie
    assert why in proves(server, *over, status=status)


def test_the_same_game_or_member_twice_is_found(server, proves, over):
    def lie(path, answer):
        if "/rounds/" in path:
            answer["standings"][2] |= {"id": answer["standings"][1]["id"]}
        return answer

    server.lie = lie
    assert "its id is missing or appears twice" in proves(server, *over, status=1)

    def lie(path, answer):
        if "/rounds/" in path:
            answer["standings"][2] |= {"game": answer["standings"][1]["game"]}
        return answer

    server.lie = lie
    assert "its game is in the standings already" in proves(server, *over, status=1)
    server.lie = lambda path, answer: answer | {"round": f"{path[-3:]}/1"} if "/games/" in path else answer
    assert "that of others another" in proves(server, *over, status=1)


def test_a_game_on_another_seed_is_found(server, proves, over):
    turns, tick = plan(7, rules.WALLS, 3)
    played = rules.Game(7, rules.WALLS)
    played.advance(turns, tick)

    def lie(path, answer):
        if "/games/" in path and answer["score"] == played.score:
            answer |= {"seed": 7, "turns": turns, "tick": tick, "outcome": played.outcome}
        return answer

    server.lie = lie
    assert "its seed is" in proves(server, *over, status=1)


def test_ticks_after_the_end_are_found(server, proves, over, host):
    def lie(path, answer):
        if "/rounds/" in path:
            answer["ends_at"] = answer["starts_at"]
        return answer

    server.lie = lie
    assert "after the round's end" in proves(server, *over, status=1)


def test_a_game_at_a_wrong_pace_is_found(server, proves, over):
    def ends_after(seconds):
        def lie(path, answer):
            if "/games/" in path:
                started = datetime.fromisoformat(answer["started_at"])
                answer["ended_at"] = (started + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
            return answer

        return lie

    server.lie = ends_after(0)
    assert "faster than time" in proves(server, *over, pace=None, status=1)
    server.lie = ends_after(50)
    assert "too slowly" in proves(server, *over, "--pause-budget", "1", pace=None, status=1)
    assert proves(server, *over, pace=None) == "3 of 3 scores are proven.\n"


@pytest.mark.parametrize("options", [["--room", "B7K2XM"], ["--round", "1"], ["--room", "B7K2XM", "--round", "1", "--bots"]])
def test_options_that_do_not_go_together_are_refused(options, capsys):
    with pytest.raises(SystemExit):
        verify.main(["http://pit", *options])
    assert "--room" in capsys.readouterr().err
