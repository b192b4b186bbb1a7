"""Ctrl-C, and SIGTERM: the check ends where it is, and all that was found by then is told and written."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import ParamSpec, TypeVar

__all__ = ["Interruption", "hear", "unheard"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENOUGH = 3
"""Signals after which all ends at once, the reports too: whoever sends so many does not want them."""

Item = TypeVar("Item")
Given = ParamSpec("Given")


class Interruption:
    """What interrupts a check, once: it is raised as `KeyboardInterrupt` while the check goes on.

    A signal may come where Python drops what its handler raises (in a destructor, say): it is raised again
    at the next step. Further ones, as from a key that is pressed twice, do not disturb what is written then.
    """

    def __init__(self, enough: float = ENOUGH) -> None:
        self._enough = enough
        self._asked = 0
        self._armed = self._raised = False

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Take the signals in the meantime; those that the process ignores, or handles itself, stay so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        mine = [number for number in SIGNALS if _usual(signal.getsignal(number))]
        before = {number: signal.signal(number, self._hear) for number in mine}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def ends(self, run: Callable[Given, Iterator[Item]]) -> Callable[Given, Iterator[Item]]:
        """The same, as what an interruption ends."""

        def interruptible(*words: Given.args, **named: Given.kwargs) -> Iterator[Item]:
            self._armed = True
            try:
                self.step()
                for item in run(*words, **named):
                    yield item
                    self.step()
            finally:
                self._armed = False

        return interruptible

    def step(self) -> None:
        """Raise what is still to be raised."""
        if self._asked and self._armed and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1
        if self._asked >= self._enough or (self._asked == 1 and self._armed):
            raise KeyboardInterrupt


def _usual(handler: object) -> bool:
    """True for what Python does by itself, and for what a process that was forked has of its parent."""
    inherited = isinstance(getattr(handler, "__self__", None), Interruption)
    return inherited or handler in (signal.default_int_handler, signal.SIG_DFL)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let no signal come in the meantime, nor to the processes that are forked; it comes afterwards."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        hear()


def hear() -> None:
    """Let the signals come, in a process that was forked while they could not."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
