"""A limited number of places, and who gets the next."""

import time
from concurrent.futures import ThreadPoolExecutor

from database.places import Places

PATIENCE = 30  # seconds


def await_waiting(places, number):
    until = time.monotonic() + PATIENCE
    while places.waiting() != number:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_places_are_given_in_order_of_arrival_except_to_those_who_go_first():
    places, got = Places(1), []

    def take(name, goes_first):
        assert places.take(PATIENCE, goes_first)
        got.append(name)
        places.give_back()

    assert places.take(0)
    with ThreadPoolExecutor(4) as threads:
        taking = []
        for waiting, (name, goes_first) in enumerate({"a": False, "b": False, "c": True, "d": False}.items(), 1):
            taking.append(threads.submit(take, name, goes_first))
            await_waiting(places, waiting)
        places.give_back()
        for one in taking:
            one.result(PATIENCE)
    assert got == ["c", "a", "b", "d"]


def test_those_whose_wait_ends_without_a_place_leave_the_queue():
    places = Places(1)
    assert places.take(0)
    assert not places.take(0.01)
    assert places.waiting() == 0
    places.give_back()
    assert places.take(0)
    assert not places.take(0)
