"""B. Making the job: what is asked for once is paid for once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Literal

from hypothesis import strategies as st

from kling_mock.exchanges.exchange import Exchange
from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.timeline import Step
from kling_mock.trace_rules.retry_after import TOLERANCE, retry_after, waits_too_little
from kling_mock.verdicts.shown import many
from kling_mock.wording import one_line, quoted

from ..driving.client_time import VirtualTime
from ..generation import scenario_strategies
from ..generation.scenario_strategies import PLAIN
from ..running.met import always_met, never_polled, states_told
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import accepted, answered, failed_clearly, mentions, not_delivered, told_with
from .retry_after import ahead_of, as_date, waited
from .trials import behaving, brief_pairs, brief_payloads, each, every, fixed, stuck_trial

__all__ = ["SECTION", "made_again"]

SECTION = Section()
rule = SECTION.rule

NOBODY = (None, "", "None", "undefined", "null", "NaN", "nil", "[object Object]")
"""Ids polled by a client that never looked for one in the create's answer."""


def _troubled(context: Context) -> st.SearchStrategy[Trial]:
    hangs = context.client.virtual_time is VirtualTime.WHOLE
    kinds = (*scenario_strategies.TROUBLES, *([scenario_strategies.HANGS] if hangs else []))
    # What else comes together is tried for G1, where a second create counts for this one as well.
    scenarios = st.one_of(
        scenario_strategies.poll_troubles(kinds, least=1, longest=3),
        scenario_strategies.failures(),
        st.sampled_from(scenario_strategies.gone_wrong(hangs=hangs)),
    )
    return behaving(lambda: scenarios)(context)


def _each_trouble(context: Context) -> Iterator[Trial]:
    hangs = context.client.virtual_time is VirtualTime.WHOLE
    if context.client.virtual_time:
        yield stuck_trial(context)
    yield from each(*scenario_strategies.gone_wrong(hangs=hangs))(context)
    yield from each(*scenario_strategies.single_troubles())(context)


def made_again(run: Run) -> Failure | None:
    """The failure of any run in which a job was made although the reply that named one before had come."""
    if run.trial.jobs or run.trial.resume:
        return None
    made = accepted(run)
    told = [place for place, exchange in enumerate(made) if exchange.fault is None and exchange.ended_at]
    if not told or told[0] + 1 >= len(made):
        return None
    after = made[told[0] + 1]
    return Failure(
        f"{len(made)} jobs were made for one video, although the reply that named the first had come",
        after.number,
    )


@rule(
    "B1",
    trials=_troubled,
    first=_each_trouble,
    missed=never_polled,
)
def one_create_per_job(run: Run) -> Failure | None:
    creates = run.creates
    if len(creates) > 1:
        met = _met_before(creates[1], run)
        says = f"{len(creates)} creates were sent for one video, the second after {met}"
        return Failure(says, creates[1].number)
    return None


def _met_before(create: Exchange, run: Run) -> str:
    """The last that a client was told before it sent a create again, in words."""
    before = run.trace[run.trace.index(create) - 1]
    word = f" {quoted(before.word)}" if before.word is not None and not before.fault else ""
    return f"a {before.kind} that was {answered(before)}{word}"


def _lost() -> st.SearchStrategy[Scenario]:
    slow = CATALOGUE["create-slow"].with_faults(seconds=3_600.0)
    never = slow.replace(
        name="generated", summary="The job is made, and its create is answered after an hour."
    )
    return st.one_of(scenario_strategies.lost_replies(), st.just(never))


@rule(
    "B2",
    trials=behaving(_lost),
    first=every(_lost),
)
def no_blind_repost(run: Run) -> Failure | None:
    creates = run.creates
    if len(creates) > 1:
        return Failure(
            f"the create's answer was lost after the job was made ({answered(creates[0])}), and "
            f"{len(creates)} creates were sent",
            creates[1].number,
        )
    if run.outcome.kind == "returned" and not run.delivered:
        how = f" ({answered(creates[0])})" if creates else ""
        says = f"the create's answer was lost{how}, but the client {run.brief()} as if all were well"
        return Failure(says)
    return None


@rule(
    "B3",
    trials=fixed(PLAIN, base="refused"),
    examples=2,
    missed=always_met,
)
def refused_may_retry(run: Run) -> Failure | None:
    return failed_clearly(run, "the connection was refused")


@rule(
    "B4",
    trials=behaving(scenario_strategies.refused_creates),
    first=every(scenario_strategies.refused_creates),
)
def fail_fast(run: Run) -> Failure | None:
    creates, polls = run.creates, run.polls
    if not creates:
        return None
    status = creates[0].status
    if len(creates) > 1:
        return Failure(
            f"the create was refused with {status}, and sent {len(creates)} times", creates[1].number
        )
    if polls:
        asked = one_line(polls[0].query_string.decode("utf-8", "replace"))
        return Failure(f"the create was refused with {status}, and ?{asked} was polled", polls[0].number)
    return failed_clearly(run, f"the create was refused with {status}")


SIGNS = Scenario(
    "generated",
    "The create is refused, with a text that has quotes, braces and percent signs.",
    faults=(
        Fault(
            "create",
            "status",
            status=400,
            message="Body validation error: Expected 'a' | 'b', received \"50% {size}\" of a%20cat.png",
        ),
    ),
)


def _refused(context: Context) -> Iterator[Trial]:
    yield from every(scenario_strategies.refused_creates)(context)
    yield from each(SIGNS)(context)


@rule(
    "B5",
    trials=behaving(scenario_strategies.refused_creates),
    first=_refused,
)
def surfaces_message(run: Run) -> Failure | None:
    for exchange in run.creates[:1]:
        body = exchange.answer
        if run.outcome.kind != "raised" or not isinstance(body, dict):
            continue
        if not mentions(body["message"], run):
            return Failure(
                f"the API said {quoted(body['message'])}, the client {run.brief()}",
                exchange.number,
            )
        if run.trial.strict and not mentions(body["requestId"], run):
            return Failure(
                f"the API gave the request id {quoted(body['requestId'])}, the client {run.brief()}",
                exchange.number,
            )
    return None


AT_ONCE = 3
"""Creates in a row that come again without a pause after a 429 which does not say how long to wait."""


def _limited() -> st.SearchStrategy[Scenario]:
    lasting = [CATALOGUE["rate-limited"], CATALOGUE["rate-limited-bare"]]
    return st.one_of(scenario_strategies.limited_creates(), st.sampled_from(lasting))


def _limits(context: Context) -> Iterator[Trial]:
    bare, limited = CATALOGUE["rate-limited-bare"], CATALOGUE["rate-limited"].with_faults(times=1)
    until = limited.with_faults(retry_date=True)
    yield from each(limited, until, bare.with_faults(times=1), bare)(context)
    yield from ahead_of(context, until)


@rule(
    "B6",
    trials=behaving(_limited),
    first=_limits,
    virtual=True,
    by_clock=True,
)
def create_limited(run: Run) -> Failure | None:
    creates = run.creates
    at_once = 0
    for before, after in itertools.pairwise(creates):
        asked = retry_after(before) if before.status == 429 else None
        taken = waited(before, after)
        at_once = at_once + 1 if before.status == 429 and taken < TOLERANCE else 0
        if at_once == AT_ONCE:
            return Failure(
                f"the create is answered 429 and came again {AT_ONCE} times without a pause", after.number
            )
        # By a clock that is ahead, the time until a date is over.
        if asked is not None and not run.trial.ahead and waits_too_little(taken, asked, math.inf):
            return Failure(
                f"Retry-After asked to wait {asked:g} s{as_date(before)}, "
                f"and the create came again after {taken:.1f} s",
                after.number,
            )
    # With a job that was made it is the polls that do not end: others name that.
    if not accepted(run) and (run.cut or run.outcome.kind == "stopped"):
        return Failure(
            f"every create is answered 429, and the client did not give up: "
            f"{many(run.received, 'request')} came"
        )
    if run.outcome.kind == "returned" and not accepted(run):
        return Failure(f"the create is answered 429, but the client {run.brief()} as if all were well")
    if run.outcome.crashed:
        clock = f", and {run.trial.note}" if run.trial.note else ""
        return failed_clearly(run, f"the create is answered 429{clock}")
    return None


def _accepting(code: Literal[200, 201]) -> Scenario:
    return Scenario("generated", f"The create is accepted with {code}.", create_code=code)


@rule(
    "B7",
    trials=fixed(_accepting(200), _accepting(201)),
    first=each(_accepting(200), _accepting(201)),
    examples=6,
    plain=True,
)
def any_success(run: Run) -> Failure | None:
    return told_with(run, not_delivered(run))


@rule(
    "B8",
    trials=behaving(scenario_strategies.bad_create_replies),
    first=every(scenario_strategies.bad_create_replies),
    after=("B2",),
)
def bad_create_reply(run: Run) -> Failure | None:
    how = f" ({answered(run.creates[0])})" if run.creates else ""
    why = f"the create's answer named no job{how}"
    if len(run.creates) > 1:
        many_sent = f"{len(run.creates)} creates were sent for one video"
        return Failure(f"{why}, and {many_sent}: each may be paid", run.creates[1].number)
    for exchange in run.polls:
        if exchange.job_id in NOBODY or not exchange.known_id:
            shown = one_line(exchange.query_string.decode("utf-8", "replace"))
            return Failure(f"{why}, and ?{shown} was polled", exchange.number)
    return failed_clearly(run, why)


@rule(
    "B9",
    trials=fixed(CATALOGUE["completed-in-create"], CATALOGUE["failed-in-create"]),
    first=each(CATALOGUE["completed-in-create"], CATALOGUE["failed-in-create"]),
    examples=8,
    plain=True,
)
def terminal_in_create(run: Run) -> Failure | None:
    said = run.creates[0].word if run.creates else None
    if run.polls and said is not None:
        return Failure(f"the create already said {quoted(said)}, and the job was polled", run.polls[0].number)
    if run.trial.scenario.create_status == "completed":
        return told_with(run, not_delivered(run))
    return failed_clearly(run, f"the create already said {quoted(said)}")


_LONGER = Scenario(
    "generated",
    "The job generates for two and a half minutes.",
    plan=(Step("generating", 150.0), Step("completed")),
)

# In the moment at which another ends as well, what a client asks for first would be a matter of chance.
_SOONER = Scenario(
    "generated",
    "The job fails without having been queued.",
    plan=(Step("generating"), Step("error")),
)


def _two(context: Context) -> st.SearchStrategy[Trial]:
    return brief_pairs(context.model).map(
        lambda pair: Trial(context.model, pair[0], PLAIN, jobs=(pair[1],), note="two jobs at the same time")
    )


def _unlike(context: Context) -> Iterator[Trial]:
    """Two that end in different ways, or not in their order: what one leaves must not reach the other."""
    payloads = brief_payloads(context.model)
    other = next((body for body in payloads if body != payloads[0]), None)
    for first, how in (
        (_SOONER, "fails while the other goes on"),
        (_LONGER, "takes two minutes longer"),
    ):
        if other is not None:
            note = f"two jobs at the same time, and the first of them {how}"
            yield Trial(context.model, payloads[0], PLAIN, jobs=(other,), first=first, note=note)


@rule(
    "B10",
    trials=_two,
    first=_unlike,
    examples=8,
    plain=True,
)
def no_crosstalk(run: Run) -> Failure | None:
    made = {}
    for exchange in run.creates:
        for place, payload in enumerate(run.trial.payloads):
            if exchange.payload == payload and exchange.job_id is not None:
                made[place] = exchange.job_id
    if len(made) < len(run.trial.payloads) <= len(run.creates):
        # What is sent is not what was given: A2 says so, and nobody can tell whose job is whose.
        return None
    for place, outcome in enumerate(run.outcomes):
        told = states_told([poll for poll in run.polls if poll.job_id == made.get(place)])
        if "error" in told and outcome.failed and not outcome.crashed:
            continue
        own = run.urls.get(made.get(place, ""))
        others = [url for job, url in run.urls.items() if job != made.get(place)]
        if any(run.shows(url, outcome) for url in others):
            return Failure(
                "two jobs ran at the same time, and one of them got the other job's video: "
                f"the client {run.brief(outcome)}"
            )
        if own is None or not run.shows(own, outcome):
            return Failure(
                f"two jobs ran at the same time, and one ended so: the client {run.brief(outcome)}"
            )
    return None
