"""Writing a whole response to a connection at once, past the server's checks of every header."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = ["CYCLE", "REFUSED", "SPACE", "TRANSPORT", "Owed", "whole", "write_whole"]

TRANSPORT = "kling_mock.transport"
"""The scope's key for the connection's transport: an answer can be cut off or reset through it."""
CYCLE = "kling_mock.cycle"
"""The scope's key for uvicorn's record of the request, which `write_whole` completes."""
SPACE = "kling_mock.workspace"
"""The scope's key for the workspace that a request is for."""
REFUSED = "kling_mock.refused"
"""The scope's key that says that the connection has answered the request: its body is late, or none."""


class Owed:
    """An answer that is decided a moment later: at the end of the loop's turn, or when `settle` is called."""

    __slots__ = ("pay", "settle")

    def __init__(self, settle: Callable[[], None]) -> None:
        self.settle = settle
        self.pay: Callable[[Any], bool] = _nobody
        """Gets what `at_once` returns elsewhere: all bytes of the answer, or an application that goes on.

        False says that it goes nowhere: the client is gone.
        """


def _nobody(answer: Any) -> bool:
    return False


_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_STATUS_LINES = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES.get(status, b"")) for status in range(200, 600)
}


def whole(status: int, head: bytes, body: bytes) -> bytes:
    """A whole response as it goes over a connection that stays; `head` is whole lines."""
    return b"%b%b\r\n%b" % (_STATUS_LINES[status], head, body)


def write_whole(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """Write a whole response at once; False where it has to go the ordinary way.

    uvicorn writes head and body apart and checks every header: for responses whose headers are the server's
    own, one write saves a third of the time. `head` is whole lines, a correct content-length among them.
    """
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"%b%b%b%b" % (_STATUS_LINES[status], head, end, body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
