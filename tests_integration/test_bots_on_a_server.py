"""The example's bots against a server at its true pace."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from servers import ROOT, TIMEOUT, until

# As somebody's own bot: this one goes straight ahead, so that its game lasts eleven ticks.
WALLS = "--mode", "walls"
STRAIGHT_AHEAD = "import bot; bot.choose = lambda game: game.heading; bot.main()"


@pytest.fixture
def start_bots(live, tmp_path):
    """Starts two bots, from a copy of bot.py alone in an empty folder, without any package in reach."""
    started = []
    shutil.copy(ROOT / "examples" / "bot.py", tmp_path)

    def start(*options, program=("bot.py",)):
        started.append(
            subprocess.Popen(
                [
                    sys.executable,
                    "-E",
                    "-S",
                    *program,
                    "--url",
                    live.url,
                    "--bots",
                    "2",
                    "--careless",
                    "0",
                    "--mode",
                    "walls",
                    *options,
                ],
                cwd=tmp_path,
                env={"PATH": os.environ["PATH"]},
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
        said, errors = bots.communicate(timeout=TIMEOUT)
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
    bots.send_signal(signal.SIGTERM)  # a script that runs in the background has its children ignore SIGINT
    said, errors = bots.communicate(timeout=TIMEOUT)
    assert (bots.returncode, errors) == (0, "")
    assert "tries again in 1 s" in said
    for game in before.values():
        record = live.api(f"GET /api/games/{game['id']}")
        assert (record["outcome"], record["ranked"]) == ("left", True)


def test_help_is_printed_by_a_copy_alone(tmp_path):
    shutil.copy(ROOT / "examples" / "bot.py", tmp_path)
    for option in ("-h", "--help"):
        command = [sys.executable, "-I", "-S", "-OO", "bot.py", option]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "--accounts" in done.stdout
        assert done.stderr == ""


class Elsewhere(BaseHTTPRequestHandler):
    """Sends every request on to another server, and counts those that come to that one."""

    came = 0

    def do_POST(self):
        type(self).came += self.path == "/elsewhere"
        self.send_response(307)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *args):
        pass


def test_a_redirect_is_not_followed(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as http:
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        shutil.copy(ROOT / "examples" / "bot.py", tmp_path)
        command = [sys.executable, "-E", "-S", "bot.py", "--url", f"http://127.0.0.1:{http.server_port}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        http.shutdown()
    assert done.returncode == 1
    assert "refuses the bots: status 307" in done.stderr
    assert Elsewhere.came == 0
