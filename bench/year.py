"""The size of a database after a year with 1,000 games a day, before and after removal and vacuum.

    python bench/year.py [DAYS] [GAMES A DAY]

Bots' games are distributed to as many players as there are games a day, at times spread over the days until today.
`manage.py rebuild` derives the leaderboards; then the server's background task removes old data.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import rules
from bench import fill
from database import migrations
from database.binding import bind, database
from database.connect import connect
from game import clock, codec, leaderboards
from models import Entry, Game, ScoreHistogram
from operations import maintenance

DAY = fill.DAY


def main(days=730, a_day=1000, keep_days=30):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/year.db"
        database = connect(f"sqlite:///{path}")
        with bind(database):
            migrations.migrate()
            make(database, days, a_day)
            show(f"{days} days with {a_day:,} games each", path)
            for words, keep in (("closed leaderboards", None), (f"and KEEP_GAMES_DAYS={keep_days}", keep_days)):
                removal, began, steps, longest = maintenance.Removal(30, keep), time.perf_counter(), 0, 0
                has_more = True
                while has_more:
                    step = time.perf_counter()
                    has_more = removal()
                    steps, longest = steps + 1, max(longest, time.perf_counter() - step)
                took = time.perf_counter() - began
                maintenance.vacuum(path)
                show(f"{words}: {removal.removed['entries']:,} entries and {removal.removed['games']:,} games removed", path)
                print(f"  {steps:,} steps, {took:.1f} s in all, the longest {1000 * longest:.0f} ms")
        database.close_all()


def make(database, days, a_day):
    chance, repertory, now = random.Random(1), fill.repertoire(), clock.now()
    columns = "id name name_key password created_at bot"
    people = ((n, f"Player{n}", f"player{n}", "x", now - days * DAY, False) for n in range(1, a_day + 1))
    fill.write(database, "users", columns, people)

    def rows():
        for number in range(days * a_day):
            mode, seed, turns, tick, score, outcome, lasted = chance.choice(repertory)
            at = now - int(chance.random() * days * DAY)
            begun = (f"{number:012}", chance.randint(1, a_day), mode, rules.RULES, seed, True, True, at - lasted, at, at)
            yield *begun, outcome, tick, score, codec.encode_turns(turns), None, None

    fill.write(database, "games", fill._GAME_COLUMNS, rows())
    leaderboards.rebuild_all()


def show(words, path):
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    counts = {table._meta.table_name: table.select().count() for table in (Game, Entry, ScoreHistogram)}
    size = Path(path).stat().st_size / 1e6
    print(f"{words}: {size:.0f} MB;", ", ".join(f"{count:,} {name}" for name, count in counts.items()), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
