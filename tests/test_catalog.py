"""The catalogue finds variants, resolves their documents and knows their facts."""

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from kling_mock.catalog import CREATE_PATH, Catalog, load_catalog, resolve
from kling_mock.catalog.model_facts import Facts, Timing
from kling_mock.errors import SpecError, UnknownModel
from tests.support import LEGACY_PATH

CATALOG = load_catalog()


def references_in(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references_in(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in references_in(value)]


def test_there_are_142_variants_each_with_its_own_id_and_file() -> None:
    assert len(CATALOG.variants) == 142
    assert len({variant.model for variant in CATALOG.variants}) == 142
    assert len({variant.file for variant in CATALOG.variants}) == 142
    assert sum(variant.legacy for variant in CATALOG.variants) == 24
    assert load_catalog() is CATALOG


def test_rows_have_what_the_list_shows() -> None:
    for row in CATALOG.rows():
        assert list(row) == ["model", "vendor", "file", "paths", "required", "updated"]
        assert row["vendor"] in CATALOG.vendors
        assert CREATE_PATH in row["paths"]
        assert "model" in row["required"]
    assert json.loads(json.dumps(CATALOG.rows())) == CATALOG.rows()


def test_a_variant_is_found_by_id_and_by_alias() -> None:
    variant = CATALOG.find("klingai/video-v2-6-motion-control")
    assert CATALOG.find("klingai/video-v2-6-pro-motion-control") is variant
    assert CATALOG.get("klingai/video-v2-6-pro-motion-control") is variant
    assert CATALOG.get("nobody/nothing") is None


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownModel) as caught:
        CATALOG.find("kling-video/v1.6/pro/image2video")
    assert caught.value.nearest[0] == "kling-video/v1.6/pro/image-to-video"


@pytest.mark.parametrize("variant", CATALOG.variants, ids=lambda variant: str(variant.model))
def test_a_document_has_every_reference_resolved(variant: Any) -> None:
    document = CATALOG.document(variant.model)
    assert references_in(document) == []
    assert tuple(document["paths"]) == variant.paths
    assert CATALOG.document(variant.model) is document
    poll = CATALOG.poll_schema(variant.model)
    assert {"queued", "generating", "completed", "error"} <= set(poll["properties"]["status"]["enum"])
    assert CATALOG.answer_schema(variant.model)["required"] == ["id", "status"]
    if variant.legacy:
        assert CATALOG.answer_schema(variant.model, legacy=True)["required"] == ["id", "status"]


def test_create_schemas_are_those_of_their_path() -> None:
    model = "kling-video/v1/pro/image-to-video"
    assert "static_mask_url" not in CATALOG.create_schema(model)["properties"]
    assert "static_mask_url" in CATALOG.create_schema(model, legacy=True)["properties"]
    with pytest.raises(SpecError, match="no contract on"):
        CATALOG.create_schema("klingai/avatar-pro", legacy=True)


@pytest.mark.slow
def test_the_merged_document_is_valid_and_holds_every_body_once() -> None:
    merged = CATALOG.merged()
    validate(merged)
    assert CATALOG.merged() is merged
    for path, wanted in ((CREATE_PATH, 142), (LEGACY_PATH, 23), ("/v1/video/generations", 5)):
        schema = merged["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert len(schema["oneOf"]) == wanted
    whole = merged["paths"][CREATE_PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    mapping = whole["discriminator"]["mapping"]
    assert set(mapping) == {name for v in CATALOG.variants for name in (v.model, *v.aliases)}
    resolved = resolve(merged, "", {"": merged})
    bodies = resolved["paths"][CREATE_PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for body in bodies["oneOf"]:
        model = body["properties"]["model"]["enum"][0]
        assert body == CATALOG.create_schema(model)
    for variant in CATALOG.variants:
        answer = merged["paths"][CREATE_PATH]["post"]["responses"]["200"]
        assert answer["content"]["application/json"]["schema"]["anyOf"], variant
    for item in merged["paths"].values():
        answer = item["post"]["responses"]["200" if "200" in item["post"]["responses"] else "201"]
        alternatives = (
            answer.get("content", {}).get("application/json", {}).get("schema", {}).get("anyOf", [])
        )
        shown = [alternative["$ref"] for alternative in alternatives]
        assert len(shown) == len(set(shown)), "an answer stands in the document once"


def test_references_are_resolved_across_folders_and_siblings_win() -> None:
    documents: dict[str, dict[str, Any]] = {
        "a/b.json": {"x": {"$ref": "../c.json#/y~1z", "k": 2}, "w": [{"$ref": "#/x"}]},
        "c.json": {"y/z": {"k": 1, "inner": {"$ref": "#/deep"}}, "deep": {"d": 1}},
    }
    resolved = resolve(documents["a/b.json"], "a/b.json", documents)
    assert resolved == {"x": {"k": 2, "inner": {"d": 1}}, "w": [{"k": 2, "inner": {"d": 1}}]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"x": {"$ref": "#/nowhere"}}, "leads nowhere"),
        ({"x": {"$ref": "other.json#/x"}}, "no file other.json"),
        ({"x": {"y": {"$ref": "#/x"}}}, "back to itself"),
        ({"x": {"$ref": "#/x"}}, "back to itself"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_an_error(document: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        resolve(document, "d.json", {"d.json": document})


def test_a_vendored_document_that_lacks_something_is_named() -> None:
    with pytest.raises(SpecError, match=r"kling/x.json lacks 'x-variant'"):
        Catalog({"components.json": {}, "kling/x.json": {}}, {})


def test_times_are_documented_ones_scaled_where_only_one_length_is_known() -> None:
    standard = CATALOG.facts("kling-video/v1/standard/image-to-video")
    assert (standard.seconds_for(5), standard.seconds_for(10), standard.seconds_for()) == (249, 498, 249)
    master = CATALOG.facts("klingai/v2.1-master-image-to-video")
    assert (master.seconds_for(5), master.seconds_for(10)) == (330, 750)
    avatar = CATALOG.facts("klingai/avatar-pro")
    assert master.spans_for(10) == pytest.approx((30.0, 720.0))
    assert (avatar.seconds_for(5), avatar.seconds_for(60)) == (530, 530)
    assert CATALOG.facts("klingai/video-v3-pro-text-to-video").seconds_for(8) == 381


def test_every_variant_has_a_time_and_says_where_it_is_from() -> None:
    for variant in CATALOG.variants:
        facts = CATALOG.facts(variant.model)
        assert facts.documented == (facts.derived_from is None)
        assert all(2 < facts.seconds_for(clip) < 3000 for clip in range(3, 16))
        assert CATALOG.facts(variant.model) is facts


def test_prices_are_known_for_some() -> None:
    assert CATALOG.facts("klingai/avatar-pro").credits_for(5) == 1_207_500
    assert CATALOG.facts("kling-video/v1/pro/text-to-video").credits_for(5) is None
    priced = Facts("m", (Timing(5, 1),), True, None, (), ((5, 100), (10, 180)), "never", False)
    assert [priced.credits_for(clip) for clip in (None, 5, 10, 15)] == [100, 100, 180, 270]


@pytest.mark.parametrize(
    ("model", "body", "sound"),
    [
        ("klingai/avatar-standard", {}, True),
        ("kling-video/v1/pro/text-to-video", {"generate_audio": True}, False),
        ("klingai/video-v2-6-pro-text-to-video", {}, True),
        ("klingai/video-v2-6-pro-text-to-video", {"generate_audio": False}, False),
        ("klingai/video-o1-video-to-video-edit", {}, False),
        ("klingai/video-o1-video-to-video-edit", {"keep_audio": True}, True),
        ("klingai/video-v3-motion-control", {}, True),
        ("klingai/video-v3-motion-control", {"keep_audio": False}, False),
        ("klingai/video-v3-motion-control", {"keep_audio": "no"}, True),
    ],
)
def test_sound_is_as_the_variant_and_the_body_say(model: str, body: dict[str, Any], sound: bool) -> None:
    assert CATALOG.facts(model).sound_for(body) is sound
