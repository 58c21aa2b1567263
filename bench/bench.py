"""The benchmark: `make bench`, or `python bench/bench.py --help`.

Figures are relative to a yardstick, a bare Bottle application behind the same server. The two are measured in turns, and the
median of the rounds' ratios counts. wrk generates the load, with one thread and 16 connections.
"""

import argparse
import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests_integration"))
sys.path.insert(0, str(Path(__file__).parent.parent))

import chart
import fill
from databases import FEW, Databases, Yardstick, postgres, served
from load import Load
from rows import OTHERS, Bench

ROOT = Path(__file__).parent.parent

ROWS = {  # name: (description, goal for the ratio)
    "round_trip": ("a bare query on Postgres", None),
    "board_of_few": ("a board, 1,000 players", 0.8),
    "board_of_many": ("a board, 1,000,000 players: beside 1,000", 0.9),
    "board_first_read": ("a page never asked for, 1,000,000 players", None),
    "me": ("one's own rank, 1,000,000 players", 0.5),
    "me_worst": ("the worst rank, beside the best", 0.9),
    "turns": ("a second of play posted", 0.35),
    "whole_games": ("a game of 300 ticks posted at once", 0.2),
    "active": ("the active games, 200 running", 0.3),
    "watching": ("what is new of a watched game", None),
    "room_unchanged": ("a room of 200 that has not changed", 0.5),
    "room_changed": ("a room of 200 that has changed", 0.2),
    "standings": ("the standings of 200 in a round", 0.2),
    "capacity": ("the requests of the largest crowd whose p99 is under 150 ms", 0.5),
}


def main():
    options = command_line().parse_args()
    if not shutil.which("wrk"):
        sys.exit("There is no wrk, which makes the load. Install it (apt-get install wrk).")
    fill.CACHE.mkdir(exist_ok=True)
    with ExitStack() as stack:
        results = {"sqlite": measure(Databases(), options)} if "sqlite" in options.databases else {}
        if "postgres" in options.databases:
            results["postgres"] = measure(Databases(stack.enter_context(postgres())), options)
    print("\n".join(table(results)))
    if not options.only:
        (ROOT / "bench" / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        (ROOT / "docs" / "bench.svg").write_text(chart.draw(results, ROWS))


def table(results):
    """Return the lines of a Markdown table of the ratios."""
    yield f"| what | {' | '.join(chart.NAMES[database] for database in results)} | goal on SQLite |"
    yield f"| --- |{' --- |' * len(results)} --- |"
    for name, (what, goal) in ROWS.items():
        ratios = [f"{found[name]['ratio']:.2f}" if name in found else "" for found in results.values()]
        if any(ratios):
            yield f"| {what} | {' | '.join(ratios)} | {goal or ''} |"


def measure(databases, options):
    found = {}
    wanted = options.only or [*ROWS, *OTHERS]
    with databases.copy(FEW) as url, served(url, Yardstick) as standard:
        bench = Bench(databases, Load(standard.url, "/"))
        for name in wanted if databases.postgres else [name for name in wanted if name != "round_trip"]:
            found[name] = getattr(bench, name)() if name in ROWS else OTHERS[name](databases)
            print(f"{'postgres' if databases.postgres else 'sqlite':9} {name:18} {json.dumps(found[name])}", flush=True)
    return found


def command_line():
    parser = argparse.ArgumentParser(description="Measures the server beside a bare Bottle application.")
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--only", nargs="+", choices=[*ROWS, *OTHERS])
    return parser


if __name__ == "__main__":
    main()
