"""Copies of a SQLite database, made while a server runs on it; and a copy put in the place of the database.

Postgres has tools of its own for both, which `pg_dump` and `pg_restore` name.
"""

import errno
import os
import shlex
import shutil
import sqlite3
import stat
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import models
from database import ownership

PAGES = 2000  # copied at a time: 8 MB
ENDS = "", "-wal", "-shm", "-journal"  # of the names of a database's files


REMEDIES = {
    **dict.fromkeys(("ENOSPC", "EDQUOT", "EFBIG"), "free some space, or give a file on another disk"),
    **dict.fromkeys(("EACCES", "EPERM"), "give a file that this user may use, or change its rights"),
    "EROFS": "give a file on a disk that can be written",
    **dict.fromkeys(("ENOENT", "ENOTDIR"), "check the path, or make its folder"),
    "EISDIR": "give the path of a file",
    "EIO": "the disk may be broken; give a file on another one",
}


class Refused(Exception):
    """What can't be done: in one line, with the remedy."""


def refusal(path, error):
    """Return a Refused for an OSError about a file."""
    remedy = REMEDIES.get(errno.errorcode.get(error.errno), "give another file")
    return Refused(f"{path}: {error.strerror or error}; {remedy}")


def sqlite_refusal(path, error):
    """Return a Refused for an error that SQLite has met at the database of this path."""
    found = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return Refused(f"{path}: {SQLITE_REMEDIES.get(found, f'it can not be read as a database ({error}); {RESTORE}')}")


RESTORE = "move it and its -wal elsewhere, and restore a copy"
SQLITE_REMEDIES = {
    sqlite3.SQLITE_FULL: "its disk is full; free some space, and try again",
    sqlite3.SQLITE_READONLY: "it can't be written; give this user the right to, or another path, and try again",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; give this user the right to read and write it, and its folder",
    sqlite3.SQLITE_PERM: "it can't be opened; give this user the right to read and write it, and its folder",
    sqlite3.SQLITE_AUTH: "it can't be opened; give this user the right to read and write it, and its folder",
    sqlite3.SQLITE_BUSY: "another program has locked it; try again, or stop that program",
    sqlite3.SQLITE_LOCKED: "another program has locked it; try again, or stop that program",
    sqlite3.SQLITE_IOERR: "its disk fails, or is full; free some space, or check the disk, and try again",
    sqlite3.SQLITE_CORRUPT: f"it is damaged; {RESTORE}",
    sqlite3.SQLITE_NOTADB: f"it can't be read as a SQLite database; {RESTORE}",
}
COPY_FAILED = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}  # only the copy is written


def backup(path, copy, progress):
    """Copy the database at `path` to the file `copy`, as it is now: whole, or not at all.

    In the write-ahead log's mode nobody waits meanwhile: it is read as of one moment, however long that takes.
    `progress(done, of)` is called with pages.
    """
    with _opened(path) as source, written_whole(copy) as file:
        try:
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # from here on it is the same for us
        except sqlite3.Error as error:
            raise sqlite_refusal(path, error) from None
        try:
            _copy(source, file, progress)
        except sqlite3.Error as error:
            is_copy = getattr(error, "sqlite_errorcode", 0) & 0xFF in COPY_FAILED
            raise sqlite_refusal(copy if is_copy else path, error) from None
        check(file)


def check(copy):
    """Raises Refused unless the file is a database of ours, sound, and of no newer version. Its latest migration."""
    if not Path(copy).is_file():
        raise Refused(f"{copy}: there is no such file")
    # What belongs to a copy is all in it, unless somebody has copied the log, too; nothing is to be made beside it.
    how = "mode=ro" if Path(f"{copy}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{_uri(copy)}?{how}", uri=True)) as connection:
            [sound] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            history = next((name for name in (ownership.HISTORY, ownership.SHARED_HISTORY) if name in tables), None)
            ours = history and {"users", "games"} <= tables
            applied = [name for (name,) in connection.execute(f"SELECT name FROM {history}")] if ours else []  # noqa: S608
    except sqlite3.DatabaseError as error:
        raise Refused(f"{copy}: it can't be read as a SQLite database ({error}); give a file that backup has made") from None
    if sound != "ok":
        raise Refused(f"{copy}: it is damaged ({sound}); give another copy")
    if not ours:
        raise Refused(f"{copy}: it is a SQLite database, but none of Snakepit's; give a file that backup has made")
    models.refuse_newer(applied, f"{copy}: it", Refused)
    return max(applied)


def restore(path, copy, progress):
    """Put the content of `copy`, which has passed `check`, into the database at `path`, in one transaction.

    Refused while a server has the database open: what it keeps of boards goes by their versions, and those go back.
    Answers the name of the file in which the present database is kept, or None if there was none.
    """
    aside = f"{path}.before-{time.strftime('%Y%m%d-%H%M%S')}"
    if not Path(path).exists():
        aside = None
    is_moved = aside and _is_unreadable(path)
    if is_moved:
        _move(path, aside)
    try:
        with _opened(path, "mode=rwc", patience=0) as database:
            _take_alone(database, path)
            if aside and not is_moved:
                with written_whole(aside) as file:
                    _copy(database, file, progress)
            with closing(sqlite3.connect(f"{_uri(copy)}?mode=ro", uri=True)) as source:
                source.backup(database, pages=PAGES, progress=_told(progress))
    except BaseException as error:  # the database is as it was: so is the folder
        if is_moved or not aside:
            _remove(path)
        if is_moved:
            _move(aside, path)
        elif aside:
            _remove(aside)
        if isinstance(error, sqlite3.Error):
            raise sqlite_refusal(path, error) from None
        raise
    return aside


def _remove(path):
    for end in ENDS:
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{end}")


def refuse_in_use(path):
    """Raise Refused if a server, or another program, has the SQLite database at `path` open."""
    if Path(path).exists() and not _is_unreadable(path):
        with _opened(path, patience=0) as database:
            _take_alone(database, path)


def _take_alone(database, path):
    """Only the last connection can leave the log's mode, and then none other comes in until it is closed."""
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")  # the mode keeps the lock
    except sqlite3.OperationalError as error:
        raise Refused(f"{path} is in use ({error}); stop the server, and whatever else has it open, first") from None


def _is_unreadable(path):
    try:
        with _opened(path) as database:
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return False  # locked, perhaps, which is said when it is to be written
    except sqlite3.DatabaseError:
        return True
    return False


def _move(path, aside):
    for end in ENDS:
        with suppress(FileNotFoundError):
            os.rename(f"{path}{end}", f"{aside}{end}")


@contextmanager
def _opened(path, how="mode=rw", patience=5):
    """`patience`: seconds to wait for a lock."""
    with closing(sqlite3.connect(f"{_uri(path)}?{how}", uri=True, isolation_level=None, timeout=patience)) as connection:
        yield connection


def _uri(path):
    return f"file:{quote(str(Path(path).absolute()))}"


def _copy(source, file, progress):
    """Into a database that is one file, for itself."""
    with closing(sqlite3.connect(file)) as target:
        source.backup(target, pages=PAGES, progress=_told(progress))
        target.execute("PRAGMA journal_mode = DELETE")


def _told(progress):
    return lambda status, left, pages: progress(pages - left, pages)


@contextmanager
def written_whole(path):
    """The name of a file beside `path`, for its owner only, that takes its place on disk once the block has ended well.

    A link is followed. What is no file, such as /dev/stdout, is written to at the end, and not replaced.
    """
    target = Path(path).resolve()
    is_device = not is_replaceable(path)
    folder = None if is_device else target.parent
    try:
        number, name = tempfile.mkstemp(prefix=".snakepit-", dir=folder)
    except OSError as error:
        raise refusal(path, error) from None
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
        raise refusal(path, error) from None
    finally:
        os.close(number)
        _remove(name)


@contextmanager
def written(path):
    """A file open for writing bytes; see `written_whole`. What is no file is written to right away."""
    if is_replaceable(path):
        with written_whole(path) as name, open(name, "wb") as file:
            yield file
        return
    try:
        with open(path, "wb") as file:
            yield file
    except OSError as error:
        raise refusal(path, error) from None


def is_replaceable(path):
    """Whether it is a file, or nothing yet; not a device, a pipe, or what a process has open, as in /dev/stdout."""
    if os.fspath(path).startswith(("/dev/", "/proc/")):
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise refusal(path, error) from None


# Postgres.


def pg_dump(url, file):
    dump = f"pg_dump --format=custom --file={shlex.quote(str(file))} {shlex.quote(_without_password(url))}"
    return f"(umask 077; {dump})"  # a dump is as secret as the database


def pg_restore(url, file):
    """The command that restores what pg_dump has made. A server that runs meanwhile would go on with what it has cached."""
    options = "--clean --if-exists --no-owner --single-transaction"
    return f"pg_restore {options} --dbname={shlex.quote(_without_password(url))} {shlex.quote(str(file))}"


def _without_password(url):
    """A URL as Postgres' own tools take it; they ask for the password, or find it where they look for it."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    rest = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "password"])
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return parts._replace(scheme="postgresql", netloc=netloc, query=rest).geturl()
