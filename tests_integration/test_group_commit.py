"""Under gevent, no fsync runs on the event loop: a thread writes the WAL file to disk, once for many jobs."""

from servers import run_code

START = """
from gevent import monkey
monkey.patch_all()
import os, sqlite3, sys, threading
import gevent
sys.path[:0] = sys.argv[1], sys.argv[1] + "/tests"

calls, commits, connections, may_go_on = [], [], [], monkey.get_original("threading", "Event")()
fdatasync, connect = os.fdatasync, sqlite3.connect

def traced(file):
    calls.append(threading.get_native_id())
    may_go_on.wait(30)
    fdatasync(file)

class Connection(sqlite3.Connection):
    def execute(self, statement, *parameters):
        if statement == "COMMIT":
            commits.append(threading.get_native_id())
        return super().execute(statement, *parameters)

def opened(*args, **options):
    connections.append(connect(*args, factory=Connection, **options))
    return connections[-1]

os.fdatasync, sqlite3.connect = traced, opened
"""
JOBS = """
import models
from database import migrations
from database.binding import bind, database
from database.connect import connect as connect_to
from database.transactions import commit

db = connect_to(sys.argv[2], shared=True)

def write(name, durable=True):
    with bind(db):
        commit(models.Secret.insert(name=name, value="").execute, durable)

with bind(db):
    migrations.migrate()
first = gevent.spawn(write, "first")
while not calls:
    gevent.sleep(0.001)
later = [gevent.spawn(write, f"later {n}") for n in range(5)]
while len(db.writer.waiting) < 5:
    gevent.sleep(0.001)
with bind(db):  # readers wait for nobody
    assert database.execute_sql("SELECT COUNT(*) FROM secrets").fetchone()[0] == 1
assert not any(greenlet.dead for greenlet in (first, *later)), "a result was released before the fsync"
may_go_on.set()
gevent.joinall([first, *later], raise_error=True, timeout=30)
assert all(greenlet.successful() for greenlet in (first, *later))
assert len(calls) == 2, calls
assert threading.get_native_id() not in calls

swift = [gevent.spawn(write, f"swift {n}", False) for n in range(5)]
gevent.joinall(swift, raise_error=True, timeout=30)
with bind(db):
    assert database.execute_sql("SELECT COUNT(*) FROM secrets").fetchone()[0] == 11
assert len(calls) == 2, calls

db.checkpoint()
commits.clear()
write("begins the WAL file again", False)  # for which SQLite calls fsync
write("goes on with it", False)
assert [thread == threading.get_native_id() for thread in commits] == [False, True]
"""
APP = """
import driver, service

may_go_on.set()
app = service.create_app(database_url=sys.argv[2], enforce_pace=False, bcrypt_rounds=4, rate_limits=False)
started = len(connections)
api = driver.drive(app)

def live(number):
    guest = api.guest()
    guest.play(1)
    player = api.sign_up(f"Player{number}")
    player.play(1)
    api("POST /api/auth/login", {"username": f"Player{number}", "password": driver.PASSWORD})
    player("PATCH /api/auth/me", {"email": f"{number}@example.org", "current_password": driver.PASSWORD})
    player("GET /api/leaderboard")
    player("POST /api/auth/logout", status=204)

calls.clear()
gevent.joinall([gevent.spawn(live, number) for number in range(5)], raise_error=True, timeout=60)
app.background.run_all()
assert calls
assert threading.get_native_id() not in calls
serving = connections[started:]
assert len(serving) >= 2  # a reader and the writer; checkpoints have others, in a thread
for connection in serving:
    try:
        [level] = connection.execute("PRAGMA synchronous").fetchone()
        [pages] = connection.execute("PRAGMA wal_autocheckpoint").fetchone()
        [reads] = connection.execute("PRAGMA query_only").fetchone()
    except sqlite3.ProgrammingError:
        continue  # closed
    assert level <= 1, "SQLite would call fsync within COMMIT"
    assert reads or pages == 0, "SQLite would call fsync in a checkpoint within COMMIT"
"""


def test_waiting_for_the_disk_blocks_nobody_and_one_fsync_serves_many(tmp_path):
    run_code(START + JOBS, tmp_path)


def test_no_fsync_runs_on_the_event_loop_whatever_is_written(tmp_path):
    run_code(START + APP, tmp_path)
