"""The address with which others join a room, and its QR code."""

import io
from functools import lru_cache
from urllib.parse import urlsplit

from web import client_addresses, local_addresses

MARGIN = 4  # modules around the code, which readers need


def join_address(environ, settings, code):
    """Return the address with which other devices join the room: PUBLIC_URL's, or that of the request."""
    return f"{settings.public_url or _root(environ, settings).rstrip('/')}/r/{code}"


def _root(environ, settings):
    """Return the URL of the app as the request has it.

    If that is an address for the server's own machine only, and the server listens at all of the machine's addresses, it is
    one of those. A request by way of a container or a tunnel says nothing about them.
    """
    root = client_addresses.root_url(environ, settings.trusted_proxies)
    parts, peer = urlsplit(root), environ.get("REMOTE_ADDR", "")
    is_direct = local_addresses.is_loopback(peer) and str(parts.port) == environ["SERVER_PORT"]
    if settings.host in client_addresses.EVERYWHERE and is_direct and local_addresses.is_loopback(parts.hostname):
        for address in local_addresses.reachable(settings.host):
            return parts._replace(netloc=client_addresses.host_and_port(address, parts.port)).geturl()
    return root


@lru_cache(100)
def qr_code(address):
    """Return the QR code of an address as SVG, whose title is the address. It is dark on light, as readers expect."""
    import segno  # most processes make none: it takes 1 MB, and 0.01 s of the start

    file = io.BytesIO()
    segno.make_qr(address).save(
        file, kind="svg", title=address, omitsize=True, border=MARGIN, light="#fff", svgclass=None, lineclass=None, nl=False
    )
    return file.getvalue()
