"""Stylesheets: no unused or missing names; colours and breakpoints are defined in one place."""

import re
from itertools import product
from pathlib import Path

import pytest
from colours import EYES, contrast, difference

STATIC = Path(__file__).parent.parent / "static"
STYLE = (STATIC / "style.css").read_text()
SHEETS = {path.name: re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL) for path in STATIC.glob("*.css")}
CSS = "\n".join(SHEETS.values())
SCRIPTS = "\n".join(path.read_text() for path in (STATIC / "js").rglob("*.js"))
PAGES = "\n".join(path.read_text() for path in STATIC.glob("*.html"))
STRINGS = re.findall(r'"[^"\n]*"|`[^`\n]*`', SCRIPTS + PAGES)
WORDS = {word for string in STRINGS for word in re.findall(r"[a-z][\w-]*", string)}


@pytest.mark.parametrize("name", SHEETS)
def test_each_class_and_id_is_in_a_page_or_a_script(name):
    """Scripts put some together of a word and a number, such as `top-${rank}`."""
    selectors = re.findall(r"([^{};]+)\{", SHEETS[name])
    named = {word for selector in selectors for word in re.findall(r"[.#]([a-z][\w-]*)", selector)}
    assert {word for word in named - WORDS if re.sub(r"\d+$", "${", word) not in SCRIPTS} == set()


def _classes(sheet):
    selectors = re.findall(r"([^{};]+)\{", SHEETS[sheet])
    return {word for selector in selectors for word in re.findall(r"\.([a-z][\w-]*)", selector)}


def test_the_classes_of_the_game_are_not_those_of_other_views():
    """Its sheets stay on the page with every view. States such as `is-own` may have the same name."""
    game = "play.css", "hud.css", "result.css", "daily.css"
    own = set().union(*map(_classes, game)) - _classes("style.css")
    others = set().union(*(_classes(sheet) for sheet in SHEETS if sheet not in game))
    assert {name for name in own & others if not name.startswith("is-")} == set()


def test_each_token_is_set_and_used():
    tokens = set(re.findall(r"(--[\w-]+):", CSS)) | set(re.findall(r'setProperty\("(--[\w-]+)"', SCRIPTS))
    used = set(re.findall(r"var\((--[\w-]+)", CSS))
    assert used - tokens == set()
    assert {token for token in tokens - used if f'"{token[2:]}"' not in SCRIPTS} == set()


def test_colours_are_tokens():
    literals = re.compile(r"^(?! *--).*[ (](#[0-9a-f]{3}|#[0-9a-f]{6,8})\b.*;", re.MULTILINE)
    assert literals.findall(CSS) == []


def _tokens(palette):
    """The colours of both themes: {name: "#rrggbb"} each."""
    light, dark = {}, {}
    for selector in (":root", *[f"[data-palette={palette}]"] * (palette != "standard")):
        (rule,) = re.findall(rf"^{re.escape(selector)} \{{(.*?)^\}}", STYLE, re.DOTALL | re.MULTILINE)
        for name, by_day, by_night in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", rule):
            light[name], dark[name] = by_day, by_night
        both = dict(re.findall(r"--([\w-]+): (#\w{6});", rule))
        light |= both
        dark |= both
    return light, dark


THEMES = {f"{palette}-{n}": tokens for palette in ("standard", "colour-blind") for n, tokens in enumerate(_tokens(palette))}


def _declared(selector, name):
    """The token that a rule sets a property to."""
    return re.search(rf"^{re.escape(selector)} \{{[^}}]*?[ ;]{name}: var\(--([\w-]+)\);", CSS, re.MULTILINE)[1]


@pytest.mark.parametrize("tokens", THEMES.values(), ids=THEMES)
def test_words_and_focus_can_be_seen_in_all_themes(tokens):
    grounds = ("page", "page-edge", "card")
    words = {*product(("ink", "muted", "wrong"), grounds), ("good", "page"), ("good", "card")}
    words |= {("on-accent", "accent"), ("page", "ink"), ("egg", "pit"), ("egg", "pit-other"), ("pit-muted", "pit")}
    words |= {("on-snake", "snake"), ("on-egg", "egg"), (_declared(".tag", "color"), _declared(".tag", "background"))}
    marks = {*product(("focus", "good"), grounds)} | {("snake", "pit"), ("snake", "pit-other"), ("on-snake", "snake")}
    marks |= {(_declared("#start[data-screen=play]", "--focus"), ground) for ground in ("pit", "pit-other")}
    assert {pair for pair in words if contrast(*(tokens[name] for name in pair)) < 4.5} == set()
    assert {pair for pair in marks if contrast(*(tokens[name] for name in pair)) < 3} == set()


@pytest.mark.parametrize("theme", ["colour-blind-0", "colour-blind-1"])
@pytest.mark.parametrize("eyes", EYES)
def test_the_colour_blind_palette_differs_for_all_eyes(theme, eyes):
    """Less than 0.1 is hard to tell apart in the standard palette: egg and ghost, or what is good and what is wrong."""
    tokens = THEMES[theme]
    pairs = {*product(("snake", "egg", "ghost", "rim", "rim-light"), ("pit", "pit-other")), ("snake", "rim"), ("egg", "rim")}
    pairs |= {("snake", "egg"), ("snake", "ghost"), ("egg", "ghost"), ("on-snake", "snake")}
    pairs |= {("good", "wrong"), ("good", "accent"), *product(("good", "wrong"), ("page", "card"))}
    assert {pair for pair in pairs if difference(*(tokens[name] for name in pair), eyes) < 0.15} == set()


def test_breakpoints_are_those_that_style_css_lists():
    size = re.compile(r"\d+rem|\d/\d")
    queries = " ".join(re.findall(r"@(?:media|container) ([^{]+)", CSS))
    assert set(size.findall(queries)) == set(size.findall(STYLE.partition("*/")[0]))


def test_what_scripts_read_of_the_stylesheets_is_a_token_there():
    board = (STATIC / "js" / "draw" / "board.js").read_text()
    lists = re.findall(r"const (?:COLOURS|TOKENS) = \[(.*?)\];", board, re.DOTALL)
    names = set(re.findall(r'"([\w-]+)"', "".join(lists)))
    read = {name for names in re.findall(r'palette\.(\w+)|palette\["([\w-]+)"\]', SCRIPTS) for name in names if name}
    assert read - names == set()
    read |= names | set(re.findall(r'colour\("([\w-]+)"\)', SCRIPTS))
    assert {name for name in read if f"--{name}:" not in CSS} == set()
