"""What `format: uri` means to this API: a link, a data URI, or raw base64."""

from __future__ import annotations

import re
import string

__all__ = ["is_media"]

_LINK = re.compile(r"https?://[^\s/?#\\\x00-\x20\x7f][^\s\x00-\x20\x7f]*", re.IGNORECASE)
"""A host begins with one sign; a second run of signs that the first could end in would take square time."""
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_SLICE = 1 << 20
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
    start = value[:8].lower()
    if start.startswith(("http://", "https://")):
        return _LINK.fullmatch(value) is not None
    if start.startswith("data:"):
        return _is_data_uri(value)
    padded = value.endswith("=")
    return len(value) % 4 == 0 and (padded or len(value) >= _SHORTEST) and _is_base64(value)


def _is_data_uri(value: str) -> bool:
    comma = value.find(",", 0, _LONGEST_HEADER)
    if comma < 0:
        return False
    if not value[:comma].lower().endswith(";base64"):
        return True
    return _is_base64(value, comma + 1)


def _is_base64(value: str, start: int = 0) -> bool:
    """Whether the characters from `start` on are base64, padded or not."""
    if not value.isascii():
        return False
    padding = 2 if value.endswith("==") else 1 if value.endswith("=") else 0
    end = len(value) - padding
    digits = end - start
    if digits <= 0 or digits % 4 == 1:
        return False
    # Slices, so that other threads get their turn while 60 MB are looked at.
    parts = (value[at : min(at + _SLICE, end)] for at in range(start, end, _SLICE))
    return not any(part.encode("ascii").translate(None, _BASE64) for part in parts)
