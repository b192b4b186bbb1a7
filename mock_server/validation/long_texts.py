"""JSON of any size without its long texts: those are read piece by piece, what is left is short.

The interpreter does one thing at a time: a call that goes over 60 MB holds up everybody else, in whatever
thread it is made. So no call here, and none on what comes of it, gets more than a few megabytes to look at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import PayloadError
from .media_uris import is_media, is_media_in_pieces

__all__ = ["LONG", "LongText", "Skeleton", "half_pair_in", "skeleton_of", "text_size"]

LONG = 64 * 1024
"""Bytes from which on a text is taken out."""
KEPT = 7 * 1024**2
"""Characters that are kept of a text at most: more than any contract allows."""
KEPT_TOGETHER = 16 * 1024**2
"""Characters of long texts in one body from which on less is kept of the next ones."""
KEPT_LEAST = 8 * 1024
"""Characters that are kept of those: more than any contract allows a text that is no picture."""

MOST_BESIDE = 4 * 1024**2
"""Bytes that a body may have beside its long texts, or 64 for each value, where more values are allowed."""

# `Any`, because it is missing from the types of the standard library.
_scan_text: Any = vars(json.decoder)["scanstring"]

UNENDED = -1
TOO_MANY = -2

_PIECE = 512 * 1024
_WHOLE_SIGNS = re.compile(
    rb"(?:[^\\]++|\\[^u\x80-\xff]|\\u(?![dD][89abAB])....|\\u....(?:\\u....|(?=\\[^u])|(?=[^\\])))*+", re.S
)
"""Signs and escapes none of which is cut off, pairs of surrogates included."""


class LongText(str):
    """The beginning of a text that is longer than anything is allowed to be.

    It is no picture where the whole text is none; `size` is the length of that.
    """

    size: int


def text_size(value: Sized) -> int:
    """The length of a text, or of the one that it is the beginning of, and of anything else that has one."""
    return value.size if isinstance(value, LongText) else len(value)


class _Cut(NamedTuple):
    """Where a text was taken out."""

    at: int
    """The place in the skeleton, in characters."""
    behind: int
    """Where what stands for it ends there."""
    byte: int
    """Where the text ends in the body."""
    more: int
    """By how many characters its JSON is longer than what stands for it."""


@dataclass
class Skeleton:
    """JSON in which a short text stands for each long one."""

    raw: bytes
    text: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    """The long texts by what stands for them."""
    broken: json.JSONDecodeError | None = None
    """What is wrong with a long text, whose quote is the last sign of the skeleton: the place counts from
    that quote, and the document is what stands there."""
    half: PayloadError | None = None
    """What is wrong with half a surrogate pair in a long text."""
    cuts: list[_Cut] = field(default_factory=list)

    def column(self, at: int) -> int:
        """The column in the body of a place in the skeleton."""
        line = self.text.rfind("\n", 0, at)
        return at - line + sum(cut.more for cut in self.cuts if line < cut.at < at)

    def near(self, at: int) -> str:
        """The first characters of the body at a place in the skeleton."""
        byte = place = 0
        for cut in self.cuts:
            if cut.behind <= at:
                byte, place = cut.byte, cut.behind
        return _shown(self.raw, byte + len(self.text[place:at].encode()))


def skeleton_of(raw: bytes, most_values: int) -> Skeleton:
    """The skeleton of a body in UTF-8; it ends where there are more texts than JSON of its values has."""
    made = Skeleton(raw)
    most, beside = 2 * most_values + 2, max(MOST_BESIDE, 64 * most_values)
    token = os.urandom(8).hex()
    parts: list[str] = []
    length = done = kept = 0

    def keep(stop: int, sign: str = "") -> None:
        nonlocal beside, length
        beside -= stop - done
        if beside < 0:
            expected = f"at most {max(MOST_BESIDE, 64 * most_values)} bytes beside texts of more than {LONG}"
            raise PayloadError(f"{expected} (--max-json-values)", "more")
        parts.append(raw[done:stop].decode() + sign)
        length += len(parts[-1])

    for start, end in _texts(raw, most):
        if start + LONG >= end >= 0:
            continue
        pieces = _Pieces(raw, start + 1, len(raw) if end == UNENDED else end)
        try:
            value = pieces.text(KEPT if kept < KEPT_TOGETHER else KEPT_LEAST)
        except json.JSONDecodeError as error:
            # A text that does not end is no news: the skeleton does not either.
            made.broken = None if error.msg.startswith("Unterminated") else error
            end = UNENDED
        if end < 0:
            # json says what is wrong there where the text itself is right, or is not the first wrong thing.
            keep(start + 1)
            break
        kept += len(value)
        made.half = made.half or pieces.half
        sign = f"{token}:{len(made.texts)}"
        made.texts[sign] = value
        keep(start + 1, sign)
        made.cuts.append(_Cut(length - len(sign), length, end, pieces.signs - len(sign)))
        done = end
    else:
        keep(len(raw))
    made.text = "".join(parts)
    return made


def _texts(raw: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Where the texts of a body begin and end, their quotes; of more than `most` the last one has no end."""
    start = raw.find(b'"')
    while start >= 0:
        end = _end(raw, start + 1) if most > 0 else TOO_MANY
        yield start, end
        start = raw.find(b'"', end + 1)
        most -= 1


def _end(raw: bytes, start: int) -> int:
    """Where the quote stands that ends a text; `UNENDED` where there is none."""
    end = raw.find(b'"', start)
    while end >= 0:
        behind = end
        while behind > start and raw[behind - 1] == 0x5C:
            behind -= 1
        if (end - behind) % 2 == 0:
            break
        end = raw.find(b'"', end + 1)
    return end


def _shown(raw: bytes, at: int) -> str:
    """The first characters that stand at a place of a body."""
    return raw[at : at + 20].decode("utf-8", "ignore")[:5]


class _Pieces:
    """The text between two quotes, a piece at a time."""

    def __init__(self, raw: bytes, start: int, end: int) -> None:
        self._raw = raw
        self._start = start
        self._end = end
        self.signs = 0
        """How many characters its JSON has, as far as it was read."""
        self.half: PayloadError | None = None

    def text(self, most: int) -> str:
        """The text, or the beginning of one of more than `most` characters.

        Raises JSONDecodeError, with the place counted from the quote, where it is no text of JSON.
        """
        pieces = list(self._read())
        size = sum(map(len, pieces))
        if size <= most:
            return "".join(pieces)
        return _beginning(pieces, size, most)

    def _read(self) -> Iterator[str]:
        at = self._start
        while at < self._end:
            stop = self._stop(at)
            signs = self._raw[at:stop].decode()
            try:
                piece, _ = _scan_text(signs + '"', 0, True)
            except json.JSONDecodeError as error:
                near = _shown(self._raw, at + len(signs[: error.pos].encode()))
                raise json.JSONDecodeError(error.msg, near, self.signs + 1 + error.pos) from None
            self.signs += len(signs)
            self.half = self.half or half_pair_in(piece)
            yield piece
            at = stop

    def _stop(self, at: int) -> int:
        """Where the piece that begins here ends: not within a sign, an escape or a pair of them."""
        if at + _PIECE >= self._end:
            return self._end
        found = _WHOLE_SIGNS.match(self._raw, at, at + _PIECE)
        stop = found.end() if found is not None else at
        # What goes no further is no escape: of that a few signs are enough.
        stop = stop if stop > at else min(at + 16, self._end)
        while self._raw[stop] & 0xC0 == 0x80:
            stop -= 1
        return stop


def half_pair_in(text: str) -> PayloadError | None:
    """What is wrong with a text that holds one half of a surrogate pair; None of any other."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        return PayloadError("whole characters", f"\\u{half:04x}, one half of a surrogate pair on its own")
    return None


def _beginning(pieces: list[str], size: int, most: int) -> LongText:
    """A beginning of a text, which is a picture where the whole text is one and only there."""
    parts: list[str] = []
    left = most
    for piece in pieces:
        parts.append(piece[:left])
        left -= len(parts[-1])
        if not left:
            break
    start = "".join(parts)
    if is_media_in_pieces(pieces):
        # Base64 ends where a group of four characters does.
        start = next((cut for less in range(4) if is_media(cut := start[: most - less])), start)
    elif is_media(start):
        start = start[:-1] + "\0"
    text = LongText(start)
    text.size = size
    return text
