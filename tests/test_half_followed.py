"""Programs whose requests go by no hook: their sleeps jump, and what is known of that is judged."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from kling_mock.contract_tests.driving import engine
from kling_mock.contract_tests.driving.client_time import VirtualTime
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.running.events import Result
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import Plan, verify
from tests.clients.zoo import HERE, TEXT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("php") is None, reason="needs php"),
]

LIMIT = "$limit = hrtime(true) / 1e9 + 1000"
IN_PASSING = "        $faults++;\n"
MISTAKES = {
    "B6": ("        rest($pause);\n    }", "        rest(1);\n    }"),
    "C5": ("$id did not end within 1000 s", "it did not end within 1000 s"),
    "C7": ("?: 10);", "?: 0.001);"),
    "C8": (", min(wanted($reply, 0.0), 300.0));", ", 0.0);"),
    "C14": (
        "            $found = ended",
        "            if (hrtime(true) / 1e9 + $pause > $limit) continue;\n            $found = ended",
    ),
    "C16": (LIMIT, LIMIT.replace("1000", "60")),
    "C17": (IN_PASSING, IN_PASSING + "        if ($faults > 8) exit(0);\n"),
    "C19": (IN_PASSING, IN_PASSING + "        $limit += 1e6;\n        if ($faults > 8) rest(7200);\n"),
}
"""By property, what is wrong in a client that breaks it, and what stands there in the right one."""
CASES = [pytest.param(id, marks=pytest.mark.long) if id == "C7" else id for id in MISTAKES]


def checked(folder: Path, properties: list[str], *changes: tuple[str, str]) -> dict[str, Result]:
    """How the right client fares when some of its text is changed, by property."""
    text = (HERE / "right.php").read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "client.php").write_text(text)
    client = CommandClient(["php", str(folder / "client.php")])
    limits = Limits(max_examples=2, seconds=math.inf)
    finished = verify(client, Plan(models=[TEXT], properties=properties, limits=limits, seed=2))
    assert finished.summary.problem == ""
    return {result.id: result for result in finished.results}


@pytest.mark.parametrize(
    "id", [pytest.param(id, marks=pytest.mark.long) if id == "C7" else id for id in MISTAKES]
)
def test_a_mistake_in_its_waiting_is_found(id: str, tmp_path: Path) -> None:
    result = checked(tmp_path, [id], MISTAKES[id])[id]
    assert result.result == "failed", result.reason


def test_what_depends_on_the_time_limits_of_requests_is_not_applicable(tmp_path: Path) -> None:
    results = checked(tmp_path, ["C9", "C18", "E1"])
    assert results["C9"].result == "passed"
    for id in ("C18", "E1"):
        assert results[id].result == "skipped"
        assert "time limits of requests" in results[id].reason


@pytest.mark.long
def test_a_client_that_goes_by_a_clock_of_its_own_is_not_accused(tmp_path: Path) -> None:
    now = "(new DateTime())->getTimestamp()"
    own = (LIMIT, f"$limit = {now} + 1000"), ("while (hrtime(true) / 1e9 + $pause", f"while ({now} + $pause")
    results = checked(tmp_path, ["C4", "C5", "C8", "C14", "C16", "C17", "C19"], *own)
    assert {result.result for result in results.values()} == {"passed", "skipped"}
    assert "another clock than the mock's" in results["C4"].reason
    assert (results["C8"].result, results["C16"].result) == ("passed", "passed")


@pytest.mark.long
def test_one_that_waits_where_no_hook_sees_it_is_not_accused(tmp_path: Path) -> None:
    sleeps = "        rest($pause);\n    }", "        shell_exec('/bin/sleep 1');\n    }"
    assert_not_seen(checked(tmp_path, ["B6"], sleeps)["B6"])


@pytest.mark.long
def test_nor_is_one_that_waits_so_for_longer_than_a_run_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RUN_ENDS", 1.5)
    sleeps = IN_PASSING, IN_PASSING + "        shell_exec('/bin/sleep 30');\n"
    assert_not_seen(checked(tmp_path, ["C9", "D1"], sleeps)["C9"])


def assert_not_seen(result: Result) -> None:
    assert result.result != "failed"
    assert "waits in a way that no hook of this program sees" in result.reason


def test_a_whole_client_is_more_than_one_whose_sleeps_follow() -> None:
    assert not VirtualTime.NONE
    assert VirtualTime.NONE < VirtualTime.SLEEPS < VirtualTime.WHOLE
