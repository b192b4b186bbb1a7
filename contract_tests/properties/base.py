"""Properties: a rule of the register with the trials that try it and the judgement of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from kling_mock.trace_rules.register import RULES, OfRule, Rule
from kling_mock.wording import printable

from ..driving.clients import Client
from ..running.met import unmet
from ..running.models import Run, Trial

__all__ = ["Context", "Failure", "First", "Judge", "Look", "Narrow", "Profile", "Property", "Section"]


@dataclass(frozen=True)
class Failure:
    """The reason why a run breaks a property, on one line; `exchange` is the request to blame."""

    says: str
    exchange: int | None = None

    def __post_init__(self) -> None:
        # Some of its words are a client's own, or those of a server behind it.
        object.__setattr__(self, "says", printable(self.says))


@dataclass
class Profile:
    """The habits of a client, as a few plain runs have shown them; some trials are made from them."""

    downloads: bool = False
    """True where it fetches the video."""
    polls: bool = True
    """False where it chose not to poll a plain job, and came back without its video."""
    seconds: float = 0.0
    """The virtual seconds that a plain job took it."""
    last_polls: tuple[float, ...] = ()
    """When it polled a job that never ends, in seconds after the create's answer."""
    gave_up: bool = False
    """True where it stopped polling that job by itself."""
    patience: float | None = None
    """Seconds at which it ends a wait that it is asked for; None where it waits for as long as asked."""


@dataclass(frozen=True)
class Context:
    """The model and the client that trials are made for."""

    model: str
    client: Client
    profile: Profile = field(default_factory=Profile)
    strict: bool = False
    strength: int = 2
    """How many behaviours come together in all ways: pairs, or triples."""
    part: tuple[int, int] = (0, 1)
    """Which of how many parts of the covering behaviours is tried here; others are tried elsewhere."""


Trials = Callable[[Context], st.SearchStrategy[Trial]]
First = Callable[[Context], Iterable[Trial]]
"""Makes the trials that are tried whatever is drawn."""
Judge = Callable[[Run], Failure | None]
Look = Callable[[Trial], Run]
"""Runs the client on one more trial."""
Narrow = Callable[[Trial, Look], Trial | None]
"""Makes a failing trial smaller; None where what fails in it is another property's breach."""
Applies = Callable[[Context], str | None]
"""Gives the reason why a property cannot be tried, None where it can."""
Missed = Callable[[Run], str | None]
"""Gives the reason why a run says nothing of a property; None where the client met what it is about."""


def _always(context: Context) -> str | None:
    return None


def _no_trials(context: Context) -> Iterable[Trial]:
    return ()


@dataclass(frozen=True)
class Property(OfRule):
    """One rule of the contract that a client is tried with: trials, and a judgement of each run."""

    rule: Rule
    trials: Trials
    holds: Judge
    applies: Applies = _always
    examples: int | None = None
    """At most so many examples, where more would show nothing new."""
    virtual: bool = False
    """True where it can only be tried on a client that lives in virtual time."""
    by_clock: bool = False
    """True where a client that goes by another clock than the mock's would not end, and seem to break it."""
    plain: bool = False
    """True where it says something new only of a client that gets the video of a plain job."""
    first: First = _no_trials
    """Trials that are always tried, before any is drawn; they do not count as examples."""
    missed: Missed = unmet
    """It is kept only where a run did not miss what it is about."""
    after: tuple[str, ...] = ()
    """Properties that a run may break as well: then it is their breach, and shown there alone."""
    narrow: Narrow | None = None
    """Finds what matters of a trial that fails, for those that Hypothesis has not drawn."""
    whole: bool = False
    """True where all of `first` is tried on a program too, which gets a part of them otherwise."""


class Section:
    """The properties of one section of the register, collected by `rule`; `missed` where none has its own."""

    def __init__(self, missed: Missed = unmet) -> None:
        self.properties: list[Property] = []
        self._missed = missed

    def rule(
        self,
        id: str,
        *,
        trials: Trials,
        applies: Applies = _always,
        examples: int | None = None,
        virtual: bool = False,
        by_clock: bool = False,
        plain: bool = False,
        first: First = _no_trials,
        missed: Missed | None = None,
        after: tuple[str, ...] = (),
        narrow: Narrow | None = None,
        whole: bool = False,
    ) -> Callable[[Judge], Judge]:
        """Make the decorated function the judgement of the rule that has this id in the register."""

        def add(holds: Judge) -> Judge:
            self.properties.append(
                Property(
                    RULES[id],
                    trials,
                    holds,
                    applies=applies,
                    examples=examples,
                    virtual=virtual,
                    by_clock=by_clock,
                    plain=plain,
                    first=first,
                    missed=missed or self._missed,
                    after=after,
                    narrow=narrow,
                    whole=whole,
                )
            )
            return holds

        return add
