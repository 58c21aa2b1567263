"""What is selected or focused, and tags, can be told from what is around them in all colours."""

import pytest
from colours import contrast
from playwright.sync_api import expect

STYLES = """([selector, ...names]) => {
    const style = getComputedStyle(document.querySelector(selector));
    return names.map((name) => style.getPropertyValue(name));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_ring_shows_on_the_board(open_page, filled, scheme):
    page = open_page(filled.url, color_scheme=scheme)
    for focused in ("play", "daily"):
        for _ in range(12):
            if page.evaluate("document.activeElement.id") == focused:
                break
            page.keyboard.press("Tab")
        ring, *grounds = page.evaluate(STYLES, [f"#{focused}:focus-visible", "outline-color", "--pit", "--pit-other"])
        assert all(contrast(ring, ground) >= 3 for ground in grounds), focused


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tag_of_a_bot_can_be_read(open_page, filled, scheme):
    page = open_page(f"{filled.url}/#/players/Player3", color_scheme=scheme)
    expect(page.locator("#player-games tr").first).to_be_visible()
    page.evaluate("document.getElementById('player-bot').hidden = false")
    text, ground = page.evaluate(STYLES, ["#player-bot", "color", "background-color"])
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("setting", [{"forced_colors": "active"}, {"contrast": "more"}])
def test_what_is_selected_is_marked_in_the_users_own_colours(open_page, filled, setting):
    page = open_page(filled.url, **setting)
    game = filled.api("GET /api/leaderboard?mode=walls")[0]["game"]
    for address, (selected, other) in {
        "#/": ("#mode-walls + span", "#mode-pass-through + span"),
        "#/boards?mode=walls": ("#boards-modes [data-mode=walls]", "#boards-modes [data-mode=pass-through]"),
        f"#/games/{game}": ("#replay-speed-1", "#replay-speed-2"),
    }.items():
        page.goto(f"{filled.url}/{address}")
        expect(page.locator(selected)).to_be_visible()
        looks = [
            page.evaluate(STYLES, [selector, "background-color", "text-decoration-line", "forced-color-adjust"])
            for selector in (selected, other)
        ]
        assert looks[0][0] != looks[1][0], address
        assert [line for _, line, _ in looks] == ["underline", "none"], address
        if "forced_colors" in setting:
            assert looks[0][2] == "none", address  # or the browser would take its background away
