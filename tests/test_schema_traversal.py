"""One traversal of JSON Schema: its table of keywords, what it finds, and what it refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.catalog import Catalog, load_catalog, resolve
from kling_mock.catalog.documents import check_document, outermost_schemas, relinked
from kling_mock.catalog.files import resolved_file
from kling_mock.catalog.schema import KEYWORDS, Holds, check_schema, inner_schemas, rewritten, walk
from kling_mock.catalog.variants import variant_of
from kling_mock.errors import SpecError
from tests.support import MODEL_DOCUMENTS, needs_upstream

CATALOG = load_catalog()
LEAF = {"type": "string"}
SAMPLES: dict[Holds, Any] = {
    Holds.SCHEMA: LEAF,
    Holds.SCHEMAS: [LEAF, True],
    Holds.FIELDS: {"a": LEAF, "$ref": LEAF},
    Holds.RULES: [{"id": "r", "schema": LEAF}],
}
PLACES = {
    Holds.SCHEMA: [""],
    Holds.SCHEMAS: ["/0", "/1"],
    Holds.FIELDS: ["/a", "/$ref"],
    Holds.RULES: ["/0"],
}


def schemas() -> st.SearchStrategy[Any]:
    """Schemas of every keyword that holds others, in any nesting."""
    leaves = st.sampled_from([True, False, LEAF, {"enum": [{"$ref": "data"}]}, {"x-own": {"items": 1}}])

    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        forms = {
            Holds.SCHEMA: inner,
            Holds.SCHEMAS: st.lists(inner, min_size=1, max_size=2),
            Holds.FIELDS: st.dictionaries(
                st.sampled_from(["a", "items", "$ref", "schema"]), inner, max_size=2
            ),
            Holds.RULES: st.lists(st.builds(lambda one: {"id": "r", "schema": one}, inner), max_size=2),
        }
        held = {keyword: forms[holds] for keyword, holds in KEYWORDS.items() if holds in forms}
        return st.fixed_dictionaries({}, optional=held)

    return st.recursive(leaves, around, max_leaves=8)


@pytest.mark.parametrize("keyword", [key for key, holds in KEYWORDS.items() if holds in SAMPLES])
def test_what_a_keyword_holds_is_found_and_rewritten(keyword: str) -> None:
    holds = KEYWORDS[keyword]
    schema = {keyword: copy.deepcopy(SAMPLES[holds])}
    assert [inner.place for inner in inner_schemas(schema)] == [keyword + step for step in PLACES[holds]]
    changed = rewritten(schema, lambda inner: False)
    assert {inner.schema for inner in inner_schemas(changed)} == {False}
    assert schema == {keyword: SAMPLES[holds]}
    check_schema(schema, "here")
    with pytest.raises(SpecError, match=f"^here: '{keyword.replace('$', '[$]')}' holds .*, received 'odd'"):
        check_schema({keyword: "odd"}, "here")


@pytest.mark.slow
@given(schemas())
def test_rewriting_nothing_is_a_copy_and_every_schema_is_walked(schema: Any) -> None:
    def same(one: Any) -> Any:
        return rewritten(one, lambda inner: same(inner.schema))

    assert same(schema) == schema
    assert resolve({"schema": schema}, "f", {}) == {"schema": schema}
    assert relinked({"schema": schema}, str.upper) == {"schema": schema}
    places = [place for place, _ in walk(schema)]
    assert places[0] == "" and len(places) == len(set(places))
    check_schema(schema, "it")


@pytest.mark.slow
@given(schemas(), st.data())
def test_an_unknown_keyword_is_named_with_its_place_at_any_depth(schema: Any, data: st.DataObject) -> None:
    places = [place for place, one in walk(schema) if isinstance(one, dict)]
    if not places:
        return
    chosen = data.draw(st.sampled_from(places))

    def spoilt(one: Any, at: str) -> Any:
        copied = rewritten(
            one, lambda inner: spoilt(inner.schema, f"{at}/{inner.place}" if at else inner.place)
        )
        return {**copied, "requird": ["a"]} if at == chosen else copied

    with pytest.raises(SpecError) as caught:
        check_schema(spoilt(schema, ""), "")
    assert (caught.value.place, caught.value.keyword) == (chosen, "requird")
    assert "the keyword 'requird' is unknown" in str(caught.value)


def test_a_field_may_be_called_like_a_keyword() -> None:
    schema = {"properties": {name: {"type": "string"} for name in ("$ref", "items", "nosuch", "default")}}
    check_schema(schema, "it")
    assert resolve({"schema": schema}, "f", {}) == {"schema": schema}
    example = {"schema": {"enum": [{"$ref": "#/x"}], "default": {"$ref": "#/x"}}, "example": {"$ref": "#/x"}}
    assert resolve(example, "f", {}) == example


def document(create: Any) -> dict[str, Any]:
    about = {"model": "a/b", "aliases": [], "vendor": "a", "updated": "", "sound": "never"}
    post = {
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Create"}}}}
    }
    return {
        "x-variant": about | {"sound_default": False},
        "paths": {"/v2/video/generations": {"post": post}},
        "components": {"schemas": {"Create": create}},
    }


def test_an_unknown_keyword_of_a_document_is_an_error_at_load() -> None:
    good = {"type": "object", "required": ["model"], "properties": {"model": {"enum": ["a/b"]}}}
    assert Catalog({"components.json": {}, "a/b.json": document(good)}, {}).create_schema("a/b") == good
    bad = {**good, "properties": {"model": {"oneOf": [{"mimimum": 3}]}}}
    with pytest.raises(SpecError) as caught:
        Catalog({"components.json": {}, "a/b.json": document(bad)}, {})
    place = "a/b.json#/components/schemas/Create/properties/model/oneOf/0"
    assert str(caught.value) == f"{place}: the keyword 'mimimum' is unknown."
    known = [variant_of("a/b.json", document(good))]
    vendored = Catalog({"components.json": {}, "a/b.json": document(bad)}, {}, variants=known)
    with pytest.raises(SpecError, match="the keyword 'mimimum' is unknown"):
        vendored.create_schema("a/b")


@pytest.mark.slow
def test_the_vendored_documents_have_no_unknown_keyword() -> None:
    for variant in CATALOG.variants:
        check_document(CATALOG.document(variant.model), variant.file)
    merged = CATALOG.merged()
    check_document(merged, "merged")
    assert sum(1 for _ in outermost_schemas(merged)) > 100


@needs_upstream("upstream")
def test_no_document_of_any_vendor_has_an_unknown_keyword() -> None:
    found = 0
    for path in MODEL_DOCUMENTS:
        text = json.loads(path.read_text())
        if "paths" in text:
            check_document(resolved_file(path), path.name)
            found += sum(1 for _ in outermost_schemas(text))
    assert found > 300


def test_constraints_beside_a_reference_hold_as_well_as_its_target() -> None:
    target = {"type": "integer", "maximum": 5, "description": "Target."}
    documents: dict[str, dict[str, Any]] = {"d": {"t": target, "yes": True}}

    def resolved(beside: dict[str, Any], name: str = "t") -> Any:
        return resolve({"schema": {"$ref": f"d#/{name}", **beside}}, "d", documents)["schema"]

    assert resolved({"description": "Own."}) == {**target, "description": "Own."}
    assert resolved({"minimum": 1}) == {**target, "minimum": 1}
    assert resolved({"maximum": 9}) == {"maximum": 9, "allOf": [target]}
    assert resolved({}, "yes") is True
    assert resolved({"minimum": 1}, "yes") == {"minimum": 1, "allOf": [True]}


def test_a_reference_may_point_into_a_list(tmp_path: Path) -> None:
    documents: dict[str, dict[str, Any]] = {"d": {"anyOf": [{"type": "null"}, {"type": "string"}]}}
    assert resolve({"schema": {"$ref": "d#/anyOf/1"}}, "e", documents) == {"schema": {"type": "string"}}
    with pytest.raises(SpecError, match="leads nowhere"):
        resolve({"schema": {"$ref": "d#/anyOf/2"}}, "e", documents)
