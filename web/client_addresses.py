"""Whose request it is and what it was asked for, behind proxies.

A proxy says for whom it speaks in X-Forwarded-For, in Forwarded (RFC 7239), or in X-Real-IP; the first of these that is
there counts. Only what `trusted` networks say is believed: their addresses are followed from the nearest proxy outwards, and
what stands before the first address that isn't trusted, or that isn't one, can have been written by anybody.
"""

import ipaddress
import re
from itertools import chain, islice
from urllib.parse import quote

ONE_CLIENT = 64  # bits of an IPv6 address: what a provider gives to one customer, who may use all that is below
MOST_HOPS = 50  # proxies between a client and the server
SCHEMES = "http", "https"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - {every address of a machine: one of them}
# An address as proxies write it: 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1]:4711; a port can be a name, `_x`.
_NODE = re.compile(r"(?:\[([^\]]*)\]|([\d.]+))(?::(?:\d{1,5}|_[\w.-]+))?", re.ASCII)
_HOST = re.compile(r"[\w.-]+(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?", re.ASCII | re.IGNORECASE)
# An element of Forwarded. Colons and brackets belong into quotes there, but not all proxies know that.
_PAIR = r"""[ \t]*([\w!#$%&'*+.^`|~-]+)=([^\s";,=]+|"(?:[^"\\]|\\.)*")"""
_ELEMENT = re.compile(rf"{_PAIR}(?:[ \t]*;(?:{_PAIR})?)*[ \t]*", re.ASCII)
_PAIRS = re.compile(_PAIR, re.ASCII)


def client(environ, trusted):
    """Return the address of the client, or its network for IPv6, as a string; limits count by it."""
    found, _, _ = _follow(environ, trusted)
    return network(found or environ.get("REMOTE_ADDR", ""))


def network(address):
    """Return what limits count an address by: itself, or the network of one customer for IPv6."""
    found = _address(address) if isinstance(address, str) else address
    if found and found.version == 6:
        return str(ipaddress.ip_network((found.packed, ONE_CLIENT), strict=False))
    return str(found or address)


def is_trusted(peer, trusted):
    """Return whether the peer of a connection is in the `trusted` networks."""
    return _is_in(trusted, _address(peer))


def url(environ, trusted):
    """Return the absolute URL that the client asked for, without its query."""
    scheme, host, prefix = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), ""
    _, hops, said = _follow(environ, trusted)
    if hops:
        scheme = said.get("proto", _said(environ, "PROTO", hops)).lower() or scheme
        host = said.get("host", _said(environ, "HOST", hops)) or host
        prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "")
    if not _HOST.fullmatch(host):
        host = at(environ["SERVER_NAME"], environ["SERVER_PORT"])
    parts = prefix, environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
    path = "/".join(part.strip("/") for part in parts if part.strip("/"))
    return f"{scheme if scheme in SCHEMES else 'http'}://{host}/{quote(path.encode('latin-1'))}"


def at(host, port):
    """Return host and port as a URL has them: an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def visited(host, port):
    """Return where a browser on the machine finds a server that listens there, as a URL without a path."""
    return f"http://{at(EVERYWHERE.get(host, host), port)}"


def _follow(environ, trusted):
    """Return (the client's address or None, the number of trusted proxies, what the outermost of them said)."""
    found, hops, said = _address(environ.get("REMOTE_ADDR", "")), 0, {}
    if not _is_in(trusted, found):
        return found, hops, said
    elements = _elements(environ)
    while _is_in(trusted, found) and hops < MOST_HOPS:
        hops += 1
        element = next(elements, {})
        said = element or said
        before = _address(element.get("for", ""))
        if before is None:
            break
        found = before
    return found, hops, said


def _elements(environ):
    """Yield what each proxy says, the nearest first, as {"for": ..., "proto": ..., "host": ...}."""
    if nodes := environ.get("HTTP_X_FORWARDED_FOR"):
        return ({"for": node} for node in reversed(nodes.split(",")))
    if text := environ.get("HTTP_FORWARDED"):
        return _forwarded(text)
    return iter([{"for": environ.get("HTTP_X_REAL_IP", "")}])


def _forwarded(text):
    """Yield the elements of a Forwarded header, the last first, up to one that is none.

    A comma can be in quotes, and a client can leave a quote open: so the element of the nearest proxy is the shortest end of
    the text, behind a comma, that is an element.
    """
    while text:
        commas = (found.start() for found in islice(re.finditer(",", text[::-1]), MOST_HOPS))
        for behind in chain(commas, [len(text)]):
            element = text[len(text) - behind :]
            if _ELEMENT.fullmatch(element):
                break
        else:
            return
        yield {name.lower(): _unquoted(value) for name, value in _PAIRS.findall(element)}
        text = text[: len(text) - behind - 1] if behind < len(text) else ""


def _said(environ, what, hops):
    """Return what the outermost trusted proxy has put into X-Forwarded-Proto or -Host; each appends, or replaces it."""
    values = environ.get(f"HTTP_X_FORWARDED_{what}", "").split(",")
    return values[-min(hops, len(values))].strip()


def _is_in(networks, address):
    return address is not None and any(address in network for network in networks)


def _unquoted(text):
    text = text.strip(" \t")
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _address(text):
    """Return the address in a text, or None; an IPv4 address that is written as IPv6, as sockets for both do, is IPv4."""
    text = _unquoted(text)
    if found := _NODE.fullmatch(text):
        text = found[1] or found[2]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
