"""How many players several workers on one Postgres would carry: a simulation of queues, fed with what `make bench` measured.

    python bench/simulate.py [--results FILE] [--workers 1 2] [--cores 2] [--round-trip 0.2]

What it assumes: each worker and each core of Postgres' machine does one thing at a time, first come, first served. A request
is a turn in its worker, then for each of its queries a round trip to Postgres and another turn; what changes something waits
for the disk in the end, where one fsync serves all that wait. Its worker's turns last together as long as one request took
when one worker was saturated, driver included; a query takes Postgres half of what a bare query cost there. Durations
are exponentially distributed, and requests independent. Each player posts once a second, ends a game once a minute, and then
reads a board and the own rank; for each player somebody watches. On how
many machines the workers are makes no difference. Nothing else is there: no load balancer, no autovacuum, no
checkpoint, no lock, no lost packet. So these are upper bounds.
"""

import argparse
import heapq
import itertools
import json
import random
from collections import deque, namedtuple
from pathlib import Path

Kind = namedtuple("Kind", "figure a_second queries commits")  # a_second: by each player, or by who watches them
KINDS = {
    "post": Kind("turns", 1, 4, True),
    "watch": Kind("watching", 1, 1, False),
    "end": Kind("whole_games", 1 / 60, 10, True),
    "board": Kind("board_of_many", 1 / 60, 1, False),
    "rank": Kind("me", 1 / 60, 2, False),
}
CROWD = {name: KINDS[name] for name in ("post", "watch")}  # what bench/crowd.py does
PATIENCE = 0.150  # seconds that the 99th percentile of posts may take
REQUESTS = 40_000  # simulated for each figure
SHORTEST = 2  # seconds simulated, of which the first is not counted
OF_POSTGRES = 0.5  # of a bare query's cost, what is Postgres' and not the driver's


class Costs:
    """Seconds, from the figures of one database in results.json; `fsyncs` is how many a second the disk makes."""

    def __init__(self, figures, fsyncs):
        self.worker = {name: 1 / figures[kind.figure]["rate"] for name, kind in KINDS.items()}
        self.fsync = 1 / fsyncs
        bare = figures.get("round_trip")  # none on SQLite, whose queries are the worker's own
        self.query = OF_POSTGRES * (1 / bare["rate"] - 1 / bare["standard"]) if bare else 0

    def bounds(self, workers, cores, kinds=KINDS):
        """{resource: players at which it would have no rest}"""
        worker = sum(kind.a_second * self.worker[name] for name, kind in kinds.items())
        postgres = sum(kind.a_second * kind.queries * self.query for kind in kinds.values())
        return {"workers": workers / worker} | ({"Postgres' cores": cores / postgres} if postgres else {})


class Station:
    """Does so many things at once; the others wait in a row."""

    def __init__(self, places, together=False):
        self.free, self.together, self.waiting = places, together, deque()

    def take(self, run, duration, then):
        self.waiting.append((duration, then))
        self._begin(run)

    def _begin(self, run):
        if not self.free or not self.waiting:
            return
        self.free -= 1
        begun = [self.waiting.popleft() for _ in range(len(self.waiting) if self.together else 1)]
        run.after(begun[0][0], lambda: self._end(run, begun))

    def _end(self, run, begun):
        self.free += 1
        for _, then in begun:
            then()
        self._begin(run)


class Run:
    """One system under one load; `latencies` of each kind, in seconds, sorted."""

    def __init__(self, costs, players, workers, cores=2, round_trip=0.0, kinds=KINDS, requests=REQUESTS):
        self.costs, self.round_trip, self.kinds, self.random = costs, round_trip, kinds, random.Random(1)
        self.now, self.events, self.numbers = 0.0, [], itertools.count()
        self.workers = [Station(1) for _ in range(workers)]
        self.postgres, self.disk = Station(cores), Station(1, together=True)
        self.latencies = {name: [] for name in kinds}
        self.seconds = max(SHORTEST, requests / players / sum(kind.a_second for kind in kinds.values()))
        for name, kind in kinds.items():
            for _ in range(round(players * kind.a_second * self.seconds)):
                at = self.random.uniform(0, self.seconds)
                self.after(at, lambda name=name: self._request(name, self.random.choice(self.workers)))
        while self.events and self.events[0][0] < 2 * self.seconds:
            self.now, _, event = heapq.heappop(self.events)
            event()
        for found in self.latencies.values():
            found.sort()

    def after(self, seconds, event):
        heapq.heappush(self.events, (self.now + seconds, next(self.numbers), event))

    def _request(self, name, worker):
        kind, began = self.kinds[name], self.now
        queries = kind.queries if self.costs.query else 0
        turn = self.costs.worker[name] / (queries + 1)

        def work(left):
            worker.take(self, self._about(turn), lambda: ask(left))

        def ask(left):
            if left:
                self.after(
                    self.round_trip / 2, lambda: self.postgres.take(self, self._about(self.costs.query), lambda: back(left))
                )
            elif kind.commits and (self.costs.query or name == "end"):  # SQLite's posts wait for no disk
                self.disk.take(self, self.costs.fsync, done)
            else:
                done()

        def back(left):
            self.after(self.round_trip / 2, lambda: work(left - 1))

        def done():
            if began >= 1:
                self.latencies[name].append(self.now - began)

        work(queries)

    def _about(self, mean):
        return self.random.expovariate(1 / mean)

    def percentile(self, name, share):
        """Seconds. What is not over by the end of it all counts for nothing: ask for a share that is."""
        return self.latencies[name][int(len(self.latencies[name]) * share)]


def carries(costs, workers, cores, round_trip):
    """(players, the resource that has no rest first): as many as are served in PATIENCE."""
    bounds = costs.bounds(workers, cores)
    first = min(bounds, key=bounds.get)
    low, high = bounds[first] / 2, bounds[first] * 1.1
    for _ in range(4):
        middle = (low + high) / 2
        slow = Run(costs, middle, workers, cores, round_trip).percentile("post", 0.99) > PATIENCE
        low, high = (low, middle) if slow else (middle, high)
    return low, first


def main():
    parser = argparse.ArgumentParser(description="Simulates several workers on one Postgres.")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results.json")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="in all (%(default)s)")
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 8], help="of Postgres' machine (%(default)s)")
    parser.add_argument("--round-trip", type=float, default=0.2, help="milliseconds to Postgres and back (%(default)s)")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    fsyncs = results["sqlite"]["whole_games"]["commits"]
    print("The crowd of the benchmark, 1,000 players and 1,000 watchers on one worker: posts, simulated and measured\n")
    for database, figures in results.items():
        run, seen = Run(Costs(figures, fsyncs), 1000, 1, kinds=CROWD), figures["crowd"]["posts"]
        p50, p99 = (1000 * run.percentile("post", share) for share in (0.5, 0.99))
        print(f"{database:9} median {p50:4.1f} and {seen['p50_ms']} ms, 99th percentile {p99:4.1f} and {seen['p99_ms']} ms")
    print("\n| workers | cores of Postgres | players, each watched | what has no rest first |\n| --- | --- | --- | --- |")
    costs = Costs(results["postgres"], fsyncs)
    for cores, workers in itertools.product(options.cores, options.workers):
        players, first = carries(costs, workers, cores, options.round_trip / 1000)
        print(f"| {workers} | {cores} | {round(players, -2):,.0f} | {first} |", flush=True)


if __name__ == "__main__":
    main()
