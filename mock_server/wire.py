"""The HTTP protocol of the server: uvicorn's, with a way to the connection and a shorter way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["CYCLE", "TRANSPORT", "MockProtocol", "write_whole"]

TRANSPORT = "kling_mock.transport"
"""The scope's key for the connection's transport: an answer can be cut off or reset through it."""
CYCLE = "kling_mock.cycle"
"""The scope's key for uvicorn's record of the request, which `write_whole` completes."""


class MockProtocol(HttpToolsProtocol):
    """Puts the transport and the request's cycle into the scope; answers broken HTTP as the API does."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[TRANSPORT] = self.transport

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
        scope[CYCLE] = cycle
        super()._start_asgi_task(cycle, app)


def write_whole(
    cycle: RequestResponseCycle, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bool:
    """Write a whole answer at once; False where it has to go the ordinary way.

    uvicorn writes head and body apart and checks every header: for answers whose headers are the server's
    own, one write saves a third of the time. `headers` hold a correct content-length.
    """
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    content = [STATUS_LINE[status]]
    for name, value in headers:
        content += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        content.append(b"connection: close\r\n")
    content.append(b"\r\n")
    if cycle.scope["method"] != "HEAD":
        content.append(body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(content))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
