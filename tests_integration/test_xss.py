"""Players' input is text wherever the client shows it: it creates no element and runs no script.

Names hold letters, digits, - and _ only; these here were written right into the database, as an older or a hostile one could
have them. In the end of each test open_page finds no console with an error, such as that the Content-Security-Policy had to
forbid something.
"""

import json
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from browser import AFTER_TICK, REACH_IN, give_up, steer
from live_games import LiveGame, going_on
from playwright.sync_api import expect

NAMES = [
    "<img src=x onerror=struck()>@$&",
    '"><script>struck()</script>',
    "'><svg/onload=struck()>",
    "</title></textarea><script>struck()</script>",
    "&lt;b&gt;Ada&lt;/b&gt;",
    "<b>Ada",
    "javascript:struck()",
    "@'s $& $1 ${struck()} {{1}}",
    "--><a href=javascript:struck()>Ada</a>",
]
UNQUOTED = "!'()*~"  # by encodeURIComponent
ON_GUARD = """
    document.addEventListener("securitypolicyviolation", ({violatedDirective}) => struck(`forbidden: ${violatedDirective}`));
    document.addEventListener("DOMContentLoaded", () => {
        const inherent = new Set(document.querySelectorAll("script, img, iframe, b"));
        const isScore = (element) => element.matches("b") && /^[\\d,]*$/.test(element.textContent);  // made by our scripts
        const strange = (element) => !inherent.has(element) && !isScore(element) && (
            element.matches("script, img, iframe, b, [href^='javascript:']")
            || Array.from(element.attributes).some(({name}) => name.startsWith("on")));
        new MutationObserver((changes) => {
            for (const {addedNodes} of changes) {
                for (const node of addedNodes) {
                    if (node.nodeType !== Node.ELEMENT_NODE) continue;
                    for (const element of [node, ...node.querySelectorAll("*")]) {
                        if (strange(element)) struck(element.outerHTML);
                    }
                }
            }
        }).observe(document, {subtree: true, childList: true});
    });
"""


@pytest.fixture
def server(make_server, tmp_path):
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")


@pytest.fixture
def players(server, tmp_path):
    """One of each name, with the session as the client keeps it."""
    players = [server.api.sign_up(f"Player{number}") for number in range(len(NAMES))]
    with closing(sqlite3.connect(tmp_path / "snake.db")) as database, database:
        for player, name in zip(players, NAMES, strict=True):
            database.execute(
                "UPDATE users SET name = ?, name_key = ? WHERE id = ?", (name, name.casefold(), player.user["id"])
            )
    for player, name in zip(players, NAMES, strict=True):
        player.user = player("GET /api/auth/me")
        assert player.user["username"] == name
    return players


@pytest.fixture
def open_as(open_page, server, strikes):
    """Opens an address, as a player if one is given; in the end nothing on the page was anything but text."""
    asked = []

    def open_as(player, address):
        options = {}
        if player:
            session = json.dumps({"token": player.token, "user": player.user})
            kept = {"origin": server.url, "localStorage": [{"name": "snakepit.session", "value": session}]}
            options["storage_state"] = {"cookies": [], "origins": [kept]}
        page = guarded(open_page, strikes, **options)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{server.url}/{address}")
        page.evaluate(REACH_IN)
        return page

    yield open_as
    assert strikes == []
    assert not [url for url in asked if url.endswith("/x")]


@pytest.fixture
def strikes():
    """Input that was more than text."""
    return []


def guarded(open_page, strikes, **options):
    page = open_page("about:blank", **options)
    page.expose_function("struck", lambda what="a script ran": strikes.append(what))
    page.add_init_script(ON_GUARD)
    return page


def go(page, address):
    page.evaluate("(address) => { location.hash = address; }", address)


def test_the_guard_sees_markup(open_page, strikes):
    """So that the others can fail."""
    page = guarded(open_page, strikes)
    page.goto("data:text/html,<!doctype html><p></p>")
    for name in NAMES[:3]:
        before = len(strikes)
        page.evaluate("(name) => { document.querySelector('p').innerHTML = `<i>${name}</i>`; }", name)
        page.evaluate("() => new Promise((done) => setTimeout(done))")
        assert len(strikes) > before, name


def test_names_on_boards_and_player_pages_are_text(open_as, players):
    for player in players:
        player.play(1)
    page = open_as(players[0], "#/boards?mode=walls")
    names = page.locator("#boards-table th.name a")
    expect(names).to_have_text(NAMES)
    expect(page.locator("#boards-me")).to_contain_text(NAMES[0])
    addresses = [link.get_attribute("href") for link in names.all()]
    assert addresses == [f"#/players/{quote(name, safe=UNQUOTED)}" for name in NAMES]
    for name in NAMES:
        go(page, f"#/players/{quote(name, safe='')}")
        expect(page.locator("#player-name")).to_have_text(name)
        expect(page).to_have_title(f"{name} · Snakepit")


def test_names_of_live_and_finished_games_are_text(open_as, players, server):
    games = [LiveGame(player, meals=1) for player in players]
    page = open_as(None, "#/live")
    with going_on(*games, ticks=0):
        names = page.locator(".live-name")
        expect(names).to_have_count(len(NAMES))
        assert sorted(names.all_text_contents()) == sorted(NAMES)  # equal scores are in the order in which they were seen
        go(page, f"#/games/{games[0].id}")
        expect(page.locator("#replay-player")).to_have_text(NAMES[0])
        expect(page).to_have_title(f"{NAMES[0]} is playing · Snakepit")
    for game, name in zip(games, NAMES, strict=True):
        game.crash()
        go(page, f"#/games/{game.id}")
        expect(page.locator("#replay-player")).to_have_text(name)
    go(page, "#/live")
    [best] = server.api("GET /api/leaderboard?period=day&limit=1")
    expect(page.locator(".live-best bdi")).to_have_text(best["username"])


def test_names_of_overtaken_players_are_text(open_as, players, server):
    name, (game, _, _) = NAMES[0], players[0].play(1, "pass-through")
    page = open_as(server.api.sign_up("Mia"), f"#/?challenge={game['id']}")
    expect(page.locator("#challenge-title")).to_have_text(f"Beat {name}'s 10")
    page.locator("#play").click()
    page.wait_for_function(AFTER_TICK, arg=0)
    expect(page.locator("#next-name")).to_have_text(name)
    page.wait_for_function("() => state.ghost?.game.ticks > 1")
    steer(page, 20)
    expect(page.locator("#banner-name")).to_have_text(f"{name} overtaken")
    score = give_up(page)
    expect(page.locator("#result-best")).to_have_text(f"You beat {name} by {score - 10}")
    go(page, f"#/boards?challenge={game['id']}")
    expect(page.locator("#boards-title")).to_have_text(f"{name}'s 10")


def test_names_in_the_account_dialog_are_text(open_as, players):
    page = open_as(players[0], "#/")
    for player, name in zip(players, NAMES, strict=True):
        session = json.dumps({"token": player.token, "user": player.user})
        page.evaluate("(session) => localStorage.setItem('snakepit.session', session)", session)
        page.reload()
        expect(page.locator("#account")).to_have_text(name)
        page.locator("#account").click()
        expect(page.locator("#account-name")).to_have_text(name)
        page.locator("summary", has_text="Change name").click()
        expect(page.locator("#change-username")).to_have_value(name)


def test_addresses_are_text(open_as, players):
    """Whoever makes somebody else follow a link."""
    page = open_as(None, "#/")
    for name in NAMES:
        spelled = quote(f"x{name}", safe="")
        go(page, f"#/players/{spelled}")
        expect(page.locator("#player-note")).to_contain_text("Nobody plays here")
        go(page, f"#/games/{spelled}")
        expect(page.locator("#replay-note")).to_be_visible()
        go(page, f"#/boards?challenge={spelled}&mode={spelled}&period={spelled}&at={spelled}&players={spelled}")
        expect(page.locator("#boards-note")).to_contain_text("no such challenge")
        go(page, f"#/?challenge={spelled}&mode={spelled}")
        expect(page.locator("#challenge-title")).to_have_text("No such game")


def test_refused_input_is_text(open_as, server):
    page = open_as(None, "#/")
    page.locator("#account").click()
    page.locator("#show-signup").click()
    page.locator("#signup-form [name=password]").fill("correct horse")
    for name in NAMES:
        page.locator("#signup-form [name=username]").fill(name)
        page.locator("#signup-form [type=submit]").click()
        expect(page.locator("#signup-username-error")).not_to_be_empty()
        page.locator("#signup-form [name=username]").fill("")
        page.locator("#signup-form [type=submit]").click()
        expect(page.locator("#signup-form [type=submit]")).to_be_enabled()


class Elements(HTMLParser):
    """What a page is made of."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append([name for name, _ in attributes])
        if ("property", "og:title") in attributes:
            self.title = dict(attributes)["content"]


def test_names_on_preview_cards_are_text(open_as, players, server):
    plain, _, _ = server.api.sign_up("Ada").play(1)
    page = open_as(None, "#/")
    cards = {}
    for player, name in zip(players, NAMES, strict=True):
        game, _, _ = player.play(1)
        path = f"/games/{game['id']}"
        cards[name] = Elements(server.get(path)[1].decode())
        assert name.encode() not in server.get(f"{path}/card.png")[1]
        page.goto(server.url + path)
        expect(page.locator("#replay-player")).to_have_text(name)  # where it leads to
    expected = Elements(server.get(f"/games/{plain['id']}")[1].decode())
    assert expected.title == "10 by Ada"
    for name, card in cards.items():
        assert (card.tags, card.attributes) == (expected.tags, expected.attributes)
        assert card.title == f"10 by {name}"
