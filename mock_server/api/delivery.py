"""How an answer goes over the wire: whole, late, in pieces, cut off or not at all."""

from __future__ import annotations

import asyncio
import gzip
import math
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from mock_server.api.answer import CORS_HEADERS
from mock_server.journal import header_lines
from mock_server.wire import CYCLE, TRANSPORT, whole, write_whole

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from mock_server.api.answer import Answer
    from mock_server.journal import Exchange
    from mock_server.state import State

__all__ = ["deliver", "whole_answer"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODILESS = (204, 304)
"""Statuses whose answers end with their headers: a body would be taken for the next answer."""
PIECES = 8
CORS_LINES = header_lines(CORS_HEADERS)


def whole_answer(state: State, exchange: Exchange, answer: Answer) -> bytes | None:
    """All bytes of an answer that goes out at once and whole; None where it has to go by `deliver`."""
    if not answer.plain or answer.status in BODILESS:
        return None
    return whole(answer.status, _head(state, exchange, answer), answer.body)


async def deliver(
    state: State, exchange: Exchange, answer: Answer, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send an answer as it says; a client that leaves, or a server that ends, stops it."""
    if answer.plain:
        cycle = scope.get(CYCLE)
        if cycle is not None and _write(state, exchange, answer, cycle):
            return
    headers = wire_headers(state, exchange, answer)
    if answer.plain:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        return
    if answer.delay and not await state.hold(answer.delay, receive):
        exchange.status = None
        await _abort(scope, receive, reset=False)
        return
    if answer.cut is not None:
        await _cut(state, answer, headers, scope, receive, send)
        return
    body = answer.body
    if answer.gzip and _takes_gzip(exchange):
        body = gzip.compress(body, mtime=0)
        headers = [
            *_without_length(headers),
            (b"content-encoding", b"gzip"),
            (b"content-length", b"%d" % len(body)),
        ]
    if answer.close:
        headers = [*headers, (b"connection", b"close")]
    if answer.chunked:
        headers = _without_length(headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.drip or answer.chunked:
        if not await _send_pieces(state, body, answer.drip, receive, send):
            await _abort(scope, receive, reset=False)
            return
    await send({"type": "http.response.body", "body": b"" if answer.drip or answer.chunked else body})


def wire_headers(state: State, exchange: Exchange, answer: Answer) -> list[tuple[bytes, bytes]]:
    """All headers of an answer; remembers them in the exchange."""
    headers = [
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
        *CORS_HEADERS,
        (b"date", state.date()),
    ]
    if answer.status in BODILESS:
        answer.body = b""
        del headers[0]
    if answer.body:
        headers.append((b"content-type", answer.content_type))
    exchange.answer_headers = headers
    return headers


def _write(state: State, exchange: Exchange, answer: Answer, cycle: RequestResponseCycle) -> bool:
    """Write a plain answer at once; False where that cannot be."""
    if answer.status in BODILESS:
        return False
    return write_whole(cycle, answer.status, _head(state, exchange, answer), answer.body)


def _head(state: State, exchange: Exchange, answer: Answer) -> bytes:
    """The headers of `wire_headers`, made as one string; remembers them in the exchange."""
    body = answer.body
    content_type = b"content-type: %b\r\n" % answer.content_type if body else b""
    date = state.date(exchange.at)
    head = b"content-length: %d\r\n%b%b%bdate: %b\r\n" % (
        len(body),
        answer.lines,
        content_type,
        CORS_LINES,
        date,
    )
    exchange.answer_head = head
    return head


async def _cut(
    state: State,
    answer: Answer,
    headers: list[tuple[bytes, bytes]],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Break an answer off: half of it, nothing of it, or nothing for ever."""
    if answer.cut == "hang":
        await state.hold(math.inf, receive)
        await _abort(scope, receive, reset=False)
        return
    is_video = answer.content_type == b"video/mp4"
    if answer.cut == "truncated" or is_video:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    await _abort(scope, receive, reset=answer.cut == "reset")


async def _send_pieces(state: State, body: bytes, seconds: float, receive: Receive, send: Send) -> bool:
    size = max(1, -(-len(body) // PIECES))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if seconds and not await state.hold(seconds / len(pieces), receive):
            return False
    return True


async def _abort(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Close the connection at once; with `reset` the peer meets an RST instead of an end."""
    transport = scope.get(TRANSPORT)
    if transport is None:
        # Under another server there is no transport to reach: an unfinished answer is all that can be done.
        return
    if reset:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    # Leave only once the server has seen the connection go, or it would complain of an unfinished answer.
    for _ in range(1000):
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        await asyncio.sleep(0)


def _takes_gzip(exchange: Exchange) -> bool:
    for name, value in exchange.raw_headers:
        if name == b"accept-encoding":
            for piece in value.lower().split(b","):
                coding, _, weight = piece.replace(b" ", b"").partition(b";q=")
                if coding == b"gzip" and (not weight or weight.strip(b"0.")):
                    return True
    return False


def _without_length(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [header for header in headers if header[0] != b"content-length"]
