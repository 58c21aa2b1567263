"""The address of a game that one hands on, `/games/ID`: a page whose title and preview card say whose game it is and what it
scored. It leads on to the client, whose own addresses no server sees.

Preview cards are The Open Graph protocol's (https://ogp.me).
"""

import threading
from concurrent.futures import Future
from html import escape

import rules
from database import threadpool
from database.binding import release_connection
from game import codec, preview_image, records
from web.problems import UNAVAILABLE, Problem

OUTCOMES = {
    rules.WALL: "hit the wall",
    rules.SELF: "bit itself",
    rules.STARVED: "starved",
    rules.WON: "filled the pit",
    rules.LEFT: "left the pit",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title} · Snakepit</title>
  <meta name="description" content="{description}">
  <meta property="og:site_name" content="Snakepit">
  <meta property="og:type" content="website">
  <meta property="og:title" content="{title}">
  <meta property="og:description" content="{description}">
{picture}  <meta http-equiv="refresh" content="0; url={onward}">
  <link rel="icon" href="../static/icon.svg" type="image/svg+xml">
</head>
<body>
  <p><a href="{onward}">{title}</a></p>
</body>
</html>
"""
_PICTURE = """  <meta property="og:image" content="{address}">
  <meta property="og:image:width" content="{width}">
  <meta property="og:image:height" content="{height}">
  <meta property="og:image:alt" content="{description}">
  <meta name="twitter:card" content="summary_large_image">
"""


def page(game, address, tick=None):
    """The page of a games.Found, or None for a game that there isn't; `address` is its absolute URL, without a query."""
    if game is None:
        return _PAGE.format(title="No such game", description="There is no such game.", picture="", onward="../#/")
    title, description = escape(_title(game)), escape(_description(game))
    picture = _PICTURE.format(
        address=escape(f"{address}/card.png"),
        width=preview_image.WIDTH,
        height=preview_image.HEIGHT,
        description=description,
    )
    onward = f"../#/games/{game.id}" + ("" if tick is None else f"?tick={tick}")
    return _PAGE.format(title=title, description=description, picture=picture, onward=onward)


def hidden_page(game):
    """The page of a game of today's daily challenge, which leads to the challenge; what it scored stays a surprise, too."""
    return _PAGE.format(
        title="Today's daily challenge",
        description="This game is shown to those who have played today's challenge. Play it, on the same eggs.",
        picture="",
        onward=f"../#/?challenge=daily&amp;mode={game.mode}&amp;game={game.id}",
    )


def _title(game):
    return f"{game.score} by {game.username}" if game.outcome else f"{game.username} is playing"


def _description(game):
    mode = {rules.WALLS: "Walls", rules.PASS_THROUGH: "Pass-through"}[game.mode]
    if not game.outcome:
        return f"{mode}, {game.score} points so far. Watch it live."
    return f"{mode}: {OUTCOMES[game.outcome]} after {game.tick} steps. Watch every turn of it, or beat it on the same eggs."


class Pictures:
    """The pictures of games that were asked for last, as PNGs.

    Each is drawn in a thread, since that takes long, and once, however many ask for it at the same time.
    """

    MOST = 200  # pictures, of about 5 KB
    WAITING = 20  # to be drawn, each with the turns of a game
    RETRY_AFTER = 5  # seconds

    def __init__(self):
        self.drawn = {}  # {(id, tick): Future of a PNG}, the one that was asked for last at the end
        self.waiting = 0
        self.lock = threading.Lock()

    def get(self, game, draw=None):
        """Return the PNG of a games.Found's state at its last tick, with its score.

        `draw(game)` draws it, where it isn't known yet; 503 while too many others wait for theirs.
        """
        key = game.id, game.tick
        with self.lock:
            picture = self.drawn.pop(key, None)
            is_new = picture is None
            if is_new:
                if self.waiting >= self.WAITING:
                    raise _busy(self.RETRY_AFTER)
                self.waiting += 1
                picture = Future()
            self.drawn[key] = picture
            if len(self.drawn) > self.MOST:
                del self.drawn[next(iter(self.drawn))]
        if is_new:
            self._draw(key, picture, draw or _draw, game)
        release_connection()
        return picture.result()

    def _draw(self, key, picture, draw, game):
        try:
            picture.set_result(draw(game))
        except BaseException as error:
            picture.set_exception(error)
            with self.lock:
                self.drawn.pop(key, None)
        finally:
            with self.lock:
                self.waiting -= 1


def _busy(seconds):
    detail = f"Too many pictures are being drawn now; try again in {seconds} s."
    return Problem(503, UNAVAILABLE, detail, headers={"Retry-After": str(seconds)}, params={"retry_in": seconds})


def _draw(game):
    if game.turns is None:  # they are many: see games.found_briefly
        game = records.get_game(game.id)
    release_connection()
    return threadpool.call(threadpool.PICTURES, _picture, game.seed, game.mode, game.tick, game.turns)


def _picture(seed, mode, tick, packed):
    played = rules.Game(seed, mode)
    played.advance(codec.decode_turns(packed), tick)
    return preview_image.draw(played)
