"""Both validators, the generator, tolerance and strictness are of one mind on any schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mock.catalog import Catalog
from kling_mock.catalog.readings import MOST_READINGS, closed, readings
from kling_mock.catalog.upgrade import upgraded_schema
from kling_mock.contract_tests.generation.schema_model import fits, read_shape
from kling_mock.contract_tests.generation.strategies import strategy_of
from kling_mock.validation import FORMATS, Validator, fast_judge, judge, message
from kling_mock.validation.coercion import Coercer, Findings
from kling_mock.validation.validator import undocumented_fields
from tests.support import MODEL_DOCUMENTS, mostly_long, needs_upstream

LINK = {"type": "string", "format": "uri"}
ID = {"type": "string", "format": "uuid"}
NUMBER = {"type": "integer", "minimum": 1, "maximum": 9}
UUID = "b906d239-565b-4012-9234-246189283143"


def thing(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": [kind]}, **more},
        "required": ["type"],
    }


def within(field: dict[str, Any]) -> dict[str, Any]:
    properties = {"model": {"type": "string"}, "field": field, "count": NUMBER}
    return {"type": "object", "properties": properties, "required": ["model"]}


FILM = {"oneOf": [thing("video", url=LINK, count=NUMBER), thing("image", id=ID)]}
SCHEMAS: dict[str, dict[str, Any]] = {
    "oneOf": within(FILM),
    "uuid": within({"type": "array", "items": ID}),
    "date-time": within({"type": "string", "format": "date-time"}),
    "a format that is not judged": within({"type": "string", "format": "password"}),
    "oneOf that overlaps": within({"oneOf": [{"type": "integer", "maximum": 5}, NUMBER]}),
    "anyOf beside properties": {
        **within(LINK),
        "anyOf": [
            {"properties": {"id": ID}, "required": ["id"]},
            {"properties": {"url": LINK, "size": NUMBER}, "required": ["url"]},
        ],
    },
    "anyOf of one field or the other": {
        **within(LINK),
        "anyOf": [{"required": ["field"]}, {"required": ["count"]}],
    },
    "allOf": {"allOf": [within(FILM), {"type": "object", "properties": {"id": ID}}]},
    "nested alternatives": within({"anyOf": [{"oneOf": [NUMBER, ID]}, {"type": "array", "items": FILM}]}),
    "nullable beside allOf": within({"nullable": True, "allOf": [thing("image", id=ID)]}),
    "alternatives twice": {
        **within({"type": "integer"}),
        "anyOf": [{"properties": {"a": NUMBER}}, {"properties": {"b": NUMBER}, "required": ["b"]}],
        "oneOf": [{"properties": {"c": ID}, "required": ["c"]}, {"properties": {"d": ID}, "required": ["d"]}],
    },
}
ONLY_JUDGED: dict[str, dict[str, Any]] = {
    "if, then": {
        **within(NUMBER),
        "if": {"properties": {"count": {"const": 1}}, "required": ["count"]},
        "then": {"properties": {"id": ID}, "required": ["id"]},
        "else": {"properties": {"url": LINK}},
    },
    "additionalProperties": within({"type": "object", "additionalProperties": NUMBER, "properties": {}}),
    "additional as it likes": {**within(NUMBER), "additionalProperties": True},
    "none beyond": {**within(NUMBER), "additionalProperties": False},
    "dependentSchemas": {**within(LINK), "dependentSchemas": {"count": {"properties": {"id": ID}}}},
    "first items": within({"type": "array", "prefixItems": [NUMBER, FILM], "items": ID}),
    "required but not described": {"type": "object", "required": ["id"], "properties": {"field": NUMBER}},
    "a format of another library": within({"type": "string", "format": "email"}),
    "text or number": within({"type": ["string", "integer"]}),
    "number or integer": within({"allOf": [{"type": "number"}, {"type": ["integer", "null"]}]}),
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 12)
    | st.sampled_from([0.5, 5.0, "", "5", "1", "0.5", "video", "image", "https://e.com/a", UUID, "a@b.c"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "url", "id", "count", "field", "odd"]), inner, max_size=3)
    ),
    max_leaves=5,
)
careful = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def near(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    """A value of a schema with a few changes: a field more or less, a number as text, something else."""
    value = draw(values)
    for _ in range(draw(st.integers(0, 3))):
        value = _changed(draw, value)
    return value


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _changed(draw, value[name])}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [_changed(draw, value[0]), *value[1:]]
    if isinstance(value, dict):
        names = st.sampled_from([*value, "odd", "id", "url"])
        name = draw(names)
        if name in value and draw(st.booleans()):
            return {key: one for key, one in value.items() if key != name}
        return {**value, name: draw(JSON)}
    if isinstance(value, int | float) and draw(st.booleans()):
        return str(value).lower()
    return draw(JSON)


class Minds:
    """Everything that judges by one schema of 2020-12."""

    def __init__(self, schema: dict[str, Any]) -> None:
        shut = closed(schema)
        self.schema = schema
        self.slow, self.fast = judge(schema), fast_judge(schema)
        self.slow_shut, self.fast_shut = judge(shut), fast_judge(shut)
        self.coercer = Coercer([schema], lambda option: fast_judge(option).is_valid)

    def check(self, value: Any) -> bool:
        """Hold all of them against each other on one value; whether it is valid."""
        valid = self.slow.is_valid(value)
        assert self.fast.is_valid(value) == valid
        exact = self.slow_shut.is_valid(value)
        assert self.fast_shut.is_valid(value) == exact
        findings, more = Findings(), Findings()
        plain = self.coercer.coerce(value, findings)
        # Strict is: valid, and nothing that had to be tolerated.
        assert exact == (valid and findings.count == 0), findings.kept
        undocumented = [found.path for found in findings.kept if found.constraint == "undocumented"]
        assert undocumented_fields(value, self.schema) == undocumented
        assert findings.count or plain is value
        again = self.coercer.coerce(plain, more)
        if self.slow.is_valid(plain):
            assert more.count == 0 and again is plain
        return valid


def check_generated(schema: dict[str, Any], examples: int) -> None:
    """Hold the validators, tolerance and the generator against each other on values near a schema."""
    minds, shape = Minds(upgraded_schema(schema)), read_shape(schema)

    @settings(careful, max_examples=examples)
    @given(near(strategy_of(shape)))
    def check(value: Any) -> None:
        assert fits(shape, value) == minds.check(value)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_validators_generator_and_tolerance_agree(schema: dict[str, Any]) -> None:
    check_generated(schema, 30)


@pytest.mark.slow
@pytest.mark.parametrize("schema", ONLY_JUDGED.values(), ids=ONLY_JUDGED.keys())
def test_validators_and_tolerance_agree_where_nothing_is_generated(schema: dict[str, Any]) -> None:
    start = {"model": "m", "field": {"type": "video", "count": 3}, "count": 1, "id": UUID}

    minds = Minds(schema)

    @careful
    @given(near(st.just(start) | st.just({**start, "field": [1, {"type": "image"}, UUID]}) | JSON))
    def check(value: Any) -> None:
        minds.check(value)

    check()


def create_schemas(path: Path) -> Iterator[dict[str, Any]]:
    document = json.loads(path.read_text())
    if "paths" not in document:
        yield from document.values()
    for item in document.get("paths", {}).values():
        body = item.get("post", {}).get("requestBody")
        if body:
            yield body["content"]["application/json"]["schema"]


@pytest.mark.slow
@needs_upstream("upstream")
@pytest.mark.parametrize(
    "path", mostly_long(MODEL_DOCUMENTS, 8), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_they_agree_on_the_documents_of_every_vendor(path: Path) -> None:
    for schema in create_schemas(path):
        check_generated(schema, 12)


def catalog_of(create: dict[str, Any]) -> Catalog:
    about = {"model": "a/b", "aliases": [], "vendor": "a", "updated": "", "sound": "never"}
    post = {"requestBody": {"content": {"application/json": {"schema": create}}}}
    document = {
        "x-variant": about | {"sound_default": False},
        "paths": {"/v2/video/generations": {"post": post}},
        "components": {"schemas": {"Create": create}},
    }
    return Catalog({"components.json": {}, "a/b.json": document}, {})


def test_an_undocumented_field_within_one_of_is_found_and_refused_by_strict() -> None:
    catalog = catalog_of(within(FILM))
    validator, variant = Validator(catalog), catalog.find("a/b")
    good = {"model": "a/b", "field": {"type": "video", "url": "https://e.com/a", "count": 3}}
    assert validator.check(variant, good, strict=True).valid
    body = {"model": "a/b", "field": {"type": "video", "count": "3", "id": UUID, "odd": 1}}
    verdict = validator.check(variant, body)
    assert verdict.valid
    assert [(found.path, found.constraint) for found in verdict.findings] == [
        ("field.count", "numeric-string"),
        ("field.id", "undocumented"),
        ("field.odd", "undocumented"),
    ]
    assert verdict.taken == {"model": "a/b", "field": {"type": "video", "count": 3}}
    assert not validator.check(variant, body, strict=True).valid


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"type": "video", "count": 10}, "field.count: Expected a number of at most 9, received 10"),
        ({"type": "image", "id": "nope"}, "field.id: Expected a UUID of 36 characters, received 'nope'"),
        ({}, "field.type: Expected a value (the field is required), received nothing"),
        (5, "field: Expected an object, received 5"),
    ],
)
def test_of_the_alternatives_of_one_of_the_best_fitting_explains(field: Any, says: str) -> None:
    catalog = catalog_of(within(FILM))
    verdict = Validator(catalog).check(catalog.find("a/b"), {"model": "a/b", "field": field})
    assert message(verdict.violations) == says


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ({"oneOf": [NUMBER, {"type": "integer"}]}, 5, "exactly one of the alternatives to fit, received 5"),
        ({"not": {"type": "integer"}}, 5, "a value other than those that the contract excludes, received 5"),
        ({"type": "integer", "multipleOf": 4}, 5, "a multiple of 4, received 5"),
        ({"type": "number", "exclusiveMaximum": 5}, 5, "a number below 5, received 5"),
        (
            {"type": "object", "additionalProperties": False},
            {"a": 1},
            "no fields beyond the documented ones, received an object of 1 keys",
        ),
        ({"type": "string", "format": "date-time"}, "now", "a moment such as 2026-08-21T12:00:00Z"),
        ({"type": "array", "uniqueItems": True}, [1, 1], "items that differ from each other"),
    ],
)
def test_constraints_of_other_vendors_are_said_in_words(field: Any, value: Any, says: str) -> None:
    catalog = catalog_of(within(field))
    verdict = Validator(catalog).check(catalog.find("a/b"), {"model": "a/b", "field": value})
    assert message(verdict.violations).startswith(f"field: Expected {says}")


@pytest.mark.parametrize(
    ("name", "field", "valid", "strict"),
    [
        ("oneOf that overlaps", 5, False, False),
        ("oneOf that overlaps", 0, True, True),
        ("text or number", "5", True, True),
        ("number or integer", "5", False, False),
        ("additional as it likes", 5, True, True),
        ("none beyond", 5, True, True),
        ("first items", [1, {"type": "image"}, UUID], True, True),
        ("first items", [1, {"type": "image", "odd": 1}, UUID], True, False),
        ("first items", [1, {"type": "image"}, 5], False, False),
    ],
)
def test_what_plain_values_are(name: str, field: Any, valid: bool, strict: bool) -> None:
    minds = Minds({**SCHEMAS, **ONLY_JUDGED}[name])
    value = {"model": "m", "field": field}
    assert minds.check(value) == valid
    assert minds.fast_shut.is_valid(value) == strict


def test_a_number_as_text_stays_text_where_text_is_allowed() -> None:
    for name, left in (("text or number", "5"), ("number or integer", 5), ("additionalProperties", {"a": 5})):
        field = {"a": "5"} if isinstance(left, dict) else "5"
        findings = Findings()
        plain = Minds(ONLY_JUDGED[name]).coercer.coerce({"model": "m", "field": field}, findings)
        assert plain == {"model": "m", "field": left}


def test_the_contracts_own_word_on_further_fields_counts() -> None:
    value = {"model": "m", "field": 5, "odd": 1}
    assert Minds(ONLY_JUDGED["additional as it likes"]).check(value)
    assert not Minds(ONLY_JUDGED["none beyond"]).check(value)
    assert undocumented_fields(value, ONLY_JUDGED["additional as it likes"]) == []
    assert undocumented_fields(value, within(NUMBER)) == ["odd"]
    # What must be there is documented by that.
    assert undocumented_fields({"id": 1, "odd": 1}, ONLY_JUDGED["required but not described"]) == ["odd"]


def test_only_so_many_readings_are_made() -> None:
    alternatives = {"anyOf": [{"properties": {name: NUMBER}} for name in "abcd"]}
    schema = {"allOf": [alternatives] * 3}
    assert len(readings(schema)) == MOST_READINGS
    assert len(readings({"allOf": [alternatives] * 4})) == 1
    # Taken as it is: judged, but nothing in it tolerated or refused as undocumented.
    crowded = within({"allOf": [alternatives] * 4})
    value = {"model": "m", "field": {"odd": 1, "a": 3}}
    assert undocumented_fields(value, crowded) == []
    assert Minds(crowded).check(value)


def test_the_formats_are_those_of_the_table() -> None:
    assert list(FORMATS) == ["uri", "uuid", "date-time"]
    wrong = {"uri": "no link", "uuid": "nope", "date-time": "now", "email": "no", "ipv4": "no", "date": "no"}
    for name, value in wrong.items():
        schema = {"type": "array", "items": {"type": "string", "format": name}}
        assert (
            judge(schema).is_valid([value]) == fast_judge(schema).is_valid([value]) == (name not in FORMATS)
        )
