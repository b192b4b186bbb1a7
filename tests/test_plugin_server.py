"""`--kling-server`: tests on a server that runs already, each in a workspace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kling_mock import KlingMockError, MockServer, ServerError
from kling_mock.errors import ClockError
from kling_mock.remote import RemoteServer
from kling_mock.trace_rules import check_trace
from kling_mock.verdicts.everybody import Everybody

from .planted.client import MISTAKES
from .plugged import run
from .support import PATHS, ask

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[MockServer]:
    with MockServer(log_format="none", seed=3) as server:
        yield server


def test_the_words_are_those_of_a_server_of_ones_own(elsewhere: MockServer) -> None:
    server = RemoteServer(elsewhere.url, name="words")
    assert server.running and server.base_url == elsewhere.workspace("words").base_url
    for name in ("jobs", "exchanges", "charges", "scenario", "clock", "url", "api_key"):
        assert hasattr(server, name) and hasattr(elsewhere, name)
    with pytest.raises(ClockError, match="only moves forward"):
        server.clock.advance(-1)
    with pytest.raises(KlingMockError, match="Expected a JSON object"):
        server.configure(colour="red")
    server.end()
    server.close()
    with pytest.raises(ServerError, match="does not answer"):
        RemoteServer("http://127.0.0.1:1").use("failed")
    with pytest.raises(ServerError, match="Expected the URL"):
        RemoteServer("nowhere")


SUITE = """
import pytest
from kling_mock import find_scenario

@pytest.mark.parametrize("turn", range(6))
def test_each_is_alone(kling_server, turn):
    assert not kling_server.jobs and not kling_server.exchanges and not kling_server.charges
    assert kling_server.scenario.name == "completed" and not kling_server.clock.frozen
    assert statuses(kling_server) == ["queued", "generating", "completed"]
    (job,) = kling_server.jobs
    assert job.status == "completed" and job.polls == 3 and len(kling_server.exchanges) == 4
    assert [charge.billed for charge in kling_server.charges] == [True] and job.charge.billed
    kling_server.use("failed")
    kling_server.next(find_scenario("rate-limited"))
    kling_server.clock.freeze()
    kling_server.reset()
    assert not kling_server.jobs

@pytest.mark.kling("failed", polls=(0, 1))
def test_a_marker(kling_server):
    assert statuses(kling_server) == ["generating", "error"]

def test_the_clock(kling_server):
    kling_server.configure(queued=100, generating="1s")
    kling_server.clock.freeze()
    job = create(kling_server)
    assert poll(kling_server, job) == "queued"
    before = kling_server.clock.now()
    assert kling_server.clock.advance(100.5) == pytest.approx(before + 100.5)
    assert poll(kling_server, job) == "generating"
    kling_server.clock.advance(until="completed", job_id=job)
    assert kling_server.jobs[0].status == "completed"
    assert kling_server.scenario == find_scenario("completed")
"""


@pytest.mark.slow
@pytest.mark.parametrize("by", ["option", "variable"])
def test_each_test_has_a_workspace_of_its_own(
    pytester: pytest.Pytester, elsewhere: MockServer, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    words = ["--kling-server", elsewhere.url] if by == "option" else []
    if by == "variable":
        monkeypatch.setenv("KLING_MOCK_URL", f"{elsewhere.url}/v2")
    result = run(pytester, SUITE, *words)
    result.assert_outcomes(passed=8)
    # Each is ended by its test; the server's own part was not touched.
    assert not elsewhere.common.workspaces.named() and not elsewhere.jobs


def test_a_failing_test_shows_its_exchanges_and_breaches(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    result = run(
        pytester,
        """
        def test_it(kling_server):
            create(kling_server)
            assert False

        @pytest.mark.kling(checks="error")
        def test_polls_on(kling_server):
            job = create(kling_server)
            for _ in range(5):
                poll(kling_server, job)
        """,
        "--kling-server",
        elsewhere.url,
    )
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 2
    result.stdout.fnmatch_lines(["*1 exchange, 1 job made*"])
    result.stdout.fnmatch_lines(["*The client breaks the contract.*"])


def test_what_a_test_breaks_on_purpose_is_no_breach_to_the_server_either(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    everybody = Everybody(elsewhere.common.workspaces)
    source = """
        @pytest.mark.kling(ignore=["A3"])
        def test_ignores(kling_server):
            statuses(kling_server, colour="blue")

        @pytest.mark.kling(checks="off")
        def test_off(kling_server):
            statuses(kling_server, size="large")

        def test_by_mistake(kling_server):
            statuses(kling_server, shape="round")
        """
    result = run(pytester, source, "--kling-server", elsewhere.url)
    result.assert_outcomes(passed=3, warnings=1)
    (seen,) = everybody.verdict().seen
    assert seen.breach.id == "A3" and "shape" in seen.breach.says


PLANTED = """
import pytest
from tests.planted.client import MISTAKES, Api, right

pytestmark = pytest.mark.kling(speed=50)

@pytest.fixture
def api(kling_server):
    return Api(kling_server.base_url, "", kling_server.next, pause=0.02)

def test_right(api):
    right(api)

@pytest.mark.parametrize("name", MISTAKES)
def test_wrong(api, name):
    MISTAKES[name][1](api)
"""


def test_each_planted_mistake_is_told_as_by_a_server_of_ones_own(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    result = run(pytester, PLANTED, "-rA", "--kling-server", elsewhere.url)
    result.assert_outcomes(passed=len(MISTAKES) + 1, warnings=len(MISTAKES))
    told = result.stdout.str().partition("warnings summary")[2]
    for name, (rule, _) in MISTAKES.items():
        said = told.partition(f"::test_wrong[{name}]\n")[2].partition("\n\n")[0]
        assert f"KlingMockWarning: {rule} " in said, (name, rule, said)


def test_what_a_test_armed_itself_fails_it_and_a_second_wish_does_not(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    everybody = Everybody(elsewhere.common.workspaces)
    source = """
        from kling_mock import find_scenario

        pytestmark = pytest.mark.kling("video-expired")

        def test_scenario_of_the_module(kling_server):
            assert statuses(kling_server)[-1] == "completed"

        @pytest.mark.kling(find_scenario("video-reset"))
        def test_scenario_of_its_own(kling_server):
            assert statuses(kling_server)[-1] == "completed"

        def test_blind(kling_server):
            kling_server.next("create-lost-reply")
            lose(kling_server)
            create(kling_server)

        def test_looks_between(kling_server):
            kling_server.next("create-lost-reply")
            lose(kling_server)
            assert len(kling_server.jobs) == 1
            statuses(kling_server)

        def lose(kling_server):
            with pytest.raises(OSError):
                create(kling_server)
        """
    words = ["--kling-scenario", "poll-slow", "--kling-server", elsewhere.url]
    result = run(pytester, source, *words, ini="kling_mock_checks = error\n")
    result.assert_outcomes(passed=2, failed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "T2 fault-reached: this test proves nothing: the scenario video-reset *",
            "B2 no-blind-repost:*paid 2 times*",
        ]
    )
    told = [seen.breach for seen in everybody.verdict().seen if seen.breach.id == "T2"]
    assert [breach.says.partition("scenario ")[2].partition(" ")[0] for breach in told] == ["video-reset"]


def test_a_key_in_the_url_is_told_though_the_server_hides_it(elsewhere: MockServer) -> None:
    remote = RemoteServer(elsewhere.url)
    ask(elsewhere, "GET", f"{PATHS[0]}?generation_id=x&api_key=test-key")
    assert [exchange.key_in_url for exchange in remote.exchanges] == [True]
    assert [breach.id for breach in check_trace(remote.exchanges)] == ["A7"]
    remote.close()


def test_the_same_seed_gives_the_same_ids(pytester: pytest.Pytester, elsewhere: MockServer) -> None:
    source = """
        def test_it(kling_server):
            print("id", create(kling_server))
        """
    found = []
    for _ in range(2):
        result = run(pytester, source, "-s", "--kling-seed", "7", "--kling-server", elsewhere.url)
        found.append([line for line in result.outlines if "id " in line])
    assert found[0] == found[1] != []


def test_a_server_that_does_not_answer_ends_the_session(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(kling_server): pass", "--kling-server", "http://127.0.0.1:1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--kling-server http://127.0.0.1:1: it is not ready: Connection refused*"])


@pytest.mark.slow
def test_fixtures_that_change_the_process_have_a_server_in_it(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    source = """
        import time
        import urllib.request

        @pytest.mark.kling(queued="40s", generating="40s", polls=None)
        def test_time(kling_server, kling_fast_forward):
            job, began = create(kling_server), time.monotonic()
            while poll(kling_server, job) != "completed":
                time.sleep(10)
            assert time.monotonic() - began >= 80

        @pytest.mark.usefixtures("kling_intercept")
        def test_address(kling_server):
            urllib.request.urlopen("https://api.aimlapi.com/v1/models").close()
            assert len(kling_server.exchanges) == 1

        def test_elsewhere(kling_server):
            create(kling_server)
            assert not hasattr(kling_server, "space")

        def test_too_late(kling_server, request):
            request.getfixturevalue("kling_fast_forward")
        """
    result = run(pytester, source, "--kling-server", elsewhere.url, apart=True)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*kling_fast_forward needs a server in this process: name it among*"])
