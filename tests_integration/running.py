"""A server process."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@contextmanager
def served_below(path, server):
    """A proxy that serves the server below a path and nothing else, as nginx would; its URL, with a slash at the end."""
    inner = urlsplit(server.url).netloc

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            if not self.path.startswith(f"{path}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(inner)
            connection.request(self.command, self.path.removeprefix(path), body, dict(self.headers))
            answer = connection.getresponse()
            raw = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = do_DELETE = forward  # noqa: N815 - http.server's names

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}{path}/"
        proxy.shutdown()
