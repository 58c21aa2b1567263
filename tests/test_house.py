"""The architecture that CONTRIBUTING.md describes is the one that the code has."""

import ast
import re
import subprocess
from pathlib import Path

import service

ROOT = Path(service.__file__).parent

# What each package, or module at the top level, may import of ours.
MAY_IMPORT = {
    "rules": set(),
    "config": set(),
    "verify": set(),
    "database": {"config", "observability"},
    "observability": {"config", "models", "game", "web"},
    "web": {"config", "database", "observability", "models", "schemas", "service", "game", "accounts"},
    "schemas": {"rules", "web"},
    "models": {"config", "database", "game"},
    "game": {"accounts", "database", "models", "observability", "rules", "schemas", "web"},
    "accounts": {"database", "game", "models", "schemas", "web"},
    "operations": {"accounts", "database", "game", "models", "rules", "config"},
}
MAY_IMPORT["manage"] = MAY_IMPORT["service"] = {*MAY_IMPORT} | {"manage", "service"}


def imported(path):
    """The packages and modules of ours that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names} & set(MAY_IMPORT)


def test_imports_go_one_way():
    for name, others in MAY_IMPORT.items():
        paths = [ROOT / f"{name}.py"] if (ROOT / f"{name}.py").exists() else (ROOT / name).glob("*.py")
        for path in paths:
            assert imported(path) - {name} <= others, path


def test_only_what_people_run_or_look_for_first_is_at_the_top():
    modules = {path.stem for path in ROOT.glob("*.py")}
    assert modules == {"service", "models", "config", "schemas", "rules", "manage", "verify"}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} <= set(MAY_IMPORT)


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
