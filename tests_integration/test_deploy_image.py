"""The image: what Docker would do, done in a folder; and as Fly runs it."""

import os
import re
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import docker_steps
import pytest
from nginx import DEPLOY
from servers import ROOT, Server

import service


@pytest.fixture(scope="module")
def image(python_for_all):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        yield docker_steps.Image(Path(folder), python_for_all).build()


@pytest.fixture
def container(image):
    """A server in it, on an empty volume."""
    image.empty_volume()
    container = Container(image)
    yield container.start()
    if container.is_running:
        container.kill()


class Container(Server):
    def __init__(self, image):
        super().__init__(image.volume, PORT="0", BCRYPT_ROUNDS="4", ENFORCE_PACE="false")
        self.image = image

    def start(self, command=None, user=None):
        """Start it, by another command and as another user than the image's where those are given."""
        self.process = self.image.start(command or self.image.command, user, **self.settings)
        said = ""
        while "Snakepit is at " not in said:
            line = self.process.stdout.readline()
            assert line, said
            said += line
        self.url = re.search(r"http://127\.0\.0\.1:\d+", said)[0]
        self.settings["PORT"] = str(urlsplit(self.url).port)
        return self


def test_the_image_has_all_that_it_takes(image, container):
    ada = container.api.sign_up("Ada")
    game, _, _ = ada.play(2)
    assert [entry["score"] for entry in container.api("GET /api/leaderboard")] == [20]
    files = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "static").rglob("*") if path.is_file()]
    routes = [*service.api.routes, *service.site.routes]
    pages = [route.rule for route in routes if route.method == "GET" and "<" not in route.rule]
    for path in [*files, *pages, f"/games/{game['id']}", f"/games/{game['id']}/card.png"]:
        assert container.get(path, ada.token)[0] in (200, 422), path  # 422: without what it wants to know
    modules = {path.name for path in ROOT.glob("*.py")}
    assert modules <= {path.name for path in image.program.iterdir()}


def test_the_containers_user_owns_what_is_kept_and_nothing_else(image, container):
    container.api.guest()
    kept, user = image.volume / "snake.db", image.user[0] if os.geteuid() == 0 else os.geteuid()
    assert kept.stat().st_uid == user
    others = [path for path in image.program.rglob("*") if path.lstat().st_uid == user]
    assert others == [] or os.geteuid() != 0
    assert not [path for path in image.root.rglob("*") if path.name == ".env" or (path.match("*.db") and path != kept)]


def test_the_container_is_healthy_as_long_as_the_server_answers(image, container):
    settings = {"PORT": container.settings["PORT"]}
    assert image.is_healthy(**settings)
    assert container.stop() == 0
    assert not image.is_healthy(**settings)


def test_a_new_container_continues_with_the_volumes_data(image, container):
    container.api.sign_up("Bob").play(1)
    container.stop()
    container.start()
    assert container.api.log_in("Bob")


@pytest.mark.skipif(os.geteuid() != 0, reason="it gives a folder away, which only root may")
def test_on_fly_the_server_runs_as_its_user_on_a_volume_of_roots(image, tmp_path):
    [(_, command)] = tomllib.loads((DEPLOY / "fly.toml").read_text())["processes"].items()
    image.volume.chmod(0o755)
    os.chown(image.volume, 0, 0)
    image.empty_volume()
    container = Container(image).start(image.mapped(command), user=(0, 0))
    try:
        assert container.api.guest()
        assert (image.volume / "snake.db").stat().st_uid == 10001
        status = Path(f"/proc/{container.process.pid}/status").read_text()
        assert re.search(r"^Uid:\t10001\t10001", status, re.M)
        assert re.search(r"^CapBnd:\t0+$", status, re.M)
    finally:
        container.kill()
        os.chown(image.volume, *image.user)
