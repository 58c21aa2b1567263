"""The font: small, free to be changed, and with all letters of the languages that use it."""

import json
import re
from pathlib import Path

import webtest

STATIC = Path(__file__).parent.parent / "static"
STYLE = (STATIC / "style.css").read_text()
MOST_BYTES = 14 * 1024
OTHER_SCRIPTS = {"ja", "zh"}
LETTERS = (
    "ÄÖÜäöüßẞ ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ ÁÉÍÑÓÚÜáéíñóúü¿¡ ÃÕÊÔÀÇãõêôàç ÀÈÉÌÒÙàèéìòù ËÏÉÓËëïéó ĄĆĘŁŃÓŚŹŻąćęłńóśźż"
    " «»„“”…€·°0123456789 \N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{MULTIPLICATION SIGN}\N{RIGHT SINGLE QUOTATION MARK}"
)


def _range():
    """The letters that the stylesheet leaves to the font."""
    declared = re.search(r"unicode-range: ([^;]+);", STYLE)[1]
    parts = [part.strip().removeprefix("U+").split("-") for part in declared.split(",")]
    return {chr(code) for first, *last in parts for code in range(int(first, 16), int((last or [first])[0], 16) + 1)}


def test_it_is_small_and_may_be_kept(app):
    client = webtest.TestApp(app)
    address = re.search(r'href="(static/[^"]+woff2)"', client.get("/").text)[1]
    file = client.get(f"/{address}", headers={"Accept-Encoding": "gzip"})
    assert (file.content_type, "Content-Encoding" in file.headers) == ("font/woff2", False)
    assert "immutable" in file.headers["Cache-Control"]
    assert len(file.body) <= MOST_BYTES
    assert f'src: url("fonts/{address.rpartition("/")[2]}")' in STYLE  # what is preloaded is used


def test_its_license_is_beside_it_and_lets_a_part_keep_the_name():
    text = (STATIC / "fonts" / "OFL.txt").read_text()
    notice, _, terms = text.partition("\n")
    assert "SIL OPEN FONT LICENSE Version 1.1" in terms
    assert notice.startswith("Copyright")
    assert "Reserved Font Name" not in notice


def test_it_has_the_letters_of_all_languages_in_latin_script():
    letters = set(LETTERS)
    for path in (STATIC / "languages").rglob("*.json"):
        if path.stem not in OTHER_SCRIPTS:
            words = "".join(str(text) for text in json.loads(path.read_text()).values())
            letters |= {letter for letter in words if letter.isalpha()}
    assert sorted(letters - _range()) == []
