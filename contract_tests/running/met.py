"""What a client met of a server's behaviour: judged by what went over the wire, not by what was on offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kling_mock.exchanges.exchange import Exchange
from kling_mock.scenarios import Fault, Scenario
from kling_mock.scenarios.fault import MODIFIERS
from kling_mock.scenarios.scenario import Shape
from kling_mock.timeline import PENDING_STATUSES, PLAIN_PLAN, JobStatus, is_final
from kling_mock.wording import quoted

from .models import Run

__all__ = [
    "NEVER_POLLS",
    "always_met",
    "end_not_told",
    "never_polled",
    "shapes_met",
    "states_told",
    "told",
    "unmet",
    "unmet_in_polls",
]

NEVER_POLLS = "the client never polls"
NO_CREATE = "the client never sent a create"
ONLY_AT_THE_END: tuple[Shape, ...] = ("file-details", "signed-url", "without-url", "null-video")
"""Shapes that show in the answer that says completed."""
ONLY_WHILE_PENDING: tuple[Shape, ...] = ("no-status",)


def told(exchange: Exchange) -> JobStatus | None:
    """The status of a job that an answer told its client; None where none arrived whole."""
    damaged = exchange.fault is not None and exchange.fault not in MODIFIERS
    if damaged or exchange.status not in (200, 201) or exchange.ended_at is None or exchange.whole_size:
        return None
    return exchange.state  # type: ignore[return-value]


def states_told(exchanges: Sequence[Exchange]) -> list[JobStatus]:
    """The statuses that were told, one after the other."""
    return [state for exchange in exchanges if (state := told(exchange)) is not None]


def unmet(run: Run) -> str | None:
    """What the client did not meet of its trial's behaviour, as a reason; None where it met all of it."""
    if not run.trial.resume and not run.creates:
        return NO_CREATE
    return next(_missing(run, run.trial.scenario), None)


def always_met(run: Run) -> str | None:
    """For what says something of every run, even of one in which nothing was sent."""
    return None


def never_polled(run: Run) -> str | None:
    """For what is about polls and nothing else: there has to be one."""
    return None if run.polls else NEVER_POLLS


def unmet_in_polls(run: Run) -> str | None:
    """What the client did not meet, for what is about the answers of polls; a job may end in its create."""
    missed = unmet(run)
    if missed or run.polls or is_final(run.trial.scenario.create_status):
        return missed
    return NEVER_POLLS


def end_not_told(run: Run) -> str | None:
    """For what is about the end of a job: a poll has to have told it."""
    if any(is_final(state) for state in states_told(run.polls)):
        return None
    return "no poll told the client that its job had ended" if run.polls else NEVER_POLLS


def _missing(run: Run, scenario: Scenario) -> Iterator[str]:
    for fault in scenario.faults:
        if not _struck(run, fault):
            yield (
                NEVER_POLLS
                if fault.at == "poll" and not run.polls
                else f"no {'answer' if fault.at == 'any' else fault.at} met {fault.kind}"
            )
    if is_final(scenario.create_status):
        return
    if not (scenario.shapes or scenario.words or scenario.plan or scenario.end == "error" or scenario.ids):
        return
    if not run.polls:
        yield NEVER_POLLS
        return
    yield from _missing_of_the_way(run, scenario)
    for word in scenario.words.values():
        if not any(exchange.word == word for exchange in run.polls):
            yield f"no poll was told the status {quoted(word)}"
    met = shapes_met(run)
    for shape in sorted(scenario.shapes - met):
        yield f"no poll was answered in the shape {shape}"


def _missing_of_the_way(run: Run, scenario: Scenario) -> Iterator[str]:
    """The steps of a plan that were not told in their order; a step of no time shows to nobody."""
    seen = states_told(run.polls)
    course = scenario.course or PLAIN_PLAN
    wanted = [step.status for step in course[:-1] if step.span != 0.0 and scenario.plan]
    if course[-1].status in PENDING_STATUSES or scenario.end == "error":
        wanted.append(course[-1].status)
    place = 0
    for status in wanted:
        if status not in seen[place:]:
            yield f"no poll was told the status {status}" + (" again" if status in seen else "")
            return
        # The same answer may show two equal steps in a row.
        place = seen.index(status, place)


def _struck(run: Run, fault: Fault) -> bool:
    kinds = ("create", "poll") if fault.at == "any" else (fault.at,)
    return fault.times == 0 or any(
        exchange.fault == fault.kind for exchange in run.trace if exchange.kind in kinds
    )


def shapes_met(run: Run) -> frozenset[Shape]:
    """The shapes of the trial's answers that a client has been given to read, in a poll where it has any."""
    seen = set(states_told(run.polls or run.creates))
    pending, over = seen & set(PENDING_STATUSES), "completed" in seen
    return frozenset(
        shape
        for shape in run.trial.scenario.shapes
        if (over if shape in ONLY_AT_THE_END else pending if shape in ONLY_WHILE_PENDING else seen)
    )
