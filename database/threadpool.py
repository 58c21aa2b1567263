"""A pool of real threads for blocking calls into C, which would block gevent's event loop."""

import os
import sys
import threading
import time
from functools import cache

HASHING = "hashing", max(1, (os.cpu_count() or 2) - 1)  # one core is left for players
DISK = "disk", 2
CHECKPOINTS = "checkpoints", 1
PICTURES = "pictures", 1
BREAK = 0.0005  # seconds


def run(pool, function, *args):
    """Return `function(*args)`, called in a thread of the pool, (name, threads), under gevent; else in this thread.

    The function should release the GIL.
    """
    return _pool(pool, os.getpid()).apply(function, args) if gevent_runs() else function(*args)


def spawn(pool, function, *args):
    """Call `function(*args)` like `run`, without waiting for it under gevent."""
    if gevent_runs():
        _pool(pool, os.getpid()).spawn(function, *args)
    else:
        function(*args)


def give_way():
    """Give other requests a turn, within a long computation that would block gevent's event loop."""
    if gevent_runs():
        time.sleep(BREAK)  # with 0, gevent may go on with this one many times before it looks for requests


def gevent_runs():
    gevent = sys.modules.get("gevent.monkey")
    return gevent is not None and gevent.is_module_patched("threading")


_imported_under_gevent = gevent_runs()


def os_thread_local(kind):
    """Return an object that has the class's attributes for each OS thread, and not for each of gevent's greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    local = monkey.get_original("threading", "local") if monkey else threading.local
    return type(kind.__name__, (kind, local), {})()


def mixed_up():
    """Return whether gevent serves, but patched threads too late: its greenlets share what should be each request's own.

    It must patch before this module, and with it the app, bottle and peewee, is imported.
    """
    gevent = sys.modules.get("gevent")
    if gevent is None or _imported_under_gevent:
        return False
    return gevent_runs() or isinstance(gevent.getcurrent(), gevent.Greenlet)


@cache
def _pool(pool, pid):
    """Return the pool of this process: a forked process has none of its parent's threads."""
    from gevent.threadpool import ThreadPool

    return ThreadPool(pool[1])
