"""What is counted while serving, in memory that a server's processes share; metrics.py tells it to Prometheus.

Each worker counts in a place of its own, so that nothing is locked, and what is counted is an addition to a number in an
array: prometheus-client's own counters, shared by files, take ten times as long. server.py imports this before the workers
are forked, and gives each its place. That of a worker that has ended is the next one's, which counts on from there: nothing
is lost. Under another server each process counts, and tells, by itself. One thread of a process counts, as under gevent.
"""

import mmap
import os
import zlib
from bisect import bisect_left

PLACES = 130  # twice the most workers, since a reload starts the new ones before the old ones are gone; and two
SLOTS = 4096  # numbers in a place
LAYOUT, PID, OPEN, IN_USE, FIRST = range(5)  # of a place: what its numbers mean, whose it is, and the worker's connections

# Of an answer.
BOUNDS = tuple(int(ms * 1_000_000) for ms in (0.5, 1, 2.5, 5, 10, 25, 100, 250, 1000, 5000))  # nanoseconds
OTHER = "other"
_ALL = (200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 417, 422, 429, 431, 500, 501, 503, OTHER)
STATUSES = {str(status): at for at, status in enumerate(_ALL)}  # where in a row its answers are counted
BUCKETS = len(STATUSES)  # from here on, one more than there are bounds
SUM = BUCKETS + len(BOUNDS) + 1  # of the nanoseconds
ROW = SUM + 1

numbers = {}  # {(name, label): its slot}, in the order in which the app's modules are imported, the same in all workers
rows = {}  # {(method, route): the first of its slots}, the same
_next = FIRST
_shared = memoryview(mmap.mmap(-1, PLACES * SLOTS * 8)).cast("q")
_mine = memoryview(bytearray(SLOTS * 8)).cast("q")  # until there is a place


def number(name, label=""):
    """The slot of a number that only grows; the same for the same words."""
    return _slot(numbers, (name, label), 1)


def row(method, route):
    """The first slot of what is counted of the answers of a route."""
    return _slot(rows, (method, route), ROW)


def _slot(known, key, size):
    global _next
    if key not in known:
        if _next + size > SLOTS:
            raise ValueError(f"there is no room to count {key}; make SLOTS larger")
        known[key], _next = _next, _next + size
    return known[key]


# Requests that no route is for: their paths are anybody's, and so are their methods.
UNMATCHED = {method: row(method, "none") for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER)}
UNREAD = row(OTHER, "unread")  # what the server refuses before it is a request to the app


def unmatched(method):
    return UNMATCHED.get(method) or UNMATCHED[OTHER]


def up(slot, by=1):
    _mine[slot] += by


def refused_unread(status):
    _mine[UNREAD + STATUSES.get(str(status), STATUSES[OTHER])] += 1


def answered(row, status, nanoseconds):
    """Count an answer: `status` begins with its three digits."""
    _mine[row + STATUSES.get(status[:3], STATUSES[OTHER])] += 1
    _mine[row + BUCKETS + bisect_left(BOUNDS, nanoseconds)] += 1
    _mine[row + SUM] += nanoseconds


# Places.


def _place(at):
    return _shared[at * SLOTS : (at + 1) * SLOTS]


def begin(at):
    """Count in that place from now on, and what this process has counted before, too."""
    global _mine
    place, before = _place(at), _mine
    layout = _layout()
    if place[LAYOUT] != layout:  # a worker of another version was here before a reload
        place[:] = memoryview(bytearray(SLOTS * 8)).cast("q")
    place[LAYOUT], place[PID], place[OPEN], place[IN_USE] = layout, os.getpid(), before[OPEN], before[IN_USE]
    for slot in range(FIRST, _next):
        place[slot] += before[slot]
    _mine = place


def end(at):
    """The process that counted in that place is gone; what it has counted stays."""
    _place(at)[PID] = 0


def _layout():
    """Tells apart what the numbers mean; never 0, as in a place where nobody has been."""
    return 1 + zlib.crc32(repr((numbers, rows)).encode())


def is_shared():
    """Return whether all processes that serve count in memory that they share, as they do under server.py."""
    return bool(_mine[LAYOUT])


def workers():
    """{place: (pid, open connections, those in use)} of the processes that count."""
    if not is_shared():
        return {0: (os.getpid(), _mine[OPEN], _mine[IN_USE])}
    return {at: tuple(place[PID : IN_USE + 1]) for at in range(PLACES) if (place := _place(at))[PID]}


def totals():
    """The numbers of all places, by slot."""
    layout = _mine[LAYOUT]
    places = [_place(at) for at in range(PLACES) if _shared[at * SLOTS + LAYOUT] == layout] if layout else [_mine]
    return [sum(counted) for counted in zip(*(place[:_next].tolist() for place in places), strict=True)]
