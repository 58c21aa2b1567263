"""How often something may be tried."""

import pytest
from driver import PASSWORD, drive


@pytest.mark.parametrize("name", ["Ada", "Nobody"])
def test_failed_log_ins_of_one_account_are_stopped_and_say_for_how_long(ada, api, name):
    for _ in range(20):
        api("POST /api/auth/login", {"username": name, "password": "wrong horse"}, 401)
    answer = api.ask("POST /api/auth/login", {"username": name, "password": PASSWORD})
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    api("POST /api/auth/login", {"username": "Eve", "password": "wrong horse"}, 401)


def test_log_ins_that_succeed_are_not_counted(ada, api):
    for _ in range(25):
        api.log_in("Ada")


def test_a_password_can_not_be_guessed_by_changing_the_account(ada):
    for _ in range(20):
        ada("PATCH /api/auth/me", {"current_password": "wrong horse"}, 403)
    ada("DELETE /api/auth/me", {"password": PASSWORD}, 429)


def test_guests_from_one_address_are_bounded_unless_limits_are_off(make_app):
    limited, free = drive(make_app()), drive(make_app(rate_limits=False))
    for api in (limited, free):
        for _ in range(400):
            api.guest()
    assert limited.ask("POST /api/auth/guest").status == 429
    assert free.ask("POST /api/auth/guest").status == 201
