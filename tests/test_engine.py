"""The engine: every way in which a client can run, hang, run away or leave, and what is kept of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.driving.engine import API_KEY, Engine
from kling_mock.contract_tests.driving.run_limiter import FORWARDED_PREFIX, RunLimiter
from kling_mock.contract_tests.running.models import PREFIX, Run, Trial
from kling_mock.errors import TargetError
from kling_mock.scenarios import parse_scenario
from kling_mock.serving.idle_detector import IdleDetector
from tests.clients.reference import Client, generate
from tests.running import needs_linux

MODEL = "kling-video/v1/standard/image-to-video"
PAYLOAD = {"model": MODEL, "image_url": "https://example.com/a.png"}


def trial(scenario: str = "completed", **options: Any) -> Trial:
    return Trial(MODEL, PAYLOAD, parse_scenario(scenario), **options)


def run(function: Callable[..., Any], one: Trial) -> Run:
    with Engine(CallableClient(function)) as engine:
        return engine.run(one)


def test_a_plain_run_tells_what_was_sent_answered_and_returned() -> None:
    result = run(generate, trial())
    assert [exchange.kind for exchange in result.trace] == ["create", "poll", "poll", "poll"]
    assert [exchange.state for exchange in result.trace] == [
        "queued",
        "generating",
        "generating",
        "completed",
    ]
    assert result.creates[0].payload == PAYLOAD
    assert result.outcome.kind == "returned"
    assert result.outcome.value == result.url
    assert result.delivered
    assert (result.charged, len(result.jobs), result.cut) == (1, 1, "")
    assert 20 < result.seconds < 60


def test_a_request_costs_a_run_few_questions_and_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    questions, tasks = [], []
    quiet, call = IdleDetector.quiet, RunLimiter.__call__

    def asked(detector: IdleDetector) -> bool:
        questions.append(detector)
        return quiet(detector)

    async def begun(limiter: RunLimiter, scope: Any, receive: Any, send: Any) -> None:
        tasks.append(scope["method"])
        await call(limiter, scope, receive, send)

    monkeypatch.setattr(IdleDetector, "quiet", asked)
    monkeypatch.setattr(RunLimiter, "__call__", begun)
    result = run(generate, trial())
    # Once for each of its waits; on a busy machine some are answered no.
    assert len(questions) <= 6 * len(result.trace)
    # A body that comes behind its head makes the create one.
    assert set(tasks) <= {"POST"}


def test_a_failed_job_is_an_error_with_its_text() -> None:
    result = run(generate, trial("failed"))
    assert (result.outcome.kind, result.outcome.error) == ("raised", "tests.clients.wire.GenerationFailed")
    assert "The generation failed" in result.outcome.text
    assert not result.delivered


def test_the_same_case_gives_the_same_trace_in_every_engine() -> None:
    one = trial("poll-server-error;times=2+id-awkward")
    traces = []
    for _ in range(2):
        result = run(generate, one)
        traces.append(
            [
                (x.method, x.path, x.query_string, x.status, round(x.at - result.started, 1))
                for x in result.trace
            ]
        )
    assert traces[0] == traces[1]


def test_equal_cases_are_run_once_and_those_to_compare_twice() -> None:
    calls = []

    def counted(payload: Any, *, base_url: str, api_key: str) -> str:
        calls.append(payload)
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(counted)) as engine:
        first = engine.run(trial())
        again = engine.run(trial(note="the same to the client"))
        assert len(calls) == 1
        assert again.trace is first.trace
        assert again.trial.note == "the same to the client"
        twice = engine.run(trial(twice=True))
        assert len(calls) == 3
        assert twice.again is not None


@pytest.mark.slow
def test_a_client_without_a_pause_gets_to_the_end_in_virtual_time() -> None:
    def busy(payload: Any, *, base_url: str, api_key: str) -> str:
        client = Client(base_url, api_key)
        client.poll_interval = 0.0
        return client.generate(payload)

    result = run(busy, trial())
    assert result.delivered
    assert len(result.polls) > 100


def test_requests_are_answered_up_to_the_limit_of_a_run() -> None:
    def million(payload: Any, *, base_url: str, api_key: str) -> str:
        for _ in range(1_000_000):
            try:
                urllib.request.urlopen(f"{base_url}/video/generations?generation_id=x", timeout=5)
            except urllib.error.HTTPError as error:
                error.close()
            except OSError as error:
                raise RuntimeError("cut off") from error
        return ""

    result = run(million, trial(requests=25))
    assert (result.cut, len(result.trace)) == ("requests", 25)
    assert result.outcome.text.startswith("cut off")


def test_a_client_without_a_timeout_is_let_go_after_the_virtual_limit() -> None:
    def patient(payload: Any, *, base_url: str, api_key: str) -> str:
        request = urllib.request.Request(
            f"{base_url}/video/generations",
            json.dumps(payload).encode(),
            {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return str(answer.read())

    result = run(patient, trial("create-hangs", seconds=5_000.0))
    assert result.cut == "time"
    assert 5_000 <= result.cut_after < 5_100
    assert result.outcome.kind == "raised"


def test_a_loop_that_never_ends_is_stopped() -> None:
    def spins(payload: Any, *, base_url: str, api_key: str) -> str:
        while True:
            pass

    with Engine(CallableClient(spins)) as engine:
        usual, engine.driver.real_limit = engine.driver.real_limit, 0.1
        result = engine.run(trial())
        assert result.outcome.kind == "stopped"
        engine.driver.real_limit = usual
        # The engine goes on with other clients' work.
        engine.client = CallableClient(generate)
        assert engine.run(trial("gzip")).delivered


@pytest.mark.slow
def test_a_client_that_will_not_be_stopped_is_an_error_that_says_so() -> None:
    over = threading.Event()

    def stubborn(payload: Any, *, base_url: str, api_key: str) -> str:
        while not over.is_set():
            try:
                while not over.is_set():
                    pass
            except BaseException:
                continue
        return ""

    try:
        with (
            pytest.raises(TargetError, match="cannot be stopped"),
            Engine(CallableClient(stubborn)) as engine,
        ):
            engine.driver.real_limit = 0.1
            engine.run(trial())
    finally:
        over.set()


@pytest.mark.parametrize("leave", [sys.exit, os._exit])
def test_leaving_the_process_is_an_outcome_and_leaves_nothing(leave: Callable[[int], Any]) -> None:
    name = leave.__name__

    def leaves(payload: Any, *, base_url: str, api_key: str) -> str:
        module = sys if name == "exit" else os
        getattr(module, name)(3)
        return ""

    result = run(leaves, trial())
    assert (result.outcome.kind, result.outcome.text) == ("exited", "sys.exit(3)")
    assert os._exit.__module__ == "posix" or sys.platform == "win32"


def test_what_is_printed_is_kept_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(payload: Any, *, base_url: str, api_key: str) -> str:
        print("working on it")
        print("still", file=sys.stderr)
        return generate(payload, base_url=base_url, api_key=api_key)

    result = run(chatty, trial())
    assert "working on it\nstill" in result.outcome.output
    assert capsys.readouterr() == ("", "")


def test_base_urls_come_in_every_form() -> None:
    seen = []

    def noting(payload: Any, *, base_url: str, api_key: str) -> str:
        seen.append(base_url.partition("://")[2].partition("/")[2])
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(noting)) as engine:
        runs = [engine.run(trial(base=base)) for base in ("plain", "slash", "prefix", "refused")]
    assert seen == ["v2", "v2/", f"{PREFIX[1:]}/v2", "v2"]
    assert [one.delivered for one in runs] == [True, True, True, False]
    kept = [bool(exchange.header_values(FORWARDED_PREFIX)) for exchange in runs[2].trace]
    assert kept == [True] * len(runs[2].trace)
    assert runs[3].trace == []


def test_two_calls_run_at_the_same_time() -> None:
    other = {**PAYLOAD, "prompt": "another"}
    result = run(generate, trial(jobs=(other,)))
    assert [outcome.kind for outcome in result.outcomes] == ["returned", "returned"]
    assert {outcome.value for outcome in result.outcomes} == set(result.urls.values())
    assert len(result.jobs) == 2


def test_a_job_that_exists_is_handed_in_by_its_id() -> None:
    result = run(generate, trial(resume=True))
    assert result.creates == []
    assert result.delivered


def test_a_coroutine_is_interrupted_after_so_many_polls() -> None:
    async def slow(payload: Any, *, base_url: str, api_key: str) -> str:
        client = Client(base_url, api_key)
        job = client.create(payload)
        while True:
            await asyncio.sleep(10)
            client.get(str(job["id"]))

    result = run(slow, trial("stuck-generating", interrupt_after=3))
    assert len(result.polls) == 3
    assert (result.outcome.kind, result.outcome.error) == ("raised", "asyncio.exceptions.CancelledError")
    assert result.received == result.interrupted_at


@needs_linux
def test_the_loop_of_an_earlier_check_holds_up_no_later_one() -> None:
    async def asked(payload: Any, *, base_url: str, api_key: str) -> str:
        return await asyncio.to_thread(generate, payload, base_url=base_url, api_key=api_key)

    def forks(payload: Any, *, base_url: str, api_key: str) -> str:
        with subprocess.Popen(["sleep", "600"]) as program:
            try:
                return generate(payload, base_url=base_url, api_key=api_key)
            finally:
                program.kill()

    assert run(asked, trial()).delivered
    assert run(forks, trial()).delivered


@needs_linux
def test_processes_that_a_client_left_are_ended() -> None:
    left: list[subprocess.Popen[bytes]] = []

    def forks(payload: Any, *, base_url: str, api_key: str) -> str:
        left.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        return generate(payload, base_url=base_url, api_key=api_key)

    assert run(forks, trial()).delivered
    with pytest.raises(ProcessLookupError):
        os.kill(left[0].pid, 0)
    left[0].returncode = 0  # what Popen would have noted: its process is gone already


def test_time_is_the_client_s_own_again_afterwards() -> None:
    before = time.time()
    run(generate, trial("stuck-queued", seconds=20_000.0))
    assert abs(time.time() - before) < 600
    assert API_KEY not in repr(os.environ)


@pytest.mark.slow
def test_a_loop_in_the_background_of_the_module_moves_no_time_before_a_call() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def facade(payload: Any, *, base_url: str, api_key: str) -> Any:
        working = asyncio.to_thread(generate, payload, base_url=base_url, api_key=api_key)
        return asyncio.run_coroutine_threadsafe(working, loop).result()

    try:
        with Engine(CallableClient(facade)) as engine:
            for _ in range(20):
                result = engine.run(trial(), fresh=True)
                assert result.delivered, result.outcome.brief()
                assert result.seconds < 60
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_deadline_ends_a_run_before_its_own_limits_do() -> None:
    def spins(payload: Any, *, base_url: str, api_key: str) -> Any:
        while True:
            pass

    with Engine(CallableClient(spins)) as engine:
        engine.driver.deadline = time.monotonic() + 0.2
        first = engine.run(trial())
        assert (first.past_deadline, first.outcome.kind) == (True, "stopped")
        assert first.real_seconds < engine.driver.real_limit / 2
        # What was not given its time is not kept for later.
        engine.driver.deadline = time.monotonic() + 0.2
        assert engine.run(trial()).trace is not first.trace


def test_other_hosts_are_refused_and_told() -> None:
    errors = []

    def talks(payload: Any, *, base_url: str, api_key: str) -> Any:
        for url in ("http://192.0.2.7:81/", "https://api.aimlapi.com/v2"):
            try:
                urllib.request.urlopen(url, timeout=1)
            except OSError as error:
                errors.append(str(error))
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(talks)) as engine:
        assert engine.run(trial()).delivered
        assert engine.others == ["192.0.2.7:81", "api.aimlapi.com:443"]
        assert all("was not contacted" in error for error in errors) and len(errors) == 2


def test_hosts_that_the_payload_names_are_not_the_clients_own() -> None:
    def fetches(payload: Any, *, base_url: str, api_key: str) -> Any:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(payload["image_url"], timeout=1)
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(fetches)) as engine:
        assert engine.run(trial()).delivered
        assert engine.others == []


def test_a_callable_has_what_code_in_a_main_thread_has(capfd: pytest.CaptureFixture[str]) -> None:
    async def nothing() -> str:
        return "a loop"

    def uses(payload: Any, *, base_url: str, api_key: str) -> Any:
        print(asyncio.get_event_loop().run_until_complete(nothing()))
        reconfigure: Any = getattr(sys.stdout, "reconfigure")  # noqa: B009 - TextIO does not declare it
        reconfigure(line_buffering=True)
        sys.stdout.buffer.write(b"bytes\n")
        assert sys.stdout.fileno() > 0
        sys.stdout.close()
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(uses)) as engine:
        result = engine.run(trial())
    assert result.delivered, result.outcome.brief()
    assert result.outcome.output == "a loop\nbytes\n"


def test_requests_of_an_earlier_run_are_not_taken_for_those_of_this_one() -> None:
    keys = []

    def keeps_a_key(payload: Any, *, base_url: str, api_key: str) -> Any:
        keys.append(api_key)
        for _ in range(3):
            with contextlib.suppress(Exception):
                generate(payload, base_url=base_url, api_key=keys[0])
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(keeps_a_key)) as engine:
        assert len(engine.run(trial()).creates) == 4
        result = engine.run(trial("gzip"))
        assert (len(result.creates), engine.limiter.stale_requests) == (1, 3)
        assert result.key == keys[1] != keys[0]


def test_a_client_whose_earlier_runs_go_on_for_ever_is_not_checked() -> None:
    first: list[str] = []

    def hammers(payload: Any, *, base_url: str, api_key: str) -> Any:
        first.append(api_key)
        for _ in range(100 if len(first) > 1 else 0):
            asking = urllib.request.Request(base_url, headers={"Authorization": f"Bearer {first[0]}"})
            with contextlib.suppress(OSError):
                urllib.request.urlopen(asking, timeout=5)
        return generate(payload, base_url=base_url, api_key=api_key)

    with Engine(CallableClient(hammers)) as engine:
        assert engine.run(trial()).delivered
        with pytest.raises(TargetError, match="goes on after it has ended"):
            engine.run(trial("gzip"))
