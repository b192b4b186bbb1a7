"""C. Polling through trouble that lasts, hangs or passes under an unusual status."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import Fault, Scenario
from kling_mock.trace_rules.retry_after import retry_after
from kling_mock.verdicts.shown import many
from kling_mock.wording import quoted

from ..generation import scenario_strategies
from ..running.met import unmet_in_polls
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .c_poll import beyond_budget, has_budget, stuck
from .e_transport import TOO_LONG, held
from .oracles import answered, failed_clearly, mentions, not_delivered
from .trials import LONG, MANY, behaving, each, every, fixed, stuck_trial

__all__ = ["SECTION"]

SECTION = Section(unmet_in_polls)
rule = SECTION.rule

LATE = 1_800.0
"""Virtual seconds between two polls that are too many: twice as long as any job is documented to take."""


def _from_the_second_on(says: str, fault: Fault) -> Scenario:
    return Scenario("generated", f"From the second on, {says}.", faults=(fault.replace(at="poll", after=1),))


WITHOUT_END = (
    _from_the_second_on("every poll is answered 500", Fault("poll", "status", status=500)),
    _from_the_second_on("every poll is answered 502 with an HTML page", Fault("poll", "html", status=502)),
    _from_the_second_on("the connection of every poll is reset", Fault("poll", "reset")),
    _from_the_second_on("no poll is answered", Fault("poll", "hang")),
)


def _without_end(context: Context) -> Iterator[Trial]:
    yield from each(*WITHOUT_END, requests=MANY, seconds=beyond_budget(context, LONG))(context)


@rule(
    "C17",
    trials=lambda context: st.sampled_from(list(_without_end(context))),
    first=_without_end,
    applies=has_budget,
    virtual=True,
    by_clock=True,
    examples=1,
)
def lasting_outage(run: Run) -> Failure | None:
    wrong = [poll for poll in run.polls if poll.fault]
    if not wrong or any(held(poll, run) > TOO_LONG for poll in wrong):
        # One wait without an end is the business of E1.
        return None
    if run.cut or run.outcome.kind == "stopped":
        minutes = (run.cut_after or run.seconds) / 60
        return Failure(
            f"polls went wrong without an end, and after {minutes:.0f} minutes and "
            f"{many(len(run.polls), 'poll')} the client had not given up, though it gives up a job that "
            "stays pending",
            wrong[-1].number,
        )
    return failed_clearly(run, "polls went wrong without an end")


def _given_up(context: Context) -> Iterator[Trial]:
    """With level strict also jobs that are given up for what their polls meet."""
    if context.strict:
        yield from every(scenario_strategies.lasting_refusals)(context)
        yield from _without_end(context)


@rule(
    "C5",
    trials=stuck,
    first=_given_up,
    applies=has_budget,
    virtual=True,
    examples=3,
    plain=True,
    after=("C10", "C17"),
)
def timeout_keeps_id(run: Run) -> Failure | None:
    if run.cut or not run.outcome.failed or not run.jobs or not run.polls:
        return None
    if mentions(run.jobs[0], run):
        return None
    last = run.polls[-1]
    met = f", whose polls were {answered(last)} in the end," if last.fault else ""
    says = f"the client gave up on {quoted(run.jobs[0])}{met} without naming it: it {run.brief()}"
    return Failure(says, last.number if met else None)


def _hung(after: int) -> Scenario:
    says = f"Poll {after + 1} is never answered."
    return Scenario("generated", says, faults=(Fault("poll", "hang", times=1, after=after),))


def _hanging(context: Context) -> Iterator[Trial]:
    return (_measured(context, trial) for trial in each(_hung(0), _hung(1), seconds=LONG)(context))


def _measured(context: Context, trial: Trial) -> Trial:
    """A trial that keeps the client's own budget, where it has one."""
    profile = context.profile
    budget = profile.last_polls[-1] if profile.gave_up and profile.last_polls else None
    return trial.replace(expect=budget)


@rule(
    "C18",
    trials=lambda context: fixed(_hung(0), _hung(1), seconds=LONG)(context).map(
        lambda trial: _measured(context, trial)
    ),
    first=_hanging,
    virtual=True,
    plain=True,
    examples=1,
)
def hung_poll(run: Run) -> Failure | None:
    failure = not_delivered(run)
    hung = [poll for poll in run.polls if poll.status is None]
    if failure is None or not hung or any(held(poll, run) > TOO_LONG for poll in hung):
        return None
    budget = run.trial.expect
    if budget is not None and run.seconds >= 0.8 * budget and not run.outcome.crashed:
        return None
    return Failure(f"one poll was never answered; {failure.says}", hung[0].number)


OUTAGES = tuple(scenario_strategies.long_outages(12))


def _waits(context: Context) -> Iterator[Trial]:
    yield stuck_trial(context)
    yield from each(*OUTAGES, requests=MANY, seconds=LONG)(context)


@rule(
    "C19",
    trials=behaving(lambda: st.sampled_from(OUTAGES), requests=MANY, seconds=LONG),
    first=_waits,
    virtual=True,
    examples=1,
)
def in_good_time(run: Run) -> Failure | None:
    polls = [poll for poll in run.polls if poll.ended_at is not None]
    for before, after in itertools.pairwise(polls):
        if retry_after(before) is None and after.at - (before.ended_at or 0.0) > LATE:
            return _late(after.at - (before.ended_at or 0.0), after.number)
    if polls and run.cut == "time":
        waited = run.started + run.cut_after - (polls[-1].ended_at or 0.0)
        if waited > LATE and retry_after(polls[-1]) is None and polls[-1].state not in ("completed", "error"):
            return _late(waited, polls[-1].number)
    return None


def _late(waited: float, number: int) -> Failure:
    return Failure(
        f"between two polls {waited / 60:.0f} minutes went by: a video that is there is fetched that late",
        number,
    )


def _passing(fault: Fault) -> Scenario:
    body = " and no body" if fault.kind == "empty" else ""
    return Scenario("generated", f"The first poll is answered {fault.status}{body}.", faults=(fault,))


PASSING = (
    *(
        _passing(Fault("poll", "status", times=1, status=status, message=message))
        for status, message in ((408, "Request Timeout"), (425, "Too Early"))
    ),
    *(_passing(Fault("poll", "empty", times=1, status=status)) for status in (202, 204)),
)


@rule(
    "C20",
    trials=fixed(*PASSING),
    first=each(*PASSING),
    plain=True,
    examples=1,
)
def passing_statuses(run: Run) -> Failure | None:
    failure = not_delivered(run)
    met = next((poll for poll in run.polls if poll.fault), None)
    if failure is None or met is None:
        return None
    return Failure(f"one poll was answered {met.status}; {failure.says}", met.number)
