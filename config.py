"""Settings: from the arguments of `service.create_app`, then the environment, then `.env`, then the defaults here.

A bad value raises ConfigError, whose text is one line that names the setting, says how to fix it, and shows no part of a
secret. Nothing of the app is imported here, nor peewee or bottle: the process that starts the workers reads this module, and
must stay free of both.
"""

import difflib
import importlib.util
import io
import ipaddress
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from dotenv.parser import parse_stream

SQLITE_SCHEMES = {"sqlite", "sqlite+pool"}
POSTGRES_SCHEMES = {
    f"{name}{pool}"
    for name in ("postgres", "postgresql", "postgresext", "postgresqlext", "psycopg3")
    for pool in ("", "+pool")
}
# The options behind the ? of a database's URL that something takes: sqlite3 and peewee; libpq and peewee; the pool.
SQLITE_OPTIONS = {"cached_statements", "timeout", "regexp_function", "rank_functions"}
POSTGRES_OPTIONS = {
    *("user", "password", "host", "port", "hostaddr", "service", "passfile", "channel_binding", "connect_timeout"),
    *("client_encoding", "options", "application_name", "fallback_application_name", "keepalives", "keepalives_idle"),
    *("keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslmode", "sslnegotiation", "sslcompression"),
    *("sslcert", "sslkey", "sslcertmode", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer"),
    *("require_auth", "min_protocol_version", "max_protocol_version", "ssl_min_protocol_version"),
    *("ssl_max_protocol_version", "gssencmode", "krbsrvname", "gsslib", "gssdelegation", "target_session_attrs"),
    *("load_balance_hosts", "isolation_level", "encoding", "prefer_psycopg3", "register_unicode", "server_side_cursors"),
}
POOL_OPTIONS = {"max_connections", "stale_timeout", "timeout"}  # ours has its own
WHOLE_OPTIONS = {
    *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    *("cached_statements", "timeout", "max_connections", "stale_timeout"),
}
OPTION_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
}
STORAGES = {  # schemes of RATE_LIMIT_STORAGE: the package that each needs
    "memory": None,
    **dict.fromkeys(("redis", "rediss", "redis+unix", "redis+sentinel", "redis+cluster", "rediss+cluster"), "redis"),
    **dict.fromkeys(("valkey", "valkeys", "valkey+unix", "valkey+sentinel", "valkey+cluster"), "valkey"),
    **dict.fromkeys(("memcached",), "pymemcache"),
    **dict.fromkeys(("mongodb", "mongodb+srv"), "pymongo"),
}
STORAGE_REMEDY = "give memory://, or for several processes redis://HOST:6379/0"
SCORE_POLICIES = ("verified", "open")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
NAMES_REFUSED = Path(__file__).parent / "accounts" / "reserved_names.txt"
PASSWORDS_REFUSED = Path(__file__).parent / "accounts" / "common_passwords.txt"
LARGEST_LIST = 16  # megabytes
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
DOTENV = Path(".env")
ENCODE = "percent-encode the user and the password: write / as %2F, @ as %40, # as %23"
HOSTNAME = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII | re.IGNORECASE)
SHOWN = re.compile(r"[\w.+-]{1,40}", re.ASCII)  # a value that may be shown: it is too simple to have a password in it


class ConfigError(ValueError):
    """A setting that the server can't start with."""


def _whole(low, high):
    def cast(value):
        text = str(value).strip()
        if isinstance(value, bool) or not _is_whole(text) or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return cast


def _is_whole(text):
    return text.isascii() and text.isdigit() and len(text) < 20


def _one_of(*choices):
    def cast(value):
        text = str(value).strip().lower()
        if text not in choices:
            raise ValueError(f"give one of {', '.join(choices)}")
        return text

    return cast


def _yes_no(value):
    text = str(value).strip().lower()
    if text not in TRUE + FALSE:
        raise ValueError("give true or false")
    return text in TRUE


def _host(value):
    text = _text(value)
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if not _is_host(text):
        raise ValueError("give a host name or an address without a port, such as 127.0.0.1, 0.0.0.0 or ::")
    return text


def _is_host(text):
    """Whether it is a host name or an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(HOSTNAME.fullmatch(text)) and not re.fullmatch(r"[\d.]+", text)
    return True


def _text(value):
    """Return the text without white space around it; raise ValueError for characters that are none of a text."""
    text = str(value).strip()
    if any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("it has a character that no text has, such as a line break; give it without")
    return text


def _origins(value):
    """A tuple of origins; a string is split at commas."""
    return tuple(map(_origin, _text(value).split(",") if isinstance(value, str) else value))


def _origin(value):
    """Return an origin as browsers send it."""
    text = _text(value)
    if text == "*":
        return text
    wanted = "give origins such as https://example.org, without a path or a / at the end, separated by commas, or *"
    if not text.isascii():
        raise ValueError(f"{wanted}; write names with other letters than a to z as browsers send them, xn--...")
    found = re.fullmatch(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\[\]:/?#@\s]+)(?::(\d{1,5}))?", text.lower())
    if not found or not _is_host(found[2].strip("[]")) or int(found[3] or 0) > 65535:
        raise ValueError(wanted)
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" + (f":{port}" if port and (scheme, port) not in (("http", "80"), ("https", "443")) else "")


def _networks(value):
    """A tuple of networks, an address being one by itself; a string is split at commas."""
    parts = _text(value).split(",") if isinstance(value, str) else value
    try:
        return tuple(ipaddress.ip_network(str(part).strip()) for part in parts)
    except ValueError:
        raise ValueError("give addresses or networks such as 127.0.0.1 or 10.0.0.0/8, separated by commas") from None


# The database's URL.


def _database_url(value):
    """Return the URL with its scheme in small letters; raise ValueError, with no part of the URL in it."""
    url = _text(value)
    scheme, found, rest = url.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in SQLITE_SCHEMES | POSTGRES_SCHEMES:
        raise ValueError("give sqlite:///./snake.db, or postgresql://USER:PASSWORD@HOST/DATABASE")
    url = f"{scheme}://{rest}"
    (_check_sqlite if scheme in SQLITE_SCHEMES else _check_postgres)(url)
    return url


def _check_sqlite(url):
    scheme, _, rest = url.partition("://")
    path, _, query = rest.partition("?")
    if "#" in rest:
        raise ValueError("the path of its file has a #, at which a URL ends; give a path without it")
    if path and not path.startswith("/"):
        raise ValueError(f"it names no file; write {scheme}:///./snake.db, with three slashes")
    _check_options(query, SQLITE_OPTIONS | (POOL_OPTIONS if "+" in scheme else set()))
    if is_in_memory(url):
        return
    file = Path(path[1:])
    if path.endswith("/") or file.is_dir():
        raise ValueError("it names a folder; give the path of a file in it, such as snake.db")
    if not file.parent.is_dir():
        raise ValueError(f"the folder {_shown(file.parent)}does not exist; make it, or name a file elsewhere")


def _shown(path):
    return f"{path} " if str(path).isprintable() else ""


def _check_postgres(url):
    scheme, _, rest = url.partition("://")
    authority, path, query = _split(rest)
    if "#" in rest or any(c.isspace() for c in rest) or "@" in path or ("@" in query and "@" not in authority):
        raise ValueError(ENCODE)
    user, _, hosts = authority.rpartition("@")
    if any(c in user for c in "[]") or re.search("%(?![0-9A-Fa-f]{2})|%00", f"{authority}{path}"):
        raise ValueError(ENCODE)
    try:
        urlsplit(url)
    except ValueError:
        raise ValueError(ENCODE) from None
    options = _check_options(query, POSTGRES_OPTIONS | (POOL_OPTIONS if "+" in scheme else set()))
    for host in hosts.split(",") if hosts else ():
        _check_host(host)
    for host in options.get("host", "").split(","):
        if host and not host.startswith(("/", "@")) and not _is_host(host):
            raise ValueError("the host behind the ? is none; give a name, an address, or the folder of a socket")
    for port in options.get("port", "").split(","):
        _check_port(port)
    if not path.strip("/"):
        raise ValueError(f"it names no database; write {scheme}:///NAME for a local one, {scheme}://HOST/NAME for another")


def _split(rest):
    """Return (authority, path, query) of what follows the :// of a URL."""
    before, _, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    return authority, slash + path, query


def _check_host(text):
    """Raise ValueError unless it is HOST or HOST:PORT; a host may be [IPv6], or the folder of a socket with %2F for /."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(?::([^:]*))?", text)
    if not found:
        raise ValueError(f"its host is none, or the password has a character that a URL gives a meaning; {ENCODE}")
    host, port = unquote(found[1]).strip("[]"), found[2]
    _check_port(port or "", ENCODE)
    if host and not host.startswith(("/", "@")) and not _is_host(host):
        raise ValueError(f"its host is none, or the password has a character that a URL gives a meaning; {ENCODE}")


def _check_port(text, remedy="give another"):
    if text and not (_is_whole(text) and 1 <= int(text) <= 65535):
        raise ValueError(f"its port is not a number from 1 to 65535; give one, or, if it is part of the password, {remedy}")


def _check_options(query, known):
    """Return the options of a query, {name: value}; raise ValueError if they are not known."""
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")) if query else {}
    except (ValueError, UnicodeDecodeError):
        raise ValueError("what is behind the ? are no options; give them as NAME=VALUE, with & between, or none") from None
    if unknown := [name for name in options if name not in known]:
        shown = unknown[0] if re.fullmatch("[a-z_]{1,30}", unknown[0]) else "that is there"
        raise ValueError(f"there is no option {shown} behind the ?; give other options, or none")
    for name, text in options.items():
        if "\0" in text:
            raise ValueError(f"the option {name} has a NUL character; give it without")
        if name in WHOLE_OPTIONS and not _is_whole(text):
            raise ValueError(f"the option {name} behind the ? must be a whole number")
        if name in OPTION_CHOICES and text not in OPTION_CHOICES[name]:
            raise ValueError(f"the option {name} behind the ? must be one of {', '.join(OPTION_CHOICES[name])}")
    return options


def postgres_address(url):
    """Return (what a Postgres URL says of host, port, user, password and database, as psycopg takes it; its query).

    Several hosts, separated by commas, are tried in turn, as libpq does.
    """
    authority, path, query = _split(url.partition("://")[2])
    login, _, hosts = authority.rpartition("@")
    user, _, password = login.partition(":")
    places = [re.fullmatch(r"(\[.*\]|[^:]*)(?::(.*))?", host).groups() for host in hosts.split(",")]
    found = {
        "database": unquote(path[1:]),
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(unquote(host).strip("[]") for host, _ in places),
        "port": ",".join(port or "" for _, port in places),
    }
    return {name: value for name, value in found.items() if value.strip(",")}, query


def is_in_memory(url):
    """Whether the database is a SQLite in memory, which no other process sees."""
    parts = urlsplit(url)
    return parts.scheme in SQLITE_SCHEMES and (":memory:" in parts.path or parts.path in ("", "/"))


# Others.


def _storage(value):
    """The URL of a storage of the limits library; raise ValueError, with no part of it in the text."""
    url = _text(value)
    scheme, found, rest = url.partition("://")
    scheme = scheme.lower()
    if not found:
        raise ValueError(f"it is no URL; {STORAGE_REMEDY}")
    authority, path, query = _split(rest)
    if "#" in rest or any(c.isspace() for c in rest) or "@" in path or ("@" in query and "@" not in authority):
        raise ValueError(ENCODE)
    try:
        urlsplit(url)
    except ValueError:
        raise ValueError(ENCODE) from None
    if "unix" not in scheme:
        for host in authority.rpartition("@")[2].split(","):
            _check_host(host)
    return f"{scheme}://{rest}"


def check_storage(settings):
    """Raise ConfigError if RATE_LIMIT_STORAGE is of a kind that is not known, or whose package is missing.

    This is known before a worker makes the storage.
    """
    scheme = settings.rate_limit_storage.partition("://")[0]
    if scheme not in STORAGES:
        raise ConfigError(f"RATE_LIMIT_STORAGE: it is no storage that is known; {STORAGE_REMEDY}")
    package = STORAGES[scheme]
    if package and not importlib.util.find_spec(package):
        raise ConfigError(f"RATE_LIMIT_STORAGE: {scheme} needs a package; pip install {package}, or give memory://")


def _list_file(default):
    """The path of a text file with one entry a line, which may be empty, such as /dev/null."""

    def cast(value):
        path = _text(value)
        try:
            with open(path, "rb") as file:
                content = file.read(LARGEST_LIST * 1_000_000 + 1)
            content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise ValueError(f"can't be read: {why}; give the path of a text file, or none for {default.name}") from None
        if len(content) > LARGEST_LIST * 1_000_000:
            raise ValueError(f"has more than {LARGEST_LIST} MB; give a shorter list")
        return path

    return cast


def _secret(otherwise, is_sent=False):
    """`is_sent`: in the header of a request, which can't have all characters."""

    def cast(value):
        text = _text(value) if isinstance(value, str) else ""
        if len(text) < 16:
            raise ValueError(f"give at least 16 characters, made at random, or none at all and {otherwise}")
        if is_sent and not re.fullmatch("[ -~]+", text):
            raise ValueError("give letters from a to z, digits and signs of ASCII only: it is sent in a header")
        return text

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
    keep_games_days: int | None = _setting(None, _whole(1, 36500))  # those on no leaderboard; None: all
    bcrypt_rounds: int = _setting(12, _whole(4, 20))
    cors_origins: tuple = _setting((), _origins)
    trusted_proxies: tuple = _setting((), _networks)
    rate_limits: bool = _setting(True, _yes_no)
    connections_per_address: int = _setting(2000, _whole(1, 1_000_000))
    rate_limit_storage: str = _setting("memory://", _storage, secret=True)
    names_refused: str = _setting(str(NAMES_REFUSED), _list_file(NAMES_REFUSED))
    passwords_refused: str = _setting(str(PASSWORDS_REFUSED), _list_file(PASSWORDS_REFUSED))
    log_level: str = _setting("info", _one_of(*LOG_LEVELS))
    log_format: str = _setting("text", _one_of(*LOG_FORMATS))
    access_log: bool = _setting(False, _yes_no)
    metrics_token: str | None = _setting(
        None, _secret("anybody who reaches the server may read them", is_sent=True), secret=True
    )
    secret_key: str | None = _setting(None, _secret("one is made and stored"), secret=True)
    hashing_wait: float = _waiting(30)  # for the turn to hash a password
    abandoned_interval: float = _waiting(5)  # between looks for abandoned games
    erasing_interval: float = _waiting(5)  # between looks for accounts that were deleted
    request_wait: float = _waiting(7)  # for the database, in all that one request does
    health_wait: float = _waiting(2)  # the same, of /healthz
    lock_wait: float = _waiting(5)  # for what another program has locked in the database
    removal_interval: float = _waiting(3600)  # between looks for what is of no use any more
    checkpoint_interval: float = _waiting(30)  # after which what is in SQLite's WAL file is in the database file


def load(**given):
    """Return the Settings, those in `given` first. Raise ConfigError for a bad value or a name that is no setting.

    Values are trimmed. An empty value in the environment or in `.env` counts as none.
    """
    names = {setting.name for setting in fields(Settings)}
    if unknown := set(given) - names:
        raise ConfigError(f"{', '.join(sorted(unknown))}: no such setting; there are {', '.join(sorted(names))}")
    written = _written()
    values = {}
    for setting in fields(Settings):
        name = setting.name.upper()
        outside = None if setting.metadata["only_argument"] else written.get(name, "").strip() or None
        value = given.get(setting.name, outside)
        if value is None:
            continue
        try:
            values[setting.name] = setting.metadata["cast"](value)
        except ValueError as error:
            shown = f"={value}" if not setting.metadata["secret"] and SHOWN.fullmatch(str(value)) else ""
            raise ConfigError(f"{name}{shown}: {error}") from None
    settings = Settings(**values)
    if is_in_memory(settings.database_url) and settings.workers > 1:
        raise ConfigError(
            f"WORKERS={settings.workers}: with a database in memory, each process would have its own; give 1, or name a file"
            " in DATABASE_URL"
        )
    return settings


def misspelled():
    """Return a sentence for each name in `.env` that is nearly a setting's: it has no effect."""
    names = [setting.name.upper() for setting in fields(Settings) if not setting.metadata["only_argument"]]
    found = []
    for name in _in_file():
        near = difflib.get_close_matches(name.upper(), names, 1, 0.85)
        if near and name not in names:
            found.append(f"{name} in .env is no setting, and has no effect; did you mean {near[0]}?")
    return found


def log_format():
    """Return LOG_FORMAT if it can be read, else text: for what is said of a setting that can't be."""
    try:
        text = _written().get("LOG_FORMAT", "")
    except ConfigError:
        text = os.environ.get("LOG_FORMAT", "")
    text = text.strip().lower()
    return text if text in LOG_FORMATS else LOG_FORMATS[0]


def _written():
    return {**_in_file(), **os.environ}


def _in_file():
    """Return {name: value} of `.env`; none if there is no such file. Raise ConfigError if it can't be read."""
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
