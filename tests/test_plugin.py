"""The pytest plugin, as a user's suite meets it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

INI = """\
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore::pytest.PytestAssertRewriteWarning
    default::mock_server.errors.KlingMockWarning
"""

CLIENT = '''\
"""The client under test: standard library only."""
import json, urllib.error, urllib.parse, urllib.request

MODEL = "klingai/v2.5-turbo/pro/text-to-video"

def call(server, query="", body=None):
    request = urllib.request.Request(
        f"{server.base_url}/video/generations{query}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)

def create(server, **more):
    return call(server, body={"model": MODEL, "prompt": "A fox", **more})["id"]

def poll(server, job):
    return call(server, "?" + urllib.parse.urlencode({"generation_id": job}))["status"]

def statuses(server, **more):
    job, seen = create(server, **more), []
    while not seen or seen[-1] not in ("completed", "error"):
        seen.append(poll(server, job))
    return seen
'''


def run(
    pytester: pytest.Pytester, tests: str, *arguments: str, ini: str = "", apart: bool = False
) -> pytest.RunResult:
    """Run a user's test module, in this process or `apart`: cryptography cannot be imported twice in one."""
    pytester.makefile(".ini", pytest=INI + ini)
    pytester.makepyfile(client=CLIENT)
    header = "import pytest\nfrom client import *\n"
    pytester.makepyfile(test_mine=header + textwrap.dedent(tests))
    run = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
    return run("-p", "no:randomly", "-p", "no:xdist", *arguments)


def test_nothing_heavy_is_imported_before_a_fixture_is_asked_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Alone: other plugins import Hypothesis and asyncio on their own account.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys

        HEAVY = {
            "asyncio", "hypothesis", "jsonschema", "jsonschema_rs", "starlette", "trustme", "uvicorn",
            "mock_server.catalog", "mock_server.fastforward", "mock_server.server", "mock_server.settings",
        }

        def test_plain(request):
            assert request.config.pluginmanager.has_plugin("mock_server.fixtures.plugin")
            assert not HEAVY & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "mock_server.fixtures.plugin")
    result.assert_outcomes(passed=1)


def test_the_plugin_module_imports_only_what_pytest_has_imported() -> None:
    code = """
import sys, pytest
before = set(sys.modules)
import mock_server.fixtures.plugin
new = {name for name in set(sys.modules) - before if not name.startswith("mock_server")}
assert not new, new
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_server_is_there_and_clean_for_each_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        urls = []

        @pytest.mark.parametrize("turn", range(3))
        def test_each(kling_server, turn):
            urls.append(kling_server.url)
            assert not kling_server.jobs and not kling_server.exchanges and not kling_server.charges
            assert kling_server.scenario.name == "completed"
            assert not kling_server.clock.frozen
            assert statuses(kling_server) == ["queued", "generating", "completed"]
            assert len(kling_server.charges) == 1
            kling_server.use("failed")
            kling_server.next("rate-limited")
            kling_server.clock.freeze()

        def test_one_server():
            assert len(set(urls)) == 1
        """,
    )
    result.assert_outcomes(passed=4)


def test_a_test_that_stopped_the_server_leaves_the_next_one_a_running_one(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_outage(kling_server):
            kling_server.stop()

        def test_next(kling_server):
            assert statuses(kling_server)[-1] == "completed"
        """,
    )
    result.assert_outcomes(passed=2)


def test_the_marker_sets_options_for_one_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import urllib.error
        from mock_server import Scenario

        @pytest.mark.kling("failed")
        def test_scenario(kling_server):
            assert statuses(kling_server) == ["queued", "generating", "error"]

        @pytest.mark.kling(scenario=Scenario.named("failed") | Scenario.named("id-digits"))
        def test_scenario_as_data(kling_server):
            assert create(kling_server).isdigit()

        @pytest.mark.kling(queued=3, generating=0)
        def test_counts_of_polls(kling_server):
            assert statuses(kling_server) == ["queued"] * 3 + ["completed"]

        @pytest.mark.kling(generating=2)
        def test_one_count(kling_server):
            assert statuses(kling_server) == ["queued", "generating", "generating", "completed"]

        @pytest.mark.kling(queued="1m", generating="4m")
        def test_times(kling_server):
            job = create(kling_server)
            kling_server.clock.advance(59)
            assert poll(kling_server, job) == "queued"
            kling_server.clock.advance(until="completed")
            assert poll(kling_server, job) == "completed"

        @pytest.mark.kling(realistic=True)
        def test_documented_times(kling_server):
            create(kling_server)
            assert kling_server.settings.polls is None

        @pytest.mark.kling(strict=True)
        def test_strict(kling_server):
            with pytest.raises(urllib.error.HTTPError):
                create(kling_server, duration="5")

        @pytest.mark.kling(api_key="sesame")
        def test_key(kling_server):
            assert kling_server.api_key == "sesame"
            create(kling_server)

        @pytest.mark.kling("failed", seed=7)
        class TestNested:
            def test_inherits(self, kling_server):
                assert kling_server.state.ids.seed == 7
                assert statuses(kling_server)[-1] == "error"

            @pytest.mark.kling("completed", queued=0)
            def test_nearest_wins(self, kling_server):
                assert kling_server.state.ids.seed == 7
                assert statuses(kling_server) == ["generating", "completed"]

        def test_undone(kling_server):
            assert kling_server.api_key == "test-key"
            assert statuses(kling_server) == ["queued", "generating", "completed"]
        """,
        "-o", "kling_mock_checks=off",
    )  # fmt: skip
    result.assert_outcomes(passed=11)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("scenari='failed'", "there is no option 'scenari'. Did you mean 'scenario'"),
        ("'faild'", "There is no scenario 'faild'. Did you mean 'failed'"),
        ("queued='soon'", "queued: expected a time such as 1.5, 500ms, 3s or 2m, received 'soon'"),
        ("queued=-2", "queued: expected a count of polls of 0 or more, received -2"),
        ("ignore=None", "ignore: expected ids out of A1, A3"),
        (
            "queued=1, generating='3s'",
            "queued, generating: expected both as counts of polls (2) or both as times",
        ),
        ("queued=1, polls=(1, 1)", "polls: expected without queued and generating"),
        ("'failed', 'slow'", "expected one scenario, received 2"),
        ("'failed', scenario='slow'", "expected one scenario, received 2"),
        ("port=80", "port: expected before the server starts"),
        ("checks='of'", "checks: expected one of error, warn, off, received 'of'"),
        ("ignore=['C88']", "ignore: expected ids out of A1, A3"),
    ],
)
def test_a_wrong_marker_is_an_error_that_says_what_is_right(
    pytester: pytest.Pytester, marker: str, message: str
) -> None:
    result = run(pytester, f"@pytest.mark.kling({marker})\ndef test_it(kling_server): pass\n")
    result.assert_outcomes(errors=1)
    assert f"@pytest.mark.kling: {message}" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "During handling" not in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kling-scenario", "faild"], "There is no scenario 'faild'. Did you mean 'failed'"),
        (["--kling-seed", "abc"], "--kling-seed: expected a whole number, received 'abc'"),
        (["--kling-config", "none.toml"], "none.toml: cannot be read"),
        (
            ["-o", "kling_mock_checks=warning"],
            "kling_mock_checks: expected error, warn, off, received 'warning'",
        ),
    ],
)
def test_wrong_options_are_named_before_anything_runs(
    pytester: pytest.Pytester, arguments: list[str], message: str
) -> None:
    result = run(pytester, "def test_it(): pass", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_options_of_the_session(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", mock="[scenarios.mine]\nbase = 'failed'\nerror = 'string'\n")
    result = run(
        pytester,
        """
        ids = []

        @pytest.mark.parametrize("turn", range(2))
        def test_it(kling_server, turn):
            assert kling_server.scenario.name == "mine" and kling_server.settings.strict
            ids.append(create(kling_server))

        def test_seeded():
            assert len(set(ids)) == 2
        """,
        "--kling-scenario", "mine", "--kling-seed", "3", "--kling-strict", "--kling-config", "mock.toml",
    )  # fmt: skip
    result.assert_outcomes(passed=3)


def test_a_configuration_file_is_found_from_a_folder_of_the_project(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=INI + "addopts = --kling-config=mock.toml\n")
    pytester.makefile(".toml", mock="scenario = 'failed'\nqueued = '5s'\n")
    (pytester.mkdir("inner") / "test_inner.py").write_text(
        "def test_it(kling_server):\n"
        "    assert kling_server.scenario.name == 'failed'\n"
        "    assert (kling_server.settings.queued, kling_server.settings.polls) == (5, None)\n",
        encoding="utf-8",
    )
    pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pytester.path / "inner")
        result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(passed=1)


UNDOCUMENTED = """
def test_it(kling_server):
    statuses(kling_server, colour="blue")
"""


def test_a_breach_of_the_contract_is_a_warning(pytester: pytest.Pytester) -> None:
    result = run(pytester, UNDOCUMENTED)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*KlingMockWarning: A3 no-undocumented-fields: colour is not a field of*"])


def test_a_breach_of_the_contract_is_an_error_on_request(pytester: pytest.Pytester) -> None:
    result = run(pytester, UNDOCUMENTED, ini="kling_mock_checks = error\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["The client breaks the contract.", "A3 no-undocumented-fields:*", "*kling-mock*"]
    )


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
            "         tolerated: duration: Expected an integer, received the string '5'",
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
        @pytest.mark.kling(queued=60)
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
            create(kling_server)
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


def test_sample_payloads_are_new_each_time(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(kling_payloads, kling_server):
            assert len(kling_payloads) >= 45
            body = kling_payloads[MODEL]
            body.clear()
            call(kling_server, body=kling_payloads[MODEL])
            with pytest.raises(KeyError):
                kling_payloads["kling-video/v99"]
        """,
        ini="kling_mock_checks = error\n",
    )
    result.assert_outcomes(passed=1)


def test_fast_forward_makes_a_documented_generation_pass_at_once(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import time

        @pytest.mark.kling(realistic=True)
        def test_it(kling_server, kling_fast_forward):
            job, started, polls = create(kling_server), time.monotonic(), 1
            while poll(kling_server, job) != "completed":
                time.sleep(15)
                polls += 1
            assert polls > 3
            assert time.monotonic() - started >= (polls - 1) * 15
        """,
        ini="kling_mock_checks = error\n",
    )
    result.assert_outcomes(passed=1)


def test_a_client_with_the_address_written_into_it(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import time, urllib.error, urllib.request

        class Provider:
            base_url, api_key = "https://api.aimlapi.com/v2", "any-key"

        def test_it(kling_server, kling_intercept):
            assert statuses(Provider) == ["queued", "generating", "completed"]
            assert len(kling_server.charges) == 1

        @pytest.mark.kling(realistic=True)
        def test_in_no_time(kling_server, kling_intercept, kling_fast_forward):
            job = create(Provider)
            while poll(Provider, job) != "completed":
                time.sleep(15)

        def test_no_other_host_is_reached(kling_intercept):
            with pytest.raises(urllib.error.URLError):
                urllib.request.urlopen("http://example.com/", timeout=5)
        """,
        ini="kling_mock_checks = error\n",
        apart=True,
    )
    result.assert_outcomes(passed=3)


def test_tests_in_async_code_and_in_unittest_classes(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import asyncio, unittest

        @pytest.mark.asyncio
        async def test_asyncio(kling_server):
            found = await asyncio.to_thread(statuses, kling_server)
            assert found[-1] == "completed"

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_anyio(kling_server):
            found = await asyncio.to_thread(statuses, kling_server, colour="blue")
            assert found[-1] == "completed"

        class TestOld(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _server(self, kling_server):
                self.server = kling_server

            def test_it(self):
                self.assertEqual(statuses(self.server)[-1], "completed")
        """,
    )
    result.assert_outcomes(passed=3, warnings=1)


def test_beside_xdist_and_randomly_and_folders_of_the_same_names(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(client=CLIENT)
    for folder in ("fixtures", "schemas", "contract_tests"):
        package = pytester.mkpydir(folder)
        (package / "mine.py").write_text(f"NAME = {folder!r}\n", encoding="utf-8")
    pytester.makepyfile(
        """
        import pytest
        import fixtures.mine, schemas.mine, contract_tests.mine
        from client import statuses

        @pytest.mark.parametrize("turn", range(6))
        def test_it(kling_server, turn):
            assert (fixtures.mine.NAME, schemas.mine.NAME, contract_tests.mine.NAME) == (
                "fixtures", "schemas", "contract_tests")
            assert statuses(kling_server) == ["queued", "generating", "completed"]
            assert len(kling_server.jobs) == 1
        """
    )
    result = pytester.runpytest_subprocess("-n", "2", "-p", "randomly", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=6)


def test_the_marker_is_documented(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--markers", "-o", "asyncio_default_fixture_loop_scope=function")
    result.stdout.fnmatch_lines(["@pytest.mark.kling(scenario, *, queued, generating, *"])
