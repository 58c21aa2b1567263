"""A server at all addresses of the machine says where other devices reach it, and sends them there."""

import http.client
import re
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from web import client_addresses


def get(url, path, host=None):
    with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:
        connection.request("GET", path, headers={"Host": host} if host else {})
        return connection.getresponse().read().decode()


@pytest.mark.parametrize("host", [*client_addresses.EVERYWHERE])
def test_the_start_prints_the_addresses_for_other_devices_and_a_room_shows_one(make_server, host):
    server = make_server(HOST=host)
    line = server.process.stdout.readline()
    assert line.startswith("Other devices reach it at http://")
    others = re.findall(r"http://\S+", line)
    for url in others:
        assert not re.search(r"//(127\.|\[::1\]|0\.0\.0\.0|\[::\])", url)
        assert '"ok"' in get(url, "/healthz")
    code = server.api.guest()("POST /api/rooms", {"my_name": "Ada"}, 201)["code"]
    path, (_, port) = f"/api/rooms/{code}/qr.svg", server.address
    assert f"<title>{others[0]}/r/{code}</title>" in get(server.url, path, f"localhost:{port}")
    assert f"<title>{others[0]}/r/{code}</title>" in get(server.url, path)
    assert f"<title>http://pit.example/r/{code}</title>" in get(server.url, path, "pit.example")
    assert f"<title>http://localhost:1/r/{code}</title>" in get(server.url, path, "localhost:1")  # by way of a tunnel


def test_a_server_for_its_own_machine_sends_nobody_elsewhere(make_server):
    server = make_server()
    code = server.api.guest()("POST /api/rooms", {"my_name": "Ada"}, 201)["code"]
    assert f"<title>{server.url}/r/{code}</title>" in get(server.url, f"/api/rooms/{code}/qr.svg")
    with server.process as process:
        process.terminate()
        assert process.stdout.read() == ""
