"""Accounts and games as state machines of Hypothesis: calls in any order, compared with a model at each step."""

from types import SimpleNamespace

import pytest
from driver import PASSWORD, Api, drive, with_effect
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import models
import rules
import service
from accounts import accounts
from database.binding import bind
from examples import bot
from game import codec, leaving
from game.score_histogram import VERSION
from models import Attempt, Ban, Game, ScoreHistogram, User

LIVES = settings(stateful_step_count=40, deadline=None, print_blob=True)
LIVES = settings(LIVES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@pytest.fixture(params=[8, pytest.param(100, marks=pytest.mark.long)])
def live(database_url, request):
    """Lets a machine run so many times, each time with nobody there."""
    app = service.create_app(database_url=database_url, enforce_pace=False, rate_limits=False, bcrypt_rounds=4)

    def run(machine):
        lives = settings(LIVES, max_examples=request.param)
        run_state_machine_as_test(type(machine.__name__, (machine,), {"app": app}), settings=lives)

    yield run
    app.close()


class Machine(RuleBasedStateMachine):
    """One app, from which everybody has gone."""

    app = None  # given by `live`

    def __init__(self):
        super().__init__()
        with self.app.database.own_connection() as db, bind(db):
            for user in list(User.select().where(User.deleted_at.is_null())):
                accounts.delete(user.id)
            for kept in (Ban, Attempt):  # which the accounts leave behind
                kept.delete().execute()
            assert ScoreHistogram.select().where(ScoreHistogram.level != VERSION, ScoreHistogram.count != 0).count() == 0
        self.api = drive(self.app)

    def with_token(self, token):
        return Api(self.api.send, token)


# Accounts.

# Names with what those share that are the same, and those that look the same.
NAMES = {
    "Ada": ("ada", "ada"),
    "ADA": ("ada", "ada"),
    "\N{CYRILLIC CAPITAL LETTER A}da": ("\N{CYRILLIC SMALL LETTER A}da", "ada"),
    "Bob": ("bob", "bob"),
    "B0b": ("b0b", "bob"),
    "Paul": ("paul", "paul"),
    "pau1": ("pau1", "paul"),
}
EMAILS = [None, "ada@example.org", "ADA@Example.org", "bob@example.org"]
PASSWORDS = ["correct horse", "battery staple"]
names, emails, passwords = st.sampled_from(list(NAMES)), st.sampled_from(EMAILS), st.sampled_from(PASSWORDS)
numbers = st.integers(0, 1000)  # which of those there are


class Accounts(Machine):
    """`people` are the accounts and guests; `whose` says whose each token is, None for one that is dead."""

    def __init__(self):
        super().__init__()
        self.people, self.whose = [], {}

    def token(self, number):
        return list(self.whose)[number % len(self.whose)]

    def is_taken(self, name, email, but=None):
        others = [person for person in self.people if person is not but]
        if any(person.email and email and person.email.lower() == email.lower() for person in others):
            return True
        wanted = NAMES.get(name)
        known = [NAMES[person.name] for person in others if person.password]
        return wanted is not None and any(same == wanted[0] or like == wanted[1] for same, like in known)

    def begins(self, person, answer):
        user = answer.json["user"]
        assert person.id in (None, user["id"])
        person.id = user["id"]
        person.name = person.name or user["username"]
        self.whose[answer.json["token"]] = person

    @rule()
    def play_as_guest(self):
        answer = self.api.ask("POST /api/auth/guest")
        assert answer.status == 201
        self.people.append(SimpleNamespace(id=None, name=None, email=None, password=None))
        self.begins(self.people[-1], answer)

    @rule(name=names, email=emails, password=passwords, number=st.none() | numbers)
    def sign_up(self, name, email, password, number):
        token = self.token(number) if self.whose and number is not None else None
        guest = self.whose[token] if token else None
        body = {"username": name, "password": password, "email": email}
        answer = self.with_token(token).ask("POST /api/auth/signup", body)
        if token and not guest:
            assert answer.status == 401
        elif self.is_taken(name, email):
            assert answer.status == 409
        else:
            assert answer.status == 201
            if guest and not guest.password:
                self.whose[token] = None
            else:
                guest = SimpleNamespace(id=None)
                self.people.append(guest)
            guest.name, guest.email, guest.password = name, email, password
            self.begins(guest, answer)

    @rule(name=names | emails.filter(bool), change=st.sampled_from([str, str.upper, str.lower]), password=passwords)
    def log_in(self, name, change, password):
        field = "email" if "@" in name else "username"
        answer = self.api.ask("POST /api/auth/login", {field: change(name), "password": password})
        [*found] = [person for person in self.people if self.is_called(person, change(name)) and person.password == password]
        assert answer.status == (200 if found else 401)
        if found:
            self.begins(found[0], answer)

    def is_called(self, person, words):
        if "@" in words:
            return person.email is not None and person.email.lower() == words.lower()
        return person.name.lower() == words.lower()

    @precondition(lambda self: any(person.password for person in self.people))
    @rule(number=numbers)
    def log_in_elsewhere(self, number):
        people = [person for person in self.people if person.password]
        person = people[number % len(people)]
        self.begins(person, self.api.ask("POST /api/auth/login", {"username": person.name, "password": person.password}))

    @precondition(lambda self: self.whose)
    @rule(number=numbers)
    def log_out(self, number):
        token = self.token(number)
        assert self.with_token(token).ask("POST /api/auth/logout").status == (204 if self.whose[token] else 401)
        self.whose[token] = None

    @precondition(lambda self: self.whose)
    @rule(number=numbers, other=numbers)
    def end_a_session(self, number, other):
        """One's own, or that of somebody else, which there isn't."""
        token, other = self.token(number), self.token(other)
        if not self.whose[other]:
            return
        [here] = [found["id"] for found in self.with_token(other)("GET /api/auth/sessions") if found["current"]]
        answer = self.with_token(token).ask(f"DELETE /api/auth/sessions/{here}")
        person = self.whose[token]
        assert answer.status == (401 if not person else 204 if person is self.whose[other] else 404)
        if answer.status == 204:
            self.whose[other] = None

    @precondition(lambda self: self.whose)
    @rule(number=numbers)
    def end_all_sessions(self, number):
        person = self.whose[self.token(number)]
        answer = self.with_token(self.token(number)).ask("DELETE /api/auth/sessions")
        assert answer.status == (204 if person else 401)
        self.end(person)

    def end(self, person, but=None):
        for token, owner in self.whose.items():
            if person and owner is person and token != but:
                self.whose[token] = None

    @precondition(lambda self: self.whose)
    @rule(
        number=numbers,
        wishes=st.fixed_dictionaries({}, optional={"username": names, "email": emails, "password": passwords}),
        guess=st.none() | passwords,
    )
    def change(self, number, wishes, guess):
        """With the password that it takes, or with a guess."""
        token = self.token(number)
        person = self.whose[token]
        password = guess or (person and person.password) or PASSWORDS[0]
        answer = self.with_token(token).ask("PATCH /api/auth/me", {"current_password": password} | wishes)
        if not person:
            assert answer.status == 401
        elif person.password != password:  # a guest has none
            assert answer.status == 403
        elif self.is_taken(wishes.get("username", person.name), wishes.get("email"), person):
            assert answer.status == 409
        else:
            assert answer.status == 200
            person.name = wishes.get("username", person.name)
            person.email = wishes.get("email", person.email)
            if "password" in wishes:
                person.password = wishes["password"]
                self.end(person, but=token)

    @precondition(lambda self: self.whose)
    @rule(number=numbers, password=passwords)
    def delete(self, number, password):
        person = self.whose[self.token(number)]
        answer = self.with_token(self.token(number)).ask("DELETE /api/auth/me", {"password": password})
        may = person and person.password in (None, password)
        assert answer.status == (204 if may else 403 if person else 401)
        if may:
            self.people.remove(person)
            self.end(person)

    @invariant()
    def each_token_is_whose_it_is(self):
        for token, person in self.whose.items():
            answer = self.with_token(token).ask("GET /api/auth/me")
            assert answer.status == (200 if person else 401)
            if person:
                wanted = {"id": person.id, "username": person.name, "email": person.email}
                assert answer.json == (wanted if person.password else wanted | {"guest": True})

    @invariant()
    def sessions_are_listed(self):
        for person in self.people:
            if tokens := [token for token, owner in self.whose.items() if owner is person]:
                listed = self.with_token(tokens[-1])("GET /api/auth/sessions")  # end_a_session asks with the others, too
                assert len({found["id"] for found in listed}) == len(listed) == len(tokens)
                assert [found["current"] for found in listed].count(True) == 1


def test_accounts_are_what_their_owners_made_of_them_in_whatever_order(live):
    live(Accounts)


# Games.


class Life(Machine):
    """`players` with their `open` game's id, or None; `records` are what the server must say of each game, by its id."""

    def __init__(self):
        super().__init__()
        self.players, self.records, self.renamed = [], {}, 0

    def player(self, number):
        return self.players[number % len(self.players)]

    def one_who_plays(self, number):
        playing = [player for player in self.players if player.open]
        return playing[number % len(playing)]

    @rule(is_guest=st.booleans(), is_bot=st.booleans())
    def arrive(self, is_guest, is_bot):
        if len(self.players) < 5:
            self.renamed += 1
            api = self.api.guest() if is_guest else self.api.sign_up(f"Player{self.renamed}", bot=is_bot)
            self.players.append(
                SimpleNamespace(
                    api=api, id=int(api.user["id"]), name=api.user["username"], open=None, is_guest=is_guest,
                    is_bot=is_bot and not is_guest, is_banned=False, is_quiet=False, last=None,
                )
            )  # fmt: skip

    @precondition(lambda self: self.players)
    @rule(number=numbers, mode=st.sampled_from(rules.MODES), seed=st.integers(1, 0xFFFFFFFF))
    def begin(self, number, mode, seed):
        """The seed that the server has drawn is put by for one that is the same in each run."""
        player = self.player(number)
        game = player.api.open(mode)
        with self.app.database.own_connection() as db, bind(db):
            state = codec.encode_state(rules.Game(seed, mode))
            Game.update(seed=seed, state=state).where(Game.id == game["id"]).execute()
        self.over(player, rules.LEFT)
        player.open, player.is_quiet = game["id"], False
        self.records[game["id"]] = SimpleNamespace(
            **{"owner": player, "game": rules.Game(seed, mode), "seed": seed, "turns": []},
            **{"outcome": None, "ended_at": None},
        )

    def over(self, player, outcome):
        """The player's open game has ended; when, the server says."""
        if player.open:
            record = self.records[player.open]
            record.outcome = outcome
            record.ended_at = self.api(f"GET /api/games/{player.open}")["ended_at"]
            player.open = player.last = None

    def post(self, player, tick, turns):
        """Post what is fair; the model plays it, too."""
        record = self.records[player.open]
        game, turns = record.game, sorted([at, heading] for at, heading in turns)
        player.last = {"since": game.ticks, "tick": tick, "turns": turns}
        answer = player.api.post({"id": player.open}, **player.last)
        game.advance(turns, tick)
        record.turns += [turn for turn in turns if turn[0] <= game.ticks]
        player.is_quiet = False
        assert (answer["tick"], answer["score"], answer["outcome"]) == (game.ticks, game.score, game.outcome)
        assert answer["status"] == ("over" if game.outcome else "playing")
        if game.outcome:
            self.over(player, game.outcome)
            assert answer["rank"] == self.standing(player, game.mode)["rank"]

    @precondition(lambda self: any(player.open for player in self.players))
    @rule(
        number=numbers, ticks=st.integers(0, 25), turns=st.dictionaries(st.integers(1, 25), st.sampled_from(rules.HEADINGS))
    )
    def play_on(self, number, ticks, turns):
        """No ticks are a sign of life."""
        player = self.one_who_plays(number)
        since = self.records[player.open].game.ticks
        self.post(player, since + ticks, [(since + at, heading) for at, heading in turns.items() if at <= ticks])

    @precondition(lambda self: any(player.open for player in self.players))
    @rule(number=numbers)
    def eat(self, number):
        player = self.one_who_plays(number)
        record = self.records[player.open]
        ahead, turns = rules.Game.load(record.game.mode, record.game.save()), []
        while ahead.score == record.game.score and not ahead.outcome:
            heading = bot.choose(ahead)
            if heading != ahead.heading:
                turns.append((ahead.ticks + 1, heading))
            ahead.advance(turns[-1:], ahead.ticks + 1)
        self.post(player, ahead.ticks, turns)

    @precondition(lambda self: any(player.open and player.last for player in self.players))
    @rule(number=numbers, other=numbers)
    def post_what_can_not_be(self, number, other):
        """Once more, from elsewhere, out of order, or to a game of somebody else's."""
        player = self.one_who_plays(number)
        last, game = player.last, {"id": player.open}
        now = self.records[player.open].game.ticks
        if last and last["tick"] > last["since"]:
            assert player.api.post(game, **last, status=409)["tick"] == now
        player.api.post(game, now + 1, now + 2, status=409)
        player.api.post(game, now, now + 2, [[now + 2, "L"], [now + 1, "U"]], status=422)
        player.api.post(game, now, now + 1, [[now + 2, "L"]], status=422)
        if self.player(other) is not player:
            self.player(other).api.post(game, now, now + 1, status=403)

    @precondition(lambda self: any(player.open for player in self.players))
    @rule(number=numbers)
    def leave(self, number):
        player = self.one_who_plays(number)
        player.api(f"DELETE /api/games/{player.open}", status=204)
        self.over(player, rules.LEFT)

    @precondition(lambda self: any(player.open for player in self.players))
    @rule(number=numbers, seconds=st.sampled_from([11, 601]))
    def fall_silent(self, number, seconds):
        """As if the last post had been so long ago."""
        player = self.one_who_plays(number)
        with self.app.database.own_connection() as db, bind(db):
            Game.update(last_post_at=models.now() - seconds * 1000).where(Game.id == player.open).execute()
        player.is_quiet = True
        self.app.background.run_all()
        if seconds * 1000 > leaving.ABANDON_AFTER_MS:
            self.over(player, rules.LEFT)

    @precondition(lambda self: self.players)
    @rule(number=numbers)
    def ban_or_unban(self, number):
        player = self.player(number)
        with bind(self.app.database):
            if player.is_banned:
                accounts.unban(player.name)
            else:
                accounts.ban(player.id)
        player.is_banned = not player.is_banned

    @precondition(lambda self: any(not player.is_guest for player in self.players))
    @rule(number=numbers)
    def rename(self, number):
        accounts = [player for player in self.players if not player.is_guest]
        player = accounts[number % len(accounts)]
        self.renamed += 1
        player.name = f"Player{self.renamed}"
        player.api("PATCH /api/auth/me", {"username": player.name, "current_password": PASSWORD})

    @precondition(lambda self: any(player.is_guest for player in self.players))
    @rule(number=numbers)
    def sign_up(self, number):
        guests = [player for player in self.players if player.is_guest]
        player = guests[number % len(guests)]
        self.renamed += 1
        player.name, player.is_guest = f"Player{self.renamed}", False
        player.api = player.api.sign_up(player.name)

    @precondition(lambda self: self.players)
    @rule(number=numbers)
    def go_for_good(self, number):
        player = self.player(number)
        player.api("DELETE /api/auth/me", {} if player.is_guest else {"password": PASSWORD}, 204)
        self.players.remove(player)
        for game_id in [game_id for game_id, record in self.records.items() if record.owner is player]:
            self.api(f"GET /api/games/{game_id}", status=404)
            del self.records[game_id]

    def board(self, modes, of_bots, day=""):
        """[(rank, username, score, mode, game's id)], as a board has to be."""
        best = {}
        for game_id, record in self.records.items():
            player, mode, at = record.owner, record.game.mode, record.ended_at
            may_stand = not (player.is_guest or player.is_banned) and player.is_bot == of_bots
            if may_stand and record.outcome and mode in modes and at.startswith(day):
                best.setdefault((player.id, mode), []).append((record.game.score, at, game_id))
        rows = []
        for (user_id, mode), mine in best.items():
            mine.sort(key=lambda game: game[2], reverse=True)
            score, at, game_id = min(mine, key=lambda game: (-game[0], game[1]))
            rows.append((-score, at, user_id, mode, game_id))
        ranks = [1 + sum(other[0] < row[0] for other in rows) for row in sorted(rows)]
        name = {player.id: player.name for player in self.players}
        return [(rank, name[row[2]], -row[0], row[3], row[4]) for rank, row in zip(ranks, sorted(rows), strict=True)]

    def standing(self, player, mode):
        """The expected response about a player's rank in a mode."""
        board = self.board([mode], player.is_bot)
        places = [place for place, row in enumerate(board) if row[1] == player.name]
        if not places:
            return {"rank": None, "of": len(board), "score": None, "around": []}
        [place] = places
        around = board[max(0, place - 3) : place + 4]
        return {"rank": board[place][0], "of": len(board), "score": board[place][2], "around": around}

    @invariant()
    def boards_are_what_the_games_give(self):
        days = {record.ended_at[:10] for record in self.records.values() if record.ended_at}
        for modes in ([mode] for mode in rules.MODES):
            for players in ("people", "bots"):
                query = f"mode={modes[0]}&players={players}&limit=100"
                assert _rows(self.api(f"GET /api/leaderboard?{query}")) == self.board(modes, players == "bots")
        for day in days:
            both = self.api(f"GET /api/leaderboard?period=day&at={day}&limit=100")
            assert sorted(_rows(both)) == sorted(self.board(rules.MODES, False, day))

    @invariant()
    def each_player_is_told_their_place(self):
        for player in self.players:
            for mode in rules.MODES:
                told = player.api(f"GET /api/leaderboard/me?mode={mode}")
                told["around"] = _rows(told["around"])
                del told["percentile"]
                assert told == self.standing(player, mode)

    @invariant()
    def games_are_shown_while_they_are_played(self):
        active = {game["id"]: (game["username"], game["score"], game["tick"]) for game in self.api("GET /api/games/active")}
        playing = [player for player in self.players if player.open and not player.is_quiet and not player.is_banned]
        games = {player.open: self.records[player.open].game for player in playing}
        assert active == {
            player.open: (player.name, games[player.open].score, games[player.open].ticks) for player in playing
        }

    @invariant()
    def games_are_what_was_played(self):
        for game_id, record in self.records.items():
            told, game = self.api(f"GET /api/games/{game_id}"), record.game
            assert (told["username"], told["seed"], told["mode"]) == (record.owner.name, record.seed, game.mode)
            assert (told["tick"], told["score"], told["outcome"]) == (game.ticks, game.score, record.outcome)
            assert (told["turns"], told["ranked"]) == (with_effect(record.turns), True)


def _rows(entries):
    return [tuple(entry[name] for name in ("rank", "username", "score", "mode", "game")) for entry in entries]


def test_games_and_boards_are_what_was_played_in_whatever_order(live):
    live(Life)
