"""What a database error means, as a sentence that anybody may read: it has no host, name or other part of DATABASE_URL."""

import errno
import re
import sqlite3

import peewee

DISK_FULL = "The server's disk is full: nothing can be written."
READ_ONLY = "The server can't write to its database."
IO_ERROR = "The server's disk fails, or is full."
LOCKED = "The database is busy with what another program writes."
UNREACHABLE = "The database is out of reach."
NO_ANSWER = "The database does not answer in time."
STARTING = "The database is starting or stopping."
NO_PRIMARY = "No server of the database accepts writes at the moment."
NO_FREE = "All connections to the database are in use."
TOO_MANY_WAIT = "Too many requests wait for the database."
DAMAGED = "The database file is damaged, or is not a database."
CANT_OPEN = "The database file can't be opened."
LOG_IN_REFUSED = "The database refuses the server's user or password."
NO_DATABASE = "The database does not exist."
NO_HOST = "The host of the database is unknown."
NOT_SECURE = "The connection to the database can't be made as secure as it must be."
NO_PRIVILEGES = "The server lacks privileges on its database."
NO_TABLES = "Tables or columns of the server are missing in its database."
NOT_OURS = "The database is another program's, or comes from a newer version."
OUTDATED = "A newer version of this server has changed the database, and this version can't work with it any more."

# What the drivers raise for an option that they don't know, SQLite's and Postgres's in this order.
INVALID_OPTIONS = (TypeError, peewee.ProgrammingError)
# How an operator can fix what doesn't pass by itself.
REMEDIES = {
    READ_ONLY: "let the server's user write to the file and its folder, or name a Postgres that is no standby and not"
    " read-only",
    DAMAGED: "restore a copy, or name another file",
    CANT_OPEN: "let the server's user read and write the file and its folder, or name another file",
    LOG_IN_REFUSED: "correct the user and the password, or let this user in (pg_hba.conf)",
    NO_DATABASE: "create it, or name another",
    NO_HOST: "correct the host's name",
    NOT_SECURE: "correct sslmode and the certificates",
    NO_PRIVILEGES: "grant its user all on the database's schema and on the tables in it",
    **dict.fromkeys((NO_TABLES, NOT_OURS), "restore a copy, or name another database"),
    OUTDATED: "start that version",
}
SENTENCES = {
    **{sqlite3.SQLITE_FULL: DISK_FULL, sqlite3.SQLITE_READONLY: READ_ONLY, sqlite3.SQLITE_IOERR: IO_ERROR},
    **{sqlite3.SQLITE_BUSY: LOCKED, sqlite3.SQLITE_NOTADB: DAMAGED, sqlite3.SQLITE_CORRUPT: DAMAGED},
    **{sqlite3.SQLITE_CANTOPEN: CANT_OPEN, sqlite3.SQLITE_PERM: CANT_OPEN, sqlite3.SQLITE_AUTH: NO_PRIVILEGES},
    **{"ENOSPC": DISK_FULL, "EDQUOT": DISK_FULL, "EFBIG": DISK_FULL, "EROFS": READ_ONLY, "EIO": IO_ERROR},
    # Postgres's SQLSTATEs, see https://www.postgresql.org/docs/current/errcodes-appendix.html
    **{"53100": DISK_FULL, "58030": IO_ERROR, "XX001": DAMAGED, "XX002": DAMAGED, "25006": READ_ONLY},
    **{"55P03": LOCKED, "40P01": LOCKED, "40001": LOCKED, "57014": NO_ANSWER, "53300": NO_FREE},
    **{"57P01": STARTING, "57P02": STARTING, "57P03": STARTING, "28000": LOG_IN_REFUSED, "28P01": LOG_IN_REFUSED},
    **{"3D000": NO_DATABASE, "42501": NO_PRIVILEGES, "42P01": NO_TABLES, "42703": NO_TABLES, "3F000": NO_TABLES},
}
DUPLICATE = {"23505", sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
# Errors without a code, by their text: SQLite's, libpq's, and Postgres's before it knows the session's language.
PATTERNS = {
    re.compile(pattern): sentence
    for pattern, sentence in {
        "session is read-only|server is in hot standby mode": NO_PRIMARY,
        "no such (table|column)": NO_TABLES,
        "system is (starting up|shutting down)|in recovery mode|not (yet )?accepting connections": STARTING,
        "too many (clients|connections)|remaining connection slots": NO_FREE,
        "timeout expired|wait timeout|not answer in time": NO_ANSWER,
        r"authentication failed|no password supplied|role .* does not exist|no pg_hba.conf entry|not permitted to log in": (
            LOG_IN_REFUSED
        ),
        "database .* does not exist": NO_DATABASE,
        "Name or service not known|No address associated|nodename nor servname|not known": NO_HOST,
        "(?i)permission denied": NO_PRIVILEGES,
        "SSL|certificate": NOT_SECURE,
    }.items()
}


def unavailable(sentence, kind=peewee.OperationalError):
    """Return an error that `describe` gives this sentence for."""
    error = kind(sentence)
    error.sentence = sentence
    return error


def describe(error):
    """Return what is wrong with the database as a sentence, given one of peewee's errors; the error itself is for the log.

    None for a fault of ours, or an expected error such as that of a name that is taken.
    """
    text, is_unavailable = str(error), isinstance(error, peewee.OperationalError | peewee.InterfaceError)
    while isinstance(error, peewee.PeeweeException) and not hasattr(error, "sentence"):
        error = getattr(error, "orig", None)  # the driver's error, unless it is one of `unavailable`
    if sentence := getattr(error, "sentence", None):
        return sentence
    code = errno.errorcode.get(error.errno) if isinstance(error, OSError) else getattr(error, "sqlstate", sqlite_code(error))
    if sentence := SENTENCES.get(code):
        return sentence
    if is_unavailable and code in (None, sqlite3.SQLITE_ERROR):
        sentence = next((sentence for pattern, sentence in PATTERNS.items() if pattern.search(text)), None)
    return sentence or (UNREACHABLE if is_unavailable else None)


def of_driver(error):
    """Return the driver's error that one of peewee's is for."""
    while isinstance(error, peewee.PeeweeException) and getattr(error, "orig", None):
        error = error.orig
    return error


def sqlite_code(error):
    """Return SQLite's primary code of an error, or None for an error of the driver's own."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_duplicate(error):
    """Return whether another row has a value that must be unique."""
    error = of_driver(error)
    return getattr(error, "sqlstate", getattr(error, "sqlite_errorcode", None)) in DUPLICATE


def is_locked(error):
    """Return whether it is worth trying again, since another program holds SQLite's lock.

    It isn't after SQLITE_BUSY_SNAPSHOT: the transaction began with a read, of what has changed since.
    """
    error = of_driver(error)
    return sqlite_code(error) == sqlite3.SQLITE_BUSY and error.sqlite_errorcode != sqlite3.SQLITE_BUSY_SNAPSHOT


# After these errors, a connection may never work again. The file of SQLite was read-only, say, or was replaced.
LOST = {
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT),
    sqlite3.SQLITE_NOTADB,
    *("25006", "57P01", "57P02", "57P03"),  # the server of Postgres stops, or is a standby now
}


def is_lost(error):
    """Return whether a connection may never work again after this error.

    SQLite's failed writes are rolled back. If the connections were closed then, the WAL's index might have no room to be
    made again.
    """
    error = of_driver(error)
    code = getattr(error, "sqlstate", sqlite_code(error))
    return code in LOST and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_IOERR_WRITE


def one_line(error):
    """Return an error's text for the log: Postgres's has several lines."""
    return " ".join(str(error).split())
