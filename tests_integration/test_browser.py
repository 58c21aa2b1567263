"""The client in a real Chromium, on a real server: what keys do, and what the page says."""

import re

from browsing import AFTER_TICK, REACH_IN, game_of, sign_up, start, state, steer
from driver import PASSWORD
from playwright.sync_api import expect


def test_key_presses_play_a_game_to_its_end_and_the_score_shows_on_the_board(page, live):
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
    record = live.api(f"GET /api/games/{found['id']}")
    assert (record["turns"], record["score"], record["ranked"]) == (found["turns"], score, True)


def test_a_guest_plays_and_signing_up_puts_the_score_on_the_board(page, live):
    start(page)
    steer(page, 10)
    expect(page.locator("#result")).to_be_visible(timeout=10_000)
    expect(page.locator("#result-sign-up")).to_be_visible()
    assert live.api("GET /api/leaderboard") == []
    page.locator("#result-sign-up").click()
    sign_up(page, "Ada")
    expect(page.locator("#result-rank")).to_contain_text("1st")
    assert [entry["username"] for entry in live.api("GET /api/leaderboard")] == ["Ada"]


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


def test_a_lost_connection_is_said_and_made_up_for(page, live):
    """The server is killed in mid-game and is away for 20 s; the game goes on all the while, and nothing of it is lost."""
    start(page, "pass-through")
    page.wait_for_function("() => state.stored > 0")
    live.kill()
    expect(page.locator("#connection")).to_contain_text(re.compile("lost", re.I))
    lost_at = state(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(AFTER_TICK, arg=lost_at["tick"] + 140)  # 20 s at 140 to 150 ms each
    live.start()
    page.wait_for_function("(tick) => state.stored > tick", arg=lost_at["tick"] + 140)
    found = state(page)
    assert found["connection"] == "fine"
    record = live.api(f"GET /api/games/{found['id']}")
    assert [record["turns"][0][1], record["ranked"]] == ["L", True]
    assert record["turns"] == found["turns"][: len(record["turns"])]


def test_a_game_goes_on_after_the_page_was_reloaded(page, live):
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


def test_a_second_tab_that_starts_a_game_ends_the_first_one_in_words(page, live):
    start(page, "pass-through")
    other = page.context.new_page()
    other.goto(live.url)
    other.evaluate(REACH_IN)
    other.locator("label:has(#mode-walls)").click()
    other.locator("#play").click()
    other.wait_for_function(AFTER_TICK, arg=0)
    expect(page.locator("#result")).to_be_visible(timeout=10_000)
    expect(page.locator("#result-note")).to_contain_text("second tab")


def test_errors_stand_beside_their_fields(page, live):
    live.api.sign_up("Ada")
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


def test_three_turns_are_queued_and_no_more(page):
    start(page, "pass-through")
    before = state(page)["tick"]
    for key in ("ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function(AFTER_TICK, arg=before + 5)
    turns = state(page)["turns"]
    assert [heading for _, heading in turns] == ["L", "D", "R"]
    assert [tick for tick, _ in turns] == list(range(turns[0][0], turns[0][0] + 3))


def test_looking_elsewhere_pauses(page):
    start(page, "pass-through")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    expect(page.locator("#paused")).to_be_visible()
    paused_at = state(page)["tick"]
    page.keyboard.press(" ")
    page.wait_for_function(AFTER_TICK, arg=paused_at)


def test_a_swipe_turns_and_does_not_scroll(open_page, live):
    page = open_page(live.url, 390, 844, has_touch=True, is_mobile=True)
    start(page, "pass-through")
    box = page.locator("#board").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 7):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x - 12 * step, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("() => state.turns.length > 0")
    assert state(page)["turns"][0][1] == "L"
    assert page.evaluate("scrollX + scrollY") == 0
