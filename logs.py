"""What is said in the log: each record on one line, with the request that it is about, and without what is secret.

In text the traceback of an error follows its line, indented. Nothing of the app is imported here but what is free of bottle
and peewee: the process that starts the workers logs, too.
"""

import json
import logging
import re
import secrets
import sys
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import proxies

ID = "snakepit.request"  # in the environ: what the request is called in the log
GIVEN_ID = re.compile(r"[\w.:/+=@-]{1,64}", re.ASCII)  # what another may call it
HIDDEN = "***"
# A session's token, whatever it stands in, and what comes behind a word that announces one.
_TOKENS = (
    r"(?<![\w-])(?=[a-z_-]*[A-Z0-9])[\w-]{32}(?![\w-])",
    r"(?i:(?<=\bbearer )|(?<=\bbasic )|(?<=\btoken=)|(?<=\bpassword=))[^\s&'\"]+",
)
# They log each query with its values, in which are hashes of passwords and tokens.
TALKATIVE = "peewee", "psycopg"

access_log = logging.getLogger("snakepit.access")


def set_up(settings):
    """Log as the settings say, to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter((Json if settings.log_format == "json" else Text)(_secrets(settings)))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    access_log.setLevel(logging.INFO)  # it has a setting of its own
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.root.level))


def request_id(environ, trusted):
    """What the request is called: by one of the `trusted` networks, in X-Request-ID; else it is given a name now."""
    if ID not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        believed = GIVEN_ID.fullmatch(given) and proxies.is_trusted(environ.get("REMOTE_ADDR", ""), trusted)
        environ[ID] = given if believed else secrets.token_hex(8)
    return environ[ID]


def access(environ, status, nanoseconds, trusted):
    """Log an answer."""
    fields = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "status": int(status[:3]),
        "ms": round(nanoseconds / 1e6, 1),
        "client": proxies.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), trusted),
    }
    extra = {"fields": fields, "request": request_id(environ, trusted)}
    access_log.info("%(method)s %(path)s %(status)s %(ms)s ms %(client)s", fields, extra=extra)


class Text(logging.Formatter):
    """`secret`: the words that are never to be shown."""

    def __init__(self, secret=()):
        super().__init__()
        words = (re.escape(word) for word in sorted(secret, key=len, reverse=True))
        self.hidden = re.compile("|".join((*words, *_TOKENS)), re.ASCII)

    def format(self, record):
        request = _request_of(record)
        about = f" [{request}]" if request else ""
        lines = [f"{_time(record)} {record.levelname} {record.name}{about}: {_escaped(self.message(record))}"]
        lines += (f"    {_escaped(line)}" for line in self.trace(record).splitlines())
        return "\n".join(lines)

    def message(self, record):
        return self.hidden.sub(HIDDEN, record.getMessage())

    def trace(self, record):
        return self.hidden.sub(HIDDEN, self.formatException(record.exc_info)) if record.exc_info else ""


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
                name: self.hidden.sub(HIDDEN, value) if isinstance(value, str) else value
                for name, value in getattr(record, "fields", {}).items()
            },
        }
        return json.dumps({name: value for name, value in said.items() if value not in ("", None)})


def _time(record):
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
