"""The example's bots against a server at the true pace."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
from running import PATIENCE, ROOT

# As somebody's own bot: this one goes straight ahead, so that its game lasts eleven ticks.
STRAIGHT_AHEAD = "from examples import bot; bot.choose = lambda game: game.heading; bot.main()"


@pytest.fixture
def start_bots(live, tmp_path):
    """Starts two bots, in a folder of their own."""
    started = []

    def start(*options, program=(ROOT / "examples" / "bot.py",)):
        started.append(
            subprocess.Popen(
                [sys.executable, *program, "--url", live.url, "--bots", "2", "--careless", "0", "--mode", "walls", *options],
                cwd=tmp_path,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(found):
    """What `found` returns, as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (result := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return result


def active(live):
    return {game["username"]: game for game in live.api("GET /api/games/active")}


def both(live):
    games = active(live)
    return games if len(games) == 2 else None


def test_bots_play_a_game_each_on_boards_of_their_own_and_come_back(live, start_bots, tmp_path):
    accounts = tmp_path / "bots.json"
    for games in (1, 2):
        bots = start_bots("--games", "1", program=("-c", STRAIGHT_AHEAD))
        assert all(game["bot"] for game in until(lambda: active(live)).values())
        said, errors = bots.communicate(timeout=PATIENCE)
        assert (bots.returncode, errors) == (0, "")
        for name in ("Boa-bot", "Krait-bot"):
            assert f"{name} begins, walls\n" in said
            assert re.search(rf"{name} ends, walls: \d+ points, wall, rank [12]\n", said)
            player = live.api(f"GET /api/players/{name}")
            assert (player["bot"], player["games"]) == (True, games)
            assert all(game["ranked"] for game in player["latest"])
        if games == 1:
            kept = accounts.read_text()
        assert accounts.read_text() == kept
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    assert [account["username"] for account in json.loads(kept)[live.url]] == ["Boa-bot", "Krait-bot"]
    board = live.api("GET /api/leaderboard?players=bots")
    assert {(entry["username"], entry["verified"]) for entry in board} == {("Boa-bot", True), ("Krait-bot", True)}
    assert live.api("GET /api/leaderboard") == []


def test_a_restart_of_the_server_costs_bots_nothing_and_in_the_end_they_leave(live, start_bots):
    bots = start_bots()
    before = until(lambda: both(live))
    live.kill()
    time.sleep(2)
    live.start()
    until(lambda: all(game["tick"] > before[name]["tick"] + 20 for name, game in (both(live) or before).items()))
    bots.send_signal(signal.SIGINT)
    said, errors = bots.communicate(timeout=PATIENCE)
    assert (bots.returncode, errors) == (0, "")
    assert "tries again in 1 s" in said
    for game in before.values():
        record = live.api(f"GET /api/games/{game['id']}")
        assert (record["outcome"], record["ranked"]) == ("left", True)
