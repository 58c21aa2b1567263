"""A game's page while the game is being played."""

import re

import pytest
from driver import new_name
from live_games import LiveGame
from playwright.sync_api import expect
from replays import RECORD, SNAPSHOT, TICK, by_rules, let_pass, look_at, requests, seek, ticks_of_meals


@pytest.fixture
def player(archive):
    """Somebody who has just begun, on the server that most of these tests share."""
    player = LiveGame(archive.server.api.sign_up(new_name()), planned_meals=8)
    player.play(20)
    return player


@pytest.fixture
def page(archive, watch, player):
    """A page that watches the player."""
    page = watch(f"{archive.server.url}/#/games/{player.id}")
    page.evaluate(RECORD)
    return page


KNOWN = "(tick) => replay.shown.playback.known.ticks >= tick"


def test_a_game_is_shown_tick_by_tick_as_it_is_played(page, player):
    expect(page.locator("#replay-live")).to_have_text("Live")
    assert page.title() == f"{player.name} is playing · Snakepit"
    page.locator("#replay-words summary").click()
    for _ in range(4):
        player.play(7)
        page.wait_for_function(KNOWN, arg=player.tick)
        assert page.evaluate(f"{TICK} <= replay.shown.playback.known.ticks")
    lines = ticks_of_meals(player.record, player.tick)
    told = ["tick 0: start, length 3", *(f"tick {tick}: ate, length {length}" for tick, length in lines)]
    expect(page.locator("#replay-lines a")).to_have_text(told)
    answer = player.play(player.end)
    expect(page.locator("#replay-said")).to_have_text("Hit the wall")
    ordinal = {1: "1st", 2: "2nd", 3: "3rd"}.get(answer["rank"], f"{answer['rank']}th")
    expect(page.locator("#replay-more")).to_have_text(f"80 points, {ordinal} on the Walls board")
    expect(page.locator("#replay-live")).to_be_hidden()
    assert page.title() == f"80 by {player.name} · Snakepit"
    assert page.locator("#replay-lines a").last.text_content().startswith(f"tick {player.end}: hit the wall")
    seen = page.evaluate("seen")
    assert len(seen) > 20
    for tick, state in seen.items():
        assert state == by_rules(player.record, int(tick)).snapshot()


def test_paused_and_silent_players_are_shown_differently(page, player):
    said = page.locator("#replay-outcome")
    expect(said).to_contain_text(f"{player.name} has paused")
    expect(said).to_contain_text(re.compile(rf"No word from {player.name} for \d+ s"))
    player.play(0)  # a sign of life
    expect(said).to_contain_text(f"{player.name} has paused")
    player.play(7)
    expect(page.locator("#replay-said")).to_have_text("")


def test_a_watcher_who_looks_back_can_return_to_live(page, player):
    live = page.locator("#replay-live")
    page.keyboard.press("k")
    expect(live).to_have_text("Back to live")
    live.click()
    expect(live).to_have_text("Live")
    page.keyboard.press("ArrowLeft")
    expect(live).to_have_text("Back to live")
    at = page.evaluate(TICK)
    player.play(20)
    page.wait_for_function(KNOWN, arg=player.tick)
    assert page.evaluate(TICK) == at
    seek(page, 5)
    assert page.evaluate(SNAPSHOT) == by_rules(player.record, 5).snapshot()
    live.click()
    expect(live).to_have_text("Live")
    page.wait_for_function(f"(tick) => {TICK} > tick - 15", arg=player.tick)
    page.wait_for_function("(id) => location.hash === `#/games/${id}`", arg=player.id)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("k")
    page.locator("#replay-speed-16").click()  # which catches up by itself
    expect(live).to_have_text("Live")
    page.keyboard.press("ArrowLeft")
    player.play(player.end)
    expect(live).to_be_hidden()
    page.keyboard.press("End")
    assert page.evaluate(SNAPSHOT) == by_rules(player.record, player.end).snapshot()


def test_a_lost_connection_is_said_and_made_up_for(open_page, make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    player = LiveGame(server.api.sign_up("Ada"), planned_meals=8)
    page = open_page(server.url)
    look_at(page, f"{server.url}/#/games/{player.id}")
    server.kill()
    said = page.locator("#replay-outcome")
    expect(said).to_contain_text("Connection lost; trying again")
    server.start()
    player.play(player.end // 2)
    page.wait_for_function(f"(tick) => {TICK} > tick - 15", arg=player.tick)
    expect(said).not_to_contain_text("lost")


def test_a_tab_that_was_hidden_is_in_step_again_by_itself(page, player):
    """A page can't be hidden from here: it is told that it is, and gets no frames, as a hidden one."""
    asked = requests(page)
    page.evaluate(
        """() => {
            const frames = [];
            window.hide = (hidden) => {
                Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"));
            };
            const request = window.requestAnimationFrame.bind(window);
            window.requestAnimationFrame = (act) => document.hidden ? frames.push(act) : request(act);
            window.unhide = () => { hide(false); for (const act of frames.splice(0)) request(act); };
            hide(true);
        }"""
    )
    player.play(player.end // 2)
    let_pass(page, 2500)
    assert asked == []
    page.evaluate("unhide()")
    page.wait_for_function(f"(tick) => {TICK} > tick - 15", arg=player.tick)


def test_a_game_whose_player_deletes_the_account_is_gone_in_words(page, player):
    player.api("DELETE /api/auth/me", {"password": "correct horse"}, 204)
    expect(page.locator("#replay-outcome")).to_contain_text("gone")
    expect(page.locator("#replay-live")).to_be_hidden()


def test_nothing_is_requested_after_leaving_the_page(page):
    page.locator("a[href='#/boards']").first.click()
    expect(page.locator("#view-boards")).to_be_visible()
    asked = requests(page)
    let_pass(page, 2200)
    assert asked == []
