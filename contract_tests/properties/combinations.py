"""Trials of behaviours that come together, and the values of a failing one that matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..generation.behaviours import BEHAVIOURS, Behaviour, behaviours
from ..generation.covering import Row
from ..running.models import Run, Trial
from .base import Context, Judge, Look, Narrow
from .trials import brief_payloads

__all__ = ["behaviour_of", "covering_trials", "narrowed"]


def covering_trials(context: Context, strength: int = 2) -> Iterator[Trial]:
    """A trial for each behaviour of the covering array, with one short payload after the other."""
    payloads = brief_payloads(context.model)
    first, step = context.part
    for place, behaviour in list(enumerate(behaviours(strength)))[first::step]:
        payload = payloads[place % len(payloads)]
        yield Trial(context.model, payload, behaviour.scenario, expect=behaviour)


def behaviour_of(trial: Trial) -> Behaviour:
    """The behaviour that a trial of `covering_trials` is about."""
    assert isinstance(trial.expect, Behaviour)
    return trial.expect


def _with(trial: Trial, row: Row) -> Trial:
    behaviour = behaviour_of(trial).at(row)
    return trial.replace(scenario=behaviour.scenario, expect=behaviour)


def narrowed(holds: Judge, owned: Callable[[Run], bool] = lambda run: False) -> Narrow:
    """A function that finds the values that matter of a failing behaviour: one, or two that break together.

    Where one value breaks by itself and `owned` says that its run is another property's breach, what is left
    of the behaviour counts; None where nothing is.
    """

    def narrow(trial: Trial, look: Look) -> Trial | None:
        def fails(one: Trial) -> bool:
            return holds(look(one)) is not None

        if not isinstance(trial.expect, Behaviour):
            return trial
        plain = trial.replace(payload=brief_payloads(trial.model)[0])
        trial = plain if fails(plain) else trial
        cause = _alone(trial, fails)
        while cause is not None and owned(look(cause)):
            rest = _left(trial, cause)
            if rest is None or not fails(rest):
                return None
            trial, cause = rest, _alone(rest, fails)
        smallest = _smallest(trial if cause is None else cause, fails)
        return None if owned(look(smallest)) else smallest

    return narrow


def _alone(trial: Trial, fails: Callable[[Trial], bool]) -> Trial | None:
    """The trial of one of its values that fails by itself."""
    rows = BEHAVIOURS.alone(behaviour_of(trial).row)
    return next((one for row in rows if fails(one := _with(trial, row))), None)


def _left(trial: Trial, cause: Trial) -> Trial | None:
    """The trial without the values of the cause; None where that may not be."""
    values = zip(behaviour_of(trial).row, behaviour_of(cause).row, strict=True)
    row = tuple(0 if gone else value for value, gone in values)
    return _with(trial, row) if BEHAVIOURS.allows(row) else None


def _smallest(trial: Trial, fails: Callable[[Trial], bool]) -> Trial:
    """The trial with one value after the other made plain, or the first that is not, while it fails."""
    tried: set[Row] = set()
    for smaller in (BEHAVIOURS.without, BEHAVIOURS.earlier):
        found: Trial | None = trial
        while found is not None:
            trial = found
            rows = [row for row in smaller(behaviour_of(trial).row) if row not in tried]
            found = None
            for row in rows:
                tried.add(row)
                if fails(_with(trial, row)):
                    found = _with(trial, row)
                    break
    return trial
