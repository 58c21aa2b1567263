"""Who is in a room, and who is its host, in browsers."""

import re

import pytest
from browser import state
from playwright.sync_api import expect
from room_pages import PHONE, create, give_name, join, next_round, open_room, open_tab
from servers import LeapingServer, until

LET_TIME_PASS = "(ms) => { const before = performance.now.bind(performance); performance.now = () => before() + ms; }"


@pytest.fixture
def leaping(tmp_path):
    server = LeapingServer(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    server.set_ahead(0)
    yield server.start()
    server.kill()


def test_another_member_takes_over_from_a_host_who_is_gone(open_page, leaping):
    """A minute passes at once, by the clocks of the server and of the pages."""
    host, code = create(open_page, leaping)
    pages = ann, ben = [join(open_page, leaping, code, name, **PHONE) for name in ("Ann", "Ben")]
    browser = host.context
    host.close()
    leaping.set_ahead(60)

    def is_host_gone():
        leaping.api("GET /api/games/active")  # has the server set its clock
        return not leaping.api(f"GET /api/rooms/{code}")["members"][0]["is_here"]

    until(is_host_gone)
    for page in pages:
        expect(page.locator("#room-members li").first).to_contain_text("away")
        expect(page.locator("#room-take-over")).to_be_hidden()
        page.evaluate(LET_TIME_PASS, 45_000)
        expect(page.locator("#room-take-over")).to_be_visible()
    ann.locator("#room-take-over").click()
    expect(ann.locator("#room-host")).to_be_visible()
    expect(ben.locator("#room-take-over")).to_be_hidden()
    expect(ben.locator("#room-members li").nth(1)).to_contain_text("Annhost")

    host = browser.new_page()
    host.goto(f"{leaping.url}/#/rooms/{code}")
    expect(host.locator("#room-members li").first).to_have_text("Teacher Miayou")
    expect(host.locator("#room-host")).to_be_hidden()

    ann.get_by_role("button", name="Make host: Ben").click()
    expect(ben.locator("#room-host")).to_be_visible()
    expect(ann.locator("#room-host")).to_be_hidden()
    expect(ann.locator("#room-members")).to_have_text("Teacher MiaAnnyouBenhost")
    expect(ann.locator("#room-members-title")).to_be_focused()
    ben.get_by_role("button", name="Leave the room").click()
    expect(ben.locator("#room-join")).to_be_visible()
    expect(host.locator("#room-host")).to_be_visible()
    expect(host.locator("#room-members li")).to_have_count(2)


def test_the_host_removes_a_player_and_locks_the_room(open_page, live):
    host, code = create(open_page, live)
    pia = join(open_page, live, code, "Pia", **PHONE)
    host.get_by_role("button", name="Remove: Pia").click()
    question = host.get_by_role("dialog", name="Remove Pia?")
    host.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(host.locator("#room-members li")).to_have_count(2)
    host.get_by_role("button", name="Remove: Pia").click()
    question.get_by_role("button", name="Remove and lock").click()
    expect(host.locator("#room-members li")).to_have_count(1)
    expect(host.locator("#room-lock")).to_be_checked()
    screen = open_tab(host, f"{live.url}/#/rooms/{code}/screen")
    expect(screen.get_by_role("heading", name="1 player is here. Locked: nobody new can join.")).to_be_visible()
    host.bring_to_front()
    expect(host.locator("#room-members-title")).to_be_focused()
    for _ in range(2):
        expect(pia.locator("#room > .notice")).to_contain_text("The host has removed you")
        pia.reload()

    new = open_page(f"{live.url}/r/{code}", **PHONE)
    expect(new.locator("#room > .notice")).to_contain_text("nobody new can join")
    expect(new.locator("#room-name")).to_have_count(0)
    host.locator("#room-lock").uncheck()
    expect(host.locator("#room-note")).to_be_empty()
    new.get_by_role("button", name="Try again").click()
    give_name(new, "Quentin")


def test_a_removed_player_does_not_go_on_playing(open_page, live):
    host, code = open_room(live)
    pia = join(open_page, live, code, "Pia", **PHONE)
    next_round(host, code)
    pia.wait_for_function("() => state.phase === 'playing'")
    member = live.api(f"GET /api/rooms/{code}")["members"][1]["id"]
    host(f"DELETE /api/rooms/{code}/members/{member}", status=204)
    expect(pia.locator("#room > .notice")).to_contain_text("The host has removed you")
    assert state(pia)["phase"] in ("over", "idle")
    pia.goto(f"{live.url}/#/")
    expect(pia.locator("#play")).to_be_visible()


def test_wrong_codes_and_taken_names_are_told_and_leaving_is_for_all_tabs(open_page, live):
    _, code = open_room(live)
    page = open_page(f"{live.url}/#/rooms", **PHONE)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for typed in (" ", "bbb bbb"):
        page.locator("#room-join-code").fill(typed)
        page.keyboard.press("Enter")
    expect(page.locator("#room-join .problem")).to_contain_text("There is no room bbb bbb")
    assert [url for url in asked if "/api/rooms" in url] == [f"{live.url}/api/rooms/BBBBBB"]
    page.goto(f"{live.url}/r/bbbbbb")
    expect(page.locator("#room > .notice")).to_contain_text("There is no room BBBBBB")
    page.get_by_role("link", name="Join a room").click()
    page.locator("#room-join-code").fill(code.lower())
    page.keyboard.press("Enter")
    name, error = page.locator("#room-name [name=name]"), page.locator("#room-name .error")
    for taken in ("teacher mia", "Teacher M\u0456a"):  # the second with a Cyrillic letter
        name.fill(taken)
        page.keyboard.press("Enter")
        expect(error).not_to_be_empty()
        expect(name).to_be_focused()
    give_name(page, "ليلى العربية الجميلة")
    tab = open_tab(page, f"{live.url}/#/rooms/{code}")
    expect(tab.locator("#room-members li")).to_have_count(2)
    page.get_by_role("button", name="Leave the room").click()
    expect(page).to_have_url(re.compile(r"#/rooms$"))
    expect(tab.locator("#room > .notice")).to_contain_text("Join the room first.")
    assert len(live.api(f"GET /api/rooms/{code}")["members"]) == 1
    tab.get_by_role("button", name="Join").click()
    expect(tab.locator("#room-members li")).to_have_count(2)
