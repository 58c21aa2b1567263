"""What `make audit` makes of what pip-audit says; in its place stands a program that says it."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parent.parent / ".ci" / "audit.py"
CLEAN = {"name": "one", "version": "1.0", "vulns": []}
FAULTY = {"name": "two", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "three", "skip_reason": "not found"}
NOT_MADE = "THE AUDIT OF THE DEPENDENCIES WAS NOT MADE: "


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([CLEAN], 0, "Nothing is known against 1 packages.\n"),
        ([CLEAN, FAULTY], 1, "two 2.0: PYSEC-1, mended in 2.1\n"),
        ([CLEAN, SKIPPED], 0, f"{NOT_MADE}of 1 of 2 packages nothing is to be had: not found\n"),
        (
            [FAULTY, SKIPPED],
            1,
            f"two 2.0: PYSEC-1, mended in 2.1\n{NOT_MADE}of 1 of 2 packages nothing is to be had: not found\n",
        ),
        (None, 0, f"{NOT_MADE}no such host\n"),
    ],
)
def test_what_is_known_fails_and_what_can_not_be_asked_is_said_loudly(tmp_path, packages, status, said):
    program = tmp_path / "bin" / "pip-audit"
    program.parent.mkdir()
    answer = "" if packages is None else json.dumps({"dependencies": packages})
    exits = int(packages is None or FAULTY in packages)
    lines = "import sys", f"print({answer!r}, end='')", "print('...\\nno such host', file=sys.stderr)", f"sys.exit({exits})"
    program.with_suffix(".py").write_text("\n".join(lines))
    program.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(program))}.py\n")
    program.chmod(0o755)
    run = subprocess.run([sys.executable, AUDIT, tmp_path], capture_output=True, text=True, timeout=30)
    assert (run.returncode, run.stdout + run.stderr) == (status, said)
