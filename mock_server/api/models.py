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
    from ..catalog import Variant
    from ..common import Common
    from ..workspace import Workspace

__all__ = ["list_models", "one_model"]

MODEL_TYPE = "internal/video-generations/submit"


async def list_models(common: Common, space: Workspace, outcome: Outcome) -> MockResponse:
    """Answer `GET /v1/models` and `GET /models`; no key is needed."""
    outcome.kind = "models"
    if common.model_rows is None:
        # All documents are read for it, once: that takes as long as a hundred requests. No body is before it.
        common.model_rows = await OffLoop().run(partial(_rows, common))
    return _listed(space, {"object": "list", "data": common.model_rows})


def one_model(common: Common, space: Workspace, outcome: Outcome, model: str) -> MockResponse:
    """Answer `GET /model/{id}`, whose slashes may be encoded or not."""
    outcome.kind = "models"
    try:
        variant = common.catalog.find(unquote(model))
    except UnknownModel as error:
        raise Refusal(404, str(error)) from None
    outcome.model = variant.model
    return _listed(space, {"object": "model", "data": _row(common, variant)})


def _listed(space: Workspace, body: dict[str, Any]) -> MockResponse:
    inference = (b"x-inference-id", space.ids.request_id().encode())
    return MockResponse(200, encode(body), headers=[inference, *FREE_HEADERS])


def _rows(common: Common) -> list[dict[str, Any]]:
    return [_row(common, variant) for variant in common.catalog.variants]


def _row(common: Common, variant: Variant) -> dict[str, Any]:
    name = variant.model.partition("/")[2].replace("/", " ").replace("-", " ")
    return {
        "id": variant.model,
        "type": MODEL_TYPE,
        "info": {
            "name": name,
            "developer": "Kling AI",
            "description": common.catalog.document(variant.model)["info"]["description"],
            "url": f"https://aimlapi.com/app/{variant.model}",
            "docsUrl": f"/openapi/{variant.model}.json",
        },
        "aliases": list(variant.aliases),
        "tags": ["video", "mock"],
    }
