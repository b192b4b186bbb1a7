"""A Redis of the tests' own, on a free port; tests that need one skip where there is none, but not on CI."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .support import until

__all__ = ["PROGRAM", "Redis", "needs_redis", "running_redis"]

PROGRAM = next((found for name in ("redis-server", "valkey-server") if (found := shutil.which(name))), None)
needs_redis = pytest.mark.skipif(
    PROGRAM is None and not os.environ.get("CI"),
    reason="there is no redis-server on this machine (Debian: apt-get install redis-server)",
)


class Redis:
    """A running redis-server that can be killed and started again on its port."""

    def __init__(self, folder: Path, *options: str) -> None:
        assert PROGRAM is not None, "CI has to have redis-server: see .ci/run"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._words = [PROGRAM, "--port", str(self.port), "--dir", str(folder), "--bind", "127.0.0.1"]
        self._words += ["--save", "", *options]
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: int = 0) -> str:
        """The address of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def ask(self, command: str) -> bytes:
        """The answer to a command in one line."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(65536)

    def end(self, number: int = signal.SIGKILL) -> None:
        """End it, at once unless another signal says otherwise."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[Redis]:
    """A Redis until the end of the block."""
    redis = Redis(folder, *options)
    try:
        yield redis
    finally:
        redis.end()
