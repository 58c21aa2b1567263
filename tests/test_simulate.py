"""The simulation of more machines than one has: by the laws that queues obey, and on what the benchmark writes."""

import copy
import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture(scope="module")
def simulate():
    sys.path.insert(0, str(BENCH))
    try:
        import simulate
    finally:
        sys.path.remove(str(BENCH))
    return simulate


@pytest.fixture(scope="module")
def costs(simulate):
    """Those of the benchmark's last figures, on Postgres."""
    results = json.loads((BENCH / "results.json").read_text())
    return simulate.Costs(results["postgres"], results["sqlite"]["whole_games"]["commits"])


def test_a_lone_request_takes_what_it_costs(simulate, costs):
    """Nobody waits where there is almost nobody: its turns, its queries, its round trips and its fsync, on average."""
    alone = {"post": simulate.KINDS["post"]}
    run = simulate.Run(costs, players=20, workers=4, round_trip=0.001, kinds=alone, requests=3000)
    taken = run.latencies["post"]
    wanted = costs.worker["post"] + 4 * costs.query + 4 * 0.001 + costs.fsync
    assert sum(taken) / len(taken) == pytest.approx(wanted, rel=0.05)


def test_a_queue_is_as_long_as_theory_has_it(simulate, costs):
    """One place, durations of one exponential distribution, independent requests: M/M/1's mean is 1 / (mu - lambda)."""
    costs = copy.copy(costs)
    costs.query = 0
    watch = {"watch": simulate.KINDS["watch"]}
    free = 1 / costs.worker["watch"]
    run = simulate.Run(costs, players=round(free / 2), workers=1, kinds=watch, requests=20_000)
    assert sum(run.latencies["watch"]) / len(run.latencies["watch"]) == pytest.approx(2 / free, rel=0.1)


def test_beyond_the_bound_it_takes_ever_longer(simulate, costs):
    bound = costs.bounds(1, 2)["workers"]
    below, beyond = (simulate.Run(costs, bound * share, 1, requests=6000).percentile("post", 0.99) for share in (0.8, 1.3))
    assert below < simulate.PATIENCE < beyond
