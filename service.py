"""Snakepit: the app, its routes, its error answers, and the start (`python service.py`).

Handlers are of one shape: parse, look up, guard, act, answer. A token goes into `Authorization: Bearer TOKEN`.
"""

if __name__ == "__main__":
    # Before bottle and peewee are imported, whose thread locals must be gevent's: in the worker processes they are.
    import server

    raise SystemExit(server.main())

import functools
import hashlib
import logging
import time
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import bottle
import msgspec
from bottle import request, response

import accounts
import assets
import boards
import cards
import challenges
import config
import connections
import games
import keeping
import live
import models
import players
import proxies
import throttle
from names import key, read_refused
from parsing import body, header, query, token
from problems import Problem, invalid, unauthorized
from rules import MODES
from schemas import (
    BoardQuery,
    Change,
    Delete,
    EntryAnswer,
    GameQuery,
    LiveQuery,
    LogIn,
    NewGame,
    NextQuery,
    NextRank,
    Request,
    SessionAnswer,
    SignUp,
    Standing,
    StandingQuery,
    StatedScore,
    TickQuery,
    Turns,
    UserAnswer,
    timestamp,
)

STATIC = Path(__file__).parent / "static"
SWEEP_EVERY = 5  # seconds between looks for abandoned games
PAGES = 500  # of boards, kept as they were last sent
STANDINGS = 2000  # of players, the same
ACTIVE = 5000  # games that are being played, the same
RETRY_AFTER = 2  # seconds, when the database is out of reach
FAILED = "The server has failed here; it is not your request's fault. Its log says more."
HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    ),
]
BARE = "snakepit.bare"  # in the environ of a request: what is said is not worth as much head

log = logging.getLogger("snakepit")


def create_app(**settings):
    """The WSGI application. Its arguments are named as the settings, in lower case; see config.Settings.

    Those that are not given come from the environment, `.env`, and the defaults. Raises config.ConfigError for a bad one.
    `create_app(database_url="sqlite:///:memory:")` is a fresh, empty server.
    """
    return Snakepit(config.load(**settings))


class Snakepit(bottle.Bottle):
    """The app, with what lives as long as it does."""

    __setattr__ = object.__setattr__  # bottle's takes each attribute only once

    def __init__(self, settings):
        super().__init__()
        self.uninstall(bottle.JSONPlugin)  # JSON is made here, by msgspec
        self.settings = settings
        self.database = connections.connect(settings.database_url)
        self.throttle = throttle.Throttle(settings.rate_limits, settings.rate_limit_storage)
        in_real_time = settings.rate_limits and settings.enforce_pace  # else games and posts come as fast as one likes
        self.new_games = throttle.Window(in_real_time, *throttle.NEW_GAMES)
        self.posts = throttle.Window(in_real_time, *throttle.POSTS)
        self.refused_names = read_refused(settings.names_refused)
        self.assets = assets.Assets(STATIC)
        self.pace = games.Pace(settings.pause_budget if settings.enforce_pace else None)
        self.pages = keeping.Kept(PAGES)
        self.standings = keeping.Kept(STANDINGS)
        self.active = keeping.Kept(ACTIVE)
        self.secret = self.sessions = None  # from `prepare` on
        self.next_sweep = 0.0  # on the monotonic clock
        for method, path, handler in ROUTES:
            self.route(path, method, handler)
        with models.using(self.database):
            try:
                self.prepare()
            except models.OUT_OF_REACH as error:
                # It may come up after us; each request tries again.
                log.warning("The database is out of reach: %s", error)
            except models.REFUSED_OPTIONS as error:
                if "?" not in settings.database_url:
                    raise
                raise config.ConfigError(f"DATABASE_URL: {error}; give other options behind the ?, or none") from None

    def prepare(self):
        """What needs the database, done once: its tables, and the server's secret."""
        if self.sessions is None:
            models.migrate()
            self.secret = self.settings.secret_key or models.Secret.get_or_make("secret_key")
            self.sessions = accounts.Sessions(self.secret, self.settings.session_days)

    def close(self):
        """Close the connections to the database; a database in memory is gone with them."""
        super().close()
        self.database.close_all()

    def sweep(self):
        """End abandoned games, now and then."""
        if time.monotonic() >= self.next_sweep:
            self.next_sweep = time.monotonic() + SWEEP_EVERY
            games.end_abandoned()

    def __call__(self, environ, start_response):
        # It holds what holds it: the request would wait for the garbage collector, and a thousand players at once for that.
        environ.pop("wsgi.early_hints", None)
        cors = self._cors(environ.get("HTTP_ORIGIN")) if self.settings.cors_origins else ()

        def start(status, headers, exc_info=None):
            if BARE not in environ:
                headers += HEADERS
            headers += cors
            return start_response(status, headers, exc_info)

        if len(cors) > 1 and environ["REQUEST_METHOD"] == "OPTIONS":
            start("204 No Content", [])
            return [b""]
        with models.using(self.database):
            return self.wsgi(environ, start)

    def _cors(self, origin):
        """The headers that let a page of another origin read the answers, if the setting has that origin."""
        allowed = self.settings.cors_origins
        if not origin or not ("*" in allowed or origin in allowed):
            return [("Vary", "Origin")]
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match"),
            ("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"),
            ("Access-Control-Expose-Headers", "ETag, Link, Retry-After"),
            ("Access-Control-Max-Age", "3600"),
            ("Vary", "Origin"),
        ]

    def default_error_handler(self, error):
        """What bottle itself refuses: unknown paths, wrong methods, paths that are not UTF-8; and our own faults."""
        detail = {
            404: f"There is nothing at {request.path}.",
            405: f"{request.path} does not take {request.method}. Allowed: {error.headers.get('Allow')}.",
            500: FAILED,
        }
        return _refuse(Problem(error.status_code, detail.get(error.status_code, str(error.body))))


ROUTES = []


def route(method, path):
    """Add the handler to the API: what it returns is sent as JSON, None as 204, and what it refuses as a problem."""

    def add(handler):
        ROUTES.append((method, path, _guarded(handler)))
        return handler

    return add


def _guarded(handler):
    """The handler as bottle calls it: with the database at hand, and no way out for an exception."""

    @functools.wraps(handler)
    def answer(**parameters):
        try:
            app = request.app
            app.prepare()
            app.sweep()
            result = handler(**parameters)
        except Problem as problem:
            return _refuse(problem)
        except models.OUT_OF_REACH as error:
            log.error("%s %s: the database: %s", request.method, request.path, error)
            return _refuse(_database_away())
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return _refuse(Problem(500, FAILED))
        if isinstance(result, bottle.HTTPResponse):
            return result
        if result is None:
            response.status = 204
            return b""
        response.content_type = "application/json"
        response.set_header("Cache-Control", "no-store")
        return result if isinstance(result, bytes) else msgspec.json.encode(result)

    return answer


def _refuse(problem):
    response.status = problem.status
    response.content_type = "application/problem+json"
    for name, value in problem.headers.items():
        response.set_header(name, value)
    answer = {"title": HTTPStatus(problem.status).phrase, "status": problem.status, "detail": problem.args[0]}
    if problem.errors:
        answer["errors"] = [{"field": field, "message": message} for field, message in problem.errors]
    return msgspec.json.encode(answer | problem.members)


def _database_away():
    detail = f"The database is out of reach. Nothing is lost; try again in {RETRY_AFTER} s."
    return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER)})


# Who asks.


def signed_in():
    """The user whose token came along. 401 if none did, or a dead one."""
    given = token()
    if not given:
        raise unauthorized("This needs a token, as `Authorization: Bearer TOKEN`: log in, or POST /api/auth/guest.")
    return request.app.sessions.user(given)


def address():
    """The client's, behind the proxies that are trusted."""
    peer, trusted = request.environ.get("REMOTE_ADDR", ""), request.app.settings.trusted_proxies
    return proxies.client(peer, header("X_FORWARDED_FOR"), trusted)


# Accounts.


@route("POST", "/api/auth/signup")
def sign_up():
    wanted, app = body(SignUp), request.app
    guest = signed_in() if token() else None
    app.throttle.spend(throttle.NEW_ACCOUNTS, f"account from {address()}")
    if guest and not guest.is_guest:
        guest = None  # a player who makes another account
    user = accounts.sign_up(
        *(wanted.username, wanted.password, wanted.email, wanted.bot),
        *(app.settings.bcrypt_rounds, app.refused_names, guest),
    )
    if guest:
        app.sessions.close(token())
    response.status = 201
    return _session(user)


@route("POST", "/api/auth/guest")
def play_as_guest():
    body(Request)
    request.app.throttle.spend(throttle.NEW_GUESTS, f"guest from {address()}")
    response.status = 201
    return _session(accounts.make_guest())


@route("POST", "/api/auth/login")
def log_in():
    given, app = body(LogIn), request.app
    if given.username is None and given.email is None:
        raise invalid(("username", "give a username or an email"))
    account, here = f"log-in of {key(given.username or given.email or '')}", f"log-in from {address()}"
    app.throttle.check(throttle.FAILED_LOG_INS, account)
    app.throttle.check(throttle.FAILED_LOG_INS_FROM, here)
    try:
        user = accounts.log_in(given.username, given.email, given.password, app.settings.bcrypt_rounds)
    except Problem:
        app.throttle.spend(throttle.FAILED_LOG_INS, account)
        app.throttle.spend(throttle.FAILED_LOG_INS_FROM, here)
        raise
    return _session(user)


@route("POST", "/api/auth/logout")
def log_out():
    signed_in()
    request.app.sessions.close(token())


@route("GET", "/api/auth/sessions")
def my_sessions():
    return request.app.sessions.live(signed_in(), token())


@route("DELETE", "/api/auth/sessions/<session_id>")
def end_session(session_id):
    request.app.sessions.close_one(signed_in(), session_id)


@route("DELETE", "/api/auth/sessions")
def log_out_everywhere():
    request.app.sessions.close_all(signed_in())


@route("GET", "/api/auth/me")
def me():
    return _user(signed_in())


@route("PATCH", "/api/auth/me")
def change_me():
    user, wanted, app = signed_in(), body(Change), request.app
    _confirm(user, wanted.current_password, "current_password")
    wishes = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not msgspec.UNSET}
    del wishes["current_password"]
    user = accounts.change(user, wishes, app.settings.bcrypt_rounds, app.refused_names)
    if "password" in wishes:
        app.sessions.close_others(user, token())
    return _user(user)


@route("DELETE", "/api/auth/me")
def delete_me():
    user, given = signed_in(), body(Delete)
    if not user.is_guest:
        _confirm(user, given.password, "password")
    accounts.delete(user)


def _confirm(user, password, field):
    """403 if it is not the user's password; a guest has none."""
    if user.is_guest:
        raise Problem(403, "A guest has no password. Sign up first, with this token, to keep the games.")
    app, who = request.app, f"log-in of {key(user.name)}"
    app.throttle.check(throttle.FAILED_LOG_INS, who)
    if not accounts.is_password(password or "", user.password, app.settings.bcrypt_rounds):
        app.throttle.spend(throttle.FAILED_LOG_INS, who)
        raise Problem(403, "The password is wrong. Give the one that you log in with.", [(field, "is wrong")])


def _session(user):
    return SessionAnswer(_user(user), request.app.sessions.open(user))


def _user(user):
    return UserAnswer(str(user.id), user.name, user.email, user.is_guest, bool(user.bot))


# Games.


@route("POST", "/api/games")
def open_game():
    user, wanted, app = signed_in(), body(NewGame), request.app
    app.new_games.spend(games.now(), user.id)
    response.status = 201
    if wanted.challenge is not None:
        challenge = challenges.find(wanted.challenge, wanted.mode, app.secret)
        return games.open_game(user, challenge.mode, app.pace, challenge)
    if wanted.mode is None:
        raise invalid(("mode", f"is missing; give one of {', '.join(MODES)}"))
    return games.open_game(user, wanted.mode, app.pace)


@route("GET", "/api/games/active")
def active_games():
    return live.active(request.app.active)


@route("GET", "/api/games/live")
def live_games():
    asked = query(LiveQuery)
    pairs = [pair.split(":") for pair in asked.known.split(",") if pair]
    news = live.news({game: int(tick) for game, tick in pairs}, asked.limit)
    request.environ[BARE] = True  # everybody who watches asks this each second
    return news


@route("POST", "/api/games/<game_id>/turns")
def post_turns(game_id):
    user = signed_in()
    request.app.posts.spend(games.now(), user.id, game_id)  # by the user too: nobody else can use it up
    post = body(Turns)
    return games.play(game_id, user, post.since, post.tick, post.turns, request.app.pace)


@route("DELETE", "/api/games/<game_id>")
def leave_game(game_id):
    games.leave(game_id, signed_in())


@route("GET", "/api/games/<game_id>")
def show_game(game_id):
    since = query(GameQuery).since
    return _unless_known(games.record(games.find(game_id), since))


def _unless_known(answer):
    """The answer with a validator, or 304 if it is what the client has."""
    encoded = msgspec.json.encode(answer)
    etag = f'"{hashlib.blake2b(encoded, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if _is_known(etag):
        return bottle.HTTPResponse(status=304, headers=headers)
    return bottle.HTTPResponse(encoded, headers=headers | {"Content-Type": "application/json"})


def _is_known(etag):
    """Whether the client has what the validator stands for."""
    return etag in (tag.strip().removeprefix("W/") for tag in header("IF_NONE_MATCH").split(","))


# Boards and players.


@route("GET", "/api/leaderboard")
def leaderboard():
    asked = query(BoardQuery)
    names = _boards(asked)
    page, link = request.app.pages.get((*names, request.query_string), boards.versions(names), _page, asked, names)
    if link:
        response.set_header("Link", link)
    return page


@models.snapshot()
def _page(asked, names):
    """A page of boards as JSON, and the Link to the next one, or None."""
    after = boards.TOP if asked.after is None else _place(asked.after)
    rows = boards.page(names, asked.limit + 1, after)
    link = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        onward = {**request.query, "after": ".".join(map(str, boards.place(rows[-1])))}
        link = f'<?{urlencode(onward)}>; rel="next"'
    return msgspec.json.encode(_entries(names, rows)), link


@route("GET", "/api/leaderboard/me")
def my_standing():
    user, asked = signed_in(), query(StandingQuery)
    names = _boards(asked, user)
    return request.app.standings.get((user.id, *names), boards.versions(names), _standing, names, user)


@models.snapshot()
def _standing(names, user):
    """A player's Standing on the boards, as JSON."""
    row = boards.entry(names, user.id)
    if not row:
        return msgspec.json.encode(Standing(None, boards.size(names), None, None, []))
    ranks = boards.ranks(names, (row.score, boards.NONE))
    rank, size = ranks[row.score], ranks[boards.NONE] - 1
    percentile = round(100 * (size - rank + 1) / size, 1)
    around = _entries(names, boards.around(names, row))
    return msgspec.json.encode(Standing(rank, size, row.score, percentile, around))


@route("GET", "/api/leaderboard/next")
def next_rank():
    asked = query(NextQuery)
    user = signed_in() if token() else None
    names = _boards(asked, user)
    with models.snapshot():
        own = user and boards.entry(names, user.id)
        rank = boards.rank(names, asked.score) - bool(own and own.score > asked.score)
        row = boards.next_better(names, asked.score, user and user.id)
        return NextRank(rank, _entries(names, [row])[0] if row else None)


@route("POST", "/api/leaderboard")
def state_score():
    if request.app.settings.score_policy != "open":
        raise Problem(
            403,
            "Here no score is stated: open a game with POST /api/games and post its turns to /api/games/ID/turns;"
            " the server plays them and puts the score on the board.",
        )
    user, stated = signed_in(), body(StatedScore)
    if user.is_guest:
        raise Problem(403, "Guests are on no leaderboard. Sign up first, with this token.")
    row = games.state_score(user, stated.mode, stated.score)
    response.status = 201
    return _entries([row.board], [row])[0]


@route("GET", "/api/players/<name>")
def player(name):
    return players.page(players.find(name))


def _boards(asked, user=None):
    """The names of the boards that a query asks for, to be read as one: those with the user, where it doesn't say whose."""
    bots = asked.players == "bots" or bool(user and user.bot and not asked.players)
    if asked.challenge is not None:
        return _boards_of_challenge(asked, bots)
    day = asked.at or datetime.now(UTC).date()
    return [boards.board(mode, asked.period, day, bots) for mode in ([asked.mode] if asked.mode else MODES)]


def _boards_of_challenge(asked, bots):
    if asked.period != boards.ALL:
        raise invalid(("period", "a challenge has one board, of all its games; leave the period out"))
    name, modes = challenges.standing_names(asked.challenge, asked.mode, asked.at)
    return [boards.challenge_board(mode, name, bots) for mode in modes]


def _place(after):
    """The place that the query's `after` spells, as the Link header gave it."""
    parts = after.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise invalid(("after", "give what the Link header of the page before has, or nothing for the first page"))
    return tuple(map(int, parts))


def _entries(names, rows):
    return [
        EntryAnswer(
            rank=rank,
            id=f"{row.user_id}.{row.game}",
            username=row.name,
            score=row.score,
            mode=boards.mode_of(row.board),
            timestamp=timestamp(row.at),
            game=row.game if row.verified else None,
            verified=bool(row.verified),
            bot=bool(row.bot),
        )
        for rank, row in boards.ranked(names, rows)
    ]


# The server, and the client.


@route("GET", "/healthz")
def health():
    models.sql("SELECT 1").fetchone()
    return {"status": "ok", "database": "ok"}


def client(path=assets.INDEX):
    """A file of the client."""
    asset, kept = request.app.assets.find(path)
    if not asset:
        return bottle.HTTPError(404)
    headers = {"Content-Type": asset.kind, "Cache-Control": kept, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if _is_known(asset.etag):
        return bottle.HTTPResponse(status=304, headers=headers)
    if asset.compressed and "gzip" in header("ACCEPT_ENCODING"):
        return bottle.HTTPResponse(asset.compressed, headers=headers | {"Content-Encoding": "gzip"})
    return bottle.HTTPResponse(asset.content, headers=headers)


def card(game_id):
    """The address of a game that one hands on: it is 404 for none, but leads to the client all the same."""
    tick = query(TickQuery).tick
    found = games.find_or_none(game_id)
    if not proxies.is_trusted(request.environ.get("REMOTE_ADDR", ""), request.app.settings.trusted_proxies):
        for name in ("PROTO", "HOST", "PREFIX"):  # bottle would believe anybody's
            request.environ.pop(f"HTTP_X_FORWARDED_{name}", None)
    request.environ["SCRIPT_NAME"] = header("X_FORWARDED_PREFIX") + request.environ.get("SCRIPT_NAME", "")
    parts = request.urlparts
    page = cards.page(found, f"{parts.scheme}://{parts.netloc}{parts.path}", tick)
    status = 200 if found else 404
    return bottle.HTTPResponse(page, status, {"Content-Type": assets.TYPES["html"], "Cache-Control": "no-cache"})


def card_picture(game_id):
    """The picture of its preview card."""
    game = games.find(game_id)
    content = cards.picture(game, games.unpack_turns(game.turns))
    return bottle.HTTPResponse(content, headers={"Content-Type": assets.TYPES["png"], "Cache-Control": "max-age=60"})


def manifest():
    """Beside the page, so that the addresses within are the page's own."""
    return client("manifest.webmanifest")


ROUTES += [
    ("GET", "/", client),
    ("GET", "/games/<game_id>", _guarded(card)),
    ("GET", "/games/<game_id>/card.png", _guarded(card_picture)),
    ("GET", "/manifest.webmanifest", manifest),
    ("GET", "/static/<path:path>", client),
]
