"""The page in other languages: chosen by the browser or in the settings, with its dates, numbers and problems."""

import json
from pathlib import Path

import pytest
from browser import start
from playwright.sync_api import expect

CATALOGUES = Path(__file__).parent.parent / "static" / "languages"
# Texts on the page that are the same in English and would be read by people.
LEFT_ENGLISH = """(english) => Array.from(document.querySelectorAll("body *"))
    .filter((element) => element.checkVisibility({visibilityProperty: true}))
    .flatMap((element) => Array.from(element.childNodes))
    .map(({nodeType, data}) => nodeType === Node.TEXT_NODE ? data.trim() : "")
    .filter((text) => / /.test(text) && english.includes(text))"""


# Chooses a language, and returns what of the header is cut off, covered or in a second line.
CROWDED = """async (code) => {
    const {chooseLanguage} = await import(new URL("lib/language.js", document.querySelector("script[type=module]").src));
    await chooseLanguage(code);
    const header = document.querySelector("header"), {height} = header.getBoundingClientRect();
    const boxes = Array.from(header.querySelectorAll(".wordmark, nav a, button"))
        .filter((element) => element.checkVisibility({visibilityProperty: true}))
        .map((element) => [element.id || element.textContent.trim(), element.getBoundingClientRect()]);
    const wrong = boxes.filter(([, {left, right}], n) => right > innerWidth || left < (boxes[n - 1]?.[1].right ?? 0) - 1);
    const range = document.createRange(), words = Array.from(header.querySelectorAll("nav a"))
        .filter((element) => element.checkVisibility())
        .map((element) => (range.selectNodeContents(element), range.getBoundingClientRect()));
    const gaps = words.slice(1).map(({left}, n) => left - words[n].right);
    const isEven = Math.max(...gaps) - Math.min(...gaps) < 5;
    return [...wrong.map(([name]) => name), ...height > 60 ? ["two lines"] : [], ...isEven ? [] : ["uneven words"]];
}"""


def words(language):
    return json.loads((CATALOGUES / f"{language}.json").read_text())


def sentences(language):
    return [text for text in words(language).values() if isinstance(text, str)]


@pytest.mark.parametrize(("tag", "date"), [("de-DE", "November"), ("ja-JP", "月"), ("pl-PL", "listopada")])
def test_a_page_is_in_the_language_of_the_browser(open_page, filled, tag, date):
    language = tag[:2]
    theirs, page = words(language), open_page(filled.url, 360, 640, locale=tag)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("nav a").nth(2)).to_have_text(theirs["nav.boards"])
    page.goto(f"{filled.url}/#/boards?mode=walls&period=day&at=2020-11-02")
    expect(page.locator("#boards-note")).to_contain_text(theirs["boards.nobodyThen"])
    expect(page.locator("#boards-span")).to_contain_text(date)
    page.goto(f"{filled.url}/#/games/nothing")
    expect(page.locator("#replay-note")).to_contain_text(theirs["replay.gone"])
    assert page.evaluate(LEFT_ENGLISH, sentences("en")) == []
    page.goto(f"{filled.url}/#/")
    page.locator("#account").click()
    page.locator("#login-form [name=username]").fill("Nobody")
    page.locator("#login-form [name=password]").fill("not the password")
    page.locator("#login-form [type=submit]").click()
    expect(page.locator("#login-form .problem")).to_have_text(theirs["problem.log_in_failed"])
    page.keyboard.press("Escape")
    start(page, "walls")
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#result-outcome")).to_have_text(theirs["outcome.wall"])
    assert page.evaluate(LEFT_ENGLISH, sentences("en")) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_language_is_chosen_in_the_settings_and_kept(open_page, filled):
    page = open_page(f"{filled.url}/#/boards", locale="en-GB")
    expect(page.locator("#boards-title")).to_have_text("Boards")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("combobox").select_option("fr")
    expect(page.locator("#boards-title")).to_have_text(words("fr")["nav.boards"])
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.reload()
    expect(page.locator("#boards-title")).to_have_text(words("fr")["nav.boards"])


def test_what_went_wrong_follows_the_language(open_page, filled):
    page = open_page(filled.url)
    busy = {"title": "Service Unavailable", "status": 503, "code": "unavailable", "params": {"retry_in": 5}}
    page.route("**/api/games", lambda route: route.fulfill(status=503, json=busy))
    page.locator("#play").click()
    expect(page.locator("#trouble")).to_have_text(words("en")["problem.unavailable"].replace("{retry_in}", "5"))
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("combobox").select_option("de")
    expect(page.locator("#trouble")).to_have_text(words("de")["problem.unavailable"].replace("{retry_in}", "5"))


def test_a_language_that_cannot_be_loaded_leaves_the_page_in_english(open_page, filled):
    page = open_page("about:blank", locale="es-ES")
    page.route("**/languages/es.json", lambda route: route.abort())
    page.goto(filled.url)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("nav a").nth(2)).to_have_text("Boards")


def test_the_header_of_phones_is_a_line_in_all_languages_and_leads_to_rooms(open_page, filled):
    page, crowded = open_page(f"{filled.url}/#/boards", 390, 844), {}
    for width in (320, 360, 390, 430):
        page.set_viewport_size({"width": width, "height": 844})
        for code in sorted(path.stem for path in CATALOGUES.glob("*.json")):
            if found := page.evaluate(CROWDED, code):
                crowded[width, code] = found
            expect(page.locator("nav a[href='#/rooms']")).to_be_visible()
    assert crowded == {}
