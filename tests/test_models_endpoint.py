"""The catalogue of models as the API lists it, and the document of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import jsonschema
import pytest

from kling_mock import MockServer
from kling_mock.catalog import load_catalog

from .support import MODEL, UPSTREAM, Reply, ask, check_error, needs_upstream

CATALOG = load_catalog()
TYPE = "internal/video-generations/submit"
LISTS = ("/v1/models", "/models", "/api/v1/models")
ALIAS = next(alias for variant in CATALOG.variants for alias in variant.aliases)
Item = dict[str, Any]


def listed(server: MockServer, query: str = "") -> list[Item]:
    reply = ask(server, "GET", f"/v1/models?{query}", key=None)
    assert reply.status == 200, reply.body
    found: list[Item] = reply.json["data"]
    return found


def ids(server: MockServer, query: str) -> list[str]:
    return [item["id"] for item in listed(server, query)]


@pytest.mark.parametrize("path", [*LISTS, f"/v1/models?type={TYPE}", "/v1/models?nothing=known"])
def test_all_models_are_listed_without_a_key(server: MockServer, path: str) -> None:
    body = ask(server, "GET", path, key=None).json
    assert body["object"] == "list"
    assert [item["id"] for item in body["data"]] == [variant.model for variant in CATALOG.variants]
    for item in body["data"]:
        assert set(item) == {"id", "type", "info", "aliases", "tags"}
        assert item["type"] == TYPE
        assert set(item["info"]) >= {"name", "developer", "description", "url", "docsUrl", "docsJson"}


def test_every_model_is_found_with_its_slashes_as_they_are_or_encoded(server: MockServer) -> None:
    for variant in CATALOG.variants:
        for name in (variant.model, quote(variant.model, safe=""), variant.model.upper(), *variant.aliases):
            reply = ask(server, "GET", f"/model/{name}", key=None)
            assert reply.status == 200 and reply.json["object"] == "model"
            assert reply.json["data"]["id"] == variant.model


def test_an_unknown_model_is_answered_404_with_the_nearest(server: MockServer) -> None:
    check_error(ask(server, "GET", f"/model/{MODEL}x"), 404, MODEL)
    check_error(ask(server, "GET", f"/v1/model/{MODEL}"), 404, "Cannot GET")


def test_sections_are_attached_where_they_are_asked_for(server: MockServer) -> None:
    plain = listed(server, f"id={MODEL}")[0]
    both = plain | {
        "modalities": {"input": ["text"], "output": ["video"]},
        "capabilities": ["text-to-video"],
    }
    for query in ("include=all", "details=true", "details=1", "include=modalities,capabilities,nonsense"):
        assert listed(server, f"id={MODEL}&{query}") == [both]
    assert listed(server, f"id={MODEL}&include=modalities&include=capabilities") == [both]
    assert set(listed(server, f"id={MODEL}&include=capabilities")[0]) - set(plain) == {"capabilities"}
    assert listed(server, f"id={MODEL}&include=&details=false") == [plain]
    one = ask(server, "GET", f"/model/{MODEL}?include=all", key=None).json["data"]
    assert one == both


def test_prices_are_shown_as_they_were_given(tmp_path: Path) -> None:
    pricing = {"kind": "fixed", "units": [{"name": "x", "measure": "second", "price": 0.65, "per": 1}]}
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({MODEL: pricing}), encoding="utf-8")
    with MockServer(prices=file, log_format="none") as server:
        priced = [item for item in listed(server, "include=pricing") if "pricing" in item]
        assert [(item["id"], item["pricing"]) for item in priced] == [(MODEL, pricing)]


FILTERS: list[tuple[str, Callable[[Item], bool]]] = [
    (f"id={MODEL},{ALIAS}", lambda item: MODEL == item["id"] or ALIAS in item["aliases"]),
    (f"id={MODEL}&id={ALIAS.upper()}", lambda item: MODEL == item["id"] or ALIAS in item["aliases"]),
    ("type=chat-completion", lambda item: False),
    ("tags=VIDEO", lambda item: True),
    ("input_modalities=image", lambda item: "image" in item["modalities"]["input"]),
    ("input_modalities=image,Audio", lambda item: bool({"image", "audio"} & {*item["modalities"]["input"]})),
    ("output_modalities=audio", lambda item: "audio" in item["modalities"]["output"]),
    ("capabilities=image-to-video&output_modalities=audio", lambda item: (
        "image-to-video" in item["capabilities"] and "audio" in item["modalities"]["output"])),
    ("modalities=audio", lambda item: "audio" in str(item["modalities"])),
    ("capabilities=", lambda item: True),
]  # fmt: skip


@pytest.mark.parametrize(("query", "fits"), FILTERS)
def test_filters_are_joined(server: MockServer, query: str, fits: Callable[[Item], bool]) -> None:
    everything = listed(server, "include=all")
    assert ids(server, query) == [item["id"] for item in everything if fits(item)]


def test_an_answer_that_the_client_has_is_304(server: MockServer) -> None:
    paths = (*LISTS, f"/model/{MODEL}", f"/docs-json?model={MODEL}", "/v1/models?include=all")
    tags = set()
    for path in paths:
        tag = ask(server, "GET", path).headers["etag"]
        assert tag.startswith('W/"') and tag == ask(server, "GET", path).headers["etag"]
        tags.add(tag)
        for held in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            reply = ask(server, "GET", path, headers={"If-None-Match": held})
            assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
        for held in ('W/"other"', tag[:-2] + '"', ""):
            assert ask(server, "GET", path, headers={"If-None-Match": held}).status == 200
    # Three names of one list, and three other answers.
    assert len(tags) == 4


def document_of(server: MockServer, item: Item) -> Reply:
    link = urlsplit(item["info"]["docsJson"])
    assert f"{link.scheme}://{link.netloc}" == server.url
    assert "/" not in link.query and parse_qs(link.query) == {"model": [item["id"]], "endpoint": [TYPE]}
    return ask(server, "GET", f"{link.path}?{link.query}", key=None)


def test_the_document_of_a_model_is_where_the_catalogue_says(server: MockServer) -> None:
    for item in listed(server)[::7]:
        document = document_of(server, item).json
        assert document == CATALOG.document(item["id"])
    check_error(ask(server, "GET", "/docs-json"), 404)
    check_error(ask(server, "GET", "/docs-json?model=no/such"), 404)
    check_error(ask(server, "GET", f"/docs-json?model={MODEL}&endpoint=chat"), 404, TYPE)
    assert ask(server, "POST", "/docs-json", {}).status == 405


@needs_upstream("upstream", "account", "models.json")
def test_the_list_is_as_documented(server: MockServer) -> None:
    document = json.loads((UPSTREAM / "upstream" / "account" / "models.json").read_bytes())
    answer = document["paths"]["/v1/models"]["get"]["responses"]["200"]["content"]["application/json"]
    body = ask(server, "GET", "/v1/models?details=true").json
    jsonschema.Draft202012Validator(answer["schema"]).validate(body)
    known = answer["schema"]["properties"]["data"]["items"]["properties"]
    assert set(body["data"][0]) <= set(known)
    assert set(body["data"][0]["info"]) <= set(known["info"]["properties"])
