"""The compiler from schema to data: every keyword of every vendor, and errors that name the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from kling_mock.contract_tests.generation.boundary_values import boundaries, largest, smallest
from kling_mock.contract_tests.generation.media_samples import BROKEN_LINKS, link_samples
from kling_mock.contract_tests.generation.negative_values import negative_values
from kling_mock.contract_tests.generation.payload_factory import Bodies
from kling_mock.contract_tests.generation.schema_model import fits, read_shape
from kling_mock.contract_tests.generation.strategies import strategy_of
from kling_mock.errors import SpecError
from kling_mock.media.images import inline_image_size
from kling_mock.media.png import png
from kling_mock.validation.formats import is_date_time, is_uuid
from kling_mock.validation.media_uris import is_media
from tests.support import MODEL_DOCUMENTS, UPSTREAM, mostly_long, needs_upstream

FOLDER = UPSTREAM / "upstream"
generated = settings(
    max_examples=25,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
SCHEMAS: dict[str, dict[str, Any]] = {
    "bounded": {"type": "number", "minimum": -10, "maximum": 10},
    "open": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "open in 3.0": {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "maximum": 9},
    "tighter open": {"type": "integer", "minimum": 0, "exclusiveMinimum": 3},
    "wide": {"type": "integer", "minimum": 0, "maximum": 4294967295},
    "half bounded": {"type": "integer", "minimum": 5},
    "free integer": {"type": "integer"},
    "text": {"type": "string", "minLength": 2, "maxLength": 500},
    "short text": {"type": "string", "minLength": 3, "maxLength": 5},
    "link": {"type": "string", "format": "uri"},
    "uuid": {"type": "string", "format": "uuid"},
    "date and time": {"type": "string", "format": "date-time"},
    "enum": {"type": "string", "enum": ["std", "pro"]},
    "numbers in an enum": {"type": "integer", "enum": [5, 10], "default": "5"},
    "const": {"const": "fixed"},
    "nullable in 3.0": {"type": "object", "nullable": True, "properties": {"url": {"type": "string"}}},
    "nullable beside allOf": {"nullable": True, "allOf": [{"type": "object", "properties": {}}]},
    "nullable beside oneOf": {"nullable": True, "oneOf": [{"type": "string"}, {"type": "integer"}]},
    "nullable with a typed allOf": {"type": "object", "nullable": True, "allOf": [POINT]},
    "nullable in 3.1": {"type": ["string", "null"]},
    "list": {"type": "array", "items": POINT, "minItems": 2, "maxItems": 77},
    "list of anything": {"type": "array", "maxItems": 3},
    "anyOf": {
        "anyOf": [{"type": "string", "format": "uri"}, {"type": "array", "items": {"type": "boolean"}}]
    },
    "oneOf": {
        "oneOf": [
            {"type": "object", "properties": {"type": {"enum": [kind]}}, "required": ["type"]}
            for kind in ("video", "image")
        ]
    },
    "overlapping oneOf": {"oneOf": [{"type": "integer", "maximum": 5}, {"type": "integer", "minimum": 3}]},
    "allOf": {
        "allOf": [POINT, {"type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y"]}]
    },
    "anyOf beside properties": {**POINT, "anyOf": [{"required": ["x"]}]},
}


def judge(schema: Any) -> Draft202012Validator:
    formats = FormatChecker(formats=())
    formats.checks("uri")(is_media)
    formats.checks("uuid")(is_uuid)
    formats.checks("date-time")(is_date_time)
    return Draft202012Validator(as_2020(schema), format_checker=formats)


def as_2020(schema: Any) -> Any:
    """OpenAPI 3.0 in the words of JSON Schema 2020-12, written apart from the compiler."""
    if isinstance(schema, list):
        return [as_2020(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # As an alternative, `nullable` without a type is how 3.0 says null.
    alternatives = {
        key: [{"type": "null"} if one == {"nullable": True} else one for one in schema[key]]
        for key in ("anyOf", "oneOf")
        if key in schema
    }
    plain = {key: as_2020(value) for key, value in (schema | alternatives).items()}
    if isinstance(plain.get("required"), bool):
        del plain["required"]
    if plain.pop("nullable", False) is True and plain:
        return {"anyOf": [plain, {"type": "null"}]}
    if isinstance(plain.get("exclusiveMinimum"), bool) and plain.pop("exclusiveMinimum"):
        plain["exclusiveMinimum"] = plain.pop("minimum")
    return plain


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_what_is_made_fits_and_what_is_broken_does_not(schema: dict[str, Any]) -> None:
    shape, judged = read_shape(schema), judge(schema)

    @generated
    @given(strategy_of(shape))
    def check(value: Any) -> None:
        assert judged.is_valid(value)
        assert fits(shape, value)

    check()
    for value in (smallest(shape), largest(shape), *(spot.whole for spot in boundaries(shape))):
        assert judged.is_valid(value) or "oneOf" in schema
    broken = list(negative_values(shape))
    assert broken
    assert [negative for negative in broken if judged.is_valid(negative.whole)] == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-20, 100)
    | st.sampled_from([0.5, 5.0, -0.1, "", "std", "pro", "abc"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "url", "type"]), inner)
    ),
    max_leaves=4,
)


@pytest.mark.slow
@pytest.mark.parametrize("schema", mostly_long(SCHEMAS.values(), 3), ids=SCHEMAS.keys())
def test_fits_agrees_with_jsonschema_on_any_value(schema: dict[str, Any]) -> None:
    shape, judged = read_shape(schema), judge(schema)

    @settings(generated, max_examples=80)
    @given(JSON)
    def check(value: Any) -> None:
        assert fits(shape, value) == judged.is_valid(value)

    check()


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "string", "pattern": "^a"}, ["'pattern'", "the schema"]),
        (
            {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}},
            ["'uniqueItems'", "/a"],
        ),
        ({"anyOf": [{"type": "string", "contentEncoding": "base64"}]}, ["'contentEncoding'", "anyOf/0"]),
        ({"type": "object", "patternProperties": {}}, ["'patternProperties'"]),
        ({"type": "text"}, ["'text'", "string"]),
        ({"type": "string", "format": "hostname"}, ["'hostname'", "uri"]),
        ({"minimum": 3}, ["`type`"]),
        ({"type": "integer", "enum": ["5"]}, ["['5']"]),
        ({"type": "number", "minimum": 3, "maximum": 1}, ["3", "1"]),
        ({"type": "object", "required": ["ghost"]}, ["ghost"]),
        ({"anyOf": [{"type": "string"}], "type": "integer"}, ["anyOf"]),
        (False, ["false"]),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_what_is_not_understood_is_named(schema: Any, named: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        read_shape(schema)
    assert all(word in str(caught.value) for word in named), caught.value


def test_a_body_must_be_an_object() -> None:
    with pytest.raises(SpecError, match="the create body is expected to be an object, got text"):
        Bodies({"type": "string"})


def test_annotations_and_extensions_are_no_constraints() -> None:
    noted = {"type": "boolean", "title": "t", "description": "d", "deprecated": True, "default": 1, "x-a": {}}
    assert read_shape(noted) == read_shape({"type": "boolean"})


def test_a_nullable_schema_without_a_type_says_null_and_refuses_nothing() -> None:
    shape = read_shape({"nullable": True})
    assert smallest(shape) is None
    assert list(negative_values(shape)) == []


def test_samples_of_links_are_media_and_the_broken_ones_are_not() -> None:
    for role in ("image_url", "video_url", "audio_url", "mask"):
        assert all(is_media(sample) for samples in link_samples(role).values() for sample in samples)
    assert [text for text in BROKEN_LINKS if is_media(text)] == []
    assert set(link_samples("video_url")) == {"link"}


def test_the_sample_pictures_are_pictures() -> None:
    sizes = [inline_image_size(sample) for sample in link_samples("image_url")["data"]]
    assert sizes == [(1, 1), (16, 9), (9, 16)]
    assert png(1, 1).startswith(b"\x89PNG")


def create_schemas(document: Any) -> Iterator[dict[str, Any]]:
    if "paths" not in document:
        yield from document.values()
    for operations in document.get("paths", {}).values():
        body = operations.get("post", {}).get("requestBody")
        if body:
            yield body["content"]["application/json"]["schema"]


def all_schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "schema":
                yield value
            else:
                yield from all_schemas(value)


@pytest.mark.slow
@needs_upstream("upstream")
@pytest.mark.parametrize(
    "file", mostly_long(MODEL_DOCUMENTS, 4), ids=lambda file: file.relative_to(FOLDER).as_posix()
)
def test_every_upstream_document_of_every_vendor_compiles(file: Path) -> None:
    document = json.loads(file.read_text())
    for schema in all_schemas(document):
        shape = read_shape(schema)
        assert judge(schema).is_valid(smallest(shape))
        assert judge(schema).is_valid(largest(shape))
    for schema in create_schemas(document):
        bodies, judged = Bodies(schema, where=file.name), judge(schema)
        assert [case.label for case in bodies.boundary_cases() if not judged.is_valid(case.payload)] == []
        assert [case.id for case in bodies.invalid_cases() if judged.is_valid(case.payload)] == []
        assert_all_valid(bodies, judged)


def assert_all_valid(bodies: Bodies, judged: Draft202012Validator) -> None:
    @settings(generated, max_examples=8)
    @given(bodies.valid)
    def check(body: dict[str, Any]) -> None:
        assert judged.is_valid(body)

    check()
