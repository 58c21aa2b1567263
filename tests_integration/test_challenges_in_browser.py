"""Challenges in the browser: of a game, of the day, and their leaderboards."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from browser import AFTER_TICK, REACH_IN, give_up, goes_wrong, sign_up, signed_in, start, state, steer
from driver import plan
from playwright.sync_api import expect

import rules

# The ghost and the game, both as of the last frame; times in milliseconds of play.
GHOST = """() => ({
    tick: state.ghost.game.ticks, body: state.ghost.game.body, score: state.ghost.game.score,
    ms: state.ghost.game.nominalMs + state.ghost.clock, game_ms: state.game.nominalMs + state.clock,
})"""
HAS_GHOST = "(tick) => state.ghost?.game.ticks > tick"
LEAD = """() => {
    const shown = ({game, isReaching}) => game.score - (isReaching ? 10 : 0);
    return [shown(state) - shown(state.ghost), document.querySelector("#next-lead").textContent];
}"""


@pytest.fixture
def server(make_server, tmp_path):
    """One that takes whole games at once."""
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", RATE_LIMITS="false")


@pytest.fixture
def open_as(open_page, server):
    """Opens an address as a player, or as a new visitor."""

    def open_as(player, address, **options):
        if player:
            options["storage_state"] = signed_in(player, server)
        return open_page(f"{server.url}/{address}", **options)

    return open_as


def try_challenge(api, challenge, mode=rules.WALLS, meals=0):
    """Play a challenge to its end in one post."""
    game = api("POST /api/games", {"mode": mode, "challenge": challenge}, 201)
    turns, tick = plan(game["seed"], mode, meals)
    api.post(game, 0, tick, turns)
    return game


def play(page):
    page.locator("#play").click()
    page.wait_for_function(AFTER_TICK, arg=0)


def assert_ghost_is_in_step(page, game, turns):
    """It is where the challenged game was after as many milliseconds of play, or at its end."""
    ghost = page.evaluate(GHOST)
    there = rules.Game(game["seed"], game["mode"])
    while not there.outcome and there.nominal_ms + rules.tick_ms(there.score) <= ghost["game_ms"]:
        there.advance(turns, there.ticks + 1)
    assert there.outcome or ghost["ms"] == pytest.approx(ghost["game_ms"])
    assert (ghost["tick"], ghost["body"], ghost["score"]) == (there.ticks, list(there.body), there.score)


def assert_lead_is_shown(page):
    """As of the last frame."""
    points, words = page.evaluate(LEAD)
    level = "Level with the ghost"
    assert words == (f"{abs(points)} {'ahead of' if points > 0 else 'behind'} the ghost" if points else level)


def yesterday():
    return datetime.now(UTC).date() - timedelta(days=1)


def test_a_game_is_beaten_beside_its_ghost_and_counts_on_its_own_board_only(open_as, server):
    game, turns, _ = server.api.sign_up("Ada").play(1, "pass-through")
    page = open_as(server.api.sign_up("Mia"), f"#/?challenge={game['id']}")
    expect(page.locator("#challenge-title")).to_have_text("Beat Ada's 10")
    expect(page.locator("#mode-walls")).to_be_disabled()
    play(page)
    expect(page.locator("#next")).to_contain_text("To beat")
    expect(page.locator("#next-name")).to_have_text("Ada")
    page.wait_for_function(HAS_GHOST, arg=3)
    assert_ghost_is_in_step(page, game, turns)
    expect(page.locator("#next-score")).to_have_text("10")
    assert_lead_is_shown(page)
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_visible()
    page.keyboard.press(" ")
    steer(page, 10)
    assert_ghost_is_in_step(page, game, turns)
    steer(page, 20)
    expect(page.locator("#banner")).to_have_text(" Ada overtaken")
    assert_lead_is_shown(page)
    score = give_up(page)
    expect(page.locator("#result-best")).to_have_text(f"You beat Ada by {score - 10}")
    expect(page.locator("#result-rank")).to_have_text("You are 1st in this challenge.")
    assert page.evaluate("state.bests['pass-through']") is None
    assert [entry["username"] for entry in server.api("GET /api/leaderboard?mode=pass-through")] == ["Ada"]
    [entry] = server.api(f"GET /api/leaderboard?challenge={game['id']}")
    assert (entry["username"], entry["score"]) == ("Mia", score)
    page.locator("#result-board").click()
    expect(page.locator("#boards-ends")).to_have_text("Score to beat: 10 by Ada")
    expect(page.locator("#boards-me")).to_contain_text(f"You beat Ada by {score - 10}.")
    page.locator("#boards-table .score a").click()
    expect(page.locator("#replay-challenge")).to_have_text("A challenge, to beat 10 by Ada")


def test_a_guest_who_falls_short_retries_and_is_on_the_board_after_signing_up(open_as, server):
    game, _, _ = server.api.sign_up("Ada").play(6)
    page = open_as(None, f"#/?challenge={game['id']}")
    play(page)
    first = state(page)["id"]
    first_score = give_up(page)
    expect(page.locator("#result-best")).to_have_text(f"{60 - first_score} short of Ada's 60")
    expect(page.locator("#result-rank")).to_have_text("This would be 1st in this challenge.")
    expect(page.locator("#announce")).to_contain_text("This would be 1st in this challenge.")
    page.locator("#play-again").click()
    page.wait_for_function("(first) => state.id !== first && state.game.ticks > 0", arg=first)
    assert state(page)["seed"] == game["seed"]
    steer(page, 10)
    score = max(first_score, give_up(page))
    expect(page.locator("#result-note")).to_contain_text(f"{score} goes on the challenge's board")
    page.locator("#result-sign-up").click()
    sign_up(page, "Mia")
    expect(page.locator("#result-rank")).to_have_text("You are 1st in this challenge.")
    expect(page.locator("#result-board")).to_have_attribute("href", f"#/boards?challenge={game['id']}")
    page.locator("#result-leave").click()
    expect(page.locator("#challenge")).to_be_hidden()
    expect(page.locator("#play")).to_be_visible()
    expect(page.locator("#best")).not_to_have_text(str(score))  # of the mode: the challenge is none of it


def test_the_players_own_game_is_labelled(open_as, server):
    me = server.api.sign_up("Mia")
    game = next(game for game, turns, _ in (me.play() for _ in range(9)) if not turns)  # no meal is on the way to the wall
    page = open_as(me, f"#/?challenge={game['id']}")
    expect(page.locator("#challenge-title")).to_have_text("Beat your own 0")
    play(page)
    expect(page.locator("#next-name")).to_have_text("Your own")
    assert give_up(page) == 0
    expect(page.locator("#result-best")).to_have_text("As good as your own 0")


def test_of_the_daily_challenge_the_first_try_counts_and_the_second_does_not(open_as, server):
    try_challenge(server.api.sign_up("Ada"), "daily", meals=8)
    me = server.api.sign_up("Mia")
    page = open_as(me, "#/")
    page.locator("#daily").click()
    expect(page.locator("#challenge-note")).to_contain_text("only the first try counts")
    expect(page.locator("#today")).to_contain_text("WallsNot played yet")
    play(page)
    expect(page.locator("#next-label")).to_have_text("Next: 1st")
    expect(page.locator("#next-name")).to_have_text("Ada")
    first = state(page)["id"]
    score = give_up(page)
    expect(page.locator("#result-rank")).to_have_text("You are 2nd in today's daily challenge.")
    expect(page.locator("#play-again")).to_have_text("Now Pass-through")
    page.locator("label:has(#mode-walls)").click()
    expect(page.locator("#play-again")).to_have_text("Try again, not counted")
    page.locator("#play-again").click()
    page.wait_for_function("(first) => state.id !== first && state.game.ticks > 0", arg=first)
    expect(page.locator("#next-label")).to_have_text("To beat")
    give_up(page)
    expect(page.locator("#result-note")).to_have_text("Not counted: only the day's first try counts.")
    expect(page.locator("#result-rank")).to_have_text(
        f"You are 2nd in today's daily challenge with your first try, {score}."
    )
    page.locator("#result-leave").click()
    page.locator("#daily").click()
    expect(page.locator("#today")).to_contain_text(f"Walls{score}Nobody beaten yet")
    assert me("GET /api/leaderboard/me?challenge=daily&mode=walls")["score"] == score
    assert server.api("GET /api/leaderboard") == []


def test_a_guest_sees_before_the_daily_challenge_that_the_attempt_does_not_count(open_as, server):
    page = open_as(None, "#/?challenge=daily")
    expect(page.locator("#challenge-note")).to_contain_text("A guest's try doesn't count, even after signing up later")
    play(page)
    expect(page.locator("#next-label")).to_have_text("Not counted")
    give_up(page)
    expect(page.locator("#result-note")).to_contain_text("Guests don't count")
    expect(page.locator("#result-rank")).to_have_text("This would be 1st in today's daily challenge.")
    expect(page.locator("#result-sign-up")).to_be_hidden()  # it would not bring this score onto the board
    player = open_as(server.api.sign_up("Mia"), "#/?challenge=daily")
    expect(player.locator("#challenge-note")).to_contain_text("only the first try counts.")
    assert server.api("GET /api/leaderboard?challenge=daily") == []


def test_a_hidden_game_of_the_day_leads_to_the_challenge_and_is_shown_after_it(open_as, server):
    game = try_challenge(server.api.sign_up("Ada"), "daily", "pass-through", 2)
    me = server.api.sign_up("Mia")
    page = open_as(me, "#/")
    page.goto(f"{server.url}/games/{game['id']}")  # the link that Ada has shared
    expect(page.locator("#challenge-title")).to_contain_text("Daily challenge #")
    expect(page.locator("#mode-pass-through")).to_be_checked()
    page.goto(f"{server.url}/#/games/{game['id']}")
    expect(page.locator("#replay-note")).to_contain_text("shown to those who have played it")
    page.get_by_role("button", name="Play today's challenge").click()
    expect(page.locator("#challenge-title")).to_contain_text("Daily challenge #")
    page.goto(f"{server.url}/#/?challenge={game['id']}")
    expect(page).to_have_url(f"{server.url}/#/?challenge=daily&mode=pass-through")
    try_challenge(me, "daily", "pass-through")
    page.goto(f"{server.url}/games/{game['id']}")
    expect(page).to_have_url(re.compile(f"#/games/{game['id']}"))
    expect(page.locator("#replay-player")).to_have_text("Ada")


def test_yesterdays_challenge_is_out_of_the_count(open_as, server):
    page = open_as(server.api.sign_up("Mia"), f"#/?challenge=daily/{yesterday()}")
    expect(page.locator("#challenge-title")).to_have_text("Yesterday's challenge")
    play(page)
    expect(page.locator("#next-label")).to_have_text("Not counted")
    give_up(page)
    expect(page.locator("#result-note")).to_have_text("Yesterday's challenge doesn't count any more.")


def test_an_older_day_and_an_unknown_game_lead_to_what_can_be_played(open_as):
    page = open_as(None, "#/?challenge=daily/2020-01-01")
    expect(page.locator("#challenge-note")).to_contain_text("today's")
    page.keyboard.press("Enter")
    expect(page.locator("#challenge-title")).to_contain_text("Daily challenge #")
    page.goto(page.url.replace("daily", "nothing"))
    expect(page.locator("#challenge-title")).to_have_text("No such game")
    expect(page.locator("#play")).to_be_hidden()
    page.locator("#challenge-leave").click()
    expect(page.locator("#challenge")).to_be_hidden()
    play(page)


def test_a_challenge_left_open_by_a_closed_page_is_resumed_as_one(open_as, server):
    game, turns, _ = server.api.sign_up("Ada").play(6, "pass-through")
    page = open_as(None, f"#/?challenge={game['id']}")
    play(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(AFTER_TICK, arg=4)
    before = state(page)
    page.goto("about:blank")
    page.goto(server.url)
    page.evaluate(REACH_IN)
    page.locator("#resume").click()
    page.wait_for_function(AFTER_TICK, arg=before["tick"] + 1)
    page.wait_for_function(HAS_GHOST, arg=before["tick"])
    assert_ghost_is_in_step(page, game, turns)
    assert state(page)["id"] == before["id"]
    assert page.url.endswith(f"#/?challenge={game['id']}")
    expect(page.locator("#next-name")).to_have_text("Ada")


def test_a_game_in_progress_is_not_lost_to_the_address_of_a_challenge(open_as, server):
    game, _, _ = server.api.sign_up("Ada").play(6)
    page = open_as(None, "#/")
    start(page)
    before = state(page)
    page.evaluate("(id) => { location.hash = `#/?challenge=${id}`; }", game["id"])
    expect(page.locator("#paused-note")).to_contain_text("The challenge waits")
    page.locator("#go-on").click()
    page.wait_for_function(AFTER_TICK, arg=before["tick"] + 2)
    assert state(page)["id"] == before["id"]
    page.keyboard.press(" ")
    page.locator("#give-up").click()
    expect(page.locator("#play-again")).to_have_text("Play the challenge")
    page.locator("#play-again").click()
    page.wait_for_function("(id) => state.challenge?.name === id && state.game.ticks > 0", arg=game["id"])
    page.locator("header nav a").first.click()  # leads to the game that is in progress
    expect(page).to_have_url(f"{server.url}/#/?challenge={game['id']}")
    assert state(page)["phase"] == "playing"


def test_each_days_challenge_has_its_board(open_as, server):
    try_challenge(server.api.sign_up("Ada"), "daily", "pass-through", 3)
    page = open_as(server.api.sign_up("Mia"), "#/boards?mode=pass-through")
    page.locator("#boards-periods").get_by_text("Daily").click()
    expect(page.locator("#boards-span")).to_have_text("Today's challenge")
    expect(page.locator("#boards-table tr")).to_have_count(1)
    expect(page.locator("#boards-ends")).to_contain_text("the next one comes in")
    page.locator("#boards-earlier").click()
    expect(page.locator("#boards-span")).to_have_text("Yesterday's challenge")
    expect(page.locator("#boards-note")).to_have_text("Nobody played then.")
    expect(page.get_by_text("Play it, not counted")).to_be_visible()
    page.locator("#boards-later").click()
    expect(page.locator("#boards-table tr")).to_have_count(1)
    page.locator("#boards-me .primary").click()
    expect(page.locator("#challenge-title")).to_contain_text("Daily challenge #")
    expect(page.locator("#mode-pass-through")).to_be_checked()


def test_the_board_of_a_games_challenge_and_those_of_bots(open_as, server):
    game, _, _ = server.api.sign_up("Ada").play(2)
    bot = server.api.sign_up("Robot", bot=True)
    try_challenge(bot, game["id"])
    page = open_as(None, f"#/boards?challenge={game['id']}")
    expect(page.locator("#boards-title")).to_have_text("Ada's 20")
    expect(page.locator("#boards-ends")).to_have_text("Score to beat: 20 by Ada")
    expect(page.locator("#boards-note")).to_have_text("Nobody has tried yet. Be the first.")
    expect(page.locator("#boards-watch")).to_have_attribute("href", f"#/games/{game['id']}")
    expect(page.locator("#boards-beat")).to_have_attribute("href", f"#/?challenge={game['id']}")
    page.locator("#boards-players").click()
    expect(page.locator("#boards-table .tag")).to_have_text("bot")
    page.locator("#boards-table th a").click()
    expect(page.locator("#player-bot")).to_be_visible()
    expect(page.locator("#player-games .tag")).to_have_text("challenge")
    page.go_back()
    page.locator("#boards-players").click()
    expect(page.locator("#boards-note")).to_contain_text("Be the first")


def test_the_pausing_time_that_is_left_is_shown(make_server, open_page, tmp_path):
    server = make_server(DATABASE_URL=f"sqlite:///{tmp_path}/paced.db", ENFORCE_PACE="true", PAUSE_BUDGET="3")
    page = open_page(f"{server.url}/#/")
    start(page)
    page.keyboard.press(" ")
    expect(page.locator("#paused-note")).to_have_text(re.compile(r"^[1-3] s of pausing left"))
    expect(page.locator("#paused-note")).to_contain_text("not ranked unless you play on")


@pytest.mark.parametrize(("width", "height", "scheme"), [(360, 640, "dark"), (1280, 800, "light")])
def test_nothing_is_wrong_with_the_views_of_challenges(open_as, server, axe, width, height, scheme):
    game, _, _ = server.api.sign_up("国" * 20).play(2, "pass-through")  # no wall ends a game while axe looks at it
    bot = server.api.sign_up("Robot", bot=True)
    bot.play(3)
    try_challenge(bot, game["id"], "pass-through")
    try_challenge(server.api.sign_up("Ada"), "daily", meals=2)
    touch = width < 1000
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "has_touch": touch, "is_mobile": touch}
    page = open_as(None, f"#/?challenge={game['id']}", width=width, height=height, **options)
    wrong = {}

    def check(view):
        found = goes_wrong(page, axe)
        if page.locator("#view-play").is_visible() and (hidden := page.evaluate(STICKS_OUT)):
            found.append(f"{hidden} px are below the screen")
        if found:
            wrong[view] = found

    def go(address, ready):
        """`ready` selects what the previous view doesn't show."""
        page.goto(f"{server.url}/{address}")
        expect(page.locator(ready).first).to_be_visible()
        check(address)

    expect(page.locator("#challenge-title")).to_be_visible()
    check("to beat")
    play(page)
    check("in the game")
    give_up(page)
    check("result")
    go("#/?challenge=nothing", "#challenge-title:has-text('No such game')")
    go("#/?challenge=daily&mode=pass-through", "#challenge-title:has-text('Daily challenge')")
    play(page)
    give_up(page)
    check("result of the day")
    go("#/boards?challenge=daily&mode=walls", "#boards-table tr")
    go(f"#/boards?challenge=daily&at={yesterday()}", "#boards-note:has-text('Nobody played then')")
    go(f"#/boards?challenge={game['id']}", "#boards-note:has-text('Nobody has tried yet')")
    go(f"#/boards?challenge={game['id']}&players=bots", "#boards-table tr")
    go("#/boards?challenge=nothing", "#boards-note:has-text('There is no such challenge')")
    go("#/players/Robot", "#player-games tr")
    assert wrong == {}


# By how much the page, or a card on it, is too tall for the screen.
STICKS_OUT = """() => {
    const cards = Array.from(document.querySelectorAll("#view-play .card"), (card) => card.getBoundingClientRect());
    return Math.max(document.documentElement.scrollHeight - innerHeight,
        ...cards.map(({top, bottom}) => Math.max(-top, bottom - innerHeight)), 0);
}"""
