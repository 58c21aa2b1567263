"""Games that challenge another or the day's seed, and accounts that programs play on."""


def up(migrator, db):
    for statement in (
        "ALTER TABLE users ADD COLUMN bot BOOLEAN NOT NULL DEFAULT FALSE",
        "ALTER TABLE games ADD COLUMN challenge TEXT",
        "DROP INDEX games_best",
        "CREATE INDEX games_best ON games (user_id, mode, score)"
        " WHERE ranked AND ended_at IS NOT NULL AND challenge IS NULL",
        "CREATE INDEX games_challenge ON games (user_id, challenge) WHERE challenge IS NOT NULL",
    ):
        db.execute_sql(statement)
