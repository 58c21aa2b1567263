"""Requests that every call refuses in the same way: unknown paths and methods, bad JSON, bodies that are too large."""

import functools
import io
import re
from urllib.parse import quote, urljoin

import pytest
import webob
import webtest
from driver import PASSWORD, drive

import service
from database import migrations
from models import TABLES
from web import pages, problems
from web.problems import Problem

JSON_CALLS = [
    "POST /api/auth/signup",
    "POST /api/auth/login",
    "POST /api/auth/guest",
    "PATCH /api/auth/me",
    "DELETE /api/auth/me",
    "POST /api/games",
    "POST /api/games/ID/turns",
]
# What each of these is refused with, on a call that wants an object with certain fields.
BODIES = {
    "not closed": (b'{"mode":', 400),
    "not JSON": (b"mode=walls", 400),
    "NaN": (b'{"mode": NaN}', 400),
    "two values": (b"{} {}", 400),
    "not UTF-8": (b'{"\xff": 1}', 400),
    "lone surrogate": (b'{"mode": "\\ud800"}', 400),
    "deep array": (b"[" * 30_000 + b"]" * 30_000, 422),
    "as deep as fits": (b"[" * 65_536, 422),
    "deeper": (b"[" * 100_000 + b"]" * 100_000, 413),
    "deep object": (b'{"x":' * 9_000 + b"1" + b"}" * 9_000, 422),
    "a list": (b"[]", 422),
    "a number": (b"7", 422),
    "null": (b"null", 422),
    "unknown field": (b'{"nonsense": 1}', 422),
    "huge number": (b'{"nonsense": 1' + b"0" * 5000 + b"}", 422),
    "too large": (b'{"mode": "' + b"x" * 65_536 + b'"}', 413),
}


def is_problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["title"]
    assert len(answer.json["detail"]) > 10
    assert "Traceback" not in str(answer.json)
    return True


def rows(db):
    return [list(table.select().dicts()) for table in TABLES]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("call", JSON_CALLS)
def test_a_body_that_is_no_request_is_refused_and_nothing_is_written(ada, db, call, name):
    game = ada.open()
    body, status = BODIES[name]
    before = rows(db)
    assert is_problem(ada.ask(call.replace("ID", game["id"]), body), status)
    assert rows(db) == before


@pytest.mark.parametrize("call", JSON_CALLS)
def test_nesting_within_a_field_is_refused(ada, call):
    game = ada.open()
    field = {"signup": "username", "login": "username", "guest": "password", "me": "password", "games": "mode"}
    name = field.get(call.split("/")[-1], "turns").encode()
    answer = ada.ask(call.replace("ID", game["id"]), b'{"' + name + b'":' + b"[" * 20_000 + b"]" * 20_000 + b"}")
    assert is_problem(answer, 422)


@pytest.mark.parametrize(
    ("call", "body", "field"),
    [
        ("POST /api/auth/signup", {"username": "Eve"}, "password"),
        ("POST /api/auth/signup", {"username": 7, "password": PASSWORD}, "username"),
        ("POST /api/auth/signup", {"username": "x" * 1000, "password": PASSWORD}, "username"),
        ("POST /api/auth/signup", {"username": "Eve", "password": ["x"]}, "password"),
        ("POST /api/auth/login", {"password": PASSWORD}, "username"),
        ("POST /api/auth/login", {"username": None, "password": None}, "password"),
        ("POST /api/games", {}, "mode"),
        ("POST /api/games", {"mode": "Walls"}, "mode"),
        ("POST /api/games", {"mode": None}, "mode"),
        ("POST /api/games", {"mode": "walls", "seed": 1}, "seed"),
        ("PATCH /api/auth/me", {"username": "Eve"}, "current_password"),
    ],
)
def test_the_field_that_is_wrong_is_named(ada, call, body, field):
    answer = ada.ask(call, body)
    assert is_problem(answer, 422)
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_wrong_choice_is_answered_with_the_valid_ones(ada):
    message = ada("POST /api/games", {"mode": "wall"}, 422)["errors"][0]["message"]
    assert "walls, pass-through" in message


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/games/x/y/z",
        "/nothing",
        "/static/",
        "/static/nothing.js",
        "/api/auth/me/",
    ],
)
def test_an_unknown_path_is_404(api, path):
    assert is_problem(api.ask(f"GET {path}"), 404)


@pytest.mark.parametrize("version", ["", "v-000000000000/"])
@pytest.mark.parametrize(
    "path",
    [
        *("../service.py", "%2e%2e/service.py", "..%2fservice.py", "%2e%2e%2fservice.py", "js/../../service.py"),
        *("%252e%252e/service.py", "..%252fservice.py", "%25%32%65%25%32%65/service.py", "..%c0%afservice.py"),
        *("..%5cservice.py", "..\\service.py", "%2e%2e%5cservice.py", "....//service.py", ".%2e/service.py"),
        *(
            "/etc/passwd",
            "%2fetc/passwd",
            "%2f%2fetc%2fpasswd",
            f"{quote(str(service.STATIC))}/js/rules.js",
            "file:///etc/passwd",
        ),
        *("js/rules.js%00", "js/rules.js%00.png", "%00", "../service.py%00.js"),
        *("js", "js/", ".", "..", "/"),
    ],
)
def test_nothing_but_the_clients_files_is_served(api, path, version):
    assert is_problem(api.ask(f"GET /static/{version}{path}"), 404)


@pytest.mark.parametrize(
    "path", ["/../service.py", "/%2e%2e/service.py", "//etc/passwd", "/service.py", "/.env", "/snake.db"]
)
def test_nothing_beside_the_clients_folder_is_served(api, path):
    assert is_problem(api.ask(f"GET {path}"), 404)


def test_a_wrong_method_is_405_with_those_allowed(api):
    methods = {}
    for route in (*service.api.routes, *service.site.routes):
        methods.setdefault(re.sub("<.+?>", "x", route.rule), set()).add(route.method)
    for path, right in methods.items():
        answer = api.ask(f"PUT {path}")
        assert is_problem(answer, 405)
        assert right <= set(answer.headers["Allow"].split(","))


@pytest.mark.parametrize(
    "call",
    [
        *("POST /api/auth/logout", "GET /api/auth/me", "PATCH /api/auth/me", "DELETE /api/auth/me", "POST /api/games"),
        *("POST /api/games/x/turns", "DELETE /api/games/x", "GET /api/leaderboard/me"),
        *("GET /api/auth/sessions", "DELETE /api/auth/sessions", "DELETE /api/auth/sessions/x"),
    ],
)
@pytest.mark.parametrize("token", [None, "dead", "x" * 5000])
def test_calls_that_need_a_token_refuse_without_a_live_one(api, db, call, token):
    api.token = token
    answer = api.ask(call, {} if call.startswith(("POST", "PATCH", "DELETE")) else None)
    assert is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_query_string_that_is_not_utf_8_is_refused(api):
    assert is_problem(api.ask("GET /api/leaderboard?mode=%ff"), 400)
    assert is_problem(api.ask("GET /api/%ff"), 404)


def test_a_query_string_is_bounded(api):
    assert is_problem(api.ask(f"GET /api/leaderboard?mode={'x' * 4100}"), 414)
    assert is_problem(api.ask("GET /api/leaderboard?" + "&".join(f"f{n}=1" for n in range(101))), 400)


@pytest.mark.parametrize(
    "call",
    [
        *("GET /", "HEAD /", "GET /static/style.css", "GET /static/icon.svg", "GET /api/docs", "GET /manifest.webmanifest"),
        *("GET /api/leaderboard", "GET /api/games/live", "GET /api/games/active", "GET /api/openapi.json", "GET /healthz"),
        *("GET /metrics", "GET /games/GAME", "GET /games/GAME/card.png", "GET /api/games/GAME", "HEAD /api/games/GAME"),
        *("DELETE /api/games/GAME", "POST /api/auth/guest", "POST /api/auth/login", "GET /api/auth/me"),
        *("GET /nothing", "GET /games/nothing", "GET /static/nothing", "GET /api/nothing", "GET /%ff", "PUT /", "TRACE /"),
        *("OPTIONS /", "OPTIONS /api/games", "POST /metrics"),
    ],
)
def test_every_response_is_nosniff_and_every_page_has_a_content_security_policy(app, ada, call):
    method, path = call.replace("GAME", ada.open()["id"]).split(" ")
    ask = functools.partial(webtest.TestApp(app).request, path, method=method, expect_errors=True)
    for sent in ({}, {"Accept": "text/html"}, {"Origin": "https://example.org"}, {"If-None-Match": "*"}):
        answer = ask(headers=sent)
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        if answer.status_int == 304:
            continue  # it has no type; browsers keep the headers of the page that they have
        is_page = headers.get("Content-Type", "").startswith("text/html")
        policy = headers.get("Content-Security-Policy", "").split("; ")
        assert ({"default-src 'self'", "frame-ancestors 'none'"} <= set(policy)) == is_page
        assert (headers.get("Referrer-Policy") == "same-origin") == is_page


@pytest.mark.parametrize(
    "call", ["GET /", "GET /api/docs", "GET /games/GAME", "GET /nothing", "GET /games/nothing", "PUT /"]
)
def test_what_browsers_open_is_a_page(app, ada, call):
    method, path = call.replace("GAME", ada.open()["id"]).split(" ")
    headers = {"Accept": "text/html"}
    answer = webtest.TestApp(app).request(path, method=method, headers=headers, expect_errors=True)
    assert answer.content_type == "text/html"


def test_a_preflight_is_nosniff_too(make_app):
    client = webtest.TestApp(make_app(cors_origins="*"))
    preflight = client.options("/api/games", headers={"Origin": "https://example.org"})
    assert preflight.status_int == 204
    assert preflight.headers["X-Content-Type-Options"] == "nosniff"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("accepted", [BROWSER, "text/html", "TEXT/HTML;q=0.9", "text/html, application/json;q=0.5"])
@pytest.mark.parametrize("path", ["/nothing", "/a/b/<script>", "/static/nothing.js", "/apis", "/games/x/nothing"])
def test_a_browser_gets_a_page_for_an_unknown_address(app, accepted, path):
    page = webtest.TestApp(app).get(path, headers={"Accept": accepted}, status=404)
    assert page.content_type == "text/html"
    assert page.headers["Vary"] == "Accept"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Not Found" in page.text
    assert "<script>" not in page.text
    wordmark, way_on = re.findall('<a class="(?:wordmark|primary)" href="([^"]*)"', page.text)
    for home in (wordmark, way_on):
        assert urljoin(f"http://localhost/snake{path}", home) == "http://localhost/snake/"


def test_a_page_that_may_be_there_later_is_requested_again_by_itself():
    again = '<meta http-equiv="refresh" content="2">'
    assert again in pages.refusal(Problem(503, problems.UNAVAILABLE, "Try again in 2 s.", retry_in=2), "/games/x")
    assert 'http-equiv="refresh"' not in pages.refusal(Problem(404, problems.NOT_FOUND, "It is gone."), "/games/x")


@pytest.mark.parametrize("path", ["/nothing", "/static/nothing.js"])
@pytest.mark.parametrize("accepted", ["*/*", "", "application/json", "text/html;q=0", "application/json, text/html;q=0.9"])
def test_others_get_a_problem_for_it(app, path, accepted):
    answer = webtest.TestApp(app).get(path, headers={"Accept": accepted}, status=404)
    assert (answer.content_type, answer.headers["Vary"]) == ("application/problem+json", "Accept")


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/games/nothing", "/api/games/x/y/z", "/api/<script>"]
)
def test_below_api_nothing_that_is_refused_is_html(app, path):
    for method in ("GET", "PUT"):
        answer = webtest.TestApp(app).request(path, method=method, headers={"Accept": BROWSER}, expect_errors=True)
        assert (answer.status_int in (404, 405), answer.content_type) == (True, "application/problem+json")


@pytest.mark.parametrize(
    "call",
    [
        *("GET /api/auth/me", "POST /api/auth/guest", "GET /api/games/active", "GET /api/players/Ada", "POST /api/games"),
        *("GET /api/leaderboard", "GET /api/games/live", "GET /api/openapi.json", "GET /api/auth/sessions"),
    ],
)
@pytest.mark.parametrize("query", ["fbclid=x", "nonsense=", "%66oo=1&mode=walls", "Mode=walls", "nonsense"])
def test_below_api_an_unknown_parameter_is_refused(ada, call, query):
    answer = ada.ask(f"{call}?{query}", {} if call.startswith("POST") else None)
    assert is_problem(answer, 422)
    assert answer.json["errors"][0]["code"] == "unknown_field"


def test_health(api):
    latest = migrations.names()[-1]
    assert api("GET /healthz") == {"status": "ok", "database": "ok", "engine": "sqlite", "migration": latest}


def test_other_origins_are_closed_out_unless_they_are_set(make_app):
    origin = {"Origin": "https://example.org"}
    preflight = origin | {"Access-Control-Request-Method": "POST"}
    closed = drive(make_app())
    assert "Access-Control-Allow-Origin" not in closed.ask("GET /api/leaderboard", headers=origin).headers
    assert closed.ask("OPTIONS /api/games", headers=preflight).status == 405
    opened = drive(make_app(cors_origins="https://example.org, https://other.example"))
    assert opened.ask("GET /api/leaderboard", headers=origin).headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert opened.ask("GET /api/nothing", headers=origin).headers["Access-Control-Allow-Origin"] == origin["Origin"]
    answer = opened.ask("OPTIONS /api/games", headers=preflight)
    assert (answer.status, "Authorization" in answer.headers["Access-Control-Allow-Headers"]) == (204, True)
    stranger = opened.ask("GET /api/leaderboard", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert stranger.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("call", "body", "code", "params"),
    [
        ("POST /api/games", {"mode": "wall"}, "not_a_choice", {"choices": ["walls", "pass-through"]}),
        ("POST /api/games", {"mode": 5}, "wrong_type", {"expected": "str | null", "got": "int"}),
        ("POST /api/games", {}, "missing", {"choices": ["walls", "pass-through"]}),
        ("POST /api/games", {"mode": "walls", "speed": 2}, "unknown_field", {}),
        ("POST /api/games/x/turns", {"since": -1, "tick": 1, "turns": []}, "too_small", {"min": 0}),
        ("POST /api/games/x/turns", {"since": 0, "tick": 10**9, "turns": []}, "too_large", {"max": 320_000}),
        ("PATCH /api/auth/me", {"current_password": "x" * 321}, "too_long", {"max": 320, "unit": "characters"}),
        ("GET /api/leaderboard?limit=101", None, "too_large", {"max": 100}),
        ("GET /api/leaderboard?at=yesterday", None, "bad_format", {}),
    ],
)
def test_a_wrong_field_has_a_code_with_params(ada, call, body, code, params):
    refused = ada(call, body, 422)
    [error] = refused["errors"]
    assert (refused["code"], error["code"], error.get("params", {})) == ("invalid", code, params)


@pytest.mark.parametrize(
    ("call", "body", "status", "code", "params"),
    [
        ("GET /api/nothing", None, 404, "not_found", {}),
        ("DELETE /api/leaderboard", None, 405, "method_not_allowed", {"allowed": ["GET", "POST"]}),
        ("POST /api/auth/login", b"{", 400, "malformed_json", {}),
        ("POST /api/auth/login", b'{"mode": "' + b"x" * 65536, 413, "body_too_large", {"max_bytes": 65536}),
        ("POST /api/auth/login", {"username": "Ada", "password": "wrong"}, 401, "log_in_failed", {}),
        ("POST /api/auth/signup", {"username": "ada", "password": "correct horse"}, 409, "name_taken", {}),
        ("POST /api/leaderboard", {"score": 10, "mode": "walls"}, 403, "scores_not_stated", {}),
    ],
)
def test_a_refusal_has_a_code_with_params(api, ada, call, body, status, code, params):
    refused = api(call, body, status)
    assert (refused["code"], refused.get("params", {})) == (code, params)
    assert refused["detail"]


def test_every_code_is_in_the_description(api):
    schemas = api("GET /api/openapi.json")["components"]["schemas"]
    assert schemas["Code"]["enum"] == list(problems.CODES)


# Numbers in JSON.


def board_of(make_app):
    return drive(make_app(score_policy="open")).sign_up("Ada")


@pytest.mark.parametrize(
    ("written", "score"),
    [
        *(("100.0", 100), ("100.000", 100), ("1e2", 100), ("1E+2", 100), ("1.5e1", 15), ("1000e-1", 100), ("-0.0", 0)),
        *(("0.0", 0), ("0e5", 0), ("0e999999", 0), ("-0", 0), ("2147483647.0", 2**31 - 1)),
        ("1." + "0" * 1000, 1),
    ],
)
def test_an_integer_may_be_written_with_a_fraction_or_an_exponent(make_app, written, score):
    ada = board_of(make_app)
    body = b'{"mode": "walls", "score": %s}' % written.encode()
    assert ada("POST /api/leaderboard", body, 201)["score"] == score


@pytest.mark.parametrize(
    "written",
    [
        *(
            "100.5",
            "1e-1",
            "1e400",
            "-1e400",
            "1e999999999999999999999",
            "-1.0",
            "2147483648.0",
            "1e30",
            "1e20",
            "true",
            '"100"',
        ),
        *('"100.0"', "[100.0]", "null", "1.0e400", "0." + "0" * 1000 + "1"),
    ],
)
def test_what_is_no_whole_number_of_the_range_is_refused(make_app, written):
    answer = board_of(make_app).ask("POST /api/leaderboard", b'{"mode": "walls", "score": %s}' % written.encode())
    assert is_problem(answer, 422)
    [error] = answer.json["errors"]
    assert error["field"] == "score"
    assert ("whole number" in error["message"]) == (error["params"].get("got") == "float")


@pytest.mark.parametrize("written", ["1.", ".5", "1e", "01.0", "+1.0", "0x10", "1_0.0", "NaN", "Infinity", "100.0,"])
def test_what_is_no_number_of_jsons_is_no_json(make_app, written):
    answer = board_of(make_app).ask("POST /api/leaderboard", b'{"mode": "walls", "score": %s}' % written.encode())
    assert is_problem(answer, 400)


def test_turns_may_be_written_so_too(ada):
    game = ada.open("pass-through")
    body = b'{"since": 0.0, "tick": 1e1, "turns": [[2.0, "R"], [5e0, "U"]]}'
    assert ada(f"POST /api/games/{game['id']}/turns", body)["tick"] == 10
    refused = ada.ask(f"POST /api/games/{game['id']}/turns", b'{"since": 10.0, "tick": 20, "turns": [[12.5, "R"]]}')
    assert is_problem(refused, 422)
    assert refused.json["errors"][0]["field"] == "turns[0][0]"


# The token beside a proxy's password.


@pytest.mark.parametrize("other", [None, "Basic YWRhOmh1bnRlcjI=", "Bearer", "Bearer ", "Digest username=x", "nonsense"])
def test_a_token_may_be_in_a_header_of_its_own(api, ada, other):
    headers = {"X-Snakepit-Token": ada.token} | ({"Authorization": other} if other else {})
    assert api("GET /api/auth/me", headers=headers)["username"] == "Ada"
    assert api("GET /api/leaderboard/next?mode=walls&score=1", headers=headers)["rank"] == 1
    refused = api.ask("GET /api/auth/me", headers=headers | {"X-Snakepit-Token": "dead"})
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert api.ask("GET /api/auth/me", headers=headers | {"X-Snakepit-Token": " "}).json["code"] == "token_missing"


def test_a_bearer_token_comes_before_it(api, ada, bob):
    headers = {"X-Snakepit-Token": ada.token, "Authorization": f"Bearer {bob.token}"}
    assert api("GET /api/auth/me", headers=headers)["username"] == "Bob"
    assert api.ask("GET /api/auth/me", headers=headers | {"Authorization": "Bearer dead"}).status == 401


def test_pages_of_other_origins_may_send_it(make_app):
    preflight = {"Origin": "https://example.org", "Access-Control-Request-Headers": "x-snakepit-token"}
    allowed = drive(make_app(cors_origins="*")).ask("OPTIONS /api/games", headers=preflight)
    assert "X-Snakepit-Token" in allowed.headers["Access-Control-Allow-Headers"]


def test_the_token_of_metrics_may_be_in_it(make_app):
    client = webtest.TestApp(make_app(metrics_token="sixteen characters"))
    client.get("/metrics", headers={"X-Snakepit-Token": "sixteen characters", "Authorization": "Basic x"}, status=200)
    client.get("/metrics", headers={"X-Snakepit-Token": "another"}, status=401)


# Bodies under other servers.


def post_raw(app, body, **environ):
    """Post to log in, as a server does that ends no input by itself."""
    made = webob.Request.blank("/api/auth/login", method="POST").environ
    for name in ("wsgi.input_terminated", "CONTENT_LENGTH"):
        made.pop(name, None)
    made |= {"wsgi.input": io.BytesIO(body)} | environ
    return webob.Request(made).get_response(app)


def test_a_body_in_chunks_that_the_server_does_not_undo_is_411(app):
    answer = post_raw(app, b"2\r\n{}\r\n0\r\n\r\n", HTTP_TRANSFER_ENCODING="chunked")
    assert (answer.status_int, answer.json["code"], answer.content_type) == (
        411,
        "length_required",
        "application/problem+json",
    )
    assert post_raw(app, b"2\r\n{}", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="").status_int == 411


def test_a_body_that_a_server_has_undone_is_read(app, ada):
    body = b'{"username": "Ada", "password": "%s"}' % PASSWORD.encode()
    ended = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert post_raw(app, body, **ended).status_int == 200
    assert post_raw(app, body, CONTENT_LENGTH=str(len(body))).status_int == 200


@pytest.mark.parametrize("length", ["x", "-1", "1.0", " 2", "\xb2", "+2"])
def test_a_length_that_is_none_is_refused(app, length):
    assert post_raw(app, b"{}", CONTENT_LENGTH=length).status_int == 400


def test_a_length_without_end_is_bounded(app):
    assert post_raw(app, b"x" * 70_000, CONTENT_LENGTH="9" * 30).status_int == 413
