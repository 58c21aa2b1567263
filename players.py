"""What anybody may see of a player."""

import boards
import games
import names
import rules
from models import User, snapshot
from problems import not_found
from schemas import Best, Player, timestamp


def find(name):
    """The user of that name, whatever its case, or 404."""
    user = None if "\0" in name else User.get_or_none(User.name_key == names.key(name))
    if not user:
        raise not_found(f"player {name!r}")
    return user


@snapshot()
def page(user):
    return Player(
        username=user.name,
        bot=user.bot,
        joined_at=timestamp(user.created_at),
        games=user.games,
        bests={mode: _best(boards.main(mode, bots=user.bot), user.id) for mode in rules.MODES},
        latest=games.latest(user.id),
        scores=games.scores(user.id),
    )


def _best(board, user_id):
    entry = boards.entry([board], user_id)
    ranks = entry and boards.ranks([board], (entry.score, boards.NONE))
    return entry and Best(
        rank=ranks[entry.score],
        of=ranks[boards.NONE] - 1,
        score=entry.score,
        game=entry.game if entry.verified else None,
        timestamp=timestamp(entry.at),
    )
