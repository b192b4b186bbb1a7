"""E. Transport: characters that arrive in two pieces, and connections that are left open."""

from __future__ import annotations

from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE, Scenario

from ..running.models import Run
from .base import Failure, Section
from .oracles import doing, failed_clearly, mentions, not_delivered, told_with
from .trials import each, fixed, stuck_trial

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule

_DRIPPING = CATALOGUE["slow-drip"]
SPLIT = (
    Scenario(
        "generated",
        "Answers have texts in several scripts, and come in pieces that end within a character.",
        faults=_DRIPPING.faults,
        shapes=frozenset({"other-scripts"}),
    ),
    Scenario(
        "generated",
        "The job ends with an error in several scripts, and answers come in pieces that cut characters.",
        faults=_DRIPPING.faults,
        end="error",
        error="other-scripts",
    ),
)


@rule(
    "E5",
    trials=fixed(*SPLIT),
    first=each(*SPLIT),
    examples=1,
    plain=True,
    after=("D4",),
)
def split_characters(run: Run) -> Failure | None:
    if run.trial.scenario.ends == "completed":
        return told_with(run, not_delivered(run))
    told = [exchange for exchange in run.trace if exchange.state == "error"]
    if not told:
        return None
    if run.outcome.crashed and "Unicode" in run.outcome.error:
        return failed_clearly(run, doing(run))
    lost = run.outcome.failed and "\ufffd" in run.outcome.everything
    if lost and not mentions(told[-1].answer["error"]["message"], run):
        says = f"characters that came in two pieces were lost: the client {run.brief()}"
        return Failure(says, told[-1].number)
    # How a failed job is told, whatever it is written in, is the business of D3.
    return None


MANY_OPEN = 20
"""Connections that nobody has open at one time for one job."""


@rule(
    "E6",
    trials=lambda context: st.just(stuck_trial(context)),
    applies=lambda context: None if context.client.kind == "python" else "is about functions",
    virtual=True,
    examples=1,
)
def closed_connections(run: Run) -> Failure | None:
    if run.open_connections > MANY_OPEN:
        return Failure(
            f"{run.open_connections} connections were open at one time, for one job",
            run.polls[-1].number if run.polls else None,
        )
    return None
