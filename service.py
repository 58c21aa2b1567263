"""Snakepit: the app and its routes. `python service.py` starts the server.

Routes declare their inputs and responses, which web/api.py parses and sends. A handler guards, acts and returns the
response; its docstring is its text in the API's description. Here are the routes of games, of the server and of pages;
those of accounts, leaderboards and rooms are in modules of their own.
"""

if __name__ == "__main__":
    # Only the workers import bottle and peewee, after gevent has patched what their thread locals are made of.
    import sys

    from web import server

    raise SystemExit(server.run(sys.argv[1:]))

import functools
import secrets
from pathlib import Path
from urllib.parse import quote

import bottle
import msgspec
from bottle import request, response

import config
import models
import schemas
from accounts import accounts, hashing, passwords, sessions, usernames
from accounts import routes as account_routes
from accounts.routes import require_user
from database import cache, migrations, tables
from database.binding import is_sqlite
from database.sqlite import SharedSqlite
from game import (
    challenges,
    games,
    leaderboard_routes,
    leaving,
    live,
    packing,
    presence,
    previews,
    records,
    room_routes,
    rounds,
    viewers,
)
from game.pace import Pace
from game.room_routes import find_room
from game.viewers import Viewer
from observability import counters
from operations import maintenance
from rules import MODES
from web import assets, client_addresses, headers, openapi, pages, problems, rate_limits
from web.api import ApiPlugin, make_routes, problem_response
from web.app import HEALTH, App
from web.problems import invalid, unauthorized
from web.requests import header, matches_etag, page_query, token

STATIC = Path(__file__).parent / "static"
FORGET_ATTEMPTS = 3600  # seconds between deletions of past days' attempts by name
PAGE_CACHE_SIZE = 500  # pages of leaderboards
STANDING_CACHE_SIZE = 2000  # players' own places on leaderboards
ACTIVE_CACHE_SIZE = 5000  # active games
ROOM_CACHE_SIZE = 1000  # rooms
TURN_POSTS_REJECTED = counters.Counter(
    "turn_posts_rejected", "Posts of turns that were rejected, by reason.", "reason", problems.REJECTION_REASONS
)

api = make_routes()
for routes in (account_routes, leaderboard_routes, room_routes):
    api.merge(routes.api)
site = bottle.Bottle()  # pages, files and metrics: what is not in the API's description


def create_app(**settings):
    """Return the WSGI application. The arguments are the settings in lower case; see config.Settings.

    Other settings come from the environment, `.env`, and the defaults. Raise config.ConfigError for a bad one.
    `create_app(database_url="sqlite:///:memory:")` is a fresh, empty server.
    """
    return Snakepit(config.load(**settings))


def recreate_app(**settings):
    """Return the app for a worker that replaces another: no error of the database stops it."""
    return Snakepit(config.load(**settings), is_restart=True)


class Snakepit(App):
    """The app, with everything that lives as long as it does."""

    def __init__(self, settings, is_restart=False):
        super().__init__(settings, is_restart)
        self.rate_limiter = rate_limits.RateLimiter(settings.rate_limits, settings.rate_limit_storage)
        in_real_time = settings.rate_limits and settings.enforce_pace  # else games and posts may come at any speed
        self.new_games = rate_limits.FixedWindow(in_real_time, *rate_limits.NEW_GAMES)
        self.posts = rate_limits.FixedWindow(in_real_time, *rate_limits.POSTS)
        self.limits_unplayed = in_real_time
        self.stated_scores = rate_limits.FixedWindow(settings.rate_limits, *rate_limits.STATED_SCORES)
        self.hasher = passwords.Hasher(settings.bcrypt_rounds, passwords.load_common(settings.passwords_refused))
        self.hashing = hashing.Queue(settings.hashing_wait, settings.bcrypt_rounds)
        self.assets = assets.Assets(STATIC)
        self.pace = Pace(settings.pause_budget if settings.enforce_pace else None)
        self.page_cache = cache.VersionedCache(PAGE_CACHE_SIZE)
        self.standing_cache = cache.VersionedCache(STANDING_CACHE_SIZE)
        self.active_cache = cache.VersionedCache(ACTIVE_CACHE_SIZE)
        self.home_cache = cache.VersionedCache(1)
        self.room_cache = cache.VersionedCache(ROOM_CACHE_SIZE)
        self.presence = presence.Presence()
        self.packing = packing.Packing()
        self.preview_images = previews.ImageCache()
        self.removal = maintenance.Removal(settings.session_days, settings.keep_games_days)
        self._add_background_tasks()
        self.merge(api)
        self.merge(site)
        self.start()

    def _add_background_tasks(self):
        settings, add = self.settings, self.background.add
        add(self.end_abandoned, settings.abandoned_interval)
        add(self.presence.write, presence.INTERVAL)
        add(rounds.count_finished, presence.INTERVAL)
        add(games.correct_clock, settings.abandoned_interval)
        add(accounts.erase, settings.erasing_interval)
        if isinstance(self.database, SharedSqlite):
            add(self.database.checkpoint, settings.checkpoint_interval)
        add(challenges.forget_attempts, FORGET_ATTEMPTS)
        add(self.removal, settings.removal_interval)

    @functools.cached_property
    def secret(self):
        """The server's secret; the first use creates or migrates the tables."""
        migrations.migrate()
        return self.settings.secret_key or models.Secret.get_or_create("secret_key")

    @functools.cached_property
    def reserved_names(self):
        """Read for the first name that is checked: comparing names takes tables of similar letters, 1 MB and 0.01 s."""
        return usernames.load_reserved(self.settings.reserved_names_file)

    @functools.cached_property
    def sessions(self):
        return sessions.Sessions(self.secret, self.settings.session_days)

    def prepare(self):
        super().prepare()
        self.sessions  # noqa: B018 - the first use prepares the database

    def end_abandoned(self):
        """End abandoned games: a background task."""
        return leaving.end_abandoned(self.pace)


# Users, as inputs of routes.


def posting_player():
    """Return the user who posts turns as records.with_game does. 429 if there were too many posts, before the body is read.

    Posts are counted by user, whatever the game's id: a user has one open game at a time, and ids can be invented.
    """
    game_id = request.url_args["game_id"]
    player = require_user(records.with_game, game="" if "\0" in game_id else game_id)
    request.app.posts.hit(games.now(), player.id)
    return player


# Games.


@api.post(
    "/api/games",
    user=require_user,
    body=schemas.NewGame,
    response=schemas.GameAnswer,
    status=201,
    errors=(403, 404, 409, 429),
)
def open_game(user, body):
    """Open a game, on a new seed, on that of a challenge, or in the round of a room.

    You have one open game at a time: an earlier one ends as left. 404: There is no such game to challenge, or no such room.
    403: It is a game of today's daily challenge, which you have not opened in that mode, or of a round that is being played;
    or you are not in the room. 409: The room's round has not started, or is over, or allows one game, which you have opened;
    or your open game was played, and is not the one in `ends`: it doesn't end.
    """
    app = request.app
    app.new_games.hit(games.now(), user.id)
    options = {"ends": body.ends, "no_turns": app.packing.no_turns()}
    if body.room is not None:
        if body.challenge is not None:
            why = "can't be combined with a challenge; leave one of them out"
            raise invalid(("room", problems.NOT_WITH_CHALLENGE, why))
        return games.open_round_game(user, find_room(body.room), body.mode, app.pace, **options)
    if body.challenge is not None:
        challenge = challenges.find(body.challenge, body.mode, app.secret, user)
        return games.open_game(user, challenge.mode, app.pace, challenge, **options)
    if body.mode is None:
        raise invalid(("mode", problems.MISSING, f"is missing; give one of {', '.join(MODES)}", {"choices": list(MODES)}))
    return games.open_game(user, body.mode, app.pace, limits_unplayed=app.limits_unplayed, **options)


@api.get("/api/games/active", query=schemas.ActiveQuery, response=list[schemas.ActiveGame])
def active_games(query):
    """List active games, best first, without those of today's daily challenge."""
    return live.active(request.app.active_cache, query.limit, challenges.hidden_now(request.app.secret))


@api.get(
    "/api/games/live",
    query=schemas.LiveQuery,
    visitor=Viewer,
    response=list[schemas.LiveGame],
    follow=live.follow,
    errors=(403, 404, 429),
)
def live_games(query, visitor):
    """Return updates of the games that you watch, and the best of the other active games.

    Games of today's daily challenge are not among the others, and can be watched only by players who have opened it. With
    `room`, they are the games of its latest round.

    With `Accept: text/event-stream`, you get such a list each second, as the data of an event, each continuing the one
    before. The response ends after some seconds; then ask again. A server that can't do that sends JSON: ask each second.

    403: The room's round is being played, and you have neither opened a game in it nor are the host. 404: There is no such
    room.
    """
    cursors = live.parse_cursors(query.known)
    if query.room is not None:
        row = visitor.watched_round(query.room)
        return live.updates_of_round(cursors, query.limit, row) if row else []
    hidden_now = challenges.hidden_now(request.app.secret)
    return live.updates(cursors, query.limit, hidden_now, may_see=visitor.may_see)


@api.post(
    "/api/games/<game_id>/turns",
    user=posting_player,
    body=schemas.Turns,
    response=schemas.Progress,
    errors=(403, 409, 429),
    rejections=TURN_POSTS_REJECTED,
)
def post_turns(user, body, game_id):
    """Post the new turns of your game.

    About once a second is enough. 403: It is another player's game. 409: The game is over, or the server is at another tick
    than `since`; the response has that `tick`, and nothing has changed, so a retry is always safe.
    """
    game, row = records.game_of(user, game_id)
    progress = games.apply_turns(game, row, body.since, body.tick, body.turns, request.app.pace)
    if progress.round is not msgspec.UNSET:
        request.app.presence.note(game_id, token(), functools.partial(rounds.member_of_game, user))
    return progress


@api.delete("/api/games/<game_id>", user=require_user, errors=(403,))
def leave_game(user, game_id):
    """Leave your game. It keeps its score.

    403: It is another player's game.
    """
    leaving.leave(game_id, user, request.app.pace)


@api.get(
    "/api/games/<game_id>",
    query=schemas.GameQuery,
    visitor=Viewer,
    response=schemas.GameRecord,
    etag=True,
    errors=(403,),
)
def show_game(query, visitor, game_id):
    """Return a game with its turns, to replay it.

    403: It is a game of today's daily challenge, which is shown to players who have opened the challenge in that mode, and
    to everybody once the day has ended (UTC); or of a round that is being played, which is shown to those who have opened a
    game in it, and to everybody once it is over.
    """
    game = records.get_game(game_id, brief=True)
    if not visitor.may_see(game):
        raise viewers.hidden(game)
    return records.record(game, query.since, request.app.pace)


# The server and the client.


@api.get(HEALTH, response=schemas.Health)
def health():
    """Return whether the server and the database work, with all tables."""
    return schemas.Health("ok", "ok", "sqlite" if is_sqlite() else "postgres", tables.check(models.TABLES))


@site.get("/metrics")
def show_metrics():
    """Respond with the metrics for Prometheus, also while the database is unavailable."""
    from observability import prometheus  # its docstring says why it is imported here

    wanted = request.app.settings.metrics_token
    if wanted and not secrets.compare_digest((token() or "").encode(), wanted.encode()):
        return problem_response(
            unauthorized(problems.TOKEN_MISSING, "This needs the server's METRICS_TOKEN, as `Authorization: Bearer TOKEN`.")
        )
    return bottle.HTTPResponse(
        prometheus.exposition(), headers={"Content-Type": prometheus.CONTENT_TYPE, "Cache-Control": "no-store"}
    )


@api.get("/api/openapi.json", response=dict, etag=True)
def description():
    """Describe this API, in OpenAPI 3.1."""
    return describe_api()


@site.get("/")
def index():
    """Respond with the client's page."""
    public, trusted = request.app.settings.public_url, request.app.settings.trusted_proxies
    address = public or client_addresses.url(request.environ, trusted)
    return request.app.assets.page(address.rstrip("/") + "/")


@site.get("/static/<path:path>")
def client(path):
    """Respond with a file of the client."""
    return request.app.assets.response(path)


@site.get("/api/docs")
def docs():
    """Respond with the page to read and try the API."""
    return client(assets.DOCS)


@site.get("/games/<game_id>", apply=ApiPlugin())
def game_preview(game_id):
    """Respond with the page behind a game's link: a preview for programs, which leads browsers to the client."""
    tick = page_query(schemas.TickQuery).tick
    game = records.get_game_or_none(game_id, brief=True)
    if not game:
        return pages.html(previews.missing_page(game_id), 404, {"Cache-Control": "no-cache"})
    if not Viewer().may_see(game):
        return _hidden_preview(game)
    public, trusted = request.app.settings.public_url, request.app.settings.trusted_proxies
    address = f"{public}/games/{game_id}" if public else client_addresses.url(request.environ, trusted)
    fields = {"Cache-Control": "no-cache"} | dict(response.headers)
    return pages.html(previews.page(game, address, tick), 200, fields)


def _hidden_preview(game):
    """Respond with a page that says why the game is hidden, and leads on; programs get the problem."""
    problem = viewers.hidden(game)
    if not headers.prefers_html(header("ACCEPT")):
        raise problem
    fields = problem.headers | {"Vary": f"{problem.headers['Vary']}, Accept"}
    return pages.html(previews.hidden_page(game), problem.status, fields)


@site.get("/games/<game_id>/card.png", apply=ApiPlugin())
def preview_image(game_id):
    """Respond with the image of a game's preview."""
    game = records.get_game(game_id, brief=True)
    if not Viewer().may_see(game):
        raise viewers.hidden(game)
    etag = f'"{game.id}-{game.tick}"'
    fields = {"Cache-Control": "max-age=60", "ETag": etag} | dict(response.headers)
    if matches_etag(etag):
        return bottle.HTTPResponse(status=304, headers=fields)
    content = request.app.preview_images.get(game)
    return bottle.HTTPResponse(content, headers=fields | {"Content-Type": assets.TYPES["png"]})


@site.get("/r/<code>")
@site.get("/r/<code>/")
def join_page(code):
    """Redirect to the room with that code in the client, which says so if there is none.

    The address is relative: the app may be below a path.
    """
    root = "../" * (request.path.count("/") - 1)
    fields = {"Location": f"{root}#/rooms/{quote(code.upper(), safe='')}", "Cache-Control": "no-cache"}
    return bottle.HTTPResponse(status=302, headers=fields)


@site.get("/manifest.webmanifest")
def manifest():
    """Respond with the manifest, beside the page because its addresses are relative."""
    return client("manifest.webmanifest")


@site.get("/sw.js")
def service_worker():
    """Respond with the service worker, beside the page because it may serve only what is below its own address."""
    return client(assets.WORKER)


@functools.cache
def describe_api():
    """Return the API's description as JSON. It is made for the first request: that takes 0.01 s."""
    return openapi.describe(api.routes)
