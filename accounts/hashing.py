"""A bounded queue for hashing passwords, which serves client addresses in turn.

A hash takes a quarter of a second of a core at 12 rounds, so a flood of log-ins must not delay other requests.
"""

import math
import socket
import sys
import threading
import time
import weakref
from contextlib import contextmanager
from functools import partial
from operator import attrgetter

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
        self.waiting = []  # _Places, in the order of arrival
        self.free = at_once
        self.round = 0  # of the latest turn; an address has one turn in each round
        self.seconds = SECONDS * 2.0 ** (rounds - ROUNDS)
        self.next_check = 0.0  # on the monotonic clock
        self.is_stopped = False
        _queues.add(self)

    @contextmanager
    def place(self, account, address, is_gone):
        """Wait in the queue, for that account and at that address. `is_gone()` returns whether the client has disconnected.

        The context is a function: `run(function, *args)` runs the function in a thread when it is the request's turn, and
        returns its result. Raise a 503 Problem if too many wait, or if the turn doesn't come.
        """
        place = _Place(account, address, is_gone)
        with self.lock:
            if self._is_full(place):
                self._drop_disconnected()
                if self._is_full(place):
                    raise self._busy(place)
            self.waiting.append(place)
        try:
            yield partial(self._run, place)
        finally:
            with self.lock:
                self._leave(place)

    def stop(self):
        """Refuse all requests, waiting and future ones: the process stops."""
        with self.lock:
            self.is_stopped = True
            for place in self.waiting:
                place.turn.set()
            self.waiting.clear()

    def _run(self, place, function, *args):
        with self.lock:
            if self.is_stopped:
                raise self._busy(place)
            if place not in self.waiting:  # a second hash for the same request
                self.waiting.append(place)
            own_rounds = [other.round for other in self.waiting if other.address == place.address and other.round]
            place.round = 1 + max([self.round, *own_rounds])
            place.turn.clear()
            self._serve()
        place.turn.wait(self.longest_wait)
        if not place.has_turn:
            raise self._busy(place)
        began = time.monotonic()
        try:
            return threadpool.run(threadpool.HASHING, function, *args)
        finally:
            with self.lock:
                self.seconds += (time.monotonic() - began - self.seconds) / 10
                self._leave(place)

    def _serve(self):
        """Give the free threads to the next requests that are still connected."""
        while self.free and (ready := [place for place in self.waiting if place.round]):
            place = min(ready, key=attrgetter("round"))  # the first of the round
            self.waiting.remove(place)
            if not place.is_gone():
                self.free -= 1
                self.round = place.round
                place.has_turn = True
            place.turn.set()

    def _leave(self, place):
        if place in self.waiting:
            self.waiting.remove(place)
        place.round = None
        if place.has_turn:
            place.has_turn = False
            self.free += 1
            self._serve()

    def _is_full(self, place):
        return (
            self.is_stopped
            or len(self.waiting) >= MAX_WAITING
            or sum(other.account == place.account for other in self.waiting) >= MAX_PER_ACCOUNT
            or self._number_at(place.address) >= MAX_PER_ADDRESS
        )

    def _number_at(self, address):
        return sum(place.address == address for place in self.waiting)

    def _drop_disconnected(self):
        if time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + CHECK_EVERY
        for place in [place for place in self.waiting if place.is_gone()]:
            self.waiting.remove(place)
            place.turn.set()

    def _busy(self, place):
        why, retry_in = "The server is stopping", RETRY_AFTER_STOP
        if not self.is_stopped:
            why = "Too many people log in or sign up at this moment"
            # By then half of those ahead are served: there is room, and the threads are still busy.
            ahead = max(self._number_at(place.address), len(self.waiting) / 2) * self.seconds / self.at_once
            least, most = RETRY_AFTER
            retry_in = max(least, min(math.ceil(ahead / 2), most))
        return Problem(503, BUSY, f"{why}. Nothing was done; try again in {retry_in} s.", retry_in=retry_in)


class _Place:
    """A request in the queue; its `round` is None until it is ready for its turn."""

    def __init__(self, account, address, is_gone):
        self.account, self.address, self.is_gone = account, address, is_gone
        self.turn = threading.Event()  # set when the turn has come, or will not come
        self.round, self.has_turn = None, False


def stop():
    """Refuse the requests that wait in any queue of this process."""
    for queue in list(_queues):
        queue.stop()


# Disconnected clients. On Linux the state of a connection is known without reading from it.

_IS_LINUX = sys.platform == "linux"
_OTHER_END_IS_CLOSED = 7, 8  # TCP_CLOSE and TCP_CLOSE_WAIT, as in <netinet/tcp.h>


def is_gone(environ):
    """Return whether the client of a request has closed its connection.

    Only gunicorn passes the connection; under other servers this returns False.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None or not _IS_LINUX:
        return False
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _OTHER_END_IS_CLOSED
    except OSError:  # no TCP, or closed at this end
        return connection.fileno() == -1
