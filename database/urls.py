"""What the URL of a database says. The process that starts the workers reads it, too: nothing of ours is imported here.

The functions that check raise ValueError with the remedy, which contains no part of a secret.
"""

import ipaddress
import json
import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

# The options that a database URL may have after its "?", and their values: of sqlite3, of psycopg, of a connection pool.
OPTIONS = json.loads(Path(__file__).with_name("url_options.json").read_text())
POOL_OPTIONS = OPTIONS["pool"]  # accepted and ignored: the pool's size is fixed
ENCODE = "percent-encode the user and the password: write / as %2F, @ as %40, # as %23"
SCHEME = re.compile(r"(sqlite|postgres|postgresql|postgresext|postgresqlext|psycopg3)(\+pool)?://")
URL = re.compile(r"([^:]*)://([^/?#]*)([^?#]*)\??([^#]*)#?(.*)", re.DOTALL)
SERVER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]*))(?::([^:]*))?")
DIGITS = re.compile("[0-9]{1,19}")
HOSTNAME = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII | re.IGNORECASE)


def check(url):
    """Check a URL whose scheme is in lower case: of a file that can be made, or of a Postgres."""
    if not SCHEME.match(url):
        raise ValueError("give sqlite:///./snake.db, or postgresql://USER:PASSWORD@HOST/DATABASE")
    (_check_sqlite if url.startswith("sqlite") else _check_postgres)(url)


def _check_sqlite(url):
    scheme, _, rest = url.partition("://")
    path, _, query = rest.partition("?")
    if "#" in rest:
        raise ValueError("the path contains a #, where a URL ends; give a path without it")
    if path and not path.startswith("/"):
        raise ValueError(f"it names no file; write {scheme}:///./snake.db, with three slashes")
    _check_options(query, OPTIONS["sqlite"] | (OPTIONS["pool"] if "+" in scheme else {}))
    if is_in_memory(url):
        return
    file = Path(path[1:])
    if path.endswith("/") or file.is_dir():
        raise ValueError("it names a folder; give the path of a file in it, such as snake.db")
    if not file.parent.is_dir():
        folder = f"{file.parent} " if str(file.parent).isprintable() else ""
        raise ValueError(f"the folder {folder}does not exist; make it, or name a file elsewhere")


def _check_postgres(url):
    parts = checked_parts(url)
    if re.search("%(?![0-9A-Fa-f]{2})|%00", f"{parts.netloc}{parts.path}"):
        raise ValueError(ENCODE)
    options = _check_options(parts.query, OPTIONS["postgres"] | (OPTIONS["pool"] if "+" in parts.scheme else {}))
    servers = split_servers(parts.netloc) | options
    check_servers(*(servers.get(name, "") for name in ("host", "port", "hostaddr")))
    if not parts.path.strip("/"):
        raise ValueError(f"it names no database; write {parts.scheme}:///NAME or {parts.scheme}://HOST/NAME")


def split_url(url):
    """Return a URL's parts like urlsplit, which in newer versions of Python refuses a list of hosts such as a,[::1]."""
    return SplitResult(*URL.fullmatch(url).groups())


def checked_parts(url):
    """Return split_url(url). Raise ValueError if a special character of the password breaks the URL."""
    parts = split_url(url)
    user, at, _ = parts.netloc.rpartition("@")
    is_broken = "@" in parts.path or ("@" in parts.query and not at) or any(c in user for c in "[]")
    try:
        urlsplit(f"//{user}")
    except ValueError:
        is_broken = True
    if is_broken or "#" in url or any(c.isspace() for c in url):
        raise ValueError(ENCODE)
    return parts


def split_servers(netloc):
    """Return libpq's lists {"host": "A,B", "port": "1,2"} of a URL's servers, each HOST or HOST:PORT.

    A host may be [IPv6], or the folder of a socket with %2F for each slash. It is "?" where it is not valid.
    """
    matches = [SERVER.fullmatch(server) for server in netloc.rpartition("@")[2].split(",")]
    hosts = [unquote(match[1] or match[2]) if match else "?" for match in matches]
    return {"host": ",".join(hosts), "port": ",".join((match and match[3]) or "" for match in matches)}


def check_servers(host, port, hostaddr=""):
    """Check libpq's lists of servers. Of a single server, what is empty has a default."""
    hosts, ports, addresses = host.split(","), port.split(","), hostaddr.split(",")
    for number, name in enumerate(hosts, 1):
        if not _is_server(name) or (len(hosts) > 1 and not name):
            which, trouble = _which_host(number, hosts), "is not valid" if name else "is missing"
            raise ValueError(f"{which} {trouble}; give HOST:PORT, [IPv6]:PORT or several with commas, and {ENCODE}")
    if len(ports) not in (1, len(addresses if hostaddr else hosts)) or (host and hostaddr and len(hosts) != len(addresses)):
        raise ValueError("it has not as many ports, or addresses in hostaddr, as hosts; give one for each host")
    for number, text in enumerate(ports, 1):
        if text and not (DIGITS.fullmatch(text) and 1 <= int(text) <= 65535):
            which = _which_host(number, ports)
            raise ValueError(f"the port of {which} must be a number from 1 to 65535; if it is of the password, {ENCODE}")


def _which_host(number, hosts):
    return f"its host {number} of {len(hosts)}" if len(hosts) > 1 else "its host"


def _is_server(text):
    """Return whether the text is a host or the folder of a socket, or empty, which means the default."""
    return not text or text.startswith(("/", "@")) or is_host(text)


def _check_options(query, known):
    """Return the options of a query as {name: value}."""
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")) if query else {}
    except (ValueError, UnicodeDecodeError):
        raise ValueError("the text after the ? is not valid; give options as NAME=VALUE&NAME=VALUE, or none") from None
    for name, value in options.items():
        wanted = known.get(name)
        if wanted is None or "\0" in value:
            shown = name if re.fullmatch("[a-z_]{1,30}", name) else "of that name or value"
            raise ValueError(f"there is no option {shown}; give other options after the ?, or none")
        if wanted == "integer" and not DIGITS.fullmatch(value):
            raise ValueError(f"the option {name} after the ? must be a whole number")
        if isinstance(wanted, list) and value not in wanted:
            raise ValueError(f"the option {name} after the ? must be one of {', '.join(wanted)}")
    return options


def is_in_memory(url):
    """Return whether the database is a SQLite database in memory, which no other process sees."""
    parts = split_url(url)
    return parts.scheme.startswith("sqlite") and (":memory:" in parts.path or parts.path in ("", "/"))


def is_host(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(HOSTNAME.fullmatch(text)) and not re.fullmatch(r"[\d.]+", text)
    return True
