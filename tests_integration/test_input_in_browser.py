"""Keys, swipes and taps in a real Chromium: what they start, and whom Space and Enter belong to."""

import pytest
from browser import AFTER_TICK, start, state
from playwright.sync_api import expect
from replays import look_at

KEY_DOWN = "(key) => document.body.dispatchEvent(new KeyboardEvent('keydown', {...key, bubbles: true, cancelable: true}))"
# Presses a key in the very frame in which the game is over.
PRESS_AT_THE_END = """() => new Promise((done) => requestAnimationFrame(function look() {
    if (state.phase !== "over") return requestAnimationFrame(look);
    const key = {key: "ArrowLeft", code: "ArrowLeft", bubbles: true};
    document.body.dispatchEvent(new KeyboardEvent("keydown", key));
    done();
}))"""


@pytest.fixture(scope="module")
def live(make_server_of_module):
    """A server at the true pace. Each test has a guest of its own."""
    return make_server_of_module(ENFORCE_PACE="true", RATE_LIMITS="false")


@pytest.fixture
def phone(open_page, live):
    return open_page(live.url, 390, 844, has_touch=True, is_mobile=True)


class Fingers:
    """Fingers on the screen of a page: {number: (x, y)}."""

    def __init__(self, page):
        self.down, self.network = {}, page.context.new_cdp_session(page)

    def put(self, number, x, y):
        self.down[number] = (x, y)
        self.tell("touchStart")

    def move(self, number, by_x, by_y):
        for _ in range(4):
            x, y = self.down[number]
            self.down[number] = (x + by_x / 4, y + by_y / 4)
            self.tell("touchMove")

    def lift(self, number):
        del self.down[number]
        self.tell("touchMove" if self.down else "touchEnd")

    def tell(self, kind):
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in self.down.items()]
        self.network.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def swipe(self, x, y, by_x, by_y):
        self.put(0, x, y)
        self.move(0, by_x, by_y)
        self.lift(0)


def middle(page, selector="#board"):
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def tab_to(page, name):
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            return
    raise AssertionError(f"no Tab leads to #{name}")


def end_game(page):
    """Straight on, into the wall."""
    start(page, "walls")
    expect(page.locator("#result")).to_be_visible()
    return state(page)["id"]


def wait_for_turn(page, heading):
    page.wait_for_function("() => state.phase === 'playing' && state.turns.length > 0")
    assert state(page)["turns"][0] == [1, heading]


@pytest.mark.parametrize(("key", "heading"), [("ArrowLeft", "L"), ("d", "R"), ("ArrowUp", None), (" ", None)])
def test_a_key_starts_a_game_and_is_its_first_turn(page, key, heading):
    page.locator("label:has(#mode-pass-through)").click()  # which an arrow would change, if it were focused by keyboard
    page.keyboard.press(key)
    page.wait_for_function(AFTER_TICK, arg=1)
    found = state(page)
    assert (found["mode"], found["turns"]) == ("pass-through", [[1, heading]] if heading else [])


@pytest.mark.parametrize(("key", "heading"), [("a", "L"), ("ArrowRight", "R"), (" ", None)])
def test_a_key_starts_the_next_game(page, key, heading):
    ended = end_game(page)
    page.locator("#sound").click()
    page.keyboard.press(key)
    page.wait_for_function("(ended) => state.id !== ended && state.game.ticks > 0", arg=ended)
    assert state(page)["turns"] == ([[1, heading]] if heading else [])
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")


def test_turns_while_the_game_opens_are_its_first(page):
    held = []
    page.route("**/api/games", lambda route: held.append(route))
    page.locator("label:has(#mode-pass-through)").click()
    for key in ("ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    while not held:
        page.wait_for_timeout(20)  # lets the route be called
    assert state(page)["phase"] == "opening"
    for route in held:
        route.continue_()
    page.wait_for_function("() => state.turns.length === 2")
    assert state(page)["turns"] == [[1, "L"], [2, "D"]]


def test_a_key_that_was_meant_for_the_game_does_not_start_another(page):
    start(page, "walls")
    page.evaluate(PRESS_AT_THE_END)
    page.wait_for_function("() => state.result")
    expect(page.locator("#result")).to_be_visible()
    assert (state(page)["phase"], page.evaluate("state.nextGame")) == ("over", None)
    page.evaluate(KEY_DOWN, {"key": "ArrowLeft", "code": "ArrowLeft", "repeat": True})  # held down since
    page.wait_for_timeout(200)
    assert state(page)["phase"] == "over"


def test_arrows_choose_a_mode_that_is_focused_by_keyboard(page):
    tab_to(page, "mode-walls")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#mode-pass-through")).to_be_checked()
    assert state(page)["phase"] == "idle"


def test_space_and_enter_are_the_games_after_a_click_and_the_controls_after_tab(page):
    sound = page.locator("#sound")
    start(page)
    sound.click()
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_visible()
    expect(sound).to_have_attribute("aria-pressed", "true")
    sound.click()
    page.keyboard.press("Enter")
    page.wait_for_function("() => state.phase === 'playing'")
    expect(sound).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    expect(page.locator("#paused")).to_be_visible()
    tab_to(page, "sound")
    page.keyboard.press(" ")
    expect(sound).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(sound).to_have_attribute("aria-pressed", "false")
    assert state(page)["phase"] == "paused"


def test_the_keys_of_a_replay_are_its_own_after_a_click_and_on_any_keyboard(open_page, make_server, tmp_path):
    """Space, and a letter of another script, of another layout, and without a code."""
    keys = {"key": " ", "code": "Space"}, {"key": "л", "code": "KeyK"}, {"key": "k", "code": "KeyV"}, {"key": "K"}
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    game, _, _ = server.api.sign_up("Ada").play(5)
    page = open_page(server.url)
    look_at(page, f"{server.url}/#/games/{game['id']}")
    page.locator("#replay-speed-half").click()
    for key in keys:
        page.evaluate(KEY_DOWN.replace("body", "activeElement"), key)
        expect(page.locator("#replay-act")).to_have_text("Go on")
        page.evaluate(KEY_DOWN.replace("body", "activeElement"), key)
        expect(page.locator("#replay-act")).not_to_have_text("Go on")


@pytest.mark.parametrize(
    ("key", "heading"),
    [({"key": "a"}, "L"), ({"key": "D", "code": ""}, "R"), ({"key": "Process", "code": "KeyA"}, "L")],
    ids=["no code", "an empty code", "an input method"],
)
def test_letters_turn_on_keyboards_without_codes_and_in_input_methods(page, key, heading):
    page.locator("label:has(#mode-pass-through)").click()
    page.evaluate(KEY_DOWN, key)
    wait_for_turn(page, heading)


def test_a_swipe_starts_a_game_and_the_next_one(phone):
    Fingers(phone).swipe(*middle(phone), -60, 0)
    wait_for_turn(phone, "L")
    expect(phone.locator("#result")).to_be_visible()
    ended = state(phone)["id"]
    Fingers(phone).swipe(*middle(phone), 60, 0)
    phone.wait_for_function(
        "(ended) => state.id !== ended && state.phase === 'playing' && state.turns.length > 0", arg=ended
    )
    assert state(phone)["turns"][0] == [1, "R"]


def test_a_tap_starts_a_game_and_the_next_one(phone):
    box = phone.locator("#board").bounding_box()
    phone.touchscreen.tap(box["x"] + 40, box["y"] + 40)
    phone.wait_for_function(AFTER_TICK, arg=0)
    expect(phone.locator("#result")).to_be_visible()
    ended = state(phone)["id"]
    phone.touchscreen.tap(*middle(phone, "#result-picture"))
    phone.wait_for_function("(ended) => state.id !== ended && state.game?.ticks > 0", arg=ended)


def test_a_tap_between_the_links_of_the_result_starts_nothing(phone):
    end_game(phone)
    box = phone.locator("#result .links").bounding_box()
    phone.touchscreen.tap(box["x"] + 2, box["y"] + box["height"] / 2)
    phone.wait_for_timeout(300)
    assert state(phone)["phase"] == "over"


def test_a_second_finger_swipes_while_the_first_rests(phone):
    start(phone)
    fingers, (x, y) = Fingers(phone), middle(phone)
    fingers.put(0, 40, y + 90)
    fingers.put(1, x, y)
    fingers.move(1, -60, 0)
    phone.wait_for_function("() => state.turns.length === 1")
    fingers.lift(1)
    fingers.put(1, x, y)
    fingers.move(1, 0, 60)
    phone.wait_for_function("() => state.turns.length === 2")
    assert [heading for _, heading in state(phone)["turns"]] == ["L", "D"]
    fingers.lift(1)
    fingers.lift(0)
    assert state(phone)["phase"] == "playing"


@pytest.mark.parametrize(("x", "y"), [(120, 8), (3, 300), (380, 160), (20, 835)])
def test_a_swipe_may_begin_beside_the_board(phone, x, y):
    start(phone)
    Fingers(phone).swipe(x, y, 60 if x < 200 else -60, 0)
    phone.wait_for_function("() => state.turns.length > 0")
    assert state(phone)["turns"][0][1] == ("R" if x < 200 else "L")
    expect(phone.locator("#view-play")).to_be_visible()
