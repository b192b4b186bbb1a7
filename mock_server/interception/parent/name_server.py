"""Answers for names inside a run's own network: the mock's hosts have an address, others do not exist."""

from __future__ import annotations

import asyncio
import socket
import struct

from .host_policy import Hosts

__all__ = ["NameServer"]

_HEAD = struct.Struct("!6H")
_ANSWER, _RECURSIVE, _UNKNOWN = 0x8400, 0x0080, 3
_ADDRESS = 1
"""RFC 1035: flags of an answer, and the kind of question that asks for an address of IPv4."""
_SHORT = 1
"""Seconds for which an answer may be kept."""


class NameServer:
    """A name server on a socket of datagrams: no question leaves the machine, and each is noted."""

    def __init__(self, sock: socket.socket, hosts: Hosts, address: str) -> None:
        """`address` is that of the mock's hosts."""
        self._socket = sock
        self._hosts = hosts
        self._address = address
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from now on; to be called in that event loop."""
        self._loop = loop
        self._socket.setblocking(False)
        loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """Answer no more."""
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._end, loop)
        else:
            self._socket.close()

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        try:
            question, asker = self._socket.recvfrom(4096)
            reply = self._reply(question)
            if reply:
                self._socket.sendto(reply, asker)
        except OSError:
            pass  # who asked has gone

    def _reply(self, question: bytes) -> bytes:
        """The answer to a datagram; nothing where it is no question."""
        try:
            number, flags, count, _, _, _ = _HEAD.unpack_from(question)
            name, end = _name(question, _HEAD.size)
            (kind,) = struct.unpack_from("!H", question, end)
        except (struct.error, IndexError, UnicodeDecodeError):
            return b""
        if flags & 0x8000 or count != 1:
            return b""
        decision = self._hosts.decide(name)
        if decision == "refuse":
            self._hosts.refuse_unhooked(name, 0)
        known = decision == "mock"
        asked = question[_HEAD.size : end + 4]
        answers = (
            b"\xc0\x0c" + struct.pack("!2HIH", _ADDRESS, 1, _SHORT, 4) + socket.inet_aton(self._address)
            if known and kind == _ADDRESS
            else b""
        )
        code = _ANSWER | (flags & 0x0100) | _RECURSIVE | (0 if known else _UNKNOWN)
        return _HEAD.pack(number, code, 1, 1 if answers else 0, 0, 0) + asked + answers


def _name(question: bytes, start: int) -> tuple[str, int]:
    """The name that stands there, and where it ends."""
    labels: list[str] = []
    while length := question[start]:
        labels.append(question[start + 1 : start + 1 + length].decode("ascii"))
        start += 1 + length
    return ".".join(labels), start + 1
