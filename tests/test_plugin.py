"""The pytest plugin, as a user's suite meets it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from .plugged import CLIENT, INI, run

pytest_plugins = ["pytester"]


@pytest.mark.slow
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
            "kling_mock.catalog", "kling_mock.virtual_time", "kling_mock.server", "kling_mock.settings",
        }

        def test_plain(request):
            assert request.config.pluginmanager.has_plugin("kling_mock.fixtures.plugin")
            assert not HEAVY & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "kling_mock.fixtures.plugin")
    result.assert_outcomes(passed=1)


def test_the_plugin_module_imports_only_what_pytest_has_imported() -> None:
    code = """
import sys, pytest
before = set(sys.modules)
import kling_mock.fixtures.plugin
new = {name for name in set(sys.modules) - before if not name.startswith("kling_mock")}
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
        from kling_mock import find_scenario

        @pytest.mark.kling("failed")
        def test_scenario(kling_server):
            assert statuses(kling_server) == ["queued", "generating", "error"]

        @pytest.mark.kling(scenario=find_scenario("failed") | find_scenario("id-digits"))
        def test_scenario_as_data(kling_server):
            assert create(kling_server).isdigit()

        @pytest.mark.kling(polls=(3, 0))
        def test_counts_of_polls(kling_server):
            assert statuses(kling_server) == ["queued"] * 3 + ["completed"]

        @pytest.mark.kling(polls="1,2")
        def test_counts_in_words(kling_server):
            assert statuses(kling_server) == ["queued", "generating", "generating", "completed"]

        @pytest.mark.kling(queued=100)
        def test_a_bare_number_is_seconds(kling_server):
            job = create(kling_server)
            kling_server.clock.freeze()
            kling_server.clock.advance(98)
            assert poll(kling_server, job) == "queued"
            kling_server.clock.advance(2)
            assert poll(kling_server, job) == "generating"

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
                assert kling_server.space.ids.seed == 7
                assert statuses(kling_server)[-1] == "error"

            @pytest.mark.kling("completed", polls=(0, 1))
            def test_nearest_wins(self, kling_server):
                assert kling_server.space.ids.seed == 7
                assert statuses(kling_server) == ["generating", "completed"]

        @pytest.mark.kling(queued="1m")
        class TestPaces:
            @pytest.mark.kling(generating="2m")
            def test_times_add_up(self, kling_server):
                options = kling_server.settings
                assert (options.queued, options.generating, options.polls) == (60, 120, None)

            @pytest.mark.kling(polls=(2, 0))
            def test_polls_replace_times(self, kling_server):
                assert statuses(kling_server) == ["queued", "queued", "completed"]

            def test_configure_goes_on_from_there(self, kling_server):
                kling_server.configure(realistic=True)
                assert (kling_server.settings.realistic, kling_server.settings.queued) == (True, 1)

        def test_times_replace_polls(kling_server):
            kling_server.configure(queued=100)
            assert (kling_server.settings.queued, kling_server.settings.polls) == (100, None)
            job = create(kling_server)
            kling_server.clock.advance(90)
            assert poll(kling_server, job) == "queued"

        def test_undone(kling_server):
            assert kling_server.api_key == "test-key"
            assert statuses(kling_server) == ["queued", "generating", "completed"]
        """,
        "-o", "kling_mock_checks=off",
    )  # fmt: skip
    result.assert_outcomes(passed=16)


WRONG_MARKERS = [
    ("scenari='failed'", "there is no option 'scenari'. Did you mean 'scenario'"),
    ("'faild'", "scenario: There is no scenario 'faild'. Did you mean 'failed'"),
    ("queued='soon'", "queued: expected a time such as 1.5, 500ms, 3s or 2m, received 'soon'"),
    ("queued=-2", "queued: expected a finite time of 0 or more, received -2"),
    ("ignore=None", "ignore: expected ids out of A1, A3"),
    ("queued=1, polls=(1, 1)", "polls: expected without queued, received together"),
    ("realistic=True, queued=3, generating=3", "realistic: expected without queued and generating"),
    ("polls='1,1', realistic=True", "polls: expected without realistic, received together"),
    ("'failed', 'slow'", "expected one scenario, received 2"),
    ("'failed', scenario='slow'", "expected one scenario, received 2"),
    ("port=80", "port: expected before the server starts"),
    ("checks='of'", "checks: expected one of error, warn, off, received 'of'"),
    ("ignore=['C88']", "ignore: expected ids out of A1, A3"),
]
"""Markers that cannot be, and what is said of each."""


@pytest.mark.slow
def test_a_wrong_marker_is_an_error_that_says_what_is_right(pytester: pytest.Pytester) -> None:
    tests = [
        f"@pytest.mark.kling({marker})\ndef test_{number}(kling_server): pass\n"
        for number, (marker, _) in enumerate(WRONG_MARKERS)
    ]
    result = run(pytester, "\n".join(tests))
    result.assert_outcomes(errors=len(tests))
    shown = re.split(r"^_+ ERROR at setup of test_\d+ _+$", result.stdout.str(), flags=re.M)[1:]
    assert len(shown) == len(tests)
    for text, (_, message) in zip(shown, WRONG_MARKERS, strict=True):
        assert f"@pytest.mark.kling: {message}" in text
    assert "Traceback" not in result.stdout.str()
    assert "During handling" not in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--kling-scenario", "faild"],
            "--kling-scenario: There is no scenario 'faild'. Did you mean 'failed'",
        ),
        (["--kling-seed", "abc"], "--kling-seed: expected a whole number, received 'abc'"),
        (["--kling-config", "none.toml"], "--kling-config: "),
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


def test_the_environment_sets_options_of_the_session_below_the_command_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_MOCK_SCENARIO", "slow")
    monkeypatch.setenv("KLING_MOCK_QUEUED", "5s")
    monkeypatch.setenv("KLING_MOCK_PORT", "1")
    monkeypatch.setenv("KLING_MOCK_STRCT", "1")
    result = run(
        pytester,
        """
        def test_it(kling_server):
            assert kling_server.scenario.name == "failed" and kling_server.port != 1
            assert (kling_server.settings.queued, kling_server.settings.polls) == (5, None)
        """,
        "--kling-scenario", "failed",
    )  # fmt: skip
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["kling-mock: the variable KLING_MOCK_STRCT is not read.*'KLING_MOCK_STRICT'?"]
    )


def test_a_wrong_variable_fails_only_the_tests_that_use_the_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_MOCK_QUEUED", "soon")
    result = run(pytester, "def test_it(kling_server): pass\ndef test_other(): pass\n")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*kling_server: KLING_MOCK_QUEUED: expected a time such as*"])


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


@pytest.mark.parametrize("option", ["specs", "prices"])
def test_what_a_server_cannot_read_names_its_option(pytester: pytest.Pytester, option: str) -> None:
    result = run(pytester, "def test_it(kling_server): pass", f"--kling-{option}", "nowhere")
    said = result.stdout.str() + result.stderr.str()
    assert f"--kling-{option}: nowhere" in said and "Traceback" not in said and "marker.py" not in said


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
        result = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:anyio")
    result.assert_outcomes(passed=1)


def test_sample_payloads_are_new_each_time(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(kling_payloads, kling_server):
            assert len(kling_payloads) >= 142
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


@pytest.mark.slow
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


@pytest.mark.long
@pytest.mark.slow
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
    result = pytester.runpytest_inprocess(
        "--markers",
        "-p",
        "no:schemathesis",
        "-p",
        "no:anyio",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    )
    result.stdout.fnmatch_lines(["@pytest.mark.kling(scenario, *, queued, generating, *"])
