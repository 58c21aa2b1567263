"""Updates of watched games as server-sent events, from a real server and in a real Chromium."""

import time
from contextlib import closing

import pytest
from live_games import LiveGame, Stream, going_on
from room_host import Host
from servers import exchange, until

from web.events import LONGEST, MEDIA, UP_TO_DATE


@pytest.fixture
def server(make_server, database_url):
    return make_server(DATABASE_URL=database_url, RATE_LIMITS="false")


def test_each_event_continues_the_one_before(server):
    ada = LiveGame(server.api.sign_up("Ada"), meals=1)
    with closing(server.http()) as connection:
        stream, seen, began = Stream(connection, f"{ada.id}:0"), [], time.monotonic()
        assert (stream.media, stream.response.getheader("X-Accel-Buffering")) == (MEDIA, "no")
        with going_on(ada):
            for last, [update] in stream:
                assert last == f"{ada.id}:{update['tick']}"
                seen.append(update)
        assert time.monotonic() - began > LONGEST - 1
        turns = [turn for update in seen for turn in update.get("turns", [])]
        assert turns == [list(turn) for turn in ada.turns if turn[0] <= seen[-1]["tick"]]
        assert seen[-1]["tick"] > seen[0]["tick"]
        # The connection can be used again, and a client that reconnects goes on after the last event.
        again = Stream(connection, f"{ada.id}:0", **{"Last-Event-ID": f"{ada.id}:{seen[-1]['tick']}"})
        _, [update] = next(iter(again))
        assert all(tick > seen[-1]["tick"] for tick, _ in update.get("turns", []))


def test_the_events_end_with_the_game_or_with_the_right_to_see_it(server):
    ada = LiveGame(server.api.sign_up("Ada"), meals=1)
    with closing(server.http()) as connection:
        events = iter(Stream(connection, f"{ada.id}:0"))
        next(events)
        ada.crash()
        rest = [update for _, [update] in events]
        assert [update.get("outcome") for update in rest][-1] == "wall"
        assert len(rest) < LONGEST
    host = server.api.sign_up("Host")
    path = f"/api/games/live?room={host('POST /api/rooms', {}, 201)['code']}"
    with closing(server.http()) as connection:
        connection.request("GET", path, headers={"Accept": MEDIA, "Authorization": f"Bearer {host.token}"})
        response = connection.getresponse()
        assert response.readline() == b"retry: 1000\n"
        host("POST /api/auth/logout", status=204)
        before = time.monotonic()
        assert response.read() == b"id: \ndata: []\n\n"
        assert time.monotonic() - before < LONGEST - 1
        assert server.get(path, host.token)[0] == 401


def test_the_events_of_a_round_end_for_a_member_who_is_removed(make_server):
    server = make_server(RATE_LIMITS="false")
    host, ada = Host(server.api.sign_up("Host")), server.api.sign_up("Ada")
    member = host.join(ada)
    host.make()
    until(lambda: host.show()["round"]["status"] == "running")
    host.play(ada)
    game = host.play(host.api)["id"]
    with closing(server.http()) as connection:
        events = iter(Stream(connection, f"{game}:0", room=host.room["code"], Authorization=f"Bearer {ada.token}"))
        next(events)
        host.api(f"DELETE {host.path}/members/{member}", status=204)
        assert len(list(events)) <= UP_TO_DATE + 1 < LONGEST - 3


def test_games_that_begin_are_added(server):
    with closing(server.http()) as connection:
        events = iter(Stream(connection, "", limit=3))
        assert next(events) == ("", [])
        ada = LiveGame(server.api.sign_up("Ada"), meals=1)
        last, [update] = next(event for event in events if event[1])
        assert (update["username"], update["seed"], last) == ("Ada", ada.opened["seed"], f"{ada.id}:{ada.tick}")
        _, [update] = next(events)
        assert update.keys() == {"id", "tick", "heard"}


def test_a_server_that_stops_ends_its_events_first(make_server):
    server = make_server()
    ada = LiveGame(server.api.sign_up("Ada"))
    with closing(server.http()) as connection:
        events = iter(Stream(connection, f"{ada.id}:0"))
        next(events)
        assert server.stop() == 0
        assert len(list(events)) <= 1  # an end that isn't whole would raise an error


def test_a_crowded_address_gets_no_events(make_server):
    server = make_server(CONNECTIONS_PER_ADDRESS="8")  # crowded from the third connection on
    ada = LiveGame(server.api.sign_up("Ada"))
    with closing(server.http()) as first, server.connect(), closing(server.http()) as third:
        assert Stream(first, f"{ada.id}:0").media == MEDIA
        assert Stream(third, f"{ada.id}:0").media == "application/json"
    with server.connect(), server.connect():
        first, before = server.http(), time.monotonic()
        assert len(list(Stream(first, f"{ada.id}:0"))) <= 1  # it ends when others need room
        assert time.monotonic() - before < LONGEST - 1


def test_no_method_but_get_and_no_older_protocol_waits(make_server):
    server = make_server()
    ada = LiveGame(server.api.sign_up("Ada"))
    head = f"HEAD /api/games/live?known={ada.id}:0 HTTP/1.1\r\nHost: x\r\nAccept: {MEDIA}\r\nConnection: close\r\n\r\n"
    before = time.monotonic()
    assert b"application/json" in exchange(server, head.encode())
    assert time.monotonic() - before < 1


# In a browser.

ACCEPTED = """() => { window.accepted = []; const ask = window.fetch; window.fetch = (address, options) => {
    if (String(address).includes("api/games/live")) accepted.push(options.headers.Accept ?? "");
    return ask(address, options);
}; }"""


def watch(page, server, game):
    page.add_init_script(f"({ACCEPTED})()")
    page.goto(f"{server.url}/#/games/{game.id}")
    page.wait_for_function("() => accepted.length")


@pytest.fixture
def watched(make_server):
    server = make_server(RATE_LIMITS="false")
    game = LiveGame(server.api.sign_up("Ada"), meals=1)
    with going_on(game):
        yield server, game


def test_only_three_windows_have_events(open_page, watched):
    server, game = watched
    first = open_page("about:blank")
    windows = [first, *(first.context.new_page() for _ in range(3))]
    for page in windows:
        watch(page, server, game)
    assert [page.evaluate("accepted[0]") for page in windows] == [MEDIA, MEDIA, MEDIA, ""]
    windows[0].close()
    windows[3].wait_for_function("(media) => accepted.includes(media)", arg=MEDIA)


def test_behind_a_proxy_that_holds_events_back_a_page_polls(open_page, watched):
    server, game = watched
    page = open_page("about:blank")
    page.route("**/api/games/live?*", lambda route: route.fulfill(response=route.fetch()))  # it answers when all has come
    watch(page, server, game)
    page.wait_for_function("() => accepted.slice(1).length > 1 && !accepted.slice(1).some(Boolean)")
    page.unroute_all(behavior="ignoreErrors")
