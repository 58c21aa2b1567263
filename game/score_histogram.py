"""How many players of a board have which score: a histogram, from which ranks follow.

A rank is one more than the number of better scores. They are counted in two levels of buckets, FINE ones of one score and
COARSE ones of BUCKET_WIDTH scores, so that few rows are summed up however many players there are.

The level VERSION counts the changes of anything that a board shows. What was read from a board is valid as long as its
version is the same, whichever process changes it.
"""

from peewee import EXCLUDED, Entity, Select, fn

from database.binding import is_sqlite
from database.queries import compiled, insert_rows, literal, lookup, params, rows
from models import ScoreHistogram

FINE, COARSE, VERSION = range(3)  # levels
BUCKET_WIDTH = 512  # scores in a bucket of COARSE
BELOW_ALL = -1  # a score that everybody has beaten


def count_entries(changes):
    """Add `changes`, (board, score, more players), to the histogram, and bump the boards' versions."""
    counts = {}
    for board, score, players in changes:
        for key in ((board, FINE, score), (board, COARSE, score // BUCKET_WIDTH)):
            counts[key] = counts.get(key, 0) + players
        counts[board, VERSION, 0] = 1
    _add(counts)


def bump_versions(boards):
    """Change the versions of some boards."""
    _add(dict.fromkeys(((board, VERSION, 0) for board in boards), 1))


def _add(counts):
    """Add {(board, level, bucket): count} to the histogram.

    In the order of their keys, so that two transactions on Postgres can't deadlock.
    """
    insert_rows(_add_counts.later, [(*key, count) for key, count in sorted(counts.items()) if count])


@compiled
def _add_counts(number):
    key = ScoreHistogram.board, ScoreHistogram.level, ScoreHistogram.bucket
    total = ScoreHistogram.count + EXCLUDED.number
    insert = ScoreHistogram.insert_many(rows("rows", number, 4), [*key, ScoreHistogram.count])
    return insert.on_conflict(conflict_target=key, update={ScoreHistogram.count: total}).returning()


def versions(boards):
    """Return the boards' versions, as one value to compare. Read it before what is to be cached."""
    return sorted(_versions(len(boards), boards=boards).fetchall())


@lookup
def _versions(number):
    # If a copy takes the database's place while servers run, counts go back. But the transaction that wrote the row, and the
    # table's own number, are others then; in SQLite the file is another.
    columns = [] if is_sqlite() else [Entity("xmin").cast("text"), Entity("tableoid")]
    is_version = ScoreHistogram.board.in_(params("boards", number)), ScoreHistogram.level == literal(VERSION)
    return ScoreHistogram.select(ScoreHistogram.board, ScoreHistogram.count, *columns).where(*is_version)


def rank(boards, score):
    """Return the rank that a score has, or would have, on boards that are read as one."""
    return ranks(boards, (score,))[score]


def rank_later(board, score):
    """Within a transaction, read the rank on a board. Return a function that returns it, also after the transaction."""
    better = _count_better.later(1, bounds=_bounds(board, score))
    return lambda: 1 + better.fetchone()[0]


def size(boards):
    """Return how many entries the boards have."""
    return rank(boards, BELOW_ALL) - 1


def ranks(boards, scores):
    """Return {score: the rank that it has, or would have}; that of BELOW_ALL is one more than there are entries."""
    found = dict.fromkeys(scores, 1)
    for board in boards:
        bounds = [bound for score in found for bound in _bounds(board, score)]
        for score, better in zip(found, _count_better(len(found), bounds=bounds).fetchone(), strict=True):
            found[score] += better
    return found


def _bounds(board, score):
    bucket = score // BUCKET_WIDTH
    return board, bucket, board, score, (bucket + 1) * BUCKET_WIDTH


@compiled
def _count_better(number):
    bounds = iter(params("bounds", 5 * number))
    bucket = ScoreHistogram.bucket
    return Select(
        columns=[
            _total(_in(next(bounds), COARSE), bucket > next(bounds))
            + _total(_in(next(bounds), FINE), bucket > next(bounds), bucket < next(bounds))
            for _ in range(number)
        ]
    )


def _total(level, *conditions):
    return fn.COALESCE(ScoreHistogram.select(fn.SUM(ScoreHistogram.count)).where(*level, *conditions), literal(0))


def _in(board, level):
    return ScoreHistogram.board == board, ScoreHistogram.level == literal(level)
