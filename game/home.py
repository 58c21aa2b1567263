"""What the start screen shows, in one response that is the same for everybody, built every two seconds at most."""

import msgspec

from database.transactions import snapshot
from game import daily, leaderboard_pages, leaderboards, live, records, score_histogram
from game.challenges import ends_at, hidden_now
from game.clock import today
from models import now
from rules import MODES
from schemas import BestGame, Home, HomeDaily, timestamp

LIFETIME = 2000  # milliseconds: how old the live games may be
LIVE = 6  # games that are being played
TOP = 5  # entries of each leaderboard
CANDIDATES = 3  # entries of a leaderboard, of which the first with a short enough game is shown


def show(cache, secret):
    """Return the Home as JSON. `cache` has it until it is LIFETIME old, or a score changes what it shows.

    A score that changes a leaderboard of all times, of a month or of a week changes the day's, too.
    """
    day = today()
    boards = [leaderboards.board_key(mode, leaderboards.DAY, day) for mode in MODES]
    boards += [leaderboards.challenge_board_key(mode, daily.daily(day)) for mode in MODES]
    return cache.get("home", (now() // LIFETIME, score_histogram.versions(boards)), _home, day, secret)


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


def _top(board):
    return leaderboard_pages.entry_responses([board], leaderboard_pages.entries_after([board], TOP))


def _best_game(day):
    """Return the BestGame of the day, or of the shortest period that has one, people's before bots', or None.

    Games of challenges are on none of these leaderboards, so no hidden game can be among them.
    """
    for bots in (False, True):
        for period in reversed(leaderboards.PERIODS):
            boards = [leaderboards.board_key(mode, period, day, bots) for mode in MODES]
            for row in leaderboard_pages.entries_after(boards, CANDIDATES):
                if row.verified and (record := _short_record(row.game_id)):
                    return BestGame(period=period, **msgspec.structs.asdict(record))
    return None


def _short_record(game_id):
    """Return the GameRecord of a game that is over, or None if it has too many turns, or was deleted."""
    game = records.get_game_or_none(game_id, brief=True)
    return None if game is None or game.turns is None else records.record(game, 0, None)
