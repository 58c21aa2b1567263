"""The client in a real Chromium on a real server: keys, and what the page shows."""

import re

import pytest
from browser import AFTER_TICK, REACH_IN, game_of, press_at_once, sign_up, start, state, steer
from driver import PASSWORD
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def live(make_server_of_module):
    """A server at the true pace, on which only guests play: its boards stay empty."""
    return make_server_of_module(ENFORCE_PACE="true", RATE_LIMITS="false")


@pytest.fixture
def own(make_server, tmp_path):
    """The same for one test, which may create accounts."""
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", ENFORCE_PACE="true")


@pytest.fixture
def own_page(open_page, own):
    return open_page(own.url)


def test_key_presses_play_a_game_to_its_end_and_the_score_shows_on_the_board(own_page, own):
    own_page.locator("#account").click()
    own_page.locator("#show-signup").click()
    sign_up(own_page, "Ada")
    start(own_page, "walls")
    steer(own_page, 20)
    expect(own_page.locator("#result")).to_be_visible()  # straight on, into a wall
    found = state(own_page)
    score = game_of(found).score
    assert score >= 20
    expect(own_page.locator("#result-score")).to_have_text(str(score))
    expect(own_page.locator("#result-rank")).to_contain_text("1st")
    own_page.locator("a[href='#/boards']").first.click()
    row = own_page.locator("#boards-table tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Ada")
    expect(row).to_contain_text(str(score))
    record = own.api(f"GET /api/games/{found['id']}")
    assert (record["turns"], record["score"], record["ranked"]) == (found["turns"], score, True)


def test_a_guest_plays_and_signing_up_puts_the_score_on_the_board(own_page, own):
    start(own_page, "walls")
    steer(own_page, 10)
    expect(own_page.locator("#result")).to_be_visible()
    expect(own_page.locator("#result-sign-up")).to_be_visible()
    assert own.api("GET /api/leaderboard") == []
    own_page.locator("#result-sign-up").click()
    sign_up(own_page, "Ada")
    expect(own_page.locator("#result-rank")).to_contain_text("1st")
    assert [entry["username"] for entry in own.api("GET /api/leaderboard")] == ["Ada"]


def test_a_quick_double_turn_takes_one_tick_after_the_other(page):
    """Up, then left and down at once: taken together they would turn the snake into its own neck."""
    start(page)
    before = state(page)["tick"]
    press_at_once(page, "ArrowLeft", "ArrowDown", "ArrowUp", "ArrowDown")  # of which the last two lead nowhere
    page.wait_for_function(AFTER_TICK, arg=before + 4)
    [first, second] = state(page)["turns"]
    assert [first[1], second[1]] == ["L", "D"]
    assert second[0] == first[0] + 1


def test_space_pauses_and_goes_on_and_so_does_leaving_the_view(page):
    start(page)
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


@pytest.mark.parametrize("ticks", [50, pytest.param(140, marks=pytest.mark.long)])  # at 140 to 150 ms each: 7 s and 20 s
def test_a_lost_connection_is_said_and_made_up_for(own_page, own, ticks):
    """The server is killed in mid-game and is away for a while; the game goes on, and nothing of it is lost."""
    start(own_page)
    own_page.wait_for_function("() => state.syncedTick > 0")
    own.kill()
    expect(own_page.locator("#connection")).to_contain_text(re.compile("lost", re.I))
    lost_at = state(own_page)
    own_page.keyboard.press("ArrowLeft")
    own_page.wait_for_function(AFTER_TICK, arg=lost_at["tick"] + ticks)
    own.start()
    own_page.wait_for_function("(tick) => state.syncedTick > tick", arg=lost_at["tick"] + ticks)
    found = state(own_page)
    assert found["connection"] == "fine"
    record = own.api(f"GET /api/games/{found['id']}")
    assert [record["turns"][0][1], record["ranked"]] == ["L", True]
    assert record["turns"] == found["turns"][: len(record["turns"])]


def test_a_game_goes_on_after_the_page_was_reloaded(page, live):
    start(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(AFTER_TICK, arg=4)
    before = state(page)
    page.reload()
    page.evaluate(REACH_IN)
    page.locator("#resume").click()
    page.wait_for_function(AFTER_TICK, arg=before["tick"] + 1)
    found = state(page)
    assert (found["id"], found["turns"][:1]) == (before["id"], before["turns"][:1])


def test_errors_are_shown_beside_their_fields(own_page, own):
    own.api.sign_up("Ada")
    own_page.locator("#account").click()
    own_page.locator("#show-signup").click()
    own_page.locator("#signup-form [name=username]").fill("ada")
    own_page.locator("#signup-form [name=password]").fill("short")
    own_page.locator("#signup-form [type=submit]").click()
    expect(own_page.locator("#signup-password-error")).to_contain_text("8")
    own_page.locator("#signup-form [name=password]").fill(PASSWORD)
    own_page.locator("#signup-form [type=submit]").click()
    expect(own_page.locator("#signup-username-error")).to_contain_text("taken")
    expect(own_page.locator("#signup-form [name=username]")).to_be_focused()


def test_three_turns_are_queued_and_no_more(page):
    start(page)
    before = state(page)["tick"]
    press_at_once(page, "ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp")
    page.wait_for_function(AFTER_TICK, arg=before + 5)
    turns = state(page)["turns"]
    assert [heading for _, heading in turns] == ["L", "D", "R"]
    assert [tick for tick, _ in turns] == list(range(turns[0][0], turns[0][0] + 3))


def test_looking_elsewhere_pauses(page):
    start(page)
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    expect(page.locator("#paused")).to_be_visible()
    paused_at = state(page)["tick"]
    page.keyboard.press(" ")
    page.wait_for_function(AFTER_TICK, arg=paused_at)


def test_a_swipe_turns_and_does_not_scroll(open_page, live):
    page = open_page(live.url, 390, 844, has_touch=True, is_mobile=True)
    start(page)
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


def test_the_pad_begins_a_game_and_turns(open_page, live):
    page = open_page(live.url, 390, 844, has_touch=True, is_mobile=True)
    page.locator("label:has(#mode-pass-through)").tap()
    page.locator("#pad [data-heading=U]").tap()
    page.wait_for_function(AFTER_TICK, arg=0)
    page.locator("#pad [data-heading=L]").tap()
    page.wait_for_function("() => state.turns.length > 0")
    assert state(page)["turns"][0][1] == "L"
    page.locator("#pad-toggle").tap()
    expect(page.locator("#pad [data-heading=U]")).to_be_hidden()


def test_a_gamepad_turns(page):
    """The browser's own record of gamepads is put there by hand: no machine of ours has one."""
    page.evaluate(
        """() => {
            const buttons = Array.from({length: 17}, () => ({pressed: false, value: 0}));
            const pad = {connected: true, buttons, axes: [0, 0, 0, 0], mapping: "standard", index: 0, id: "pad"};
            navigator.getGamepads = () => [pad];
            window.lean = (x, y = 0) => { pad.axes = [x, y, 0, 0]; };
            window.dispatchEvent(new Event("gamepadconnected"));
        }"""
    )
    start(page)
    page.evaluate("document.body.append(Object.assign(document.createElement('dialog'), {open: true, id: 'other'}))")
    page.evaluate("lean(0.9)")
    page.wait_for_function(AFTER_TICK, arg=state(page)["tick"] + 2)
    page.evaluate("lean(0)")
    page.evaluate("document.getElementById('other').remove()")
    page.evaluate("document.hasFocus = () => false")  # as of another window, without the pause that leaving this one brings
    page.evaluate("lean(0.9)")
    page.wait_for_function(AFTER_TICK, arg=state(page)["tick"] + 2)
    page.evaluate("lean(0)")
    page.wait_for_function(AFTER_TICK, arg=state(page)["tick"] + 1)
    page.evaluate("delete document.hasFocus")
    page.evaluate("lean(-0.9)")
    page.wait_for_function("() => state.turns.length > 0")
    assert state(page)["turns"][0][1] == "L"
    page.evaluate("window.dispatchEvent(new Event('gamepaddisconnected'))")
    expect(page.locator("#paused")).to_be_visible()


def test_keys_of_any_keyboard_turn_and_pause(page):
    """One without codes, a number pad, and another script."""
    press = "(key) => document.body.dispatchEvent(new KeyboardEvent('keydown', {...key, bubbles: true, cancelable: true}))"
    start(page)
    turns = {"R": {"key": "в", "code": "KeyD"}, "U": {"key": "8", "code": "Numpad8"}, "L": {"key": "ArrowLeft"}}
    for number, (heading, key) in enumerate(turns.items()):
        page.evaluate(press, key)
        page.wait_for_function("(number) => state.turns.length > number", arg=number)
        assert state(page)["turns"][-1][1] == heading
    page.evaluate(press, {"key": "з", "code": "KeyP"})
    expect(page.locator("#paused")).to_be_visible()


def test_one_sees_the_next_rank_to_beat_and_overtaking_it(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    server.api.sign_up("Ninety").play(9, "pass-through")
    server.api.sign_up("Ten").play(1, "pass-through")
    page = open_page(server.url)
    start(page)
    expect(page.locator("#next-name")).to_have_text("Ten")
    expect(page.locator("#next-score")).to_have_text("10")
    steer(page, 20)
    expect(page.locator("#banner-name")).to_contain_text("Ten")
    expect(page.locator("#next-name")).to_have_text("Ninety")


def test_after_a_game_its_picture_its_replay_and_a_link_to_share(page, live):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start(page, "walls")
    steer(page, 10)
    expect(page.locator("#result-replay")).to_be_visible()
    found = state(page)
    score = game_of(found).score
    drawn = "() => document.querySelector('#result-picture').getContext('2d').getImageData(0, 0, 40, 40).data.some(Boolean)"
    assert page.evaluate(drawn)
    page.locator("#share").click()
    expect(page.locator("#share-note")).to_contain_text("copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{live.url}/games/{found['id']}"
    page.locator("#result-replay").click()
    page.locator("#replay-speed-16").click()
    expect(page.locator("#replay-outcome")).to_contain_text("wall", ignore_case=True)
    expect(page.locator("#replay-score")).to_have_text(str(score))
    expect(page.locator("#replay-final")).to_have_text(str(score))
    assert str(score) in page.title()


def test_a_replay_can_be_held_and_begun_again(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    game, _, _ = server.api.sign_up("Ada").play(5)
    page = open_page(f"{server.url}/#/games/{game['id']}")
    expect(page.locator("#replay-player")).to_have_text("Ada")
    page.keyboard.press(" ")
    expect(page.locator("#replay-toggle")).to_have_text("Go on")
    page.locator("#replay-speed-16").click()
    page.locator("#replay-toggle").click()
    expect(page.locator("#replay-score")).to_have_text("50")
    page.locator("#replay-speed-1").click()  # at which the next look comes before the end
    page.locator("#replay-restart").click()
    expect(page.locator("#replay-score")).not_to_have_text("50")


def test_sound_is_off_until_wanted_and_then_remembered(page):
    loaded = """() => performance.getEntriesByType("resource").some(({name}) => name.endsWith("/sound.js"))"""
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")
    assert not page.evaluate(loaded)
    page.locator("#sound").click()
    page.wait_for_function(loaded)
    page.reload()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(("motion", "still"), [("reduce", True), ("no-preference", False)])
def test_effects_do_not_move_with_reduced_motion(open_page, live, motion, still):
    """The pit before a game, and at a meal: whether its picture changes with time alone, which the test holds in hand."""
    page = open_page(live.url, reduced_motion=motion)
    changes = page.evaluate(
        """async () => {
            const load = (path) => import(new URL(path, document.querySelector("script[type=module]").src));
            const {createBoardView, draw} = await load("draw/board.js");
            const {Game} = await load("rules.js");
            const {ATE, addEvent, scene} = await load("game/state.js");
            const canvas = document.querySelector("#board"), view = createBoardView(canvas);
            const shown = {mode: "walls", ...scene(new Game(1, "walls"), []), phase: "playing", overAt: 0};
            const look = (now) => { draw(view, shown, 0.5, now); return canvas.toDataURL(); };
            const before = [look(1000), look(1400)];
            addEvent(shown, ATE, 2000, {cell: 210});
            const meal = [look(2050), look(2250)];
            return [before[0] !== before[1], meal[0] !== meal[1]];
        }"""
    )
    assert changes == [not still, not still]


def test_an_address_with_a_name_that_every_object_has_is_as_any_unknown_one(page, live):
    for name in ("constructor", "toString", "__proto__"):
        page.goto(f"{live.url}/#/live")
        expect(page.locator("#view-live")).to_be_visible()
        page.goto(f"{live.url}/#/{name}")
        expect(page.locator("#view-play")).to_be_visible()
        expect(page.locator("#view-live")).to_be_hidden()
        page.goto(f"{live.url}/#/boards?period={name}")
        expect(page.locator("#boards-span")).to_have_text("All time")
        expect(page.locator("#boards-note")).to_have_text("Nobody has played here yet. Be the first.")


def test_it_can_be_installed(page, live):
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())")
    assert manifest["name"] == "Snakepit"
    for icon in manifest["icons"]:
        size = page.evaluate(
            "(src) => { const i = new Image(); i.src = src; return i.decode().then(() => `${i.width}x${i.height}`); }",
            icon["src"],
        )
        assert size == icon["sizes"] or icon["sizes"] == "any"


def test_the_accounts_life_in_the_dialog(own_page, own):
    own_page.locator("#account").click()
    own_page.locator("#show-signup").click()
    sign_up(own_page, "Ada")
    expect(own_page.locator("#account")).to_have_text("Ada")
    own_page.locator("#account").click()
    own_page.locator("#account-settings summary").first.click()
    own_page.locator("#change-form [name=username]").fill("Lovelace")
    own_page.locator("#change-form [name=current_password]").fill(PASSWORD)
    own_page.locator("#change-form [type=submit]").click()
    expect(own_page.locator("#account")).to_have_text("Lovelace")
    other = own.api.log_in("Lovelace")
    own_page.locator("#logout-everywhere").click()
    expect(own_page.locator("#account")).to_have_text("Log in")
    other("GET /api/auth/me", status=401)
    own_page.locator("#account").click()
    own_page.locator("#login-form [name=username]").fill("Lovelace")
    own_page.locator("#login-form [name=password]").fill(PASSWORD)
    own_page.keyboard.press("Enter")
    expect(own_page.locator("#account")).to_have_text("Lovelace")
    own_page.locator("#account").click()
    own_page.locator("#account-settings summary").last.click()
    own_page.locator("#delete-form [name=password]").fill(PASSWORD)
    own_page.locator("#delete-form [type=submit]").click()
    expect(own_page.locator("#account")).to_have_text("Log in")
    assert own.api.ask("GET /api/players/Lovelace").status == 404


def test_enter_plays_again_at_once(page):
    start(page, "walls")
    first = state(page)["id"]
    expect(page.locator("#play-again")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("(first) => state.id !== first && state.game.ticks > 0", arg=first)


def test_a_screen_reader_hears_score_pause_and_end(page):
    start(page)
    steer(page, 10)
    expect(page.locator("#announce")).to_have_text(re.compile(r"Score [1-9]0\."))  # another meal may have followed
    page.keyboard.press(" ")
    expect(page.locator("#announce")).to_contain_text("aused")
    page.locator("#give-up").click()
    expect(page.locator("#announce")).to_contain_text("Score")


def test_a_guest_sees_what_signing_up_would_keep(page):
    start(page, "walls")
    steer(page, 10)
    expect(page.locator("#result-sign-up")).to_be_visible()
    page.locator("#result-sign-up").click()
    expect(page.locator("#signup-kept")).to_contain_text(f"1 game, best {game_of(state(page)).score} in Walls")


def test_a_board_shows_when_it_is_reset(page, live):
    for period in ("day", "week", "month", "all"):
        page.goto(f"{live.url}/#/boards?period={period}")
        expect(page.locator("#boards-ends")).to_contain_text("ends in" if period != "all" else "Since the first game")
        expect(page.locator("#boards-note")).to_contain_text("first")  # nobody has played yet


def test_my_row_is_in_sight_however_long_the_board(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    for number in range(30):
        server.api.sign_up(f"Player{number}").play(1 + number % 3)
    server.api.sign_up("Ada").play(0)
    for width, height in ((390, 844), (1280, 800)):
        page = open_page(server.url, width, height)
        page.locator("#account").click()
        page.locator("#show-login").click()
        page.locator("#login-form [name=username]").fill("Ada")
        page.locator("#login-form [name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#account")).to_have_text("Ada")
        page.goto(f"{server.url}/#/boards?mode=walls")
        mine = page.locator("#boards-me .is-me")
        expect(mine).to_contain_text("31")
        page.mouse.wheel(0, 400)
        expect(mine).to_be_in_viewport()
        expect(mine.locator("a[href^='#/games/']")).to_have_count(1)
        expect(mine.locator("a[href='#/players/Ada']")).to_have_count(1)


def test_a_players_page_has_bests_a_plot_and_the_latest_games(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    ada = server.api.sign_up("Ada")
    for meals in (1, 4, 2):
        ada.play(meals)
    page = open_page(f"{server.url}/#/players/ada")
    expect(page.locator("#player-name")).to_have_text("Ada")
    expect(page.locator("#player-bests")).to_contain_text("40")
    expect(page.locator("#player-bests")).to_contain_text("1st")
    expect(page.locator("#player-plot svg[role=img]")).to_have_attribute("aria-label", re.compile("^3 games, best 40"))
    expect(page.locator("#player-games tr")).to_have_count(3)
    page.locator("#player-games a").first.click()
    expect(page.locator("#replay-final")).to_have_text("20")


def test_what_is_pressed_before_the_page_is_loaded_counts(open_page, live):
    page = open_page("about:blank", 390, 844)
    held = []
    page.route("**/js/main.js", lambda route: held.append(route))
    page.goto(live.url, wait_until="commit")
    page.locator("label:has(#mode-pass-through)").click()
    page.locator("#play").click()
    expect(page.locator("#early")).to_be_visible()
    ground = "getComputedStyle(document.querySelector('#board')).backgroundColor"
    assert page.evaluate(ground) != "rgba(0, 0, 0, 0)"  # the card's text is light
    held[0].continue_()
    expect(page.locator("#pause")).to_be_enabled()
    assert page.url.rstrip("/") == live.url
    page.evaluate(REACH_IN)
    page.wait_for_function("() => window.state?.mode === 'pass-through' && state.game")
    expect(page.locator("#early")).to_have_count(0)
    assert page.evaluate(ground) == "rgba(0, 0, 0, 0)"


def test_a_view_that_can_not_be_loaded_says_so_and_is_loaded_as_soon_as_it_can(page):
    page.context.set_offline(True)
    page.locator("header nav a", has_text="Boards").click()
    expect(page.locator("#boards-note")).to_contain_text("can't be loaded")
    expect(page.locator("#boards-note button")).to_have_text("Try again")
    page.context.set_offline(False)
    expect(page.locator("#boards-note")).to_contain_text("Nobody has played here yet")
    assert (
        page.locator("#view-boards").evaluate("(view) => getComputedStyle(view.querySelector('.pit')).position")
        == "relative"
    )
