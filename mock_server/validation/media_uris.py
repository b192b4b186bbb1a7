"""What `format: uri` means to this API: a link, a data URI, or raw base64."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

__all__ = ["is_media", "is_media_in_pieces"]

_LINK = re.compile(r"https?://[^\s/?#\\\x00-\x20\x7f][^\s\x00-\x20\x7f]*", re.IGNORECASE)
"""A host begins with one sign; a second run of signs that the first could end in would take square time."""
_LINK_GOES_ON = re.compile(r"[^\s\x00-\x20\x7f]*")
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_SLICE = 1 << 18
_LONGEST_HEADER = 1024
_SHORTEST = 16
"""Unpadded base64 below this length is taken for a word such as `None` or `test`, not for a file."""


def is_media(value: object) -> bool:
    """Whether a string names a picture, video or sound as the API allows.

    That is an absolute http or https URL, a `data:` URI, or raw base64. Nothing is fetched or decoded, and
    20 MB take milliseconds. Anything but a string is left to other constraints.
    """
    if not isinstance(value, str):
        return True
    if len(value) <= _SLICE:
        return is_media_in_pieces((value,))
    # Slices, so that other threads get their turn while 60 MB are looked at.
    return is_media_in_pieces([value[at : at + _SLICE] for at in range(0, len(value), _SLICE)])


def is_media_in_pieces(pieces: Sequence[str]) -> bool:
    """The same of a string in pieces, of which the first one has its first 1,024 characters."""
    first = pieces[0]
    start = first[:8].lower()
    if start.startswith(("http://", "https://")):
        whole = all(_LINK_GOES_ON.fullmatch(piece) for piece in pieces[1:])
        return whole and _LINK.fullmatch(first) is not None
    if start.startswith("data:"):
        return _is_data_uri(first, pieces)
    size = sum(map(len, pieces))
    padded = pieces[-1].endswith("=")
    return size % 4 == 0 and (padded or size >= _SHORTEST) and _is_base64(pieces)


def _is_data_uri(first: str, pieces: Sequence[str]) -> bool:
    comma = first.find(",", 0, _LONGEST_HEADER)
    if comma < 0:
        return False
    if not first[:comma].lower().endswith(";base64"):
        return True
    return _is_base64([first[comma + 1 :], *pieces[1:]])


def _is_base64(pieces: Sequence[str]) -> bool:
    """Whether characters are base64, padded or not."""
    ending = "".join(pieces[-2:]) if len(pieces[-1]) < 2 else pieces[-1]
    padding = 2 if ending.endswith("==") else 1 if ending.endswith("=") else 0
    digits = sum(map(len, pieces)) - padding
    if digits <= 0 or digits % 4 == 1:
        return False
    for piece in pieces:
        piece = piece[:digits]
        digits -= len(piece)
        if not piece.isascii() or piece.encode("ascii").translate(None, _BASE64):
            return False
    return True
