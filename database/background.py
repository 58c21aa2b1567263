"""Background tasks: functions that run beside the requests, each at its interval, in every process that serves.

They start with a process's first request, since a forked process has none of its parent's threads. Under gevent the thread
is a greenlet: a task must not compute for long.
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

FIRST_RUN = 60  # seconds until the first run of a task, at most
RERUN = 0.1  # seconds until the next run of a task that has more to do
TASK_TIMEOUT = 60  # seconds of a run
STOP_TIMEOUT = 2  # seconds that `stop` waits for a task that is running

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
            with deadline(TASK_TIMEOUT), bind(database):
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
        self.due = time.monotonic() + (RERUN if has_more is True else self.interval)
        return has_more is True


class Background:
    """The background tasks of an app. One thread of each process runs them one after the other.

    The thread ends by itself when nothing else refers to this object.
    """

    def __init__(self, database):
        self.database = database
        self.tasks = []
        self._started = {}  # {process id: its threading.Event to stop, or a placeholder until it is there}
        self._thread = None
        self.runs_in_requests = False

    def add(self, function, interval):
        """Run `function()` every `interval` seconds, with the database bound.

        If it returns True, it has more to do and runs again soon: it should do little at a time, so that other tasks can run
        and the server can stop. It runs in each process, also at the same time.
        """
        self.tasks.append(_Task(function, interval))

    def ensure_started(self):
        """Start the thread of this process, with its first request.

        If threads can't run, `runs_in_requests` becomes true: each request must call `run_due`.
        """
        stopping = threading.Event()
        if self._started.setdefault(os.getpid(), stopping) is not stopping:
            return
        begins = time.monotonic()
        for task in self.tasks:
            task.due = begins + min(FIRST_RUN, task.interval)
        self._thread, self.runs_in_requests = None, not _threads_run()
        if not self.runs_in_requests:
            arguments = weakref.ref(self, lambda _: stopping.set()), stopping
            self._thread = threading.Thread(target=_loop, args=arguments, name="background", daemon=True)
            self._thread.start()

    def run_due(self):
        """Run the tasks that are due. Return the seconds until the next one is."""
        for task in self.tasks:
            if task.due <= time.monotonic() and not self._is_stopping():
                task.due = float("inf")  # another thread doesn't start it
                task.run(self.database)
        return max(0, min((task.due for task in self.tasks), default=FIRST_RUN) - time.monotonic())

    def run_all(self):
        """Run each task now, until it has no more to do."""
        for task in self.tasks:
            while task.run(self.database):
                pass

    def stop(self):
        """Stop in this process: the task that is running ends within STOP_TIMEOUT, or is left alone."""
        stopping = self._started.setdefault(os.getpid(), threading.Event())
        stopping.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(STOP_TIMEOUT)

    def _is_stopping(self):
        stopping = self._started.get(os.getpid())
        return stopping is not None and stopping.is_set()


def _loop(reference, stopping):
    pause = 0
    while not stopping.wait(pause):
        background = reference()
        if background is None:
            return
        pause = min(background.run_due(), FIRST_RUN)
        del background


def _threads_run():
    """Return whether threads run between requests. Under uWSGI they need `enable-threads`; else requests run the tasks."""
    uwsgi = sys.modules.get("uwsgi")
    return uwsgi is None or any(name in uwsgi.opt for name in ("enable-threads", "threads"))
