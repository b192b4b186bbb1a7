"""How a response goes over the wire: whole, late, in pieces, cut off or not at all."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import math
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..exchanges.exchange import parse_lines
from ..serving.wire import CYCLE, TRANSPORT, whole, write_whole
from .response import BODILESS
from .video import VIDEO

if TYPE_CHECKING:
    from ..workspace import Workspace
    from .request_context import RequestContext
    from .response import MockResponse

__all__ = ["NOTHING_SENT", "Sent", "deliver", "sent_whole", "whole_response"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PIECES = 8
"""Pieces in which a body goes out that is to come slowly or in chunks."""


class Sent(NamedTuple):
    """What of a response went over the wire; `status` is None where nothing did."""

    status: int | None = None
    head: bytes = b""
    body: bytes = b""
    """The part that went out, without its compression."""
    size: int = 0
    """Bytes of the body on the wire."""
    content_size: int | None = None
    whole_size: int | None = None


NOTHING_SENT = Sent()
Finish = Callable[[Sent], None]
"""Called once, just before the last of a response goes out: a client that has all of it may look at once."""


def whole_response(response: MockResponse, date: bytes) -> tuple[bytes, Sent] | None:
    """All bytes of a response that goes out at once and whole; None where it has to go by `deliver`."""
    if not response.plain or response.status in BODILESS:
        return None
    made: tuple[bytes, Sent] | None = response.made_before(date)
    if made is None:
        head, body = response.head(date), response.body
        made = whole(response.status, head, body), sent_whole(response, head)
        response.note_made(date, made)
    return made


def sent_whole(response: MockResponse, head: bytes) -> Sent:
    """What is noted of a response that went out whole."""
    return Sent(response.status, head, response.body, len(response.body))


async def deliver(
    space: Workspace,
    request: RequestContext,
    response: MockResponse,
    scope: Scope,
    receive: Receive,
    send: Send,
    finish: Finish,
) -> None:
    """Send a response as it says; a client that leaves, or a server that ends, stops it."""
    if response.plain:
        await _deliver_plain(space, request, response, scope, send, finish)
        return
    if response.delay and not await space.holds.hold(response.delay, receive):
        finish(NOTHING_SENT)
        await _abort(scope, receive, reset=False)
        return
    if response.cut == "hang":
        await space.holds.hold(math.inf, receive)
        finish(NOTHING_SENT)
        await _abort(scope, receive, reset=False)
        return
    if response.cut == "dropped" or (response.cut == "reset" and response.content_type != VIDEO):
        finish(NOTHING_SENT)
        await _abort(scope, receive, reset=response.cut == "reset")
        return
    body, head = _coded(request, response, space.date(), scope)
    if request.method == "HEAD" or response.status in BODILESS:
        finish(Sent(response.status, head))
        await _send_whole(send, response.status, head, b"")
        return
    await _send_pieces(space, response, head, body, scope, receive, send, finish)


async def _deliver_plain(
    space: Workspace,
    request: RequestContext,
    response: MockResponse,
    scope: Scope,
    send: Send,
    finish: Finish,
) -> None:
    head = response.head(space.date(request.at))
    bare = request.method == "HEAD" or response.status in BODILESS
    finish(Sent(response.status, head) if bare else sent_whole(response, head))
    body = b"" if bare else response.body
    cycle = scope.get(CYCLE)
    if cycle is None or response.status in BODILESS or not write_whole(cycle, response.status, head, body):
        await _send_whole(send, response.status, head, body)


async def _send_whole(send: Send, status: int, head: bytes, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": parse_lines(head)})
    await send({"type": "http.response.body", "body": body})


async def _send_pieces(
    space: Workspace,
    response: MockResponse,
    head: bytes,
    body: bytes,
    scope: Scope,
    receive: Receive,
    send: Send,
    finish: Finish,
) -> None:
    """Send what has a body: in one piece or in several, to its end or to its half."""
    going = body if response.cut is None else body[: len(body) // 2]
    size = -(-len(going) // PIECES) if response.drip or response.chunked else len(going)
    starts = _cuts(going, max(1, size))
    await send({"type": "http.response.start", "status": response.status, "headers": parse_lines(head)})
    for start, end in itertools.pairwise([*starts, len(going)]):
        # Before each piece, not after it: with the last one the client has everything.
        if response.drip and not await space.holds.hold(response.drip / len(starts), receive):
            finish(_sent_part(response, head, body, start))
            await _abort(scope, receive, reset=False)
            return
        is_last = end == len(going)
        if is_last:
            finish(_sent_part(response, head, body, len(going)))
        more = not is_last or response.cut is not None
        piece = going[start:end]
        await send({"type": "http.response.body", "body": piece, "more_body": more})
    if not starts:
        finish(_sent_part(response, head, body, 0))
    if response.cut is not None:
        await _abort(scope, receive, reset=response.cut == "reset")
    elif not starts:
        await send({"type": "http.response.body", "body": b""})


def _cuts(body: bytes, size: int) -> list[int]:
    """Where the pieces of a body start: in the middle of a character, where a piece has one to be split."""
    plain = range(0, len(body), size)
    return [start and next(_inside(body, start, size), start) for start in plain]


def _inside(body: bytes, start: int, size: int) -> Iterator[int]:
    """The places from a start on, within a piece, at which UTF-8 goes on with a character."""
    return (place for place in range(start, min(start + size, len(body))) if body[place] & 0xC0 == 0x80)


def _sent_part(response: MockResponse, head: bytes, body: bytes, size: int) -> Sent:
    """What is noted where the first `size` bytes of the body, as it is coded, went out."""
    plain, whole_size = response.body, len(body)
    readable, content_size = plain[:size], None
    if body is not plain:
        readable = (
            plain if size == whole_size else zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body[:size])
        )
        content_size = len(readable)
    cut = whole_size if size < whole_size else None
    return Sent(response.status, head, readable, size, content_size, cut)


def _coded(request: RequestContext, response: MockResponse, date: bytes, scope: Scope) -> tuple[bytes, bytes]:
    """The body as it goes over the wire, and the header lines that say so."""
    body, more, length = response.body, b"", True
    if response.gzip and body and _takes_gzip(request):
        body = gzip.compress(body, mtime=0)
        more += b"content-encoding: gzip\r\n"
    if response.chunked and body and scope["http_version"] == "1.1":
        # HTTP/1.0 knows no chunks: its response keeps the length.
        more += b"transfer-encoding: chunked\r\n"
        length = False
    if response.close:
        more += b"connection: close\r\n"
    return body, response.head(date, more=more, body=body, length=length)


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


def _takes_gzip(request: RequestContext) -> bool:
    for name, value in request.headers:
        if name == b"accept-encoding":
            for piece in value.lower().split(b","):
                coding, _, weight = piece.replace(b" ", b"").partition(b";q=")
                if coding == b"gzip" and (not weight or weight.strip(b"0.")):
                    return True
    return False
