"""What answers of boards are made of: which boards a query asks for, a page of them, and a player's place."""

import re
from urllib.parse import urlencode

import msgspec

from database.transactions import snapshot
from game import challenges, clock, leaderboards
from rules import MODES
from schemas import PLACE, EntryAnswer, NextRank, Standing, timestamp
from web.problems import BAD_FORMAT, NOT_WITH_CHALLENGE, invalid


def boards_for_query(asked, user=None):
    """The names of the boards that a query asks for, to be read as one: those with the user, where it doesn't say whose."""
    bots = asked.players == "bots" or bool(user and user.bot and not asked.players)
    if asked.challenge is not None:
        return _of_challenge(asked, bots)
    day = asked.at or clock.today()
    return [leaderboards.board_key(mode, asked.period, day, bots) for mode in ([asked.mode] if asked.mode else MODES)]


def _of_challenge(asked, bots):
    if asked.period != leaderboards.ALL:
        raise invalid(("period", NOT_WITH_CHALLENGE, "a challenge has one board, of all its games; leave the period out"))
    name, modes = challenges.standing_names(asked.challenge, asked.mode, asked.at)
    return [leaderboards.challenge_board_key(mode, name, bots) for mode in modes]


@snapshot()
def leaderboard_page(asked, names):
    """A page of boards as JSON, and the Link to the next one, or None."""
    after = leaderboards.FIRST_CURSOR if asked.after is None else _parse_cursor(asked.after)
    rows = leaderboards.entries_after(names, asked.limit + 1, after)
    link = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        onward = msgspec.to_builtins(asked) | {"after": ".".join(map(str, leaderboards.cursor_of(rows[-1])))}
        link = f'<?{urlencode(onward)}>; rel="next"'
    return msgspec.json.encode(entry_answers(names, rows)), link


def _parse_cursor(after):
    """The place that the query's `after` spells, as the Link header gave it."""
    if not re.fullmatch(PLACE, after):
        why = "give what the Link header of the page before has, or nothing for the first page"
        raise invalid(("after", BAD_FORMAT, why))
    return tuple(map(int, after.split(".")))


@snapshot()
def player_standing(names, user):
    """A player's Standing on the boards, as JSON."""
    row = leaderboards.player_entry(names, user.id)
    if not row:
        return msgspec.json.encode(Standing(None, leaderboards.size(names), None, None, []))
    ranks = leaderboards.ranks(names, (row.score, leaderboards.BELOW_ALL))
    rank, size = ranks[row.score], ranks[leaderboards.BELOW_ALL] - 1
    percentile = round(100 * (size - rank + 1) / size, 1)
    around = entry_answers(names, leaderboards.entries_around(names, row))
    return msgspec.json.encode(Standing(rank, size, row.score, percentile, around))


@snapshot()
def next_rank(names, score, user):
    """The NextRank of a score, for a user or None: their own entry is not to beat."""
    own = user and leaderboards.player_entry(names, user.id)
    rank = leaderboards.rank(names, score) - bool(own and own.score > score)
    row = leaderboards.next_entry(names, score, user and user.id)
    return NextRank(rank, entry_answers(names, [row])[0] if row else None)


def entry_answers(names, rows):
    """The EntryAnswers of boards.Rows that follow each other on the boards."""
    return [
        EntryAnswer(
            rank=rank,
            id=f"{row.user_id}.{row.game}",
            username=row.name,
            score=row.score,
            mode=leaderboards.mode_of(row.board),
            timestamp=timestamp(row.at),
            game=row.game if row.verified else None,
            verified=bool(row.verified),
            bot=bool(row.bot),
        )
        for rank, row in leaderboards.with_ranks(names, rows)
    ]
