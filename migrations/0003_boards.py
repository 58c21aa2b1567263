"""Boards: a number for each that changes whenever the board does; and tables that the end of a game changes in few places.

The database writes whole pages to disk. By player first, all of a player's entries are on one; and in SQLite a table is kept
in the order of its key, rather than in one of its own beside an index. When a game was last seen changes with each post, and
is looked for among the open games only, which have an index already.
"""

from peewee import SqliteDatabase

TABLES = {
    "entries": (
        "user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, board TEXT NOT NULL, score INTEGER NOT NULL,"
        " at BIGINT NOT NULL, game_id VARCHAR(16) NOT NULL, verified BOOLEAN NOT NULL, PRIMARY KEY (user_id, board)"
    ),
    "tallies": (
        "board TEXT NOT NULL, level INTEGER NOT NULL, bucket INTEGER NOT NULL, players INTEGER NOT NULL,"
        " PRIMARY KEY (board, level, bucket)"
    ),
}
COLUMNS = {"entries": "user_id, board, score, at, game_id, verified", "tallies": "board, level, bucket, players"}


def up(migrator, db):
    ordered = " WITHOUT ROWID" if isinstance(db, SqliteDatabase) else ""
    for name, columns in TABLES.items():
        db.execute_sql(f"ALTER TABLE {name} RENAME TO old_{name}")
        db.execute_sql(f"CREATE TABLE {name} ({columns}){ordered}")
        kept = COLUMNS[name]
        db.execute_sql(f"INSERT INTO {name} ({kept}) SELECT {kept} FROM old_{name}")  # noqa: S608 - the names are ours
        db.execute_sql(f"DROP TABLE old_{name}")
    db.execute_sql("DROP INDEX games_seen")
    db.execute_sql("CREATE INDEX entries_standing ON entries (board, score DESC, at, user_id)")
    db.execute_sql(f"CREATE TABLE versions (board TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL){ordered}")
    db.execute_sql("INSERT INTO versions (board, version) SELECT DISTINCT board, 1 FROM entries")
