"""E. Transport: answers that hang, drip, move or come in odd dress."""

from __future__ import annotations

from hypothesis import strategies as st

from kling_mock.exchanges.exchange import Exchange
from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.scenarios.fault import REWRITING

from ..generation import scenario_strategies
from ..running.models import Run
from .base import Failure, Section
from .oracles import doing, failed_clearly, not_delivered, told_with
from .trials import behaving, each, every, fixed

__all__ = ["SECTION", "TOO_LONG", "held"]

SECTION = Section()
rule = SECTION.rule

HOURS = 2
TOO_LONG = 3_600.0
"""Virtual seconds that no timeout of a single request exceeds."""


def held(exchange: Exchange, run: Run) -> float:
    """The virtual seconds that a request was waited for, until the mock ended the run at the latest."""
    end = run.started + (run.cut_after if run.cut else run.seconds)
    return min(exchange.ended_at or end, end) - exchange.at


def _hanging() -> st.SearchStrategy[Scenario]:
    poll = Fault("poll", "hang")
    hangs = [
        CATALOGUE["create-hangs"],
        Scenario("generated", "A poll is never answered.", faults=(poll.replace(times=1),)),
        Scenario("generated", "No poll is ever answered.", faults=(poll,)),
        Scenario("generated", "From the second on, no poll is answered.", faults=(poll.replace(after=1),)),
    ]
    return st.sampled_from(hangs)


@rule(
    "E1",
    trials=behaving(_hanging, seconds=HOURS * 3_600.0),
    first=every(_hanging, seconds=HOURS * 3_600.0),
    virtual=True,
    examples=8,
)
def always_timeout(run: Run) -> Failure | None:
    for exchange in run.trace:
        # Many short waits without an end are the business of C4.
        if exchange.status is None and held(exchange, run) > TOO_LONG:
            return Failure(
                f"the {exchange.kind} was not answered, and the client waited for more than an hour",
                exchange.number,
            )
    if run.outcome.kind == "returned" and not run.delivered:
        return Failure(f"an answer never came, but the client {run.brief()} as if all were well")
    return None


@rule(
    "E2",
    trials=behaving(lambda: scenario_strategies.transports(hygiene=False)),
    first=every(lambda: scenario_strategies.transports(hygiene=False)),
    examples=12,
    plain=True,
)
def slow_and_chunked(run: Run) -> Failure | None:
    creates = run.creates
    if len(creates) > 1:
        return Failure(f"{len(creates)} creates were sent for one video", creates[1].number)
    return told_with(run, not_delivered(run))


REDIRECTS = (
    CATALOGUE["redirect"],
    Scenario(
        "generated",
        "The first poll is redirected with 307 to another host name.",
        faults=(Fault("poll", "redirect", times=1),),
    ),
)


@rule(
    "E3",
    trials=fixed(*REDIRECTS),
    first=each(*REDIRECTS),
    examples=1,
)
def redirect_safe(run: Run) -> Failure | None:
    own = run.base_url.partition("://")[2].partition("/")[0]
    for exchange in run.trace:
        host = ", ".join(exchange.header_values(b"host"))
        if host != own and exchange.header_values(b"authorization"):
            return Failure(
                f"the {exchange.kind} was redirected to {host}, and the key went along", exchange.number
            )
    return None


def _odd_dress() -> st.SearchStrategy[Scenario]:
    kinds = ("byte-order-mark", "wrong-content-type", "duplicate-keys")
    places = {"any": "Every answer", "poll": "The answer of a poll", "create": "The answer of a create"}
    return st.builds(
        lambda kind, place: Scenario(
            "generated",
            f"{places[place]} is {REWRITING[kind]}.",
            faults=(Fault(place, kind),),
        ),
        st.sampled_from(kinds),
        st.sampled_from(list(places)),
    )


@rule(
    "E4",
    trials=behaving(_odd_dress),
    first=every(_odd_dress),
    plain=True,
)
def reply_hygiene(run: Run) -> Failure | None:
    creates = run.creates
    if len(creates) > 1:
        return Failure(f"{len(creates)} creates were sent for one video", creates[1].number)
    if run.delivered or (run.outcome.failed and not run.outcome.crashed):
        return None
    return failed_clearly(run, doing(run)) or told_with(run, not_delivered(run))
