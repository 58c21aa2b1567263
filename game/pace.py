"""The pace of a game: it can't run faster than time, and one that runs much slower is not ranked."""

import math

from game import codec
from web.problems import TOO_FAST, invalid

EARLY_ALLOWANCE_MS = 1000  # by which a post may come early
SPEED_TOLERANCE = 1.02  # how much faster than its tick lengths a game may run
SLOWNESS_TOLERANCE = 1.1  # how much slower, beside the pause budget
BUDGET_AT_START_MS, BUDGET_GROWTH = 10_000, 1 / 4  # of the pause budget; the second is a ratio to the tick lengths


class Pace:
    """The limits of an app's games; `pause_budget` is in seconds, None where the pace is not enforced."""

    def __init__(self, pause_budget):
        self.budget = None if pause_budget is None else pause_budget * 1000

    def check(self, nominal_ms, elapsed):
        """Raise a 422 Problem if ticks of `nominal_ms` can't have been played in `elapsed` milliseconds."""
        if self.budget is not None and nominal_ms > elapsed * SPEED_TOLERANCE + EARLY_ALLOWANCE_MS:
            why = (
                f"the ticks up to here last {nominal_ms / 1000:.1f} s, and the game began {elapsed / 1000:.1f} s ago;"
                " post it again when its time has come"
            )
            retry_in = {"retry_in": math.ceil(((nominal_ms - EARLY_ALLOWANCE_MS) / SPEED_TOLERANCE - elapsed) / 100) / 10}
            raise invalid(("tick", TOO_FAST, why, retry_in), code=TOO_FAST, params=retry_in)

    def pause_left(self, nominal_ms, elapsed, in_round=False):
        """Return the milliseconds of pausing that are left, negative if overdrawn; None where the pace is not enforced.

        In a round the whole budget is available from the first tick: phones sleep.
        """
        if self.budget is None:
            return None
        budget = self.budget if in_round else min(self.budget, BUDGET_AT_START_MS + nominal_ms * BUDGET_GROWTH)
        return budget + nominal_ms * SLOWNESS_TOLERANCE - elapsed

    def allows(self, nominal_ms, elapsed, in_round=False):
        """Return whether a game that lasted `elapsed` milliseconds was fast enough to be ranked."""
        return self.budget is None or self.pause_left(nominal_ms, elapsed, in_round) >= 0

    def allows_game(self, game):
        """Return whether an open game is fast enough as of its last post."""
        nominal_ms, elapsed = codec.decode_state(game.mode, game.state).nominal_ms, game.last_post_at - game.started_at
        return self.allows(nominal_ms, elapsed, bool(game.round))


def seconds_left(pause_left, ranked):
    """Return `pause_left` for clients: seconds, 0 for a game that isn't ranked, None where the pace is not enforced."""
    if not ranked:
        return 0.0
    return None if pause_left is None else max(0.0, pause_left / 1000)
