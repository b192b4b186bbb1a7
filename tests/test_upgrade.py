"""OpenAPI 3.0 becomes 3.1, and means the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kling_mock.catalog.documents import outermost_schemas
from kling_mock.catalog.schema import walk
from kling_mock.catalog.upgrade import upgraded, upgraded_schema
from tests.support import MODEL_DOCUMENTS, mostly_long, needs_upstream

TEXT = {"type": "string"}
FORMS: list[dict[str, Any]] = [
    TEXT,
    {"type": ["string", "integer"]},
    {"type": "string", "enum": ["a", "b"]},
    {"enum": ["a", "b"]},
    {"const": "a"},
    {"allOf": [TEXT]},
    {"type": "string", "allOf": [{"maxLength": 1}, TEXT]},
    {"anyOf": [TEXT, {"type": "integer"}]},
    {"type": "string", "anyOf": [{"maxLength": 1}, {"minLength": 1}]},
    {"oneOf": [TEXT, {"type": "integer"}]},
    {"not": {"type": "null"}},
    {"minimum": 3, "type": "integer"},
]
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, "a", "b", "", "abc", 1, 5, True, [], {}, 2.5])


@pytest.mark.parametrize("form", FORMS, ids=json.dumps)
@given(value=VALUES)
def test_nullable_lets_null_in_wherever_it_stands(form: dict[str, Any], value: Any) -> None:
    changed: list[str] = []
    noted = {**form, "nullable": True, "description": "d", "x-own": 1}
    modern = upgraded_schema(noted, "/at", changed)
    allowed = value is None or Draft202012Validator(form).is_valid(value)
    assert Draft202012Validator(modern).is_valid(value) == allowed
    assert modern["description"] == "d" and modern["x-own"] == 1
    assert not any("nullable" in one for _, one in walk(modern) if isinstance(one, dict))
    assert changed == ["/at: `nullable` is now a null type"]


@pytest.mark.parametrize("form", FORMS, ids=json.dumps)
def test_what_is_up_to_date_comes_back_equal(form: dict[str, Any]) -> None:
    changed: list[str] = []
    once = upgraded_schema({**form, "nullable": True})
    assert upgraded_schema(once, "", changed) == once
    assert changed == []


def test_where_nullable_says_nothing_it_goes_and_that_is_said() -> None:
    changed: list[str] = []
    assert upgraded_schema({"type": "string", "nullable": False}, "/a", changed) == TEXT
    assert upgraded_schema({"nullable": True, "title": "t"}, "/b", changed) == {"title": "t"}
    assert changed == [
        "/a: `nullable` is gone, as null is refused without it",
        "/b: `nullable` is gone, as null is allowed without it",
    ]


def test_the_other_flaws_are_put_right_at_any_depth() -> None:
    old = {
        "type": "object",
        "required": ["b"],
        "properties": {
            "a": {"type": "integer", "nullable": True, "default": "5", "required": True},
            "b": {"type": "string", "required": True},
            "c": {"type": "string", "required": False},
            "default": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            "nullable": {"items": {"type": "integer", "maximum": 9, "exclusiveMaximum": False}},
            "text": {"type": "string", "default": "5"},
        },
    }
    changed: list[str] = []
    assert upgraded_schema(old, "", changed) == {
        "type": "object",
        "required": ["b", "a"],
        "properties": {
            "a": {"type": ["integer", "null"], "default": 5},
            "b": TEXT,
            "c": TEXT,
            "default": {"type": "number", "exclusiveMinimum": 0},
            "nullable": {"items": {"type": "integer", "maximum": 9}},
            "text": {"type": "string", "default": "5"},
        },
    }
    assert "/properties/a: the default '5' is now 5" in changed
    assert upgraded_schema({"type": "string", "required": True}) == TEXT


def test_a_document_keeps_nullable_beside_a_reference_that_is_resolved() -> None:
    error = {"type": "object", "properties": {"name": TEXT}}
    answer = {"properties": {"error": {"nullable": True, "allOf": [error]}}}
    content = {"application/json": {"schema": answer}}
    old = {"openapi": "3.0.3", "paths": {"/p": {"get": {"responses": {"200": {"content": content}}}}}}
    modern, changed = upgraded(old)
    place = "/paths//p/get/responses/200/content/application/json/schema/properties/error"
    assert f"{place}: `nullable` is now a null type" in changed
    [(_, schema)] = outermost_schemas(modern)
    assert Draft202012Validator(schema).is_valid({"error": None})
    assert not Draft202012Validator(schema).is_valid({"error": 5})
    assert modern["paths"]["/p"]["get"]["responses"]["200"]["description"] == "OK."


@pytest.mark.slow
@needs_upstream("upstream")
@pytest.mark.parametrize("path", mostly_long(MODEL_DOCUMENTS, 4), ids=lambda path: path.name)
def test_nothing_of_3_0_is_left_in_any_vendors_document(path: Path) -> None:
    modern, _ = upgraded(json.loads(path.read_text()))
    for _, outer in outermost_schemas(modern):
        Draft202012Validator.check_schema(outer)
        for _, schema in walk(outer):
            assert "nullable" not in schema
    again, changed = upgraded(modern)
    assert again == modern and changed == []
