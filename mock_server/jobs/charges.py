"""What jobs would have cost: a charge each, and sums that are kept, not counted again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, takewhile
from typing import Any, NamedTuple

__all__ = ["CREDITS_PER_USD", "Charge", "ChargeTotals", "Completion", "spent_before"]

CREDITS_PER_USD = 2_000_000


class Charge(NamedTuple):
    """What one job would have cost; `credits` and `usd` are None where no price is documented."""

    job_id: str
    model: str
    credits: int | None
    billed: bool
    """Whether the provider would keep the money: a job that ends in an error costs nothing."""

    def as_dict(self) -> dict[str, Any]:
        """The charge as the control API shows it."""
        return {
            "job_id": self.job_id,
            "model": self.model,
            "credits": self.credits,
            "usd": self.usd,
            "billed": self.billed,
        }

    @property
    def usd(self) -> float | None:
        """The price in US dollars: 2,000,000 credits are one."""
        return None if self.credits is None else self.credits / CREDITS_PER_USD

    @property
    def spent(self) -> int:
        """The credits that it takes off the account: none where the job fails, or has no price."""
        return self.credits or 0 if self.billed else 0


class Completion(NamedTuple):
    """A charge that is kept, with the virtual moment at which its job completed."""

    at: float
    place: int
    """Its place in line among those of this moment."""
    charge: Charge


def spent_before(
    place: tuple[float, int], newest_first: Iterable[Completion], since: float, last: int | None
) -> list[Completion]:
    """Of charges with the newest first: those that cost something, before a place and not before `since`."""
    recent = takewhile(lambda one: one.at >= since, newest_first)
    return list(islice((one for one in recent if one[:2] < place and one.charge.spent), last))


class ChargeTotals(NamedTuple):
    """Sums over all jobs that were made, those that made room for others included."""

    made: int = 0
    billed: int = 0
    """Jobs whose money the provider would keep."""
    priced: int = 0
    """Those of them that have a documented price."""
    credits: int = 0
    """What those cost together."""

    @property
    def usd(self) -> float:
        """The same in US dollars."""
        return self.credits / CREDITS_PER_USD

    def as_dict(self) -> dict[str, Any]:
        """The sums as the control API shows them."""
        return {"usd": self.usd, "made": self.made, "billed": self.billed, "priced": self.priced}
