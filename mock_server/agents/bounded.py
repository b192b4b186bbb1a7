"""Answers of a bounded length: a model reads every word of them, and pays for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["MOST_BYTES", "cut", "last_lines", "plain"]

MOST_BYTES = 5_500
"""Of one answer: at most 2,000 tokens, at the three bytes that a token of JSON has at least on average."""


def plain(value: Any) -> str:
    """A value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cut(text: str, most: int = MOST_BYTES) -> str:
    """The text, or its beginning and how much is missing."""
    whole = text.encode()
    if len(whole) <= most:
        return text
    said = f"… ({len(whole)} bytes in all)"
    return whole[: most - len(said.encode())].decode("utf-8", "ignore") + said


def last_lines(head: str, lines: Sequence[str], most: int = MOST_BYTES, *, what: str) -> str:
    """A head and as many of the last lines as there is room for; says how many are left out."""
    room = most - len(head.encode()) - 80
    kept: list[str] = []
    for line in reversed(lines):
        line = cut(line, 1_500)
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    left_out = len(lines) - len(kept)
    more = [f"({left_out} earlier {what} left out)"] if left_out else []
    return "\n".join([head, *more, *reversed(kept)])
