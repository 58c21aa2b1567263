"""Stylesheets: no unused or missing names; colours and breakpoints are defined in one place."""

import re
from itertools import product
from pathlib import Path

import pytest
from colours import contrast

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


def test_each_token_is_set_and_used():
    tokens = set(re.findall(r"(--[\w-]+):", CSS)) | set(re.findall(r'setProperty\("(--[\w-]+)"', SCRIPTS))
    used = set(re.findall(r"var\((--[\w-]+)", CSS))
    assert used - tokens == set()
    assert {token for token in tokens - used if f'"{token[2:]}"' not in SCRIPTS} == set()


def test_colours_are_tokens():
    literals = re.compile(r"^(?! *--).*[ (](#[0-9a-f]{3}|#[0-9a-f]{6,8})\b.*;", re.MULTILINE)
    assert literals.findall(CSS) == []


def _tokens():
    """The colours of both themes: {name: "#rrggbb"} each."""
    light, _, rest = STYLE.partition("@media (prefers-color-scheme: dark)")
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, rest.partition("\n}\n")[0]))
    return light, light | dark


def _declared(selector, name):
    """The token that a rule sets a property to."""
    return re.search(rf"^{re.escape(selector)} \{{[^}}]*?[ ;]{name}: var\(--([\w-]+)\);", CSS, re.MULTILINE)[1]


@pytest.mark.parametrize("tokens", _tokens(), ids=["light", "dark"])
def test_words_and_focus_can_be_seen_in_both_themes(tokens):
    grounds = ("page", "page-edge", "card")
    words = {*product(("ink", "muted", "wrong"), grounds), ("good", "page"), ("good", "card")}
    words |= {("on-accent", "accent"), ("page", "ink"), ("egg", "pit"), ("egg", "pit-other"), ("pit-muted", "pit")}
    words |= {("on-snake", "snake"), ("on-egg", "egg"), (_declared(".tag", "color"), _declared(".tag", "background"))}
    marks = {*product(("focus", "good"), grounds)} | {("snake", "pit"), ("snake", "pit-other"), ("on-snake", "snake")}
    marks |= {(_declared("#start[data-screen=play]", "--focus"), ground) for ground in ("pit", "pit-other")}
    assert {pair for pair in words if contrast(*(tokens[name] for name in pair)) < 4.5} == set()
    assert {pair for pair in marks if contrast(*(tokens[name] for name in pair)) < 3} == set()


def test_breakpoints_are_those_that_style_css_lists():
    size = re.compile(r"\d+rem|\d/\d")
    queries = " ".join(re.findall(r"@(?:media|container) ([^{]+)", CSS))
    assert set(size.findall(queries)) == set(size.findall(STYLE.partition("*/")[0]))


def test_what_scripts_read_of_the_stylesheets_is_a_token_there():
    board = (STATIC / "js" / "draw" / "board.js").read_text()
    names = set(re.findall(r'"([\w-]+)"', re.search(r"const TOKENS = \[(.*?)\];", board, re.DOTALL)[1]))
    read = {name for names in re.findall(r'palette\.(\w+)|palette\["([\w-]+)"\]', SCRIPTS) for name in names if name}
    assert read - names == set()
    read |= names | set(re.findall(r'colour\("([\w-]+)"\)', SCRIPTS))
    assert {name for name in read if f"--{name}:" not in CSS} == set()
