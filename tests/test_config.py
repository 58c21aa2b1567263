"""Settings: where they come from, and what is said of those that can't be."""

import dataclasses
from pathlib import Path

import pytest

import config


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


BAD = [
    ("PORT", "http"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("PORT", "٣"),
    ("WORKERS", "0"),
    ("BCRYPT_ROUNDS", "3"),
    ("SCORE_POLICY", "trusting"),
    ("ENFORCE_PACE", "maybe"),
    ("PAUSE_BUDGET", "1.5"),
    ("SESSION_DAYS", "0"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
    ("ACCESS_LOG", "some"),
    ("METRICS_TOKEN", "short"),
    ("HOST", "http://x"),
    ("CORS_ORIGINS", "example.org"),
    ("CORS_ORIGINS", "https://example.org/"),
    ("TRUSTED_PROXIES", "proxy.example.org"),
    ("TRUSTED_PROXIES", "127.0.0.1,"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ("TRUSTED_PROXIES", "*"),
    ("RATE_LIMITS", "2"),
    ("NAMES_REFUSED", "no/such/file.txt"),
    ("NAMES_REFUSED", "/"),
    ("SECRET_KEY", "short"),
    ("DATABASE_URL", "mysql://host/name"),
    ("DATABASE_URL", "snake.db"),
    ("DATABASE_URL", "sqlite://snake.db"),
    ("DATABASE_URL", "postgres://user:hunter2@host"),
    ("DATABASE_URL", "sqlite:////no/such/folder/snake.db"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_named_in_one_line_that_says_what_would_do(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(config.ConfigError) as caught:
        config.load()
    message = str(caught.value)
    assert message.startswith(name)
    assert "\n" not in message
    assert any(word in message for word in ("give", "write", "make"))
    assert "hunter2" not in message


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
    settings = [setting for setting in dataclasses.fields(config.Settings) if not setting.metadata["only_argument"]]
    for setting in settings:
        assert f"{setting.name.upper()}=" in example
        assert f"`{setting.name.upper()}`" in readme
