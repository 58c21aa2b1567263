"""The requirements are pinned by hash, from the ranges in pyproject.toml, by `make pins`."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = {"requirements.txt": None, "requirements-test.txt": "test", "requirements-dev.txt": "dev"}
PIN = re.compile(r"([a-z0-9-]+)==(\S+?)(?: ; (.+?))? \\\n((?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")


def ranges(group):
    """The requirements of pyproject.toml that a file is made from."""
    found = [*PROJECT["project"]["dependencies"]]
    for entry in PROJECT["dependency-groups"][group] if group else ():
        found += PROJECT["dependency-groups"][entry["include-group"]] if isinstance(entry, dict) else [entry]
    return [Requirement(line) for line in found]


def pins(file):
    """{(name, version): hashes} of a file, and the markers by name."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / file).read_text(), flags=re.M)
    assert PIN.sub("", text) == "", "there is more than pins, such as an index, or a pin without a hash"
    found, markers = {}, {}
    for name, version, marker, hashes in PIN.findall(text):
        found[name, version] = frozenset(re.findall(r"sha256:(\w+)", hashes))
        markers.setdefault(name, []).append(marker)
    return found, markers


@pytest.mark.parametrize("file", FILES)
def test_each_range_of_the_project_has_a_pin_within_it(file):
    pinned, _ = pins(file)
    for requirement in ranges(FILES[file]):
        name = canonicalize_name(requirement.name)
        versions = [version for found, version in pinned if found == name]
        assert versions, f"{file}: {name} is not pinned; run make pins"
        assert all(version in requirement.specifier for version in versions), f"{file}: {name}: run make pins"


@pytest.mark.parametrize("file", FILES)
def test_what_a_pinned_package_needs_is_pinned_too(file):
    """By what the installed packages say of themselves; pip would refuse the whole file for one that is not."""
    pinned, markers = pins(file)
    wanted = {(canonicalize_name(requirement.name), extra) for requirement in ranges(None) for extra in requirement.extras}
    for name, version in pinned:
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # another platform's, or another file's
        for needed in map(Requirement, installed.requires or ()):
            extras = {extra for wanting, extra in wanted if wanting == name} | {""}
            if needed.marker and not any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                continue
            here = [
                marker
                for marker in markers.get(canonicalize_name(needed.name), ())
                if not marker or Marker(marker).evaluate()
            ]
            assert len(here) == 1, f"{file}: {name} {version} needs {needed}; run make pins"


def test_the_files_pin_the_same():
    server, test, dev = (pins(file)[0].items() for file in FILES)
    assert server <= test <= dev
    assert all(hashes for _, hashes in dev)


def test_a_database_driver_of_each_kind_comes_with_the_one_command():
    names = {name for name, _ in pins("requirements.txt")[0]}
    assert {"peewee", "psycopg", "psycopg-binary"} <= names
