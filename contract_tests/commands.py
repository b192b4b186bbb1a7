"""Clients that are commands, in any language."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from mock_server.errors import TargetError

from .clients import Attempt, Call, Client
from .runs import Outcome

__all__ = ["CommandClient"]

_MOST_OUTPUT = 1_000_000
"""Characters of output that are kept."""
_ERROR = re.compile(
    r"^(?:Uncaught )?([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout)\w*)(?::|$)", re.M
)
"""How Python and Node begin the line that names an uncaught error."""


class CommandClient(Client):
    """A program that takes the payload on stdin and prints the URL as its last line.

    `environment` is what each call gets besides `KLING_BASE_URL` and `KLING_API_KEY`; `virtual_time` is set
    where hooks in it make the program live by the server's clock. `TargetError` where there is no program.
    """

    kind = "command"

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__(" ".join(command), ("--", *command))
        self.command = list(command)
        self.environment: dict[str, str] = {}
        program = shutil.which(command[0])
        if program is None:
            raise TargetError(f"There is no program {command[0]!r}: expected a command that can be run.")

    def attempt(self, call: Call) -> Attempt:
        """One run of the program."""
        return _CommandAttempt(self, call)

    @property
    def can_interrupt(self) -> bool:
        """A process can always be sent SIGINT."""
        return True


class _CommandAttempt(Attempt):
    def __init__(self, client: CommandClient, call: Call) -> None:
        super().__init__(call)
        self._client = client
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def work(self) -> Outcome:
        environment = {**os.environ, **self._client.environment}
        environment |= {"KLING_BASE_URL": self.call.base_url, "KLING_API_KEY": self.call.api_key}
        try:
            with self._lock:
                if self._stopped:
                    return Outcome("stopped", text="it was never started")
                self._process = process = subprocess.Popen(
                    self._client.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            return Outcome("raised", error=type(error).__name__, text=str(error), status=127)
        stdout, stderr = _talk(process, json.dumps(self.call.payload).encode())
        self._end_group()
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
        text = stderr.strip() or stdout.strip()
        said = [line for line in text.splitlines() if line.strip()]
        # The line that names the error first: what is above it is the way there.
        text = "\n".join([*said[-1:], *said[:-1]]) if named and said else text
        return Outcome("raised", error=named[-1] if named else "", text=text, output=output, status=status)

    def stop(self) -> None:
        """Kill the program and whatever it started."""
        with self._lock:
            self._stopped = True
        self._end_group()

    def interrupt(self) -> bool:
        """Send SIGINT, as Ctrl-C does."""
        return self._signal(signal.SIGINT)

    def arguments(self) -> str:
        """The arguments of the program and of what it started, where the system tells (Linux)."""
        return "" if self._process is None else _arguments_of(self._process.pid)

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


def _talk(process: subprocess.Popen[bytes], payload: bytes) -> tuple[str, str]:
    """Hand the payload in and read what comes out; a program that reads nothing is no error."""
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    taken: dict[str, str] = {}

    def read(name: str, stream: object) -> None:
        kept = bytearray()
        for piece in iter(lambda: os.read(stream.fileno(), 65_536), b""):  # type: ignore[attr-defined]
            if len(kept) < _MOST_OUTPUT:
                kept += piece
            else:
                # The end is what counts: the last line is the result.
                kept = kept[: _MOST_OUTPUT // 2] + (kept[_MOST_OUTPUT // 2 :] + piece)[-_MOST_OUTPUT // 2 :]
        taken[name] = kept.decode("utf-8", "replace")

    def feed() -> None:
        try:
            process.stdin.write(payload)  # type: ignore[union-attr]
            process.stdin.close()  # type: ignore[union-attr]
        except OSError:
            pass

    threads = [
        threading.Thread(target=read, args=("out", process.stdout), daemon=True),
        threading.Thread(target=read, args=("err", process.stderr), daemon=True),
        threading.Thread(target=feed, daemon=True),
    ]
    for thread in threads:
        thread.start()
    process.wait()
    for thread in threads[:2]:
        # A child that was left behind may hold the pipes open: it is not waited for.
        thread.join(0.5)
    return taken.get("out", ""), taken.get("err", "")


def _arguments_of(group: int) -> str:
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
