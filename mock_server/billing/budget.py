"""What charges come to, in words, and whether that is more than they may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..jobs.charges import Charge

__all__ = ["MOST_NAMED", "billed_usd", "in_words", "named", "over_budget"]

MOST_NAMED = 12
"""Jobs that a sentence names, the dearest first."""


def billed_usd(charges: Iterable[Charge]) -> float:
    """The US dollars of the charges that are kept and have a price."""
    return sum(charge.usd or 0.0 for charge in charges if charge.billed)


def in_words(charges: Sequence[Charge]) -> str:
    """`$6.50`, `$6.50 and 1 without a price`, or `2 without a price`; empty where nothing is billed."""
    billed = [charge for charge in charges if charge.billed]
    unpriced = sum(charge.usd is None for charge in billed)
    parts = [f"${billed_usd(billed):.2f}"] if len(billed) > unpriced else []
    return " and ".join([*parts, *([f"{unpriced} without a price"] if unpriced else [])])


def over_budget(charges: Sequence[Charge], budget: float | None) -> str:
    """A sentence that names the jobs, where more would have been billed than the budget; else nothing."""
    if budget is None or billed_usd(charges) <= budget:
        return ""
    return f"{in_words(charges)} would have been billed, the budget is ${budget:.2f}: {named(charges)}."


def named(charges: Iterable[Charge], of: str = "") -> str:
    """The jobs that are billed, the dearest first, each with its model and its price."""
    billed = sorted((one for one in charges if one.billed and one.usd), key=lambda one: -(one.usd or 0.0))
    shown = [f"{one.job_id} ({one.model}, ${one.usd:.2f}{of})" for one in billed[:MOST_NAMED]]
    more = [f"{len(billed) - MOST_NAMED} more"] if len(billed) > MOST_NAMED else []
    return ", ".join([*shown, *more])
