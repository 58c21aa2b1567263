"""The tables, and the queries that several modules need. Times are milliseconds since the epoch."""

import secrets

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

from database.binding import database
from database.queries import Param, compiled
from database.transactions import commit
from game import clock

now = clock.now


# Tables. Migrations make them; these say what today's queries find.


def _plural(model):
    return f"{model.__name__.lower()}s"


class Table(peewee.Model):
    class Meta:
        database = database
        table_function = _plural  # unless `table_name` says otherwise


def columns_of(table):
    """Return the fields of a table, in the order in which it declares them."""
    return table._meta.sorted_fields


def insert_row(table):
    """Return a query that inserts a row of a table, with a Param for each field. It is to be compiled."""
    return table.insert({field: Param(field.name) for field in columns_of(table)}).returning()


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
    bot = BooleanField(default=False)  # a program, which has entries on leaderboards for bots only
    games = IntegerField(default=0)  # played to an end; those that were deleted since are counted, stated scores are not
    deleted_at = BigIntegerField(null=True)  # when the player deleted the account, until its last row is gone

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
        _count_game.later(id=user_id)


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


class Game(Table):
    """A game, in progress while `ended_at` is null.

    `turns` and `state` are encoded, see game/codec.py. A score that somebody stated under SCORE_POLICY=open is a game that
    is not `verified`, with no seed and no turns. `challenge` names the challenge that it is played for, see
    game/challenges.py; it is null for games on new seeds. `round` is `ROOM/NUMBER` for a game that is played in a round of a
    room, see game/rounds.py; such games are on no leaderboard.
    """

    id = CharField(16, primary_key=True)
    user = ForeignKeyField(User, on_delete="CASCADE", index=False)
    mode = TextField()
    rules = IntegerField()
    seed = BigIntegerField(null=True)
    verified = BooleanField()
    ranked = BooleanField()
    started_at = BigIntegerField()
    last_post_at = BigIntegerField(column_name="seen_at")
    ended_at = BigIntegerField(null=True)
    outcome = TextField(null=True)
    tick = IntegerField()
    score = IntegerField()
    turns = BlobField()
    state = BlobField(null=True)
    challenge = TextField(null=True)
    round = TextField(null=True)
    scored_at = BigIntegerField(null=True)  # in a round, when the post came that brought the score


SHORT_TURNS = 4_000  # bytes of encoded turns that are read together with those of other games


def select_games(brief=False, username=User.name):
    """Return a query for games with their `game_columns`. It is to be extended, and compiled."""
    is_player = (User.id == Game.user) & User.deleted_at.is_null()
    columns = [column.alias(name) for name, column in game_columns(brief, username).items()]
    return Game.select(*columns).join(User, on=is_player)


def game_columns(brief=False, username=User.name):
    """Return {name: column} of a game, and of its player's `username` and `bot`.

    If `brief`, the turns of long games are None. `username`: the column of the names.
    """
    columns = {field.safe_name: field for field in Game._meta.sorted_fields}
    if brief:
        columns["turns"] = Case(None, [(fn.LENGTH(Game.turns) <= SHORT_TURNS, Game.turns)])
    return columns | {"username": username, "bot": User.bot}


def is_open_game():
    """Return the condition for a game with the Params `id` and `user` to be open.

    Without the user, Postgres reads all open games for it: it takes them for fewer than they are.
    """
    return (Game.id == Param("id")) & (Game.user == Param("user")) & Game.ended_at.is_null()


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
        primary_key = CompositeKey("challenge", "mode", "who")


class Reset(Table):
    """A link with which a player who has forgotten the password sets another; see passwords.py."""

    user = ForeignKeyField(User, on_delete="CASCADE", primary_key=True)
    token_hash = CharField(64, unique=True)
    expires_at = BigIntegerField()


class Ban(Table):
    """What a banned player is called, or was: nobody else can have it until the ban is lifted. See bans.py."""

    hash = CharField(64, primary_key=True)  # keyed, of a name, of what it looks like, or of an email
    ban = CharField(16, index=True)  # the same for all of a player's
    created_at = BigIntegerField()


class Room(Table):
    """A group of players who play together; see game/rooms.py."""

    id = CharField(16, primary_key=True)
    code = CharField(6, unique=True)  # with which players join
    name = TextField()
    host = CharField(16)  # the id of a member, who may be gone
    locked = BooleanField()  # whether nobody new can join
    version = BigIntegerField()  # counts changes, but for those of scores and of time
    created_at = BigIntegerField()
    used_at = BigIntegerField(index=True)  # when it last changed

    @classmethod
    def bump(cls, room_id):
        """Count a change that is made in this transaction, and return the row; None if the room was deleted.

        It must be the transaction's first statement: it makes other changes of the same room wait.
        """
        return _bump_room.first(id=room_id, now=now())


@compiled
def _bump_room():
    bumped = Room.update({Room.version: Room.version + 1, Room.used_at: Param("now")})
    return bumped.where(Room.id == Param("id")).returning(Room)


class Member(Table):
    """A user in a room, by the name that the user has there. Rows stay when members leave: they have results."""

    id = CharField(16, primary_key=True)
    room = ForeignKeyField(Room, on_delete="CASCADE", index=False)
    user = ForeignKeyField(User, on_delete="CASCADE")
    name = TextField()
    name_skeleton = TextField()  # see usernames.skeleton
    folded_skeleton = TextField()
    is_here = BooleanField()  # as the room's current version shows it
    joined_at = BigIntegerField()
    seen_at = BigIntegerField()  # a few seconds late: see game/presence.py
    left_at = BigIntegerField(null=True)
    removed_at = BigIntegerField(null=True)  # by the host: the user can't return, and has no results

    class Meta:
        indexes = ((("room", "user"), True),)


class Round(Table):
    """A round of a room: its members play on the same seed from the same moment. See game/rounds.py."""

    room = ForeignKeyField(Room, on_delete="CASCADE", index=False)
    number = IntegerField()
    mode = TextField()
    tries = TextField()  # "one" or "many" games of each member
    minutes = IntegerField()
    starts_at = BigIntegerField()
    ends_at = BigIntegerField()  # not after `starts_at` if it was cancelled
    seed = BigIntegerField(null=True)  # drawn by the first game, so that nobody can know it before the start
    is_counted = BooleanField(default=False)  # whether the room's version has counted that its results are final

    class Meta:
        primary_key = CompositeKey("room", "number")


class Secret(Table):
    name = TextField(primary_key=True)
    value = TextField()

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


TABLES = (User, Session, Reset, Game, Entry, ScoreHistogram, ClosedBoard, Attempt, Ban, Room, Member, Round, Secret)
