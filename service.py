"""Snakepit: the app and its routes. `python service.py` starts the server.

Routes declare their inputs and responses, which web/api.py parses and sends. A handler guards, acts and returns the
response; its docstring is its text in the API's description.
"""

if __name__ == "__main__":
    # Only the workers import bottle and peewee, after gevent has patched what their thread locals are made of.
    import sys

    from web import server

    raise SystemExit(server.run(sys.argv[1:]))

import functools
import secrets
from pathlib import Path

import bottle
import msgspec
from bottle import request, response

import config
import models
import schemas
from accounts import accounts, attempts, hashing, passwords, sessions, usernames
from database import cache, migrations, tables
from database.binding import is_sqlite
from database.sqlite import SharedSqlite
from game import challenges, daily, games, home, leaderboard_pages, live, players, previews, records, score_histogram
from game.pace import Pace
from observability import counters
from operations import maintenance
from rules import MODES
from web import assets, client_addresses, headers, openapi, pages, problems, rate_limits
from web.api import ApiPlugin, cacheable_response, problem_response
from web.app import HEALTH, App
from web.problems import Problem, invalid, unauthorized
from web.requests import client_address, header, matches_etag, page_query, token

STATIC = Path(__file__).parent / "static"
FORGET_ATTEMPTS = 3600  # seconds between deletions of past days' attempts by name
PAGE_CACHE_SIZE = 500  # pages of leaderboards
STANDING_CACHE_SIZE = 2000  # players' own places on leaderboards
ACTIVE_CACHE_SIZE = 5000  # active games
NEXT_PAGE = "Link", '`<?...>; rel="next"`: the query of the next page, if there is one.'
SERVER_TIME = "Server-Time", "The server's time in seconds since the epoch: `ends_at` is by this clock."
TURN_POSTS_REJECTED = counters.Counter(
    "turn_posts_rejected", "Posts of turns that were rejected, by reason.", "reason", problems.REJECTION_REASONS
)

api = bottle.Bottle()
api.uninstall(True)  # Bottle's own plugins: JSON is encoded by msgspec
api.install(ApiPlugin())
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
        self.reserved_names = usernames.load_reserved(settings.reserved_names_file)
        self.hasher = passwords.Hasher(settings.bcrypt_rounds, passwords.load_common(settings.passwords_refused))
        self.hashing = hashing.Queue(settings.hashing_wait, settings.bcrypt_rounds)
        self.assets = assets.Assets(STATIC)
        self.pace = Pace(settings.pause_budget if settings.enforce_pace else None)
        self.page_cache = cache.VersionedCache(PAGE_CACHE_SIZE)
        self.standing_cache = cache.VersionedCache(STANDING_CACHE_SIZE)
        self.active_cache = cache.VersionedCache(ACTIVE_CACHE_SIZE)
        self.home_cache = cache.VersionedCache(1)
        self.preview_images = previews.ImageCache()
        self.removal = maintenance.Removal(settings.session_days, settings.keep_games_days)
        self._add_background_tasks()
        self.merge(api)
        self.merge(site)
        self.start()

    def _add_background_tasks(self):
        settings, add = self.settings, self.background.add
        add(self.end_abandoned, settings.abandoned_interval)
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
    def sessions(self):
        return sessions.Sessions(self.secret, self.settings.session_days)

    def prepare(self):
        self.sessions  # noqa: B018 - the first use prepares the database

    def end_abandoned(self):
        """End abandoned games: a background task."""
        return games.end_abandoned(self.pace)


# Users, as inputs of routes.


def require_user():
    """Return the user whose token the request has. 401 if it has none, or one that is not valid."""
    given = token()
    if not given:
        raise unauthorized(
            problems.TOKEN_MISSING, "This needs a token, as `Authorization: Bearer TOKEN`: log in, or POST /api/auth/guest."
        )
    return request.app.sessions.user(given)


def optional_user():
    """Return the user whose token the request has, or None if it has none. 401 for one that is not valid."""
    return require_user() if token() else None


def game_viewer():
    """Return a function of a game that returns whether the client may see it. It reads the token only for hidden games.

    A token that is not valid counts as none. No shared cache stores what depends on the token.
    """

    @functools.cache
    def user():
        try:
            return optional_user()
        except Problem:
            return None

    def may_see(game):
        secret = request.app.secret
        if not challenges.is_hidden(game, secret):
            return True
        response.headers.update(challenges.PRIVATE)
        return challenges.may_see(game, user(), secret)

    return may_see


def posting_user():
    """Return the user who posts turns. 429 if there were too many posts, before the body is read.

    Posts are counted by user, whatever the game's id: a user has one open game at a time, and ids can be invented.
    """
    user = require_user()
    request.app.posts.hit(games.now(), user.id)
    return user


def scoring_user():
    """Return the user who states a score. 403 unless SCORE_POLICY is open, 429 if there were too many."""
    if request.app.settings.score_policy != "open":
        raise Problem(
            403,
            problems.SCORES_NOT_STATED,
            "This server computes scores itself: open a game with POST /api/games and post its turns to"
            " /api/games/ID/turns. The server replays them and puts the score on the leaderboard.",
        )
    user = require_user()
    request.app.stated_scores.hit(games.now(), user.id)
    return user


# Accounts.


@api.post(
    "/api/auth/signup",
    body=schemas.SignUp,
    visitor=optional_user,
    response=schemas.SessionAnswer,
    status=201,
    errors=(409, 429),
)
def sign_up(body, visitor):
    """Create an account.

    With a guest's token, the guest becomes the account and keeps its games. 409: The name or the email is taken.
    """
    app = request.app
    guest = visitor if visitor and visitor.is_guest else None  # a player may create another account
    old_token, open_session = token(), _open_session()

    def finish(user):
        if guest:
            app.sessions.close(old_token)
            challenges.note_names(user, app.secret)
        return open_session(user)

    with attempts.signing_up(body.username) as hasher:
        fields = body.username, body.password, body.email, body.bot
        return _session(*accounts.sign_up(*fields, hasher, app.reserved_names, guest, finish))


@api.post("/api/auth/guest", body=schemas.Guest, response=schemas.SessionAnswer, status=201, errors=(429,))
def play_as_guest(body):
    """Create a guest, to play without an account.

    Guests are on no leaderboard until they sign up.
    """
    request.app.rate_limiter.hit((rate_limits.NEW_GUESTS, f"guest from {client_address()}"))
    return _session(*accounts.create_guest(_open_session()))


@api.post("/api/auth/login", body=schemas.LogIn, response=schemas.SessionAnswer, errors=(401, 429))
def log_in(body):
    """Log in with the username or the email."""
    if body.username is None and body.email is None:
        raise invalid(("username", problems.MISSING, "give a username or an email"))
    user, name = accounts.find(body.username, body.email)
    if not attempts.is_log_in_right(user, name, body.password):
        detail = "The name or the password is wrong. Check both; in the password, case matters."
        raise unauthorized(problems.LOG_IN_FAILED, detail)
    return _session(user, request.app.sessions.open(user.id, client_address()))


@api.post("/api/auth/logout", user=require_user)
def log_out(user):
    """Log out: the token is invalid from now on."""
    request.app.sessions.close(token())


@api.get("/api/auth/sessions", user=require_user, response=list[schemas.LiveSession])
def my_sessions(user):
    """List your sessions, newest first."""
    return request.app.sessions.live(user.id, token())


@api.delete("/api/auth/sessions/<session_id>", user=require_user)
def end_session(user, session_id):
    """End one of your sessions."""
    sessions.close_by_id(user.id, session_id)


@api.delete("/api/auth/sessions", user=require_user)
def log_out_everywhere(user):
    """End all of your sessions, including this one."""
    sessions.close_all(user.id)


@api.get("/api/auth/me", user=require_user, response=schemas.UserAnswer)
def show_me(user):
    """Return your account."""
    return _user(user)


@api.patch("/api/auth/me", user=require_user, body=schemas.Change, response=schemas.UserAnswer, errors=(403, 409, 429))
def change_me(user, body):
    """Change your name, email or password.

    A new password ends all other sessions. 403: The current password is wrong. 409: The name or the email is taken.
    """
    app = request.app
    attempts.confirm(user, body.current_password, "current_password")
    wishes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    del wishes["current_password"]
    here = token()

    def finish(user):
        if "password" in wishes:
            app.sessions.close_others(user.id, here)
        challenges.note_names(user, app.secret)

    with attempts.changing(user, wishes) as hasher:
        return _user(accounts.change(user, wishes, hasher, app.reserved_names, finish))


@api.delete("/api/auth/me", user=require_user, body=schemas.Delete, errors=(403, 429))
def delete_me(user, body):
    """Delete your account, with its games and its entries on leaderboards.

    403: The password is wrong.
    """
    if not user.is_guest:
        attempts.confirm(user, body.password, "password")
    accounts.delete(user.id)


@api.post("/api/auth/reset", body=schemas.Reset, response=schemas.SessionAnswer, errors=(403, 429))
def reset_password(body):
    """Set a new password, with the token of a link from the operator.

    It ends all existing sessions. 403: The link was used, or has expired.
    """
    with attempts.resetting(body.token) as hasher:
        return _session(*passwords.reset(body.token.strip(), body.password, hasher, _open_session()))


def _open_session():
    """Return a function that opens a session for a user within a transaction, which may run in another greenlet."""
    app, here = request.app, client_address()
    return lambda user: app.sessions.open(user.id, here)


def _session(user, token):
    return schemas.SessionAnswer(_user(user), token)


def _user(user):
    return schemas.UserAnswer(str(user.id), user.name, user.email, bool(user.is_guest), bool(user.bot))


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
    """Open a game, on a new seed or on that of a challenge.

    You have one open game at a time: an earlier one ends as left. 404: There is no such game to challenge. 403: It is a game
    of today's daily challenge, which you have not opened in that mode. 409: Your open game was played, and is not the one in
    `ends`; it doesn't end.
    """
    app = request.app
    app.new_games.hit(games.now(), user.id)
    if body.challenge is not None:
        challenge = challenges.find(body.challenge, body.mode, app.secret, user)
        return games.open_game(user, challenge.mode, app.pace, challenge, ends=body.ends)
    if body.mode is None:
        raise invalid(("mode", problems.MISSING, f"is missing; give one of {', '.join(MODES)}", {"choices": list(MODES)}))
    return games.open_game(user, body.mode, app.pace, limits_unplayed=app.limits_unplayed, ends=body.ends)


@api.get("/api/games/active", query=schemas.ActiveQuery, response=list[schemas.ActiveGame])
def active_games(query):
    """List active games, best first, without those of today's daily challenge."""
    return live.active(request.app.active_cache, query.limit, challenges.hidden_now(request.app.secret))


@api.get("/api/games/live", query=schemas.LiveQuery, visitor=game_viewer, response=list[schemas.LiveGame])
def live_games(query, visitor):
    """Return updates of the games that you watch, and the best of the other active games.

    Games of today's daily challenge are not among the others, and can be watched only by players who have opened it.
    """
    hidden = challenges.hidden_now(request.app.secret)
    return live.updates(live.parse_cursors(query.known), query.limit, hidden, may_see=visitor)


@api.post(
    "/api/games/<game_id>/turns",
    user=posting_user,
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
    return games.apply_turns(game_id, user, body.since, body.tick, body.turns, request.app.pace)


@api.delete("/api/games/<game_id>", user=require_user, errors=(403,))
def leave_game(user, game_id):
    """Leave your game. It keeps its score.

    403: It is another player's game.
    """
    games.leave(game_id, user, request.app.pace)


@api.get(
    "/api/games/<game_id>",
    query=schemas.GameQuery,
    visitor=game_viewer,
    response=schemas.GameRecord,
    etag=True,
    errors=(403,),
)
def show_game(query, visitor, game_id):
    """Return a game with its turns, to replay it.

    403: It is a game of today's daily challenge, which is shown to players who have opened the challenge in that mode, and
    to everybody once the day has ended (UTC).
    """
    game = records.get_game(game_id, brief=True)
    if not visitor(game):
        raise challenges.hidden(game.mode)
    return records.record(game, query.since, request.app.pace)


# Leaderboards and players.


@api.get(
    "/api/leaderboard", query=schemas.BoardQuery, response=list[schemas.EntryAnswer], headers=[NEXT_PAGE], errors=(404,)
)
def leaderboard(query):
    """Return a page of a leaderboard, best first: each player's best game.

    404: There is no such game to challenge.
    """
    names = leaderboard_pages.boards_for_query(query)
    return request.app.page_cache.get((*names, query), score_histogram.versions(names), _leaderboard_page, query, names)


def _leaderboard_page(query, names):
    content, link = leaderboard_pages.leaderboard_page(query, names)
    return cacheable_response(content, {"Link": link} if link else {})


@api.get("/api/leaderboard/me", user=require_user, query=schemas.StandingQuery, response=schemas.Standing, errors=(404,))
def my_standing(user, query):
    """Return your rank on a leaderboard, with the entries around it.

    404: There is no such game to challenge.
    """
    names = leaderboard_pages.boards_for_query(query, user)
    return request.app.standing_cache.get(
        (user.id, *names), score_histogram.versions(names), leaderboard_pages.player_standing, names, user
    )


@api.get("/api/leaderboard/next", query=schemas.NextQuery, visitor=optional_user, response=schemas.NextRank, errors=(404,))
def next_rank(query, visitor):
    """Return the rank that a score would have, and the next entry to beat.

    404: There is no such game to challenge.
    """
    return leaderboard_pages.next_rank(leaderboard_pages.boards_for_query(query, visitor), query.score, visitor)


@api.post(
    "/api/leaderboard",
    user=scoring_user,
    body=schemas.StatedScore,
    response=schemas.EntryAnswer,
    status=201,
    errors=(403, 429),
)
def state_score(user, body):
    """State the score of an external game, if SCORE_POLICY is open.

    403: This server computes scores itself: play a game, and its score is on the leaderboard.
    """
    if user.is_guest:
        raise Problem(403, problems.GUEST_NOT_RANKED, "Guests are on no leaderboard. Sign up first, with this token.")
    entry = games.state_score(user, body.mode, body.score)
    return leaderboard_pages.entry_response(score_histogram.rank([entry.board], entry.score), entry, user)


@api.get("/api/daily", query=schemas.DailyQuery, visitor=optional_user, response=schemas.Daily, headers=[SERVER_TIME])
def daily_challenge(query, visitor):
    """Return today's daily challenge of a mode, with your attempt and streak.

    The attempt and the streak need a token.
    """
    response.set_header("Vary", challenges.PRIVATE["Vary"])
    response.set_header("Server-Time", f"{games.now() / 1000:.3f}")
    return daily.show(query.mode, visitor)


@api.get("/api/home", response=schemas.Home, etag=True)
def show_home():
    """Return what a start screen shows, in one response that is the same for everybody.

    Its active games are up to two seconds old.
    """
    return home.show(request.app.home_cache, request.app.secret)


@api.get("/api/players/<name>", response=schemas.Player)
def show_player(name):
    """Return a player's best and latest games."""
    return players.profile(players.get_player(name))


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
    return DESCRIPTION


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
    if not game_viewer()(game):
        return _hidden_preview(game)
    public, trusted = request.app.settings.public_url, request.app.settings.trusted_proxies
    address = f"{public}/games/{game_id}" if public else client_addresses.url(request.environ, trusted)
    fields = {"Cache-Control": "no-cache"} | dict(response.headers)
    return pages.html(previews.page(game, address, tick), 200, fields)


def _hidden_preview(game):
    """Respond with a page that leads to the daily challenge, of which the game is; programs get the problem."""
    problem = challenges.hidden(game.mode)
    if not headers.prefers_html(header("ACCEPT")):
        raise problem
    fields = problem.headers | {"Vary": f"{problem.headers['Vary']}, Accept"}
    return pages.html(previews.hidden_page(game), problem.status, fields)


@site.get("/games/<game_id>/card.png", apply=ApiPlugin())
def preview_image(game_id):
    """Respond with the image of a game's preview."""
    game = records.get_game(game_id, brief=True)
    if not game_viewer()(game):
        raise challenges.hidden(game.mode)
    etag = f'"{game.id}-{game.tick}"'
    fields = {"Cache-Control": "max-age=60", "ETag": etag} | dict(response.headers)
    if matches_etag(etag):
        return bottle.HTTPResponse(status=304, headers=fields)
    content = request.app.preview_images.get(game)
    return bottle.HTTPResponse(content, headers=fields | {"Content-Type": assets.TYPES["png"]})


@site.get("/manifest.webmanifest")
def manifest():
    """Respond with the manifest, beside the page because its addresses are relative."""
    return client("manifest.webmanifest")


@site.get("/sw.js")
def service_worker():
    """Respond with the service worker, beside the page because it may serve only what is below its own address."""
    return client(assets.WORKER)


DESCRIPTION = openapi.describe(api.routes)
