"""Challenges: a seed that is played again.

A challenge is named by the game whose seed it is, or `daily/2026-11-22` for that day's seed, of which each mode has its own.
The seed of a challenge can have been seen before, so its games stand on its own board and on no other. Of the daily one
only a player's first game on that seed counts, and only on that day (UTC).
"""

import hashlib
import hmac
from collections import namedtuple
from datetime import UTC, date, datetime, timedelta

import games
import rules
from clock import today
from models import sql
from problems import CHALLENGE_CLOSED, MISSING, MODE_MISMATCH, UNKNOWN_CHALLENGE, invalid, not_found

DAILY = "daily"


class Challenge(namedtuple("Challenge", "name mode seed rules")):
    """What a game can be opened on."""

    def counts(self, user_id):
        """Whether a game that the user opens now can stand on the challenge's board."""
        day = day_of(self.name)
        if day is None:
            return True
        began = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000
        return day == today() and not self._was_played_by(user_id, began)

    def _was_played_by(self, user_id, since):
        """Whether the user knows the seed from a game of theirs, in whichever challenge, that began after `since`."""
        return sql(
            "SELECT 1 FROM games WHERE user_id = ? AND started_at >= ? AND seed = ? AND mode = ? LIMIT 1",
            *(user_id, int(since), self.seed, self.mode),
        ).fetchone()


def daily(day):
    """The name of a datetime.date's daily challenge."""
    return f"{DAILY}/{day}"


def day_of(name):
    """The datetime.date of the daily challenge of that name, `daily` being today's; None for another. 422 for no date."""
    kind, _, spelled = name.partition("/")
    if kind != DAILY:
        return None
    if not spelled and name == DAILY:
        return today()
    try:
        return date.fromisoformat(spelled)
    except ValueError:
        raise invalid(("challenge", UNKNOWN_CHALLENGE, f"give {DAILY}, {DAILY}/YYYY-MM-DD, or the id of a game")) from None


def find(name, mode, secret):
    """The Challenge of a name, to be played now; a game brings its own mode. 404 for no such game, 422 for what can't be.

    `secret` is the server's own: from it, the days' seeds follow.
    """
    day = day_of(name)
    if day is None:
        return _of_game(games.find(name), mode)
    if mode is None:
        why = f"give one of {', '.join(rules.MODES)}: each has a daily challenge of its own"
        raise invalid(("mode", MISSING, why, {"choices": rules.MODES}))
    if not today() - timedelta(days=1) <= day <= today():
        raise invalid(("challenge", CHALLENGE_CLOSED, f"give {daily(today())}, or the day before, which no longer counts"))
    return Challenge(daily(day), mode, daily_seed(secret, day, mode), rules.RULES)


def _of_game(game, mode):
    if mode not in (None, game.mode):
        why = f"is {game.mode} in that game, and so in its challenge; give that, or leave it out"
        raise invalid(("mode", MODE_MISMATCH, why, {"mode": game.mode}))
    return Challenge(name_of(game), game.mode, game.seed, game.rules)


def name_of(game):
    """The name under which a game's seed is a challenge: the game that began it. A daily game begins one of its own."""
    return game.id if game.challenge is None or day_of(game.challenge) else game.challenge


def daily_seed(secret, day, mode):
    """The seed of a datetime.date and a mode, 1 to 4294967295: nobody knows it before its day but who knows the secret."""
    digest = hmac.new(secret.encode(), f"daily challenge {day} {mode}".encode(), hashlib.sha256).digest()
    return 1 + int.from_bytes(digest) % 0xFFFFFFFF


def standing_names(name, mode, day=None):
    """(challenge, modes) of the boards that a name asks for: the daily ones of `day` where the name gives none.

    404 for a game that there isn't.
    """
    asked = day_of(name)
    if asked is None:
        game = games.find(name)
        if mode not in (None, game.mode):
            raise not_found(f"{mode} board of this challenge: its game is {game.mode}")
        return name_of(game), [game.mode]
    return daily(day if day and name == DAILY else asked), [mode] if mode else list(rules.MODES)
