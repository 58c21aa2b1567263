"""Fills a database with players who have each played a real game.

A few bots play, and their games are distributed to the players at times spread over a year. The rows, with the entries and
histograms of all leaderboards, are those that the server would have written one by one.
"""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import models
import rules
from accounts import passwords
from accounts.sessions import Sessions
from database import migrations
from database.binding import bind, is_sqlite
from database.connect import connect
from examples import bot
from game import codec, leaderboards, score_histogram

CACHE = Path(__file__).parent / "cache"
SECRET_KEY = "only for the benchmark's databases"
PASSWORD = "only for the benchmark"
GAMES = 240  # different games
ASKED = 1000  # players with a session, at all ranks
DAY = 86_400_000  # milliseconds
CHUNK = 50_000  # rows per statement


def repertoire():
    """Return the bots' games [mode, seed, turns, tick, score, outcome, milliseconds], stored between runs."""
    path = CACHE / "games.json"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        path.write_text(json.dumps([_play(random.Random(seed), seed) for seed in range(1, GAMES + 1)]))
    return json.loads(path.read_text())


def _play(chance, seed):
    game, turns = rules.Game(seed, rules.MODES[seed % 2]), []
    careless = chance.choice((0.01, 0.02, 0.04))
    while not game.outcome:
        heading = chance.choice(rules.HEADINGS) if chance.random() < careless else bot.choose(game)
        if heading not in (game.heading, rules.OPPOSITE[game.heading]):
            turns.append([game.ticks + 1, heading])
        game.advance(turns[-1:], game.ticks + 1)
    return [game.mode, seed, turns, game.ticks, game.score, game.outcome, game.nominal_ms]


def fill(url, players):
    """Fill an empty database. `token(number)` returns the token of a player that has a session."""
    db = connect(url)
    with bind(db):
        migrations.migrate()
        indexes = _drop_indexes(db)
        for table, columns, rows in _tables(players):
            write(db, table, columns, rows)
        for statement in indexes:
            db.execute_sql(statement)
        if not is_sqlite():
            db.execute_sql(f"SELECT setval(pg_get_serial_sequence('users', 'id'), {players})")
        db.execute_sql("ANALYZE")
    db.close_all()


def token(number):
    return f"token-{number}"


def _tables(players):
    """Return (table, columns, rows) of everything to write."""
    now, chance, repertory = models.now(), random.Random(1), repertoire()
    dealt = [(chance.randrange(len(repertory)), now - _ago(chance)) for _ in range(players)]
    hashed = passwords.Hasher(4).hash(PASSWORD)
    yield (
        "users",
        "id name name_key password created_at bot",
        ((n, f"Player{n}", f"player{n}", hashed, now - 365 * DAY, False) for n in range(1, players + 1)),
    )
    yield "games", _GAME_COLUMNS, (_game_row(n, repertory[g], at) for n, (g, at) in enumerate(dealt, 1))
    tallies = Counter()
    yield "entries", "board user_id score at game_id verified", _entries(dealt, repertory, tallies)
    yield "tallies", "board level bucket number", ((*key, number) for key, number in tallies.items())
    yield "sessions", SESSION_COLUMNS, sessions_of(Sessions(SECRET_KEY, 30), asked(players), now)


def asked(players):
    """Return the players that have a session."""
    return range(1, players + 1, max(1, players // ASKED))


SESSION_COLUMNS = "token_hash user_id created_at expires_at"


def sessions_of(sessions, players, now):
    return ((sessions.hashed(token(n)), n, now, now + 3650 * DAY) for n in players)


def _ago(chance):
    """Return how long ago a game ended, in milliseconds: every third game within a week."""
    return int(chance.random() ** 2 * (7 if chance.random() < 1 / 3 else 365) * DAY)


_GAME_COLUMNS = (
    "id user_id mode rules seed verified ranked started_at seen_at ended_at outcome tick score turns state challenge"
)


def game_id(number):
    return f"{number:012}"


def _game_row(number, game, at):
    mode, seed, turns, tick, score, outcome, lasted = game
    packed = _PACKED.setdefault(seed, codec.encode_turns(turns))
    row = (game_id(number), number, mode, rules.RULES, seed, True, True, at - lasted, at, at)
    return *row, outcome, tick, score, packed, None, None


_PACKED = {}


def _entries(dealt, repertory, tallies):
    """Yield the rows of the entries, and count them in `tallies`."""
    for number, (game, at) in enumerate(dealt, 1):
        mode, score = repertory[game][0], repertory[game][4]
        day = datetime.fromtimestamp(at / 1000, UTC).date()
        for period in leaderboards.PERIODS:
            name = leaderboards.board_key(mode, period, day)
            tallies[name, score_histogram.FINE, score] += 1
            tallies[name, score_histogram.COARSE, score // score_histogram.BUCKET_WIDTH] += 1
            tallies[name, score_histogram.VERSION, 0] = 1
            yield name, number, score, at, game_id(number), True


def _drop_indexes(db):
    """Drop the indexes, for speed. Return the statements that create them again."""
    if is_sqlite():
        found = db.execute_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    else:
        found = db.execute_sql(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)"
        ).fetchall()
    for name, _ in found:
        db.execute_sql(f'DROP INDEX "{name}"')
    return [statement for _, statement in found]


def write(db, table, columns, rows):
    """Write the rows, tuples in the order of the columns."""
    names = columns.split()
    rows = iter(rows)
    if is_sqlite():
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        while chunk := list(islice(rows, CHUNK)):
            with db.atomic():
                db.connection().executemany(statement, chunk)
        return
    with db.atomic(), db.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
