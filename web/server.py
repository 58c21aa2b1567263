"""The start: gunicorn with gevent workers, as the settings say.

The app is imported by the workers only, after gevent has patched threads and sockets: the thread locals of bottle and peewee
must be gevent's. Here are only its clock, counters, logs and settings, which the workers share.
"""

import argparse
import gc
import logging
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import gevent
from gevent import events, monkey  # noqa: F401 - events is imported here, since _patch finds no packages
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

import config
from game import clock  # noqa: F401 - here, so that the workers share one
from observability import counters, logs
from web import client_addresses, connection_limits, http_parser, local_addresses
from web.worker import STOP_SIGNALS, Worker

MAX_CLIENTS = 10_000  # connections of a worker; a page that plays or watches has one
SHUTDOWN_GRACE = 9  # seconds after which a server that was told to stop has stopped, whatever is still running
GC_THRESHOLDS = 20_000, 20, 20  # objects and younger generations before a search for cycles: requests leave none

log = logging.getLogger("snakepit")


class Server(BaseApplication):
    """gunicorn's arbiter, with our settings and our messages."""

    def __init__(self, settings, given):
        """`given`: the settings that were passed as arguments, with which the workers create their apps."""
        self.settings, self.given = settings, given
        self.announcement, self.has_failed = _Once(), _Once()
        limit = settings.connections_per_address if settings.rate_limits else sys.maxsize
        self.connections = connection_limits.ConnectionLimit(limit, settings.trusted_proxies)
        super().__init__()

    def load_default_config(self):
        self.cfg = _Config(self.usage, prog=self.prog)

    def load_config(self):
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options = {
            "bind": f"{host}:{settings.port}",
            "workers": settings.workers,
            "worker_class": Worker,
            "logger_class": Log,
            "pre_fork": _assign_slot,
            "post_fork": _patch,
            "post_worker_init": self._attach,
            "child_exit": self._detach,
            "worker_connections": MAX_CLIENTS,
            "loglevel": "debug" if settings.log_level == "debug" else "warning",
            "proc_name": "snakepit",
            "control_socket_disable": True,
            "graceful_timeout": SHUTDOWN_GRACE,
            "secure_scheme_headers": {},  # client_addresses.py reads the headers of proxies
            "forwarded_allow_ips": "*",  # to set none of them: gunicorn needn't look at each request's address
            "forwarder_headers": "",  # no proxy sets SCRIPT_NAME: some forward their clients'
            **http_parser.LIMITS,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def announce(self, sockets):
        """Print the server's addresses, in the first worker that serves."""
        if self.announcement.first():
            names = [listener.getsockname()[:2] for listener in sockets]
            places = " and ".join(client_addresses.local_url(*name) for name in names)
            others = [
                client_addresses.local_url(address, port)
                for host, port in names
                if host in client_addresses.EVERYWHERE
                for address in local_addresses.reachable(host)
            ]
            print(f"Snakepit is at {places} (Ctrl+C stops it)", flush=True)
            if others:
                print(f"Other devices reach it at {' or '.join(others)}", flush=True)

    def _attach(self, worker):
        counters.attach(worker.slot)
        self.connections.attach(worker.slot)

    def _detach(self, arbiter, worker):
        counters.detach(worker.slot)
        self.connections.detach(worker.slot)

    def load(self):
        """Return the app, in a worker. A setting that the database's driver refuses stops the server."""
        if self.settings.database_url.startswith("sqlite"):
            # peewee imports psycopg if it can, for any database: 12 MB for each worker, and 0.1 s of the start.
            sys.modules["psycopg"] = None
        import service

        try:
            app = service.create_app(**self.given)
        except config.ConfigError as error:
            if not self.announcement.is_over():
                sys.exit(self._fail(error))
            app = service.recreate_app(**self.given)
        gc.collect()
        gc.freeze()  # no collection searches what was imported
        gc.set_threshold(*GC_THRESHOLDS)
        self.close_app = app.close
        return app

    def _fail(self, error):
        """Print the error if no other worker has. Return the exit status with which the arbiter stops the server."""
        if not self.has_failed.first():
            return 0
        print(logs.failure(str(error), config.log_format()), file=sys.stderr, flush=True)
        return Arbiter.APP_LOAD_ERROR


class _Config(Config):
    """gunicorn's settings. A request reads dozens of them, and gunicorn looks each up in two steps: here, only once."""

    def __getattr__(self, name):
        value = super().__getattr__(name)
        self.__dict__[name] = value
        return value

    def set(self, name, value):
        super().set(name, value)
        self.__dict__.pop(name, None)


class Log(Logger):
    """gunicorn's log, written by our handlers."""

    def setup(self, cfg):
        self.cfg, self._access_log_enabled = cfg, False
        self.loglevel = self.LOG_LEVELS[cfg.loglevel]
        self.error_log.setLevel(self.loglevel)
        self.error_log.propagate = True

    def error(self, msg, *args, **kwargs):
        """Log nothing about a start that fails: its reason was printed in one line."""
        if Arbiter.APP_LOAD_ERROR in args:
            self.error_log.disabled = True
        super().error(msg, *args, **kwargs)


def _assign_slot(arbiter, worker):
    """Give a worker that starts the first slot of counters that no other worker has."""
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(slot for slot in range(counters.WORKER_SLOTS) if slot not in taken)


def _patch(arbiter, worker):
    """Have gevent patch threads and sockets, with no plugins; gunicorn's own call finds it done.

    gevent looks for them in all installed packages, 25 times: that takes 0.03 s, or 0.08 s with the packages for tests.
    """
    places, packages = sys.path[:], str(Path(gevent.__file__).parents[1])
    sys.path[:] = [place for place in places if place != packages]
    try:
        monkey.patch_all()
    finally:
        sys.path[:] = places


class _Once:
    """Something that one of several processes does: the first that asks. They are forked later."""

    def __init__(self):
        self.reads, self.writes = os.pipe()  # both stay open: a pipe that nobody writes to is readable at its end
        os.set_blocking(self.reads, False)
        os.write(self.writes, b"1")

    def first(self):
        """Return whether no process has asked before."""
        with suppress(BlockingIOError):
            return bool(os.read(self.reads, 1))
        return False

    def is_over(self):
        """Return whether a process has asked."""
        return not select.select([self.reads], [], [], 0)[0]


def _raise_file_limit():
    """Allow MAX_CLIENTS connections: each is a file, of which a process may open fewer by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CLIENTS + 1000
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _block_signals_during_fork():
    """Block signals until a new worker has handlers of its own: the inherited ones would lose the signal to stop."""
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOP_SIGNALS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOP_SIGNALS),
    )


def _check_port_free(settings):
    """Raise ConfigError if the server can't listen: gunicorn tries for five seconds, and then prints a traceback."""
    is_ipv6 = ":" in settings.host
    family, both = (socket.AF_INET6, socket.has_dualstack_ipv6()) if is_ipv6 else (socket.AF_INET, False)
    try:
        socket.create_server((settings.host, settings.port), family=family, dualstack_ipv6=both).close()
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is no address").partition(" (while")[0]
        raise config.ConfigError(
            f"PORT={settings.port}: can't serve at {settings.host}: {reason}; give another PORT or HOST"
        ) from None


class _Arguments(argparse.ArgumentParser):
    def error(self, message):
        """Print the error in one line."""
        self.exit(2, f"{message}; give --host, --port, or --help\n")


def run(arguments):
    """Serve as the command line says; its options come before the settings. Return the exit status."""
    about = "Serve Snakepit. Everything else is a setting in the environment or in .env: see README.md or .env.example."
    parser = _Arguments(prog="service.py", description=about, allow_abbrev=False)
    parser.add_argument("--host", help="the address to serve at, as the setting HOST (default: 127.0.0.1)")
    parser.add_argument("--port", help="the port to serve at, as the setting PORT (default: 8000; 0 is any free one)")
    return main(**{name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None})


def main(**given):
    """Serve until stopped. Return the exit status: 2, after one line, for a bad setting.

    `given` are settings as for service.create_app.
    """
    os.umask(0o077)  # files are readable by the server's user only
    try:
        settings = config.load(**given)
        _check_port_free(settings)
    except config.ConfigError as error:
        print(logs.failure(str(error), config.log_format()), file=sys.stderr)
        return 2
    sys.path.insert(0, str(Path(__file__).parents[1]))
    logs.set_up(settings)
    for line in config.warnings():
        log.warning(line)
    _raise_file_limit()
    _block_signals_during_fork()
    pid = os.getpid()
    gc.freeze()  # the workers share what was imported, until a search for cycles would write to each object
    try:
        Server(settings, given).run()
    except SystemExit as stop:
        if os.getpid() == pid and stop.code == Arbiter.APP_LOAD_ERROR:
            return 2
        raise  # in a worker, or for the arbiter
    return 0
