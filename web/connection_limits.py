"""A limit of connections by address, counted in memory that a server's processes share.

server.py creates the counters before the workers are forked, and each worker counts in its own slot, without locks. An
address has a counter in each of TABLES tables, chosen by a keyed hash, and the smallest one counts. That another address
shares one of them is rare; that it shares all is very rare, and can't be provoked. So the memory has a fixed size, whatever
the number of addresses (a count-min sketch, https://doi.org/10.1016/j.jalgor.2003.12.001).
"""

import hashlib
import mmap
import secrets
from functools import lru_cache

from observability.counters import WORKER_SLOTS
from web import client_addresses

TABLES = 2
WIDTH = 4096  # counters in a table, a power of two
SLOT_SIZE = TABLES * WIDTH
CACHE_SIZE = 10_000  # addresses whose positions are cached


class ConnectionLimit:
    """Allows `limit` connections to an address, or to the network of an IPv6 address; those in `exempt` have no limit.

    An address is crowded from a quarter of the limit on: its connections are closed after a response, so that idle ones make
    room.
    """

    def __init__(self, limit, exempt):
        self.limit, self.exempt = limit, exempt
        self.crowded = limit // 4
        self._key = secrets.token_bytes(16)
        self._shared = memoryview(mmap.mmap(-1, (WORKER_SLOTS * SLOT_SIZE + 1) * 4)).cast("i")  # last: the slots in use
        self._slot = 0
        self._positions = lru_cache(maxsize=CACHE_SIZE)(self._find_positions)

    def attach(self, slot):
        """Count in this slot from now on."""
        self._slot = slot * SLOT_SIZE
        self._shared[-1] = max(self._shared[-1], slot + 1)
        self.detach(slot)

    def detach(self, slot):
        """Forget the connections of a process that has exited."""
        self._shared[slot * SLOT_SIZE : (slot + 1) * SLOT_SIZE] = memoryview(bytearray(SLOT_SIZE * 4)).cast("i")

    def open(self, host):
        """Count a connection, and return True; False if the address has too many."""
        if self.count(host) >= self.limit:
            return False
        self._add(host, 1)
        return True

    def close(self, host):
        """Uncount a connection."""
        self._add(host, -1)

    def is_crowded(self, host):
        return self.count(host) > self.crowded

    def count(self, host):
        """Return the number of connections of the address in all processes; 0 if it is exempt."""
        end = self._shared[-1] * SLOT_SIZE
        return min((sum(self._shared[position:end:SLOT_SIZE]) for position in self._positions(host)), default=0)

    def _add(self, host, amount):
        for position in self._positions(host):
            self._shared[self._slot + position] += amount

    def _find_positions(self, host):
        """Return the positions of its counters in a slot."""
        if client_addresses.is_trusted(host, self.exempt):
            return ()
        digest = hashlib.blake2b(client_addresses.network(host).encode(), key=self._key, digest_size=4 * TABLES).digest()
        parts = memoryview(digest).cast("I")
        return tuple(table * WIDTH + part % WIDTH for table, part in enumerate(parts))
