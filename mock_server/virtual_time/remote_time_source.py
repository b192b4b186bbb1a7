"""Virtual time that another process keeps: read from its clock file, moved by asking it."""

from __future__ import annotations

import _socket
import json
import math
import mmap
import os
import struct
from collections.abc import Collection
from typing import Any

from .originals import allocate_lock, monotonic

__all__ = ["RemoteSource"]

_LAYOUT = struct.Struct("=5d")


class RemoteSource:
    """The clock of the mock that a parent process runs.

    `clock_file` is laid out as `kling_mock.interception.parent.clock_server` says; `port` is where the parent
    answers, `ports` are all the ports behind which its mock is.
    """

    def __init__(self, clock_file: str, port: int, token: str, ports: Collection[int]) -> None:
        with open(clock_file, "rb") as file:
            self._clock = mmap.mmap(file.fileno(), _LAYOUT.size, access=mmap.ACCESS_READ)
        self._port = port
        self._token = token
        self._ports = frozenset(ports)
        self._lock = allocate_lock()
        self._socket: Any = None
        self._seen = 0
        self._told = False

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        while True:
            serial, virtual, real, speed, again = _LAYOUT.unpack_from(self._clock)
            if serial == again:
                return float(virtual + (monotonic() - real) * speed)

    def horizon(self, due: float) -> float | None:
        """The next moment at which somebody else does something, None while one does or the mock is gone."""
        answer = self.ask({"ask": "horizon", "due": due if due < math.inf else None})
        self._told = True
        if answer is None:
            return None
        self._seen = answer["seen"]
        horizon = answer["horizon"]
        return math.inf if horizon == "inf" else horizon

    def advance_to(self, moment: float) -> None:
        """Ask for a jump; it is refused where the server has got something to do meanwhile."""
        self.ask({"ask": "jump", "to": moment, "seen": self._seen})

    def awake(self) -> None:
        """Say that this process has something to do, where it has said that it waits."""
        if self._told:
            self._told = False
            self.ask({"ask": "awake"}, answered=False)

    def local(self, host: str, port: int) -> bool:
        """Whether an address is the mock's."""
        return port in self._ports and (host.startswith("127.") or host in ("::1", "::ffff:127.0.0.1"))

    def ask(self, message: dict[str, Any], *, answered: bool = True) -> dict[str, Any] | None:
        """Say something to the parent; None where it is gone."""
        with self._lock:
            try:
                connection = self._connection()
                connection.sendall(json.dumps(message).encode() + b"\n")
                if not answered:
                    return None
                line = b""
                while not line.endswith(b"\n"):
                    chunk = connection.recv(4096)
                    if not chunk:
                        return None
                    line += chunk
            except OSError:
                return None
            except BaseException:
                # A signal's handler has raised: the answer to this must not be taken for the next one's.
                if self._socket is not None:
                    self._socket.close()
                self._socket = None
                raise
        answer: dict[str, Any] = json.loads(line)
        return answer

    def forked(self) -> None:
        """Let go of the parent process's connection, and of the lock that a thread of it may hold."""
        self._lock = allocate_lock()
        self._socket = None

    def _connection(self) -> Any:
        if self._socket is None:
            self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            self._socket.connect(("127.0.0.1", self._port))
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            self._socket.sendall(json.dumps({"token": self._token, "pid": os.getpid()}).encode() + b"\n")
        return self._socket
