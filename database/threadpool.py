"""Real threads, for what would make everybody wait: under gevent all other code is one thread."""

import os
import sys
import time
from functools import cache

HASHING = "hashing", max(1, (os.cpu_count() or 2) - 1)  # one core is left for those who only play
DISK = "disk", 2
CHECKPOINTS = "checkpoints", 1
PICTURES = "pictures", 1
BREAK = 0.0005  # seconds


def call(pool, function, *args):
    """Call it in a thread of the pool, (name, threads), if gevent runs the others; else here.

    It should let go of Python: what computes in Python slows down the others, but doesn't stop them.
    """
    return _made(pool, os.getpid()).apply(function, args) if _gevent_runs() else function(*args)


def start(pool, function, *args):
    """As `call`, but don't wait for it."""
    if _gevent_runs():
        _made(pool, os.getpid()).spawn(function, *args)
    else:
        function(*args)


def give_way():
    """Let other requests have their turn, within a long computation. Under gevent they would wait for its end otherwise."""
    if _gevent_runs():
        time.sleep(BREAK)  # with 0, gevent may go on with this one many times before it looks for requests


def _gevent_runs():
    gevent = sys.modules.get("gevent.monkey")
    return gevent is not None and gevent.is_module_patched("threading")


_imported_under_gevent = _gevent_runs()


def mixed_up():
    """Return whether gevent serves, but replaced threads too late: its greenlets share what should be each request's own.

    It must have done so before this module, and with it the app, bottle and peewee, was imported.
    """
    gevent = sys.modules.get("gevent")
    if gevent is None or _imported_under_gevent:
        return False
    return _gevent_runs() or isinstance(gevent.getcurrent(), gevent.Greenlet)


@cache
def _made(pool, pid):
    """Return the pool of this process: one that is forked has none of the other's threads."""
    from gevent.threadpool import ThreadPool

    return ThreadPool(pool[1])
