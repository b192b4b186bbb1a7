"""Reading the body of a request, up to a limit of its own and one of all requests together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from ..limits import MemoryShare
from .request_context import RequestContext

__all__ = ["LARGE_BODY", "LargeBody", "UnkeptBody", "read_body"]

LARGE_BODY = 64 * 1024
"""Bytes of a body beyond which it is put together and judged beside the event loop."""

MOST_DRAINED = 2 * 1024**3
"""Bytes of a body that is too large which are still read, so that its client gets to read the answer."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class UnkeptBody(NamedTuple):
    """A body that was read without being kept: its size, and whether memory was what it lacked."""

    size: int
    crowded: bool = False


class LargeBody:
    """A body in the parts that it came in: to put 60 MB together takes long."""

    def __init__(self, parts: list[bytes], size: int) -> None:
        self._parts = parts
        self.size = size

    def __len__(self) -> int:
        return self.size

    def beginning(self, size: int) -> bytes:
        """Its first bytes, as long as it has not been put together."""
        found, left = [], size
        for part in self._parts:
            if left <= 0:
                break
            found.append(part[:left])
            left -= len(part)
        return b"".join(found)

    def whole(self) -> bytes:
        """All of it, once: the parts are gone then."""
        body = b"".join(self._parts)
        while self._parts:
            # A few at a time, so that the event loop gets its turns.
            del self._parts[-64:]
        return body


async def read_body(
    request: RequestContext, receive: Receive, limit: int, memory: MemoryShare
) -> bytes | LargeBody | UnkeptBody | None:
    """The whole body; an `UnkeptBody` where there is no room for it; None where the client left.

    What it takes counts in `memory`, until that is released.
    """
    for name, value in request.headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            if all(other != b"expect" for other, _ in request.headers):
                await _drain(receive)
            return UnkeptBody(int(value))
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        if len(whole) <= limit and memory.resize(len(whole)):
            return whole
        return UnkeptBody(len(whole), crowded=len(whole) <= limit)
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        crowded = size <= limit and not memory.resize(size)
        if size > limit or crowded:
            parts.clear()
            memory.release()
            if message.get("more_body"):
                await _drain(receive)
            return UnkeptBody(size, crowded)
        if not message.get("more_body"):
            return b"".join(parts) if size <= LARGE_BODY else LargeBody(parts, size)
        message = await receive()


async def _drain(receive: Receive) -> None:
    """Read on without keeping anything: a client that still sends would meet a reset, not the answer."""
    size = 0
    while size < MOST_DRAINED:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return
