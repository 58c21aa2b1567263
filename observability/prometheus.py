"""What is told to Prometheus: what counts.py has, and how many games the database has now.

Imported when somebody first asks: to import prometheus-client takes a tenth of the time of the server's start.
"""

from itertools import accumulate

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE  # noqa: F401 - what any Prometheus reads

from database.transactions import UNAVAILABLE
from game import live
from observability import counters

ROUTE = ("method", "route")
WHAT = {  # of each that only grows: the name of its label, and what it is
    "games_started": (None, "Games opened."),
    "games_ended": ("outcome", "Games that have ended, by outcome."),
    "posts_refused": ("reason", "Posts of turns that were refused, by reason."),
    "log_in_failures": (None, "Passwords that were wrong, and names that nobody has."),
}


def page():
    """All metrics, as text in Prometheus' format; the database of the call at hand is asked once."""
    return generate_latest(_Everything())


class _Everything:
    def collect(self):
        totals, workers = counters.totals(), counters.workers()
        yield _scope()
        yield from _answers(totals)
        yield from _numbers(totals)
        yield from _games()
        yield _connections(workers)
        yield from _processes(workers)


def _scope():
    about = (
        "Whose numbers these are: of all workers of this server, or, under another server, of the one process that answers."
    )
    scope = "all_workers" if counters.is_shared() else "one_process"
    family = GaugeMetricFamily("snakepit_metrics_scope", about, labels=("scope",))
    family.add_metric((scope,), 1)
    return family


def _answers(totals):
    """Of those routes and statuses that there were."""
    requests = CounterMetricFamily("snakepit_requests", "Answers, by route and status.", labels=(*ROUTE, "status"))
    times = HistogramMetricFamily("snakepit_request_seconds", "The time until an answer is made.", labels=ROUTE)
    bounds = [*(str(bound / 1e9) for bound in counters.BOUNDS), "+Inf"]
    for labels, row in counters.rows.items():
        for status, at in counters.STATUSES.items():
            if totals[row + at]:
                requests.add_metric((*labels, status), totals[row + at])
        buckets = list(accumulate(totals[row + counters.BUCKETS : row + counters.SUM]))
        if buckets[-1]:
            times.add_metric(labels, list(zip(bounds, buckets, strict=True)), totals[row + counters.SUM] / 1e9)
    return requests, times


def _numbers(totals):
    families = {}
    for (name, label), slot in counters.numbers.items():
        kind, about = WHAT[name]
        labels = (kind,) if kind else ()
        family = families.setdefault(name, CounterMetricFamily(f"snakepit_{name}", about, labels=labels))
        family.add_metric((label,) if kind else (), totals[slot])
    return families.values()


def _games():
    """Without the games while the database is out of reach."""
    try:
        running, opened = live.count()
    except UNAVAILABLE:
        yield GaugeMetricFamily("snakepit_database_up", "Whether the database can be reached.", 0)
        return
    yield GaugeMetricFamily("snakepit_database_up", "Whether the database can be reached.", 1)
    yield GaugeMetricFamily("snakepit_games_running", "Games that are being played now, as the wall shows them.", running)
    yield GaugeMetricFamily("snakepit_games_open", "Games that have not ended, paused ones too.", opened)


def _connections(workers):
    about = "Connections to the database, by worker: in use, and kept for whoever needs one next."
    family = GaugeMetricFamily("snakepit_database_connections", about, labels=("worker", "state"))
    for at, (_, opened, in_use) in workers.items():
        family.add_metric((str(at), "in_use"), in_use)
        family.add_metric((str(at), "kept"), opened - in_use)
    return family


def _processes(workers):
    """prometheus-client's metrics of a process, for each worker."""
    families = {}
    for at, (pid, *_) in workers.items():
        for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():
            family = families.setdefault(metric.name, metric)
            samples = [sample._replace(labels={"worker": str(at)}) for sample in metric.samples]
            family.samples = samples if family is metric else family.samples + samples
    return families.values()
