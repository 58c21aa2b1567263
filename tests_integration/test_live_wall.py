"""The wall of live games in a real Chromium; the test plays the games."""

import json
import re
from itertools import cycle
from urllib.parse import urlsplit

import pytest
from browser import SIZES, goes_wrong
from live_games import LiveGame, going_on
from playwright.sync_api import expect

import rules

REACH_IN = """import(new URL("live/wall.js", document.querySelector("script[type=module]").src)).then((found) => {
    window.wall = () => found.wall;
    window.watched = (name) => Array.from(found.wall.feed.games.values()).find(({username}) => username === name);
})"""
SEEN = """(name) => {
    const {id, playback} = watched(name);
    return {id, tick: playback.game.ticks, state: playback.game.snapshot()};
}"""
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
WAIT = "(ms) => { window.from ??= performance.now(); return performance.now() - from > ms && delete window.from; }"

# Notes what is over each card's board, and the names of the cards for screen readers, however soon that changes again:
# {player: [text]}.
NOTE = """() => {
    Object.assign(window, {said: {}, named: {}});
    const note = () => {
        for (const card of document.querySelectorAll(".live-card")) {
            const name = card.querySelector(".live-name").textContent;
            const lines = card.querySelectorAll(".live-said > :not(:empty)");
            (said[name] ??= []).push(Array.from(lines, ({textContent}) => textContent).join(", "));
            (named[name] ??= []).push(card.getAttribute("aria-label"));
        }
    };
    const all = {attributes: true, characterData: true, childList: true, subtree: true};
    new MutationObserver(note).observe(document.querySelector("#view-live"), all);
}"""


@pytest.fixture
def server(make_server, tmp_path):
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")


@pytest.fixture
def open_wall(open_page, server):
    def open_wall(*size, **options):
        page = open_page(f"{server.url}/#/live", *size, **options)
        page.evaluate(REACH_IN)
        return page

    return open_wall


def names(page):
    return page.locator(".live-name").all_text_contents()


def card(page, name):
    return page.locator(".live-card", has=page.get_by_text(name, exact=True))


def count_updates(page):
    """Bytes of each update that the wall gets, as it comes in, after "asked" for each request."""
    network, others, seen = (
        page.context.new_cdp_session(page),
        set(),
        [],
    )  # `others`: an open stream has no event of its begin
    network.send("Network.enable")

    def begin(event):
        if urlsplit(event["request"]["url"]).path == "/api/games/live":
            seen.append("asked")
        else:
            others.add(event["requestId"])

    def receive(event):
        if event["requestId"] not in others and event["dataLength"]:
            seen.append(event["dataLength"])

    network.on("Network.requestWillBeSent", begin)
    network.on("Network.dataReceived", receive)
    return seen


def test_games_are_shown_best_first_and_move(open_wall, server):
    ada, bob, eve = (LiveGame(server.api.sign_up(name), meals=meals) for name, meals in (("Ada", 2), ("Bob", 9), ("Eve", 5)))
    page = open_wall()
    expect(page.locator(".live-card")).to_have_count(3)
    expect(page.locator(".live-name")).to_have_text(["Bob", "Eve", "Ada"])
    expect(page.locator("#live-note")).to_have_text("3 games are being played, best first.")
    expect(card(page, "Bob")).to_have_attribute("href", f"#/games/{bob.id}")
    expect(page.get_by_role("link", name=re.compile(r"^Watch Bob, [0-9]+ points, Walls\.$"))).to_be_visible()
    with going_on(ada, bob, eve):
        before = page.evaluate(SEEN, "Eve")["tick"]
        picture = "() => document.querySelector('#live-wall canvas').toDataURL()"
        first = page.evaluate(picture)
        page.wait_for_function("(tick) => watched('Eve').playback.game.ticks > tick + 7", arg=before)
        assert page.evaluate(picture) != first


def test_what_is_seen_is_the_game_that_is_played(open_wall, server):
    games = {name: LiveGame(server.api.sign_up(name), mode, 3) for name, mode in (("Ada", "walls"), ("Bob", "pass-through"))}
    page = open_wall()
    expect(page.locator(".live-card")).to_have_count(2)
    with going_on(*games.values()):
        for name, playing in [*games.items()] * 2:
            before = page.evaluate(SEEN, name)["tick"]
            page.wait_for_function("([name, tick]) => watched(name).playback.game.ticks > tick + 3", arg=[name, before])
            seen = page.evaluate(SEEN, name)
            record = server.api(f"GET /api/games/{playing.id}")
            assert seen["id"] == record["id"]
            assert record["tick"] >= seen["tick"]
            game = rules.Game(record["seed"], record["mode"])
            game.advance(record["turns"], seen["tick"])
            assert seen["state"] == json.loads(json.dumps(game.snapshot()))


def test_games_come_and_those_that_end_rest_or_fall_silent_show_it_and_leave(open_wall, server):
    server.api.sign_up("Best").play(12)
    ada, bob = LiveGame(server.api.sign_up("Ada"), meals=4), LiveGame(server.api.sign_up("Bob"), meals=1)
    guest = LiveGame(server.api.guest(), meals=2)
    LiveGame(server.api.sign_up("Eve"), meals=3)
    page = open_wall()
    page.evaluate(NOTE)
    expect(page.locator(".live-card")).to_have_count(4)
    assert ada.crash()["rank"] == 2
    guest.crash()
    kim = LiveGame(server.api.sign_up("Kim"))
    with going_on(bob), going_on(kim, ticks=0):
        for name in ("Ada", guest.name, "Eve"):
            expect(card(page, name)).to_have_count(0)
        expect(card(page, "Kim").locator(".live-said")).to_have_text("Paused")
        expect(card(page, "Bob").locator(".live-said")).to_be_hidden()
    said, named = page.evaluate("[said, named]")
    assert said["Ada"][-1] == "Hit the wall, 40, 2nd on the Walls board"
    assert said[guest.name][-1] == "Hit the wall, 20"
    assert "Paused" in said["Eve"]
    assert re.fullmatch(r"No word for \d+ s", said["Eve"][-1])
    assert "Watch Eve, 30 points, Walls. Paused." in named["Eve"]


def test_while_nobody_plays_the_best_game_is_shown_until_somebody_does(open_wall, server):
    page = open_wall()
    expect(page.locator("#live-note")).to_have_text("Nobody is playing just now.")
    expect(page.locator("#live-empty .primary")).to_have_attribute("href", "#/")
    game, _, _ = server.api.sign_up("Ada").play(3)
    server.api.sign_up("Bob").play(1)
    page.reload()
    page.evaluate(REACH_IN)
    best = page.locator(".live-best")
    expect(best).to_have_text("Today's best: 30 by Ada")
    expect(best).to_have_attribute("href", f"#/games/{game['id']}")
    page.wait_for_function("() => wall().showcase.playback?.game.ticks > 5")
    LiveGame(server.api.sign_up("Eve"))
    expect(card(page, "Eve")).to_be_visible()
    expect(page.locator("#live-empty")).to_be_hidden()
    expect(page.locator("#live-empty *")).to_have_count(0)


def test_bots_are_marked_and_shown_as_the_best_where_no_people_are(open_wall, server):
    server.api.sign_up("Boa", bot=True).play(2)
    page = open_wall()
    expect(page.locator(".live-best")).to_have_text("Today's best: 20 by Boa")
    LiveGame(server.api.log_in("Boa"))
    expect(card(page, "Boa").locator(".tag")).to_have_text("bot")


def test_nothing_moves_under_somebodys_hand(open_wall, server):
    """A game that overtakes others waits, and a card that leaves is replaced by the next game."""
    ada, bob, eve = (LiveGame(server.api.sign_up(name), meals=meals) for name, meals in (("Ada", 3), ("Bob", 2), ("Eve", 1)))
    page = open_wall()
    expect(page.locator(".live-name")).to_have_text(["Ada", "Bob", "Eve"])
    card(page, "Eve").focus()
    bob.crash()
    while eve.game.score <= ada.game.score:
        eve.play(5)
    with going_on(ada, ticks=0), going_on(eve):
        page.wait_for_function("() => watched('Eve').playback.game.score > watched('Ada').playback.game.score")
        expect(card(page, "Bob")).to_have_count(0)
        LiveGame(server.api.sign_up("Kim"))
        expect(card(page, "Kim")).to_be_visible()
        page.wait_for_function("() => performance.now() - wall().sortedAt > 5000")
        LiveGame(server.api.sign_up("Lea"))  # for whom there is room behind them
        expect(card(page, "Lea")).to_be_visible()
        assert names(page) == ["Ada", "Kim", "Eve", "Lea"]
        expect(card(page, "Eve")).to_be_focused()
        page.evaluate("document.activeElement.blur()")
        page.wait_for_function("() => document.querySelector('.live-name').textContent === 'Eve'")


def test_names_are_text(open_page, server):
    LiveGame(server.api.sign_up("Ada"))
    name = "<img src=x onerror=alert(1)>"
    page = open_page("about:blank")

    def rename(route):
        answer = route.fetch(headers={**route.request.headers, "accept": "application/json"})
        route.fulfill(body=answer.text().replace("Ada", name))

    page.route("**/api/games/live?*", rename)
    page.goto(f"{server.url}/#/live")
    expect(page.locator(".live-name")).to_have_text(name)
    expect(page.locator("#live-wall img")).to_have_count(0)


def test_a_lost_connection_is_said_and_made_up_for(open_wall, server):
    ada = LiveGame(server.api.sign_up("Ada"), meals=1)
    page = open_wall()
    expect(page.locator(".live-card")).to_have_count(1)
    with going_on(ada):
        page.route("**/api/games/live?*", lambda route: route.abort())
        expect(page.locator("#live-note")).to_have_text("Connection lost; trying again.")
        stood = page.evaluate("watched('Ada').playback.known.ticks")
        page.wait_for_function("(tick) => watched('Ada').playback.game.ticks === tick", arg=stood)
        page.unroute("**/api/games/live?*")
        expect(page.locator("#live-note")).to_have_text("1 game is being played.")
        page.wait_for_function("(tick) => watched('Ada').playback.game.ticks > tick + 7", arg=stood)


def test_a_wall_gets_an_update_a_second_and_none_unseen(open_wall, server):
    games = [LiveGame(server.api.sign_up(f"Player{number}"), meals=number) for number in range(12)]
    with going_on(*games):
        page = open_wall()
        expect(page.locator(".live-card")).to_have_count(12)
        updates = count_updates(page)
        page.wait_for_function(WAIT, arg=4000)
        sizes, asked = [size for size in updates if size != "asked"], updates.count("asked")
        print(f"a wall of 12 games: {asked} requests in 4 s, {sum(sizes) / len(sizes) / 12:.0f} bytes an update and game")
        assert 2 <= len(sizes) <= 5
        assert asked <= 2
        assert sum(sizes) / len(sizes) / 12 < 120
        page.evaluate(HIDE, True)
        page.wait_for_function(WAIT, arg=200)  # for an update that was on its way
        updates.clear()
        page.wait_for_function(WAIT, arg=1600)
        assert updates == []
        before = page.evaluate(SEEN, "Player3")["tick"]
        page.evaluate(HIDE, False)
        page.wait_for_function("(tick) => watched('Player3').playback.game.ticks > tick + 7", arg=before)
        expect(page.locator(".live-card")).to_have_count(12)
        page.get_by_role("link", name="Boards").click()
        expect(page.locator("#view-boards")).to_be_visible()
        page.wait_for_function(WAIT, arg=200)
        updates.clear()
        page.wait_for_function(WAIT, arg=1600)
        assert updates == []
        assert page.evaluate("wall()") is None


def test_a_phone_shows_fewer_and_labels_them_the_best(open_wall, server):
    for number in range(9):
        LiveGame(server.api.sign_up(f"Player{number}"), meals=number)
    page = open_wall(390, 844)
    expect(page.locator(".live-card")).to_have_count(7)
    # At first one sees games of two seconds ago, in which the last meals of the best may not have been eaten yet.
    expect(page.locator(".live-name").first).to_have_text("Player8")
    expect(page.locator("#live-note")).to_contain_text("The 7 best")


@pytest.mark.parametrize("sizes", [SIZES[:1], pytest.param([*SIZES, (360, 640)], marks=pytest.mark.long)])
def test_nothing_is_wrong_with_the_wall_at_any_size(open_wall, server, axe, sizes):
    server.api.sign_up("Best").play(3)
    wrong = {}

    def check(state, ready, sizes):
        for (width, height), scheme in zip(sizes, cycle(["light", "dark"]), strict=False):
            page = open_wall(width, height, color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function(ready)
            if found := goes_wrong(page, axe):
                wrong[state, width] = found
            page.close()

    check("empty", "() => wall()?.showcase?.playback", sizes[:2])
    games = [LiveGame(server.api.sign_up(name), meals=2) for name in ("W" * 20, "שרה_המלכה", "महेश_中文名_Ωμέγα_x", "Ada")]
    boa = LiveGame(server.api.sign_up("Boa", bot=True), rules.PASS_THROUGH)
    with going_on(*games[1:], ticks=0), going_on(boa):  # one falls silent
        check("filled", "() => document.querySelectorAll('.live-card').length >= 4", sizes)
    assert wrong == {}
