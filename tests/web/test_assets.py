"""Static files: compressed, with validators, and cached without revalidation where that is safe."""

import gzip
import json
import re
from urllib.parse import urljoin

import pytest
import webob
import webtest

import service
from web import assets


@pytest.fixture
def client(app):
    return webtest.TestApp(app)


@pytest.mark.parametrize("path", ["/", "/api/docs"])
def test_a_page_names_its_files_by_their_version_and_they_may_be_kept(client, path):
    page = client.get(path)
    assert (page.content_type, page.cache_control.no_cache) == ("text/html", "*")
    addresses = re.findall(r'(?:href|src)="((?:../)?static/[^"]+)"', page.text)
    assert len(addresses) > 5
    for address in addresses:
        file = client.get(urljoin(path, address))
        assert "immutable" in file.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/api/docs"])
def test_all_addresses_in_a_page_are_relative(client, path):
    addresses = re.findall(r'(?:href|src)="([^"]*)"', client.get(path).text)
    assert [address for address in addresses if address.startswith("/") or "//" in address] == []


def test_files_are_compressed_if_the_client_accepts_it(app):
    plain, packed = webob.Request.blank("/static/js/rules.js").get_response(app), fetch(app, "/static/js/rules.js")
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body == (service.STATIC / "js" / "rules.js").read_bytes()
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        *(
            ("gzip", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "x-gzip"),
            ("*", "gzip"),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip"),
        ),
        *(("deflate, gzip ; q=0.001", "gzip"), ("identity;q=0", "gzip"), ("identity;q=0.5, *", "gzip"), ("gzip,", "gzip")),
        *(("gzip;q=0", None), ("GZIP;Q=0.000", None), ("gzip;q=0, *", None), ("*;q=0", None), ("", None), (None, None)),
        *(("identity", None), ("br", None), ("gzipped", None), ("gzip;q=0.5, identity", None), ("gzip;q=nonsense", None)),
    ],
)
def test_files_are_compressed_as_the_client_asks(app, accepted, coding):
    answer = fetch(app, "/static/style.css", {} if accepted is None else {"Accept-Encoding": accepted})
    content = (service.STATIC / "style.css").read_bytes()
    assert answer.headers.get("Content-Encoding") == coding
    assert (gzip.decompress(answer.body) if coding else answer.body) == content
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_each_encoding_has_an_etag_of_its_own(app):
    """RFC 9110, 8.8.3: an ETag that is not weak means the same bytes."""
    plain, packed = fetch(app, "/", {}), fetch(app, "/")
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for mine, accepted in ((plain, {}), (packed, {"Accept-Encoding": "gzip"})):
        other = packed if mine is plain else plain
        assert fetch(app, "/", accepted | {"If-None-Match": mine.headers["ETag"]}).status_int == 304
        assert fetch(app, "/", accepted | {"If-None-Match": other.headers["ETag"]}).status_int == 200


@pytest.mark.parametrize("path", ["/", "/static/icon-192.png", "/api/openapi.json"])
@pytest.mark.parametrize("names", ["{}", "W/{}", '"x", {}', '"x",W/"y", W/{} ,"z"', "*", " * "])
def test_a_304_has_the_headers_of_the_200(app, path, names):
    whole = fetch(app, path)
    known = fetch(app, path, {"Accept-Encoding": "gzip", "If-None-Match": names.format(whole.headers["ETag"])})
    assert (known.status_int, known.body) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert known.headers.get(name) == whole.headers.get(name)


@pytest.mark.parametrize("names", ['"x"', "", '"*"', "nonsense", 'W/"x", "y"'])
def test_what_the_client_does_not_have_is_sent(app, names):
    assert fetch(app, "/", {"If-None-Match": names}).status_int == 200


def test_an_older_version_is_answered_with_todays_file_and_not_kept(client):
    file = client.get("/static/v-000000000000/js/rules.js")
    assert file.headers["Cache-Control"] == "no-cache"


def test_a_change_to_a_file_is_a_new_version_at_the_next_load_of_the_page(tmp_path):
    (tmp_path / "index.html").write_text('<script src="static/main.js">')
    (tmp_path / "main.js").write_text("1")
    files = assets.Assets(tmp_path)
    before = files.find("index.html")[0].content
    (tmp_path / "main.js").write_text("2222")
    after = files.find("index.html")[0].content
    assert before != after
    asset, kept = files.find(re.search(rb'"static/(.*)"', after)[1].decode())
    assert (asset.content, kept) == (b"2222", assets.IMMUTABLE)


def test_a_link_that_leads_out_of_the_folder_is_not_served(tmp_path):
    folder, outside = tmp_path / "static", tmp_path / "outside"
    for made in (folder, outside):
        made.mkdir()
    (folder / "index.html").write_text('<script src="static/main.js">')
    (folder / "main.js").write_text("1")
    (outside / "secret.js").write_text("hunter2")
    (folder / "file.js").symlink_to(outside / "secret.js")
    (folder / "up.js").symlink_to("../outside/secret.js")
    (folder / "nowhere.js").symlink_to(outside / "nothing.js")
    (folder / "folder").symlink_to(outside)
    (folder / "folder.js").symlink_to(outside)
    (folder / "within.js").symlink_to("main.js")
    (tmp_path / "linked").symlink_to(folder)
    for files in (assets.Assets(folder), assets.Assets(tmp_path / "linked")):
        assert set(files.by_name) == {"index.html", "main.js", "within.js"}
        assert files.find("folder/secret.js") == (None, None)


def test_the_service_worker_is_never_kept_and_names_the_files_of_its_version(client):
    worker, page = client.get("/sw.js"), client.get("/")
    assert (worker.content_type, worker.headers["Cache-Control"]) == ("text/javascript", "no-cache")
    assert worker.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
    version, files = re.match(r'const VERSION = "(v-[0-9a-f]{12})", FILES = (\[.+?\]);\n', worker.text).groups()
    assert f'"static/{version}/js/main.js"' in page.text
    for name in json.loads(files):
        assert "immutable" in client.get(f"/static/{version}/{name}").headers["Cache-Control"]


def test_the_manifest_names_icons_that_exist_and_views_to_which_the_page_links(client):
    manifest, page = client.get("/manifest.webmanifest").json, client.get("/").text
    assert [client.get(urljoin("/", icon["src"])).content_type for icon in manifest["icons"]] == [
        icon["type"] for icon in manifest["icons"]
    ]
    addresses = [shortcut["url"] for shortcut in manifest["shortcuts"]]
    assert addresses[0] == "./#/?challenge=daily"
    assert [address for address in addresses if f'href="{address.removeprefix("./")}"' not in page] == []


def test_what_the_page_names_is_light(app):
    """The first load, but for the heads of its answers, which the browser test counts too."""
    page = gzip.decompress(fetch(app, "/").body)
    addresses = re.findall(r'(?:href|src)="(static/[^"]+)"', page.decode())
    assert sum(len(fetch(app, f"/{address}").body) for address in addresses) < 80_000


def fetch(app, path, headers=None):
    """As it goes over the wire to a browser; WebTest would unpack it."""
    headers = {"Accept-Encoding": "gzip"} if headers is None else headers
    return webob.Request.blank(path, headers=headers).get_response(app)
