"""What the README and its companions say to type is typed: each of their blocks is run here, or listed with who runs it."""

import json
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import webtest
from running import PATIENCE, ROOT

import service

TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

# The first line of each block that isn't run here, or a text of which none is, and why.
ELSEWHERE = {
    "make run     # then open http://127.0.0.1:8000": "ends with Ctrl+C; what it starts is what all tests of servers start",
    "make test                # the unit tests, in about a minute: each on a fresh SQLite in memory": "CI runs these",
    "make test    # about a minute, and it says what was forgotten": "the same",
    "server       service      manage": "a picture, which tests/test_house.py compares with the imports",
    "docs/DEPLOYING.md": "they change a machine; tests_integration/test_deploy.py tries what they put in place",
    "scrape_configs:": "Prometheus' own; tests_integration/test_metrics.py asks what it would",
    "service.py     the app: routes, answers, start           rules.py       the game's rules, pure": "nothing to type",
}


def blocks(path):
    """The indented and the fenced blocks of a text, each with its lines as one would paste them."""
    text = path.read_text()
    indented = re.findall(r"(?:(?<=\n\n)|\A)((?: {4}.*\n(?:\n+(?= {4}))?)+)", text)
    return [re.sub(r"^ {4}", "", block, flags=re.M) for block in indented] + re.findall(
        r"^```\w*\n(.*?)^```", text, re.M | re.S
    )


def block(path, first):
    """The one block of the text whose first line begins so."""
    (found,) = [block for block in blocks(ROOT / path) if block.startswith(first)]
    return found


RUN = [block("README.md", "field()"), block("README.md", ".venv/bin/python manage.py backup")]


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path}/snake.db"


@pytest.fixture
def run(live, curl, tmp_path):
    """Runs a script in a folder that has what a clone has, beside a server; what it says, a line each."""
    for name, there in {".venv": sys.prefix, "manage.py": ROOT / "manage.py", "verify.py": ROOT / "verify.py"}.items():
        (tmp_path / name).symlink_to(there)

    def run(script):
        script = script.replace("localhost:8000", urlsplit(live.url).netloc)
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        done = subprocess.run(
            ["sh", "-eu", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.splitlines()

    return run


def test_no_block_is_forgotten():
    wanted = {name for name in ELSEWHERE if not name.endswith(".md")}
    for path in TEXTS:
        for found in blocks(path) if str(path.relative_to(ROOT)) not in ELSEWHERE else ():
            first = found.splitlines()[0]
            assert found in RUN or first in ELSEWHERE, f"{path.name}: who runs the block that begins with {first!r}?"
            wanted.discard(first)
    assert wanted == set(), "these are listed, but no text has them"


def test_a_whole_game_with_curl(run, live):
    playing, over, board, me, record = map(json.loads, run(RUN[0]))
    assert (playing["status"], playing["tick"]) == ("playing", 5)
    assert (over["status"], over["outcome"], over["tick"], over["ranked"]) == ("over", "wall", 12, True)
    assert [(entry["rank"], entry["username"], entry["game"]) for entry in board] == [(1, "Ada", record["id"])]
    assert (me["rank"], me["of"], me["score"]) == (1, 1, over["score"])
    assert (record["seed"] > 0, record["turns"], record["score"]) == (True, [[3, "R"]], over["score"])
    (proving,) = re.findall(r"`(python verify\.py \S+)`", (ROOT / "README.md").read_text())
    said = run(proving.replace("python", ".venv/bin/python").replace("https://snakepit.example.org", live.url))
    assert said[-1] == "1 of 1 scores are proven."


def test_what_an_operator_types(run, live):
    """As it stands, but for the game's id, and for saying yes."""
    game = json.loads(run(RUN[0])[-1])["id"]
    live.stop()
    script = RUN[1].replace("GAME", game)
    script = re.sub(r"^(.*manage\.py (?:restore|delete-score).*?)(?= +#)", r"\1 --yes", script, flags=re.M)
    said = "\n".join(run(script))
    assert "https://snakepit.example.org" in said
    assert "Augusta" in said
    for line in RUN[1].splitlines():
        assert line.startswith(".venv/bin/python manage.py ")


def test_the_line_with_webtest():
    (line,) = re.findall(r"`(webtest\.TestApp\(.*?\))`", (ROOT / "README.md").read_text())
    app = eval(line, {"webtest": webtest, "create_app": service.create_app})  # noqa: S307 - our own words
    assert app.get("/api/leaderboard").json == []
    app.app.close()


def test_each_target_of_make_that_is_spoken_of_is_one():
    spoken = {target for path in TEXTS for target in re.findall(r"(?:`|^ {4})make ([a-z][a-z-]+)", path.read_text(), re.M)}
    assert {"run", "test", "bench"} <= spoken
    for target in spoken:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)
