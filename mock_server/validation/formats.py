"""The formats that are judged, in one table: both validators and the generator of payloads read it."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable, Mapping

from .media_uris import is_media

__all__ = ["EXPECTED", "FORMATS", "is_date_time", "is_uuid"]

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def is_uuid(value: object) -> bool:
    """Whether a string is a UUID in its canonical form of 36 characters; anything else is left alone."""
    if not isinstance(value, str):
        return True
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def is_date_time(value: object) -> bool:
    """Whether a string is a moment as RFC 3339 writes it; anything but a string is left alone."""
    if not isinstance(value, str):
        return True
    found = _DATE_TIME.fullmatch(value)
    if found is None:
        return False
    date, minutes, seconds = found[1], found[2], int(found[3])
    try:
        datetime.datetime.fromisoformat(f"{date}T{minutes}")
    except ValueError:
        return False
    # A leap second is the 61st.
    return seconds <= 60


FORMATS: Mapping[str, Callable[[object], bool]] = {
    "uri": is_media,
    "uuid": is_uuid,
    "date-time": is_date_time,
}
"""The check of each format that is judged; a format that is not here binds nobody."""

EXPECTED: Mapping[str, str] = {
    "uri": "an absolute http(s) URL, a data: URI or base64",
    "uuid": "a UUID of 36 characters",
    "date-time": "a moment such as 2026-08-21T12:00:00Z",
}
"""What each of them expects, in words."""
