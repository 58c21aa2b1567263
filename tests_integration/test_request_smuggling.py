"""Requests that a proxy and a server could read differently: hidden in bodies, headers and first lines.

Each is sent to a real nginx with the block of deploy/, and right at the server. Hidden in each is a request that deletes an
account, the canary. Behind each, on the same connection, another player asks who they are, and another one on a new
connection, which meets what may be left on those that nginx keeps.
"""

import json
import socket
import ssl
from contextlib import suppress

import pytest
from servers import TIMEOUT, exchange

HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
OLD = HEAD.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def server(make_server_of_module):
    """It trusts all as it does a proxy: the worst case, for those who get by the proxy. It waits 3 s for bodies."""
    settings = {"DATABASE_URL": "sqlite:///:memory:", "TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMITS": "false"}
    return make_server_of_module(waiting={"client_timeout": 3}, **settings)


@pytest.fixture(params=["nginx", "direct"], scope="module")
def target(request, server, make_nginx):
    return server if request.param == "direct" else make_nginx("nginx.conf", [server.url])


@pytest.fixture
def canary(server):
    return server.api.guest()


@pytest.fixture
def victim(server):
    return server.api.guest()


def hidden(canary):
    """The request that must not be seen."""
    return b"DELETE /api/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % canary.token.encode()


def who_am_i(player):
    """A connection's last request."""
    token = player.token.encode()
    return b"GET /api/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n" % token


def ask(target, request):
    """All answers until the connection is closed: [(status, body)]."""
    return list(answers(exchange(target, request)))


def answers(raw):
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        assert status.startswith("HTTP/1.")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        body, raw = raw[:length], raw[length:]
        assert len(body) == length
        if status.split()[1] != "100":
            yield int(status.split()[1]), body


def name_in(answer):
    status, body = answer
    return json.loads(body)["username"] if status == 200 else None


def assert_harmless(target, server, canary, victim, attack):
    """Assert that the attack affects nobody else. Return the responses on its connection."""
    found = ask(target, attack + who_am_i(victim))
    [own] = ask(target, who_am_i(canary))
    assert name_in(own) == canary.user["username"], "what was hidden was seen"
    assert name_in(ask(target, who_am_i(victim))[0]) == victim.user["username"]
    return found


def test_a_request_in_the_open_is_seen(target, server, canary, victim):
    """So that the others can fail."""
    deleted, mine = ask(target, hidden(canary) + who_am_i(victim))
    assert (deleted[0], name_in(mine)) == (204, victim.user["username"])
    assert ask(target, who_am_i(canary))[0][0] == 401


def with_length(header, head=HEAD):
    """A body that is all of one request by its length, and two by another reading."""

    def attack(secret):
        body = END + secret
        return head + header + b"Content-Length: %d\r\n\r\n" % len(body) + body

    return attack


def in_chunks(header):
    """A body that is one chunk, and by a length of four a request that begins behind its size."""

    def attack(secret):
        size = b"%x\r\n" % len(secret)
        return HEAD + header + b"Content-Length: %d\r\n\r\n" % len(size) + size + secret + b"\r\n" + END

    return attack


def raw(text):
    return lambda secret: text.replace(b"SECRET", secret)


def in_one_line(text):
    return lambda secret: text.replace(b"SECRET", secret.replace(b"\r\n", b"\t"))


def chunked(body):
    return raw(HEAD + CHUNKED + b"\r\n" + body)


def length(*lines):
    return raw(HEAD + b"".join(b"%s\r\n" % line for line in lines) + b"\r\n" + b"{}" + b"SECRET")


# Two readings: refused, and the connection closed, by the first that sees it.
REFUSED = {
    "length before chunks": with_length(CHUNKED),
    "chunks before length": in_chunks(CHUNKED),
    "chunks in capitals": in_chunks(b"TRANSFER-ENCODING: CHUNKED\r\n"),
    "chunks after a tab": in_chunks(b"Transfer-Encoding:\tchunked\r\n"),
    "chunks before a space": in_chunks(b"Transfer-Encoding: chunked \r\n"),
    "chunks without a space": in_chunks(b"Transfer-Encoding:chunked\r\n"),
    "chunks of another name": with_length(b"Transfer-Encoding: xchunked\r\n"),
    "chunks in quotes": with_length(b'Transfer-Encoding: "chunked"\r\n'),
    "chunks with a parameter": with_length(b"Transfer-Encoding: chunked;q=1\r\n"),
    "chunks twice": in_chunks(CHUNKED + CHUNKED),
    "chunks twice in one": in_chunks(b"Transfer-Encoding: chunked, chunked\r\n"),
    "chunks, then another": in_chunks(CHUNKED + b"Transfer-Encoding: x\r\n"),
    "another, then chunks": in_chunks(b"Transfer-Encoding: x\r\n" + CHUNKED),
    "identity, then chunks": in_chunks(b"Transfer-Encoding: identity, chunked\r\n"),
    "chunks, then identity": in_chunks(b"Transfer-Encoding: chunked, identity\r\n"),
    "only identity": with_length(b"Transfer-Encoding: identity\r\n"),
    "no coding": with_length(b"Transfer-Encoding:\r\n"),
    "a vertical tab": with_length(b"Transfer-Encoding: \x0bchunked\r\n"),
    "a no-break space": with_length(b"Transfer-Encoding: \xa0chunked\r\n"),
    "a null byte": with_length(b"Transfer-Encoding: chunked\x00\r\n"),
    "space before the colon": with_length(b"Transfer-Encoding : chunked\r\n"),
    "tab before the colon": with_length(b"Transfer-Encoding\t: chunked\r\n"),
    "bare line feed": in_chunks(b"X: x\nTransfer-Encoding: chunked\r\n"),
    "bare carriage return": with_length(b"X: x\rTransfer-Encoding: chunked\r\n"),
    "chunks for HTTP/1.0": raw(OLD + CHUNKED + b"\r\n0\r\n\r\nSECRET"),
    "two lengths": length(b"Content-Length: 2", b"Content-Length: 200"),
    "two lengths, the long one first": length(b"Content-Length: 200", b"Content-Length: 2"),
    "the same length twice": length(b"Content-Length: 2", b"Content-Length: 2"),
    "two lengths in one": length(b"Content-Length: 2, 200"),
    "the same length twice in one": length(b"Content-Length: 2, 2"),
    "length with a plus": length(b"Content-Length: +2"),
    "negative length": length(b"Content-Length: -2"),
    "hexadecimal length": length(b"Content-Length: 0x2"),
    "length with an underscore": length(b"Content-Length: 0_2"),
    "length with a space": length(b"Content-Length: 0 2"),
    "superscript length": length(b"Content-Length: \xb2"),
    "no length": length(b"Content-Length: "),
    "endless length": length(b"Content-Length: 18446744073709551618"),
    "length, and a space before the colon": length(b"Content-Length : 2"),
    "chunk size with a plus": chunked(b"+2\r\n{}\r\n0\r\n\r\nSECRET"),
    "chunk size with 0x": chunked(b"0x2\r\n{}\r\n0\r\n\r\nSECRET"),
    "chunk size with an underscore": chunked(b"0_2\r\n{}\r\n0\r\n\r\nSECRET"),
    "negative chunk size": chunked(b"-2\r\n{}\r\n0\r\n\r\nSECRET"),
    "no chunk size": chunked(b"\r\n{}\r\n0\r\n\r\nSECRET"),
    "endless chunk size": chunked(b"10000000000000002\r\n{}\r\n0\r\n\r\nSECRET"),
    "chunk longer than its size": chunked(b"2\r\n{}xx\r\n0\r\n\r\nSECRET"),
    "chunk without an end": chunked(b"2\r\n{}0\r\n\r\nSECRET"),
    "HTTP/0.9": raw(b"GET /healthz HTTP/0.9\r\nHost: x\r\n\r\nSECRET"),
    "HTTP/2.0": raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nSECRET"),
    "a tunnel": raw(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\nSECRET"),
    "a header without a name": raw(GET + b": x\r\n\r\nSECRET"),
    "a header without a colon": raw(GET + b"DELETE / HTTP/1.1\r\n\r\nSECRET"),
    "two hosts": raw(GET + b"Host: y\r\n\r\nSECRET"),
    "a folded header": raw(GET + b"X: x\r\n y\r\n\r\nSECRET"),
    "a folded header that would be chunks": with_length(b"X: x\r\n Transfer-Encoding: chunked\r\n"),
    "a null byte in a header": raw(GET + b"X: \x00\r\n\r\nSECRET"),
    "a large header": raw(GET + b"X: " + b"x" * 40_000 + b"\r\n\r\nSECRET"),
    "a long first line": raw(b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\nSECRET"),
    "a null byte in the path": raw(b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\nSECRET"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_requests_are_refused(target, server, canary, victim, name):
    [(status, _)] = assert_harmless(target, server, canary, victim, REFUSED[name](hidden(canary)))
    assert status >= 400


# What nginx takes in its own way, and hands on in one that cannot be misread.
ONLY_DIRECT = {
    "no version": raw(b"GET /healthz\r\nHost: x\r\n\r\nSECRET"),
    "HTTP/1.11": raw(b"GET /healthz HTTP/1.11\r\nHost: x\r\n\r\nSECRET"),
    "bare line feeds": raw(b"GET /healthz HTTP/1.1\nHost: x\n\nSECRET"),
    "a chunk's end without a carriage return": chunked(b"2\n{}\r\n0\r\n\r\nSECRET"),
    "a line feed in a chunk's extension": chunked(b"2;\nxx\r\n50\r\n0\r\n\r\nSECRET"),
    "a bare line feed at the end": chunked(b"2\r\n{}\r\n0\n\nSECRET"),
    "a length among the trailers": chunked(b"2\r\n{}\r\n0\r\nContent-Length: 0\r\n\r\nSECRET"),
    "a token among the trailers": chunked(b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\nSECRET"),
    "another coding before the chunks": raw(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nSECRET"),
}


@pytest.mark.parametrize("name", ONLY_DIRECT)
def test_requests_that_nginx_would_repair_are_refused(server, canary, victim, name):
    [(status, _)] = assert_harmless(server, server, canary, victim, ONLY_DIRECT[name](hidden(canary)))
    assert status >= 400


# One reading, in which what is hidden is part of a body, or of what nobody reads.
HARMLESS = {
    "a body": with_length(b""),
    "a body of a GET": with_length(b"", head=GET),
    "a chunk": lambda secret: HEAD + CHUNKED + b"\r\n%x\r\n" % len(secret) + secret + b"\r\n" + END,
    "a chunk's extension": in_one_line(HEAD + CHUNKED + b'\r\n2;x="SECRET"\r\n{}\r\n' + END),
    "a trailer": in_one_line(HEAD + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nX: SECRET\r\n\r\n"),
    "a header": in_one_line(HEAD + b"Content-Length: 0\r\nX: SECRET\r\n\r\n"),
    "chunks with an underscore": with_length(b"Transfer_Encoding: chunked\r\n"),
    "length with an underscore": with_length(b"Content_Length: 0\r\n"),
    "length of nothing as another header": with_length(b"X-Content-Length: 0\r\n"),
    "an expectation": with_length(b"Expect: 100-continue\r\n"),
    "an upgrade": with_length(b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\r\n"),
    "a websocket": with_length(b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade\r\n"),
    "a header that the connection drops": with_length(b"Connection: keep-alive, Content-Length\r\n"),
    "another method": with_length(b"X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /api/auth/me\r\n"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_body_stays_a_body(target, server, canary, victim, name):
    first, mine = assert_harmless(target, server, canary, victim, HARMLESS[name](hidden(canary)))
    assert first[0] in (200, 400, 422)
    assert name_in(mine) == victim.user["username"]


# Names that become one and the same to the app, or that gunicorn takes from a proxy for the path.
@pytest.mark.parametrize(
    "header",
    [
        b"SCRIPT_NAME: /api",
        b"SCRIPT_NAME: /elsewhere",
        b"Script_Name: /api",
        b"SCRIPT-NAME: /api",
        b"PATH_INFO: /healthz",
        b"HTTP_AUTHORIZATION: Bearer x",
        b"REMOTE_USER: x",
        b"X-Original-URL: /healthz",
        b"X-Rewrite-URL: /healthz",
        b"X-HTTP-Method-Override: DELETE",
        b"X-Forwarded-Prefix: /api",
        b"X-Forwarded-Port: 1",
        b"Forwarded: for=x;host=y;proto=z",
    ],
)
def test_no_header_changes_what_is_requested(target, victim, header):
    request = who_am_i(victim).replace(b"\r\n", b"\r\n" + header + b"\r\n", 1)
    [mine] = ask(target, request)
    assert name_in(mine) == victim.user["username"]


# The path decoded once, and not a second time on the way.
HIDDEN_IN_PATHS = [
    b"/x%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0aDELETE%20/api/auth/me%20HTTP/1.1%0d%0aAuthorization:%20Bearer%20TOKEN%0d%0a%0d%0a",
    b"/games/x%0d%0aX-Injected:%20x",
    b"/games/x%0aX-Injected:%20x",
    b"/games/x%250d%250aX-Injected:%20x",
    b"/?tick=1%0d%0aX-Injected:%20x",
]


@pytest.mark.parametrize("below", [b"", b"/snake"])
@pytest.mark.parametrize("path", HIDDEN_IN_PATHS)
def test_a_newline_in_a_path_stays_in_it(server, make_nginx, canary, victim, below, path):
    block = "nginx-subpath.conf" if below else "nginx.conf"
    nginx = make_nginx(block, [server.url])
    line = b"GET " + below + path.replace(b"TOKEN", canary.token.encode()) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    with nginx.connect() as connection:
        connection.sendall(line + who_am_i(victim).replace(b"/api", below + b"/api"))
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"\nX-Injected" not in raw
    assert server.api("GET /api/auth/me", headers={"Authorization": f"Bearer {canary.token}"})
    first, mine = answers(raw)
    assert first[0] in (200, 400, 404)
    assert name_in(mine) == victim.user["username"]


def test_the_way_to_https_can_not_be_bent(server, make_nginx):
    nginx = make_nginx("nginx.conf", [server.url])
    with socket.create_connection(("127.0.0.1", nginx.port(80)), timeout=TIMEOUT) as connection:
        connection.sendall(b"GET /x%0d%0aX-Injected:%20x?a=%0d%0a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"\r\nLocation: https://x/x%0d%0aX-Injected:%20x?a=%0d%0a\r\n" in raw


# HTTP/2 has lengths of its own, and nginx hands it on as HTTP/1.1.

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, content):
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def field(name, value):
    """A literal of HPACK's; its length is one byte, or one of 127 and more in seven bits each."""
    return b"\0" + spelled(name) + spelled(value)


def spelled(text):
    if len(text) < 127:
        return bytes([len(text)]) + text
    more, rest = [], len(text) - 127
    while rest >= 128:
        more.append(rest % 128 + 128)
        rest //= 128
    return bytes([127, *more, rest]) + text


def ask_in_http_2(nginx, fields, body):
    """Send one request; how it ends: the kind of the last frame of its stream, or GOAWAY."""
    head = b"".join(field(name, value) for name, value in fields)
    with nginx.connect(["h2"]) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS, 1, head))
        with suppress(ConnectionError, ssl.SSLEOFError):
            connection.sendall(frame(DATA, END_STREAM, 1, body))
        came = connection.makefile("rb")
        while header := came.read(9):
            length, kind, flags, stream = int.from_bytes(header[:3], "big"), header[3], header[4], header[5:]
            came.read(length)
            is_last = stream == b"\0\0\0\1" and (kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM))
            if is_last or kind == GOAWAY:
                return kind
    return GOAWAY


BENT = {
    "as it should be": {},
    "chunks": {b"transfer-encoding": b"chunked"},
    "chunks in a value": {b"x": b"x\r\nTransfer-Encoding: chunked"},
    "chunks after a line feed": {b"x": b"x\nTransfer-Encoding: chunked"},
    "chunks in a name": {b"x: x\r\ntransfer-encoding": b"chunked"},
    "a name with a colon": {b"transfer-encoding: chunked\r\nx": b"x"},
    "a length of nothing": {b"content-length": b"0"},
    "a length too short": {b"content-length": b"5"},
    "a length too long": {b"content-length": b"5000"},
    "a length in a value": {b"x": b"x\r\nContent-Length: 0"},
    "a request in a value": {b"x": b"x\r\n\r\nSECRET"},
    "a request in the path": {b":path": b"/ HTTP/1.1\r\nHost: x\r\n\r\nSECRET"},
    "a request in the method": {b":method": b"GET / HTTP/1.1\r\nHost: x\r\n\r\nSECRET"},
    "a request in the host": {b":authority": b"x\r\n\r\nSECRET"},
    "a request in the scheme": {b":scheme": b"https://x/ HTTP/1.1\r\nHost: x\r\n\r\nSECRET"},
    "a header of the connection's": {b"connection": b"content-length"},
    "an upgrade": {b"upgrade": b"h2c"},
    "a null byte": {b"x": b"\0"},
}


@pytest.mark.parametrize("name", BENT)
def test_what_http_2_carries_makes_one_request_at_the_most(server, make_nginx, canary, victim, name):
    nginx = make_nginx("nginx.conf", [server.url])
    plain = {b":method": b"POST", b":scheme": b"https", b":path": b"/api/auth/login", b":authority": b"x"}
    fields = {key: value.replace(b"SECRET", hidden(canary)) for key, value in (plain | BENT[name]).items()}
    ended = ask_in_http_2(nginx, fields.items(), END + hidden(canary))
    assert ended in (DATA, HEADERS) if name == "as it should be" else (DATA, HEADERS, RST_STREAM, GOAWAY)
    for player in (canary, victim) * 2:
        [mine] = ask(nginx, who_am_i(player))
        assert name_in(mine) == player.user["username"]
