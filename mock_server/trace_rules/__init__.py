"""The rules of the contract, and what a trace alone can show against a client, or against its test."""

from .checks_of_creates import REFUSALS
from .passive import INVARIANTS, Breach, Invariant, check_trace
from .register import RULES, Level, Rule, Section
from .trace import Trace

__all__ = [
    "INVARIANTS",
    "REFUSALS",
    "RULES",
    "Breach",
    "Invariant",
    "Level",
    "Rule",
    "Section",
    "Trace",
    "check_trace",
]
