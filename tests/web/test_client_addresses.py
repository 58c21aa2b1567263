"""The client's address for rate limits, with and without proxies."""

import pytest
import webtest

import config
from web import client_addresses

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
    assert client_of(peer, X_FORWARDED_FOR=forwarded) == client


def client_of(peer, trusted=PROXIES, **headers):
    environ = {"REMOTE_ADDR": peer} | {f"HTTP_{name}": value for name, value in headers.items()}
    return client_addresses.client(environ, config.load(trusted_proxies=trusted or None).trusted_proxies)


def test_without_trusted_proxies_nobody_is_believed():
    for name in ("X_FORWARDED_FOR", "X_REAL_IP"):
        assert client_of("127.0.0.1", trusted="", **{name: "198.51.100.1"}) == "127.0.0.1"
    assert client_of("127.0.0.1", trusted="", FORWARDED="for=198.51.100.1") == "127.0.0.1"


@pytest.mark.parametrize(
    ("written", "client"),
    [
        ("203.0.113.9:51234", "203.0.113.9"),
        ("198.51.100.1:1, 203.0.113.9:51234", "203.0.113.9"),
        ('"203.0.113.9:51234"', "203.0.113.9"),
        ('"203.0.113.9"', "203.0.113.9"),
        ("203.0.113.9:_port", "203.0.113.9"),
        ("\t203.0.113.9 ", "203.0.113.9"),
        ("[2001:db8:0:7::1]", "2001:db8:0:7::/64"),
        ("[2001:db8:0:7::1]:443", "2001:db8:0:7::/64"),
        ('"[2001:db8:0:7::1]:443"', "2001:db8:0:7::/64"),
        ("2001:DB8:0:7::1", "2001:db8:0:7::/64"),
        ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
        ("[fe80::1%eth0]:443", "fe80::/64"),
        ("203.0.113.9:51234, [2001:db8:ffff::2]:443, 10.0.0.2:80", "203.0.113.9"),
        # None of these is an address: it is the proxy that has asked.
        *(
            (text, "10.1.2.3")
            for text in ("unknown", "_hidden", "203.0.113.9:", "203.0.113.9:x", "203.0.113", "[203.0.113.9")
        ),
        *((text, "10.1.2.3") for text in ("2001:db8::1]:443", "203.0.113.9 198.51.100.1", '"203.0.113.9', "::1::", "1", "")),
        *(
            (text, "10.1.2.3")
            for text in ("203.0.113.9:123456", "203.000.113.9", "http://203.0.113.9", "[]", "\u0663.0.0.1")
        ),
    ],
)
@pytest.mark.parametrize("header", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP"])
def test_an_address_is_read_as_proxies_write_it(header, written, client):
    if header == "FORWARDED":
        written = ",".join(f"for={node.strip()}" for node in written.split(","))
    elif header == "X_REAL_IP" and "," in written:
        return
    assert client_of("10.1.2.3", **{header: written}) == client


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ('for="[2001:db8:0:7::1]:4711"', "2001:db8:0:7::/64"),
        ("For=203.0.113.9;proto=http;by=203.0.113.43", "203.0.113.9"),
        ("proto=https ; by=10.1.2.3; FOR=203.0.113.9", "203.0.113.9"),
        ("for=198.51.100.1, for=203.0.113.9", "203.0.113.9"),
        ("for=198.51.100.1,for=203.0.113.9,for=10.0.0.7;by=_x", "203.0.113.9"),
        ('for="203.0.113\\.9"', "203.0.113.9"),
        ('for=203.0.113.9;host="a, for=198.51.100.1"', "203.0.113.9"),
        ("for=203.0.113.9;", "203.0.113.9"),
        # What a client has left open or made up does not reach what the proxy adds.
        ('for="198.51.100.1, for=203.0.113.9', "203.0.113.9"),
        ('for="x, for="203.0.113.9:80"', "203.0.113.9"),
        ('for=198.51.100.1;by=", for="203.0.113.9"', "203.0.113.9"),
        ("nonsense, for=203.0.113.9", "203.0.113.9"),
        ("for=198.51.100.1, nonsense", "10.1.2.3"),
        ("for=198.51.100.1, proto=https", "10.1.2.3"),
        ("for=198.51.100.1, for=unknown", "10.1.2.3"),
        ("for=198.51.100.1, for=_hidden, for=10.0.0.7", "10.0.0.7"),
        ("for=198.51.100.1,", "10.1.2.3"),
        ("198.51.100.1", "10.1.2.3"),
        (";" * 30_000 + " " * 2000, "10.1.2.3"),
        ("for=a;" + " ;" * 15_000 + "!", "10.1.2.3"),
        ('for="' + "\\," * 15_000, "10.1.2.3"),
        ("for=10.0.0.1," * 2000, "10.1.2.3"),
        ("for=10.0.0.1," * 2000 + "for=10.0.0.1", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_from_the_nearest_proxy_outwards(forwarded, client):
    assert client_of("10.1.2.3", FORWARDED=forwarded) == client


def test_the_header_that_most_proxies_write_comes_first():
    """nginx passes on what a client says in the others."""
    others = {"FORWARDED": "for=198.51.100.1", "X_REAL_IP": "198.51.100.2"}
    assert client_of("10.1.2.3", X_FORWARDED_FOR="203.0.113.9", **others) == "203.0.113.9"
    assert client_of("10.1.2.3", X_FORWARDED_FOR="unknown", **others) == "10.1.2.3"
    assert client_of("10.1.2.3", X_FORWARDED_FOR="", **others) == "198.51.100.1"


@pytest.mark.parametrize(
    ("peer", "headers", "url"),
    [
        ("10.0.0.1", {"FORWARDED": "for=1.1.1.1;proto=https;host=snake.example"}, "https://snake.example/games/x"),
        ("10.0.0.1", {"FORWARDED": 'for=1.1.1.1;host="snake.example:8443"'}, "http://snake.example:8443/games/x"),
        ("10.0.0.1", {"FORWARDED": 'host=evil, for=1.1.1.1;host="[2001:db8::1]:8443"'}, "http://[2001:db8::1]:8443/games/x"),
        (
            "10.0.0.1",
            {"FORWARDED": "proto=x;host=evil, for=1.1.1.1;proto=https;host=outer, for=10.0.0.2;proto=http;host=inner"},
            "https://outer/games/x",
        ),
        ("10.0.0.1", {"X_FORWARDED_PROTO": "https", "X_FORWARDED_HOST": "snake.example"}, "https://snake.example/games/x"),
        ("10.0.0.1", {"X_FORWARDED_PROTO": "HTTPS"}, "https://[::1]:8000/games/x"),
        ("10.0.0.1", {"X_FORWARDED_HOST": "evil, snake.example"}, "http://snake.example/games/x"),
        (
            "10.0.0.1",
            {"X_FORWARDED_FOR": "1.1.1.1, 10.0.0.2", "X_FORWARDED_PROTO": "https, http", "X_FORWARDED_HOST": "evil, a, b"},
            "https://a/games/x",
        ),
        ("10.0.0.1", {"X_FORWARDED_PROTO": "gopher", "X_FORWARDED_HOST": "a/b"}, "http://[::1]:8000/games/x"),
        ("10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1", "FORWARDED": "for=2.2.2.2;host=evil"}, "http://[::1]:8000/games/x"),
        ("10.0.0.1", {"X_FORWARDED_PREFIX": "/snake"}, "http://[::1]:8000/snake/games/x"),
        ("203.0.113.9", {"X_FORWARDED_HOST": "evil", "FORWARDED": "host=evil"}, "http://[::1]:8000/games/x"),
        ("203.0.113.9", {"HOST": "snake.example"}, "http://snake.example/games/x"),
        ("203.0.113.9", {"HOST": 'x"><script>'}, "http://[::1]:8000/games/x"),
    ],
)
def test_only_trusted_proxies_set_the_url(peer, headers, url):
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "SERVER_NAME": "::1", "SERVER_PORT": "8000"}
    environ |= {"PATH_INFO": "/games/x"} | {f"HTTP_{name}": value for name, value in headers.items()}
    assert client_addresses.url(environ, config.load(trusted_proxies=PROXIES).trusted_proxies) == url


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
    directly = [log_in("203.0.113.9", f"198.51.100.{n}") for n in range(201)]
    proxied = [log_in("10.0.0.1", f"198.51.100.{n}, 203.0.113.10") for n in range(201)]
    in_one_network = [log_in("10.0.0.1", f"2001:db8::{n:x}") for n in range(201)]
    assert directly == proxied == in_one_network == [401] * 200 + [429]


def test_a_client_can_not_use_up_the_limit_of_another(log_in):
    for _ in range(201):
        log_in("203.0.113.9", "192.0.2.7")
        log_in("10.0.0.1", "192.0.2.7, 203.0.113.10")
    assert log_in("10.0.0.1", "192.0.2.7") == 401
    assert log_in("10.0.0.1", "203.0.113.10") == 429
