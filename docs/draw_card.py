"""Draws static/card.png, the picture of links to the server: `python docs/draw_card.py URL` of a server that runs."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

CARD = Path(__file__).parent.parent / "static" / "card.png"
WIDTH, HEIGHT = 1200, 630  # as link previews show images
DRAW = """async () => {
    const root = document.querySelector("script[type=module]").src;
    const module = (path) => import(new URL(path, root));
    const [{demoGame}, {openPlayback, goTo}, {createBoardView, draw}] =
        await Promise.all(["game/demo.js", "game/playback.js", "draw/board.js"].map(module));
    const add = (tag, style) => {
        const element = document.createElement(tag);
        Object.assign(element.style, {position: "fixed"}, style);
        document.body.append(element);
        return element;
    };
    const wordmark = document.querySelector(".wordmark svg");
    const words = document.querySelector("#about").textContent;
    for (const element of document.body.children) element.style.display = "none";
    document.body.style.background = getComputedStyle(document.body).getPropertyValue("--page");
    add("div", {left: "50px", top: "195px"}).append(wordmark);
    Object.assign(wordmark.style, {width: "480px", height: "auto", margin: 0});
    const font = "800 40px/1.2 var(--font-display)";
    add("p", {left: "56px", top: "345px", width: "470px", font}).textContent = words;
    const playback = openPlayback(demoGame(3));
    goTo(playback, 330, 0);
    const canvas = add("canvas", {right: "30px", top: "30px", width: "570px", height: "570px"});
    const view = createBoardView(canvas);
    await document.fonts.ready;
    await new Promise((resolve) => setTimeout(resolve, 300)); // for its size
    draw(view, playback, 1, 0);
}"""

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark")
    page.goto(sys.argv[1])
    page.wait_for_load_state("networkidle")
    page.evaluate(DRAW)
    page.screenshot(path=CARD)
    browser.close()
