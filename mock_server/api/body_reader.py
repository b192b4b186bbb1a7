"""Reading the body of a request, up to a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .request_context import RequestContext

__all__ = ["read_body"]

MOST_DRAINED = 2 * 1024**3
"""Bytes of a body that is too large which are still read, so that its client gets to read the answer."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


async def read_body(request: RequestContext, receive: Receive, limit: int) -> bytes | int | None:
    """The whole body; its size where that is over the limit; None where the client left."""
    for name, value in request.headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            if all(other != b"expect" for other, _ in request.headers):
                await _drain(receive)
            return int(value)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message["body"]
        return whole if len(whole) <= limit else len(whole)
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            if message.get("more_body"):
                await _drain(receive)
            return size
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


async def _drain(receive: Receive) -> None:
    """Read on without keeping anything: a client that still sends would meet a reset, not the 413."""
    size = 0
    while size < MOST_DRAINED:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return
