"""Rounds of many members, in one of which a server is killed: the standings are what the games give by the rules."""

import functools
import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from driver import plan
from servers import until

import rules

SETUPS = {  # how many servers, and workers of each
    "sqlite": (1, 1),
    "sqlite-two-workers": (1, 2),
    "postgres-two-workers": (1, 2),
    "postgres-two-servers": (2, 1),
}
SIZES = [  # (servers, members, rounds)
    *(pytest.param(setup, 12, 2, id=f"few-{setup}") for setup in ("sqlite-two-workers", "postgres-two-servers")),
    *(pytest.param(setup, 200, 10, id=f"many-{setup}", marks=pytest.mark.long) for setup in SETUPS),
]
AT_ONCE = 16  # requests

planned = functools.cache(plan)


@pytest.fixture
def servers(request, make_server, tmp_path):
    is_sqlite, (number, workers) = request.param.startswith("sqlite"), SETUPS[request.param]
    url = f"sqlite:///{tmp_path}/snake.db" if is_sqlite else request.getfixturevalue("postgres_url")
    settings = {"DATABASE_URL": url, "WORKERS": str(workers), "RATE_LIMITS": "false", "ENFORCE_PACE": "false"}
    return [make_server(**settings) for _ in range(number)]


class Player:
    """A member of the room. Each plays another plan, and every fifth game is left in the middle."""

    def __init__(self, server, number):
        self.api, self.number, self.name = server.api.guest(), number, f"Player {number}"
        self.games = []  # of this round

    def join(self, code):
        self.api(f"POST /api/rooms/{code}/members", {"name": self.name})

    def open(self, code):
        self.games.append(self.api("POST /api/games", {"room": code}, 201))

    def begin(self):
        self._post(1 / 2)

    def finish(self):
        if (self.number + len(self.games)) % 5:
            self._post(1)

    def _post(self, part):
        """Post a part of the plan of the latest game from where the server has it, until it has that."""
        game = self.games[-1]
        turns, end = planned(game["seed"], game["mode"], (self.number + 2 * len(self.games)) % 4)
        tick = max(1, int(end * part))

        def has_all():
            with suppress(OSError, http.client.HTTPException):  # the server was killed
                since = self.api(f"GET /api/games/{game['id']}")["tick"]
                if since < tick:
                    self.api.post(game, since, tick, [turn for turn in turns if since < turn[0] <= tick])
                return True

        until(has_all)


class Room:
    def __init__(self, servers, players):
        self.servers, self.players = servers, players
        host = players[0]
        self.code = host.api("POST /api/rooms", {"my_name": host.name}, 201)["code"]
        self.path = f"/api/rooms/{self.code}"
        self.each(lambda player: player.join(self.code))
        self.wanted = []  # {name: (rank, score, game, tries)} of each round

    def each(self, call, players=None):
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(call, players or self.players))

    def play_round(self, tries, killed=None):
        """Play a round to its end. `killed` is a server that dies when a third has posted, and starts again."""
        number, host = len(self.wanted) + 1, self.players[0].api
        for player in self.players:
            player.games = []
        wishes = {"mode": rules.MODES[number % 2], "minutes": 30, "tries": tries, "starts_in": 3}
        host(f"POST {self.path}/rounds", wishes, 201)
        assert host("POST /api/games", {"room": self.code}, 409)["code"] == "round_not_started"
        until(lambda: host(f"GET {self.path}")["round"]["status"] == "running")
        self.each(lambda player: player.open(self.code))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            posts = [threads.submit(player.begin) for player in self.players]
            if killed:
                until(lambda: sum(post.done() for post in posts) >= len(posts) / 3)
                killed.kill()
                killed.start()
        assert [post.result() for post in posts] == [None] * len(posts)
        self.each(Player.finish)
        if tries == "many":
            self.each(lambda player: (player.open(self.code), player.begin(), player.finish()), self.players[::3])
        host(f"DELETE {self.path}/rounds/{number}", status=204)
        self.wanted.append(self._by_the_rules())

    def _by_the_rules(self):
        """Return what the games of the round give."""
        seeds = {game["seed"] for player in self.players for game in player.games}
        assert len(seeds) == 1
        best = self.each(self._best_of)
        return {
            player.name: (1 + sum(other > score for other, _ in best), score, game, len(player.games))
            for player, (score, game) in zip(self.players, best, strict=True)
        }

    def _best_of(self, player):
        """Return (score, id) of the player's best game, of equal ones the first."""
        found = []
        for game in player.games:
            record = player.api(f"GET /api/games/{game['id']}")
            played = rules.Game(game["seed"], game["mode"])
            played.advance(record["turns"], record["tick"])
            assert (record["score"], record["tick"] > 0) == (played.score, True)
            found.append((played.score, game["id"]))
        return max(found, key=lambda scored: scored[0])

    def check(self):
        """The standings, and the wins and totals, are those of the games, whichever process responds."""
        wins = {player.name: sum(wanted[player.name][0] == 1 for wanted in self.wanted) for player in self.players}
        totals = {player.name: sum(wanted[player.name][1] for wanted in self.wanted) for player in self.players}
        for server in self.servers * 4:
            until(lambda server=server: sum(member["wins"] for member in self._members(server)) == sum(wins.values()))
            assert {member["name"]: member["wins"] for member in self._members(server)} == wins
            assert {member["name"]: member["total"] for member in self._members(server)} == totals
            for number, wanted in enumerate(self.wanted, 1):
                found = server.api(f"GET {self.path}/rounds/{number}")["standings"]
                shown = {entry["name"]: (entry["rank"], entry["score"], entry["game"], entry["tries"]) for entry in found}
                assert shown == wanted
                assert [entry["rank"] for entry in found] == sorted(entry["rank"] for entry in found)
                assert {(entry["status"], entry["ranked"]) for entry in found} == {("over", True)}

    def _members(self, server):
        return server.api(f"GET {self.path}")["members"]


@pytest.mark.parametrize(("servers", "members", "rounds"), SIZES, indirect=["servers"])
def test_standings_are_what_the_games_give_though_a_server_was_killed(servers, members, rounds):
    players = [Player(servers[number % len(servers)], number) for number in range(members)]
    room = Room(servers, players)
    for number in range(rounds):
        room.play_round(("many", "one")[number % 2], killed=servers[0] if number == rounds // 2 else None)
    room.check()
