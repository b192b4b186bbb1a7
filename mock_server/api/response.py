"""An answer before it goes out: status, headers, body, and what is to go wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..exchanges.journal import header_lines, parse_lines, timestamp
from ..jobs.ids import looks_issued

if TYPE_CHECKING:
    from ..exchanges.journal import Exchange
    from ..state import State
    from ..validation import Problem

__all__ = [
    "CORS_HEADERS",
    "FREE_HEADERS",
    "FREE_LINES",
    "JSON",
    "Answer",
    "encode",
    "error_answer",
    "header_id",
    "preflight_answer",
]

JSON = b"application/json; charset=utf-8"
EXPOSED = b"x-inference-id, x-client-request-id, x-aimlapi-credits-used, x-aimlapi-usd-spent"
CORS_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED),
]
FREE_HEADERS = [(b"x-aimlapi-credits-used", b"0"), (b"x-aimlapi-usd-spent", b"0")]


class Answer:
    """What is answered, and how: `cut` is `truncated`, `reset` or `hang`; `delay` and `drip` are seconds."""

    __slots__ = (
        "_headers",
        "_lines",
        "body",
        "chunked",
        "close",
        "content_type",
        "cut",
        "delay",
        "drip",
        "gzip",
        "status",
    )

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: bytes = JSON,
        headers: Sequence[tuple[bytes, bytes]] = (),
        *,
        lines: bytes | None = None,
    ) -> None:
        """`lines` are the headers as they go over the wire, for who has them ready; `headers` else."""
        self.status = status
        self.body = body
        self.content_type = content_type
        self._headers = headers
        self._lines = lines
        self.cut: str | None = None
        self.delay = 0.0
        self.drip = 0.0
        self.chunked = False
        self.gzip = False
        self.close = False

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """The headers of its own: those of every answer come in its delivery."""
        if self._lines is not None:
            return parse_lines(self._lines)
        return self._headers

    @headers.setter
    def headers(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._headers, self._lines = headers, None

    @property
    def lines(self) -> bytes:
        """Its own headers as they go over the wire."""
        return header_lines(self._headers) if self._lines is None else self._lines

    @property
    def plain(self) -> bool:
        """Whether it goes out at once and whole."""
        return not (self.cut or self.delay or self.drip or self.chunked or self.gzip or self.close)


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


# json.dumps would make one of these for each call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


FREE_LINES = header_lines(FREE_HEADERS)
"""What a poll costs: nothing."""


def error_answer(
    state: State,
    exchange: Exchange,
    status: int,
    message: str,
    *,
    problems: Sequence[Problem] = (),
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> Answer:
    """The API's error body; `problems` stand in it machine-readable as `errors`."""
    request_id = state.ids.request_id()
    body: dict[str, Any] = {
        "requestId": request_id,
        "statusCode": status,
        "timestamp": timestamp(state.clock.now()),
        "path": exchange.path,
        "message": message,
    }
    if problems:
        body["errors"] = [problem.as_dict() for problem in problems]
    inference = _inference_headers(exchange, request_id)
    return Answer(status, encode(body), headers=[*inference, *FREE_HEADERS, *headers])


def header_id(job_id: str) -> bytes:
    """An id as a header value: what is no visible ASCII is percent-encoded."""
    if job_id.isascii() and job_id.isprintable():
        return job_id.encode()
    return quote(job_id, safe="!#$%&'()*+,/:;=?@[]~ ").encode()


def _inference_headers(exchange: Exchange, request_id: str) -> list[tuple[bytes, bytes]]:
    """`x-inference-id` of an error: a polled id that could have been issued, else the request's own."""
    if exchange.job_id is None:
        return [(b"x-inference-id", request_id.encode())]
    if exchange.known_id or looks_issued(exchange.job_id):
        return [(b"x-inference-id", header_id(exchange.job_id))]
    return []


def preflight_answer(asked: str | None) -> Answer:
    """The answer to a browser's OPTIONS request: whatever it asked for is allowed."""
    allowed = (asked or "authorization, content-type, x-client-request-id, x-mock-scenario").encode("latin-1")
    headers = [
        (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"600"),
    ]
    return Answer(204, b"", headers=headers)
