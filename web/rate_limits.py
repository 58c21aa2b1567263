"""Rate limits. A key, `who`, names what is tried and by whom."""

import logging
import math
import threading
import time
from functools import partial

from web.problems import RATE_LIMITED, Problem

# Limits are (hits, seconds).
MINUTE, HOUR = 60, 3600

# Wide enough for a class or a company behind one address. Each is a fixed window that begins with its first hit.
PASSWORDS = 20, 5 * MINUTE  # wrong, or not checked yet, by account or by what is counted apart from it
PASSWORDS_FROM = 200, 5 * MINUTE  # the same from one address
LOG_INS = 60, 5 * MINUTE  # right passwords of one account
LOG_INS_FROM = 1000, 5 * MINUTE  # the same from one address
RESETS_FROM = 200, 5 * MINUTE  # invalid links to reset a password, from one address
NEW_ACCOUNTS = 200, HOUR  # from one address
NEW_GUESTS = 2000, HOUR  # from one address
EMAILS = 20, HOUR  # of one user: the response says if another has it
EMAILS_FROM = 400, HOUR  # the same from one address
WRONG_CODES = 20, 10 * MINUTE  # of rooms, with one token
WRONG_CODES_FROM = 1000, 10 * MINUTE  # the same from one address
NEW_ROOMS = 5, HOUR  # of one user
NEW_ROOMS_FROM = 60, HOUR  # from one address

# Far more than it takes to play: a client posts about once a second.
NEW_GAMES = 60, 60  # of one player
POSTS = 50, 10  # of turns, of one player, for any games
STATED_SCORES = 60, 60  # of one player

MAX_KEYS = 100_000  # of a window, which have counts of their own
SHARED_COUNTS = 65_536  # for further keys

log = logging.getLogger("snakepit")


class StorageError(Exception):
    """The storage is unavailable."""


class RateLimiter:
    """Counts hits in `storage`, a URL of the limits library; does nothing unless it is `enabled`.

    While the storage is unavailable, it falls back to counts of this process, so that nobody is locked out and guessing
    stays limited. Raise ConfigError for a bad URL.
    """

    def __init__(self, enabled, storage):
        self.enabled = enabled
        self.fallback = _InProcess()
        self.shared = None
        if not storage.startswith("memory://"):
            from web import shared_counts  # imports the limits library, and with it asyncio: 3 MB, and 0.03 s of the start

            self.shared = shared_counts.SharedCounts(storage)

    def hit(self, *limits):
        """Count a hit for each (limit, who), or for none if a limit is reached: then raise a 429 Problem.

        Return what `refund` needs. The count and the check are one step, also across processes.
        """
        if not self.enabled:
            return []
        if self.shared:
            try:
                return self._hit(self.shared, limits)
            except StorageError as error:
                _log_unavailable(error)
        return self._hit(self.fallback, limits)

    def _hit(self, counter, limits):
        hits = []
        try:
            for limit, who in limits:
                hits.append(counter.hit(limit, who))
        except BaseException:
            self.refund(hits)
            raise
        return hits

    def refund(self, hits):
        """Uncount hits, unless their window is over."""
        for undo in hits:
            try:
                undo()
            except StorageError as error:
                _log_unavailable(error)


def _log_unavailable(error):
    log.error("RATE_LIMIT_STORAGE is out of reach, each process counts by itself: %s", error)


class _InProcess:
    """Counts in this process, in one window for each limit."""

    def __init__(self):
        self.windows = {}  # {limit: its FixedWindow}
        self.lock = threading.Lock()

    def hit(self, limit, who):
        with self.lock:
            window = self.windows.setdefault(limit, FixedWindow(True, *limit))
            key = window.hit(time.time() * 1000, who)
            return partial(self._undo, window.counts, key)

    def _undo(self, counts, key):
        with self.lock:
            counts[key] -= 1
            if not counts[key]:
                del counts[key]


class FixedWindow:
    """Allows each key `most` hits in a window of so many seconds. A window begins with the first hit after the last one.

    All keys share a window, so a key can have twice as many hits around its end. It counts in this process, to which a
    player's connection leads, and takes 0.2 us: a tenth of the time of the library's windows.
    """

    def __init__(self, enabled, most, seconds):
        self.most, self.milliseconds = most if enabled else math.inf, seconds * 1000
        self.counts, self.start = {}, 0

    def hit(self, at, *who):
        """Count a hit at `at`, in milliseconds of the clock that games use, and return its key in `counts`.

        Raise a 429 Problem if there are too many. A key is a hash, since clients choose the length of names. When there are
        MAX_KEYS, new ones share counts: they reach their limits earlier, not later.
        """
        if not 0 <= at - self.start < self.milliseconds:  # the window is over, or the clock was set
            self.counts, self.start = {}, at
        key, counts = hash(who), self.counts
        if len(counts) >= MAX_KEYS and key not in counts:
            key %= SHARED_COUNTS
        count = counts.get(key, 0)
        if count >= self.most:
            raise too_many((self.start + self.milliseconds - at) / 1000)
        counts[key] = count + 1
        return key


def too_many(wait):
    """Return the Problem of a limit that is reached, for `wait` seconds."""
    wait = math.ceil(wait)
    return Problem(429, RATE_LIMITED, f"Too many tries; the next one can be made in {wait} s.", retry_in=wait)
