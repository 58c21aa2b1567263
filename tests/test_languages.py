"""The catalogues of words: the same keys in all languages, each used, and none missing."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

STATIC = Path(__file__).parent.parent / "static"
LANGUAGES = sorted(path.stem for path in (STATIC / "languages").glob("*.json"))
ATTRIBUTES = {"data-t-label": "aria-label", "data-t-title": "title", "data-t-placeholder": "placeholder"}
VOID = {"br", "canvas", "circle", "ellipse", "img", "input", "link", "meta", "path"}


def words(language):
    return json.loads((STATIC / "languages" / f"{language}.json").read_text())


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_keys_and_values_of_the_english_one(language):
    english, theirs = words("en"), words(language)
    assert theirs.keys() == english.keys()
    assert {key: theirs[key] for key in english if places(theirs[key]) != places(english[key])} == {}
    assert list(theirs) == sorted(theirs)
