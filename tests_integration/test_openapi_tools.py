"""The API's description in tools from the npm registry."""

import json
import subprocess

import pytest

import service

TOOLS = ("@stoplight/spectral-cli@6.16.3", "@redocly/cli@2.77.0", "openapi-typescript@7.13.0", "typescript@5.9.3")
# A client that must compile: fields that may be left out are optional, and others are not.
CLIENT = """
import type { components, paths } from "./api";
type Shapes = components["schemas"];
const account: Shapes["SignUp"] = { username: "Ada", password: "correct horse" };
const turns: Shapes["Turns"] = { since: 0, tick: 2, turns: [[1, "R"], [2, "U"]] };
const nobody: Shapes["UserAnswer"] = { id: "1", username: "Ada", email: null };
const refusal = (problem: Shapes["ProblemAnswer"]): boolean => problem.code === "name_taken" && !problem.errors;
const query: paths["/api/leaderboard"]["get"]["parameters"]["query"] = { mode: "walls" };
// @ts-expect-error no problem has this code
const wrong = (problem: Shapes["ProblemAnswer"]): boolean => problem.code === "nonsense";
// @ts-expect-error a turn has a tick and a heading
const short: Shapes["Turns"] = { since: 0, tick: 2, turns: [[1]] };
export { account, turns, nobody, refusal, query, wrong, short };
"""


@pytest.fixture(scope="module")
def tool(npm, tmp_path_factory):
    """Run a tool of TOOLS in a folder that has the description as openapi.json; return the completed process."""
    folder = tmp_path_factory.mktemp("description")
    (folder / "openapi.json").write_bytes(service.describe_api())
    (folder / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    (folder / "client.ts").write_text(CLIENT)
    install = [npm, "install", "--no-fund", "--no-audit", "--ignore-scripts", *TOOLS]
    subprocess.run(install, cwd=folder, check=True, capture_output=True)

    def run(name, *arguments):
        command = [folder / "node_modules" / ".bin" / name, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    return run


@pytest.mark.long
def test_spectral_finds_nothing(tool):
    done = tool("spectral", "lint", "openapi.json", "--fail-severity", "hint")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_redocly_finds_nothing(tool):
    done = tool("redocly", "lint", "openapi.json", "--format", "json")
    found = json.loads(done.stdout)
    assert found["problems"] == []
    assert done.returncode == 0


@pytest.mark.long
def test_types_generated_from_it_fit_a_client(tool):
    done = tool("openapi-typescript", "openapi.json", "-o", "api.d.ts")
    assert done.returncode == 0, done.stderr
    done = tool("tsc", "--strict", "--noEmit", "client.ts")
    assert done.returncode == 0, done.stdout
