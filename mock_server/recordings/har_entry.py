"""One entry of a recording, as what went over the wire: no tool's habits are left in it."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

__all__ = ["Wire", "wire_of"]

_SHORTENED = re.compile(r"the first (\d+) of (\d+) bytes")
_BROKEN_OFF = re.compile(r"broken off after (\d+) of (\d+) bytes")
_LOST = re.compile(
    r"reset|empty_response|timed_?out|timeout|aborted|socket hang up|never|nothing was answered", re.I
)
_UNSENT = re.compile(r"refused|not_resolved|blocked|unreachable|internet_disconnected|cert|ssl", re.I)
LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a body that is unpacked."""


class Wire(NamedTuple):
    """A request and its answer, in the words of the wire."""

    method: str
    scheme: str
    host: str
    """With its port where that is no usual one."""
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    at: float
    """Seconds since the epoch; 0 where the recording does not say."""
    ended_at: float | None
    body: bytes | None
    """None where the recording has none, though there was one."""
    body_size: int
    status: int | None
    lost: bool
    """Whether the request may have arrived although nothing was answered."""
    answer_headers: tuple[tuple[bytes, bytes], ...]
    answer: bytes | None
    """None where the recording has none, or a part of it."""
    answer_size: int
    whole_size: int | None
    own: dict[str, Any] | None
    """What kling-mock wrote beside it."""


def wire_of(entry: dict[str, Any], file_of: Callable[[str], bytes | None]) -> Wire | None:
    """The entry read; None for what is no request by HTTP. `file_of` gives bodies that stand beside it."""
    request, response = _object(entry.get("request")), _object(entry.get("response"))
    url, method = request.get("url"), request.get("method")
    if not isinstance(url, str) or not isinstance(method, str):
        return None
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    at, ended_at = _times(entry)
    body, body_size = _sent(request, file_of)
    headers = _headers(request)
    status = response.get("status")
    status = status if isinstance(status, int) and 100 <= status <= 599 else None
    answer_headers = _headers(response) if status else ()
    answer, size, whole = _answered(response, answer_headers, file_of)
    own = entry.get("_klingMock")
    return Wire(
        method=method.upper(),
        scheme=parts.scheme,
        host=host,
        path=unquote(parts.path) or "/",
        query=parts.query.encode("utf-8", "surrogatepass"),
        headers=headers,
        at=at,
        ended_at=ended_at,
        body=body,
        body_size=body_size,
        status=status,
        lost=status is None and _was_lost(entry, response),
        answer_headers=answer_headers,
        answer=answer if status else None,
        answer_size=size,
        whole_size=whole,
        own=own if isinstance(own, dict) else None,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _times(entry: dict[str, Any]) -> tuple[float, float | None]:
    try:
        at = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return 0.0, None
    took = entry.get("time")
    if isinstance(took, bool) or not isinstance(took, int | float) or not 0 <= took < 1e12:
        return at, None
    return at, at + took / 1000


def _headers(message: dict[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    """Names in lower case; those of HTTP/2 that begin with a colon are none."""
    rows = message.get("headers")
    found = []
    for row in rows if isinstance(rows, list) else []:
        name, value = _object(row).get("name"), _object(row).get("value")
        if isinstance(name, str) and isinstance(value, str) and name and not name.startswith(":"):
            found.append((_bytes(name.lower()), _bytes(value)))
    return tuple(found)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _sent(request: dict[str, Any], file_of: Callable[[str], bytes | None]) -> tuple[bytes | None, int]:
    """The body of the request and its size; None where there was one that was not recorded."""
    post = _object(request.get("postData"))
    text = post.get("text")
    if not text and isinstance(post.get("_file"), str):
        found = file_of(post["_file"])
        return found, len(found or b"")
    size = request.get("bodySize")
    if not isinstance(text, str) or (text == "" and size != 0):
        known = size if isinstance(size, int) and size > 0 else 0
        return (None, known) if known or request.get("method") in ("POST", "PUT") else (b"", 0)
    body = _decoded(text, post.get("encoding"))
    cut = _SHORTENED.search(str(post.get("comment", "")))
    return body, int(cut[2]) if cut else len(body)


def _answered(
    response: dict[str, Any],
    headers: tuple[tuple[bytes, bytes], ...],
    file_of: Callable[[str], bytes | None],
) -> tuple[bytes | None, int, int | None]:
    """The body of the answer without its coding, its size, and how long it was to be where it broke off."""
    content = _object(response.get("content"))
    text, comment = content.get("text"), str(content.get("comment", ""))
    broken = _BROKEN_OFF.search(comment)
    whole = int(broken[2]) if broken else None
    if isinstance(text, str):
        body: bytes | None = _decoded(text, content.get("encoding"))
    elif isinstance(content.get("_file"), str):
        body = file_of(content["_file"])
    else:
        body = b"" if content.get("size") == 0 and not broken else None
    if body is None:
        return None, 0, whole
    coding = dict(headers).get(b"content-encoding", b"").strip().lower()
    body = _unpacked(body, coding)
    cut = _SHORTENED.search(comment)
    return body, int(cut[2]) if cut else len(body), whole


def _decoded(text: str, encoding: object) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(text, validate=False)
        except (binascii.Error, ValueError):
            pass
    return _bytes(text)


def _unpacked(body: bytes, coding: bytes) -> bytes:
    """A body that was recorded as it was packed; most tools unpack it."""
    try:
        if coding == b"gzip" and body.startswith(b"\x1f\x8b"):
            return gzip.decompress(body) if len(body) <= LARGEST_BODY else body
        if coding == b"deflate" and body[:1] == b"\x78":
            return zlib.decompress(body) if len(body) <= LARGEST_BODY else body
    except (OSError, EOFError, zlib.error):
        pass
    return body


def _was_lost(entry: dict[str, Any], response: dict[str, Any]) -> bool:
    """Whether a request without an answer may have arrived, by what the tool says of it."""
    said = " ".join(
        str(place[name])
        for place in (response, entry)
        for name in ("_error", "_failureText", "comment", "statusText")
        if isinstance(place.get(name), str)
    )
    return bool(_LOST.search(said)) and not _UNSENT.search(said)
