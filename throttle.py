"""How often something may be tried; `who` names what is tried and by whom."""

import logging
import math
import time

import limits
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from config import ConfigError
from problems import RATE_LIMITED, Problem

# Wide enough for a class or a company behind one address.
FAILED_LOG_INS = limits.parse("20 per 5 minutes")  # for one account
FAILED_LOG_INS_FROM = limits.parse("100 per 5 minutes")  # from one address
NEW_ACCOUNTS = limits.parse("200 per hour")  # from one address
NEW_GUESTS = limits.parse("400 per hour")  # from one address

# (times, seconds), by far more than it takes to play: a client posts about once a second.
NEW_GAMES = 60, 60  # by one player
POSTS = 50, 10  # of turns, by one player, to whatever games
STATED_SCORES = 60, 60  # by one player

PATIENCE = 1  # seconds to wait for a storage elsewhere
WOULD_DO = "give memory://, or for several processes redis://HOST:6379/0"

log = logging.getLogger("snakepit")


class Memory(MemoryStorage):
    """The library's, which counts by the machine's clock: what lies ahead of that, since it was set back, is forgotten."""

    STORAGE_SCHEME = ("memory",)  # instead of it

    def acquire_entry(self, key, *rest, **options):
        self._forget_future(key)
        return super().acquire_entry(key, *rest, **options)

    def get_moving_window(self, key, *rest):
        self._forget_future(key)
        return super().get_moving_window(key, *rest)

    def _forget_future(self, key):
        events = self.events.get(key)  # the latest first
        if events and events[0].atime > time.time() + 1:
            self.clear(key)


class Throttle:
    """Counts in `storage`, a URL as the limits library takes it; not at all where `enabled` is false.

    While a storage is out of reach, this process counts by itself: nobody is shut out, and no password guessed at will.
    Raises ConfigError for a storage that can't be.
    """

    def __init__(self, enabled, storage):
        self.enabled = enabled
        self.limiter, self.spare = _limiter(storage), MovingWindowRateLimiter(Memory())

    def spend(self, limit, who):
        """Count one try. 429 if there are too many."""
        self._ask("hit", limit, who)

    def check(self, limit, who):
        """429 if there are too many tries already; counts none."""
        self._ask("test", limit, who)

    def _ask(self, question, limit, who):
        if not self.enabled:
            return
        try:
            wait = self._wait(self.limiter, question, limit, who)
        except StorageError as error:
            log.error("RATE_LIMIT_STORAGE is out of reach, each process counts by itself: %s", error.storage_error)
            wait = self._wait(self.spare, question, limit, who)
        if wait:
            raise _too_many(wait)

    def _wait(self, limiter, question, limit, who):
        """Seconds until the next try; 0 if it may be made now."""
        if getattr(limiter, question)(limit, who):
            return 0
        return max(1, limiter.get_window_stats(limit, who).reset_time - time.time())


def _limiter(url):
    scheme = url.partition(":")[0]
    options = {}
    if scheme.startswith(("redis", "valkey")):  # by default they wait for good
        options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    try:
        storage = storage_from_string(url, wrap_exceptions=True, **options)
        if isinstance(storage, Storage):  # and none for asyncio
            return MovingWindowRateLimiter(storage)
        reason = f"{scheme} is of no use here"
    except ConfigurationError as error:
        # What it says of an unknown storage names the whole URL, in which there may be a password.
        reason = f"there is no {scheme!r}" if "unknown storage" in str(error) else str(error).split(". ")[0]
    except Exception as error:  # each driver has its own, for a URL that it can't read
        reason = str(error).partition("\n")[0]
    raise ConfigError(f"RATE_LIMIT_STORAGE: {reason}; {WOULD_DO}")


class Window:
    """Counts up to `most` times for each of those who try, and begins anew after so many seconds.

    For what comes with every post: this takes a tenth of the time of the library's windows, 0.2 us, and has no keys to clear
    one by one. It counts in this process alone, to which a player's connection leads.
    """

    def __init__(self, enabled, most, seconds):
        self.most, self.milliseconds = most if enabled else math.inf, seconds * 1000
        self.counts, self.began = {}, 0

    def spend(self, at, *who):
        """Count one try, made `at` so many milliseconds by the clock that games are timed by. 429 if there are too many."""
        if not 0 <= at - self.began < self.milliseconds:  # the time is over, or the clock was set
            self.counts, self.began = {}, at
        key = hash(who)  # which takes the same room however long the words of a request are
        count = self.counts[key] = self.counts.get(key, 0) + 1
        if count > self.most:
            raise _too_many((self.began + self.milliseconds - at) / 1000)


def _too_many(wait):
    wait = math.ceil(wait)
    detail = f"Too many tries; the next one can be made in {wait} s."
    return Problem(429, RATE_LIMITED, detail, headers={"Retry-After": str(wait)}, params={"retry_in": wait})
