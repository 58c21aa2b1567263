"""The commands in the README work: they run here as they are written there."""

import json
import os
import re
import subprocess
import sys
import textwrap
from urllib.parse import urlsplit

import pytest
import webtest
from servers import ROOT, TIMEOUT, until

import service

README = (ROOT / "README.md").read_text()
GAME_WITH_CURL = (ROOT / "examples" / "curl.sh").read_text()
VERIFY = "python verify.py https://snakepit.example.org"
BOTS = "python3 examples/bot.py --room CODE --bots 30"
WEBTEST = 'webtest.TestApp(create_app(database_url="sqlite:///:memory:", enforce_pace=False))'
MANAGE = ".venv/bin/python manage.py "


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path}/snake.db"


@pytest.fixture
def run(live, curl, tmp_path):
    """Return a function that runs a script beside a server, in a folder like a clone, and returns its lines."""
    for name, there in {".venv": sys.prefix, "manage.py": ROOT / "manage.py", "verify.py": ROOT / "verify.py"}.items():
        (tmp_path / name).symlink_to(there)

    def run(script):
        script = script.replace("localhost:8000", urlsplit(live.url).netloc)
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        done = subprocess.run(
            ["sh", "-eu", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.splitlines()

    return run


def test_a_whole_game_with_curl(run, live):
    playing, over, board, me, record = map(json.loads, run(GAME_WITH_CURL))
    assert (playing["status"], playing["tick"]) == ("playing", 5)
    assert (over["status"], over["outcome"], over["tick"], over["ranked"]) == ("over", "wall", 12, True)
    assert [(entry["rank"], entry["username"], entry["game"]) for entry in board] == [(1, "Ada", record["id"])]
    assert (me["rank"], me["of"], me["score"]) == (1, 1, over["score"])
    assert (record["seed"] > 0, record["turns"], record["score"]) == (True, [[3, "R"]], over["score"])
    proof = run(VERIFY.replace("python", ".venv/bin/python").replace("https://snakepit.example.org", live.url))
    assert proof[-1] == "1 of 1 scores are proven."


def test_the_readme_shows_what_is_run_here():
    _, _, lines = GAME_WITH_CURL.partition("\n\n")
    assert textwrap.indent(lines, "    ") in README
    assert VERIFY in README
    assert WEBTEST in README


def test_each_command_of_manage_runs_in_the_order_of_the_readme(run, live):
    """As written, but for the game's id and for the confirmations."""
    game = json.loads(run(GAME_WITH_CURL)[-1])["id"]
    live.stop()
    lines = [line.strip() for line in README.splitlines() if line.strip().startswith(MANAGE)]
    named = {line.removeprefix(MANAGE).split()[0] for line in lines}
    assert {"backup", "restore", "export", "verify", "rebuild", "stats", "reset-password", "rename", "prune"} <= named
    script = re.sub(r"^(.*manage\.py (?:restore|delete-score) \S+)", r"\1 --yes", "\n".join(lines), flags=re.M)
    output = "\n".join(run(script.replace("delete-score GAME", f"delete-score {game}")))
    assert "https://snakepit.example.org" in output
    assert "Augusta" in output


def test_bots_fill_a_room_with_the_default_limits(live, tmp_path):
    host = live.api.guest()
    room = host("POST /api/rooms", {"my_name": "Ms Weber"}, 201)
    assert f"    {BOTS}\n" in README
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command = [sys.executable, *BOTS.replace("CODE", room["code"]).split()[1:], "--url", live.url]
    bots = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        until(lambda: len(host(f"GET /api/rooms/{room['code']}")["members"]) == 31)
    finally:
        bots.terminate()
        bots.wait(TIMEOUT)


def test_the_line_with_webtest():
    app = eval(WEBTEST, {"webtest": webtest, "create_app": service.create_app})  # noqa: S307 - a constant of this file
    assert app.get("/api/leaderboard").json == []
    app.app.close()
