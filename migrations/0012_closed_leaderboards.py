"""Leaderboards of days more than a year ago, of which only the best entries are stored; and which games are challenged."""

from peewee import SqliteDatabase


def up(migrator, db):
    ordered = " WITHOUT ROWID" if isinstance(db, SqliteDatabase) else ""
    db.execute_sql(f"CREATE TABLE closed_boards (board TEXT NOT NULL PRIMARY KEY, closed_at BIGINT NOT NULL){ordered}")
    db.execute_sql("CREATE INDEX games_challenged ON games (challenge) WHERE challenge IS NOT NULL")
