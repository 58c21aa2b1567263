"""What whoever runs a server does from the command line: copies, checks, and players.

The settings are read as the server reads them, from the environment and from `.env`: start it where the server is started.
All but `restore` and `import` work while a server runs. What goes wrong is one line on the standard error, and the exit
status 1.
"""

import argparse
import os
import re
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import peewee

import config
import models
from accounts import accounts, passwords
from database import errors
from database.binding import bind, is_sqlite
from database.connect import connect
from game import leaderboards, players
from observability import logs
from operations import backup, export, maintenance
from operations.backup import Refused
from schemas import timestamp
from web import client_addresses
from web.problems import Problem

# The help has words of its own: `python -OO` drops docstrings.
ABOUT = "What the operator of a server does from the command line: copies, checks, and players."
NOTES = (
    "The settings are read as the server reads them, from the environment and from `.env`: start it where the server is"
    " started. All but `restore` and `import` work while a server runs. An error is one line on the standard error, and the"
    " exit status 1."
)
MEGABYTE = 1_000_000
NAMING = "reset-password", "rename", "ban", "unban", "delete-score"  # the commands that a name or an id follows
OPTIONS = "-h", "--help", "--url", "--yes"  # of those


def main(arguments=None):
    """Do what the arguments say; the exit status."""
    asked = command_line().parse_args(_shielded(sys.argv[1:] if arguments is None else list(arguments)))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names are of any script, terminals are not
    try:
        with _stoppable():
            status = _act(asked)
            if sys.stdout:
                sys.stdout.flush()
            return status
    except config.ConfigError as error:
        return _failed(error, 2)
    except (Refused, Problem) as refusal:
        return _failed(refusal)
    except BrokenPipeError:
        _silence()
        return _failed("whatever reads the output has stopped; not all of it was written")
    except OSError as error:
        if not error.filename:
            _silence()
        return _failed(backup.refusal(error.filename or "the output", error))
    except KeyboardInterrupt:
        return _failed("stopped; what it was doing is not done, or done in part")


def _act(asked):
    settings = config.load()
    for line in config.warnings():
        print(f"manage.py: {line}", file=sys.stderr)
    try:
        return asked.act(asked, settings) or 0
    except sqlite3.Error as error:
        raise backup.sqlite_refusal(file_of(settings) or "the database", error) from None
    except peewee.PeeweeException as error:
        path, found = file_of(settings), error
        while isinstance(found, peewee.PeeweeException) and getattr(found, "orig", None):
            found = found.orig
        if path:
            raise backup.sqlite_refusal(path, found) from None
        words = re.sub(r"\s*Is the server running.*?\?", "", errors.one_line(found))
        raise Refused(f"DATABASE_URL: the database can't be used: {words}; {_remedy(found)}") from None


def _remedy(error):
    """What to do about an error of Postgres's."""
    code, text = getattr(error, "sqlstate", None), str(error)
    for codes, words, remedy in POSTGRES_REMEDIES:
        if code in codes or any(word in text for word in words):
            return remedy
    return "see whether the server of the database is there, and try again"


POSTGRES_REMEDIES = (
    (("28P01", "28000"), ("password", "no pg_hba.conf entry"), "give the right user and password"),
    (("3D000",), ('database "',), "give the name of a database that there is, or make it (createdb)"),
    (("42501",), ("permission denied",), "give this user the right to Snakepit's tables (GRANT)"),
    (("53100",), (), "free some space on the disk of the database, and try again"),
    (("25006",), (), "it can only be read; name the server that can be written"),
    (("42P01",), (), "restore a copy of the database"),
)


@contextmanager
def _stoppable():
    """Within, SIGTERM and SIGHUP stop as Ctrl+C does, so that nothing is left behind."""

    def stop(number, frame):
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _silence():
    """Have nothing written to the standard output when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _shielded(arguments):
    """Names and ids may begin with a -, and are no options: to argparse, nothing is one that begins with a space."""
    if not arguments or arguments[0] not in NAMING:
        return arguments
    return [f" {word}" if word.startswith("-") and word.partition("=")[0] not in OPTIONS else word for word in arguments]


def _failed(why, status=1):
    format_ = config.log_format()
    with suppress(BrokenPipeError):
        print(f"manage.py: {why}" if format_ == "text" else logs.failure(str(why), format_), file=sys.stderr)
    return status


# The database.


@contextmanager
def opened(settings, new=False):
    """The database that the settings name, which must have today's tables, unless it is to be filled as a `new` one."""
    path = file_of(settings)
    if path and not new:
        there(path)
    database = connect(settings.database_url)
    try:
        with bind(database):
            if not new:
                _see_to_tables()
            yield database
    finally:
        database.close_all()


def file_of(settings):
    """The path of the SQLite file; None for Postgres."""
    if config.is_in_memory(settings.database_url):
        raise Refused("DATABASE_URL: a database in memory is its server's own; name a file or a Postgres")
    is_sqlite = settings.database_url.startswith("sqlite")
    return connect(settings.database_url).database if is_sqlite else None


def there(path):
    if not Path(path).is_file():
        raise Refused(f"DATABASE_URL: there is no {path}; name the server's, or start this where the server is started")


def _see_to_tables():
    applied, lacking = models.migrations()
    models.refuse_newer(applied)
    if not applied:
        raise Refused("DATABASE_URL: this database has no tables of Snakepit's yet; name the server's, or start it once")
    if lacking:
        raise Refused(f"this database is at {applied[-1]}, not {lacking[-1]}: start the server once, which brings it along")


# Copies.


def backup_(asked, settings):
    path = file_of(settings)
    if not path:
        raise Refused(f"Postgres makes its own copies: {backup.pg_dump(settings.database_url, asked.file)}")
    there(path)
    _may_be_written(asked, path)
    with Progress("copied {} of {} pages") as progress:
        backup.backup(path, asked.file, progress)
    _tell(asked, f"{asked.file} is a copy of {path}{_size_of(asked)}; its integrity was checked.")


def restore(asked, settings):
    path = file_of(settings)
    if not path:
        command = backup.pg_restore(settings.database_url, asked.file)
        raise Refused(
            f"Postgres restores its own copies; first stop all servers, or they show wrong leaderboards: {command}"
        )
    _is_another(asked.file, path)
    level = backup.check(asked.file)
    sure(asked, f"{asked.file} (at {level}) takes the place of {path}.")
    with Progress("copied {} of {} pages") as progress:
        aside = backup.restore(path, asked.file, progress)
    kept = f"; what was there before is in {aside}" if aside else ""
    print(f"{path} is what {asked.file} is, at {level}{kept}. The server can be started.")


def export_(asked, settings):
    with opened(settings), Progress("written {} of {} rows") as progress, closing(export.lines(progress)) as lines:
        if not asked.file or asked.file == "-":
            if not sys.stdout:
                raise Refused("the standard output is closed; name a file")
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()
            return
        _may_be_written(asked, file_of(settings))
        with backup.written(asked.file) as file:
            file.writelines(lines)
    _tell(asked, f"{asked.file} has all of the database{_size_of(asked)}.")


def _tell(asked, words):
    """Print the words where they don't get into what was written, such as to /dev/stdout."""
    print(words, file=sys.stdout if backup.is_replaceable(asked.file) else sys.stderr)


def _size_of(asked):
    return f", {_size(os.path.getsize(asked.file))}" if backup.is_replaceable(asked.file) else ""


def import_(asked, settings):
    path = file_of(settings)
    if path:
        backup.refuse_in_use(path)
    with _removed_if_it_fails(path), opened(settings, new=True), Progress("read {} rows") as progress:
        if not path and (others := models.other_connections()):
            raise Refused(f"{others} connections of a server, or of another manage.py, are open; stop it first")
        if asked.file and asked.file != "-":
            with open(asked.file, "rb") as file:
                counts = export.load(file, progress, asked.replace)
        elif sys.stdin:
            counts = export.load(sys.stdin.buffer, progress, asked.replace)
        else:
            raise Refused("the standard input is closed; name a file")
    print("Imported", ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")
    print("Now the server can be started.")


@contextmanager
def _removed_if_it_fails(path):
    """A SQLite file that was not there before is removed if the block raises."""
    is_new = path and not os.path.exists(path)
    try:
        yield
    except BaseException:
        for end in backup.ENDS if is_new else ():
            with suppress(FileNotFoundError):
                os.unlink(f"{path}{end}")
        raise


def _may_be_written(asked, path):
    if path:
        _is_another(asked.file, path)
    if os.path.exists(asked.file) and backup.is_replaceable(asked.file) and not asked.yes:
        raise Refused(f"{asked.file} is there already; name another file, or say --yes to replace it")


def _is_another(file, path):
    """Raise Refused if the file is one of those of the database at `path`."""
    for end in backup.ENDS:
        if os.path.exists(file) and os.path.exists(f"{path}{end}") and os.path.samefile(file, f"{path}{end}"):
            raise Refused(f"{file} is the database itself; name another file")


# Checks.


def verify(asked, settings):
    with opened(settings), Progress("played {} of {} games") as progress:
        began, of, done, wrong = time.monotonic(), maintenance.count_ranked(), 0, 0
        for done, lines in maintenance.verify():
            progress(done, max(of, done))
            for line in lines:
                progress.clear()
                print(line)
            wrong += len(lines)
    pace = done / max(0.001, time.monotonic() - began)
    print(f"{done} ranked games were played again, {pace:,.0f} a second: {wrong or 'none'} of them differ.")
    return 1 if wrong else 0


def rebuild(asked, settings):
    with opened(settings):
        if not asked.check:
            leaderboards.rebuild_all()
            print("All boards are derived anew from the games.")
            return 0
        wrong = 0
        for wrong, line in enumerate(leaderboards.check(), 1):  # noqa: B007 - the last one counts, below
            print(line)
    print(f"{wrong} differ from the games; rebuild derives them anew." if wrong else "All boards are what the games give.")
    return 1 if wrong else 0


def stats(asked, settings):
    with opened(settings):
        found, level = maintenance.stats(), models.migrations()[0][-1]
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.outcomes.items()))
    print(f"players   {found.players} ({found.bots} bots, {found.banned} banned), guests {found.guests}")
    print(f"sessions  {found.sessions} live")
    print(f"games     {sum(found.outcomes.values())} over ({outcomes or 'none'}), {found.ranked} ranked, {found.open} open")
    print("begun    ", ", ".join(f"{timestamp(day)[5:10]}: {count}" for day, count in found.days))
    print(f"oldest    {timestamp(found.oldest) or 'none'}")
    print(f"database  {_size(found.size)}, at {level}")


# Players and games.


def reset_password(asked, settings):
    with opened(settings):
        user = _player(asked.name)
        token = passwords.create_reset(user)
    public = asked.url or settings.public_url
    base = public or client_addresses.visited(settings.host, settings.port)
    print(f"{base.rstrip('/')}/#/reset/{token}")
    where = "" if public else "; set PUBLIC_URL or give --url if players open the server at another address"
    print(f"{user.name} gives a new password there, once, within {passwords.RESET_HOURS} hours{where}.", file=sys.stderr)


def rename(asked, settings):
    with opened(settings):
        user = _player(asked.name)
        renamed = accounts.change(user, {"username": asked.new}, passwords.Hasher(settings.bcrypt_rounds), reserved=())
    print(f"{user.name} is now {renamed.name}.")


def ban(asked, settings):
    with opened(settings):
        user = players.find(asked.name)
        accounts.ban(user.id)
    print(f"{user.name} is on no board, and on the wall no more, until unban.")


def unban(asked, settings):
    with opened(settings):
        name = accounts.unban_by_name(asked.name)
    if name:
        print(f"{name} is on the boards again.")
    else:
        print(f"The account is deleted; {asked.name}, and what else was banned with it, can be signed up with again.")


def _player(name):
    user = players.find(name)
    if user.is_guest:
        raise Refused(f"{user.name} is a guest, who has no password and no name to choose before signing up")
    return user


def delete_score(asked, settings):
    game_id = asked.game.partition("?")[0].rpartition("/")[2].rpartition(".")[2]
    with opened(settings):
        game = maintenance.find_game(game_id)
        if not game:
            raise Refused(f"there is no game {game_id!r}; give its id, or its address")
        if game.ended_at is None:
            raise Refused(f"game {game.id} is still being played; wait until it is over, or ban {game.username}")
        if not game.ranked:
            raise Refused(f"game {game.id} of {game.username} is not ranked, and so on no board")
        sure(asked, f"The {game.score} points of {game.username} in game {game.id} go off the boards, for good.")
        maintenance.withdraw(game)
    print(f"Game {game.id} of {game.username} counts no more; its replay stays.")


def prune(asked, settings):
    with opened(settings):
        old = maintenance.Prunable(asked.days, settings.session_days)
        count, guests = old.count()
        what = f"{count} games that are on no board, and {guests} guests with theirs,"
        if asked.dry_run or not count + guests:
            print(f"{what} are older than {asked.days} days; nothing was deleted.{_reusable()}")
            return
        sure(asked, f"{what} are older than {asked.days} days, and are deleted for good.")
        with Progress("deleted {} of {}") as progress:
            done = {}
            for kind, deleting in (("games", old.delete_games()), ("guests", old.delete_guests())):
                done[kind] = 0
                for some in deleting:
                    done[kind] += some
                    progress(sum(done.values()), count + guests)
        room = _reusable()
    print(f"Deleted {done['games']} games and {done['guests']} guests.{room}")


def _reusable():
    """What VACUUM would free, as a sentence; nothing if that is nothing."""
    found = maintenance.reusable()
    if not found:
        return ""
    if is_sqlite():
        return f" {_size(found)} of the file are free: vacuum gives them back to the disk."
    return f" About {found} deleted rows take room: vacuum makes it usable again."


def vacuum(asked, settings):
    path = file_of(settings)
    with opened(settings):
        before = maintenance.size()
        maintenance.vacuum(path)
        after = maintenance.size()
    print(f"The database takes {_size(after)}; before, it took {_size(before)}.")


# Talking.


def sure(asked, what):
    """Ask, on a terminal; without one it takes --yes."""
    if asked.yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{what} Say --yes if that is meant")
    try:
        answer = input(f"{what} Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise Refused("nothing was done")


class Progress:
    """A line on a terminal, such as "played 200 of 1000"; elsewhere nothing."""

    EVERY = 0.1  # seconds

    def __init__(self, words):
        self.words, self.next = words, 0.0
        self.is_shown = sys.stderr.isatty()

    def __enter__(self):
        return self

    def __call__(self, *numbers):
        if self.is_shown and time.monotonic() >= self.next:
            self.next = time.monotonic() + self.EVERY
            print("\r\033[K" + self.words.format(*numbers), end="", file=sys.stderr, flush=True)

    def clear(self):
        if self.is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def __exit__(self, *exception):
        self.clear()


def _size(bytes_):
    return f"{bytes_ / MEGABYTE:.1f} MB"


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
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name, act, words, *arguments, yes=False):
        command = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        command.set_defaults(act=act)
        for argument, options in arguments:
            command.add_argument(argument, **options)
        if yes:
            command.add_argument("--yes", action="store_true", help="don't ask")

    file = "file", {"metavar": "FILE"}
    name = "name", {"metavar": "NAME", "type": _name, "help": "a player's, whatever its case"}
    stream = "file", {"metavar": "FILE", "nargs": "?", "help": "by default the standard input or output"}
    add("backup", backup_, "copy the SQLite database to FILE, as it is now", file, yes=True)
    add("restore", restore, "put a copy in the database's place, which is kept beside it", file, yes=True)
    add("export", export_, "write all of the database as lines of JSON, which are as secret as it is", stream, yes=True)
    replace = "--replace", {"action": "store_true", "help": "first delete all that is in Snakepit's tables"}
    add("import", import_, "fill an empty database, of either kind, from what export has written", stream, replace)
    add("verify", verify, "play every ranked game again, and compare")
    check = "--check", {"action": "store_true", "help": "only compare"}
    add("rebuild", rebuild, "derive the boards anew from the games", check)
    add("stats", stats, "count players, games and what they take")
    url = "--url", {"help": "the server's public address, such as https://snakepit.example.org"}
    add("reset-password", reset_password, "print a link by which a player gives a new password, once", name, url)
    add("rename", rename, "give a player another name", name, ("new", {"metavar": "NEW", "type": _name}))
    add("ban", ban, "take a player off every board, until unban", name)
    add("unban", unban, "put a player back on the boards", name)
    game = "game", {"metavar": "GAME", "type": _name, "help": "its id, or its address"}
    add("delete-score", delete_score, "take a game off the boards; its replay stays", game, yes=True)
    days = "--days", {"type": _days, "required": True, "metavar": "N", "help": "older than so many days"}
    dry = "--dry-run", {"action": "store_true", "help": "only count"}
    add("prune", prune, "delete old games that are on no board, and guests who don't come any more", days, dry, yes=True)
    add("vacuum", vacuum, "give the room of deleted rows back to the disk; a server that runs can't write meanwhile")
    return parser


if __name__ == "__main__":
    os.umask(0o077)  # what it writes is for its user only
    sys.exit(main())
