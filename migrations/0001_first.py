"""Users, their sessions, their games, the leaderboards derived from those, and the server's own secret."""

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db

    class User(Table):
        name = TextField()
        name_key = TextField(unique=True)
        email = TextField(null=True)
        email_key = TextField(null=True, unique=True)
        password = TextField(null=True)
        created_at = BigIntegerField()
        banned_at = BigIntegerField(null=True)

        class Meta:
            table_name = "users"

    class Session(Table):
        token_hash = CharField(64, primary_key=True)
        user = ForeignKeyField(User, on_delete="CASCADE")
        created_at = BigIntegerField()
        expires_at = BigIntegerField()

        class Meta:
            table_name = "sessions"

    class Game(Table):
        id = CharField(16, primary_key=True)
        user = ForeignKeyField(User, on_delete="CASCADE", index=False)
        mode = TextField()
        rules = IntegerField()
        seed = BigIntegerField(null=True)
        verified = BooleanField()
        ranked = BooleanField()
        started_at = BigIntegerField()
        seen_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)
        outcome = TextField(null=True)
        tick = IntegerField()
        score = IntegerField()
        turns = BlobField()
        state = BlobField(null=True)

        class Meta:
            table_name = "games"

    class Entry(Table):
        board = TextField()
        user = ForeignKeyField(User, on_delete="CASCADE")
        score = IntegerField()
        at = BigIntegerField()
        game = ForeignKeyField(Game, on_delete="CASCADE")
        verified = BooleanField()

        class Meta:
            table_name = "entries"
            primary_key = CompositeKey("board", "user")

    class Tally(Table):
        board = TextField()
        level = IntegerField()
        bucket = IntegerField()
        players = IntegerField()

        class Meta:
            table_name = "tallies"
            primary_key = CompositeKey("board", "level", "bucket")

    class Secret(Table):
        name = TextField(primary_key=True)
        value = TextField()

        class Meta:
            table_name = "secrets"

    db.create_tables([User, Session, Game, Entry, Tally, Secret])
    for index in (
        # A user has one open game at a time: the database sees to it.
        "CREATE UNIQUE INDEX games_open ON games (user_id) WHERE ended_at IS NULL",
        "CREATE INDEX games_seen ON games (seen_at) WHERE ended_at IS NULL",
        "CREATE INDEX games_latest ON games (user_id, started_at)",
        "CREATE INDEX games_best ON games (user_id, mode, score) WHERE ranked AND ended_at IS NOT NULL",
        "CREATE INDEX entries_standing ON entries (board, score DESC, at, user_id)",
    ):
        db.execute_sql(index)
