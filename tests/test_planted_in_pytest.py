"""Planted mistakes, told in the test that makes them, and nothing said of a client that makes none."""

from __future__ import annotations

import pytest

from .planted.client import MISTAKES
from .plugged import run

pytest_plugins = ["pytester"]

TESTS = """
from tests.planted.client import MISTAKES, Api, right

pytestmark = pytest.mark.kling(speed=0)

@pytest.fixture
def api(kling_server, kling_fast_forward):
    return Api(kling_server.base_url, "", kling_server.next)

def test_right(api):
    right(api)
"""
EACH = """
def test_{number}(api):
    MISTAKES[{name!r}][1](api)
"""


@pytest.mark.slow
def test_each_is_told_by_the_test_that_makes_it(pytester: pytest.Pytester) -> None:
    tests = TESTS + "".join(EACH.format(number=n, name=name) for n, name in enumerate(MISTAKES))
    result = run(pytester, tests, "-rA")
    result.assert_outcomes(passed=len(MISTAKES) + 1, warnings=len(MISTAKES))
    told = result.stdout.str().partition("warnings summary")[2]
    for number, (rule, _) in enumerate(MISTAKES.values()):
        said = told.partition(f"::test_{number}\n")[2].partition("\n\n")[0]
        assert f"KlingMockWarning: {rule} " in said, (number, rule, said)


def test_advice_fails_no_test_and_all_else_does(pytester: pytest.Pytester) -> None:
    names = {rule: name for name, (rule, _) in MISTAKES.items()}
    tests = TESTS + "".join(EACH.format(number=rule, name=names[rule]) for rule in ("B13", "D13", "T1", "B2"))
    result = run(pytester, tests, "-W", "error", ini="kling_mock_checks = error\n")
    result.assert_outcomes(passed=3, failed=2, warnings=2)
    result.stdout.fnmatch_lines(
        ["T1 scenario-used: this test proves nothing:*", "B2 no-blind-repost:*paid 2 times*"]
    )


@pytest.mark.slow
def test_a_host_is_missed_only_by_a_test_that_asks_for_it_itself(pytester: pytest.Pytester) -> None:
    tests = """
    def test_asks(kling_intercept):
        pass

    @pytest.mark.usefixtures("kling_intercept")
    def test_as_a_precaution():
        pass

    def test_is_glad_of_nothing(kling_server, kling_intercept):
        assert not kling_server.exchanges
    """
    # In a process of its own: cryptography cannot be imported twice in one.
    result = run(pytester, tests, ini="kling_mock_checks = error\n", apart=True)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["T3 mock-called: this test proves nothing: nobody called api.aimlapi.com."])


def test_scenarios_of_the_session_need_not_be_met_by_each_test(pytester: pytest.Pytester) -> None:
    tests = """
    pytestmark = pytest.mark.kling("video-expired")

    def test_of_the_module(kling_server):
        assert statuses(kling_server)[-1] == "completed"

    @pytest.mark.kling("video-reset")
    def test_of_its_own(kling_server):
        assert statuses(kling_server)[-1] == "completed"
    """
    result = run(pytester, tests, "--kling-scenario", "poll-slow", ini="kling_mock_checks = error\n")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["T2 fault-reached: this test proves nothing: the scenario video-reset *"])
