"""The mock's clock for other processes: they read it from a file, and ask here whether it may jump.

PROTOCOL.md, beside this folder, says what is asked and answered, and how the file is laid out.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ... import timing
from ...clock import Clock
from ...serving.idle_detector import IdleDetector
from ...virtual_time.reasons import Reason, reason_of
from ..shared.clock_file import pack
from ..shared.decision import Refuse
from .process_tracker import HookedProcess, ProcessTracker

__all__ = ["ClockFile", "ClockServer", "HookConnection"]


MAX_LINE = 64 * 1024
"""Bytes of the longest line; what a hook says takes a hundred."""
TRIES = 8
"""Looks at whether everybody rests, before a jump is denied to one who has found that so."""
_PASSING = (Reason.SERVER, Reason.WOKEN, Reason.ASKING)
"""What is often over at the next look: others that wait look now and then as well, and ask."""


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
            os.pwrite(self._descriptor, pack(self._serial, *self._clock.anchor), 0)

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)


class ClockServer:
    """Serves the hooks of one run: what their connections need, once for all of them."""

    def __init__(
        self,
        clock: Clock,
        idle_detector: IdleDetector,
        refuse: Refuse,
        *,
        unrelated: frozenset[int] = frozenset(),
        on_connection: Callable[[], None] = lambda: None,
    ) -> None:
        """`refuse` notes attempts to reach other hosts; `unrelated` are processes that are not the run's.

        `on_connection` is called, in the server's event loop, for each hook that shows the token.
        """
        self.token = secrets.token_urlsafe(16)
        """The word by which a hook shows that it belongs to the run."""
        self.clock = clock
        self.idle_detector = idle_detector
        self.refuse = refuse
        self.tracker = ProcessTracker(clock, unrelated=unrelated)
        self.on_connection = on_connection
        self._tasks: set[asyncio.Task[Any]] = set()
        idle_detector.watch((), lambda: self.tracker.sockets)

    def accept(self, sock: socket.socket, stuck: Callable[[], None]) -> None:
        """Serve a connection that begins with the hooks' words; to be called in the server's event loop.

        `stuck` is called when every process waits for ever, and the server for nothing.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(loop.connect_accepted_socket(lambda: HookConnection(self, stuck), sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class HookConnection(asyncio.Protocol):
    """One connection of a hook in a child process: lines of JSON, answered in order."""

    def __init__(self, server: ClockServer, stuck: Callable[[], None] = lambda: None) -> None:
        self._clock = server.clock
        self._idle_detector = server.idle_detector
        self._token = server.token
        self._refuse = server.refuse
        self._tracker = server.tracker
        self._stuck = stuck
        self._known = server.on_connection
        self._process: HookedProcess | None = None
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and count what was not read from it as work."""
        self._transport = transport
        self._tracker.sockets.add(transport.get_extra_info("socket"))

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the process: it has ended."""
        self._tracker.sockets.discard(self._transport.get_extra_info("socket"))
        if self._process is not None:
            self._tracker.remove(self._process)

    def data_received(self, data: bytes) -> None:
        """Answer every whole line; one that cannot be understood ends the connection."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            self._transport.abort()
            return
        for line in lines:
            try:
                message = json.loads(line)
                self._answer(message)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                self._transport.abort()
                return

    def _answer(self, message: dict[str, Any]) -> None:
        if self._process is None:
            if message.get("token") != self._token:
                raise ValueError("a hook that does not know the run's token")
            speaks = bool(message.get("speaks"))
            self._process = self._tracker.add(int(message["pid"]), message.get("thread"), speaks=speaks)
            self._known()
            return
        match message["ask"]:
            case "horizon":
                dues = [float(due) for due in message.get("dues", ())]
                did = int(message.get("did", 0))
                self._tracker.note_wait(self._process, _moment(message["due"]), dues=dues, did=did)
                self._process.asking += 1
                self._idle_detector.look(self._tell_horizon)
            case "busy":
                why = reason_of(message.get("why"))
                self._tracker.note_wait(self._process, _moment(message["due"]), busy=why)
            case "thread":
                gone, online = bool(message.get("gone")), bool(message.get("online"))
                self._tracker.expect(self._process, int(message["id"]), gone=gone, online=online)
            case "awake":
                self._tracker.note_wait(self._process, None)
                self._process.stands = bool(message.get("stands"))
            case "jump":
                moment, seen = float(message["to"]), int(message["seen"])
                self._tracker.note_due(self._process, moment)
                self._process.asking += 1
                self._idle_detector.look(lambda idle: self._jump(idle, moment, seen))
            case "refused":
                self._refuse(str(message["host"]), int(message["port"]))

    def _tell_horizon(self, idle: bool) -> None:
        horizon = self._horizon(idle)
        if horizon == math.inf and self._process is not None and self._process.until == math.inf:
            self._stuck()
        why = horizon.value if isinstance(horizon, Reason) else None
        self._send({"horizon": _shown(horizon), "why": why, "seen": self._seen()})

    def _seen(self) -> int:
        """The number of things that have come about: requests, words of processes, moves of the clock."""
        return self._idle_detector.received + self._tracker.changes

    def _jump(self, idle: bool, moment: float, seen: int, tries: int = TRIES) -> None:
        # What has come about since may be what this one waits for; it has to look once more.
        current = self._seen() == seen
        horizon = self._horizon(idle and current, self._idle_detector.unread)
        if horizon in _PASSING and current and tries > 1 and not self._transport.is_closing():
            look = partial(self._idle_detector.look, lambda idle: self._jump(idle, moment, seen, tries - 1))
            asyncio.get_running_loop().call_later(timing.LOOK_SOON, look)
            return
        why = horizon.value if isinstance(horizon, Reason) else None
        if not isinstance(horizon, Reason):
            seconds = min(moment, horizon) - self._clock.now()
            if 0 < seconds < math.inf:
                self._clock.advance(seconds + 1e-6)
                self._tracker.moved()
        now, shown = self._clock.now(), _shown(horizon)
        done = {"now": now, "done": why is None, "why": why, "horizon": shown, "seen": self._seen()}
        self._send(done)

    def _horizon(self, idle: bool, unread: Callable[[], bool] | None = None) -> float | Reason:
        """The moment to which time may jump for this process, or why it may not."""
        if not idle:
            return Reason.SERVER
        busy = self._tracker.busy(self._process, unread)
        if busy is not None:
            return busy
        wake, due = self._clock.next_wake(), self._tracker.next_due(self._process)
        if wake is None:
            return due
        return min(wake, due) if wake > self._clock.now() else Reason.SERVER

    def _send(self, answer: dict[str, Any]) -> None:
        if self._process is not None:
            self._process.asking -= 1
        if not self._transport.is_closing():
            self._transport.write(json.dumps(answer).encode() + b"\n")


def _shown(horizon: float | Reason) -> float | str | None:
    """A horizon as hooks are told it."""
    if isinstance(horizon, Reason):
        return None
    return "inf" if horizon == math.inf else horizon


def _moment(due: float | None) -> float:
    return math.inf if due is None else float(due)
