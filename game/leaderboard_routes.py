"""The routes of leaderboards, players, the daily challenge and the start screen."""

from bottle import request, response

import schemas
from accounts.routes import optional_user, require_user
from game import challenges, daily, games, home, leaderboard_pages, players, score_histogram
from game.clock import SERVER_TIME, server_time
from game.room_leaderboards import RoomLeaderboard
from game.room_routes import find_room
from models import now
from web import problems
from web.api import cacheable_response, make_routes
from web.problems import Problem

NEXT_PAGE = "Link", '`<?...>; rel="next"`: the query of the next page, if there is one.'

api = make_routes()


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
    request.app.stated_scores.hit(now(), user.id)
    return user


@api.get(
    "/api/leaderboard",
    query=schemas.BoardQuery,
    response=list[schemas.EntryAnswer],
    headers=[NEXT_PAGE],
    errors=(404, 429),
)
def leaderboard(query):
    """Return a page of a leaderboard, best first: each player's best game.

    With `room`, only the members of that room are ranked, by the same games. 404: There is no such game to challenge, or no
    such room.
    """
    names = leaderboard_pages.boards_for_query(query)
    if query.room is not None:
        content, link = RoomLeaderboard(names, find_room(query.room).id).page(query)
        return cacheable_response(content, {"Link": link} if link else {})
    return request.app.page_cache.get((*names, query), score_histogram.versions(names), _leaderboard_page, query, names)


def _leaderboard_page(query, names):
    content, link = leaderboard_pages.leaderboard_page(query, names)
    return cacheable_response(content, {"Link": link} if link else {})


@api.get("/api/leaderboard/me", user=require_user, query=schemas.StandingQuery, response=schemas.Standing, errors=(404,))
def my_standing(user, query):
    """Return your rank on a leaderboard, with the entries around it.

    With `room`, it is that among its members. 404: There is no such game to challenge, or no such room.
    """
    names = leaderboard_pages.boards_for_query(query, user)
    if query.room is not None:
        return RoomLeaderboard(names, find_room(query.room).id).standing(user)
    return request.app.standing_cache.get(
        (user.id, *names), score_histogram.versions(names), leaderboard_pages.player_standing, names, user
    )


@api.get("/api/leaderboard/next", query=schemas.NextQuery, visitor=optional_user, response=schemas.NextRank, errors=(404,))
def next_rank(query, visitor):
    """Return the rank that a score would have, and the next entry to beat.

    With `room`, it is that among its members. 404: There is no such game to challenge, or no such room.
    """
    names = leaderboard_pages.boards_for_query(query, visitor)
    if query.room is not None:
        return RoomLeaderboard(names, find_room(query.room).id).next_rank(query.score, visitor)
    return leaderboard_pages.next_rank(names, query.score, visitor)


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
    response.headers.update(server_time())
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
