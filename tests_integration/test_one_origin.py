"""Several servers below paths of one origin: they share the browser's storage, and must not get each other's tokens."""

import json

import pytest
from browser import start, state
from playwright.sync_api import expect
from servers import served_below

PATHS = ["/a/", "/b/", "/b/c/", "/"]
FIND_IN_OTHER_TAB = """(id) => import(new URL("game/tabs.js", document.querySelector("script[type=module]").src))
    .then(({findInOtherTab}) => findInOtherTab(id))"""
SAVE_SESSION = """(session) => import(new URL("storage.js", document.querySelector("script[type=module]").src))
    .then(({save}) => save("session", session))"""


@pytest.fixture
def site(live):
    """The URL of a site with a server at each of the paths. They are the same one, which accepts each of the tokens."""
    with served_below({path.rstrip("/"): live for path in ("/a/", "/b/c/", "/b/", "/")}) as url:
        yield url


@pytest.mark.parametrize("home", PATHS)
def test_a_guest_of_one_server_is_a_visitor_at_the_others(open_page, site, home):
    page, tokens = open_page(site + home), []
    start(page)
    page.wait_for_function("() => state.syncedTick > 0")
    page.goto("about:blank")
    page.on("request", lambda request: tokens.append(request.headers.get("x-snakepit-token")))
    for path in PATHS:
        if path != home:
            page.goto(site + path)
            expect(page.locator("#account")).to_have_text("Log in")
            expect(page.locator("#mode-walls")).to_be_checked()
            page.locator("header nav a", has_text="Boards").click()
            expect(page.locator("#boards-me")).to_contain_text("No account is needed")
    assert set(tokens) == {None}
    page.goto(site + home)
    expect(page.locator("#account")).to_have_text("Sign up")
    expect(page.locator("#mode-pass-through")).to_be_checked()
    expect(page.locator("#offer")).to_be_visible()


def test_the_token_of_an_earlier_version_is_used_at_the_root_only(open_page, site, live):
    """Earlier versions had the same key below every path, so only the server at / can take it for its own."""
    ada, page, tokens = live.api.sign_up("Ada"), open_page(f"{site}/b/"), []
    session = json.dumps({"token": ada.token, "user": ada.user})
    page.evaluate("(session) => localStorage.setItem('snakepit.session', session)", session)
    page.on("request", lambda request: tokens.append((request.url, request.headers.get("x-snakepit-token"))))
    page.reload()
    expect(page.locator("#account")).to_have_text("Log in")
    with page.expect_response("**/api/auth/me"):
        page.goto(f"{site}/")
    expect(page.locator("#account")).to_have_text("Ada")
    assert {url for url, token in tokens if token and not url.startswith(f"{site}/api/")} == set()


def test_tabs_of_one_server_log_in_and_out_together_and_those_of_others_do_not(open_page, site, live):
    ada, page = live.api.sign_up("Ada"), open_page(f"{site}/a/")
    there, elsewhere = page.context.new_page(), page.context.new_page()
    there.goto(f"{site}/a/#/boards")
    elsewhere.goto(f"{site}/b/#/boards")
    session = {"token": ada.token, "user": ada.user}
    page.evaluate(SAVE_SESSION, session)
    expect(there.locator("#account")).to_have_text("Ada")
    expect(elsewhere.locator("#account")).to_have_text("Log in")
    page.evaluate("localStorage.clear()")
    expect(there.locator("#account")).to_have_text("Log in")
    expect(elsewhere.locator("#account")).to_have_text("Log in")


def test_settings_and_games_are_those_of_one_server(open_page, site):
    page = open_page(f"{site}/a/")
    start(page)
    for path, found in {"/a/": True, "/b/": False}.items():
        other = page.context.new_page()
        other.goto(site + path)
        assert bool(other.evaluate(FIND_IN_OTHER_TAB, state(page)["id"])) == found
    page.evaluate("localStorage.setItem('snakepit./a/.theme', '\"dark\"')")
    other.route("**/js/main.js", lambda route: route.abort())  # which would correct it
    for path, theme in {"/a/": "dark", "/b/": None, "/": None}.items():
        other.goto(site + path)
        assert other.evaluate("document.documentElement.dataset.theme") == theme


def test_the_token_of_the_api_page_is_for_its_own_server(open_page, site):
    page = open_page("about:blank")
    page.goto(f"{site}/a/api/docs")
    page.locator("#as-guest").click()
    expect(page.locator("#token")).not_to_have_value("")
    page.goto(f"{site}/b/api/docs")
    expect(page.locator("#shapes")).to_be_visible()
    expect(page.locator("#token")).to_have_value("")
    page.goto(f"{site}/a/api/docs")
    expect(page.locator("#token")).not_to_have_value("")
