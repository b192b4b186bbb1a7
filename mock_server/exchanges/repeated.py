"""The headers of a connection whose client sends the same ones with each request."""

from __future__ import annotations

from typing import Any

__all__ = ["RepeatedHeaders"]


class RepeatedHeaders(list[tuple[bytes, bytes]]):
    """Headers that come again, with what was found out about them the first time; they do not change."""

    __slots__ = ("read", "size")

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(headers)
        self.size = sum([len(name) + len(value) for name, value in headers])
        """The bytes of their names and values."""
        self.read: Any = None
        """What the endpoints read in them, where they have."""
