"""The start screen shows what the server has, without being asked, and is as useful without it."""

import pytest
from browser import COUNT_FRAMES, REACH_IN
from live_games import LiveGame
from playwright.sync_api import expect

DEMO_LOADED = "() => performance.getEntriesByType('resource').some(({name}) => name.endsWith('/demo.js'))"
PICTURE = "() => document.querySelector('#board').toDataURL()"
# What plays behind the card, as the page's own loop has left it.
BACKGROUND = """() => import(new URL("play/background.js", document.querySelector("script[type=module]").src))
    .then(({background}) => {
        const {id, phase, game} = background(performance.now());
        return [id, phase, game.ticks];
    })"""
SECOND_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PLAYING = "() => state.phase === 'playing'"


def until_it_plays(page):
    """Wait until what plays behind the card has moved, and has been drawn again."""
    page.wait_for_function(DEMO_LOADED)
    (_, _, tick), picture = page.evaluate(BACKGROUND), page.evaluate(PICTURE)
    page.wait_for_function(f"(tick) => ({BACKGROUND})().then(([, , now]) => now !== tick)", arg=tick)
    page.wait_for_function(f"(picture) => ({PICTURE})() !== picture", arg=picture)


def test_the_card_shows_the_best_and_who_is_playing_before_their_best_game(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    ada, *others = (server.api.sign_up(name) for name in ("Ada", "国" * 20, "Eve", "Mia"))
    for meals, player in enumerate(others, 2):
        player.play(meals)
    ada.play(1)
    ada.play(1, "pass-through")
    LiveGame(ada).play(3)
    shown = server.api("GET /api/home")
    page = open_page(server.url, 390, 844)
    rows = [f"{rank}{username}{score}" for rank, username, score in map(entry_of, shown["top"]["walls"][:3])]
    expect(page.locator("#top li")).to_have_text(rows)
    expect(page.locator("#live")).to_have_text("1 playing now")
    expect(page.locator("#daily-note")).to_have_text(f"no. {shown['daily']['number']} · 0 players")
    until_it_plays(page)
    assert page.evaluate(BACKGROUND)[0] == shown["best_game"]["id"]
    page.locator("label:has(#mode-pass-through)").click()
    expect(page.locator("#top li")).to_have_count(1)
    page.locator("#play").click()
    page.wait_for_function(PLAYING)
    expect(page.locator("#top")).to_be_hidden()


@pytest.mark.alone
def test_the_game_behind_the_card_keeps_the_frame_rate(open_page, filled):
    page = open_page(filled.url, 390, 844, device_scale_factor=2)
    until_it_plays(page)
    frames = page.evaluate(COUNT_FRAMES, 3)
    empty = open_page("about:blank", 390, 844, device_scale_factor=2)
    ratio = frames / empty.evaluate(COUNT_FRAMES, 3)
    print(f"{frames:.0f} frames a second, {ratio:.2f} of an empty loop")
    assert ratio > 0.8


def entry_of(entry):
    return entry["rank"], entry["username"], entry["score"]


def test_with_reduced_motion_the_game_behind_the_card_is_a_still_picture(open_page, filled):
    page = open_page(filled.url, reduced_motion="reduce")
    page.wait_for_function(DEMO_LOADED)  # by the page itself
    page.wait_for_function(f"() => ({BACKGROUND})().then(([, phase]) => phase === 'paused')")
    page.evaluate(SECOND_FRAME)
    picture, before = page.evaluate(PICTURE), page.evaluate(BACKGROUND)
    page.evaluate(SECOND_FRAME)
    assert (page.evaluate(PICTURE), page.evaluate(BACKGROUND)) == (picture, before)


def test_without_what_the_server_has_the_card_is_as_useful(open_page, filled):
    page = open_page("about:blank")
    page.route("**/api/home", lambda route: route.fulfill(status=503, body=""))
    page.goto(filled.url)
    page.evaluate(REACH_IN)
    until_it_plays(page)
    assert page.evaluate(BACKGROUND)[0] == "demo"
    expect(page.locator("#trouble")).to_have_text("")
    expect(page.locator("#top")).to_be_hidden()
    page.unroute("**/api/home")
    expect(page.locator("#top li")).to_have_count(3)  # it is requested again
    page.locator("#play").click()
    page.wait_for_function(PLAYING)


@pytest.mark.parametrize("touch", [False, True])
def test_a_turn_before_the_page_is_loaded_starts_a_game_and_counts(open_page, live, touch):
    page = open_page("about:blank", 390, 844, has_touch=touch, is_mobile=touch)
    held = []
    page.route("**/js/main.js", lambda route: held.append(route))
    page.goto(live.url, wait_until="commit")
    expect(page.locator("#play")).to_be_visible()
    if touch:
        swipe_left(page)
    else:
        page.keyboard.press("ArrowLeft")
    held[0].continue_()
    expect(page.locator("#pause")).to_be_enabled()
    page.evaluate(REACH_IN)
    page.wait_for_function("() => window.state?.turns.length > 0")
    assert page.evaluate("state.turns[0]") == [1, "L"]


def swipe_left(page):
    """Over the board, beside the card."""
    network = page.context.new_cdp_session(page)
    board = page.locator("#view-play .stage").bounding_box()
    x, y = board["x"] + board["width"] - 8, board["y"] + 8
    for kind, moved in [
        ("touchStart", 0),
        *(("touchMove", by) for by in (6, 12, 16, 19, 21, 30, 45, 60)),
        ("touchEnd", None),
    ]:
        points = [] if moved is None else [{"x": x - moved, "y": y}]
        network.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
