"""The days of daily challenges."""

from datetime import UTC, datetime, timedelta

import models
from models import Attempt, Entry, Game, ScoreHistogram
from rules import MODES


def today():
    return datetime.fromtimestamp(models.now() / 1000, UTC).date()


def yesterday():
    return today() - timedelta(days=1)


def a_day_passes():
    """As if all daily games so far had been played a day earlier."""
    a_day = 86_400_000
    times = {
        "started_at": Game.started_at - a_day,
        "last_post_at": Game.last_post_at - a_day,
        "ended_at": Game.ended_at - a_day,
    }
    Game.update(challenge=f"daily/{yesterday()}", seed=1, **times).where(Game.challenge == f"daily/{today()}").execute()
    for mode in MODES:
        for model in (Entry, ScoreHistogram):
            board = f"{mode}/daily/{today()}"
            model.update(board=f"{mode}/daily/{yesterday()}").where(model.board == board).execute()
    Attempt.update(challenge=f"daily/{yesterday()}").execute()
