"""Counters and histograms in memory that a server's processes share.

They are used as those of prometheus_client: `STARTED.inc()`, `ENDED.labels("wall").inc()`. Each worker adds to its own slot
of the memory, without locks, and prometheus.py sums the slots: prometheus_client's own counters, shared by files, take ten
times as long. server.py imports this before the workers are forked, and gives each a slot. A new worker takes the slot of an
exited one and continues its totals. Under another server each process counts for itself. A process must count in one thread
at a time, as it does under gevent.
"""

import mmap
import os
import zlib
from bisect import bisect_left

WORKER_SLOTS = 130  # twice the most workers, since a reload starts new ones before the old ones exit; and two
SLOT_SIZE = 4096  # numbers of a slot
SCHEMA_HASH, PID = range(2)  # of a slot: the hash of its metrics' positions, and its worker

BUCKET_BOUNDS_NS = tuple(int(ms * 1_000_000) for ms in (0.5, 1, 2.5, 5, 10, 25, 100, 250, 1000, 5000))
OTHER = "other"
_ALL = (200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 417, 422, 423, 429, 431, 500, 501, 503, OTHER)
STATUSES = {str(status): offset for offset, status in enumerate(_ALL)}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER)

COUNTERS = []  # in the order in which the app's modules are imported, which is the same in all workers
ROUTES = {}  # {(method, route): its RouteMetrics}, the same
_schema = []  # (what is counted, its position in a slot)
_next = PID + 1
_shared = memoryview(mmap.mmap(-1, WORKER_SLOTS * SLOT_SIZE * 8)).cast("q")
_local = memoryview(bytearray(SLOT_SIZE * 8)).cast("q")  # the process's slot, or its own memory until it has one


def _allocate(what, size):
    """Return the position of so many numbers in a slot."""
    global _next
    if _next + size > SLOT_SIZE:
        raise ValueError(f"there is no room to count {what}; make SLOT_SIZE larger")
    position, _next = _next, _next + size
    _schema.append((what, position))
    return position


class Number:
    """A number of the process. `of(slot)` is that of a slot, or of the totals."""

    def __init__(self, *what):
        self.position = _allocate(what, 1)

    def inc(self, amount=1):
        _local[self.position] += amount

    def of(self, slot):
        return slot[self.position]


class Counter(Number):
    """A number that only grows. One that has a label is a number for each of the label's `values`."""

    def __init__(self, name, documentation, label=None, values=()):
        self.name, self.documentation, self.label = name, documentation, label
        self.numbers = {value: Number(name, value) for value in values}
        if not label:
            super().__init__(name)
        COUNTERS.append(self)

    def labels(self, value):
        return self.numbers[value]


class RouteMetrics:
    """The responses of a route: their numbers by status, and a histogram of their durations in nanoseconds."""

    def __init__(self, method, route):
        self.position = _allocate((method, route), len(STATUSES) + len(BUCKET_BOUNDS_NS) + 2)
        self.buckets = self.position + len(STATUSES)
        self.sum = self.buckets + len(BUCKET_BOUNDS_NS) + 1

    def inc(self, status):
        """Count a response; `status` begins with its three digits."""
        _local[self.position + STATUSES.get(status[:3], STATUSES[OTHER])] += 1

    def observe(self, status, nanoseconds):
        """Count a response and its duration: in the first bucket whose bound is not below it."""
        self.inc(status)
        _local[self.buckets + bisect_left(BUCKET_BOUNDS_NS, nanoseconds)] += 1
        _local[self.sum] += nanoseconds

    def of(self, slot):
        """Return ({status: number}, the numbers in each bucket, the sum of the durations)."""
        numbers = dict(zip(STATUSES, slot[self.position : self.buckets], strict=True))
        return numbers, list(slot[self.buckets : self.sum]), slot[self.sum]


def route_metrics(method, route):
    """Return the RouteMetrics of a route: all apps of a process share it."""
    if (method, route) not in ROUTES:
        ROUTES[method, route] = RouteMetrics(method, route)
    return ROUTES[method, route]


CONNECTIONS_OPEN, CONNECTIONS_IN_USE = Number("connections open"), Number("connections in use")  # to the database
# Requests without a route: clients can invent paths and methods, so they are not labels.
UNROUTED = {method: route_metrics(method, "none") for method in METHODS}
MALFORMED = route_metrics(OTHER, "unread")  # refused by the server before they reach the app


def unrouted(method):
    return UNROUTED.get(method) or UNROUTED[OTHER]


# Slots.


def _slot(number):
    return _shared[number * SLOT_SIZE : (number + 1) * SLOT_SIZE]


def attach(number):
    """Count in that slot from now on, and add what this process has counted before."""
    global _local
    slot, before = _slot(number), _local
    schema = _schema_hash()
    if slot[SCHEMA_HASH] != schema:  # before a reload, a worker of another version was here
        slot[:] = memoryview(bytearray(SLOT_SIZE * 8)).cast("q")
    slot[SCHEMA_HASH], slot[PID] = schema, os.getpid()
    for gauge in (CONNECTIONS_OPEN, CONNECTIONS_IN_USE):  # the last worker's connections are gone
        slot[gauge.position] = 0
    for position in range(PID + 1, _next):
        slot[position] += before[position]
    _local = slot


def detach(number):
    """Free the slot of a worker that exited. Its totals stay."""
    _slot(number)[PID] = 0


def _schema_hash():
    """Return a hash of the positions; never 0, as in an unused slot."""
    return 1 + zlib.crc32(repr(_schema).encode())


def is_shared():
    """Return whether all processes that serve share these counters, as they do under server.py."""
    return bool(_local[SCHEMA_HASH])


def workers():
    """Return {slot number: (pid, open connections, those in use)} of the processes that count."""
    if not is_shared():
        return {0: (os.getpid(), CONNECTIONS_OPEN.of(_local), CONNECTIONS_IN_USE.of(_local))}
    slots = {number: slot for number in range(WORKER_SLOTS) if (slot := _slot(number))[PID]}
    return {number: (slot[PID], CONNECTIONS_OPEN.of(slot), CONNECTIONS_IN_USE.of(slot)) for number, slot in slots.items()}


def totals():
    """Return the sums of all slots, as one slot."""
    schema = _local[SCHEMA_HASH]
    slots = [slot for slot in map(_slot, range(WORKER_SLOTS)) if slot[SCHEMA_HASH] == schema] if schema else [_local]
    return [sum(numbers) for numbers in zip(*(slot[:_next].tolist() for slot in slots), strict=True)]
