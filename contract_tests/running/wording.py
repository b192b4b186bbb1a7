"""Values in sentences: quoted as JSON, on one line, without raw control bytes, with the part that differs."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

__all__ = ["compared", "has_controls", "one_line", "printable", "quoted"]

_MOST = 100
_BEFORE, _AFTER = 16, 44
"""Characters shown around the first one that differs."""


def printable(text: str) -> str:
    """A text on one line: what moves a cursor, hides or breaks a line is written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if _shows(sign) else _escape(sign) for sign in text)


def _shows(sign: str) -> bool:
    return sign.isprintable() or (unicodedata.category(sign) in ("Zs", "Cf") and sign not in _TURNING)


_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b")
"""Marks that change the direction of what stands around them, or cannot be seen at all."""
_BRIEF = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(sign: str) -> str:
    return _BRIEF.get(sign) or json.dumps(sign)[1:-1]


def one_line(text: str, most: int = _MOST) -> str:
    """A text on one line, shortened."""
    shown = printable(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def quoted(value: Any, most: int = _MOST) -> str:
    """A value as JSON on one line, shortened."""
    shown = printable(json.dumps(value, ensure_ascii=False, default=repr))
    if len(shown) <= most:
        return shown
    return shown[: most - 2] + ('…"' if isinstance(value, str) else "…")


def compared(one: Any, other: Any) -> tuple[str, str]:
    """Two values that differ, as JSON; of long texts the part in which they do."""
    if isinstance(one, str) and isinstance(other, str) and max(len(one), len(other)) > _AFTER:
        pairs = enumerate(zip(one, other, strict=False))
        place = next((i for i, (left, right) in pairs if left != right), min(len(one), len(other)))
        return _around(one, place), _around(other, place)
    return quoted(one), quoted(other)


def _around(text: str, place: int) -> str:
    start = max(0, place - _BEFORE)
    part = text[start : place + _AFTER]
    shown = json.dumps(part, ensure_ascii=False)[1:-1]
    before, after = "…" if start else "", "…" if place + _AFTER < len(text) else ""
    count = f" ({len(text)} characters)"
    return f'"{before}{printable(shown)}{after}"{count}'


def has_controls(value: Any) -> bool:
    """True where a text in a value holds a control character besides the tab and the ends of lines."""
    if isinstance(value, str):
        return any(unicodedata.category(sign) == "Cc" and sign not in "\t\n\r" for sign in value)
    if isinstance(value, dict):
        return any(has_controls(inner) for inner in value.values())
    return isinstance(value, list) and any(map(has_controls, value))
