"""Settings take effect at once, in all tabs, and before the next visit's first paint."""

from browser import goes_wrong, start
from playwright.sync_api import expect

PIT = """() => {
    const board = document.querySelector("#board"), spot = new OffscreenCanvas(1, 1).getContext("2d");
    spot.drawImage(board, -board.width / 2, -board.height / 12);
    return spot.getImageData(0, 0, 1, 1).data.join();
}"""
LOOKS = """() => ["theme", "palette", "motion", "pad", "hints"].map((name) => document.documentElement.dataset[name])"""
IS_REDUCED = """() => import(new URL("lib/dom.js", document.querySelector("script[type=module]").src))
    .then(({reducedMotion}) => reducedMotion.matches)"""
FORBID_STORAGE = (
    """Object.defineProperty(window, "localStorage", {get() { throw new DOMException("No", "SecurityError"); }});"""
)
OFFER = """() => {
    const offer = new BeforeInstallPromptEvent("beforeinstallprompt", {cancelable: true, platforms: ["web"]});
    offer.prompt = async () => {
        window.prompted = (window.prompted ?? 0) + 1;
        return {outcome: "dismissed", platform: ""};
    };
    dispatchEvent(offer);
    return offer.defaultPrevented;
}"""
SCHEME = "getComputedStyle(document.documentElement).colorScheme"


def choose(page, name, value):
    page.locator(f"label:has([name=settings-{name}][value={value}])").click()


def open_settings(page):
    page.locator("#settings").click()
    expect(page.locator("#settings-dialog")).to_be_visible()


def test_a_change_shows_at_once_in_all_tabs_and_before_the_next_first_paint(open_page, filled):
    page = open_page(filled.url, 390, 844, has_touch=True, color_scheme="light")
    other = page.context.new_page()
    other.goto(filled.url)
    expect(other.locator("#settings")).to_be_visible()
    page.wait_for_function("document.querySelector('#board').width > 300")
    by_day = page.evaluate(PIT)
    open_settings(page)
    choose(page, "theme", "dark")
    page.wait_for_function(f"(before) => ({PIT})() !== before", arg=by_day)  # the canvas, too
    assert page.evaluate(SCHEME) == "dark"
    assert page.locator("meta[name=theme-color][media=all]").get_attribute("content") == "#2b1826"
    choose(page, "palette", "colour-blind")
    choose(page, "motion", "reduced")
    assert page.evaluate(IS_REDUCED)
    for name in ("pad", "hints"):
        page.locator(f"#settings-dialog [name={name}]").click()
    page.locator("#settings-dialog [name=sound]").click()
    expect(page.locator("#settings-dialog [name=volume]")).to_be_enabled()
    chosen = ["dark", "colour-blind", "reduced", "false", "false"]
    for tab in (page, other):
        tab.wait_for_function(f"(chosen) => ({LOOKS})().join() === chosen", arg=",".join(chosen))
        expect(tab.locator("#pad [data-heading=U]")).to_be_hidden()
        expect(tab.locator(".swipe-hint")).to_be_hidden()
        expect(tab.locator("#sound")).to_have_attribute("aria-pressed", "true")
    other.route("**/js/main.js", lambda route: route.abort())
    other.reload()
    assert other.evaluate(LOOKS) == chosen
    assert other.evaluate(SCHEME) == "dark"
    page.get_by_role("button", name="Reset to defaults").click()
    expect(page.locator("#settings-dialog [role=status]")).not_to_be_empty()
    assert page.evaluate(LOOKS) == ["system", "standard", "system", "true", "true"]
    assert page.evaluate(SCHEME) == "light dark"
    assert not page.evaluate(IS_REDUCED)
    expect(page.locator("[name=settings-theme][value=system]")).to_be_checked()


def test_the_dialog_pauses_and_is_for_everyone(open_page, filled, axe):
    page = open_page(filled.url, 360, 640, color_scheme="dark")
    start(page)
    open_settings(page)
    assert page.evaluate("state.phase") == "paused"
    assert goes_wrong(page, axe) == []
    page.locator("[name=settings-theme][value=system]").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SCHEME) == "light"
    assert page.evaluate("state.phase") == "paused"
    page.keyboard.press("Escape")
    expect(page.locator("#settings-dialog")).to_be_hidden()
    expect(page.locator("#settings")).to_be_focused()
    assert page.evaluate("state.phase") == "paused"


def test_without_storage_settings_last_for_the_page(open_page, filled):
    page = open_page("about:blank")
    page.add_init_script(FORBID_STORAGE)
    page.goto(filled.url)
    open_settings(page)
    choose(page, "theme", "dark")
    page.goto(f"{filled.url}/#/boards")
    assert page.evaluate(SCHEME) == "dark"


def test_the_browsers_offer_to_install_is_in_the_dialog_as_long_as_it_stands(open_page, live, axe):
    page = open_page(live.url, 390, 844)
    install = page.get_by_role("button", name="Install", exact=True)
    assert page.evaluate(OFFER)  # the dialog is not loaded yet
    open_settings(page)
    install.scroll_into_view_if_needed()
    assert goes_wrong(page, axe) == []
    install.press("Enter")
    expect(install).to_be_hidden()
    expect(page.get_by_role("button", name="Reset to defaults")).to_be_focused()
    assert page.evaluate("prompted") == 1
    page.evaluate(OFFER)  # the player has declined
    expect(install).to_be_visible()
    page.evaluate("dispatchEvent(new Event('appinstalled'))")
    expect(install).to_be_hidden()
    expect(page.locator("#settings-dialog [role=status]")).to_have_text("Snakepit is installed.")
    page.reload()
    open_settings(page)
    expect(install).to_be_hidden()
