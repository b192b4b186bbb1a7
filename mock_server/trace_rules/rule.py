"""What a rule of the contract is: its id, name and weight, what breaking it costs, and how that is mended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Level", "OfRule", "Rule", "Section"]


class Level(StrEnum):
    """The weight of a rule."""

    REQUIRED = "R"
    """Every client has to keep it."""
    STRICT = "S"
    """It counts where the strict level is asked for."""
    ADVISORY = "A"
    """Advice: breaking it is reported and fails nothing."""


class Section(StrEnum):
    """The part of a client's work, or of its tests, that a rule is about: the first letter of its id."""

    REQUEST = "A"
    CREATE = "B"
    POLL = "C"
    RESULT = "D"
    TRANSPORT = "E"
    PROCESS = "F"
    TOGETHER = "G"
    TEST = "T"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the contract."""

    id: str
    name: str
    level: Level
    cost: str
    """One sentence: what breaking it costs the person who pays for the client."""
    mend: str
    """One sentence: how a client that breaks it is mended."""
    asks: str
    """What a client that keeps it does, to be read behind "a client that keeps it"."""
    meet: str = ""
    """A scenario in which a client shows that it keeps it; empty where any job does."""
    in_trace: bool = False
    """True where a trace alone can show that it is broken."""
    in_kit: bool = True
    """False where the contract kit does not try it: what it is about lies outside of one client's call."""

    @property
    def section(self) -> Section:
        """The section, from the first letter of the id."""
        return Section(self.id[0])


class OfRule:
    """What speaks of one rule, in its attribute `rule`, and is called as the rule is."""

    __slots__ = ()

    rule: Rule

    @property
    def id(self) -> str:
        """The rule's id, such as `B1`."""
        return self.rule.id

    @property
    def name(self) -> str:
        """The rule's name, such as `one-create-per-job`."""
        return self.rule.name

    @property
    def level(self) -> Level:
        """The weight of the rule."""
        return self.rule.level
