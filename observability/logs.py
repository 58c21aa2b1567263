"""Log formatting: one line per record with the request's id, secrets redacted, and repeated records counted.

In text the traceback of an error follows its line, indented. Records have a maximum length, so refused requests can't fill
the disk. The process that starts the workers logs, too, so this module imports neither bottle nor peewee.
"""

import copy
import json
import logging
import os
import re
import secrets
import sys
import time
from datetime import UTC, datetime
from urllib.parse import unquote

from database.urls import split_url
from web import client_addresses

ID = "snakepit.request"  # the request's id in the environ
VALID_REQUEST_ID = re.compile(r"[\w.:/+=@-]{1,64}", re.ASCII)  # that a trusted proxy may set
REDACTED = "***"
# Tokens of sessions anywhere, and whatever follows a word that announces a token or password.
_TOKENS = (
    r"(?<![\w-])(?=[a-z_-]*[A-Z0-9])[\w-]{32}(?![\w-])",
    r"(?i:(\b(?:bearer|basic)[ \t]+|\b(?:token|password)=|\bx-snakepit-token\W{1,5}))[^\s&'\"]+",
)
MAX_MESSAGE = 1000  # characters of a message
MAX_TRACEBACK = 8000  # characters of a traceback
MAX_REPEATS = 10  # records of a kind that are written per interval; the others are counted
INTERVAL = 60  # seconds
MAX_KINDS = 1000
# They log queries with their values, which include hashes of passwords and tokens.
NOISY_LOGGERS = "peewee", "psycopg"

access_log = logging.getLogger("snakepit.access")


def set_up(settings):
    """Log to stderr, as the settings say."""
    handler = Handler()
    handler.setFormatter((Json if settings.log_format == "json" else Text)(secrets_of(settings)))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    access_log.setLevel(logging.INFO)  # it has its own setting
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.root.level))


def failure(text, format_):
    """Return the line for a failed start: `text` itself, or JSON if `format_` is "json"."""
    if format_ != "json":
        return text
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": time, "level": "critical", "logger": "snakepit", "message": text})


def request_id(environ, trusted):
    """Return the request's id: X-Request-ID from a proxy in the `trusted` networks, or a random one."""
    if ID not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        is_trusted = VALID_REQUEST_ID.fullmatch(given) and client_addresses.is_trusted(
            environ.get("REMOTE_ADDR", ""), trusted
        )
        environ[ID] = given if is_trusted else secrets.token_hex(8)
    return environ[ID]


def access(environ, status, nanoseconds, trusted):
    """Log a response."""
    fields = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "status": int(status[:3]),
        "ms": round(nanoseconds / 1e6, 1),
        "client": client_addresses.client(environ, trusted),
    }
    extra = {"fields": fields, "request": request_id(environ, trusted)}
    access_log.info("%(method)s %(path)s %(status)s %(ms)s ms %(client)s", fields, extra=extra)


class Handler(logging.StreamHandler):
    """Writes records to stderr, or to `stream`; at most MAX_REPEATS warnings and errors of a kind in `interval` seconds.

    A kind is a place in the code, with the exception that was caught there and the place that raised it. At the end of the
    interval the last record of a kind is written, with the number of those that were not.
    """

    def __init__(self, stream=None, interval=INTERVAL):
        super().__init__(stream)
        self.interval = interval
        self._kinds, self._pid = {}, os.getpid()

    def emit(self, record):
        self.report()
        if record.levelno < logging.WARNING or record.name == access_log.name:
            super().emit(record)
            return
        kind = self._kind(record)
        kind.number += 1
        if kind.number <= MAX_REPEATS:
            super().emit(record)
        else:
            kind.last = _detached(record)

    def report(self, everything=False):
        """Write the counts of repeated records in past intervals; with `everything` also in the current ones."""
        if not self._kinds:
            return
        with self.lock:
            if self._pid != os.getpid():  # the parent process counts them
                self._kinds, self._pid = {}, os.getpid()
            now = time.monotonic()
            over = [key for key, kind in self._kinds.items() if everything or now - kind.began >= self.interval]
            for kind in [self._kinds.pop(key) for key in over]:
                if kind.last is not None:
                    super().emit(kind.summary(now))

    def close(self):
        self.report(everything=True)
        super().close()

    def _kind(self, record):
        error, trace = record.exc_info[::2] if record.exc_info and record.exc_info[0] else (None, None)
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = trace and (trace.tb_frame.f_code, trace.tb_lineno)
        key = record.name, record.levelno, record.pathname, record.lineno, str(record.msg)[:20], error, where
        if key not in self._kinds and len(self._kinds) >= MAX_KINDS:
            key = None
        return self._kinds.setdefault(key, _Kind())


class _Kind:
    def __init__(self):
        self.began, self.number, self.last = time.monotonic(), 0, None

    def summary(self, now):
        """Return the last record, with the number of unwritten ones instead of its traceback."""
        self.last.repeated = self.number - MAX_REPEATS
        self.last.fields = {"repeated": self.last.repeated, "seconds": max(1, round(now - self.began))}
        return self.last


def _detached(record):
    """Return a copy of the record for later, without its traceback, whose frames would stay in memory."""
    light = copy.copy(record)
    light.msg, light.args, light.exc_info, light.exc_text = record.getMessage(), None, None, None
    light.request = _request_of(record)
    return light


def report():
    """Write the counts of repeated records that are due. Call it regularly: otherwise they wait for the next record."""
    for handler in logging.root.handlers:
        if isinstance(handler, Handler):
            handler.report()


class Text(logging.Formatter):
    """Formats records as text. `secret`: words to redact."""

    def __init__(self, secret=()):
        super().__init__()
        words = (re.escape(word) for word in sorted(secret, key=len, reverse=True))
        self.secret_pattern = re.compile("|".join((*words, *_TOKENS)), re.ASCII)

    def format(self, record):
        request = _request_of(record)
        about = f" [{request}]" if request else ""
        message = _cut(_printable(self.message(record)), 2 * MAX_MESSAGE)
        if hasattr(record, "repeated"):
            message = f"Repeated {record.repeated} times in {record.fields['seconds']} s, the last time: {message}"
        lines = [f"{_time(record)} {record.levelname} {record.name}{about}: {message}"]
        lines += (f"    {_cut(_printable(line), 2 * MAX_MESSAGE)}" for line in self.trace(record).splitlines())
        return "\n".join(lines)

    def message(self, record):
        return self.shown(record.getMessage())

    def trace(self, record):
        return self.shown(self.formatException(record.exc_info), MAX_TRACEBACK) if record.exc_info else ""

    def shown(self, text, longest=MAX_MESSAGE):
        """Return the text with secrets redacted, and without its middle if it is too long."""
        return _cut(self.secret_pattern.sub(rf"\g<1>{REDACTED}", text), longest)


class Json(Text):
    """Formats records as JSON."""

    def format(self, record):
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
            "request": _request_of(record),
            "traceback": self.trace(record),
            **{
                name: self.shown(value) if isinstance(value, str) else value
                for name, value in getattr(record, "fields", {}).items()
            },
        }
        return json.dumps({name: value for name, value in fields.items() if value not in ("", None)})


def _time(record):
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text, longest):
    """Return the text without its middle if it is too long: the ends say most."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}[... {len(text) - longest} characters ...]{text[-(longest // 2) :]}"


def _printable(text):
    """Return the text with line breaks and control characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _request_of(record):
    """Return the id of the record's request, or of Bottle's current request; "" if there is none."""
    if found := getattr(record, "request", ""):
        return found
    bottle = sys.modules.get("bottle")
    try:
        environ = bottle.request.environ
        return request_id(environ, environ["bottle.app"].settings.trusted_proxies)
    except (AttributeError, RuntimeError, KeyError):  # there is no request in this greenlet
        return ""


def secrets_of(settings):
    """Return the secrets in the settings, as written and percent-decoded. Short ones would match any text."""
    found = {settings.secret_key, settings.metrics_token}
    for url in (settings.database_url, settings.rate_limit_storage):
        parts = split_url(url)
        found |= {parts.password, *re.findall("(?:^|&)password=([^&]*)", parts.query)}
    return {word for secret in found if secret and len(secret) > 3 for word in (secret, unquote(secret))}
