"""The write-ahead log is written to disk in a thread of its own, beside all that gevent runs."""

import subprocess
import sys

from running import PATIENCE, ROOT

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import os, sys, threading
import gevent
sys.path.insert(0, sys.argv[1])
import models
from database import transactions
from database.connect import connect
from database.binding import bind

calls, may_go_on, real = [], monkey.get_original("threading", "Event")(), os.fdatasync

def fdatasync(file):
    calls.append(threading.get_native_id())
    may_go_on.wait(30)
    real(file)

os.fdatasync = fdatasync
db = connect(sys.argv[2])

def write(name):
    with bind(db):
        transactions.commit(lambda: models.insert("secrets", name=name, value=""))

with bind(db):
    models.migrate()
first = gevent.spawn(write, "first")
while not calls:
    gevent.sleep(0.001)
later = [gevent.spawn(write, f"later {n}") for n in range(5)]
while len(db._durable.group.works) < 5:
    gevent.sleep(0.001)
assert not any(greenlet.dead for greenlet in (first, *later)), "an answer came before the disk"
may_go_on.set()
gevent.joinall([first, *later], raise_error=True, timeout=30)
assert all(greenlet.successful() for greenlet in (first, *later))
assert len(calls) == 2, calls
assert threading.get_native_id() not in calls

statements = []
for connection in db._kept:
    connection.set_trace_callback(statements.append)

def write_swiftly(name):
    with bind(db):
        transactions.commit(lambda: models.insert("secrets", name=name, value=""), durable=False)

swift = [gevent.spawn(write_swiftly, f"swift {n}") for n in range(5)]
gevent.joinall(swift, raise_error=True, timeout=30)
with bind(db):
    assert models.sql("SELECT COUNT(*) FROM secrets").fetchone()[0] == 11
assert len(calls) == 2, calls
assert sum(statement.startswith("BEGIN") for statement in statements) == 1, statements
"""


def test_who_waits_for_the_disk_holds_nobody_up_and_one_fsync_serves_many(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(ROOT), f"sqlite:///{tmp_path}/snake.db"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert (run.returncode, run.stderr) == (0, "")
