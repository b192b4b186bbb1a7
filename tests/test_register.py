"""The register of rules: the kit tries every rule of it, the passive checks find what it says they find."""

from __future__ import annotations

import pytest

from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.trace_rules import INVARIANTS, RULES, Level, Section


def test_the_kit_tries_every_rule_in_the_order_of_the_register() -> None:
    tried = [id for id, rule in RULES.items() if rule.in_kit]
    assert list(PROPERTIES) == tried
    assert all(one.rule is RULES[one.id] for one in PROPERTIES.values())


def test_the_passive_checks_are_those_that_the_register_names() -> None:
    checked = [invariant.rule for invariant in INVARIANTS]
    assert sorted(rule.id for rule in checked) == sorted(rule.id for rule in RULES.values() if rule.in_trace)
    assert all(rule is RULES[rule.id] for rule in checked)


def test_every_rule_says_what_breaking_it_costs() -> None:
    for rule in RULES.values():
        assert rule.cost[0].isupper() and rule.cost.endswith("."), rule.id


def test_ids_and_names_are_unique_and_ids_name_their_section() -> None:
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert {rule.section for rule in RULES.values()} == set(Section)
    assert [rule.section for rule in RULES.values()] == sorted(rule.section for rule in RULES.values())


def test_a_level_is_one_letter_in_every_report() -> None:
    assert [f"{level}" for level in Level] == ["R", "S", "A"]


def test_the_register_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        RULES["A1"] = RULES["A2"]  # type: ignore[index]
