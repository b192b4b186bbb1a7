"""Two values that differ, in a sentence: with the part in which they do."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, AnyStr

from kling_mock.wording import printable, quoted

__all__ = ["common", "compared", "has_controls"]

_BEFORE, _AFTER = 16, 44
"""Characters shown around the first one that differs."""


def compared(one: Any, other: Any) -> tuple[str, str]:
    """Two values that differ, as JSON; of long texts the part in which they do.

    Texts that look the same, as a letter and a combining mark beside the letter that has it, are written
    in escapes.
    """
    if not (isinstance(one, str) and isinstance(other, str)):
        return quoted(one), quoted(other)
    alike = max(len(one), len(other)) <= _LOOKED_AT and _looks(one) == _looks(other)
    if not alike and max(len(one), len(other)) <= _AFTER:
        return quoted(one), quoted(other)
    place = common(one, other)
    return _around(one, place, escaped=alike), _around(other, place, escaped=alike)


_VARIANTS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_LOOKED_AT = 100_000
"""Characters of a text that is held against another by how it looks."""


def _looks(text: str) -> str:
    """A text without what is not seen of it: how its signs are put together, and signs that have no shape."""
    shown = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in shown if unicodedata.category(sign) != "Cf" and sign not in _VARIANTS)


def _around(text: str, place: int, *, escaped: bool) -> str:
    start = max(0, place - _BEFORE) if len(text) > _AFTER else 0
    part = text[start : place + _AFTER]
    shown = json.dumps(part, ensure_ascii=escaped)[1:-1]
    before, after = "…" if start else "", "…" if place + _AFTER < len(text) else ""
    count = f" ({len(text)} characters)" if before or after else ""
    return f'"{before}{printable(shown)}{after}"{count}'


def common(one: AnyStr, other: AnyStr) -> int:
    """How many characters, or bytes, two texts have in common at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def has_controls(value: Any) -> bool:
    """True where a text in a value holds a control character besides the tab and the ends of lines."""
    if isinstance(value, str):
        return any(unicodedata.category(sign) == "Cc" and sign not in "\t\n\r" for sign in value)
    if isinstance(value, dict):
        return any(has_controls(inner) for inner in value.values())
    return isinstance(value, list) and any(map(has_controls, value))
