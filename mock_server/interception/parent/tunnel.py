"""Connections of a run to hosts that are left alone: bytes go through unread."""

from __future__ import annotations

import asyncio
import re
import socket

from ... import timing
from ...serving.idle_detector import IdleDetector
from .request_sniffer import MAX_HEAD, Opening
from .user_proxies import Proxy, UserProxies

__all__ = ["ESTABLISHED", "Tunnels"]

CHUNK = 65536
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")
_FAILURES = (
    (TimeoutError, "does not answer"),
    (asyncio.IncompleteReadError, "ends the connection without an answer"),
    (asyncio.LimitOverrunError, "answers without an end"),
)
_KEEPING = (b"connection", b"proxy-connection", b"keep-alive")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Tunnels:
    """The open tunnels; one that waits for its host's answer counts as work, so that time keeps real."""

    def __init__(self, idle_detector: IdleDetector, proxies: UserProxies) -> None:
        self._idle_detector = idle_detector
        self._proxies = proxies
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, sock: socket.socket, opening: Opening, head: bytes) -> None:
        """Connect a client with the host that it asked its proxy for; the socket is this method's."""
        writer = None
        try:
            (reader, writer), words = await self._reach(sock, opening, head)
            if opening.kind == "connect":
                await asyncio.get_running_loop().sock_sendall(sock, words)
            else:
                writer.write(words)
            own_reader, own_writer = await asyncio.open_connection(sock=sock)
        except BaseException as error:
            if writer is not None:
                writer.close()
            if isinstance(error, (OSError, EOFError, ValueError)):
                await _send_bad_gateway(sock, opening, error)
            sock.close()
            if not isinstance(error, (OSError, EOFError, ValueError)):
                raise
            return
        task = asyncio.ensure_future(self._carry(own_reader, own_writer, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Break every tunnel off."""
        for task in list(self._tasks):
            task.cancel()

    async def _reach(self, sock: socket.socket, opening: Opening, head: bytes) -> tuple[Streams, bytes]:
        """Connect with the host or the user's proxy; gives what is said first on one of the sides as well."""
        if opening.kind == "connect":
            return await self._reach_any(opening)
        proxy = self._proxies.proxy_for("http", opening.host)
        # What a proxy gets has the whole URL; what a host gets has not.
        begun = head if proxy is not None else opening.rewritten
        request = await _whole_head(sock, begun)
        if proxy is None:
            return await asyncio.open_connection(opening.host, opening.port), _one_request(request)
        line, _, rest = _one_request(request).partition(b"\n")
        words = line + b"\n" + proxy.authorization + rest
        return await _connected(proxy), words

    async def _reach_any(self, opening: Opening) -> tuple[Streams, bytes]:
        """Connect for a client that goes on with whatever it likes, such as TLS."""
        proxy = self._proxies.proxy_for("http" if opening.port == 80 else "https", opening.host)
        if proxy is None:
            return await asyncio.open_connection(opening.host, opening.port), ESTABLISHED
        return await _through(proxy, opening)

    async def _carry(
        self,
        own_reader: asyncio.StreamReader,
        own_writer: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        asked = False

        def work(begins: bool) -> None:
            nonlocal asked
            if begins != asked:
                asked = begins
                self._idle_detector.arriving += 1 if begins else -1

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, begins: bool) -> None:
            while chunk := await source.read(CHUNK):
                work(begins)
                sink.write(chunk)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()

        try:
            await asyncio.gather(pump(own_reader, writer, True), pump(reader, own_writer, False))
        except OSError:
            pass
        finally:
            work(False)
            own_writer.close()
            writer.close()


async def _through(proxy: Proxy, opening: Opening) -> tuple[Streams, bytes]:
    """Ask the user's proxy for a host; its answer is what the client is told.

    Raises `OSError` where the proxy gives none, or one that the client would take for this proxy's own.
    """
    host = f"[{opening.host}]" if ":" in opening.host else opening.host
    place = f"{host}:{opening.port}".encode("latin-1")
    reader, writer = await _connected(proxy)
    name = f"the proxy {proxy.host}:{proxy.port}"
    try:
        lines = (b"CONNECT " + place + b" HTTP/1.1", b"Host: " + place, proxy.authorization)
        writer.write(b"\r\n".join(lines) + b"\r\n")
        async with asyncio.timeout(timing.PROXY_ANSWERS):
            answer = await reader.readuntil(b"\r\n\r\n")
        status = _STATUS_LINE.match(answer)
        if status is None:
            raise OSError(f"{name} answers with something else than HTTP")
        if status[1] == b"407":
            refused = "refuses the user and the password that its URL names" if proxy.authorization else ""
            raise OSError(f"{name} {refused or 'asks for a user and a password, and its URL names none'}")
        return (reader, writer), answer
    except BaseException as error:
        writer.close()
        for kind, what in _FAILURES:
            if isinstance(error, kind):
                raise OSError(f"{name} {what}") from error
        raise


async def _connected(proxy: Proxy) -> Streams:
    try:
        return await asyncio.open_connection(proxy.host, proxy.port, ssl=proxy.tls or None)
    except OSError as error:
        why = error.strerror or error
        raise OSError(f"the proxy {proxy.host}:{proxy.port} cannot be reached: {why}") from error


async def _whole_head(sock: socket.socket, head: bytes) -> bytes:
    """The bytes up to the end of a request's head, and those that came with them."""
    while b"\r\n\r\n" not in head and len(head) <= MAX_HEAD:
        chunk = await asyncio.get_running_loop().sock_recv(sock, CHUNK)
        if not chunk:
            break
        head += chunk
    return head


def _one_request(request: bytes) -> bytes:
    """The request with its connection ended by the answer: the next one may be for another host."""
    head, end, rest = request.partition(b"\r\n\r\n")
    if not end or b"upgrade" in head.lower():
        return request
    line, *fields = head.split(b"\r\n")
    kept = [field for field in fields if field.partition(b":")[0].lower() not in _KEEPING]
    return b"\r\n".join((line, *kept, b"Connection: close")) + end + rest


async def _send_bad_gateway(sock: socket.socket, opening: Opening, error: Exception) -> None:
    """Tell a client that its host cannot be reached."""
    why = getattr(error, "strerror", None) or error
    text = f"{opening.host}:{opening.port} cannot be reached: {why}.\n".encode("utf-8", "replace")
    answer = b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text)
    try:
        await asyncio.get_running_loop().sock_sendall(sock, answer + text)
    except OSError:
        pass
