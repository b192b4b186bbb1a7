"""Programs that stay, functions in processes of their own, and checks in several processes at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from kling_mock.contract_tests.driving.clients import CallableClient, load_callable
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.driving.engine import Engine
from kling_mock.contract_tests.driving.isolation import IsolatedClient
from kling_mock.contract_tests.driving.keep_alive import KeepAliveClient, KeptProcess
from kling_mock.contract_tests.generation.payloads import smallest_payload
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN
from kling_mock.contract_tests.running.cli_run import MOST_JOBS, _jobs, find_client
from kling_mock.contract_tests.running.events import Checked, Checking, Event, Finished
from kling_mock.contract_tests.running.models import Run, Trial
from kling_mock.contract_tests.running.parallel import in_parallel, processors
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.errors import SettingsError
from kling_mock.interception.parent.run_directory import NODE_BRIEF
from kling_mock.scenarios import CATALOGUE, Scenario
from tests.clients.reference import Client, generate
from tests.support import until

ROOT = Path(__file__).parents[1]
MODEL = "kling-video/v1/standard/image-to-video"
WORKER = """
import json, os, sys
from tests.clients.reference import generate
print("ready")
for line in sys.stdin:
    job = json.loads(line)
    print("at work", os.getpid(), flush=True)
    if job["payload"].get("prompt") == "die":
        sys.exit("out of order")
    try:
        result = {"url": generate(job["payload"], base_url=job["base_url"], api_key=job["api_key"])}
    except Exception as error:
        result = {"error": str(error), "type": type(error).__name__}
    print(json.dumps(result), flush=True)
"""
CALLS: list[float] = []


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeepAliveClient:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    (tmp_path / "worker.py").write_text(WORKER)
    return KeepAliveClient([sys.executable, str(tmp_path / "worker.py")])


def ran(engine: Engine, scenario: Scenario = PLAIN, **payload: Any) -> Run:
    return engine.run(Trial(MODEL, {**smallest_payload(MODEL), **payload}, scenario), fresh=True)


@pytest.mark.slow
def test_one_process_makes_one_video_after_the_other_in_virtual_time(worker: KeepAliveClient) -> None:
    with Engine(worker) as engine:
        first, failed, last = ran(engine), ran(engine, CATALOGUE["failed"]), ran(engine)
        at_work = {run.outcome.output.partition("at work ")[2].split()[0] for run in (first, failed, last)}
        assert engine.environment.followed()
    assert first.delivered and last.delivered and first.seconds >= 20
    assert (failed.outcome.kind, failed.outcome.error) == ("raised", "GenerationFailed")
    assert len(at_work) == 1 and "ready" in first.outcome.output
    # Each has a key and a journal of its own.
    assert first.key != last.key and len(last.creates) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(at_work.pop()), 0)


@pytest.mark.slow
def test_a_process_that_ends_is_started_again(worker: KeepAliveClient) -> None:
    with Engine(worker) as engine:
        died, after = ran(engine, prompt="die"), ran(engine)
    assert (died.outcome.kind, died.outcome.status) == ("raised", 1)
    assert "out of order" in died.outcome.text
    assert after.delivered


def leaves_something(payload: Any, *, base_url: str, api_key: str) -> Any:
    """Works once in a process; what it returns, how it ends is told by the prompt."""
    CALLS.append(0.0)
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("call", len(CALLS), threading.active_count() < 6)
    if payload.get("prompt") == "list":
        return [1, 2]
    if payload.get("prompt") == "exit":
        os._exit(7)
    if payload.get("prompt") == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    return generate(payload, base_url=base_url, api_key=api_key)


@pytest.mark.slow
def test_what_one_isolated_call_leaves_behind_no_other_finds() -> None:
    client = IsolatedClient(load_callable(f"{__name__}:leaves_something"))
    with Engine(client) as engine:
        runs = [ran(engine) for _ in range(3)]
        listed, left, crashed = (ran(engine, prompt=how) for how in ("list", "exit", "crash"))
        again = ran(engine)
    for run in (*runs, again):
        assert run.delivered and run.seconds >= 20
        assert run.outcome.output == "call 1 True\n"
    assert (type(listed.outcome.value).__name__, repr(listed.outcome.value)) == ("list", "[1, 2]")
    assert (left.outcome.kind, left.outcome.text) == ("exited", "os._exit(7)")
    assert "SIGKILL" in crashed.outcome.text
    assert CALLS == []


@pytest.mark.long
@pytest.mark.slow
def test_an_isolated_coroutine_is_cancelled_as_one_in_this_process() -> None:
    client = IsolatedClient(load_callable("tests.clients.reference_async:generate"))
    assert client.can_interrupt
    finished = verify(client, Plan(properties=["C15", "A8", "B10"]))
    assert [result.result for result in finished.results] == ["passed"] * 3


def test_what_a_process_has_printed_is_known_of_before_it_is_read() -> None:
    process = KeptProcess(
        ["sh", "-c", "read line; printf 'one\\ntwo'; read line"], os.environ, lambda start: start()
    )
    reader = threading.Thread(target=lambda: lines.append(process.line()))
    lines: list[str | None] = []
    try:
        reader.start()
        until(lambda: not process.speaks())
        process.tell({})
        reader.join()
        # From the first byte on, until somebody waits for the next line.
        assert (lines, process.speaks()) == (["one\n"], True)
        process.tell({})
        assert [process.line(), process.line()] == ["two", None]
    finally:
        process.close()


class Wants200(Client):
    """Takes 201 for a refusal, and 400 for a reason to try again."""

    def check_created(self, reply: Any) -> None:
        if reply.status == 201:
            raise KeyError("201")
        super().check_created(reply)


def in_a_fresh_process(name: str) -> None:
    """Call a function of this module where nothing else has run: a process with other threads forks badly."""
    words = [sys.executable, "-c", f"from tests.test_keep_alive import {name}; {name}()"]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_several_processes_find_what_one_finds() -> None:
    in_a_fresh_process("several_find_what_one_finds")


def several_find_what_one_finds() -> None:
    plan = Plan(properties=["B1", "B4", "B7", "G1"])
    client, events = CallableClient(Wants200.run), list[Event]()
    one, several = verify(client, plan), verify(client, plan, events.append, in_parallel(3))
    assert [(r.id, r.result) for r in several.results] == [(r.id, r.result) for r in one.results]
    assert several.summary.status == one.summary.status == 1
    (broken,) = [result for result in several.results if result.result == "failed"]
    assert broken.counterexample is not None
    assert "201" in broken.counterexample.says
    assert several.coverage["pairs"] == one.coverage["pairs"]
    assert several.summary.runs >= 126
    numbers = [event.number for event in events if isinstance(event, Checked)]
    assert numbers == [1, 2, 3, 4]
    assert any(isinstance(event, Checking) for event in events) and isinstance(events[-1], Finished)


def ends_everything(payload: Any, *, base_url: str, api_key: str) -> str:
    if payload.get("prompt"):
        os.kill(os.getpid(), signal.SIGKILL)
    return generate(payload, base_url=base_url, api_key=api_key)


@pytest.mark.slow
def test_a_process_that_ends_by_itself_is_said_to() -> None:
    in_a_fresh_process("an_end_is_said")


def an_end_is_said() -> None:
    plan = Plan(properties=["B4", "A9"])
    finished = verify(CallableClient(ends_everything), plan, runner=in_parallel(2))
    assert finished.summary.status == 2
    assert "ended by itself, with status -9" in finished.summary.problem


@pytest.mark.parametrize(
    ("words", "options", "problem"),
    [
        (["python", "x.py"], {"isolate": True}, "--isolate: expected a function"),
        (["tests.clients.reference:generate"], {"keep_alive": True}, "--keep-alive: expected a command"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], options: Any, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        find_client(words, **options)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_a_node_that_starts_quickly_trusts_the_mock_all_the_same(tmp_path: Path) -> None:
    authority = trustme.CA()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "run.json").write_text(json.dumps({"authority": authority.cert_pem.bytes().decode()}))
    script = f"fetch('https://127.0.0.1:{server.server_port}').then((r) => console.log(r.status))"
    environment = {**os.environ, "KLING_MOCK_RUN": str(tmp_path / "run.json"), "NODE_EXTRA_CA_CERTS": ""}
    words = ["node", "--require", str(NODE_BRIEF), "-e", script]
    said = subprocess.run(words, env=environment, capture_output=True, text=True)
    server.shutdown()
    server.server_close()
    assert said.stdout == "204\n", said.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
@pytest.mark.parametrize("compiled", ["new WebAssembly.Module(bytes)", "WebAssembly.compile(bytes)"])
def test_a_node_that_starts_quickly_keeps_its_code_cache_until_webassembly_is_compiled(compiled: str) -> None:
    """V8 takes no cached code of Node's own once a flag of its differs."""
    script = f"""
    const v8 = require("node:v8"), said = [];
    v8.setFlagsFromString = (flags) => said.push(flags);
    const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), before = said.length;
    Promise.resolve({compiled}).then((module) => {{
      const restored = !/begin/.test(WebAssembly.compile);
      console.log(before, said.join(), restored, module instanceof WebAssembly.Module);
    }});
    """
    words = ["node", "--require", str(NODE_BRIEF), "-e", script]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout.startswith("0 --liftoff-only ") and done.stdout.endswith("true true\n"), done.stderr


def test_a_program_that_stays_is_checked_by_no_more_processes_than_there_are_processors() -> None:
    stays, starts = KeepAliveClient([sys.executable]), CommandClient([sys.executable])
    assert _jobs(stays, None) == min(MOST_JOBS, processors())
    assert _jobs(starts, None) >= _jobs(stays, None) >= 1
    assert _jobs(stays, 3) == 3
