"""Gives a player very many games, written by the database itself."""

import rules
from database.binding import database
from game import codec, leaderboards
from models import Game, User, now

MINUTE = 60_000  # milliseconds
PRIME = 1_000_000_007  # ids come in another order than the games, as those do that are drawn by chance


def _remainder(number, divisor):
    """In SQL that both databases take; psycopg has another use for the percent sign."""
    return f"({number} - {number} / {divisor} * {divisor})"


# As many rows as the parameter says, numbered from 1.
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
_ID = f"CAST('f' || {_remainder('n * 7919', PRIME)} AS VARCHAR(16))"
_GAMES = (
    "INSERT INTO games (id, user_id, mode, rules, seed, verified, ranked, started_at, seen_at, ended_at, outcome,"
    f" tick, score, turns, challenge) {_NUMBERS} SELECT {_ID}, ?, ?, 1, n, ? = 1, ? = 1,"
    f" CAST(? AS BIGINT) - n * {MINUTE}, CAST(? AS BIGINT) - n * {MINUTE} + 30000,"
    f" CAST(? AS BIGINT) - n * {MINUTE} + 30000, 'wall', 150, {_remainder('n', 300)} * 10, ?, {{challenge}} FROM numbers"
)
TURNS = [(3 * turn, "RU"[turn % 2]) for turn in range(1, 21)]


def fill(user, number, mode=rules.WALLS, challenge="NULL"):
    """Give a user, as an Api has it, so many games: one a minute until now. `challenge` is SQL, of the number `n`.

    With as many challenges as games, the player has as many entries.
    """
    user_id, at = int(user["id"]), now()
    with database.atomic():
        parameters = number, user_id, mode, 1, 1, at, at, at, codec.encode_turns(TURNS)
        database.execute_sql(_GAMES.format(challenge=challenge).replace("?", database.param), parameters)
        User.update(games=User.games + number).where(User.id == user_id).execute()
        leaderboards.rebuild_player(user_id)


def make_long(game_id, turns, ticks):
    """Make a game so long that nobody could play it: only to be read."""
    packed = codec.encode_turns([(tick, rules.HEADINGS[tick % 4]) for tick in range(1, turns + 1)])
    Game.update(turns=packed, tick=ticks).where(Game.id == game_id).execute()
