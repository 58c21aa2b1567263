"""Plays the client in a browser with keys, by the game's state in the page."""

import json

from driver import PASSWORD
from playwright.sync_api import expect

import rules
from examples import bot

SIZES = [(390, 844), (1280, 800), (1920, 1080)]  # of screens
KEYS = {"U": ("ArrowUp", "w"), "R": ("ArrowRight", "d"), "D": ("ArrowDown", "s"), "L": ("ArrowLeft", "a")}
# What the page's own modules know, put where a test's predicates reach it at once.
REACH_IN = """import(new URL("game/state.js", document.querySelector("script[type=module]").src))
    .then(({state}) => { window.state = state; })"""
# Adds up how far things have moved on the page by themselves, and notes what moved; 0 is what it should be.
WATCH_SHIFTS = """Object.assign(window, {shifted: 0, moved: []});
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (entry.hadRecentInput) continue;
            window.shifted += entry.value;
            moved.push(...entry.sources.map(({node}) => node?.id || node?.className || node?.nodeName));
        }
    }).observe({type: "layout-shift", buffered: true});"""
FORGET_SHIFTS = "Object.assign(window, {shifted: 0, moved: []})"
STATE = """({
    phase: state.phase, id: state.id, seed: state.seed, mode: state.mode, turns: state.turns,
    tick: state.game?.ticks, stored: state.syncedTick, connection: state.connection,
})"""
RUN_AXE = """() => axe.run().then(({violations}) => violations.map(
    ({id, nodes}) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`))"""
COUNT_FRAMES = """(seconds) => new Promise((done) => {
    const began = performance.now();
    let frames = 0;
    requestAnimationFrame(function count(now) {
        if (now - began > seconds * 1000) return done(frames / seconds);
        frames++;
        requestAnimationFrame(count);
    });
})"""
PRESS = """(keys) => {
    for (const key of keys) document.body.dispatchEvent(new KeyboardEvent("keydown", {key, code: key, bubbles: true}));
}"""
AFTER_TICK = """(tick) => state.game?.ticks > tick || state.phase === "over" """


def press_at_once(page, *keys):
    """Press keys within one tick, however busy the machine is."""
    page.evaluate(PRESS, keys)


def state(page):
    return page.evaluate(STATE)


def start(page, mode="pass-through"):
    """Start a game, and wait until it runs. On a busy machine, a wall may end it before the test's next step."""
    page.locator(f"label:has(#mode-{mode})").click()
    page.locator("#play").click()
    page.wait_for_function(AFTER_TICK, arg=0)


def views(server):
    """Addresses on a filled server, each with a selector of what is there when it is loaded."""
    game = server.api("GET /api/leaderboard?mode=walls")[0]["game"]
    return {
        "#/boards?mode=walls": "#boards-table tr:nth-child(9)",
        "#/boards?mode=walls&at=2020-01-01&period=day": "#boards-note:has-text('Nobody played then')",
        "#/players/Player3": "#player-games tr",
        "#/players/Nobody": "#player-note a",
        "#/live": "#live-empty h2, .live-card",  # of games that other tests have left
        f"#/games/{game}?tick=9": "#replay-controls",
        "#/games/nothing": "#replay-note a",
        "#/": "#play",
    }


def visit_views(page, server, check):
    """Call `check(address)` at each of the views, the start screen last."""
    for address, ready in views(server).items():
        page.goto(f"{server.url}/{address}")
        expect(page.locator(ready).first).to_be_visible()
        check(address)


def play_through(page, check):
    """Call `check(moment)` while a guest's game is played, when it is paused, and at its result."""
    start(page)
    check("playing")
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_visible()
    check("paused")
    page.locator("#give-up").click()
    expect(page.locator("#result-sign-up")).to_be_visible()
    check("result")


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
        heading = bot.choose(game)
        if heading != game.heading:
            page.keyboard.press(KEYS[heading][presses % 2])
            presses += 1
        page.wait_for_function(AFTER_TICK, arg=game.ticks)


def settle(page):
    """Wait for the game's result. Return the score."""
    expect(page.locator("#result[data-settled=true]")).to_be_visible()
    return game_of(state(page)).score


def give_up(page):
    """Pause and give up; on a slow machine the snake may have crashed before. Return the score."""
    page.keyboard.press("Escape")  # which does nothing after the end
    page.wait_for_function("() => ['paused', 'over'].includes(state.phase)")
    if state(page)["phase"] == "paused":
        page.locator("#give-up").click()
    return settle(page)


def signed_in(player, server):
    """Return the storage of a browser in which an Api's player is signed in, for a new page."""
    session = json.dumps({"token": player.token, "user": player.user})
    kept = {"origin": server.url, "localStorage": [{"name": "snakepit.session", "value": session}]}
    return {"cookies": [], "origins": [kept]}


def sign_up(page, name):
    page.locator("#signup-form [name=username]").fill(name)
    page.locator("#signup-form [name=password]").fill(PASSWORD)
    page.locator("#signup-form [type=submit]").click()
    expect(page.locator("#signup-form")).to_be_hidden()


def goes_wrong(page, axe, stays="true"):
    """Return what is wrong with the view that the page shows, as a list.

    `stays` is JavaScript: whether the view is the same as before. If it isn't, what has moved meanwhile is not wrong.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate(RUN_AXE)
    wide, width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if wide > width:
        found.append(f"it is {wide - width} px too wide")
    if (shifted := page.evaluate("shifted")) > 0.001 and page.evaluate(stays):
        found.append(f"it has shifted by {shifted}: {page.evaluate('moved')}")
    page.evaluate(FORGET_SHIFTS)
    return found
