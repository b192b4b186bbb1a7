"""What the passive checks look at: exchanges, and what is known of how they came about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
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
    "body_key",
    "final",
    "readable",
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
    ignored: Collection[str] = ()
    """Ids of rules that the test itself has left out."""
    speed: float = 1.0
    """Virtual seconds in a real one."""
    followed: bool = False
    """Whether what a client waits with moves the clock: no time at all is a pause that was not made then."""
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

    @cached_property
    def _wishes(self) -> dict[int, Hashable]:
        return {}

    def same_wish(self, first: Exchange, second: Exchange) -> bool:
        """Whether two creates ask for the same, and for something at all."""
        if first.body_size == 0:
            return False
        keys = []
        for create in (first, second):
            key = self._wishes.get(create.number)
            if key is None:
                key = self._wishes[create.number] = body_key(create)
            keys.append(key)
        return keys[0] == keys[1]

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


def body_key(create: Exchange) -> Hashable:
    """A value that is equal for bodies that are the same byte for byte, or as JSON."""
    if len(create.body) == create.body_size:
        try:
            return _frozen(parse_json(create.body))
        except (PayloadError, RecursionError):
            pass
    return create.body, create.body_size


def _frozen(value: object) -> Hashable:
    if isinstance(value, dict):
        return frozenset((name, _frozen(one)) for name, one in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return type(value).__name__, repr(value)
