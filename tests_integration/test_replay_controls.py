"""The controls of a replay: steps, timeline, keyboard and speed; on each size of screen."""

import re

import pytest
from browser import goes_wrong
from live_games import LiveGame
from playwright.sync_api import expect
from replays import GAME, SNAPSHOT, TICK, VECTORS, by_rules, look_at, seek, ticks_of_meals, vector

import rules


def test_steps_go_one_tick_on_or_back_and_stop_it(archive, watch):
    address, _ = archive.keep(GAME)
    page = watch(address)
    page.wait_for_function(f"() => {TICK} > 3")
    page.locator("#replay-on").click()
    assert page.evaluate("replay.shown.playback.phase") == "paused"
    at = page.evaluate(TICK)
    for button, tick in (("on", at + 1), ("back", at), ("back", at - 1)):
        page.locator(f"#replay-{button}").click()
        assert page.evaluate(SNAPSHOT) == by_rules(GAME, tick).snapshot()


def test_the_whole_game_can_be_held_by_its_timeline(archive, watch):
    address, end = archive.keep(GAME)
    page = watch(address)
    box = page.locator("#replay-slider").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 30, y)
    page.mouse.down()
    page.mouse.move(x, y, steps=5)
    page.wait_for_function(f"(end) => Math.abs({TICK} - end / 2) < end / 20", arg=end.ticks)
    at = page.evaluate(TICK)
    slider = page.locator("#replay-slider")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(rf"^tick {at} of {end.ticks}, score \d+$"))
    assert page.evaluate(TICK) == at  # a hand holds it there, though it is playing
    page.mouse.up()
    page.wait_for_function(f"(at) => {TICK} > at", arg=at)
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("k")
    at = page.evaluate(TICK)
    expect(slider).to_have_attribute("aria-valuetext", f"tick {at} of {end.ticks}, score {by_rules(GAME, at).score}")


def test_all_meals_are_marked_on_the_timeline_and_can_be_jumped_to(archive, watch):
    game = vector(None)
    address, end = archive.keep(game, rules.LEFT)
    page = watch(f"{address}?tick=0")
    meals = ticks_of_meals(game, game["ticks"])
    assert len(meals) > 5
    marked = page.evaluate(
        """(meals) => {
            const canvas = document.querySelector("#timeline canvas"), ctx = canvas.getContext("2d");
            const line = ctx.getImageData(0, canvas.height / 2, canvas.width, 1).data;
            const is_marked = (x) => line[4 * Math.round(x) + 3] > 0;
            const places = meals.map((meal) => meal * canvas.width);
            const marked = Array.from({length: canvas.width}, (_, x) => x).filter(is_marked);
            return [places.every(is_marked), marked.filter((x) => places.every((place) => Math.abs(place - x) > 9)).length];
        }""",
        [tick / end.ticks for tick, _ in meals],
    )
    assert marked == [True, 0]
    for tick, length in meals:
        page.locator("#replay-meal-on").click()
        assert page.evaluate(f"[{TICK}, replay.shown.playback.game.body.length]") == [tick, length]
    page.keyboard.press("End")
    for tick, _ in reversed(meals):
        page.locator("#replay-meal-back").click()
        assert page.evaluate(TICK) == tick


def test_the_keyboard_does_it_all(archive, watch):
    address, end = archive.keep(GAME)
    page = watch(f"{address}?tick=100")
    meals = [tick for tick, _ in ticks_of_meals(GAME, end.ticks)]
    before, after = max(tick for tick in meals if tick < 100), min(tick for tick in meals if tick > 100)
    for key, tick in (
        *(("ArrowLeft", 99), (",", 98), ("ArrowRight", 99), (".", 100)),
        *(("Shift+ArrowLeft", before), ("l", after), ("j", before), ("Shift+ArrowRight", after)),
        *(("Home", 0), ("End", end.ticks)),
    ):
        page.keyboard.press(key)
        assert page.evaluate(TICK) == tick, key
    for key, speed in (("ArrowUp", 2), ("ArrowUp", 4), ("ArrowDown", 2), *[("ArrowDown", 0.5)] * 3):
        page.keyboard.press(key)
        if speed != 0.5:
            assert page.evaluate("replay.shown.speed") == speed
    assert page.evaluate("replay.shown.speed") == 0.5
    page.keyboard.press("Home")
    for key, phase in ((" ", "playing"), ("k", "paused"), ("K", "playing"), ("Escape", "paused")):
        page.keyboard.press(key)
        assert page.evaluate("replay.shown.playback.phase") == phase, key


def test_what_has_the_focus_keeps_its_own_keys(archive, watch):
    address, _ = archive.keep(GAME)
    page = watch(f"{address}?tick=20")
    phase = "replay.shown.playback.phase"
    page.locator("#replay-on").focus()
    page.keyboard.press(" ")
    assert page.evaluate(f"[{TICK}, {phase}]") == [21, "paused"]  # the button was pressed, and once
    page.keyboard.press("ArrowRight")
    assert page.evaluate(TICK) == 22  # of which a button knows nothing
    page.locator("#replay-slider").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate(f"[{TICK}, replay.shown.speed]") == [23, 1]
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(TICK) == 22
    page.keyboard.press(" ")
    assert page.evaluate(phase) == "playing"
    page.keyboard.press(" ")
    page.locator("#replay-words summary").focus()
    page.keyboard.press(" ")
    expect(page.locator("#replay-lines a").first).to_be_visible()
    assert page.evaluate(phase) == "paused"
    expect(page.locator("#replay-words summary")).to_be_focused()


@pytest.mark.parametrize("speed", ["half", "16"])
def test_it_plays_at_the_chosen_speed(archive, watch, speed):
    long = max(VECTORS, key=lambda game: (game["expect"]["outcome"] != rules.WON, game["ticks"]))
    page = watch(archive.keep(long)[0])
    page.locator(f"#replay-speed-{speed}").click()
    expect(page.locator(f"#replay-speed-{speed}")).to_have_attribute("aria-pressed", "true")
    times = page.evaluate(
        """() => new Promise((done) => {
            const {playback} = replay.shown, played = () => playback.game.nominalMs + playback.clock;
            let from = null, before = 0, passed = 0;
            requestAnimationFrame(function look(now) {
                if (from === null) from = played();
                else passed += Math.min(100, now - before); // a frame that is longer was a stall, and is not made up for
                before = now;
                if (passed < 1000) return requestAnimationFrame(look);
                done((played() - from) / passed);
            });
        })"""
    )
    wanted = 0.5 if speed == "half" else int(speed)
    print(f"{wanted} times as fast: {times:.2f}")
    assert wanted * 0.7 < times < wanted * 1.15


@pytest.mark.parametrize(
    ("touch", "sizes"), [(True, [(360, 640), (390, 844), (768, 1024)]), (False, [(1024, 600), (1280, 800), (1920, 1080)])]
)
def test_the_board_and_all_controls_fit_the_screen(archive, watch, touch, sizes):
    """What is there to read may lie below; with fingers, nothing is smaller than they are."""
    page = watch(f"{archive.keep(GAME)[0]}?tick=41", *sizes[0], has_touch=touch, is_mobile=touch)
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("(width) => innerWidth === width", arg=width)
        for name in ("board", "toggle", "meal-on", "speed-16", "slider"):
            box = page.locator(f"#replay-{name}").bounding_box()
            assert 0 <= box["x"] <= width - box["width"], name
            assert 0 <= box["y"] <= height - box["height"], name
            assert not touch or box["height"] >= 44, name
        wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= width
        assert touch or high <= height


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_nothing_is_wrong_in_any_state(archive, watch, axe, width, scheme):
    long, end = archive.keep(vector(rules.WON), challenge="daily/2026-11-22")
    page = watch(f"{long}?tick=20000", width, 800, color_scheme=scheme, reduced_motion="reduce")
    wrong = {"paused": goes_wrong(page, axe)}
    page.locator("#replay-words summary").click()
    wrong["in words"] = goes_wrong(page, axe)
    if width > 1000:
        page.locator("#replay-keys summary").click()
        wrong["keys"] = goes_wrong(page, axe)
    seek(page, end.ticks)
    expect(page.locator("#replay-said")).to_have_text("Filled the pit!")
    wrong["over"] = goes_wrong(page, axe)
    player = LiveGame(archive.ada, planned_meals=8)
    player.play(10)
    look_at(page, f"{archive.server.url}/#/games/{player.id}")
    wrong["live"] = goes_wrong(page, axe)
    page.keyboard.press("k")
    expect(page.locator("#replay-live")).to_have_text("Back to live")
    wrong["held"] = goes_wrong(page, axe)
    page.locator("#replay-live").click()
    expect(page.locator("#replay-outcome")).to_contain_text("paused")
    wrong["rests"] = goes_wrong(page, axe)
    assert not any(wrong.values()), wrong
