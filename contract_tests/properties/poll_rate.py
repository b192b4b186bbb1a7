"""The pace of polls: jobs that take their time, as long as the documented ones too, and busy loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from hypothesis import strategies as st

from kling_mock.exchanges.exchange import Exchange
from kling_mock.media import clip_for
from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.timeline import Step
from kling_mock.wording import quoted

from ..generation import scenario_strategies
from ..generation.contract_view import current_catalog
from ..generation.payloads import smallest_payload
from ..running.models import Trial
from .base import Context, Failure
from .oracles import answered
from .trials import LONG, MANY

__all__ = [
    "ENDLESS",
    "ODD_STATUSES",
    "OUTAGES",
    "busy_loop",
    "documented_job",
    "long_jobs",
    "named",
    "wavering",
]

BUSY = 0.5
"""Virtual seconds between polls, on average, below which they are a busy loop."""
PACED = 20
"""Polls in a row whose pace is looked at."""
TRIED = 10
"""The same where all of them went wrong."""
SECONDS = 20.0
"""Virtual seconds of an outage that passes."""

_PLAN = (Step("queued", 10.0), Step("generating", 60.0), Step("completed"))
_MINUTE = (
    Scenario("generated", f"For {SECONDS:g} s every poll {says}.", plan=_PLAN, faults=(fault,))
    for says, fault in (
        ("is answered 500", Fault("poll", "status", status=500, since=12.0, until=12.0 + SECONDS)),
        ("has its connection reset", Fault("poll", "reset", since=12.0, until=12.0 + SECONDS)),
    )
)
OUTAGES = (
    *(outage.replace(plan=_PLAN) for outage in scenario_strategies.long_outages(2 * PACED)),
    *_MINUTE,
)
"""Faults in a row and for a while, enough for a loop that makes no pause after one to show."""


def named(word: str) -> Scenario:
    """A job that generates under another name."""
    return Scenario("generated", f"A generating job is called {quoted(word)}.", words={"generating": word})


_ODD = (named(scenario_strategies.UNKNOWN_WORDS[0]), scenario_strategies.WITHOUT_STATUS)
ODD_STATUSES = tuple(part.replace(plan=_PLAN) for part in _ODD)
"""What a client may poll on at, and has to pause at all the same."""

ENDLESS = tuple(CATALOGUE["stuck-generating"] | part for part in _ODD)
"""Jobs that never end either, for a client that has been seen to give up one that looks as usual."""


def wavering(budget: float) -> Scenario:
    """A job that goes back and forth, and has not ended when a budget is over five times."""
    back_and_forth = (Step("queued", math.ceil(budget / 2)), Step("generating", math.ceil(budget / 2)))
    return Scenario(
        "generated",
        "The job goes back and forth between queued and generating, and never ends.",
        plan=(*back_and_forth * 5, Step("generating")),
    )


def long_jobs() -> st.SearchStrategy[Scenario]:
    """Jobs that generate for minutes, some of them with polls that take two seconds."""
    slow = Fault("poll", "slow", seconds=2.0)
    return st.builds(
        lambda seconds, faults: Scenario(
            "generated",
            f"The job generates for {seconds:g} s" + (", and each poll takes two." if faults else "."),
            plan=(Step("queued", 10.0), Step("generating", seconds), Step("completed")),
            faults=faults,
        ),
        st.sampled_from([60.0, 120.0, 230.0]),
        st.sampled_from([(), (slow,)]),
    )


def documented_job(context: Context) -> Trial:
    """The smallest payload, and a job that takes as long as its model's documentation says."""
    catalog, payload = current_catalog(), smallest_payload(context.model)
    facts = catalog.facts(context.model)
    clip = clip_for(catalog.find(context.model), facts, payload)
    whole = facts.seconds_for(clip.seconds)
    queued, generating = facts.spans_for(clip.seconds)
    plan = (Step("queued", queued), Step("generating", generating), Step("completed"))
    says = f"The job takes {whole:.0f} s, as documented for its model."
    scenario = Scenario("generated", says, plan=plan)
    return Trial(context.model, payload, scenario, requests=MANY, seconds=LONG, expect=whole)


def busy_loop(polls: Sequence[Exchange]) -> Failure | None:
    """The failure of polls without a pause, be it all of them or many in a row, as after faults."""
    if len(polls) > PACED and _pace(polls) < BUSY:
        return _busy(polls)
    for place in range(len(polls) - PACED):
        if _pace(row := polls[place : place + PACED + 1]) < BUSY:
            return _busy(row)
    for wrong, group in itertools.groupby(polls, lambda poll: poll.fault is not None and not _slow(poll)):
        if wrong and len(row := list(group)) >= TRIED and _pace(row) < BUSY:
            return _busy(row)
    return None


def _pace(polls: Sequence[Exchange]) -> float:
    return (polls[-1].at - polls[0].at) / (len(polls) - 1)


def _busy(polls: Sequence[Exchange]) -> Failure:
    met = {answered(poll) for poll in polls[:-1] if poll.fault and not _slow(poll)}
    why = f", after some were {' and '.join(sorted(met))}" if met else ""
    says = f"{len(polls)} polls came, one every {_pace(polls) * 1000:.0f} ms{why}"
    return Failure(says, polls[1].number)


def _slow(poll: Exchange) -> bool:
    return poll.fault == "slow"
