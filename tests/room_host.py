"""A room with rounds, which can be moved in time."""

from driver import plan

import models
from models import Game, Round

WHOLE = {"mode": "walls", "minutes": 1, "tries": "many", "starts_in": 3}


class Host:
    """A room with its host's Api, and its rounds."""

    def __init__(self, api):
        self.api = api
        self.room = api("POST /api/rooms", {}, 201)
        self.path = f"/api/rooms/{self.room['code']}"

    def join(self, api, status=200, **fields):
        answer = api(f"POST {self.path}/members", fields, status)
        return answer["member"] if status == 200 else answer

    def make(self, status=201, **fields):
        return self.api(f"POST {self.path}/rounds", WHOLE | fields, status)

    def start(self, seconds_ago=10, **fields):
        """Make a round that started so long ago."""
        made = self.make(**fields)
        self.move(made["starts_at"], -seconds_ago)
        return made["number"]

    def move(self, starts_at, seconds):
        """Move the latest round, and its games, so that it starts in so many seconds from now."""
        row = Round.select().order_by(Round.number.desc()).get()
        by = int(models.now() + seconds * 1000) - row.starts_at
        same = (Round.room == row.room_id) & (Round.number == row.number)
        Round.update(starts_at=row.starts_at + by, ends_at=row.ends_at + by).where(same).execute()
        times = {name: getattr(Game, name) + by for name in ("started_at", "last_post_at", "scored_at")}
        Game.update(times).where(Game.round == f"{row.room_id}/{row.number}").execute()

    def play(self, api, status=201, **fields):
        return api("POST /api/games", {"room": self.room["code"], **fields}, status)

    def standings(self, number=1, limit=200):
        return self.api(f"GET {self.path}/rounds/{number}?limit={limit}")["standings"]

    def show(self):
        return self.api(f"GET {self.path}")


def eat(api, game, meals, since=0, **answer):
    """Play a game to its end, with so many meals."""
    turns, tick = plan(game["seed"], game["mode"], meals)
    return api.post(game, since, tick, turns)


def ranking(entries):
    """What a test compares of the standings' entries."""
    return [(entry["rank"], entry["name"], entry["score"], entry["status"]) for entry in entries]
