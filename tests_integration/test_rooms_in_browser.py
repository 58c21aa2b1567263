"""Rounds in browsers: a host who plays, players on phones and a big screen."""

import re

import pytest
from browser import AFTER_TICK, REACH_IN, start, state, steer
from playwright.sync_api import expect
from room_pages import (
    PHONE,
    WATCH_FIRST_TICK,
    api_of,
    create,
    first_tick_of,
    give_name,
    join,
    join_by_code,
    next_round,
    open_room,
    open_tab,
    plays_on_time,
    start_round,
)

import rules

AWAY_MS = 20_000
WATCH_COUNT = """window.hasCounted = false;
    new MutationObserver(([{target}]) => { window.hasCounted ||= !target.hidden; })
        .observe(document.getElementById("count"), {attributes: true});"""


def replayed(api, game):
    """Return the score of a game by rules.py."""
    record = api(f"GET /api/games/{game}")
    played = rules.Game(record["seed"], record["mode"])
    played.advance(record["turns"], record["tick"])
    return played.score


def begin_on_time(devices, server, code):
    """Let the host start a round; another one if the machine was too busy to show it in time. Return its number."""
    host = api_of(devices[0], server)
    for number in (1, 2, 3):
        for page in devices:
            page.evaluate(WATCH_FIRST_TICK, number)
        if number == 1:
            start_round(devices[0])
            expect(devices[1].locator("#room-count")).to_have_text(re.compile(r"^\d$"))
        else:
            next_round(host, code)
        planned = first_tick_of(server.api(f"GET /api/rooms/{code}")["round"])
        are_on_time = [plays_on_time(page, planned) for page in devices]
        if all(are_on_time) or number == 3:
            return number
        host(f"DELETE /api/rooms/{code}/rounds/{number}", status=204)


def test_a_class_plays_a_round(open_page, live):
    host, code = create(open_page, live)
    screen = open_tab(host, f"{live.url}/#/rooms/{code}/screen")
    expect(screen.locator("#screen-code")).to_have_text(code)
    address = screen.locator("#screen-qr svg").get_attribute("aria-label")
    phone = open_page(address, color_scheme="dark", **PHONE)
    phone.locator("#room-name [name=name]").fill("山田さん")
    phone.locator("#room-name [type=submit]").click()
    away = join_by_code(open_page, live, f" {code[:3].lower()} {code[3:]}", "Amélie", **PHONE)
    expect(screen.locator("#screen-members li")).to_have_text(["Amélie", "山田さん", "Teacher Mia"])

    devices = host, phone, away
    number = begin_on_time(devices, live, code)
    expect(screen.locator("#screen-wall canvas")).to_have_count(3)

    away.context.set_offline(True)
    since = away.evaluate("performance.now()")
    steer(away, 10)
    expect(away.locator("#connection")).to_have_attribute("data-state", "lost")
    steer(phone, 20)
    expect(phone.locator("#next-label")).to_have_text(re.compile("[123].. of 3"))
    expect(phone.locator("#best")).to_have_text(re.compile(r"^[12]:\d\d$"))
    expect(screen.locator("#screen-ranking")).to_contain_text("山田さん")

    before = state(phone)
    phone.reload()
    phone.evaluate(REACH_IN)
    phone.wait_for_function("(tick) => state.phase === 'playing' && state.game.ticks > tick", arg=before["tick"])
    assert state(phone)["id"] == before["id"]

    late = join(open_page, live, code, "Late Tom", **PHONE)
    late.evaluate(WATCH_COUNT)
    late.locator("#room-play").click()
    late.wait_for_function(AFTER_TICK, arg=0)
    assert not late.evaluate("hasCounted")  # it plays at once

    away.wait_for_function(f"(since) => performance.now() - since > {AWAY_MS}", arg=since, timeout=AWAY_MS)
    played = state(away)
    assert (played["phase"], played["connection"]) == ("playing", "lost")
    away.context.set_offline(False)
    away.wait_for_function("(tick) => state.syncedTick > tick", arg=played["tick"])
    assert state(away)["id"] == played["id"]
    expect(away.locator("#next-label")).to_have_text(re.compile("of 4$"))

    host.keyboard.press("Space")
    host.locator("#give-up").click()
    expect(host.locator("#room-now")).to_contain_text("You are ")
    host.locator("#room-end").click()
    for page in (*devices, late):
        expect(page.locator("#room-what")).to_have_text(f"Round {number} is over")
    expect(phone.locator("#room-members")).to_contain_text("1 win")

    standings = live.api(f"GET /api/rooms/{code}/rounds/{number}")["standings"]
    assert [entry["tries"] for entry in standings] == [1, 1, 1, 1]
    assert [entry["score"] for entry in standings] == [replayed(live.api, entry["game"]) for entry in standings]
    scores = {entry["name"]: entry["score"] for entry in standings}
    assert (scores["山田さん"] >= 20, scores["Amélie"] >= 10) == (True, True)
    rows = [re.compile(rf"^{entry['rank']}\s*{entry['name']}\s*{entry['score']}$") for entry in standings]
    for page in (*devices, late):
        expect(page.locator("#room-rows tr")).to_have_text(rows)
        expect(page.locator("#room-place")).to_have_text(re.compile("^You are .* of 4.$"))
    places = {}
    for entry in standings:
        if entry["score"] and entry["rank"] <= 3:
            places.setdefault((entry["score"], entry["rank"]), []).append(entry["name"])
    shown = [f"{''.join(names)}{score}{rank}" for (score, rank), names in places.items()]
    expect(screen.locator("#podium-places li")).to_have_text(shown)
    expect(screen.locator("#podium-replay canvas")).to_be_visible()
    expect(screen.locator("#podium-name")).to_have_text(f"Best game: {standings[0]['name']}")


def test_one_try_each_is_one_whatever_the_player_does(open_page, live):
    """In a second tab, after a reload, and when it is over."""
    host, code = open_room(live)
    tabs = [join(open_page, live, code, "Zoë")]
    tabs.append(open_tab(tabs[0], f"{live.url}/#/rooms/{code}"))
    expect(tabs[1].locator("#room-members li")).to_have_count(2)
    number = next_round(host, code, tries="one")
    for tab in tabs:
        tab.wait_for_function("() => state.phase === 'playing' || document.querySelector('#room-problem').textContent")
    tabs.sort(key=lambda tab: state(tab)["phase"] != "playing")
    playing, other = tabs
    expect(other.locator("#room-problem")).to_have_text("You are playing this round in another tab.")
    assert state(other)["id"] is None
    before = state(playing)
    playing.reload()
    playing.evaluate(REACH_IN)
    playing.wait_for_function(AFTER_TICK, arg=before["tick"])
    assert state(playing)["id"] == before["id"]
    playing.keyboard.press("Space")
    playing.locator("#give-up").click()
    for tab in tabs:
        expect(tab.locator("#room-place")).to_have_text("You are 1st of 1.")
        expect(tab.locator("#room-play")).to_be_hidden()
    playing.reload()
    expect(playing.locator("#room-rows")).to_contain_text("Zoë")
    expect(playing.locator("#room-play")).to_be_hidden()
    (entry,) = live.api(f"GET /api/rooms/{code}/rounds/{number}")["standings"]
    assert (entry["tries"], entry["game"]) == (1, before["id"])


def test_of_two_windows_one_plays_however_long_its_game_takes_to_open(open_page, live):
    host, code = open_room(live)
    tabs, held = [join(open_page, live, code, "Zoë")], []
    tabs.append(open_tab(tabs[0], f"{live.url}/#/rooms/{code}"))
    for tab, chance in zip(tabs, (0, 0.6), strict=True):
        tab.add_init_script(f"Math.random = () => {chance}")  # the first opens its game 0.3 s before the other
        tab.reload()
        tab.evaluate(REACH_IN)
        expect(tab.locator("#room-members li")).to_have_count(2)
    tabs[0].route("**/api/games", lambda route: held.append(route))
    number = next_round(host, code, tries="many")
    expect(tabs[1].locator("#room-problem")).to_have_text("You are playing this round in another tab.")
    held[0].continue_()
    tabs[0].wait_for_function(AFTER_TICK, arg=10)
    expect(tabs[1].locator("#room-problem")).to_have_text("You are playing this round in another tab.")
    playing, waiting = state(tabs[0]), state(tabs[1])
    assert (playing["phase"], waiting["id"]) == ("playing", None)
    (entry,) = live.api(f"GET /api/rooms/{code}/rounds/{number}")["standings"]
    assert (entry["game"], entry["tries"], entry["status"]) == (playing["id"], 1, "playing")


def test_a_round_ends_another_game_only_if_the_player_says_so(open_page, live):
    """And one that has ended meanwhile is in nobody's way."""
    host, code = open_room(live)
    page = open_page(live.url)
    start(page)
    game = state(page)["id"]
    page.goto(f"{live.url}/#/rooms/{code}")
    give_name(page, "Zoë")
    next_round(host, code)
    expect(page.locator("#room-count")).to_have_text(re.compile("^1:5"))  # after the moment to open it
    expect(page.locator("#room-other")).to_contain_text("You have another open game.")
    expect(page.locator("#room-play")).to_be_hidden()
    assert (state(page)["id"], state(page)["phase"]) == (game, "paused")
    page.locator("#room-end-other").click()
    page.wait_for_function("(game) => state.id !== game && state.phase === 'playing'", arg=game)
    assert live.api(f"GET /api/games/{game}")["outcome"] == "left"

    player, left = api_of(page, live), state(page)["id"]
    player(f"DELETE /api/games/{left}", status=204)
    browser = page.context
    page.close()
    host(f"DELETE /api/rooms/{code}/rounds/1", status=204)
    _, other_code = open_room(live)
    tab = browser.new_page()
    tab.goto(f"{live.url}/#/rooms/{other_code}")
    give_name(tab, "Zoë")
    expect(tab.locator("#room-other")).to_be_empty()
    expect(tab.locator("#room-end-other")).to_be_hidden()


def test_a_round_ends_the_game_of_another_device_only_if_the_player_says_so(open_page, live):
    host, code = open_room(live)
    page = join(open_page, live, code, "Zoë", **PHONE)
    device = api_of(page, live)
    game = device.open("pass-through")
    device.post(game, 0, 6)
    next_round(host, code)
    expect(page.locator("#room-other")).to_contain_text("Your game on another device is still open.")
    expect(page.locator("#room-problem")).to_be_empty()
    expect(page.locator("#room-play")).to_be_hidden()
    assert device.post(game, 6, 7)["status"] == "playing"
    page.get_by_role("button", name="End that game").click()
    page.wait_for_function(AFTER_TICK, arg=0)
    assert live.api(f"GET /api/games/{game['id']}")["outcome"] == "left"


def test_a_host_may_only_lead(open_page, live):
    host, code = create(open_page, live)
    host.get_by_label("I play, too").uncheck()
    host.reload()
    expect(host.get_by_label("I play, too")).not_to_be_checked()
    next_round(api_of(host, live), code)
    expect(host.locator("#room-play")).to_have_text("Join the round")
    expect(host.locator("#room-count")).to_have_text(re.compile("^1:5"))  # after the moment to open a game
    expect(host.locator("#room-play")).to_be_visible()
    assert live.api(f"GET /api/rooms/{code}/rounds/1")["standings"] == []
    host.locator("#room-play").click()
    host.evaluate(REACH_IN)
    host.wait_for_function(AFTER_TICK, arg=0)


@pytest.fixture
def kept(open_page, live):
    """A page in the room of the Api `host`, which the service worker keeps: (page, host, code)."""
    host, code = open_room(live)
    page = join(open_page, live, code, "Zoë", service_workers="allow")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    return page, host, code


def test_a_room_says_that_the_server_is_gone_and_is_back_by_itself(kept, live):
    """Without practice, which the start card has."""
    page, host, code = kept
    live.stop()
    expect(page.locator("#room-lost")).to_contain_text("No connection")
    page.reload()
    expect(page.locator("#room .notice")).to_contain_text("can't be reached")
    live.start()
    expect(page.locator("#room-members li")).to_have_count(2)
    page.evaluate(REACH_IN)
    number = next_round(host, code, starts_in=4)
    expect(page.locator("#room-count")).not_to_be_empty()
    live.stop()
    expect(page.locator("#room-what")).to_contain_text(f"Round {number}")
    expect(page.locator("#room-lost")).to_contain_text("No connection")
    assert page.evaluate("state.isOffline && !state.game")
    live.start()
    page.wait_for_function(AFTER_TICK, arg=0)
    live.stop()
    expect(page.locator("#connection")).to_have_attribute("data-state", "lost")
    played = state(page)
    page.keyboard.press("Space")
    page.locator("#give-up").click()
    page.wait_for_function("() => state.phase === 'over'")
    expect(page.locator("#room-lost")).to_contain_text("No connection")
    page.keyboard.press("Enter")
    expect(page.locator("#room-play")).to_be_hidden()
    live.start()
    expect(page.locator("#room-play")).to_have_text("Play again")
    expect(page.locator("#room-lost")).to_be_empty()
    expect(page.locator("#room-place")).to_have_text("You are 1st of 1.")
    (entry,) = live.api(f"GET /api/rooms/{code}/rounds/{number}")["standings"]
    assert (entry["game"], entry["tries"]) == (played["id"], 1)
