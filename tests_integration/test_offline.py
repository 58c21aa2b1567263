"""The service worker: what it keeps, that the page starts without the server, and that versions don't mix."""

import re
from shutil import copytree, ignore_patterns

import pytest
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
