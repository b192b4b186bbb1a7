"""What the reports of a verification say of it: no more than was tried, and every result by its name."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.reporting.console import Console, table
from kling_mock.contract_tests.reporting.html import as_html
from kling_mock.contract_tests.reporting.junit import as_junit
from kling_mock.contract_tests.reporting.sequence_svg import sequence
from kling_mock.contract_tests.running.events import (
    Checked,
    Checking,
    Finished,
    Result,
    ResultKind,
    Started,
    Summary,
)
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.models import Outcome
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.contract_tests.running.xfails import Xfails, load_xfails
from kling_mock.errors import ConfigError
from kling_mock.trace_rules import RULES, Level, Rule
from tests.clients.broken.making import StartsAgain
from tests.clients.reference import generate
from tests.clients.zoo import TEXT

STARTED = Started("mine:generate", (TEXT,), ("A1", "B1", "B7"), 0, "required")
LATE = "stopped by the time limit of 20 s after 2 examples"


def result(id: str, kind: ResultKind, **values: Any) -> Result:
    return Result(Rule(id, "of-a-test", Level.REQUIRED, "", "", ""), TEXT, kind, **values)


def finished(*results: Result, **summary: Any) -> Finished:
    return Finished(results, Summary(**summary), {})


def told(*events: Any) -> str:
    stream = io.StringIO()
    console = Console(stream)
    for event in events:
        console(event)
    return stream.getvalue()


class Terminal(io.StringIO):
    """A terminal of 100 columns."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "file"])
def test_it_says_how_far_it_is_and_how_long_it_will_take(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 100_000, 40))
    monkeypatch.setattr(
        "kling_mock.contract_tests.reporting.console.real_time",
        SimpleNamespace(monotonic=lambda: next(seconds)),
    )
    console = Console(stream)
    console(STARTED)
    for number in range(1, 11):
        console(Checking("B1", "one-create-per-job", TEXT, number, 10))
        console(Checked(result("B1", "passed", examples=20), number, 10))
    said = stream.getvalue()
    assert re.search(r"about \d+ min left", said)
    assert ("█" * 10 + "░" * 10 in said) is stream.isatty()
    assert ("5 of 10 checked" in said) is not stream.isatty()


def test_one_of_many_results_is_no_measure_of_what_is_left() -> None:
    console = Console(io.StringIO())
    console(STARTED)
    for number, told_of in ((1, False), (6, False), (7, True), (67, False)):
        console(Checked(result("B1", "passed", examples=20), number, 67))
        assert ("left" in console._left()) is told_of


def test_one_is_told_as_one() -> None:
    end = finished(result("A1", "passed", examples=1), result("B7", "passed", examples=2))
    end.summary.runs = 1
    shown = told(STARTED, end)
    assert re.search(r"^. A1 .* kept, 1 example$", shown, re.M) and "kept, 2 examples" in shown
    assert "; 1 run in " in shown


def test_names_are_never_broken_over_two_lines() -> None:
    rules = [(rule.id, rule.name) for rule in RULES.values() if rule.in_kit]
    for width in (1, 5, 9):
        both = [
            Result(Rule(id, name, Level.REQUIRED, "", "", ""), TEXT, "error", reason="x" * width)
            for id, name in rules
        ]
        shown = told(STARTED, finished(*both))
        told_of = shown[shown.index("Could not be tried: ") :]
        assert all(name in told_of for _, name in rules)
        assert not re.search(r"[a-z]-$", shown, re.MULTILINE)


def test_a_table_says_what_its_signs_mean() -> None:
    kinds: tuple[ResultKind, ...] = ("passed", "failed", "skipped", "xfailed", "xpassed", "error")
    shown = told(STARTED, finished(*(result(f"B{number}", kind) for number, kind in enumerate(kinds))))
    signs = {row[0] for row in re.findall(r"^(\S) B\d", shown, re.MULTILINE)}
    (line,) = [line for line in shown.splitlines() if "R required" in line]
    assert signs == set(re.findall(r"(?:^ +|, )(\S) ", line.partition(", R ")[0]))


def test_what_the_time_limit_cut_short_is_not_told_as_kept() -> None:
    thin = result("A1", "passed", examples=2, late=True, reason=LATE)
    end = finished(thin, result("B7", "passed", examples=20))
    shown = told(STARTED, end)
    assert f"~ A1  R  of-a-test               cut short: kept so far, 2 examples ({LATE})" in shown
    assert "✓ B7 " in shown
    assert "1 kept, 1 cut short; " in shown
    page = as_html(STARTED, end, {})
    assert '<td class="thin">cut short</td>' in page


def test_one_model_cut_short_marks_the_line_of_all() -> None:
    both = [result("A1", "passed", examples=20), result("A1", "passed", examples=2, late=True, reason=LATE)]
    (line,) = table(both)
    assert line.startswith("~ A1 ")
    assert "cut short: kept so far with 1 of 2 models, 22 examples" in line


def test_a_breach_that_was_found_late_is_a_breach() -> None:
    assert not result("A1", "failed", late=True).thin


def test_a_check_that_is_cut_short_says_so() -> None:
    plan = Plan(models=[TEXT], properties=["B7"], limits=Limits(seconds=1e-9))
    end = verify(CallableClient(generate), plan)
    assert end.results[0].late
    assert (end.summary.status, end.summary.problem[:22]) == (2, "None of the properties")


def test_nothing_that_could_be_tried_is_no_success() -> None:
    plan = Plan(models=[TEXT], properties=["F1", "F2"], limits=Limits(seconds=math.inf))
    shown: list[Any] = []
    end = verify(CallableClient(generate), plan, shown.append)
    assert end.summary.status == 2
    text = told(*shown)
    assert "not applicable" in text
    assert text.endswith("None of the properties could be tried; the table says why.\n")
    assert "keeps every property" not in text + as_html(STARTED, end, {})


def test_a_known_failure_that_passed_is_called_so_everywhere() -> None:
    passed = result("B7", "xpassed", reason="see ticket 31", examples=20)
    end = finished(passed)
    says = "it is kept, though it is listed as a known failure: see ticket 31"
    assert f"! B7 of-a-test {TEXT}: {says}" in told(STARTED, Checked(passed, 1, 1))
    failure = ElementTree.fromstring(as_junit(STARTED, end)).find(".//failure")
    assert failure is not None
    assert failure.get("message") == failure.text == says
    assert says in as_html(STARTED, end, {})


def test_a_line_for_a_model_that_does_not_exist_is_named(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("B1 kling-video/*\nC9 kling-video/v9/*\n")
    with pytest.raises(ConfigError, match=r":2: there is no model 'kling-video/v9/\*'"):
        load_xfails(file)


def test_another_name_of_a_model_stands_for_its_id(tmp_path: Path) -> None:
    from kling_mock.catalog import load_catalog

    variant = next(variant for variant in load_catalog().variants if variant.aliases)
    file = tmp_path / "known.txt"
    file.write_text(f"B1 {variant.aliases[0]} # ours\n")
    assert load_xfails(file) == Xfails((("B1", variant.model, "ours"),))


NODE = """\
file:///home/me/client.mjs:14
    const url = job.video.url;
                          ^

{line}
    at generate (file:///home/me/client.mjs:14:11) {{
  [cause]: Error: connect ECONNREFUSED 127.0.0.1:1
}}

Node.js v20.11.1
"""


def ended(stderr: str) -> Outcome:
    """How a program that ended with these last words is understood."""
    attempt: Any = CommandClient(["true"]).call(None)  # type: ignore[arg-type]
    outcome: Outcome = attempt._outcome(1, "", stderr)
    return outcome


@pytest.mark.parametrize(
    ("line", "error", "crashed"),
    [
        ("TypeError: fetch failed", "TypeError", False),
        ("TypeError: terminated", "TypeError", False),
        ("TypeError: Cannot read properties of undefined (reading 'url')", "TypeError", True),
        ("ReferenceError: terminated is not defined", "ReferenceError", True),
        ("Error: HTTP 500", "Error", False),
    ],
)
def test_an_error_of_node_is_described_by_its_own_line(line: str, error: str, crashed: bool) -> None:
    outcome = ended(NODE.format(line=line))
    assert (outcome.error, outcome.crashed) == (error, crashed)
    assert outcome.brief() == f"failed with {error} (exit status 1): {line.removeprefix(error)[2:]}"
    assert "Node.js v20.11.1" in outcome.text


def test_an_error_of_python_is_described_by_its_last_line() -> None:
    stderr = "Traceback (most recent call last):\n  File \"c.py\", line 1, in <module>\nKeyError: 'id'\n"
    outcome = ended(stderr)
    assert outcome.crashed
    assert outcome.brief() == "failed with KeyError (exit status 1): 'id'"
    assert ended("no error is named\nhere").brief().endswith(": here")


@pytest.mark.parametrize(
    ("above", "crashed"),
    [
        ('    throw new TypeError("no job");\n    ^\n', False),
        ("    throw new Error(job.error.message);\n                        ^\n", True),
        ("    raise TypeError(f'no {job}')\n", False),
        ("    raise KeyError(job['error']['message'])\n                   ~~~^^^^^^^^^\n", True),
        ("    return job.url\n", True),
    ],
)
def test_an_error_that_a_program_raises_with_a_text_is_no_crash(above: str, crashed: bool) -> None:
    assert ended(f"{above}TypeError: the reply names no job\n").crashed is crashed
    assert ended(f"{above}TypeError: job\n").crashed


def test_a_function_that_raises_a_type_error_has_crashed_whatever_it_says() -> None:
    assert Outcome("raised", error="TypeError", text="TypeError: terminated").crashed


@pytest.mark.slow
def test_a_drawing_says_that_an_end_is_longer_than_its_line() -> None:
    plan = Plan(models=[TEXT], properties=["B1"], limits=Limits(4, math.inf))
    example = verify(CallableClient(StartsAgain.run), plan).results[0].counterexample
    assert example is not None
    run = example.run
    run.outcomes = [Outcome("returned", "https://example.com/" + "x" * 200)]
    assert "x…</text>" in sequence(run, None)
