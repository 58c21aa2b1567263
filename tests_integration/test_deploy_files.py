"""The files for systemd, Compose, Docker and platforms set only what can be set, and pin what they fetch."""

import dataclasses
import re
import sys
import tomllib

import yaml
from nginx import DEPLOY
from servers import ROOT

import config


def test_the_unit_is_one_and_hardened(systemd_analyze, tmp_path):
    unit = tmp_path / "snakepit.service"
    text = (DEPLOY / "snakepit.service").read_text()
    assert "ExecStart=/opt/snakepit/.venv/bin/python /opt/snakepit/service.py" in text
    assert "UMask=0077\n" in text
    unit.write_text(text.replace("/opt/snakepit/.venv/bin/python", sys.executable).replace("/opt/snakepit", str(ROOT)))
    verified = systemd_analyze("verify", "--man=no", unit)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = systemd_analyze("security", "--offline=true", "--threshold=15", unit)  # of a hundred
    assert rated.returncode == 0, rated.stdout


def test_compose_sets_only_what_can_be_set():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    named = {name for service in services.values() for name in service["environment"]}
    assert {"DATABASE_URL", "POSTGRES_PASSWORD"} <= named
    ours = {name for name in named if not name.startswith("POSTGRES_")}
    assert ours <= {setting.name.upper() for setting in dataclasses.fields(config.Settings)}


def test_no_example_trusts_a_network():
    """Everybody in it could choose the address that counts as theirs."""
    for path in (*DEPLOY.iterdir(), *ROOT.glob("docs/*.md"), ROOT / "compose.yaml", ROOT / ".env.example"):
        if path.is_file():
            assert not re.search(r"TRUSTED_PROXIES\W{0,5}[\d.]+/\d", path.read_text()), path.name
    assert "TRUSTED_PROXIES:" not in (ROOT / "compose.yaml").read_text()


def test_images_and_actions_are_pinned():
    for line in re.findall(r"^FROM (.+)", (ROOT / "Dockerfile").read_text(), re.M):
        assert re.match(r"[\w/.-]+:[\w.-]+@sha256:[0-9a-f]{64}( AS \w+)?$", line)
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    images = [service["image"] for service in services.values() if "image" in service]
    assert images
    for image in images:
        assert re.fullmatch(r"[\w/.-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)
    for path in ROOT.glob(".github/workflows/*.yml"):
        for action in re.findall(r"uses: (.+)", path.read_text()):
            assert re.match(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$|\./", action), action


def test_the_platforms_set_only_what_can_be_set():
    (render,) = yaml.safe_load((DEPLOY / "render.yaml").read_text())["services"]
    fly = tomllib.loads((DEPLOY / "fly.toml").read_text())
    names = {setting.name.upper() for setting in dataclasses.fields(config.Settings)}
    assert {variable["key"] for variable in render["envVars"]} - {"PYTHON_VERSION"} <= names
    assert set(fly["env"]) <= names
    values = {variable["key"]: variable.get("value") for variable in render["envVars"]}
    for settings, disk in ((values, render["disk"]["mountPath"]), (fly["env"], fly["mounts"]["destination"])):
        assert settings["DATABASE_URL"] == f"sqlite:///{disk}/snake.db"
        assert settings["HOST"] == "0.0.0.0"  # noqa: S104 - a container's
    assert (render["healthCheckPath"], fly["http_service"]["checks"][0]["path"]) == ("/healthz", "/healthz")
    assert fly["http_service"]["internal_port"] == int(fly["env"]["PORT"])
    assert render["startCommand"] == "python service.py"
