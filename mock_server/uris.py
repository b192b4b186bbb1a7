"""What `format: uri` means to this API: a link, a data URI, or raw base64."""

from __future__ import annotations

import re
import string

__all__ = ["FORMATS", "is_media"]

_LINK = re.compile(r"https?://[^\s/?#\\\x00-\x20\x7f]+[^\s\x00-\x20\x7f]*", re.IGNORECASE)
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
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
    comma = value.find(",", 0, 1024)
    if comma < 0:
        return False
    if not value[:comma].lower().endswith(";base64"):
        return True
    payload = value[comma + 1 :]
    # Browsers and the usual decoders do without padding in a data URI.
    return bool(payload) and len(payload.rstrip("=")) % 4 != 1 and _is_base64(payload)


def _is_base64(value: str) -> bool:
    digits = value[:-2] + value[-2:].rstrip("=")
    # One pass in C over the bytes: what is left after deleting every digit must be nothing.
    return bool(digits) and digits.isascii() and not digits.encode("ascii").translate(None, _BASE64)


FORMATS = {"uri": is_media}
"""The formats that are judged, by name; everything that judges a payload uses exactly these."""
