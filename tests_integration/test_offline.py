"""The service worker: what it keeps, that the page starts without the server, practice, and that versions don't mix."""

import re
from shutil import copytree, ignore_patterns

import pytest
from browser import REACH_IN, give_up, start
from playwright.sync_api import expect
from servers import ROOT, Server, served_below

KEPT = """async () => {
    const found = {};
    for (const name of await caches.keys()) {
        const kept = await caches.open(name), requests = await kept.keys();
        found[name] = await Promise.all(requests.map(async (request) =>
            [new URL(request.url).pathname, (await kept.match(request)).headers.get("Cache-Control")]));
    }
    return found;
}"""


@pytest.fixture
def open_kept(open_page):
    """Opens the page, and waits until the service worker keeps it."""

    def open_kept(url):
        page = open_page(url, service_workers="allow")
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        return page

    return open_kept


def test_the_page_starts_without_the_server(open_kept, live):
    page = open_kept(live.url)
    kept = page.evaluate(KEPT)
    (name,) = kept
    assert re.fullmatch(r"snakepit / v-[0-9a-f]{12}", name)
    version = name.split()[-1]
    assert all(path.startswith(f"/static/{version}/") and "immutable" in control for path, control in kept[name])
    live.stop()
    page.reload()
    expect(page.locator("#play")).to_be_visible()
    page.goto(f"{live.url}/#/boards")
    expect(page.locator("#boards-note")).to_contain_text("can't be reached")
    page.goto(f"{live.url}/games/1")
    expect(page.locator("#replay-note")).to_contain_text("can't be reached")
    assert page.url == f"{live.url}/#/games/1"


def test_games_without_the_server_are_practice_until_it_is_back(open_kept, live):
    page = open_kept(live.url)
    trouble, connection, play = page.locator("#trouble"), page.locator("#connection"), page.locator("#play")
    sent = []
    live.stop()
    play.click()
    expect(trouble).to_contain_text("games are practice and don't count")
    page.reload()
    page.evaluate(REACH_IN)
    expect(trouble).to_contain_text("games are practice and don't count")
    expect(play).to_have_text("Practise")
    page.on("request", lambda request: sent.append(request.url) if "/api/" in request.url else None)
    start(page)
    expect(connection).to_have_text("Offline: just practice")
    expect(connection).to_have_attribute("data-state", "lost")
    expect(page.locator("#next-label")).to_have_text("Not counted")
    give_up(page)
    expect(page.locator("#result-note")).to_contain_text("this game doesn't count")
    expect(page.locator("#result-replay")).to_be_hidden()
    expect(page.locator("#play-again")).to_have_text("Practise")
    page.locator("#play-again").click()
    page.wait_for_function("() => state.phase === 'playing'")
    live.start()
    expect(connection).to_have_text("Online: the next game counts")
    expect(connection).to_have_attribute("data-state", "fine")
    give_up(page)
    assert set(sent) == {f"{live.url}/api/home"}
    assert live.api("GET /api/games/active") == []
    expect(page.locator("#play-again")).to_have_text("Play again")
    page.locator("#play-again").click()
    page.wait_for_function("() => state.id && state.syncedTick > 0")
    assert len(live.api("GET /api/games/active")) == 1


def test_a_challenge_is_not_practised(open_kept, live):
    page = open_kept(live.url)
    live.stop()
    page.goto(f"{live.url}/#/?challenge=daily")
    page.evaluate(REACH_IN)
    expect(page.locator("#play")).to_have_text("Play")
    page.locator("#play").click()
    expect(page.locator("#trouble")).to_contain_text("can't be reached")
    assert page.evaluate("state.game") is None


def test_two_servers_at_one_origin_keep_their_own_and_one_that_is_gone_leaves_nothing(open_kept, live):
    servers = {"/a": live, "": live}
    with served_below(servers) as url:
        page = open_kept(f"{url}/a/")
        there = page.context.new_page()
        there.goto(url)
        there.wait_for_function("() => navigator.serviceWorker.controller !== null")
        assert sorted(name.split()[1] for name in page.evaluate(KEPT)) == ["/", "/a/"]
        del servers["/a"]
        assert page.reload().status == 404
        there.wait_for_function("""async () => {
            const names = await caches.keys(), workers = await navigator.serviceWorker.getRegistrations();
            return names.length === 1 && names[0].startsWith("snakepit / ") && workers.length === 1;
        }""")


@pytest.fixture
def changing(tmp_path):
    """A server whose files may be changed."""
    folder = tmp_path / "changing"
    folder.mkdir()
    copytree(ROOT, folder / "code", ignore=ignore_patterns(".*", "__pycache__", "docs", "tests*"))
    server = Server(folder, DATABASE_URL=f"sqlite:///{folder}/snake.db")
    server.program = folder / "code" / "service.py"
    server.command[-1] = server.program
    yield server.start()
    server.kill()


def test_an_upgrade_waits_until_no_page_needs_the_old_version(open_kept, changing):
    page = open_kept(changing.url)
    (before,) = page.evaluate(KEPT)
    changed = changing.program.parent / "static" / "js" / "live" / "wall.js"
    changed.write_text(f"{changed.read_text()}// changed\n")
    newer = page.context.new_page()
    newer.goto(changing.url)
    newer.wait_for_function("async () => (await navigator.serviceWorker.getRegistration()).waiting")
    page.goto(f"{changing.url}/#/live")
    expect(page.locator("#view-live")).to_be_visible()
    text = page.evaluate("""fetch(document.querySelector("script[type=module]").src.replace("main.js", "live/wall.js"))
        .then((response) => response.text())""")
    assert "// changed" not in text
    page.close()
    newer.reload()
    newer.wait_for_function("async (before) => !(await caches.keys()).includes(before)", arg=before)
    (after,) = newer.evaluate("caches.keys()")
    changing.kill()
    newer.reload()
    assert newer.locator("script[type=module]").get_attribute("src").split("/")[1] == after.split()[-1]
