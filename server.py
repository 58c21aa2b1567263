"""The start: gunicorn, with gevent workers, as the settings say.

Nothing of the app is imported here. Each worker imports it after gevent has replaced threads and sockets by its own: the
thread locals of bottle and peewee must be gevent's.
"""

import gc
import logging
import resource
import socket
import sys
from pathlib import Path

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

import config

CONNECTIONS = 10_000  # that a worker keeps at once; a page that plays or watches holds one
GARBAGE = 20_000, 20, 20  # objects, and younger generations, after which one looks for cycles: requests leave none


class Server(BaseApplication):
    """gunicorn's arbiter with our settings; what it says at its start and stop is left to us."""

    def __init__(self, settings):
        self.settings = settings
        super().__init__()

    def load_config(self):
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options = {
            "bind": f"{host}:{settings.port}",
            "workers": settings.workers,
            "worker_class": "gevent",
            "worker_connections": CONNECTIONS,
            "loglevel": "debug" if settings.log_level == "debug" else "warning",
            "proc_name": "snakepit",
            "control_socket_disable": True,
            "when_ready": _say_where,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self):
        """In the worker, and there only. What only the database's driver can tell of a setting stops the server, too."""
        if self.settings.database_url.startswith("sqlite"):
            sys.modules["psycopg"] = None  # peewee would load it, for nothing: 8 MB
        import service

        try:
            app = service.create_app()
        except config.ConfigError as error:
            print(error, file=sys.stderr, flush=True)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        gc.collect()
        gc.freeze()  # what was imported stays: nobody has to wait while it is looked through for garbage
        gc.set_threshold(*GARBAGE)
        return app


def _say_where(arbiter):
    places = " and ".join(str(listener) for listener in arbiter.LISTENERS)
    print(f"Snakepit is at {places} (Ctrl+C stops it)", flush=True)


def _allow_connections():
    """Each is a file to the system, which by default allows a process fewer than it could."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 1000
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _check_place(settings):
    """gunicorn tries for five seconds where it can't serve, and then says it in a stack trace."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        raise config.ConfigError(
            f"PORT={settings.port}: can't serve at {settings.host}: {error.strerror}; give another PORT or HOST"
        ) from None


def main():
    """Serve until stopped. Returns the exit status: 2, after one line, for a setting that can't be."""
    try:
        settings = config.load()
        _check_place(settings)
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    sys.path.insert(0, str(Path(__file__).parent))
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _allow_connections()
    Server(settings).run()
    return 0
