"""Nothing tells the seed, the food or the turns of a round to those who have not opened a game in it."""

import json
import re

import conformance
import pytest
import webtest
from driver import PASSWORD, plan
from room_host import WHOLE

import service
from models import Game, Round

SEED = 3141592653
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}  # of a browser that opens a page

# What each call gets beside its path: (query, body) of those who look for the round's seed. ID, CODE, MEMBER are replaced.
NOTHING = [("", None)]
CALLS = {
    "get /healthz": NOTHING,
    "get /api/openapi.json": NOTHING,
    "get /api/home": NOTHING,
    "get /api/daily": [("mode=walls", None)],
    "get /api/players/{name}": NOTHING,
    "get /api/games/active": [("", None), ("limit=200", None)],
    "get /api/games/live": [("", None), ("known=ID:0", None), ("room=CODE", None), ("room=CODE&known=ID:0", None)],
    "get /api/games/{game_id}": [("", None), ("since=1", None)],
    "get /api/leaderboard": [("", None), ("challenge=ID", None), ("room=CODE", None)],
    "get /api/leaderboard/me": [("", None), ("challenge=ID", None), ("room=CODE", None)],
    "get /api/leaderboard/next": [(f"mode=walls&score=0{more}", None) for more in ("", "&challenge=ID", "&room=CODE")],
    "get /api/rooms/{code}": [("", None), ("version=1", None)],
    "get /api/rooms/{code}/qr.svg": NOTHING,
    "get /api/rooms/{code}/rounds/{number}": NOTHING,
    "get /api/auth/me": NOTHING,
    "get /api/auth/sessions": NOTHING,
    "post /api/games": [("", {"challenge": "ID"}), ("", {"mode": "walls", "challenge": "ID"}), ("", {"mode": "walls"})],
    "post /api/games/{game_id}/turns": [("", {"since": 0, "tick": 0, "turns": []})],
    "delete /api/games/{game_id}": NOTHING,
    "post /api/leaderboard": [("", {"score": 10, "mode": "walls"})],
    "post /api/rooms": [("", {"my_name": "Zoe"})],
    "patch /api/rooms/{code}": [("", {"name": "Mine"}), ("", {"host": "MEMBER"})],
    "post /api/rooms/{code}/members": [("", {}), ("", {"name": "Ada"})],
    "patch /api/rooms/{code}/members/{member_id}": [("", {"name": "Zoe"})],
    "delete /api/rooms/{code}/members/{member_id}": NOTHING,
    "post /api/rooms/{code}/rounds": [("", WHOLE)],
    "delete /api/rooms/{code}/rounds/{number}": NOTHING,
    "post /api/auth/guest": [("", {})],
    "post /api/auth/signup": [("", {"username": "Mallory", "password": PASSWORD})],
    "post /api/auth/login": [("", {"username": "Ada", "password": "wrong horse"})],
    "post /api/auth/reset": [("", {"token": "none", "password": PASSWORD})],
    "patch /api/auth/me": [("", {"current_password": PASSWORD, "email": None})],
    "post /api/auth/logout": NOTHING,
    "delete /api/auth/sessions/{session_id}": NOTHING,
    "delete /api/auth/sessions": NOTHING,
    "delete /api/auth/me": [("", {})],
}
# What changes the token or the room comes last; a stranger is no member, so nothing of the room changes.
LAST = "post /api/auth/logout", "delete /api/auth/sessions", "delete /api/auth/me"


def calls():
    """Return (call, body) of all that the API answers, for the round's game: each operation is in CALLS."""
    described = {f"{method} {path}" for path, methods in conformance.DESCRIPTION["paths"].items() for method in methods}
    assert CALLS.keys() == described
    ordered = sorted(CALLS, key=lambda name: (name in LAST, not name.startswith("get ")))
    return [(name, query, body) for name in ordered for query, body in CALLS[name]]


def answers(app, host, game_id, token, headers=None):
    """Yield (what was asked, the response) of each call of the API and each page, with a token or None."""
    values = {"game_id": game_id, "code": host.room["code"], "number": 1, "name": "Ada", "session_id": "1"}
    values |= {"member_id": host.room["host"], "path:path": "style.css"}
    names = {"ID": game_id, "CODE": host.room["code"], "MEMBER": host.room["host"]}
    client, bearer = webtest.TestApp(app), {"Authorization": f"Bearer {token}"} if token else {}

    def filled(text):
        return re.sub(r"\b(ID|CODE|MEMBER)\b", lambda found: names[found[0]], text)

    def ask(method, path, query="", body=None):
        raw = b"" if body is None else filled(json.dumps(body)).encode()
        address = f"{path.format_map(values)}?{filled(query)}"
        fields = bearer | (headers or {})
        response = client.request(address.rstrip("?"), method=method, body=raw, headers=fields, expect_errors=True)
        return f"{method} {address}", response

    for name, query, body in calls():
        method, path = name.split()
        yield ask(method.upper(), path, query, body)
    for route in service.site.routes:
        path = re.sub("<(.+?)>", r"{\1}", route.rule).replace("{path:path}", "static/style.css")
        if not path.startswith("/static"):
            yield ask(route.method, path)


@pytest.mark.parametrize("who", ["nobody", "a stranger", "a guest", "a member who has not opened a game"])
@pytest.mark.parametrize("is_over", [False, True])
def test_no_call_and_no_page_tells_strangers_what_a_round_is_played_on(app, api, host, bob, who, is_over):
    host.join(bob)
    host.start()
    Round.update(seed=SEED).execute()
    game = host.play(bob)
    assert game["seed"] == SEED
    turns, tick = plan(SEED, "walls", 2)
    bob.post(game, 0, tick if is_over else tick - 1, [turn for turn in turns if is_over or turn[0] < tick])
    asker = {"nobody": api, "a guest": api.guest()}.get(who) or api.sign_up("Carl")
    if who.startswith("a member"):
        host.join(asker)
    secrets = [str(SEED), f"{SEED:x}", *(json.dumps(turn, separators=(",", ":")) for turn in turns[:3])]
    for headers in ({}, BROWSER):
        for asked, response in answers(app, host, game["id"], asker.token, headers):
            assert response.status_int < 500, asked
            text = f"{response.headers}".encode() + response.body
            assert [secret for secret in secrets if secret.encode() in text] == [], asked
            assert response.content_type != "image/png", asked
    assert Game.get_by_id(game["id"]).ended_at is None or is_over
    assert Game.select().where(Game.round.is_null(False)).count() == 1


@pytest.mark.parametrize("who", ["a stranger", "a member", "the host"])
def test_nothing_that_is_asked_before_the_start_draws_a_seed(app, api, host, bob, who):
    host.join(bob)
    host.make(starts_in=60)
    other, _, _ = bob.play(1)
    token = {"a stranger": None, "a member": bob.token, "the host": host.api.token}[who]
    for asked, response in answers(app, host, other["id"], token):
        assert response.status_int < 500, asked
        assert [row.seed for row in Round.select()] == [None] * Round.select().count(), asked
    assert Game.select().where(Game.round.is_null(False)).count() == 0


def test_the_page_of_a_hidden_game_says_why_and_leads_on(app, host, bob):
    host.join(bob)
    host.start()
    game = host.play(bob)
    turns, tick = plan(game["seed"], "walls", 3)
    bob.post(game, 0, tick, turns)
    client = webtest.TestApp(app)
    page = client.get(f"/games/{game['id']}?fbclid=x", headers=BROWSER, status=403)
    assert (page.content_type, page.headers["Cache-Control"]) == ("text/html", "no-store")
    assert {"Accept", "Authorization"} <= {name.strip() for name in page.headers["Vary"].split(",")}
    assert "a round that is still running" in page.text
    assert f'content="0; url=../#/games/{game["id"]}"' in page.text
    assert {f"../#/games/{game['id']}", "../#/rooms"} == set(re.findall('<a href="([^"]*)">', page.text))
    for told in ("Bob", "30", "card.png", host.room["code"], game["round"]):
        assert told not in page.text.replace(game["id"], "")
    host.move(None, -61)
    assert "30 by Bob" in client.get(f"/games/{game['id']}", headers=BROWSER).text
