"""The passive checks of a test itself: what it armed and nothing met, so that it proves nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ..exchanges.exchange import Exchange
from ..scenarios import Fault, Scenario
from .trace import Accusation, Trace

__all__ = ["t1_scenario_used", "t2_fault_reached", "t3_mock_called"]


def t1_scenario_used(trace: Trace) -> Iterator[Accusation]:
    """A scenario in the queue of the next creates, for which no create came."""
    for scenario in trace.unused:
        yield Accusation(
            f"this {trace.called} proves nothing: the scenario {_name(scenario)} was queued, "
            "and no create came for it."
        )


def t2_fault_reached(trace: Trace) -> Iterator[Accusation]:
    """A scenario with faults, of which none had a request that it could strike.

    Nothing is said where nobody called the mock at all, nor of a scenario that still waits in the queue.
    """
    if not trace.exchanges:
        return
    waiting = {scenario.name for scenario in trace.unused}
    for scenario in {armed.scenario.name: armed.scenario for armed in trace.armed}.values():
        if not scenario.faults or scenario.name in waiting:
            continue
        if not any(_reached(fault, scenario, trace) for fault in scenario.faults):
            places = " or ".join(sorted({_PLACES[fault.at] for fault in scenario.faults}))
            later = " so late" if any(fault.after for fault in scenario.faults) else ""
            yield Accusation(
                f"this {trace.called} proves nothing: the scenario {_name(scenario)} strikes {places}, "
                f"and none came{later}."
            )


def t3_mock_called(trace: Trace) -> Iterator[Accusation]:
    """A host that was answered for, and that nobody called."""
    for host in trace.uncalled:
        yield Accusation(f"this {trace.called} proves nothing: nobody called {host}.")


_PLACES = {"create": "a create", "poll": "a poll", "video": "a download", "any": "a create or a poll"}


def _name(scenario: Scenario) -> str:
    return scenario.name or "of its own"


def _reached(fault: Fault, scenario: Scenario, trace: Trace) -> bool:
    """Whether more requests came to a fault's place than it lets go well; bounds on the clock do not count.

    They are counted as the server does: per job, for a create per scenario.
    """
    counts: dict[str, int] = {}
    for exchange in trace.exchanges:
        if exchange.scenario == scenario.name and _at(fault, exchange):
            if exchange.fault is not None and fault.at != "any":
                return True
            of = "" if exchange.kind == "create" else exchange.job_id or ""
            counts[of] = counts.get(of, 0) + 1
    return any(count > fault.after for count in counts.values())


def _at(fault: Fault, exchange: Exchange) -> bool:
    if fault.at == "any":
        return exchange.kind in ("create", "poll")
    return exchange.kind == fault.at
