"""C. Polling: until the end, not beyond, at a sane pace, and through trouble."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE, Scenario
from kling_mock.timeline import Step, is_final
from kling_mock.trace_rules.retry_after import waits_too_little
from kling_mock.verdicts.shown import many
from kling_mock.wording import one_line, quoted

from ..generation import scenario_strategies
from ..generation.payloads import smallest_payload
from ..running.met import NEVER_POLLS, end_not_told, never_polled, states_told, unmet_in_polls
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import after_words, answered, failed_clearly, gave_up_early, mentions, not_delivered
from .poll_rate import ENDLESS, ODD_STATUSES, OUTAGES, busy_loop, documented_job, long_jobs, named, wavering
from .retry_after import PATIENCE, UNTIL, ahead_of, as_date, last_said, waits
from .trials import LONG, MANY, behaving, brief_bodies, each, every, stuck_trial

__all__ = ["SECTION", "STUCK", "beyond_budget", "has_budget", "stuck"]

SECTION = Section(unmet_in_polls)
rule = SECTION.rule

FEW = 5
"""Polls that may be refused before a client has to believe it."""
A_FEW = 3
"""Polls that may go wrong in one run before a client may give up."""


@rule(
    "C2",
    trials=behaving(scenario_strategies.known_words),
    first=each(CATALOGUE["waiting-active"]),
    plain=True,
)
def pending_vocabulary(run: Run) -> Failure | None:
    return after_words(run, gave_up_early(run))


@rule(
    "C3",
    trials=behaving(scenario_strategies.unknown_words),
    first=each(
        scenario_strategies.WITHOUT_STATUS, *(named(word) for word in scenario_strategies.UNKNOWN_WORDS)
    ),
    plain=True,
)
def unknown_status(run: Run) -> Failure | None:
    words = ", ".join(map(quoted, run.trial.scenario.words.values()))
    if "no-status" in run.trial.scenario.shapes:
        shown = "showed no status"
    else:
        shown = f"showed the status {words}"
    if run.outcome.misread:
        return Failure(
            f"a pending job {shown}, and the client's types refused it: it {run.brief()}",
            run.trace[-1].number,
        )
    if run.delivered or (run.outcome.failed and not run.outcome.crashed):
        return None
    return failed_clearly(run, f"a pending job {shown}")


STUCK = (
    CATALOGUE["stuck-generating"],
    CATALOGUE["stuck-queued"],
    CATALOGUE["stuck-generating"] | CATALOGUE["waiting-active"],
)


def stuck(context: Context) -> st.SearchStrategy[Trial]:
    """Trials in which the job never ends."""
    # One payload: a client without a budget polls for long, and these runs serve several properties.
    payload = smallest_payload(context.model)
    return st.sampled_from(STUCK).map(lambda scenario: stuck_trial(context, payload, scenario))


def _endless(context: Context) -> Iterator[Trial]:
    if has_budget(context) is None:
        budget = context.profile.last_polls[-1]
        yield from (stuck_trial(context, None, scenario).replace(expect=ENDLESS) for scenario in ENDLESS)
        waits = stuck_trial(context, None, wavering(budget))
        yield waits.replace(expect=ENDLESS, seconds=5 * budget)


def _not_stuck(run: Run) -> str | None:
    # A client may well give one up before it has seen all of it.
    return never_polled(run) if run.trial.expect is ENDLESS else unmet_in_polls(run)


@rule(
    "C4",
    trials=stuck,
    first=_endless,
    virtual=True,
    by_clock=True,
    examples=3,
    plain=True,
    missed=_not_stuck,
)
def poll_budget(run: Run) -> Failure | None:
    if run.trial.expect is ENDLESS and not (run.cut or run.outcome.kind == "stopped"):
        return None  # what to make of such a status is the business of C3 and C13
    if run.cut or run.outcome.kind == "stopped":
        return Failure(
            f"the job never ends, and after {(run.cut_after or run.seconds) / 60:.0f} minutes and "
            f"{many(len(run.polls), 'poll')} the client had not given up",
            run.polls[-1].number if run.polls else None,
        )
    return failed_clearly(run, "the job never ends")


def has_budget(context: Context) -> str | None:
    """The reason why nothing is known of a client's budget; None where it has one."""
    return (
        None
        if context.profile.gave_up and context.profile.last_polls
        else "never gives up by itself (see C4)"
    )


def beyond_budget(context: Context, most: float) -> float:
    """Virtual seconds after which a client is over its own budget by far."""
    return min(most, 4 * context.profile.last_polls[-1] + 3_600.0)


def _resumed(context: Context) -> st.SearchStrategy[Trial]:
    return brief_bodies(context.model).map(
        lambda body: Trial(context.model, body, scenario_strategies.PLAIN, resume=True, note="resumed by id")
    )


@rule(
    "C6",
    trials=_resumed,
    applies=lambda context: None if context.client.can_resume else "takes no generation_id to resume with",
    examples=3,
)
def resumable(run: Run) -> Failure | None:
    if run.creates:
        return Failure("given the id of a job, the client made another", run.creates[0].number)
    return not_delivered(run)


def _hardly_polls(run: Run) -> str | None:
    if len(run.polls) > 1:
        return None
    return "the client polled once, which shows no pace" if run.polls else NEVER_POLLS


@rule(
    "C7",
    trials=behaving(long_jobs, requests=1_500),
    first=each(*OUTAGES, *ODD_STATUSES, requests=1_500),
    virtual=True,
    examples=8,
    missed=_hardly_polls,
)
def sane_cadence(run: Run) -> Failure | None:
    polls = [exchange for exchange in run.polls if exchange.known_id]
    for before, after in itertools.pairwise(polls):
        if before.ended_at is not None and after.at < before.ended_at - 0.001:
            return Failure("a poll was sent while another was being answered", after.number)
    busy = busy_loop(polls)
    if busy is not None:
        return busy
    if run.cut == "requests" and not any(map(is_final, states_told(run.polls))):
        return Failure(f"{many(run.received, 'request')} came while one job was pending")
    return None


def _limited_polls() -> st.SearchStrategy[Scenario]:
    kinds = ("poll-rate-limited", "poll-unavailable")
    return scenario_strategies.poll_troubles(kinds, least=1, most=2)


def _limited_once(context: Context) -> Iterator[Trial]:
    trials = (*each(*scenario_strategies.single_limits())(context), *ahead_of(context, UNTIL))
    return (_capped(context, trial) for trial in trials)


@rule(
    "C8",
    trials=lambda context: _asked(context, behaving(_limited_polls)(context)),
    first=_limited_once,
    virtual=True,
    plain=True,
)
def retry_after(run: Run) -> Failure | None:
    cap = run.trial.expect or PATIENCE
    # By a clock that is ahead, the time until a date is over.
    for before, after, asked, waited in () if run.trial.ahead else waits(run):
        if waits_too_little(waited, asked, cap):
            return Failure(
                f"{before.status} with Retry-After asked to wait {asked:g} s{as_date(before)}, "
                f"and the next poll came after {waited:.1f} s",
                after.number,
            )
    failure, said = not_delivered(run), last_said(run)
    if failure is None or said is None:
        return failure
    clock = f", while {run.trial.note}" if run.trial.note else ""
    says = f"a poll was answered with Retry-After: {quoted(said)}{clock}; {failure.says}"
    return Failure(says, failure.exchange)


@rule(
    "C9",
    trials=behaving(lambda: scenario_strategies.poll_troubles(least=1, total=A_FEW)),
    first=each(*scenario_strategies.single_troubles()),
    plain=True,
)
def poll_fault_tolerance(run: Run) -> Failure | None:
    failure = not_delivered(run)
    if failure is None:
        return None
    met = [exchange for exchange in run.polls if exchange.fault is not None]
    how = f" ({', '.join(dict.fromkeys(map(answered, met)))})" if met else ""
    return Failure(f"{many(len(met), 'poll')} went wrong in passing{how}; {failure.says}", failure.exchange)


@rule(
    "C10",
    trials=behaving(scenario_strategies.lasting_refusals),
    first=every(scenario_strategies.lasting_refusals),
)
def poll_fail_fast(run: Run) -> Failure | None:
    refused = [exchange for exchange in run.polls if exchange.status in (401, 403, 404)]
    if len(refused) > FEW:
        return Failure(
            f"every poll was refused with {refused[0].status}, and the client sent {len(refused)} of them",
            refused[FEW].number,
        )
    if not refused:
        return None
    return failed_clearly(run, f"every poll was refused with {refused[0].status}")


def _asked(context: Context, trials: st.SearchStrategy[Trial]) -> st.SearchStrategy[Trial]:
    return trials.map(lambda trial: _capped(context, trial))


def _capped(context: Context, trial: Trial) -> Trial:
    """A trial that is judged by the client's own cap, where it has been seen to have one."""
    return trial.replace(expect=context.profile.patience)


def _ids(*styles: str) -> st.SearchStrategy[Scenario]:
    return scenario_strategies.id_styles(styles)


def _found_again(run: Run) -> Failure | None:
    """The failure of a job that is not polled by its id, or whose video is lost over it."""
    failure = _same_ids(run)
    if failure is not None or run.delivered or not run.jobs:
        return failure
    told = run.outcome.failed and not run.outcome.crashed and mentions(run.jobs[0], run)
    if told and run.trial.scenario.ids == "awkward":
        # No id has been seen to look like that: who refuses it, and names it, has lost nothing.
        return None
    failure = not_delivered(run)
    assert failure is not None
    return Failure(f"the id is {quoted(run.jobs[0])}; {failure.says}", failure.exchange)


def _same_ids(run: Run) -> Failure | None:
    issued = {exchange.job_id for exchange in run.creates if exchange.job_id is not None}
    for exchange in run.polls:
        if issued and exchange.job_id not in issued:
            asked = one_line(exchange.query_string.decode("utf-8", "replace"))
            return Failure(
                f"the id is {quoted(next(iter(issued)))}, and ?{asked} was polled", exchange.number
            )
    return None


@rule(
    "C11",
    trials=behaving(lambda: _ids("awkward", "uuid-model")),
    first=every(lambda: _ids("awkward", "uuid-model")),
    examples=8,
    plain=True,
)
def id_round_trip(run: Run) -> Failure | None:
    return _found_again(run)


@rule(
    "C12",
    trials=behaving(lambda: _ids("digits", "leading-zeros", "uuid-model", "leading-dash", "uuid")),
    first=every(lambda: _ids("digits", "leading-zeros", "uuid-model", "leading-dash", "uuid")),
    examples=12,
    plain=True,
)
def id_opaque(run: Run) -> Failure | None:
    return _found_again(run)


@rule(
    "C13",
    trials=behaving(lambda: scenario_strategies.plans(most=4)),
    first=each(CATALOGUE["backwards"], CATALOGUE["skips-generating"]),
    plain=True,
)
def odd_order(run: Run) -> Failure | None:
    return after_words(run, gave_up_early(run))


def _late(context: Context) -> st.SearchStrategy[Trial]:
    polls = context.profile.last_polls
    moment = sum(polls[-2:]) / 2 if len(polls) > 1 else polls[0]
    scenario = Scenario(
        "generated",
        f"The job completes after {moment:.1f} s, just before the client's last poll.",
        plan=(Step("queued", 0.0), Step("generating", moment), Step("completed")),
    )
    return brief_bodies(context.model).map(
        lambda body: Trial(context.model, body, scenario, requests=MANY, seconds=LONG)
    )


@rule(
    "C14",
    trials=_late,
    applies=has_budget,
    virtual=True,
    examples=2,
    plain=True,
    missed=end_not_told,
)
def late_completion(run: Run) -> Failure | None:
    seen = [exchange for exchange in run.polls if exchange.state == "completed"]
    failure = not_delivered(run)
    if failure is None or not seen:
        return None
    says = f"the client's last poll was told {quoted(seen[-1].word)}; {failure.says}"
    return Failure(says, failure.exchange)


def _interrupted(context: Context) -> st.SearchStrategy[Trial]:
    return brief_bodies(context.model).map(
        lambda body: stuck_trial(context, body).replace(interrupt_after=2, note="interrupted after two polls")
    )


def _not_interrupted(run: Run) -> str | None:
    return NEVER_POLLS if run.interrupted_at is None else None


@rule(
    "C15",
    trials=_interrupted,
    applies=lambda context: (
        None if context.client.can_interrupt else "a synchronous function is not interrupted"
    ),
    examples=2,
    missed=_not_interrupted,
)
def cancel(run: Run) -> Failure | None:
    if run.interrupted_at is None:
        return None
    if run.received > run.interrupted_at:
        more = run.received - run.interrupted_at
        return Failure(f"{many(more, 'more request')} came after the interruption")
    if run.outcome.status == 0 and not run.delivered:
        return Failure("the client was interrupted, and exited with 0 as if all were well")
    return None


@rule(
    "C16",
    trials=lambda context: st.just(documented_job(context)),
    virtual=True,
    examples=1,
    plain=True,
    # How long the job takes is what counts, not how much of that it was queued.
    missed=never_polled,
)
def documented_time(run: Run) -> Failure | None:
    if run.outcome.failed and not run.outcome.crashed and run.seconds < run.trial.expect:
        return Failure(
            f"jobs of this model take {run.trial.expect:.0f} s by its documentation, and the client gave up "
            f"after {run.seconds:.0f} s",
            run.polls[-1].number if run.polls else None,
        )
    return not_delivered(run)
