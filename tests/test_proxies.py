"""The address that limits count by, behind proxies and without."""

import pytest
import webtest

import config
import proxies

PROXIES = "10.0.0.0/8, 192.0.2.1, 2001:db8:ffff::/48"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # who is no proxy can say what they like
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "203.0.113.9,198.51.100.1 , 192.0.2.1,10.9.9.9", "198.51.100.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "10.0.0.5, 10.0.0.6", "10.0.0.5"),
        ("10.1.2.3", "198.51.100.1, unknown, 10.0.0.6", "10.0.0.6"),
        ("10.1.2.3", "198.51.100.1, 1.2.3.4.5", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1,", "10.1.2.3"),
        ("::ffff:10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("2001:db8:ffff::1", "2001:db8:0:7:aaaa::1", "2001:db8:0:7::/64"),
        ("2001:db8:0:7:bbbb::2", "198.51.100.1", "2001:db8:0:7::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_client_is_the_last_that_no_trusted_proxy_is(peer, forwarded, client):
    trusted = config.load(trusted_proxies=PROXIES).trusted_proxies
    assert proxies.client(peer, forwarded, trusted) == client


def test_without_trusted_proxies_nobody_is_believed():
    assert proxies.client("127.0.0.1", "198.51.100.1", config.Settings().trusted_proxies) == "127.0.0.1"


@pytest.fixture
def log_in(make_app):
    """Fails to log in, each time to another account, as if from a peer; the answer's status."""
    client = webtest.TestApp(make_app(trusted_proxies="10.0.0.1"))
    tries = iter(range(10_000))

    def log_in(peer, forwarded):
        body = {"username": f"Player{next(tries)}", "password": "wrong horse"}
        headers, environ = {"X-Forwarded-For": forwarded}, {"REMOTE_ADDR": peer}
        return client.post_json(
            "/api/auth/login", body, headers=headers, extra_environ=environ, expect_errors=True
        ).status_code

    return log_in


def test_a_client_can_not_evade_its_limit_by_naming_other_addresses(log_in):
    directly = [log_in("203.0.113.9", f"198.51.100.{n}") for n in range(101)]
    proxied = [log_in("10.0.0.1", f"198.51.100.{n}, 203.0.113.10") for n in range(101)]
    in_one_network = [log_in("10.0.0.1", f"2001:db8::{n:x}") for n in range(101)]
    assert directly == proxied == in_one_network == [401] * 100 + [429]


def test_a_client_can_not_use_up_the_limit_of_another(log_in):
    for _ in range(101):
        log_in("203.0.113.9", "192.0.2.7")
        log_in("10.0.0.1", "192.0.2.7, 203.0.113.10")
    assert log_in("10.0.0.1", "192.0.2.7") == 401
    assert log_in("10.0.0.1", "203.0.113.10") == 429
