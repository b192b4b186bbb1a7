"""C. Polling: it ends with the job, nothing goes on behind the client, and no other clock keeps it alive."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE
from kling_mock.scenarios.fault import TRANSPORT
from kling_mock.wording import quoted

from ..generation.scenario_strategies import PLAIN, failures
from ..running.met import end_not_told, unmet_in_polls
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .c_poll import beyond_budget, has_budget
from .combinations import covering_trials, narrowed
from .trials import behaving, each, fixed, stuck_trial

__all__ = ["SECTION", "polled_on"]

SECTION = Section(unmet_in_polls)
rule = SECTION.rule

WHILE = 300.0
"""Virtual seconds for which nothing may come after a call has ended."""
DAY = 86_400.0


def polled_on(run: Run) -> Failure | None:
    """The failure of a run in which a job was polled after it had been told that it was over."""
    ended: dict[str, str] = {}
    for exchange in run.trace:
        job = exchange.job_id
        if exchange.kind == "video" and exchange.fault:
            # Where a download failed, a new URL may be asked for.
            ended.clear()
        if job is None or exchange.kind not in ("create", "poll"):
            continue
        if exchange.kind == "poll" and job in ended:
            return Failure(
                f"the job had ended with {quoted(ended[job])}, and was polled again", exchange.number
            )
        # What a create says is the business of B9; an answer that came damaged told nothing.
        if (
            exchange.kind == "poll"
            and exchange.state in ("completed", "error")
            and not _damaged(exchange.fault)
        ):
            ended[job] = exchange.word or exchange.state
    return None


@rule(
    "C1",
    trials=behaving(failures),
    first=covering_trials,
    narrow=narrowed(polled_on),
    whole=True,
    missed=end_not_told,
)
def stops_at_terminal(run: Run) -> Failure | None:
    return polled_on(run)


def _damaged(fault: str | None) -> bool:
    return fault is not None and fault not in TRANSPORT


def _function(context: Context) -> str | None:
    return (
        None if context.client.kind == "python" else "is about functions: a program's processes end with it"
    )


def _endings(context: Context) -> Iterator[Trial]:
    yield from each(PLAIN, CATALOGUE["failed"], CATALOGUE["poll-unauthorized"], linger=WHILE)(context)
    if has_budget(context) is None:
        yield stuck_trial(context).replace(linger=WHILE)


@rule(
    "C21",
    trials=fixed(PLAIN, CATALOGUE["failed"], linger=WHILE),
    first=_endings,
    applies=_function,
    virtual=True,
    examples=1,
)
def silence_afterwards(run: Run) -> Failure | None:
    late = [each for each in run.trace if each.number in run.late and each.kind in ("create", "poll")]
    if not late:
        return None
    count = f"{len(late)} more requests came" if len(late) > 1 else "another request came"
    return Failure(f"the client {run.brief()}, and {count} after that", late[0].number)


def _set_back(context: Context) -> Trial:
    trial, note = stuck_trial(context), "the time of day is set back by a day after two polls"
    return trial.replace(set_back=DAY, note=note, seconds=beyond_budget(context, trial.seconds))


@rule(
    "C22",
    trials=lambda context: st.just(_set_back(context)),
    applies=lambda context: _function(context) or has_budget(context),
    virtual=True,
    examples=1,
)
def steady_clock(run: Run) -> Failure | None:
    if run.cut:
        return Failure(
            f"the time of day was set back, and after {run.cut_after / 60:.0f} minutes the client had not "
            "given up a job that never ends",
            run.polls[-1].number if run.polls else None,
        )
    return None
