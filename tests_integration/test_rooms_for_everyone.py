"""Rooms by keyboard alone, for screen readers, in both themes, and on a big screen that shows what strangers may see."""

import re

from browser import FORGET_SHIFTS, goes_wrong, steer
from playwright.sync_api import expect
from room_pages import api_of, create

LISTEN = """() => {
    window.said = [];
    for (const live of document.querySelectorAll("#room-say, #announce, #room [role=status]"))
        new MutationObserver(() => window.said.push(live.textContent)).observe(live, {childList: true});
}"""
NOTE_WAKE_LOCK = """
    const request = WakeLock.prototype.request;
    WakeLock.prototype.request = async function (type) { return window.lock = await request.call(this, type); };"""

LINES = """(element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return new Set(Array.from(range.getClientRects(), ({ top }) => top)).size;
}"""


class Examiner:
    """Looks at pages in both themes, and remembers what is wrong, but for what has moved by then: things come and go."""

    def __init__(self, axe):
        self.axe, self.found = axe, {}

    def look(self, page, view, stays="true"):
        page.evaluate(FORGET_SHIFTS)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if wrong := goes_wrong(page, self.axe, stays):
                self.found[view, scheme] = wrong


def tab_to(page, selector):
    for _ in range(60):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key doesn't lead to {selector}")


def press(page, selector, *keys):
    tab_to(page, selector)
    for key in keys:
        page.keyboard.press(key)


def test_rooms_are_for_everyone(open_page, live, axe):
    examiner = Examiner(axe)
    page = open_page(f"{live.url}/#/rooms")
    expect(page.locator("#room-join-code")).to_be_focused()
    examiner.look(page, "entry")
    tab_to(page, "#room-create [name=my_name]")
    page.keyboard.type("Teacher Mia")
    page.keyboard.press("Enter")
    expect(page.locator("#room-members li")).to_have_count(1)
    code = page.url.rpartition("/")[2]
    expect(page.locator("#room-title")).to_have_text("Code of the room")  # it has no name
    head, title = (page.locator(f"#room > .page-head{part}").bounding_box() for part in ("", " > :first-child"))
    assert title["width"] > 0.4 * head["width"]  # beside the warning that only this computer can open the address

    screen = open_page("about:blank", 1280, 720)
    screen.context.grant_permissions(["screen-wake-lock"])  # a Chromium without windows refuses it otherwise
    screen.add_init_script(NOTE_WAKE_LOCK)
    screen.goto(f"{live.url}/#/rooms/{code}/screen")
    expect(screen.locator("#screen-qr svg")).to_be_visible()
    screen.wait_for_function("() => window.lock && !window.lock.released")
    guest = live.api.guest()
    guest(f"POST /api/rooms/{code}/members", {"name": "ليلى العربية الجميلة"})
    expect(screen.locator("#screen-members li")).to_have_count(2)
    expect(page.locator("#room-members li")).to_have_count(2)
    examiner.look(screen, "screen: lobby")
    examiner.look(page, "lobby and host's controls")

    page.evaluate(LISTEN)
    press(page, "#room-round [name=mode]", "ArrowRight")
    press(page, "#room-round [name=tries]", "ArrowRight")
    press(page, "#room-round [name=minutes]", "ArrowDown")
    press(page, "#room-round [type=submit]", "Enter")
    expect(page.locator("#room-count")).to_have_text(re.compile(r"^\d+$"))
    expect(screen.locator("#screen-count")).to_have_text(re.compile(r"^\d+$"))
    for terms in (page.locator("#room-terms"), screen.locator("#screen-terms")):
        expect(terms).to_have_text("5 minutes, as many tries as you like")
    expect(screen.locator("#screen-next")).to_have_text("Round 1 · Pass-through")
    examiner.look(page, "countdown", "document.querySelector('#room-now').dataset.phase === 'waiting'")
    examiner.look(screen, "screen: countdown", "document.querySelector('#screen-next').textContent !== ''")
    round_ = live.api(f"GET /api/rooms/{code}")["round"]
    assert (round_["mode"], round_["tries"], round_["minutes"]) == ("pass-through", "many", 5)

    page.wait_for_function("() => state.game?.ticks > 0")
    guest("POST /api/games", {"room": code}, 201)
    steer(page, 10)
    expect(page.locator("#next-label")).to_have_text("1st of 2")
    expect(page.locator("#announce")).to_contain_text("You are 1st of 2.")
    expect(screen.locator("#screen-ranking li")).to_have_count(2)
    expect(screen.locator("#screen-wall")).to_be_hidden()  # it shows no games to strangers
    examiner.look(screen, "screen: game")
    page.keyboard.press("Space")
    examiner.look(page, "pause")
    press(page, "#give-up + button", "Enter")
    press(page, "#room-lock", "Space")
    expect(page.locator("#room-note")).to_contain_text("Locked")
    expect(page.locator("#room-play")).to_have_text("Go on")
    page.locator("#waiting").click()
    expect(page.locator("#go-on")).to_be_focused()
    press(page, "#give-up", "Enter")
    expect(page.locator("#room-play")).to_be_focused()
    expect(page.locator("#room-what")).to_have_text("You left the pit")
    expect(page.locator("#room-place")).to_have_text("You are 1st of 2.")
    examiner.look(page, "result")
    press(page, "#room-end", "Enter")
    expect(page.locator("#room-what")).to_have_text("Round 1 is over")
    expect(screen.locator("#podium-replay canvas")).to_be_visible()
    examiner.look(screen, "screen: podium")
    said = page.evaluate("said")
    assert "The round starts in 5 seconds." in said
    assert said.count("You are 1st of 2.") == 1

    expect(page.locator("#room-round [type=submit]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#room-what")).to_contain_text("Round 2")
    api_of(page, live)(f"DELETE /api/rooms/{code}/rounds/2", status=204)
    screen.get_by_role("link", name="Back to the room").click()
    expect(screen.locator("#room > .notice")).to_contain_text("locked this room")
    screen.wait_for_function("() => window.lock.released")
    assert examiner.found == {}


def test_no_line_ends_within_the_code_that_others_type(open_page, live):
    page, code = create(open_page, live)
    shown = page.locator("#room-address span")
    expect(shown).to_have_text(code)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width in range(320, 700, 20):
        page.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate(LINES) == 1, width
