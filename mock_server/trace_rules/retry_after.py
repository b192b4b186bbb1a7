"""Retry-After: how long an answer asks its client to wait, and whether the client did."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from ..exchanges.exchange import Exchange

__all__ = ["TOLERANCE", "retry_after", "seconds_asked", "waited_too_little", "waits_too_little"]

LONGEST_CAP = 30.0
"""Virtual seconds: a client may have a cap of its own on its waits, and a trace does not show which."""
TOLERANCE = 0.05
"""Virtual seconds: timers wake a little early, and an answer has gone out a little before it is noted."""
STATUSES = (429, 503)
_DATE_STEP = 1.0
"""Seconds: a date knows whole ones, and the server rounds up."""


def retry_after(exchange: Exchange) -> float | None:
    """The virtual seconds that an answer asks its client to wait once it is over; None where it does not."""
    for name, value in exchange.answer_headers:
        if name.lower() == b"retry-after":
            ended = exchange.at if exchange.ended_at is None else exchange.ended_at
            return seconds_asked(value.decode("latin-1"), ended)
    return None


def seconds_asked(value: str, now: float) -> float | None:
    """The seconds that a Retry-After asks for, read at `now` in seconds since the epoch.

    `value` is a number of seconds or an HTTP date; None for anything else. Of a date it is the least that
    may be meant: the date is rounded up to a whole second, so one second less than the time until then,
    and never less than 0.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is one of GMT all the same.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now - _DATE_STEP)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def waits_too_little(waited: float, asked: float, cap: float) -> bool:
    """True where a client that may cap its waits at `cap` seconds has waited less than it was asked to."""
    return waited < min(asked, cap) - TOLERANCE


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
            # Below nothing, the request was under way when the answer came; nothing at all is a clock
            # that stands still, which no wait moves.
            if asked is not None and waited > 0 and waits_too_little(waited, asked, LONGEST_CAP):
                yield before, exchange, waited, asked
        if exchange.status in STATUSES:
            waiting[subject] = exchange


def _subject(exchange: Exchange) -> tuple[object, ...] | None:
    if exchange.kind == "poll":
        return ("poll", exchange.job_id)
    if exchange.kind == "create":
        return ("create", exchange.path, exchange.body, exchange.body_size)
    return None
