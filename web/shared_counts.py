"""Counts in a storage of the limits library, which several processes share."""

import hashlib
import time
from contextlib import contextmanager
from functools import partial

from limits.errors import ConfigurationError
from limits.errors import StorageError as LibraryError
from limits.storage import MemcachedStorage, Storage, storage_from_string

from config import ConfigError
from web.rate_limits import StorageError, too_many

STORAGE_TIMEOUT = 1  # seconds
HINT = "give memory://, or for several processes redis://HOST:6379/0"


class SharedCounts:
    """Counts hits in the storage of a URL. Raise ConfigError for a bad one; methods raise StorageError."""

    def __init__(self, url):
        self.storage = _storage(url)

    def hit(self, limit, who):
        """Count a hit and return the function that uncounts it. Raise a 429 Problem if the limit is reached."""
        most, seconds = limit
        # The storage gets neither names nor addresses.
        key = f"LIMITER/{hashlib.blake2b(who.encode(), digest_size=16).hexdigest()}/{most}/{seconds}"
        with _reaching_storage():
            if self.storage.incr(key, seconds) > most:  # incr is atomic
                self.storage.incr(key, seconds, -1)
                raise too_many(max(1, self.storage.get_expiry(key) - time.time()))
        return partial(self._undo, key, seconds, time.time())

    def _undo(self, key, seconds, hit_at):
        with _reaching_storage():
            start = self.storage.get_expiry(key) - seconds
            if start <= hit_at + 1:  # still the same window; the storage rounds to seconds
                self.storage.incr(key, seconds, -1)


@contextmanager
def _reaching_storage():
    try:
        yield
    except LibraryError as error:
        raise StorageError(error.storage_error) from error


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
