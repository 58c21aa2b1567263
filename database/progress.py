"""Progress: whether the database still answers anybody, or hangs."""

import time

LOOKS, PAUSE = 4, 0.05  # looks, and seconds before each: a busy event loop takes about three rounds for a transaction


class Progress:
    """Notes when work was completed; without any for `patience` seconds, the database hangs."""

    def __init__(self, patience):
        self._patience = patience
        self._at, self._hung_at = 0, None  # of the latest work, and of that after which the database hung

    def note(self):
        """Note that work was completed, or that somebody begins to wait where nobody did."""
        self._at = time.monotonic()

    def has_stopped(self):
        """Return whether the database hangs; this takes a moment.

        An event loop that was busy, such as with hundreds of new connections, has not looked at the answers that arrived
        meanwhile. So it goes round a few times first.
        """
        at = self._at
        if time.monotonic() - at <= self._patience:
            return False
        if self._hung_at != at:
            for _ in range(LOOKS):
                time.sleep(PAUSE)
                if self._at != at:
                    return False
            self._hung_at = at
        return True
