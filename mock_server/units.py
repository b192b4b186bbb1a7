"""Times, sizes, counts, switches and words as people write them: each parser says what it expected."""

from __future__ import annotations

import math
import os
import re
from typing import Any

from .errors import SettingsError

__all__ = [
    "DURATION_SCHEMA",
    "FASTEST",
    "MOST_JSON_VALUES",
    "MOST_KEPT",
    "MOST_USD",
    "SIZE_SCHEMA",
    "parse_duration",
    "parse_file",
    "parse_flag",
    "parse_folders",
    "parse_host",
    "parse_integer",
    "parse_keys",
    "parse_polls",
    "parse_size",
    "parse_span",
    "parse_speed",
    "parse_text",
    "parse_token",
    "parse_usd",
    "parse_words",
]

FASTEST = 1e6
"""Virtual seconds per real second at most: the year 9999 stays days away."""
MOST_KEPT = 10**9
"""Jobs or exchanges at most: more than memory holds, and within what a container counts."""
MOST_JSON_VALUES = 10_000
"""How many values a request's JSON may hold where nobody says otherwise; the longest legal one has 1,500."""

MOST_USD = 1e9
"""US dollars at most: what they are in credits is counted exactly."""

_DURATION = r"(-?(?:\d+(?:\.\d+)?|\.\d+))\s*(ms|s|m|min|h)?"
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZE = r"(?i:(\d+(?:\.\d+)?)\s*(b|kb|kib|mb|mib|gb|gib)?)"
DURATION_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1e300},
        {"type": "string", "pattern": r"^([0-9]{1,15}(\.[0-9]{1,15})?|\.[0-9]{1,15}) ?(ms|s|m|min|h)?$"},
    ]
}
"""What `parse_duration` reads, as JSON Schema: a number of seconds, or a text with its unit."""
SIZE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 10**15},
        {"type": "string", "pattern": r"^[1-9][0-9]{0,11}(\.[0-9]{1,4})? ?([kKmMgG][iI]?[bB]|[bB])?$"},
    ]
}
"""What `parse_size` reads, as JSON Schema: a number of bytes, or a text with its unit."""
_SIZE_UNITS = {"b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}


def parse_duration(text: str | float) -> float:
    """Seconds from `1.5`, `500ms`, `3s`, `2m` or `1h`; raises `SettingsError` for anything else."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = _as_float(text)
    else:
        match = re.fullmatch(_DURATION, str(text).strip().lower())
        if match is None:
            raise SettingsError(f"expected a time such as 1.5, 500ms, 3s or 2m, received {text!r}.")
        seconds = float(match[1]) * _DURATION_UNITS[match[2] or "s"]
    if not math.isfinite(seconds) or seconds < 0:
        raise SettingsError(f"expected a finite time of 0 or more, received {text!r}.")
    return seconds


def _as_float(number: float) -> float:
    """A number as a float, infinite where it is too large to be one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def parse_span(text: str | float) -> float:
    """Seconds as `parse_duration` reads them, or `forever`, which is infinite."""
    if text in ("forever", "inf", math.inf):
        return math.inf
    return parse_duration(text)


def parse_size(text: str | int) -> int:
    """Bytes from `1048576`, `64MiB` or `10MB`; raises `SettingsError` for anything else."""
    match = re.fullmatch(_SIZE, str(text).strip())
    if match is None or len(match[1]) > 18:
        raise SettingsError(f"expected a size such as 1048576, 10MB or 64MiB, received {text!r}.")
    return int(float(match[1]) * _SIZE_UNITS[(match[2] or "b").lower()])


def parse_flag(text: str | bool) -> bool:
    """A switch from `1`, `true`, `yes`, `on` and their opposites."""
    if isinstance(text, bool):
        return text
    word = str(text).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise SettingsError(f"expected true or false, received {text!r}.")


def parse_integer(text: str | int) -> int:
    """A whole number, or a `SettingsError` that shows what was received."""
    try:
        if not isinstance(text, int | str) or isinstance(text, bool):
            raise ValueError
        return int(text)
    except ValueError:
        raise SettingsError(f"expected a whole number, received {text!r}.") from None


def parse_speed(text: str | float) -> float:
    """Virtual seconds per real second: 0 freezes the clock."""
    try:
        speed = float(text)
    except (TypeError, ValueError, OverflowError):
        speed = math.nan
    if not 0 <= speed <= FASTEST:
        raise SettingsError(f"expected a number from 0 to {FASTEST:.0f}, received {text!r}.")
    return speed


def parse_usd(text: object) -> float:
    """US dollars from `2.5` or `$2.50`: none at all, or more."""
    try:
        if isinstance(text, bool):
            raise ValueError
        amount = float(text.strip().removeprefix("$") if isinstance(text, str) else text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        amount = math.nan
    if not 0 <= amount <= MOST_USD:
        raise SettingsError(
            f"expected US dollars such as 2.50, from 0 to {MOST_USD:,.0f}, received {text!r}."
        )
    return amount


def parse_polls(text: object) -> tuple[int, int]:
    """How many polls say queued and how many generating, from `1,1` or a pair."""
    parts = text.split(",") if isinstance(text, str) else text
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise SettingsError(f"expected two counts such as 1,1 (queued, generating), received {text!r}.")
    queued, generating = (parse_integer(part) for part in parts)
    if not 0 <= queued <= MOST_KEPT or not 0 <= generating <= MOST_KEPT:
        raise SettingsError(f"expected two counts from 0 to {MOST_KEPT}, received {text!r}.")
    return queued, generating


def parse_text(text: object) -> str:
    """A text with something in it, without blanks around."""
    if not isinstance(text, str) or not text.strip():
        raise SettingsError(f"expected a text that is not empty, received {text!r}.")
    return text.strip()


def parse_host(text: object) -> str:
    """An address or a name to listen on; IPv6 with or without its brackets."""
    return parse_text(text).removeprefix("[").removesuffix("]")


def parse_token(text: object) -> str:
    """A token that can stand in a header: visible ASCII."""
    token = parse_text(text)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"expected letters, digits and signs without blanks, received {text!r}.")
    return token


def parse_keys(value: object) -> tuple[str, ...]:
    """API keys from a list, or from one string with commas."""
    keys = value.split(",") if isinstance(value, str) else value
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) and key.strip() for key in keys):
        raise SettingsError(f"expected one or more non-empty keys, received {value!r}.")
    return tuple(key.strip() for key in keys)


def parse_words(value: object) -> tuple[str, ...]:
    """Words from a list, or from one string with commas."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise SettingsError(f"expected one or more words, received {value!r}.")
    found = tuple(word.strip() for word in words if word.strip())
    # A list without items says that there are none; a text without words is a slip, a variable's mostly.
    if words and not found:
        shown = words[0] if len(words) == 1 else value
        raise SettingsError(f"expected one or more words, received {shown!r}.")
    return found


def parse_folders(value: object) -> tuple[str, ...]:
    """The paths of folders from a list, or from one string with the system's sign between several."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    # A sign too many, as in `PATH`, names no folder.
    folders = [one for one in value.split(os.pathsep) if one] if isinstance(value, str) else value
    if not isinstance(folders, list | tuple) or (isinstance(value, str) and not folders):
        raise SettingsError(f"expected one or more folders, received {value!r}.")
    return tuple(parse_file(folder) for folder in folders)


def parse_file(value: object) -> str:
    """The path of a file or a folder, as text."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"expected a path, received {value!r}.")
    return value
