"""How soon the page of the client can be used, and how smoothly its start screen runs: `python bench/page.py`.

A phone of 390x844 opens the page of a server with games to show, each time with an empty cache. `interactive` is the moment
from which a key or a touch acts at once; what comes before it is recorded and repeated then. Times are milliseconds since
the address was opened, medians of the visits. On slow 3G a key is pressed as soon as there is a page; it must start a game
and turn the snake.
"""

import json
import os
import shutil
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests_integration"))
sys.path.insert(0, str(Path(__file__).parent.parent))

import fill
from browser import COUNT_FRAMES, REACH_IN
from databases import FEW, Databases, served
from playwright.sync_api import sync_playwright

VISITS = 9
SLOWER = 4  # times, of the CPU
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
NO_WORKER = {"service_workers": "block"}  # it would answer the second visit
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}  # ms, bytes a second
TIMES = """() => ({
    painted: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    interactive: performance.getEntriesByName("interactive")[0].startTime,
})"""
IS_INTERACTIVE = '() => performance.getEntriesByName("interactive").length > 0'
IS_PAINTED = '() => performance.getEntriesByName("first-contentful-paint").length > 0'
HAS_TURNED = "() => state.turns.length > 0"
PATIENCE = 60_000  # milliseconds
SECONDS = 5  # in which frames are counted


def main():
    fill.CACHE.mkdir(exist_ok=True)
    with Databases().copy(FEW) as url, served(url) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        print(json.dumps({"a phone, CPU 4 times slower": _visits(chromium, server.url, slower=SLOWER)}))
        print(json.dumps({"a phone": _visits(chromium, server.url, slower=1)}))
        print(json.dumps({"slow 3G": _early_key(chromium, server.url)}))
        print(json.dumps({"start screen": _frames(chromium, server.url)}))
        chromium.close()


def _chromium():
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def _opened(chromium, **options):
    """Return a new page in an empty profile, and its connection to the browser's tools."""
    page = chromium.new_context(**NO_WORKER | options).new_page()
    return page, page.context.new_cdp_session(page)


def _visits(chromium, url, slower):
    found = []
    for _ in range(VISITS):
        page, tools = _opened(chromium, **PHONE)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.goto(url)
        page.wait_for_function(IS_INTERACTIVE)
        page.wait_for_function(IS_PAINTED)
        found.append(page.evaluate(TIMES))
        page.context.close()
    return {name: round(statistics.median(visit[name] for visit in found)) for name in found[0]}


def _early_key(chromium, url):
    page, tools = _opened(chromium)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", SLOW_3G)
    page.goto(url, wait_until="commit")
    page.locator("#play").wait_for()
    page.keyboard.press("ArrowLeft")
    is_early = not page.evaluate(IS_INTERACTIVE)
    page.wait_for_function(IS_INTERACTIVE, timeout=PATIENCE)
    page.evaluate(REACH_IN)
    page.wait_for_function(HAS_TURNED, timeout=PATIENCE)
    found = {"key before the page was interactive": is_early, "first turn": page.evaluate("state.turns[0]")}
    found |= {name: round(time) for name, time in page.evaluate(TIMES).items()}
    page.context.close()
    return found


def _frames(chromium, url):
    """Return frames a second behind the start card, and those of an empty page."""
    page, _ = _opened(chromium, **PHONE)
    page.goto(url)
    page.wait_for_function('() => performance.getEntriesByType("resource").some(({name}) => name.endsWith("playback.js"))')
    page.wait_for_timeout(1000)
    frames = page.evaluate(COUNT_FRAMES, SECONDS)
    page.goto("about:blank")
    return {"frames a second": round(frames, 1), "of an empty page": round(page.evaluate(COUNT_FRAMES, SECONDS), 1)}


if __name__ == "__main__":
    main()
