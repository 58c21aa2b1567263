"""Asks pip-audit whether anything is known against what the requirements name: `python .ci/audit.py ENVIRONMENT`.

The environment is pip-audit's own, made when it isn't there. What is known fails the audit. Where nobody can be asked it
says so, and fails nothing; pip-audit itself can say in such a place that there are no known vulnerabilities.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path

VERSION = "2.10.1"
ROOT = Path(__file__).parent.parent
REQUIREMENTS = "requirements-dev.txt"  # which has what the others have, too
PATIENCE = 90  # seconds for each step


def audit(environment):
    """The exit status."""
    try:
        found = _ask(_program(environment))
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or "").strip() or str(error)
        return _not_made(said.splitlines()[-1])
    known = [(package, fault) for package in found for fault in package.get("vulns", [])]
    for package, fault in known:
        remedy = f"mended in {', '.join(fault['fix_versions'])}" if fault["fix_versions"] else "not mended yet"
        print(f"{package['name']} {package['version']}: {fault['id']}, {remedy}", file=sys.stderr)
    skipped = [package for package in found if "skip_reason" in package]
    if skipped:
        _not_made(f"of {len(skipped)} of {len(found)} packages nothing is to be had: {skipped[0]['skip_reason']}")
    if not skipped and not known:
        print(f"Nothing is known against {len(found)} packages.")
    return 1 if known else 0


def _not_made(why):
    print(f"THE AUDIT OF THE DEPENDENCIES WAS NOT MADE: {why}", file=sys.stderr)
    return 0


def _program(environment):
    program = environment / "bin" / "pip-audit"
    if not program.exists():
        venv.create(environment, with_pip=True)
        install = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*install, f"pip-audit=={VERSION}"])
    return program


def _ask(program):
    """What pip-audit knows: [{name, version, vulns} or {name, skip_reason}]."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--timeout=5", "--format=json"]
    asked = [program, *options, "-r", ROOT / REQUIREMENTS]
    return json.loads(_run(asked, statuses=(0, 1)))["dependencies"]


def _run(command, statuses=(0,)):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)  # noqa: S603 - ours, all of it
    if done.returncode not in statuses or (done.returncode and not done.stdout):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(audit(Path(sys.argv[1])))
