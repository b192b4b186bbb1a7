"""Budgets: what would have been billed is more than it may, in a run, in a session, in a verification."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kling_mock import Charge, Scenario
from kling_mock.billing.budget import MOST_NAMED, billed_usd, in_words, over_budget
from kling_mock.cli.main import main
from kling_mock.contract_tests import contract_test
from kling_mock.contract_tests.running.spending import Spending

from . import plugged
from .running import python, report_of, run

pytest_plugins = ["pytester"]

MODEL = "kling-video/v1/standard/text-to-video"
PRICES = {MODEL: {"kind": "fixed", "units": [{"measure": "second", "price": 0.65, "per": 1}]}}
TWO_JOBS = f"""
import json, urllib.request as u
for model in ("{MODEL}", "{MODEL}", "klingai/v2.5-turbo/pro/text-to-video"):
    headers = {{"Authorization": "Bearer k", "Content-Type": "application/json"}}
    body = json.dumps({{"model": model, "prompt": "x"}}).encode()
    u.urlopen(u.Request("https://api.aimlapi.com/v2/video/generations", body, headers)).read()
"""


@pytest.fixture
def prices(tmp_path: Path) -> str:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(PRICES), encoding="utf-8")
    return str(path)


def charge(number: int, credits: int | None, *, billed: bool = True) -> Charge:
    return Charge(f"job-{number}", "model", credits, billed)


def test_what_is_billed_in_words() -> None:
    mixed = [charge(1, 6_500_000), charge(2, None), charge(3, 2_000_000, billed=False)]
    assert in_words(mixed) == "$3.25 and 1 without a price"
    assert in_words(mixed[1:]) == "1 without a price" and in_words(mixed[2:]) == in_words([]) == ""
    assert billed_usd(mixed) == 3.25


def test_a_budget_names_the_dearest_jobs() -> None:
    charges = [charge(number, number * 200_000) for number in range(MOST_NAMED + 3)]
    says = over_budget(charges, 5)
    assert says.startswith("$10.50 would have been billed, the budget is $5.00: job-14 (model, $1.40), ")
    assert says.endswith(" 2 more.") and "job-2 " not in says
    assert over_budget(charges, 10.5) == over_budget(charges, None) == over_budget([], 0) == ""
    assert over_budget([charge(1, None)], 0) == ""


@pytest.mark.slow
def test_a_run_beyond_its_budget_fails_and_names_the_jobs(tmp_path: Path, prices: str) -> None:
    report, _ = report_of(tmp_path, "--prices", prices, "--budget", "6.50", *python(TWO_JOBS))
    charges = report["charges"]
    assert (charges["usd"], charges["jobs"], charges["without_price"]) == (6.5, 3, 1)
    assert charges["over_budget"] == "" and charges["budget"] == 6.5
    assert [each["usd"] for each in charges["billed"]] == [3.25, 3.25, None]
    done = run("--prices", prices, "--budget", "$6", *python(TWO_JOBS))
    shown = done.stderr.decode()
    said = " ".join(shown.split())
    assert done.returncode == 1
    assert "3 videos would have been, $6.50 (13,000,000 credits), 1 without a price" in shown
    assert "$6.50 and 1 without a price would have been billed, the budget is $6.00" in said
    assert shown.count(f"({MODEL}, $3.25)") == 2
    failing = run("--prices", prices, "--budget", "6", *python(TWO_JOBS + "raise SystemExit(7)"))
    assert failing.returncode == 7


TESTS = f"""
import json, urllib.request

def make(server):
    body = json.dumps({{"model": "{MODEL}", "prompt": "x"}}).encode()
    headers = {{"Authorization": "Bearer k", "Content-Type": "application/json"}}
    url = server.base_url + "/video/generations"
    urllib.request.urlopen(urllib.request.Request(url, body, headers)).read()

def test_one(kling_server):
    make(kling_server)

def test_two(kling_server):
    make(kling_server)

@pytest.mark.kling("failed")
def test_three(kling_server):
    make(kling_server)
"""


def check_within(pytester: pytest.Pytester, prices: str) -> None:
    within = plugged.run(pytester, TESTS, "--kling-prices", prices, "--kling-budget", "6.5")
    assert within.ret == 0
    within.stdout.fnmatch_lines(["kling-mock: $6.50 would have been billed, the budget is $6.50"])


SHARED = pytest.param(["-n", "2", "-p", "xdist"], marks=pytest.mark.slow)


@pytest.mark.long
@pytest.mark.parametrize("workers", [[], SHARED])
def test_a_session_beyond_its_budget_fails_and_names_the_jobs(
    pytester: pytest.Pytester, prices: str, workers: list[str]
) -> None:
    if not workers:
        check_within(pytester, prices)
    beyond = plugged.run(pytester, TESTS, "--kling-prices", prices, "--kling-budget", "5", *workers)
    beyond.assert_outcomes(passed=3)
    assert beyond.ret == 1
    beyond.stdout.fnmatch_lines(
        [
            "kling-mock: $6.50 would have been billed, the budget is $5.00",
            f"  $3.25  *  {MODEL}  *::test_one",
            f"  $3.25  *  {MODEL}  *::test_two",
        ]
    )


def test_a_budget_of_a_session_that_cannot_be_is_refused(pytester: pytest.Pytester) -> None:
    result = plugged.run(pytester, "def test_it(): pass", "--kling-budget", "much")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--kling-budget: expected US dollars such as 2.50*received 'much'."])


def test_a_budget_is_read_from_the_environment_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, prices: str
) -> None:
    monkeypatch.setenv("KLING_MOCK_BUDGET", "3")
    monkeypatch.setenv("KLING_MOCK_PRICES", prices)
    result = plugged.run(pytester, TESTS, "-k", "test_one")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["kling-mock: $3.25 would have been billed, the budget is $3.00"])


@pytest.mark.slow
def test_a_contract_test_beyond_its_budget_fails(prices: str) -> None:
    options: dict[str, Any] = {"models": [MODEL], "properties": ["A8"], "max_examples": 1, "prices": prices}
    for budget, fails in ((3.2, True), (1000, False)):
        test = contract_test("tests.clients.reference:generate", budget=budget, **options)
        (mark,) = test.pytestmark  # type: ignore[attr-defined]
        model, wanted = mark.args[1][0].values
        with pytest.raises(pytest.fail.Exception, match="the budget is") if fails else nullcontext():
            test(model, wanted)


def verify(tmp_path: Path, prices: str, *words: str) -> tuple[int, Any]:
    report = tmp_path / "report.json"
    target = ["tests.clients.reference:generate", "--model", MODEL, "--property", "B4", "--property", "A8"]
    status = main(
        ["verify", *target, "--prices", prices, "--save", str(tmp_path), "--report", str(report), *words]
    )
    return status, json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_verification_beyond_its_budget_fails_and_names_the_jobs(
    tmp_path: Path, prices: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--max-examples", "2", "-j", "1"]
    status, report = verify(tmp_path, prices, "--budget", "1", *words)
    says = " ".join(capsys.readouterr().out.split())
    assert status == 1 and "broken" not in says
    assert "In one run of the client (" in says and "would have been billed, the budget is $1.00" in says
    assert f"({MODEL}, $3.25)" in report["summary"]["over_budget"]
    status, report = verify(tmp_path, prices, "--budget", "1000", *words)
    assert status == 0 and report["summary"]["over_budget"] == "" == report["summary"]["note"]


def test_what_several_processes_saw_is_counted_together() -> None:
    def seen(*charges: Charge) -> Spending:
        spending = Spending()
        run = SimpleNamespace(charges=charges, trial=SimpleNamespace(note=f"{len(charges)} jobs"))
        run.trial.scenario = Scenario("plain")
        spending.see(run)  # type: ignore[arg-type]
        return spending

    one, two, none = seen(charge(1, 2_000_000)), seen(charge(1, 2_000_000), charge(2, None)), Spending()
    for order in ([one, two], [two, one]):
        together = Spending()
        for each in [*order, none]:
            together.add(each)
        assert "(1 jobs)" in together.beyond(0.5) or "(2 jobs)" in together.beyond(0.5)
        assert together.beyond(1) == "" and together.unpriced(1).startswith("1 videos")
        assert together.unpriced(None) == ""


def test_a_verification_says_that_videos_have_no_price(tmp_path: Path) -> None:
    empty = tmp_path / "none.json"
    empty.write_text("{}", encoding="utf-8")
    status, report = verify(tmp_path, str(empty), "--budget", "1", "--max-examples", "1", "-j", "1")
    assert status == 0 and "videos without a price are not in the budget" in report["summary"]["note"]
