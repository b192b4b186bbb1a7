"""The algebra of schemas: worlds hold exactly the bodies that keep the rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kling_mock.contract_tests.generation.payload_factory import Bodies
from kling_mock.contract_tests.generation.schema_model import fits, read_shape
from kling_mock.contract_tests.generation.schema_rewriting import deny, meet, normalised, split, worlds
from tests.support import mostly_long

BODY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["a", "b", "c"]},
        "flag": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"mark": {"type": "boolean"}}},
            "maxItems": 3,
        },
        "one_or_more": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
    },
    "required": ["kind"],
}
RULES: dict[str, dict[str, Any]] = {
    "one of two": {"oneOf": [{"required": ["flag"]}, {"required": ["count"]}]},
    "any of two": {"anyOf": [{"required": ["flag"]}, {"required": ["count"]}]},
    "not both": {"not": {"required": ["flag", "count"]}},
    "not this value": {"not": {"required": ["flag"], "properties": {"flag": {"const": True}}}},
    "if, then": {
        "if": {"properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"]},
        "then": {"properties": {"one_or_more": {"type": "array", "minItems": 2, "maxItems": 2}}},
        "else": {"required": ["count"]},
    },
    "needs a value": {
        "if": {"required": ["items"]},
        "then": {"required": ["flag"], "properties": {"flag": {"const": False}}},
    },
    "lengths": {"properties": {"items": {"minItems": 1, "maxItems": 2}}},
    "at most one": {
        "properties": {"items": {"contains": {"required": ["mark"]}, "minContains": 0, "maxContains": 1}}
    },
    "at least one": {"properties": {"items": {"contains": {"required": ["mark"]}}}},
    "all of": {"allOf": [{"required": ["flag"]}, {"properties": {"count": {"minimum": 3}}}]},
    "bounds denied": {"not": {"required": ["count"], "properties": {"count": {"minimum": 3, "maximum": 6}}}},
    "nothing": {},
}
generated = settings(
    max_examples=60,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
BODIES = st.fixed_dictionaries(
    {"kind": st.sampled_from("abc")},
    optional={
        "flag": st.booleans(),
        "count": st.integers(0, 9),
        "items": st.lists(st.sampled_from([{}, {"mark": True}]), max_size=3),
        "one_or_more": st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=3),
    },
)


@pytest.mark.slow
@pytest.mark.parametrize("rule", mostly_long(RULES.values(), 3), ids=RULES.keys())
def test_a_world_holds_a_body_just_when_the_rule_does(rule: dict[str, Any]) -> None:
    shapes = [read_shape(world) for world in worlds(BODY, [rule])]
    judged = Draft202012Validator(rule)

    @settings(generated, max_examples=200)
    @given(BODIES)
    def check(body: dict[str, Any]) -> None:
        assert any(fits(shape, body) for shape in shapes) == judged.is_valid(body)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("rule", mostly_long(RULES.values(), 3), ids=RULES.keys())
def test_a_denied_rule_holds_just_the_other_bodies(rule: dict[str, Any]) -> None:
    denied = deny(rule)
    shapes = [read_shape(world) for world in worlds(BODY, [{"anyOf": denied}])] if denied else []
    judged = Draft202012Validator(rule)

    @settings(generated, max_examples=200)
    @given(BODIES)
    def check(body: dict[str, Any]) -> None:
        assert any(fits(shape, body) for shape in shapes) != judged.is_valid(body)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_bodies_keep_a_rule_by_construction(rule: dict[str, Any]) -> None:
    bodies = Bodies({**BODY, "x-rules": [{"id": "rule", "schema": rule}]})
    judged, made = Draft202012Validator(rule), []

    @generated
    @given(st.one_of(*(_unfiltered(world) for world in bodies.worlds)))
    def check(body: dict[str, Any]) -> None:
        made.append(judged.is_valid(body))

    check()
    assert all(made)
    assert judged.is_valid(bodies.smallest())


def _unfiltered(world: Any) -> st.SearchStrategy[Any]:
    from kling_mock.contract_tests.generation.strategies import strategy_of

    return strategy_of(world)


def test_a_rule_that_cannot_be_rewritten_is_filtered() -> None:
    rule = {"properties": {"count": {"multipleOf": 3}}, "not": {"properties": {"kind": {"pattern": "b"}}}}
    bodies = Bodies({**BODY, "x-rules": [{"id": "odd", "schema": rule}]})
    judged = Draft202012Validator(rule)

    @generated
    @given(bodies.valid)
    def check(body: dict[str, Any]) -> None:
        assert judged.is_valid(body)

    check()
    assert list(bodies.rule_cases()) == []


def test_a_rule_about_an_undocumented_field_never_makes_one() -> None:
    rule = {
        "anyOf": [{"required": ["ghost"]}, {"properties": {"ghost": {"const": 1}, "count": {"minimum": 2}}}]
    }
    assert [set(world["properties"]) for world in worlds(BODY, [rule])] == [set(BODY["properties"])]


def test_what_cannot_meet_is_nothing() -> None:
    assert meet({"type": "string"}, {"type": "array"}) is None
    assert meet({"enum": [1, 2]}, {"enum": [3]}) is None
    assert meet({"enum": [1]}, {"enum": [True]}) is None
    assert meet({"type": "array", "minItems": 3}, {"maxItems": 2}) is None
    assert meet({"type": ["integer"]}, {"type": "number"}) == {"type": ["integer"]}


def test_a_schema_in_one_dialect() -> None:
    assert normalised({"const": 5}) == {"enum": [5]}
    assert normalised({"type": "string"}) == {"type": ["string"]}


def test_what_cannot_be_denied_says_so() -> None:
    with pytest.raises(NotImplementedError, match="pattern"):
        deny({"pattern": "a"})
    assert split(True) == [{}]
    assert split(False) == deny(True) == []
