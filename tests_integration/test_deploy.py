"""Snakepit as docs/DEPLOYING.md has it: the very blocks of deploy/ before a server, in a real nginx, with a browser."""

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
from pathlib import Path
from urllib.parse import urlsplit

import imaging
import pytest
from browsing import start
from playwright.sync_api import expect
from proxying import DEPLOY
from running import PATIENCE, ROOT, Server

import config
import service

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
    page.wait_for_function("() => state.stored > 0")
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
    assert [fail(guesser, number) for number in range(101)] == [401] * 100 + [429]
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
    server.start()
    assert nginx.api.guest()


def test_all_blocks_tell_the_server_the_same():
    blocks = [path.read_text() for path in DEPLOY.glob("nginx*.conf")]
    told = [set(re.findall(r"proxy_set_header ([\w-]+)", block)) for block in blocks]
    assert len(blocks) == 3
    assert told == [{"Connection", "Host", *(f"X-Forwarded-{what}" for what in ("For", "Proto", "Host", "Prefix"))}] * 3
    assert [block.count("@") for block in blocks] == [2, 2, 2]  # where nginx goes when the server is away


# The image: what Docker would do, done in a folder.


@pytest.fixture(scope="module")
def image(python_for_all):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        yield imaging.Image(Path(folder), python_for_all).build()


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

    def start(self):
        self.process = self.image.start(self.image.command, **self.settings)
        said = ""
        while "Snakepit is at " not in said:
            line = self.process.stdout.readline()
            assert line, said
            said += line
        self.url = re.search(r"http://0\.0\.0\.0:\d+", said)[0]
        self.settings["PORT"] = str(urlsplit(self.url).port)
        return self


def test_the_image_has_all_that_it_takes(image, container):
    ada = container.api.sign_up("Ada")
    game, _, _ = ada.play(2)
    assert [entry["score"] for entry in container.api("GET /api/leaderboard")] == [20]
    files = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "static").rglob("*") if path.is_file()]
    pages = [path for method, path, *_ in service.ROUTES if method == "GET" and "<" not in path]
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
    unit.write_text(text.replace("/opt/snakepit/.venv/bin/python", sys.executable).replace("/opt/snakepit", str(ROOT)))
    verified = systemd_analyze("verify", "--man=no", unit)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = systemd_analyze("security", "--offline=true", "--threshold=15", unit)  # of a hundred
    assert rated.returncode == 0, rated.stdout


def test_compose_sets_only_what_can_be_set():
    named = set(re.findall(r"^      ([A-Z_]+):", (ROOT / "compose.yaml").read_text(), re.M))
    assert {"DATABASE_URL", "TRUSTED_PROXIES", "POSTGRES_PASSWORD"} <= named
    ours = {name for name in named if not name.startswith("POSTGRES_")}
    assert ours <= {setting.name.upper() for setting in dataclasses.fields(config.Settings)}
