"""The end of a round in browsers: places that players share, and replays of the games."""

import re

import pytest
from browser import signed_in
from driver import plan
from playwright.sync_api import expect
from room_pages import PHONE, next_round, open_room
from servers import until

LONG_NAME = "Physics, Wednesday afternoon, group 2/3b"
TEXT_OF_TWICE_THE_SIZE = {"width": 195, "height": 422}  # of a phone, has as much room
LEAST_WIDTH = 120  # of a name, in pixels
IS_WHOLE = "(title) => title.scrollHeight < 1.2 * title.clientHeight"  # of its two lines none is cut off
OUTSIDE = """() => {
    const top = document.querySelector("#podium-title").getBoundingClientRect().bottom;
    return Array.from(document.querySelectorAll("#podium-places span"))
        .filter((part) => part.getBoundingClientRect().top < top || part.getBoundingClientRect().bottom > innerHeight)
        .map(({textContent}) => textContent);
}"""


def play_round(host, code, meals):
    """Start a round in which each player, of {Api: meals}, plays a game. Return its number."""
    number = next_round(host, code, mode="walls")
    until(lambda: host(f"GET /api/rooms/{code}")["round"]["status"] == "running")
    for player, some in meals.items():
        game = player("POST /api/games", {"room": code}, 201)
        turns, tick = plan(game["seed"], "walls", some)
        player.post(game, 0, tick, turns)
    return number


def end_round(host, code, number, meals):
    """Return the final standings."""
    host(f"DELETE /api/rooms/{code}/rounds/{number}", status=204)
    return until(lambda: all_of(host(f"GET /api/rooms/{code}/rounds/{number}")["standings"], meals))


def all_of(standings, meals):
    """The standings, when all who have played are in them."""
    return len(standings) == len(meals) and all(entry["status"] == "over" for entry in standings) and standings


@pytest.mark.parametrize(
    ("meals", "places"),
    [
        ([3, 2, 2, 2, 2, 2, 1], ["Player0301", "Player1Player2Player3and 2 more202"]),
        ([2] * 9, ["Player0Player1Player2Player3Player4Player5Player6and 2 more201"]),
    ],
)
def test_those_who_share_a_place_share_its_step(open_page, make_server, meals, places):
    server = make_server()
    host, code = open_room(server)
    host(f"PATCH /api/rooms/{code}", {"name": LONG_NAME})
    players = [server.api.guest() for _ in meals]
    for n, player in enumerate(players):
        player(f"POST /api/rooms/{code}/members", {"name": f"Player{n}"})
    screen = open_page(f"{server.url}/#/rooms/{code}/screen", 1280, 720)
    expect(screen.locator("#screen-title")).to_have_text(LONG_NAME)
    end_round(host, code, play_round(host, code, dict(zip(players, meals, strict=True))), meals)
    expect(screen.locator("#podium-places li")).to_have_text(places)
    assert screen.evaluate(OUTSIDE) == []
    assert screen.locator("#screen-title").evaluate(IS_WHOLE)


def test_players_watch_their_game_and_the_best(open_page, make_server):
    """The pages are opened when the games have been played, or they would open some themselves."""
    server = make_server()
    host, code = open_room(server)
    meals = {}
    for name, some in (("Zoë", 1), ("Wolfeschlegelstein-X", 2)):
        player = server.api.guest()
        player(f"POST /api/rooms/{code}/members", {"name": name})
        meals[player] = some
    end_round(host, code, play_round(host, code, meals), meals)
    number = play_round(host, code, meals)
    page, best = [
        open_page(f"{server.url}/#/rooms/{code}", storage_state=signed_in(player, server), **PHONE) for player in meals
    ]
    expect(page.locator("#room-rows tr")).to_have_count(2)
    expect(page.locator("#room-play")).to_be_visible()
    assert page.get_by_role("link", name="Watch").count() == 0  # until the end they are nobody's to see
    page.set_viewport_size(TEXT_OF_TWICE_THE_SIZE)
    assert page.evaluate("document.documentElement.scrollWidth") <= TEXT_OF_TWICE_THE_SIZE["width"]
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    first, second = end_round(host, code, number, meals)
    own = page.get_by_role("link", name="Watch my game")
    expect(own).to_be_visible()
    won = best.get_by_role("link", name="Watch my game")
    expect(won).to_have_attribute("href", re.compile(first["game"]))
    expect(best.get_by_role("link", name="Watch the best game")).to_be_hidden()
    for link, game in (
        (own, second["game"]),
        (page.get_by_role("link", name="Watch the best game"), first["game"]),
        (page.get_by_role("link", name="Watch 20 by Wolfeschlegelstein-X"), first["game"]),
    ):
        link.focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(f"#/games/{game}"))
        expect(page.locator("#replay-controls")).to_be_visible()
        page.go_back()
        expect(page.locator("#room-what")).to_have_text("Round 2 is over")
        expect(page.locator("#room-place")).to_have_text("You are 2nd of 2.")
    overall = page.get_by_role("table", name="All rounds").locator("tbody tr")
    expect(overall).to_have_text([re.compile(r"^1\s*Wolfeschlegelstein-X 2 wins\s*40$"), re.compile(r"^2\s*Zoë\s*20$")])
    screen = open_page(f"{server.url}/#/rooms/{code}/screen", 1280, 720)
    for title, rows in (
        ("Round 2", ["1Wolfeschlegelstein-X20", "2Zoë10"]),
        ("All rounds", ["1Wolfeschlegelstein-X2 wins40", "2Zoë20"]),
    ):
        expect(screen.locator("#podium-ranking-title")).to_have_text(title)
        expect(screen.locator("#podium-ranking li")).to_have_text(rows)
    page.set_viewport_size(TEXT_OF_TWICE_THE_SIZE)
    name = page.locator("#room-rows .name").first
    expect(name).to_have_text("Wolfeschlegelstein-X")
    assert name.bounding_box()["width"] > LEAST_WIDTH
