"""A server that answers as the app does, but lies where a test wants it to. For tests of verify.py."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from driver import drive


class Honest:
    """A server at an address, which answers as the app does.

    `lie(path, answer)` may change what it says: to other JSON, to bytes, or to (status, either). `instead(path)` may answer
    another request than was made, and `raw(handler)` may send anything.
    """

    def __init__(self, app):
        self.lie = self.instead = self.raw = None
        self.app = app
        self.asked = []  # (path, headers) of each request
        api, me = drive(app), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: else the second waits for the first one's receipt

            def do_GET(self):
                if me.raw:
                    me.raw(self)
                    return
                me.asked.append((self.path, dict(self.headers)))
                bearer = {"Authorization": self.headers["Authorization"]} if "Authorization" in self.headers else {}
                answer = api.ask(f"GET {me.instead(self.path) if me.instead else self.path}", headers=bearer)
                told = me.lie(self.path, answer.json) if me.lie else answer.json
                status, told = told if isinstance(told, tuple) else (answer.status, told)
                content = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                for name in ("Link", "Content-Type"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        class Http(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """It hangs up on an answer that is too long."""

        self.http = Http(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@contextmanager
def served(app):
    honest = Honest(app)
    with honest.http:
        threading.Thread(target=honest.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield honest
        honest.http.shutdown()


def of_game(**changed):
    return lambda path, answer: answer | changed if "/games/" in path else answer


def of_entry(**changed):
    return lambda path, answer: [answer[0] | changed, *answer[1:]] if "leaderboard" in path else answer


def of_both(**changed):
    def lie(path, answer):
        return answer | changed if "/games/" in path else [{**answer[0], **changed}, *answer[1:]]

    return lie


def of_board(change):
    return lambda path, answer: change(answer) if "leaderboard" in path else answer


def answers(content, status=200, **headers):
    def raw(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return raw


def get(honest, path):
    return drive(honest.app)(f"GET {path}")


def other(old, new):
    """Answer another request to a leaderboard than was made."""
    return lambda path: path.replace(old, new) if "leaderboard" in path else path


def at(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
