"""Snakepit as docs/DEPLOYING.md has it: the very blocks of deploy/ before a server, in a real nginx, with a browser."""

import base64
import dataclasses
import gzip
import html
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import docker_steps
import pytest
import yaml
from browser import REACH_IN, start
from nginx import DEPLOY
from playwright.sync_api import expect
from prometheus_client.parser import text_string_to_metric_families
from servers import PATIENCE, ROOT, Server

import config
import service
from web import problems

DEPLOYING = ROOT / "docs" / "DEPLOYING.md"
GZIP = {"Accept-Encoding": "gzip"}
SPOOFED = {
    "X-Forwarded-For": "198.51.100.1",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "elsewhere.example",
    "X-Forwarded-Prefix": "/elsewhere",
    "X-Real-IP": "198.51.100.1",
    "Forwarded": "for=198.51.100.1;host=elsewhere.example",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed")
    server = Server(folder, DATABASE_URL=f"sqlite:///{folder}/snake.db", TRUSTED_PROXIES="127.0.0.1").start()
    yield server
    server.kill()


@pytest.fixture(params=["nginx.conf", "nginx-subpath.conf"], scope="module")
def nginx(request, server, make_nginx):
    return make_nginx(request.param, [server.url], "/snake" if "subpath" in request.param else "")


def test_a_game_is_played_and_its_replay_watched(nginx, open_page):
    page = open_page(f"{nginx.url}/", ignore_https_errors=True)
    lost = []
    page.on("response", lambda response: lost.append(response.url) if response.status >= 400 else None)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    start(page, "pass-through")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => state.syncedTick > 0")
    game = page.evaluate("state.id")
    page.goto(f"{nginx.url}/games/{game}")
    expect(page.locator("#replay-mode")).to_have_text("Pass-through")
    assert page.url == f"{nginx.url}/#/games/{game}"
    page.goto(f"{nginx.url}/#/live")
    expect(page.locator("#live-wall .live-card, #live-empty a").first).to_be_visible()
    assert lost == []


def test_the_card_s_picture_is_where_the_card_says(nginx):
    game, _, _ = nginx.api.sign_up("Ada" + nginx.path.strip("/")).play(1)
    status, _, page = nginx.ask("GET", f"{nginx.path}/games/{game['id']}", headers=SPOOFED)
    address = html.unescape(re.search('property="og:image" content="([^"]*)"', page.decode())[1])
    assert (status, address) == (200, f"{nginx.url}/games/{game['id']}/card.png")
    status, headers, picture = nginx.ask("GET", urlsplit(address).path)
    assert (status, headers["Content-Type"], picture[:4]) == (200, "image/png", b"\x89PNG")


def test_limits_count_by_the_client_whatever_it_says(nginx):
    def fail(source, number):
        body = {"username": f"Nobody{number}", "password": "wrong horse"}
        spoofed = SPOOFED | {"X-Forwarded-For": f"198.51.100.{number}", "X_Forwarded_For": f"198.51.100.{number}"}
        return nginx.api_from(source).ask("POST /api/auth/login", body, spoofed).status

    guesser, other = ("127.0.0.2", "127.0.0.3") if nginx.path else ("127.0.0.4", "127.0.0.5")
    assert [fail(guesser, number) for number in range(201)] == [401] * 200 + [429]
    assert fail(other, 0) == 401


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/nothing", "/static/nothing.js", "/games/nothing", "/static/../service.py"]
)
def test_what_is_not_there_is_404(nginx, path):
    assert nginx.ask("GET", nginx.path + path)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "//metrics", "/./metrics", "/x/../metrics", "/x/..%2fmetrics", "/%6detrics", "/%256detrics"),
        *("/metrics?x", "/metrics/", "/metrics%23", "/metrics%00", "/metrics;x", "/METRICS"),
    ],
)
def test_metrics_are_not_for_the_world(nginx, path):
    assert nginx.ask("GET", nginx.path + path)[0] in (400, 404)
    assert b"nginx" in nginx.ask("GET", f"{nginx.path}/metrics")[2]  # which doesn't ask further


def test_beside_the_path_the_site_is_what_it_was(server, make_nginx):
    nginx = make_nginx("nginx-subpath.conf", [server.url], "/snake")
    for path in ("/", "/snakes", "/api/auth/me", "/static/style.css"):
        assert nginx.ask("GET", path)[2] == b"a site\n"
    status, headers, _ = nginx.ask("GET", "/snake")
    assert (status, headers["Location"]) == (301, "/snake/")


def test_http_leads_to_https(server, make_nginx):
    nginx = make_nginx("nginx.conf", [server.url])
    run = subprocess.run(
        ["curl", "-sSI", "-H", "Host: snake.example.org", f"http://127.0.0.1:{nginx.port(80)}/games/x?tick=1"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "\nLocation: https://snake.example.org/games/x?tick=1\n" in run.stdout.replace("\r", "")


def test_bodies_are_bounded_in_the_api_s_words(nginx):
    status, headers, body = nginx.ask("POST", f"{nginx.path}/api/auth/login", b"x" * 70_000)
    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    assert "64 KiB" in json.loads(body)["detail"]
    assert nginx.ask("POST", f"{nginx.path}/api/auth/login", b"x" * 200_000)[0] == 413


def test_answers_are_compressed_and_their_validators_hold(nginx, server):
    game, _, _ = server.api.guest().play(40)
    for path in ("/static/js/rules.js", f"/api/games/{game['id']}"):
        plain = nginx.ask("GET", nginx.path + path)
        packed = nginx.ask("GET", nginx.path + path, headers=GZIP)
        assert (packed[0], packed[1]["Content-Encoding"]) == (200, "gzip")
        assert gzip.decompress(packed[2]) == plain[2]
        assert len(packed[2]) < len(plain[2])
        assert "Accept-Encoding" in packed[1]["Vary"]
        assert nginx.ask("GET", nginx.path + path, headers=GZIP | {"If-None-Match": packed[1]["ETag"]})[0] == 304


@pytest.mark.parametrize("block", ["nginx.conf", "nginx-subpath.conf"])
def test_while_the_server_is_away_nginx_says_so_in_the_api_s_words(make_server, make_nginx, tmp_path, block):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    nginx = make_nginx(block, [server.url], "/snake" if "subpath" in block else "")
    nginx.api("GET /healthz")
    server.kill()
    answer = nginx.api.ask("POST /api/auth/guest", {})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert (answer.headers["Content-Type"], answer.json["status"]) == ("application/problem+json", 503)
    assert answer.json["code"] in problems.CODES
    assert answer.json["params"] == {"retry_in": 2}
    assert "Strict-Transport-Security" in answer.headers
    server.start()
    assert nginx.api.guest()


@pytest.mark.parametrize("path", ["/", "/api/games/active", "/api/nothing", "/static/style.css", "/metrics", "/%00"])
def test_browsers_are_told_to_come_by_https_only(nginx, path):
    status, headers, _ = nginx.ask("GET", nginx.path + path)
    if nginx.path and path in ("/metrics", "/%00"):
        return  # these are answered as the site around answers
    assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000"], status


@pytest.mark.parametrize("block", ["nginx.conf", "nginx-subpath.conf"])
def test_an_address_has_only_so_many_connections_and_others_have_theirs(server, make_nginx, block):
    nginx = make_nginx(block, [server.url], "/snake" if "subpath" in block else "", connections=3)
    head = f"POST {nginx.path}/api/auth/guest HTTP/1.1\r\nHost: {urlsplit(nginx.url).netloc}\r\nContent-Length: 2\r\n\r\n"
    waiting = [nginx.connect() for _ in range(3)]
    for connection in waiting:
        connection.sendall(head.encode())  # and not the body
    refused = until(lambda answer: answer.status == 429, nginx.api.ask, "POST /api/auth/guest")
    assert (refused.headers["Content-Type"], refused.headers["Retry-After"]) == ("application/problem+json", "2")
    assert (refused.json["code"], refused.json["params"]) == (problems.RATE_LIMITED, {"retry_in": 2})
    assert "Strict-Transport-Security" in refused.headers
    assert nginx.api_from("127.0.0.3").ask("POST /api/auth/guest").status == 201
    for connection in waiting:
        connection.sendall(b"{}")
        assert connection.recv(12) == b"HTTP/1.1 201"
        connection.close()
    assert until(lambda answer: answer.status == 201, nginx.api.ask, "POST /api/auth/guest")


def until(is_right, ask, *arguments):
    """The first answer that is right; it is asked for until then."""
    deadline = time.monotonic() + PATIENCE
    while not is_right(answer := ask(*arguments)):
        assert time.monotonic() < deadline, answer
    return answer


@pytest.mark.parametrize("block", ["nginx.conf", "nginx-several.conf", "nginx-subpath.conf"])
def test_a_class_of_200_behind_one_address_gets_through(block):
    numbers = re.findall(r"limit_conn \w+ (\d+);", (DEPLOY / block).read_text())
    assert [int(number) for number in numbers] == [config.Settings().connections_per_address]
    assert config.Settings().connections_per_address >= 200 * 6


@pytest.fixture
def with_password(make_server, make_nginx, tmp_path):
    """nginx as docs/DEPLOYING.md has it where a password comes before everything: school, with the password pit."""
    (tmp_path / "passwords").write_text("school:{PLAIN}pit\n")
    asks = '    auth_basic "Snakepit";\n    auth_basic_user_file /etc/nginx/snakepit.htpasswd;\n'
    assert asks in DEPLOYING.read_text()
    asks = asks.replace("/etc/nginx/snakepit.htpasswd", str(tmp_path / "passwords"))
    block = tmp_path / "nginx.conf"
    block.write_text((DEPLOY / "nginx.conf").read_text().replace("    location / {\n", "    location / {\n" + asks, 1))
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", TRUSTED_PROXIES="127.0.0.1", LOG_LEVEL="debug")
    return make_nginx(str(block), [server.url])


def test_behind_a_password_of_the_proxy_a_token_has_a_header_of_its_own(with_password):
    asked = with_password.ask("GET", "/api/auth/me")
    assert (asked[0], asked[1]["WWW-Authenticate"]) == (401, 'Basic realm="Snakepit"')
    basic = {"Authorization": "Basic " + base64.b64encode(b"school:pit").decode()}
    session = json.loads(with_password.ask("POST", "/api/auth/guest", b"{}", basic)[2])
    status, _, me = with_password.ask("GET", "/api/auth/me", headers=basic | {"X-Snakepit-Token": session["token"]})
    assert (status, json.loads(me)) == (200, session["user"])
    status, headers, _ = with_password.ask("GET", "/api/auth/me", headers=basic | {"X-Snakepit-Token": "dead"})
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")  # for which no browser asks for a password


def test_behind_a_password_of_the_proxy_a_game_is_played(with_password, open_page):
    credentials = {"username": "school", "password": "pit"}
    page = open_page("about:blank", ignore_https_errors=True, http_credentials=credentials)
    sent, refused = [], []
    page.on("request", lambda request: sent.append(request.headers) if "/turns" in request.url else None)
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    page.goto(f"{with_password.url}/")
    page.evaluate(REACH_IN)
    refused.clear()  # the browser asks once without the password
    start(page, "pass-through")
    page.wait_for_function("() => state.syncedTick > 0")
    assert refused == []
    assert all("x-snakepit-token" in headers for headers in sent)
    page.reload()
    assert page.evaluate("JSON.parse(localStorage['snakepit.session']).user.guest")
    assert refused == []


def test_all_blocks_tell_the_server_the_same():
    blocks = [path.read_text() for path in DEPLOY.glob("nginx*.conf") if "proxy_pass" in path.read_text()]
    told = [set(re.findall(r"proxy_set_header ([\w-]+)", block)) for block in blocks]
    assert len(blocks) == 3
    assert told == [{"Connection", "Host", *(f"X-Forwarded-{what}" for what in ("For", "Proto", "Host", "Prefix"))}] * 3
    assert [len(re.findall(r"^ *location @", block, re.M)) for block in blocks] == [2, 2, 2]  # away, and crowded
    assert [block.count("Strict-Transport-Security") for block in blocks] == [3, 3, 3]
    for path in DEPLOY.glob("Caddyfile*"):
        assert "Strict-Transport-Security max-age=31536000" in path.read_text()


# The image: what Docker would do, done in a folder.


@pytest.fixture(scope="module")
def image(python_for_all):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        yield docker_steps.Image(Path(folder), python_for_all).build()


@pytest.fixture
def container(image):
    """A server in it."""
    container = Container(image)
    yield container.start()
    if container.is_running:
        container.kill()


class Container(Server):
    def __init__(self, image):
        super().__init__(image.volume, PORT="0", BCRYPT_ROUNDS="4", ENFORCE_PACE="false")
        self.image = image

    def start(self, command=None, user=None):
        """Start it, by another command and as another user than the image's where those are given."""
        self.process = self.image.start(command or self.image.command, user, **self.settings)
        said = ""
        while "Snakepit is at " not in said:
            line = self.process.stdout.readline()
            assert line, said
            said += line
        self.url = re.search(r"http://127\.0\.0\.1:\d+", said)[0]
        self.settings["PORT"] = str(urlsplit(self.url).port)
        return self


def test_the_image_has_all_that_it_takes(image, container):
    ada = container.api.sign_up("Ada")
    game, _, _ = ada.play(2)
    assert [entry["score"] for entry in container.api("GET /api/leaderboard")] == [20]
    files = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "static").rglob("*") if path.is_file()]
    routes = [*service.api.routes, *service.site.routes]
    pages = [route.rule for route in routes if route.method == "GET" and "<" not in route.rule]
    for path in [*files, *pages, f"/games/{game['id']}", f"/games/{game['id']}/card.png"]:
        assert status_of(container, path, ada.token) in (200, 422), path  # 422: without what it wants to know
    modules = {path.name for path in ROOT.glob("*.py")}
    assert modules <= {path.name for path in image.program.iterdir()}


def status_of(server, path, token):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_container_s_user_owns_what_is_kept_and_nothing_else(image, container):
    container.api.guest()
    kept, user = image.volume / "snake.db", image.user[0] if os.geteuid() == 0 else os.geteuid()
    assert kept.stat().st_uid == user
    others = [path for path in image.program.rglob("*") if path.lstat().st_uid == user]
    assert others == [] or os.geteuid() != 0
    assert not [path for path in image.root.rglob("*") if path.name == ".env" or (path.match("*.db") and path != kept)]


def test_the_container_is_healthy_as_long_as_the_server_answers(image, container):
    settings = {"PORT": container.settings["PORT"]}
    assert image.is_healthy(**settings)
    assert container.stop() == 0
    assert not image.is_healthy(**settings)


def test_a_container_made_anew_goes_on_with_what_was_kept(image, container):
    container.api.sign_up("Bob").play(1)
    container.stop()
    container.start()
    assert container.api.log_in("Bob")


# The unit.


def test_the_unit_is_one_and_hardened(systemd_analyze, tmp_path):
    unit = tmp_path / "snakepit.service"
    text = (DEPLOY / "snakepit.service").read_text()
    assert "ExecStart=/opt/snakepit/.venv/bin/python /opt/snakepit/service.py" in text
    assert "UMask=0077\n" in text
    unit.write_text(text.replace("/opt/snakepit/.venv/bin/python", sys.executable).replace("/opt/snakepit", str(ROOT)))
    verified = systemd_analyze("verify", "--man=no", unit)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = systemd_analyze("security", "--offline=true", "--threshold=15", unit)  # of a hundred
    assert rated.returncode == 0, rated.stdout


def test_compose_sets_only_what_can_be_set():
    named = set(re.findall(r"^      ([A-Z_]+):", (ROOT / "compose.yaml").read_text(), re.M))
    assert {"DATABASE_URL", "POSTGRES_PASSWORD"} <= named
    ours = {name for name in named if not name.startswith("POSTGRES_")}
    assert ours <= {setting.name.upper() for setting in dataclasses.fields(config.Settings)}


def test_no_example_trusts_a_network():
    """Each who is in it could say whom it speaks for."""
    for path in (*DEPLOY.iterdir(), *ROOT.glob("docs/*.md"), ROOT / "compose.yaml", ROOT / ".env.example"):
        if path.is_file():
            assert not re.search(r"TRUSTED_PROXIES\W{0,5}[\d.]+/\d", path.read_text()), path.name
    assert "TRUSTED_PROXIES:" not in (ROOT / "compose.yaml").read_text()


def test_images_and_actions_are_pinned():
    for line in re.findall(r"^FROM (.+)", (ROOT / "Dockerfile").read_text(), re.M):
        assert re.match(r"[\w/.-]+:[\w.-]+@sha256:[0-9a-f]{64}( AS \w+)?$", line)
    images = re.findall(r"^ +image: (.+)", (ROOT / "compose.yaml").read_text(), re.M)
    assert images
    for image in images:
        assert re.match(r"[\w/.-]+:[\w.-]+@sha256:[0-9a-f]{64}\b", image)
    for path in ROOT.glob(".github/workflows/*.yml"):
        for action in re.findall(r"uses: (.+)", path.read_text()):
            assert re.match(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$|\./", action), action


# The workflows.


@pytest.fixture(scope="module")
def release():
    return yaml.load((ROOT / ".github/workflows/release.yml").read_text(), yaml.BaseLoader)  # noqa: S506 - text only


def test_a_tag_runs_the_suite_then_builds_the_image_then_makes_the_release(release):
    jobs = release["jobs"]
    assert release["on"] == {"push": {"tags": ["v*"]}}
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)["on"]  # noqa: S506
    assert (jobs["image"]["needs"], jobs["release"]["needs"]) == ("test", "image")
    (build,) = [step["with"] for step in jobs["image"]["steps"] if "build-push" in step.get("uses", "")]
    assert (build["platforms"], build["push"]) == ("linux/amd64,linux/arm64", "true")
    assert build["provenance"] == "mode=max"
    assert "ghcr.io/" in str(jobs["image"])
    made = jobs["release"]["steps"][-1]["run"]
    assert re.search(r"gh release create .* verify\.py ", made)


def test_each_job_may_do_only_what_it_does(release):
    assert release["permissions"] == {}
    may_write = {
        name: {scope for scope, right in job["permissions"].items() if right == "write"}
        for name, job in release["jobs"].items()
    }
    signs = {"id-token", "attestations"}
    assert may_write == {"test": set(), "image": signs | {"packages"}, "release": signs | {"contents"}}
    ci = yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)  # noqa: S506
    assert ci["permissions"] == {"contents": "read"}


def test_ci_runs_all_checks_on_each_python():
    (job,) = yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)["jobs"].values()  # noqa: S506
    (python,) = [step["with"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert sorted(python["python-version"].split()) == ["3.11", "3.12", "3.13", "3.14"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run", "make audit"]


@pytest.mark.parametrize("workflow", ["ci.yml", "release.yml"])
def test_no_step_puts_what_others_write_into_a_script(workflow):
    jobs = yaml.load((ROOT / ".github/workflows" / workflow).read_text(), yaml.BaseLoader)["jobs"]  # noqa: S506
    for step in [step for job in jobs.values() for step in job.get("steps", ())]:
        assert "${{" not in step.get("run", "")
        assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] == "false"


# Platforms.


def test_the_platforms_set_only_what_can_be_set():
    (render,) = yaml.safe_load((DEPLOY / "render.yaml").read_text())["services"]
    fly = tomllib.loads((DEPLOY / "fly.toml").read_text())
    names = {setting.name.upper() for setting in dataclasses.fields(config.Settings)}
    assert {variable["key"] for variable in render["envVars"]} - {"PYTHON_VERSION"} <= names
    assert set(fly["env"]) <= names
    values = {variable["key"]: variable.get("value") for variable in render["envVars"]}
    for settings, disk in ((values, render["disk"]["mountPath"]), (fly["env"], fly["mounts"]["destination"])):
        assert settings["DATABASE_URL"] == f"sqlite:///{disk}/snake.db"
        assert settings["HOST"] == "0.0.0.0"  # noqa: S104 - a container's
    assert (render["healthCheckPath"], fly["http_service"]["checks"][0]["path"]) == ("/healthz", "/healthz")
    assert fly["http_service"]["internal_port"] == int(fly["env"]["PORT"])
    assert render["startCommand"] == "python service.py"


@pytest.mark.skipif(os.geteuid() != 0, reason="it gives a folder away, which only root may")
def test_on_fly_the_server_runs_as_its_user_on_a_volume_of_root_s(image, tmp_path):
    [(_, command)] = tomllib.loads((DEPLOY / "fly.toml").read_text())["processes"].items()
    image.volume.chmod(0o755)
    os.chown(image.volume, 0, 0)
    for path in image.volume.iterdir():
        path.unlink()
    container = Container(image).start(image.mapped(command), user=(0, 0))
    try:
        assert container.api.guest()
        assert (image.volume / "snake.db").stat().st_uid == 10001
        status = Path(f"/proc/{container.process.pid}/status").read_text()
        assert re.search(r"^Uid:\t10001\t10001", status, re.M)
        assert re.search(r"^CapBnd:\t0+$", status, re.M)
    finally:
        container.kill()
        os.chown(image.volume, *image.user)


# Prometheus and Grafana.


def check_rules(promtool, file):
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules_of(group):
    return group["groups"][0]["rules"]


def dashboard_queries():
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_rules_and_the_dashboard_s_queries_can_be_read(promtool, tmp_path):
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
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE)
    connection.request("GET", "/metrics")
    families = text_string_to_metric_families(connection.getresponse().read().decode())
    connection.close()
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
    done = subprocess.run([promtool, "test", "rules", written], capture_output=True, text=True, timeout=PATIENCE)
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
