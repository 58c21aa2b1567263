"""The start: gunicorn, with gevent workers, as the settings say.

Of the app nothing is imported here but its clock, its counts, its log and its settings. Each worker imports the rest after
gevent has replaced threads and sockets by its own: the thread locals of bottle and peewee must be gevent's.
"""

import gc
import io
import json
import logging
import os
import resource
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import gevent
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.workers.ggevent import GeventWorker

import clock  # noqa: F401 - here, so that the workers share one
import config
import counts
import headers
import logs
import problems

CONNECTIONS = 10_000  # that a worker keeps at once; a page that plays or watches holds one
PATIENCE = 10  # seconds for a body to come, and for an answer to be taken; for a head, gunicorn has two
LIMITS = {"limit_request_line": 4094, "limit_request_fields": 64, "limit_request_field_size": 8190}  # bytes, heads, bytes
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
            "post_worker_init": lambda worker: counts.begin(worker.place),
            "child_exit": lambda arbiter, worker: counts.end(worker.place),
            "worker_connections": CONNECTIONS,
            "loglevel": "debug" if settings.log_level == "debug" else "warning",
            "proc_name": "snakepit",
            "control_socket_disable": True,
            "when_ready": _say_where,
            "post_request": _forget,
            "secure_scheme_headers": {},  # proxies.py reads what proxies say
            "forwarder_headers": "",  # not even a proxy bends the path, with SCRIPT_NAME: some pass on their clients'
            **LIMITS,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self):
        """In the worker, and there only. What only the database's driver can tell of a setting stops the server, too."""
        if self.settings.database_url.startswith("sqlite"):
            sys.modules["psycopg"] = None  # peewee would load it, for nothing: 8 MB
        import parsing
        import service

        try:
            app = service.create_app(**self.given)
        except config.ConfigError as error:
            print(logs.failure(str(error), config.log_format()), file=sys.stderr, flush=True)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        gc.collect()
        gc.freeze()  # what was imported stays: nobody has to wait while it is looked through for garbage
        gc.set_threshold(*GARBAGE)
        self.close_app = app.close
        return _with_whole_bodies(app, parsing.MAX_BODY + 1)


class Worker(GeventWorker):
    """gunicorn's, which would wait for good for a client to take its answer, and miss a signal that comes early."""

    def init_signals(self):
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all, and then comes the arbiter's own word
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def notify(self):
        super().notify()
        logs.report()

    def run(self):
        """gunicorn's; in the end the app is closed, while all that it needs for that is still there."""
        try:
            super().run()
        finally:
            self.app.close_app()

    def handle_exit(self, sig, frame):
        """Those who wait for their turn to log in would hold up the end for a minute."""
        import hashing

        super().handle_exit(sig, frame)
        gevent.spawn(hashing.stop)

    def handle_quit(self, sig, frame):
        """At once, and without a word: gunicorn's also ends its loop, and then the exit may find everything gone."""
        gevent.spawn_later(AT_ONCE, sys.exit, 0)

    def handle_request(self, listener_name, req, sock, addr):
        sock.settimeout(PATIENCE)
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            raise StopIteration from None  # which closes the connection
        finally:
            sock.settimeout(None)
        gevent.sleep(0)  # the others' turn: who asks again at once would be served on and on


def _with_whole_bodies(app, most):
    """The app, called once the request's body is there, or `most` bytes of it: while it waits it would hold a connection."""

    def call(environ, start_response):
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            try:
                with gevent.Timeout(PATIENCE, TimeoutError):
                    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(most))
            except TimeoutError:
                counts.refused_unread(408)
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
    counts.refused_unread(status)
    fields, content = _problem(status, reason, problems.MALFORMED_REQUEST, (message or reason)[:LONGEST_DETAIL])
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", *(": ".join(field) for field in fields), "", ""]
    util.write_nonblock(sock, "\r\n".join(lines).encode("latin-1") + content)


def _problem(status, title, code, detail):
    content = json.dumps({"title": title, "status": status, "code": code, "detail": detail, "params": {}}).encode()
    fields = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(content)))]
    return [*fields, ("Cache-Control", "no-store"), *headers.SECURITY], content


wsgi.Response, wsgi.WSGIErrorsWrapper, util.write_error = Response, Errors, _write_error


def _forget(worker, request, environ, response):
    """bottle keeps hold of it until the connection's next request: two kilobytes for each that waits."""
    environ.clear()


def _find_place(arbiter, worker):
    """Where the worker that begins counts: the first place that no other has."""
    taken = {other.place for other in arbiter.WORKERS.values()}
    worker.place = next(at for at in range(counts.PLACES) if at not in taken)


def _say_where(arbiter):
    places = " and ".join(str(listener) for listener in arbiter.LISTENERS)
    print(f"Snakepit is at {places} (Ctrl+C stops it)", flush=True)


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
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        raise config.ConfigError(
            f"PORT={settings.port}: can't serve at {settings.host}: {error.strerror}; give another PORT or HOST"
        ) from None


def main(**given):
    """Serve until stopped. Returns the exit status: 2, after one line, for a setting that can't be.

    `given` are settings as for service.create_app.
    """
    os.umask(0o077)  # what it writes is for its user only
    try:
        settings = config.load(**given)
        config.check_storage(settings)
        _check_place(settings)
    except config.ConfigError as error:
        print(logs.failure(str(error), config.log_format()), file=sys.stderr)
        return 2
    sys.path.insert(0, str(Path(__file__).parent))
    logs.set_up(settings)
    for line in config.misspelled():
        log.warning(line)
    _allow_connections()
    _hold_signals()
    Server(settings, given).run()
    return 0
