"""verify.py is a single file that needs nothing but Python, and plays by the rules of the server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules
import verify

ROOT = Path(rules.__file__).parent
VECTORS = json.loads((ROOT / "tests" / "rules-vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['seed']}-{vector['mode']}")
def test_its_rules_reproduce_the_vector(vector):
    end = vector["expect"]
    expected = end["score"], vector["ticks"], end["outcome"] or rules.LEFT, end["nominal_ms"]
    assert verify.replay(vector["seed"], vector["mode"], vector["turns"], vector["ticks"]) == expected


TURNS = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(rules.HEADINGS)), max_size=400)


@settings(deadline=None)
@given(st.integers(1, 2**32 - 1), st.sampled_from(rules.MODES), TURNS, st.integers(0, 5000))
def test_its_rules_are_those_of_the_server(seed, mode, steps, last):
    turns, tick = [], 0
    for step, heading in steps:
        tick += step
        turns.append([tick, heading])
    game = rules.Game(seed, mode)
    game.advance(turns, last)
    expected = game.score, game.ticks, game.outcome or rules.LEFT, game.nominal_ms
    assert verify.replay(seed, mode, turns, last) == expected


def test_it_needs_nothing_of_ours():
    lines = (ROOT / "verify.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported.isdisjoint({path.stem for path in ROOT.glob("*.py")})


def test_it_needs_no_docstrings():
    done = subprocess.run([sys.executable, "-OO", ROOT / "verify.py", "--help"], capture_output=True, text=True, check=True)
    assert "without trusting its server" in done.stdout
