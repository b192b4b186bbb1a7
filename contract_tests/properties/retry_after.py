"""Waits that a client is asked for by Retry-After, and the cap that it may have on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from kling_mock.exchanges.exchange import Exchange
from kling_mock.scenarios import CATALOGUE, Scenario
from kling_mock.timeline import Step
from kling_mock.trace_rules.retry_after import retry_after, waits_too_little

from ..driving.time_zones import ABROAD
from ..running.models import Run, Trial
from .base import Context
from .trials import each

__all__ = [
    "ASKING",
    "LEAST_CAP",
    "PATIENCE",
    "UNTIL",
    "ahead_of",
    "as_date",
    "last_said",
    "own_cap",
    "waited",
    "waits",
]

PATIENCE = 60.0
"""Virtual seconds up to which a Retry-After is honoured by any client."""
LEAST_CAP = 10.0
"""Virtual seconds below which a cap is no better than not waiting."""
_ASKED = (1.0, 30.0, 60.0)
_ALIKE = 1.1


def _asking() -> Scenario:
    (limited,) = CATALOGUE["poll-rate-limited"].faults
    # Each 429 takes a poll's place, so the ones after it count one good poll more.
    faults = tuple(limited.replace(after=place, retry_after=wait) for place, wait in enumerate(_ASKED))
    plan = (Step("generating", 230.0), Step("completed"))
    return Scenario("generated", "Polls are asked to wait for 1, 30 and 60 s.", plan=plan, faults=faults)


ASKING = _asking()
"""Asks for a short wait, a longer one and the longest, with a good poll in between."""


AHEAD = 90.0
"""Seconds by which a client's time of day is ahead: each date that it is told to wait for is over then."""
(_limited,) = CATALOGUE["poll-rate-limited"].faults
UNTIL = Scenario(
    "generated",
    "The first poll is asked to wait until a date.",
    faults=(_limited.replace(times=1, retry_after=5.0, retry_date=True),),
)


def ahead_of(context: Context, scenario: Scenario) -> Iterator[Trial]:
    """A trial by a clock that is ahead of the dates it is told; none for a program, which has its own."""
    if context.client.kind == "python":
        note = f"the client's time of day is {AHEAD:.0f} s ahead"
        yield from each(scenario, ahead=AHEAD, note=note)(context)


def waited(before: Exchange, after: Exchange) -> float:
    """The virtual seconds from the end of an answer to a later request."""
    return after.at - (before.at if before.ended_at is None else before.ended_at)


def waits(run: Run) -> Iterator[tuple[Exchange, Exchange, float, float]]:
    """Each poll that was asked to wait, the one after it, and the seconds asked for and waited."""
    for before, after in itertools.pairwise(run.polls):
        asked = retry_after(before) if before.status in (429, 503) else None
        if asked is not None:
            yield before, after, asked, waited(before, after)


def as_date(exchange: Exchange) -> str:
    """In words, that an answer asked for its wait by a date, and where its client is; else nothing."""
    said = [value.decode("latin-1") for name, value in exchange.answer_headers if name == b"retry-after"]
    if not said or said[0].strip().isdigit():
        return ""
    return f" (until {said[0]}, in the time zone {ABROAD})"


def last_said(run: Run) -> str | None:
    """The last Retry-After that a poll was answered with, as it was written; None where there was none."""
    headers = (header for poll in reversed(run.polls) for header in poll.answer_headers)
    return next((value.decode("latin-1") for name, value in headers if name == b"retry-after"), None)


def own_cap(run: Run) -> float | None:
    """The cap that a run with `ASKING` shows: asked for more, the client waits for always the same.

    None where it shows none, also where it does not wait longer for being asked to.
    """
    seen = [(asked, taken) for _, _, asked, taken in waits(run)]
    short = [taken for asked, taken in seen if waits_too_little(taken, asked, math.inf)]
    if not short or len(seen) < len(_ASKED):
        return None
    cap = min(short)
    alike = max(short) <= cap * _ALIKE
    longer = seen[0][1] * _ALIKE < cap
    return cap if cap >= LEAST_CAP and alike and longer else None
