"""Bad settings stop the server and manage.py with one line and exit status 2."""

import json
import os
import subprocess
import sys

import pytest
from servers import ROOT, TIMEOUT, run_program

P = "hunter2"  # never to be shown
BAD = {
    "DATABASE_URL": f"postgresql://snake:pa/{P}@host/db",
    "PORT": "1_000",
    "HOST": "300.1.1.1",
    "METRICS_TOKEN": f"{P}\n{P}{P}",
    "SECRET_KEY": P,
    "RATE_LIMIT_STORAGE": f"redi://:{P}@host",
    "CORS_ORIGINS": "https://example.org/",
    "TRUSTED_PROXIES": "300.1.1.1",
    "NAMES_REFUSED": "nothing.txt",
    "WORKERS": "many",
}


ALL = """
import contextlib, io, json, os, sys
sys.path.insert(0, sys.argv[1])
import manage
from web import server
for name, value in json.load(sys.stdin).items():
    for main, arguments in ((server.main, ()), (manage.main, (["stats"],))):
        os.environ.update({name: value, "WORKERS": value if name == "WORKERS" else "3"})
        with contextlib.redirect_stderr(io.StringIO()) as said:
            print(json.dumps([name, main(*arguments), said.getvalue()]))
        del os.environ[name]
"""


def test_each_bad_setting_stops_the_server_and_manage(tmp_path):
    command = [sys.executable, "-c", ALL, str(ROOT)]
    env = {"PATH": os.environ["PATH"], "PORT": "0", "DATABASE_URL": "sqlite:///nowhere.db"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, input=json.dumps(BAD), capture_output=True, text=True, timeout=TIMEOUT
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2 * len(BAD), done.stderr
    for name, status, said in lines:
        assert (status, said.count("\n")) == (2, 1), said
        assert said.removeprefix("manage.py: ").startswith(name)
        assert P not in said


@pytest.mark.parametrize(("program", "arguments"), [("service.py", []), ("manage.py", ["stats"])])
@pytest.mark.parametrize("workers", ["1", "3"])
def test_as_json_it_is_one_line_too(tmp_path, program, arguments, workers):
    (tmp_path / ".env").write_text(f"LOG_FORMAT=json\nDATABASE_URL=postgresql://snake:pa/{P}@host/db\n")
    done = run_program(tmp_path, program, *arguments, WORKERS=workers)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert json.loads(line)["message"].startswith("DATABASE_URL: ")
    assert json.loads(line)["level"] == "critical"
    assert P not in line


@pytest.mark.parametrize(("program", "arguments"), [("service.py", []), ("manage.py", ["stats"])])
def test_a_file_that_is_not_utf_8_stops_both(tmp_path, program, arguments):
    (tmp_path / ".env").write_bytes("# caf\u00e9\nPORT=0\n".encode("latin-1"))
    done = run_program(tmp_path, program, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert ".env: line 1 is not in UTF-8" in done.stderr


def test_a_socket_can_be_the_host_in_a_url(make_server, postgres_url):
    address, _, query = postgres_url.partition("?")
    folder = query.removeprefix("host=")
    if not folder.startswith("/"):
        pytest.skip("This Postgres is reached by a network.")
    name = address.rpartition("/")[2]
    server = make_server(DATABASE_URL=f"postgresql://postgres@{folder.replace('/', '%2F')}/{name}")
    assert server.api("GET /healthz")["engine"] == "postgres"
