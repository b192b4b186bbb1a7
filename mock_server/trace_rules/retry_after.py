"""How long a client waited after an answer with Retry-After, on the server's clock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from ..exchanges.exchange import Exchange

__all__ = ["retry_after", "waited_too_little"]

LONGEST_CAP = 30.0
"""Seconds: a client may have a cap of its own on what it waits, and this is a generous one."""
TOLERANCE = 0.05
"""Seconds: timers wake a little early, and the answer has gone out a little before it is noted."""
STATUSES = (429, 503)


def retry_after(exchange: Exchange) -> float | None:
    """The seconds that an answer asks its client to wait, from seconds or a date; None where it does not."""
    for name, value in exchange.answer_headers:
        if name.lower() == b"retry-after":
            return _seconds(value.decode("latin-1").strip(), exchange.at)
    return None


def waited_too_little(trace: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange, float, float]]:
    """Pairs of an answer and the next request of its kind that came too early, with seconds waited and asked.

    The next request is the next poll of the same id, or the next create with the same body.
    """
    waiting: dict[tuple[object, ...], Exchange] = {}
    for exchange in trace:
        subject = _subject(exchange)
        if subject is None:
            continue
        before = waiting.pop(subject, None)
        if before is not None and before.ended_at is not None:
            asked = retry_after(before)
            waited = exchange.at - before.ended_at
            if asked is not None and waited < min(asked, LONGEST_CAP) - TOLERANCE:
                # Below nothing, the request was under way when the answer came; nothing at all is a clock
                # that stands still, which no wait moves.
                if waited > 0:
                    yield before, exchange, waited, asked
        if exchange.status in STATUSES:
            waiting[subject] = exchange


def _subject(exchange: Exchange) -> tuple[object, ...] | None:
    if exchange.kind == "poll":
        return ("poll", exchange.job_id)
    if exchange.kind == "create":
        return ("create", exchange.path, exchange.body, exchange.body_size)
    return None


def _seconds(text: str, now: float) -> float | None:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone is one of GMT all the same.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)
