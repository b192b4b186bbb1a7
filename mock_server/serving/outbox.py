"""Sending the answers of one turn of the event loop together, at its end."""

from __future__ import annotations

from asyncio import AbstractEventLoop, WriteTransport
from weakref import WeakKeyDictionary

__all__ = ["Outbox"]

MOST = 64
"""Answers that wait for others at most: the first one of a long turn need not wait for its end."""
_OF_LOOPS: WeakKeyDictionary[AbstractEventLoop, Outbox] = WeakKeyDictionary()


class Outbox:
    """Whole answers of connections that stay, in the order in which they were decided.

    A send that wakes a client costs more than it takes to decide a poll. Where many connections have asked at
    once, the first send wakes their client, and it is still awake for the others.
    """

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        self._answers: list[tuple[WriteTransport, bytes]] = []

    @classmethod
    def of(cls, loop: AbstractEventLoop) -> Outbox:
        """The one of an event loop."""
        outbox = _OF_LOOPS.get(loop)
        if outbox is None:
            outbox = _OF_LOOPS[loop] = cls()
        return outbox

    def put(self, loop: AbstractEventLoop, transport: WriteTransport, answer: bytes) -> None:
        """Send an answer at the end of this turn of its loop, or when `MOST` wait, or `send` is called."""
        answers = self._answers
        if not answers:
            loop.call_soon(self.send)
        answers.append((transport, answer))
        if len(answers) == MOST:
            self.send()

    def send(self) -> None:
        """Send all of them now; what is meant for a connection that has ended goes nowhere."""
        answers, self._answers = self._answers, []
        for transport, answer in answers:
            if not transport.is_closing():
                transport.write(answer)
