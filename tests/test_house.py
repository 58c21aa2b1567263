"""What is said of the house is true of it: each module is named, and imports as the picture in CONTRIBUTING.md has it."""

import ast
import re
import subprocess
from pathlib import Path

import service

ROOT = Path(service.__file__).parent
MODULES = {path.stem for path in ROOT.glob("*.py")}
ALONE = "verify"
START = ("server", "service")  # which start each other, in different processes


def picture():
    """The lines of the picture, from the top: a list of modules each."""
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## The house in a picture")[2].partition("\n## ")[0]
    return [line.split() for line in re.findall(r"^ {4}(.+)", section, re.M)]


def imported(module):
    """The modules of the house that it imports, wherever in it."""
    nodes = list(ast.walk(ast.parse((ROOT / f"{module}.py").read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return MODULES & (names | {node.module for node in nodes if isinstance(node, ast.ImportFrom)})


def test_each_module_is_in_the_picture_once():
    assert sorted(module for line in picture() for module in line) == sorted(MODULES - {ALONE})
    assert imported(ALONE) == set()


def test_modules_import_only_those_on_lines_below_their_own():
    line_of = {module: number for number, line in enumerate(picture()) for module in line}
    upwards = [(module, other) for module in line_of for other in imported(module) if line_of[other] <= line_of[module]]
    assert [pair for pair in upwards if pair[0] not in START or pair[1] not in START] == []


def test_the_readme_says_where_everything_is():
    section = (ROOT / "README.md").read_text().partition("## Where things are")[2].partition("\n## ")[0]
    named = set(re.findall(r"(?:^| {2,})(\w+(?:\.py|/)) ", section, re.M))
    assert {name for name in named if name.endswith(".py")} == {f"{module}.py" for module in MODULES}
    assert {name for name in named if name.endswith("/")} <= {f"{path.name}/" for path in ROOT.iterdir()}


def test_make_help_names_each_target():
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)", makefile, re.M)
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\S+) +\S", said, re.M) == re.findall(r"^([a-z-]+):", makefile, re.M)
    assert sorted(re.findall(r"^make (\S+)", said, re.M)) == sorted(phony.split())


def test_what_contributing_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    tests = "".join(path.read_text() for path in ROOT.glob("tests*/test_*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests
    for path in re.findall(r"`((?:tests|tests_integration|static)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    for module, name in re.findall(r"`([a-z]+)\.([A-Z_]+|[a-z]+_[a-z_]+)`", text):
        assert re.search(rf"^(?:def )?{name}\b", (ROOT / f"{module}.py").read_text(), re.M), f"{module}.{name}"
