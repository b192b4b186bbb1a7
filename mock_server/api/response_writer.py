"""How an answer goes over the wire: whole, late, in pieces, cut off or not at all."""

from __future__ import annotations

import asyncio
import gzip
import math
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from ..exchanges.journal import header_lines
from ..serving.uvicorn_protocol import CYCLE, TRANSPORT, whole, write_whole
from .response import CORS_HEADERS

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from ..exchanges.journal import Exchange
    from ..state import State
    from .response import Answer

__all__ = ["deliver", "whole_answer"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODILESS = (204, 304)
"""Statuses whose answers end with their headers: a body would be taken for the next answer."""
PIECES = 8
VIDEO = b"video/mp4"
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
        # A video has some of every answer's headers already.
        if cycle is not None and exchange.kind != "video" and _write(state, exchange, answer, cycle):
            return
    headers = wire_headers(state, exchange, answer)
    if answer.plain:
        if scope["method"] == "HEAD":
            exchange.answer_body, exchange.answer_size = b"", 0
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        return
    sent = Sent(state, exchange, answer)
    if answer.delay and not await state.hold(answer.delay, receive):
        exchange.status = None
        sent.nothing()
        await _abort(scope, receive, reset=False)
        return
    if answer.cut == "hang" or (answer.cut == "reset" and answer.content_type != VIDEO):
        sent.nothing()
        if answer.cut == "hang":
            await state.hold(math.inf, receive)
        await _abort(scope, receive, reset=answer.cut == "reset")
        return
    headers, body = _coded(exchange, answer, headers, scope)
    exchange.answer_headers, exchange.status = headers, answer.status
    if scope["method"] == "HEAD":
        sent.nothing(but_headers=True)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await _send_body(state, answer, headers, body, sent, scope, receive, send)


async def _send_body(
    state: State,
    answer: Answer,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    sent: Sent,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Send what has a body: in one piece or in several, to its end or to its half."""
    going = body if answer.cut is None else body[: len(body) // 2]
    size = -(-len(going) // PIECES) if answer.drip or answer.chunked else len(going)
    starts = range(0, len(going), max(1, size))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for start in starts:
        # Before each piece, not after it: with the last one the client has everything.
        if answer.drip and not await state.hold(answer.drip / len(starts), receive):
            sent.note(body, start)
            await _abort(scope, receive, reset=False)
            return
        # Noted before it goes out: a client that has read all of it may look at once.
        sent.note(body, start + size)
        is_last = answer.cut is None and start == starts[-1]
        piece = going[start : start + size]
        await send({"type": "http.response.body", "body": piece, "more_body": not is_last})
    if answer.cut is not None:
        sent.note(body, len(going))
        await _abort(scope, receive, reset=answer.cut == "reset")
    elif not starts:
        await send({"type": "http.response.body", "body": b""})


class Sent:
    """Keeps in an exchange how much of its answer went out."""

    def __init__(self, state: State, exchange: Exchange, answer: Answer) -> None:
        self._limit = 0 if answer.content_type == VIDEO else state.settings.max_recorded_body
        self._exchange = exchange
        self._plain = answer.body

    def nothing(self, *, but_headers: bool = False) -> None:
        """No byte of the body went out."""
        exchange = self._exchange
        exchange.answer_body, exchange.answer_size = b"", 0
        if not but_headers:
            exchange.answer_head = b""

    def note(self, body: bytes, size: int) -> None:
        """The first `size` bytes of the body, as it is coded, have gone out or go now."""
        exchange, whole = self._exchange, len(body)
        exchange.answer_size = size = min(size, whole)
        exchange.whole_size = whole if size < whole else None
        readable = self._plain[:size]
        if body is not self._plain:
            readable = (
                self._plain
                if size == whole
                else zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body[:size])
            )
            exchange.content_size = len(readable)
        exchange.answer_body = readable[: self._limit]


def _coded(
    exchange: Exchange, answer: Answer, headers: list[tuple[bytes, bytes]], scope: Scope
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body as they go over the wire: compressed, without a length, the last of a connection."""
    body = answer.body
    if answer.gzip and body and _takes_gzip(exchange):
        body = gzip.compress(body, mtime=0)
        length = (b"content-length", b"%d" % len(body))
        headers = [*_without_length(headers), (b"content-encoding", b"gzip"), length]
    if answer.chunked and body and scope["http_version"] == "1.1":
        # HTTP/1.0 knows no chunks: its answer keeps the length.
        headers = [*_without_length(headers), (b"transfer-encoding", b"chunked")]
    if answer.close:
        headers = [*headers, (b"connection", b"close")]
    return headers, body


def wire_headers(state: State, exchange: Exchange, answer: Answer) -> list[tuple[bytes, bytes]]:
    """All headers of an answer; remembers them in the exchange."""
    headers = [
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
        *_more_headers(answer),
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


def _more_headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The headers that every answer has, without those that it has already."""
    own = {name for name, _ in answer.headers}
    return [header for header in CORS_HEADERS if header[0] not in own]


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
