"""The Date of a response: the mock's clock gives it, or the server that the mock runs under."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from .wire import TRANSPORT

if TYPE_CHECKING:
    from starlette.types import Scope, Send

__all__ = ["dated", "server_dates", "undated"]

Message = MutableMapping[str, Any]


def server_dates(scope: Scope) -> bool:
    """Whether the server adds a Date to every answer: all but our own do, and clients without a server.

    Those clients say no version of the specification.
    """
    return TRANSPORT not in scope and "spec_version" in scope.get("asgi", ())


def dated(send: Send, date: Callable[[], bytes]) -> Send:
    """The same `send`, whose responses have a Date as all others do."""

    async def send_dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if all(name != b"date" for name, _ in headers):
                message = {**message, "headers": [*headers, (b"date", date())]}
        await send(message)

    return send_dated


def undated(send: Send) -> Send:
    """The same `send`, whose responses leave the Date to the server."""

    async def send_undated(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [header for header in message.get("headers", ()) if header[0] != b"date"]
            message = {**message, "headers": headers}
        await send(message)

    return send_undated
