"""Turns take a third of the space, see game/codec.py: those of games that begin an hour after this.

Until then servers of the version before, which can't read them, can run beside those of this one. In a new database, turns
are packed at once.
"""

import time

COMPATIBLE_WITH = "0014_rooms"  # for so long:
WAIT = 3_600_000  # milliseconds


def up(migrator, db):
    if db.execute_sql("SELECT id FROM users LIMIT 1").fetchone():
        statement = "INSERT INTO secrets (name, value) VALUES ('packed_turns_from', ?)".replace("?", db.param)
        db.execute_sql(statement, (str(time.time_ns() // 1_000_000 + WAIT),))
