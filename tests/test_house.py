"""The code has the architecture that CONTRIBUTING.md describes, and documents name things that exist."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent

# What each package, or module at the top level, may import of ours.
MAY_IMPORT = {
    "rules": set(),
    "config": {"database/urls"},
    "verify": set(),
    "database": {"config", "observability"},
    "database/urls": set(),
    "observability": {"config", "database", "models", "game", "web"},
    "web": {"config", "database", "models", "observability", "schemas"},
    "web/server": {"config", "game", "observability", "service", "web"},  # it starts the others
    "schemas": {"rules", "web"},
    "models": {"config", "database", "game"},
    "game": {"accounts", "database", "models", "observability", "rules", "schemas", "web"},
    "accounts": {"database", "game", "models", "observability", "schemas", "web"},
    "operations": {"accounts", "config", "database", "game", "models", "rules", "schemas", "web"},
}
MAY_IMPORT["manage"] = MAY_IMPORT["service"] = {*MAY_IMPORT} | {"manage", "service"}


def imported(path):
    """What a file imports of ours, wherever in it: packages and modules, by the most precise name in MAY_IMPORT."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    paths = [name.split(".") for name in names]
    modules = {"/".join(path[:2]) for path in paths} & set(MAY_IMPORT)
    return modules | {path[0] for path in paths if "/".join(path[:2]) not in modules} & set(MAY_IMPORT)


def test_imports_go_one_way():
    for name, others in MAY_IMPORT.items():
        paths = [ROOT / f"{name}.py"] if (ROOT / f"{name}.py").exists() else (ROOT / name).glob("*.py")
        for path in paths:
            allowed = MAY_IMPORT.get(str(path.relative_to(ROOT).with_suffix("")), others) | {name}
            assert {found for found in imported(path) if not {found, found.partition("/")[0]} & allowed} == set(), path


def test_only_what_people_run_or_look_for_first_is_at_the_top():
    modules = {path.stem for path in ROOT.glob("*.py")}
    assert modules == {"service", "models", "config", "schemas", "rules", "manage", "verify"}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} <= set(MAY_IMPORT)


def targets():
    """Return the targets of the Makefile that people call."""
    (phony,) = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.M)
    return phony.split()


def test_make_help_describes_each_target():
    lines = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    described = [line.split(maxsplit=2) for line in lines]
    assert sorted(target for make, target, text in described) == sorted(targets())


def test_the_readme_has_each_target_of_make_and_no_other():
    readme = (ROOT / "README.md").read_text()
    assert [target for target in targets() if f"make {target}" not in readme] == []
    commands = [line.split() for line in readme.splitlines() if line.strip().startswith("make ")]
    assert {command[1] for command in commands} <= set(targets())


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/DEPLOYING.md", "docs/SCALING.md"])
def test_tests_and_files_that_a_text_names_exist(name):
    text = (ROOT / name).read_text()
    tests = "".join(path.read_text() for path in ROOT.glob("tests*/**/test_*.py"))
    for test in re.findall(r"\btest_\w+\b(?!\.py)", text):
        assert f"def {test}(" in tests, test
    folders = "tests|tests_integration|static|game|accounts|database|web|observability|operations|deploy|examples|bench"
    for path in re.findall(rf"\b((?:{folders})/[\w./-]+\.\w+)", text):
        assert (ROOT / path).exists(), path
