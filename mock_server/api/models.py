"""The catalogue as the API lists it: all models, or one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..errors import UnknownModel
from ..off_loop import OffLoop
from .outcome import Outcome, Refusal
from .response import FREE_HEADERS, MockResponse, encode

if TYPE_CHECKING:
    from ..catalog import Catalog, Variant
    from ..common import Common
    from ..workspace import Workspace

__all__ = ["list_models", "one_model"]

MODEL_TYPE = "internal/video-generations/submit"


async def list_models(common: Common, space: Workspace, outcome: Outcome) -> MockResponse:
    """Answer `GET /v1/models` and `GET /models`; no key is needed."""
    outcome.kind = "models"
    contracts = common.contracts_of(space)
    if contracts.model_rows is None:
        # All documents are read for it, once: that takes as long as a hundred requests. No body is before it.
        contracts.model_rows = await OffLoop().run(partial(_rows, contracts.catalog))
    return _listed(space, {"object": "list", "data": contracts.model_rows})


def one_model(space: Workspace, outcome: Outcome, model: str) -> MockResponse:
    """Answer `GET /model/{id}`, whose slashes may be encoded or not."""
    outcome.kind = "models"
    try:
        variant = space.catalog.find(unquote(model))
    except UnknownModel as error:
        raise Refusal(404, str(error)) from None
    outcome.model = variant.model
    return _listed(space, {"object": "model", "data": _row(space.catalog, variant)})


def _listed(space: Workspace, body: dict[str, Any]) -> MockResponse:
    inference = (b"x-inference-id", space.ids.request_id().encode())
    return MockResponse(200, encode(body), headers=[inference, *FREE_HEADERS])


def _rows(catalog: Catalog) -> list[dict[str, Any]]:
    return [_row(catalog, variant) for variant in catalog.variants]


def _row(catalog: Catalog, variant: Variant) -> dict[str, Any]:
    name = (variant.model.partition("/")[2] or variant.model).replace("/", " ").replace("-", " ")
    return {
        "id": variant.model,
        "type": MODEL_TYPE,
        "info": {
            "name": name,
            "developer": catalog.vendor(variant).name,
            "description": catalog.document(variant.model)["info"]["description"],
            "url": f"https://aimlapi.com/app/{variant.model}",
            "docsUrl": f"/openapi/{variant.model}.json",
        },
        "aliases": list(variant.aliases),
        "tags": ["video", "mock"],
    }
