"""Programs that stay: one process makes one video after the other, a line in and a line out for each.

In goes `{"payload": {…}, "base_url": "…", "api_key": "…"}`, out comes `{"url": "…"}` or `{"error": "…"}`,
with `"type"` for the name of an error. Other lines are what the program prints besides.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from kling_mock.interception.parent.process import Starting
from kling_mock.timing import OUTPUT_ENDS

from ..running.models import Outcome
from .clients import CallArguments, ClientCall
from .commands import CommandCall, CommandClient, arguments_of
from .errors_raised import UNSUPPORTED

__all__ = ["KeepAliveClient", "KeptCall", "KeptProcess"]

_MOST_OUTPUT = 1_000_000
"""Characters of output that are kept of a call."""


def _readable(descriptor: int, milliseconds: int | None) -> bool:
    looker = select.poll()
    looker.register(descriptor)
    return bool(looker.poll(milliseconds))


class KeptProcess:
    """One process of such a program."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], starting: Starting) -> None:
        self._process = starting(
            lambda: subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._rest = b""
        """What it has printed beyond the last line."""
        self._waits = False
        """True while everything that it has printed is known."""
        self._errors = bytearray()
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            for piece in iter(lambda: os.read(stream.fileno(), 65_536), b""):
                self._errors += piece[: _MOST_OUTPUT - len(self._errors)]

    def tell(self, message: Mapping[str, Any]) -> None:
        """Write a line; that nobody reads it shows in the answer."""
        self._errors.clear()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def line(self) -> str | None:
        """The next line that it prints; None at the end of the process."""
        while b"\n" not in self._rest and len(self._rest) < _MOST_OUTPUT:
            # Said before it is read: between the two there are bytes to be seen.
            self._waits = True
            _readable(self._output, None)
            self._waits = False
            piece = os.read(self._output, 65_536)
            if not piece:
                break
            self._rest += piece
        line, end, rest = self._rest[:_MOST_OUTPUT].partition(b"\n")
        self._rest = rest + self._rest[_MOST_OUTPUT:]
        return (line + end).decode("utf-8", "replace") if line or end else None

    def speaks(self) -> bool:
        """Tell whether it has printed something that nobody has made anything of yet."""
        return not self._waits or _readable(self._output, 0)

    def errors(self) -> str:
        """What it has written to stderr in this call."""
        return bytes(self._errors).decode("utf-8", "replace")

    def ended(self) -> int:
        """Wait for its end, and return its exit status."""
        status = self._process.wait()
        self.signal(signal.SIGKILL)
        self._reader.join(OUTPUT_ENDS)
        return status

    def signal(self, number: int) -> bool:
        """Send it and what it has started a signal; False where nobody is left."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """End it."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join(OUTPUT_ENDS)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


class KeepAliveClient(CommandClient):
    """A program that reads a payload a line from stdin, and prints a result line for each.

    Calls at the same time get a process each; one that ended or was stopped is started again.
    """

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__(command)
        self.target = ("--keep-alive", *self.target)
        self._idle: list[KeptProcess] = []
        self._at_work: dict[ClientCall, KeptProcess] = {}
        self._lock = threading.Lock()

    def call(self, arguments: CallArguments) -> ClientCall:
        """One payload for one of its processes."""
        return KeptCall(self, arguments)

    def take(self, call: ClientCall) -> KeptProcess:
        """A process that has nothing to do, for a call."""
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is None:
            process = KeptProcess(self.command, {**os.environ, **self.environment}, self.starting)
        with self._lock:
            self._at_work = {one: at for one, at in self._at_work.items() if not one.over} | {call: process}
        return process

    def give_back(self, process: KeptProcess) -> None:
        """Keep a process for the next call."""
        with self._lock:
            self._idle.append(process)

    def answering(self) -> bool:
        """Tell whether one of its processes has said something, which may be its result."""
        return any(process.speaks() for call, process in self._at_work.items() if not call.over)

    def close(self) -> None:
        """End its processes."""
        while self._idle:
            self._idle.pop().close()


class KeptCall(CommandCall):
    """One payload and its result."""

    def __init__(self, client: KeepAliveClient, arguments: CallArguments) -> None:
        super().__init__(client, arguments)
        self._kept = client
        self._at: KeptProcess | None = None

    def work(self) -> Outcome:
        """Hand the payload to a process, and wait for its result line."""
        try:
            self._at = process = self._kept.take(self)
        except OSError as error:
            return Outcome("raised", error=type(error).__name__, text=str(error), status=127)
        given = self.arguments
        message = {"payload": given.payload, "base_url": given.base_url, "api_key": given.api_key}
        if given.generation_id is not None:
            message["generation_id"] = given.generation_id
        process.tell(message)
        printed: list[str] = []
        while (line := process.line()) is not None:
            outcome = self.read(line)
            if outcome is not None:
                if not outcome.output:
                    outcome.output = _joined([*printed, line], process.errors())
                self._finish(process)
                return outcome
            printed.append(line)
        status = process.ended()
        outcome = self._outcome(status, "".join(printed), process.errors())
        process.close()
        if outcome.kind == "returned":
            said = "it ended without a result line"
            return Outcome("raised", text=said, output=outcome.output, status=status)
        return outcome

    def _finish(self, process: KeptProcess) -> None:
        if self._stopped:
            process.close()
        else:
            self._kept.give_back(process)

    def read(self, line: str) -> Outcome | None:
        """The outcome that a line says; None where it is none."""
        try:
            found = json.loads(line)
        except ValueError:
            return None
        if not isinstance(found, dict) or not ({"url", "error"} & found.keys()):
            return None
        if "error" in found:
            said = found["error"] if isinstance(found["error"], str) else json.dumps(found["error"])
            kind = str(found.get("type", ""))
            unsupported = kind.rpartition(".")[2] == UNSUPPORTED
            return Outcome("raised", error=kind, text=said, status=1, unsupported=unsupported)
        return Outcome("returned", found["url"], status=0)

    def stop(self) -> None:
        """Kill the process: the next call gets another one."""
        self._stopped = True
        if self._at is not None:
            self._at.signal(signal.SIGKILL)

    def interrupt(self) -> bool:
        """Send SIGINT, as Ctrl-C does."""
        return self._at is not None and self._at.signal(signal.SIGINT)

    def process_arguments(self) -> str:
        """The arguments of the process and of what it started, where the system tells (Linux)."""
        return "" if self._at is None else arguments_of(self._at.pid)


def _joined(printed: Sequence[str], errors: str) -> str:
    return f"{''.join(printed)}\n{errors}".strip("\n")
