"""A. What is sent: the create body, its route, its headers."""

from __future__ import annotations

from ..runs import Run
from .base import REQUIRED, Failure, Section
from .cases import any_payload

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule


@rule(
    "A1",
    "payload-valid",
    REQUIRED,
    cases=any_payload,
    per_model=True,
    cost="A valid request is refused: the user gets no video for a correct input.",
)
def payload_valid(run: Run) -> Failure | None:
    for exchange in run.creates:
        if exchange.violations:
            problem = exchange.violations[0]
            return Failure(
                f"the create body is not valid: {problem.path} expected {problem.expected}, "
                f"received {problem.received}",
                exchange.number,
            )
    return None
