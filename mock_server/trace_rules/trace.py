"""What the passive checks look at: exchanges, and what is known of how they came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ..errors import PayloadError
from ..exchanges.exchange import Exchange
from ..scenarios import Scenario
from ..scenarios.arming import Armed
from ..scenarios.fault import TRANSPORT
from ..validation import parse_json

__all__ = [
    "PLACEHOLDERS",
    "Accusation",
    "Check",
    "Trace",
    "final",
    "readable",
    "same_body",
    "told_its_id",
]

PLACEHOLDERS = frozenset(
    {"undefined", "null", "none", "nil", "nan", "nonetype", "[object object]", "false", "true", "<nil>", ""}
)
"""Texts that programming languages make of an id that is not there, in lower case."""


def _unknown(_job_id: str) -> float | None:
    return None


@dataclass(frozen=True)
class Trace:
    """Exchanges of one client, oldest first, and what is known of how they came about.

    With the exchanges alone the checks say what these show whatever came before and after.
    """

    exchanges: Sequence[Exchange] = ()
    one: bool = True
    """Whether all of it serves one test, or one program: the same body twice is the same wish then."""
    called: str = "test"
    """What it is the trace of, in a sentence."""
    steps: frozenset[int] = frozenset()
    """How many exchanges there had been whenever a test chose a scenario, moved the clock or looked."""
    whole: bool = False
    """Whether nothing more is to come of what has begun, as far as is known."""
    over: bool = False
    """Whether nothing more can come: the test or the program has ended."""
    armed: Sequence[Armed] = ()
    unused: Sequence[Scenario] = ()
    """Scenarios that wait in the queue for a create that has not come."""
    uncalled: Sequence[str] = ()
    """Hosts that were answered for, and that nobody called."""
    lost: bool = False
    """Whether a create that was not answered, or by a 5xx, may have made a job that nothing is known of."""
    patience: Callable[[str], float | None] = _unknown
    """The virtual seconds for which an ordinary job is to be waited for, by its id; None where unknown."""

    @cached_property
    def creates(self) -> list[Exchange]:
        """The creates."""
        return [exchange for exchange in self.exchanges if exchange.kind == "create"]

    @cached_property
    def polls(self) -> dict[str, list[Exchange]]:
        """The polls by the id that they asked for."""
        found: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            if exchange.kind == "poll" and exchange.job_id is not None:
                found.setdefault(exchange.job_id, []).append(exchange)
        return found

    def unfinished(self) -> Trace:
        """The same of a test or a program that was cut short: what it left undone says nothing."""
        return replace(self, whole=False, over=False, armed=(), unused=(), uncalled=())

    def stepped(self, first: Exchange, second: Exchange) -> bool:
        """Whether a test did something of its own between two exchanges: the second is its wish then."""
        return bool(self.steps) and any(first.number <= at < second.number for at in self.steps)


class Accusation(NamedTuple):
    """A check's sentence about some exchanges."""

    says: str
    exchanges: tuple[Exchange, ...] = ()
    certain: bool = True
    """False where a right client, in a test of a certain kind, could have left this trace too."""


Check = Callable[[Trace], Iterator[Accusation]]


def told_its_id(create: Exchange) -> bool:
    """Return True if a create made a job and its answer could be read."""
    return create.known_id and create.status in (200, 201) and readable(create)


def final(poll: Exchange) -> bool:
    """Return True if a readable answer told a poll of the job's end, in the contract's own words."""
    if poll.status != 200 or poll.state not in ("completed", "error") or not readable(poll):
        return False
    answer = poll.answer
    return isinstance(answer, dict) and answer.get("status") == poll.state


def readable(exchange: Exchange) -> bool:
    """Return True if a client could read an answer: no fault struck it, or the fault left it whole.

    An exchange names one fault of several: what came with it shows in the answer itself.
    """
    if exchange.fault is None:
        return True
    if exchange.fault not in TRANSPORT or exchange.status is None or exchange.whole_size is not None:
        return False
    if not exchange.answer_header.get("content-type", "").startswith("application/json"):
        return False
    try:
        parse_json(exchange.answer_body)
    except PayloadError:
        return False
    return True


def same_body(first: Exchange, second: Exchange) -> bool:
    """Return True if two creates ask for the same, byte for byte or as JSON."""
    if first.body_size == 0:
        return False
    if first.body == second.body and first.body_size == second.body_size:
        return True
    payload = first.payload
    return payload is not None and payload == second.payload
