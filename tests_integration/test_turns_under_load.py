"""Under gevent, what waits goes on as soon as it can, however busy the event loop is with requests.

gevent wakes those who wait for a lock, or sleep for no time, through callbacks. Between two looks at sockets and timers it
calls about fifty, and a busy loop may look only twice a second.
"""

from servers import run_code

START = """
from gevent import monkey
monkey.patch_all()
import socket, sys, threading, time
import gevent
sys.path.insert(0, sys.argv[1])

MANY = 400
passed, rounds = [], 0

def work(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass

def respond():  # a busy loop
    global rounds
    while len(passed) < MANY:
        gevent.sleep(0.001)
        rounds += 1
        work(0.02)

def go_on(wait, number):
    wait(number)
    work(0.0002)
    passed.append(number)
"""
REQUESTS = """
from types import SimpleNamespace
from gunicorn.http.unreader import SocketUnreader
from web.worker import let_others_pass

pairs = [socket.socketpair() for _ in range(MANY)]
waiting = [
    gevent.spawn(go_on, lambda at: let_others_pass(SimpleNamespace(unreader=SocketUnreader(pairs[at][0])), pairs[at][0]), at)
    for at in range(MANY)
]
gevent.sleep(0.1)
assert not passed, "there are no requests yet"
for _, client in pairs:
    client.send(b"GET / HTTP/1.1")
gevent.joinall([gevent.spawn(respond), *waiting], raise_error=True, timeout=60)
"""
CONNECTIONS = """
from gevent.pool import Pool
from web.worker import Server

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(MANY)
clients = [socket.create_connection(listener.getsockname()) for _ in range(MANY)]
serve = lambda listener, client, address: go_on(lambda at: None, address)
server = Server(listener, spawn=Pool(MANY), handler_class=serve, environ={"wsgi.multiprocess": False})
server.start()
gevent.spawn(respond).get(timeout=60)
assert passed == [client.getsockname() for client in clients], "not in the order in which they came"
"""
JOBS = """
import os
import models
from database import migrations
from database.binding import bind
from database.connect import connect
from database.transactions import commit

database, may_go_on = connect(sys.argv[2], shared=True), monkey.get_original("threading", "Event")()
fdatasync = os.fdatasync

def write(number):
    with bind(database):
        commit(models.Secret.insert(name=f"{number}", value="").execute, durable=number < 0)

with bind(database):
    migrations.migrate()
syncing = []
os.fdatasync = lambda file: (syncing.append(file), may_go_on.wait(30), fdatasync(file))
first = gevent.spawn(write, -1)
while not syncing:
    gevent.sleep(0.001)
waiting = [gevent.spawn(go_on, write, at) for at in range(MANY)]
while len(database.writer.waiting) < MANY:
    gevent.sleep(0.001)
may_go_on.set()
gevent.joinall([gevent.spawn(respond), first, *waiting], raise_error=True, timeout=60)
"""
END = """
assert len(passed) == MANY
assert rounds <= 4, f"the last one had to wait for {rounds} rounds"
"""


def test_a_client_whose_turn_has_passed_waits_no_longer_than_for_its_request(tmp_path):
    run_code(START + REQUESTS + END, tmp_path)


def test_many_new_connections_are_served_together_in_order_of_arrival(tmp_path):
    run_code(START + CONNECTIONS + END, tmp_path)


def test_who_waits_for_the_writer_goes_on_with_the_others(tmp_path):
    run_code(START + JOBS + END, tmp_path)
