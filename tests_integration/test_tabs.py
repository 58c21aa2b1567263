"""Several tabs of a browser, and games whose player is elsewhere."""

import re

import pytest
from browser import AFTER_TICK, FORGET_SHIFTS, REACH_IN, goes_wrong, start, state
from playwright.sync_api import expect

TOKEN = "JSON.parse(localStorage['snakepit.session']).token"
LEFT = re.compile(r"\b(\d+) s of pausing left")


def open_tab(page, url):
    tab = page.context.new_page()
    tab.goto(url)
    tab.evaluate(REACH_IN)
    return tab


def press_play(tab):
    tab.locator("#play").click()


def press_enter(tab):
    tab.keyboard.press("Enter")


def press_arrow(tab):
    tab.keyboard.press("ArrowLeft")


@pytest.mark.parametrize(
    ("press", "is_open_before", "turns"),
    [(press_play, True, []), (press_enter, False, []), (press_arrow, True, [[1, "L"]])],
)
def test_a_second_tab_asks_before_it_ends_the_game_of_the_first(page, live, press, is_open_before, turns):
    other = open_tab(page, live.url) if is_open_before else None
    start(page)
    other = other or open_tab(page, live.url)
    press(other)
    question = other.get_by_role("dialog")
    expect(question).to_contain_text("another tab")
    expect(question).to_contain_text("0 points in Pass-through")
    other.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert state(other)["phase"] == "idle"
    page.wait_for_function(AFTER_TICK, arg=state(page)["tick"] + 8)  # and a post
    assert state(page)["phase"] == "playing"
    press(other)
    other.get_by_role("button", name="Play here").click()
    other.wait_for_function(AFTER_TICK, arg=0)
    assert state(other)["turns"] == turns  # the key that asked is the first turn
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#result-note")).to_contain_text("second tab")


def test_playing_again_asks_too(page, live):
    start(page, "walls")
    expect(page.locator("#result[data-settled=true]")).to_be_visible()
    other = open_tab(page, live.url)
    start(other)
    page.locator("#play-again").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("another tab")
    page.get_by_role("button", name="Keep that game").click()
    expect(page.locator("#play-again")).to_be_focused()
    assert live.api(f"GET /api/games/{state(other)['id']}")["status"] == "playing"


def test_a_game_on_another_device_ends_only_if_the_player_wants_that(page, live):
    """The server asks: this browser knows of that game by nothing else."""
    start(page, "walls")
    expect(page.locator("#result[data-settled=true]")).to_be_visible()
    device, first = live.api.as_session({"token": page.evaluate(TOKEN), "user": None}), state(page)["id"]
    game = device.open("pass-through")
    device.post(game, 0, 6)
    page.keyboard.press("ArrowLeft")
    question = page.get_by_role("dialog", name="Your game on another device is still open")
    expect(question).to_contain_text("0 points in Pass-through")
    page.get_by_role("button", name="Keep that game").click()
    expect(page.locator("#play-again")).to_be_focused()
    assert (state(page)["id"], state(page)["phase"]) == (first, "over")
    assert device.post(game, 6, 7)["status"] == "playing"
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Play here").click()
    page.wait_for_function("(first) => state.id !== first && state.game.ticks > 0", arg=first)
    assert state(page)["turns"] == [[1, "L"]]  # the key that asked
    assert live.api(f"GET /api/games/{game['id']}")["outcome"] == "left"


def test_the_question_is_accessible(page, live, axe):
    start(page)
    other = open_tab(page, live.url)
    other.set_viewport_size({"width": 320, "height": 480})
    press_play(other)
    expect(other.get_by_role("dialog", name="You are playing in another tab")).to_be_visible()
    other.evaluate(FORGET_SHIFTS)
    assert goes_wrong(other, axe) == []


def test_the_game_of_a_tab_that_was_closed_is_offered_before_another_ends_it(page, live):
    other = open_tab(page, live.url)
    start(page)
    game = state(page)["id"]
    page.close()
    other.locator("#play").click()
    expect(other.locator("#offer")).to_contain_text("still open")
    assert live.api(f"GET /api/games/{game}")["status"] == "playing"
    other.locator("#resume").click()
    other.wait_for_function(AFTER_TICK, arg=0)
    assert state(other)["id"] == game


def test_what_one_tab_continues_no_other_offers(page, live):
    """Two tabs that play on the same game would tell the server different turns."""
    start(page)
    page.goto("about:blank")
    tabs = [open_tab(page, live.url) for _ in range(2)]
    for tab in tabs:
        expect(tab.locator("#resume")).to_be_visible()
    tabs[0].locator("#resume").click()
    expect(tabs[1].locator("#offer")).to_be_hidden()
    expect(tabs[1].locator("#play")).to_have_text("Play")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (1280, 800)])
def test_away_from_a_game_one_sees_the_pausing_that_is_left_and_a_way_back(open_page, live, axe, width, height):
    page = open_page(live.url, width, height)
    start(page)
    expect(page.locator("#waiting")).to_be_hidden()
    for view in ("boards", "live"):
        page.locator(f"header nav a[href='#/{view}']").click()
        expect(page.locator(f"#view-{view}")).to_be_visible()
        waiting = page.locator("#waiting")
        expect(waiting).to_contain_text(LEFT)
        expect(waiting).to_be_in_viewport()
        before = int(LEFT.search(waiting.text_content())[1])
        page.wait_for_function(
            "(before) => parseInt(/(\\d+) s/.exec(document.querySelector('#waiting').textContent)[1]) < before", arg=before
        )
        assert goes_wrong(page, axe) == []
    waiting.click()
    expect(page.locator("#paused")).to_be_visible()
    expect(page.locator("#paused-note")).to_contain_text(LEFT)
    expect(waiting).to_be_hidden()
    paused_at = state(page)["tick"]
    page.keyboard.press(" ")
    page.wait_for_function(AFTER_TICK, arg=paused_at)


def test_the_account_dialog_shows_the_pausing_that_is_left(open_page, live, axe):
    page = open_page(live.url, 320, 640)
    page.locator("#account").click()
    expect(page.locator("#login-form")).to_be_visible()
    expect(page.locator("#account-paused")).to_be_hidden()
    page.keyboard.press("Escape")
    start(page)
    page.locator("#account").click()
    expect(page.locator("#account-paused")).to_contain_text(LEFT)
    page.evaluate(FORGET_SHIFTS)
    assert goes_wrong(page, axe) == []


def test_a_game_that_is_opened_while_the_player_goes_elsewhere_waits(page, live):
    held = []
    page.route("**/api/games", lambda route: held.append(route))
    page.locator("#play").click()
    page.locator("header nav a[href='#/boards']").click()
    expect(page.locator("#view-boards")).to_be_visible()
    assert state(page)["phase"] == "opening"
    held[0].continue_()
    expect(page.locator("#waiting")).to_be_visible()
    assert (state(page)["phase"], state(page)["tick"]) == ("paused", 0)


@pytest.mark.parametrize("options", [{"has_touch": True, "is_mobile": True}, {}], ids=["phone", "window"])
def test_rotating_pauses(open_page, live, options):
    page = open_page(live.url, 390, 844, **options)
    start(page)
    page.set_viewport_size({"width": 390, "height": 700})  # such as the bar of the browser
    page.wait_for_function(AFTER_TICK, arg=state(page)["tick"] + 1)
    assert state(page)["phase"] == "playing"
    for size in ((844, 390), (390, 844)):
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        expect(page.locator("#paused")).to_be_visible()
        page.locator("#go-on").click()
        page.wait_for_function(AFTER_TICK, arg=state(page)["tick"])
