"""verify.py is one file that needs nothing but Python, with a copy of the rules."""

import subprocess
import sys
from pathlib import Path

import rules

ROOT = Path(rules.__file__).parent


def test_its_rules_are_those_of_the_server_word_for_word():
    source = Path(rules.__file__).read_text()
    assert source[source.index("RULES = ") :].strip() in (ROOT / "verify.py").read_text()


def test_it_needs_nothing_of_ours():
    lines = (ROOT / "verify.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported.isdisjoint({path.stem for path in ROOT.glob("*.py")})


def test_it_needs_no_docstrings():
    done = subprocess.run([sys.executable, "-OO", ROOT / "verify.py", "--help"], capture_output=True, text=True, check=True)
    assert "without trusting its server" in done.stdout
