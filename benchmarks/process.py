"""A server under measurement: a process of its own, its processor time and its memory."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["BARE", "BenchmarkError", "ServerProcess", "cores", "mock_command", "pin"]

BARE = [sys.executable, "-m", "benchmarks.bare"]
ROOT = Path(__file__).resolve().parents[1]
READY_WITHIN = 60.0
COMPILED = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
"""Servers are measured as they run where they are installed: from compiled modules."""


class BenchmarkError(Exception):
    """A measurement that cannot be made; the message says what to do."""


def mock_command(*options: str) -> list[str]:
    """The command line of the mock on a free port."""
    return [sys.executable, "-m", "kling_mock", "serve", "--port", "0", *options]


def cores() -> tuple[int | None, int | None]:
    """The core of the server and that of the loader; None where there are not two to choose from."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


def pin(pid: int, core: int | None) -> None:
    """Keep a process on one core."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(pid, {core})


class ServerProcess:
    """A started server; `with` ends it. `url` is known once it said that it is ready.

    A command that holds `{port}` gets a free port in its place and is ready once that port answers;
    any other one prints its address at the end of its first line.
    """

    def __init__(self, command: list[str], *, log: Path | None = None) -> None:
        self.command = command
        self.log = log
        self.url = ""
        self.spawned = 0.0
        """The moment of its start, as `time.perf_counter` gives it."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        port = _free_port() if any("{port}" in word for word in self.command) else None
        words = [word.replace("{port}", str(port)) for word in self.command]
        self.spawned = time.perf_counter()
        try:
            self._process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, env=COMPILED)
        except OSError as error:
            raise BenchmarkError(f"Cannot start {words[0]}: {error.strerror}.") from None
        pin(self._process.pid, cores()[0])
        try:
            self.url = self._announced() if port is None else self._answering(port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Processor time so far, of the process and those that it started."""
        return sum(_cpu_seconds(pid) for pid in _family(self.pid))

    def rss(self) -> float:
        """Resident memory in MB (10^6 bytes), of the process and those that it started."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _family(self.pid))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _announced(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        stream = self._process.stdout
        readable, _, _ = select.select([stream], [], [], READY_WITHIN)
        line = stream.readline().decode() if readable else ""
        if "http://" not in line:
            raise BenchmarkError(
                f"{' '.join(self.command)} did not say where it listens; its first line: {line!r}"
            )
        _drain(stream.fileno(), self.log)
        return line.split()[-1]

    def _answering(self, port: int) -> str:
        assert self._process is not None and self._process.stdout is not None
        _drain(self._process.stdout.fileno(), self.log)
        until = time.perf_counter() + READY_WITHIN
        while time.perf_counter() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.02)
        raise BenchmarkError(f"{' '.join(self.command)} does not listen on port {port}.")


def _drain(pipe: int, log: Path | None) -> None:
    """Let `cat` read the rest of a pipe, so that a log costs the server what a reader would make it cost."""
    with open(log or os.devnull, "wb") as sink:
        reader = subprocess.Popen(["cat"], stdin=pipe, stdout=sink)
    pin(reader.pid, cores()[1])
    _READERS.append(reader)


_READERS: list[subprocess.Popen[bytes]] = []
"""Readers of logs; each ends by itself when its server does."""


def end_readers() -> None:
    """Wait for the readers of servers that have ended."""
    while _READERS:
        _READERS.pop().wait(10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        raise BenchmarkError("Processor time and memory are read from /proc, which only Linux has.") from None
    return [pid, *(member for child in children for member in _family(child))]


def _cpu_seconds(pid: int) -> float:
    """From the scheduler's own count in nanoseconds where there is one, else in ticks of 10 ms."""
    try:
        nanoseconds = [
            int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()
        ]
        return sum(nanoseconds) / 1e9
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
