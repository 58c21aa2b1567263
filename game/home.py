"""What the start screen shows, in one response that is the same for everybody and built at most every other second."""

import msgspec

from database.transactions import snapshot
from game import daily, leaderboard_pages, leaderboards, live, records, score_histogram
from game.challenges import ends_at, hidden_now
from game.clock import today
from models import now
from rules import MODES
from schemas import BestGame, Home, HomeDaily, timestamp

LASTS = 2000  # milliseconds for which live games are not looked for again
LIVE = 6  # games that are being played
TOP = 5  # entries of each leaderboard
CANDIDATES = 3  # entries of a leaderboard, among which a game is looked for that is short enough


def show(kept, secret):
    """Return the Home as JSON. `kept`, a keeping.Kept, has it until it is too old, or a score changes what it shows.

    Who gets better on any leaderboard of all times, of a month or of a week gets better on the day's.
    """
    day = today()
    names = [leaderboards.board_key(mode, leaderboards.DAY, day) for mode in MODES]
    names += [leaderboards.challenge_board_key(mode, daily.daily(day)) for mode in MODES]
    return kept.get("home", (now() // LASTS, score_histogram.versions(names)), _home, day, secret)


@snapshot()
def _home(day, secret):
    found = Home(
        live=live.best(LIVE, hidden_now(secret)),
        top={mode: _top(leaderboards.main_board_key(mode)) for mode in MODES},
        daily=HomeDaily(
            number=daily.number(day),
            date=str(day),
            ends_at=timestamp(ends_at(day)),
            players={mode: daily.players(mode, day) for mode in MODES},
        ),
        best_game=_best_game(day),
    )
    return msgspec.json.encode(found)


def _top(name):
    return leaderboard_pages.entry_responses([name], leaderboard_pages.entries_after([name], TOP))


def _best_game(day):
    """Return the BestGame of the day, or of as long as it takes to find one, people's before bots'; None if there is none.

    Games of challenges are on none of these leaderboards, so that no hidden one can be among them.
    """
    for bots in (False, True):
        for period in reversed(leaderboards.PERIODS):
            names = [leaderboards.board_key(mode, period, day, bots) for mode in MODES]
            for row in leaderboard_pages.entries_after(names, CANDIDATES):
                if row.verified and (record := _short_record(row.game_id)):
                    return _with_period(record, period)
    return None


def _short_record(game_id):
    """Return the GameRecord of a game that is over, or None if it has too many turns, or is gone."""
    game = records.get_game_or_none(game_id, brief=True)
    return None if game is None or game.turns is None else records.record(game, 0, None)


def _with_period(record, period):
    return BestGame(period=period, **{name: getattr(record, name) for name in record.__struct_fields__})
