"""The catalogues of words: the same keys in all languages, each used, none missing, and no words outside of them."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import rules
from web.problems import CODES

STATIC = Path(__file__).parent.parent / "static"
LANGUAGES = sorted(path.stem for path in (STATIC / "languages").glob("*.json"))
ROOMS = [f"rooms/{language}" for language in LANGUAGES]  # loaded with the rooms
CATALOGUES = LANGUAGES + ROOMS
ATTRIBUTES = {"data-t-label": "aria-label", "data-t-title": "title", "data-t-placeholder": "placeholder"}
PERIODS = ["day", "week", "month", "daily"]
# Keys that scripts make of a family and a value.
FAMILIES = {
    "boards.nobody": ["all", *PERIODS],
    "boards.see": PERIODS,
    "live.best": ["all", "day", "week", "month"],
    "mode": rules.MODES,
    "outcome": rules.OUTCOMES,
    "period": PERIODS,
    "period.last": PERIODS,
    "problem": [
        *CODES,
        "unreachable",
        "cut_off",
        "bad_format.email",
        "bad_format.name",
        "missing.username",
        "mode_mismatch.round",
        "name_characters.my_name",
        "name_characters.name",
        "not_a_member.host",
        "not_with_challenge.room",
        "rate_limited.unplayed",
        "unavailable.lasting",
    ],
    "replay.end": rules.OUTCOMES,
    "unit": ["characters", "bytes", "items"],
}
# The plural categories of whole numbers, by the Unicode CLDR.
PLURALS = {"pl": {"one", "few", "many", "other"}, "ja": {"other"}, "zh": {"other"}}
PLURALS |= {language: {"one", "many", "other"} for language in ["fr", "es", "it", "pt"]}
ENGLISH_ONLY = ["docs.js", "apidocs", "rules.js"]  # for developers
# What looks like words and is none: the name, keys, a header, and the languages by their own names.
NO_WORDS = {
    "Snakepit",
    "Arrow",
    "Enter",
    "Unidentified",
    "Key${nameOf(event)}",
    "live-total number optional",
    "secondary icon close",
    "Home",
    "End",
    "Link",
}
NO_WORDS |= {"English", "Deutsch", "Français", "Español", "Português", "Italiano", "Nederlands", "Polski"}
IN_ROUNDS = ["hud.js", "result.js"]  # show games of rounds, which only rooms open
VOID = {"br", "canvas", "circle", "ellipse", "img", "input", "link", "meta", "path"}


def words(catalogue):
    return json.loads((STATIC / "languages" / f"{catalogue}.json").read_text())


def all_english():
    return words("en") | words("rooms/en")


class Translated(HTMLParser):
    """The page's English words by their keys; slots are `{name}`."""

    def __init__(self):
        super().__init__()
        self.open, self.found = [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for key, attribute in ATTRIBUTES.items():
            if key in attributes:
                self.found.append((attributes[key], attributes[attribute]))
        if slot := attributes.get("data-slot"):
            self.open[-1]["text"] += f"{{{slot}}}"
        element = {"tag": tag, "key": attributes.get("data-t"), "text": ""}
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        element = self.open.pop()
        if element["key"]:
            self.found.append((element["key"], " ".join(element["text"].split())))

    def handle_data(self, data):
        if self.open:
            self.open[-1]["text"] += data


def of_page():
    parser = Translated()
    parser.feed((STATIC / "index.html").read_text())
    return parser.found


def places(text):
    """Return the names in braces of a text, or of all its plural forms."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


def test_the_page_has_the_words_of_the_english_catalogue():
    english = words("en")
    assert {key: text for key, text in of_page() if english[key] != text} == {}


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_a_catalogue_has_the_keys_and_values_of_the_english_one(catalogue):
    english, theirs = words(f"{catalogue[:-2]}en"), words(catalogue)
    assert theirs.keys() == english.keys()
    assert {key: theirs[key] for key in english if places(theirs[key]) != places(english[key])} == {}
    assert list(theirs) == sorted(theirs)


def scripts():
    paths = [path for path in (STATIC / "js").rglob("*.js") if not set(ENGLISH_ONLY) & set(path.parts)]
    return {path.name: path.read_text() for path in paths}


def literals(script):
    """Return the texts of a script's strings and templates."""
    token = r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`"
    return [text[1:-1] for text in re.findall(token, script, re.S) if text[0] in '"`']


def is_prose(text):
    """Whether people could read it: a word with a capital, three words, or a word beside a value."""
    return bool(re.search(r"^[A-Z][a-z]+(?![\w-])|[A-Za-z]{2,},? [A-Za-z]{2,} [A-Za-z]{2,}|\} [a-z]{3,}", text))


def words_in(script):
    return [text for text in literals(script) if is_prose(text) and text not in NO_WORDS]


@pytest.mark.parametrize(
    "planted", ['"Score"', '"3 games were lost"', "`Score ${score}`", "`${score} points`", '"by the same player"']
)
def test_words_in_a_script_are_found(planted):
    assert words_in(f"// The next\nshow({planted}); /* Not this */") == [planted[1:-1]]


def test_scripts_have_no_words_of_their_own():
    assert {name: found for name, script in scripts().items() if (found := words_in(script))} == {}


def test_keys_are_used_and_none_is_missing():
    source = "\n".join(scripts().values()) + (STATIC / "index.html").read_text()
    english = all_english().keys()
    made = {f"{family}.{value}" for family, values in FAMILIES.items() for value in values}
    assert made <= english
    assert {key for key in english - made if f'"{key}"' not in source} == set()
    used = set(re.findall(r"\bt\(\"([\w.-]+)\"", source)) | set(re.findall(r"\"(rooms\.(?!css)[\w.-]+)\"", source))
    used |= set(re.findall(r"data-(?:t|t-\w+|label|hint)=\"([^\"]+)\"", source))
    assert used - english == set()


def test_the_words_of_rooms_are_used_by_rooms_only():
    """Other parts of the page may be there without them."""
    source = "\n".join(
        path.read_text()
        for path in (STATIC / "js").rglob("*.js")
        if path.parent.name != "rooms" and path.name not in IN_ROUNDS
    )
    source += (STATIC / "index.html").read_text()
    assert {key for key in words("rooms/en") if f'"{key}"' in source} == set()
    assert words("rooms/en").keys() & words("en").keys() == set()


def test_every_problem_has_words():
    assert {f"problem.{code}" for code in CODES} - all_english().keys() == set()


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_counted_texts_have_the_plural_forms_of_the_language(catalogue):
    counted = {key: set(text) for key, text in words(catalogue).items() if isinstance(text, dict)}
    counted.pop("rank.ordinal", None)  # it has forms of its own
    wanted = PLURALS.get(catalogue[-2:], {"one", "other"})
    assert {key: forms for key, forms in counted.items() if forms != wanted} == {}


def test_each_language_that_can_be_chosen_has_a_catalogue():
    script = (STATIC / "js" / "lib" / "language.js").read_text()
    listed = re.search(r"LANGUAGES = \{(.*?)\};", script, re.DOTALL)[1]
    assert sorted(re.findall(r"\b([a-z]{2}): \"", listed)) == LANGUAGES


def test_style_sheets_have_no_words():
    sheets = {
        path.name: re.findall(r"content: *([\"'][^;]*[A-Za-z]{2}[^;]*);", path.read_text()) for path in STATIC.glob("*.css")
    }
    assert {name: found for name, found in sheets.items() if found} == {}
