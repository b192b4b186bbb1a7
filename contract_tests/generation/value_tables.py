"""Values of the leaves: tables of numbers, lengths and texts, simplest first and heavy at the boundaries."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

from .media_samples import link_samples
from .schema_model import Number, Text

__all__ = [
    "LONG",
    "PHRASES",
    "edges",
    "is_free_text",
    "length_edges",
    "lengths",
    "names_a_link",
    "numbers",
    "plain_text",
    "stretched",
]

LONG = 2500
"""Code points of the longest text where a schema sets no limit: what the API takes elsewhere."""

PHRASES = (
    "a",
    "A cat walks through the snow",
    'She said "yes" \\ or was it /no/?',
    "first line\nsecond\tline\r\nthird",
    "\u2028and\u2029after",
    "\U0001f431\u200d\U0001f4bb \U0001f468\u200d\U0001f469\u200d\U0001f466 \U0001f1e8\U0001f1ed",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u202eabc\u202c",
    "e\u0301 n\u0303 a\u0308\u0323 Z\u0351\u036b\u0343\u036a\u0302",
    "\u732b\u304c\u96ea\u306e\u4e2d\u3092\u6b69\u304f \uace0\uc591\uc774",
    "\ufeff<b>&amp;</b> ${x} %s {0}",
    " leading and trailing ",
)
"""Pieces that prompts are made of: scripts, marks and signs that are lost when text is handled as bytes."""

_SAFE = 2**53 - 1
_SAMPLES = {
    "uuid": ("00000000-0000-4000-8000-000000000000", "b906d239-565b-4012-9234-246189283143"),
    "date-time": ("2026-08-21T12:00:00Z", "1999-12-31T23:59:59.999+05:30"),
}
"""Values of the formats that are no links, the simplest first."""


def edges(shape: Number) -> list[float]:
    """The boundaries of a number, ends first: its bounds (or the value just inside) and zero."""
    step = 1 if shape.integer else 0.0001
    found = [_inside(bound, opened, sign * step) for bound, opened, sign in _ends(shape)]
    if not found:
        found = [1, -1, 2**31 - 1, -(2**31)] if shape.integer else [1, -1, 0.5]
    if _in(shape, 0) and 0 not in found:
        found.append(0)
    return list(dict.fromkeys(found))


def _ends(shape: Number) -> list[tuple[float, bool, int]]:
    ends = ((shape.low, shape.low_open, 1), (shape.high, shape.high_open, -1))
    return [(bound, opened, sign) for bound, opened, sign in ends if bound is not None]


def _inside(bound: float, opened: bool, step: float) -> float:
    value = round(bound + step, 10) if opened else bound
    return int(value) if value == int(value) else value


def _in(shape: Number, value: float) -> bool:
    if shape.low is not None and (value < shape.low or (shape.low_open and value == shape.low)):
        return False
    return shape.high is None or value < shape.high or (value == shape.high and not shape.high_open)


@functools.cache
def numbers(shape: Number) -> tuple[float, ...]:
    """Numbers of a shape, the simplest first, its edges many times over: about half of the table."""
    low, high = _span(shape)
    inner: set[float] = {value for value in (0, 1, 2, 3, 5, 7, 10, 100, 1000) if _in(shape, value)}
    if high - low <= 200:
        inner |= {value for value in range(math.ceil(low), math.floor(high) + 1) if _in(shape, value)}
    else:
        inner |= {round(low + (high - low) * part / 16) for part in range(1, 16)}
    if shape.integer:
        inner |= {low + 1, high - 1} if high - low > 2 else set()
    else:
        inner |= {low + (high - low) * part / 20 for part in range(1, 20)}
        inner |= {low + (high - low) / 3, low + 0.0001, high - 0.0001, high - 0.01, low + 0.01}
    table = sorted({_tidy(value) for value in inner if _in(shape, value)} | set(edges(shape)), key=_plainness)
    weight = max(1, len(table) // max(1, len(edges(shape))))
    return tuple(value for value in table for _ in range(weight if value in edges(shape) else 1))


def _span(shape: Number) -> tuple[float, float]:
    """The range that numbers are taken from: the bounds, or what every JSON reader keeps exactly."""
    return (-_SAFE if shape.low is None else shape.low, _SAFE if shape.high is None else shape.high)


def _tidy(value: float) -> float:
    value = round(value, 12) if abs(value) < 1e6 else value
    return int(value) if value == int(value) else value


def _plainness(value: float) -> tuple[float, ...]:
    return (len(repr(abs(value))) if isinstance(value, float) else 0, abs(value), value < 0)


def length_edges(least: int, most: int | None) -> list[int]:
    """The boundaries of a length: none, one, and both ends."""
    found = {least, least + 1 if least == 0 else least}
    if most is not None:
        found |= {most}
    return sorted(length for length in found if most is None or length <= most)


@functools.cache
def lengths(least: int, most: int | None) -> tuple[int, ...]:
    """Lengths from `least` to `most`, ascending, the ends many times over: about two thirds of the table."""
    top = least + 4 if most is None else most
    ends = {least, top, *length_edges(least, most)}
    few = top - least <= 12
    between = range(least, top + 1) if few else (least + 1, least + 2, (least + top) // 2, top - 1)
    table = sorted(ends | set(between))
    weight = max(1, 2 * (len(table) - len(ends)) // len(ends))
    return tuple(itertools.chain.from_iterable([size] * (weight if size in ends else 1) for size in table))


def is_free_text(shape: Text) -> bool:
    """Return True if a string holds prose rather than a name or a link."""
    if shape.format is not None or names_a_link(shape.role):
        return False
    return "prompt" in shape.role or (shape.most is not None and shape.most >= 200)


def plain_text(shape: Text) -> Sequence[str]:
    """Values of a string that is not prose, the simplest first: links, or short names."""
    if shape.format in _SAMPLES:
        return _SAMPLES[shape.format]
    if shape.format == "uri" or names_a_link(shape.role):
        kinds = link_samples(shape.role)
        found = [sample for samples in itertools.zip_longest(*kinds.values()) for sample in samples if sample]
    else:
        found = ["", "a", "name-1", "two words", "\u00e9\u732b\U0001f431", "0", "null"]
    kept = [text for text in found if _fitting(text, shape)]
    return kept or [stretched("a", shape.least, shape.most)]


def names_a_link(role: str) -> bool:
    """Return True if a field of this name holds a link or inline data; its schema may only say `string`."""
    return role.endswith(("_url", "_urls")) or "mask" in role


def _fitting(text: str, shape: Text) -> bool:
    return len(text) >= shape.least and (shape.most is None or len(text) <= shape.most)


def stretched(text: str, least: int, most: int | None) -> str:
    """A text repeated until it is long enough, and cut where it is too long."""
    if len(text) < least:
        text = (text or "a") * (least // len(text or "a") + 1)
        return text[:least]
    return text if most is None else text[:most]
