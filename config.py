"""Settings: from the arguments of `service.create_app`, then the environment, then `.env`, then the defaults below.

A bad value raises ConfigError. Its message is one line that names the setting, says how to fix it, and contains no part of
a secret. The process that starts the workers imports this module, so it imports neither peewee nor bottle.
"""

import difflib
import importlib.util
import io
import ipaddress
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from dotenv.parser import parse_stream

from database import urls

HERE = Path(__file__).parent
STORAGES = {  # schemes of RATE_LIMIT_STORAGE: the package that each needs
    "memory": None,
    **dict.fromkeys(("redis", "rediss", "redis+unix", "redis+sentinel", "redis+cluster", "rediss+cluster"), "redis"),
    **dict.fromkeys(("valkey", "valkeys", "valkey+unix", "valkey+sentinel", "valkey+cluster"), "valkey"),
    **dict.fromkeys(("mongodb", "mongodb+srv"), "pymongo"),
}
MAX_BODY = 64 * 1024  # bytes of a request
MAX_LIST_MB = 16
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
DOTENV = Path(".env")
OLD_NAMES = {"names_refused": "reserved_names_file"}  # still accepted, with a line in the log


class ConfigError(ValueError):
    """A setting with which the server can't start."""


# Each of these functions takes a setting's value and returns it in its final form. It raises ValueError with the remedy.


def _integer(low, high):
    def cast(value):
        text = str(value).strip()
        if isinstance(value, bool) or not urls.DIGITS.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return cast


def _choice(*choices):
    def cast(value):
        text = str(value).strip().lower()
        if text not in choices:
            raise ValueError(f"give one of {', '.join(choices)}")
        return text

    return cast


def _boolean(value):
    return _choice(*TRUE, *FALSE)(value) in TRUE


def _text(value):
    text = str(value).strip()
    if any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("it contains a control character, such as a line break; give it without")
    return text


def _host(value):
    text = _text(value)
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not urls.is_host(text):
        raise ValueError("give a host name or an address without a port, such as 127.0.0.1, 0.0.0.0 or ::")
    return text


def _origins(value):
    return tuple(map(_origin, _text(value).split(",") if isinstance(value, str) else value))


def _origin(value):
    """Return an origin as browsers send it, or "*"."""
    text = _text(value)
    if text == "*":
        return text
    remedy = "give origins such as https://example.org, without a path or a / at the end, separated by commas, or *"
    if not text.isascii():
        raise ValueError(f"{remedy}; write names with letters other than a to z as browsers send them, xn--...")
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\[\]:/?#@\s]+)(?::(\d{1,5}))?", text.lower())
    if not match or not urls.is_host(match[2].strip("[]")) or int(match[3] or 0) > 65535:
        raise ValueError(remedy)
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" + (f":{port}" if port and (scheme, port) not in (("http", "80"), ("https", "443")) else "")


def _public_url(value):
    url = _text(value).rstrip("/")
    if not re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w.~%-]+)*", url, re.ASCII):
        raise ValueError("give the address that players open, such as https://snakepit.example.org")
    return url


def _networks(value):
    parts = _text(value).split(",") if isinstance(value, str) else value
    try:
        return tuple(ipaddress.ip_network(str(part).strip()) for part in parts)
    except ValueError:
        raise ValueError("give addresses or networks such as 127.0.0.1 or 10.0.0.0/8, separated by commas") from None


def _list_file(value):
    """Return the path of a readable text file. The file may be empty."""
    path = _text(value)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_LIST_MB * 1_000_000 + 1)
        content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise ValueError(f"can't be read: {reason}; give a text file, or leave it empty for the default list") from None
    if len(content) > MAX_LIST_MB * 1_000_000:
        raise ValueError(f"the file has more than {MAX_LIST_MB} MB; give a shorter list")
    return path


def _secret(value):
    text = _text(value) if isinstance(value, str) else ""
    if len(text) < 16:
        raise ValueError("give at least 16 random characters, or leave it empty")
    return text


def _header_secret(value):
    if not re.fullmatch("[ -~]+", text := _secret(value)):
        raise ValueError("give only ASCII letters, digits and signs: it is sent in a header")
    return text


def _database_url(value):
    """Return the URL with its scheme in lower case."""
    scheme, separator, rest = _text(value).partition("://")
    url = f"{scheme.lower()}{separator}{rest}"
    urls.check(url)
    return url


def _storage(value):
    """Return the URL with its scheme in lower case."""
    scheme, separator, rest = _text(value).partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in STORAGES:
        raise ValueError("there is no such storage; give memory://, or for several processes redis://HOST:6379/0")
    servers = urls.split_servers(urls.checked_parts(url := f"{scheme}://{rest}").netloc)
    if "unix" not in scheme:
        urls.check_servers(**servers)
    if (package := STORAGES[scheme]) and not importlib.util.find_spec(package):
        raise ValueError(f"{scheme} needs the package {package}; give memory://, or pip install {package}")
    return url


def _setting(default, cast, secret=False):
    return field(default=default, metadata={"cast": cast, "secret": secret, "only_argument": False})


def _seconds(default):
    """A time that only an argument of create_app can change. Tests shorten it."""
    return field(default=default, metadata={"cast": float, "secret": False, "only_argument": True})


@dataclass(frozen=True)
class Settings:
    """The server's settings. Each name in capitals is the name in the environment, except for the times at the end."""

    database_url: str = _setting("sqlite:///./snake.db", _database_url, secret=True)
    host: str = _setting("127.0.0.1", _host)
    port: int = _setting(8000, _integer(0, 65535))  # 0: any free port
    public_url: str | None = _setting(None, _public_url)
    workers: int = _setting(1, _integer(1, 64))
    score_policy: str = _setting("verified", _choice("verified", "open"))
    enforce_pace: bool = _setting(True, _boolean)
    pause_budget: int = _setting(60, _integer(0, 86400))  # seconds
    session_days: int = _setting(30, _integer(1, 3650))
    keep_games_days: int | None = _setting(None, _integer(1, 36500))  # for games on no leaderboard; None: keep all
    bcrypt_rounds: int = _setting(12, _integer(4, 20))
    cors_origins: tuple = _setting((), _origins)
    trusted_proxies: tuple = _setting((), _networks)
    rate_limits: bool = _setting(True, _boolean)
    connections_per_address: int = _setting(2000, _integer(1, 1_000_000))
    rate_limit_storage: str = _setting("memory://", _storage, secret=True)
    reserved_names_file: str = _setting(str(HERE / "accounts" / "reserved_names.txt"), _list_file)
    passwords_refused: str = _setting(str(HERE / "accounts" / "common_passwords.txt"), _list_file)
    log_level: str = _setting("info", _choice("debug", "info", "warning", "error"))
    log_format: str = _setting("text", _choice("text", "json"))
    access_log: bool = _setting(False, _boolean)
    metrics_token: str | None = _setting(None, _header_secret, secret=True)
    secret_key: str | None = _setting(None, _secret, secret=True)
    hashing_wait: float = _seconds(30)  # longest wait of a password in the queue
    abandoned_interval: float = _seconds(5)  # between checks for abandoned games
    erasing_interval: float = _seconds(5)  # between checks for deleted accounts
    request_wait: float = _seconds(7)  # longest wait for the database in a request
    health_wait: float = _seconds(2)  # the same in /healthz
    lock_wait: float = _seconds(5)  # longest wait for a lock of another program
    removal_interval: float = _seconds(3600)  # between removals of expired data
    checkpoint_interval: float = _seconds(30)  # between checkpoints of SQLite's WAL


FROM_OUTSIDE = [setting.name for setting in fields(Settings) if not setting.metadata["only_argument"]]


def load(**given):
    """Return the Settings; arguments come first. Raise ConfigError for a bad value or an unknown argument.

    Values are trimmed. An empty value in the environment or in `.env` counts as none.
    """
    names = {setting.name for setting in fields(Settings)}
    if unknown := set(given) - names - set(OLD_NAMES):
        raise ConfigError(f"{', '.join(sorted(unknown))}: no such setting; there are {', '.join(sorted(names))}")
    found, values = _by_setting(_outside()) | _by_setting(given), {}
    for setting in fields(Settings):
        if setting.name not in found:
            continue
        name, value = found[setting.name]
        try:
            values[setting.name] = setting.metadata["cast"](value)
        except ValueError as error:
            is_shown = not setting.metadata["secret"] and re.fullmatch(r"[\w.+-]{1,40}", str(value), re.ASCII)
            raise ConfigError(f"{name.upper()}{f'={value}' if is_shown else ''}: {error}") from None
    settings = Settings(**values)
    if urls.is_in_memory(settings.database_url) and settings.workers > 1:
        raise ConfigError(f"WORKERS={settings.workers}: a database in memory has one process; give 1, or a DATABASE_URL")
    return settings


def _by_setting(values):
    """Return {setting: (the name under which it is given, its value)}. A new name comes before an old one."""
    names = sorted(values, key=lambda name: name not in OLD_NAMES)
    return {OLD_NAMES.get(name, name): (name, values[name]) for name in names if values[name] is not None}


def warnings():
    """Return a sentence for each setting under its old name, and for each name in `.env` that resembles a setting's."""
    names, outside = [name.upper() for name in FROM_OUTSIDE], _outside()
    old_names = [name for name in OLD_NAMES if name in outside]
    found = [f"{name.upper()} is called {OLD_NAMES[name].upper()} now; the old name still works" for name in old_names]
    for name in _dotenv():
        near = difflib.get_close_matches(name.upper(), names, 1, 0.85)
        if near and name not in names and name.lower() not in OLD_NAMES:
            found.append(f"{name} in .env is not a setting and has no effect; did you mean {near[0]}?")
    return found


def log_format():
    """Return LOG_FORMAT if it can be read, else "text". Errors of other settings are logged in this format."""
    try:
        text = _outside().get("log_format", "")
    except ConfigError:
        text = os.environ.get("LOG_FORMAT", "")
    return "json" if text.strip().lower() == "json" else "text"


def _outside():
    """Return {setting: text} of the environment and of `.env`, without empty values."""
    texts = {**_dotenv(), **os.environ}
    return {name: text for name in (*FROM_OUTSIDE, *OLD_NAMES) if (text := texts.get(name.upper(), "").strip())}


def _dotenv():
    """Return {name: text} of `.env`, which may be missing."""
    try:
        content = DOTENV.read_bytes()
    except FileNotFoundError:
        if DOTENV.is_symlink():
            raise ConfigError(".env: it leads to a file that does not exist; make that file, or remove .env") from None
        return {}
    except OSError as error:
        raise ConfigError(f".env: can't be read: {error.strerror}; make it a file that this user may read") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f".env: line {line} is not in UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise ConfigError(f".env: line {text.count(chr(10), 0, text.index(chr(0))) + 1} has a NUL character; remove it")
    values = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key and binding.value is None):
            line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\r\n"))
            raise ConfigError(f".env: line {line} can't be read; write NAME=VALUE, with quotes at both ends or none")
        if binding.key:
            values[binding.key] = binding.value
    return values
