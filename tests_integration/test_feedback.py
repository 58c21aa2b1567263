"""What players are told of their game: ranks, announcements for screen readers, and where the focus goes."""

import pytest
from browser import AFTER_TICK, give_up, settle, start, state, steer
from playwright.sync_api import expect
from servers import until

ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}
RECORD_ANNOUNCEMENTS = """() => {
    const element = document.querySelector("#announce");
    window.said = [];
    new MutationObserver(() => said.push(element.textContent)).observe(element, {childList: true, characterData: true});
}"""


@pytest.fixture(scope="module")
def server(make_server_of_module):
    """One on which Ada has 20 points in each mode. All others are guests, who are on no board."""
    server = make_server_of_module(RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    for mode in ("walls", "pass-through"):
        ada.play(2, mode)
    return server


def play_again(page):
    first = state(page)["id"]
    page.keyboard.press("Enter")
    page.wait_for_function("(first) => state.id !== first && state.game.ticks > 0", arg=first)


def rank(server, score):
    return ORDINALS[server.api(f"GET /api/leaderboard/next?mode=walls&score={score}")["rank"]]


def test_a_guest_sees_the_rank_that_signing_up_would_give(open_page, server):
    page = open_page(server.url)
    start(page, "walls")
    steer(page, 20)
    score = settle(page)
    place, kept = f"{rank(server, score)} on the Walls board.", f"Sign up, and {score} goes on the board."
    expect(page.locator("#result-rank")).to_have_text(f"This would be {place}")
    expect(page.locator("#result-note")).to_have_text(kept)
    play_again(page)
    assert give_up(page) < score
    expect(page.locator("#result-rank")).to_have_text(f"Your best, {score}, would be {place}")
    expect(page.locator("#result-note")).to_have_text(kept)


def test_a_screen_reader_hears_the_start_overtaking_a_new_best_and_the_rank(open_page, server):
    page = open_page(server.url)
    page.evaluate(RECORD_ANNOUNCEMENTS)
    start(page)
    steer(page, 10)
    best = give_up(page)
    play_again(page)
    steer(page, max(best, 20) + 20)  # one more meal: the mouth must reach that of the new best
    score = give_up(page)
    result = "Your best so far! This would be 1st on the Pass-through board. Sign up,"
    expect(page.locator("#announce")).to_contain_text(f"Left. Score {score}. {result}")
    said = " / ".join(page.evaluate("said"))
    for words in ("Get ready. Pass-through.", "Go! The game has started.", "Ada overtaken, you are 1st.", "New best."):
        assert words in said


def test_the_focus_moves_to_what_continues_a_paused_game(open_page, server):
    page = open_page(server.url)
    start(page)
    page.locator("#pause").click()
    expect(page.locator("#go-on")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function(AFTER_TICK, arg=state(page)["tick"])
    page.locator("header nav a", has_text="Boards").click()
    expect(page.locator("#boards-title")).to_be_focused()
    page.locator("header nav a", has_text="Play").click()
    expect(page.locator("#go-on")).to_be_focused()


def test_a_key_that_pauses_and_stays_down_does_not_continue_the_game(open_page, server):
    page = open_page(server.url)
    start(page)
    page.keyboard.down("Space")
    expect(page.locator("#go-on")).to_be_focused()
    page.keyboard.down("Space")  # as it repeats itself
    page.keyboard.up("Space")
    assert state(page)["phase"] == "paused"
    page.keyboard.press("Space")
    expect(page.locator("#paused")).to_be_hidden()


def test_the_focus_moves_to_play_from_a_link_in_another_view_and_after_a_failure(open_page, server):
    [entry] = server.api("GET /api/leaderboard?mode=walls")
    page = open_page(f"{server.url}/#/games/{entry['game']}")
    page.locator("#replay-beat").click()
    expect(page.locator("#play")).to_be_focused()
    until(lambda: server.api("GET /api/games/live") == [])  # the games of other tests
    page.goto(f"{server.url}/#/live")
    page.locator("#live-empty .primary").click()
    expect(page.locator("#play")).to_be_focused()
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator("#trouble")).to_contain_text("can't be reached")
    expect(page.locator("#play")).to_be_focused()
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    page.wait_for_function("() => state.phase === 'playing'")


BOARDS = ("period=week", "players=bots", "period=day&at=2020-01-01", "challenge=daily", "challenge=daily&at=2020-01-01")


def test_each_leaderboard_without_the_player_leads_to_a_game_of_its_mode(open_page, server):
    page = open_page(server.url)
    for query in BOARDS:
        page.goto(f"{server.url}/#/")
        page.locator("label:has(#mode-walls)").click()
        page.goto(f"{server.url}/#/boards?mode=pass-through&{query}")
        page.locator("#boards-me a.primary").click()
        expect(page.locator("#play")).to_be_visible()
        expect(page.locator("#mode-pass-through")).to_be_checked()
