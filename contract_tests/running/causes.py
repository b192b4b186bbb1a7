"""One cause, one breach: which property names what goes wrong already in a plain job."""

from __future__ import annotations

import re

from kling_mock.timeline import PENDING_STATUSES

from ..properties.oracles import documented, nulls
from .met import states_told
from .models import Run

__all__ = ["EVERYWHERE", "UNNAMED", "cause_of"]

EVERYWHERE = "A6"
"""The property that a run must not break for any other one to be judged by it: nothing of it arrives."""
UNNAMED = "B7"
"""The property that breaks for a client that never comes back with a video, whatever its reason is."""
_USAGE = re.compile(r"usage|credits|tokens", re.I)
"""Words of a mistake in reading what a job cost."""


def cause_of(plain: Run) -> str:
    """The id of the property that names why a plain job ended without its video; empty where it did not."""
    if plain.delivered:
        return ""
    if plain.stale and not plain.received:
        return "A7"
    if plain.remembered:
        return "B11"
    if not plain.trace or any(not documented(exchange) for exchange in plain.trace):
        return EVERYWHERE
    if not plain.creates:
        return "A2"
    answers = [*plain.creates, *plain.polls]
    if any(exchange.status in (401, 403) for exchange in answers):
        return "A7"
    made = [exchange for exchange in plain.creates if exchange.job_id is not None]
    if not made:
        return _of_the_create(plain)
    if not all(exchange.known_id for exchange in plain.polls):
        return "C11"
    if plain.outcome.crashed:
        return "D5" if _USAGE.search(plain.outcome.text) else "D1"
    if not plain.polls:
        return UNNAMED
    return _of_the_answers(plain)


def _of_the_create(plain: Run) -> str:
    """The same for a client whose create is refused: by what is wrong with its body."""
    refused = [exchange.payload for exchange in plain.creates if exchange.violations]
    given = set(nulls(plain.trial.payload))
    if any(set(nulls(payload)) - given for payload in refused):
        return "A4"
    return "A1" if refused else "A8"


def _of_the_answers(plain: Run) -> str:
    """The same for a client that polls its job: by the last status that it was told."""
    told = states_told(plain.polls)
    if not told or told[-1] in PENDING_STATUSES:
        return "C2"
    return "C1" if told.count(told[-1]) > 1 else "D6"
