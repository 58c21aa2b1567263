"""manage.py and verify.py as processes beside a running server, on SQLite and on Postgres."""

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import psycopg
import pytest
from playwright.sync_api import expect
from servers import ROOT, TIMEOUT, run_program

from game import score_histogram

NEW = "four unrelated words"


@pytest.fixture
def manage(tmp_path):
    """Runs a command on the database of a URL, which must end with that status; what it said."""

    def run(database_url, *arguments, status=0, **options):
        done = start(tmp_path, database_url, *arguments, **options)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return run


def start(folder, database_url, *arguments, **options):
    return run_program(folder, "manage.py", *arguments, DATABASE_URL=database_url, BCRYPT_ROUNDS="4", **options)


@contextmanager
def load(server, players=3):
    """Players who play all the while; `games` of theirs have been answered as over."""
    over, stop = [], threading.Event()

    def play(number):
        player = server.api.sign_up(f"Loader{number}")
        while not stop.is_set():
            over.append(player.play(2)[0]["id"])

    threads = [threading.Thread(target=play, args=(number,)) for number in range(players)]
    for thread in threads:
        thread.start()
    try:
        while len(over) < players:
            stop.wait(0.01)
        yield over
    finally:
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT)


def test_a_backup_under_load_has_all_that_was_answered_before_and_is_restored(make_server, manage, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    server = make_server(DATABASE_URL=url, RATE_LIMITS="false")
    with load(server) as over:
        before = list(over)
        manage(url, "backup", "copy.db")
        meanwhile = len(over)
        while len(over) < meanwhile + 5:  # the server goes on
            assert server.is_running
    assert "stop the server" in manage(url, "restore", "copy.db", "--yes", status=1)
    assert server.stop() == 0
    manage(url, "restore", "copy.db", "--yes")
    assert "none of them differ" in manage(url, "verify")
    manage(url, "rebuild", "--check")
    server.start()
    for game in before:
        assert server.api(f"GET /api/games/{game}")["status"] == "over"
    server.api.log_in("Loader0").play(3)


def fill(server):
    """Players, games of all kinds, a guest and a ban; the token of one who stays logged in."""
    ada, bob = server.api.sign_up("Ada", email="ada@example.org"), server.api.sign_up("महेश")
    game = ada.play(3)[0]["id"]
    bob.play(4, challenge=game)
    bob.play(2, "pass-through", challenge="daily")
    robot = server.api.sign_up("Robo", bot=True)
    robot.play(1)
    open_game = ada.open()
    ada.post(open_game, 0, 5, [[2, "R"]])
    server.api.guest().play(1)
    return ada.token, open_game


def test_what_is_exported_is_the_same_after_a_way_through_the_other_kind(make_server, manage, tmp_path, postgres_url):
    sqlite_url, back = f"sqlite:///{tmp_path}/snake.db", f"sqlite:///{tmp_path}/back.db"
    server = make_server(DATABASE_URL=sqlite_url)
    token, game = fill(server)
    manage(sqlite_url, "ban", "robo")
    lines = manage(sqlite_url, "export")
    server.kill()
    manage(postgres_url, "import", input=lines)
    assert manage(postgres_url, "export") == lines
    assert "is not empty" in manage(postgres_url, "import", input=lines, status=1)
    manage(postgres_url, "import", "--replace", input=lines)
    manage(back, "import", input=manage(postgres_url, "export"))
    assert manage(back, "export") == lines
    for url in (postgres_url, back):
        assert "none of them differ" in manage(url, "verify")
        manage(url, "rebuild", "--check")
    server.settings["DATABASE_URL"] = postgres_url
    ada = server.start().api
    ada.token = token
    assert ada.post(game, 5, 6)["tick"] == 6
    assert server.api.sign_up("Carl").user["id"] not in {"1", "2", "3", "4"}  # Postgres counts on


OTHERS = """
CREATE SCHEMA app;
CREATE TABLE orders (id SERIAL PRIMARY KEY, what TEXT NOT NULL);
INSERT INTO orders (what) VALUES ('snake oil'), ('apples'), ('mice');
CREATE TABLE schema_migration (id SERIAL PRIMARY KEY, name VARCHAR(255) NOT NULL, applied TIMESTAMP NOT NULL);
INSERT INTO schema_migration (name, applied) VALUES ('0001_initial', '2024-01-01'), ('0099_last', '2025-01-01');
CREATE TABLE app.users (id SERIAL PRIMARY KEY, email TEXT);
INSERT INTO app.users (email) VALUES ('ada@example.org');
CREATE VIEW big_orders AS SELECT * FROM orders WHERE id > 1;
"""


def others(connection):
    tables = "orders", "schema_migration", "app.users", "big_orders"
    sequences = "orders_id_seq", "app.users_id_seq"
    return [
        *(connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall() for name in tables),
        *(connection.execute(f"SELECT last_value FROM {name}").fetchall() for name in sequences),
    ]


def test_on_postgres_tables_of_other_programs_are_not_touched(make_server, manage, tmp_path, postgres_url):
    url = f"sqlite:///{tmp_path}/snake.db"
    server = make_server(DATABASE_URL=url)
    fill(server)
    lines = manage(url, "export")
    server.kill()
    in_schema = f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3Dsnake"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(OTHERS)
        connection.execute("CREATE SCHEMA snake")
        before = others(connection)
        for database_url in (postgres_url, in_schema):
            manage(database_url, "import", input=lines)
            manage(database_url, "import", "--replace", input=lines)
            assert manage(database_url, "export") == lines
            server.settings["DATABASE_URL"] = database_url
            server.start().api("GET /api/leaderboard")
            said = manage(database_url, "import", "--replace", input=lines, status=1)
            assert "stop it first" in said
            assert said.count("\n") == 1
            server.stop()
            assert others(connection) == before
        connection.execute("CREATE TABLE fans (user_id INTEGER REFERENCES users (id) ON DELETE CASCADE)")
        connection.execute("INSERT INTO fans VALUES (1)")
        assert "fans refers to rows of users" in manage(postgres_url, "import", "--replace", input=lines, status=1)
        assert connection.execute("SELECT COUNT(*) FROM fans").fetchone() == (1,)
        assert manage(postgres_url, "export") == lines


def test_on_postgres_a_foreign_table_with_a_name_of_ours_stops_all_commands(manage, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE games (id SERIAL PRIMARY KEY, title TEXT); INSERT INTO games (title) VALUES ('Go')")
        for command in (["import", "--replace"], ["stats"], ["rebuild"]):
            said = manage(postgres_url, *command, status=2, input='{"snakepit": 1, "migration": "0001_first"}\n')
            assert "its table games is not Snakepit's" in said
            assert said.count("\n") == 1
        assert connection.execute("SELECT title FROM games").fetchall() == [("Go",)]


def test_an_export_is_of_one_moment(make_server, manage, database_url):
    server = make_server(DATABASE_URL=database_url, RATE_LIMITS="false")
    with load(server):
        lines = manage(database_url, "export").splitlines()
    rows, table = {}, None
    for line in map(json.loads, lines):
        if isinstance(line, list):
            rows[table].append(line)
        elif table := line.get("table"):
            rows[table] = []
    games = {row[0] for row in rows["games"]}
    assert {entry[4] for entry in rows["entries"]} <= games
    of_all_time = sum(1 for entry in rows["entries"] if entry[1] == "walls/all")
    assert sum(tally[3] for tally in rows["tallies"] if tally[:2] == ["walls/all", 0]) == of_all_time == 3


def test_what_is_done_is_seen_at_once_by_a_server_that_runs(make_server, manage, database_url):
    server = make_server(DATABASE_URL=database_url)
    ada, bob = server.api.sign_up("Ada"), server.api.sign_up("Bob")
    best = ada.play(4)[0]["id"]
    ada.play(1)
    bob.play(2)

    def board():
        return [(entry["username"], entry["score"]) for entry in server.api("GET /api/leaderboard?mode=walls")]

    assert board() == [("Ada", 40), ("Bob", 20)]
    manage(database_url, "ban", "ada")
    assert board() == [("Bob", 20)]
    manage(database_url, "unban", "ADA")
    manage(database_url, "rename", "bob", "Robert")
    assert board() == [("Ada", 40), ("Robert", 20)]
    manage(database_url, "delete-score", best, "--yes")
    assert board() == [("Robert", 20), ("Ada", 10)]
    with load(server):
        manage(database_url, "rebuild")
        assert "none of them differ" in manage(database_url, "verify")
    manage(database_url, "rebuild", "--check")
    assert "players   5" in manage(database_url, "stats")


def test_what_is_old_is_pruned_and_no_board_changes(make_server, manage, database_url):
    server = make_server(DATABASE_URL=database_url)
    ada, guest = server.api.sign_up("Ada"), server.api.guest()
    ada.play(3)
    gone = [ada.play(1)[0]["id"], guest.play(2)[0]["id"]]
    board = server.api("GET /api/leaderboard?mode=walls")
    assert "0 games" in manage(database_url, "prune", "--days", "30", "--yes")
    for table, moved in (("games", "ended_at"), ("games", "seen_at"), ("users", "created_at")):
        forge(database_url, f"UPDATE {table} SET {moved} = {moved} - {40 * 86_400_000}")
    forge(database_url, f"UPDATE sessions SET expires_at = 1 WHERE user_id = {guest.user['id']}")
    assert "1 games that are on no leaderboard, and 1 guests" in manage(database_url, "prune", "--days", "30", "--dry-run")
    assert "Deleted 1 games and 1 guests" in manage(database_url, "prune", "--days", "30", "--yes")
    for game in gone:
        server.api(f"GET /api/games/{game}", status=404)
    assert server.api("GET /api/leaderboard?mode=walls") == board
    assert "games     1 over" in manage(database_url, "stats")


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [
        (390, 844, "dark"),
        (1280, 800, "light"),
        pytest.param(390, 844, "light", marks=pytest.mark.long),
        pytest.param(1280, 800, "dark", marks=pytest.mark.long),
    ],
)
def test_a_reset_link_leads_to_a_new_password_once(make_server, manage, open_page, tmp_path, axe, width, height, scheme):
    url = f"sqlite:///{tmp_path}/snake.db"
    server = make_server(DATABASE_URL=url)
    ada = server.api.sign_up("Ada")
    link = manage(url, "reset-password", "ada", "--url", server.url).strip()
    page = open_page(link, width, height, color_scheme=scheme, reduced_motion="reduce")
    expect(page).to_have_title("New password · Snakepit")
    field, button = page.locator("#reset-password"), page.locator("#reset-form [type=submit]")
    field.fill("short")
    button.click()
    expect(page.locator("#reset-password-error")).to_have_text("Give at least 8 characters.")
    expect(field).to_be_focused()
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(({violations}) => violations.map(({id}) => id))") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    field.fill(NEW)
    button.click()
    expect(page.locator("#account")).to_have_text("Ada")
    expect(page.locator("#view-play")).to_be_visible()
    assert page.url == f"{server.url}/#/"
    ada("GET /api/auth/me", status=401)
    server.api.log_in("Ada", NEW)
    page.goto("about:blank")
    page.goto(link)
    field.fill("another four words")
    button.click()
    expect(page.locator("#reset-form .problem")).to_contain_text("works once")
    expect(page.locator("#account")).to_have_text("Ada")  # who is still logged in
    assert link.rpartition("/")[2] not in server.log.read_text()


def test_on_a_terminal_it_asks_and_shows_how_far_it_is(make_server, tmp_path):
    url = f"sqlite:///{tmp_path}/snake.db"
    game = make_server(DATABASE_URL=url).api.sign_up("Ada").play(2)[0]["id"]
    for words, said in ((["verify"], b"played 1 of 1 games"), (["delete-score", game], b"Go on? [y/N]")):
        shown = on_a_terminal(tmp_path, url, *words, answer=b"n\n")
        assert said in shown
    assert b"nothing was done" in shown


def on_a_terminal(folder, database_url, *arguments, answer):
    master, slave = pty.openpty()
    os.write(master, answer)
    env = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url}
    command = [sys.executable, ROOT / "manage.py", *arguments]
    process = subprocess.Popen(command, cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # how a terminal ends
        pass
    process.wait(TIMEOUT)
    os.close(master)
    return shown


@pytest.fixture
def verify(tmp_path):
    """Runs verify.py alone in a folder, without our other modules or any package."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(ROOT / "verify.py", alone)

    def run(*arguments, status=0):
        command = [sys.executable, "-I", "-S", "verify.py", *arguments, "--ignore-pace"]  # the test plays in no time
        done = subprocess.run(command, cwd=alone, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert done.returncode == status, done
        return done.stdout + done.stderr

    return run


def test_verify_proves_a_servers_scores_and_finds_a_forged_one(make_server, verify, database_url):
    server = make_server(DATABASE_URL=database_url)
    fill(server)
    assert verify(server.url, "--all") == "1 of 1 scores are proven.\n"
    assert verify(server.url, "--bots") == "1 of 1 scores are proven.\n"
    assert "before 00:00 UTC" in verify(server.url, "--challenge", "daily", status=1)
    token = server.api.log_in("महेश").token
    assert verify(server.url, "--challenge", "daily", "--token", token) == "1 of 1 scores are proven.\n"
    forge(database_url, "UPDATE games SET score = 500 WHERE score = 30")
    forge(database_url, "UPDATE entries SET score = 500 WHERE score = 30")
    forge(database_url, f"UPDATE tallies SET number = number + 1 WHERE level = {score_histogram.VERSION}")
    said = verify(server.url, "--mode", "walls", status=1)
    assert "Ada, 500 in walls" in said
    assert "its turns give 30" in said
    assert "no such" not in verify("http://127.0.0.1:1", status=2)


def forge(database_url, statement):
    """Behind the server's back, as an operator could."""
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(database_url) as connection:
            connection.execute(statement)


def test_everything_is_helped_with(manage):
    said = manage("sqlite:///nowhere.db", "--help")
    for command in ("backup", "restore", "export", "import", "verify", "rebuild", "stats", "reset-password", "prune"):
        assert command in said
    assert "--dry-run" in manage("sqlite:///nowhere.db", "prune", "--help")


LOOSE = "sh", "-c", 'umask 0; exec "$@"', "sh"  # starts what follows with files for everybody


def test_what_server_and_commands_write_is_for_their_user_only(make_server, manage, tmp_path):
    url, folder = f"sqlite:///{tmp_path}/snake.db", tmp_path / "kept"
    folder.mkdir()
    server = make_server(LOOSE, DATABASE_URL=url)
    server.api.guest().play(1)
    assert modes(tmp_path.glob("snake.db*")) == {"snake.db": 0o600, "snake.db-wal": 0o600, "snake.db-shm": 0o600}
    manage(url, "backup", "kept/copy.db", umask=0)
    manage(url, "export", "kept/all.jsonl", umask=0)
    server.stop()
    manage(url, "restore", "kept/copy.db", "--yes", umask=0)
    manage(f"sqlite:///{folder}/other.db", "restore", "kept/copy.db", "--yes", umask=0)
    manage(f"sqlite:///{folder}/new.db", "import", "kept/all.jsonl", umask=0)
    assert {"copy.db", "all.jsonl", "other.db", "new.db"} <= set(modes(folder.iterdir()))
    assert set(modes([*tmp_path.glob("snake.db*"), *folder.iterdir()]).values()) == {0o600}


def modes(paths):
    return {path.name: path.stat().st_mode & 0o777 for path in paths}
