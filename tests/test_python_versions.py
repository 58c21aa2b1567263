"""`.ci/versions` runs the unit tests on each Python that it finds. Fake programs note their arguments."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OWN = "{}.{}".format(*sys.version_info)
OTHERS = [version for version in ("3.11", "3.12", "3.13", "3.14") if version != OWN]


@pytest.fixture
def checkout(tmp_path):
    """A folder with the script, an environment that has this Python, and a `make` that writes its arguments into a file."""
    folder = tmp_path / "a b ü"
    program(folder / ".ci" / "versions", (ROOT / ".ci" / "versions").read_text())
    program(folder / ".venv" / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program(tmp_path / "bin" / "make", f'#!/bin/sh\necho "$@" >> "{tmp_path}/made"\n')
    return folder


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def run(folder):
    home = folder.parent
    environment = {"PATH": f"{home}/bin:/usr/bin:/bin", "HOME": str(home), "RUNNER_TOOL_CACHE": str(home / "tools")}
    # A machine's own Pythons are not to be found here.
    for version in OTHERS:
        if not (home / "bin" / f"python{version}").exists():
            program(home / "bin" / f"python{version}", "#!/bin/sh\nexit 127\n")
    done = subprocess.run(["bash", folder / ".ci" / "versions"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    made = home / "made"
    return done.stdout, made.read_text().splitlines() if made.exists() else []


def test_each_version_that_is_found_is_tried_and_named(checkout):
    home = checkout.parent
    first, second, third = OTHERS
    on_path = program(home / "bin" / f"python{first}", "#!/bin/sh\nexit 0\n")
    of_pyenv = program(home / ".pyenv" / "versions" / f"{second}.1" / "bin" / "python", "#!/bin/sh\nexit 0\n")
    said, made = run(checkout)
    assert made == [f"PYTHON={on_path} VENV=.venv-{first} test", f"PYTHON={of_pyenv} VENV=.venv-{second} test"]
    assert f"No Python {third} was found" in said
    assert said.splitlines()[-1] == f"The unit tests ran on Python {OWN} (.venv), {first}, {second}."


def test_a_missing_python_is_reported_and_no_failure(checkout):
    said, made = run(checkout)
    assert made == []
    assert [f"No Python {version} was found" in said for version in OTHERS] == [True] * 3


def test_a_version_whose_tests_fail_fails_it(checkout):
    home = checkout.parent
    program(home / "bin" / f"python{OTHERS[0]}", "#!/bin/sh\nexit 0\n")
    program(home / "bin" / "make", "#!/bin/sh\nexit 2\n")
    with pytest.raises(AssertionError):
        run(checkout)


def test_ci_runs_the_commands_of_the_readme():
    script, readme = (ROOT / ".ci" / "run").read_text().split(), (ROOT / "README.md").read_text()
    assert {"make", "lint", "test", "test-integration", ".ci/versions"} <= set(script)
    for target in ("test", "test-integration", "test-long", "lint"):
        assert f"make {target} " in readme
    assert os.access(ROOT / ".ci" / "versions", os.X_OK)
