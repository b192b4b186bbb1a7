"""E. Transport: characters that arrive in two pieces, and connections that are left open."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE, Scenario

from ..generation.payloads import smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..running.met import always_met
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import doing, failed_clearly, mentions, not_delivered, told_with
from .trials import LONG, each, fixed, stuck_trial

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


WARM = 4
"""Calls after which a process has what it shares among all of them."""
COUNTED = 10


def _many_calls(context: Context) -> Iterator[Trial]:
    """Calls in turn, all of which fail or none."""
    body = smallest_payload(context.model)
    for scenario in (CATALOGUE["failed"], PLAIN):
        jobs = (body,) * (WARM + COUNTED - 1)
        note = f"{WARM + COUNTED} calls, one after the other"
        yield Trial(
            context.model, body, scenario, jobs=jobs, in_turn=True, counts=WARM, seconds=LONG, note=note
        )


def _left(run: Run) -> str | None:
    """What each of the last calls has added to, in words."""
    if len(run.held) < 2:
        return None
    first, last = run.held
    for before, after, what in (
        (first.threads, last.threads, "threads"),
        (first.files, last.files, "open files or connections"),
    ):
        if after - before >= COUNTED:
            return f"{COUNTED} calls, one after the other, left {after - before} {what} behind"
    return None


@rule(
    "E6",
    trials=lambda context: st.just(stuck_trial(context)),
    first=_many_calls,
    applies=lambda context: None if context.client.kind == "python" else "is about functions",
    virtual=True,
    examples=1,
)
def closed_connections(run: Run) -> Failure | None:
    if run.trial.counts:
        left = _left(run)
        return None if left is None else Failure(left)
    if run.open_connections > MANY_OPEN:
        return Failure(
            f"{run.open_connections} connections were open at one time, for one job",
            run.polls[-1].number if run.polls else None,
        )
    return None


@rule(
    "E7",
    trials=fixed(PLAIN, base="untrusted"),
    examples=1,
    missed=always_met,
)
def checks_certificates(run: Run) -> Failure | None:
    if not run.told_untrusted:
        return None
    asked = run.told_untrusted[0].rpartition(" ")[0] or "a request"
    return Failure(
        f"nobody vouches for the certificate of {run.base_url}, and {asked} went there, with the key"
    )
