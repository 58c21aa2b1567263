"""How many connections each address has, in memory that a server's processes share.

server.py makes the counters before the workers are forked, and each worker counts in a row of its own, so that nothing is
locked. An address has one counter in each of TABLES tables, found by a keyed hash, and the smallest of them counts: other
addresses share one of its counters now and then, all of them hardly ever, and nobody can choose to. So the memory has a
fixed size however many addresses there are (a count-min sketch, https://doi.org/10.1016/j.jalgor.2003.12.001).
"""

import hashlib
import mmap
import secrets
from functools import lru_cache

from web import client_addresses

TABLES = 2
WIDTH = 4096  # counters in a table, a power of two
ROW = TABLES * WIDTH
ROWS = 130  # as many as counts.py has places for workers
KNOWN = 10_000  # addresses whose counters are remembered


class Connections:
    """Counts connections by address, an IPv6 address by its network; addresses in the networks `exempt` are not counted.

    `limit` is the greatest number for an address. At the end of the memory is the number of rows that are in use.
    """

    def __init__(self, limit, exempt):
        self.limit, self.exempt = limit, exempt
        self._key = secrets.token_bytes(16)
        self._shared = memoryview(mmap.mmap(-1, (ROWS * ROW + 1) * 4)).cast("i")
        self._row = 0
        self._counters = lru_cache(maxsize=KNOWN)(self._find_counters)

    def begin(self, row):
        """Count in this row from now on, and no other process in it."""
        self._row = row * ROW
        self._shared[-1] = max(self._shared[-1], row + 1)
        self.forget(row)

    def forget(self, row):
        """Forget the connections of a process that has ended."""
        self._shared[row * ROW : (row + 1) * ROW] = memoryview(bytearray(ROW * 4)).cast("i")

    def open(self, host):
        """Count a connection of this address. Return whether it may have it; if not, it is not counted."""
        if self.number(host) >= self.limit:
            return False
        self._add(host, 1)
        return True

    def close(self, host):
        """Count that a connection has ended that `open` has counted."""
        self._add(host, -1)

    def number(self, host):
        """Return the number of connections that the address has, in all processes; 0 if it is exempt."""
        end = self._shared[-1] * ROW
        return min((sum(self._shared[at:end:ROW]) for at in self._counters(host)), default=0)

    def _add(self, host, by):
        for counter in self._counters(host):
            self._shared[self._row + counter] += by

    def _find_counters(self, host):
        """Return where in a row its counters are."""
        if client_addresses.is_trusted(host, self.exempt):
            return ()
        digest = hashlib.blake2b(client_addresses.network(host).encode(), key=self._key, digest_size=4 * TABLES).digest()
        parts = memoryview(digest).cast("I")
        return tuple(table * WIDTH + part % WIDTH for table, part in enumerate(parts))
