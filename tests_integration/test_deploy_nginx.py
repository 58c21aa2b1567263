"""The nginx configuration of deploy/ before a server, in a real nginx, with a browser."""

import base64
import gzip
import html
import json
import re
import subprocess
import time
from urllib.parse import urlsplit

import pytest
from browser import REACH_IN, start
from nginx import DEPLOY
from playwright.sync_api import expect
from servers import ROOT, until

import config
from web import problems
from web.events import LONGEST, MEDIA

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
BLOCKS = "nginx.conf", "nginx-subpath.conf"


@pytest.fixture(scope="module")
def server(make_server_of_module):
    return make_server_of_module(TRUSTED_PROXIES="127.0.0.1")


@pytest.fixture(params=BLOCKS, scope="module")
def nginx(request, server, make_nginx):
    return make_nginx(request.param, [server.url], path_of(request.param))


def path_of(block):
    return "/snake" if "subpath" in block else ""


@pytest.fixture
def own_server(make_server, tmp_path):
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", TRUSTED_PROXIES="127.0.0.1")


def test_watchers_get_each_event_at_once(nginx):
    """nginx would hold them back until it has some kilobytes or the end."""
    path = f"{nginx.path}/api/games/live"
    with nginx.connect() as connection, connection.makefile("rb") as response:
        began = time.monotonic()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {MEDIA}\r\n\r\n".encode())
        assert response.readline() == b"HTTP/1.1 200 OK\r\n"
        next(line for line in response if line.startswith(b"data: "))
        assert time.monotonic() - began < LONGEST / 2


def test_a_game_is_played_and_its_replay_watched(nginx, open_page):
    page = open_page(f"{nginx.url}/", ignore_https_errors=True)
    lost = []
    page.on("response", lambda response: lost.append(response.url) if response.status >= 400 else None)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    start(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => state.syncedTick > 0")
    game = page.evaluate("state.id")
    page.goto(f"{nginx.url}/games/{game}")
    expect(page.locator("#replay-mode")).to_have_text("Pass-through")
    assert page.url == f"{nginx.url}/#/games/{game}"
    page.goto(f"{nginx.url}/#/live")
    expect(page.locator("#live-wall .live-card, #live-empty a").first).to_be_visible()
    assert lost == []


def test_the_cards_picture_is_where_the_card_says(nginx):
    game, _, _ = nginx.api.guest().play(1)
    status, _, page = nginx.ask("GET", f"{nginx.path}/games/{game['id']}", headers=SPOOFED)
    address = html.unescape(re.search('property="og:image" content="([^"]*)"', page.decode())[1])
    assert (status, address) == (200, f"{nginx.url}/games/{game['id']}/card.png")
    status, headers, picture = nginx.ask("GET", urlsplit(address).path)
    assert (status, headers["Content-Type"], picture[:4]) == (200, "image/png", b"\x89PNG")


@pytest.mark.parametrize("block", BLOCKS)
def test_limits_count_by_the_client_whatever_it_says(own_server, make_nginx, block):
    nginx = make_nginx(block, [own_server.url], path_of(block))

    def fail(source, number):
        body = {"username": f"Nobody{number}", "password": "wrong horse"}
        spoofed = SPOOFED | {"X-Forwarded-For": f"198.51.100.{number}", "X_Forwarded_For": f"198.51.100.{number}"}
        return nginx.api_from(source).ask("POST /api/auth/login", body, spoofed).status

    assert [fail("127.0.0.2", number) for number in range(201)] == [401] * 200 + [429]
    assert fail("127.0.0.3", 0) == 401


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


def test_bodies_that_are_too_large_get_a_problem(nginx):
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


@pytest.mark.parametrize("block", BLOCKS)
def test_while_the_server_is_down_nginx_responds_with_a_problem(own_server, make_nginx, block):
    nginx = make_nginx(block, [own_server.url], path_of(block))
    nginx.api("GET /healthz")
    own_server.kill()
    answer = nginx.api.ask("POST /api/auth/guest", {})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert (answer.headers["Content-Type"], answer.json["status"]) == ("application/problem+json", 503)
    assert answer.json["code"] in problems.CODES
    assert answer.json["params"] == {"retry_in": 2}
    assert "Strict-Transport-Security" in answer.headers
    own_server.start()
    assert nginx.api.guest()


@pytest.mark.parametrize("path", ["/", "/api/games/active", "/api/nothing", "/static/style.css", "/metrics", "/%00"])
def test_browsers_get_strict_transport_security(nginx, path):
    status, headers, _ = nginx.ask("GET", nginx.path + path)
    if nginx.path and path in ("/metrics", "/%00"):
        return  # these are answered as the site around answers
    assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000"], status


@pytest.mark.parametrize("block", BLOCKS)
def test_connections_per_address_are_limited_by_nginx(server, make_nginx, block):
    nginx = make_nginx(block, [server.url], path_of(block), connections=3)
    head = f"POST {nginx.path}/api/auth/guest HTTP/1.1\r\nHost: {urlsplit(nginx.url).netloc}\r\nContent-Length: 2\r\n\r\n"

    def guest_answer(status):
        answer = nginx.api.ask("POST /api/auth/guest")
        return answer if answer.status == status else None

    waiting = [nginx.connect() for _ in range(3)]
    for connection in waiting:
        connection.sendall(head.encode())  # and not the body
    refused = until(lambda: guest_answer(429))
    assert (refused.headers["Content-Type"], refused.headers["Retry-After"]) == ("application/problem+json", "2")
    assert (refused.json["code"], refused.json["params"]) == (problems.RATE_LIMITED, {"retry_in": 2})
    assert "Strict-Transport-Security" in refused.headers
    assert nginx.api_from("127.0.0.3").ask("POST /api/auth/guest").status == 201
    for connection in waiting:
        connection.sendall(b"{}")
        assert connection.recv(12) == b"HTTP/1.1 201"
        connection.close()
    assert until(lambda: guest_answer(201))


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
    start(page)
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
