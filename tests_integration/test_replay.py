"""A game shown again, and while it is played: what one sees is what the rules say, at whichever tick."""

import json
import random
import re
import sqlite3

import pytest
from driver import plan, plan_many_turns
from playwright.sync_api import expect
from servers import ROOT, Server
from test_layout_and_a11y import goes_wrong

import rules
from game.codec import encode_turns

VECTORS = json.loads((ROOT / "tests" / "rules-vectors.json").read_text())
# What the view's own module knows, as soon as there is something to know.
LOOK_IN = """import(new URL("replay/replay.js", document.querySelector("script[type=module]").src))
    .then((module) => { window.replay = module; })"""
IS_SHOWN = "(id) => window.replay?.shown?.record.id === id"
TICK = "replay.shown.playback.game.ticks"
SNAPSHOT = "replay.shown.playback.game.snapshot()"
# Notes the state at each tick that is seen from now on.
RECORD = """() => {
    window.seen = {};
    requestAnimationFrame(function look() {
        if (replay.shown) seen[replay.shown.playback.game.ticks] ??= replay.shown.playback.game.snapshot();
        requestAnimationFrame(look);
    });
}"""


def vector(outcome, mode=None):
    """The shortest game of the vectors that ends so, or doesn't end."""
    return min(
        (game for game in VECTORS if game["expect"]["outcome"] == outcome and mode in (None, game["mode"])),
        key=lambda game: (game["ticks"] < 20, game["ticks"]),
    )


def by_rules(game, tick):
    played = rules.Game(game["seed"], game["mode"])
    played.advance(game["turns"], tick)
    return played


def ticks_of_meals(game, tick):
    played, meals = rules.Game(game["seed"], game["mode"]), []
    while played.ticks < tick and not played.outcome:
        score = played.score
        played.advance(game["turns"], played.ticks + 1)
        if played.score > score:
            meals.append((played.ticks, len(played.body)))
    return meals


class Archive:
    """A server, and games that are put into its file as if they had been played there."""

    def __init__(self, folder):
        self.file = folder / "snake.db"
        settings = {"ENFORCE_PACE": "false", "RATE_LIMITS": "false"}
        self.server = Server(folder, DATABASE_URL=f"sqlite:///{self.file}", **settings).start()
        self.ada = self.server.api.sign_up("Ada")

    def keep(self, game, outcome=None, **columns):
        """The address of a game {seed, mode, turns, ticks} that is over, and the rules.Game of its end."""
        end = by_rules(game, game["ticks"])
        row = {
            "id": f"game-{random.randrange(10**9)}",
            "user_id": int(self.ada.user["id"]),
            "mode": game["mode"],
            "rules": rules.RULES,
            "seed": game["seed"],
            "verified": 1,
            "ranked": 1,
            "started_at": 1,
            "seen_at": 1,
            "ended_at": 1,
            "outcome": outcome or end.outcome,
            "tick": end.ticks,
            "score": end.score,
            "turns": encode_turns(game["turns"]),
            **columns,
        }
        with sqlite3.connect(self.file) as database:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            database.execute(f"INSERT INTO games ({names}) VALUES ({marks})", list(row.values()))
        return f"{self.server.url}/#/games/{row['id']}", end


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    archive = Archive(tmp_path_factory.mktemp("archive"))
    yield archive
    archive.server.kill()


def look_at(page, address):
    """Go to the address of a game, and wait until it shows."""
    page.goto(address)
    page.evaluate(LOOK_IN)
    page.wait_for_function(IS_SHOWN, arg=re.search(r"games/([\w-]+)", address)[1])
    expect(page.locator("#replay-controls")).to_be_visible()


def requests(page):
    """A list that takes up all questions about games from now on."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/games" in request.url else None)
    return asked


def let_pass(page, ms):
    """Wait while nothing is to happen."""
    began = page.evaluate("performance.now()")
    page.wait_for_function("(until) => performance.now() > until", arg=began + ms, polling=100)


@pytest.fixture
def watch(open_page, archive):
    """Opens an address in a page of its own."""

    def watch(address, *size, **options):
        page = open_page(archive.server.url, *size, **options)
        look_at(page, address)
        return page

    return watch


GAME = vector(rules.SELF, rules.WALLS)


def test_a_link_opens_a_game_at_its_tick_and_stands_there(archive, watch):
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


def test_the_address_names_the_tick_where_one_stands_and_none_while_it_plays(archive, watch):
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


def test_every_tick_that_is_gone_to_is_as_the_rules_have_it(archive, watch):
    """Back and forth, across the states that are kept along a long game."""
    long = max(VECTORS, key=lambda game: (game["expect"]["outcome"] != rules.WON, game["ticks"]))
    address, end = archive.keep(long)
    page = watch(f"{address}?tick=0")
    ticks = [0, 1, 999, 1000, 1001, end.ticks, end.ticks - 1, *random.Random(1).sample(range(end.ticks), 20), 0]
    for tick in ticks:
        seek(page, tick)
        assert page.evaluate(SNAPSHOT) == by_rules(long, tick).snapshot(), tick


def seek(page, tick):
    """As a hand on the slider does."""
    page.locator("#replay-slider").evaluate(
        "(slider, tick) => { slider.value = tick; slider.dispatchEvent(new Event('input', {bubbles: true})); }", tick
    )


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
def test_it_plays_as_fast_as_one_wants(archive, watch, speed):
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


NAMES = {rules.WALL: "hit the wall", rules.SELF: "bit itself", rules.STARVED: "starved", rules.WON: "filled the pit"}


@pytest.mark.parametrize("outcome", rules.OUTCOMES)
def test_every_game_opens_and_ends_as_it_did(archive, watch, outcome):
    game = vector(None if outcome == rules.LEFT else outcome)
    address, end = archive.keep(game, outcome, ranked=int(outcome != rules.SELF))
    page = watch(f"{address}?tick={end.ticks - 2}")
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


def test_the_game_in_words_is_what_the_rules_say(archive, watch):
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
    expect(page.locator("#replay-lines li:last-child a")).to_have_attribute("aria-current", "true", timeout=15_000)
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


@pytest.mark.parametrize(
    ("challenge", "words"),
    [("daily/2026-11-22", "Daily challenge of 22 Nov 2026"), ("q7_Zt-Lw02Xa", "A challenge")],
)
def test_it_says_what_a_game_was_for(archive, watch, challenge, words):
    page = watch(archive.keep(GAME, challenge=challenge)[0])
    link = page.locator("#replay-challenge a")
    expect(link).to_have_text(words)
    query = f"challenge={challenge.replace('/', '%2F')}&mode={GAME['mode']}"
    expect(link).to_have_attribute("href", f"#/boards?{query}")


def test_a_program_is_called_a_bot(archive, watch):
    player = archive.server.api.sign_up("Robby", bot=True)
    game, _, _ = player.play(2)
    page = watch(f"{archive.server.url}/#/games/{game['id']}")
    expect(page.locator("#replay-bot")).to_have_text("bot")
    expect(page.locator("#replay-bot")).to_be_visible()


def test_what_can_t_be_shown_is_said(open_page, make_server, archive, tmp_path):
    page = open_page(f"{archive.server.url}/#/games/nothing")
    note = page.locator("#replay-note")
    expect(note).to_contain_text("no such game")
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


# While it is played


class Player:
    """Somebody who plays a game with so many meals, in posts."""

    def __init__(self, api, mode=rules.WALLS, meals=8):
        self.api, self.name = api, api.user["username"]
        self.game = api.open(mode)
        self.turns, self.end = plan(self.game["seed"], mode, meals)
        self.tick = 0

    def play(self, ticks):
        """So many ticks on; the server's answer."""
        since, self.tick = self.tick, min(self.end, self.tick + ticks)
        turns = [turn for turn in self.turns if since < turn[0] <= self.tick]
        return self.api.post(self.game, since, self.tick, turns)

    def at(self, tick):
        return by_rules({**self.game, "turns": self.turns}, tick)


@pytest.fixture
def player(archive):
    """Somebody who has just begun, on the server that most of these tests share."""
    player = Player(archive.server.api.sign_up(f"Player{random.randrange(10**9)}"))
    player.play(20)
    return player


@pytest.fixture
def page(archive, watch, player):
    """A page that watches the player."""
    page = watch(f"{archive.server.url}/#/games/{player.game['id']}")
    page.evaluate(RECORD)
    return page


KNOWN = "(tick) => replay.shown.playback.known.ticks >= tick"


def test_one_sees_a_game_as_it_is_played_tick_by_tick(page, player):
    expect(page.locator("#replay-live")).to_have_text("Live")
    assert page.title() == f"{player.name} is playing · Snakepit"
    page.locator("#replay-words summary").click()
    for _ in range(4):
        player.play(7)
        page.wait_for_function(KNOWN, arg=player.tick)
        assert page.evaluate(f"{TICK} <= replay.shown.playback.known.ticks")
    lines = ticks_of_meals({**player.game, "turns": player.turns}, player.tick)
    told = ["tick 0: start, length 3", *(f"tick {tick}: ate, length {length}" for tick, length in lines)]
    expect(page.locator("#replay-lines a")).to_have_text(told)
    answer = player.play(player.end)
    expect(page.locator("#replay-said")).to_have_text("Hit the wall", timeout=30_000)
    ordinal = {1: "1st", 2: "2nd", 3: "3rd"}.get(answer["rank"], f"{answer['rank']}th")
    expect(page.locator("#replay-more")).to_have_text(f"80 points, {ordinal} on the Walls board")
    expect(page.locator("#replay-live")).to_be_hidden()
    assert page.title() == f"80 by {player.name} · Snakepit"
    assert page.locator("#replay-lines a").last.text_content().startswith(f"tick {player.end}: hit the wall")
    seen = page.evaluate("seen")
    assert len(seen) > 20
    for tick, state in seen.items():
        assert state == player.at(int(tick)).snapshot()


def test_a_player_who_pauses_and_one_who_is_silent_are_told_apart(page, player):
    said = page.locator("#replay-outcome")
    expect(said).to_contain_text(f"{player.name} has paused", timeout=10_000)
    expect(said).to_contain_text(re.compile(rf"No word from {player.name} for \d+ s"), timeout=10_000)
    player.play(0)  # a sign of life
    expect(said).to_contain_text(f"{player.name} has paused")
    player.play(7)
    expect(page.locator("#replay-said")).to_have_text("")


def test_one_who_steps_aside_is_brought_back_to_where_the_game_is(page, player):
    live = page.locator("#replay-live")
    page.keyboard.press("k")
    expect(live).to_have_text("Back to live")
    live.click()
    expect(live).to_have_text("Live")
    page.keyboard.press("ArrowLeft")
    expect(live).to_have_text("Back to live")
    at = page.evaluate(TICK)
    player.play(20)
    page.wait_for_function(KNOWN, arg=player.tick)
    assert page.evaluate(TICK) == at
    seek(page, 5)
    assert page.evaluate(SNAPSHOT) == player.at(5).snapshot()
    live.click()
    expect(live).to_have_text("Live")
    page.wait_for_function(f"(tick) => {TICK} > tick - 15", arg=player.tick)
    page.wait_for_function("(id) => location.hash === `#/games/${id}`", arg=player.game["id"])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("k")
    page.locator("#replay-speed-16").click()  # which catches up by itself
    expect(live).to_have_text("Live")
    page.keyboard.press("ArrowLeft")
    player.play(player.end)
    expect(live).to_be_hidden()
    page.keyboard.press("End")
    assert page.evaluate(SNAPSHOT) == player.at(player.end).snapshot()


def test_a_lost_connection_is_said_and_made_up_for(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    player = Player(server.api.sign_up("Ada"))
    page = open_page(server.url)
    look_at(page, f"{server.url}/#/games/{player.game['id']}")
    server.kill()
    said = page.locator("#replay-outcome")
    expect(said).to_contain_text("Connection lost; trying again", timeout=10_000)
    server.start()
    player.play(player.end // 2)
    page.wait_for_function(f"(tick) => {TICK} > tick - 15", arg=player.tick, timeout=20_000)
    expect(said).not_to_contain_text("lost")


def test_a_tab_that_was_hidden_is_in_step_again_by_itself(page, player):
    """A page can't be hidden from here: it is told that it is, and gets no frames, as a hidden one."""
    asked = requests(page)
    page.evaluate(
        """() => {
            const frames = [];
            window.hide = (hidden) => {
                Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"));
            };
            const request = window.requestAnimationFrame.bind(window);
            window.requestAnimationFrame = (act) => document.hidden ? frames.push(act) : request(act);
            window.unhide = () => { hide(false); for (const act of frames.splice(0)) request(act); };
            hide(true);
        }"""
    )
    player.play(player.end // 2)
    let_pass(page, 2500)
    assert asked == []
    page.evaluate("unhide()")
    page.wait_for_function(f"(tick) => {TICK} > tick - 15", arg=player.tick)


def test_a_game_whose_player_deletes_the_account_is_gone_in_words(page, player):
    player.api("DELETE /api/auth/me", {"password": "correct horse"}, 204)
    expect(page.locator("#replay-outcome")).to_contain_text("gone")
    expect(page.locator("#replay-live")).to_be_hidden()


def test_nobody_is_asked_once_one_has_left(page):
    page.locator("a[href='#/boards']").first.click()
    expect(page.locator("#view-boards")).to_be_visible()
    asked = requests(page)
    let_pass(page, 2200)
    assert asked == []


# How it looks


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
    player = Player(archive.ada)
    player.play(10)
    look_at(page, f"{archive.server.url}/#/games/{player.game['id']}")
    wrong["live"] = goes_wrong(page, axe)
    page.keyboard.press("k")
    expect(page.locator("#replay-live")).to_have_text("Back to live")
    wrong["held"] = goes_wrong(page, axe)
    page.locator("#replay-live").click()
    expect(page.locator("#replay-outcome")).to_contain_text("paused", timeout=10_000)
    wrong["rests"] = goes_wrong(page, axe)
    assert not any(wrong.values()), wrong
