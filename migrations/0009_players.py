"""How many games a player has played, so that nobody has to count a million; and whether the account is being deleted."""


def up(migrator, db):
    for statement in (
        "ALTER TABLE users ADD COLUMN games INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE users ADD COLUMN deleted_at BIGINT",
        "CREATE INDEX users_deleted ON users (id) WHERE deleted_at IS NOT NULL",
        "UPDATE users SET games = (SELECT COUNT(*) FROM games"
        " WHERE user_id = users.id AND ended_at IS NOT NULL AND seed IS NOT NULL)",
    ):
        db.execute_sql(statement)
