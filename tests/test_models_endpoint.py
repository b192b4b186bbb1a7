"""The catalogue of models as the API lists it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from kling_mock import MockServer
from kling_mock.catalog import load_catalog

from .support import MODEL, ask, check_error

CATALOG = load_catalog()


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models?type=video"])
def test_all_models_are_listed_without_a_key(server: MockServer, path: str) -> None:
    listed = ask(server, "GET", path, key=None).json
    assert listed["object"] == "list"
    assert [row["id"] for row in listed["data"]] == [variant.model for variant in CATALOG.variants]
    for row in listed["data"]:
        assert set(row) == {"id", "type", "info", "aliases", "tags"}
        assert row["type"] == "internal/video-generations/submit"
        assert set(row["info"]) >= {"name", "developer", "description", "url", "docsUrl"}


@pytest.mark.parametrize("variant", CATALOG.variants, ids=lambda variant: variant.model)
def test_one_model_is_found_with_its_slashes_as_they_are_or_encoded(
    server: MockServer, variant: object
) -> None:
    model = variant.model  # type: ignore[attr-defined]
    for path in (f"/model/{model}", f"/model/{quote(model, safe='')}"):
        reply = ask(server, "GET", path, key=None)
        assert reply.status == 200 and reply.json["object"] == "model"
        assert reply.json["data"]["id"] == model


@pytest.mark.parametrize("alias", [alias for variant in CATALOG.variants for alias in variant.aliases][:5])
def test_an_alias_is_found(server: MockServer, alias: str) -> None:
    assert alias in ask(server, "GET", f"/model/{alias}").json["data"]["aliases"]


def test_an_unknown_model_is_answered_404_with_the_nearest(server: MockServer) -> None:
    check_error(ask(server, "GET", f"/model/{MODEL}x"), 404, MODEL)
