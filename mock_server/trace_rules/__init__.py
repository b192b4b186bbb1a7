"""The rules of the contract, and what a trace alone can show against a client."""

from .passive import INVARIANTS, REFUSALS, Breach, Invariant, check_trace
from .register import RULES, Level, Rule, Section

__all__ = [
    "INVARIANTS",
    "REFUSALS",
    "RULES",
    "Breach",
    "Invariant",
    "Level",
    "Rule",
    "Section",
    "check_trace",
]
