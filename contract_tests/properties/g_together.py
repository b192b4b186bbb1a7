"""G. Together: two behaviours of the server at once, each of which a client survives alone."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kling_mock.wording import quoted

from ..generation.behaviours import LIMITED
from ..running.models import Run
from .b_create import any_success, made_again, terminal_in_create
from .base import Failure, Judge, Section
from .c_ending import polled_on
from .c_poll import (
    id_opaque,
    odd_order,
    pending_vocabulary,
    poll_fault_tolerance,
    unknown_status,
)
from .combinations import behaviour_of, covering_trials, narrowed
from .d_result import completed_without_url, error_shapes, null_friendly
from .e_transport import slow_and_chunked
from .oracles import failed_clearly, gave_up_early

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule

OWNERS: dict[str, Sequence[Judge]] = {
    "way": (odd_order, pending_vocabulary, unknown_status, error_shapes, completed_without_url),
    "fault": (poll_fault_tolerance,),
    "id": (id_opaque,),
    "shape": (null_friendly,),
    "transport": (slow_and_chunked,),
    "create": (any_success, terminal_in_create),
}
"""Judgements of the properties that try the values of a factor one by one: what breaks alone is theirs."""
ALONE = frozenset({"poll 2", "poll 3", "polls 1 and 2", "at once", "slow", "429 first", "generating"})
"""Values that no other property is sure to try alone."""


def _ends_as_it_must(run: Run) -> Failure | None:
    if not run.creates:
        return None  # what is sent is the business of section A
    behaviour = behaviour_of(run.trial)
    if behaviour.named["create"] == LIMITED and not run.polls and run.outcome.failed:
        return None  # a client need not come back; how it says so is the business of B4 and B6
    if behaviour.failing:
        return failed_clearly(run, behaviour.failing)
    if behaviour.lenient and run.outcome.failed and not run.outcome.crashed:
        return None
    return gave_up_early(run)


def _breaks(run: Run) -> Failure | None:
    return made_again(run) or _ends_as_it_must(run)


def _of_others(run: Run) -> bool:
    """Whether what broke in a run is a breach of a property that tries it as well."""
    if made_again(run) is not None or polled_on(run) is not None:
        return True
    odd = behaviour_of(run.trial).odd
    if len(odd) != 1 or ALONE.intersection(behaviour_of(run.trial).named.values()):
        return False
    return any(holds(run) is not None for factor in odd for holds in OWNERS[factor])


@rule(
    "G1",
    trials=lambda context: st.sampled_from(list(covering_trials(context))[:1]),
    first=lambda context: covering_trials(context, context.strength),
    narrow=narrowed(_breaks, _of_others),
    whole=True,
    examples=1,
    plain=True,
)
def all_pairs(run: Run) -> Failure | None:
    failure = _breaks(run)
    if failure is None:
        return None
    odd = " and ".join(f"{factor} {quoted(value)}" for factor, value in behaviour_of(run.trial).odd.items())
    return Failure(f"with {odd or 'nothing odd'}: {failure.says}", failure.exchange)
