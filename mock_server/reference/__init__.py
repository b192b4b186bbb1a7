"""What is said of rules, scenarios and words: for `explain`, and for the pages of the documentation site."""

from .entry import Entry
from .rules import rule_entry
from .scenarios import scenario_entry
from .search import explain
from .words import WORDS

__all__ = ["WORDS", "Entry", "explain", "rule_entry", "scenario_entry"]
