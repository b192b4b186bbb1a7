"""The vendored documents are sound, and hold what the provider documents."""

import copy
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from kling_mock.catalog import CREATE_PATH, Variant, load_catalog
from kling_mock.catalog.indexing import index_text
from kling_mock.specs.checking import variant_faults
from tests.support import LEGACY_PATH, UPSTREAM, mostly_long, needs_upstream

CATALOG = load_catalog()
FOLDER = Path(str(resources.files("kling_mock.schemas")))
DOCUMENTS = UPSTREAM / "upstream"
PROVENANCE = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))["variants"]

each_variant = pytest.mark.parametrize("variant", CATALOG.variants, ids=lambda variant: str(variant.model))
needs_documents = needs_upstream("upstream")


def load(*steps: str) -> Any:
    return json.loads(DOCUMENTS.joinpath(*steps).read_text(encoding="utf-8"))


def body_of(document: dict[str, Any], path: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    return schema


def bare(schema: Any) -> Any:
    """A schema without prose, which does not bind anybody, and with its lists of names in order."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: bare(value) for key, value in schema.items() if key not in ("x-rules", "title", "description")
    }
    if isinstance(schema.get("properties"), dict):
        kept["properties"] = {name: bare(field) for name, field in schema["properties"].items()}
    if isinstance(schema.get("required"), list):
        kept["required"] = sorted(schema["required"])
    return kept


def corrected(schema: Any) -> Any:
    """An upstream schema with the flaws put right that `CORRECTIONS.md` lists."""
    if isinstance(schema, list):
        return [corrected(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    right = {key: corrected(value) for key, value in schema.items()}
    if right.pop("nullable", False):
        right["type"] = [right["type"], "null"] if "type" in right else "null"
    if right.get("type") == "integer" and isinstance(right.get("default"), str):
        right["default"] = int(right["default"])
    if isinstance(right.get("required"), bool):
        del right["required"]
    return right


def fields_of(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{at}.{name}", field
        yield from fields_of(field, f"{at}.{name}")
    for inner in [*([schema["items"]] if "items" in schema else []), *schema.get("anyOf", [])]:
        yield f"{at}[]", inner
        yield from fields_of(inner, f"{at}[]")


@pytest.mark.slow
@pytest.mark.parametrize("variant", mostly_long(CATALOG.variants, 5), ids=lambda variant: str(variant.model))
def test_every_document_is_valid_openapi(variant: Variant) -> None:
    path = FOLDER / variant.file
    validate(json.loads(path.read_text(encoding="utf-8")), base_uri=path.resolve().as_uri())


def test_the_components_are_valid_openapi_and_all_of_them_are_used() -> None:
    text = (FOLDER / "components.json").read_text(encoding="utf-8")
    components = json.loads(text)
    validate(components)
    users = text + "".join(
        (FOLDER / variant.file).read_text(encoding="utf-8") for variant in CATALOG.variants
    )
    for kind, entries in components["components"].items():
        for name in entries:
            assert f'#/components/{kind}/{name}"' in users, (kind, name)


@pytest.mark.slow
@each_variant
def test_every_document_passes_our_own_checks(variant: Variant) -> None:
    assert variant_faults(CATALOG.document(variant.model), variant) == []


@each_variant
def test_files_are_written_for_people(variant: Variant) -> None:
    text = (FOLDER / variant.file).read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@each_variant
def test_every_field_has_a_sentence(variant: Variant) -> None:
    for legacy in {False, variant.legacy}:
        schema = CATALOG.create_schema(variant.model, legacy=legacy)
        for name, field in [("body", schema), *fields_of(schema)]:
            assert field.get("description", "").endswith("."), name
            assert field["description"].count(". ") == 0, name
    for name, field in fields_of(CATALOG.poll_schema(variant.model)):
        assert field.get("description", "").endswith("."), name


@each_variant
def test_every_path_has_a_create_and_a_poll_with_errors_and_headers(variant: Variant) -> None:
    document = CATALOG.document(variant.model)
    for path, item in document["paths"].items():
        for method in ("post", "get"):
            responses = item[method]["responses"]
            success = next(status for status in responses if status.startswith("2"))
            assert success == "200" or (method == "post" and path == variant.older_path)
            assert {success, "400", "401", "403", "404", "429", "500", "502", "503", "504"} <= set(responses)
            for status, answer in responses.items():
                schema = answer["content"]["application/json"]["schema"]
                wanted = {"id", "status"} if status == success else {"requestId", "statusCode", "message"}
                assert wanted <= set(schema["required"])
                assert "x-inference-id" in answer["headers"]
            assert "Retry-After" in responses["429"]["headers"]


def test_rules_stand_where_they_apply() -> None:
    rules: dict[str, set[str]] = {}
    for variant in CATALOG.variants:
        for rule in CATALOG.create_schema(variant.model).get("x-rules", ()):
            rules.setdefault(rule["id"], set()).add(variant.model)
    assert {name: len(models) for name, models in rules.items()} == {
        "prompt-or-multi-prompt": 12,
        "one-to-six-shots": 4,
        "tail-image-needs-silence": 2,
        "one-video-element": 4,
        "two-people-two-images": 2,
        "one-image-effects": 2,
        "audio-up-to-5-mb": 2,
        "reference-video-length": 2,
    }
    assert all("omni" in model for model in rules["one-to-six-shots"])


def test_every_variant_says_where_its_facts_are_from() -> None:
    assert set(PROVENANCE) == {variant.model for variant in CATALOG.variants}
    for variant in CATALOG.variants:
        row = PROVENANCE[variant.model]
        assert row["file"] == variant.file
        assert row["documents"][0] == {**row["documents"][0], "role": "current", "updated": variant.updated}
        assert bool(row["legacy"]) == variant.legacy


def test_the_index_is_that_of_the_documents() -> None:
    text = (FOLDER / "index.json").read_text(encoding="utf-8")
    assert text == index_text(FOLDER), "python -m kling_mock.catalog.indexing makes it anew"


def upstream_model(variant: Variant) -> str:
    """The model whose document holds this variant's contract."""
    twins = {"kling-video/v1.5/standard/text-to-video": "kling-video/v1.5/pro/text-to-video"}
    return twins.get(variant.model, variant.model)


@needs_documents
def test_the_newest_document_of_each_model_counts() -> None:
    rows = [row for row in load("manifest.json") if not row["legacy"]]
    assert {name for row in rows for name in row["models"]} <= {variant.model for variant in CATALOG.variants}
    mistaken = {"v1.5-standard-text-to-video", "fabric-1.0-fast"}
    for variant in CATALOG.variants:
        model = upstream_model(variant)
        named = [row for row in rows if model in row["models"] and row["slug"] not in mistaken]
        newest = max(named, key=lambda row: row["updated"])
        current = PROVENANCE[variant.model]["documents"][0]
        assert newest["vendor"] == variant.vendor
        assert (current["slug"], current["updated"]) == (newest["slug"], newest["updated"])
        documented = {path for row in named for path in row["paths"]}
        assert set(variant.paths) - {variant.older_path} == documented


@pytest.mark.slow
@needs_documents
@each_variant
def test_the_current_contract_is_the_documented_one(variant: Variant) -> None:
    slug = PROVENANCE[variant.model]["documents"][0]["slug"]
    theirs = bare(corrected(body_of(load(variant.vendor, f"{slug}.json"), CREATE_PATH)))
    assert theirs["properties"]["model"]["enum"] == [upstream_model(variant)]
    theirs["properties"]["model"]["enum"] = [variant.model, *variant.aliases]
    assert bare(CATALOG.create_schema(variant.model)) == theirs


@pytest.mark.slow
@needs_documents
@each_variant
def test_the_answers_are_the_documented_ones(variant: Variant) -> None:
    slug = PROVENANCE[variant.model]["documents"][0]["slug"]
    create = load(variant.vendor, f"{slug}.json")["paths"][CREATE_PATH]["post"]
    poll = load("universal-video-fetch.json")["paths"][CREATE_PATH]["get"]
    for operation, ours in (
        (create, CATALOG.answer_schema(variant.model)),
        (poll, CATALOG.poll_schema(variant.model)),
    ):
        theirs = operation["responses"]["200"]["content"]["application/json"]["schema"]
        shown, documented = answer_shape(bare(ours)), answer_shape(bare(theirs))
        if "url-list" in variant.answers:
            # What the documented runs show, beside what is documented.
            assert shown.pop("video") == ["array", "object"]
            documented = {key: value for key, value in documented.items() if not key.startswith("video")}
        assert shown == documented


def answer_shape(schema: dict[str, Any]) -> dict[str, Any]:
    """What an answer must have: the required fields at every depth, and what may be null."""
    shape: dict[str, Any] = {"required": schema.get("required", [])}
    for name, field in schema["properties"].items():
        if "properties" in field:
            shape[name] = answer_shape(field)
            shape[f"{name} null"] = field.get("nullable", False) or "null" in field["type"]
        elif "anyOf" in field:
            options = [option for option in field["anyOf"] if "type" in option]
            shape[name] = sorted(
                str(option["type"]).replace("['object', 'null']", "object") for option in options
            )
        elif name in schema.get("required", []):
            shape[name] = field["type"]
    return shape


OLDER = {
    "kling-video/v1/pro/image-to-video": {"ratio", "aspect_ratio", "static_mask_url"},
    "kling-video/v1/standard/image-to-video": {"ratio", "aspect_ratio"},
    "kling-video/v1.6/pro/image-to-video": {"ratio", "aspect_ratio"},
    "kling-video/v1.6/standard/image-to-video": {"tail_image_url"},
    "kling-video/v1/pro/text-to-video": {"ratio"},
    "kling-video/v1/standard/text-to-video": {"ratio"},
}
"""What the documents of 2025 add to the contract of the older path."""


@needs_documents
def test_the_older_contract_stands_where_it_is_documented() -> None:
    documented = load("legacy", "kling", "create-by-model.json")
    of_family = {variant.model for variant in CATALOG.variants if variant.older_path == LEGACY_PATH}
    assert of_family == set(documented)


@needs_documents
@pytest.mark.parametrize("model", [one.model for one in CATALOG.variants if one.older_path == LEGACY_PATH])
def test_the_older_contract_is_the_documented_one(model: str) -> None:
    theirs = bare(corrected(load("legacy", "kling", "create-by-model.json")[model]))
    ours = copy.deepcopy(bare(CATALOG.create_schema(model, legacy=True)))
    for name in OLDER.get(model, ()):
        ours["properties"].pop(name)
    if model == "kling-video/v1/pro/image-to-video":
        ours["properties"]["dynamic_masks"] = ours["properties"]["dynamic_masks"]["anyOf"][0]
    assert ours == theirs


@needs_documents
def test_older_contracts_of_other_vendors_are_the_documented_ones() -> None:
    others = [one for one in CATALOG.variants if one.older_path not in ("", LEGACY_PATH)]
    assert [variant.model for variant in others] == ["veo2"]
    for variant in others:
        (row,) = PROVENANCE[variant.model]["legacy"]
        theirs = load("legacy", variant.vendor, f"{row['slug']}.json")
        ours = bare(CATALOG.create_schema(variant.model, legacy=True))
        documented = bare(corrected(body_of(theirs, variant.older_path)))
        documented["properties"]["model"]["type"] = "string"
        assert ours == documented
        assert (
            str(CATALOG.created_status(variant.model, legacy=True))
            in (theirs["paths"][variant.older_path]["post"]["responses"])
        )


@needs_documents
@pytest.mark.parametrize(
    "name",
    [
        "kling-video-image-to-video",
        "kling-video-text-to-video",
        "v1-pro-image-to-video.2025",
        "v1.5-standart-image-to-video",
        "v2.1-standard-image-to-video",
    ],
)
def test_what_the_documents_of_2025_take_is_taken(name: str) -> None:
    theirs = body_of(load("legacy", "kling", f"{name}.json"), LEGACY_PATH)
    for model in theirs["properties"]["model"]["enum"]:
        ours = bare(CATALOG.create_schema(model, legacy=True))
        assert set(ours["required"]) <= set(theirs["required"])
        for field, schema in theirs["properties"].items():
            if field == "dynamic_masks" and "2025" in name:
                linked = ours["properties"][field]["anyOf"][1]
                linked["items"].pop("required")
                assert linked == bare(schema)
            elif field not in ("model", "dynamic_masks"):
                assert loosened(ours["properties"][field]) == loosened(bare(schema)), (model, field)


def loosened(field: dict[str, Any]) -> dict[str, Any]:
    """A field without what does not refuse a body that the other document takes."""
    return {key: value for key, value in field.items() if key not in ("default", "deprecated", "format")}


@needs_documents
def test_documented_times_are_the_documented_ones() -> None:
    documented = json.loads((UPSTREAM / "facts" / "models.json").read_text(encoding="utf-8"))
    known = 0
    for variant in CATALOG.variants:
        facts = CATALOG.facts(variant.model)
        rows = [documented[name] for name in (variant.model, *variant.aliases) if name in documented]
        times = [row["generation_seconds"] for row in rows if "generation_seconds" in row]
        assert facts.documented == bool(times)
        if times:
            known += 1
            shown = dict.fromkeys((time["clip_seconds"], time["seconds"]) for time in times[0])
            assert [(t.clip_seconds, t.seconds) for t in facts.timings] == list(shown)
            assert len(facts.output) == len(rows[0].get("output", ()))
    assert known >= 70
