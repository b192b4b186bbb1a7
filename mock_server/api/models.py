"""The catalogue as the API lists it: all models, or one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..errors import UnknownModel
from .response import FREE_HEADERS, Answer, encode, error_answer

if TYPE_CHECKING:
    from ..catalog import Variant
    from ..exchanges.journal import Exchange
    from ..state import State

__all__ = ["list_models", "one_model"]

MODEL_TYPE = "internal/video-generations/submit"


def list_models(state: State, exchange: Exchange) -> Answer:
    """Answer `GET /v1/models` and `GET /models`; no key is needed."""
    exchange.kind = "models"
    rows = [_row(state, variant) for variant in state.catalog.variants]
    return _answer(state, {"object": "list", "data": rows})


def one_model(state: State, exchange: Exchange, model: str) -> Answer:
    """Answer `GET /model/{id}`, whose slashes may be encoded or not."""
    exchange.kind = "models"
    try:
        variant = state.catalog.find(unquote(model))
    except UnknownModel as error:
        return error_answer(state, exchange, 404, str(error))
    exchange.model = variant.model
    return _answer(state, {"object": "model", "data": _row(state, variant)})


def _answer(state: State, body: dict[str, Any]) -> Answer:
    inference = (b"x-inference-id", state.ids.request_id().encode())
    return Answer(200, encode(body), headers=[inference, *FREE_HEADERS])


def _row(state: State, variant: Variant) -> dict[str, Any]:
    name = variant.model.partition("/")[2].replace("/", " ").replace("-", " ")
    return {
        "id": variant.model,
        "type": MODEL_TYPE,
        "info": {
            "name": name,
            "developer": "Kling AI",
            "description": state.catalog.document(variant.model)["info"]["description"],
            "url": f"https://aimlapi.com/app/{variant.model}",
            "docsUrl": f"/openapi/{variant.model}.json",
        },
        "aliases": list(variant.aliases),
        "tags": ["video", "mock"],
    }
