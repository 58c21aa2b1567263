"""What is said in the log: each record on one line, with the request that it is about, and without what is secret.

In text the traceback of an error follows its line, indented. A record has a greatest length, and warnings and errors that
repeat are counted: nobody fills the disk by requests that are refused. Nothing of the app is imported here but what is free
of bottle and peewee: the process that starts the workers logs, too.
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
from urllib.parse import unquote, urlsplit

from web import client_addresses

ID = "snakepit.request"  # in the environ: what the request is called in the log
GIVEN_ID = re.compile(r"[\w.:/+=@-]{1,64}", re.ASCII)  # what another may call it
HIDDEN = "***"
# A session's token, whatever it stands in, and what comes behind a word that announces one.
_TOKENS = (
    r"(?<![\w-])(?=[a-z_-]*[A-Z0-9])[\w-]{32}(?![\w-])",
    r"(?i:(\b(?:bearer|basic)[ \t]+|\b(?:token|password)=|\bx-snakepit-token\W{1,5}))[^\s&'\"]+",
)
LONGEST = 1000  # characters of a message
LONGEST_TRACE = 8000  # characters of a traceback
OFTEN = 10  # records of a kind that are written in an interval; the others are counted
INTERVAL = 60  # seconds
MOST_KINDS = 1000
# They log each query with its values, in which are hashes of passwords and tokens.
TALKATIVE = "peewee", "psycopg"

access_log = logging.getLogger("snakepit.access")


def set_up(settings):
    """Log as the settings say, to stderr."""
    handler = Handler()
    handler.setFormatter((Json if settings.log_format == "json" else Text)(_secrets(settings)))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    access_log.setLevel(logging.INFO)  # it has a setting of its own
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.root.level))


def failure(text, format_):
    """Return the line for a start that fails: `text` itself, or JSON, as LOG_FORMAT has it."""
    if format_ != "json":
        return text
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": time, "level": "critical", "logger": "snakepit", "message": text})


def request_id(environ, trusted):
    """What the request is called: by one of the `trusted` networks, in X-Request-ID; else it is given a name now."""
    if ID not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        believed = GIVEN_ID.fullmatch(given) and client_addresses.is_trusted(environ.get("REMOTE_ADDR", ""), trusted)
        environ[ID] = given if believed else secrets.token_hex(8)
    return environ[ID]


def access(environ, status, nanoseconds, trusted):
    """Log an answer."""
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
    """Writes records to stderr, or to `stream`; of warnings and errors only so many of a kind in `interval` seconds.

    A kind is a place in the program, with the error that was caught there and the place where that was raised. At the end of
    the interval the last record of a kind is written with the number of those that were not.
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
        if kind.number <= OFTEN:
            super().emit(record)
        else:
            kind.last = _without_references(record)

    def report(self, everything=False):
        """Write the numbers of records that repeated in intervals that are over; `everything`: in the others, too."""
        if not self._kinds:
            return
        with self.lock:
            if self._pid != os.getpid():  # they are counted in the process that this one was forked from
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
        if key not in self._kinds and len(self._kinds) >= MOST_KINDS:
            key = None
        return self._kinds.setdefault(key, _Kind())


class _Kind:
    def __init__(self):
        self.began, self.number, self.last = time.monotonic(), 0, None

    def summary(self, now):
        """Return the last record, with the number of those that were not written instead of its traceback."""
        self.last.repeated = self.number - OFTEN
        self.last.fields = {"repeated": self.last.repeated, "seconds": max(1, round(now - self.began))}
        return self.last


def _without_references(record):
    """Return the record as it will be written later, without its traceback: that would keep what its frames refer to."""
    light = copy.copy(record)
    light.msg, light.args, light.exc_info, light.exc_text = record.getMessage(), None, None, None
    light.request = _request_of(record)
    return light


def report():
    """Write what is due of records that repeated. To be called now and then: else it waits for the next record."""
    for handler in logging.root.handlers:
        if isinstance(handler, Handler):
            handler.report()


class Text(logging.Formatter):
    """`secret`: the words that are never to be shown."""

    def __init__(self, secret=()):
        super().__init__()
        words = (re.escape(word) for word in sorted(secret, key=len, reverse=True))
        self.hidden = re.compile("|".join((*words, *_TOKENS)), re.ASCII)

    def format(self, record):
        request = _request_of(record)
        about = f" [{request}]" if request else ""
        message = _cut(_escaped(self.message(record)), 2 * LONGEST)
        if hasattr(record, "repeated"):
            message = f"Repeated {record.repeated} times in {record.fields['seconds']} s, the last time: {message}"
        lines = [f"{_time(record)} {record.levelname} {record.name}{about}: {message}"]
        lines += (f"    {_cut(_escaped(line), 2 * LONGEST)}" for line in self.trace(record).splitlines())
        return "\n".join(lines)

    def message(self, record):
        return self.shown(record.getMessage())

    def trace(self, record):
        return self.shown(self.formatException(record.exc_info), LONGEST_TRACE) if record.exc_info else ""

    def shown(self, text, longest=LONGEST):
        """Return a text without what is secret, and without its middle if it is too long."""
        return _cut(self.hidden.sub(rf"\g<1>{HIDDEN}", text), longest)


class Json(Text):
    def format(self, record):
        said = {
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
        return json.dumps({name: value for name, value in said.items() if value not in ("", None)})


def _time(record):
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text, longest):
    """Return the text without its middle if it is too long: both ends say most."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}[... {len(text) - longest} characters ...]{text[-(longest // 2) :]}"


def _escaped(text):
    """Without what would begin another line, or do something to a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _request_of(record):
    """The request that is at hand, by bottle, which only workers have; "" if there is none."""
    if found := getattr(record, "request", ""):
        return found
    bottle = sys.modules.get("bottle")
    try:
        environ = bottle.request.environ
        return request_id(environ, environ["bottle.app"].settings.trusted_proxies)
    except (AttributeError, RuntimeError, KeyError):  # there was none yet in this greenlet, or it is over
        return ""


def _secrets(settings):
    """What the settings have that nobody is to read, as it is written and as it is meant; short ones are in any text."""
    found = {settings.secret_key, settings.metrics_token}
    for url in (settings.database_url, settings.rate_limit_storage):
        parts = urlsplit(url)
        found |= {parts.password, *re.findall("(?:^|&)password=([^&]*)", parts.query)}
    return {word for secret in found if secret and len(secret) > 3 for word in (secret, unquote(secret))}
