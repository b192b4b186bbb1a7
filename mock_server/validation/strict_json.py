"""Request bodies read as strict JSON: what the standard forbids or leaves open is refused with a reason."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, NoReturn

from ..errors import PayloadError
from ..units import MOST_JSON_VALUES

__all__ = ["MAX_DEPTH", "parse_json"]

MAX_DEPTH = 64
"""How deeply arrays and objects may lie within each other; the deepest contract needs six levels."""
MOST_ESCAPES = 1_000_000
"""How many backslashes a body may have: each costs time, and 60 MB of base64 with `\\/` have that many."""
LONGEST_NUMBER = 1000
"""Characters of a number with a fraction or an exponent; Python itself bounds those of integers."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = " \t\n\r"
_SHOWN = 40
_SLICE = 1 << 20
"""Characters that one call looks at: other threads get their turn between two calls."""


def parse_json(raw: bytes, most_values: int = MOST_JSON_VALUES) -> Any:
    """The value that a request body holds.

    Raises PayloadError, which says what is wrong and where, for an empty body, bytes that are not UTF-8 or
    start with a byte-order mark, text that is not JSON, NaN and Infinity, numbers too large to keep, the
    same key twice in an object, half a surrogate pair, nesting deeper than MAX_DEPTH, and more than
    `most_values` values, which are counted before anything is made of them.
    """
    _refuse_many(raw, most_values)
    text = _decoded(raw)
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise _syntax(error, text) from None
    except RecursionError:
        raise _too_deep() from None
    except PayloadError:
        raise
    except ValueError:
        # Python refuses to convert more digits than its limit: the time would grow with their square.
        raise PayloadError("integers of a usable size", "thousands of digits") from None
    # As many brackets as levels at least: few of them spare the search.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    # A search for one byte is far faster than for two, which matters where a picture is in the body.
    if b"\\" in raw and (b"\\ud" in raw or b"\\uD" in raw):
        _refuse_half_pairs(value)
    return value


def _refuse_many(raw: bytes, most: int) -> None:
    """Refuse a body of more values than `most`, by counting bytes alone: C does that in no time.

    Each value but the first of its container stands behind a comma, each container begins with a bracket.
    """
    if len(raw) > most and _more_than(most, map(_separators, _slices(raw))):
        if _more_than(most, _outside_strings(raw, most)):
            raise PayloadError(f"at most {most} values (--max-json-values)", "more")
    if len(raw) > MOST_ESCAPES and _more_than(MOST_ESCAPES, (part.count(b"\\") for part in _slices(raw))):
        raise PayloadError(f"at most {MOST_ESCAPES} backslashes", "more")


def _slices(raw: bytes) -> Iterator[bytes]:
    return (raw[at : at + _SLICE] for at in range(0, len(raw), _SLICE))


def _more_than(most: int, counts: Iterable[int]) -> bool:
    """Whether counts come to more than `most`; looks no further than it has to."""
    return any(total > most for total in accumulate(counts))


def _separators(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _outside_strings(raw: bytes, most: int) -> Iterator[int]:
    """The separators of each slice, without those in strings, which say nothing.

    Of more strings than `most` values have, keys included, the number of values is `most` and more.
    """
    quotes = inside = 0
    carried = b""
    for part in _slices(raw):
        plain = (carried + part).replace(b"\\\\", b"").replace(b'\\"', b"")
        # What a backslash at the end belongs to comes with the next slice.
        carried = b"\\" if plain.endswith(b"\\") else b""
        found = plain.count(b'"')
        quotes += found
        if quotes > 4 * most:
            yield most + 1
            return
        yield _separators(b" ".join(plain.split(b'"')[inside::2]))
        inside = (inside + found) % 2


def _decoded(raw: bytes) -> str:
    if raw.startswith(_BYTE_ORDER_MARK):
        raise PayloadError("plain UTF-8", "a byte-order mark (EF BB BF) at the start")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, offset = raw[error.start], error.start
        raise PayloadError("UTF-8", f"the byte 0x{byte:02x} at offset {offset}") from None
    return text


def _skip_blanks(text: str, at: int) -> int:
    """Where the blanks end that begin at `at`; they may go on for megabytes."""
    while at < len(text) and text[at] in _BLANKS:
        piece = text[at : at + _SLICE]
        rest = piece.lstrip(_BLANKS)
        at += len(piece) - len(rest)
        if rest:
            break
    return at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise PayloadError("each key once in an object", f"{_shown(key)} twice")
            seen.add(key)
    return found


def _finite(digits: str) -> float:
    if len(digits) > LONGEST_NUMBER:
        raise PayloadError("numbers of a usable size", f"one of {len(digits)} characters")
    value = float(digits)
    if math.isinf(value):
        raise PayloadError(
            "a number of a usable size", digits if len(digits) <= _SHOWN else digits[:_SHOWN] + "…"
        )
    return value


def _no_constant(name: str) -> NoReturn:
    raise PayloadError("JSON", f"{name}, which is no JSON number")


# `Any`, because `scan_once` is missing from the types of the standard library.
_DECODER: Any = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)


def _decode(text: str) -> Any:
    start = _skip_blanks(text, 0)
    if start == len(text):
        raise PayloadError("a JSON object", "an empty body")
    try:
        value, end = _DECODER.scan_once(text, start)
    except StopIteration as stop:
        raise json.JSONDecodeError("Expecting value", text, stop.value) from None
    if end != len(text) and (end := _skip_blanks(text, end)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _syntax(error: json.JSONDecodeError, text: str) -> PayloadError:
    where = f"line {error.lineno} column {error.colno}"
    if error.pos >= len(text):
        return PayloadError("JSON", f"a body that ends too early, at {where}")
    # No more than may be seen of a key: what stands there may be the middle of one.
    received = _shown(text[error.pos : error.pos + 4] + ("…" if len(text) > error.pos + 4 else ""))
    if error.msg == "Extra data":
        return PayloadError("one JSON value", f"more after it: {received} at {where}")
    return PayloadError("JSON", f"{received} at {where}")


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "…", ensure_ascii=True)


def _too_deep() -> PayloadError:
    return PayloadError(f"at most {MAX_DEPTH} levels of arrays and objects", "more")


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether containers lie more than `limit` deep, found level by level and so without recursion."""
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            item
            for container in level
            for item in (container.values() if type(container) is dict else container)
            if type(item) is dict or type(item) is list
        ]
    return bool(level)


def _refuse_half_pairs(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if type(item) is dict:
            waiting += item
            waiting += item.values()
        elif type(item) is list:
            waiting += item
        elif type(item) is str and not item.isascii():
            _refuse_half_pair(item)


def _refuse_half_pair(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        received = f"\\u{half:04x}, one half of a surrogate pair on its own"
        raise PayloadError("whole characters", received) from None
