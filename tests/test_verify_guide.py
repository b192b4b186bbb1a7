"""The guide on checking a client is true: its listings are run, its tables are held against the code; so is
the example that it names."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.running.xfails import load_xfails
from kling_mock.trace_rules import RULES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "checked-client"
WORKFLOW = (EXAMPLE / ".github" / "workflows" / "client.yml").read_text(encoding="utf-8")


def listings(language: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def table(heading: str, text: str = GUIDE) -> list[list[str]]:
    """The cells of the tables under a heading, head rows left out."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, heading
    rows = re.findall(r"^\| (.*) \|$", section[1], re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows]
    return [row for row in cells if row[0] not in ("id", "key", "option", "---")]


def names(cell: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_of_the_properties_says_what_the_register_says() -> None:
    page = (ROOT / "docs" / "properties.md").read_text(encoding="utf-8")
    weight = {"R": "required", "S": "strict", "A": "advice"}
    sections = re.findall(
        r"^### (.*?)\n\n(.*?)\n\n\*\*To mend it:\*\* (.*?)\n", page, re.MULTILINE | re.DOTALL
    )
    assert sections == [
        (f"{rule.id} {rule.name} ({weight[rule.level]})", rule.cost, rule.mend) for rule in RULES.values()
    ]


def verify(words: list[str], folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `kling-mock verify` in a folder, with few examples."""
    # A program is started for each example, which takes its time.
    few = ["--max-examples", "1" if "--" in words else "3"]
    if "--timeout" not in words:
        few += ["--timeout", "3600"]
    command = [sys.executable, "-m", "kling_mock", "verify", *few, *options, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)


def plain(text: str) -> str:
    """Output without what differs from run to run: counts of examples and runs, times."""
    text = re.sub(r"\d+ examples?", "N examples", text)
    text = re.sub(r"\d+ runs in [\d.]+ s", "N runs", text)
    # When a program has started, and so when it asks, depends on the machine.
    return re.sub(r" +\d+\.\d\d s  ", " T s  ", text)


def checks() -> list[object]:
    """The commands of the guide, each with the output that it shows."""
    found: list[object] = []
    for listing in listings("console"):
        command, _, shown = listing.partition("\n")
        words = shlex.split(command.removeprefix("$ kling-mock verify "))
        needs_node = pytest.mark.skipif("node" in words and shutil.which("node") is None, reason="needs Node")
        found.append(pytest.param(words, shown, marks=needs_node, id=" ".join(words[-3:])))
    return found


def write_clients(folder: Path) -> None:
    """Write the listings that are files."""
    for listing in (*listings("python"), *listings("js")):
        name = re.match(r"(?:#|//) (\w+\.\w+)\n", listing)
        assert name, listing
        (folder / name[1]).write_text(listing, encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize(("words", "shown"), checks())
def test_a_check_of_the_guide_shows_what_the_guide_shows(
    words: list[str], shown: str, tmp_path: Path
) -> None:
    write_clients(tmp_path)
    result = verify(words, tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    output = plain(result.stdout)
    for piece in plain(shown).split("\n…\n"):
        assert piece in output, result.stdout


@pytest.mark.long
def test_the_first_check_of_the_guide_ends_as_it_ends_there(tmp_path: Path) -> None:
    write_clients(tmp_path)
    command, _, shown = listings("console")[0].partition("\n")
    words = [sys.executable, "-m", "kling_mock", *shlex.split(command.removeprefix("$ kling-mock "))]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=1200, check=False)
    untimed = [re.sub(r"in [\d.]+ s", "", text.rstrip().splitlines()[-1]) for text in (shown, done.stdout)]
    # As it stands there, with all its examples: other checks of the guide are run with a few.
    assert untimed[0] == untimed[1]


def pytest_in(folder: Path, *options: str) -> str:
    """Run pytest in a folder, and return what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    return result.stdout + result.stderr


@pytest.mark.long
def test_the_one_line_of_the_guide_makes_tests(tmp_path: Path) -> None:
    write_clients(tmp_path)
    said = pytest_in(tmp_path, "-k", "A7 or B4 or F1", "test_contract.py")
    assert "2 failed, 2 passed, 2 skipped" in said
    assert "create was refused with 400" in said


@pytest.mark.long
def test_the_command_lines_of_the_guide_make_tests(tmp_path: Path) -> None:
    write_clients(tmp_path)
    (listing,) = [listing for listing in listings("sh") if "--pyargs" in listing]
    for line in listing.splitlines():
        words = shlex.split(line)
        assert words[:3] == ["python", "-m", "pytest"]
        if "node" not in line or shutil.which("node"):
            only = ("--kling-property", "F1", "--kling-property", "B7", "--kling-max-examples", "1")
            said = pytest_in(tmp_path, *words[3:], *only)
            assert re.search(r"^\d passed", said, re.MULTILINE), said


def test_the_counts_of_the_guide_are_those_of_its_first_check() -> None:
    client, first = listings("python")[0], listings("console")[0]
    broken = re.search(r"(\d+) kept, (\d+) broken, (\d+) not applicable", first)
    assert broken
    required = [one for one in PROPERTIES.values() if one.level != "S"]
    assert sum(map(int, broken.groups())) == len(required)
    lines = [line for line in client.splitlines()[1:] if line]
    assert (int(broken[2]), len(lines)) == (17, 13)
    assert "Seventeen things are wrong with thirteen lines of code." in GUIDE


def test_the_table_of_properties_is_the_catalogue() -> None:
    shown = [(row[0], row[1], row[2]) for row in table("The properties")]
    assert shown == [(one.id, one.name, one.level) for one in PROPERTIES.values()]


def test_every_option_of_the_command_is_in_the_guide() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "kling_mock", "verify", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    options = set(re.findall(r"^  (?:-j, )?(--[\w-]+)", help_text, re.MULTILINE))
    described = {
        option
        for row in table("Levels, models, and how much")
        for name in names(row[0])
        for option in re.findall(r"--[\w-]+", name)
    }
    assert options - described == {"--xfails"}
    assert "`--xfails known-failures.txt`" in GUIDE
    assert described <= options


def test_the_report_has_the_keys_that_the_guide_lists(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(listings("python")[0], encoding="utf-8")
    words = ["client:generate", "--property", "B4", "--property", "A7"]
    verify(words, tmp_path, "--report", "report.json")
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    rows = {name: row[1] for row in table("The report as JSON") for name in names(row[0])}
    counterexample = next(one["counterexample"] for one in report["properties"] if one["counterexample"])
    assert set(rows) == {*report, *counterexample}
    assert names(rows["tool"]) == list(report["tool"])
    assert names(rows["properties"]) == list(report["properties"][0])
    assert names(rows["coverage"]) == [*report["coverage"], "shown", "of", "missing"]
    assert set(names(rows["summary"])) == set(report["summary"])
    assert names(rows["trace"]) == list(counterexample["trace"][0])


def test_the_list_of_known_failures_can_be_read(tmp_path: Path) -> None:
    (listing,) = [listing for listing in listings("text") if listing.startswith("# known-failures.txt")]
    (tmp_path / "known-failures.txt").write_text(listing, encoding="utf-8")
    known = load_xfails(tmp_path / "known-failures.txt").known
    assert [entry[0] for entry in known] == ["C14", "B6", "A10"]
    assert known[2][1:] == ("kling-video/v1.6/*", "pictures above 8 MB are refused")


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (ROOT / "docs" / target.partition("#")[0]).exists(), target


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example."""
    ignore = shutil.ignore_patterns("__pycache__", ".kling-mock", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example", ignore=ignore))


@pytest.mark.long
def test_the_tests_of_the_example_pass(example: Path) -> None:
    said = pytest_in(example, "-k", "not contract or B2 or C8")
    assert "8 passed" in said, said


@pytest.mark.long
def test_the_workflow_of_the_example_checks_its_client(example: Path) -> None:
    command = re.search(r"run: >-\n\s+kling-mock verify (.*?)(?=\n {6}- )", WORKFLOW, re.DOTALL)
    assert command
    # One of its models will do here.
    options = re.sub(r"--model '[^']+'", "", command[1])
    result = verify(shlex.split(options), example)
    assert result.returncode == 0, result.stdout + result.stderr
    kept = {path.name for path in example.glob("contract.*")}
    assert kept == {"contract.json", "contract.html", "contract.xml"}


@pytest.mark.long
def test_the_example_is_a_command_as_well(example: Path) -> None:
    words = ["--property", "F?", "--property", "B2", "--", sys.executable, "kling_client.py"]
    result = verify(words, example)
    assert result.returncode == 0, result.stdout + result.stderr
