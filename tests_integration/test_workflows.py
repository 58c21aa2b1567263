"""The workflows of CI and of releases."""

import re

import pytest
import yaml
from servers import ROOT


@pytest.fixture(scope="module")
def release():
    return yaml.load((ROOT / ".github/workflows/release.yml").read_text(), yaml.BaseLoader)  # noqa: S506 - text only


def test_a_tag_runs_the_suite_then_builds_the_image_then_makes_the_release(release):
    jobs = release["jobs"]
    assert release["on"] == {"push": {"tags": ["v*"]}}
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)["on"]  # noqa: S506
    assert (jobs["image"]["needs"], jobs["release"]["needs"]) == ("test", "image")
    (build,) = [step["with"] for step in jobs["image"]["steps"] if "build-push" in step.get("uses", "")]
    assert (build["platforms"], build["push"]) == ("linux/amd64,linux/arm64", "true")
    assert build["provenance"] == "mode=max"
    assert "ghcr.io/" in str(jobs["image"])
    made = jobs["release"]["steps"][-1]["run"]
    assert re.search(r"gh release create .* verify\.py ", made)


def test_each_job_may_do_only_what_it_does(release):
    assert release["permissions"] == {}
    may_write = {
        name: {scope for scope, right in job["permissions"].items() if right == "write"}
        for name, job in release["jobs"].items()
    }
    signs = {"id-token", "attestations"}
    assert may_write == {"test": set(), "image": signs | {"packages"}, "release": signs | {"contents"}}
    ci = yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)  # noqa: S506
    assert ci["permissions"] == {"contents": "read"}


def test_ci_runs_all_checks_on_each_python():
    (job,) = yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)["jobs"].values()  # noqa: S506
    (python,) = [step["with"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert sorted(python["python-version"].split()) == ["3.11", "3.12", "3.13", "3.14"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run", "make audit"]


@pytest.mark.parametrize("workflow", ["ci.yml", "release.yml"])
def test_no_step_puts_what_others_write_into_a_script(workflow):
    jobs = yaml.load((ROOT / ".github/workflows" / workflow).read_text(), yaml.BaseLoader)["jobs"]  # noqa: S506
    for step in [step for job in jobs.values() for step in job.get("steps", ())]:
        assert "${{" not in step.get("run", "")
        assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] == "false"
