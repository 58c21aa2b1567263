"""One game in four browsers: one plays, three watch, and all see the same game despite faults of their connections."""

import json
import time

import pytest
from browser import KEYS, game_of, press_at_once, start, state, steer
from playwright.sync_api import expect
from replays import LOOK_IN, RECORD, SNAPSHOT

import rules

MINUTE = 60  # seconds
IN_STEP = 40  # ticks: the player's last posts, what is on the way, and the second and a half that one is behind
KNOWN = "replay.shown.playback.known.ticks"


def watch(page, url, game_id):
    page.goto(f"{url}/#/games/{game_id}")
    page.evaluate(LOOK_IN)
    page.wait_for_function("(id) => window.replay?.shown?.record.id === id", arg=game_id)
    page.evaluate(RECORD)


def follows(page, player):
    """Wait until the page shows the player's game close behind the player."""
    page.wait_for_function(f"(tick) => {KNOWN} > tick - {IN_STEP} / 2", arg=state(player)["tick"])
    behind = state(player)["tick"] - page.evaluate("replay.shown.playback.game.ticks")
    assert behind < IN_STEP


def run_into_itself(page):
    """Three turns the same way, pressed within one tick."""
    heading = rules.HEADINGS.index(game_of(state(page)).heading)
    press_at_once(page, *(KEYS[rules.HEADINGS[(heading + turn) % 4]][0] for turn in (1, 2, 3)))


def let_pass(page, seconds):
    """So much time, in which the snake goes straight on, round the edge: how long something lasts is what this is about."""
    until = page.evaluate("performance.now()") + 1000 * seconds
    page.wait_for_function("(until) => performance.now() > until", arg=until, timeout=1000 * seconds + 10_000)


def weigh(page):
    """How many questions the page asks about its game, and bytes on the wire of their answers, from now on."""
    weighed = {"questions": 0, "wire": 0}
    questions = set()
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")

    def asked(event):
        if "/api/games/live" in event["request"]["url"]:
            questions.add(event["requestId"])
            weighed["questions"] += 1

    def received(event):  # an answer with events goes on for seconds
        if event["requestId"] in questions:
            weighed["wire"] += event.get("response", event)["encodedDataLength"]

    cdp.on("Network.requestWillBeSent", asked)
    cdp.on("Network.responseReceived", received)
    cdp.on("Network.dataReceived", received)
    return weighed


@pytest.mark.parametrize(
    ("offline", "sleep", "least"),
    [(3, 8, (30, 8, 2)), pytest.param(10, MINUTE, (100, 30, 5), marks=pytest.mark.long)],
)
def test_all_watchers_see_the_game_to_its_end(open_page, live, offline, sleep, least):
    """A page from the start, another that joins late and is offline for some seconds, and another whose tab sleeps."""
    player = open_page(live.url)
    start(player)  # nobody steers while other pages open
    steer(player, 10)
    game_id = state(player)["id"]
    early, sleeper = open_page(live.url), open_page(live.url)
    weighed = weigh(early)
    for page in (early, sleeper):
        watch(page, live.url, game_id)
    watched_since = time.monotonic()
    follows(early, player)
    fallen_asleep = time.monotonic()
    asleep = sleeper.context.new_cdp_session(sleeper)
    asleep.send("Page.setWebLifecycleState", {"state": "frozen"})

    steer(player, 40)
    late = open_page(live.url)
    watch(late, live.url, game_id)
    follows(late, player)
    late.context.set_offline(True)
    let_pass(player, offline)
    lost_at = late.evaluate(KNOWN)
    late.context.set_offline(False)
    assert state(player)["tick"] > lost_at + (IN_STEP if offline > 5 else 0)
    steer(player, 50)
    let_pass(player, max(0, fallen_asleep + sleep - time.monotonic()))
    seconds, asked, wire = time.monotonic() - watched_since, weighed["questions"], weighed["wire"]
    asleep.send("Page.setWebLifecycleState", {"state": "active"})
    watchers = [early, late, sleeper]
    for page in watchers:
        follows(page, player)

    run_into_itself(player)
    expect(player.locator("#result")).to_be_visible()
    played = state(player)
    end = game_of(played).snapshot()
    record = live.api(f"GET /api/games/{game_id}")
    assert (record["score"], record["outcome"], record["tick"]) == (end["score"], end["outcome"], end["ticks"])
    for page in watchers:
        page.wait_for_function("() => replay.shown.record.status === 'over'")
        assert page.evaluate(SNAPSHOT) == end
        expect(page.locator("#replay-score")).to_have_text(str(end["score"]))
        expect(page.locator("#replay-more")).to_contain_text(f"{end['score']} points")
    for page, number in zip((early, late, sleeper), least, strict=True):
        seen = page.evaluate("seen")
        assert len(seen) > number
        for tick, snapshot in seen.items():
            assert snapshot == by_rules(played, int(tick))
    print(f"\na watcher: {asked / seconds:.2f} questions and {wire / seconds:.0f} bytes a second, with the heads of answers")
    assert 0 < asked / seconds < 1.05
    assert wire / seconds < 200 or sleep < MINUTE  # the first answer has the whole game


def by_rules(played, tick):
    game = rules.Game(played["seed"], played["mode"])
    game.advance(played["turns"], tick)
    return game.snapshot()


@pytest.mark.parametrize("turns_a_second", [0, 2])
def test_updates_of_a_game_are_few_bytes(server, turns_a_second):
    """The bodies of a watcher's answers for 30 s of play, fetched each second."""
    ada = server.api.sign_up("Ada")
    game, known, told = ada.open("pass-through"), 0, 0
    for second in range(30):
        since = 7 * second
        turns = [[since + 3, "R"], [since + 6, "U"]][:turns_a_second]
        ada.post(game, since, since + 7, turns)
        [news] = server.api(f"GET /api/games/live?limit=0&known={game['id']}:{known}")
        known = news["tick"]
        told += len(json.dumps([news], separators=(",", ":")))
    assert known == 210
    assert told / 30 < 100
