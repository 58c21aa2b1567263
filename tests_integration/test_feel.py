"""What the player sees and when, frame by frame in a real Chromium."""

import pytest
from browser import AFTER_TICK, start, state
from playwright.sync_api import expect
from replays import look_at

MODULE = "(path) => import(new URL(path, document.querySelector('script[type=module]').src))"
# Puts an egg before the snake.
PUT_EGG = f"""
    const {{progress}} = await ({MODULE})("game/state.js"), {{neighbour}} = await ({MODULE})("rules.js"), {{game}} = state;
    const ahead = (cell) => neighbour(cell, game.heading, state.mode);
    game.food = ahead(ahead(game.body[0]));"""
# Notes frame by frame what is shown from the tick of the meal to the next.
EAT = f"""async () => {{
    {PUT_EGG}
    const frames = [];
    return new Promise((done) => requestAnimationFrame(function look() {{
        const events = state.events.filter(({{type}}) => type === "ate").length;
        const score = Number(document.querySelector("#score").textContent);
        if (game.score) frames.push({{progress: progress(state), score, events, tick: game.ticks}});
        if (frames.length && game.ticks > frames[0].tick) return done(frames);
        requestAnimationFrame(look);
    }}));
}}"""
# Gives up in the frame of the tick.
EAT_AND_STOP = f"""async () => {{
    {PUT_EGG}
    return new Promise((done) => requestAnimationFrame(function look() {{
        if (!game.score) return requestAnimationFrame(look);
        const wasReaching = state.isReaching;
        for (const id of ["pause", "give-up"]) document.getElementById(id).click();
        done([wasReaching, state.phase, state.isReaching, state.events.map(({{type}}) => type)]);
    }}));
}}"""
# The same of a replay: the score that is shown while the egg is still on the board.
WATCH = f"""async () => {{
    const {{progress}} = await ({MODULE})("game/state.js"), {{playback}} = replay.shown, frames = [];
    document.querySelector("#replay-restart").click();
    return new Promise((done) => requestAnimationFrame(function look() {{
        const {{game, events}} = playback, score = Number(document.querySelector("#replay-score").textContent);
        if (game.score) frames.push({{progress: progress(playback), score, events: events.length, tick: game.ticks}});
        if (frames.length && game.ticks > frames[0].tick) return done(frames);
        requestAnimationFrame(look);
    }}));
}}"""
# For how many frames the game is on before its next tick.
FIRST_TICK = """() => new Promise((done) => {
    const before = state.game?.ticks ?? 0;
    let waited = 0;
    requestAnimationFrame(function look() {
        if (state.game?.ticks > before) return done(waited);
        if (state.phase === "playing") waited++;
        requestAnimationFrame(look);
    });
})"""
# Whether a key changes the picture of a snake that rests, by the next frame.
PRESS = """async (key) => {
    const frame = () => new Promise(requestAnimationFrame), look = () => document.querySelector("#board").toDataURL();
    await frame();
    const before = look();
    document.body.dispatchEvent(new KeyboardEvent("keydown", {key, code: key, bubbles: true}));
    await frame();
    await frame();
    return [state.phase, look() !== before];
}"""


IS_SHARP = """() => {
    const {width, clientWidth} = document.querySelector("#board");
    return Math.abs(width - clientWidth * devicePixelRatio) <= 1;
}"""


@pytest.fixture(scope="module")
def live(make_server_of_module):
    """A server at the true pace. Each test has a guest of its own."""
    return make_server_of_module(ENFORCE_PACE="true", RATE_LIMITS="false")


def check_contact(frames):
    before = [frame for frame in frames[:-1] if frame["progress"] < 0.5]
    after = [frame for frame in frames[:-1] if frame["progress"] >= 0.5]
    assert before
    assert after
    assert {(frame["score"], frame["events"]) for frame in before} == {(0, 0)}
    assert {(frame["score"], frame["events"]) for frame in after} == {(10, 1)}


def test_a_meal_counts_when_the_mouth_reaches_the_egg(page):
    start(page)
    check_contact(page.evaluate(EAT))


def test_a_meal_of_a_replay_counts_when_the_mouth_reaches_the_egg(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    game, _, _ = server.api.sign_up("Ada").play(2)
    page = open_page(server.url)
    look_at(page, f"{server.url}/#/games/{game['id']}")
    check_contact(page.evaluate(WATCH))


def test_a_meal_counts_at_once_for_those_who_stop_there(page):
    start(page)
    assert page.evaluate(EAT_AND_STOP) == [True, "over", False, ["ate"]]


def test_after_the_count_the_first_tick_comes_at_once(page):
    page.locator("label:has(#mode-pass-through)").click()
    page.locator("#play").click()
    assert page.evaluate(FIRST_TICK) == 0
    page.wait_for_function(AFTER_TICK, arg=2)
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_visible()
    page.keyboard.press(" ")
    assert page.evaluate(FIRST_TICK) == 0


@pytest.mark.parametrize(("key", "changes"), [("ArrowLeft", True), ("ArrowUp", False)])
def test_the_eyes_follow_each_turn_in_the_next_frame(open_page, live, key, changes):
    page = open_page(live.url, reduced_motion="reduce")  # nothing else moves
    page.locator("label:has(#mode-pass-through)").click()
    page.locator("#play").click()
    page.wait_for_function("() => state.phase === 'ready'")
    assert page.evaluate(PRESS, key) == ["ready", changes]


def test_each_turn_vibrates_if_the_player_wants_it(page):
    start(page)
    page.evaluate("window.felt = []; navigator.vibrate = (ms) => felt.push(ms); null")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("felt") == []
    page.evaluate(f"({MODULE})('storage.js').then(({{save}}) => save('vibration', true))")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("felt.length") == 1


def test_the_player_is_warned_before_the_snake_starves(page):
    start(page)
    page.evaluate("Object.assign(state.game, {hunger: 640, food: 0})")  # no meal is on its way
    tick = state(page)["tick"]
    page.wait_for_function(AFTER_TICK, arg=tick + 1)
    expect(page.locator("#budget")).to_be_empty()
    page.evaluate("state.game.hunger = 740")
    expect(page.locator("#budget")).to_contain_text("or the snake starves")
    expect(page.locator("#announce")).to_contain_text("starves")
    page.evaluate("state.game.hunger = 0")
    expect(page.locator("#budget")).to_be_empty()


def test_the_board_is_sharp_on_a_screen_of_another_density(page):
    network = page.context.new_cdp_session(page)
    for density in (1, 2, 1.5):
        screen = {"width": 1280, "height": 800, "deviceScaleFactor": density, "mobile": False}
        network.send("Emulation.setDeviceMetricsOverride", screen)
        page.wait_for_function(f"() => devicePixelRatio === {density}")
        page.wait_for_function(IS_SHARP)
