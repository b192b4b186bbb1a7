"""PNG pictures of one colour, written with the standard library."""

from __future__ import annotations

import struct
import zlib

__all__ = ["png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOUR = 0, 2


def png(width: int, height: int, colour: tuple[int, int, int] | None = None) -> bytes:
    """A picture of this size in pixels: of one colour (red, green, blue from 0 to 255), or black without one.

    A black picture takes one bit a pixel. Raises ValueError for a size below one pixel.
    """
    if width < 1 or height < 1:
        raise ValueError(f"An image has at least one pixel: expected positive sizes, got {width} x {height}.")
    row = bytes((width + 7) // 8) if colour is None else bytes(colour) * width
    depth, kind = (1, _GREY) if colour is None else (8, _COLOUR)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    # Each row begins with the number of its filter, 0 for none.
    pixels = zlib.compress((b"\0" + row) * height, 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
