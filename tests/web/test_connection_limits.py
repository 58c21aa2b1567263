"""Limits of connections per address."""

import pytest

import config
from web import connection_limits

EXEMPT = config.load(trusted_proxies="10.0.0.0/8, 2001:db8:ffff::/48").trusted_proxies


@pytest.fixture
def connections():
    made = connection_limits.ConnectionLimit(3, EXEMPT)
    made.attach(0)
    return made


def test_an_address_has_so_many_connections_at_once(connections):
    assert [connections.open("192.0.2.1") for _ in range(5)] == [True] * 3 + [False] * 2
    assert connections.open("192.0.2.2")
    assert (connections.count("192.0.2.1"), connections.count("192.0.2.2"), connections.count("192.0.2.3")) == (3, 1, 0)
    connections.close("192.0.2.1")
    assert [connections.open("192.0.2.1") for _ in range(2)] == [True, False]


def test_an_ipv6_client_is_its_network_and_an_ipv4_client_in_ipv6_is_itself(connections):
    assert [connections.open(f"2001:db8:0:7::{n}") for n in range(4)] == [True] * 3 + [False]
    assert connections.open("2001:db8:0:8::1")
    assert [connections.open(host) for host in ("192.0.2.1", "::ffff:192.0.2.1") * 2] == [True] * 3 + [False]
    assert [connections.open(f"::ffff:198.51.100.{n}") for n in range(4)] == [True] * 4


@pytest.mark.parametrize("host", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:ffff::1"])
def test_a_trusted_proxy_has_no_limit(connections, host):
    assert all(connections.open(host) for _ in range(10))
    connections.close(host)
    assert connections.count(host) == 0


def test_the_connections_of_all_running_processes_count(connections):
    connections.open("192.0.2.1")
    connections.attach(7)
    connections.open("192.0.2.1")
    connections.open("192.0.2.1")
    assert (connections.count("192.0.2.1"), connections.open("192.0.2.1")) == (3, False)
    connections.detach(0)
    assert (connections.count("192.0.2.1"), connections.open("192.0.2.1")) == (2, True)
    connections.attach(7)  # the next process in the place of one that was killed
    assert connections.count("192.0.2.1") == 0


def test_many_addresses_do_not_count_for_each_other():
    connections = connection_limits.ConnectionLimit(20, ())  # which no address shares with as many others
    connections.attach(0)
    hosts = [f"192.0.{n >> 8}.{n & 255}" for n in range(1000)]
    assert all(connections.open(host) for host in hosts)
    assert sum(connections.count(host) > 1 for host in hosts) < 200
    for host in hosts:
        connections.close(host)
    assert not any(connections.count(host) for host in hosts)
