"""manage.py on a database that also has tables of other programs."""

import sqlite3
from contextlib import closing

import pytest
from driver import drive

import config

OTHERS = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT NOT NULL, buyer INTEGER);
INSERT INTO orders VALUES (1, 'snake oil', 1), (2, 'apples', 1), (3, 'mice', 2);
CREATE TABLE schema_migration (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, applied DATETIME NOT NULL);
INSERT INTO schema_migration VALUES (1, '0001_initial', '2024-01-01'), (2, '0099_last', '2025-01-01');
CREATE VIEW big_orders AS SELECT * FROM orders WHERE id > 1;
CREATE INDEX orders_what ON orders (what);
"""


def dumped(path):
    """The rows and definitions of other programs' tables."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%orders%' ORDER BY name").fetchall()
        return [made, *(connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("orders", "schema_migration"))]


def with_others(path, more=""):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OTHERS + more)
    return dumped(path)


def test_tables_of_other_programs_are_not_touched(run, exported, elsewhere, make_app, tmp_path):
    path = tmp_path / elsewhere()
    before = with_others(
        path,
    )
    run("import", "all.jsonl")
    assert dumped(path) == before
    app = make_app(database_url=f"sqlite:///{path}")
    drive(app).sign_up("Carl").play(1)
    app.close()
    run("import", "all.jsonl", "--replace")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported
    run("rebuild")
    assert dumped(path) == before


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)",
        "CREATE TABLE Games (id INTEGER PRIMARY KEY, title TEXT)",
        "CREATE VIEW entries AS SELECT * FROM orders",
        "CREATE TABLE games_open (id INTEGER)",
        "CREATE INDEX games_latest ON orders (buyer)",
        "CREATE TABLE snakepit_migration (id INTEGER)",
        "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO schema_migration VALUES (3, '0001_first', '2024-01-01')",
    ],
)
def test_a_foreign_table_with_a_name_of_ours_stops_all_commands(run, exported, elsewhere, make_app, tmp_path, foreign):
    path = tmp_path / elsewhere()
    before = with_others(path, foreign)
    for command in (["import", "all.jsonl"], ["import", "all.jsonl", "--replace"], ["stats"], ["rebuild"]):
        assert "is not Snakepit's" in run(*command, status=2)
    with pytest.raises(config.ConfigError, match="is not Snakepit's"):
        make_app(database_url=f"sqlite:///{path}")
    assert dumped(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'tallies'").fetchone()[0] == 0


def test_a_table_replaced_by_another_program_stops_all_commands(run, app, make_app, tmp_path, exported):
    app.close()
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection, connection:
        connection.executescript("DROP TABLE games; CREATE TABLE games (id INTEGER PRIMARY KEY, title TEXT)")
    assert "its table games is not Snakepit's" in run("import", "all.jsonl", "--replace", status=2)
    with closing(sqlite3.connect(tmp_path / "snake.db")) as connection, connection:
        connection.executescript("DROP TABLE games")
    with pytest.raises(config.ConfigError, match="its table games is missing"):
        make_app(database_url=f"sqlite:///{tmp_path}/snake.db")


@pytest.mark.parametrize("key", ["REFERENCES users (id)", "REFERENCES users (id) ON DELETE CASCADE"])
def test_rows_that_others_refer_to_are_not_replaced(run, app, exported, tmp_path, key):
    app.close()
    path = tmp_path / "snake.db"
    before = with_others(
        path, f"CREATE TABLE others_orders (id INTEGER, buyer INTEGER {key}); INSERT INTO others_orders VALUES (1, 1)"
    )
    assert "others_orders refers to rows of users" in run("import", "all.jsonl", "--replace", status=1)
    assert dumped(path) == before
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported


def test_the_names_of_our_migrations_move_out_of_a_table_that_others_use(run, app, exported, make_app, tmp_path):
    app.close()
    path = tmp_path / "snake.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            OTHERS + "INSERT INTO schema_migration (name, applied) SELECT name, applied FROM"
            " snakepit_migration; DROP TABLE snakepit_migration"
        )
    make_app(database_url=f"sqlite:///{path}").close()
    assert [name for _, name, _ in dumped(path)[2]] == ["0001_initial", "0099_last"]
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported
