"""The worker process: gunicorn's gevent worker, with time limits for clients and problems as JSON.

It replaces gunicorn's handling of connections and requests. Those two functions are the only places where gunicorn takes
another parser and another response, and what they do for TLS, HTTP/2 and access logs is not needed here.
"""

import errno
import io
import json
import logging
import signal
import socket
import sys
import time
from functools import lru_cache, partial
from http import HTTPStatus

import gevent
import gevent.socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker

from config import MAX_BODY
from observability import counters, logs
from web import events, headers, problems
from web.http_parser import MAX_HEAD, RequestParser

MOMENT = 1e-8  # seconds: until gevent looks for events the next time
IN_A_ROW = 8  # requests of a connection, after which others have their turn
CLIENT_TIMEOUT = 8  # seconds for a body to arrive, and for a response to be taken; gunicorn gives a head two
MAX_REJECTIONS = 100  # connections beyond an address's limit that get a response at the same time; others are just closed
RETRY_IN = 2  # seconds, for the client of a rejected connection
REJECTION_TIMEOUT = 0.2  # seconds for its request to arrive: closing before that would discard the response
QUIT_GRACE = 0.1  # seconds for responses that are being sent when Ctrl+C arrives
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
MAX_DETAIL = 300  # characters: gunicorn's messages quote the request
DISCONNECTED = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}
STATUSES = {  # of requests that can't be parsed; the others are 400
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}

log = logging.getLogger("snakepit")


class BodyTimeout(Exception):
    """A request's body did not arrive in time."""


class Server(StreamServer):
    """Accepts connections, and calls `handler_class(listener, client, address)` for each. The parameters are gunicorn's."""

    max_accept = 1000  # connections at a time: all that a class opens at once

    def __init__(self, listener, spawn, handler_class, environ, **others):
        super().__init__(listener, partial(handler_class, listener), spawn=_Pool(spawn.size))
        if environ["wsgi.multiprocess"]:
            self.max_accept = 1  # the other workers take theirs


class _Pool(Pool):
    """A pool of greenlets that start by timers. A plain pool uses callbacks, of which a busy loop calls few at a time.

    The times differ because timers with equal times fire in any order, and connections are served in order of arrival.
    """

    def start(self, greenlet):
        self.add(greenlet)
        greenlet.start_later(len(self) * MOMENT)


class Worker(GeventWorker):
    """The gevent worker; it also closes the window in which gunicorn's would lose a signal."""

    server_class = Server
    wsgi_handler = property(lambda self: self.handle)
    rejections = 0  # connections that are being rejected now
    is_announced = False

    def init_signals(self):
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes; the arbiter then stops the workers
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def notify(self):
        """Report to the arbiter that the worker lives: each second, as soon as connections are accepted."""
        super().notify()
        logs.report()
        if not self.is_announced:
            self.is_announced = True
            self.app.announce(self.sockets)

    def run(self):
        """Serve, and close the app while everything that it needs for that still exists."""
        try:
            super().run()
        finally:
            self.app.close_app()

    def handle_exit(self, sig, frame):
        """Stop gracefully. Requests that wait for a password to be hashed are refused: they could wait for 30 seconds."""
        super().handle_exit(sig, frame)
        hashing = sys.modules.get("accounts.hashing")  # a worker that is still starting may be in the middle of its import
        if hasattr(hashing, "stop"):
            gevent.spawn(hashing.stop)

    def handle_quit(self, sig, frame):
        """Exit at once: gunicorn's handler also ends its loop, and then the exit may find everything gone."""
        gevent.spawn_later(QUIT_GRACE, sys.exit, 0)

    def handle(self, listener, client, addr):
        """Serve a connection; reject it if its address has too many."""
        connections = self.app.connections
        if not connections.open(addr[0]):
            self._reject(client, addr[0])
            return
        try:
            client.setblocking(True)
            self._serve(listener.getsockname(), client, addr)
        finally:
            connections.close(addr[0])
            util.close(client)

    def _serve(self, server, client, addr):
        """Serve requests one after the other, until one side closes the connection."""
        parser, request = RequestParser(self.cfg, client, addr), None
        try:
            while True:
                request = None
                with self.timeout_ctx():
                    if parser.req_count % IN_A_ROW == 0:  # at the first, too: few connections start at a time
                        let_others_pass(parser, client)
                    request = next(parser)
                if not request:
                    return  # none arrived in time
                self.handle_request(server, request, client, addr)
        except (StopIteration, TimeoutError, errors.NoMoreData):
            pass
        except OSError as error:
            if error.errno not in DISCONNECTED:
                log.exception("Socket error while processing a request")
        except Exception as error:
            self.handle_error(request, client, addr, error)

    def handle_request(self, listener_name, req, sock, addr):
        """Respond to a request. Raise StopIteration to close the connection after it."""
        if not self.alive or self.app.connections.is_crowded(addr[0]):
            req.force_close()
        sock.settimeout(CLIENT_TIMEOUT)
        response, environ = wsgi.create(req, sock, addr, listener_name, self.cfg, response_class=Response)
        environ["wsgi.multithread"] = True
        environ["wsgi.errors"] = ERROR_LOG
        environ[events.MAY_GO_ON] = partial(self._may_go_on, addr[0])
        try:
            if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
                environ["wsgi.input"] = self._read_body(environ["wsgi.input"])
            content = self.wsgi(environ, response.start_response)
            try:
                for part in content:
                    response.write(part)
                response.close()
            finally:
                if hasattr(content, "close"):
                    content.close()
        except OSError:
            raise
        except Exception:
            if not response.headers_sent:
                raise
            log.exception("Error while sending a response")  # a second response would only corrupt it
            raise StopIteration from None
        finally:
            environ.clear()  # Bottle refers to it until the connection's next request: 2 KB for each idle connection
        if response.should_close() or not self.alive:
            raise StopIteration
        sock.settimeout(None)

    def _may_go_on(self, host):
        """Return whether a response may take as long as it likes: the server isn't stopping, and others have room."""
        return self.alive and not self.app.connections.is_crowded(host)

    def _read_body(self, body):
        """Return the body, or as much of it as the app may read, before the app runs: it must not wait for a slow client."""
        with gevent.Timeout(CLIENT_TIMEOUT, BodyTimeout):
            return io.BytesIO(body.read(MAX_BODY + 1))

    def handle_error(self, req, client, addr, exc):
        """Refuse a request that can't be read; log any other error."""
        if isinstance(exc, BodyTimeout):
            detail = f"The body did not come within {CLIENT_TIMEOUT} s. Try again."
            return send_problem(client, 408, problems.BODY_TIMEOUT, detail)
        if isinstance(exc, errors.ParseException):
            log.warning("Invalid request from ip=%s: %s", addr[0], exc)
            status, detail = STATUSES.get(type(exc), 400), str(exc)[:MAX_DETAIL]
            code = problems.HEAD_TOO_LARGE if status in (414, 431) else problems.MALFORMED_REQUEST
        else:
            log.error("Error handling request %s %s", getattr(req, "method", ""), getattr(req, "uri", ""), exc_info=exc)
            status, detail, code = (
                500,
                "The server has failed here; it is not your request's fault.",
                problems.INTERNAL_ERROR,
            )
        send_problem(client, status, code, detail)

    def _reject(self, client, host):
        limit = self.app.connections.limit
        log.warning("%s has %d connections (CONNECTIONS_PER_ADDRESS); another one is refused", host, limit)
        detail = (
            f"Your address has {limit} connections, the most that it can have. Close some, or try again in {RETRY_IN} s."
        )
        self.rejections += 1
        try:
            if self.rejections <= MAX_REJECTIONS:
                params = {"max": limit, "retry_in": RETRY_IN}
                send_problem(client, 429, problems.TOO_MANY_CONNECTIONS, detail, params)
                client.shutdown(socket.SHUT_WR)
                client.settimeout(REJECTION_TIMEOUT)
                client.recv(MAX_HEAD)
        except OSError:
            pass  # the client is gone, or sends nothing
        finally:
            self.rejections -= 1
            client.close()


def let_others_pass(parser, client):
    """Return when the next request can be read, and others had their turn before.

    A client whose requests are there at once would be served on and on. Most clients send their next request later: for
    them this takes no time of its own, while sleep() would. Others sleep by a timer: gevent would call those who sleep for
    no time up to fifty times before it looks for other events.
    """
    if parser.unreader.buf.tell():
        gevent.sleep(MOMENT)
    else:
        gevent.socket.wait_read(client.fileno())


class Response(wsgi.Response):
    """gunicorn's response, whose head and first part of the body leave in one packet.

    A server that is killed between the two would leave a torn response, which a proxy can't request elsewhere any more.
    """

    def process_headers(self, headers):
        """Take the app's headers. Bottle has refused line breaks in them; gunicorn's own check takes 3 us a header."""
        for name, value in headers:
            if name == "Content-Length":
                self.response_length = int(value)
        self.headers += headers

    def default_headers(self):
        """Return the first lines of the head; gunicorn makes the date of each response."""
        connection = "close" if self.should_close() else "keep-alive"
        lines = [
            f"HTTP/{self.req.version[0]}.{self.req.version[1]} {self.status}\r\n",
            f"Server: {self.version}\r\nDate: {_http_date(int(time.time()))}\r\nConnection: {connection}\r\n",
        ]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def write(self, arg):
        if self.headers_sent:
            super().write(arg)
            return
        sock, self.sock = self.sock, _SendBuffer()
        try:
            super().write(arg)
            sock.sendall(b"".join(self.sock))
        finally:
            self.sock = sock


_http_date = lru_cache(maxsize=1)(util.http_date)


class _SendBuffer(list):
    """Collects what gunicorn sends to the socket that it replaces."""

    sendall = list.append


class ErrorLog:
    """The `wsgi.errors` of requests: Bottle writes tracebacks to it."""

    def write(self, text):
        log.error(text.strip())

    def flush(self):
        pass


ERROR_LOG = ErrorLog()


def send_problem(sock, status, code, detail, params=None):
    """Respond with a problem to what is no request for the app, count it, and close the connection."""
    counters.MALFORMED.inc(str(status))
    title, params = HTTPStatus(status).phrase, params or {}
    content = json.dumps({"title": title, "status": status, "code": code, "detail": detail, "params": params}).encode()
    lines = [
        f"HTTP/1.1 {status} {title}",
        "Connection: close",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(content)}",
        "Cache-Control: no-store",
        ": ".join(headers.NOSNIFF),
    ]
    if "retry_in" in params:
        lines.append(f"Retry-After: {params['retry_in']}")
    util.write_nonblock(sock, "\r\n".join([*lines, "", ""]).encode("latin-1") + content)
