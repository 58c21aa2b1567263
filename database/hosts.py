"""The servers of a Postgres: which of them to connect to, and for how long to try.

DATABASE_URL may name several. One at a time accepts writes, the primary; the others are its standbys. psycopg would try them
in the order of the URL, each for as long as an only one, so that a machine that is gone could take a request's whole time.
"""

import logging
from contextlib import suppress

import psycopg

from database import errors
from database.deadlines import deadline, seconds_left

LISTS = "host", "hostaddr", "port"  # libpq's options with an item for each server
OF_PRIMARY = "read-write", "primary"  # values of target_session_attrs
SET_ON_OTHERS = b"in_hot_standby", b"default_transaction_read_only"  # Postgres 14 and later report each change of these

log = logging.getLogger("snakepit")


class Hosts:
    """The servers in libpq's options, and the generation of the connections to them.

    If a connection is lost, or another server has become the primary, those that were opened before are not used again.
    """

    def __init__(self, options, close_idle):
        """`close_idle()` closes the connections that are not in use."""
        lists = {name: str(options[name]).split(",") for name in LISTS if options.get(name)}
        count = max(map(len, lists.values()), default=1)
        self._servers = [{name: items[n % len(items)] for name, items in lists.items()} for n in range(count)]
        self._close_idle = close_idle
        self._primary = None  # the server that the connections lead to
        self._silent = []  # servers that did not answer in time
        self.wants_primary = options.get("target_session_attrs") in OF_PRIMARY
        self.generation = 0

    def connect(self, connect, **options):
        """Return the connection `connect(**options)` to the primary, or to what else the options ask for.

        Each server has its share of the time until the deadline. Those that were silent come last.
        """
        if not self.wants_primary:
            return connect(**options)
        failures = []
        servers = sorted(self._servers, key=self._order)
        for number, server in enumerate(servers):
            left = seconds_left()
            if left == 0:
                break
            with deadline(left and left / (len(servers) - number)):
                try:
                    connection = connect(**options | server)
                except psycopg.OperationalError as error:
                    is_silent = isinstance(error, psycopg.errors.ConnectionTimeout) or seconds_left(1) == 0
                    self._note_silence(server, is_silent)
                    failures.append(f"{_name(server)}: {errors.one_line(error)}")
                else:
                    self._connected(server)
                    return connection
        raise psycopg.OperationalError("; ".join(failures) or errors.NO_ANSWER)

    def _order(self, server):
        """Return the server's place among those to try. The latest to be silent is last."""
        is_silent = server in self._silent
        return is_silent and self._silent.index(server) + 1, server != self._primary

    def _connected(self, server):
        self._note_silence(server, False)
        if self._primary not in (None, server):
            log.warning("The database has another primary now: %s", _name(server))
            self._next_generation()
        self._primary = server

    def _note_silence(self, server, is_silent):
        with suppress(ValueError):
            self._silent.remove(server)
        if is_silent:
            self._silent.append(server)

    def _next_generation(self):
        self.generation += 1
        self._close_idle()

    def lose(self, generation, is_silent=False):
        """Note that a connection of the generation was lost, perhaps after the server was silent until the deadline."""
        if generation == self.generation:
            if is_silent and self._primary:
                self._note_silence(self._primary, True)
            self._next_generation()

    def is_current(self, generation, pgconn):
        """Return whether a connection that is returned can be used again."""
        if self.wants_primary and any(pgconn.parameter_status(name) == b"on" for name in SET_ON_OTHERS):
            self.lose(generation)
        return generation == self.generation


def _name(server):
    """Return the host and port of a server for the log."""
    return ":".join(filter(None, (server.get("host") or server.get("hostaddr"), server.get("port"))))
