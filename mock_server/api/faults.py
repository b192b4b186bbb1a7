"""What faults do to a response: the same for creates, polls and downloads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from ..clock import LATEST
from .error_response import error_response
from .request_context import REDIRECTED
from .response import MockResponse, encode

if TYPE_CHECKING:
    from ..scenarios import Fault
    from ..workspace import Workspace
    from .outcome import Outcome
    from .request_context import RequestContext
    from .response import Cut

__all__ = ["play_faults"]

GATEWAY_PAGE = b"""<html>\r
<head><title>%d %s</title></head>\r
<body>\r
<center><h1>%d %s</h1></center>\r
<hr><center>cloudflare</center>\r
</body>\r
</html>\r
"""
REASONS = {502: b"Bad Gateway", 503: b"Service Unavailable", 504: b"Gateway Time-out"}
EXPIRED_PAGE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
    b"<Message>Request has expired</Message></Error>"
)
FIRST_KEY = re.compile(rb"""\{("(?:[^"\\]|\\.)*":(?:"(?:[^"\\]|\\.)*"|[^",{}\[\]]+))[,}]""", re.DOTALL)
"""The first key of a JSON object, with a value that is no container."""


def play_faults(
    space: Workspace,
    request: RequestContext,
    outcome: Outcome,
    faults: Sequence[Fault],
    response: MockResponse | None,
) -> MockResponse:
    """The response after faults that strike it, the one that replaces it first; notes the first of them.

    `response` is what goes out without them; None where nothing but a fault answers.
    """
    for fault in faults:
        outcome.fault = outcome.fault or fault.kind
        if fault.modifies:
            assert response is not None
            _modify(response, fault)
        else:
            response = _replace(space, request, outcome, fault, response)
    assert response is not None
    return response


def _replace(
    space: Workspace,
    request: RequestContext,
    outcome: Outcome,
    fault: Fault,
    response: MockResponse | None,
) -> MockResponse:
    """The response that goes out in the place of another, or that one, cut."""
    match fault.kind:
        case "status":
            headers = _retry_headers(space, fault)
            text = fault.message or "Error"
            return error_response(
                space, request.path, fault.answer_status, text, headers=headers, outcome=outcome
            )
        case "html":
            status = fault.answer_status
            reason = REASONS.get(status, b"Error")
            page = GATEWAY_PAGE % (status, reason, status, reason)
            return MockResponse(status, page, b"text/html", _retry_headers(space, fault))
        case "expired":
            return MockResponse(fault.answer_status, EXPIRED_PAGE, b"application/xml")
        case "empty":
            return MockResponse(fault.answer_status, b"")
        case "not-json":
            return MockResponse(200, b"OK: your request was accepted", b"text/plain; charset=utf-8")
        case "redirect":
            query = b"&".join(part for part in (request.query, REDIRECTED) if part)
            target = (request.other_origin() + quote(request.path)).encode() + b"?" + query
            return MockResponse(307, b"", headers=[(b"location", target)])
    response = response or MockResponse(200, encode({"id": "", "status": "queued"}))
    if fault.kind == "without-id":
        return MockResponse(response.status, encode({"status": "queued"}))
    if fault.kind == "empty-id":
        return MockResponse(response.status, encode({"id": "", "status": "queued"}))
    response.cut = cast("Cut", str(fault.kind))
    return response


def _modify(response: MockResponse, fault: Fault) -> None:
    match fault.kind:
        case "slow":
            response.delay += fault.seconds
        case "drip":
            response.drip += fault.seconds
        case "chunked":
            response.chunked = True
        case "gzip":
            response.gzip = True
        case "close":
            response.close = True
        case "wrong-content-type":
            response.content_type = b"text/plain; charset=utf-8"
        case "byte-order-mark":
            response.body = b"\xef\xbb\xbf" + response.body
        case "duplicate-keys":
            first = FIRST_KEY.match(response.body)
            if first is not None:
                response.body = b"{" + first[1] + b"," + response.body[1:]


def _retry_headers(space: Workspace, fault: Fault) -> Sequence[tuple[bytes, bytes]]:
    if fault.retry_after is None:
        return ()
    if fault.retry_date:
        # Whole seconds are all that a date can say: round up, so that waiting until then is long enough.
        latest = min(space.clock.now() + fault.retry_after, LATEST)
        moment = datetime.fromtimestamp(-(-latest // 1), UTC)
        return [(b"retry-after", format_datetime(moment, usegmt=True).encode())]
    seconds = fault.retry_after
    shown = str(int(seconds)) if seconds == int(seconds) else str(seconds)
    return [(b"retry-after", shown.encode())]
