"""Queries on Postgres: how many round trips they take, and what becomes of those that fail, hang or have to wait."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import peewee
import psycopg
import pytest
from driver import plan
from live_games import Stream
from peewee import Select, fn
from room_host import Host
from servers import Relay, until

from database import errors
from database.binding import bind
from database.connect import connect
from database.deadlines import deadline
from database.queries import Param, compiled, lookup
from database.transactions import commit
from models import Secret, now

SECOND, END = 2, 3  # round trips
AT_ONCE = 300  # more than the requests that wait while the database hangs, and the connections of the pool


class CountingRelay(Relay):
    """A Relay that counts how often a client asks and waits, as long as one does at a time."""

    round_trips, is_asking = 0, False

    def _carry(self, source, target):
        is_client = source.family == socket.AF_INET
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.round_trips += is_client and not self.is_asking
                self.is_asking = is_client
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(postgres_url):
    relay = CountingRelay(postgres_url)
    yield relay
    relay.close()


def fewest(relay, ask, cases):
    """Return the fewest round trips of `ask` in some cases: background tasks take some, too."""
    found = []
    for case in cases:
        before = relay.round_trips
        ask(case)
        found.append(relay.round_trips - before)
    return min(found)


def test_a_second_of_play_and_the_end_of_a_game_take_few_round_trips(make_server, relay):
    server = make_server(DATABASE_URL=relay.url, RATE_LIMITS="false")
    ada = server.api.sign_up("Ada")
    game = ada.open()
    assert fewest(relay, lambda tick: ada.post(game, tick, tick + 1), range(5)) <= SECOND
    games = []

    def play_to_the_wall(meals):
        turns, tick = plan(games[-1]["seed"], games[-1]["mode"], meals)
        assert ada.post(games[-1], 0, tick, turns)["status"] == "over"

    found = []
    for meals in (1, 2, 3):
        games.append(ada.open())
        found.append(fewest(relay, play_to_the_wall, [meals]))
    assert min(found) <= END
    assert [entry["score"] for entry in ada("GET /api/leaderboard")] == [30]


def test_the_events_of_a_round_look_its_watcher_up_once(make_server, relay):
    server = make_server(DATABASE_URL=relay.url, RATE_LIMITS="false")
    host = Host(server.api.sign_up("Host"))
    host.make()
    until(lambda: host.show()["round"]["status"] == "running")
    game, found = host.play(host.api), []
    with closing(server.http()) as connection:
        watching = Stream(connection, f"{game['id']}:0", room=host.room["code"], Authorization=f"Bearer {host.api.token}")
        before = relay.round_trips
        for _, [update] in watching:
            assert update["id"] == game["id"]
            found.append(relay.round_trips - before)
            before = relay.round_trips
    assert min(found[1:]) == 1


@pytest.fixture
def db(make_server, postgres_url):
    make_server(DATABASE_URL=postgres_url).stop()
    db = connect(postgres_url)
    with bind(db):
        yield db
    db.close_all()


@compiled
def add():
    return Secret.insert({Secret.name: Param("name"), Secret.value: Param("value")}).returning()


@compiled
def find():
    return Secret.select(Secret.name, Secret.value).where(Secret.name == Param("name"))


@lookup
def look_up():
    return Secret.select(Secret.value).where(Secret.name == Param("name"))


@compiled
def sleep():
    return Select(columns=[fn.pg_sleep(Param("seconds")).cast("text")])


@compiled
def values():
    kinds = {"whole": "bigint", "long": "bigint", "true": "boolean", "bytes": "bytea", "text": "text", "none": "text"}
    return Select(columns=[Param(name).cast(kind).alias(name) for name, kind in kinds.items()])


def test_values_come_back_as_they_were_given(db):
    given = {"whole": -5, "long": now(), "true": True, "bytes": b"\0\xff%s", "text": "100 % of 'ä' 蛇 \\ %s", "none": None}
    for _ in range(3):
        assert values.first(**given)._asdict() == given


def test_results_of_a_transaction_can_be_looked_at_in_any_order_and_after_it(db):
    def job():
        first = add.later(name="a", value="1")
        found = find.later(name="a")
        second = add.later(name="b", value="2")
        assert second.rowcount == first.rowcount == 1
        return found, find.later(name="b")

    found, last = commit(job)
    assert found.fetchall() == [("a", "1")]
    assert last.fetchone() == ("b", "2")
    assert find.first(name="b").value == "2"


def test_a_failure_of_what_nobody_has_looked_at_undoes_the_transaction(db):
    add(name="a", value="1")

    def job():
        add.later(name="b", value="2")
        add.later(name="a", value="again")

    for _ in range(2):
        with pytest.raises(peewee.IntegrityError):
            commit(job)
        assert find.first(name="b") is None
    commit(lambda: add.later(name="b", value="3"))
    assert find.first(name="b").value == "3"


def test_a_query_that_hangs_ends_at_its_deadline_and_leaves_no_late_answer(db):
    for call in (sleep, sleep.later):

        def job(call=call):
            call(seconds=5.0)

        began = time.monotonic()
        with deadline(0.3), pytest.raises(peewee.OperationalError) as caught:
            commit(job)
        assert time.monotonic() - began < 3
        assert errors.describe(caught.value) == errors.NO_ANSWER
        db.release()
        assert find.first(name="none") is None


def test_lookups_at_the_same_time_find_each_its_own(db):
    names = [f"name {number % 20}" for number in range(AT_ONCE)]
    for name in set(names):
        add(name=name, value=f"value of {name}")

    def find_it(name):
        with bind(db), deadline(20):
            found = look_up.first(name=name)
            return found and found.value

    with ThreadPoolExecutor(50) as threads:
        for _ in range(3):
            assert list(threads.map(find_it, names)) == [f"value of {name}" for name in names]
            assert list(threads.map(find_it, ["none"] * 50)) == [None] * 50


def test_a_lookup_in_a_transaction_finds_what_that_has_written(db):
    def job():
        add.later(name="a", value="1")
        return look_up.first(name="a")

    assert commit(job).value == "1"


def test_a_lookup_goes_on_another_connection_if_it_finds_the_first_dead(db, postgres_url):
    add(name="a", value="1")
    db.release()
    end_connections(postgres_url)
    assert look_up.first(name="a").value == "1"


def end_connections(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        admin.execute(f"{others} AND datname = current_database()")


def test_a_transaction_goes_on_another_connection_if_the_first_statement_finds_it_dead(db, postgres_url):
    add(name="a", value="1")
    db.release()
    end_connections(postgres_url)
    commit(lambda: add.later(name="b", value="2"))
    assert find.first(name="b").value == "2"


def test_nothing_is_prepared_for_a_pooler(db, postgres_url):
    prepared = "SELECT COUNT(*) FROM pg_prepared_statements WHERE name LIKE 'snakepit%%'"
    assert find.first(name="a") is None
    assert db.execute_sql(prepared).fetchone() == (1,)
    other = connect(f"{postgres_url}&prepare_threshold=none")
    with bind(other):
        commit(lambda: add(name="a", value="1"))
        assert find.first(name="a").value == "1"
        assert other.execute_sql(prepared).fetchone() == (0,)
    other.close_all()


def test_as_many_as_there_are_wait_for_a_connection_while_the_database_answers(db):
    def ask(number):
        with bind(db), deadline(20):
            return sleep.first(seconds=0.02)

    sleep.first(seconds=0.6)  # no connection was returned lately, since nobody asked
    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert len(list(threads.map(ask, range(2 * AT_ONCE)))) == 2 * AT_ONCE
