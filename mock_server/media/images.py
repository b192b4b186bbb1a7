"""The size of an image, read from the first bytes of its file and never by decoding it."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote

__all__ = ["image_size", "inline_image_size"]

# Characters of base64 that are looked at, one step after the other until the size is known. All formats say
# it at their start but JPEG, whose size stands behind embedded profiles, thumbnails and editing history.
_STEPS = (512, 65_536, 1_048_576)

_DATA_URI = re.compile(r"data:[^,]{0,256};base64,", re.IGNORECASE)
_LINK = re.compile(r"\s{0,64}[a-z][a-z0-9+.-]{0,31}:", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")


def inline_image_size(text: str) -> tuple[int, int] | None:
    """Width and height in pixels of an image given as a `data:` URI or as raw base64.

    None for a link and for whatever is no image: PNG, JPEG, GIF and WebP are understood. Never raises, and
    looks at no more than the first megabyte of characters.
    """
    if match := _DATA_URI.match(text):
        start = match.end()
    elif _LINK.match(text):
        return None
    else:
        start = 0
    for step in _STEPS:
        head = _decoded(text[start : start + step])
        if (size := image_size(head)) is not None:
            return size
        if not head.startswith(_JPEG) or start + step >= len(text):
            return None
    return None


def image_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the first bytes of a PNG, JPEG, GIF or WebP file; else None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        size = _big(head[16:20], 4), _big(head[20:24], 4)
    elif head.startswith((b"GIF87a", b"GIF89a")):
        size = _little(head[6:8], 2), _little(head[8:10], 2)
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        size = _webp_size(head)
    elif head.startswith(_JPEG):
        size = _jpeg_size(head)
    else:
        return None
    return size if min(size) > 0 else None


_JPEG = b"\xff\xd8\xff"
_NOTHING = (0, 0)


def _decoded(text: str) -> bytes:
    """The bytes of the first characters of a base64 text, as far as they can be read."""
    if "%" in text:
        text = unquote(text)
    text = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _big(part: bytes, size: int) -> int:
    return int.from_bytes(part, "big") if len(part) == size else 0


def _little(part: bytes, size: int) -> int:
    return int.from_bytes(part, "little") if len(part) == size else 0


def _webp_size(head: bytes) -> tuple[int, int]:
    """The three kinds of WebP: lossy, lossless, extended."""
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        return _little(head[26:28], 2) & 0x3FFF, _little(head[28:30], 2) & 0x3FFF
    if kind == b"VP8L" and head[20:21] == b"\x2f" and len(head) >= 25:
        bits = _little(head[21:25], 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(head) >= 30:
        return _little(head[24:27], 3) + 1, _little(head[27:30], 3) + 1
    return _NOTHING


def _jpeg_size(head: bytes) -> tuple[int, int]:
    """From the frame header, found by walking over the segments before it."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a length
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _big(head[at + 7 : at + 9], 2), _big(head[at + 5 : at + 7], 2)
        else:
            length = _big(head[at + 2 : at + 4], 2)
            if length < 2:
                return _NOTHING
            at += 2 + length
    return _NOTHING
