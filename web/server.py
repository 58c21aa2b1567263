"""The start: gunicorn, with gevent workers, as the settings say.

Of the app nothing is imported here but its clock, its counts, its log and its settings. Each worker imports the rest after
gevent has replaced threads and sockets by its own: the thread locals of bottle and peewee must be gevent's.
"""

import argparse
import fcntl
import gc
import io
import json
import logging
import os
import re
import resource
import signal
import socket
import sys
import termios
from functools import partial
from pathlib import Path

import gevent
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http import message, wsgi
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser
from gunicorn.workers.ggevent import GeventWorker

import config
from game import clock  # noqa: F401 - here, so that the workers share one
from observability import counters, logs
from web import client_addresses, connection_limits, headers, problems

CONNECTIONS = 10_000  # that a worker keeps at once; a page that plays or watches holds one
STOPS_IN = 9  # seconds after which a server that is told to stop has stopped, whatever is still under way
PATIENCE = 8  # seconds for a body to come, and for an answer to be taken; for a head, gunicorn has two
LIMITS = {"limit_request_line": 4094, "limit_request_fields": 64, "limit_request_field_size": 8190}  # bytes, heads, bytes
LINE_FEED_ALONE = re.compile(rb"(?<!\r)\n")
LONGEST_HEAD = 32 * 1024  # bytes of all headers together
CROWDED = 500  # connections of an address, from which on they are closed after each response: idle ones make room
TURNED_AWAY = 100  # connections beyond an address's limit that get a response at the same time; others are just closed
RETRY_IN = 2  # seconds, for them
LAST_WORD = 0.2  # seconds for the request to come that they are refused: a close before would take the response back
AT_ONCE = 0.1  # seconds for the answers that are being written when Ctrl+C comes
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
LONGEST_DETAIL = 300  # characters; what gunicorn says of a request can have all of it
LOOKED_AT = 100  # headers
REPEATED = {"Cache-Control", "Content-Security-Policy", "Content-Type", "Referrer-Policy", "X-Content-Type-Options"}
GARBAGE = 20_000, 20, 20  # objects, and younger generations, after which one looks for cycles: requests leave none

log = logging.getLogger("snakepit")


class Server(BaseApplication):
    """gunicorn's arbiter with our settings; what it says at its start and stop is left to us."""

    def __init__(self, settings, given):
        """`given` are the settings that are arguments: the workers make their apps with them."""
        self.settings, self.given = settings, given
        self.announcement, self.has_failed = _Once(), _Once()
        limit = settings.connections_per_address if settings.rate_limits else sys.maxsize
        self.connections = connection_limits.Connections(limit, settings.trusted_proxies)
        super().__init__()

    def load_config(self):
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options = {
            "bind": f"{host}:{settings.port}",
            "workers": settings.workers,
            "worker_class": Worker,
            "logger_class": Log,
            "pre_fork": _find_place,
            "post_worker_init": self._begin,
            "child_exit": self._end,
            "worker_connections": CONNECTIONS,
            "loglevel": "debug" if settings.log_level == "debug" else "warning",
            "proc_name": "snakepit",
            "control_socket_disable": True,
            "graceful_timeout": STOPS_IN,
            "post_request": _forget,
            "secure_scheme_headers": {},  # proxies.py reads what proxies say
            "forwarder_headers": "",  # not even a proxy bends the path, with SCRIPT_NAME: some pass on their clients'
            **LIMITS,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def announce(self, sockets):
        """Print where the server is. Of all workers only the first that serves does so."""
        if self.announcement.first():
            names = [listener.getsockname()[:2] for listener in sockets]
            places = " and ".join(client_addresses.visited(*name) for name in names)
            if any(host in client_addresses.EVERYWHERE for host, _ in names):
                places += " and the machine's other addresses"
            print(f"Snakepit is at {places} (Ctrl+C stops it)", flush=True)

    def _begin(self, worker):
        counters.begin(worker.place)
        self.connections.begin(worker.place)

    def _end(self, arbiter, worker):
        counters.end(worker.place)
        self.connections.forget(worker.place)

    def load(self):
        """In the worker, and there only. What only the database's driver can tell of a setting stops the server, too."""
        if self.settings.database_url.startswith("sqlite"):
            sys.modules["psycopg"] = None  # peewee would load it, for nothing: 8 MB
        import service
        from web import requests

        try:
            app = service.create_app(**self.given)
        except config.ConfigError as error:
            if not self.announcement.is_over():
                sys.exit(self._fail(error))
            app = service.recreate_app(**self.given)
        gc.collect()
        gc.freeze()  # what was imported stays: nobody has to wait while it is looked through for garbage
        gc.set_threshold(*GARBAGE)
        self.close_app = app.close  # also of what is in SQLite's WAL file
        return _with_whole_bodies(app, requests.MAX_BODY + 1)

    def _fail(self, error):
        """Say why, if no other worker has; the exit status by which the arbiter ends the server."""
        if not self.has_failed.first():
            return 0
        print(logs.failure(str(error), config.log_format()), file=sys.stderr, flush=True)
        return Arbiter.APP_LOAD_ERROR


class Worker(GeventWorker):
    """gunicorn's, which would wait for good for a client to take its answer, and miss a signal that comes early."""

    turned_away = 0  # connections that are being refused now
    is_announced = False

    def init_signals(self):
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all, and then comes the arbiter's own word
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def notify(self):
        """gunicorn's, called each second as soon as connections are accepted."""
        super().notify()
        logs.report()
        if not self.is_announced:
            self.is_announced = True
            self.app.announce(self.sockets)

    def run(self):
        """gunicorn's; in the end the app is closed, while all that it needs for that is still there."""
        try:
            super().run()
        finally:
            self.app.close_app()

    def handle_exit(self, sig, frame):
        """Those who wait for their turn to log in would hold up the end for a minute."""
        super().handle_exit(sig, frame)
        hashing = sys.modules.get("accounts.hashing")  # a worker that is still starting may be in the middle of its import
        if hasattr(hashing, "stop"):
            gevent.spawn(hashing.stop)

    def handle_quit(self, sig, frame):
        """At once, and without a word: gunicorn's also ends its loop, and then the exit may find everything gone."""
        gevent.spawn_later(AT_ONCE, sys.exit, 0)

    def handle(self, listener, client, addr):
        """Serve a connection; refuse it if its address has too many."""
        connections = self.app.connections
        if not connections.open(addr[0]):
            self._turn_away(client, addr[0])
            return
        try:
            super().handle(listener, client, addr)
        finally:
            connections.close(addr[0])

    def _turn_away(self, client, host):
        limit = self.app.connections.limit
        log.warning("%s has %d connections (CONNECTIONS_PER_ADDRESS); another one is refused", host, limit)
        detail = (
            f"Your address has {limit} connections, the most that it can have. Close some, or try again in {RETRY_IN} s."
        )
        self.turned_away += 1
        try:
            if self.turned_away <= TURNED_AWAY:
                params = {"max": limit, "retry_in": RETRY_IN}
                _refuse(client, 429, "Too Many Requests", problems.TOO_MANY_CONNECTIONS, detail, params)
                client.shutdown(socket.SHUT_WR)
                client.settimeout(LAST_WORD)
                client.recv(LONGEST_HEAD)
        except OSError:
            pass  # it is gone, or says nothing
        finally:
            self.turned_away -= 1
            client.close()

    def handle_request(self, listener_name, req, sock, addr):
        if self.app.connections.number(addr[0]) > CROWDED:
            req.force_close()
        sock.settimeout(PATIENCE)
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            raise StopIteration from None  # which closes the connection
        finally:
            sock.settimeout(None)
        gevent.sleep(0)  # the others' turn: who asks again at once would be served on and on


class Request(message.Request):
    """gunicorn's, with a limit for the whole head, and read in linear time.

    gunicorn copies and searches all that has come so far with each part that comes: 480 KB of headers cost 40 ms, and a
    client that sends them byte by byte a second.
    """

    def parse(self, unreader):
        head, searched = bytearray(), 0
        self.read_into(unreader, head, stop=True)
        while not self._is_enough(head, searched):
            searched = len(head)
            self.read_into(unreader, head)
        unreader.unread(bytes(head))
        return super().parse(unreader)

    def _is_enough(self, head, searched):
        """Return whether gunicorn can read the head, or can say what is wrong with it, without waiting for more."""
        start = max(0, searched - 3)
        if head.find(b"\r\n\r\n", start) >= 0:
            return True
        if LINE_FEED_ALONE.search(head, start):
            return True
        longest_line = self.limit_request_line + 2
        if len(head) > longest_line and head.find(b"\r\n", 2, longest_line + 2) < 0:
            return True
        if len(head) > LONGEST_HEAD + longest_line:
            raise LimitRequestHeaders("the head is too large")
        return False

    def parse_headers(self, data, from_trailer=False):
        if len(data) > LONGEST_HEAD or data.count(b"\r\n") >= self.limit_request_fields:
            raise LimitRequestHeaders("there are too many headers, or they are too large")
        return super().parse_headers(data, from_trailer)


def _with_whole_bodies(app, most):
    """The app, called once the request's body is there, or `most` bytes of it: while it waits it would hold a connection."""

    def call(environ, start_response):
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            try:
                with gevent.Timeout(PATIENCE, TimeoutError):
                    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(most))
            except TimeoutError:
                counters.refused_unread(408)
                detail = f"The body did not come within {PATIENCE} s. Try again."
                fields, content = _problem(408, "Request Timeout", problems.BODY_TIMEOUT, detail)
                start_response("408 Request Timeout", fields)
                return [content]
        return app(environ, start_response)

    return call


class Log(Logger):
    """gunicorn's, but that it leaves what is said to ours."""

    def setup(self, cfg):
        self.cfg, self._access_log_enabled = cfg, False
        self.loglevel = self.LOG_LEVELS[cfg.loglevel]
        self.error_log.setLevel(self.loglevel)
        self.error_log.propagate = True

    def error(self, msg, *args, **kwargs):
        """Nothing of a start that fails: why has been said, in one line."""
        if Arbiter.APP_LOAD_ERROR in args:
            self.error_log.disabled = True
        super().error(msg, *args, **kwargs)


class Errors:
    """What bottle writes traces to."""

    def __init__(self, cfg):
        pass

    def write(self, text):
        log.error(text.strip())

    def flush(self):
        pass


_looked_at = set()  # headers of answers that gunicorn has found right, and leaves as they are


class Response(wsgi.Response):
    """gunicorn's, but that it doesn't say what serves, and that head and body leave at once; no option does either.

    A server that is killed between the two would leave an answer cut off, which a proxy can't ask for elsewhere any more.
    """

    def process_headers(self, headers):
        """gunicorn's, which looks closely at each, but at those that come again and again once."""
        new = []
        for header in headers:
            (self.headers if header in _looked_at else new).append(header)
        super().process_headers(new)
        for header in new:
            if header[0] in REPEATED and header in self.headers and len(_looked_at) < LOOKED_AT:
                _looked_at.add(header)

    def default_headers(self):
        return [line for line in super().default_headers() if not line.startswith("Server:")]

    def write(self, arg):
        if self.headers_sent:
            super().write(arg)
            return
        sock, self.sock = self.sock, _Parts()
        try:
            super().write(arg)
            sock.sendall(b"".join(self.sock))
        finally:
            self.sock = sock


class _Parts(list):
    """In the place of a socket: keeps what is to be sent."""

    sendall = list.append


def _write_error(sock, status, reason, message):
    """What gunicorn itself refuses, in the API's words rather than in HTML."""
    code = problems.HEAD_TOO_LARGE if status in (414, 431) else problems.MALFORMED_REQUEST
    _refuse(sock, status, reason, code, (message or reason)[:LONGEST_DETAIL])


def _refuse(sock, status, reason, code, detail, params=None):
    counters.refused_unread(status)
    fields, content = _problem(status, reason, code, detail, params)
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", *(": ".join(field) for field in fields), "", ""]
    util.write_nonblock(sock, "\r\n".join(lines).encode("latin-1") + content)


def _problem(status, title, code, detail, params=None):
    said = {"title": title, "status": status, "code": code, "detail": detail, "params": params or {}}
    content = json.dumps(said).encode()
    fields = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(content)))]
    if "retry_in" in said["params"]:
        fields.append(("Retry-After", str(params["retry_in"])))
    return [*fields, ("Cache-Control", "no-store"), *headers.SECURITY], content


wsgi.Response, wsgi.WSGIErrorsWrapper, util.write_error = Response, Errors, _write_error
RequestParser.mesg_class = Request


def _forget(worker, request, environ, response):
    """bottle keeps hold of it until the connection's next request: two kilobytes for each that waits."""
    environ.clear()


def _find_place(arbiter, worker):
    """Where the worker that begins counts: the first place that no other has."""
    taken = {other.place for other in arbiter.WORKERS.values()}
    worker.place = next(at for at in range(counters.PLACES) if at not in taken)


class _Once:
    """What one of all processes does, which are forked later: the first that asks."""

    def __init__(self):
        self.reads, writes = os.pipe()
        os.write(writes, b"1")
        os.close(writes)

    def first(self):
        """Return whether nobody has asked before."""
        return os.read(self.reads, 1) == b"1"

    def is_over(self):
        """Return whether somebody has asked."""
        return not int.from_bytes(fcntl.ioctl(self.reads, termios.FIONREAD, bytes(4)), sys.byteorder)  # bytes to read


def _allow_connections():
    """Each is a file to the system, which by default allows a process fewer than it could."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 1000
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _hold_signals():
    """Until a new worker has handlers of its own: those that it inherits would lose the signal to stop."""
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOPS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOPS),
    )


def _check_place(settings):
    """gunicorn tries for five seconds where it can't serve, and then says it in a stack trace."""
    is_ipv6 = ":" in settings.host
    family, both = (socket.AF_INET6, socket.has_dualstack_ipv6()) if is_ipv6 else (socket.AF_INET, False)
    try:
        socket.create_server((settings.host, settings.port), family=family, dualstack_ipv6=both).close()
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is no address").partition(" (while")[0]
        raise config.ConfigError(
            f"PORT={settings.port}: can't serve at {settings.host}: {reason}; give another PORT or HOST"
        ) from None


class _Arguments(argparse.ArgumentParser):
    def error(self, message):
        """Say it in one line; argparse's has several."""
        self.exit(2, f"{message}; give --host, --port, or --help\n")


def run(arguments):
    """Serve as the command line says; its options come before the settings. Return the exit status."""
    about = "Serve Snakepit. Everything else is a setting in the environment or in .env: see README.md or .env.example."
    parser = _Arguments(prog="service.py", description=about, allow_abbrev=False)
    parser.add_argument("--host", help="the address to serve at, as the setting HOST (default: 127.0.0.1)")
    parser.add_argument("--port", help="the port to serve at, as the setting PORT (default: 8000; 0 is any free one)")
    return main(**{name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None})


def main(**given):
    """Serve until stopped. Returns the exit status: 2, after one line, for a setting that can't be.

    `given` are settings as for service.create_app.
    """
    os.umask(0o077)  # what it writes is for its user only
    try:
        settings = config.load(**given)
        _check_place(settings)
    except config.ConfigError as error:
        print(logs.failure(str(error), config.log_format()), file=sys.stderr)
        return 2
    sys.path.insert(0, str(Path(__file__).parents[1]))
    logs.set_up(settings)
    for line in config.warnings():
        log.warning(line)
    _allow_connections()
    _hold_signals()
    pid = os.getpid()
    try:
        Server(settings, given).run()
    except SystemExit as stop:
        if os.getpid() == pid and stop.code == Arbiter.APP_LOAD_ERROR:
            return 2
        raise  # in a worker, or for the arbiter
    return 0
