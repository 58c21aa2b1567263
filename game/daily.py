"""The daily challenge as a player sees it: today's, the player's attempt and streak, and yesterday's winner."""

from datetime import date, timedelta

from peewee import ValueLiterals, fn

from database.queries import Param, compiled
from database.transactions import snapshot
from game import leaderboard_pages, leaderboards, score_histogram
from game.challenges import daily, ends_at, first_game
from game.clock import today
from models import Game
from schemas import Daily, DailyAttempt, DailyWinner, timestamp

FIRST = date(2026, 1, 1)  # the day of number 1
A_DAY = timedelta(days=1)


def number(day):
    """Return the number of a datetime.date's challenge."""
    return (day - FIRST).days + 1


def players(mode, day, bots=False):
    """Return how many players have a counted attempt in a mode's challenge of a datetime.date."""
    return score_histogram.size([leaderboards.challenge_board_key(mode, daily(day), bots)])


@snapshot()
def show(mode, user):
    """Return today's Daily of a mode for a user or None; bots see that of bots."""
    day, bots = today(), bool(user and user.bot)
    streak, best_streak = streaks(user.id, day) if user else (0, 0)
    return Daily(
        number=number(day),
        date=str(day),
        ends_at=timestamp(ends_at(day)),
        players=players(mode, day, bots),
        mine=user and _attempt(mode, day, user.id, bots),
        streak=streak,
        best_streak=best_streak,
        yesterday=_winner(mode, day - A_DAY, bots),
    )


def _attempt(mode, day, user_id, bots):
    """Return the user's DailyAttempt, by the first game that they opened on the challenge, or None."""
    game = first_game.first(user=user_id, challenge=daily(day), mode=mode)
    if not game:
        return None
    board = leaderboards.challenge_board_key(mode, daily(day), bots)
    ranks = score_histogram.ranks([board], (game.score - 1, score_histogram.BELOW_ALL))
    size, worse = ranks[score_histogram.BELOW_ALL] - 1, ranks[score_histogram.BELOW_ALL] - ranks[game.score - 1]
    others = size - bool(game.ranked and game.ended_at is not None)
    beaten = round(100 * worse / others, 1) if others else 0.0
    return DailyAttempt(game=game.id, score=game.score, beaten_percent=beaten, counts=bool(game.ranked))


def streaks(user_id, day):
    """Return (streak, best_streak) as of a datetime.date: consecutive days with a counted attempt, in either mode.

    A streak that reached the day before goes on until the day has ended.
    """
    days = {date.fromisoformat(name.partition("/")[2]) for (name,) in _counted(user=user_id).fetchall()}
    best = run = 0
    for at in sorted(days):
        run = run + 1 if at - A_DAY in days else 1
        best = max(best, run)
    last, streak = day if day in days else day - A_DAY, 0
    while last - streak * A_DAY in days:
        streak += 1
    return streak, best


@compiled
def _counted():
    # This is the condition of the index games_daily, which has at most two games a day, however often the user has tried.
    is_daily = ValueLiterals(fn.substr(Game.challenge, 1, 6) == "daily/")
    counted = Game.user == Param("user"), Game.ranked, is_daily, Game.ended_at.is_null(False)
    return Game.select(Game.challenge).where(*counted).distinct()


def _winner(mode, day, bots):
    rows = leaderboard_pages.entries_after([leaderboards.challenge_board_key(mode, daily(day), bots)], 1)
    return DailyWinner(rows[0].name, rows[0].score, rows[0].game_id) if rows else None
