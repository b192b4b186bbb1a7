"""The passive checks: rules of the contract that a trace alone can show to be broken.

Each check sees exchanges and how they came about, and nothing else: neither what the client was asked for nor
what became of it. So each accuses only where no right client could have left this trace, says as advice where
one could in a test of a certain kind, and keeps silent elsewhere; the docstrings say what that leaves out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..exchanges.exchange import Exchange, trace_redactor
from . import checks_of_creates as creates
from . import checks_of_polls as polls
from . import checks_of_results as results
from . import checks_of_sending as sending
from . import checks_of_tests as tests
from .register import RULES, Level, OfRule, Rule
from .trace import Check, Trace

__all__ = ["INVARIANTS", "Breach", "Invariant", "check_trace"]


@dataclass(frozen=True, slots=True)
class Breach(OfRule):
    """A rule that a trace breaks; `exchanges` are the numbers of those that show it, if any do."""

    rule: Rule
    says: str
    """One sentence of what it costs the user."""
    exchanges: tuple[int, ...] = ()
    certain: bool = True
    """False where it is advice whatever the weight of its rule: the trace alone cannot tell for sure."""

    @property
    def level(self) -> Level:
        """The weight that it has: its rule's, or advice."""
        return self.rule.level if self.certain else Level.ADVISORY

    def __str__(self) -> str:
        if not self.exchanges:
            return f"{self.id} {self.name}: {self.says}"
        many = "exchanges" if len(self.exchanges) > 1 else "exchange"
        numbers = ", ".join(map(str, self.exchanges))
        return f"{self.id} {self.name}: {self.says} ({many} {numbers})"


class Invariant(NamedTuple):
    """A rule of the register, with the check that finds in a trace where it is broken."""

    rule: Rule
    check: Check

    @property
    def id(self) -> str:
        """The rule's id, such as `B1`."""
        return self.rule.id


def check_trace(exchanges: Sequence[Exchange] | Trace, *, ignore: Collection[str] = ()) -> list[Breach]:
    """Every breach that the exchanges show, in the order of the ids; one that shows again is still one.

    `exchanges` are one client's, oldest first, such as `MockServer.exchanges` after a test, or a `Trace` that
    knows more of them. `ignore` holds ids that are not checked, beside those that the trace leaves out.
    """
    trace = exchanges if isinstance(exchanges, Trace) else Trace(tuple(exchanges))
    breaches: list[Breach] = []
    for invariant in INVARIANTS:
        if invariant.id in ignore or invariant.id in trace.ignored:
            continue
        found: dict[tuple[str, bool], list[int]] = {}
        for accusation in invariant.check(trace):
            numbers = found.setdefault((accusation.says, accusation.certain), [])
            numbers += [each.number for each in accusation.exchanges if each.number not in numbers]
        breaches += [
            Breach(invariant.rule, says, tuple(numbers), certain)
            for (says, certain), numbers in found.items()
        ]
    if not breaches:
        return []
    hide = trace_redactor(trace.exchanges)
    return [replace(breach, says=hide(breach.says)) for breach in breaches]


_CHECKS: dict[str, Check] = {
    "A1": sending.a1_payload_valid,
    "A3": sending.a3_no_undocumented_fields,
    "A6": sending.a6_exact_route,
    "A7": sending.a7_bearer_everywhere,
    "A8": sending.a8_strict_json,
    "B1": creates.b1_one_create_per_job,
    "B2": creates.b2_no_blind_repost,
    "B4": creates.b4_fail_fast_4xx,
    "B6": creates.b6_create_429,
    "B13": creates.b13_job_followed,
    "C1": polls.c1_stops_at_terminal,
    "C7": polls.c7_sane_cadence,
    "C8": polls.c8_retry_after,
    "C11": polls.c11_id_round_trip,
    "C12": polls.c12_id_opaque,
    "D2": results.d2_completed_without_url,
    "D3": results.d3_error_shapes,
    "D13": results.d13_video_fetched,
    "T1": tests.t1_scenario_used,
    "T2": tests.t2_fault_reached,
    "T3": tests.t3_mock_called,
}

INVARIANTS: tuple[Invariant, ...] = tuple(Invariant(RULES[id], check) for id, check in _CHECKS.items())
"""The rules that `check_trace` checks, in its order."""
