"""Who looks at games: the client of a request, and of the events with which its response may go on."""

import functools

from bottle import request, response

from accounts.routes import optional_user
from game import challenges, rooms, rounds
from game.room_routes import find_room
from models import now
from web.problems import Problem


class Viewer:
    """The client, an input of routes. It is looked up at the first game that not everybody may see.

    A response with events gets a new Viewer every few seconds: see web/api.py.
    """

    def __init__(self):
        self._round = None

    @functools.cached_property
    def _user(self):
        """The user whose token the request has; one that is not valid counts as none."""
        try:
            return optional_user()
        except Problem:
            return None

    def may_see(self, game):
        """Return whether the client may see a game. No shared cache stores what depends on the token."""
        secret = request.app.secret
        in_round = rounds.is_hidden(game)
        if not in_round and not challenges.is_hidden(game, secret):
            return True
        response.headers.update(challenges.PRIVATE)
        return rounds.may_see(game, self._user) if in_round else challenges.may_see(game, self._user, secret)

    def watched_round(self, code):
        """Return the row of the latest round of the room with that code, as rounds.watched does, or None without a round.

        403 if the client may not see its games, 404 if there is no such room.
        """
        response.headers.update(challenges.PRIVATE)
        if self._round and now() < self._round.ends_at:  # the next one takes seconds to start
            return self._round
        row = find_room(code, functools.partial(rooms.find_watched, user=optional_user()))
        if row.number is None:
            return None
        if not rounds.may_see_round(row):
            raise rounds.hidden()
        self._round = row
        return row


def hidden(game):
    """Return the Problem that refuses to show a game."""
    return rounds.hidden() if game.round else challenges.hidden(game.mode)
