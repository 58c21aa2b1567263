"""How often something may be tried; `who` names what is tried and by whom."""

import math
import time

import limits
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from problems import Problem

# Wide enough for a class or a company behind one address.
FAILED_LOG_INS = limits.parse("20 per 5 minutes")  # for one account
FAILED_LOG_INS_FROM = limits.parse("100 per 5 minutes")  # from one address
NEW_ACCOUNTS = limits.parse("200 per hour")  # from one address
NEW_GUESTS = limits.parse("400 per hour")  # from one address


class Throttle:
    """Counts in this process's memory; not at all where `enabled` is false."""

    def __init__(self, enabled):
        self.limiter = MovingWindowRateLimiter(MemoryStorage()) if enabled else None

    def spend(self, limit, who):
        """Count one try. 429 if there are too many."""
        if self.limiter and not self.limiter.hit(limit, who):
            raise self._refusal(limit, who)

    def check(self, limit, who):
        """429 if there are too many tries already; counts none."""
        if self.limiter and not self.limiter.test(limit, who):
            raise self._refusal(limit, who)

    def _refusal(self, limit, who):
        reset = self.limiter.get_window_stats(limit, who).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        detail = f"Too many tries; the next one can be made in {wait} s."
        return Problem(429, detail, headers={"Retry-After": str(wait)})
