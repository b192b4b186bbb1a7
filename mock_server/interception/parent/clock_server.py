"""The mock's clock for other processes: they read it from a file, and ask here whether it may jump."""

from __future__ import annotations

import asyncio
import json
import math
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...clock import Clock
from ...serving.idle_detector import Stillness
from .process_tracker import Family, Member

__all__ = ["CLOCK_LAYOUT", "ClockFile", "Timekeeper"]

CLOCK_LAYOUT = struct.Struct("=5d")
"""A serial number, virtual seconds since the epoch, the system's monotonic seconds at which that was so, the
speed, and the serial number again: a reader that finds two different ones reads once more."""


class ClockFile:
    """A small file that always holds how virtual time follows from the system's monotonic clock."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._serial = 0
        # Whoever moves the clock publishes, in any thread: the last one to write must write the newest.
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.publish()

    def publish(self) -> None:
        """Write down how the clock runs now; called whenever it was moved."""
        with self._lock:
            self._serial += 1
            virtual, real, speed = self._clock.anchor
            line = CLOCK_LAYOUT.pack(self._serial, virtual, real, speed, self._serial)
            os.pwrite(self._descriptor, line, 0)

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)


class Timekeeper(asyncio.Protocol):
    """One connection of a hook in a child process: lines of JSON, answered in order.

    `{"token": T, "pid": N}` comes first; then `{"ask": …}`:
    `horizon`, with `due`, the moment until which the process waits (null: for ever): answered
    `{"horizon": SECONDS|null|"inf", "seen": N}`, null while the server or another process works.
    `awake`: something has ended the wait before it was due; no answer.
    `jump`, with `to` (a moment) and `seen`: the clock moves there, or to the next moment at which the server
    or another process does something, unless a request came since `seen`; answered
    `{"now": MOMENT, "done": true|false}`.
    `refused`, with `host` and `port`: notes an attempt to reach a host that is not allowed; no answer.
    """

    def __init__(
        self,
        clock: Clock,
        stillness: Stillness,
        family: Family,
        token: str,
        refuse: Callable[[str, int], None],
        stuck: Callable[[], None] = lambda: None,
    ) -> None:
        """`stuck` is called when every process waits for ever, and the server for nothing."""
        self._clock = clock
        self._stillness = stillness
        self._token = token
        self._refuse = refuse
        self._stuck = stuck
        self._family = family
        self._member: Member | None = None
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and count what it has not been read of as work."""
        self._transport = transport
        self._family.sockets.add(transport.get_extra_info("socket"))

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the process: it has ended."""
        self._family.sockets.discard(self._transport.get_extra_info("socket"))
        if self._member is not None:
            self._family.leave(self._member)

    def data_received(self, data: bytes) -> None:
        """Answer every whole line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
                self._answer(message)
            except (ValueError, KeyError, TypeError, AttributeError):
                self._transport.abort()
                return

    def _answer(self, message: dict[str, Any]) -> None:
        if self._member is None:
            if message.get("token") != self._token:
                raise ValueError("a stranger")
            self._member = self._family.join(int(message["pid"]))
            return
        match message["ask"]:
            case "horizon":
                due = message["due"]
                self._family.tell(self._member, math.inf if due is None else float(due))
                self._stillness.look(self._tell_horizon)
            case "awake":
                self._family.tell(self._member, None)
            case "jump":
                moment, seen = float(message["to"]), int(message["seen"])
                self._stillness.look(lambda still: self._jump(still, moment, seen))
            case "refused":
                self._refuse(str(message["host"]), int(message["port"]))

    def _tell_horizon(self, still: bool) -> None:
        horizon = self._horizon() if still and not self._family.busy(self._member) else None
        if horizon == math.inf and self._member is not None and self._member.until == math.inf:
            self._stuck()
        shown = "inf" if horizon == math.inf else horizon
        self._send({"horizon": shown, "seen": self._stillness.received})

    def _jump(self, still: bool, moment: float, seen: int) -> None:
        # Another one's jump may have woken a third meanwhile.
        rest = still and self._stillness.received == seen and not self._family.busy(self._member)
        horizon = self._horizon() if rest else None
        if horizon is not None:
            seconds = min(moment, horizon) - self._clock.now()
            if 0 < seconds < math.inf:
                self._clock.advance(seconds + 1e-6)
        self._send({"now": self._clock.now(), "done": horizon is not None})

    def _horizon(self) -> float | None:
        wake, due = self._clock.next_wake(), self._family.due(self._member)
        if wake is None:
            return due
        return min(wake, due) if wake > self._clock.now() else None

    def _send(self, answer: dict[str, Any]) -> None:
        if not self._transport.is_closing():
            self._transport.write(json.dumps(answer).encode() + b"\n")
