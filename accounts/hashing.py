"""A bounded queue for hashing passwords, which serves client addresses in turn.

A hash takes a quarter of a second of a core at 12 rounds, so a flood of log-ins must not delay other requests.
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

MAX_PER_ACCOUNT, MAX_PER_ADDRESS, MAX_WAITING = 20, 100, 300
RETRY_AFTER = 1, 10  # seconds, at the least and at the most
SECONDS, ROUNDS = 0.25, 12  # the assumed time of a hash, until some were timed; each further round doubles it
CHECK_EVERY = 0.1  # seconds between checks for disconnected clients, while the queue is full
RETRY_AFTER_STOP = 2  # seconds after which another process may serve the requests that wait when this one stops

_queues = weakref.WeakSet()


class Queue:
    """Requests that wait to hash a password. As many run at once as there are threads for it.

    `longest_wait`: seconds after which a waiting request is refused, since proxies have timeouts, too. `rounds`: the cost of
    a hash.
    """

    def __init__(self, longest_wait, rounds, at_once=threadpool.HASHING[1]):
        self.longest_wait, self.at_once = longest_wait, at_once
        self.lock = threading.Lock()
        self.waiting = Counter()  # by account and by address
        self.places = OrderedDict()  # {address: its waiting Places}, in the order of their turns
        self.number = 0  # of all that wait
        self.free = at_once
        self.seconds = SECONDS * 2.0 ** (rounds - ROUNDS)
        self.next_check = 0.0  # on the monotonic clock
        self.is_stopped = False
        _queues.add(self)

    def place(self, account, address, is_gone):
        """Return a Place for a request for that account from that address. Raise a 503 Problem if too many wait.

        `is_gone()` returns whether the client has disconnected.
        """
        place = Place(self, ("account", account), ("address", address), is_gone)
        with self.lock:
            if self._is_full(place):
                self._drop_disconnected()
                if self._is_full(place):
                    raise self._busy(place)
            self._count(place, 1)
        return place

    def stop(self):
        """Refuse all requests, waiting and future ones: the process stops."""
        with self.lock:
            self.is_stopped = True
            for place in [place for places in self.places.values() for place in places]:
                self._refuse(place)
            self.places.clear()

    def _is_full(self, place):
        return (
            self.is_stopped
            or self.number >= MAX_WAITING
            or self.waiting[place.account] >= MAX_PER_ACCOUNT
            or self.waiting[place.address] >= MAX_PER_ADDRESS
        )

    def _drop_disconnected(self):
        if time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + CHECK_EVERY
        for address, places in list(self.places.items()):
            for place in [place for place in places if place.is_gone()]:
                places.remove(place)
                self._refuse(place)
            if not places:
                del self.places[address]

    def _busy(self, place):
        if self.is_stopped:
            return _problem("The server is stopping", RETRY_AFTER_STOP)
        # By then half of those ahead are served: there is room, and the threads are still busy.
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
        """Give the free thread to the next request that is still connected: the addresses have theirs in turn."""
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
        """Wait for the place's turn. Raise a 503 Problem if it doesn't come, or the client has disconnected."""
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
                self._remove(place)
                if place.has_turn:
                    self._next()
            raise
        with self.lock:
            self._remove(place)
        if not place.has_turn:
            raise self._busy(place)

    def _remove(self, place):
        places = self.places.get(place.address, ())
        if place in places:
            places.remove(place)
            if not places:
                del self.places[place.address]

    def end(self, place, seconds):
        """End the place's turn, which took so many seconds."""
        with self.lock:
            place.has_turn = False
            self.seconds += (seconds - self.seconds) / 10
            self._next()

    def leave(self, place):
        """Remove a request that has its response."""
        with self.lock:
            if place.is_counted:
                self._count(place, -1)


class Place:
    """A request in the queue, until it has its response; a context manager."""

    def __init__(self, queue, account, address, is_gone):
        self.queue, self.account, self.address, self.is_gone = queue, account, address, is_gone
        self.turn = threading.Event()
        self.has_turn = self.is_counted = False

    def __enter__(self):
        return self.run

    def __exit__(self, *exception):
        self.queue.leave(self)

    def run(self, function, *args):
        """Run `function(*args)` in a thread when it is this place's turn, and return its result.

        Raise a 503 Problem if the turn doesn't come.
        """
        self.queue.begin(self)
        began = time.monotonic()
        try:
            return threadpool.run(threadpool.HASHING, function, *args)
        finally:
            self.queue.end(self, time.monotonic() - began)


def stop():
    """Refuse the requests that wait in any queue of this process."""
    for queue in list(_queues):
        queue.stop()


def _problem(why, retry_in):
    detail = f"{why}. Nothing was done; try again in {retry_in} s."
    return Problem(503, BUSY, detail, headers={"Retry-After": str(retry_in)}, params={"retry_in": retry_in})


# Disconnected clients. On Linux the state of a connection is known without reading from it.

_IS_LINUX = sys.platform == "linux"
_OTHER_END_IS_CLOSED = 7, 8  # TCP_CLOSE and TCP_CLOSE_WAIT, as in <netinet/tcp.h>


def is_gone(environ):
    """Return a function that returns whether the client of a request has closed its connection.

    Only gunicorn passes the connection; under other servers the function returns False.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None or not _IS_LINUX:
        return lambda: False

    def is_gone():
        try:
            return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _OTHER_END_IS_CLOSED
        except OSError:  # no TCP, or closed at this end
            return connection.fileno() == -1

    return is_gone
