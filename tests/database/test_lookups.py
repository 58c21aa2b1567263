"""Short reads that share round trips: who waits for whom, and whom an error concerns."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import peewee
import psycopg
import pytest

from database import errors
from database.deadlines import deadline
from database.lookups import MAX_CALLERS, MOST, STALLED, Lookups

LONG = 30  # seconds: much longer than any test takes


class Read:
    """A statement that finds its own name."""

    def __init__(self, name):
        self.name, self.found = name, None

    def key(self):
        return self.name

    def is_executed(self):
        return self.found is not None

    def take_result(self, other):
        self.found = other.found


class Database:
    """Answers while it is `open`. `failing` has the errors of reads by their names, or functions that return them."""

    def __init__(self, patience=LONG):
        self.lookups = Lookups(self.execute, patience)
        self.trips, self.failing = [], {}  # trips: the names of each
        self.open = threading.Event()
        self.open.set()

    def execute(self, reads):
        self.trips.append([read.name for read in reads])
        if not self.open.wait(LONG):
            raise AssertionError
        for read in reads:
            if read.name in self.failing:
                failure = self.failing[read.name]
                raise failure() if callable(failure) else failure
            read.found = read.name

    def read(self, name):
        read = Read(name)
        self.lookups.run(read)
        return read.found

    def await_trips(self, number):
        until(lambda: len(self.trips) >= number)

    def await_callers(self, number):
        until(lambda: self.lookups.callers == number)


def until(is_true):
    end = time.monotonic() + LONG
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.001)


@contextmanager
def asked(database, *names):
    """Ask for `names`, the first of which is under way while the others come. Yield the futures; all can end then."""
    with ThreadPoolExecutor(len(names)) as threads:
        database.open.clear()
        futures = []
        for number, name in enumerate(names, 1):
            futures.append(threads.submit(database.read, name))
            database.await_callers(number)
        database.await_trips(1)
        yield futures
        database.open.set()


def test_reads_that_wait_share_the_next_round_trip_and_the_same_ones_are_executed_once():
    database = Database()
    with asked(database, "a", "b", "c", "b", "a") as futures:
        pass
    assert [future.result() for future in futures] == ["a", "b", "c", "b", "a"]
    first, second = database.trips
    assert (first, sorted(second)) == (["a"], ["a", "b", "c"])


def test_a_round_trip_has_no_more_than_so_many():
    database = Database()
    names = [str(number) for number in range(2 * MOST)]
    with asked(database, *names) as futures:
        pass
    assert [future.result() for future in futures] == names
    assert [len(trip) for trip in database.trips] == [1, MOST, MOST - 1]


def test_a_read_that_comes_alone_waits_for_nobody():
    database = Database()
    assert [database.read(name) for name in "aab"] == ["a", "a", "b"]
    assert database.trips == [["a"], ["a"], ["b"]]


def test_an_error_of_a_statement_is_only_for_the_caller_who_has_asked_for_it():
    database = Database()
    database.failing = {"b": psycopg.errors.LockNotAvailable("locked"), "c": ValueError("not sent")}
    with asked(database, *"abcd") as futures:
        pass
    with pytest.raises(psycopg.errors.LockNotAvailable):
        futures[1].result()
    with pytest.raises(ValueError, match="not sent"):
        futures[2].result()
    assert (futures[0].result(), futures[3].result()) == ("a", "d")


@pytest.mark.parametrize(
    "error", [psycopg.OperationalError("lost"), errors.unavailable(errors.NO_FREE), psycopg.InterfaceError("closed")]
)
def test_all_who_share_a_round_trip_have_its_error_if_the_connection_is_lost(error):
    database = Database()
    database.failing = {"b": error, "c": error, "d": error}
    with asked(database, *"abcd") as futures:
        pass
    assert [future.exception() for future in futures] == [None, error, error, error]
    assert len(database.trips) == 2


def test_a_round_trip_that_takes_long_holds_up_nobody_else():
    database = Database(patience=0.02)
    with asked(database, *"abc") as futures:
        database.await_trips(2)
    assert [future.result() for future in futures] == ["a", "b", "c"]


def test_a_caller_waits_until_the_deadline():
    database = Database()

    def impatient():
        with deadline(0.05), pytest.raises(peewee.OperationalError) as caught:
            database.read("late")
        return errors.describe(caught.value)

    with asked(database, "a") as futures, ThreadPoolExecutor(1) as threads:
        assert threads.submit(impatient).result(LONG) == errors.NO_ANSWER
    assert futures[0].result() == "a"
    with deadline(LONG / 2):
        assert database.read("b") == "b"
    assert database.trips == [["a"], ["b"]]


def test_the_others_wait_on_if_the_deadline_of_the_caller_who_asks_for_them_passes():
    database = Database()

    def too_late():
        deadline(0).__enter__()  # for the caller, whose own deadline ends it
        return errors.unavailable(errors.NO_ANSWER)

    def hurried():
        with deadline(LONG):
            return database.read("b")

    database.failing = {"b": too_late}
    with ThreadPoolExecutor(1) as threads, asked(database, "a") as futures:
        futures.append(threads.submit(hurried))
        database.await_callers(2)
        with ThreadPoolExecutor(1) as more:
            futures.append(more.submit(database.read, "c"))
            database.await_callers(3)
            database.open.set()
    assert errors.describe(futures[1].exception()) == errors.NO_ANSWER
    assert futures[2].result() == "c"
    assert database.trips == [["a"], ["b", "c"], ["c"]]


def test_a_caller_who_is_stopped_leaves_the_others_to_the_next():
    database = Database()
    database.failing = {"b": KeyboardInterrupt()}
    with asked(database, *"abcd") as futures:
        pass
    assert isinstance(futures[1].exception(), KeyboardInterrupt)
    assert [futures[index].result() for index in (0, 2, 3)] == ["a", "c", "d"]


def test_no_more_than_so_many_wait_while_nobody_gets_an_answer():
    database = Database()
    with ThreadPoolExecutor(MAX_CALLERS) as threads, asked(database, "a") as futures:
        futures += [threads.submit(database.read, str(number)) for number in range(MAX_CALLERS - 1)]
        database.await_callers(MAX_CALLERS)
        time.sleep(STALLED)
        with pytest.raises(peewee.OperationalError) as caught:
            database.read("one more")
        assert errors.describe(caught.value) == errors.TOO_MANY_WAIT
        database.open.set()
    assert all(future.result() for future in futures)
    assert database.read("later") == "later"
