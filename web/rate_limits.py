"""Rate limits. A key, `who`, names what is tried and by whom."""

import hashlib
import logging
import math
import threading
import time
from functools import partial

import limits
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemcachedStorage, Storage, storage_from_string

from config import ConfigError
from web.problems import RATE_LIMITED, Problem

# Wide enough for a class or a company behind one address. Each is a fixed window that begins with its first hit.
PASSWORDS = limits.parse("20 per 5 minutes")  # wrong, or not checked yet, by account or by what is counted apart from it
PASSWORDS_FROM = limits.parse("200 per 5 minutes")  # the same from one address
LOG_INS = limits.parse("60 per 5 minutes")  # right passwords of one account
LOG_INS_FROM = limits.parse("1000 per 5 minutes")  # the same from one address
RESETS_FROM = limits.parse("200 per 5 minutes")  # invalid links to reset a password, from one address
NEW_ACCOUNTS = limits.parse("200 per hour")  # from one address
NEW_GUESTS = limits.parse("2000 per hour")  # from one address
EMAILS = limits.parse("20 per hour")  # of one user: the response says if another has it
EMAILS_FROM = limits.parse("400 per hour")  # the same from one address

# (hits, seconds), far more than it takes to play: a client posts about once a second.
NEW_GAMES = 60, 60  # of one player
POSTS = 50, 10  # of turns, of one player, for any games
STATED_SCORES = 60, 60  # of one player

MAX_KEYS = 100_000  # of a window, which have counts of their own
SHARED_COUNTS = 65_536  # for further keys
STORAGE_TIMEOUT = 1  # seconds
HINT = "give memory://, or for several processes redis://HOST:6379/0"

log = logging.getLogger("snakepit")


class RateLimiter:
    """Counts hits in `storage`, a URL of the limits library; does nothing unless it is `enabled`.

    While the storage is unavailable, it falls back to counts of this process, so that nobody is locked out and guessing
    stays limited. Raise ConfigError for a bad URL.
    """

    def __init__(self, enabled, storage):
        self.enabled = enabled
        self.fallback = _InProcess()
        self.shared = None if storage.startswith("memory://") else _Shared(_storage(storage))

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
    log.error("RATE_LIMIT_STORAGE is out of reach, each process counts by itself: %s", error.storage_error)


class _InProcess:
    """Counts in this process, in one window for each limit."""

    def __init__(self):
        self.windows = {}  # {limit: its FixedWindow}
        self.lock = threading.Lock()

    def hit(self, limit, who):
        with self.lock:
            window = self.windows.setdefault(limit, FixedWindow(True, limit.amount, limit.get_expiry()))
            key = window.hit(time.time() * 1000, who)
            return partial(self._undo, window.counts, key)

    def _undo(self, counts, key):
        with self.lock:
            counts[key] -= 1
            if not counts[key]:
                del counts[key]


class _Shared:
    """Counts in a storage of the limits library, which several processes share."""

    def __init__(self, storage):
        self.storage = storage

    def hit(self, limit, who):
        # The storage gets neither names nor addresses.
        key, expiry = limit.key_for(hashlib.blake2b(who.encode(), digest_size=16).hexdigest()), limit.get_expiry()
        if self.storage.incr(key, expiry) > limit.amount:  # incr is atomic
            self.storage.incr(key, expiry, -1)
            raise _too_many(max(1, self.storage.get_expiry(key) - time.time()))
        return partial(self._undo, key, expiry, time.time())

    def _undo(self, key, expiry, hit_at):
        start = self.storage.get_expiry(key) - expiry
        if start <= hit_at + 1:  # still the same window; the storage rounds to seconds
            self.storage.incr(key, expiry, -1)


def _storage(url):
    scheme = url.partition(":")[0]
    options = {}
    if scheme.startswith(("redis", "valkey")):  # by default they wait forever
        options = {"socket_timeout": STORAGE_TIMEOUT, "socket_connect_timeout": STORAGE_TIMEOUT}
    try:
        storage = storage_from_string(url, wrap_exceptions=True, **options)
        # Not those for asyncio, nor those that can't count down.
        if isinstance(storage, Storage) and not isinstance(storage, MemcachedStorage):
            return storage
        reason = f"{scheme} is of no use here"
    except ConfigurationError as error:
        # Its message on an unknown storage contains the URL, in which there may be a password.
        reason = f"there is no {scheme!r}" if "unknown storage" in str(error) else str(error).split(". ")[0]
    except Exception as error:  # each driver raises its own for a bad URL
        reason = str(error).partition("\n")[0]
    raise ConfigError(f"RATE_LIMIT_STORAGE: {reason}; {HINT}")


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
            raise _too_many((self.start + self.milliseconds - at) / 1000)
        counts[key] = count + 1
        return key


def _too_many(wait):
    wait = math.ceil(wait)
    return Problem(429, RATE_LIMITED, f"Too many tries; the next one can be made in {wait} s.", retry_in=wait)
