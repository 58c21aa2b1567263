"""Fills a database with very many games of one player, written by the database itself."""

import games
import models
import rules

MINUTE = 60_000  # milliseconds
PRIME = 1_000_000_007  # ids in another order than the games, as ids drawn by chance are

# As many rows as the parameter says, numbered from 1.
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
_GAMES = (
    "INSERT INTO games (id, user_id, mode, rules, seed, verified, ranked, started_at, seen_at, ended_at, outcome,"
    f" tick, score, turns, challenge) {_NUMBERS} SELECT CAST('f' || (CAST(n AS BIGINT) * 7919 % {PRIME}) AS VARCHAR(16)),"
    f" ?, ?, 1, n, ? = 1, ? = 1, CAST(? AS BIGINT) - n * {MINUTE}, CAST(? AS BIGINT) - n * {MINUTE} + 30000,"
    f" CAST(? AS BIGINT) - n * {MINUTE} + 30000, 'wall', 150, n % 300 * 10, ?, {{challenge}} FROM numbers"
)


def fill(url, user_id, number, mode=rules.WALLS, ranked=True, challenge="NULL"):
    """Add so many games, which ended one a minute until now, with 20 turns each. `challenge` is SQL, of the number `n`."""
    import connections

    database = connections.connect(url)
    turns = games.pack_turns([(3 * turn, "RU"[turn % 2]) for turn in range(1, 21)])
    now = models.now()
    try:
        with models.using(database), database.atomic():
            models.sql(_GAMES.format(challenge=challenge), number, int(user_id), mode, 1, int(ranked), now, now, now, turns)
    finally:
        database.close_all()
