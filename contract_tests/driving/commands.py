"""Clients that are commands, in any language."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kling_mock.errors import TargetError
from kling_mock.exchanges.redaction import Redactor, environment_keys
from kling_mock.interception.parent.process import Starting
from kling_mock.programs import no_program
from kling_mock.timing import OUTPUT_ENDS

from ..running.models import Outcome
from .clients import CallArguments, Client, ClientCall, ClientKind

__all__ = ["UNSUPPORTED_STATUS", "CommandCall", "CommandClient", "arguments_of"]

_MOST_OUTPUT = 1_000_000
"""Characters of output that are kept."""
_ERROR = re.compile(
    r"^(?:Uncaught )?((?:[A-Za-z_][\w.]*)?(?:Error|Exception|Exit|Interrupt|Timeout)\w*)(?::|$)", re.M
)
"""The beginning of the line in which Python or Node names an uncaught error."""
_WHOLE = re.compile(r"^\S.*[^\W\d_]")
"""A line that is no part of another one: it does not begin with a blank, and has a letter."""
_RAISES = re.compile(r"(raise|throw)\b")
UNSUPPORTED_STATUS = 64
"""The exit status by which a command says that it has no way to express its input: EX_USAGE."""


class CommandClient(Client):
    """A program that takes the payload on stdin and prints the URL as its last line.

    `environment` is what each call gets besides `KLING_BASE_URL` and `KLING_API_KEY`, `starting` is called
    with what starts it; `virtual_time` is set where hooks in it make the program live by the server's clock.
    `TargetError` where there is no program.
    """

    kind: ClientKind = "command"

    def __init__(self, command: Sequence[str]) -> None:
        shown = Redactor(environment_keys()).command(command)
        super().__init__(" ".join(shown), ("--", *shown))
        self.command = list(command)
        self.environment: dict[str, str] = {}
        self.starting: Starting = lambda start: start()
        if os.name != "posix":
            raise TargetError("Checking a command needs Linux or macOS: name a Python function instead.")
        program = shutil.which(command[0])
        if program is None:
            raise TargetError(no_program(command[0]))

    def call(self, arguments: CallArguments) -> ClientCall:
        """One run of the program."""
        return CommandCall(self, arguments)

    def answering(self) -> bool:
        """Tell whether it may have come to a result that this process does not know of yet."""
        return False

    @property
    def can_interrupt(self) -> bool:
        """A process can always be sent SIGINT."""
        return True


class CommandCall(ClientCall):
    """One run of a program."""

    def __init__(self, client: CommandClient, arguments: CallArguments) -> None:
        super().__init__(arguments)
        self._client = client
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def work(self) -> Outcome:
        environment = {**os.environ, **self._client.environment}
        environment |= {"KLING_BASE_URL": self.arguments.base_url, "KLING_API_KEY": self.arguments.api_key}
        try:
            with self._lock:
                if self._stopped:
                    return Outcome("stopped", text="it was never started")
                self._process = process = self._client.starting(
                    lambda: subprocess.Popen(
                        self._client.command,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        env=environment,
                        start_new_session=True,
                    )
                )
        except OSError as error:
            return Outcome("raised", error=type(error).__name__, text=str(error), status=127)
        stdout, stderr = _talk(process, json.dumps(self.arguments.payload).encode(), self._end_group)
        return self._outcome(process.returncode, stdout, stderr)

    def _outcome(self, status: int, stdout: str, stderr: str) -> Outcome:
        output = f"{stdout}\n{stderr}".strip("\n")
        if self._stopped:
            return Outcome("stopped", text="it was ended", output=output, status=status)
        lines = [line.strip() for line in stdout.splitlines() if line.strip()]
        last = lines[-1] if lines else ""
        if status == 0:
            return Outcome("returned", last, output=output, status=0)
        named = _ERROR.findall(stderr)
        said = [line for line in (stderr if stderr.strip() else stdout).splitlines() if line.strip()]
        first = _telling(said)
        # The line that names the error first: around it is the way there, and the version of Node.
        text = "\n".join([*said[first : first + 1], *said[:first], *said[first + 1 :]])
        return Outcome(
            "raised",
            error=named[-1] if named else "",
            text=text,
            output=output,
            status=status,
            deliberate=bool(named) and _on_purpose(said, first),
            unsupported=status == UNSUPPORTED_STATUS,
        )

    def stop(self) -> None:
        """Kill the program and whatever it started."""
        with self._lock:
            self._stopped = True
        self._end_group()

    def interrupt(self) -> bool:
        """Send SIGINT, as Ctrl-C does."""
        return self._signal(signal.SIGINT)

    def process_arguments(self) -> str:
        """The arguments of the program and of what it started, where the system tells (Linux)."""
        return "" if self._process is None else arguments_of(self._process.pid)

    def _end_group(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        process = self._process
        if process is None:
            return False
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _telling(said: Sequence[str]) -> int:
    """The place of the line that says what went wrong: the one that names an error, or else the last."""
    named = [place for place, line in enumerate(said) if _ERROR.match(line)]
    whole = [place for place, line in enumerate(said) if _WHOLE.match(line)]
    return (named or whole or [len(said) - 1])[-1]


def _on_purpose(said: Sequence[str], place: int) -> bool:
    """True where the line of the program above the error's own is a `raise` or a `throw`."""
    if said[place].startswith("AssertionError") or " " not in said[place].partition(":")[2].strip():
        return False
    above = list(said[:place])
    marks = above.pop() if above and not above[-1].strip(" ^~") else ""
    if not above or _RAISES.match(above[-1].strip()) is None:
        return False
    # What is marked is where it went wrong: the whole statement, or a part of it that was to be raised.
    return not marks or _indent(marks) == _indent(above[-1])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


class _Reader:
    """Reads a pipe to its end in a thread of its own, and keeps the beginning and the end of much."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        half = _MOST_OUTPUT // 2
        try:
            for piece in iter(lambda: os.read(self._stream.fileno(), 65_536), b""):
                self._kept += piece
                if len(self._kept) > 2 * _MOST_OUTPUT:
                    # The end is what counts: the last line is the result.
                    self._kept = self._kept[:half] + self._kept[-half:]
        except (OSError, ValueError):
            pass

    def finished(self, seconds: float) -> bool:
        """Wait for the end of the pipe, and say whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def text(self) -> str:
        """The text read so far."""
        return bytes(self._kept).decode("utf-8", "replace")


def _talk(process: subprocess.Popen[bytes], payload: bytes, end: Callable[[], None]) -> tuple[str, str]:
    """Write the payload to stdin and read both outputs; a program that reads nothing is no error.

    What the program left running is ended: it may hold the pipes open.
    """
    readers = [_Reader(process.stdout), _Reader(process.stderr)]
    stdin: Any = process.stdin

    def feed() -> None:
        with contextlib.suppress(OSError):
            stdin.write(payload)
        with contextlib.suppress(OSError):
            stdin.close()

    threading.Thread(target=feed, daemon=True).start()
    process.wait()
    end()
    if all(reader.finished(OUTPUT_ENDS) for reader in readers):
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
    return readers[0].text(), readers[1].text()


def arguments_of(group: int) -> str:
    """The arguments of all processes of a group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group:
                found.append(
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
        except (OSError, ValueError):
            continue
    return "\n".join(found)
