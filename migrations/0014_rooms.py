"""Rooms: groups of players with a code, their members and their rounds, and the round for which a game is played."""

from peewee import SqliteDatabase


def up(migrator, db):
    ordered = " WITHOUT ROWID" if isinstance(db, SqliteDatabase) else ""
    for statement in (
        "CREATE TABLE rooms (id VARCHAR(16) NOT NULL PRIMARY KEY, code VARCHAR(6) NOT NULL, name TEXT NOT NULL,"
        " host VARCHAR(16) NOT NULL, locked BOOLEAN NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL,"
        " used_at BIGINT NOT NULL)",
        "CREATE UNIQUE INDEX rooms_code ON rooms (code)",
        "CREATE INDEX rooms_used_at ON rooms (used_at)",
        "CREATE TABLE members (id VARCHAR(16) NOT NULL PRIMARY KEY,"
        " room_id VARCHAR(16) NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,"
        " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, name TEXT NOT NULL, name_skeleton TEXT NOT NULL,"
        " folded_skeleton TEXT NOT NULL, is_here BOOLEAN NOT NULL, joined_at BIGINT NOT NULL, seen_at BIGINT NOT NULL,"
        " left_at BIGINT, removed_at BIGINT)",
        "CREATE UNIQUE INDEX members_room_id_user_id ON members (room_id, user_id)",
        "CREATE INDEX members_user_id ON members (user_id)",
        "CREATE INDEX members_here ON members (seen_at) WHERE is_here",
        "CREATE TABLE rounds (room_id VARCHAR(16) NOT NULL REFERENCES rooms (id) ON DELETE CASCADE, number INTEGER NOT NULL,"
        " mode TEXT NOT NULL, tries TEXT NOT NULL, minutes INTEGER NOT NULL, starts_at BIGINT NOT NULL,"
        f" ends_at BIGINT NOT NULL, seed BIGINT, is_counted BOOLEAN NOT NULL, PRIMARY KEY (room_id, number)){ordered}",
        "CREATE INDEX rounds_uncounted ON rounds (ends_at) WHERE NOT is_counted",
        "ALTER TABLE games ADD COLUMN round TEXT",
        "ALTER TABLE games ADD COLUMN scored_at BIGINT",
        "CREATE INDEX games_round ON games (round, user_id) WHERE round IS NOT NULL",
    ):
        db.execute_sql(statement)
