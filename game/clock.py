"""Wall-clock time that never jumps.

When the machine's time is corrected (by NTP or an operator) it jumps, and games would seem to have run faster or slower than
they did. This clock starts with the machine's time and advances with its monotonic clock, which also counts sleep. It
approaches the machine's time by at most a hundredth of the time that passes, which game/pace.py allows for; or at once,
while nobody plays. The processes of a server share it: web/server.py imports this module before it forks them.
"""

import mmap
import time
from datetime import date, timedelta
from functools import lru_cache, partial

MAX_SLEW = 1 / 100  # of the time that passes, by which this clock is corrected
CHECK_INTERVAL_NS = 1_000_000_000  # for which the machine's time needn't be read
STEP_THRESHOLD_NS = 1_000_000_000  # difference from the machine's time that is worth a step while nobody plays

monotonic_ns = partial(time.clock_gettime_ns, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
wall_ns = time.time_ns

SERVER_TIME = "Server-Time", "The server's time in seconds since the epoch: `ends_at` is by this clock."

# Shared, in nanoseconds: when to read the machine's time next, by the monotonic clock, and the offset from that to this one.
NEXT_CHECK, OFFSET = range(2)
_shared = memoryview(mmap.mmap(-1, 16)).cast("q")


def now():
    """Return the milliseconds since the epoch."""
    monotonic = monotonic_ns()
    if monotonic > _shared[NEXT_CHECK]:
        _slew(monotonic)
    return (monotonic + _shared[OFFSET]) // 1_000_000


def server_time():
    """Return the header SERVER_TIME."""
    return {SERVER_TIME[0]: f"{now() / 1000:.3f}"}


def today():
    """Return the datetime.date in UTC."""
    return _day(now() // 86_400_000)


@lru_cache(maxsize=2)
def _day(number):
    return date(1970, 1, 1) + timedelta(days=number)


def _slew(monotonic):
    """Approach the machine's time. Two processes that do it at the same time do it once."""
    limit = int((monotonic - _shared[NEXT_CHECK]) * MAX_SLEW)
    error = wall_ns() - monotonic - _shared[OFFSET]
    _shared[OFFSET] += max(-limit, min(error, limit))
    _shared[NEXT_CHECK] = monotonic + (CHECK_INTERVAL_NS if -limit <= error <= limit else 0)


def has_stepped():
    """Return whether the machine's time has moved away from this clock."""
    return abs(wall_ns() - monotonic_ns() - _shared[OFFSET]) > STEP_THRESHOLD_NS


def step():
    """Set this clock to the machine's time."""
    monotonic = monotonic_ns()
    _shared[OFFSET] = wall_ns() - monotonic
    _shared[NEXT_CHECK] = monotonic + CHECK_INTERVAL_NS


step()
