"""Replays: games written into a server's file as if they had been played, and pages that show them."""

import json
import random
import re
import sqlite3

from playwright.sync_api import expect
from servers import ROOT

import rules
from game.codec import encode_turns

VECTORS = json.loads((ROOT / "tests" / "rules-vectors.json").read_text())
# What the view's own module knows, as soon as there is something to know.
LOOK_IN = """import(new URL("replay/replay.js", document.querySelector("script[type=module]").src))
    .then((module) => { window.replay = module; })"""
IS_SHOWN = "(id) => window.replay?.shown?.record.id === id"
TICK = "replay.shown.playback.game.ticks"
SNAPSHOT = "replay.shown.playback.game.snapshot()"
# Notes the state at each tick that is seen from now on.
RECORD = """() => {
    window.seen = {};
    requestAnimationFrame(function look() {
        if (replay.shown) seen[replay.shown.playback.game.ticks] ??= replay.shown.playback.game.snapshot();
        requestAnimationFrame(look);
    });
}"""


def vector(outcome, mode=None):
    """The shortest game of the vectors that ends so, or doesn't end."""
    return min(
        (game for game in VECTORS if game["expect"]["outcome"] == outcome and mode in (None, game["mode"])),
        key=lambda game: (game["ticks"] < 20, game["ticks"]),
    )


def by_rules(game, tick):
    played = rules.Game(game["seed"], game["mode"])
    played.advance(game["turns"], tick)
    return played


def ticks_of_meals(game, tick):
    played, meals = rules.Game(game["seed"], game["mode"]), []
    while played.ticks < tick and not played.outcome:
        score = played.score
        played.advance(game["turns"], played.ticks + 1)
        if played.score > score:
            meals.append((played.ticks, len(played.body)))
    return meals


class Archive:
    """Games that are put into the SQLite file of a server as if they had been played there."""

    def __init__(self, server):
        self.server = server
        self.ada = server.api.sign_up("Ada")

    def keep(self, game, outcome=None, **columns):
        """The address of a game {seed, mode, turns, ticks} that is over, and the rules.Game of its end."""
        end = by_rules(game, game["ticks"])
        row = {
            "id": f"game-{random.randrange(10**9)}",
            "user_id": int(self.ada.user["id"]),
            "mode": game["mode"],
            "rules": rules.RULES,
            "seed": game["seed"],
            "verified": 1,
            "ranked": 1,
            "started_at": 1,
            "seen_at": 1,
            "ended_at": 1,
            "outcome": outcome or end.outcome,
            "tick": end.ticks,
            "score": end.score,
            "turns": encode_turns(game["turns"]),
            **columns,
        }
        with sqlite3.connect(self.server.folder / "snake.db") as database:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            database.execute(f"INSERT INTO games ({names}) VALUES ({marks})", list(row.values()))
        return f"{self.server.url}/#/games/{row['id']}", end


def look_at(page, address):
    """Go to the address of a game, and wait until it shows."""
    page.goto(address)
    page.evaluate(LOOK_IN)
    page.wait_for_function(IS_SHOWN, arg=re.search(r"games/([\w-]+)", address)[1])
    expect(page.locator("#replay-controls")).to_be_visible()


def requests(page):
    """A list that takes up all questions about games from now on."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/games" in request.url else None)
    return asked


def let_pass(page, ms):
    """Wait while nothing is to happen."""
    began = page.evaluate("performance.now()")
    page.wait_for_function("(until) => performance.now() > until", arg=began + ms, polling=100)


GAME = vector(rules.SELF, rules.WALLS)


def seek(page, tick):
    """As a hand on the slider does."""
    page.locator("#replay-slider").evaluate(
        "(slider, tick) => { slider.value = tick; slider.dispatchEvent(new Event('input', {bubbles: true})); }", tick
    )


NAMES = {rules.WALL: "hit the wall", rules.SELF: "bit itself", rules.STARVED: "starved", rules.WON: "filled the pit"}
