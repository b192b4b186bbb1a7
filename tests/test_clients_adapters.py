"""How clients are handed in: callables by name, programs with their streams; what becomes of each call."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from kling_mock.contract_tests.driving.client_time import VirtualTime
from kling_mock.contract_tests.driving.clients import CallableClient, CallArguments, load_callable
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.driving.errors_raised import text_of
from kling_mock.contract_tests.running.cli_run import find_client
from kling_mock.contract_tests.running.models import Outcome
from kling_mock.errors import TargetError
from tests.support import until

CALL = CallArguments({"model": "m", "prompt": "é"}, "http://127.0.0.1:9/v2", "the-key")
PATIENCE = 30.0


def outcome_of(code: str, arguments: CallArguments = CALL) -> Outcome:
    """What becomes of a program in Python."""
    call = CommandClient([sys.executable, "-c", code]).call(arguments)
    call.start()
    assert call.wait(PATIENCE)
    return call.outcome


def test_a_function_is_found_by_its_name() -> None:
    client = load_callable("tests.clients.reference:generate")
    assert (client.kind, client.virtual_time) == ("python", VirtualTime.WHOLE)
    assert client.can_resume
    assert not client.can_interrupt
    assert load_callable("tests.clients.broken.making:StartsAgain.run").name.endswith("StartsAgain.run")
    assert load_callable("tests.clients.reference_async:generate").can_interrupt


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("tests.clients.reference", "expected MODULE:FUNCTION"),
        (":generate", "expected MODULE:FUNCTION"),
        ("tests.clients.reference:", "expected MODULE:FUNCTION"),
        ("tests.no_such:generate", "cannot be imported: there is no module 'tests.no_such' in this"),
        ("tests.clients.referense:generate", "Did you mean 'tests.clients.reference'"),
        ("tests.clients.reference:nothing", "has no 'nothing'"),
        ("tests.clients.reference:ROUTE", "expected a callable, received str"),
        ("os.path:join", "cannot be called as generate"),
    ],
)
def test_what_is_no_client_is_an_error_that_says_why(target: str, says: str) -> None:
    with pytest.raises(TargetError, match=says):
        load_callable(target)


@pytest.mark.parametrize(
    "text", ["raise ValueError('in the module')", "import sys; sys.exit('bye')", "x = ("]
)
def test_a_module_that_cannot_be_imported_is_named_with_its_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_module_{len(text)}"
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        TargetError, match=rf"{name}:f cannot be imported: (ValueError|SystemExit|SyntaxError)"
    ):
        load_callable(f"{name}:f")


def test_the_text_of_an_error_holds_causes_notes_and_values() -> None:
    class Refused(Exception):
        def __init__(self) -> None:
            super().__init__("refused")
            self.reason = "no credits"

    try:
        try:
            raise Refused
        except Refused as error:
            error.add_note("a note")
            raise RuntimeError("wrapped") from error
    except RuntimeError as error:
        text = text_of(error)
    assert [part in text for part in ("wrapped", "refused", "no credits", "a note")] == [True] * 4
    assert "part" in text_of(ExceptionGroup("group", [ValueError("part")]))


def test_a_callable_returns_raises_or_exits() -> None:
    def answer(payload: Any, *, base_url: str, api_key: str) -> Any:
        if payload == "raise":
            raise KeyError("id")
        if payload == "exit":
            raise SystemExit(2)
        return payload

    async def later(payload: Any, *, base_url: str, api_key: str) -> Any:
        return answer(payload, base_url=base_url, api_key=api_key)

    for function in (answer, later):
        found = []
        for payload in ("url", "raise", "exit"):
            call = CallableClient(function).call(CallArguments(payload, "", ""))
            call.start()
            assert call.wait(PATIENCE)
            found.append((call.outcome.kind, call.outcome.value, call.outcome.error))
        assert found == [
            ("returned", "url", ""),
            ("raised", None, "KeyError"),
            ("exited", None, "SystemExit"),
        ]


def test_a_program_gets_payload_address_and_key_and_its_last_line_counts() -> None:
    outcome = outcome_of(
        "import json, os, sys; body = json.load(sys.stdin); print('working'); "
        "print(body['prompt'], os.environ['KLING_BASE_URL'], os.environ['KLING_API_KEY']); print()"
    )
    assert (outcome.kind, outcome.status) == ("returned", 0)
    assert outcome.value == "é http://127.0.0.1:9/v2 the-key"
    assert outcome.output.startswith("working\n")


@pytest.mark.parametrize(
    ("code", "status", "error", "text"),
    [
        ("import sys; print('no credits', file=sys.stderr); sys.exit(3)", 3, "", "no credits"),
        ("None.get('id')", 1, "AttributeError", "AttributeError: 'NoneType' object has no attribute 'get'"),
        ("raise __import__('json').JSONDecodeError('bad', '', 0)", 1, "json.decoder.JSONDecodeError", "json"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "", ""),
    ],
)
def test_a_program_that_fails_says_how(code: str, status: int, error: str, text: str) -> None:
    outcome = outcome_of(code)
    assert (outcome.kind, outcome.status, outcome.error) == ("raised", status, error)
    assert outcome.text.startswith(text)


def test_a_crash_of_javascript_is_known_as_one() -> None:
    said = "TypeError: Cannot read properties of null (reading 'id')"
    stderr = f"file:1\nnull.id\n     ^\n\n{said}\n    at file:1:6\n"
    outcome = outcome_of(f"import sys; sys.stderr.write({stderr!r}); sys.exit(1)")
    assert outcome.crashed


def test_a_program_may_read_nothing_and_print_rubbish_and_much() -> None:
    outcome = outcome_of(
        "import sys, os\nfor _ in range(3000): os.write(1, b'\\xff\\x00' * 1000)\nprint('\\nhttp://end')",
        CallArguments({"image_url": "x" * 3_000_000}, "", ""),
    )
    assert (outcome.kind, outcome.value) == ("returned", "http://end")
    assert len(outcome.output) < 6_000_000


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs descriptors of processes")
def test_a_program_and_what_it_started_are_stopped(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r} + '.new', 'w').write(str(child.pid))\n"
        f"import os; os.replace({str(note)!r} + '.new', {str(note)!r})\n"
        "time.sleep(600)\n"
    )
    call = CommandClient([sys.executable, "-c", code]).call(CALL)
    call.start()
    while not note.exists():
        assert not call.wait(0.01)
    assert "time.sleep(600)" in call.process_arguments()
    child = os.pidfd_open(int(note.read_text()))
    call.stop()
    assert call.wait(PATIENCE)
    assert call.outcome.kind == "stopped"
    ended, _, _ = select.select([child], [], [], PATIENCE)
    os.close(child)
    assert ended == [child]


def test_a_program_that_holds_its_pipes_open_elsewhere_is_not_waited_for() -> None:
    outcome = outcome_of(
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('http://end')"
    )
    assert (outcome.kind, outcome.value) == ("returned", "http://end")


def test_an_interrupt_reaches_a_program() -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    call = CommandClient([sys.executable, "-c", code]).call(CALL)
    assert not call.interrupt()
    call.start()
    # Interrupted again and again: the program may not have set its handler at the first time.
    until(lambda: (call.interrupt(), call.wait(0.05))[1])
    assert call.outcome.kind == "raised"


def test_the_command_line_tells_functions_from_programs() -> None:
    assert isinstance(find_client(["tests.clients.reference:generate"]), CallableClient)
    assert isinstance(find_client([sys.executable]), CommandClient)
    assert find_client([sys.executable, "x.py"]).target == ("--", sys.executable, "x.py")
    with pytest.raises(TargetError, match="no program"):
        find_client(["no-such-program", "x"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("import os; os._exit(0)", "left the process with status 0"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("while True: pass", "did not come back from its import within 0.5 s"),
    ],
)
def test_a_module_that_takes_the_process_along_is_told(
    body: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"a_module_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(f"{body}\ndef generate(payload, *, base_url, api_key): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("KLING_MOCK_IMPORT_SECONDS", "0.5" if "while" in body else "30")
    with pytest.raises(TargetError, match=f"{name}:generate cannot be imported: {name} {says}"):
        load_callable(f"{name}:generate")
