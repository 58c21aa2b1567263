"""A number for each board that changes whenever the board does, so that what was made of it can be kept."""


def up(migrator, db):
    db.execute_sql("CREATE TABLE versions (board TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)")
