"""Functions that are called in a process of their own each time: what one call leaves behind, no other finds.

A process imports the function once and forks for every call, so that threads, globals and patches of a call
end with it. `python -m kling_mock.contract_tests.driving.isolation MODULE:FUNCTION PATHS` is that process.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
import json
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from ..running.models import Outcome
from .clients import CallableClient, CallArguments, ClientCall, ClientKind, load_callable
from .keep_alive import KeepAliveClient, KeptCall

__all__ = ["IsolatedClient"]

_MOST_OUTPUT = 100_000
_PLAIN = (str, int, float, bool, type(None))
INTERRUPT = signal.SIGUSR1 if hasattr(signal, "SIGUSR1") else None
"""What cancels the coroutine of a call."""


class IsolatedClient(KeepAliveClient):
    """A function that is called in another process, a fresh one each time."""

    kind: ClientKind = "python"

    def __init__(self, function: CallableClient) -> None:
        super().__init__([sys.executable, "-m", __spec__.name, function.name, json.dumps(sys.path)])
        self.name = function.name
        self.target = ("--isolate", function.name)
        self._function = function
        self.fields = function.fields

    def call(self, arguments: CallArguments) -> ClientCall:
        """One call, in a process of its own."""
        return _IsolatedCall(self, arguments)

    @property
    def can_resume(self) -> bool:
        """True where the function takes a `generation_id`."""
        return self._function.can_resume

    @property
    def can_interrupt(self) -> bool:
        """Only a coroutine can be cancelled."""
        return self._function.can_interrupt


class _IsolatedCall(KeptCall):
    """One call: its process is named first, then its outcome."""

    forked: int | None = None

    def read(self, line: str) -> Outcome | None:
        """The outcome that a line holds."""
        found = json.loads(line)
        if "pid" in found:
            self.forked = found["pid"]
            return None
        outcome: Outcome = pickle.loads(base64.b64decode(found["outcome"]))
        return outcome

    def interrupt(self) -> bool:
        """Cancel the coroutine."""
        if self.forked is None or INTERRUPT is None:
            return False
        try:
            os.kill(self.forked, INTERRUPT)
        except ProcessLookupError:
            return False
        return True


class _Foreign:
    """Stands for a value that is no plain one: its type is called the same, and it looks the same."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown

    def __reduce__(self) -> Any:
        return _foreign, (type(self).__name__, self._shown)


def _foreign(name: str, shown: str) -> _Foreign:
    made: _Foreign = type(name, (_Foreign,), {})(shown)
    return made


def main(target: str, paths: str) -> None:
    """Answer each line on stdin with the outcome of a call; what else is printed goes to stderr."""
    sys.path[:] = json.loads(paths)
    client = load_callable(target)
    client.keeps_loop = False  # each call is alone in its process
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for line in sys.stdin.buffer:
            message = json.loads(line)
            came, told = os.pipe()
            process = os.fork()
            if process == 0:
                os.close(came)
                _call(client, message, told)
            os.close(told)
            _say(answers, {"pid": process})
            _say(answers, {"outcome": _outcome(came, process)})


def _say(answers: IO[str], message: Mapping[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _outcome(came: int, process: int) -> str:
    """What a call sent before its process ended, or what can be said of that end."""
    with os.fdopen(came, "rb") as pipe:
        sent = pipe.read()
    _, status = os.waitpid(process, 0)
    if not sent:
        code = os.waitstatus_to_exitcode(status)
        text = f"os._exit({code})" if code >= 0 else f"its process was ended by {signal.Signals(-code).name}"
        sent = pickle.dumps(Outcome("exited", error="SystemExit", text=text))
    return base64.b64encode(sent).decode()


def _call(client: CallableClient, message: Mapping[str, Any], told: int) -> None:
    """Make the call in this process, which has only this to do, and end it."""
    try:
        with tempfile.TemporaryFile() as printed:
            for descriptor in (1, 2):
                os.dup2(printed.fileno(), descriptor)
            call = client.call(CallArguments(**message))
            if INTERRUPT is not None:
                signal.signal(INTERRUPT, lambda number, frame: call.interrupt() and None)
            outcome = call.work()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            printed.seek(0)
            said = printed.read(_MOST_OUTPUT).decode("utf-8", "replace")
        value = outcome.value
        if not isinstance(value, _PLAIN):
            value = _foreign(type(value).__name__, repr(value))
        sent = pickle.dumps(dataclasses.replace(outcome, value=value, output=said))
        with os.fdopen(told, "wb") as pipe:
            pipe.write(sent)
    finally:
        os._exit(0)


if __name__ == "__main__":
    # By its own name, under which outcomes are found by the process that reads them.
    importlib.import_module(__spec__.name).main(*sys.argv[1:])
