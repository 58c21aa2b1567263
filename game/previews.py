"""Link previews: the page behind a game's link `/games/ID`, which leads browsers to the client, and its image.

Chat programs read the title, description and image from the page (The Open Graph protocol, https://ogp.me): they see no part
of the client's own addresses.
"""

import threading
from html import escape
from urllib.parse import quote

import rules
from database import threadpool
from database.binding import release_connection
from game import codec, preview_image, records
from web.pages import document
from web.problems import UNAVAILABLE, Problem

OUTCOMES = {
    rules.WALL: "hit the wall",
    rules.SELF: "bit itself",
    rules.STARVED: "starved",
    rules.WON: "filled the pit",
    rules.LEFT: "left the pit",
}

_HEAD = """  <meta name="description" content="{description}">
  <meta property="og:site_name" content="Snakepit">
  <meta property="og:type" content="website">
  <meta property="og:title" content="{title}">
  <meta property="og:description" content="{description}">
{image}  <meta http-equiv="refresh" content="0; url={client}">
"""
_IMAGE = """  <meta property="og:image" content="{address}">
  <meta property="og:image:width" content="{width}">
  <meta property="og:image:height" content="{height}">
  <meta property="og:image:alt" content="{description}">
  <meta name="twitter:card" content="summary_large_image">
"""
_BODY = """  <p><a href="{client}">{title}</a></p>
"""
_HIDDEN = """  <h1>{title}</h1>
  <p>{description}</p>
  <p><a href="{client}">Open it in the client</a> <a href="../#/rooms">Join a room</a></p>
"""
_MISSING = """  <h1>{title}</h1>
  <p>{description}</p>
  <p><a href="../#/">Play a game</a> <a href="../#/boards">See the boards</a></p>
"""


def page(game, address, tick=None):
    """Return the page of a game. `address` is its absolute URL, without a query."""
    title, description = escape(_title(game)), escape(_description(game))
    image = _IMAGE.format(
        address=escape(f"{address}/card.png"),
        width=preview_image.WIDTH,
        height=preview_image.HEIGHT,
        description=description,
    )
    return _page(title, description, f"../#/games/{game.id}" + ("" if tick is None else f"?tick={tick}"), image)


def hidden_page(game):
    """Return the page of a game that is hidden now. It leads on, and reveals neither the player nor the score.

    A game of a round leads to the client's view of it, which says the same in its language, or shows the game to those who
    play in the round.
    """
    if game.round:
        return _page(
            "A round is being played",
            "This game belongs to a round that is still running. It can be watched when the round is over.",
            f"../#/games/{game.id}",
            body=_HIDDEN,
        )
    return _page(
        "Today's daily challenge",
        "This game is shown to those who have played today's challenge. Play it, on the same eggs.",
        f"../#/?challenge=daily&amp;mode={game.mode}&amp;game={game.id}",
    )


def missing_page(game_id):
    """Return the page for no such game. It leads to the client's view of the game, which says the same."""
    description = "It may be gone with its player's account, or the link may be cut short."
    return _page("There is no such game", description, f"../#/games/{quote(game_id, safe='')}", body=_MISSING)


def _page(title, description, client, image="", body=_BODY):
    """Return a page that leads to the address `client`; all arguments are HTML."""
    head = _HEAD.format(title=title, description=description, image=image, client=client)
    return document(title, "../", head, body.format(title=title, description=description, client=client))


def _title(game):
    return f"{game.score} by {game.username}" if game.outcome else f"{game.username} is playing"


def _description(game):
    mode = {rules.WALLS: "Walls", rules.PASS_THROUGH: "Pass-through"}[game.mode]
    if not game.outcome:
        return f"{mode}, {game.score} points so far. Watch it live."
    return f"{mode}: {OUTCOMES[game.outcome]} after {game.tick} steps. Watch every turn of it, or beat it on the same eggs."


class ImageCache:
    """The PNGs of games. They are drawn one at a time, in a thread, since that takes long."""

    MAX_SIZE = 200  # images, of about 5 KB
    MAX_WAITING = 20  # to be drawn, each with the turns of a game
    RETRY_AFTER = 5  # seconds

    def __init__(self):
        self.images = {}  # {(id, tick): PNG}
        self.waiting = threading.Semaphore(self.MAX_WAITING)
        self.drawing = threading.Lock()

    def get(self, game, draw=None):
        """Return the PNG of a game's state at its last tick, with its score.

        Unless it is cached, `draw(game)` draws it. Raise 503 while too many others wait for theirs.
        """
        key = game.id, game.tick
        if image := self.images.get(key):
            return image
        if not self.waiting.acquire(blocking=False):
            detail = f"Too many pictures are being drawn now; try again in {self.RETRY_AFTER} s."
            raise Problem(503, UNAVAILABLE, detail, retry_in=self.RETRY_AFTER)
        try:
            release_connection()
            with self.drawing:
                if key not in self.images:  # another request may have drawn it meanwhile
                    self.images[key] = (draw or _draw)(game)
                    if len(self.images) > self.MAX_SIZE:
                        del self.images[next(iter(self.images))]
                return self.images[key]
        finally:
            self.waiting.release()


def _draw(game):
    if game.turns is None:  # it was selected briefly
        game = records.get_game(game.id)
    release_connection()
    return threadpool.run(threadpool.PICTURES, _image, game.seed, game.mode, game.tick, game.turns)


def _image(seed, mode, tick, encoded):
    played = rules.Game(seed, mode)
    played.advance(codec.decode_turns(encoded), tick)
    return preview_image.draw(played)
