"""Replays: links to them, what they show at each tick, and how they end."""

import random
import re

from driver import new_name, plan_many_turns
from playwright.sync_api import expect
from replays import (
    GAME,
    IS_SHOWN,
    LOOK_IN,
    NAMES,
    SNAPSHOT,
    TICK,
    VECTORS,
    by_rules,
    look_at,
    requests,
    seek,
    ticks_of_meals,
    vector,
)

import rules


def test_a_link_opens_a_game_paused_at_its_tick(archive, watch):
    address, end = archive.keep(GAME)
    page = watch(f"{address}?tick=41")
    assert page.evaluate(SNAPSHOT) == by_rules(GAME, 41).snapshot()
    assert page.evaluate("replay.shown.playback.phase") == "paused"
    page.goto("about:blank")
    look_at(page, f"{address}?tick=999999999")
    assert page.evaluate(SNAPSHOT) == end.snapshot()
    for nonsense in ("-5", "0x10"):
        page.goto("about:blank")
        look_at(page, f"{address}?tick={nonsense}")
        assert page.evaluate("replay.shown.playback.phase") == "playing"
    page.wait_for_function("(address) => location.href === address", arg=address)


def test_another_tick_in_the_address_is_gone_to_without_loading_again(archive, watch):
    address, _ = archive.keep(GAME)
    page = watch(f"{address}?tick=10")
    asked = requests(page)
    for tick in (25, 3, 40):
        page.evaluate("(hash) => { location.hash = hash }", f"{address.split('#')[1]}?tick={tick}")
        page.wait_for_function(f"(tick) => {TICK} === tick", arg=tick)
        assert page.evaluate(SNAPSHOT) == by_rules(GAME, tick).snapshot()
    page.go_back()
    page.wait_for_function(f"() => {TICK} === 3")
    assert asked == []
    assert page.title() == f"{GAME['expect']['score']} by Ada · Snakepit"
    other, _ = archive.keep(vector(rules.STARVED))
    page.evaluate("(hash) => { location.hash = hash }", f"{other.split('#')[1]}?tick=5")
    page.wait_for_function(IS_SHOWN, arg=other.rpartition("/")[2])


def test_the_address_has_the_tick_while_paused_and_none_while_playing(archive, watch):
    address, _ = archive.keep(GAME)
    page = watch(address)
    entries = page.evaluate("history.length")
    named = "(address) => location.href === address"
    page.keyboard.press("k")
    page.wait_for_function(named, arg=f"{address}?tick={page.evaluate(TICK)}")
    page.keyboard.press(".")
    page.wait_for_function(named, arg=f"{address}?tick={page.evaluate(TICK)}")
    page.locator("#replay-toggle").click()
    page.wait_for_function(named, arg=address)
    assert page.evaluate("history.length") == entries


def test_every_tick_that_is_gone_to_is_as_the_rules_have_it(archive, watch):
    """Back and forth, across the states that are kept along a long game."""
    long = max(VECTORS, key=lambda game: (game["expect"]["outcome"] != rules.WON, game["ticks"]))
    address, end = archive.keep(long)
    page = watch(f"{address}?tick=0")
    ticks = [0, 1, 999, 1000, 1001, end.ticks, end.ticks - 1, *random.Random(1).sample(range(end.ticks), 20), 0]
    for tick in ticks:
        seek(page, tick)
        assert page.evaluate(SNAPSHOT) == by_rules(long, tick).snapshot(), tick


def test_every_game_opens_and_ends_as_it_did(archive, open_page):
    page = open_page(archive.server.url)
    for outcome in rules.OUTCOMES:
        game = vector(None if outcome == rules.LEFT else outcome)
        address, end = archive.keep(game, outcome, ranked=int(outcome != rules.SELF))
        look_at(page, f"{address}?tick={end.ticks - 2}")
        ends_as_it_did(page, end, outcome)


def ends_as_it_did(page, end, outcome):
    """The page is two ticks before the end."""
    expect(page.locator("#replay-final")).to_have_text(str(end.score))
    expect(page.locator("#replay-said")).to_have_text("")
    page.locator("#replay-toggle").click()
    expect(page.locator("#replay-act")).to_have_text("Again")
    assert page.evaluate(SNAPSHOT) == end.snapshot()
    expect(page.locator("#replay-score")).to_have_text(str(end.score))
    expect(page.locator("#replay-outcome")).to_contain_text(NAMES.get(outcome, outcome), ignore_case=True)
    expect(page.locator("#replay-outcome")).to_contain_text(f"{end.score} points")
    expect(page.locator("#replay-outcome:has-text('not ranked')")).to_have_count(int(outcome == rules.SELF))
    page.locator("#replay-toggle").click()
    page.wait_for_function(f"() => {TICK} < 5 && replay.shown.playback.phase === 'playing'")


def test_the_game_in_words_agrees_with_the_rules(archive, watch):
    for game in (GAME, vector(rules.WON)):
        address, end = archive.keep(game)
        page = watch(f"{address}?tick=0")
        page.locator("#replay-words summary").click()
        told = page.locator("#replay-lines a")
        meals = [f"tick {tick}: ate, length {length}" for tick, length in ticks_of_meals(game, end.ticks)]
        last = f"tick {end.ticks}: {NAMES[end.outcome]}, length {len(end.body)}, score {end.score}"
        expect(told).to_have_text(["tick 0: start, length 3", *meals, last])
        told.nth(3).click()
        tick = int(re.search(r"\d+", meals[2])[0])
        page.wait_for_function(f"(tick) => {TICK} === tick", arg=tick)
        expect(told.nth(3)).to_have_attribute("aria-current", "true")
        expect(page.locator("#replay-lines [aria-current]")).to_have_count(1)


def test_the_line_of_now_is_marked_and_nothing_else_moves(archive, watch):
    page = watch(f"{archive.keep(GAME)[0]}?tick=0", 390, 844)
    page.locator("#replay-words summary").click()
    page.locator("#replay-lines li:nth-child(2) a").focus()
    focused = page.evaluate("() => { scrollTo(0, 123); return document.activeElement.textContent; }")
    page.keyboard.press("k")
    page.locator("#replay-speed-16").evaluate("(button) => button.click()")
    expect(page.locator("#replay-lines li:last-child a")).to_have_attribute("aria-current", "true")
    assert page.evaluate("document.activeElement.textContent") == focused
    assert page.evaluate("scrollY") == 123


def test_a_game_that_was_won_opens_at_once_and_is_gone_through_in_no_time(archive, watch):
    address, end = archive.keep(vector(rules.WON))
    page = watch(f"{address}?tick=0")
    page.locator("#replay-words summary").click()
    opened = page.evaluate(
        """async () => {
            const {src} = document.querySelector("script[type=module]");
            const {openPlayback} = await import(new URL("game/playback.js", src));
            const began = performance.now();
            openPlayback(replay.shown.record);
            return performance.now() - began;
        }"""
    )
    seeks = page.evaluate(
        """async (ticks) => {
            const slider = document.querySelector("#replay-slider"), times = [];
            for (const tick of ticks) {
                const began = performance.now();
                slider.value = tick;
                slider.dispatchEvent(new Event("input", {bubbles: true}));
                await new Promise(requestAnimationFrame);
                await new Promise((done) => setTimeout(done));
                times.push(performance.now() - began);
                if (replay.shown.playback.game.ticks !== tick) throw Error("it did not go there");
            }
            return times.sort((a, b) => a - b);
        }""",
        random.Random(2).sample(range(end.ticks), 20),
    )
    print(f"opened in {opened:.0f} ms; seeks, drawn: median {seeks[10]:.0f} ms, worst {seeks[-1]:.0f} ms")
    assert opened < 500
    assert seeks[10] < 100


def test_a_game_with_more_turns_than_one_response_has_is_shown_whole(open_page, make_server, tmp_path):
    """As a replay, while it is being played, and on the wall."""
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    game = ada.open(rules.PASS_THROUGH)
    turns, end = plan_many_turns(game["seed"], 20_500)
    ada.post_many(game, turns, end)
    played = rules.Game(game["seed"], rules.PASS_THROUGH)
    played.advance(turns, end)
    address = f"#/games/{game['id']}"

    wall = open_page(f"{server.url}/#/live")
    wall.evaluate(LOOK_IN.replace("replay/replay.js", "live/wall.js").replace("replay", "wall"))
    known = "wall.wall?.feed.games.get(id)?.playback.known"
    wall.wait_for_function(f"([id, end]) => {known}?.ticks === end", arg=[game["id"], end])
    assert wall.evaluate(f"(id) => {known}.snapshot()", game["id"]) == played.snapshot()

    page = open_page("about:blank")
    for status in ("playing", "over"):
        page.goto("about:blank")
        look_at(page, f"{server.url}/{address}?tick={end}")
        assert page.evaluate("replay.shown.record.status") == status
        assert page.evaluate("replay.shown.playback.turns.length") == len(turns)
        assert page.evaluate(SNAPSHOT) == played.snapshot()
        if status == "playing":
            ada(f"DELETE /api/games/{game['id']}", status=204)


def test_a_game_is_shared_by_the_address_of_its_page(archive, watch):
    address, _ = archive.keep(GAME)
    page = watch(f"{address}?tick=41", permissions=["clipboard-read", "clipboard-write"])
    shared = address.replace("#/", "")
    page.locator("#replay-share").click()
    expect(page.locator("#replay-share-note")).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{shared}?tick=41"
    page.locator("#replay-toggle").click()
    page.locator("#replay-share").click()
    page.wait_for_function("(wanted) => navigator.clipboard.readText().then((text) => text === wanted)", arg=shared)
    expect(page.locator("#replay-beat")).to_have_attribute("href", f"#/?challenge={address.rpartition('/')[2]}")


def test_what_trackers_add_to_the_address_of_a_game_does_not_matter(archive, watch):
    address, _ = archive.keep(GAME)
    page = watch(address, permissions=["clipboard-read", "clipboard-write"])
    shared = address.replace("#/", "")
    page.goto(f"{shared}?fbclid=x&utm_source=y")
    expect(page).to_have_url(address)
    expect(page.locator("#replay-controls")).to_be_visible()
    page.goto(address.replace("#/", "?utm_source=y#/"))
    page.locator("#replay-share").click()
    page.wait_for_function("(wanted) => navigator.clipboard.readText().then((text) => text === wanted)", arg=shared)


def test_the_challenge_of_a_game_is_shown(archive, open_page):
    page = open_page(archive.server.url)
    link = page.locator("#replay-challenge a")
    for challenge, words in {"daily/2026-11-22": "Daily challenge of 22 Nov 2026", "q7_Zt-Lw02Xa": "A challenge"}.items():
        look_at(page, archive.keep(GAME, challenge=challenge)[0])
        expect(link).to_have_text(words)
        query = f"challenge={challenge.replace('/', '%2F')}&mode={GAME['mode']}"
        expect(link).to_have_attribute("href", f"#/boards?{query}")


def test_a_program_is_called_a_bot(archive, watch):
    player = archive.server.api.sign_up(new_name(), bot=True)
    game, _, _ = player.play(2)
    page = watch(f"{archive.server.url}/#/games/{game['id']}")
    expect(page.locator("#replay-bot")).to_have_text("bot")
    expect(page.locator("#replay-bot")).to_be_visible()


def test_a_game_that_can_not_be_shown_has_a_notice(open_page, make_server, archive, tmp_path):
    page = open_page(archive.server.url)
    page.goto(f"{archive.server.url}/games/nothing")
    note = page.locator("#replay-note")
    expect(note).to_contain_text("no such game")
    expect(note.get_by_role("link", name="Play a game")).to_have_attribute("href", "#/")
    note.get_by_role("link", name="See the boards").click()
    expect(page.locator("#view-boards")).to_be_visible()
    page.goto(archive.keep(GAME, rules=rules.RULES + 1)[0])
    expect(note).to_contain_text("newer rules")
    expect(page.locator("#replay-controls")).to_be_hidden()
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    game, _, _ = server.api.sign_up("Ada").play(3)
    page.goto(server.url)
    page.evaluate("import(new URL('replay/replay.js', document.querySelector('script[type=module]').src))")
    server.kill()
    page.evaluate("(hash) => { location.hash = hash }", f"#/games/{game['id']}")
    expect(note).to_contain_text("can't be reached")
    server.start()
    note.locator("button").click()
    expect(page.locator("#replay-player")).to_have_text("Ada")
    expect(page.locator("#replay-controls")).to_be_visible()
