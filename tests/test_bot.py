"""The example's bots: their strategy, and on a simulated clock their timing and handling of errors."""

import io
import json
import random
import re
import secrets
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import pytest
from driver import PASSWORD, drive

import models
import rules
from examples import bot
from game import clock, games, leaving, members, presence, rooms, rounds, standings

ROOT = Path(rules.__file__).parent
VECTORS = json.loads((ROOT / "tests" / "rules-vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['seed']}-{vector['mode']}")
def test_its_rules_reproduce_the_vector(vector):
    game, turns = bot.Game(vector["seed"], vector["mode"]), dict(vector["turns"])
    while game.ticks < vector["ticks"] and not game.outcome:
        game.step(turns.get(game.ticks + 1, game.heading))
    end = vector["expect"]
    assert game.ticks == vector["ticks"]
    names = ("score", "outcome", "heading", "nominal_ms", "rng")
    assert {name: getattr(game, name) for name in names} == {name: end[name] for name in names}


def test_it_needs_nothing_of_ours():
    lines = (ROOT / "examples" / "bot.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


# The strategy.


@pytest.mark.parametrize(("mode", "average"), [(rules.WALLS, 180), (rules.PASS_THROUGH, 240)])
def test_it_moves_to_a_free_cell_if_there_is_one_and_eats_much(mode, average):
    scores = []
    for seed in range(1, 11):
        game = rules.Game(seed, mode)
        while game.ticks < 300 and not game.outcome:
            steps = {heading: rules.neighbour(game.body[0], heading, mode) for heading in rules.HEADINGS}
            taken = {rules.OUTSIDE, *list(game.body)[:-1]}
            heading = bot.choose(game)
            assert steps[heading] not in taken or taken.issuperset(steps.values())
            game.advance([[game.ticks + 1, heading]], game.ticks + 1)
        scores.append(game.score)
    assert sum(scores) / len(scores) > average


def game_at(heading, *rows):
    """A game with walls as pictured in the board's upper left corner: the body, `a` first, and the food, `*`."""
    cells = {mark: y * rules.SIZE + x for y, row in enumerate(rows) for x, mark in enumerate(row)}
    body = [cells[mark] for mark in sorted(cells) if mark.isalpha()]
    return rules.Game.load(rules.WALLS, [0, 0, 0, 0, 1, cells["*"], rules.HEADINGS.index(heading), *body])


def test_food_is_taken_on_a_shortest_way():
    assert bot.choose(game_at("R", "cba.*")) == "R"
    assert bot.choose(game_at("R", "cba..", "..*..")) == "D"


def test_the_cell_that_the_tail_leaves_is_free():
    assert bot.choose(game_at("U", "....", ".ad*", ".bc.")) == "R"


def test_food_is_left_alone_where_there_would_be_no_way_on():
    assert bot.choose(game_at("U", "*a.", "cb.", "d..", "e..", "f..")) == "R"
    assert bot.choose(game_at("U", "*a.", "cb.")) == "L"  # the tail makes way


def test_a_long_snake_follows_its_tail_where_there_is_no_safe_way_to_the_food():
    game = rules.Game(6, rules.WALLS)
    while game.ticks < 1600 and not game.outcome:
        game.advance([[game.ticks + 1, bot.choose(game)]], game.ticks + 1)
    assert (game.outcome, game.score > 700) == (None, True)


# Time and the server.


class World:
    """A server whose pace is that of a clock which only moves while bots wait; they reach it without a network.

    All games are on one seed. `troubles` has, by the number of the post that it befalls, "away", "lost" (the answer is), a
    status, or a function to be called first.
    """

    def __init__(self, api, monkeypatch):
        self.api, self.clock, self.posts, self.troubles = api, time.time(), [], {}
        monkeypatch.setattr(bot, "time", SimpleNamespace(monotonic=lambda: self.clock))
        monkeypatch.setattr(bot, "wait", self.wait)
        monkeypatch.setattr(bot, "urlopen", self.open)
        monkeypatch.setattr(games, "now", lambda: int(self.clock * 1000))
        monkeypatch.setattr(secrets, "randbelow", lambda limit: 41)

    def wait(self, seconds):
        self.clock += max(0, seconds)

    def play(self, player, troubles=()):
        """One game, the same each time but for what happens to it; as the player's page shows it then."""
        random.seed(1)
        self.posts, self.troubles = [], dict(troubles)
        player.play()
        return self.api(f"GET /api/players/{player.account['username']}")["latest"][0]

    def open(self, request, timeout):
        path, trouble = urlsplit(request.full_url).path, None
        if path.endswith("/turns"):
            self.posts.append((self.clock, json.loads(request.data)))
            trouble = self.troubles.get(len(self.posts))
        if callable(trouble):
            trouble()
        if trouble == "away":
            raise URLError("nobody is there")
        if isinstance(trouble, int):
            raise HTTPError(request.full_url, trouble, "", {"Retry-After": "7"}, io.BytesIO())
        if trouble == "page":
            return Response(b"<h1>The proxy greets you</h1>", {})
        answer = self.api.send(request.get_method(), path, request.data, dict(request.header_items()))
        if trouble == "lost":
            raise TimeoutError
        body = Response(json.dumps(answer.json).encode(), answer.headers)
        if answer.status >= 400:
            raise HTTPError(request.full_url, answer.status, "", answer.headers, body)
        return body


class Response(io.BytesIO):
    def __init__(self, content, headers):
        super().__init__(content)
        self.headers = headers


@pytest.fixture
def world(make_app, monkeypatch):
    return World(drive(make_app(enforce_pace=True)), monkeypatch)


@pytest.fixture
def boa(world):
    boa = bot.Bot("http://pit", {"username": "Boa-bot", "password": PASSWORD}, 0.05, {"mode": rules.WALLS})
    boa.sign_in()
    return boa


@pytest.mark.parametrize("mode", rules.MODES)
def test_a_game_is_played_at_its_pace_and_posted_every_second(world, boa, mode):
    boa.wanted = {"mode": mode}
    began = world.clock
    game = world.play(boa)
    assert (game["mode"], game["status"], game["outcome"], game["ranked"]) == (mode, "over", rules.SELF, True)
    record = world.api(f"GET /api/games/{game['id']}")
    played = rules.Game(record["seed"], mode)
    played.advance(record["turns"], record["tick"])
    assert world.clock - began == pytest.approx(played.nominal_ms / 1000)
    *others, last = [later - at for (at, _), (later, _) in pairwise(world.posts)]
    assert all(0.999 < seconds < 1.2 for seconds in others)
    assert last < 1.2


def test_a_bot_is_among_bots(world, boa):
    world.play(boa)
    assert world.api("GET /api/leaderboard") == []
    assert [entry["username"] for entry in world.api("GET /api/leaderboard?players=bots")] == ["Boa-bot"]


@pytest.mark.parametrize("at_the_end", [False, True])
@pytest.mark.parametrize(
    ("trouble", "waits"), [("away", [1, 2]), ("page", [1]), ("lost", [1]), (429, [7, 7]), (503, [7, 7])]
)
def test_trouble_with_the_server_changes_nothing_in_the_game(world, boa, trouble, waits, at_the_end):
    without = world.play(boa)
    number = len(world.posts) if at_the_end else 3
    game = world.play(boa, {number + again: trouble for again in range(len(waits))})
    assert (game["score"], game["ticks"], game["outcome"]) == (without["score"], without["ticks"], without["outcome"])
    assert game["ranked"]
    times = [at for at, _ in world.posts[number - 1 :]]
    assert [later - at for at, later in pairwise(times)][: len(waits)] == pytest.approx(waits)


def test_a_post_that_comes_too_early_is_made_again_later(world, boa):
    def turn_back():
        world.clock -= 5

    without = world.play(boa)
    game = world.play(boa, {5: turn_back})
    assert (game["score"], game["ticks"], game["ranked"]) == (without["score"], without["ticks"], True)


def test_a_bot_whose_session_has_ended_logs_in_again(world, boa):
    assert world.play(boa, {3: lambda: boa.call("DELETE /api/auth/sessions")})["outcome"] == rules.SELF


def test_a_game_that_is_over_at_the_server_is_over(world, boa, capsys):
    world.play(boa, {3: lambda: world.api.log_in("Boa-bot").open()})
    assert re.search(r"Boa-bot ends, walls: \d+ points, left, rank 1", capsys.readouterr().out)
    assert len(world.posts) == 3


def test_a_long_absence_is_made_up_for_in_posts_that_are_not_too_long(world, boa, monkeypatch):
    without = world.play(boa)
    monkeypatch.setattr(bot, "MAX_TICKS", 30)
    game = world.play(boa, dict.fromkeys(range(2, 7), "away"))
    assert (game["score"], game["ticks"], game["ranked"]) == (without["score"], without["ticks"], True)
    assert max(body["tick"] - body["since"] for _, body in world.posts) == 30


def test_a_bot_whose_account_is_gone_creates_it_again_and_plays_on(world, boa):
    world.troubles = {3: lambda: boa.call("DELETE /api/auth/me", {"password": PASSWORD})}
    boa.run(2)
    player = world.api("GET /api/players/Boa-bot")
    assert [game["status"] for game in player["latest"]] == ["over"]
    assert boa.call("GET /api/auth/me")["bot"]


def test_where_somebody_has_its_name_a_bot_takes_another(world):
    world.api.sign_up("Boa-bot", password="somebody else's")
    boa = bot.Bot("http://pit", {"username": "Boa-bot", "password": PASSWORD}, 0, {})
    boa.sign_in()
    assert boa.account == {"username": "Boa-bot-41", "password": PASSWORD}
    assert boa.call("GET /api/auth/me")["username"] == "Boa-bot-41"


def test_challenges(world, boa):
    mode = {"mode": rules.PASS_THROUGH}
    begun = world.api.guest().open(**mode)["id"]
    for challenge, wanted in (("daily", mode), (begun, {})):
        boa.wanted = {"challenge": challenge} | wanted
        game = world.play(boa)
        [entry] = world.api(f"GET /api/leaderboard?challenge={challenge}&players=bots")
        assert (entry["game"], entry["mode"]) == (game["id"], rules.PASS_THROUGH)


# Rooms.


@pytest.fixture
def host(world, monkeypatch):
    for module in (models, members, rooms, rounds, standings, leaving, presence, clock):
        monkeypatch.setattr(module, "now", lambda: int(world.clock * 1000))
    return world.api.sign_up("Ada")


def test_in_a_room_a_bot_plays_each_round_from_its_start(world, host, boa, capsys, monkeypatch):
    room = host("POST /api/rooms", {}, 201)
    path = f"/api/rooms/{room['code']}"
    boa = bot.Bot("http://pit", boa.account, 0.05, {"room": room["code"]})
    boa.sign_in()
    made = []

    def start():
        made.append(host(f"POST {path}/rounds", {"mode": "walls", "minutes": 1, "tries": "one", "starts_in": 5}, 201))

    def wait(seconds):
        world.wait(seconds)
        if len(made) == 1 and world.clock > datetime.fromisoformat(made[0]["ends_at"]).timestamp():
            start()

    start()
    monkeypatch.setattr(bot, "wait", wait)
    boa.run(2)
    world.wait(1)  # for standings that are up to date
    for number in (1, 2):
        [entry] = host(f"GET {path}/rounds/{number}")["standings"]
        assert (entry["name"], entry["bot"], entry["tries"], entry["ranked"]) == ("Boa-bot", True, 1, True)
        game = host(f"GET /api/games/{entry['game']}")
        started = datetime.fromisoformat(game["started_at"]) - datetime.fromisoformat(made[number - 1]["starts_at"])
        assert started.total_seconds() == 2
        assert (game["mode"], game["status"], game["score"]) == ("walls", "over", entry["score"])
    first_posts = [at for at, post in world.posts if post["since"] == 0]
    for round_, at in zip(made, first_posts, strict=True):  # a second after the first tick begins for all
        assert 2.99 < at - datetime.fromisoformat(round_["starts_at"]).timestamp() < 3.2
    assert "Boa-bot ends, walls: " in capsys.readouterr().out
    assert [member["name"] for member in host(f"GET {path}")["members"]] == ["Ada"]


def test_in_a_room_a_bot_plays_again_if_there_are_many_tries(world, host, boa):
    room = host("POST /api/rooms", {}, 201)
    path = f"/api/rooms/{room['code']}"
    boa = bot.Bot("http://pit", boa.account, 0.5, {"room": room["code"].lower()})
    boa.sign_in()
    host(f"POST {path}/rounds", {"mode": "walls", "minutes": 30, "tries": "many", "starts_in": 5}, 201)
    boa.run(2)
    world.wait(1)
    [entry] = host(f"GET {path}/rounds/1")["standings"]
    assert entry["tries"] == 2


@pytest.mark.parametrize("name", ["Boa-bot", "Anaconda-bot-1234567"])
def test_in_a_room_a_bot_takes_a_name_that_is_free(world, host, name):
    room = host("POST /api/rooms", {"my_name": name}, 201)
    boa = bot.Bot("http://pit", {"username": name, "password": PASSWORD}, 0.05, {"room": room["code"]})
    boa.sign_in()
    boa.join()
    names = {member["name"] for member in host(f"GET /api/rooms/{room['code']}")["members"]}
    assert names == {name, f"{name[:15]}-41"}


def test_a_bot_for_which_there_is_no_round_looks_again_and_says_nothing(world, host, boa, capsys):
    boa.room = f"/api/rooms/{host('POST /api/rooms', {}, 201)['code']}"
    boa.join()
    before, boa.wanted = world.clock, {"room": boa.room[-6:]}
    with pytest.raises(bot.Refused) as refused:
        boa.play()
    boa.accept(refused.value)
    assert (world.clock - before, capsys.readouterr().out) == (bot.LOOK_EVERY, "")


def test_a_bot_leaves_a_room_that_is_gone_or_has_removed_it(world, host, boa, capsys):
    boa.room = "/api/rooms/ZZZZZZ"
    boa.run(None)
    assert "can't play: There is no room" in capsys.readouterr().out
    room = host("POST /api/rooms", {}, 201)
    boa.room = f"/api/rooms/{room['code']}"
    boa.join()
    host(f"DELETE {boa.room}/members/{boa.member}", status=204)
    boa.run(None)
    assert "can't play: The host has removed you" in capsys.readouterr().out


def test_a_server_with_other_rules_is_left_in_words(world, boa, capsys, monkeypatch):
    monkeypatch.setattr(bot, "RULES", 2)
    boa.run(1)
    assert "can't play: the server plays by rules 1; get the bot.py of its version" in capsys.readouterr().out
    assert world.posts == []


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("99999999999999999999", 3600),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("\u00b2", 0),
        ("", 0),
        (None, 0),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 3600),
    ],
)
def test_what_a_server_asks_to_wait_is_within_reason(asked, seconds):
    assert bot.seconds_until(asked) == seconds


def test_a_server_may_ask_to_come_back_at_a_time():
    assert bot.seconds_until(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)) == pytest.approx(
        90, abs=5
    )


# The command line.


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bots", "0"],
        ["--bots", "-1"],
        ["--games", "x"],
        ["--careless", "2"],
        ["--mode", "x"],
        ["--room", "../x"],
        ["--room", "B7K2XM", "--mode", "walls"],
        ["--room", "B7K2XM", "--challenge", "daily"],
    ],
)
def test_options_that_can_not_be_are_refused(capsys, monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["bot.py", *arguments])
    with pytest.raises(SystemExit) as stopped_by:
        bot.main()
    assert stopped_by.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[]", '{"http://pit": 5}'])
def test_a_file_that_has_no_accounts_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "bots.json").write_text(content)
    monkeypatch.setattr(sys, "argv", ["bot.py", "--url", "http://pit"])
    with pytest.raises(SystemExit, match=r"^bots\.json can't store the bots' accounts .*; name another file"):
        bot.main()
    assert (tmp_path / "bots.json").read_text() == content


def test_an_address_that_is_none_is_refused_in_words(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bot.py", "--url", "localhost:8000"])
    with pytest.raises(SystemExit):
        bot.main()
    assert "'localhost:8000': give an address such as" in capsys.readouterr().err


def test_a_server_that_is_no_snakepit_is_reported_in_words(monkeypatch):
    def not_found(request, timeout):
        raise HTTPError(request.full_url, 404, "", {}, io.BytesIO(b"<h1>Not found</h1>"))

    monkeypatch.setattr(bot, "urlopen", not_found)
    monkeypatch.setattr(bot, "stopped", threading.Event())
    monkeypatch.setattr(sys, "argv", ["bot.py", "--url", "http://pit/"])
    with pytest.raises(SystemExit, match=r"^http://pit refuses the bots: status 404$"):
        bot.main()
