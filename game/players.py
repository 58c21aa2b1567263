"""A player's public profile."""

import rules
from accounts import usernames
from database.transactions import snapshot
from game import leaderboard_pages, leaderboards, records, score_histogram
from models import User
from schemas import Best, Player, timestamp
from web.problems import not_found


def get_player(name):
    """Return the User of that name, in any case. Raise 404 if there is none."""
    user = None if "\0" in name else User.get_or_none(User.name_key == usernames.canonical(name))
    if not user:
        raise not_found(f"player {name!r}")
    return user


@snapshot()
def profile(user):
    """Return a Player."""
    return Player(
        username=user.name,
        bot=user.bot,
        joined_at=timestamp(user.created_at),
        games=user.games,
        bests={mode: _best(leaderboards.main_board_key(mode, bots=user.bot), user.id) for mode in rules.MODES},
        latest=records.latest(user.id),
        scores=records.scores(user.id),
    )


def _best(board, user_id):
    entry = leaderboard_pages.player_entry([board], user_id)
    ranks = entry and score_histogram.ranks([board], (entry.score, score_histogram.BELOW_ALL))
    return entry and Best(
        rank=ranks[entry.score],
        of=ranks[score_histogram.BELOW_ALL] - 1,
        score=entry.score,
        game=entry.game_id if entry.verified else None,
        timestamp=timestamp(entry.achieved_at),
    )
