"""B. Making the job: asked twice is made twice, and a gateway's page in the place of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.wording import quoted

from ..generation.payloads import smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .c_poll import has_budget
from .oracles import accepted, failed_clearly
from .trials import LONG, MANY, brief_bodies, brief_payloads, each, fixed

__all__ = ["SECTION"]

_AT_ONCE = 3_000.0
"""Virtual seconds that a run may take in which a call sends nothing, another call's budget among them."""
STUCK = CATALOGUE["stuck-generating"]
SECTION = Section()
rule = SECTION.rule


def _twice(context: Context) -> st.SearchStrategy[Trial]:
    return st.builds(
        lambda body, in_turn: _asked_twice(context, body, in_turn=in_turn),
        brief_bodies(context.model),
        st.sampled_from([True, False]),
    )


def _asked_twice(context: Context, body: object, *, in_turn: bool) -> Trial:
    note = f"the same is asked for twice, {'one after the other' if in_turn else 'at the same time'}"
    return Trial(context.model, body, PLAIN, jobs=(body,), in_turn=in_turn, note=note)


def _both_ways(context: Context) -> Iterator[Trial]:
    body = smallest_payload(context.model)
    return (_asked_twice(context, body, in_turn=in_turn) for in_turn in (True, False))


@rule(
    "B11",
    trials=_twice,
    first=_both_ways,
    examples=1,
    plain=True,
)
def asked_twice(run: Run) -> Failure | None:
    made = len(accepted(run))
    if made < 2 and all(outcome.kind == "returned" for outcome in run.outcomes):
        return Failure(f"{run.trial.note}, and {'1 job' if made else 'no job'} was made")
    for outcome in run.outcomes:
        if not any(run.shows(url, outcome) for url in run.urls.values()):
            return Failure(f"{run.trial.note}, and one call ended so: the client {run.brief(outcome)}")
    if any(all(run.shows(url, outcome) for outcome in run.outcomes) for url in run.urls.values()):
        return Failure(f"{run.trial.note}, and both got the same video")
    return None


def _one_after_the_other(context: Context) -> Iterator[Trial]:
    """Two that differ, in turn, where the first comes to nothing: its job fails, or is given up."""
    payloads = brief_payloads(context.model)
    other = next((body for body in payloads if body != payloads[0]), None)
    if other is None:
        return
    for scenario in (CATALOGUE["failed"], *([STUCK] if has_budget(context) is None else [])):
        note = "two that differ are asked for, one after the other"
        yield Trial(
            context.model,
            payloads[0],
            scenario,
            jobs=(other,),
            in_turn=True,
            requests=MANY,
            seconds=LONG,
            note=note,
        )


def _only_one(context: Context) -> str | None:
    return (
        None if next(_one_after_the_other(context), None) else "the model has no two payloads that are short"
    )


@rule(
    "B14",
    trials=lambda context: st.just(next(_one_after_the_other(context))),
    first=_one_after_the_other,
    applies=_only_one,
    examples=1,
    plain=True,
    after=("B1", "C1", "C4", "D3"),
)
def own_job(run: Run) -> Failure | None:
    ends = (*run.begun[1:], len(run.trace))
    for place, (first, end) in enumerate(zip(run.begun, ends, strict=True)):
        sent = run.trace[first:end]
        if any(exchange.kind == "create" for exchange in sent):
            continue
        if not place:
            why = "after calls that failed, or gave their jobs up, this one made no job"
        else:
            went = "gave its job up" if run.trial.scenario is STUCK else "said that its job had failed"
            why = f"one call {went}, and the next one, which asked for something else, made no job"
        asked = next((exchange for exchange in sent if exchange.kind == "poll"), None)
        if asked is not None:
            return Failure(f"{why}, but polled {quoted(asked.job_id)}, the job of another", asked.number)
        outcome = run.outcomes[place]
        # To be told at once that the API is down, and nothing is tried, does no harm.
        if outcome.kind != "raised" or outcome.crashed or run.seconds > _AT_ONCE:
            return Failure(f"{why}: the client {run.brief(outcome)}")
    return None


PAGES = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
_DECODING = re.compile(
    r"JSONDecodeError|SyntaxError|Expecting value|Unexpected token|is not valid JSON|end of JSON|"
    r"invalid character|parse error|Invalid JSON|Could not decode|Body is unusable",
    re.IGNORECASE,
)
"""What tells that a program took a page for JSON."""


def _page(status: int) -> Scenario:
    says = f"The create is answered {status} with a gateway's HTML page, and no job is made."
    return Scenario("generated", says, faults=(Fault("create", "html", status=status),))


@rule(
    "B12",
    trials=fixed(*map(_page, PAGES)),
    first=each(*map(_page, PAGES)),
    examples=3,
)
def create_error_page(run: Run) -> Failure | None:
    if not run.creates:
        return None
    status = run.creates[0].status
    why = f"the create was answered {status} with an HTML page"
    failure = failed_clearly(run, why)
    if failure is not None:
        return failure
    shown = run.outcome.everything
    told = str(status) in shown or PAGES.get(status or 0, "?").lower() in shown.lower()
    if not told and _DECODING.search(f"{run.outcome.error} {shown}"):
        return Failure(
            f"{why}, and nobody is told the status: the client {run.brief()}", run.creates[0].number
        )
    return None
