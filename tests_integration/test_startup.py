"""The start of the server: options, the printed address, and errors."""

import re
import signal
import socket

import pytest
from servers import TIMEOUT, Server, run_program

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the tests serve for a moment
MEMORY = {"DATABASE_URL": "sqlite:///:memory:"}


def run(folder, *arguments, **settings):
    """Start a server that can't start. Return the completed process."""
    return run_program(folder, "service.py", *arguments, **settings)


@pytest.fixture
def start(tmp_path):
    """Starts servers with options of the command line. Returns what they print first, and their port."""
    started = []

    def start(*arguments, **settings):
        made = Server(tmp_path, **MEMORY, **settings)
        made.command = [*made.command, *arguments]
        started.append(made)
        return made.start()

    yield start
    for server in started:
        if server.is_running:
            server.kill()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_options_come_before_settings(start):
    port = free_port()
    server = start("--port", str(port), "--host=127.0.0.2", PORT="1", HOST="192.0.2.1")
    assert server.url == f"http://127.0.0.2:{port}"
    assert server.api("GET /healthz")


def test_the_command_line_reaches_the_server(tmp_path):
    """By the option that is wrong: nothing has to be stopped then."""
    said = run(tmp_path, "--port", "http", PORT="0")
    assert (said.returncode, said.stderr) == (2, "PORT=http: give a whole number from 0 to 65535\n")


def test_help_names_the_options(tmp_path):
    said = run(tmp_path, "--help", PORT="nonsense")
    assert said.returncode == 0
    assert {"--host", "--port", "--help"} <= set(re.findall("--[a-z]+", said.stdout))


@pytest.mark.parametrize("arguments", [["--prot", "1"], ["extra"], ["--port"], ["--por", "1"], ["-p", "1"], ["--host"]])
def test_an_unknown_option_is_reported_in_one_line(tmp_path, arguments):
    said = run(tmp_path, *arguments)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert arguments[0] in said.stderr
    assert "--help" in said.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", EVERYWHERE, "::", "::ffff:127.0.0.1"])
def test_a_port_that_is_taken_stops_the_start_with_one_line(tmp_path, host):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run(tmp_path, HOST=host, PORT=str(port), **MEMORY)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert said.stderr.startswith(f"PORT={port}: can't serve at {host}: ")


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "2001:db8::1", "no.such.host.invalid"])
def test_an_address_of_another_machine_stops_the_start_with_one_line(tmp_path, host):
    said = run(tmp_path, HOST=host, **MEMORY)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert host in said.stderr


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), (EVERYWHERE, "127.0.0.1"), ("::", "[::1]")]
)
def test_the_printed_address_can_be_opened_in_a_browser(make_server, host, shown):
    server = make_server(HOST=host, **MEMORY)
    assert server.url == f"http://{shown}:{server.settings['PORT']}"
    assert server.api("GET /healthz")["status"] == "ok"


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_address_is_printed_once_and_only_when_the_server_responds(make_server, tmp_path, workers):
    server = make_server(WORKERS=workers, DATABASE_URL=f"sqlite:///{tmp_path}/snake.db")
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    server.process.send_signal(signal.SIGTERM)
    with server.process.stdout as stdout:
        assert stdout.read() == ""
    assert server.process.wait(TIMEOUT) == 0


@pytest.mark.parametrize("workers", ["1", "3"])
def test_no_address_is_printed_if_the_app_can_not_be_made(tmp_path, workers):
    said = run(tmp_path, RATE_LIMIT_STORAGE="nonsense://", DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", WORKERS=workers)
    assert said.returncode != 0
    assert said.stdout == ""
