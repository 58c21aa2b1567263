"""The metrics in Prometheus' text format: the counters, and how many games and rooms the database has.

Imported with the first request for it: to import prometheus_client takes a tenth of the server's start.
"""

from itertools import accumulate

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE  # noqa: F401 - every Prometheus reads it

from database.transactions import UNAVAILABLE
from game import live, presence
from observability import counters

ROUTE = ("method", "route")
OLD_NAMES = {  # exposed beside the new ones, so that existing dashboards and alerts work
    "snakepit_http_requests": "snakepit_requests",
    "snakepit_http_request_duration_seconds": "snakepit_request_seconds",
    "snakepit_turn_posts_rejected": "snakepit_posts_refused",
    "snakepit_login_failures": "snakepit_log_in_failures",
    "snakepit_games_active": "snakepit_games_running",
}
OLD_REASONS = {"unauthorized": "no_token", "forbidden": "not_own", "game_over": "over", "internal_error": "failed"}


def exposition():
    """Return all metrics as text. It asks the current database twice."""
    return generate_latest(Collector())


class Collector:
    def collect(self):
        for family in self._families():
            yield family
            if family.name in OLD_NAMES:
                yield _with_old_name(family)

    def _families(self):
        totals, workers = counters.totals(), counters.workers()
        yield _scope()
        yield from _responses(totals)
        yield from _counters(totals)
        yield from _games()
        yield _connections(workers)
        yield from _processes(workers)


def _with_old_name(family):
    old = type(family)(OLD_NAMES[family.name], f"The same as {family.name}, by its old name.")
    for name, labels, *rest in family.samples:
        labels = labels | {"reason": OLD_REASONS.get(labels["reason"], labels["reason"])} if "reason" in labels else labels
        old.add_sample(old.name + name.removeprefix(family.name), labels, *rest)
    return old


def _scope():
    documentation = "Whose numbers these are: those of all workers, or, under another server, of the process that responds."
    scope = "all_workers" if counters.is_shared() else "one_process"
    family = GaugeMetricFamily("snakepit_metrics_scope", documentation, labels=("scope",))
    family.add_metric((scope,), 1)
    return family


def _responses(totals):
    """Yield the requests and their durations, for routes and statuses that occurred."""
    requests = CounterMetricFamily("snakepit_http_requests", "Responses, by route and status.", labels=(*ROUTE, "status"))
    name = "snakepit_http_request_duration_seconds"
    durations = HistogramMetricFamily(name, "The time until a response is ready.", labels=ROUTE)
    bounds = [*(str(bound / 1e9) for bound in counters.BUCKET_BOUNDS_NS), "+Inf"]
    for route, metrics in counters.ROUTES.items():
        numbers, buckets, nanoseconds = metrics.of(totals)
        for status, number in numbers.items():
            if number:
                requests.add_metric((*route, status), number)
        if any(buckets):
            durations.add_metric(route, list(zip(bounds, accumulate(buckets), strict=True)), nanoseconds / 1e9)
    return requests, durations


def _counters(totals):
    for counter in counters.COUNTERS:
        name, documentation = f"snakepit_{counter.name}", counter.documentation
        if not counter.label:
            yield CounterMetricFamily(name, documentation, counter.of(totals))
            continue
        family = CounterMetricFamily(name, documentation, labels=(counter.label,))
        for value, number in counter.numbers.items():
            family.add_metric((value,), number.of(totals))
        yield family


def _games():
    """Yield the numbers of games and of rooms, unless the database is unavailable."""
    try:
        (active, opened), (rooms, members) = live.count(), presence.count()
    except UNAVAILABLE:
        yield GaugeMetricFamily("snakepit_database_up", "Whether the database is available.", 0)
        return
    yield GaugeMetricFamily("snakepit_database_up", "Whether the database is available.", 1)
    yield GaugeMetricFamily("snakepit_games_active", "Games that are being played now, as listed on the live page.", active)
    yield GaugeMetricFamily("snakepit_games_open", "Games that have not ended, including paused ones.", opened)
    yield GaugeMetricFamily("snakepit_rooms_active", "Rooms that somebody is in.", rooms)
    yield GaugeMetricFamily("snakepit_rooms_members_here", "Members who are in a room.", members)


def _connections(workers):
    documentation = "Connections to the database by worker: in use or idle. The state `kept` is the old name of `idle`."
    family = GaugeMetricFamily("snakepit_database_connections", documentation, labels=("worker", "state"))
    for slot, (_, opened, in_use) in workers.items():
        for state, number in (("in_use", in_use), ("idle", opened - in_use), ("kept", opened - in_use)):
            family.add_metric((str(slot), state), number)
    return family


def _processes(workers):
    """Return prometheus_client's metrics of a process, for each worker."""
    families = {}
    for slot, (pid, *_) in workers.items():
        for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():
            family = families.setdefault(metric.name, metric)
            samples = [sample._replace(labels={"worker": str(slot)}) for sample in metric.samples]
            family.samples = samples if family is metric else family.samples + samples
    return families.values()
