"""Coverage of what comes together: the pairs (or triples) of behaviours that a client really met."""

from __future__ import annotations

from typing import Any

from ..generation.behaviours import BEHAVIOURS, FAULT, NOTHING, OVER, PLACES, Behaviour
from ..generation.covering import Pick, picks_of
from .models import Run

__all__ = ["NAMES", "PairCoverage"]

NAMES = {2: "pairs", 3: "triples"}
"""What so many behaviours that come together are called."""
SHOWN = 1_000
"""Missing ones that are named."""


class PairCoverage:
    """Collects the behaviours that came together in the runs of each model."""

    def __init__(self) -> None:
        self.met: dict[str, set[Pick]] = {}
        """By model."""
        self.strength = 2

    def see(self, run: Run) -> None:
        """Count in a run of a behaviour, as far as the client met it."""
        behaviour = run.trial.expect
        if not isinstance(behaviour, Behaviour):
            return
        self.strength = max(self.strength, behaviour.strength)
        met = {place for place, factor in enumerate(BEHAVIOURS.factors) if _met(run, behaviour, factor)}
        kept = self.met.setdefault(run.trial.model, set())
        for strength in NAMES:
            picks = picks_of(behaviour.row, strength)
            kept.update(pick for pick in picks if met.issuperset(factor for factor, _ in pick))

    def add(self, other: PairCoverage) -> None:
        """Count in what came together in another process."""
        self.strength = max(self.strength, other.strength)
        for model, met in other.met.items():
            self.met.setdefault(model, set()).update(met)

    def as_dict(self) -> dict[str, Any]:
        """`{"pairs": {"shown": k, "of": n, "missing": […]}}` for the models that behaviours were tried on."""
        known = list(BEHAVIOURS.picks(self.strength))
        missing = [
            f"{model} {named(pick)}" for model, met in self.met.items() for pick in known if pick not in met
        ]
        count = len(known) * len(self.met)
        return {
            NAMES[self.strength]: {"shown": count - len(missing), "of": count, "missing": missing[:SHOWN]}
        }


def named(pick: Pick) -> str:
    """What comes together, in words."""
    factors = list(BEHAVIOURS.factors.items())
    return " and ".join(f"{factors[factor][0]} {factors[factor][1][value]}" for factor, value in pick)


def _met(run: Run, behaviour: Behaviour, factor: str) -> bool:
    """Whether the client met the value of a factor: the job was made, and what was to strike struck."""
    value = behaviour.named[factor]
    told = [exchange for exchange in run.creates if exchange.job_id is not None]
    if not told:
        return False
    if value != NOTHING and factor in (FAULT, "place"):
        kinds = {fault.kind for fault in behaviour.scenario.faults if fault.at == "poll"}
        return sum(exchange.fault in kinds for exchange in run.polls) >= PLACES[behaviour.named["place"]][1]
    return bool(run.polls) or behaviour.named["create"] in OVER
