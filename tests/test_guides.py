"""The guides are true: every listing in them runs, and the catalogue in them is the catalogue."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kling_mock import ConfigError, MockServer, SettingsError
from kling_mock.configuration import load_config
from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios import CATALOGUE, GROUPS, parse_scenario
from kling_mock.scenarios.fault import KINDS
from kling_mock.scenarios.plain_data import SCENARIO_KEYS
from kling_mock.scenarios.scenario import ERROR_SHAPES, SHAPES
from kling_mock.trace_rules import INVARIANTS

from .support import ask

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[1] / "docs"
TESTING = (DOCS / "testing-your-client.md").read_text(encoding="utf-8")
SCENARIOS = (DOCS / "scenarios.md").read_text(encoding="utf-8")
LIBRARIES = ("requests", "httpx", "aiohttp")
SIX = {
    "test_happy_path",
    "test_failure",
    "test_lost_reply",
    "test_rate_limit",
    "test_awkward_id",
    "test_poll_budget",
}
INI = """\
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore::pytest.PytestAssertRewriteWarning
kling_mock_checks = error
"""


def listings(text: str, language: str = "python") -> list[str]:
    """The listings of one language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def write_listings(pytester: pytest.Pytester, text: str) -> list[str]:
    """Write the listings that start with the name of a file, and return the names."""
    names = []
    for listing in listings(text):
        name = re.match(r"# (\w+\.py)\n", listing)
        assert name, listing
        (pytester.path / name[1]).write_text(listing, encoding="utf-8")
        names.append(name[1])
    return names


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_six_tests_of_the_guide_pass(pytester: pytest.Pytester, library: str) -> None:
    pytester.makefile(".ini", pytest=INI)
    assert write_listings(pytester, section(TESTING, library)) == ["client.py", "test_client.py"]
    assert f"import {library}" in (pytester.path / "client.py").read_text(encoding="utf-8")
    result = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:anyio")
    result.assert_outcomes(passed=6)
    # Nor is there advice.
    assert "KlingMockWarning" not in result.stdout.str()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "properties"),
    [(LIBRARIES[0], "B?"), *[pytest.param(each, "", marks=pytest.mark.long) for each in LIBRARIES]],
)
def test_the_clients_of_the_guide_keep_the_contract(library: str, properties: str, tmp_path: Path) -> None:
    (client, _) = listings(section(TESTING, library))
    (tmp_path / "client.py").write_text(client, encoding="utf-8")
    few = ["--model", "klingai/v2.5-turbo/pro/text-to-video", "--max-examples", "1", "--timeout", "3600"]
    # In a process of its own, where no test has imported the library before.
    command = [
        sys.executable,
        "-m",
        "kling_mock",
        "verify",
        *few,
        *(["--property", properties] if properties else []),
        "--report",
        "report.json",
        "client:generate",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["properties"]
    assert {result["result"] for result in results} <= {"passed", "skipped"}
    assert sum(result["result"] == "passed" for result in results) > (5 if properties else 40)


@pytest.mark.slow
def test_the_client_with_the_address_written_into_it_is_answered(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=INI)
    assert write_listings(pytester, section(TESTING, "A client with the address written into it"))
    # In a process of its own: cryptography, which makes the certificate, cannot be imported twice in one.
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:anyio")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_six_tests_are_short(library: str) -> None:
    tests = ast.parse(listings(section(TESTING, library))[1])
    found = {
        node.name: node
        for node in tests.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert set(found) == SIX
    for node in found.values():
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        assert (node.end_lineno or 0) - first < 10


def test_the_guide_names_the_rules_that_are_checked() -> None:
    named = re.findall(
        r"[A-Z]\d+", section(TESTING, "What the tests you have start to find").partition("Nothing needs")[0]
    )
    assert named == [invariant.id for invariant in INVARIANTS]


def test_the_listing_without_fixtures_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (listing,) = listings(section(TESTING, "Without the fixtures"))
    exec(compile(listing, "guide", "exec"), {})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v2 test-key 0\n", capsys.readouterr().out)


def test_the_catalogue_in_the_guide_is_the_catalogue() -> None:
    described: dict[str, str] = {}
    for title, names in GROUPS.items():
        rows = re.findall(r"^\| `([^`]+)` \| (.*?) \|", section(SCENARIOS, title.capitalize()), re.MULTILINE)
        assert [name for name, _ in rows] == list(names)
        described |= dict(rows)
    assert described == {name: scenario.summary for name, scenario in CATALOGUE.items()}


def test_files_in_the_guide_can_be_loaded(tmp_path: Path) -> None:
    files = listings(SCENARIOS, "toml")
    assert files
    for text in files:
        (tmp_path / "guide.toml").write_text(text, encoding="utf-8")
        options = load_config(tmp_path / "guide.toml")
        assert MockServer(**options).scenario.name == options.get("scenario", "completed")


def test_the_guide_lists_all_that_a_scenario_can_say() -> None:
    own = section(SCENARIOS, "Your own")
    keys = re.findall(r"^\| `(\w+)`(?: \(or `(\w+)`\))? \|", own, re.MULTILINE)
    assert {key for pair in keys for key in pair if key} == set(SCENARIO_KEYS)
    for key, known in (("ids", ID_STYLES), ("shapes", SHAPES), ("error", ERROR_SHAPES)):
        (row,) = [line for line in own.splitlines() if line.startswith(f"| `{key}` |")]
        assert re.findall(r"`([^`]+)`", row)[1:] == list(known)
    (kinds,) = re.findall(r"A fault's `kind` .*?\n\n", own, re.DOTALL)
    assert re.findall(r"`([^`]+)`", kinds)[1:] == list(KINDS)


@pytest.mark.parametrize("name", ["scenarios.md", "server.md"])
def test_every_listing_in_python_runs_as_it_is_pasted(name: str) -> None:
    found = listings((DOCS / name).read_text(encoding="utf-8"))
    assert found
    for listing in found:
        exec(compile(listing, name, "exec"), {})


def test_scenarios_as_json_in_the_guide_can_be_posted() -> None:
    found = listings(SCENARIOS, "json")
    assert found
    with MockServer() as server:
        for listing in found:
            reply = ask(server, "POST", "/_mock/scenario", json.loads(listing))
            assert reply.status == 200, reply.body
            assert server.scenario.name == json.loads(listing)["scenario"]["name"]


def test_mistakes_in_the_guide_are_answered_as_it_says(tmp_path: Path) -> None:
    with MockServer() as server:
        reply = ask(
            server,
            "POST",
            "/_mock/scenario",
            {"scenario": {"name": "x", "faults": [{"at": "poll", "kind": "status", "status": 99}]}},
        )
    (file,) = listings(SCENARIOS, "toml")
    (tmp_path / "mock.toml").write_text(file.replace("times = 2 ", "times = 1.5 "), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "mock.toml")
    with pytest.raises(SettingsError) as joined:
        parse_scenario("failed+completed")
    for said in (reply.json["message"], str(caught.value).replace(f"{tmp_path}/", ""), str(joined.value)):
        assert f"{said}\n" in SCENARIOS


def test_combinations_in_the_guide_can_be_read() -> None:
    written = re.findall(r'--scenario "([^"]+)"', SCENARIOS)
    assert written
    for text in written:
        parse_scenario(text)


@pytest.mark.parametrize("file", sorted(DOCS.glob("*.md")), ids=lambda file: file.name)
def test_links_of_the_guides_lead_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", text):
        assert not target or (DOCS / target).exists(), target
