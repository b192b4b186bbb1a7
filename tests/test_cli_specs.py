"""`kling-mock specs` lists, shows, checks, compares and converts contracts."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from kling_mock.catalog import CREATE_PATH, load_catalog
from kling_mock.catalog.files import create_schemas
from kling_mock.cli import specs
from kling_mock.errors import SpecError, UnknownModel
from kling_mock.specs.diff import differences
from tests.support import LEGACY_PATH, MODEL_DOCUMENTS, UPSTREAM, needs_upstream

MODEL = "kling-video/v1.6/pro/image-to-video"
DOCUMENTS = UPSTREAM / "upstream"


def run(*words: str) -> int:
    with specs.command.make_context("specs", list(words)) as context:
        return specs.command.invoke(context)


def old_document() -> dict[str, Any]:
    """A document as other people write them: OpenAPI 3.0 with all its usual flaws."""
    schema = {
        "type": "object",
        "properties": {
            "model": {"type": "string", "enum": [MODEL]},
            "image_url": {"type": "string", "format": "uri"},
            "duration": {"type": "integer", "enum": [5, 10], "default": "5"},
            "cfg_scale": {"type": "number", "minimum": 0, "maximum": 2},
            "seed": {"type": "integer", "nullable": True},
            "strength": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        },
        "required": ["model", "image_url", "prompt"],
    }
    answers: dict[str, Any] = {"200": {}, "default": {}}
    content = {"application/json": {"schema": {"$ref": "parts.json#/body"}}}
    post = {"requestBody": {"content": content}, "responses": answers}
    return {
        "openapi": "3.0.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/v2/video/generations": {"post": post}},
        "x-body": schema,
    }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    document = old_document()
    (tmp_path / "parts.json").write_text(json.dumps({"body": document.pop("x-body"), "paths": {}}))
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    return path


def test_list_has_a_row_per_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 142
    assert {"model", "vendor", "file", "paths", "required", "updated"} == set(rows[0])
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [row["model"] for row in rows]


def test_show_prints_the_resolved_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", MODEL) == 0
    text = capsys.readouterr().out
    assert json.loads(text) == load_catalog().document(MODEL)
    assert "$ref" not in text


def test_show_of_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownModel, match="Did you mean"):
        run("show", "kling-video/v1.6/pro/image")


def test_no_action_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "expected list, show, check, diff, add or sync" in capsys.readouterr().err


@pytest.mark.slow
def test_check_finds_the_vendored_documents_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    assert capsys.readouterr().out == "142 of 142 vendored documents are sound.\n"


def test_check_names_the_faults_of_a_file(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(old)) == 1
    out = capsys.readouterr().out
    for fault in (
        "openapi: expected 3.1.x, received '3.0.0'",
        "POST /v2/video/generations 200: the response has no description",
        "body: not a JSON Schema at properties/strength/exclusiveMinimum",
    ):
        assert fault in out


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"properties": {"duration": {"default": 7, "enum": [5]}}},
            "duration: the default 7 does not keep its own schema",
        ),
        ({"properties": {"a": {"type": "string", "nullable": True}}}, "a: `nullable` is OpenAPI 3.0"),
        ({"properties": {"a": {}}, "required": ["b"]}, "`b` is required but not among the properties"),
        ({"properties": {"a": {"type": "text"}}}, "not a JSON Schema at properties/a/type"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, "'#/nowhere' leads nowhere"),
        ({"properties": {"a": {"$ref": "missing.json#/a"}}}, "no file missing.json"),
        ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, "leads to another host"),
        ({"properties": {"b": {}}}, "the body has no `model`"),
        ({"properties": {"a": {"mimimum": 3}}}, "at properties/a: the keyword 'mimimum' is unknown"),
        (
            {"properties": {"a": {"oneOf": [{"type": "integer", "default": "x"}]}}},
            "a: the default 'x' does not keep its own schema",
        ),
        ({"properties": {"model": {"type": "string"}}}, "does not name its models"),
    ],
)
def test_check_knows_each_fault(
    change: dict[str, Any], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"application/json": {"schema": {"type": "object", **change}}}
    post = {"requestBody": {"content": content}, "responses": {"200": {"description": "Done."}}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/p": {"post": post}}}
    path = tmp_path / "own.json"
    path.write_text(json.dumps(document))
    assert run("check", str(path)) == 1
    assert fault in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not JSON at line 1"),
        (b"[]", "not an OpenAPI document"),
        (b"\xff", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("words", [("check",), ("diff", MODEL), ("add",)])
def test_a_file_that_cannot_be_used_is_named(
    words: tuple[str, ...], content: bytes | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError, match=says):
        run(*words, str(path))


def sound_document() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"model": {"enum": ["a/b"]}}}
    operation = {
        "parameters": [{"name": "p", "in": "query", "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": True}}}},
    }
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/p": {"post": operation}}}


@pytest.mark.parametrize(
    ("steps", "value", "fault"),
    [
        (("info",), {"title": "t"}, "info: `version` is missing"),
        (("paths",), {}, "paths: there are none"),
        (("paths", "/p"), {"summary": "s"}, "nothing to create"),
        (("paths", "/p", "post", "responses"), {}, "POST /p: there are no responses"),
        (("paths", "/p", "post", "responses"), {"200": {}}, "POST /p 200: the response has no description"),
        (("paths", "/p", "post", "parameters", 0, "schema"), {"type": 5}, "parameter p: not a JSON Schema"),
        (("paths", "/p", "get"), {}, "GET /p: there are no responses"),
    ],
)
def test_check_knows_the_faults_of_operations(
    steps: tuple[str | int, ...], value: Any, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = sound_document()
    path = tmp_path / "own.json"
    path.write_text(json.dumps(document))
    assert run("check", str(path)) == 0
    assert capsys.readouterr().out == f"{path}: sound\n"
    place: Any = document
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    path.write_text(json.dumps(document))
    assert run("check", str(path)) == 1
    assert fault in capsys.readouterr().out


def test_check_finds_the_fault_of_a_vendored_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = load_catalog()
    document = copy.deepcopy(catalog.document(MODEL))
    for _, schema in create_schemas(document):
        schema["properties"]["model"]["enum"] = ["another"]
        schema["x-rules"] = [{"id": "r"}]
    monkeypatch.setitem(catalog._resolved, catalog.find(MODEL).file, document)
    assert run("check") == 1
    out = capsys.readouterr().out
    assert "the model enum is ['another'], expected kling-video/v1.6/pro/image-to-video" in out
    assert "the rule r lacks path, says, schema" in out
    assert "141 of 142 vendored documents are sound." in out


def test_add_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(sound_document()))
    with pytest.raises(SpecError, match="cannot be written"):
        run("add", str(tmp_path / "own.json"), "--into", str(tmp_path / "own.json" / "into"))


@pytest.mark.slow
def test_diff_finds_the_model_among_alternatives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "merged.json"
    path.write_text(json.dumps(load_catalog().merged()))
    for model in (MODEL, "klingai/video-v2-6-motion-control", "kling-video/v1/pro/image-to-video"):
        assert run("diff", model, str(path)) == 0, capsys.readouterr().out


def test_diff_names_a_path_that_the_contract_does_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = copy.deepcopy(load_catalog().document("klingai/avatar-pro"))
    document["paths"][LEGACY_PATH] = document["paths"][CREATE_PATH]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(document))
    assert run("diff", "klingai/avatar-pro", str(path)) == 1
    assert "the vendored contract does not have this path" in capsys.readouterr().out


def test_diff_prints_the_constraints_that_differ(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("diff", MODEL, str(old)) == 1
    lines = [line.split("  ", 2)[2] for line in capsys.readouterr().out.splitlines()]
    assert "cfg_scale: maximum is 1, in the file 2" in lines
    assert "prompt: not in the file" in lines
    assert "seed: only in the file" in lines
    assert "dynamic_masks: not in the file" in lines
    assert not any(line.startswith(("dynamic_masks[", "duration", "model")) for line in lines)
    assert run("diff", MODEL, str(old), "--json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert {"path", "severity", "line", "part", "field", "constraint", "vendored", "file"} == set(rows[0])


@pytest.mark.slow
def test_diff_finds_none_between_a_contract_and_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for variant in load_catalog().variants:
        path = tmp_path / "same.json"
        path.write_text(json.dumps(load_catalog().document(variant.model)))
        assert run("diff", variant.model, str(path)) == 0, capsys.readouterr().out
        assert capsys.readouterr().out == f"{variant.model}: no differences.\n"


def test_diff_of_another_model_names_those_in_the_file(old: Path) -> None:
    with pytest.raises(SpecError, match=f"it documents {MODEL}"):
        run("diff", "klingai/avatar-pro", str(old))


@needs_upstream("upstream")
def test_diff_sees_what_a_superseded_document_had(capsys: pytest.CaptureFixture[str]) -> None:
    model = "klingai/video-v2-6-pro-image-to-video"
    assert run("diff", model, str(DOCUMENTS / "kling" / "video-v2-6-pro-image-to-video.json")) == 0
    capsys.readouterr()
    assert run("diff", model, str(DOCUMENTS / "kling" / "klingai-video-v2-6-pro-image-to-video.json")) == 1
    assert "/v2/video/generations  tail_image_url: only in the file" in capsys.readouterr().out


def test_add_converts_checks_and_writes(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = tmp_path / "parts.json"
    assert run("add", str(old), "--into", str(tmp_path / "into")) == 1
    assert "`prompt` is required but not among the properties" in capsys.readouterr().err
    parts.write_text(parts.read_text().replace(', "prompt"', ""))
    assert run("add", str(old), "--into", str(tmp_path / "into")) == 0
    captured = capsys.readouterr()
    written = tmp_path / "into" / "kling-video-v1.6-pro-image-to-video.json"
    assert captured.out == f"{written}\n"
    assert "the default '5' is now 5" in captured.err
    document = json.loads(written.read_text())
    operation = document["paths"]["/v2/video/generations"]["post"]
    fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields["duration"]["default"] == 5
    assert fields["seed"] == {"type": ["integer", "null"]}
    assert fields["strength"] == {"type": "number", "exclusiveMinimum": 0}
    assert operation["responses"]["200"]["description"] == "OK."
    assert run("check", str(written)) == 0
    with pytest.raises(SpecError, match="--force replaces it"):
        run("add", str(old), "--into", str(tmp_path / "into"))
    assert run("add", str(old), "--into", str(tmp_path / "into"), "--force") == 0


def test_add_keeps_nullable_beside_all_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = sound_document()
    operation = document["paths"]["/p"]["post"]
    error = {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Error"}]}
    operation["responses"]["200"]["content"]["application/json"]["schema"] = error
    document["components"] = {"schemas": {"Error": {"type": "object"}}}
    (tmp_path / "old.json").write_text(json.dumps({**document, "openapi": "3.0.3"}))
    assert run("add", str(tmp_path / "old.json")) == 0
    captured = capsys.readouterr()
    added = json.loads(captured.out)["paths"]["/p"]["post"]["responses"]["200"]["content"]
    assert added["application/json"]["schema"] == {
        "anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]
    }
    assert "`nullable` is now a null type" in captured.err


def test_diff_compares_every_constraint_and_alternative() -> None:
    one = {"properties": {"a": {"oneOf": [{"multipleOf": 2}, {"additionalProperties": {"pattern": "b"}}]}}}
    other = {"properties": {"a": {"oneOf": [{"multipleOf": 3}, {"additionalProperties": {"pattern": "c"}}]}}}
    assert [difference.line() for difference in differences(one, other)] == [
        "a|1: multipleOf is 2, in the file 3",
        'a|2|additionalProperties: pattern is "b", in the file "c"',
    ]


def test_add_prints_the_document_where_no_folder_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(load_catalog().document(MODEL)))
    assert run("add", str(path)) == 0
    assert json.loads(capsys.readouterr().out) == load_catalog().document(MODEL)


@pytest.mark.slow
@needs_upstream("upstream")
def test_add_takes_every_document_of_the_provider(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [path for path in MODEL_DOCUMENTS if path.parent.parent == DOCUMENTS]
    assert len(files) > 140
    for path in files:
        assert run("add", str(path), "--into", str(tmp_path), "--force") == 0
        assert capsys.readouterr().out.startswith(str(tmp_path))
