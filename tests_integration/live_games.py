"""Games that a test plays on while pages show them, and the events of games."""

import json
import threading
from contextlib import contextmanager

from driver import plan, plan_end

import rules
from examples import bot
from web.events import MEDIA


class LiveGame:
    """A game of a player that goes on when a test says so: as a bot plays, or along a plan."""

    def __init__(self, api, mode=rules.WALLS, meals=0, planned_meals=None):
        """The first `meals` are in one post. With `planned_meals`, the snake eats that many and then runs into a wall."""
        self.api, self.name = api, api.user["username"]
        self.opened = api.open(mode)
        self.id = self.opened["id"]
        self.game = rules.Game(self.opened["seed"], mode)
        self.turns = []
        self.planned, self.end = (None, None) if planned_meals is None else plan(self.opened["seed"], mode, planned_meals)
        if meals:
            self._play_while(lambda: self.game.score < meals * rules.POINTS)

    @property
    def tick(self):
        return self.game.ticks

    @property
    def record(self):
        """The game {seed, mode, turns} so far."""
        return {**self.opened, "turns": self.turns}

    def play(self, ticks):
        """Play so many ticks and post them. Return the response."""
        since, end = self.tick, self.tick + ticks
        if self.planned is None:
            return self._play_while(lambda: self.tick < end)
        turns = [turn for turn in self.planned if since < turn[0] <= end]
        self.game.advance(turns, end)
        return self._post(since, turns)

    def _play_while(self, condition):
        since, turns = self.tick, []
        while condition() and not self.game.outcome:
            heading = bot.choose(self.game)
            if heading != self.game.heading:
                turns.append([self.tick + 1, heading])
            self.game.advance(turns[-1:], self.tick + 1)
        return self._post(since, turns)

    def crash(self):
        """Run into a wall without another meal."""
        since = self.tick
        turns, end = plan_end(self.game)
        self.game.advance(turns, end)
        return self._post(since, turns)

    def _post(self, since, turns):
        self.turns += turns
        return self.api.post(self.opened, since, self.tick, turns)


@contextmanager
def going_on(*games, ticks=7):
    """Play games in the background, a second at a time, at about their true pace. 0 `ticks` are a sign of life."""
    stopped = threading.Event()

    def play():
        while not stopped.wait(1):
            for game in games:
                game.play(ticks)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


class Stream:
    """An open response with events."""

    def __init__(self, connection, known, limit=0, room=None, **headers):
        self.connection = connection
        path = f"/api/games/live?limit={limit}&known={known}" + (f"&room={room}" if room else "")
        connection.request("GET", path, headers={"Accept": MEDIA, **headers})
        self.response = connection.getresponse()
        assert self.response.status == 200

    @property
    def media(self):
        return self.response.getheader("Content-Type")

    def __iter__(self):
        """Yield (id, data) of each event."""
        fields = {}
        for line in map(bytes.decode, self.response):
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            else:
                yield fields["id"], json.loads(fields["data"])
