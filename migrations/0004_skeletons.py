"""What a name looks like, of which each player has one of their own.

Of players whose names look the same already, the first is who has it; the others keep their names, and are compared with
nobody, as are guests.
"""

from accounts.usernames import skeleton


def up(migrator, db):
    db.execute_sql("ALTER TABLE users ADD COLUMN name_skeleton TEXT")
    players = db.execute_sql("SELECT id, name FROM users WHERE password IS NOT NULL ORDER BY id DESC").fetchall()
    first = {skeleton(name): number for number, name in players}
    statement = "UPDATE users SET name_skeleton = ? WHERE id = ?".replace("?", db.param)
    db.cursor().executemany(statement, first.items())
    db.execute_sql("CREATE UNIQUE INDEX users_name_skeleton ON users (name_skeleton)")
