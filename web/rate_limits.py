"""How often something may be tried; `who` names what is tried and by whom."""

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

# Wide enough for a class or a company behind one address. Each is a fixed window that begins with its first try.
PASSWORDS = limits.parse("20 per 5 minutes")  # wrong, or not checked yet, for an account or what is counted apart from it
PASSWORDS_FROM = limits.parse("200 per 5 minutes")  # the same from one address
LOG_INS = limits.parse("60 per 5 minutes")  # right passwords of one account
LOG_INS_FROM = limits.parse("1000 per 5 minutes")  # the same from one address
RESETS_FROM = limits.parse("200 per 5 minutes")  # invalid links to reset a password, from one address
NEW_ACCOUNTS = limits.parse("200 per hour")  # from one address
NEW_GUESTS = limits.parse("2000 per hour")  # from one address
EMAILS = limits.parse("20 per hour")  # given by one user: the answer says if another has it
EMAILS_FROM = limits.parse("400 per hour")  # the same from one address

# (times, seconds), by far more than it takes to play: a client posts about once a second.
NEW_GAMES = 60, 60  # by one player
POSTS = 50, 10  # of turns, by one player, to whatever games
STATED_SCORES = 60, 60  # by one player

MOST_KEYS = 100_000  # of a window, that are counted one by one
SHARED_COUNTS = 65_536  # in which further keys are counted together
PATIENCE = 1  # seconds to wait for a storage elsewhere
WOULD_DO = "give memory://, or for several processes redis://HOST:6379/0"

log = logging.getLogger("snakepit")


class Throttle:
    """Counts in `storage`, a URL as the limits library takes it; not at all where `enabled` is false.

    While a storage is out of reach, this process counts by itself: nobody is shut out, and no password guessed at will.
    Raises ConfigError for a storage that can't be.
    """

    def __init__(self, enabled, storage):
        self.enabled = enabled
        self.own = _Own()
        self.elsewhere = None if storage.startswith("memory://") else _Elsewhere(_storage(storage))

    def hit(self, *tries):
        """Count tries, each (limit, who): all of them or, where a limit is reached, none. Return a hit for each.

        Raise a 429 Problem where a limit is reached. Nobody gets more tries by making them at the same time, in whatever
        process.
        """
        if not self.enabled:
            return []
        if self.elsewhere:
            try:
                return self._hit(self.elsewhere, tries)
            except StorageError as error:
                _say_out_of_reach(error)
        return self._hit(self.own, tries)

    def _hit(self, counter, tries):
        hits = []
        try:
            for limit, who in tries:
                hits.append(counter.hit(limit, who))
        except BaseException:
            self.refund(hits)
            raise
        return hits

    def refund(self, hits):
        """Uncount what `hit` has counted, unless its window is over."""
        for take_back in hits:
            try:
                take_back()
            except StorageError as error:
                _say_out_of_reach(error)

    def spend(self, limit, who):
        """Count one try. Raise a 429 Problem if there are too many."""
        self.hit((limit, who))


def _say_out_of_reach(error):
    log.error("RATE_LIMIT_STORAGE is out of reach, each process counts by itself: %s", error.storage_error)


class _Own:
    """Counts in this process: for each limit a window of time, which is forgotten as a whole when it is over."""

    def __init__(self):
        self.windows = {}  # {limit: (when it began, {key: count})}
        self.lock = threading.Lock()

    def hit(self, limit, who):
        with self.lock:
            now = time.time()
            began, counts = self.windows.get(limit, (0, None))
            if counts is None or not 0 <= now - began < limit.get_expiry():  # it is over, or the clock was set
                began, counts = self.windows[limit] = now, {}
            key = _key(counts, who)
            count = counts.get(key, 0)
            if count >= limit.amount:
                raise _too_many(began + limit.get_expiry() - now)
            counts[key] = count + 1
        return partial(self._take_back, counts, key)

    def _take_back(self, counts, key):
        with self.lock:
            counts[key] -= 1
            if not counts[key]:
                del counts[key]


def _key(counts, who):
    """The key for `who` in a table of counts, whose size is bounded and which never forgets what it has counted.

    A hash takes the same room however long the words of a request are. Once the table is full, new ones share counts: too
    many are counted for them rather than too few, and the others don't notice.
    """
    key = hash(who)
    return key if len(counts) < MOST_KEYS or key in counts else key % SHARED_COUNTS


class _Elsewhere:
    """Counts in a storage of the limits library, which several processes share."""

    def __init__(self, storage):
        self.storage = storage

    def hit(self, limit, who):
        # Neither names nor addresses are told to the storage.
        key, expiry = limit.key_for(hashlib.blake2b(who.encode(), digest_size=16).hexdigest()), limit.get_expiry()
        if self.storage.incr(key, expiry) > limit.amount:  # which tells no two the same
            self.storage.incr(key, expiry, -1)
            raise _too_many(max(1, self.storage.get_expiry(key) - time.time()))
        return partial(self._take_back, key, expiry, time.time())

    def _take_back(self, key, expiry, hit_at):
        began = self.storage.get_expiry(key) - expiry
        if began <= hit_at + 1:  # it is still the same window; the storage rounds to seconds
            self.storage.incr(key, expiry, -1)


def _storage(url):
    scheme = url.partition(":")[0]
    options = {}
    if scheme.startswith(("redis", "valkey")):  # by default they wait for good
        options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    try:
        storage = storage_from_string(url, wrap_exceptions=True, **options)
        # None for asyncio, and none that can't count down.
        if isinstance(storage, Storage) and not isinstance(storage, MemcachedStorage):
            return storage
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
        key = _key(self.counts, who)
        count = self.counts[key] = self.counts.get(key, 0) + 1
        if count > self.most:
            raise _too_many((self.began + self.milliseconds - at) / 1000)


def _too_many(wait):
    wait = math.ceil(wait)
    detail = f"Too many tries; the next one can be made in {wait} s."
    return Problem(429, RATE_LIMITED, detail, headers={"Retry-After": str(wait)}, params={"retry_in": wait})
