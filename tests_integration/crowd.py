"""Players who keep playing through faults of the server, note its responses, and check afterwards that nothing is lost."""

import http.client
import itertools
import json
import random
import threading
import time

from driver import Answer, plan
from peewee import fn
from servers import TIMEOUT

import rules
from database.binding import bind, database, is_sqlite
from database.connect import connect
from game import codec, leaderboard_pages, leaderboards
from models import Entry, Game, select_games

PAUSE = 0.02  # seconds before one tries again: less than people should, so that faults meet many
BROKEN = (OSError, http.client.HTTPException)


class Torn(OSError):
    """An answer has begun and doesn't end."""


class Player:
    """Plays games, one after the other, in a thread of its own."""

    def __init__(self, crowd, name):
        self.crowd = crowd
        self.user = crowd.server.api.sign_up(name)
        self.chance = random.Random(f"{crowd.seed} {name}")
        self.connection = None
        self.opened = []  # the ids of the games whose opening was answered
        self.over = {}  # by id, (mode, score) of the games that an answer has called over
        self.best = dict.fromkeys(rules.MODES, 0)

    def play_on(self):
        try:
            while not self.crowd.is_over:
                self._play()
                if self.chance.random() < 0.3:
                    self._look_around()
        except BaseException as error:
            self.crowd.failures.append(error)
            raise
        finally:
            self._hang_up()

    def _play(self):
        mode = self.chance.choice(rules.MODES)
        game = self._ask("POST /api/games", {"mode": mode}).expect(201)
        self.opened.append(game["id"])
        turns, end = plan(game["seed"], mode, self.chance.randrange(4))
        tick = 0
        while tick < end and not self.crowd.is_over:
            tick = self._post(game, turns, tick, min(end, tick + self.chance.randrange(1, end + 1)))
        if tick == end:
            played = rules.Game(game["seed"], mode)
            played.advance(turns, end)
            assert self.over[game["id"]] == (mode, played.score)

    def _post(self, game, turns, since, tick):
        """Post the turns in (since, tick]; the server's tick after it, which is one of the two."""
        body = {"since": since, "tick": tick, "turns": [turn for turn in turns if since < turn[0] <= tick]}
        answer = self._ask(f"POST /api/games/{game['id']}/turns", body)
        if answer.status == 409:  # what said that it was taken has been lost on its way
            assert answer.before, answer.json
            assert answer.json["tick"] == tick, answer.json
            self.crowd.done_unanswered.append(body)
        progress = answer.json["game"] if answer.status == 409 else answer.expect(200)
        assert progress["tick"] == tick
        if progress["status"] == "over":
            self.over[game["id"]] = game["mode"], progress["score"]
            self.best[game["mode"]] = max(self.best[game["mode"]], progress["score"])
        return tick

    def _look_around(self):
        mode = self.chance.choice(rules.MODES)
        mine = self._ask(f"GET /api/leaderboard/me?mode={mode}").expect(200)
        assert (mine["score"] or 0) >= self.best[mode]
        self._ask(f"GET /api/leaderboard?mode={mode}&period=day").expect(200)

    def _ask(self, call, body=None):
        """Ask until there is an answer other than 503."""
        until = time.monotonic() + TIMEOUT
        for before in itertools.count():
            began = time.monotonic()
            try:
                answer = self._send(call, body)
            except BROKEN as error:
                self._hang_up()
                self.crowd.broken.append(error)
            else:
                self.crowd.note(began, answer)
                if answer.status != 503:
                    return Told(call, answer, before)
            assert began < until, f"{call} is not answered"
            time.sleep(PAUSE)

    def _send(self, call, body):
        if self.connection is None:
            self.connection = self.crowd.server.http()
        method, path = call.split(" ", 1)
        headers = {"Authorization": f"Bearer {self.user.token}"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        try:
            raw = answer.read()
        except BROKEN as error:
            raise Torn(f"{call}: {answer.status}") from error
        return Answer(answer.status, answer.headers, json.loads(raw) if raw else None)

    def _hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Told:
    """An answer, and how often the same was asked `before`, and went unanswered or got a 503."""

    def __init__(self, call, answer, before):
        self.call, self.status, self.json, self.before = call, answer.status, answer.json, before

    def expect(self, status):
        assert self.status == status, f"{self.call}: {self.status}, not {status}: {self.json}"
        return self.json


class Crowd:
    """Players at once, for as long as the block lasts; its end fails if one of them has met what may not be."""

    def __init__(self, server, size=6):
        self.server = server
        self.seed = random.randrange(10**6)
        print(f"chance: {self.seed}")
        self.is_over = False
        self.answers = 0
        self.refused = []  # (when it was asked, the Answer) for each 503
        self.broken = []  # what went wrong with requests that no answer came to
        self.done_unanswered = []  # posts that the server had taken all the same
        self.failures = []
        self.players = [Player(self, f"Player{number}") for number in range(size)]
        self.threads = [threading.Thread(target=player.play_on, daemon=True) for player in self.players]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.is_over = True
        for thread in self.threads:
            thread.join(2 * TIMEOUT)
        if self.failures and not exception[0]:
            raise self.failures[0]

    def note(self, began, answer):
        assert answer.status < 500 or answer.status == 503, answer.json
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Content-Type"] == "application/problem+json"
            self.refused.append((began, answer))
        self.answers += 1

    def await_answers(self, number):
        """Wait until so many more have come."""
        wanted = self.answers + number
        self.wait(lambda: self.answers >= wanted)

    def wait(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition():
            if self.failures:
                raise self.failures[0]
            assert time.monotonic() < until
            time.sleep(0.005)

    def check(self, url):
        """Everything that was answered is in the database of the URL, and nothing in it is incomplete.

        Answers how many games there are whose opening was not answered.
        """
        db = connect(url)
        try:
            with bind(db):
                check_rows()
                return sum(self._check(player) for player in self.players)
        finally:
            db.close_all()

    def _check(self, player):
        user_id = int(player.user.user["id"])
        games = list(Game.select(Game.id, Game.mode, Game.score, Game.ended_at).where(Game.user == user_id))
        stored = {game.id: (game.mode, game.score) for game in games if game.ended_at is not None}
        assert {game_id: stored.get(game_id) for game_id in player.over} == player.over
        every = {game.id for game in games}
        assert every >= set(player.opened)
        for mode in rules.MODES:
            entry = leaderboard_pages.player_entry([leaderboards.main_board_key(mode)], user_id)
            assert (entry.score if entry else 0) >= player.best[mode]
        return len(every) - len(player.opened)


def check_rows():
    """Games are whole, and what their turns give; boards are what the games give; and the database finds itself in order."""
    for game in select_games().where(Game.seed.is_null(False)).namedtuples():
        played = rules.Game(game.seed, game.mode)
        played.advance(codec.decode_turns(game.turns), game.tick)
        assert (played.ticks, played.score) == (game.tick, game.score), game
        if game.ended_at is None:
            assert (game.outcome, played.outcome) == (None, None), game
            assert codec.decode_state(game.mode, game.state).save() == played.save(), game
        else:
            assert (game.outcome, game.state) == (played.outcome or rules.LEFT, None), game
    assert list(leaderboards.check()) == []
    assert not Entry.select().where(Entry.game_id.not_in(Game.select(Game.id))).exists()
    open_games = Game.select(Game.user).where(Game.ended_at.is_null())
    assert not open_games.group_by(Game.user).having(fn.COUNT(Game.id) > 1).exists()
    if is_sqlite():
        assert database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute_sql("PRAGMA foreign_key_check").fetchall() == []
