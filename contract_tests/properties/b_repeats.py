"""B. Making the job: asked twice is made twice, and a gateway's page in the place of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import Fault, Scenario

from ..generation.payloads import smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import accepted, failed_clearly
from .trials import brief_bodies, each, fixed

__all__ = ["SECTION"]

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
        return Failure(f"{run.trial.note}, and {made} job was made")
    for outcome in run.outcomes:
        if not any(run.shows(url, outcome) for url in run.urls.values()):
            return Failure(f"{run.trial.note}, and one call ended so: the client {run.brief(outcome)}")
    if any(all(run.shows(url, outcome) for outcome in run.outcomes) for url in run.urls.values()):
        return Failure(f"{run.trial.note}, and both got the same video")
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
