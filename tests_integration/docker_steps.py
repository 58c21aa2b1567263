"""Executes the Dockerfile in folders of this machine, without Docker.

The same files, the same commands, the same user; what the base image brings is this machine's.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pip
from servers import ROOT, TIMEOUT

INSTALLING = 300  # seconds for a step


class Image:
    """The image of the Dockerfile, once built: its folder acts as /, and `run` does something in it as its user."""

    def __init__(self, folder, python):
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        (folder / "pip").mkdir()
        (folder / "pip" / "pip").symlink_to(
            Path(pip.__file__).parent
        )  # which the base image's Python has, and many others not
        self._program("python", f'PYTHONPATH={folder / "pip"} exec {python} "$@"')
        if os.geteuid() != 0:  # who then is the only user that there is
            self._program("chown", "")
        self.stages, self.names = [], {}

    def _program(self, name, text):
        (self.programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.programs / name).chmod(0o755)

    def build(self):
        text = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M))
        for line in text.splitlines():
            if line.strip():
                instruction, rest = line.split(None, 1)
                getattr(self, f"_{instruction.lower()}")(rest)
        return self

    def _from(self, rest):
        _, *name = rest.split(" AS ")
        self.root = self.folder / f"stage{len(self.stages)}"
        self.root.mkdir()
        self.stages.append(self.root)
        self.names.update(dict.fromkeys(name, self.root))
        self.environment, self.arguments, self.user = {}, {}, None
        self._workdir("/")

    def _workdir(self, rest):
        self.cwd = self._here(rest)
        self.cwd.mkdir(exist_ok=True)

    def _copy(self, rest):
        *sources, target = rest.split()
        target = self.cwd / target
        if sources[0].startswith("--from="):
            source = self.names[sources.pop(0).removeprefix("--from=")] / sources[0].lstrip("/")
            shutil.copytree(source, target, symlinks=True)
            return
        for pattern in sources:
            found = [path for path in ROOT.glob(pattern) if not _is_ignored(path)]
            assert found, f"COPY {rest}: there is no {pattern}"
            for path in found:
                if path.is_dir():
                    shutil.copytree(path, target, ignore=lambda at, names: [n for n in names if _is_ignored(Path(at) / n)])
                else:
                    shutil.copy(path, target / path.name)

    def _run(self, rest):
        environment = os.environ | self.environment | {"PATH": f"{self.programs}:{os.environ['PATH']}"}
        command = self._mapped(rest)
        subprocess.run(["sh", "-ec", command], cwd=self.cwd, env=environment, check=True, timeout=INSTALLING)

    def _env(self, rest):
        self.environment |= dict(word.split("=", 1) for word in shlex.split(rest))

    def _arg(self, rest):
        name, value = rest.split("=")
        self.arguments[name] = value

    def _user(self, rest):
        for name, value in self.arguments.items():
            rest = rest.replace(f"${{{name}}}", value)
        self.user = [int(number) for number in rest.split(":")]

    def _cmd(self, rest):
        self.command = [self._mapped(word) for word in json.loads(rest)]

    def _healthcheck(self, rest):
        self.check = [self._mapped(word) for word in json.loads(rest.split("CMD ", 1)[1])]

    def _volume(self, rest):
        self.volume = self._here(rest)

    def empty_volume(self):
        for path in self.volume.iterdir():
            path.unlink()

    @property
    def program(self):
        return self._here("/snakepit")

    def _expose(self, rest):
        assert rest == self.environment["PORT"]

    def _here(self, path):
        return self.root / path.lstrip("/")

    def _mapped(self, text):
        """The text with the image's own paths in the place where they are here."""
        return re.sub(r"(?<![\w.])/(snakepit|data)\b", lambda path: str(self._here(path[0])), text)

    def mapped(self, line):
        """The words of a command line, with the image's own paths in the place where they are here."""
        return [self._mapped(word) for word in shlex.split(line)]

    def start(self, command, user=None, **settings):
        """The process of a command in a container, as `docker run -e` starts it; as (user, group) instead of the image's."""
        user, group = user or (self.user if os.geteuid() == 0 else (None, None))
        return subprocess.Popen(
            command,
            cwd=self.cwd,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"} | self.environment | settings,
            user=user,
            group=group,
            extra_groups=[] if user else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def is_healthy(self, **settings):
        process = self.start(self.check, **settings)
        process.communicate(timeout=TIMEOUT)
        return process.returncode == 0


def _is_ignored(path):
    """By .dockerignore."""
    relative = path.relative_to(ROOT)
    parts = [Path(*relative.parts[:number]) for number in range(1, len(relative.parts) + 1)]
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        anywhere, pattern = line.startswith("**/"), line.removeprefix("**/")
        if any(fnmatch(part.name if anywhere else str(part), pattern) for part in parts if anywhere or "/" not in str(part)):
            return True
    return False


def python_for_all():
    """A Python that another user may run, too; None if there is none."""
    user = 10001 if os.geteuid() == 0 else None
    for python in (sys._base_executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        asked = [python, "-c", "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(asked, user=user, cwd="/", capture_output=True).returncode == 0:
                return python
        except OSError:  # not there, or not for that user
            continue
    return None
