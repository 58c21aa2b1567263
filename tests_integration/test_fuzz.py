"""Requests drawn from the API's description, valid and invalid: each response is as described, and none is a 500."""

import json
import os
from urllib.parse import parse_qs, quote, urlsplit

import conformance
import pytest
import schemathesis
from driver import PASSWORD, Answer, content
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

import rules
import service

CASES = int(os.environ.get("FUZZ_CASES", "1200"))  # on each database, about; `make fuzz` asks for more
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "414", "422", "423"]
CONFIG = {
    "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
    "phases": {"stateful": {"generation": {"mode": "positive"}}},
}
SCHEMA = schemathesis.openapi.from_dict(json.loads(service.describe_api()), config=schemathesis.Config.from_dict(CONFIG))
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
    "create_room": ACCEPTANCE,  # names that offend, or have characters that no name has
    "join_room": ACCEPTANCE,  # the same
    "change_room": ACCEPTANCE,  # the same; and who isn't there can't be the host
    "rename_member": ACCEPTANCE,  # the same
    "active_games": ALLOWED,  # DELETE is allowed, since the address could be a game's
    "live_games": ALLOWED,  # the same
    "show_game": FREED,  # a game that was left is over, and stays to be seen
    "leave_room": FREED,  # who has left can leave again
    "end_round": FREED,  # the same
    "show_round": FREED,  # a round that has ended stays to be seen
}
LAST = ("log_out", "log_out_everywhere", "end_session", "change_me", "delete_me")  # calls that can end a session


def test_the_description_is_valid():
    SCHEMA.validate()


@pytest.fixture(scope="module")
def fuzzed(make_server_of_module, postgres_url_of_module):
    """A server on each database, with a player who is signed in, and a count of what is sent."""
    settings = {"RATE_LIMITS": "false", "SCORE_POLICY": "open"}
    servers = {
        "sqlite": make_server_of_module(**settings),
        "postgres": make_server_of_module(**settings, DATABASE_URL=postgres_url_of_module),
    }
    for server in servers.values():
        server.players = iter(range(1_000_000))
        server.ada = server.api.sign_up("Ada")
        server.sent = 0
    yield servers
    for name, server in servers.items():
        print(f"{name}: {server.sent} cases")


def aimed(case, server):
    """Every other case that is right, aimed at what there is, or at what is rarely drawn; who sends it: their headers."""
    player = server.api.sign_up(f"Player{next(server.players)}") if name_of(case) in LAST else server.ada
    if case.meta.generation.mode.is_positive:
        fields = case.body if isinstance(case.body, dict) else {}
        if server.sent % 4 == 1:
            there = {"current_password": PASSWORD, "password": PASSWORD, "since": 0, "challenge": "daily"}
            fields |= {name: there[name] for name in fields.keys() & there}
            case.path_parameters |= found(case.path_parameters, player)
        elif server.sent % 4 == 3:
            awkward = AWKWARD[server.sent // 4 % len(AWKWARD)]
            texts = {"username", "email", "password", "challenge", "name", "my_name", "host"}
            fields |= dict.fromkeys(fields.keys() & texts, awkward)
            case.path_parameters |= {name: quote(awkward, safe="") for name in case.path_parameters}
    return {"Authorization": f"Bearer {player.token}"}


def found(names, player):
    """Return parameters of a path, by their names, that lead to something of the player's."""
    if "code" not in names:
        return {name: FOUND[name](player) for name in names}
    room = player("POST /api/rooms", {}, 201)
    there = {"code": room["code"], "member_id": room["host"]}
    if "number" in names:
        made = {"mode": "walls", "minutes": 1, "tries": "many", "starts_in": 3}
        there["number"] = str(player(f"POST /api/rooms/{room['code']}/rounds", made, 201)["number"])
    return {name: there[name] for name in names}


# The other parameters of paths, of a player who is signed in.
FOUND = {
    "game_id": lambda player: player.open()["id"],
    "session_id": lambda player: player("GET /api/auth/sessions")[0]["id"],
    "name": lambda player: player.user["username"],
}
AWKWARD = ["\0", "a\0b", "%00", "\u202e", "..", "../..", "a/b", "daily", "daily/", "daily/0000-00-00", "NaN", "' OR 1=1 --"]


@SCHEMA.parametrize()
@DRAWN
def test_every_answer_is_as_described(case, fuzzed):
    """Each case is sent to both servers: to draw it takes longer than to send it."""
    drawn = [(part, dict(part)) for part in (case.path_parameters, case.body) if isinstance(part, dict)]
    for server in fuzzed.values():
        for part, fields in drawn:  # which are aimed at what each server has
            part.clear()
            part.update(fields)
        headers = aimed(case, server)
        answer = case.call(base_url=server.url, headers=headers)
        check(case, answer, headers=headers)
        server.sent += 1


def check(case, answer, **how):
    excluded = {ANSWERS, EXCLUDED.get(name_of(case))}
    if case.query.keys() - parse_qs(urlsplit(answer.request.url).query).keys():
        excluded.add(REJECTION)  # a field that is sent with nothing in it counts as none, whatever nothing was drawn
    case.validate_response(answer, excluded_checks=list(excluded), **how)
    # In place of ANSWERS, which turns the arrays of 2020-12 into an older draft's, and then refuses them.
    headers = {"Content-Type": answer.headers.get("content-type", [""])[0]}
    found = Answer(answer.status_code, headers, content(headers, answer.content))
    conformance.check(answer.request.method, case.operation.path, found)


def name_of(case):
    return case.operation.definition.raw["operationId"]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_what_is_created_exists_and_what_is_deleted_does_not(fuzzed, database):
    """Calls in a row, which take up what others before have answered."""
    server = fuzzed[database]

    class Machine(SCHEMA.as_state_machine()):
        def setup(self):
            self.player, self.games = server.api.sign_up(f"Player{next(server.players)}"), set()

        def before_call(self, case):
            if name_of(case) == "open_game":
                case.body = {"mode": rules.WALLS}
            elif name_of(case) == "post_turns":
                case.body = {"since": 0, "tick": 1, "turns": [[1, "L"]]}

        def get_call_kwargs(self, case):
            return {"base_url": server.url, "headers": {"Authorization": f"Bearer {self.player.token}"}}

        def validate_response(self, response, case, additional_checks=(), **sent):
            server.sent += 1
            check(case, response, headers=sent["headers"], transport_kwargs=sent, recorder=self.recorder)
            # As ensure_resource_availability, which only looks where a call takes nothing but what it was led to.
            if response.status_code == 201 and name_of(case) == "open_game":
                self.games.add(response.json()["id"])
            assert response.status_code != 404 or case.path_parameters.get("game_id") not in self.games

    Machine.run(settings=settings(DRAWN, max_examples=max(1, CASES // 50), stateful_step_count=10))
