"""Errors of operator commands: what is wrong and how to fix it, in one line."""

import errno
import re

from database import errors

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
    errors.DISK_FULL: "its disk is full; free some space, and try again",
    errors.READ_ONLY: "it can't be written; let this user write it, or give another path, and try again",
    **dict.fromkeys(
        (errors.CANT_OPEN, errors.NO_PRIVILEGES), "it can't be opened; let this user read and write it, and its folder"
    ),
    errors.LOCKED: "another program has locked it; try again, or stop that program",
    errors.IO_ERROR: "its disk fails, or is full; free some space, or check the disk, and try again",
    errors.DAMAGED: f"it can't be read as a SQLite database, or is damaged; {RESTORE}",
}
POSTGRES_REMEDIES = errors.REMEDIES | {errors.DISK_FULL: "free some space on the disk of the database, and try again"}


class OperationError(Exception):
    """An operation is impossible: the message is one line, with the remedy."""


def file_error(path, error):
    """Return the OperationError for an OSError about a file."""
    remedy = FILE_REMEDIES.get(errno.errorcode.get(error.errno), "give another file")
    return OperationError(f"{path}: {error.strerror or error}; {remedy}")


def sqlite_error(path, error):
    """Return the OperationError for an error of SQLite's, or of Peewee's, at the database of this path."""
    remedy = SQLITE_REMEDIES.get(errors.describe(error), f"it can't be read as a database ({error}); {RESTORE}")
    return OperationError(f"{path}: {remedy}")


def postgres_error(error):
    """Return the OperationError for an error of Peewee's."""
    words = re.sub(r"\s*Is the server running.*?\?", "", errors.one_line(error))
    remedy = POSTGRES_REMEDIES.get(errors.describe(error), "check that the database server runs, and try again")
    return OperationError(f"DATABASE_URL: the database can't be used: {words}; {remedy}")
