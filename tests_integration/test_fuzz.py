"""Requests drawn from the API's description, valid and invalid: each response is as described, and none is a 500."""

import json
import os
from urllib.parse import parse_qs, quote, urlsplit

import conformance
import pytest
import schemathesis
from driver import PASSWORD, Answer
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

import rules
import service

CASES = int(os.environ.get("FUZZ_CASES", "3000"))  # on each database, about; `make fuzz` asks for more
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "414", "422"]
CONFIG = {
    "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
    "phases": {"stateful": {"generation": {"mode": "positive"}}},
}
SCHEMA = schemathesis.openapi.from_dict(json.loads(service.DESCRIPTION), config=schemathesis.Config.from_dict(CONFIG))
OPERATIONS = sum(1 for _ in SCHEMA.get_all_operations())
DRAWN = settings(
    max_examples=max(1, CASES // OPERATIONS),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

load_all_checks()
ACCEPTANCE, REJECTION, ALLOWED, ANSWERS, FREED = map(
    CHECKS.get_one,
    (
        "positive_data_acceptance",
        "negative_data_rejection",
        "allow_header_conformance",
        "response_schema_conformance",
        "use_after_free",
    ),
)
# Calls of which a check can't hold, each for a reason.
EXCLUDED = {
    "sign_up": ACCEPTANCE,  # names that imitate or offend; passwords are counted in bytes, and compared with names
    "change_me": ACCEPTANCE,  # the same
    "log_in": ACCEPTANCE,  # a username or an email
    "open_game": ACCEPTANCE,  # a mode or a challenge, whose day is over or to come, or whose game has another mode
    "post_turns": ACCEPTANCE,  # turns are in order, and in (since, tick]
    "state_score": ACCEPTANCE,  # 10.0 is no score, though it is an integer to JSON Schema
    "leaderboard": ACCEPTANCE,  # a challenge has no other period than all
    "my_standing": ACCEPTANCE,  # the same
    "next_rank": ACCEPTANCE,  # the same
    "active_games": ALLOWED,  # DELETE is allowed, since the address could be a game's
    "live_games": ALLOWED,  # the same
    "show_game": FREED,  # a game that was left is over, and stays to be seen
}
LAST = ("log_out", "log_out_everywhere", "end_session", "change_me", "delete_me")  # calls that can end a session


def test_the_description_is_valid():
    SCHEMA.validate()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fuzzed(request, make_server_of_module):
    """A server, with a player who is signed in, and a count of what is sent."""
    url = {} if request.param == "sqlite" else {"DATABASE_URL": request.getfixturevalue("postgres_url_of_module")}
    server = make_server_of_module(RATE_LIMITS="false", SCORE_POLICY="open", **url)
    server.players = iter(range(1_000_000))
    server.ada = server.api.sign_up("Ada")
    server.sent = 0
    yield server
    print(f"{request.param}: {server.sent} cases")


def aimed(case, server):
    """Every other case that is right, aimed at what there is, or at what is rarely drawn; who sends it: their headers."""
    player = server.api.sign_up(f"Player{next(server.players)}") if name_of(case) in LAST else server.ada
    if case.meta.generation.mode.is_positive:
        fields = case.body if isinstance(case.body, dict) else {}
        if server.sent % 4 == 1:
            there = {"current_password": PASSWORD, "password": PASSWORD, "since": 0, "challenge": "daily"}
            fields |= {name: there[name] for name in fields.keys() & there}
            case.path_parameters |= {name: FOUND[name](player) for name in case.path_parameters}
        elif server.sent % 4 == 3:
            awkward = AWKWARD[server.sent // 4 % len(AWKWARD)]
            fields |= dict.fromkeys(fields.keys() & {"username", "email", "password", "challenge"}, awkward)
            case.path_parameters |= {name: quote(awkward, safe="") for name in case.path_parameters}
    return {"Authorization": f"Bearer {player.token}"}


# The parameters of paths, of a player who is signed in.
FOUND = {
    "game_id": lambda player: player.open()["id"],
    "session_id": lambda player: player("GET /api/auth/sessions")[0]["id"],
    "name": lambda player: player.user["username"],
}
AWKWARD = ["\0", "a\0b", "%00", "\u202e", "..", "../..", "a/b", "daily", "daily/", "daily/0000-00-00", "NaN", "' OR 1=1 --"]


@SCHEMA.parametrize()
@DRAWN
def test_every_answer_is_as_described(case, fuzzed):
    headers = aimed(case, fuzzed)
    answer = case.call(base_url=fuzzed.url, headers=headers)
    check(case, answer, headers=headers)
    fuzzed.sent += 1


def check(case, answer, **how):
    excluded = {ANSWERS, EXCLUDED.get(name_of(case))}
    if case.query.keys() - parse_qs(urlsplit(answer.request.url).query).keys():
        excluded.add(REJECTION)  # a field that is sent with nothing in it counts as none, whatever nothing was drawn
    case.validate_response(answer, excluded_checks=list(excluded), **how)
    # In place of ANSWERS, which turns the arrays of 2020-12 into an older draft's, and then refuses them.
    content = json.loads(answer.content) if answer.content else None
    headers = {"Content-Type": answer.headers.get("content-type", [""])[0]}
    conformance.check(answer.request.method, case.operation.path, Answer(answer.status_code, headers, content))


def name_of(case):
    return case.operation.definition.raw["operationId"]


def test_what_is_created_exists_and_what_is_deleted_does_not(fuzzed):
    """Calls in a row, which take up what others before have answered."""

    class Machine(SCHEMA.as_state_machine()):
        def setup(self):
            self.player, self.games = fuzzed.api.sign_up(f"Player{next(fuzzed.players)}"), set()

        def before_call(self, case):
            if name_of(case) == "open_game":
                case.body = {"mode": rules.WALLS}
            elif name_of(case) == "post_turns":
                case.body = {"since": 0, "tick": 1, "turns": [[1, "L"]]}

        def get_call_kwargs(self, case):
            return {"base_url": fuzzed.url, "headers": {"Authorization": f"Bearer {self.player.token}"}}

        def validate_response(self, response, case, additional_checks=(), **sent):
            fuzzed.sent += 1
            check(case, response, headers=sent["headers"], transport_kwargs=sent, recorder=self.recorder)
            # As ensure_resource_availability, which only looks where a call takes nothing but what it was led to.
            if response.status_code == 201:
                self.games.add(response.json()["id"])
            assert response.status_code != 404 or case.path_parameters.get("game_id") not in self.games

    Machine.run(settings=settings(DRAWN, max_examples=max(1, CASES // 50), stateful_step_count=10))
