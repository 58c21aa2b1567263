"""The addresses at which other devices reach this machine."""

import ipaddress
import socket
from contextlib import suppress

# Places in different networks, to find the machine's own address on the way to each: nothing is sent.
PLACES = "192.0.2.1", "192.168.255.254", "10.255.255.254", "172.31.255.254", "2001:db8::1", "fd00::1"


def reachable(host):
    """Return the addresses for other devices of a server that listens at `host`, 0.0.0.0 or ::, the likeliest first."""
    found = []
    for place in PLACES if host == "::" else [place for place in PLACES if ":" not in place]:
        address = _own_address(place)
        if address and address not in found and _is_for_others(address):
            found.append(address)
    return found


def is_loopback(host):
    """Return whether a name or an address leads each machine to itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _own_address(place):
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as connection:  # there may be no way
        connection.connect((place, 9))
        return connection.getsockname()[0]


def _is_for_others(address):
    found = ipaddress.ip_address(address)
    return not (found.is_loopback or found.is_link_local or found.is_unspecified)
