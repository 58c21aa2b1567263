"""The commands of manage.py: functions of its arguments and of the settings. Each returns its exit status, None for 0."""

import os
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

from accounts import accounts, passwords
from database import migrations, urls
from database.binding import bind, is_sqlite
from database.connect import connect
from database.tables import database_size, other_sessions
from game import leaderboards, players, rooms
from operations import backup as backups
from operations import export as exports
from operations import maintenance
from operations.errors import OperationError
from operations.terminal import Progress, confirm, megabytes
from schemas import timestamp
from web import client_addresses

# The database.


@contextmanager
def open_database(settings, new=False):
    """Bind the database of the settings. Its tables must be up to date, unless it is to be filled as a `new` one."""
    path = sqlite_path(settings)
    if path and not new:
        require_file(path)
    database = connect(settings.database_url)
    try:
        with bind(database):
            if not new:
                _check_migrations()
            yield database
    finally:
        database.close_all()


def sqlite_path(settings):
    """Return the path of the SQLite file; None for Postgres."""
    if urls.is_in_memory(settings.database_url):
        raise OperationError("DATABASE_URL: a database in memory is its server's own; name a file or a Postgres")
    return connect(settings.database_url).database if settings.database_url.startswith("sqlite") else None


def require_file(path):
    if not Path(path).is_file():
        raise OperationError(
            f"DATABASE_URL: there is no {path}; name the server's, or start this where the server is started"
        )


def _check_migrations():
    applied, lacking = migrations.status()
    migrations.refuse_incompatible(applied)
    if not applied:
        raise OperationError(
            "DATABASE_URL: this database has no tables of Snakepit's yet; name the server's, or start it once"
        )
    if lacking:
        raise OperationError(f"this database is at {applied[-1]}, not {lacking[-1]}: start the server once to update it")


def migrate(args, settings):
    path = sqlite_path(settings)
    if path:
        require_file(path)
    with open_database(settings, new=True):
        applied, pending = migrations.status()
        migrations.refuse_incompatible(applied)
        if not pending:
            print(f"The database is at {applied[-1]}: there is nothing to migrate.")
            return 0
        obstacle = _obstacle(applied, pending)
        if args.check:
            print(f"To be applied: {', '.join(pending)}. {obstacle or 'Servers can run meanwhile.'}")
            return 1 if obstacle else 0
        if obstacle and not path and (others := other_sessions()):
            raise OperationError(f"{others} connections of servers are open. {obstacle}")
        migrations.migrate()
    print(f"The database is at {pending[-1]}.")
    return 0


def _obstacle(applied, pending):
    """Return why servers of the version that made the database can't run while the others are applied, or None."""
    oldest = migrations.oldest_compatible(pending)
    if not applied or (oldest and oldest <= applied[-1]):
        return None
    if oldest is None:
        return "Stop all servers first: they can't work with the database afterwards."
    return f"Stop all servers first, or upgrade to a version with {oldest} before: those that run can't work afterwards."


# Copies.


def backup(args, settings):
    path = sqlite_path(settings)
    if not path:
        raise OperationError(f"Postgres makes its own copies: {backups.pg_dump(settings.database_url, args.file)}")
    require_file(path)
    _check_overwrite(args, path)
    with Progress("copied {} of {} pages") as progress:
        backups.backup(path, args.file, progress)
    _report(args, f"{args.file} is a copy of {path}{_size_of(args)}; its integrity was checked.")


def restore(args, settings):
    path = sqlite_path(settings)
    if not path:
        command = backups.pg_restore(settings.database_url, args.file)
        raise OperationError(
            f"Postgres restores its own copies; first stop all servers, or they show wrong leaderboards: {command}"
        )
    _check_not_database(args.file, path)
    level = backups.check(args.file)
    confirm(args, f"{args.file} (at {level}) replaces {path}.")
    with Progress("copied {} of {} pages") as progress:
        previous = backups.restore(path, args.file, progress)
    kept = f"; the previous database is in {previous}" if previous else ""
    print(f"{path} has the content of {args.file}, at {level}{kept}. The server can be started.")


def export(args, settings):
    with (
        open_database(settings),
        Progress("written {} of {} rows") as progress,
        closing(exports.export_lines(progress)) as lines,
    ):
        if not args.file or args.file == "-":
            if not sys.stdout:
                raise OperationError("the standard output is closed; name a file")
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()
            return
        _check_overwrite(args, sqlite_path(settings))
        with backups.open_for_writing(args.file) as file:
            file.writelines(lines)
    _report(args, f"{args.file} has all of the database{_size_of(args)}.")


def _report(args, words):
    """Print the words to where they don't get into the file, which can be /dev/stdout."""
    print(words, file=sys.stdout if backups.is_replaceable(args.file) else sys.stderr)


def _size_of(args):
    return f", {megabytes(os.path.getsize(args.file))}" if backups.is_replaceable(args.file) else ""


def import_(args, settings):
    path = sqlite_path(settings)
    if path:
        backups.refuse_in_use(path)
    with _removed_on_failure(path), open_database(settings, new=True), Progress("read {} rows") as progress:
        if not path and (others := other_sessions()):
            raise OperationError(f"{others} connections of a server, or of another manage.py, are open; stop it first")
        if args.file and args.file != "-":
            with open(args.file, "rb") as file:
                counts = exports.import_lines(file, progress, args.replace)
        elif sys.stdin:
            counts = exports.import_lines(sys.stdin.buffer, progress, args.replace)
        else:
            raise OperationError("the standard input is closed; name a file")
    print("Imported", ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")
    print("Now the server can be started.")


@contextmanager
def _removed_on_failure(path):
    """Remove a SQLite file that did not exist before if the block raises."""
    is_new = path and not os.path.exists(path)
    try:
        yield
    except BaseException:
        if is_new:
            backups.remove(path)
        raise


def _check_overwrite(args, path):
    if path:
        _check_not_database(args.file, path)
    if os.path.exists(args.file) and backups.is_replaceable(args.file) and not args.yes:
        raise OperationError(f"{args.file} exists already; name another file, or give --yes to replace it")


def _check_not_database(file, path):
    """Raise OperationError if the file is one of those of the database at `path`."""
    for suffix in backups.SUFFIXES:
        if os.path.exists(file) and os.path.exists(f"{path}{suffix}") and os.path.samefile(file, f"{path}{suffix}"):
            raise OperationError(f"{file} is the database itself; name another file")


# Checks.


def verify(args, settings):
    with open_database(settings), Progress("played {} of {} games") as progress:
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


def rebuild(args, settings):
    with open_database(settings):
        if not args.check:
            leaderboards.rebuild_all()
            print("All leaderboards were rebuilt from the games.")
            return 0
        wrong = 0
        for wrong, line in enumerate(leaderboards.check(), 1):  # noqa: B007 - the last one counts, below
            print(line)
    print(f"{wrong} differ from the games; rebuild corrects them." if wrong else "All leaderboards agree with the games.")
    return 1 if wrong else 0


def stats(args, settings):
    with open_database(settings):
        stats, level = maintenance.stats(), migrations.status()[0][-1]
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(stats.outcomes.items()))
    print(f"players   {stats.players} ({stats.bots} bots, {stats.banned} banned), guests {stats.guests}")
    print(f"sessions  {stats.sessions} live")
    print(f"rooms     {stats.rooms}, members {stats.members}, rounds {stats.rounds}")
    print(f"games     {sum(stats.outcomes.values())} over ({outcomes or 'none'}), {stats.ranked} ranked, {stats.open} open")
    print("begun    ", ", ".join(f"{timestamp(day)[5:10]}: {count}" for day, count in stats.days))
    print(f"oldest    {timestamp(stats.oldest) or 'none'}")
    print(f"database  {megabytes(stats.size)}, at {level}")


# Players and games.


def reset_password(args, settings):
    with open_database(settings):
        user = _player(args.name)
        token = passwords.create_reset(user)
    public = args.url or settings.public_url
    base = public or client_addresses.local_url(settings.host, settings.port)
    print(f"{base.rstrip('/')}/#/reset/{token}")
    where = "" if public else "; set PUBLIC_URL or give --url if players open the server at another address"
    print(f"{user.name} can set a new password there, once, within {passwords.RESET_HOURS} hours{where}.", file=sys.stderr)


def rename(args, settings):
    with open_database(settings):
        user = _player(args.name)
        renamed = accounts.change(user, {"username": args.new}, passwords.Hasher(settings.bcrypt_rounds), reserved=())
    print(f"{user.name} is now {renamed.name}.")


def ban(args, settings):
    with open_database(settings):
        user = players.get_player(args.name)
        accounts.ban(user.id)
    print(f"{user.name} is banned: on no leaderboard and not in the live feed, until unban.")


def unban(args, settings):
    with open_database(settings):
        name = accounts.unban(args.name)
    if name:
        print(f"{name} is on the leaderboards again.")
    else:
        print(f"The account is deleted; {args.name}, and what else was banned with it, can be signed up with again.")


def _player(name):
    user = players.get_player(name)
    if user.is_guest:
        raise OperationError(f"{user.name} is a guest, who has no password and no name to choose before signing up")
    return user


def delete_score(args, settings):
    game_id = args.game.partition("?")[0].rpartition("/")[2].rpartition(".")[2]
    with open_database(settings):
        game = maintenance.find_game(game_id)
        if not game:
            raise OperationError(f"there is no game {game_id!r}; give its id, or its address")
        if game.ended_at is None:
            raise OperationError(f"game {game.id} is still being played; wait until it is over, or ban {game.username}")
        if not game.ranked:
            raise OperationError(f"game {game.id} of {game.username} is not ranked, and so on no leaderboard")
        confirm(args, f"The {game.score} points of {game.username} in game {game.id} are removed permanently.")
        maintenance.unrank(game)
    print(f"Game {game.id} of {game.username} no longer counts; its replay stays.")


def list_rooms(args, settings):
    with open_database(settings):
        found = maintenance.list_rooms()
    for room in found:
        counts = f"{room.members:>4} members  {room.rounds:>3} rounds"
        print(f"{room.code}  {counts}  used {timestamp(room.used_at)[:16]}Z  {room.name}{' (locked)' * room.locked}")
    print(f"{len(found) or 'no'} rooms")


def close_room(args, settings):
    with open_database(settings):
        room = rooms.find(args.code)
        confirm(args, f"Room {room.code} is deleted permanently, with its members and standings; its games stay.")
        maintenance.delete_room(room.id)
    print(f"Room {room.code} is closed.")


def prune(args, settings):
    with open_database(settings):
        candidates = maintenance.PruneCandidates(args.days, settings.session_days)
        count, guests = candidates.count()
        unused = maintenance.count_unused_rooms()
        what = f"{count} games that are on no leaderboard, and {guests} guests with theirs,"
        are_old = f"are older than {args.days} days; {unused} rooms were not used for {maintenance.ROOM_DAYS} days"
        if args.dry_run or not count + guests + unused:
            print(f"{what} {are_old}. Nothing was deleted.{_reusable()}")
            return
        confirm(args, f"{what} {are_old}. They are deleted permanently.")
        with Progress("deleted {} of {}") as progress:
            done = Counter(rooms=sum(maintenance.delete_unused_rooms()))
            for kind, number in candidates.delete():
                done[kind] += number
                progress(done.total(), count + guests + unused)
        reusable = _reusable()
    print(f"Deleted {done['games']} games and {done['guests']} guests, and {done['rooms']} rooms.{reusable}")


def _reusable():
    """Return what vacuum would free, as a sentence, or ""."""
    size = maintenance.reusable()
    if not size:
        return ""
    if is_sqlite():
        return f" {megabytes(size)} of the file are free: vacuum returns them to the disk."
    return f" About {size} deleted rows take space: vacuum makes it usable again."


def vacuum(args, settings):
    path = sqlite_path(settings)
    with open_database(settings):
        before, packed = database_size(), 0
        with Progress("packed the turns of {} old games") as progress:
            for count in maintenance.pack_turns():
                packed += count
                progress(packed)
        maintenance.vacuum(path)
        after = database_size()
    print(f"The database takes {megabytes(after)}; before, it took {megabytes(before)}.")
