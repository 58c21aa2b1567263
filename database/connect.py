"""Makes the database of a URL."""

import itertools
import re
from urllib.parse import unquote, urlsplit

from playhouse import db_url

import config
from database import postgres
from database.connections import LOCK_WAIT, SQLITE_PRAGMAS, KeptSqliteDatabase

_numbers = itertools.count(1)


def connect(url, lock_wait=LOCK_WAIT, limits=None):
    """Return the database of a URL as playhouse.db_url takes it; nothing is opened yet.

    Each call with a URL of SQLite in memory makes another database. `lock_wait`: seconds to wait while another program locks
    SQLite's file; `limits`: Postgres's settings for the same, see postgres.py.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.removesuffix("+pool")
    if scheme != "sqlite":
        kind, (address, query) = db_url.schemes[scheme], _postgres_address(url)
        options = address | _without_pool(db_url.parse(f"{scheme}:///?{query}")) | {"database": address["database"]}
        return postgres.pooled(kind)(limits=limits, **postgres.OPTIONS | options)
    options = _without_pool(db_url.parse(f"{scheme}://{rest}"))
    options |= {"pragmas": SQLITE_PRAGMAS, "lock_type": "IMMEDIATE", "check_same_thread": False, "timeout": 0}
    if config.is_in_memory(url):
        # SQLite's memdb: a name that begins with a slash is one database for all connections of the process.
        options |= {"database": f"file:/snakepit-{next(_numbers)}?vfs=memdb", "uri": True}
    database = KeptSqliteDatabase(**options)
    database.lock_wait = lock_wait
    return database


def _postgres_address(url):
    """Return (psycopg's arguments for host, port, user, password and database; the query) of a Postgres URL.

    libpq tries several hosts, separated by commas, in turn.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    pairs = [re.fullmatch(r"(\[.*\]|[^:]*)(?::(.*))?", host).groups() for host in hosts.split(",")]
    arguments = {
        "database": unquote(parts.path[1:]),
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(unquote(host).strip("[]") for host, _ in pairs),
        "port": ",".join(port or "" for _, port in pairs),
    }
    return {name: value for name, value in arguments.items() if value.strip(",")}, parts.query


def _without_pool(options):
    """Leave out the options of playhouse's pool: the URL may have them, and this is another pool."""
    return {name: value for name, value in options.items() if name not in config.POOL_OPTIONS}
