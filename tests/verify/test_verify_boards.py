"""verify.py on honest leaderboards, and on entries, ranks and pages that can't be right."""

from itertools import cycle

import pytest
from driver import drive
from lying_server import at, get, of_board, of_entry, other, served

import rules
import verify


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


def test_stated_scores_are_reported_as_not_verified(make_app, proves):
    app = make_app(score_policy="open")
    ada = drive(app).sign_up("Ada")
    ada("POST /api/leaderboard", {"score": 700, "mode": "walls"}, 201)
    ada.play(2, rules.PASS_THROUGH)
    with served(app) as honest:
        said = proves(honest, status=1)
    assert "Ada, 700 in walls" in said
    assert "1 of 2 scores are proven: 1 not verified." in said


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
def test_an_impossible_board_is_refused_in_one_line(liar, proves, lie, why):
    liar.lie = lie
    said = proves(liar, "--mode", "walls", status=2)
    assert why in said
    assert said.count("verify.py: ") == 1


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


def test_two_entries_do_not_share_an_id(liar, proves):
    liar.lie = of_board(lambda board: [board[0], board[1] | {"id": board[0]["id"]}])
    assert "its id is missing or appears twice" in proves(liar, "--mode", "walls", status=1)


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
