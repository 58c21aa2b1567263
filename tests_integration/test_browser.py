"""The client in a real Chromium, on a real server: what keys do, and what the page says."""

import re

import pytest
from driver import PASSWORD, first_step
from playwright.sync_api import expect

import rules

KEYS = {"U": ("ArrowUp", "w"), "R": ("ArrowRight", "d"), "D": ("ArrowDown", "s"), "L": ("ArrowLeft", "a")}
# What the page's own modules know, put where a test's predicates reach it at once.
REACH_IN = """import(new URL("play.js", document.querySelector("script[type=module]").src))
    .then(({state}) => { window.state = state; })"""
STATE = """({
    phase: state.phase, id: state.id, seed: state.seed, mode: state.mode, turns: state.turns,
    tick: state.game?.ticks, stored: state.stored, connection: state.connection,
})"""
AFTER_TICK = """(tick) => state.game?.ticks > tick || state.phase === "over" """


@pytest.fixture
def server(make_server, tmp_path):
    """As people run it: at the true pace."""
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", ENFORCE_PACE="true")


@pytest.fixture
def page(browser, server):
    """The page at 1280x800; in the end its console holds no error and no warning, but the browser's own on requests."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.url)
        page.evaluate(REACH_IN)
        yield page
        assert [text for text in said if not text.startswith("Failed to load resource")] == []


def state(page):
    return page.evaluate(STATE)


def start(page, mode="walls"):
    """Start a game, and wait until it runs."""
    page.locator(f"label:has(#mode-{mode})").click()
    page.locator("#play").click()
    page.wait_for_function(AFTER_TICK, arg=0)


def game_of(found):
    """The rules.Game that the page is at."""
    game = rules.Game(found["seed"], found["mode"])
    game.advance(found["turns"], found["tick"])
    return game


def steer(page, points):
    """Play by keys, arrows and letters in turn, until the snake has so many points."""
    presses = 0
    while (game := game_of(state(page))).score < points:
        assert game.outcome is None
        heading = first_step(game)
        if heading != game.heading:
            page.keyboard.press(KEYS[heading][presses % 2])
            presses += 1
        page.wait_for_function(AFTER_TICK, arg=game.ticks)


def sign_up(page, name):
    page.locator("#signup-form [name=username]").fill(name)
    page.locator("#signup-form [name=password]").fill(PASSWORD)
    page.locator("#signup-form [type=submit]").click()
    expect(page.locator("#signup-form")).to_be_hidden()


def test_key_presses_play_a_game_to_its_end_and_the_score_shows_on_the_board(page, server):
    page.locator("#account").click()
    page.locator("#show-signup").click()
    sign_up(page, "Ada")
    start(page)
    steer(page, 30)
    expect(page.locator("#result")).to_be_visible(timeout=10_000)  # straight on, into a wall
    found = state(page)
    score = game_of(found).score
    assert score >= 30
    expect(page.locator("#result-score")).to_have_text(str(score))
    expect(page.locator("#result-rank")).to_contain_text("1st")
    page.locator("a[href='#/boards']").first.click()
    row = page.locator("#boards-table tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Ada")
    expect(row).to_contain_text(str(score))
    record = server.api(f"GET /api/games/{found['id']}")
    assert (record["turns"], record["score"], record["ranked"]) == (found["turns"], score, True)


def test_a_guest_plays_and_signing_up_puts_the_score_on_the_board(page, server):
    start(page)
    steer(page, 10)
    expect(page.locator("#result")).to_be_visible(timeout=10_000)
    expect(page.locator("#result-sign-up")).to_be_visible()
    assert server.api("GET /api/leaderboard") == []
    page.locator("#result-sign-up").click()
    sign_up(page, "Ada")
    expect(page.locator("#result-rank")).to_contain_text("1st")
    assert [entry["username"] for entry in server.api("GET /api/leaderboard")] == ["Ada"]


def test_a_quick_double_turn_takes_one_tick_after_the_other(page):
    """Up, then left and down at once: taken together they would turn the snake into its own neck."""
    start(page, "pass-through")
    before = state(page)["tick"]
    for key in ("ArrowLeft", "ArrowDown", "ArrowUp", "ArrowDown"):  # of which the last two lead nowhere
        page.keyboard.press(key)
    page.wait_for_function(AFTER_TICK, arg=before + 4)
    [first, second] = state(page)["turns"]
    assert [first[1], second[1]] == ["L", "D"]
    assert second[0] == first[0] + 1


def test_space_pauses_and_goes_on_and_so_does_leaving_the_view(page):
    start(page, "pass-through")
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_visible()
    paused_at = state(page)["tick"]
    page.keyboard.press(" ")
    page.wait_for_function(AFTER_TICK, arg=paused_at + 2)
    page.locator("a[href='#/boards']").first.click()
    expect(page.locator("#view-boards")).to_be_visible()
    assert state(page)["phase"] == "paused"
    page.go_back()
    expect(page.locator("#paused")).to_be_visible()


def test_a_lost_connection_is_said_and_made_up_for(page, server):
    """The server is killed in mid-game and started again; the game goes on all the while, and nothing of it is lost."""
    start(page, "pass-through")
    page.wait_for_function("() => state.stored > 0")
    server.kill()
    expect(page.locator("#connection")).to_contain_text(re.compile("lost", re.I))
    lost_at = state(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(AFTER_TICK, arg=lost_at["tick"] + 10)
    server.start()
    page.wait_for_function("(tick) => state.stored > tick", arg=lost_at["tick"] + 10)
    found = state(page)
    assert found["connection"] == "fine"
    record = server.api(f"GET /api/games/{found['id']}")
    assert [record["turns"][0][1], record["ranked"]] == ["L", True]
    assert record["turns"] == found["turns"][: len(record["turns"])]


def test_a_game_goes_on_after_the_page_was_reloaded(page, server):
    start(page, "pass-through")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(AFTER_TICK, arg=4)
    before = state(page)
    page.reload()
    page.evaluate(REACH_IN)
    page.locator("#resume").click()
    page.wait_for_function(AFTER_TICK, arg=before["tick"] + 1)
    found = state(page)
    assert (found["id"], found["turns"][:1]) == (before["id"], before["turns"][:1])


def test_a_second_tab_that_starts_a_game_ends_the_first_one_in_words(page, server):
    start(page, "pass-through")
    other = page.context.new_page()
    other.goto(server.url)
    other.evaluate(REACH_IN)
    other.locator("label:has(#mode-walls)").click()
    other.locator("#play").click()
    other.wait_for_function(AFTER_TICK, arg=0)
    expect(page.locator("#result")).to_be_visible(timeout=10_000)
    expect(page.locator("#result-note")).to_contain_text("second tab")


def test_errors_stand_beside_their_fields(page, server):
    server.api.sign_up("Ada")
    page.locator("#account").click()
    page.locator("#show-signup").click()
    page.locator("#signup-form [name=username]").fill("ada")
    page.locator("#signup-form [name=password]").fill("short")
    page.locator("#signup-form [type=submit]").click()
    expect(page.locator("#signup-password-error")).to_contain_text("8")
    page.locator("#signup-form [name=password]").fill(PASSWORD)
    page.locator("#signup-form [type=submit]").click()
    expect(page.locator("#signup-username-error")).to_contain_text("taken")
    expect(page.locator("#signup-form [name=username]")).to_be_focused()


@pytest.mark.parametrize("width", [360, 390, 1280, 1920])
def test_nothing_sticks_out_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    for view in ("#/", "#/boards"):
        page.goto(page.url.split("#")[0] + view)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
