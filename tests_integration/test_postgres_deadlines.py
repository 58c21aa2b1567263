"""What a deadline means for the connections to Postgres: under load, many pass although the server answers at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import peewee
import psycopg
import pytest
from servers import run_code

from database import errors
from database.connect import connect
from database.deadlines import deadline, seconds_left
from database.postgres import POOL_SIZE, SILENCE

OWN_PID = "SELECT pg_backend_pid()"
# A greenlet asks, and another one keeps the event loop busy until after the deadline.
BUSY = """
from gevent import monkey
monkey.patch_all()
import sys, time
import gevent
sys.path.insert(0, sys.argv[1])
from database.connect import connect
from database.deadlines import deadline, seconds_left

database = connect({url!r})
database.run("SELECT 1")
database.close()  # it is open now, and idle

def ask():
    with deadline(0.2):
        [answer] = database.run("SELECT 7").fetchone()
        assert seconds_left() == 0, "the loop was not busy"
        return answer

def work():
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        pass

asking, _ = gevent.spawn(ask), gevent.spawn(work)
assert asking.get() == 7
database.close_all()
"""
# All connections are in use, and as many wait as may while Postgres hangs.
CROWDED = """
from gevent import monkey
monkey.patch_all()
import sys, time
import gevent
import peewee
sys.path.insert(0, sys.argv[1])
from database import errors
from database.connect import connect
from database.postgres import MAX_WAITING, POOL_SIZE, STALLED

database = connect({url!r})
begun, answered = [], []

def ask(statement="SELECT 7"):
    begun.append(statement)
    [answer] = database.run(statement).fetchone()
    database.close()
    answered.append(statement)
    return answer

gevent.joinall([gevent.spawn(ask, "SELECT pg_sleep(0.2)") for _ in range(POOL_SIZE)], raise_error=True)
begun.clear()
asking = [gevent.spawn(ask, f"SELECT pg_sleep({{STALLED + {longer}}})") for _ in range(POOL_SIZE)]
asking += [gevent.spawn(ask) for _ in range(MAX_WAITING)]
while len(begun) < len(asking):
    gevent.sleep(0.001)
{then}
gevent.joinall(asking, raise_error=True)
database.close_all()
"""
# The event loop is too busy to look at the answers.
BUSY_LOOP = """
until = time.monotonic() + STALLED + 0.3
while time.monotonic() < until:
    pass
assert ask() == 7
"""
HANGING = """
gevent.sleep(STALLED + 0.1)
try:
    ask()
except peewee.OperationalError as error:
    assert errors.TOO_MANY_WAIT in str(error)
else:
    raise AssertionError("one more waited")
assert database.look_up("SELECT 7").fetchone() == (7,)
assert answered.count("SELECT 7") < MAX_WAITING / 2
"""


@pytest.fixture
def database(postgres_url):
    """A pool with two connections, both idle."""
    database, both = connect(postgres_url), threading.Barrier(2)

    def ask():
        [pid] = database.run(OWN_PID).fetchone()
        both.wait(30)
        database.close()
        return pid

    with ThreadPoolExecutor(2) as threads:
        database.pids = {asked.result() for asked in [threads.submit(ask) for _ in range(2)]}
    yield database
    database.close_all()


@pytest.mark.parametrize("way", ["run", "execute_sql"])
@pytest.mark.parametrize(("seconds", "is_silent"), [(SILENCE / 5, False), (SILENCE + 0.3, True)])
def test_only_a_long_wait_shows_that_the_server_is_silent(database, way, seconds, is_silent):
    """Otherwise, each question that a busy server asks late would have all connections opened again."""
    with deadline(seconds), pytest.raises((peewee.OperationalError, psycopg.OperationalError)) as caught:
        getattr(database, way)("SELECT pg_sleep(20)")
    assert errors.NO_ANSWER in str(caught.value)
    database.close()
    [pid] = database.run(OWN_PID).fetchone()
    assert (pid not in database.pids) == is_silent


def test_an_answer_that_a_busy_server_sees_late_still_counts(postgres_url, tmp_path):
    run_code(BUSY.format(url=postgres_url), tmp_path)


def test_a_busy_server_does_not_take_postgres_for_one_that_hangs(postgres_url, tmp_path):
    """Otherwise it would refuse requests each time that hundreds of clients connect."""
    run_code(CROWDED.format(url=postgres_url, longer=0, then=BUSY_LOOP), tmp_path)


def test_while_postgres_hangs_short_reads_wait_before_others(postgres_url, tmp_path):
    """They share connections: to refuse one would be to refuse many requests."""
    run_code(CROWDED.format(url=postgres_url, longer=1, then=HANGING), tmp_path)


def test_requests_get_a_connection_only_while_there_is_time_to_use_it(database):
    """If requests waited until their deadlines, each would get a connection that it can't use any more."""
    are_in_use, is_over = threading.Barrier(POOL_SIZE + 1), threading.Event()

    def use():
        database.run(OWN_PID)
        are_in_use.wait(30)
        is_over.wait(30)
        database.close()

    with ThreadPoolExecutor(POOL_SIZE) as threads:
        for _ in range(POOL_SIZE):
            threads.submit(use)
        try:
            are_in_use.wait(30)
            with deadline(2):
                with pytest.raises(peewee.OperationalError, match=errors.NO_FREE):
                    database.run(OWN_PID)
                assert 0 < seconds_left() < 1.1
        finally:
            is_over.set()
