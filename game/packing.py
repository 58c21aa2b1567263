"""The form in which the turns of new games are stored; see codec.py."""

from game import codec
from models import Secret, now

FROM = "packed_turns_from"  # the name under which a migration has stored the time; see migrations/0015_packed_turns.py


class Packing:
    """Servers of an earlier version, which can't read packed turns, may run for a while after the database is migrated."""

    def __init__(self):
        self._is_on = False

    def is_on(self):
        """Return whether new games have packed turns: by then no server of an earlier version runs."""
        if not self._is_on:
            begins = Secret.find(FROM)  # none: the database is new
            self._is_on = begins is None or int(begins) <= now()
        return self._is_on

    def no_turns(self):
        """Return the encoded turns of a game that begins."""
        return codec.PACKED if self.is_on() else b""
