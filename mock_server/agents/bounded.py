"""Answers of a bounded length: a model reads every token of them, and somebody pays for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["MOST_TOKENS", "cut", "last_lines", "plain", "tokens"]

MOST_TOKENS = 2_000
"""Of one answer."""
LINE = 250
"""Tokens of one line of a list."""

_PIECES = re.compile(r"[A-Za-z]{1,20}|[ \t\r\n]{1,16}|[^\x00-\x7f]|[\x00-\x7f]")


def plain(value: Any) -> str:
    """A value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tokens(text: str) -> int:
    """How many tokens a text has at most, whichever model reads it.

    Each model splits texts in its own way, none of which is here. A word of random letters takes about one
    for each two of them, with both cases somewhat more; digits and signs are counted one by one, other
    scripts by their bytes. English and JSON have half as many or fewer.
    """
    return sum(count for _, count in _counted(text))


def _counted(text: str) -> Iterator[tuple[str, int]]:
    for piece in _PIECES.findall(text):
        yield piece, _most(piece)


def _most(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode("utf-8", "surrogatepass"))
    if piece.isspace():
        return 0 if piece == " " else 1 + len(piece) // 4
    if not piece.isalpha():
        return 1
    one_case = len(piece) == 1 or piece[1:].islower()
    # In twentieths of a token.
    return -(-(12 if one_case else 17) * len(piece) // 20)


def cut(text: str, most: int = MOST_TOKENS) -> str:
    """The text, or its beginning and how much there is of it."""
    whole = tokens(text)
    if whole <= most:
        return text
    said = f"… ({len(text)} characters in all)"
    room, kept = most - tokens(said), []
    for piece, count in _counted(text):
        room -= count
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + said


def last_lines(head: str, lines: Sequence[str], most: int = MOST_TOKENS, *, what: str) -> str:
    """A head and as many of the last lines as there is room for; says how many are left out."""
    room = most - tokens(head) - tokens(f"({len(lines)} earlier {what} left out)\n\n")
    kept: list[str] = []
    for line in reversed(lines):
        line = cut(line, LINE)
        room -= tokens(line) + 1
        if room < 0:
            break
        kept.append(line)
    left_out = len(lines) - len(kept)
    more = [f"({left_out} earlier {what} left out)"] if left_out else []
    return "\n".join([head, *more, *reversed(kept)])
