"""Passwords wait for their turn to be hashed, in a queue of bounded length that serves the addresses in turn.

A hash takes a quarter of a second of a core at 12 rounds, so a flood of log-ins must not make everybody else wait.
"""

import math
import socket
import sys
import threading
import time
import weakref
from collections import Counter, OrderedDict, deque

from database import threadpool
from web.problems import BUSY, Problem

MOST_OF_ACCOUNT, MOST_OF_ADDRESS, MOST = 20, 100, 300  # that wait at once
RETRY_AFTER = 1, 10  # seconds, at the least and at the most
SECONDS, ROUNDS = 0.25, 12  # what a hash is thought to take, until some have been timed; each round more doubles it
LOOKS_EVERY = 0.1  # seconds between looks for clients that are gone, while the queue is full
STOPPING = 2  # seconds after which another process may serve those who wait when this one stops

_queues = weakref.WeakSet()


class Queue:
    """Gives turns to hash, as many at once as there are threads for it.

    `longest_wait`: seconds after which those who still wait are refused, since proxies don't wait for ever either. `rounds`:
    the cost of a hash.
    """

    def __init__(self, longest_wait, rounds, at_once=threadpool.HASHING[1]):
        self.longest_wait, self.at_once = longest_wait, at_once
        self.lock = threading.Lock()
        self.waiting = Counter()  # by account and by address
        self.places = OrderedDict()  # {address: places that could be served}, in the order of their turns
        self.number = 0  # of all that wait
        self.free = at_once
        self.seconds = SECONDS * 2.0 ** (rounds - ROUNDS)
        self.next_look = 0.0  # on the monotonic clock
        self.is_stopped = False
        _queues.add(self)

    def place(self, account, address, is_gone):
        """Return a Place for a request about that account from that address. Raise a 503 Problem if too many wait.

        `is_gone()` tells whether the client has gone away meanwhile.
        """
        place = Place(self, ("account", account), ("address", address), is_gone)
        with self.lock:
            if self._is_full(place):
                self._drop_those_gone()
                if self._is_full(place):
                    raise self._busy(place)
            self._count(place, 1)
        return place

    def stop(self):
        """Refuse all that wait, now and from now on: the process ends."""
        with self.lock:
            self.is_stopped = True
            for place in [place for places in self.places.values() for place in places]:
                self._refuse(place)
            self.places.clear()

    def _is_full(self, place):
        return (
            self.is_stopped
            or self.number >= MOST
            or self.waiting[place.account] >= MOST_OF_ACCOUNT
            or self.waiting[place.address] >= MOST_OF_ADDRESS
        )

    def _drop_those_gone(self):
        if time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + LOOKS_EVERY
        for address, places in list(self.places.items()):
            for place in [place for place in places if place.is_gone()]:
                places.remove(place)
                self._refuse(place)
            if not places:
                del self.places[address]

    def _busy(self, place):
        if self.is_stopped:
            return _problem("The server is stopping", STOPPING)
        # Half of those ahead are served by then, so that there is room, and nobody idles until they come again.
        ahead = max(self.waiting[place.address], self.number / 2) * self.seconds / self.at_once
        least, most = RETRY_AFTER
        return _problem("Too many people log in or sign up at this moment", max(least, min(math.ceil(ahead / 2), most)))

    def _count(self, place, by):
        place.is_counted = by > 0
        self.number += by
        for key in (place.account, place.address):
            self.waiting[key] += by
            if not self.waiting[key]:
                del self.waiting[key]

    def _refuse(self, place):
        if place.is_counted:
            self._count(place, -1)
        place.turn.set()

    def _next(self):
        """Give the turn that has become free to the next one who is still there: each address has one in turn."""
        while self.places:
            address, places = next(iter(self.places.items()))
            place = places.popleft()
            if places:
                self.places.move_to_end(address)
            else:
                del self.places[address]
            if not place.is_gone():
                self._begin(place)
                return
            self._refuse(place)
        self.free += 1

    def _begin(self, place):
        self._count(place, -1)
        place.has_turn = True
        place.turn.set()

    def begin(self, place):
        """Wait for the place's turn. Raise a 503 Problem if it doesn't come, or the client is gone."""
        with self.lock:
            if self.is_stopped:
                raise self._busy(place)
            if not place.is_counted:  # a second hash for the same request
                self._count(place, 1)
            place.turn.clear()
            if self.free:
                self.free -= 1
                self._begin(place)
            else:
                self.places.setdefault(place.address, deque()).append(place)
        try:
            place.turn.wait(self.longest_wait)
        except BaseException:
            with self.lock:
                self._withdraw(place)
                if place.has_turn:
                    self._next()
            raise
        with self.lock:
            self._withdraw(place)
        if not place.has_turn:
            raise self._busy(place)

    def _withdraw(self, place):
        places = self.places.get(place.address, ())
        if place in places:
            places.remove(place)
            if not places:
                del self.places[place.address]

    def end(self, place, seconds):
        """The place's turn is over; it took so long."""
        with self.lock:
            place.has_turn = False
            self.seconds += (seconds - self.seconds) / 10
            self._next()

    def leave(self, place):
        """The request is answered."""
        with self.lock:
            if place.is_counted:
                self._count(place, -1)


class Place:
    """In the queue, from when a request is taken until it is answered; a context manager."""

    def __init__(self, queue, account, address, is_gone):
        self.queue, self.account, self.address, self.is_gone = queue, account, address, is_gone
        self.turn = threading.Event()
        self.has_turn = self.is_counted = False

    def __enter__(self):
        return self.run

    def __exit__(self, *exception):
        self.queue.leave(self)

    def run(self, function, *args):
        """Return what `function(*args)` returns, in a thread of its own, once it is this place's turn.

        Raise a 503 Problem if the turn doesn't come.
        """
        self.queue.begin(self)
        began = time.monotonic()
        try:
            return threadpool.call(threadpool.HASHING, function, *args)
        finally:
            self.queue.end(self, time.monotonic() - began)


def stop():
    """Refuse all that wait, in all queues of this process."""
    for queue in list(_queues):
        queue.stop()


def _problem(why, retry_in):
    detail = f"{why}. Nothing was done; try again in {retry_in} s."
    return Problem(503, BUSY, detail, headers={"Retry-After": str(retry_in)}, params={"retry_in": retry_in})


# Whether a client is gone. Linux tells the state of a connection without reading from it; other systems are not asked.

_IS_TOLD = sys.platform == "linux"
_OTHER_END_IS_CLOSED = 7, 8  # TCP_CLOSE and TCP_CLOSE_WAIT, as in <netinet/tcp.h>


def is_gone(environ):
    """Return a function that tells whether the client of a request has closed its connection.

    gunicorn gives the connection; under another server no client is taken for gone.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None or not _IS_TOLD:
        return lambda: False

    def is_gone():
        try:
            return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _OTHER_END_IS_CLOSED
        except OSError:  # no TCP, or closed at this end
            return connection.fileno() == -1

    return is_gone
