"""Every view at each size and in both themes: no overflow, no layout shift, no findings of axe-core, a small download."""

import json
import re
from itertools import product
from time import sleep

import pytest
from browser import COUNT_FRAMES, FORGET_SHIFTS, SIZES, goes_wrong, play_through, sign_up, start, visit_views
from driver import new_name
from playwright.sync_api import expect
from servers import ROOT, served_below

import rules

VECTORS = ROOT / "tests" / "rules-vectors.json"


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [
        (*SIZES[0], "light"),
        (*SIZES[1], "dark"),
        *(pytest.param(*size, scheme, marks=pytest.mark.long) for size, scheme in product(SIZES, ("light", "dark"))),
    ],
)
def test_nothing_is_wrong_with_any_view(open_page, filled, axe, width, height, scheme):
    page = open_page(filled.url, width, height, color_scheme=scheme, reduced_motion="reduce")
    wrong = {}

    def check(view):
        if found := goes_wrong(page, axe):
            wrong[view] = found

    def go(address, ready):
        """`ready` selects what the previous view doesn't show."""
        page.goto(f"{filled.url}/{address}")
        expect(page.locator(ready).first).to_be_visible()
        check(address)

    check("play")
    go("#/boards?mode=walls", "#boards-table tr:nth-child(20)")
    go("#/boards?mode=pass-through&period=day", "#boards-table:not(:has(tr:nth-child(20))) tr")
    go("#/boards?mode=pass-through&period=day&at=2020-01-01", "#boards-note:has-text('Nobody played then')")
    go("#/players/महेश_中文名_Ωμέγα_x", "#player-games tr")
    go("#/players/Nobody", "#player-note:has-text('Nobody plays here by this name')")
    game = filled.api("GET /api/leaderboard?mode=walls")[0]["game"]
    go(f"#/games/{game}", "#replay-controls")
    go("#/games/nothing", "#replay-note:has-text('There is no such game')")
    go("#/", "#play")
    page.locator("#account").click()
    page.locator("#show-signup").click()
    check("sign up")
    page.locator("#show-login").click()
    check("log in")
    page.keyboard.press("Escape")
    start(page)
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_visible()
    check("paused")
    page.locator("#give-up").click()
    expect(page.locator("#result-sign-up")).to_be_visible()
    check("result")
    page.locator("#result-sign-up").click()
    sign_up(page, new_name())
    page.locator("#account").click()
    expect(page.locator("#account-settings")).to_be_visible()
    check("settings")
    assert wrong == {}


@pytest.mark.parametrize(("width", "height"), SIZES[:2])
def test_what_is_loaded_slowly_moves_nothing(open_page, filled, width, height):
    page = open_page(filled.url, width, height)
    page.wait_for_load_state("networkidle")  # what the start page still loads is not looked at here
    page.evaluate(FORGET_SHIFTS)
    page.route(re.compile("/api/(players|games)/"), lambda route: (sleep(0.3), route.continue_()))
    game = filled.api("GET /api/leaderboard?mode=walls")[0]["game"]
    for address, ready in {"players/Player3": "#player-games tr", f"games/{game}?tick=9": "#replay-controls"}.items():
        page.goto(f"{filled.url}/#/{address}")
        expect(page.locator(ready).first).to_be_visible()
        assert page.evaluate("shifted") <= 0.001, address


@pytest.mark.parametrize(("width", "height"), SIZES[:2])
def test_a_late_answer_moves_nothing_on_the_result(open_page, filled, width, height):
    page, held, late = open_page(filled.url, width, height), [], ["yes"]
    start(page)
    page.route(re.compile("/api/(games|leaderboard)/"), lambda route: held.append(route) if late else route.continue_())
    page.keyboard.press(" ")
    page.locator("#give-up").click()
    expect(page.locator("#result")).to_be_visible()
    page.evaluate(FORGET_SHIFTS)
    page.wait_for_function("() => document.querySelector('#result-waiting').textContent")
    late.clear()
    for route in held:
        route.continue_()
    expect(page.locator("#result-sign-up")).to_be_visible()
    expect(page.locator("#result-rank")).to_contain_text("would be")
    page.evaluate(NEXT_FRAMES)
    assert page.evaluate("shifted") <= 0.001


@pytest.mark.parametrize("width", [320, 360])
def test_small_phones_fit_too(open_page, filled, axe, width):
    page = open_page(filled.url, width, 640)
    views = {"#/": "#play", "#/boards?mode=walls": "#boards-table tr", "#/players/महेश_中文名_Ωμέγα_x": "#player-games tr"}
    for address, ready in views.items():
        page.goto(f"{filled.url}/{address}")
        expect(page.locator(ready).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


@pytest.mark.parametrize(
    ("width", "height"), [(360, 640), (390, 844), (844, 390), (768, 1024), (1024, 600), (1280, 800), (1920, 1080)]
)
def test_the_game_fits_the_screen_without_scrolling(open_page, filled, width, height):
    """With the pad, where there is touch; nobody plays with a finger on more than a tablet."""
    touch = width < 1000
    page = open_page(filled.url, width, height, has_touch=touch, is_mobile=touch)
    start(page)
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    board, screen = page.locator("#board").bounding_box(), min(width, height)
    assert abs(board["width"] - board["height"]) < 1
    assert board["width"] > screen * 0.55


GRID = list(product((320, 390, 600, 768, 900, 1024, 1280, 1920, 2560), (480, 640, 768, 1024, 1440)))
# What reaches over an edge of the window, and buttons and links with something else over them.
CUT_OR_COVERED = """() => {
    const shown = Array.from(document.querySelectorAll("body :is(h1, h2, p, a, button, input, canvas)"))
        .filter((element) => element.checkVisibility({visibilityProperty: true})
            && !element.closest(".sr-only, #skip, [inert]"));
    const cut = shown.filter((element) => {
        const {left, right, width} = element.getBoundingClientRect();
        return width > 1 && (left < -1 || right > innerWidth + 1);
    });
    const covered = shown.filter((element) => element.matches("a, button")).filter((element) => {
        const {left, top, width, height} = element.getBoundingClientRect(), x = left + width / 2, y = top + height / 2;
        const above = width > 1 && document.elementFromPoint(x, y); // null outside of the window
        return above && !element.contains(above) && !above.contains(element);
    });
    const name = (element) => element.id || element.textContent.trim();
    const wide = document.documentElement.scrollWidth > innerWidth ? ["the page is too wide"] : [];
    return [...wide, ...cut.map((each) => `${name(each)} is cut off`), ...covered.map((each) => `${name(each)} is covered`)];
}"""

NEXT_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.mark.parametrize("grid", [GRID[::2], pytest.param(GRID, marks=pytest.mark.long)], ids=["quick", "long"])
@pytest.mark.parametrize("touch", [False, True])
def test_nothing_is_cut_off_or_covered_in_any_window(open_page, filled, touch, grid):
    page, wrong = open_page(filled.url, has_touch=touch, reduced_motion="reduce"), {}

    def check(view):
        if view == "playing":  # a game pauses when the window is turned
            return
        is_page = view.startswith(("#/boards", "#/players", "#/live"))  # as high as what is on it
        for width, height in grid[::2] if is_page else grid:
            page.set_viewport_size({"width": width, "height": height})
            if page.evaluate(CUT_OR_COVERED):
                page.evaluate(NEXT_FRAMES)  # the window's size may have come in between
                if found := page.evaluate(CUT_OR_COVERED):
                    wrong[view, width, height] = found

    visit_views(page, filled, check)
    play_through(page, check)
    assert wrong == {}


PARTS_LOADED = """() => ["hud.js", "demo.js", "playback.js", "effects.js"].every((file) =>
    performance.getEntriesByType("resource").some(({name}) => name.endsWith(`/${file}`)))"""


def test_the_first_load_is_under_84_kb_and_20_files_and_one_call(open_page, filled, browser):
    """What the start card can do without comes later."""
    with browser.new_context(service_workers="block") as context:
        page = context.new_page()
        network, sizes, calls = context.new_cdp_session(page), [], []
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page.on("request", lambda request: calls.append(request.url) if "/api/" in request.url else None)
        page.goto(filled.url)
        page.wait_for_selector("#top li")
        first, first_calls = list(sizes), list(calls)
        page.wait_for_function(PARTS_LOADED)
        page.wait_for_load_state("networkidle")
        loaded = len(sizes)
        page.reload()
        page.wait_for_load_state("networkidle")
    print(f"first load: {len(first)} requests, {sum(first)} bytes on the wire")
    assert len(first_calls) == 1
    assert len(first) - len(first_calls) <= 20
    assert sum(first) < 84_000
    assert sum(sizes[loaded:]) < 2_500  # the second costs two questions


WON = next(vector for vector in json.loads(VECTORS.read_text()) if vector["expect"]["outcome"] == rules.WON)
GROW = """async ([{seed, mode, turns}, tick]) => {
    const {Game} = await import(new URL("rules.js", document.querySelector("script[type=module]").src));
    const game = new Game(seed, mode);
    game.advance(turns, tick);
    Object.assign(state, {game, turns, queue: [], meals: []});
    return game.body.length;
}"""


@pytest.mark.alone
def test_a_game_at_full_length_keeps_the_frame_rate(open_page, live):
    """The long snake of a game that was won, put in the place of one just begun: frames a second, and those of nothing."""
    page = open_page(live.url, 390, 844, device_scale_factor=2)
    start(page)
    length = page.evaluate(GROW, [WON, 39_900])
    assert length > 350
    frames = page.evaluate(COUNT_FRAMES, 3)
    assert page.evaluate("state.game.ticks") > 39_900
    empty = open_page("about:blank", 390, 844, device_scale_factor=2)
    ratio = frames / empty.evaluate(COUNT_FRAMES, 3)
    print(f"a snake of {length} cells: {frames:.0f} frames a second, {ratio:.2f} of an empty loop")
    assert ratio > 0.8


@pytest.fixture
def below_a_path(filled):
    with served_below({"/games/snake": filled}) as url:
        yield f"{url}/games/snake/"


def test_it_works_below_a_path(open_page, below_a_path):
    page = open_page(below_a_path)
    lost = []
    page.on("response", lambda response: lost.append(response.url) if response.status == 404 else None)
    start(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => state.syncedTick > 0")
    page.goto(f"{below_a_path}#/boards?mode=walls")
    expect(page.locator("#boards-table tr").first).to_be_visible()
    page.locator("#boards-table a").first.click()
    expect(page.locator("#view-boards")).to_be_hidden()
    assert lost == []


# A letter that the font lacks is as wide as that of the next font, which is another one each time.
MEASURE = """async (letters) => {
    await document.fonts.load("800 16px Nunito", letters);
    const context = document.createElement("canvas").getContext("2d");
    const width = (letter, next) => {
        context.font = `800 100px Nunito, ${next}`;
        return context.measureText(letter).width;
    };
    return {
        missing: [...letters].filter((letter) => width(letter, "monospace") !== width(letter, "serif")),
        digits: new Set([..."0123456789"].map((digit) => width(digit, "serif"))).size,
    };
}"""


def test_the_font_is_there_with_its_letters_and_digits_of_one_width(page):
    declared = page.evaluate("[...document.fonts].find(({family}) => family === 'Nunito').unicodeRange")
    ends = [[int(end, 16) for end in part.strip().removeprefix("U+").split("-")] for part in declared.split(",")]
    letters = "".join(chr(code) for part in ends for code in range(part[0], part[-1] + 1))
    assert page.evaluate(MEASURE, letters) == {"missing": [], "digits": 1}
    for shown in ("#play", "#score", "#account", "#live-title"):
        assert page.locator(shown).evaluate("(element) => getComputedStyle(element).fontFamily").startswith("Nunito")
