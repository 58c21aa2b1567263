"""What anybody may see of a player."""

import accounts
import boards
import games
import rules
from models import User
from problems import not_found
from schemas import Best, Player, timestamp


def find(name):
    """The user of that name, whatever its case, or 404."""
    user = None if "\0" in name else User.get_or_none(User.name_key == accounts.key(name))
    if not user:
        raise not_found(f"player {name!r}")
    return user


def page(user):
    return Player(
        username=user.name,
        joined_at=timestamp(user.created_at),
        games=games.count(user.id),
        bests={mode: _best(mode, user.id) for mode in rules.MODES},
        latest=games.latest(user.id),
        scores=games.scores(user.id),
    )


def _best(mode, user_id):
    names = [boards.current(mode, boards.ALL)]
    entry = boards.entry(names, user_id)
    return entry and Best(
        rank=boards.rank(names, entry.score),
        of=boards.size(names),
        score=entry.score,
        game=entry.game if entry.verified else None,
        timestamp=timestamp(entry.at),
    )
