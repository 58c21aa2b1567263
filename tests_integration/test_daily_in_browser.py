"""The daily challenge in the browser, from one day to the next, by the server's clock: the device's is months behind."""

import re
from datetime import UTC, datetime

import pytest
from browser import AFTER_TICK, REACH_IN, give_up, signed_in, state, steer
from driver import plan
from playwright.sync_api import expect
from servers import LeapingServer

A_DAY = 86_400
NOON = datetime(2027, 11, 10, 12, tzinfo=UTC)
NUMBER = (NOON.date() - datetime(2026, 1, 1).date()).days + 1
EMOJI = """(game) => import(new URL("play/daily-share.js", document.querySelector("script[type=module]").src))
    .then(({emojiRows}) => emojiRows(game))"""


class LaterServer(LeapingServer):
    @property
    def noon(self):
        """How many seconds the server's clock must be ahead now to show noon."""
        return round((NOON - datetime.now(UTC)).total_seconds())

    def leap(self, seconds):
        """Restart so many seconds after noon; a server that runs approaches such a time slowly."""
        self.kill()
        self.set_ahead(self.noon + seconds)
        self.start()


@pytest.fixture
def server(tmp_path):
    """One that takes whole games at once, at noon."""
    server = LaterServer(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")
    server.set_ahead(server.noon)
    yield server.start()
    server.kill()


def test_an_attempt_in_each_mode_keeps_the_streak_and_is_shared_without_giving_anything_away(open_page, server):
    ada, mia = server.api.sign_up("Ada"), server.api.sign_up("Mia")
    won, _, _ = ada.play(3, challenge="daily")
    mia.play(1, challenge="daily")
    server.leap(A_DAY)
    ada.play(0, challenge="daily")
    page = open_page(
        f"{server.url}/#/?challenge=daily",
        storage_state=signed_in(mia, server),
        permissions=["clipboard-read", "clipboard-write"],
    )
    expect(page.locator("#challenge-title")).to_have_text(f"Daily challenge #{NUMBER + 1}")
    today = page.locator("#today")
    expect(today.get_by_role("button", name="Walls Not played yet", pressed=True)).to_be_visible()
    expect(today).to_contain_text("1 player today · Streak: 1 day, best 1")
    expect(today.get_by_role("link", name="Yesterday Ada won with 30")).to_have_attribute("href", f"#/games/{won['id']}")
    expect(today).to_contain_text(re.compile(r"Next challenge in 1[12]:\d\d:\d\d"))
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_hidden()
    page.locator("#play").click()
    page.wait_for_function(AFTER_TICK, arg=0)
    steer(page, 10)
    best = give_up(page)
    assert best >= 10
    expect(page.locator("#daily-beaten")).to_have_text("The best so far")
    expect(page.locator("#daily-after")).to_contain_text("Streak kept: 2 days")
    page.locator("#share").click()
    expect(page.locator("#share")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"Snakepit Daily #{NUMBER + 1} · Walls\n{best} points · The best so far · 🔥 2\n"
        f"{page.evaluate(EMOJI, state(page))[0]}\n{server.url}/#/?challenge=daily"
    )
    turns, tick = plan(7, "pass-through", 40)
    rows = page.evaluate(EMOJI, {"seed": 7, "mode": "pass-through", "turns": turns, "tick": tick})
    assert [len(row) for row in rows] == [10, 6]
    expect(page.locator("#play-again")).to_have_text("Now Pass-through")
    page.keyboard.press("Enter")
    page.wait_for_function("() => state.mode === 'pass-through' && state.game.ticks > 0")
    score = give_up(page)
    expect(page.locator("#daily-beaten")).to_have_text("The first one today")
    expect(page.locator("#daily-after")).to_contain_text("Next challenge in 1")
    expect(page.locator("#play-again")).to_have_text("Try again, not counted")
    page.locator("#result-leave").click()
    page.locator("#daily").click()
    expect(today.get_by_role("button", name=f"Walls {best} The best so far")).to_be_visible()
    expect(today.get_by_role("button", name=f"Pass-through {score} The first one today")).to_be_visible()
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_visible()


def test_a_tab_left_open_over_midnight_shows_the_new_day_and_failures_are_tried_again(open_page, server):
    page = open_page("about:blank")
    page.clock.install()
    page.route("**/api/daily*", lambda route: route.abort())
    page.goto(f"{server.url}/#/?challenge=daily")
    page.evaluate(REACH_IN)
    expect(page.locator("#challenge-note")).to_contain_text("A guest's try doesn't count, even after signing up later")
    expect(page.locator("#today")).to_contain_text("Today's results can't be loaded now.")
    page.unroute("**/api/daily*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#challenge-title")).to_have_text(f"Daily challenge #{NUMBER}")
    expect(page.locator("#today")).to_contain_text("Nobody has played it yet")
    expect(page.get_by_role("button", name="Sign up first")).to_be_visible()
    server.leap(A_DAY // 2 + 60)
    page.clock.fast_forward("12:01:00")
    page.clock.fast_forward("00:05")
    expect(page.locator("#challenge-title")).to_have_text(f"Daily challenge #{NUMBER + 1}")
    expect(page.locator("#today")).to_contain_text(re.compile(r"Next challenge in 23:5\d:\d\d"))
    expect(page.locator("#today [role=status]")).to_have_text("There is a new daily challenge.")
