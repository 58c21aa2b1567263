"""On a phone, everything that is pressed is at least 44 px wide and high, and no button lies on another."""

import pytest
from browser import play_through, sign_up, visit_views
from driver import new_name
from playwright.sync_api import expect

# Links in running text are exempt, as in WCAG.
FIND_SMALL = """() => Array.from((document.querySelector("dialog[open]") ?? document)
        .querySelectorAll("a[href], button, input, select, summary, textarea"))
    .filter((element) => element.checkVisibility({visibilityProperty: true}) && !element.closest(".sr-only"))
    .filter((element) => getComputedStyle(element).display !== "inline"
        || !Array.from(element.parentNode.childNodes).some(({nodeType, data}) => nodeType === Node.TEXT_NODE && data.trim()))
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([, {width, height}]) => Math.min(width, height) < 43.9)
    .map(([element, {width, height}]) => `${element.id || element.textContent.trim()}: ${width} x ${height}`)"""

FIND_OVERLAPS = """() => {
    const buttons = Array.from(document.querySelectorAll("main :is(button, .primary, .secondary)"))
        .filter((element) => element.checkVisibility({visibilityProperty: true}))
        .map((element) => [element.id || element.textContent, element.getBoundingClientRect()]);
    return buttons.flatMap(([name, a], n) => buttons.slice(n + 1)
        .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => `${name} and ${other} overlap`));
}"""


@pytest.mark.parametrize(
    ("width", "height", "touch"),
    [(360, 640, True), pytest.param(390, 844, True, marks=pytest.mark.long), (390, 844, False), (844, 390, True)],
)
def test_what_is_pressed_is_as_large_as_a_finger(open_page, filled, width, height, touch):
    page, small = open_page(filled.url, width, height, has_touch=touch), {}

    def check(view):
        if found := page.evaluate(FIND_SMALL) + page.evaluate(FIND_OVERLAPS):
            small[view] = found

    visit_views(page, filled, check)
    play_through(page, check)
    page.locator("#result-sign-up").click()
    check("sign up")
    sign_up(page, new_name())
    page.locator("#account").click()
    expect(page.locator("#account-settings")).to_be_visible()
    check("account")
    page.locator("#close-account").click()
    page.locator("#settings").click()
    expect(page.locator("#settings-dialog")).to_be_visible()
    check("settings")
    assert small == {}
