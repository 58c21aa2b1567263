"""The program works under `python -OO`, which drops docstrings and asserts."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
PACKAGES = [path.parent for path in ROOT.glob("*/__init__.py")]
PROGRAMS = [path for folder in (ROOT, ROOT / "migrations", *PACKAGES) for path in folder.glob("*.py")]
PROGRAMS.append(ROOT / "examples" / "bot.py")


def run(*arguments, optimize="-OO"):
    command = [sys.executable, optimize, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_description_is_the_same():
    said = run("-c", "import sys, service; sys.stdout.write(service.describe_api().decode())")
    assert said == service.describe_api().decode()


@pytest.mark.parametrize("program", ["manage.py", "verify.py", "examples/bot.py"])
def test_help_is_the_same(program):
    said = run(program, "--help")
    assert "usage:" in said
    assert len(said.split("\n\n")) > 2, "it says what the program is for"
    assert said == run(program, "--help", optimize="-B")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_asserts_or_reads_its_own_docstring(program):
    for node in ast.walk(ast.parse(program.read_text())):
        assert not isinstance(node, ast.Assert)
        assert not (isinstance(node, ast.Name) and node.id == "__doc__")
