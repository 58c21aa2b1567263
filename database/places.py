"""A limit to how many do something at a time; the others wait in a queue."""

import threading
from collections import deque


class Places:
    """A number of places. Those who find none free wait in order of arrival, except that some go before the others."""

    def __init__(self, number):
        self._free, self._queue = number, deque()  # of locks, each released when it is its owner's turn
        self._lock = threading.Lock()

    def waiting(self):
        return len(self._queue)

    def take(self, seconds, goes_first=False):
        """Return whether there is a place within so many seconds; it is taken then."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            join = self._queue.appendleft if goes_first else self._queue.append
            join(turn)
        try:
            if turn.acquire(timeout=seconds):
                return True
        except BaseException:
            if not self._leave_queue(turn):
                self.give_back()
            raise
        return not self._leave_queue(turn)

    def _leave_queue(self, turn):
        """Return False if it has just become its turn."""
        with self._lock:
            if turn not in self._queue:
                return False
            self._queue.remove(turn)
            return True

    def give_back(self):
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1
