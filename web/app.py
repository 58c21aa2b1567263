"""The WSGI application: a Bottle app with a database, whose requests have deadlines and are counted.

It knows nothing about snakes; service.py adds the routes and what they need.
"""

import atexit
import logging
import os
import threading
import time
import weakref

import bottle
import msgspec
import peewee
from bottle import request

import models
from config import ConfigError
from database import background, errors, migrations, tables, threadpool
from database.binding import bind
from database.connect import connect
from database.deadlines import deadline
from observability import counters, logs
from schemas import ProblemAnswer
from web import headers
from web.api import internal_error, problem_response
from web.problems import MALFORMED_REQUEST, METHOD_NOT_ALLOWED, NOT_FOUND, WRONG_SETUP, Problem

HEALTH = "/healthz"  # has a deadline of its own
DATABASE_SHARE = 0.85  # of a request's time, after which Postgres itself cancels a statement or stops waiting for a lock
CHECK_VERSION = 5  # seconds

PATCHED_TOO_LATE = (
    "gevent replaced threads only after the app was imported, so that requests would get each other's data;"
    " start gunicorn without --preload, or call gevent.monkey.patch_all() before anything else is imported"
)
IN_MEMORY = "DATABASE_URL: a database in memory belongs to one process, and there are several; name a file or a Postgres"

log = logging.getLogger("snakepit")


class App(bottle.Bottle):
    """A Bottle app with a database and background tasks.

    `is_restart`: it replaces the app of a worker that ended, so no error of the database stops it.
    """

    def __init__(self, settings, is_restart=False):
        super().__init__()
        self.settings = settings
        self.database = _connect(settings)
        self.background = background.Background(self.database)
        self.background.add(self.check_version, CHECK_VERSION)
        self.is_restart = is_restart
        self.response_metrics = {}  # {route: its counters}
        self.serving = set()  # ids of the processes that serve: another may have created the app, and forked them
        self.start_locks = {}  # {process id: its lock}: one that is held during a fork is never released
        self.outdated = threading.Event()  # a newer version has changed the database: this one can't work with it

    def prepare(self):
        """Do once what needs the database and must precede the first request. It is called before each request."""
        if self.outdated.is_set():
            raise errors.unavailable(errors.OUTDATED)

    def check_version(self):
        """Refuse all requests from now on if a newer version has changed the database so that this one can't work with it.

        A background task. Such a server does nothing by itself any more.
        """
        if self.outdated.is_set():
            return
        try:
            migrations.check_version()
        except ConfigError as error:
            self.outdated.set()
            log.critical("%s", error)
            self.background.stop()

    def add_route(self, route):
        super().add_route(route)
        self.response_metrics[route] = counters.route_metrics(route.method, route.rule)

    def start(self):
        """Prepare the database. Raise ConfigError for an error that only the operator can remove.

        Other errors may pass: each request tries again.
        """
        try:
            self._prepare_database()
        except BaseException:
            self.close()  # an app that can't be made leaves no connection open
            raise
        _apps.add(self)

    def _prepare_database(self):
        with deadline(self.settings.request_wait), bind(self.database):
            try:
                self.prepare()
                tables.try_to_write(models.TABLES)
            except (peewee.PeeweeException, TypeError, ConfigError) as error:
                self._check_start_error(error)
            finally:
                if not self.database.is_in_memory:  # the server may fork now, and a connection must not be inherited
                    self.database.close_all()

    def _check_start_error(self, error):
        trouble = errors.describe(error)
        if self.is_restart:
            log.error("The database can't be used: %s", errors.one_line(error))
        elif remedy := errors.REMEDIES.get(trouble):
            raise ConfigError(f"DATABASE_URL: {trouble[0].lower()}{trouble[1:-1]}; {remedy}") from None
        elif trouble:
            log.warning("%s (%s)", trouble, errors.one_line(error))
        elif isinstance(error, errors.INVALID_OPTIONS) and "?" in self.settings.database_url:
            raise ConfigError(f"DATABASE_URL: {error}; give other options behind the ?, or none") from None
        else:
            raise error

    def close(self):
        """Stop the background tasks and close the connections to the database; a database in memory is gone with them."""
        super().close()
        self.background.stop()
        self.database.shut()

    def __call__(self, environ, start_response):
        began = time.perf_counter_ns()
        settings, sent_status = self.settings, "500"
        cors = headers.cors(environ.get("HTTP_ORIGIN"), settings.cors_origins) if settings.cors_origins else ()

        def start(status, fields, exc_info=None):
            nonlocal sent_status
            sent_status = status
            fields.append(headers.NOSNIFF)
            fields += cors
            if status >= "4" or settings.access_log:
                fields.append(("X-Request-ID", logs.request_id(environ, settings.trusted_proxies)))
            return start_response(status, fields, exc_info)

        if len(cors) > 1 and environ["REQUEST_METHOD"] == "OPTIONS":
            start("204 No Content", [])
            content = [b""]
        elif os.getpid() not in self.serving and (reason := self._start_process(environ)):
            content = _wrong_setup(reason, start)
        else:
            if self.background.runs_in_requests:
                self.background.run_due()
            seconds = settings.health_wait if environ["PATH_INFO"] == HEALTH else settings.request_wait
            with deadline(seconds), bind(self.database):
                content = self.wsgi(environ, start)
        self._observe(environ, sent_status, time.perf_counter_ns() - began)
        return content

    def _observe(self, environ, status, nanoseconds):
        metrics = self.response_metrics.get(environ.get("bottle.route")) or counters.unrouted(environ["REQUEST_METHOD"])
        metrics.observe(status, nanoseconds)
        if self.settings.access_log:
            logs.access(environ, status, nanoseconds, self.settings.trusted_proxies)

    def _start_process(self, environ):
        """Start what each process has of its own, with its first request. Return the reason if it can't serve, or None."""
        pid = os.getpid()
        with self.start_locks.setdefault(pid, threading.Lock()):
            if pid in self.serving:
                return None
            if reason := self._why_not(environ):
                log.critical("The server can't work as it is set up: %s", reason)
                return reason
            self.serving.add(pid)
            self.background.ensure_started()
            return None

    def _why_not(self, environ):
        if threadpool.mixed_up():
            return PATCHED_TOO_LATE
        if self.database.is_in_memory and environ["wsgi.multiprocess"]:
            return IN_MEMORY
        if self.database.pid != os.getpid():
            try:
                self.database.begin_process()
            except RuntimeError as error:
                return str(error)
        return None

    def default_error_handler(self, error):
        """Respond to what Bottle refuses (unknown paths, wrong methods, paths that are not UTF-8), and to our own errors."""
        if error.status_code == 500:
            return problem_response(internal_error())
        if error.status_code == 404:
            return problem_response(Problem(404, NOT_FOUND, f"There is nothing at {request.path}."))
        if error.status_code == 405:
            allowed = error.headers.get("Allow")
            detail = f"{request.path} does not take {request.method}. Allowed: {allowed}."
            return problem_response(Problem(405, METHOD_NOT_ALLOWED, detail, params={"allowed": allowed.split(",")}))
        return problem_response(Problem(error.status_code, MALFORMED_REQUEST, str(error.body)))


def _connect(settings):
    """Return the settings' database; Postgres' own limits are milliseconds."""
    statement = int(settings.request_wait * DATABASE_SHARE * 1000)
    limits = {"statement_timeout": statement, "lock_timeout": min(statement, int(settings.lock_wait * 1000))}
    return connect(settings.database_url, settings.lock_wait, limits, shared=True)


def _wrong_setup(reason, start):
    """Respond with 503 and the reason: a server that can't work must not seem to."""
    detail, title = f"This server can't work as it is set up: {reason}.", "Service Unavailable"
    content = msgspec.json.encode(ProblemAnswer(title, 503, WRONG_SETUP, detail))
    fields = {"Content-Type": "application/problem+json", "Content-Length": str(len(content)), "Retry-After": "30"}
    start(f"503 {title}", list(fields.items()))
    return [content]


_apps = weakref.WeakSet()


@atexit.register
def _close_apps():
    """Under any server, the last process to stop leaves a complete database file."""
    for app in list(_apps):
        app.close()
