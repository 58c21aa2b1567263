"""The queue of passwords to hash."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import hashing
from web.problems import BUSY, Problem


def here():
    return False


class Crowd:
    """Clients that wait in a queue of one turn at once, while `first` has the turn until `go`."""

    def __init__(self, **options):
        self.queue = hashing.Queue(**{"longest_wait": 30, "rounds": 4, "at_once": 1} | options)
        self.pool = ThreadPoolExecutor(400)
        self.served, self.begun, self.go = [], threading.Event(), threading.Event()
        self.first = self.pool.submit(self.run, "first", "first", here, self.block)
        self.begun.wait()

    def block(self):
        self.begun.set()
        self.go.wait()

    def run(self, account, address, is_gone, function=lambda: None):
        with self.queue.place(account, address, is_gone) as run:
            run(function)
            self.served.append((account, address))

    def ask(self, account, address, is_gone=here):
        """Wait in the queue; returns once this client is in it, with a future of the end."""
        waits = threading.Event()

        def come():
            with self.queue.place(account, address, is_gone) as run:
                waits.set()
                run(self.served.append, (account, address))

        future = self.pool.submit(come)
        future.add_done_callback(lambda _: waits.set())
        waits.wait()
        return future

    def await_ready(self):
        """Wait until all who are in the queue have asked for their turn."""
        end = time.monotonic() + 30
        while not all(place.round for place in list(self.queue.waiting)):
            assert time.monotonic() < end
            time.sleep(0.001)

    def end(self):
        self.go.set()
        self.pool.shutdown()


@pytest.fixture
def crowd():
    crowd = Crowd()
    yield crowd
    crowd.end()


def refused(future):
    with pytest.raises(Problem) as caught:
        future.result(timeout=30)
    assert (caught.value.status, caught.value.code) == (503, BUSY)
    assert int(caught.value.headers["Retry-After"]) == caught.value.params["retry_in"] >= 1
    return True


def test_20_wait_for_an_account(crowd):
    waiting = [crowd.ask("Ada", f"192.0.2.{n}") for n in range(20)]
    assert refused(crowd.ask("Ada", "192.0.2.20"))
    other = crowd.ask("Bob", "192.0.2.20")
    crowd.go.set()
    for future in (*waiting, other):
        future.result()


def test_100_wait_at_an_address(crowd):
    waiting = [crowd.ask(f"Player{n}", "192.0.2.1") for n in range(100)]
    assert refused(crowd.ask("Ada", "192.0.2.1"))
    other = crowd.ask("Ada", "192.0.2.2")
    crowd.go.set()
    for future in (*waiting, other):
        future.result()
    crowd.ask("Ada", "192.0.2.1").result()


def test_at_most_300_log_ins_wait(crowd):
    waiting = [crowd.ask(f"Player{n}", f"192.0.2.{n % 4}") for n in range(300)]
    assert refused(crowd.ask("Ada", "192.0.2.9"))
    crowd.go.set()
    for future in waiting:
        future.result()
    crowd.ask("Ada", "192.0.2.9").result()


def test_addresses_are_served_in_turn(crowd):
    for n in range(5):
        crowd.ask(f"Player{n}", "many")
    last = [crowd.ask("Ada", "few"), crowd.ask("Bob", "few")]
    crowd.await_ready()
    crowd.go.set()
    for future in last:
        future.result()
    crowd.end()
    addresses = [address for _, address in crowd.served if address != "first"]
    assert addresses[:4] in (["many", "few", "many", "few"], ["few", "many", "few", "many"])
    assert addresses[4:] == ["many"] * 3


def test_who_is_gone_has_no_turn(crowd):
    gone = crowd.ask("Ada", "192.0.2.1", lambda: True)
    stays = crowd.ask("Bob", "192.0.2.1")
    crowd.go.set()
    stays.result()
    assert refused(gone)
    assert ("Ada", "192.0.2.1") not in crowd.served


def test_who_is_gone_makes_room_for_others(crowd):
    gone = [crowd.ask(f"Player{n}", "192.0.2.1", lambda: True) for n in range(100)]
    stays = crowd.ask("Ada", "192.0.2.1")
    assert all(refused(future) for future in gone)
    crowd.go.set()
    stays.result()


def test_who_waits_too_long_is_refused():
    crowd = Crowd(longest_wait=0.01)
    assert refused(crowd.ask("Ada", "192.0.2.1"))
    crowd.go.set()
    crowd.first.result()
    crowd.ask("Ada", "192.0.2.1").result()
    crowd.end()


def test_a_stop_refuses_all_that_wait_and_all_that_come(crowd):
    waiting = [crowd.ask(f"Player{n}", "192.0.2.1") for n in range(10)]
    crowd.queue.stop()
    assert all(refused(future) for future in waiting)
    assert refused(crowd.ask("Ada", "192.0.2.2"))
    crowd.go.set()
    crowd.first.result()


def test_an_error_gives_the_turn_to_the_next(crowd):
    def fail():
        raise ZeroDivisionError

    failing = crowd.pool.submit(crowd.run, "Ada", "192.0.2.1", here, fail)
    next_one = crowd.ask("Bob", "192.0.2.2")
    crowd.go.set()
    with pytest.raises(ZeroDivisionError):
        failing.result()
    next_one.result()


def test_a_request_may_hash_twice(crowd):
    crowd.go.set()
    with crowd.queue.place("Ada", "192.0.2.1", here) as run:
        assert [run(pow, 2, 3), run(pow, 3, 2)] == [8, 9]
