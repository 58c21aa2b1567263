"""Link previews: a page and an image for preview cards, which lead to the client."""

import re
import struct
import threading
import zlib
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from types import SimpleNamespace

import pytest
import webtest
from driver import drive, plan

import rules
from game import preview_image, previews, records
from web.problems import Problem


@pytest.fixture
def client(app):
    return webtest.TestApp(app)


def said(page):
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page.text))


def test_the_card_has_the_player_and_the_score(client, ada):
    game, _, answer = ada.play(3)
    page = client.get(f"/games/{game['id']}")
    assert page.content_type == "text/html"
    assert "<title>30 by Ada · Snakepit</title>" in page.text
    card = said(page)
    assert card["og:title"] == "30 by Ada"
    assert "hit the wall" in card["og:description"]
    assert str(answer["tick"]) in card["og:description"]
    assert card["og:image"] == f"http://localhost:80/games/{game['id']}/card.png"


@pytest.mark.parametrize(
    ("peer", "prefix", "path"),
    [
        ("192.0.2.1", "/snake", "/snake/games"),
        ("192.0.2.1", "/a/b/", "/a/b/games"),
        ("192.0.2.1", "//elsewhere.example", "/elsewhere.example/games"),
        ("192.0.2.1", '/"><script>', "/%22%3E%3Cscript%3E/games"),
        ("192.0.2.2", "/snake", "/games"),
    ],
)
def test_below_a_path_the_picture_is_where_a_trusted_proxy_says(make_app, peer, prefix, path):
    app = make_app(trusted_proxies="192.0.2.1")
    game, _, _ = drive(app).sign_up("Ada").play(0)
    headers = {"X-Forwarded-Prefix": prefix, "X-Forwarded-Host": "snake.example", "X-Forwarded-Proto": "https"}
    page = webtest.TestApp(app).get(f"/games/{game['id']}", headers=headers, extra_environ={"REMOTE_ADDR": peer})
    site = "https://snake.example" if peer == "192.0.2.1" else "http://localhost:80"
    assert said(page)["og:image"] == f"{site}{path}/{game['id']}/card.png"


def test_the_picture_is_below_the_public_url(make_app):
    app = make_app(public_url="https://pit.example.org/snake")
    game, *_ = drive(app).sign_up("Ada").play(1)
    page = webtest.TestApp(app).get(f"/games/{game['id']}", headers={"Host": "elsewhere.example"})
    assert said(page)["og:image"] == f"https://pit.example.org/snake/games/{game['id']}/card.png"


def test_the_card_leads_on_to_the_client_at_the_tick_that_it_was_asked_for(client, ada):
    game, _, _ = ada.play(3)
    address = f"/games/{game['id']}"
    assert f'content="0; url=../#/games/{game["id"]}">' in client.get(address).text
    assert f'url=../#/games/{game["id"]}?tick=41"' in client.get(f"{address}?tick=41").text


@pytest.mark.parametrize(
    "query",
    ["fbclid=x", "fbclid=x&utm_source=y", "tick=x", "tick=-1", "tick=", "utm_source=%ff&gclid=1", "=&&tick", "x" * 4000],
)
def test_what_trackers_add_to_a_shared_address_is_ignored(client, ada, query):
    game, _, _ = ada.play(3)
    address = f"/games/{game['id']}"
    assert f'url=../#/games/{game["id"]}"' in client.get(f"{address}?{query}").text
    assert f'url=../#/games/{game["id"]}?tick=41"' in client.get(f"{address}?tick=41&{query.replace('tick', 'x')}").text
    assert client.get(f"{address}/card.png?{query}").content_type == "image/png"
    assert client.get(f"/?{query}").content_type == "text/html"


def test_parameters_of_trackers_are_ignored_on_pages_and_refused_below_api(app, client, ada):
    game, _, _ = ada.play(3)
    trackers, browser = "fbclid=x&utm_source=y", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path, status in (("/", 200), (f"/games/{game['id']}", 200), ("/games/nothing", 404)):
        page = client.get(f"{path}?{trackers}", headers=browser, status=status)
        assert page.content_type == "text/html", path
    assert f"url=../#/games/{game['id']}" in client.get(f"/games/{game['id']}?{trackers}&tick=", headers=browser).text
    calls = [
        path
        for path, methods in client.get("/api/openapi.json").json["paths"].items()
        if path.startswith("/api/") and "get" in methods
    ]
    assert "/api/games/{game_id}" in calls
    code = ada("POST /api/rooms", {}, 201)["code"]
    for path in calls:
        path = path.format(game_id=game["id"], name="Ada", session_id="1", code=code, number=1)
        assert ada.ask(f"GET {path}?{trackers}").status == 422, path


def test_the_card_of_a_game_in_progress(client, ada):
    game = ada.open()
    assert said(client.get(f"/games/{game['id']}"))["og:title"] == "Ada is playing"


def test_an_unknown_game_is_404_and_leads_to_the_client(client):
    page = client.get("/games/nothing?fbclid=x", status=404)
    assert page.content_type == "text/html"
    assert "There is no such game" in page.text
    assert "cut short" in page.text
    assert 'url=../#/games/nothing"' in page.text
    assert {"../#/", "../#/boards"} <= set(re.findall('<a href="([^"]*)">', page.text))
    client.get("/games/nothing/card.png", status=404)


@pytest.mark.parametrize("game_id", ["%22%3E%3Cscript%3E", "%27%26amp%3B", "%00", "a" * 500, "%D1%84"])
def test_an_address_is_in_the_page_only_as_it_is_spelled(client, game_id):
    page = client.get(f"/games/{game_id}", status=404)
    assert f'url=../#/games/{game_id}"' in page.text
    assert "script>" not in page.text
    assert page.content_type == "text/html"


def test_names_are_text_whatever_they_are_made_of(ada, db):
    game, _, _ = ada.play()
    named = records.get_game(game["id"])._replace(username='<b>"Ada"')
    assert "<b>" not in previews.page(named, "http://x/games/1")
    assert "&lt;b&gt;&quot;Ada&quot;" in previews.page(named, "http://x/games/1")


def test_the_picture_is_a_png_of_the_last_state(client, ada):
    game, turns, answer = ada.play(2)
    png = client.get(f"/games/{game['id']}/card.png")
    assert png.content_type == "image/png"
    pixels = decode(png.body)
    played = rules.Game(game["seed"], "walls")
    played.advance(turns, answer["tick"])
    snake = set(played.body)
    for cell in range(rules.CELLS):
        shown = pixels[preview_image.TOP + cell // 20 * preview_image.CELL + 5][
            preview_image.LEFT + cell % 20 * preview_image.CELL + 5
        ]
        assert (shown == preview_image.SNAKE) == (cell in snake), cell


@pytest.mark.parametrize("every", [60, pytest.param(1, marks=pytest.mark.long)])
def test_pictures_of_every_kind_can_be_drawn(every):
    for mode in rules.MODES:
        turns, end = plan(7, mode, 12)
        for tick in [*range(0, end, every), end]:
            game = rules.Game(7, mode)
            game.advance(turns, tick)
            assert all(len(row) == preview_image.WIDTH for row in decode(preview_image.draw(game)))


def decode(png):
    """Return the rows of palette indices of a PNG that preview_image.draw has made."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(kind + content)
        data += content if kind == b"IDAT" else b""
        at += 12 + length
    raw, width = zlib.decompress(data), preview_image.WIDTH + 1
    assert len(raw) == width * preview_image.HEIGHT
    return [raw[start + 1 : start + width] for start in range(0, len(raw), width)]


def test_a_picture_that_the_client_has_costs_a_304(client, ada):
    game = ada.open()
    first = client.get(f"/games/{game['id']}/card.png")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get(f"/games/{game['id']}/card.png", headers=known).status_int == 304
    ada.post(game, 0, 5)
    again = client.get(f"/games/{game['id']}/card.png", headers=known)
    assert (again.status_int, again.body == first.body) == (200, False)


def found(number):
    return SimpleNamespace(id=f"game{number}", tick=7)


def test_a_picture_is_drawn_once_and_cached():
    kept, drawn, is_drawing, may_go_on = previews.ImageCache(), [], threading.Event(), threading.Event()

    def draw(game):
        drawn.append(game.id)
        is_drawing.set()
        may_go_on.wait(30)
        return b"PNG"

    with ThreadPoolExecutor(8) as clients:
        first = clients.submit(kept.get, found(1), draw)
        is_drawing.wait(30)
        others = [clients.submit(kept.get, found(1), draw) for _ in range(7)]
        may_go_on.set()
        assert [client.result(30) for client in (first, *others)] == [b"PNG"] * 8
    assert kept.get(found(1), draw) == b"PNG"
    assert drawn == ["game1"]


def test_the_latest_pictures_are_kept_and_no_more():
    kept, drawn = previews.ImageCache(), []

    def draw(game):
        drawn.append(game.id)
        return b"PNG"

    for number in range(kept.MAX_SIZE):
        kept.get(found(number), draw)
    kept.get(found(kept.MAX_SIZE), draw)  # in the place of 0
    drawn.clear()
    for number in (1, kept.MAX_SIZE, 0):
        kept.get(found(number), draw)
    assert drawn == ["game0"]


def test_only_so_many_wait_for_their_pictures():
    kept, may_go_on = previews.ImageCache(), threading.Event()

    def draw(game):
        may_go_on.wait(30)
        return b"PNG"

    with ThreadPoolExecutor(kept.MAX_WAITING + 1) as clients:
        clients = [clients.submit(kept.get, found(number), draw) for number in range(kept.MAX_WAITING + 1)]
        [last], waiting = wait(clients, 30, FIRST_COMPLETED)
        with pytest.raises(Problem) as refused:
            last.result()
        may_go_on.set()
        assert all(client.result(30) == b"PNG" for client in waiting)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "5")
    assert kept.get(found(99), draw) == b"PNG"


def test_a_picture_that_could_not_be_drawn_is_tried_again():
    kept = previews.ImageCache()

    def fail(game):
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        kept.get(found(1), fail)
    assert kept.get(found(1), lambda game: b"PNG") == b"PNG"


@pytest.mark.parametrize(
    ("settings", "address"),
    [({}, "http://localhost:80/"), ({"public_url": "https://snake.example/pit"}, "https://snake.example/pit/")],
)
def test_a_link_to_the_server_has_a_card_with_absolute_addresses(make_app, settings, address):
    client = webtest.TestApp(make_app(**settings))
    page = client.get("/?fbclid=x")
    card = said(page)
    assert {"og:title", "og:description", "og:site_name", "og:type", "og:image:alt", "twitter:card"} <= card.keys()
    assert card["og:url"] == address
    assert card["og:image"].startswith(f"{address}static/v-")
    image = client.get(f"/{card['og:image'].removeprefix(address)}")
    assert "immutable" in image.headers["Cache-Control"]
    width, height = struct.unpack(">II", image.body[16:24])
    assert (width, height) == (int(card["og:image:width"]), int(card["og:image:height"])) == (1200, 630)
    assert len(image.body) < 100_000
    assert client.get("/", headers={"If-None-Match": page.headers["ETag"]}, status=304)


def test_the_page_of_another_host_is_another(make_app):
    client = webtest.TestApp(make_app())
    pages = [client.get("/", headers={"Host": host}) for host in ("a.example", "b.example", 'c"><script>.example')]
    assert [said(page)["og:url"] for page in pages] == ["http://a.example/", "http://b.example/", "http://localhost:80/"]
    assert len({page.headers["ETag"] for page in pages}) == 3
