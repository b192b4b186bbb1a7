"""Threads that another one has told of, while they cannot speak themselves: as they start and end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from ... import timing
from ...virtual_time.reasons import Reason

__all__ = ["Key", "ToldThreads"]

Key = tuple[int, int | None]
"""A process's number, and the number of a thread in it."""


class _Phase(Enum):
    STARTING = auto()
    ONLINE = auto()
    """Its code runs, and it has not spoken yet."""
    SPEAKING = auto()
    ENDING = auto()
    """It speaks no more, and whoever waits for its end has not heard of that."""


@dataclass
class _Thread:
    teller: object
    phase: _Phase
    since: float


class ToldThreads:
    """What others have said of the threads of all processes."""

    def __init__(self) -> None:
        self._threads: dict[Key, _Thread] = {}

    def begins(self, key: Key, teller: object, *, online: bool = False, speaks: bool = False) -> None:
        """Note that a thread starts, or has begun where it is `online`; `speaks` where it is known already.

        `teller` says so, and will say that it is gone.
        """
        known = self._threads.get(key)
        if known is None or known.phase in (_Phase.STARTING, _Phase.ONLINE):
            phase = _Phase.SPEAKING if speaks else _Phase.ONLINE if online else _Phase.STARTING
            self._threads[key] = _Thread(teller, phase, time.monotonic())

    def speaks(self, key: Key) -> None:
        """Note that a thread has made itself known."""
        if key in self._threads:
            self._threads[key].phase = _Phase.SPEAKING

    def falls_silent(self, key: Key, process: object) -> None:
        """Note that a thread speaks no more, for itself or of others."""
        self._threads = {one: thread for one, thread in self._threads.items() if thread.teller is not process}
        if key in self._threads:
            self._threads[key].phase, self._threads[key].since = _Phase.ENDING, time.monotonic()

    def is_gone(self, key: Key) -> None:
        """Note that a thread is said to be gone."""
        self._threads.pop(key, None)

    def holding(self, real: float) -> Iterator[tuple[int, object, Reason]]:
        """The process and the teller of each thread for which time may not jump, and why not."""
        for (pid, _), thread in self._threads.items():
            patience = timing.ENDLESS_WORK if thread.phase is _Phase.STARTING else timing.HOOK_SPEAKS
            if thread.phase is not _Phase.SPEAKING and real - thread.since < patience:
                yield pid, thread.teller, Reason.WORK if thread.phase is _Phase.ENDING else Reason.STARTING
