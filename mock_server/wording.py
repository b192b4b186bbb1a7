"""Texts and values in sentences: on one line, values quoted as JSON, escapes instead of control bytes."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

__all__ = ["one_line", "printable", "quoted"]

_MOST = 100
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b")
"""Marks that change the direction of what stands around them, or cannot be seen at all."""
_BRIEF = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str, *, keep: str = "") -> str:
    """A text on one line: what moves a cursor, hides or breaks a line is written as an escape.

    `keep` are signs that are left as they are, such as the line feeds of a text of several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign in keep or _shows(sign) else _escape(sign) for sign in text)


def _shows(sign: str) -> bool:
    return sign.isprintable() or (unicodedata.category(sign) in ("Zs", "Cf") and sign not in _TURNING)


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
