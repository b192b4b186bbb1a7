"""What the plugin says of a test: breaches of the contract, the exchanges of a failing one, HAR files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .plugged import run

pytest_plugins = ["pytester"]


UNDOCUMENTED = """
def test_it(kling_server):
    statuses(kling_server, colour="blue")
"""


def test_a_breach_of_the_contract_is_a_warning(pytester: pytest.Pytester) -> None:
    result = run(pytester, UNDOCUMENTED)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(['*KlingMockWarning: A3 no-undocumented-fields: the field "colour" is none*'])


def test_a_breach_of_the_contract_is_an_error_on_request(pytester: pytest.Pytester) -> None:
    result = run(pytester, UNDOCUMENTED, ini="kling_mock_checks = error\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["The client breaks the contract.", "A3 no-undocumented-fields:*", "*kling-mock*"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ini", "checks='off'", "ignore='A3'", "ignore=['A1', 'A3']"])
def test_checks_can_be_switched_off(pytester: pytest.Pytester, how: str) -> None:
    ini = f"kling_mock_checks = {'off' if how == 'ini' else 'error'}\n"
    marker = "" if how == "ini" else f"@pytest.mark.kling({how})"
    result = run(pytester, f"{marker}{UNDOCUMENTED}", ini=ini)
    result.assert_outcomes(passed=1)


def test_a_failing_test_is_not_accused_twice(pytester: pytest.Pytester) -> None:
    result = run(pytester, UNDOCUMENTED + "    assert False\n", ini="kling_mock_checks = error\n")
    result.assert_outcomes(failed=1)
    assert "The client breaks the contract." not in result.stdout.str()
    result.stdout.fnmatch_lines(["contract: A3 *"])


EARLY = """
import time, urllib.error

@pytest.mark.kling("poll-rate-limited")
def test_it(kling_server{fixture}):
    {patch}
    job = create(kling_server)
    with pytest.raises(urllib.error.HTTPError):
        poll(kling_server, job)
    {sleep}
    poll(kling_server, job)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fixture", "patch", "sleep", "breaches"),
    [
        ("", "pass", "pass", 1),
        (", kling_fast_forward", "pass", "pass", 1),
        (", kling_fast_forward", "pass", "time.sleep(5.1)", 0),
        (", monkeypatch", "monkeypatch.setattr(time, 'sleep', lambda seconds: None)", "time.sleep(5)", 0),
        (", monkeypatch", "monkeypatch.setattr('asyncio.sleep', None)", "pass", 0),
    ],
)
def test_a_wait_that_no_clock_can_see_is_not_held_against_the_client(
    pytester: pytest.Pytester, fixture: str, patch: str, sleep: str, breaches: int
) -> None:
    source = "import asyncio\n" + EARLY.format(fixture=fixture, patch=patch, sleep=sleep)
    result = run(pytester, source, ini="kling_mock_checks = error\n")
    result.assert_outcomes(failed=breaches, passed=1 - breaches)
    if breaches:
        result.stdout.fnmatch_lines(["C8 retry-after: *"])


def test_a_failing_test_shows_its_exchanges_and_a_har_file(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        @pytest.mark.kling("poll-server-error;after=1", seed=5)
        @pytest.mark.parametrize("word", ["a/b é"])
        def test_it(kling_server, word):
            statuses(kling_server, duration="5")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*kling-mock*",
            "3 exchanges, 1 job made, charges: 1 (1 billed); --kling-seed 5 gives the same ids again.",
            "  #1      +0.000 s  POST create klingai/v2.5-turbo/pro/text-to-video → 200 queued",
            "         finding: duration: Expected an integer, received the string '5'",
            "  #2*GET  poll * → 200 queued",
            "  #3*GET  poll * → 500 (status)",
            "HAR file: *.har",
        ]
    )
    (line,) = [line for line in result.outlines if line.startswith("HAR file: ")]
    file = Path(line.removeprefix("HAR file: "))
    assert file.is_relative_to(pytester.path / ".pytest_cache")
    entries = json.loads(file.read_text(encoding="utf-8"))["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200, 200, 500]


def test_a_failing_test_without_requests_says_so(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(kling_server): assert not kling_server")
    result.stdout.fnmatch_lines(["The test sent no request to kling_server."])
    assert "HAR file" not in result.stdout.str()


def test_a_long_test_is_shown_in_part(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        @pytest.mark.kling(polls=(60, 1))
        def test_it(kling_server):
            assert statuses(kling_server) == []
        """,
    )
    result.stdout.fnmatch_lines(
        ["63 exchanges, 1 job made, charges: 1 (1 billed);*", "  #5 *", "  … 23 more …", "  #29 *", "  #63 *"]
    )


def test_har_files_go_where_they_are_wanted(pytester: pytest.Pytester) -> None:
    tests = """
        def test_good(kling_server):
            create(kling_server)

        @pytest.mark.parametrize("long", ["x" * 300], ids=str)
        def test_bad(kling_server, long):
            assert not create(kling_server)
        """
    result = run(pytester, tests, "--kling-log-dir", "traces", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    bad, good = sorted(file.name for file in (pytester.path / "traces").iterdir())
    assert good == "test_mine.py-test_good.har"
    assert bad.startswith("test_mine.py-test_bad-xxx")
    assert len(bad) < 120


def test_a_har_file_that_cannot_be_written_is_no_second_failure(pytester: pytest.Pytester) -> None:
    source = """
        import pathlib

        def test_it(kling_server):
            pathlib.Path("traces").rmdir()
            pathlib.Path("traces").touch()
            assert not create(kling_server)

        def test_next(kling_server):
            statuses(kling_server)
        """
    result = run(pytester, source, "--kling-log-dir", "traces")
    result.stdout.fnmatch_lines(["HAR file: not written, *", "*--kling-log-dir: the HAR file was not *"])
    result.assert_outcomes(failed=1, passed=1, warnings=2)


def test_a_hanging_request_does_not_hold_up_the_session(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import threading
        from tests.support import until

        waiting = []

        def ask(server):
            try:
                create(server)
            except OSError:
                waiting.append("ended")

        @pytest.mark.kling("create-hangs")
        def test_hangs(kling_server):
            thread = threading.Thread(target=ask, args=(kling_server,))
            waiting.append(thread)
            thread.start()
            until(lambda: kling_server.traffic.held)

        def test_next(kling_server):
            waiting[0].join(20)
            assert waiting[1:] == ["ended"]
            assert statuses(kling_server)[-1] == "completed"
        """,
    )
    result.assert_outcomes(passed=2)
