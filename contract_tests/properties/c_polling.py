"""C. Polling: until the end, not beyond, at a sane pace, and through trouble."""

from __future__ import annotations

from hypothesis import strategies as st

from .. import behaviours
from ..runs import Run
from .base import REQUIRED, Failure, Section
from .cases import behaving

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule


@rule(
    "C1",
    "stops-at-terminal",
    REQUIRED,
    cases=behaving(lambda: st.one_of(behaviours.healthy(troubles=False), behaviours.failures())),
    cost="The client polls on for a job that has ended, until it runs out of time.",
)
def stops_at_terminal(run: Run) -> Failure | None:
    ended: set[str] = set()
    for exchange in run.trace:
        if exchange.kind == "poll" and exchange.job_id in ended:
            return Failure(f"polled on after the job {exchange.job_id} had ended", exchange.number)
        if exchange.state in ("completed", "error") and exchange.job_id is not None and exchange.fault is None:
            ended.add(exchange.job_id)
    return None
