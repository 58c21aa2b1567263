"""Links with which players who have forgotten their passwords give others: one for each player at the most."""

from peewee import SqliteDatabase


def up(migrator, db):
    ordered = " WITHOUT ROWID" if isinstance(db, SqliteDatabase) else ""
    db.execute_sql(
        "CREATE TABLE resets (user_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,"
        f" token_hash VARCHAR(64) NOT NULL, expires_at BIGINT NOT NULL){ordered}"
    )
    db.execute_sql("CREATE UNIQUE INDEX reset_token_hash ON resets (token_hash)")
