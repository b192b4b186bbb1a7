"""Connections of a run to hosts that are left alone: bytes go through unread."""

from __future__ import annotations

import asyncio
import socket

from mock_server.interception.connection import Opening
from mock_server.stillness import Stillness

__all__ = ["Tunnels"]

CHUNK = 65536


class Tunnels:
    """The open tunnels; one that waits for its host's answer counts as work, so that time keeps real."""

    def __init__(self, stillness: Stillness) -> None:
        self._stillness = stillness
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, sock: socket.socket, opening: Opening, head: bytes) -> None:
        """Connect a client with the host that it asked its proxy for."""
        loop = asyncio.get_running_loop()
        try:
            reader, writer = await asyncio.open_connection(opening.host, opening.port)
        except OSError as error:
            text = f"{opening.host}:{opening.port} cannot be reached: {error.strerror or error}.\n".encode()
            answer = b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
                text
            )
            await loop.sock_sendall(sock, answer + text)
            sock.close()
            return
        if opening.kind == "connect":
            await loop.sock_sendall(sock, b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            writer.write(opening.rewritten)
        own_reader, own_writer = await asyncio.open_connection(sock=sock)
        task = asyncio.ensure_future(self._carry(own_reader, own_writer, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Break every tunnel off."""
        for task in list(self._tasks):
            task.cancel()

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
                self._stillness.arriving += 1 if begins else -1

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
