"""Whose request it is, where proxies stand between."""

import ipaddress

ONE_CLIENT = 64  # bits of an IPv6 address: what a provider gives to one customer, who may use all that is below


def client(peer, forwarded, trusted):
    """The client's address or network, as a string; limits count by it.

    `peer` is who is at the other end of the connection. If that is one of the `trusted` networks, it is the last in
    `forwarded`, the X-Forwarded-For header, that is none of them: what stands before that one, anybody can have written.
    """
    found = _address(peer)
    hops = reversed(forwarded.split(","))
    while _is_in(trusted, found):
        before = _address(next(hops, "").strip())
        if not before:
            break
        found = before
    if found and found.version == 6:
        return str(ipaddress.ip_network((found.packed, ONE_CLIENT), strict=False))
    return str(found or peer)


def is_trusted(peer, trusted):
    """Whether what `peer` says in its X-Forwarded headers is to be believed."""
    return _is_in(trusted, _address(peer))


def _is_in(networks, address):
    return address is not None and any(address in network for network in networks)


def _address(text):
    """None if it is none; an IPv4 address that is written as IPv6, as sockets for both do, is IPv4."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
