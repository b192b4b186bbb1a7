"""What a property is: an id, what it costs to break it, the cases that try it, and a judgement of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from ..driving.clients import Client
from ..running.models import Case, Run

__all__ = ["ADVISORY", "REQUIRED", "STRICT", "Context", "Failure", "First", "Profile", "Property", "Section"]

REQUIRED, STRICT, ADVISORY = "R", "S", "A"


@dataclass(frozen=True)
class Failure:
    """Why a run breaks a property, in one sentence; `exchange` is the number of the request to blame."""

    says: str
    exchange: int | None = None


@dataclass
class Profile:
    """What a few plain runs have shown of a client; cases that need to know are made from it."""

    downloads: bool = False
    """Whether it fetches the video."""
    seconds: float = 0.0
    """How long a plain job took it."""
    last_polls: tuple[float, ...] = ()
    """When it polled a job that never ends, in seconds after the create's answer."""
    gave_up: bool = False
    """Whether it stopped polling that job by itself."""
    patience: float | None = None
    """Seconds at which it ends a wait that it is asked for; None where it waits for as long as asked."""


@dataclass(frozen=True)
class Context:
    """What cases are made for: one model, one client."""

    model: str
    client: Client
    profile: Profile = field(default_factory=Profile)
    strict: bool = False


Cases = Callable[[Context], st.SearchStrategy[Case]]
First = Callable[[Context], Iterable[Case]]
"""Cases that are tried whatever is drawn."""
Judge = Callable[[Run], Failure | None]
Applies = Callable[[Context], str | None]


@dataclass(frozen=True)
class Property:
    """One promise of a good client. `cost` says what its breach costs, for a person who pays for it."""

    id: str
    name: str
    level: str
    cost: str
    cases: Cases
    holds: Judge
    applies: Applies
    examples: int | None = None
    """At most so many examples, where more would show nothing new."""
    virtual: bool = False
    """Whether it can only be tried where the client lives in virtual time."""
    plain: bool = False
    """Whether it says something new only of a client that gets the video of a plain job."""
    first: First = lambda context: ()
    """Cases that are always tried, before any is drawn; they do not count as examples."""


class Section:
    """The properties of one section of the catalogue, collected by `rule`."""

    def __init__(self) -> None:
        self.properties: list[Property] = []

    def rule(
        self,
        id: str,
        name: str,
        level: str,
        *,
        cases: Cases,
        cost: str,
        applies: Applies = lambda context: None,
        examples: int | None = None,
        virtual: bool = False,
        plain: bool = False,
        first: First = lambda context: (),
    ) -> Callable[[Judge], Judge]:
        """Make the decorated function the judgement of a new property."""

        def add(holds: Judge) -> Judge:
            self.properties.append(
                Property(id, name, level, cost, cases, holds, applies, examples, virtual, plain, first)
            )
            return holds

        return add
