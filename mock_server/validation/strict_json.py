"""Request bodies read as strict JSON: what the standard forbids or leaves open is refused with a reason."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from ..errors import PayloadError

__all__ = ["MAX_DEPTH", "parse_json"]

MAX_DEPTH = 64
"""How deeply arrays and objects may lie within each other; the deepest contract needs six levels."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN = 40


def parse_json(raw: bytes) -> Any:
    """The value that a request body holds.

    Raises PayloadError, which says what is wrong and where, for an empty body, bytes that are not UTF-8 or
    start with a byte-order mark, text that is not JSON, NaN and Infinity, numbers too large to keep, the
    same key twice in an object, half a surrogate pair, and nesting deeper than MAX_DEPTH.
    """
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
    if b"\\" in raw and b"\\u" in raw:
        _refuse_half_pairs(value)
    return value


def _decoded(raw: bytes) -> str:
    if raw.startswith(_BYTE_ORDER_MARK):
        raise PayloadError("plain UTF-8", "a byte-order mark (EF BB BF) at the start")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, offset = raw[error.start], error.start
        raise PayloadError("UTF-8", f"the byte 0x{byte:02x} at offset {offset}") from None
    if not text or text.isspace():
        raise PayloadError("a JSON object", "an empty body")
    return text


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
    try:
        value, end = _DECODER.scan_once(text, 0)
    except StopIteration:
        # White space at the start, or no JSON: the decoder's own, slower way knows which.
        return _DECODER.decode(text)
    return value if end == len(text) else _DECODER.decode(text)


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
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        received = f"\\u{half:04x}, one half of a surrogate pair on its own"
        raise PayloadError("whole characters", received) from None
