"""Errors of operator commands: what is wrong and how to fix it, in one line."""

import errno
import re
import sqlite3

import peewee

from database.errors import one_line

RESTORE = "move it and its -wal elsewhere, and restore a copy"
FILE_REMEDIES = {
    **dict.fromkeys(("ENOSPC", "EDQUOT", "EFBIG"), "free some space, or give a file on another disk"),
    **dict.fromkeys(("EACCES", "EPERM"), "give a file that this user may use, or change its permissions"),
    "EROFS": "give a file on a disk that can be written",
    **dict.fromkeys(("ENOENT", "ENOTDIR"), "check the path, or make its folder"),
    "EISDIR": "give the path of a file",
    "EIO": "the disk may be broken; give a file on another one",
}
SQLITE_REMEDIES = {
    sqlite3.SQLITE_FULL: "its disk is full; free some space, and try again",
    sqlite3.SQLITE_READONLY: "it can't be written; let this user write it, or give another path, and try again",
    **dict.fromkeys(
        (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
        "it can't be opened; let this user read and write it, and its folder",
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), "another program has locked it; try again, or stop that program"
    ),
    sqlite3.SQLITE_IOERR: "its disk fails, or is full; free some space, or check the disk, and try again",
    sqlite3.SQLITE_CORRUPT: f"it is damaged; {RESTORE}",
    sqlite3.SQLITE_NOTADB: f"it can't be read as a SQLite database; {RESTORE}",
}
# (SQLSTATEs, words of errors without one, remedy)
POSTGRES_REMEDIES = (
    (("28P01", "28000"), ("password", "no pg_hba.conf entry", 'role "'), "give the right user and password"),
    (("3D000",), ('database "',), "give the name of an existing database, or create it (createdb)"),
    (("42501",), ("permission denied",), "let this user use Snakepit's tables (GRANT)"),
    (("53100",), (), "free some space on the disk of the database, and try again"),
    (("25006",), (), "it is read-only; name the server that can be written"),
    (("42P01",), (), "restore a copy of the database"),
)


class OperationError(Exception):
    """An operation is impossible: the message is one line, with the remedy."""


def file_error(path, error):
    """Return the OperationError for an OSError about a file."""
    remedy = FILE_REMEDIES.get(errno.errorcode.get(error.errno), "give another file")
    return OperationError(f"{path}: {error.strerror or error}; {remedy}")


def sqlite_error(path, error):
    """Return the OperationError for an error of SQLite's at the database of this path."""
    remedy = SQLITE_REMEDIES.get(primary_code(error), f"it can't be read as a database ({error}); {RESTORE}")
    return OperationError(f"{path}: {remedy}")


def primary_code(error):
    """Return SQLite's primary result code of an error; 0 for errors of the driver's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def database_error(path, error):
    """Return the OperationError for an error of Peewee's, at the SQLite database of this path, or at Postgres (None)."""
    while isinstance(error, peewee.PeeweeException) and getattr(error, "orig", None):
        error = error.orig
    if path:
        return sqlite_error(path, error)
    words = re.sub(r"\s*Is the server running.*?\?", "", one_line(error))
    return OperationError(f"DATABASE_URL: the database can't be used: {words}; {_postgres_remedy(error)}")


def _postgres_remedy(error):
    code, text = getattr(error, "sqlstate", None), str(error)
    for codes, words, remedy in POSTGRES_REMEDIES:
        if code in codes or any(word in text for word in words):
            return remedy
    return "check that the database server runs, and try again"
