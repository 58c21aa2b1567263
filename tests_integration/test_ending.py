"""The end of a game: the path and the score, the place on the leaderboard, and the picture to share."""

import pytest
from browser import AFTER_TICK, FORGET_SHIFTS, game_of, signed_in, state
from playwright.sync_api import expect

from examples import bot

NAMES = {"国" * 20: 9, "Ada": 4, "Eve": 1}  # with their meals
STOP = "Object.assign(state, {phase: 'paused', queue: []})"
GO_ON = """([turns, tick]) => {
    state.turns = turns;
    state.game.advance(turns, tick);
    state.phase = "playing";
}"""
# Notes what the card shows, frame by frame, in how many of them the path draws itself, what bursts over the card, and what
# screen readers are told.
WATCH = """() => {
    Object.assign(window, {scores: [], drawn: 0, said: [], hasBurst: false});
    requestAnimationFrame(function look() {
        const [card, score] = ["#result", "#result-score"].map((name) => document.querySelector(name));
        if (!card.hidden) scores.push(Number(score.textContent));
        drawn += card.matches(".is-drawing");
        hasBurst ||= Boolean(document.querySelector(".burst"));
        const words = document.querySelector("#announce").textContent;
        if (words !== said.at(-1)) said.push(words);
        requestAnimationFrame(look);
    });
}"""
# How many pixels of the picture's pit are green: only the path is.
COUNT_GREEN = """() => {
    const canvas = document.querySelector("#picture-dialog canvas");
    const {data} = canvas.getContext("2d").getImageData(0, 0, 600, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 1] > data[at] + 8 && data[at + 1] > data[at + 2] + 8) count++;
    return count;
}"""
SHARE_FILES = """() => {
    navigator.canShare = ({files}) => files.length === 1;
    navigator.share = async ({files, url}) => { window.shared = {type: files[0].type, name: files[0].name, url}; };
}"""


@pytest.fixture
def server(make_server, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false", ENFORCE_PACE="false")
    for name, meals in NAMES.items():
        server.api.sign_up(name).play(meals)
    return server


@pytest.fixture
def open_as_player(open_page, server):
    """Opens the game as a new player."""

    def open_as_player(name, address="", **options):
        session = signed_in(server.api.sign_up(name), server)
        return open_page(f"{server.url}/{address}", storage_state=session, **options)

    return open_as_player


def finish(page, meals):
    """Play so many meals and then straight on, all but the last tick at once. Return the score: the way may lead to more."""
    page.wait_for_function(AFTER_TICK, arg=0)
    page.evaluate(STOP)
    found = state(page)
    game, turns = game_of(found), list(found["turns"])
    while not game.outcome:
        heading = bot.choose(game) if game.score < 10 * meals else game.heading
        if heading != game.heading:
            turns.append([game.ticks + 1, heading])
        game.advance(turns, game.ticks + 1)
    page.evaluate(GO_ON, [turns, game.ticks - 1])
    return game.score


def rows(page):
    return [row.split("\n") for row in page.locator("#result-around li").all_inner_texts()]


def test_the_path_draws_itself_and_the_rank_slides_in_between_neighbours(open_as_player):
    page = open_as_player("Mia", width=390, height=844)
    page.locator("#play").click()
    finish(page, 2)
    expect(page.locator("#result.is-drawing")).to_be_visible()
    page.keyboard.press("Space")  # the next game doesn't wait for the end of it
    page.wait_for_function("() => state.phase !== 'over'")
    page.evaluate(WATCH)
    page.evaluate(FORGET_SHIFTS)
    score = finish(page, 5)
    expect(page.locator("#result-around li").first).to_contain_text("国")  # not the first game's rows
    assert rows(page) == [
        ["1st", "国" * 20, f"{90 - score} to go", "90"],
        ["2nd", "You", str(score)],
        ["3rd", "Ada", "40"],
    ]
    page.wait_for_function("() => hasBurst && !document.querySelector('.burst')")
    shown = page.evaluate("scores")
    assert shown == sorted(shown)
    assert shown[0] < shown[-1] == score
    assert len(set(shown)) > min(3, page.evaluate("drawn") // 4)  # a slow browser has few frames to count up in
    told = [words for words in page.evaluate("said") if "You are" in words]
    assert told == [f"Hit the wall. Score {score}. Your best so far! You are 2nd on the Walls board."]
    assert page.evaluate("shifted") < 0.001


def test_without_motion_the_end_is_there_at_once(open_as_player):
    page = open_as_player("Noa", reduced_motion="reduce")
    page.evaluate(WATCH)
    page.locator("#play").click()
    score = finish(page, 2)
    expect(page.locator("#result-around li")).to_have_count(3)
    assert set(page.evaluate("scores")) == {score}
    assert not page.evaluate("hasBurst")


def test_a_picture_of_the_game_can_be_shared_copied_or_saved(open_as_player, server):
    page = open_as_player("語" * 20, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#play").click()
    score = finish(page, 3)
    page.locator("#picture").click()
    dialog = page.locator("#picture-dialog")
    expect(dialog).to_have_css("border-top-width", "0px")  # it looks as dialogs do, also as the first on the page
    expect(dialog).to_be_visible()
    assert page.evaluate(COUNT_GREEN) > 200
    page.get_by_role("button", name="Copy picture").click()
    expect(dialog.get_by_role("status")).to_have_text("Picture copied")
    assert page.evaluate("navigator.clipboard.read().then(([item]) => item.types)") == ["image/png"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Save picture").click()
    assert download.value.suggested_filename == f"snakepit-{score}.png"
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.evaluate(SHARE_FILES)
    page.locator("#picture").click()
    page.get_by_role("button", name="Share picture").click()
    shared = {"type": "image/png", "name": f"snakepit-{score}.png", "url": f"{server.url}/games/{state(page)['id']}"}
    page.wait_for_function("(wanted) => JSON.stringify(window.shared) === JSON.stringify(wanted)", arg=shared)


def test_a_picture_of_todays_challenge_does_not_show_the_path(open_as_player):
    page = open_as_player("Lou", "#/?challenge=daily")
    page.locator("#play").click()
    finish(page, 2)
    page.locator("#picture").click()
    expect(page.locator("#picture-dialog")).to_contain_text("Until 00:00 UTC")
    assert page.evaluate(COUNT_GREEN) == 0
