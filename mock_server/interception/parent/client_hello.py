"""The first words of a TLS connection: which host they are meant for."""

from __future__ import annotations

__all__ = ["MAX_HELLO", "hello_size", "server_name"]

MAX_HELLO = 5 + (1 << 14)
"""Bytes of the longest record, its head included."""

_CLIENT_HELLO = 1
_SERVER_NAME = 0
_HOST_NAME = 0


class _Reader:
    """Takes bytes from the front; raises `ValueError` where there are too few."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, size: int) -> bytes:
        """The next bytes."""
        taken, self._data = self._data[:size], self._data[size:]
        if len(taken) < size:
            raise ValueError("too short")
        return taken

    def number(self, size: int) -> int:
        """The next bytes as a number."""
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """Bytes whose length stands before them, in `size` bytes."""
        return self.take(self.number(size))


def hello_size(data: bytes) -> int:
    """Bytes of a hello of which these are the first, as far as they tell."""
    return 5 if len(data) < 5 else min(5 + int.from_bytes(data[3:5]), MAX_HELLO)


def server_name(data: bytes) -> str | None:
    """The host that a client asks for; empty where it names none or cannot be understood.

    None where more bytes are needed. The hello of every known client fits into one record; of what does not,
    TLS itself says what is wrong.
    """
    size = hello_size(data)
    if len(data) < size:
        return None
    try:
        return _name_in(_Reader(data[5:size])).decode("latin-1")
    except ValueError:
        return ""


def _name_in(record: _Reader) -> bytes:
    if record.number(1) != _CLIENT_HELLO:
        return b""
    hello = _Reader(record.vector(3))
    hello.take(2 + 32)  # the version and a random number
    hello.vector(1)  # the session
    hello.vector(2)  # the ciphers
    hello.vector(1)  # the compressions
    extensions = _Reader(hello.vector(2))
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names = _Reader(_Reader(content).vector(2))
            while names:
                kind, name = names.number(1), names.vector(2)
                if kind == _HOST_NAME:
                    return name
    return b""
