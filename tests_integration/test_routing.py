"""Addresses that lead nowhere, and views whose content can't be fetched now."""

import pytest
from playwright.sync_api import expect

VIEWS = {  # {address: (where it says what is wrong, what it shows)}
    "#/boards": ("#boards-note", "#boards-table tr"),
    "#/boards?challenge=GAME": ("#boards-note", "#boards-beat"),
    "#/games/GAME": ("#replay-note", "#replay-controls"),
    "#/players/Ada": ("#player-note", "#player-games tr"),
}


@pytest.fixture(scope="module")
def server(make_server_of_module):
    """One that takes whole games at once."""
    return make_server_of_module()


@pytest.fixture
def page(open_page, server):
    return open_page(server.url)


@pytest.fixture(scope="module")
def game(server):
    """The id of a game by Ada."""
    return server.api.sign_up("Ada").play(1)[0]["id"]


def fail_to_show(page, server, address, game, fail):
    """Go to an address whose view is loaded, but not its content; the notice, and what should be there."""
    page.goto(f"{server.url}/{address.split('?')[0].replace('GAME', 'x').replace('Ada', 'x')}")
    note, content = map(page.locator, VIEWS[address])
    expect(note).not_to_be_empty()
    page.goto(f"{server.url}/#/")
    expect(page.locator("#view-play")).to_be_visible()
    fail()
    page.evaluate("(hash) => { location.hash = hash; }", address.replace("GAME", game))
    expect(note).to_contain_text("can't be reached")
    expect(note.get_by_role("button")).to_have_text("Try again")
    return note, content.first


@pytest.mark.parametrize("address", VIEWS)
def test_content_is_fetched_as_soon_as_the_browser_is_online_again(page, server, game, address):
    note, content = fail_to_show(page, server, address, game, lambda: page.context.set_offline(True))
    page.context.set_offline(False)
    expect(content).to_be_visible()
    expect(note.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("address", ["#/players/Ada", "#/games/GAME"])
def test_content_is_fetched_as_soon_as_the_server_is_there_again(page, server, game, address):
    note, content = fail_to_show(page, server, address, game, server.kill)
    button = note.get_by_role("button")
    button.focus()
    button.click()
    expect(button).to_be_focused()  # it is the same one, which says the same
    server.start()
    expect(content).to_be_visible()


def test_an_address_that_was_cut_short_within_a_letter_leads_nowhere_and_says_so(page, server):
    for spelled in ("%E0%A4%A", "%", "%ff", "x%2"):
        page.goto(f"{server.url}/#/")
        page.goto(f"{server.url}/#/players/{spelled}")
        expect(page.locator("#player-name")).to_have_text(spelled)
        expect(page.locator("#player-note")).to_contain_text("Nobody plays here")
        page.goto(f"{server.url}/#/games/{spelled}")
        expect(page.locator("#replay-note")).to_contain_text("no such game")


def test_a_missing_challenge_leads_on(page, server):
    page.goto(f"{server.url}/#/boards?challenge=nothing")
    expect(page.locator("#boards-note")).to_contain_text("no such challenge")
    page.locator("#boards-note a").click()
    expect(page.locator("#boards-title")).to_have_text("Boards")
    page.goto(f"{server.url}/#/?challenge=nothing")
    expect(page.locator("#challenge-title")).to_have_text("No such game")
    page.locator("#challenge-leave").click()
    expect(page.locator("#play")).to_be_visible()


def test_an_unknown_page_leads_to_the_game(page, server):
    page.goto(f"{server.url}/no/such/page")
    expect(page.locator("h1")).to_have_text("Not Found")
    expect(page.locator("p").first).to_have_text("There is nothing at /no/such/page.")
    page.get_by_role("link", name="Play Snakepit").click()
    expect(page.locator("#play")).to_be_visible()
