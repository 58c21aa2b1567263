"""How often a board has changed is one of its tallies: the end of a game changes one table less for it."""


def up(migrator, db):
    for statement in (
        "ALTER TABLE tallies RENAME COLUMN players TO number",
        "INSERT INTO tallies (board, level, bucket, number) SELECT board, 2, 0, version FROM versions",
        "DROP TABLE versions",
    ):
        db.execute_sql(statement)
