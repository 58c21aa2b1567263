"""How others come into a room: the join address, its QR code, and where it leads."""

import re

import pytest
import webtest
from driver import drive

WRONG = "BBBBBB"


@pytest.fixture
def room(api):
    return api.guest()("POST /api/rooms", {"my_name": "Ada"}, 201)


def browser(app, **environ):
    return webtest.TestApp(app, extra_environ=environ)


def join_address(app, code, **environ):
    answer = browser(app, **environ).get(f"/api/rooms/{code}/qr.svg")
    assert answer.content_type == "image/svg+xml"
    return re.search("<title>(.*?)</title>", answer.text)[1]


def test_the_qr_code_is_that_of_the_address_of_the_request(app, room):
    code = room["code"]
    assert join_address(app, code, HTTP_HOST="192.168.1.5:8000") == f"http://192.168.1.5:8000/r/{code}"
    assert (
        join_address(app, code.lower(), HTTP_HOST="pit.example", SCRIPT_NAME="/snake")
        == f"http://pit.example/snake/r/{code}"
    )


def test_each_address_has_a_picture_of_its_own(app, room):
    path = f"/api/rooms/{room['code']}/qr.svg"
    pages = [browser(app, HTTP_HOST=host).get(path).text for host in ("a.example", "b.example")]
    assert len({re.sub("<title>.*?</title>", "", page) for page in pages}) == 2


def test_the_picture_is_dark_on_light_with_a_margin_as_readers_need_it(app, room):
    page = browser(app).get(f"/api/rooms/{room['code']}/qr.svg").text
    light, dark = re.findall("<path [^>]*>", page)
    assert 'fill="#fff"' in light
    assert ('stroke="#000"' in dark, re.search('d="M(.)', dark)[1]) == (True, "4")


def test_the_public_url_comes_first(make_app):
    app = make_app(public_url="https://pit.example.org/snake")
    code = drive(app).guest()("POST /api/rooms", {"my_name": "Ada"}, 201)["code"]
    assert join_address(app, code, HTTP_HOST="10.0.0.1") == f"https://pit.example.org/snake/r/{code}"


def test_a_client_that_knows_no_images_gets_the_qr_code_as_text(app, room):
    path = f"/api/rooms/{room['code']}/qr.svg"
    image, text = (browser(app).get(path, headers={"Accept": kind}) for kind in ("image/svg+xml, */*", "text/plain"))
    assert (image.content_type, text.content_type) == ("image/svg+xml", "text/plain")
    assert (image.text, image.headers["Vary"]) == (text.text, "Accept")


def test_an_unchanged_qr_code_costs_a_304(app, room):
    client, path = browser(app), f"/api/rooms/{room['code']}/qr.svg"
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_the_address_leads_to_the_room_below_whatever_path(app):
    answer = browser(app).get("/r/bcd234?fbclid=x")
    assert (answer.status_code, answer.headers["Location"]) == (302, "../#/rooms/BCD234")
    assert browser(app).get("/r/bcd234/").headers["Location"] == "../../#/rooms/BCD234"
    assert browser(app).get("/r/%0d%0aX%3A%20%22").headers["Location"] == "../#/rooms/%0D%0AX%3A%20%22"


def test_wrong_codes_of_qr_codes_are_counted_and_right_ones_are_not(app, room):
    client, token = browser(app), {"X-Snakepit-Token": "unknown"}
    for _ in range(25):
        client.get(f"/api/rooms/{room['code']}/qr.svg", headers=token)
    statuses = [client.get(f"/api/rooms/{WRONG}/qr.svg", headers=token, expect_errors=True).status_code for _ in range(21)]
    assert statuses == 20 * [404] + [429]
