"""B. Making the job: what is asked for once is paid for once."""

from __future__ import annotations

from .. import behaviours
from ..runs import Run
from .base import REQUIRED, Failure, Section
from .cases import behaving

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule


def _poll_troubles():  # type: ignore[no-untyped-def]
    return behaviours.combined(behaviours.plans(most=2), behaviours.poll_troubles(least=1, longest=3))


@rule(
    "B1",
    "one-create-per-job",
    REQUIRED,
    cases=behaving(_poll_troubles),
    cost="Every create makes a job that is paid for: trouble while polling buys the video again.",
)
def one_create_per_job(run: Run) -> Failure | None:
    creates = run.creates
    if len(creates) > 1:
        return Failure(f"{len(creates)} creates were sent for one video", creates[1].number)
    return None
