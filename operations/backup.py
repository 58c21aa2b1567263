"""Backup of a SQLite database while a server runs, and restore.

Postgres has its own tools for both; `pg_dump` and `pg_restore` return their commands. The connections here are sqlite3's
own: the database can be damaged, of another version, or another program's.
"""

import os
import shlex
import shutil
import sqlite3
import stat
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from database import migrations
from database.connect import only_primary
from database.errors import sqlite_code
from database.tables import HISTORY
from database.urls import split_servers, split_url
from operations.errors import OperationError, file_error, sqlite_error

PAGES = 2000  # copied at a time: 8 MB
SUFFIXES = "", "-wal", "-shm", "-journal"  # of the names of a database's files
COPY_FAILED = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}  # only the copy is written


def backup(path, copy, progress):
    """Copy the database at `path`, as it is now, to the file `copy`, which is written completely or not at all.

    In WAL mode nobody waits meanwhile: one snapshot is read, however long that takes. `progress(done, of)` is called with
    pages.
    """
    with _opened(path) as source, atomic_write(copy) as file:
        try:
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # the first read begins the snapshot
        except sqlite3.Error as error:
            raise sqlite_error(path, error) from None
        try:
            _copy(source, file, progress)
        except sqlite3.Error as error:
            is_copy = sqlite_code(error) in COPY_FAILED
            raise sqlite_error(copy if is_copy else path, error) from None
        check(file)


def check(copy):
    """Return a backup's latest migration. Raise OperationError unless it is ours, undamaged, and of no newer version."""
    if not Path(copy).is_file():
        raise OperationError(f"{copy}: there is no such file")
    # A backup is one file, unless somebody has copied the WAL file, too. Nothing may be created beside it.
    how = "mode=ro" if Path(f"{copy}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{_uri(copy)}?{how}", uri=True)) as connection:
            [sound] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            history = next((name for name in (HISTORY, migrations.SHARED_HISTORY) if name in tables), None)
            ours = history and {"users", "games"} <= tables
            applied = [name for (name,) in connection.execute(f"SELECT name FROM {history}")] if ours else []  # noqa: S608
    except sqlite3.DatabaseError as error:
        raise OperationError(
            f"{copy}: it can't be read as a SQLite database ({error}); give a file made by backup"
        ) from None
    if sound != "ok":
        raise OperationError(f"{copy}: it is damaged ({sound}); give another copy")
    if not ours:
        raise OperationError(f"{copy}: it is a SQLite database, but not Snakepit's; give a file made by backup")
    migrations.refuse_newer(applied, f"{copy}: it", OperationError)
    return max(applied)


def restore(path, copy, progress):
    """Put the content of `copy`, which has passed `check`, into the database at `path`, in one transaction.

    Raise OperationError while a server has the database open: its caches go by versions, which would go back. Return the
    name of the file that has the previous database, or None if there was none.
    """
    previous = f"{path}.before-{time.strftime('%Y%m%d-%H%M%S')}"
    if not Path(path).exists():
        previous = None
    is_moved = previous and _is_unreadable(path)
    if is_moved:
        _move(path, previous)
    try:
        with _opened(path, "mode=rwc", patience=0) as database:
            _lock_exclusively(database, path)
            if previous and not is_moved:
                with atomic_write(previous) as file:
                    _copy(database, file, progress)
            with closing(sqlite3.connect(f"{_uri(copy)}?mode=ro", uri=True)) as source:
                source.backup(database, pages=PAGES, progress=_page_progress(progress))
    except BaseException as error:  # the database is unchanged: restore the folder, too
        if is_moved or not previous:
            remove(path)
        if is_moved:
            _move(previous, path)
        elif previous:
            remove(previous)
        if isinstance(error, sqlite3.Error):
            raise sqlite_error(path, error) from None
        raise
    return previous


def remove(path):
    """Remove a database with all its files, as far as they are there."""
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")


def refuse_in_use(path):
    """Raise OperationError if a server, or another program, has the SQLite database at `path` open."""
    if Path(path).exists() and not _is_unreadable(path):
        with _opened(path, patience=0) as database:
            _lock_exclusively(database, path)


def _lock_exclusively(database, path):
    """Keep others out until the connection is closed: only the last connection can leave WAL mode."""
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")  # the mode keeps the lock
    except sqlite3.OperationalError as error:
        raise OperationError(
            f"{path} is in use ({error}); first stop the server, and other programs that have it open"
        ) from None


def _is_unreadable(path):
    try:
        with _opened(path) as database:
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return False  # locked, perhaps; writing will tell
    except sqlite3.DatabaseError:
        return True
    return False


def _move(path, previous):
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{previous}{suffix}")


@contextmanager
def _opened(path, how="mode=rw", patience=5):
    """`patience`: seconds to wait for a lock."""
    with closing(sqlite3.connect(f"{_uri(path)}?{how}", uri=True, isolation_level=None, timeout=patience)) as connection:
        yield connection


def _uri(path):
    return f"file:{quote(str(Path(path).absolute()))}"


def _copy(source, file, progress):
    """Copy into a database that is one file, without a WAL file."""
    with closing(sqlite3.connect(file)) as target:
        source.backup(target, pages=PAGES, progress=_page_progress(progress))
        target.execute("PRAGMA journal_mode = DELETE")


def _page_progress(progress):
    return lambda status, left, pages: progress(pages - left, pages)


@contextmanager
def atomic_write(path):
    """Yield the name of a new file, for its owner only, that replaces the file at `path` if the block succeeds.

    Links are followed. Devices such as /dev/stdout are not replaced, but written to at the end.
    """
    target = Path(path).resolve()
    is_device = not is_replaceable(path)
    folder = None if is_device else target.parent
    try:
        number, name = tempfile.mkstemp(prefix=".snakepit-", dir=folder)
    except OSError as error:
        raise file_error(path, error) from None
    try:
        yield name
        os.fsync(number)
        if is_device:
            with open(name, "rb") as source, open(path, "wb") as device:
                shutil.copyfileobj(source, device)
            return
        os.replace(name, target)
        folder = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise file_error(path, error) from None
    finally:
        os.close(number)
        remove(name)


@contextmanager
def open_for_writing(path):
    """Yield a file open for writing bytes; see `atomic_write`. Devices are written to directly."""
    if is_replaceable(path):
        with atomic_write(path) as name, open(name, "wb") as file:
            yield file
        return
    try:
        with open(path, "wb") as file:
            yield file
    except OSError as error:
        raise file_error(path, error) from None


def is_replaceable(path):
    """Return whether it is a file, or does not exist; not a device, a pipe, or a process's open file as in /dev/stdout."""
    if os.fspath(path).startswith(("/dev/", "/proc/")):
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise file_error(path, error) from None


# Postgres.


def pg_dump(url, file):
    dump = f"pg_dump --format=custom --file={shlex.quote(str(file))} {shlex.quote(_without_password(url))}"
    return f"(umask 077; {dump})"  # a dump is as secret as the database


def pg_restore(url, file):
    """Return the command that restores what pg_dump has made. A running server would go on with what it has cached."""
    options = "--clean --if-exists --no-owner --single-transaction"
    return f"pg_restore {options} --dbname={shlex.quote(_without_password(url))} {shlex.quote(str(file))}"


def _without_password(url):
    """Return a URL as Postgres's own tools take it; they ask for the password, or find it where they look for it."""
    parts = split_url(url)
    user, at, host = parts.netloc.rpartition("@")
    options = {name: value for name, value in parse_qsl(parts.query) if name != "password"}
    options = only_primary(split_servers(parts.netloc) | options) | options
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return parts._replace(scheme="postgresql", netloc=netloc, query=urlencode(options)).geturl()
