"""Where sessions were opened from, and names and emails that stay banned when the account is deleted."""

from peewee import SqliteDatabase


def up(migrator, db):
    ordered = " WITHOUT ROWID" if isinstance(db, SqliteDatabase) else ""
    db.execute_sql("ALTER TABLE sessions ADD COLUMN address_hash VARCHAR(64)")
    db.execute_sql(
        "CREATE TABLE bans (hash VARCHAR(64) NOT NULL PRIMARY KEY, ban VARCHAR(16) NOT NULL,"
        f" created_at BIGINT NOT NULL){ordered}"
    )
    db.execute_sql("CREATE INDEX ban_ban ON bans (ban)")
