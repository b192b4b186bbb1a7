"""A. What is sent: whose dictionary the payload is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import difference
from .trials import any_payload, boundaries

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule


def _few(context: Context) -> Iterator[Trial]:
    return itertools.islice(boundaries(context), 3)


@rule(
    "A13",
    trials=any_payload,
    first=_few,
    applies=lambda context: None if context.client.kind == "python" else "is about functions",
    examples=5,
)
def payload_untouched(run: Run) -> Failure | None:
    for kept, given in zip(run.kept_payloads, run.trial.payloads, strict=True):
        found = None if kept == given else difference(kept, given)
        if found is not None:
            return Failure(
                f"the caller's own payload was changed: {found.replace(' and sent as ', ' and became ')}"
            )
    return None
