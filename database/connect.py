"""Makes the database of a URL."""

import itertools
from urllib.parse import unquote

from playhouse import db_url

from database import sqlite, urls
from database.deadlines import LOCK_WAIT

_numbers = itertools.count(1)


def connect(url, lock_wait=LOCK_WAIT, limits=None, shared=False):
    """Return the database of a URL as playhouse.db_url takes it; nothing is opened yet.

    Each call with a URL of SQLite in memory makes another database. `lock_wait`: seconds to wait while another program locks
    a SQLite file; `limits`: Postgres's settings for the same, see PostgresPool; `shared`: the threads of a server use it.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.removesuffix("+pool")
    if scheme != "sqlite":
        from database import postgres  # imports psycopg, which SQLite doesn't need

        address, query = _postgres_address(url)
        options = address | _known(db_url.parse(f"{scheme}:///?{query}")) | {"database": address["database"]}
        return postgres.PostgresPool(limits=limits, **options)
    options = _known(db_url.parse(f"{scheme}://{rest}")) | {"lock_wait": lock_wait}
    if urls.is_in_memory(url):
        # SQLite's memdb: a name that begins with a slash is one database for all connections of the process.
        return sqlite.InMemorySqlite(**options | {"database": f"file:/snakepit-{next(_numbers)}?vfs=memdb", "uri": True})
    return (sqlite.SharedSqlite if shared else sqlite.Sqlite)(**options)


def _postgres_address(url):
    """Return (psycopg's arguments for host, port, user, password and database; the query) of a Postgres URL.

    libpq tries several hosts, separated by commas, in turn.
    """
    parts = urls.split_url(url)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    arguments = {"database": unquote(parts.path[1:]), "user": unquote(user), "password": unquote(password)}
    arguments |= urls.split_servers(parts.netloc)
    return {name: value for name, value in arguments.items() if value.strip(",")}, parts.query


def only_primary(options):
    """Return what libpq's options lack if they name several servers: the wish for the one that accepts writes."""
    is_several = any("," in str(options.get(name, "")) for name in ("host", "hostaddr"))
    return {"target_session_attrs": "read-write"} if is_several and "target_session_attrs" not in options else {}


def _known(options):
    """Leave out what a URL may have for playhouse's pool, or its extensions of Postgres, which are not used."""
    return {name: value for name, value in options.items() if name not in (*urls.POOL_OPTIONS, "server_side_cursors")}
