"""The client's address and the requested URL, as trusted proxies forward them.

A proxy forwards the address in X-Forwarded-For, in Forwarded (RFC 7239), or in X-Real-IP; the first of these that a request
has is used. Only headers from `trusted` networks count: addresses are followed from the nearest proxy outwards, up to the
first that is invalid or not trusted. Anybody can have written what precedes it.
"""

import ipaddress
import re
from itertools import chain, islice
from urllib.parse import quote

CUSTOMER_PREFIX = 64  # bits of an IPv6 address: a provider gives such a network to one customer
MAX_HOPS = 50  # proxies between a client and the server
SCHEMES = "http", "https"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - {all addresses of a machine: one of them}
# An address as proxies write it: 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1]:4711; a port can be a name, `_x`.
_NODE = re.compile(r"(?:\[([^\]]*)\]|([\d.]+))(?::(?:\d{1,5}|_[\w.-]+))?", re.ASCII)
_HOST = re.compile(r"[\w.-]+(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?", re.ASCII | re.IGNORECASE)
# An element of Forwarded. It should quote colons and brackets, but not all proxies do.
_PAIR = r"""[ \t]*([\w!#$%&'*+.^`|~-]+)=([^\s";,=]+|"(?:[^"\\]|\\.)*")"""
_ELEMENT = re.compile(rf"{_PAIR}(?:[ \t]*;(?:{_PAIR})?)*[ \t]*", re.ASCII)
_PAIRS = re.compile(_PAIR, re.ASCII)


def client(environ, trusted):
    """Return the client's address as a string, or its network for IPv6. Rate limits count by it."""
    found, _, _ = _follow(environ, trusted)
    return network(found or environ.get("REMOTE_ADDR", ""))


def network(address):
    """Return the address, or the network of its customer for IPv6."""
    found = _address(address) if isinstance(address, str) else address
    if found and found.version == 6:
        return str(ipaddress.ip_network((found.packed, CUSTOMER_PREFIX), strict=False))
    return str(found or address)


def is_trusted(peer, trusted):
    """Return whether the peer of a connection is in the `trusted` networks."""
    return _is_in(trusted, _address(peer))


def url(environ, trusted):
    """Return the absolute URL of the request, without its query."""
    return root_url(environ, trusted) + quote(environ.get("PATH_INFO", "").strip("/").encode("latin-1"))


def root_url(environ, trusted):
    """Return the absolute URL of the app, with a slash at the end."""
    scheme, host, prefix = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), ""
    _, hops, forwarded = _follow(environ, trusted)
    if hops:
        scheme = forwarded.get("proto", _forwarded_value(environ, "PROTO", hops)).lower() or scheme
        host = forwarded.get("host", _forwarded_value(environ, "HOST", hops)) or host
        prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "")
    if not _HOST.fullmatch(host):
        host = host_and_port(environ["SERVER_NAME"], environ["SERVER_PORT"])
    parts = (part.strip("/") for part in (prefix, environ.get("SCRIPT_NAME", "")))
    path = "".join(f"{part}/" for part in parts if part)
    return f"{scheme if scheme in SCHEMES else 'http'}://{host}/{quote(path.encode('latin-1'))}"


def host_and_port(host, port):
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def local_url(host, port):
    """Return the URL of a server that listens there, for a browser on the same machine."""
    return f"http://{host_and_port(EVERYWHERE.get(host, host), port)}"


def _follow(environ, trusted):
    """Return (the client's address or None, the number of trusted proxies, the outermost one's element)."""
    found, hops, forwarded = _address(environ.get("REMOTE_ADDR", "")), 0, {}
    if not _is_in(trusted, found):
        return found, hops, forwarded
    elements = _elements(environ)
    while _is_in(trusted, found) and hops < MAX_HOPS:
        hops += 1
        element = next(elements, {})
        forwarded = element or forwarded
        before = _address(element.get("for", ""))
        if before is None:
            break
        found = before
    return found, hops, forwarded


def _elements(environ):
    """Return an iterator of the proxies' elements, the nearest first: {"for": ..., "proto": ..., "host": ...}."""
    if nodes := environ.get("HTTP_X_FORWARDED_FOR"):
        return ({"for": node} for node in reversed(nodes.split(",")))
    if text := environ.get("HTTP_FORWARDED"):
        return _forwarded(text)
    return iter([{"for": environ.get("HTTP_X_REAL_IP", "")}])


def _forwarded(text):
    """Yield the elements of a Forwarded header, the last first, up to an invalid one.

    A comma can be in quotes, and a client can leave a quote open: so the element of the nearest proxy is the shortest end of
    the text, behind a comma, that is an element.
    """
    while text:
        commas = (found.start() for found in islice(re.finditer(",", text[::-1]), MAX_HOPS))
        for behind in chain(commas, [len(text)]):
            element = text[len(text) - behind :]
            if _ELEMENT.fullmatch(element):
                break
        else:
            return
        yield {name.lower(): _unquoted(value) for name, value in _PAIRS.findall(element)}
        text = text[: len(text) - behind - 1] if behind < len(text) else ""


def _forwarded_value(environ, what, hops):
    """Return the outermost trusted proxy's X-Forwarded-Proto or -Host: each proxy appends to it, or replaces it."""
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
    """Return the address in a text, or None. IPv4 addresses that are mapped to IPv6 become IPv4."""
    text = _unquoted(text)
    if found := _NODE.fullmatch(text):
        text = found[1] or found[2]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
