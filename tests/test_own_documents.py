"""A user's own documents beside the vendored ones: what is served, what wins, what is refused."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from kling_mock import MockServer
from kling_mock.catalog import CREATE_PATH, load_catalog
from kling_mock.cli.main import main
from kling_mock.contract_tests.generation.payloads import boundary_payloads, invalid_cases
from kling_mock.errors import SpecError
from kling_mock.specs import download
from kling_mock.validation import Validator
from tests.support import (
    LEGACY_PATH,
    MODEL,
    UPSTREAM,
    ask,
    body_for,
    check_error,
    create,
    needs_upstream,
    poll,
)

NEW = "acme/dream-1"
BODY: dict[str, Any] = {
    "type": "object",
    "required": ["model", "prompt"],
    "properties": {
        "model": {"type": "string", "enum": [NEW]},
        "prompt": {"type": "string", "maxLength": 5},
        "duration": {"type": "integer", "enum": [4, 12], "default": "4"},
        "keep_audio_track": {"type": "boolean", "nullable": True, "default": True},
        "aspect_ratio": {"type": "string", "enum": ["9:16"], "default": "9:16"},
    },
}


def document(body: dict[str, Any] = BODY, *paths: str, **more: Any) -> dict[str, Any]:
    """A document as the provider serves them."""
    content = {"application/json": {"schema": body}}
    post = {"requestBody": {"content": content}, "responses": {"200": {}}}
    made = {"openapi": "3.0.0", "info": {"title": "t", "version": "2026-09-01"}}
    return {**made, "paths": {path: {"post": post} for path in paths or (CREATE_PATH,)}, **more}


def with_models(*models: str, **fields: Any) -> dict[str, Any]:
    properties = BODY["properties"] | {"model": {"type": "string", "enum": list(models)}} | fields
    return {**BODY, "properties": properties}


def write(folder: Path, **documents: Any) -> str:
    folder.mkdir(exist_ok=True)
    for name, one in documents.items():
        text = one if isinstance(one, str) else json.dumps(one)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.slow
def test_a_new_model_is_served_beside_the_others(tmp_path: Path) -> None:
    folder = write(tmp_path / "own", dream=document())
    with MockServer(specs=folder, polls=(0, 0)) as server:
        assert ask(server, "GET", f"/model/{NEW}", key=None).json["data"]["info"]["developer"] == "acme"
        assert len(ask(server, "GET", "/v1/models", key=None).json["data"]) == 143
        assert create(server).status == 200
        reply = ask(server, "POST", CREATE_PATH, {"model": NEW, "prompt": "x"})
        assert reply.status == 200
        clip = poll(server, reply.json["id"]).json["video"]["url"].rpartition("/")[2]
        assert clip == "9x16-4s-sound.mp4"
        check_error(ask(server, "POST", CREATE_PATH, {"model": NEW, "prompt": "longer"}), 400, "prompt")
        validate(ask(server, "GET", "/openapi.json", key=None).json)
        validate(ask(server, "GET", f"/openapi/{NEW}.json", key=None).json)
    assert load_catalog().get(NEW) is None


def test_one_test_has_documents_that_the_next_one_has_not(tmp_path: Path) -> None:
    folder = write(tmp_path / "own", dream=document())
    body = {"model": NEW, "prompt": "x"}
    with MockServer() as server:
        assert ask(server, "POST", CREATE_PATH, body).status == 400
        server.configure(specs=folder)
        assert ask(server, "POST", CREATE_PATH, body).status == 200
        server.reset()
        assert ask(server, "POST", CREATE_PATH, body).status == 400
        with pytest.raises(SpecError, match="nowhere"):
            server.configure(specs=str(tmp_path / "nowhere"), queued=9)
        assert server.settings.queued == 1.0


def test_a_document_stands_in_for_the_vendored_one_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = write(tmp_path / "own", standard=document(with_models(MODEL)))
    catalog = load_catalog([own])
    assert len(catalog.variants) == 142
    assert set(catalog.create_schema(MODEL)["properties"]) == set(BODY["properties"])
    said = f"{own}/standard.json stands in for {load_catalog().find(MODEL).file}"
    assert said in caplog.text and catalog.notes[0].startswith(said)
    # What is known of it stays, and the later of two folders wins.
    assert catalog.facts(MODEL).timings == load_catalog().facts(MODEL).timings
    later = write(tmp_path / "later", again=document(with_models(MODEL, extra={"type": "string"})))
    both = load_catalog([own, later])
    assert "extra" in both.create_schema(MODEL)["properties"]
    assert len(both.notes) == 2
    assert "extra" not in load_catalog([later, own]).create_schema(MODEL)["properties"]


def test_a_folder_is_read_again_where_it_has_changed(tmp_path: Path) -> None:
    own = write(tmp_path / "own", dream=document())
    first = load_catalog([own])
    assert load_catalog([own]) is first
    write(tmp_path / "own", other=document(with_models("acme/dream-2")))
    assert load_catalog([own]).get("acme/dream-2") is not None


def test_several_models_of_one_document_are_a_model_each(tmp_path: Path) -> None:
    alternatives = {
        "oneOf": [with_models("acme/a", "acme/b"), with_models("acme/c", more={"type": "string"})]
    }
    catalog = load_catalog([write(tmp_path / "own", many=document(alternatives))])
    assert [one.model for one in catalog.variants if one.vendor == "acme"] == ["acme/a", "acme/b", "acme/c"]
    assert "more" in catalog.create_schema("acme/c")["properties"]
    assert catalog.create_schema("acme/b")["properties"]["model"]["enum"] == ["acme/b"]
    aliases = load_catalog().find("klingai/video-v2-6-motion-control")
    own = write(tmp_path / "alias", motion=document(with_models(*aliases.aliases, aliases.model)))
    found = load_catalog([own]).find(aliases.aliases[0])
    assert (found.model, found.aliases) == (aliases.model, aliases.aliases)


def test_an_older_path_has_its_own_contract(tmp_path: Path) -> None:
    path = "/v2/generate/video/acme/generation"
    own = write(tmp_path / "own", dream=document(BODY, path))
    with MockServer(specs=own) as server:
        assert ask(server, "POST", path, {"model": NEW, "prompt": "x"}).status == 200
        check_error(ask(server, "POST", path, body_for()), 400, LEGACY_PATH)
        check_error(ask(server, "POST", LEGACY_PATH, {"model": NEW, "prompt": "x"}), 400, path)


def test_an_older_path_that_one_test_has_documents_of_is_its_own(tmp_path: Path) -> None:
    path = "/v2/generate/video/acme/generation"
    own = write(tmp_path / "own", dream=document(BODY, path))
    with MockServer() as server:
        assert ask(server, "POST", path, {"model": NEW, "prompt": "x"}).status == 404
        server.configure(specs=own)
        made = ask(server, "POST", path, {"model": NEW, "prompt": "x"})
        assert made.status == 200
        assert ask(server, "GET", f"{path}?generation_id={made.json['id']}").json["status"] == "queued"
        assert ask(server, "DELETE", path).status == 405
        assert [exchange.kind for exchange in server.exchanges] == ["other", "create", "poll", "other"]
        server.reset()
        assert ask(server, "POST", path, {"model": NEW, "prompt": "x"}).status == 404


def test_a_document_says_what_is_special_about_its_model(tmp_path: Path) -> None:
    facts = {"generation_seconds": [{"clip_seconds": 4, "seconds": 40.0}], "documented": True}
    about = {
        "model": NEW,
        "aliases": [],
        "vendor": "runway",
        "sound": "never",
        "answers": ["url-list", "succeeded", "generation-id"],
        "facts": {**facts, "output": [], "usage": [{"clip_seconds": 4, "credits": 5}]},
    }
    own = write(tmp_path / "own", dream=document(**{"x-variant": about}))
    with MockServer(specs=own, polls=(0, 0)) as server:
        made = ask(server, "POST", CREATE_PATH, {"model": NEW, "prompt": "x"}).json
        assert made["generation_id"] == made["id"]
        told = poll(server, made["id"]).json
        assert told["status"] == "succeeded" and told["video"][0].endswith("9x16-4s.mp4")
        assert (server.charges[0].credits, server.charges[0].billed) == (5, True)
        assert server.space.catalog.facts(NEW).seconds_for(4) == 40.0


def test_documents_of_3_1_and_what_they_refer_to_are_read(tmp_path: Path) -> None:
    shared = {"components": {"schemas": {"Body": BODY}}}
    own = document({"$ref": "parts/shared.json#/components/schemas/Body"})
    write(tmp_path / "own", dream=own)
    write(tmp_path / "own" / "parts", shared=shared)
    write(tmp_path / "own", vendored=load_catalog().document("klingai/avatar-pro"), prices=[])
    catalog = load_catalog([str(tmp_path / "own")])
    ours = load_catalog().create_schema("klingai/avatar-pro")
    assert catalog.create_schema("klingai/avatar-pro") == ours
    assert catalog.create_schema(NEW)["properties"]["duration"]["default"] == 4


def faulty(body: dict[str, Any]) -> dict[str, Any]:
    return document({**BODY, **body})


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ({"a": "{"}, "own/a.json is not JSON at line 1"),
        ({"a": "[]"}, "own/a.json is not an OpenAPI document"),
        ({"a": {"paths": {}}}, "own/a.json: no POST takes a JSON body"),
        ({"a": {"openapi": "3.0.0", "paths": {"/p": {"get": {}}}}}, "no POST takes a JSON body"),
        ({"a": document({"type": "object"})}, "POST /v2/video/generations: `model` does not name its models"),
        ({"a": document(), "b": document()}, "own/a.json and .*own/b.json both describe acme/dream-1"),
        ({"a": document({"$ref": "#/nowhere"})}, "own/a.json: The reference '#/nowhere'.* leads nowhere"),
        ({"a": document({"$ref": "no.json#/x"})}, "there is no file no.json"),
        ({"a": document({"$ref": "https://example.com/a.json"})}, "leads to another host"),
        ({"a": faulty({"mimimum": 3})}, r"own/a.json: a.json#/paths/.*: the keyword 'mimimum' is unknown"),
        ({"a": faulty({"type": "strnig"})}, "own/a.json: POST .* body at type: not a JSON Schema"),
        ({"a": {"openapi": "3.0.0", "paths": {"/p": {"post": {"requestBody": 3, "x": []}}}}}, "no POST"),
    ],
)
def test_nothing_is_half_loaded(tmp_path: Path, documents: dict[str, Any], says: str) -> None:
    own = write(tmp_path / "own", good=document(with_models("acme/good")), **documents)
    with pytest.raises(SpecError, match=says):
        MockServer(specs=own)
    assert main(["serve", "--specs", own, "--port", "0"]) == 2


def test_the_place_and_the_keyword_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_catalog([write(tmp_path / "own", a=faulty({"mimimum": 3}))])
    assert (caught.value.keyword, "Create" in caught.value.place) == ("mimimum", False)
    assert "a.json" in caught.value.place


@pytest.mark.parametrize(
    "command", ["validate", "specs list", "specs show klingai/avatar-pro", "verify", "run", "serve"]
)
def test_every_command_says_which_folder_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    missing = str(tmp_path / "missing")
    words = {
        "validate": ["validate", "-", "--specs", missing],
        "verify": ["verify", "tests.clients.reference:generate", "--specs", missing],
        "run": ["run", "--specs", missing, "--", "true"],
    }.get(command, [*command.split(), "--specs", missing])
    assert main(words) == 2
    said = capsys.readouterr().err
    assert f"{missing}: expected a folder of OpenAPI documents, received nothing there." in said


def test_the_environment_and_the_command_line_name_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write(tmp_path / "one", dream=document())
    two = write(tmp_path / "two", dream=document(with_models("acme/dream-2")))
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"model": NEW, "prompt": "x"}))
    # A sign too many, as in `PATH`, names no folder.
    monkeypatch.setenv("KLING_MOCK_SPECS", os.pathsep.join([one, two, ""]))
    assert main(["validate", str(body)]) == 0
    monkeypatch.delenv("KLING_MOCK_SPECS")
    assert main(["validate", str(body)]) == 2
    capsys.readouterr()
    assert main(["specs", "list", "--json", "--specs", one, "--specs", two]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in rows if row["vendor"] == "acme"] == [NEW, "acme/dream-2"]
    assert rows[0]["vendor"] == "kling" and rows[-1]["vendor"] == "acme"


@needs_upstream("upstream")
def test_the_providers_own_documents_make_the_vendored_contracts(tmp_path: Path) -> None:
    provenance = json.loads(
        (Path(__file__).parents[1] / "schemas" / "provenance.json").read_text(encoding="utf-8")
    )["variants"]
    known = [one for one in load_catalog().variants if one.model != "kling-video/v1.5/standard/text-to-video"]
    for number, variant in enumerate(known):
        slug = provenance[variant.model]["documents"][0]["slug"]
        theirs = (UPSTREAM / "upstream" / variant.vendor / f"{slug}.json").read_text(encoding="utf-8")
        (tmp_path / f"{number}.json").write_text(theirs, encoding="utf-8")
    catalog = load_catalog([str(tmp_path)])
    for variant in known:
        found = catalog.find(variant.model)
        assert (found.vendor, found.required) == (variant.vendor, variant.required)
        assert (found.sound, found.seconds, found.ratio) == (variant.sound, variant.seconds, variant.ratio)
        ours = Validator(load_catalog())
        body = body_for(variant.model)
        assert ours.check(variant, body).valid == Validator(catalog).check(found, body).valid


class Answers(http.server.BaseHTTPRequestHandler):
    """Says what each path asks for."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/hang":
            self.server.shutting.wait(30)  # type: ignore[attr-defined]
            return
        kind, body = {
            "/docs-json": ("application/json", json.dumps(document()).encode()),
            "/page": ("text/html", b"<html>"),
            "/text": ("application/json", b"hello"),
        }.get(path, ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        assert "Authorization" not in self.headers

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.shutting = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutting.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_add_takes_what_an_address_answers(
    elsewhere: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"{elsewhere}/docs-json?model=acme%2Fdream-1"
    assert main(["specs", "add", address, "--into", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'acme-dream-1.json'}\n"
    assert "the default '4' is now 4" in captured.err
    assert load_catalog([str(tmp_path)]).find(NEW).required == ("model", "prompt")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/page", "answers a page of HTML"),
        ("/text", "is not JSON at line 1 column 1"),
        ("/nothing", "answered 404 Not Found"),
        ("/hang", "did not answer within 0.1 seconds"),
    ],
)
def test_add_says_what_an_address_answers_instead(
    elsewhere: str, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    monkeypatch.setattr(download, "DOWNLOAD", 0.1)
    with pytest.raises(SpecError, match=says) as caught:
        download_and_read(elsewhere + path)
    assert elsewhere in str(caught.value)


def download_and_read(address: str) -> None:
    from kling_mock.specs.adding import read_source

    read_source(address)


def test_nothing_but_http_is_fetched() -> None:
    with pytest.raises(SpecError, match="expected an http or https address"):
        download_and_read("ftp://example.com/a.json")


def test_add_refuses_a_model_that_the_folder_has_under_another_name(tmp_path: Path) -> None:
    own = write(tmp_path / "own", mine=document())
    new = tmp_path / "new.json"
    new.write_text(json.dumps(document()))
    with pytest.raises(SpecError, match=r"mine\.json is there already"):
        main_raising(["add", str(new), "--into", own])
    assert main_raising(["add", str(new), "--into", own, "--force"]) == 0
    assert [path.name for path in Path(own).iterdir()] == ["mine.json"]


def main_raising(words: list[str]) -> int:
    from kling_mock.cli.specs import command

    status: int = command.main(args=words, prog_name="specs", standalone_mode=False)
    return status


def test_the_kit_makes_payloads_of_a_model_of_ones_own(tmp_path: Path) -> None:
    from kling_mock.contract_tests.generation.contract_view import ContractView, viewed

    catalog = load_catalog([write(tmp_path / "own", dream=document())])
    judge = Validator(catalog)
    with viewed(ContractView(catalog=catalog)):
        assert all(judge.check(catalog.find(NEW), case.payload).valid for case in boundary_payloads(NEW))
        assert not any(judge.check(catalog.find(NEW), case.payload).valid for case in invalid_cases(NEW))
