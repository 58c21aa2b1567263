"""The server's clock: the machine's, without its leaps.

Whoever corrects the machine's time (NTP, an operator) makes it leap, and then games would have run faster or slower than
they did. This clock runs on as steadily as the machine does, a time of sleep included, and comes back to the machine's time
by no more than a hundredth of what passes, which games.Pace allows for; or at once, while nobody plays. It begins with the
machine's time when the server starts. A server's processes share it: server.py imports it before they are forked.
"""

import mmap
import time
from datetime import date, timedelta
from functools import lru_cache, partial

GENTLY = 100  # times as long as the correction it takes at the least
LOOKS_EVERY = 1_000_000_000  # nanoseconds for which the machine's time needn't be read
OFF = 1_000_000_000  # nanoseconds that are worth a leap while nobody plays

# What the system says, in nanoseconds: since some moment in the past, which nobody sets; and since the epoch.
steady_ns = partial(time.clock_gettime_ns, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
wall_ns = time.time_ns

# Until when, on the steady clock, the next number is good; and how far this clock is ahead of the steady one.
UNTIL, AHEAD = range(2)
_shared = memoryview(mmap.mmap(-1, 16)).cast("q")


def now():
    """Milliseconds since the epoch."""
    steady = steady_ns()
    if steady > _shared[UNTIL]:
        _correct(steady)
    return (steady + _shared[AHEAD]) // 1_000_000


def today():
    """The date in UTC."""
    return _day(now() // 86_400_000)


@lru_cache(maxsize=2)
def _day(number):
    return date(1970, 1, 1) + timedelta(days=number)


def _correct(steady):
    """Come closer to the machine's time; two processes that do it at once do it once."""
    most = (steady - _shared[UNTIL]) // GENTLY
    behind = wall_ns() - steady - _shared[AHEAD]
    _shared[AHEAD] += max(-most, min(behind, most))
    _shared[UNTIL] = steady + (LOOKS_EVERY if -most <= behind <= most else 0)


def is_off():
    return abs(wall_ns() - steady_ns() - _shared[AHEAD]) > OFF


def leap():
    """Take the machine's time."""
    steady = steady_ns()
    _shared[AHEAD] = wall_ns() - steady
    _shared[UNTIL] = steady + LOOKS_EVERY


leap()
