"""Virtual time that the parent process keeps: read from its clock file, moved by asking it (PROTOCOL.md)."""

from __future__ import annotations

import _socket
import json
import math
import os
from collections.abc import Collection, Sequence
from typing import Any

from ....hostnames import is_loopback
from ....virtual_time.originals import allocate_lock
from ....virtual_time.reasons import Reason, reason_of
from ...shared.clock_file import ClockReader

__all__ = ["RemoteTimeSource"]

MOST_DUES = 16
"""Waits of this process that the parent is told of, so that nobody jumps over one while this one is woken."""


class RemoteTimeSource:
    """The clock of the mock that a parent process runs; a `TimeSource`.

    `port` is where the parent answers, `ports` are all the ports behind which its mock is.
    """

    def __init__(self, clock_file: str, port: int, token: str, ports: Collection[int]) -> None:
        self.now = ClockReader(clock_file).now
        """Virtual seconds since the epoch."""
        self._port = port
        self._token = token
        self._ports = frozenset(ports)
        self._lock = allocate_lock()
        self._socket: Any = None
        self._seen = 0
        self._told = False
        self._busy: tuple[float, Reason] | None = None
        """What was told last of why this process lets no time jump, and when its wait is due."""
        self._jumping = -math.inf
        """The moment of a jump that was asked for and has no answer yet."""

    def horizon(self, dues: Sequence[float]) -> float | Reason:
        """The next moment at which somebody else does something, or why time may not jump there."""
        question: dict[str, Any] = {"ask": "horizon", "due": dues[0] if dues[0] < math.inf else None}
        if later := [due for due in dues[1:MOST_DUES] if due < math.inf]:
            question["dues"] = later
        answer = self.ask(question)
        self._told, self._busy = True, None
        if answer is None:
            return Reason.GONE
        self._seen = answer["seen"]
        horizon = answer["horizon"]
        if horizon is None:
            return reason_of(answer["why"])
        return math.inf if horizon == "inf" else float(horizon)

    def seen(self) -> int:
        """The number of things that had come about at the last horizon."""
        return self._seen

    def busy(self, due: float, why: Reason) -> None:
        """Say why this process lets no time jump beside its waits: nobody does then."""
        if self._busy != (due, why):
            self._told, self._busy = True, (due, why)
            told = {"ask": "busy", "due": due if due < math.inf else None, "why": why.value}
            self.ask(told, answered=False)

    def advance_to(self, moment: float) -> None:
        """Ask for a jump; it is refused where the server has got something to do meanwhile."""
        self._jumping = moment
        try:
            self.ask({"ask": "jump", "to": moment, "seen": self._seen})
        finally:
            self._jumping = -math.inf

    def awake(self) -> None:
        """Say that this process has something to do, where it has said that it waits."""
        if self._told:
            self._told, self._busy = False, None
            self.ask({"ask": "awake"}, answered=False)

    def begins(self, deadline: float) -> None:
        """Say that a wait begins that a jump would go over which has no answer yet: it is not made then.

        The thread that asked for it holds the lock until it is answered; a line without an answer needs none.
        """
        if deadline < self._jumping and self._socket is not None:
            self._jumping = -math.inf
            try:
                self._socket.sendall(b'{"ask": "awake"}\n')
            except OSError:
                pass  # the parent is gone

    def local(self, host: str, port: int) -> bool:
        """Tell whether an address is the mock's."""
        return port in self._ports and is_loopback(host)

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
        self._told, self._busy, self._jumping = False, None, -math.inf

    def _connection(self) -> Any:
        if self._socket is None:
            self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            self._socket.connect(("127.0.0.1", self._port))
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            self._socket.sendall(json.dumps({"token": self._token, "pid": os.getpid()}).encode() + b"\n")
        return self._socket
