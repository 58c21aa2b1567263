"""The rules for Prometheus and the dashboard for Grafana."""

import json
import re
import subprocess

import pytest
import yaml
from nginx import DEPLOY
from prometheus_client.parser import text_string_to_metric_families
from servers import TIMEOUT


@pytest.fixture
def server(make_server, tmp_path):
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")


def check_rules(promtool, file):
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules_of(group):
    return group["groups"][0]["rules"]


def dashboard_queries():
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_rules_and_the_dashboards_queries_can_be_read(promtool, tmp_path):
    rules = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())
    assert f"{len(rules_of(rules))} rules found" in check_rules(promtool, DEPLOY / "prometheus-rules.yml")
    queries = [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in dashboard_queries()]
    recorded = [{"record": f"snakepit:{number}", "expr": query} for number, query in enumerate(queries)]
    written = tmp_path / "rules.yml"
    written.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    assert f"{len(queries)} rules found" in check_rules(promtool, written)


def test_rules_and_dashboard_use_metrics_and_labels_that_there_are(server):
    server.api.guest().play(1)
    server.api("POST /api/auth/login", {"username": "Nobody", "password": "wrong horse"}, 401)
    families = text_string_to_metric_families(server.get("/metrics")[1].decode())
    samples = [sample for family in families for sample in family.samples]
    labels = {name: set() for name in (sample.name for sample in samples)} | {"up": set()}
    for sample in samples:
        labels[sample.name] |= set(sample.labels)
    rules = rules_of(yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text()))
    for query in [*(rule["expr"] for rule in rules), *dashboard_queries()]:
        names = re.findall(r"\b(?:snakepit_\w+|process_\w+|up)\b", query)
        assert names, query
        assert set(names) <= set(labels), query
        known = {"instance", "job"}.union(*(labels[name] for name in names))
        for matched in re.findall(r"\{(.*?)\}", query):
            assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matched)) <= known, query
        for grouped in re.findall(r"\bby \((.*?)\)", query):
            assert set(grouped.replace(" ", "").split(",")) <= known, query
    for rule in rules:
        known = {"instance"}.union(
            *(labels[name] for name in re.findall(r"\b(?:snakepit_\w+|process_\w+|up)\b", rule["expr"]))
        )
        grouped = re.findall(r"\bby \((.*?)\)", rule["expr"])
        left = set.intersection(known, *(set(names.replace(" ", "").split(",")) for names in grouped))
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= left, rule["alert"]


# Each alert, with series that set it off, of a minute each.
ALERTS = {
    "SnakepitDown": {'up{job="snakepit"}': "0x30"},
    "SnakepitDatabaseDown": {"snakepit_database_up": "0x30"},
    "SnakepitErrors": {
        'snakepit_http_requests_total{status="200"}': "0+600x30",
        'snakepit_http_requests_total{status="503"}': "0+60x30",
    },
    "SnakepitSlow": {
        'snakepit_http_request_duration_seconds_bucket{route="/",le="0.1"}': "0+60x30",
        'snakepit_http_request_duration_seconds_bucket{route="/",le="1"}': "0+90x30",
        'snakepit_http_request_duration_seconds_bucket{route="/",le="+Inf"}': "0+90x30",
    },
    "SnakepitPasswordGuessing": {"snakepit_login_failures_total": "0+100x30"},
    "SnakepitRestarts": {'process_start_time_seconds{job="snakepit",worker="0"}': "0+60x30"},
    "SnakepitDatabaseConnectionsInUse": {'snakepit_database_connections{state="in_use",worker="0"}': "20x30"},
    "SnakepitOpenFiles": {
        'process_open_fds{job="snakepit",worker="0"}': "900x30",
        'process_max_fds{job="snakepit",worker="0"}': "1000x30",
    },
}


def test_each_alert_fires_when_it_should_and_not_when_all_is_well(promtool, tmp_path):
    rules = {rule["alert"]: rule for rule in rules_of(yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text()))}
    assert set(rules) == set(ALERTS)
    well = {
        **{'up{job="snakepit"}': "1x30", "snakepit_database_up": "1x30"},
        **{'snakepit_http_requests_total{status="200"}': "0+600x30", 'snakepit_http_requests_total{status="503"}': "0x30"},
        'snakepit_http_request_duration_seconds_bucket{route="/",le="0.1"}': "0+90x30",
        'snakepit_http_request_duration_seconds_bucket{route="/",le="+Inf"}': "0+90x30",
        'snakepit_http_request_duration_seconds_bucket{route="/api/auth/login",le="1"}': "0x30",
        'snakepit_http_request_duration_seconds_bucket{route="/api/auth/login",le="+Inf"}': "0+90x30",
        **{"snakepit_login_failures_total": "0+5x30", 'process_start_time_seconds{job="snakepit"}': "5x30"},
        **{'snakepit_database_connections{state="in_use"}': "3x30", 'process_open_fds{job="snakepit"}': "100x30"},
        'process_max_fds{job="snakepit"}': "1000x30",
    }
    cases = [trial(name, series, is_firing=True) for name, series in ALERTS.items()]
    cases += [trial(name, well, is_firing=False) for name in ALERTS]
    tests = {"rule_files": [str(DEPLOY / "prometheus-rules.yml")], "evaluation_interval": "1m", "tests": cases}
    written = tmp_path / "tests.yml"
    written.write_text(json.dumps(tests))
    done = subprocess.run([promtool, "test", "rules", written], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr


def trial(alert, series, is_firing):
    """A test of promtool's that counts the firing alerts of a name after half an hour."""
    expected = [{"labels": "{}", "value": 1}] if is_firing else []
    query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": query, "eval_time": "29m", "exp_samples": expected}],
    }
