"""Rooms in browser pages, and the devices that play a round in them."""

from datetime import datetime

from browser import REACH_IN
from playwright.sync_api import expect

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
SESSION = "JSON.parse(localStorage['snakepit.session'])"
# Notes when a round's game is opened, the last frame before its first tick, and the frame with that tick, by the
# machine's clock, which is the server's, too. It runs in each frame after the game has advanced.
WATCH_FIRST_TICK = """(number) => {
    let opened = null, before = null;
    window.firstTick = null;
    requestAnimationFrame(function watch() {
        const now = Date.now(), isOpen = state.round?.number === number;
        if (isOpen) opened ??= now;
        if (isOpen && state.game.ticks) return void (window.firstTick = [opened, before, now]);
        before = now;
        requestAnimationFrame(watch);
    });
}"""
ON_TIME_MS = 100
FIRST_TICK_MS = 2000  # after the start of a round


def create(open_page, server, name="Class 7b", my_name="Teacher Mia", **options):
    """Open a room in a new page. Return the page and the code."""
    page = open_page(f"{server.url}/#/rooms", **options)
    page.locator("#room-create [name=my_name]").fill(my_name)
    page.locator("#room-create [name=name]").fill(name)
    page.locator("#room-create [type=submit]").click()
    expect(page.locator("#room-members li")).to_have_count(1)
    return page, page.url.rpartition("/")[2]


def give_name(page, name):
    page.locator("#room-name [name=name]").fill(name)
    page.locator("#room-name [type=submit]").click()
    expect(page.locator("#room-members")).to_contain_text(name)
    return page


def join(open_page, server, code, name, **options):
    """Join by the short address."""
    return give_name(open_page(f"{server.url}/r/{code.lower()}", **options), name)


def join_by_code(open_page, server, typed, name, **options):
    page = open_page(f"{server.url}/#/rooms", **options)
    page.locator("#room-join-code").fill(typed)
    page.keyboard.press("Enter")
    return give_name(page, name)


def open_tab(page, address):
    """Another tab of the same browser."""
    tab = page.context.new_page()
    tab.goto(address)
    tab.evaluate(REACH_IN)
    return tab


def open_room(server, my_name="Teacher Mia"):
    """A room whose host is an Api. Return that and the code."""
    host = server.api.guest()
    return host, host("POST /api/rooms", {"my_name": my_name}, 201)["code"]


def api_of(page, server):
    """An Api with the session of a page."""
    return server.api.as_session(page.evaluate(SESSION))


def start_round(host, tries="many", mode="pass-through"):
    host.locator(f"#room-round label:has([value={mode}])").click()
    host.locator(f"#room-round label:has([value={tries}])").click()
    host.locator("#room-round [name=startsIn]").select_option("5")
    host.locator("#room-round [type=submit]").click()


def next_round(host, code, **fields):
    """Start a round as an Api. Return its number."""
    wanted = {"mode": "pass-through", "minutes": 2, "tries": "many", "starts_in": 3} | fields
    return host(f"POST /api/rooms/{code}/rounds", wanted, 201)["number"]


def plays_on_time(page, planned):
    """Wait for the first tick. Return whether it came within ON_TIME_MS of the `planned` moment.

    It must come in the first frame from then on, even if the machine is too busy for frames, unless it was even too busy
    to open the game by then.
    """
    opened, before, first = page.wait_for_function("() => window.firstTick").json_value()
    plan = page.evaluate("state.round.startsAt + Date.now() - performance.now()")
    assert abs(plan - planned) < ON_TIME_MS
    assert first - planned > -ON_TIME_MS
    if opened > planned:
        return False
    assert before - planned < ON_TIME_MS
    return first - planned < ON_TIME_MS


def first_tick_of(round_):
    return datetime.fromisoformat(round_["starts_at"]).timestamp() * 1000 + FIRST_TICK_MS
