"""What one run of a client would have cost at most."""

from __future__ import annotations

from kling_mock.billing.budget import billed_usd, over_budget
from kling_mock.jobs.charges import Charge

from .models import Run

__all__ = ["Spending"]


class Spending:
    """Keeps the charges of the dearest run, and what it was."""

    def __init__(self) -> None:
        self._usd = -1.0
        self._charges: tuple[Charge, ...] = ()
        self._of = ""
        self._unpriced = 0

    def see(self, run: Run) -> None:
        """Count a run in."""
        usd = billed_usd(run.charges)
        self._unpriced += sum(charge.usd is None for charge in run.charges)
        if usd > self._usd:
            scenario = run.trial.scenario
            self._usd, self._charges = usd, run.charges
            self._of = run.trial.note or scenario.summary.rstrip(".") or scenario.name

    def add(self, other: Spending) -> None:
        """Count in the runs of another process."""
        self._unpriced += other._unpriced
        if other._usd > self._usd:
            self._usd, self._charges, self._of = other._usd, other._charges, other._of

    def unpriced(self, budget: float | None) -> str:
        """A sentence where a budget leaves out videos that have no price; else nothing."""
        if budget is None or not self._unpriced:
            return ""
        return (
            f"{self._unpriced} videos without a price are not in the budget: --prices names a file of prices."
        )

    def beyond(self, budget: float | None) -> str:
        """A sentence that names the jobs of the dearest run, where it exceeds the budget; else nothing."""
        says = over_budget(self._charges, budget)
        return says and f"In one run of the client ({self._of}) {says}"
