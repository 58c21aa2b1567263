"""Background tasks: when they run, and how they end."""

import gc
import logging
import threading

import peewee
import pytest

from database import background
from database.binding import bind, database

TIMEOUT = 10


@pytest.fixture
def tasks(app):
    tasks = background.Background(app.database)
    yield tasks
    tasks.stop()


def test_a_task_runs_at_its_interval_with_the_database(tasks, app):
    found, thrice = [], threading.Event()

    def look():
        found.append(database.execute_sql("SELECT 1").fetchone()[0])
        if len(found) == 3:
            thrice.set()

    tasks.add(look, 0.001)
    tasks.ensure_started()
    tasks.ensure_started()
    assert thrice.wait(TIMEOUT)
    tasks.stop()
    count = len(found)
    assert set(found) == {1}
    tasks.ensure_started()  # once it is stopped, it stays so
    assert len(found) == count


def test_a_task_that_fails_is_logged_once_and_runs_again(tasks, caplog):
    counts, thrice = {}, {"away": threading.Event(), "broken": threading.Event()}

    def fail(name, error):
        counts[name] = counts.get(name, 0) + 1
        if counts[name] == 3:
            thrice[name].set()
        raise error

    def away():
        fail("away", peewee.OperationalError("no answer"))

    def broken():
        fail("broken", ValueError("no such thing"))

    tasks.add(away, 0.001)
    tasks.add(broken, 0.001)
    tasks.ensure_started()
    assert all(event.wait(TIMEOUT) for event in thrice.values())
    tasks.stop()
    lines = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert sorted(level for level, _ in lines) == [logging.WARNING, logging.ERROR]
    assert ["away" in line for _, line in lines] == [True, False]


def test_a_task_with_more_to_do_runs_again(tasks):
    left = [3, 2, 1]

    def work():
        left.pop()
        return bool(left)

    tasks.add(work, 60)
    tasks.run_all()
    assert left == []


def test_without_its_app_a_task_runs_no_more(app):
    runs = threading.Event()
    tasks = background.Background(app.database)
    tasks.add(runs.set, 0.001)
    tasks.ensure_started()
    assert runs.wait(TIMEOUT)
    [thread] = [thread for thread in threading.enumerate() if thread.name == "background"]
    del tasks
    gc.collect()
    thread.join(TIMEOUT)
    assert not thread.is_alive()


def test_abandoned_games_are_ended_beside_the_requests(make_app):
    """From the app's first request on, whatever it asks for."""
    from driver import drive

    app = make_app(abandoned_interval=0.01)
    api = drive(app)
    ada = api.sign_up("Ada")
    game = ada.open()
    with bind(app.database):
        database.execute_sql("UPDATE games SET seen_at = 1")
    for _ in range(1000):
        if api(f"GET /api/games/{game['id']}")["status"] == "over":
            return
        threading.Event().wait(0.01)
    raise AssertionError("it was not ended")
