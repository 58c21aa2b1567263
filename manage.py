"""The operator's command line: it parses arguments, calls `operations`, and prints an error as one line."""

import argparse
import os
import signal
import sqlite3
import sys
from contextlib import suppress

import peewee

import config
from observability import logs
from operations import commands
from operations.errors import OperationError, file_error, postgres_error, sqlite_error
from web.problems import Problem

# The help has its own text: `python -OO` drops docstrings.
ABOUT = "Operator commands: backups, checks and player administration."
NOTES = (
    "The settings are read as the server reads them, from the environment and from `.env`: run this where the server is"
    " started. All commands but `restore` and `import` work while a server runs. An error is one line on the standard error,"
    " with exit status 1."
)
NAMING = "reset-password", "rename", "ban", "unban", "delete-score"  # the commands that a name or an id follows
OPTIONS = "-h", "--help", "--url", "--yes"  # of those


def main(arguments=None):
    """Run the command of the arguments. Return the exit status."""
    args = command_line().parse_args(_escape_leading_dashes(sys.argv[1:] if arguments is None else list(arguments)))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names are of any script, terminals are not
    try:
        status = _run(args)
        if sys.stdout:
            sys.stdout.flush()
        return status
    except config.ConfigError as error:
        return _failed(error, 2)
    except (OperationError, Problem) as error:
        return _failed(error)
    except BrokenPipeError:
        _silence_stdout()
        return _failed("whatever reads the output has stopped; not all of it was written")
    except OSError as error:
        if not error.filename:
            _silence_stdout()
        return _failed(file_error(error.filename or "the output", error))
    except KeyboardInterrupt:
        return _failed("stopped; what it was doing is not done, or done in part")


def _run(args):
    settings = config.load()
    for line in config.warnings():
        print(f"manage.py: {line}", file=sys.stderr)
    try:
        return args.command(args, settings) or 0
    except (sqlite3.Error, peewee.PeeweeException) as error:
        path = commands.sqlite_path(settings)
        raise (sqlite_error(path, error) if path else postgres_error(error)) from None


def _silence_stdout():
    """Make Python write nothing to the standard output when it exits."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escape_leading_dashes(arguments):
    """Prefix names and ids that begin with a - by a space, so that argparse doesn't parse them as options."""
    if not arguments or arguments[0] not in NAMING:
        return arguments
    return [f" {word}" if word.startswith("-") and word.partition("=")[0] not in OPTIONS else word for word in arguments]


def _failed(why, status=1):
    format_ = config.log_format()
    with suppress(BrokenPipeError):
        print(f"manage.py: {why}" if format_ == "text" else logs.failure(str(why), format_), file=sys.stderr)
    return status


def _name(text):
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise argparse.ArgumentTypeError("it is not in UTF-8; give it in the terminal's own encoding")
    return text.strip()


def _days(text):
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= 36500:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number of days, 1 or more")
    return int(text)


def command_line():
    parser = argparse.ArgumentParser(description=ABOUT, epilog=NOTES)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name, function, words, *arguments, yes=False):
        command = subparsers.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        command.set_defaults(command=function)
        for argument, options in arguments:
            command.add_argument(argument, **options)
        if yes:
            command.add_argument("--yes", action="store_true", help="don't ask for confirmation")

    file = "file", {"metavar": "FILE"}
    name = "name", {"metavar": "NAME", "type": _name, "help": "a player's name, in upper or lower case"}
    stream = "file", {"metavar": "FILE", "nargs": "?", "help": "by default the standard input or output"}
    add("backup", commands.backup, "copy the SQLite database to FILE, as it is now", file, yes=True)
    add("restore", commands.restore, "replace the database by a copy; the previous one is kept beside it", file, yes=True)
    add(
        "export",
        commands.export,
        "write the whole database as lines of JSON, which are as secret as it is",
        stream,
        yes=True,
    )
    replace = "--replace", {"action": "store_true", "help": "first delete everything in Snakepit's tables"}
    add("import", commands.import_, "fill an empty database, SQLite or Postgres, from an export", stream, replace)
    check = "--check", {"action": "store_true", "help": "only tell; status 1 if servers must be stopped first"}
    add("migrate", commands.migrate, "bring the database to this version, as the start of a server does", check)
    add("verify", commands.verify, "play every ranked game again, and compare")
    check = "--check", {"action": "store_true", "help": "only compare"}
    add("rebuild", commands.rebuild, "rebuild the leaderboards from the games", check)
    add("stats", commands.stats, "count players, games and the space they take")
    url = "--url", {"help": "the server's public address, such as https://snakepit.example.org"}
    add("reset-password", commands.reset_password, "print a link with which a player sets a new password, once", name, url)
    add("rename", commands.rename, "give a player another name", name, ("new", {"metavar": "NEW", "type": _name}))
    add("ban", commands.ban, "remove a player from every leaderboard, until unban", name)
    add("unban", commands.unban, "lift a player's ban", name)
    game = "game", {"metavar": "GAME", "type": _name, "help": "its id, or its address"}
    add("delete-score", commands.delete_score, "remove a game from the leaderboards; its replay stays", game, yes=True)
    add("rooms", commands.list_rooms, "list the rooms in which players play together")
    code = "code", {"metavar": "CODE", "help": "the room's, with which players join"}
    add("close-room", commands.close_room, "delete a room with its standings; its games stay", code, yes=True)
    days = "--days", {"type": _days, "required": True, "metavar": "N", "help": "older than this many days"}
    dry = "--dry-run", {"action": "store_true", "help": "only count"}
    add(
        "prune",
        commands.prune,
        "delete old games that are on no leaderboard, inactive guests and unused rooms",
        days,
        dry,
        yes=True,
    )
    add("vacuum", commands.vacuum, "return the space of deleted rows to the disk; a running server can't write meanwhile")
    return parser


if __name__ == "__main__":
    os.umask(0o077)  # what it writes is for its user only
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as Ctrl+C does, so that nothing is left behind
    sys.exit(main())
