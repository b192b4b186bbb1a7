"""What a user's suite asks of the plugin, and what it is told of mistakes and of failures."""

from __future__ import annotations

import json

import pytest

from kling_mock.fixtures.reporting import har_name

from .plugged import run

pytest_plugins = ["pytester"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("'faild'", "scenario: There is no scenario 'faild'. Did you mean 'failed'"),
        ("scenari='failed'", "there is no option 'scenari'. Did you mean 'scenario'"),
        ("queued='soon'", "queued: expected a time"),
        ("port=80", "port: expected before the server starts"),
        ("checks='of'", "checks: expected one of error, warn, off"),
    ],
)
def test_a_wrong_marker_is_told_without_the_fixture_too(
    pytester: pytest.Pytester, marker: str, message: str
) -> None:
    result = run(pytester, f"@pytest.mark.kling({marker})\ndef test_it(): pass\n")
    result.assert_outcomes(errors=1)
    assert f"@pytest.mark.kling: {message}" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_a_right_marker_without_the_fixture_is_no_mistake(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", mock="[scenarios.mine]\nbase = 'failed'\n")
    source = "@pytest.mark.kling('mine', queued=2, ignore='C8')\ndef test_it(): pass\n"
    run(pytester, source, "--kling-config", "mock.toml").assert_outcomes(passed=1)


def test_a_mistyped_model_is_told_the_nearest(pytester: pytest.Pytester) -> None:
    result = run(
        pytester, "def test_it(kling_payloads): kling_payloads['klingai/v2.5-turbo/pro/text-to-vidoe']"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Did you mean 'klingai/v2.5-turbo/pro/text-to-video'*"])


def test_files_of_different_tests_have_different_names() -> None:
    words = ["é", "ü", "a b", "a-b", "a+b", "a/b", "A"]
    ids = [f"tests/test_x.py::test_it[{word}]" for word in words]
    ids += ["tests/test_x.py::test_it", "tests-test_x.py::test_it", "tests/test_x.py::test_it-é"]
    assert len({har_name(nodeid) for nodeid in ids}) == len(ids)
    assert har_name("tests/test_x.py::TestIt::test_it") == "tests-test_x.py-TestIt-test_it.har"


def test_each_test_has_a_har_file_of_its_own(pytester: pytest.Pytester) -> None:
    tests = """
        @pytest.mark.parametrize("word", ["é", "ü", "a b", "a-b", "a+b"])
        def test_it(kling_server, word):
            create(kling_server, prompt=word)
        """
    run(pytester, tests, "--kling-log-dir", "traces").assert_outcomes(passed=5)
    logs = [json.loads(path.read_text(encoding="utf-8")) for path in (pytester.path / "traces").iterdir()]
    bodies = [json.loads(log["log"]["entries"][0]["request"]["postData"]["text"]) for log in logs]
    assert {body["prompt"] for body in bodies} == {"é", "ü", "a b", "a-b", "a+b"}


def test_a_folder_that_cannot_be_is_told_once(pytester: pytest.Pytester) -> None:
    pytester.makefile("", traces="a file")
    result = run(pytester, "def test_it(kling_server): create(kling_server)", "--kling-log-dir", "traces")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--kling-log-dir: expected a folder to write to, received" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_a_failure_shows_what_the_test_met(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import http.client, urllib.error

        @pytest.mark.kling("failed", seed=5)
        def test_it(kling_server):
            create(kling_server)
            kling_server.next("rate-limited;retry_after=7")
            with pytest.raises(urllib.error.HTTPError):
                create(kling_server)
            kling_server.next("poll-truncated")
            job = create(kling_server)
            with pytest.raises(http.client.IncompleteRead):
                poll(kling_server, job)
            assert False
        """,
        "-o", "kling_mock_checks=off",
    )  # fmt: skip
    result.stdout.fnmatch_lines(
        [
            "4 exchanges, 2 jobs made, charges: 2 (1 billed); --kling-seed 5 gives the same ids again.",
            "scenario in force: failed",
            "  #1 *POST create * → 200 queued",
            "  #2 *POST create * → 429 (status) Retry-After: 7 [[]rate-limited*",
            "  #3 *POST create * → 200 queued [[]poll-truncated[]]",
            "  #4 *GET  poll * → 200 (truncated) * of * bytes [[]poll-truncated[]]",
        ]
    )


LEFTOVER = """
import threading, time, urllib.error
from tests.support import until

polls, stop = [], threading.Event()

def poll_on(server, job):
    while not stop.is_set():
        try:
            polls.append(poll(server, job))
        except urllib.error.HTTPError as error:
            polls.append(error.code)
        except OSError:
            pass  # under way when the server was reset

def test_a(kling_server):
    job = create(kling_server)
    threading.Thread(target=poll_on, args=(kling_server, job), daemon=True).start()
    until(lambda: "completed" in polls)

@pytest.mark.kling(polls=(1, 1))
def test_b(kling_server):
    job = create(kling_server)
    del polls[:]
    until(lambda: len(polls) > 5)
    stop.set()
    assert set(polls[1:]) == {404}
    (seen,) = kling_server.jobs
    assert seen.id == job and seen.polls == 0
    assert [poll(kling_server, job) for _ in range(3)] == ["queued", "generating", "completed"]
"""


def test_a_thread_that_a_test_left_behind_does_not_touch_the_next_job(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEFTOVER, "--kling-seed", "5", "-o", "kling_mock_checks=off")
    result.assert_outcomes(passed=2)


def test_a_seed_gives_a_test_the_same_ids_alone_or_not(pytester: pytest.Pytester) -> None:
    tests = """
        @pytest.mark.parametrize("turn", range(2))
        def test_it(kling_server, turn):
            print("id", turn, create(kling_server))

        @pytest.mark.kling(seed=3)
        @pytest.mark.parametrize("turn", range(2))
        def test_marked(kling_server, turn):
            assert kling_server.space.ids.seed == 3
            print("marked", create(kling_server))
        """

    def printed(*arguments: str) -> list[str]:
        lines = run(pytester, tests, "-s", "-q", *arguments).outlines
        return [line for line in lines if line.startswith(("id", ".id", "marked", ".marked"))]

    whole = [line.lstrip(".") for line in printed("--kling-seed", "5")]
    alone = [line.lstrip(".") for line in printed("--kling-seed", "5", "-k", "test_it and 1")]
    assert len(whole) == 4 and alone == [whole[1]]
    assert whole[0].split()[2] != whole[1].split()[2]
    assert whole[2] == whole[3]
    other = [line.lstrip(".") for line in printed("--kling-seed", "6")]
    assert other[:2] != whole[:2] and other[2:] == whole[2:]


def test_a_plan_that_does_not_fit_the_polls_is_told_with_the_fixture_and_without(
    pytester: pytest.Pytester,
) -> None:
    plan = '[{status = "queued", span = "30s"}, "completed"]'
    pytester.makefile(".toml", mock=f"[scenarios.timed]\nplan = {plan}")
    tests = """
        @pytest.mark.kling("timed")
        def test_with(kling_server): pass

        @pytest.mark.kling("timed")
        def test_without(): pass

        @pytest.mark.kling("timed", queued="1s")
        def test_by_the_clock(): pass
        """
    result = run(pytester, tests, "--kling-config", "mock.toml")
    result.assert_outcomes(passed=1, errors=2)
    assert result.stdout.str().count("'timed' does not fit") >= 2
