"""Settings: their sources, and the messages for bad ones."""

import dataclasses
import re
from pathlib import Path

import pytest

import config
from database import postgres
from database.connect import connect


def test_defaults():
    settings = config.load()
    assert settings == config.Settings()
    assert settings.database_url == "sqlite:///./snake.db"
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert (settings.enforce_pace, settings.pause_budget, settings.bcrypt_rounds) == (True, 60, 12)


def test_arguments_come_before_the_environment_and_that_before_the_file(monkeypatch):
    Path(".env").write_text("PORT=1\nWORKERS=2\nPAUSE_BUDGET=3\nHOST=\n")
    monkeypatch.setenv("PORT", "4")
    monkeypatch.setenv("WORKERS", "5")
    settings = config.load(port=6)
    assert (settings.port, settings.workers, settings.pause_budget, settings.host) == (6, 5, 3, "127.0.0.1")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_value_counts_as_none(monkeypatch, empty):
    monkeypatch.setenv("PORT", empty)
    assert config.load().port == 8000


def test_a_dollar_in_the_file_is_a_dollar():
    Path(".env").write_text("SECRET_KEY=sixteen$HOMEcharacters\n")
    assert config.load().secret_key == "sixteen$HOMEcharacters"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), ("No", False), ("on", True)])
def test_yes_and_no(monkeypatch, text, value):
    monkeypatch.setenv("ENFORCE_PACE", text)
    assert config.load().enforce_pace is value


def test_origins():
    origins = config.load(cors_origins="https://a.example, http://localhost:3000").cors_origins
    assert origins == ("https://a.example", "http://localhost:3000")


def test_proxies():
    proxies = config.load(trusted_proxies="127.0.0.1, 10.0.0.0/8,::1").trusted_proxies
    assert [str(network) for network in proxies] == ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]


P = "hunter2"  # never to be shown
# A setting, and values that it can't have, each after a |; {P} is P, and other characters are written as in Python.
BAD_VALUES = """
PORT | http | 65536 | -1 | \\u0663 | 1_000 | +5 | 8000.0 | 80 00 | \\xb2 | "8000" | 0x50
WORKERS | 0 | 65 | many
BCRYPT_ROUNDS | 3
SCORE_POLICY | trusting
ENFORCE_PACE | maybe | 2 | truee
PAUSE_BUDGET | 1.5
SESSION_DAYS | 0
LOG_LEVEL | loud
LOG_FORMAT | xml
ACCESS_LOG | some
METRICS_TOKEN | short | {P}\\n{P}{P} | {P}\\xe9{P}{P} | {P}\\udcff{P}{P}
SECRET_KEY | short | {P}{P}\\r\\n{P} | {P}\\x7f{P}{P}
HOST | http://x | localhost:8000 | 300.1.1.1 | a b | h\\xf6st
HOST | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | * | u:{P}@h | -x | [::1
CORS_ORIGINS | example.org | https://example.org/ | https://example.org/x | https://example.org,
CORS_ORIGINS | https://b\\xfccher.example | https://u:{P}@x.example | https://*.example | null | https://x.example:99999
CORS_ORIGINS | https://x.example? | https:// | https://a b.example
TRUSTED_PROXIES | proxy.example.org | 127.0.0.1, | 10.0.0.1/8 | * | 300.1.1.1 | 1.2.3.4:80 | 1.2.3
RATE_LIMITS | 2
RESERVED_NAMES_FILE | no/such/file.txt | /
NAMES_REFUSED | no/such/file.txt
PUBLIC_URL | example.org | ftp://example.org | https://u:{P}@example.org | https://example.org/?x=1 | https://a b/ | http://
RATE_LIMIT_STORAGE | {P} | redis://:{P}@host:x/0 | redis://:a/{P}@host/0 | redis://:{P}#@host/0 | redis://:[{P}@host
RATE_LIMIT_STORAGE | redis://:{P}@host:1:2
DATABASE_URL | mysql://u:{P}@host/name | postgresql+psycopg2://u:{P}@host/name | sqlite://u:{P}@host/name
DATABASE_URL | http://u:{P}@host/name | ://u:{P}@host/name | snake.db | sqlite:snake.db | sqlite:/snake.db
DATABASE_URL | sqlite://snake.db | sqlite:////no/such/folder/snake.db | sqlite:///./a#b.db | SQLITE:///a#
DATABASE_URL | sqlite:///a?b.db | sqlite:///a.db?mode=ro | sqlite:///a.db?timeout=long | sqlite:///. | sqlite:///./
DATABASE_URL | sqlite://// | sqlite:///a.db/ | sqlite:///a\\nb.db | postgresql://snake:pa/{P}@host/db
DATABASE_URL | postgresql://snake:12/{P}@host/db | postgresql://snake:pa?{P}@host/db | postgresql://snake:pa#{P}@host/db
DATABASE_URL | postgresql://snake:{P}%zz@host/db | postgresql://snake:[{P}@host/db | postgresql://snake:{P}]@host/db
DATABASE_URL | postgresql://snake:{P} x@host/db | postgresql://snake:{P}%00@host/db
DATABASE_URL | postgresql://snake:{P}\\u2100@host/db | postgresql://snake:{P}%@host/db
DATABASE_URL | postgresql://snake:{P}@host:abc/db | postgresql://snake:{P}@host:\\u0663/db
DATABASE_URL | postgresql://snake:{P}@host:1_0/db | postgresql://snake:{P}@host:0/db
DATABASE_URL | postgresql://snake:{P}@host:99999/db | postgresql://snake:{P}@host:5432:1/db
DATABASE_URL | postgresql://snake:{P}@host:+1/db | postgresql://snake:{P}@host:-1/db
DATABASE_URL | postgresql://snake:{P}@h1:1,h2:x/db | postgresql://snake:{P}@h1,h 2/db | postgresql://snake:{P}@h\\xe9/db
DATABASE_URL | postgresql://snake:{P}@[::1/db | postgresql://snake:{P}@a..b/db | postgresql://snake:{P}@300.1.1.1/db
DATABASE_URL | postgresql://snake:{P}@[::g]/db | postgresql://snake:{P}@host/db?wings=1
DATABASE_URL | postgresql://snake:{P}@host/db?wings | postgresql://snake:{P}@host/db?sslmode=foo
DATABASE_URL | postgresql://snake:{P}@host/db?port=x | postgresql://snake:{P}@host/db?host=a%20b
DATABASE_URL | postgresql://snake:{P}@host/db?= | postgresql://snake:{P}@host/db?connect_timeout=soon
DATABASE_URL | postgresql://snake:{P}@host/db?target_session_attrs=x | postgresql://snake:{P}@host/db?options=%00
DATABASE_URL | postgresql://snake:{P}@h1,/db | postgresql://snake:{P}@,h1/db | postgresql://snake:{P}@h1,,h2/db
DATABASE_URL | postgresql://snake:{P}@h1:1,:2/db | postgresql://snake:{P}@::1,h2/db | postgresql://snake:{P}@[h1],h2/db
DATABASE_URL | postgresql://snake:{P}@h1:1,h2:65536/db | postgresql://snake:{P}@h1:0,h2/db | postgresql://snake:{P}@h1;h2/db
DATABASE_URL | postgresql://snake:{P}@h1,h2:5432:1/db | postgresql://snake:{P}@[::1,::2]/db
DATABASE_URL | postgresql://snake:{P}@h1,h2/db?port=1,2,3 | postgresql://snake:{P}@h1:1,h2:2/db?host=h
DATABASE_URL | postgresql://snake:{P}@/db?host=/run, | postgresql://snake:{P}@/db?host=h1,,h2 | postgresql://snake:{P}@/db?port=1,2
DATABASE_URL | postgresql://snake:{P}@/db?host=h1,h2&port=1,x | postgresql://snake:{P}@h1,h2/db?hostaddr=10.0.0.1
DATABASE_URL | postgres://user:{P}@host | postgres://user:{P}@host/ | postgresql:// | postgresql:snake:{P}@host/db
"""
BAD = [
    ("PORT", "9" * 5000),
    ("METRICS_TOKEN", f"{P}\udcff{P}{P}"),
    *(
        (name, value.replace("{P}", P).encode().decode("unicode_escape"))
        for name, *values in (line.split(" | ") for line in BAD_VALUES.strip().splitlines())
        for value in values
    ),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}-{number}" for number, (name, _) in enumerate(BAD)])
def test_a_bad_value_is_reported_in_one_line_with_the_remedy(name, value):
    with pytest.raises(config.ConfigError) as caught:
        config.load(**{name.lower(): value})
    message = str(caught.value)
    assert message.startswith(name)
    assert message.isprintable()
    assert len(message) < 300
    assert any(word in message for word in ("give", "write", "make", "must be"))
    assert P not in message


@pytest.mark.parametrize(
    ("servers", "why"),
    [
        ("h1,,h3", "its host 2 of 3 is missing"),
        ("h1:1,h2,::1", "its host 3 of 3 is not valid; give HOST:PORT, [IPv6]:PORT"),
        ("h1,h2:70000", "the port of its host 2 of 2 must be a number from 1 to 65535"),
        ("h1:x", "the port of its host must be a number from 1 to 65535"),
    ],
)
def test_of_several_hosts_the_message_tells_which_one_is_wrong(servers, why):
    with pytest.raises(config.ConfigError, match=f"^DATABASE_URL: {re.escape(why)}"):
        config.load(database_url=f"postgresql://snake:{P}@{servers}/db")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", " 8000\n", 8000),
        ("WORKERS", "\t2 ", 2),
        ("ENFORCE_PACE", " No ", False),
        ("LOG_FORMAT", "JSON\n", "json"),
        ("METRICS_TOKEN", "sixteen characters\n", "sixteen characters"),
        ("SECRET_KEY", "  sixteen ch\u00e4racters \r\n", "sixteen ch\u00e4racters"),
        ("HOST", " [::1] ", "::1"),
        ("PUBLIC_URL", " https://example.org/snake/ ", "https://example.org/snake"),
        ("HOST", "::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("CORS_ORIGINS", " https://A.example:443 ,http://[::1]:3000", ("https://a.example", "http://[::1]:3000")),
        ("CORS_ORIGINS", "app://localhost", ("app://localhost",)),
        ("RATE_LIMIT_STORAGE", " memory://\n", "memory://"),
        ("DATABASE_URL", " sqlite:///snake.db\n", "sqlite:///snake.db"),
        ("DATABASE_URL", "SQLITE:///./snake.db", "sqlite:///./snake.db"),
        ("DATABASE_URL", "sqlite:///100%25.db", "sqlite:///100%25.db"),
        (
            "DATABASE_URL",
            "sqlite+pool:///a.db?max_connections=5&timeout=3",
            "sqlite+pool:///a.db?max_connections=5&timeout=3",
        ),
    ],
)
def test_values_are_trimmed_and_normalized(monkeypatch, name, value, wanted):
    monkeypatch.setenv(name, value)
    assert getattr(config.load(), name.lower()) == wanted


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://%2Fvar%2Frun%2FPg/db", {"host": "/var/run/Pg", "database": "db"}),
        ("postgres://u@%2Frun:5433/db", {"host": "/run", "port": "5433", "user": "u", "database": "db"}),
        (
            "POSTGRES://u:p%2Fx%40@[::1]:5/d%20b",
            {"host": "::1", "port": "5", "user": "u", "password": "p/x@", "database": "d b"},
        ),
        ("postgresql://u:p@h1:1,h2:2/db", {"host": "h1,h2", "port": "1,2", "user": "u", "password": "p", "database": "db"}),
        ("postgresql://u:p@h1,h2/db", {"host": "h1,h2", "user": "u", "password": "p", "database": "db"}),
        (
            "postgresql://u:p@h1,[::1],h3:3/db",
            {"host": "h1,::1,h3", "port": ",,3", "user": "u", "password": "p", "database": "db"},
        ),
        ("postgresql://[::1]:1,[::2]:2/db", {"host": "::1,::2", "port": "1,2", "database": "db"}),
        ("postgresql://%2Frun:1,h2/db", {"host": "/run,h2", "port": "1,", "database": "db"}),
        ("postgresql:///db?host=/run,h2&port=1,2", {"host": "/run,h2", "port": "1,2", "database": "db"}),
        ("postgresql://h1,h2/db?port=1", {"host": "h1,h2", "port": 1, "database": "db"}),
        (
            "postgresql://h1,h2/db?hostaddr=10.0.0.1,10.0.0.2",
            {"host": "h1,h2", "hostaddr": "10.0.0.1,10.0.0.2", "database": "db"},
        ),
        ("postgresql://u:a,b@h/db", {"host": "h", "user": "u", "password": "a,b", "database": "db"}),
        ("postgresql://u:a:b@c@h/db", {"host": "h", "user": "u", "password": "a:b@c", "database": "db"}),
        ("postgres:///db?host=/run&port=5433", {"host": "/run", "port": 5433, "database": "db"}),
        ("postgres://:@/db?host=/run", {"host": "/run", "database": "db"}),
        ("postgres://h/db?prepare_threshold=none", {"host": "h", "database": "db", "prepare_threshold": None}),
        ("postgresql+pool://h/db?max_connections=20&stale_timeout=300&timeout=3", {"host": "h", "database": "db"}),
        (
            "postgresql://h/db?options=-csearch_path%3Dsnake",
            {"host": "h", "database": "db", "options": "-csearch_path=snake"},
        ),
    ],
)
def test_what_a_postgres_url_says(url, wanted):
    database = connect(config.load(database_url=url).database_url)
    given = database.connect_params | {"database": database.database}
    assert {name: value for name, value in given.items() if name not in postgres.OPTIONS} == wanted


# .env


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("# caf\u00e9\nPORT=1\n".encode("latin-1"), ".env: line 1 is not in UTF-8; save the file as UTF-8"),
        (f"PORT=1\nSECRET_KEY={P}{P}caf\u00e9\n".encode("latin-1"), ".env: line 2 is not in UTF-8"),
        ("PORT=1\n".encode("utf-16"), ".env: line 1 is not in UTF-8"),
        (b"PORT=1\nHOST=a\0b\n", ".env: line 2 has a NUL"),
        (f"PORT=1\n\nSECRET_KEY='{P}{P}{P}\n".encode(), ".env: line 3 can't be read; write NAME=VALUE"),
        (f"{P}\n".encode(), ".env: line 1 can't be read"),
        (f"PORT=1\nPORT {P}\n".encode(), ".env: line 2 can't be read"),
    ],
)
def test_a_file_that_can_not_be_read_stops_the_start(content, why):
    Path(".env").write_bytes(content)
    with pytest.raises(config.ConfigError) as caught:
        config.load()
    assert str(caught.value).startswith(why)
    assert str(caught.value).isprintable()
    assert P not in str(caught.value)


def test_a_folder_and_a_link_to_nothing_are_no_file():
    Path(".env").mkdir()
    with pytest.raises(config.ConfigError, match="can't be read: Is a directory; make it a file"):
        config.load()
    Path(".env").rmdir()
    Path(".env").symlink_to("nowhere")
    with pytest.raises(config.ConfigError, match="leads to a file that does not exist"):
        config.load()


def test_a_file_as_editors_and_shells_write_it():
    Path(".env").write_bytes(
        b"\xef\xbb\xbfexport PORT=1\r\n\r\n# SECRET\r\nWORKERS = 2 # two\r\nHOST=\r\nLOG_LEVEL='debug'\r\nOTHER=x"
    )
    settings = config.load()
    assert (settings.port, settings.workers, settings.host, settings.log_level) == (1, 2, "127.0.0.1", "debug")


def test_a_misspelt_setting_is_reported():
    Path(".env").write_text("DATABSE_URL=sqlite:///x.db\nport=1\nPOSTGRES_PASSWORD=x\nCOMPOSE_PROJECT_NAME=y\nPORT=2\n")
    assert config.load().database_url == "sqlite:///./snake.db"
    first, second = config.warnings()
    assert first == "DATABSE_URL in .env is not a setting and has no effect; did you mean DATABASE_URL?"
    assert second.startswith("port in .env")


def test_a_setting_under_its_old_name_still_works_and_is_reported(monkeypatch):
    Path("old.txt").touch()
    Path("new.txt").touch()
    Path(".env").write_text("NAMES_REFUSED=old.txt\n")
    assert config.load().reserved_names_file == "old.txt"
    assert config.load(names_refused="new.txt").reserved_names_file == "new.txt"
    assert config.warnings() == ["NAMES_REFUSED is called RESERVED_NAMES_FILE now; the old name still works"]
    monkeypatch.setenv("RESERVED_NAMES_FILE", "new.txt")
    assert config.load().reserved_names_file == "new.txt"


def test_an_argument_that_is_no_setting_is_refused():
    with pytest.raises(config.ConfigError, match="databse_url: no such setting"):
        config.load(databse_url="sqlite:///x.db")


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite+pool:///:memory:"])
def test_a_database_in_memory_has_one_worker(url):
    with pytest.raises(config.ConfigError, match="WORKERS=2"):
        config.load(database_url=url, workers=2)


def test_every_setting_is_documented():
    root = Path(config.__file__).parent
    example, readme = (root / ".env.example").read_text(), (root / "README.md").read_text()
    for setting in dataclasses.fields(config.Settings):
        if not setting.metadata["only_argument"]:
            assert f"{setting.name.upper()}=" in example
            assert f"`{setting.name.upper()}`" in readme
