"""Request bodies read as strict JSON: what the standard forbids or leaves open is refused with a reason."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, NoReturn

from ..errors import PayloadError
from ..units import MOST_JSON_VALUES
from .long_texts import LONG, half_pair_in, skeleton_of

__all__ = ["MAX_DEPTH", "parse_json"]

MAX_DEPTH = 64
"""How deeply arrays and objects may lie within each other; the deepest contract needs six levels."""
MOST_ESCAPES = 1_000_000
"""How many backslashes a body may have: each costs time, and 60 MB of base64 with `\\/` have that many."""
LONGEST_NUMBER = 1000
"""Characters of a number with a fraction or an exponent; Python itself bounds those of integers."""

_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
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
    if len(raw) > LONG:
        return _parse_long(raw, most_values)
    text = _decoded(raw)
    try:
        if _is_flat(text):
            value = _decode(text, _FLAT_DECODER)
            # As many keys as are written at least, so none of them is there twice.
            if type(value) is dict and len(value) == text.count('":'):
                return value
        value = _decode(text, _DECODER)
    except json.JSONDecodeError as error:
        at = error.pos
        _refuse_opened(text[:at])
        raise _syntax(error.msg, f"line {error.lineno} column {error.colno}", text[at : at + 5]) from None
    _refuse_depth(value, text)
    # A search for one byte is far faster than for two, which matters where a picture is in the body.
    if b"\\" in raw and (b"\\ud" in raw or b"\\uD" in raw):
        _refuse_half_pairs(value)
    return value


def _parse_long(raw: bytes, most_values: int) -> Any:
    """The same of a body that may be long: no call takes the interpreter for more than a few milliseconds."""
    _refuse_other_encodings(raw)
    skeleton = skeleton_of(raw, most_values)
    text, broken = skeleton.text, skeleton.broken
    try:
        value = _decode(text, _INTERRUPTED_DECODER)
    except json.JSONDecodeError as error:
        _refuse_opened(text[: error.pos])
        column, near = skeleton.column(error.pos), skeleton.near(error.pos)
        if broken is not None and error.msg.startswith("Unterminated"):
            column, near = column + broken.pos, broken.doc
        raise _syntax(error.msg, f"line {error.lineno} column {column}", near) from None
    _refuse_depth(value, text)
    if skeleton.half is not None:
        raise skeleton.half
    if "\\ud" in text or "\\uD" in text:
        _refuse_half_pairs(value)
    return _with_texts(value, skeleton.texts) if skeleton.texts else value


def _with_texts(value: Any, texts: dict[str, str]) -> Any:
    """A value with its long texts, which are no names, in the places of what stands for them."""
    whole = [value]
    waiting: list[Any] = [whole]
    while waiting:
        container = waiting.pop()
        if type(container) is dict and not texts.keys().isdisjoint(container):
            raise PayloadError(f"names of at most {LONG} bytes", "a longer one")
        for place, item in container.items() if type(container) is dict else enumerate(container):
            if type(item) is str:
                container[place] = texts.get(item, item)
            elif type(item) is dict or type(item) is list:
                waiting.append(item)
    return whole[0]


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
    _refuse_mark(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_utf8(raw[error.start], error.start) from None
    return text


def _refuse_other_encodings(raw: bytes) -> None:
    """Refuse a long body as `_decoded` does."""
    _refuse_mark(raw)
    decoder = codecs.getincrementaldecoder("utf-8")()
    blank, at = True, 0
    for part in _slices(raw):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(part)
        except UnicodeDecodeError as error:
            raise _no_utf8(error.object[error.start], at - held + error.start) from None
        blank = blank and not part.strip(_BLANKS.encode())
        at += len(part)
    if held := len(decoder.getstate()[0]):
        raise _no_utf8(raw[-held], at - held)
    if blank:
        raise PayloadError("a JSON object", "an empty body")


def _refuse_mark(raw: bytes) -> None:
    if raw.startswith(_BYTE_ORDER_MARK):
        raise PayloadError("plain UTF-8", "a byte-order mark (EF BB BF) at the start")


def _no_utf8(byte: int, offset: int) -> PayloadError:
    return PayloadError("UTF-8", f"the byte 0x{byte:02x} at offset {offset}")


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
_FLAT_DECODER: Any = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
"""The same without a look at the keys of each object, which takes as long as all the rest."""
_INTERRUPTED_DECODER: Any = json.JSONDecoder(
    # Other threads get their turn at each call: many integers of many digits take long.
    object_pairs_hook=_unique,
    parse_float=_finite,
    parse_constant=_no_constant,
    parse_int=lambda digits: int(digits),
)


def _is_flat(text: str) -> bool:
    """Whether there is one object alone, without escapes, and no blank between a key and its colon."""
    return (
        "[" not in text
        and "\\" not in text
        and " :" not in text
        and "\n" not in text
        and "\t" not in text
        and "\r" not in text
        and text.count("{") == 1
    )


def _decode(text: str, decoder: Any) -> Any:
    start = _skip_blanks(text, 0)
    if start == len(text):
        raise PayloadError("a JSON object", "an empty body")
    try:
        value, end = decoder.scan_once(text, start)
    except StopIteration as stop:
        raise json.JSONDecodeError("Expecting value", text, stop.value) from None
    except RecursionError:
        raise _too_deep() from None
    except (PayloadError, json.JSONDecodeError):
        raise
    except ValueError:
        # Python refuses to convert more digits than its limit: the time would grow with their square.
        raise PayloadError("integers of a usable size", "thousands of digits") from None
    if end != len(text) and (end := _skip_blanks(text, end)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _syntax(what: str, where: str, near: str) -> PayloadError:
    """What is no JSON, at a place of which the first five characters are known."""
    where = f"at {where}"
    if not near:
        return PayloadError("JSON", f"a body that ends too early, {where}")
    # No more than may be seen of a key: what stands there may be the middle of one.
    received = _shown(near[:4] + ("…" if len(near) > 4 else ""))
    if what == "Extra data":
        return PayloadError("one JSON value", f"more after it: {received} {where}")
    return PayloadError("JSON", f"{received} {where}")


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "…", ensure_ascii=True).replace(
        "\\u2026", "…"
    )


def _too_deep() -> PayloadError:
    return PayloadError(f"at most {MAX_DEPTH} levels of arrays and objects", "more")


def _refuse_depth(value: Any, text: str) -> None:
    # As many brackets as levels at least: few of them spare the search.
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise _too_deep()


def _refuse_opened(text: str) -> None:
    """Refuse the beginning of a text that goes too deep, however deep this Python would follow it."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise _too_deep()


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
        elif type(item) is str and (error := half_pair_in(item)) is not None:
            raise error
