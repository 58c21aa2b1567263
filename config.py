"""Settings: from the arguments of `service.create_app`, then the environment, then `.env`, then the defaults here.

A bad value raises ConfigError, whose text is one line that names the setting and says what would do. Nothing of the app is
imported here, nor peewee or bottle: the process that starts the workers reads this module, and must stay free of both.
"""

import ipaddress
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

SQLITE_SCHEMES = {"sqlite", "sqlite+pool"}
POSTGRES_SCHEMES = {
    f"{name}{pool}"
    for name in ("postgres", "postgresql", "postgresext", "postgresqlext", "psycopg3")
    for pool in ("", "+pool")
}
SCORE_POLICIES = ("verified", "open")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
NAMES_REFUSED = Path(__file__).parent / "names_refused.txt"
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class ConfigError(ValueError):
    """A setting that the server can't start with."""


def _whole(low, high):
    def cast(value):
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return cast


def _one_of(*choices):
    def cast(value):
        text = str(value).lower()
        if text not in choices:
            raise ValueError(f"give one of {', '.join(choices)}")
        return text

    return cast


def _yes_no(value):
    text = str(value).lower()
    if text not in TRUE + FALSE:
        raise ValueError("give true or false")
    return text in TRUE


def _host(value):
    if not isinstance(value, str) or not value or any(c.isspace() or c == "/" for c in value):
        raise ValueError("give a host name or an address, such as 127.0.0.1 or 0.0.0.0")
    return value


def _origins(value):
    """A tuple of origins; a string is split at commas."""
    origins = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)
    for origin in origins:
        parts = urlsplit(origin)
        if origin != "*" and (origin != f"{parts.scheme}://{parts.netloc}" or not parts.scheme or not parts.netloc):
            raise ValueError("give origins such as https://example.org, separated by commas, or *")
    return origins


def _networks(value):
    """A tuple of networks, an address being one by itself; a string is split at commas."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in parts)
    except ValueError:
        raise ValueError("give addresses or networks such as 127.0.0.1 or 10.0.0.0/8, separated by commas") from None


def _database_url(value):
    url = str(value)
    parts = urlsplit(url)
    if parts.scheme not in SQLITE_SCHEMES | POSTGRES_SCHEMES:
        raise ValueError("give sqlite:///./snake.db, or postgresql://USER:PASSWORD@HOST/DATABASE")
    if not parts.path.strip("/") and (parts.scheme in POSTGRES_SCHEMES or parts.netloc):
        raise ValueError(
            f"it names no database; write {parts.scheme}:///NAME for a local one, {parts.scheme}://HOST/NAME for another"
            if parts.scheme in POSTGRES_SCHEMES
            else f"it names no file; write {parts.scheme}:///./snake.db, with three slashes"
        )
    if parts.scheme in SQLITE_SCHEMES and not is_in_memory(url):
        folder = Path(parts.path[1:]).parent
        if not folder.is_dir():
            raise ValueError(f"the folder {folder} does not exist; make it, or name a file elsewhere")
    return url


def _text_file(value):
    try:
        Path(value).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ValueError(f"can't be read: {why}; give the path of a text file, or none for {NAMES_REFUSED.name}") from None
    return str(value)


def _secret(otherwise):
    def cast(value):
        if not isinstance(value, str) or len(value) < 16:
            raise ValueError(f"give at least 16 characters, made at random, or none at all and {otherwise}")
        return value

    return cast


def _setting(default, cast, secret=False):
    return field(default=default, metadata={"cast": cast, "secret": secret, "only_argument": False})


def _waiting(seconds):
    """A time in seconds that tests shorten: an argument of create_app, not read from the environment."""
    return field(default=seconds, metadata={"cast": float, "secret": False, "only_argument": True})


@dataclass(frozen=True)
class Settings:
    """What the server can be told; each name in capitals is the setting's name in the environment, but for waiting times."""

    database_url: str = _setting("sqlite:///./snake.db", _database_url, secret=True)
    host: str = _setting("127.0.0.1", _host)
    port: int = _setting(8000, _whole(0, 65535))  # 0: any free one
    workers: int = _setting(1, _whole(1, 64))
    score_policy: str = _setting("verified", _one_of(*SCORE_POLICIES))
    enforce_pace: bool = _setting(True, _yes_no)
    pause_budget: int = _setting(60, _whole(0, 86400))  # seconds
    session_days: int = _setting(30, _whole(1, 3650))
    bcrypt_rounds: int = _setting(12, _whole(4, 20))
    cors_origins: tuple = _setting((), _origins)
    trusted_proxies: tuple = _setting((), _networks)
    rate_limits: bool = _setting(True, _yes_no)
    rate_limit_storage: str = _setting("memory://", str, secret=True)  # throttle.py says what would do
    names_refused: str = _setting(str(NAMES_REFUSED), _text_file)
    log_level: str = _setting("info", _one_of(*LOG_LEVELS))
    log_format: str = _setting("text", _one_of(*LOG_FORMATS))
    access_log: bool = _setting(False, _yes_no)
    metrics_token: str | None = _setting(None, _secret("whoever reaches the server may read them"), secret=True)
    secret_key: str | None = _setting(None, _secret("one is made and kept"), secret=True)
    abandoned_interval: float = _waiting(5)  # between looks for abandoned games
    checkpoint_interval: float = _waiting(30)  # after which what is in SQLite's WAL file is in the database file


def is_in_memory(url):
    """Whether the database is a SQLite in memory, which no other process sees."""
    parts = urlsplit(url)
    return parts.scheme in SQLITE_SCHEMES and (":memory:" in parts.path or not parts.path.strip("/"))


def load(**given):
    """The Settings, those in `given` first. Raises ConfigError for a bad value or a name that is no setting.

    An empty value in the environment or in `.env` counts as none.
    """
    names = {setting.name for setting in fields(Settings)}
    if unknown := set(given) - names:
        raise ConfigError(f"{', '.join(sorted(unknown))}: no such setting; there are {', '.join(sorted(names))}")
    written = {**dotenv_values(Path(".env"), interpolate=False), **os.environ}
    values = {}
    for setting in fields(Settings):
        name = setting.name.upper()
        outside = None if setting.metadata["only_argument"] else written.get(name) or None
        value = given.get(setting.name, outside)
        if value is None:
            continue
        try:
            values[setting.name] = setting.metadata["cast"](value)
        except ValueError as error:
            shown = "" if setting.metadata["secret"] else f"={value}"
            raise ConfigError(f"{name}{shown}: {error}") from None
    settings = Settings(**values)
    if is_in_memory(settings.database_url) and settings.workers > 1:
        raise ConfigError(f"WORKERS={settings.workers}: a database in memory is one process's own; give 1, or a file")
    return settings
