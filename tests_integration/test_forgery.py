"""Forged games, 10,000 in `make test-long`: none gets a score that its turns don't give, and none is another player's.

Each is a real game that a client would have posted, falsified by a generator whose seed is in the name of the test. What the
server answers, what it says that it has, and its boards are compared with rules.py and plain lists.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise

import pytest
from driver import drive, plan, with_effect

import rules
import service

IN_TURN, AT_ONCE = 9_000, 500  # forged games; the latter on each database
PAST = rules.CELLS * rules.STARVES_AFTER + 1  # a tick that no game has


@pytest.fixture
def app(tmp_path):
    app = service.create_app(database_url=f"sqlite:///{tmp_path}/snake.db", enforce_pace=False, bcrypt_rounds=4)
    yield app
    app.close()


# The oracle.


def check(record):
    """The server's records must agree with what the rules make of the seed and the turns."""
    game = rules.Game(record["seed"], record["mode"])
    game.advance(record["turns"], record["tick"])
    assert (record["tick"], record["score"]) == (game.ticks, game.score)
    assert record["outcome"] == (game.outcome or (rules.LEFT if record["status"] == "over" else None))
    assert record["turns"] == [turn for turn in record["turns"] if turn[0] <= game.ticks]


def is_fair(body, record):
    """Whether a post says what a client may say next of a game of its own."""
    if set(body) != {"since", "tick", "turns"} or record["status"] == "over":
        return False
    since, tick, turns = body["since"], body["tick"], body["turns"]
    if not all(type(number) is int for number in (since, tick, *(at for at, _ in turns))):
        return False
    ticks = [since, *(at for at, _ in turns)]
    in_order = all(before < after for before, after in pairwise(ticks)) and ticks[-1] <= tick <= PAST - 1
    return since == record["tick"] and in_order and all(heading in ("U", "R", "D", "L") for _, heading in turns)


def after(body, record):
    """The state of a game after a fair post: (status, tick, score, outcome, turns)."""
    turns = record["turns"] + body["turns"]
    game = rules.Game(record["seed"], record["mode"])
    game.advance(turns, body["tick"])
    status = "over" if game.outcome else "playing"
    return status, game.ticks, game.score, game.outcome, with_effect(turn for turn in turns if turn[0] <= game.ticks)


def boards(records):
    """{mode: [[username, score, game], ...]}: the best games of the players who may be ranked, in their order."""
    best = {mode: {} for mode in rules.MODES}
    ended = [record for record in records if record["status"] == "over" and record["ranked"] and "challenge" not in record]
    ended = [record for record in ended if not record["username"].startswith("guest-")]
    # The best first; of a player's games with the same score and end, the last by id.
    ended.sort(key=lambda record: record["id"], reverse=True)
    for record in sorted(ended, key=lambda record: (-record["score"], record["ended_at"])):
        best[record["mode"]].setdefault(record["username"], [record["username"], record["score"], record["id"]])
    return {mode: list(found.values()) for mode, found in best.items()}


def check_boards(api, records):
    for mode, wanted in boards(records).items():
        entries = api(f"GET /api/leaderboard?mode={mode}&limit=100")
        seen = [[entry["username"], entry["score"], entry["game"]] for entry in entries]
        assert sorted(seen) == sorted(wanted)  # games that ended in the same millisecond are in either order
        assert [score for _, score, _ in seen] == [score for _, score, _ in wanted]
        for score, group in groupby(entries, key=lambda entry: entry["score"]):
            assert {entry["rank"] for entry in group} == {1 + sum(other > score for _, other, _ in wanted)}


# The forgers.


class Table:
    """Players at one server, and what is known of their games: {id: record}."""

    def __init__(self, api, random):
        self.api, self.random = api, random
        self.players = [api.sign_up(name) for name in ("Ada", "Bob", "Cleo", "Dan")] + [api.guest(), api.guest()]
        self.dead = api.guest()
        self.dead("POST /api/auth/logout", status=204)
        self.known, self.open, self.last = {}, {}, {}
        self.statuses = Counter()

    def record(self, game_id):
        return self.api(f"GET /api/games/{game_id}")

    def begin(self, player):
        """A new game of the player's, with a plan for it; the one before ends as it stands."""
        mode = self.random.choice(rules.MODES)
        game = player.open(mode)
        record = self.record(game["id"])
        assert (record["username"], record["seed"], record["mode"]) == (player.user["username"], game["seed"], mode)
        if before := self.open.get(player.token):
            self.left(before)
        self.known[game["id"]], self.open[player.token] = record, game["id"]
        turns, tick = plan(game["seed"], mode, self.random.choice((0, 1, 1, 2, 3)))
        return game["id"], turns, tick

    def left(self, game_id):
        before, now = self.known[game_id], self.record(game_id)
        left = {"status": "over", "outcome": rules.LEFT, "ended_at": now["ended_at"]}
        assert now == before | left if before["status"] == "playing" else now == before
        check(now)
        self.known[game_id] = now

    def post(self, player, game_id, body):
        """Post a body: accepted if it is fair and the player's own, otherwise it changes nothing."""
        before = self.known[game_id]
        answer = player.ask(f"POST /api/games/{game_id}/turns", body)
        now = self.record(game_id)
        is_own = player is not self.dead and before["username"] == player.user["username"]
        assert (answer.status == 200) == (is_own and is_fair(body, before)), (answer, body)
        if answer.status == 200:
            wanted = after(body, before)
            assert tuple(answer.json[name] for name in ("status", "tick", "score", "outcome")) == wanted[:4]
            assert tuple(now[name] for name in ("status", "tick", "score", "outcome", "turns")) == wanted
        else:
            assert now == before
            assert answer.status in ((401, 403) if not is_own else (409, 422))
        check(now)
        self.known[game_id] = now
        self.statuses[answer.status] += 1
        return answer

    def others(self, player):
        return [other for other in [*self.players, self.dead] if other is not player]


def whole(turns, tick, since=0):
    return {"since": since, "tick": tick, "turns": turns}


def moved(random, turns, tick):
    return whole([[at + random.choice((-3, -1, 0, 0, 1, 2)), heading] for at, heading in turns], tick)


def dropped(random, turns, tick):
    return whole([turn for turn in turns if random.random() < 0.7], tick)


def added(random, turns, tick):
    more = [[random.randint(-1, tick + 1), random.choice(rules.HEADINGS)] for _ in range(random.randint(1, 3))]
    return whole(sorted(turns + more), tick)


def turned_otherwise(random, turns, tick):
    return whole([[at, random.choice(rules.HEADINGS) if random.random() < 0.3 else heading] for at, heading in turns], tick)


def too_far(random, turns, tick):
    return whole(turns, random.choice((tick + 1, tick + 1000, 10**6, PAST - 1, PAST, 2**31, 2**63, 10**30, -1, tick + 0.5)))


def out_of_order(random, turns, tick):
    shuffled = turns + turns[-1:] if random.random() < 0.5 else random.sample(turns, len(turns))
    return whole(shuffled, tick)


def of_no_heading(random, turns, tick):
    wrong = random.choice(("X", "", "u", "UP", None, 0, ["U"], True))
    at = random.randrange(len(turns) + 1)
    return whole([*turns[:at], [turns[at][0] if at < len(turns) else tick, wrong], *turns[at + 1 :]], tick)


def with_more(random, turns, tick):
    wrong = {"score": 10_000, "seed": 1, "rules": 0, "mode": "pass-through", "outcome": "won", "ranked": True, "user": "1"}
    name = random.choice(list(wrong))
    return whole(turns, tick) | {name: wrong[name]}


def since_elsewhere(random, turns, tick):
    return whole(turns, tick, random.choice((1, 2, tick, tick + 1, -1, 2**40)))


FALSIFIED = (
    *(moved, dropped, added, turned_otherwise, too_far, out_of_order, of_no_heading, with_more),
    since_elsewhere,
)


def in_one_post(table, player, game_id, turns, tick):
    """One of the falsified posts, and then, often, the honest one behind it."""
    table.post(player, game_id, table.random.choice(FALSIFIED)(table.random, turns, tick))
    if table.random.random() < 0.5:
        table.post(player, game_id, whole(turns, tick))


def in_parts(table, player, game_id, turns, tick):
    """Split anywhere; parts missing, twice, or in the wrong order."""
    cuts = sorted(table.random.choices(range(tick + 1), k=2))
    edges = [0, *cuts, tick]
    parts = [whole([turn for turn in turns if since < turn[0] <= until], until, since) for since, until in pairwise(edges)]
    for part in table.random.choices(parts, k=2) + parts * (table.random.random() < 0.7):
        table.post(player, game_id, part)


def again(table, player, game_id, turns, tick):
    """Posted once more when it is over, or with another end."""
    table.post(player, game_id, whole(turns, tick))
    table.post(player, game_id, whole(turns[:-1], tick))
    table.post(player, game_id, whole([], tick + 10, tick))


def of_another_game(table, player, game_id, turns, tick):
    """The turns of another game, of this player or another."""
    other = table.last.get(table.random.choice(table.players).token, (turns, tick))
    table.last[player.token] = turns, tick
    table.post(player, game_id, whole(*other))


def by_others(table, player, game_id, turns, tick):
    for other in table.random.sample(table.others(player), 2):
        table.post(other, game_id, whole(turns, tick))
    other = table.random.choice(table.others(player))
    assert other.ask(f"DELETE /api/games/{game_id}").status == (401 if other is table.dead else 403)
    table.post(player, game_id, whole(turns, tick))


def to_another_s(table, player, game_id, turns, tick):
    """One's own turns to a game of another's."""
    for other in table.random.sample([id for token, id in table.open.items() if token != player.token] or [game_id], 1):
        table.post(player, other, whole(turns, tick))


def stated(table, player, game_id, turns, tick):
    body = {"score": 10 * table.random.randrange(400), "mode": table.random.choice(rules.MODES)}
    assert player.ask("POST /api/leaderboard", body).status == 403
    table.post(player, game_id, body)


def begun_falsely(table, player, game_id, turns, tick):
    """A chosen seed, rules or mode, or a challenge in the mode of another game."""
    other = {"walls": "pass-through", "pass-through": "walls"}[table.known[game_id]["mode"]]
    wrong = (
        {"seed": 1},
        {"rules": 0},
        {"score": 50},
        {"id": game_id},
        {"mode": "none"},
        {"mode": other, "challenge": game_id},
    )
    body = {"mode": "walls"} | table.random.choice(wrong)
    assert player.ask("POST /api/games", body).status == 422
    table.post(player, game_id, whole(turns, tick))


def left_and_played_on(table, player, game_id, turns, tick):
    player(f"DELETE /api/games/{game_id}", status=204)
    table.left(game_id)
    table.post(player, game_id, whole(turns, tick))


FORGERS = (
    *(in_one_post, in_one_post, in_one_post, in_parts, again, of_another_game),
    *(by_others, to_another_s, stated, begun_falsely, left_and_played_on),
)


@pytest.mark.parametrize("games", [IN_TURN // 10, pytest.param(IN_TURN, marks=pytest.mark.long)])
@pytest.mark.parametrize("seed", [20261125])
def test_a_forged_game_has_the_score_that_its_turns_give_or_is_refused(app, seed, games):
    table = Table(drive(app), random.Random(seed))
    for _ in range(games):
        player = table.random.choice(table.players)
        table.random.choice(FORGERS)(table, player, *table.begin(player))
    assert len(table.known) == games
    assert min(table.statuses[status] for status in (200, 401, 403, 409, 422)) > games / 90  # each was tried in earnest
    for game_id, record in table.known.items():
        assert table.record(game_id) == record
    check_boards(table.api, table.known.values())


# At once, to a server process.


def at_once(player, other, game_id, bodies):
    """Post all of these to a player's game at once, with another who posts the first; the answers to the player."""
    with ThreadPoolExecutor(len(bodies) + 1) as threads:
        call = f"POST /api/games/{game_id}/turns"
        foreign = threads.submit(other.ask, call, bodies[0])
        own = [threads.submit(player.ask, call, body) for body in bodies]
    assert foreign.result().status == 403
    return [answer.result() for answer in own]


def forge_at_once(player, other, random):
    """One game that gets several posts at once; its id."""
    mode = random.choice(rules.MODES)
    game = player.open(mode)
    turns, tick = plan(game["seed"], mode, random.choice((0, 1, 2)))
    half = tick // 2
    bodies = [
        whole(turns, tick),
        whole([turn for turn in turns if turn[0] <= half], half),
        whole([turn for turn in turns if turn[0] > half], tick, half),
        random.choice((dropped, turned_otherwise, added, moved))(random, turns, tick),
    ]
    answers = at_once(player, other, game["id"], bodies[:1] + random.choices(bodies, k=2))
    record = player(f"GET /api/games/{game['id']}")
    check(record)
    assert (record["username"], record["seed"]) == (player.user["username"], game["seed"])
    assert {answer.status for answer in answers} <= {200, 409, 422}
    for answer in answers:
        if answer.status == 200:  # what it says was so, at its tick
            then = rules.Game(record["seed"], mode)
            then.advance(record["turns"], answer.json["tick"])
            assert (answer.json["score"], answer.json["outcome"]) == (then.score, then.outcome)
    return game["id"]


def test_games_forged_by_posts_at_once_have_the_score_that_their_turns_give(server):
    players = [server.api.sign_up(name) for name in ("Ada", "Bob")]

    def forge(number):
        chance = random.Random(number)
        return [forge_at_once(players[number], players[1 - number], chance) for _ in range(AT_ONCE // 2)]

    with ThreadPoolExecutor(2) as threads:  # each player has one game at a time
        ids = {game_id for found in threads.map(forge, range(2)) for game_id in found}
    assert len(ids) == AT_ONCE
    records = [server.api(f"GET /api/games/{game_id}") for game_id in ids]
    for record in records:
        check(record)
    check_boards(server.api, records)


def test_they_are_ten_thousand():
    assert IN_TURN + 2 * AT_ONCE == 10_000
