"""Text of up to twice the usual size, and pages zoomed in to 400 %: everything has room, if only below."""

from secrets import token_hex

import pytest
from browser import play_through, visit_views
from driver import PASSWORD
from live_games import LiveGame
from playwright.sync_api import expect

SIZES = (pytest.param(24, marks=pytest.mark.long), 32)  # of the browser's font, in px; 16 is usual
WINDOWS = [(360, 640), (390, 844), (844, 390), (1280, 800)]
ZOOMED_IN = (320, 256)  # 1280x1024 at 400 %

# Names and code may break anywhere; their words are not looked at.
FIND_FAULTS = """() => {
    const top = document.querySelector("dialog[open]") ?? document.body, found = [];
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide > 0) found.push(`${wide} px too wide`);
    const name = (element) => element.id || element.className || element.textContent.trim().slice(0, 20) || element.tagName;
    const isShown = (element) => element.checkVisibility({visibilityProperty: true, opacityProperty: true})
        && !element.closest(".sr-only, #skip, thead");
    const shown = Array.from(top.querySelectorAll("*")).filter(isShown);

    for (const element of shown) {
        const {left, right, width} = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (width > 1 && (left < -1 || right > innerWidth + 1)) found.push(`outside: ${name(element)}`);
        const isBox = element.matches("button, .switch span, p, h1, h2, .card, .stat, dialog");
        if (isBox && style.textOverflow !== "ellipsis" && element.clientWidth > 1 && style.clipPath === "none"
            && element.scrollWidth > element.clientWidth + 2) found.push(`cut: ${name(element)}`);
    }

    const texts = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
    for (let node; node = texts.nextNode();) {
        if (!isShown(node.parentElement) || node.parentElement.closest("bdi, code, pre, svg, [dir=auto]")) continue;
        for (const {0: word, index} of node.data.matchAll(/\\p{L}{2,}/gu)) {
            const range = new Range();
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            const lines = new Set(Array.from(range.getClientRects(), ({top}) => Math.round(top)));
            if (lines.size > 1) found.push(`broken: ${word}`);
        }
    }

    for (const element of shown.filter((element) => element.matches("a[href], button, input, summary"))) {
        element.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
        const {x, y, width, height} = element.getBoundingClientRect();
        const hit = document.elementFromPoint(x + width / 2, y + height / 2);
        if (!element.contains(hit) && !hit?.contains(element)) found.push(`covered: ${name(element)} by ${name(hit)}`);
    }
    scrollTo(0, 0);
    return found;
}"""


@pytest.fixture(scope="module", params=SIZES)
def browser(start_browser, request):
    """With a larger text, as people set it."""
    chromium = start_browser(f"--blink-settings=defaultFontSize={request.param}")
    yield chromium
    chromium.close()


@pytest.mark.parametrize("touch", [False, True])
def test_every_view_has_room(open_page, filled, touch):
    page, wrong = open_page(filled.url, has_touch=touch), {}
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") in (24, 32)

    def check(view):
        for width, height in WINDOWS:
            page.set_viewport_size({"width": width, "height": height})
            if found := page.evaluate(FIND_FAULTS):
                wrong[view, width, height] = found

    visit_views(page, filled, check)
    page.locator("#account").click()
    check("log in")
    page.locator("#show-signup").click()
    check("sign up")
    page.locator("#show-login").click()
    name = f"A_name_of_20_{token_hex(4)}"[:20]
    player = filled.api.sign_up(name)
    player.play(5)
    page.locator("#login-form [name=username]").fill(name)
    page.locator("#login-form [name=password]").fill(PASSWORD)
    page.locator("#login-form [type=submit]").click()
    expect(page.locator("#account")).to_have_text(name)
    page.goto(f"{filled.url}/#/boards?mode=walls")
    expect(page.locator("#boards-me.is-standing")).to_be_visible()
    check("own row")
    game = LiveGame(player, meals=2)
    page.goto(f"{filled.url}/#/live")
    expect(page.locator("#live-wall li")).to_be_visible()
    check("live game")
    game.crash()
    assert wrong == {}


@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_a_game_has_room(open_page, filled, width, height):
    assert play_and_look(open_page(filled.url, width, height, has_touch=width < 1000, reduced_motion="reduce")) == {}


@pytest.mark.parametrize("browser", [16], indirect=True)
def test_a_game_has_room_at_400_percent(open_page, filled, browser):
    assert play_and_look(open_page(filled.url, *ZOOMED_IN, reduced_motion="reduce")) == {}


def play_and_look(page):
    """Return the faults found before, during and after a game."""
    wrong = {}

    def check(moment):
        if found := page.evaluate(FIND_FAULTS):
            wrong[moment] = found
        if moment != "playing":
            return
        assert page.locator("#board").bounding_box()["width"] >= min(page.viewport_size.values()) * 0.55
        if page.viewport_size["width"] > ZOOMED_IN[0]:
            assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0

    check("before")
    play_through(page, check)
    return wrong


def test_the_page_of_the_api_has_room(open_page, filled):
    page, wrong = open_page("about:blank"), {}
    page.goto(f"{filled.url}/api/docs")
    expect(page.locator("#calls summary").first).to_be_visible()
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        if found := page.evaluate(FIND_FAULTS):
            wrong[width, height] = found
    assert wrong == {}
