"""An account as a function of the balance that it opens with and of the charges of its jobs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ..exchanges.exchange import timestamp
from ..jobs.charges import CREDITS_PER_USD
from ..store import UNBOUNDED, JobBounds

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Store

__all__ = ["LANDS_AFTER", "OPENING_USD", "Transaction", "balance_of", "committed_bounds", "opening_credits"]

LANDS_AFTER = 60.0
"""Virtual seconds from a job's completion to its charge: who reads the ledger at once misses it."""
OPENING_USD = 1000.0
"""What an account holds at first where nobody says; it never runs dry then."""


class Transaction(NamedTuple):
    """An entry of the ledger; `credits` without a sign, `at` the virtual moment at which it landed."""

    at: float
    direction: str
    type: str
    credits: int
    model: str | None = None
    reference_id: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The entry as the API shows it."""
        return {
            "created_at": timestamp(self.at),
            "direction": self.direction,
            "type": self.type,
            "amount": {"usd": self.credits / CREDITS_PER_USD, "credits": self.credits},
            "model": self.model,
            "reference_id": self.reference_id,
        }


def opening_credits(settings: Settings) -> int:
    """The credits that an account holds before its first charge."""
    return round((OPENING_USD if settings.balance is None else settings.balance) * CREDITS_PER_USD)


async def balance_of(store: Store, settings: Settings, now: float) -> int:
    """The credits that are left, less the charges that have landed by now."""
    return opening_credits(settings) - await store.spent(now - LANDS_AFTER)


def committed_bounds(settings: Settings) -> JobBounds:
    """What a new job has to fit within: the account covers all that was accepted, landed or not."""
    if settings.balance is None and settings.max_concurrent is None:
        return UNBOUNDED
    dry = math.inf if settings.balance is None else opening_credits(settings)
    busy = math.inf if settings.max_concurrent is None else settings.max_concurrent
    return JobBounds(busy, dry)
