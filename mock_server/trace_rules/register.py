"""The register of rules: what each is called, what breaking it costs a user, and how that is mended.

The contract kit tries nearly every rule of it on a client; the passive checks find some of them broken in a
trace, and a few that are about tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import rules_of_making, rules_of_polling, rules_of_results, rules_of_tests
from .rule import Level, OfRule, Rule, Section

__all__ = ["RULES", "Level", "OfRule", "Rule", "Section"]

_ALL = (
    *rules_of_making.RULES,
    *rules_of_polling.RULES,
    *rules_of_results.RULES,
    *rules_of_tests.RULES,
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every rule by its id, in the order of the sections."""
