"""The page that documents the API and tries its calls."""

import json

import pytest
from browser import FORGET_SHIFTS, goes_wrong
from driver import PASSWORD, new_name
from playwright.sync_api import expect
from servers import served_below


@pytest.fixture(scope="module")
def server(make_server_of_module):
    return make_server_of_module()


@pytest.fixture
def opened(open_page, server):
    """Opens the page, with a call in view."""

    def opened(call="", base=None, **options):
        page = open_page("about:blank", **options)
        page.goto(f"{base or server.url + '/'}api/docs#{call}")
        expect(page.locator("#shapes")).to_be_visible()
        return page

    return opened


def send(page, call, **values):
    """Fill the form of a call in, and send it; what the page says is answered: (status, JSON)."""
    form = page.locator(f"#{call} form")
    for name, value in values.items():
        field = form.locator(f"#{call}-{name}")
        if field.evaluate("(field) => field.matches('select')"):
            field.select_option(value)
        else:
            field.fill(value)
    with page.expect_response(lambda response: "/api/" in response.url):
        form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_be_visible()
    body = form.locator("pre").text_content().partition("\n\n")[2]
    return int(form.locator(".answer b").text_content()[:3]), json.loads(body) if body else None


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [
        (390, 844, "light"),
        (1280, 800, "dark"),
        pytest.param(390, 844, "dark", marks=pytest.mark.long),
        pytest.param(1280, 800, "light", marks=pytest.mark.long),
    ],
)
def test_nothing_is_wrong_with_it(opened, axe, width, height, scheme):
    page = opened(width=width, height=height, color_scheme=scheme)
    assert page.evaluate("shifted") <= 0.001
    for call in ("open_game", "leaderboard", "shape-Progress"):
        page.evaluate("(call) => { location.hash = call; }", call)
        expect(page.locator(f"#{call} .inside")).to_be_visible()
    send(page, "leaderboard", mode="walls")
    page.evaluate(FORGET_SHIFTS)  # what one opens makes room for itself
    assert goes_wrong(page, axe) == []


def test_small_phones_fit_it(opened):
    page = opened("post_turns", width=320, height=640)
    page.evaluate("for (const call of document.querySelectorAll('details')) call.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_each_call_has_its_description(opened, server):
    page = opened()
    description = server.api("GET /api/openapi.json")
    operations = [operation for methods in description["paths"].values() for operation in methods.values()]
    assert page.locator("details.call:has(form)").count() == len(operations)
    for operation in operations:
        call = page.locator(f"#{operation['operationId']}")
        expect(call.locator(".gist")).to_have_text(operation["summary"])
        for parameter in operation.get("parameters", []):
            assert parameter["name"] in call.locator("th").all_text_contents()[0] + "".join(
                call.locator("th").all_text_contents()
            )
    for name in description["components"]["schemas"]:
        expect(page.locator(f"#shape-{name}")).to_have_count(1)


@pytest.mark.parametrize("below", [False, True])
def test_calls_are_tried_from_it(opened, server, below):
    """A game is opened, played on, and read, as a guest; below a path behind a proxy, too."""
    with served_below({"/games/snake": server}) as url:
        page = opened("open_game", base=f"{url}/games/snake/" if below else None)
        page.get_by_role("button", name="Play as a guest").click()
        expect(page.locator("#bearer-note")).to_contain_text("You are guest-")
        status, game = send(page, "open_game", body='{"mode": "pass-through"}')
        assert (status, game["mode"]) == (201, "pass-through")
        page.goto(page.url.replace("open_game", "post_turns"))
        status, progress = send(page, "post_turns", game_id=game["id"], body='{"since": 0, "tick": 2, "turns": [[1, "R"]]}')
        assert (status, progress["tick"]) == (200, 2)
        assert server.api(f"GET /api/games/{game['id']}")["turns"] == [[1, "R"]]
        page.goto(page.url.replace("post_turns", "leave_game"))
        assert send(page, "leave_game", game_id=game["id"])[0] == 204


def test_a_token_is_taken_from_an_answer_and_stays_in_the_tab(opened, server):
    page, name = opened("sign_up"), new_name()
    send(page, "sign_up", body=json.dumps({"username": name, "password": PASSWORD}))
    page.get_by_role("button", name="Use this token").click()
    page.reload()
    expect(page.locator("#token")).not_to_have_value("")
    page.goto(page.url.replace("sign_up", "show_me"))
    assert send(page, "show_me")[1]["username"] == name
    assert page.evaluate("Object.values(localStorage).join() + document.cookie") == ""
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#shapes")).to_be_visible()
    expect(other.locator("#token")).to_have_value("")


def test_an_address_that_was_cut_short_within_a_letter_shows_the_page(opened):
    expect(opened("%E0%A4%A").locator("#trouble")).to_be_empty()


def test_what_is_answered_becomes_text(opened):
    page = opened("show_player")
    status, answer = send(page, "show_player", name="<img src=x onerror=alert(1)>")
    assert (status, "<img" in answer["detail"]) == (404, True)
    assert page.locator("main img").count() == 0


def test_an_unreachable_server_is_reported(opened):
    page = opened("health")
    page.context.set_offline(True)
    page.locator("#health form").get_by_role("button", name="Send").click()
    expect(page.locator("#health .problem")).to_contain_text("can't be reached")
