"""Background tasks: functions that run beside the requests, each at its interval, in every process that serves.

They start with a process's first request, since a process that is forked from another has none of its threads. Under gevent
the thread is a greenlet: a task must not compute for long, and waits as a request does.
"""

import logging
import os
import sys
import threading
import time
import weakref

from database import errors
from database.binding import bind
from database.deadlines import deadline

FIRST = 60  # seconds until a task runs for the first time, at most
SOON = 0.1  # seconds until a task runs again that has more to do
LONGEST = 60  # seconds in which the database must have done all that a task needs
STOP = 2  # seconds that `stop` waits for a task that is running

log = logging.getLogger("snakepit")


class _Task:
    def __init__(self, function, interval):
        self.function, self.interval = function, interval
        self.due = 0.0  # on the monotonic clock
        self.error = None  # the last one, as a line of text: it is logged when it changes

    def run(self, database):
        """Run once. Return whether there is more to do. An error is logged, and the task runs again after its interval."""
        has_more = False
        try:
            with deadline(LONGEST), bind(database):
                has_more, error = self.function(), None
        except Exception as reason:
            trouble, error = errors.describe(reason), errors.one_line(reason)
            if error == self.error:
                pass
            elif trouble:
                log.warning("The background task %s can't run now: %s (%s)", self.function.__name__, trouble, error)
            else:
                log.exception("The background task %s failed", self.function.__name__)
        self.error = error
        self.due = time.monotonic() + (SOON if has_more is True else self.interval)
        return has_more is True


class Background:
    """The background tasks of an app, run one after the other in one thread for each process.

    The thread ends by itself when nothing else refers to this object any more.
    """

    def __init__(self, database):
        self.database = database
        self.tasks = []
        self._started = {}  # {process id: its threading.Event to stop, or a placeholder until it is there}
        self._thread = None
        self.runs_in_requests = False

    def add(self, function, interval):
        """Run `function()` every `interval` seconds, with the database as models' current one.

        If it returns True, it has more to do: it runs again soon. It should do little at a time, so that others can run and
        the server can stop. It runs in each process, so it must tolerate that others do the same at the same time.
        """
        self.tasks.append(_Task(function, interval))

    def ensure_started(self):
        """Start the thread, if it doesn't run in this process yet. To be called with a process's first request.

        Where threads can't run, `runs_in_requests` is true from then on: each request must call `run_due`.
        """
        stopping = threading.Event()
        if self._started.setdefault(os.getpid(), stopping) is not stopping:
            return
        begins = time.monotonic()
        for task in self.tasks:
            task.due = begins + min(FIRST, task.interval)
        self._thread, self.runs_in_requests = None, not _threads_run()
        if not self.runs_in_requests:
            arguments = weakref.ref(self, lambda _: stopping.set()), stopping
            self._thread = threading.Thread(target=_loop, args=arguments, name="background", daemon=True)
            self._thread.start()

    def run_due(self):
        """Run the tasks whose time has come. Return the seconds until the next one is due."""
        for task in self.tasks:
            if task.due <= time.monotonic() and not self._is_stopping():
                task.due = float("inf")  # until it is over: another thread doesn't begin it
                task.run(self.database)
        return max(0, min((task.due for task in self.tasks), default=FIRST) - time.monotonic())

    def run_all(self):
        """Run each task now, until it has nothing more to do."""
        for task in self.tasks:
            while task.run(self.database):
                pass

    def stop(self):
        """Stop in this process: the task that is running ends within STOP seconds, or is left alone."""
        stopping = self._started.setdefault(os.getpid(), threading.Event())
        stopping.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(STOP)

    def _is_stopping(self):
        stopping = self._started.get(os.getpid())
        return stopping is not None and stopping.is_set()


def _loop(reference, stopping):
    pause = 0
    while not stopping.wait(pause):
        background = reference()
        if background is None:
            return
        pause = min(background.run_due(), FIRST)
        del background


def _threads_run():
    """False under uWSGI without `enable-threads`: there threads stand still between requests, so requests run the tasks."""
    uwsgi = sys.modules.get("uwsgi")
    return uwsgi is None or any(name in uwsgi.opt for name in ("enable-threads", "threads"))
