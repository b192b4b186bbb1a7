"""A response before it goes out: status, headers, body, and what is to go wrong on the way."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import quote

from ..exchanges.exchange import Headers, header_lines, parse_lines

__all__ = [
    "BODILESS",
    "CORS_HEADERS",
    "FREE_HEADERS",
    "FREE_LINES",
    "JSON",
    "Made",
    "MockResponse",
    "encode",
    "header_id",
    "preflight_response",
]

JSON = b"application/json; charset=utf-8"
EXPOSED = b"x-inference-id, x-client-request-id, x-aimlapi-credits-used, x-aimlapi-usd-spent"
CORS_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED),
]
CORS_LINES = header_lines(CORS_HEADERS)
FREE_HEADERS = [(b"x-aimlapi-credits-used", b"0"), (b"x-aimlapi-usd-spent", b"0")]
FREE_LINES = header_lines(FREE_HEADERS)
"""What a poll costs: nothing."""
BODILESS = (204, 304)
"""Statuses whose answers end with their headers: a body would be taken for the next answer."""

Cut = Literal["truncated", "reset", "dropped", "hang"]


class Made:
    """How an answer that comes again went out the last time, and what it was made of: these very objects."""

    __slots__ = ("body", "date", "lines", "whole")

    def __init__(self) -> None:
        self.body = self.date = b""
        self.lines: bytes | None = None
        self.whole: Any = None
        """What `whole_response` gave."""


class MockResponse:
    """What is answered, and how: `delay` and `drip` are virtual seconds, `cut` says how it breaks off."""

    cut: Cut | None = None
    delay = 0.0
    drip = 0.0
    chunked = False
    gzip = False
    close = False
    made: Made | None = None
    """Of an answer that comes again."""

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: bytes = JSON,
        headers: Headers = (),
        *,
        lines: bytes | None = None,
        shared: bool = True,
    ) -> None:
        """`lines` are the headers as they go over the wire, where they are encoded already; else `headers`.

        `shared` adds the headers by which pages of any origin may read the response.
        """
        self.status = status
        self.body = body
        self.content_type = content_type
        self._headers = headers
        self._lines = lines
        self.shared = shared

    def made_before(self, date: bytes) -> Any:
        """What was made of the same answer at the same date, if it was the last one; else None."""
        made = self.made
        if made is None or made.date is not date or self.content_type is not JSON:
            return None
        return made.whole if made.body is self.body and made.lines is self._lines else None

    def note_made(self, date: bytes, whole: Any) -> None:
        """Keep what was made of an answer that comes again."""
        made = self.made
        if made is not None and self.content_type is JSON:
            made.date, made.body, made.lines, made.whole = date, self.body, self._lines, whole

    @property
    def headers(self) -> Headers:
        """The headers of its own; `head` has those of every response as well."""
        if self._lines is not None:
            return parse_lines(self._lines)
        return self._headers

    def add_header(self, name: bytes, value: bytes) -> None:
        """Add a header of its own."""
        if self._lines is not None:
            self._lines += b"%b: %b\r\n" % (name, value)
        else:
            self._headers = [*self._headers, (name, value)]

    @property
    def plain(self) -> bool:
        """Whether it goes out at once and whole."""
        return not (self.cut or self.delay or self.drip or self.chunked or self.gzip or self.close)

    def head(
        self, date: bytes, *, more: bytes = b"", body: bytes | None = None, length: bool = True
    ) -> bytes:
        """All header lines of the response: the one place where they are composed.

        `body` is what goes over the wire where that is not its own, `more` are further lines, `length` says
        whether there is a content-length.
        """
        body = self.body if body is None else body
        lines = header_lines(self._headers) if self._lines is None else self._lines
        shared = CORS_LINES if self.shared else b""
        if body and length and self.status not in BODILESS:
            parts = (len(body), lines, self.content_type, shared, date, more)
            return b"content-length: %d\r\n%bcontent-type: %b\r\n%bdate: %b\r\n%b" % parts
        size = b"content-length: %d\r\n" % len(body) if length and self.status not in BODILESS else b""
        content_type = b"content-type: %b\r\n" % self.content_type if body else b""
        return b"%b%b%b%bdate: %b\r\n%b" % (size, lines, content_type, shared, date, more)


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


# json.dumps would make one of these for each call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def header_id(job_id: str) -> bytes:
    """An id as a header value: what is no visible ASCII is percent-encoded."""
    if job_id.isascii() and job_id.isprintable():
        return job_id.encode()
    return quote(job_id, safe="!#$%&'()*+,/:;=?@[]~ ").encode()


def preflight_response(asked: str | None) -> MockResponse:
    """The response to a browser's OPTIONS request: whatever it asked for is allowed."""
    allowed = (asked or "authorization, content-type, x-client-request-id, x-mock-scenario").encode("latin-1")
    headers = [
        (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"600"),
    ]
    return MockResponse(204, b"", headers=headers)
