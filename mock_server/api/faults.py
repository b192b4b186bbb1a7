"""A fault's effect on an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from operator import attrgetter
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..clock import LATEST
from .request_context import REDIRECTED
from .response import Answer, encode, error_answer

if TYPE_CHECKING:
    from ..exchanges.journal import Exchange
    from ..scenarios import Fault, Scenario
    from ..scenarios.fault import Place
    from ..state import State

__all__ = ["apply_fault", "struck"]

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
FIRST_KEY = re.compile(rb"""\{("(?:[^"\\]|\\.)*":(?:"(?:[^"\\]|\\.)*"|[^",{}\[\]]+),)""", re.DOTALL)
"""The first key of a JSON object, with a value that is no container and the comma behind it."""


def struck(scenario: Scenario, place: Place, hits: dict[int, int], elapsed: float) -> list[Fault]:
    """The faults that strike a request now, the one that takes the answer's place first; counts it in `hits`.

    A fault that takes the answer's place hides the later ones from this request, so that two of them
    come one after the other. A request outside of a fault's bounds on the clock does not count for it.
    """
    found: list[Fault] = []
    replaced = False
    for index, fault in scenario.at(place):
        if (replaced and not fault.modifies) or not fault.is_open(elapsed):
            continue
        seen = hits.get(index, 0)
        hits[index] = seen + 1
        if fault.strikes(seen, elapsed):
            found.append(fault)
            replaced = replaced or not fault.modifies
    if len(found) > 1:
        found.sort(key=_turn)
    return found


_turn = attrgetter("turn")


def apply_fault(
    state: State, exchange: Exchange, fault: Fault, answer: Answer | None, other_origin: str
) -> Answer:
    """The answer that goes out instead of `answer`, or `answer` itself, changed."""
    if fault.modifies:
        assert answer is not None
        _modify(answer, fault)
        return answer
    match fault.kind:
        case "status":
            headers = _retry_headers(state, fault)
            text = fault.message or "Error"
            return error_answer(state, exchange, fault.answer_status, text, headers=headers)
        case "html":
            status = fault.answer_status
            reason = REASONS.get(status, b"Error")
            page = GATEWAY_PAGE % (status, reason, status, reason)
            return Answer(status, page, b"text/html", _retry_headers(state, fault))
        case "expired":
            return Answer(fault.answer_status, EXPIRED_PAGE, b"application/xml")
        case "empty":
            return Answer(200, b"")
        case "not-json":
            return Answer(200, b"OK: your request was accepted", b"text/plain; charset=utf-8")
        case "redirect":
            query = b"&".join(part for part in (exchange.query_string, REDIRECTED) if part)
            target = (other_origin + quote(exchange.path)).encode() + b"?" + query
            return Answer(307, b"", headers=[(b"location", target)])
    answer = answer or Answer(200, encode({"id": "", "status": "queued"}))
    if fault.kind == "without-id":
        return Answer(answer.status, encode({"status": "queued"}))
    if fault.kind == "empty-id":
        return Answer(answer.status, encode({"id": "", "status": "queued"}))
    answer.cut = fault.kind
    return answer


def _modify(answer: Answer, fault: Fault) -> None:
    match fault.kind:
        case "slow":
            answer.delay += fault.seconds
        case "drip":
            answer.drip += fault.seconds
        case "chunked":
            answer.chunked = True
        case "gzip":
            answer.gzip = True
        case "close":
            answer.close = True
        case "wrong-content-type":
            answer.content_type = b"text/plain; charset=utf-8"
        case "byte-order-mark":
            answer.body = b"\xef\xbb\xbf" + answer.body
        case "duplicate-keys":
            first = FIRST_KEY.match(answer.body)
            if first is not None:
                answer.body = b"{" + first[1] + answer.body[1:]


def _retry_headers(state: State, fault: Fault) -> Sequence[tuple[bytes, bytes]]:
    if fault.retry_after is None:
        return ()
    if fault.retry_date:
        # Whole seconds are all that a date can say: round up, so that waiting until then is long enough.
        latest = min(state.clock.now() + fault.retry_after, LATEST)
        moment = datetime.fromtimestamp(-(-latest // 1), UTC)
        return [(b"retry-after", format_datetime(moment, usegmt=True).encode())]
    seconds = fault.retry_after
    shown = str(int(seconds)) if seconds == int(seconds) else str(seconds)
    return [(b"retry-after", shown.encode())]
