"""Daily challenges: the names that have attempted one, which outlive their accounts; and indexes for what a player
has played of them: the first game on each, and the streak.

A guest's attempt doesn't count any more, also after signing up.
"""

from peewee import SqliteDatabase


def up(migrator, db):
    ordered = " WITHOUT ROWID" if isinstance(db, SqliteDatabase) else ""
    for statement in (
        "CREATE TABLE attempts (challenge TEXT NOT NULL, mode TEXT NOT NULL, who VARCHAR(64) NOT NULL,"
        f" PRIMARY KEY (challenge, mode, who)){ordered}",
        "UPDATE games SET ranked = FALSE WHERE substr(challenge, 1, 6) = 'daily/'"
        " AND user_id IN (SELECT id FROM users WHERE password IS NULL)",
        "DROP INDEX games_challenge",
        "CREATE INDEX games_challenge ON games (user_id, challenge, mode, started_at) WHERE challenge IS NOT NULL",
        "CREATE INDEX games_daily ON games (user_id, challenge) WHERE ranked AND substr(challenge, 1, 6) = 'daily/'",
    ):
        db.execute_sql(statement)
