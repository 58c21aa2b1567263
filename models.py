"""The tables, and the queries that several modules need. Times are milliseconds since the epoch.

The SQL strings here are what Peewee can't express: locks, settings of a session, and checks of the tables themselves.
"""

import secrets
import sqlite3
from contextlib import closing, contextmanager
from functools import cache, partial

import peewee
from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    Case,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    TextField,
    fn,
)

from config import ConfigError
from database import errors, ownership
from database.binding import bind, current, database, is_sqlite
from database.deadlines import deadline
from database.queries import Param, compiled
from database.transactions import commit
from game import clock

MIGRATIONS = ownership.MIGRATIONS
MIGRATED = ownership.HISTORY
MIGRATING = 0x536E616B  # the key of the advisory lock under which one process at a time migrates Postgres

# What the drivers raise for an option that they don't know, SQLite's and Postgres' in this order.
REFUSED_OPTIONS = (TypeError, peewee.ProgrammingError)

now = clock.now


def migrate():
    """Bring the tables to today's; several processes may try at once. Where they are, nothing is written.

    Raise ConfigError for a database that a newer version has brought further, which this one would only harm, and for one
    that has a table with one of our names that is not ours.
    """
    if current().is_in_memory:
        _make_in_memory()
        return
    had, lacking = migrations()
    refuse_newer(had)
    if lacking or not ownership.has_history(current()):
        with migrating() as runner:
            refuse_newer(runner.applied())
            runner.up()


def _make_in_memory():
    """Make the tables of an empty database in memory as a copy: test suites make many of them."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.deserialize(_tables_in_memory())
        made.backup(current().connection())


@cache
def _tables_in_memory():
    """Return an empty database with today's tables, as the bytes of a SQLite file."""
    with migrating() as runner:
        runner.up()
    return current().connection().serialize()


@contextmanager
def migrating():
    """A transaction in which tables may be changed, by this process alone; its playhouse.migrations.Runner."""
    with deadline(None), current().own_connection() as db, bind(db), _foreign_keys_off(), database.atomic():
        runner = _runner()
        if not is_sqlite():
            sql("SET LOCAL statement_timeout = 0")
            sql("SELECT pg_advisory_xact_lock(?)", MIGRATING)
            sql("SELECT set_config('search_path', ?, true)", f'"{ownership.schema(current())}"')
        runner.take_over()
        yield runner


def _runner():
    return ownership.History(current())


def migrations():
    """(the names of the migrations that the database has had, those that it lacks), each in order."""
    status = _runner().status()
    return [one.name for one in status if one.applied], [one.name for one in status if not one.applied]


def refuse_newer(names, what="DATABASE_URL: this database", refusal=ConfigError):
    """Raise `refusal` if there are migrations among the names that this version doesn't know."""
    if unknown := sorted(set(names) - {path.stem for path in MIGRATIONS.glob("[0-9]*.py")}):
        raise refusal(
            f"{what} comes from a newer version, with the migration {unknown[-1]}, which this one doesn't know;"
            " run that version, or restore a copy from before it"
        )


@contextmanager
def _foreign_keys_off():
    """A migration may have to rebuild a table, and SQLite would delete what refers to it.

    It takes this setting outside of transactions only, so it can't be left to the migrations.
    """
    if not is_sqlite():
        yield
        return
    sql("PRAGMA foreign_keys = 0")
    try:
        yield
    finally:
        sql("PRAGMA foreign_keys = 1")


def other_connections():
    """Return how many connections to this Postgres database others of our processes have open."""
    return one(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name = current_setting('application_name')"
    )[0]


def sql(statement, *parameters):
    """Execute a statement in SQLite's words, its parameters written `?`; returns the cursor."""
    db = current()
    try:
        return db.run(statement if db.param == "?" else _in_postgres_words(statement, db.param), parameters)
    except Exception:
        with peewee.__exception_wrapper__:  # by peewee's name for it
            raise


def one(statement, *parameters):
    """Return the first row that a statement finds, or None."""
    return sql(statement, *parameters).fetchone()


@cache
def _in_postgres_words(statement, param):
    return statement.replace("?", param).replace("group_concat(", "string_agg(")


def insert(table, **values):
    """Insert a row; the names are ours, never a client's."""
    names, places = ", ".join(values), ", ".join("?" * len(values))
    sql(f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values())  # noqa: S608 - as the docstring says


def try_to_write():
    """Raise what keeps the server from writing to its database."""
    if is_sqlite():
        # It is 0 already, and nobody reads it, but the page is written all the same.
        commit(partial(sql, "PRAGMA user_version = 0"), durable=False)
        return
    read_only, lacking = sql(_MAY_WRITE, [table._meta.table_name for table in TABLES]).fetchone()
    if read_only:
        raise errors.unavailable(errors.READ_ONLY)
    if lacking:
        raise errors.unavailable(errors.NO_PRIVILEGES)


# A standby is read-only, too. Of several privileges in one word Postgres wants only one.
_MAY_WRITE = (
    "SELECT current_setting('transaction_read_only')::bool OR pg_is_in_recovery(),"
    " EXISTS (SELECT 1 FROM unnest(?::text[]) t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p"
    " WHERE NOT has_table_privilege(t, p))"
)


def check():
    """Return the name of the latest migration. Raise what is wrong with our tables, if something is."""
    return one(_check())[0]


@cache
def _check():
    """A statement that finds no rows in any table, and so takes no time."""
    parts = [
        f"(SELECT 1 FROM (SELECT {', '.join(column.column_name for column in table._meta.sorted_fields)}"  # noqa: S608 - ours
        f" FROM {table._meta.table_name} WHERE 1 = 0) AS t)"
        for table in TABLES
    ]
    return f"SELECT MAX(name), {', '.join(parts)} FROM {MIGRATED}"  # noqa: S608 - the same


def lock_tables(*tables):
    """Let nobody else write to tables until the transaction ends. SQLite has one writer anyway, and Peewee no LOCK TABLE."""
    if not is_sqlite():
        names = ", ".join(table._meta.table_name for table in tables)
        sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


# Tables. Migrations make them; these say what today's queries find.


class Table(peewee.Model):
    class Meta:
        database = database


class User(Table):
    """Somebody who plays; without a password a guest, who is on no leaderboard."""

    name = TextField()
    name_key = TextField(unique=True)  # see usernames.canonical
    name_skeleton = TextField(null=True, unique=True)  # see usernames.skeleton; null is compared with none
    folded_skeleton = TextField(null=True, unique=True)  # the same of usernames.folded_skeleton
    email = TextField(null=True)
    email_key = TextField(null=True, unique=True)
    password = TextField(null=True)  # bcrypt's hash
    created_at = BigIntegerField()
    banned_at = BigIntegerField(null=True)
    bot = BooleanField(default=False)  # a program's, which stands on boards of their own
    games = IntegerField(default=0)  # played to an end; those that were deleted since are counted, stated scores are not
    deleted_at = BigIntegerField(null=True)  # when the player deleted the account, until its last row is gone

    class Meta:
        table_name = "users"

    @property
    def is_guest(self):
        return self.password is None

    @classmethod
    def lock(cls, user_id):
        """Make other transactions on the same user's games wait; SQLite has one writer anyway."""
        if database.for_update:
            _lock_user(id=user_id)

    @classmethod
    def count_game(cls, user_id):
        """Count a game that ends in this transaction. As `lock`, it makes others on the same user's games wait."""
        _count_game(id=user_id)


@compiled
def _lock_user():
    return User.select(User.id).where(User.id == Param("id")).for_update()


@compiled
def _count_game():
    return User.update(games=User.games + 1).where(User.id == Param("id"))


class Session(Table):
    token_hash = CharField(64, primary_key=True)
    user = ForeignKeyField(User, on_delete="CASCADE")
    created_at = BigIntegerField()
    expires_at = BigIntegerField()
    address_hash = CharField(64, null=True)  # keyed; from where it was opened, null if that was before this was stored

    class Meta:
        table_name = "sessions"


class Game(Table):
    """A game, in progress while `ended_at` is null.

    `turns` and `state` are encoded, see game/codec.py. A score that somebody stated under SCORE_POLICY=open is a game that
    is not `verified`, with no seed and no turns. `challenge` names the challenge that it is played for, see
    game/challenges.py; it is null for games on new seeds.
    """

    id = CharField(16, primary_key=True)
    user = ForeignKeyField(User, on_delete="CASCADE", index=False)
    mode = TextField()
    rules = IntegerField()
    seed = BigIntegerField(null=True)
    verified = BooleanField()
    ranked = BooleanField()
    started_at = BigIntegerField()
    seen_at = BigIntegerField()  # the last post
    ended_at = BigIntegerField(null=True)
    outcome = TextField(null=True)
    tick = IntegerField()
    score = IntegerField()
    turns = BlobField()
    state = BlobField(null=True)
    challenge = TextField(null=True)

    class Meta:
        table_name = "games"


SHORT_TURNS = 12_000  # bytes of encoded turns that are read together with those of other games


def select_games(brief=False):
    """Return a query for games, with the `username` and `bot` of their players. It is to be extended, and compiled.

    If `brief`, the turns of long games are None.
    """
    turns = Game.turns
    if brief:
        turns = Case(None, [(fn.LENGTH(Game.turns) <= SHORT_TURNS, Game.turns)]).alias("turns")
    columns = [turns if field is Game.turns else field for field in Game._meta.sorted_fields]
    is_player = (User.id == Game.user) & User.deleted_at.is_null()
    return Game.select(*columns, User.name.alias("username"), User.bot).join(User, on=is_player)


class Entry(Table):
    """A player's best game on a leaderboard, derived from games; see game/leaderboards.py."""

    user = ForeignKeyField(User, on_delete="CASCADE", index=False)
    board = TextField()
    score = IntegerField()
    achieved_at = BigIntegerField(column_name="at")
    game_id = CharField(16)
    verified = BooleanField()

    class Meta:
        table_name = "entries"
        primary_key = CompositeKey("user", "board")


class ScoreHistogram(Table):
    """How many players of a leaderboard have a score in a bucket, and how often the board has changed.

    See game/score_histogram.py.
    """

    board = TextField()
    level = IntegerField()
    bucket = IntegerField()
    count = IntegerField(column_name="number")

    class Meta:
        table_name = "tallies"
        primary_key = CompositeKey("board", "level", "bucket")


class ClosedBoard(Table):
    """A leaderboard of a day long ago, of which only the best entries are stored; see game/closed_leaderboards.py."""

    board = TextField(primary_key=True)
    closed_at = BigIntegerField()

    class Meta:
        table_name = "closed_boards"


class Attempt(Table):
    """A name or an email that has attempted a daily challenge, as a keyed hash; see game/challenges.py.

    It outlives the account, so that an account that is deleted and created again has no second attempt.
    """

    challenge = TextField()
    mode = TextField()
    who = CharField(64)

    class Meta:
        table_name = "attempts"
        primary_key = CompositeKey("challenge", "mode", "who")


class Reset(Table):
    """A link with which a player who has forgotten the password sets another; see passwords.py."""

    user = ForeignKeyField(User, on_delete="CASCADE", primary_key=True)
    token_hash = CharField(64, unique=True)
    expires_at = BigIntegerField()

    class Meta:
        table_name = "resets"


class Ban(Table):
    """What a banned player is called, or was: nobody else can have it until the ban is lifted. See bans.py."""

    hash = CharField(64, primary_key=True)  # keyed, of a name, of what it looks like, or of an email
    ban = CharField(16, index=True)  # the same for all of a player's
    created_at = BigIntegerField()

    class Meta:
        table_name = "bans"


class Secret(Table):
    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "secrets"

    @classmethod
    def find(cls, name):
        """Return the value of the secret of that name, or None."""
        row = _secret.first(name=name)
        return row and row.value

    @classmethod
    def get_or_create(cls, name):
        """Return the value of the secret: random, and the same for every process from the first call on."""
        if not cls.find(name):
            commit(cls.insert(name=name, value=secrets.token_urlsafe(32)).on_conflict_ignore().execute)
        return cls.find(name)


@compiled
def _secret():
    return Secret.select(Secret.value).where(Secret.name == Param("name"))


TABLES = (User, Session, Reset, Game, Entry, ScoreHistogram, ClosedBoard, Attempt, Ban, Secret)
