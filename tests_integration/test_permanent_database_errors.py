"""Database errors that don't pass by themselves: they stop the start in one line, and later responses name them."""

import json
import os
import re
import sqlite3
import uuid
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from driver import drive
from servers import run_program

import config
import service
from database import errors
from database.binding import bind

PASSWORD = "pa55w0rd-of-the-database"


@pytest.fixture
def app(database_url):
    app = service.create_app(database_url=database_url, enforce_pace=False, bcrypt_rounds=4)
    yield app
    app.close()


@pytest.fixture
def admin(postgres, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        yield admin


@pytest.fixture
def role(admin):
    """The name of a role that may log in, and nothing else."""
    name = f"role_{uuid.uuid4().hex}"
    admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    yield name
    admin.execute(f"DROP OWNED BY {name}")
    admin.execute(f"DROP ROLE {name}")


def as_role(url, role, password=PASSWORD):
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def start(url, folder, **settings):
    """The exit status and the output of a `python service.py` that doesn't start."""
    run = run_program(folder, "service.py", DATABASE_URL=url, **settings)
    assert run.stdout == ""
    return run.returncode, run.stderr


def stops_the_start(url, folder, words, also_the_server=False):
    """For a test suite's app, and for a server with one worker and with several, as JSON."""
    with pytest.raises(config.ConfigError) as raised:
        service.create_app(database_url=url)
    line = str(raised.value)
    assert line.startswith("DATABASE_URL: ")
    assert re.search(words, line)
    assert "\n" not in line
    assert PASSWORD not in line
    if not also_the_server:
        return
    assert start(url, folder) == (2, f"{line}\n")
    status, said = start(url, folder, WORKERS="3", LOG_FORMAT="json")
    assert (status, json.loads(said)["message"]) == (2, line)


def test_a_host_that_nobody_knows_stops_the_start(tmp_path):
    stops_the_start(f"postgresql://snake:{PASSWORD}@no-such-host.invalid/snake", tmp_path, "host .* is unknown")


def test_a_database_that_is_not_there_stops_the_start(postgres, tmp_path):
    url = urlsplit(postgres)._replace(path="/no_such_database").geturl()
    stops_the_start(url, tmp_path, "does not exist; create it", also_the_server=True)


def test_a_user_that_postgres_does_not_know_stops_the_start(postgres_url, tmp_path):
    stops_the_start(as_role(postgres_url, "no_such_role"), tmp_path, "refuses the server's user or password")


def test_a_password_that_is_wrong_stops_the_start(own_postgres, tmp_path):
    with psycopg.connect(own_postgres.url, autocommit=True) as admin:
        admin.execute("CREATE ROLE snake LOGIN PASSWORD 'another'")
        [path] = admin.execute("SHOW hba_file").fetchone()
        with open(path, "r+") as file:
            rules = file.read()
            file.seek(0)
            file.write(f"local all snake scram-sha-256\n{rules}")
        admin.execute("SELECT pg_reload_conf()")
    stops_the_start(as_role(own_postgres.url, "snake"), tmp_path, "refuses the server's user or password")


def test_a_user_without_the_right_to_make_tables_stops_the_start(postgres_url, admin, role, tmp_path):
    admin.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    stops_the_start(as_role(postgres_url, role), tmp_path, "lacks privileges")


@pytest.mark.parametrize("granted", ["SELECT", "SELECT, INSERT, UPDATE"])
def test_a_user_without_all_rights_to_the_tables_stops_the_start(postgres_url, admin, role, tmp_path, granted):
    service.create_app(database_url=postgres_url).close()
    admin.execute(f"GRANT {granted} ON ALL TABLES IN SCHEMA public TO {role}")
    stops_the_start(as_role(postgres_url, role), tmp_path, "lacks privileges")


@pytest.mark.parametrize("has_tables", [True, False])
def test_a_postgres_that_is_read_only_stops_the_start(postgres_url, tmp_path, has_tables):
    if has_tables:
        service.create_app(database_url=postgres_url).close()
    options = "options=-c%20default_transaction_read_only%3Don"
    stops_the_start(f"{postgres_url}{'&' if '?' in postgres_url else '?'}{options}", tmp_path, "can't write")


@pytest.mark.parametrize("content", [b"This is a text.\n" * 500, bytes(5000), os.urandom(9000)])
def test_a_file_that_is_no_database_stops_the_start(tmp_path, content):
    path = tmp_path / "snake.db"
    path.write_bytes(content)
    stops_the_start(f"sqlite:///{path}", tmp_path, "damaged, or is not a database", also_the_server=content[:1] == b"T")
    assert path.read_bytes() == content


def test_a_file_that_is_cut_off_stops_the_start(tmp_path):
    path = tmp_path / "snake.db"
    service.create_app(database_url=f"sqlite:///{path}").close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    stops_the_start(f"sqlite:///{path}", tmp_path, "damaged, or is not a database")


def test_a_database_that_is_only_not_up_yet_does_not_stop_the_start(make_server, tmp_path):
    server = make_server(DATABASE_URL=f"postgres://snake@127.0.0.1:1/snake?host={tmp_path}")
    assert server.api("GET /healthz", status=503)["detail"].startswith(errors.UNREACHABLE)


# Later.


def is_told(app, calls, trouble):
    """Each of the calls is 503, and names what is wrong, without telling people to try again in two seconds."""
    api = drive(app)
    for call in calls:
        answer = api.ask(call)
        assert answer.status == 503, (call, answer)
        assert answer.json["detail"].startswith(trouble)
        assert "try again" not in answer.json["detail"]
        assert int(answer.headers["Retry-After"]) == answer.json["params"]["retry_in"] >= 10


@pytest.mark.parametrize("table", ["games", "sessions", "secrets"])
def test_health_fails_while_a_table_is_missing(app, database_url, table):
    health = drive(app)
    health("GET /healthz")
    with sql_of(app) as sql:
        sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    is_told(app, ["GET /healthz"], errors.NO_TABLES)
    with sql_of(app) as sql:
        sql(f"ALTER TABLE elsewhere RENAME TO {table}")
    health("GET /healthz")


@contextmanager
def sql_of(app):
    with app.database.own_connection() as db, bind(db):
        yield db.execute_sql


def test_requests_that_need_a_missing_table_are_unavailable(app):
    with sql_of(app) as sql:
        sql("ALTER TABLE games RENAME TO elsewhere")
    is_told(app, ["GET /api/games/active", "GET /api/games/nothing"], errors.NO_TABLES)


def test_a_missing_column_is_reported(app):
    with sql_of(app) as sql:
        sql("ALTER TABLE secrets RENAME COLUMN value TO worth")
    is_told(app, ["GET /healthz"], errors.NO_TABLES)


def test_a_revoked_privilege_is_reported(postgres_url, admin, role):
    service.create_app(database_url=postgres_url).close()
    admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    admin.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
    app = service.create_app(database_url=as_role(postgres_url, role))
    admin.execute(f"REVOKE INSERT ON users FROM {role}")
    is_told(app, ["POST /api/auth/guest"], errors.NO_PRIVILEGES)
    admin.execute(f"REVOKE ALL ON games FROM {role}")
    is_told(app, ["GET /api/games/active", "GET /healthz"], errors.NO_PRIVILEGES)
    app.close()


def test_a_postgres_that_becomes_read_only_is_reported(postgres_url, admin):
    app = service.create_app(database_url=postgres_url)
    api = drive(app)
    name = urlsplit(postgres_url).path[1:]
    admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    is_told(app, ["POST /api/auth/guest"], errors.READ_ONLY)
    api("GET /api/leaderboard")
    app.close()


def test_an_overwritten_file_is_reported(tmp_path):
    path = tmp_path / "snake.db"
    app = service.create_app(database_url=f"sqlite:///{path}")
    path.write_bytes(os.urandom(50_000))
    is_told(app, ["GET /healthz", "POST /api/auth/guest"], errors.DAMAGED)
    app.close()


def test_a_database_that_another_program_has_taken_meanwhile_is_reported(tmp_path):
    """It was locked when the server started; then it turns out to be another program's."""
    path = tmp_path / "snake.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        app = service.create_app(database_url=f"sqlite:///{path}", lock_wait=0.01)
        other.execute("CREATE TABLE users (id INTEGER)")
        other.execute("COMMIT")
    is_told(app, ["GET /healthz", "GET /api/leaderboard"], errors.NOT_OURS)
    app.close()
