"""Challenges: a seed that is played again.

A challenge is named by the game whose seed it is, or `daily/2026-11-22` for that day's seed, of which each mode has its own.
Players may have seen the seed of a challenge, so its games are on its own leaderboard only. Of a daily challenge only a
player's first attempt counts, only on that day (UTC), and only if the account existed before the attempt. Until the day
ends, its games are hidden from players who have not opened it.
"""

import hashlib
import hmac
from collections import namedtuple
from datetime import date, timedelta
from functools import lru_cache

import rules
from accounts.usernames import canonical, skeleton
from database.queries import Param, compiled
from database.transactions import commit
from game import records, rounds
from game.clock import today
from game.leaderboards import EPOCH, MILLISECONDS_A_DAY
from models import Attempt, Game
from schemas import timestamp
from web import problems
from web.problems import Problem, invalid, not_found

DAILY = "daily"
# The headers of a response that depends on the user.
PRIVATE = {"Vary": "Authorization, X-Snakepit-Token", "Cache-Control": "private, no-cache"}


class Challenge(namedtuple("Challenge", "name mode seed rules secret", defaults=(None,))):
    """A seed on which a game can be opened. A daily challenge has the server's `secret`."""

    def counts(self, user):
        """Return whether a game that the user opens now counts on the challenge's leaderboard.

        Must be called within the transaction that opens the game, after User.lock.
        """
        day = day_of(self.name)
        if day is None:
            return True
        if user.is_guest or day != today() or has_opened(user.id, self.name, self.mode):
            return False
        return _take_attempt(user, self.name, self.mode, self.secret)


# Attempts of a daily challenge.


def has_opened(user_id, name, mode):
    """Return whether the user has opened a game on the daily challenge of that name in that mode."""
    return first_game.first(user=user_id, challenge=name, mode=mode) is not None


@compiled
def first_game():
    """The first game that a user has opened on a challenge in a mode."""
    games = Game.select(Game.id, Game.score, Game.ranked, Game.ended_at).order_by(Game.started_at).limit(1)
    return games.where(Game.user == Param("user"), Game.challenge == Param("challenge"), Game.mode == Param("mode"))


def _take_attempt(user, name, mode, secret):
    """Record the attempt by the user's name and email. Return whether it is the first by either."""
    known = _known_as(user, secret)
    attempts = [{"challenge": name, "mode": mode, "who": who} for who in known]
    return Attempt.insert_many(attempts).on_conflict_ignore().as_rowcount().execute() == len(known)


def note_names(user, secret):
    """Record the user's attempts of today's challenge by the name and email that the user has now.

    Must be called in the transaction that changes them: the account can be deleted and created again with the new ones.
    """
    name = daily(today())
    for mode in rules.MODES:
        if has_opened(user.id, name, mode):
            _take_attempt(user, name, mode, secret)


def _known_as(user, secret):
    """Return keyed hashes of the user's name, as it looks, and email, in ascending order."""
    known = [f"name {skeleton(user.name)}"] + ([f"email {canonical(user.email)}"] if user.email else [])
    return sorted(hmac.new(secret.encode(), f"attempt by {who}".encode(), hashlib.sha256).hexdigest() for who in known)


def forget_attempts():
    """Delete the attempts of past days by name and email: a background task."""
    commit(Attempt.delete().where(Attempt.challenge != daily(today())).execute, durable=False)


# What is hidden.


def hidden_now(secret):
    """Return (name, seeds) of today's daily challenge: its games, and challenges of them, are hidden."""
    day = today()
    return daily(day), _seeds(secret, day)


def is_hidden(game, secret):
    """Return whether a game is on today's seed: until the day ends, only users who have opened it may see the game."""
    name, seeds = hidden_now(secret)
    return game.challenge is not None and (game.challenge == name or game.seed in seeds)


def may_see(game, user, secret):
    """Return whether a user, or None, may see a game now."""
    return not is_hidden(game, secret) or bool(user and has_opened(user.id, daily(today()), game.mode))


def hidden(mode):
    """Return the Problem that refuses to show a game of today's daily challenge."""
    return Problem(
        403,
        problems.DAILY_HIDDEN,
        "This is a game of today's daily challenge. Until 00:00 UTC it is shown to those who have played the challenge:"
        f' open it with POST /api/games and {{"mode": "{mode}", "challenge": "daily"}}, or in the client at'
        f" #/?challenge=daily&mode={mode}.",
        headers=PRIVATE | {"Cache-Control": "no-store"},
        params={"challenge": daily(today()), "mode": mode, "ends_at": timestamp(ends_at(today()))},
    )


# Names and seeds.


def daily(day):
    """Return the name of a datetime.date's daily challenge."""
    return f"{DAILY}/{day}"


def day_of(name):
    """Return the datetime.date of a daily challenge by its name, `daily` being today's; None for another challenge.

    422 for what is no date.
    """
    kind, _, spelled = name.partition("/")
    if kind != DAILY:
        return None
    if not spelled and name == DAILY:
        return today()
    try:
        return date.fromisoformat(spelled)
    except ValueError:
        why = f"give {DAILY}, {DAILY}/YYYY-MM-DD, or the id of a game"
        raise invalid(("challenge", problems.UNKNOWN_CHALLENGE, why)) from None


def find(name, mode, secret, user):
    """Return the Challenge of a name, to be played now; a game has its own mode. The days' seeds follow from `secret`.

    404 if there is no such game, 403 if the user may not see it, 422 for a day that is over or a wrong mode.
    """
    day = day_of(name)
    if day is None:
        game = records.get_game(name)
        if rounds.is_hidden(game):  # those who may see it could practise on its seed
            raise rounds.hidden()
        if not may_see(game, user, secret):
            raise hidden(game.mode)
        if mode not in (None, game.mode):
            why = f"is {game.mode} in that game, and so in its challenge; give that, or leave it out"
            raise invalid(("mode", problems.MODE_MISMATCH, why, {"mode": game.mode}))
        return Challenge(name_of(game), game.mode, game.seed, game.rules)
    if mode is None:
        why = f"give one of {', '.join(rules.MODES)}: each has a daily challenge of its own"
        raise invalid(("mode", problems.MISSING, why, {"choices": rules.MODES}))
    if not today() - timedelta(days=1) <= day <= today():
        why = f"give {daily(today())}, or the day before, which no longer counts"
        raise invalid(("challenge", problems.CHALLENGE_CLOSED, why))
    return Challenge(daily(day), mode, daily_seed(secret, day, mode), rules.RULES, secret)


def name_of(game):
    """Return the name of the challenge of a game's seed: the game that began it. A daily game begins its own."""
    return game.id if game.challenge is None or day_of(game.challenge) else game.challenge


def daily_seed(secret, day, mode):
    """Return the seed of a datetime.date and a mode, 1 to 4294967295. It can't be known ahead without the secret."""
    digest = hmac.new(secret.encode(), f"daily challenge {day} {mode}".encode(), hashlib.sha256).digest()
    return 1 + int.from_bytes(digest) % 0xFFFFFFFF


@lru_cache(maxsize=8)
def _seeds(secret, day):
    return tuple(daily_seed(secret, day, mode) for mode in rules.MODES)


def ends_at(day):
    """Return the end of a datetime.date in UTC, in milliseconds since the epoch."""
    return ((day - EPOCH).days + 1) * MILLISECONDS_A_DAY


def challenge_and_modes(name, mode, day=None):
    """Return (challenge, modes) of the boards of a challenge's name: for `daily` those of `day`, or of today.

    404 if there is no such game.
    """
    own_day = day_of(name)
    if own_day is None:
        game = records.get_game(name)
        if mode not in (None, game.mode):
            raise not_found(f"{mode} board of this challenge: its game is {game.mode}")
        return name_of(game), [game.mode]
    return daily(day if day and name == DAILY else own_day), [mode] if mode else list(rules.MODES)
