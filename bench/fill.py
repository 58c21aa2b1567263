"""Fills a database with players who have played real games: one each, or so many in all.

A few bots play, and their games are distributed to the players at times spread over a year. The rows, with the entries and
histograms of all leaderboards, are those that the server would have written one by one.

    python bench/fill.py URL PLAYERS [GAMES]
"""

import base64
import json
import random
import sys
import time
from array import array
from collections import Counter, namedtuple
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate, groupby, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

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
ODD = 0x9E3779B97F4A7C15F3  # of game ids: different numbers have different products


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


def fill(url, players, games=None, between=lambda: None):
    """Fill an empty database. `token(number)` returns the token of a player that has a session.

    Without `games` each player has played one. `between()` is called before each CHUNK of rows.
    """
    db = connect(url)
    with bind(db):
        migrations.migrate()
        indexes = _drop_indexes(db)
        for table, columns, rows in _tables(players, games):
            write(db, table, columns, rows, between)
        for statement in indexes:
            between()
            db.execute_sql(statement)
        if not is_sqlite():
            db.execute_sql(f"SELECT setval(pg_get_serial_sequence('users', 'id'), {players})")
            db.execute_sql("ANALYZE")  # as autovacuum does; SQLite's tables are never analysed
    db.close_all()


def token(number):
    return f"token-{number}"


def _tables(players, games):
    """Return (table, columns, rows) of everything to write."""
    now, chance, repertory = models.now(), random.Random(1), repertoire()
    dealt = _deal_one_each(players, chance, now) if games is None else _deal(players, games, chance, now)
    played = Counter(dealt.players)
    hashed = passwords.Hasher(4).hash(PASSWORD)
    yield (
        "users",
        "id name name_key password created_at bot games",
        ((n, f"Player{n}", f"player{n}", hashed, now - 365 * DAY, False, played[n]) for n in range(1, players + 1)),
    )
    yield "games", _GAME_COLUMNS, (_game_row(n, *game, repertory) for n, game in enumerate(zip(*dealt, strict=True), 1))
    tallies = Counter()
    yield "entries", "board user_id score at game_id verified", _entries(dealt, repertory, tallies)
    yield "tallies", "board level bucket number", ((*key, number) for key, number in tallies.items())
    yield "sessions", SESSION_COLUMNS, sessions_of(Sessions(SECRET_KEY, 30), asked(players), now)


# Who has played which game of the repertoire, and when it ended: a value for each game.
Dealt = namedtuple("Dealt", "players games times")


def _deal_one_each(players, chance, now):
    dealt = [(chance.randrange(GAMES), now - _ago(chance)) for _ in range(players)]
    return Dealt(range(1, players + 1), *zip(*dealt, strict=True))


def _deal(players, games, chance, now):
    """Deal games in the order of their times, evenly over a year. Some players have played far more than others."""
    weights = list(accumulate(1 / (n + 50) for n in range(players)))
    everybody = range(1, players + 1)
    chosen = array("l", chance.choices(everybody, cum_weights=weights, k=games))
    times = (now - 365 * DAY + n * 365 * DAY // games for n in range(games))
    return Dealt(chosen, array("h", chance.choices(range(GAMES), k=games)), array("q", times))


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
    """Return the id of a game: in no order, as those that are drawn by chance."""
    return base64.urlsafe_b64encode((number * ODD % 2**72).to_bytes(9)).decode()


def _game_row(number, player, game, at, repertory):
    mode, seed, turns, tick, score, outcome, lasted = repertory[game]
    packed = _PACKED.setdefault(seed, codec.encode_turns(turns))
    row = (game_id(number), player, mode, rules.RULES, seed, True, True, at - lasted, at, at)
    return *row, outcome, tick, score, packed, None, None


_PACKED = {}


def _entries(dealt, repertory, tallies):
    """Yield the rows of the entries, player by player, and count them in `tallies`."""
    scores = [(mode, score) for mode, _, _, _, score, *_ in repertory]
    order = sorted(range(len(dealt.players)), key=dealt.players.__getitem__)  # by player, and then by time
    for player, numbers in groupby(order, key=dealt.players.__getitem__):
        best = {}
        for number in numbers:
            mode, score = scores[dealt.games[number]]
            for name in _boards(mode, dealt.times[number] // DAY):
                if name not in best or score > best[name][0]:
                    best[name] = score, number
        for name, (score, number) in sorted(best.items()):
            tallies[name, score_histogram.FINE, score] += 1
            tallies[name, score_histogram.COARSE, score // score_histogram.BUCKET_WIDTH] += 1
            tallies[name, score_histogram.VERSION, 0] = 1
            yield name, player, score, dealt.times[number], game_id(number + 1), True


@cache
def _boards(mode, days):
    """Return the keys of a mode's boards so many days after the epoch."""
    day = datetime.fromtimestamp(days * DAY / 1000, UTC).date()
    return [leaderboards.board_key(mode, period, day) for period in leaderboards.PERIODS]


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


def write(db, table, columns, rows, between=lambda: None):
    """Write the rows, tuples in the order of the columns."""
    names = columns.split()
    rows = iter(rows)
    if is_sqlite():
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        while chunk := list(islice(rows, CHUNK)):
            between()
            with db.atomic():
                db.connection().executemany(statement, chunk)
        return
    with db.atomic(), db.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for number, row in enumerate(rows):
            if number % CHUNK == 0:
                between()
            copy.write_row(row)


def _main(url, players, games=None):
    began = time.monotonic()
    fill(url, int(players), games and int(games))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    _main(*sys.argv[1:])
