"""What names look like, by Unicode's own data (UTS #39), and what they look like in lower case, each unique.

Of players whose names look the same by these rules, the oldest has the look. The others keep their names, and their looks
are null: compared with none, as those of guests are.
"""

from accounts.usernames import folded_skeleton, skeleton


def up(migrator, db):
    db.execute_sql("ALTER TABLE users ADD COLUMN folded_skeleton TEXT")
    db.execute_sql("UPDATE users SET name_skeleton = NULL")
    players = db.execute_sql("SELECT id, name FROM users WHERE password IS NOT NULL ORDER BY id DESC").fetchall()
    for column, look in (("name_skeleton", skeleton), ("folded_skeleton", folded_skeleton)):
        oldest = {look(name): number for number, name in players}
        statement = f"UPDATE users SET {column} = ? WHERE id = ?"  # noqa: S608 - the names are ours
        db.cursor().executemany(statement.replace("?", db.param), list(oldest.items()))
    db.execute_sql("CREATE UNIQUE INDEX users_folded_skeleton ON users (folded_skeleton)")
