"""The catalogue as the API lists it: all models, one of them, and the document of one."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from ..catalog import MODEL_TYPE
from ..errors import UnknownModel
from ..off_loop import OffLoop
from .model_items import Query, fits, item_of, items_of, query_of, shown_item
from .outcome import Outcome, Refusal
from .request_context import RequestContext
from .response import FREE_HEADERS, MockResponse, encode

if TYPE_CHECKING:
    from ..catalog import Variant
    from ..common import Common
    from ..workspace import Workspace

__all__ = ["DOCUMENT_PATH", "MODEL_LISTS", "list_models", "model_document", "one_model"]

MODEL_LISTS = ("/v1/models", "/models", "/api/v1/models")
DOCUMENT_PATH = "/docs-json"


async def list_models(
    common: Common, space: Workspace, request: RequestContext, outcome: Outcome
) -> MockResponse:
    """Answer `GET /v1/models` and its other names; no key is needed."""
    outcome.kind = "models"
    contracts = common.contracts_of(space)
    if contracts.model_rows is None:
        # All documents are read for it, once: that takes as long as a hundred requests. No body is before it.
        contracts.model_rows = await OffLoop().run(partial(items_of, contracts.catalog))
    query = _query(request)
    found = [item for item in contracts.model_rows if fits(item, query)]
    origin = request.origin()
    shown = [shown_item(item, origin, space.prices, query) for item in found]
    return _tagged(space, request, {"object": "list", "data": shown})


def one_model(space: Workspace, request: RequestContext, outcome: Outcome) -> MockResponse:
    """Answer `GET /model/{id}`, whose slashes may be encoded or not, by an id or an alias in any case."""
    outcome.kind = "models"
    variant = _variant(space, unquote(request.path.removeprefix("/model/")))
    outcome.model = variant.model
    item = item_of(space.catalog, variant)
    shown = shown_item(item, request.origin(), space.prices, _query(request))
    return _tagged(space, request, {"object": "model", "data": shown})


def model_document(space: Workspace, request: RequestContext, outcome: Outcome) -> MockResponse:
    """Answer `GET /docs-json?model=…&endpoint=…`: the OpenAPI document of one model."""
    outcome.kind = "models"
    given = dict(_pairs(request))
    endpoint = given.get("endpoint", MODEL_TYPE)
    variant = _variant(space, given.get("model", ""))
    if endpoint != MODEL_TYPE:
        raise Refusal(404, f"{variant.model} has no endpoint {endpoint[:100]}, but {MODEL_TYPE}.")
    outcome.model = variant.model
    return _tagged(space, request, space.catalog.document(variant.model))


def _variant(space: Workspace, name: str) -> Variant:
    try:
        return space.catalog.find_any_case(name)
    except UnknownModel as error:
        raise Refusal(404, str(error)) from None


def _pairs(request: RequestContext) -> list[tuple[str, str]]:
    return parse_qsl(request.query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=None)


def _query(request: RequestContext) -> Query:
    return query_of(_pairs(request))


def _tagged(space: Workspace, request: RequestContext, body: dict[str, Any]) -> MockResponse:
    """An answer with a weak ETag over all of it; 304 where the client has it already."""
    written = encode(body)
    tag = b'W/"%b"' % hashlib.blake2b(written, digest_size=12).hexdigest().encode()
    inference = (b"x-inference-id", space.ids.request_id().encode())
    headers = [inference, (b"etag", tag), *FREE_HEADERS]
    if _has(request, tag):
        return MockResponse(304, b"", headers=headers)
    return MockResponse(200, written, headers=headers)


def _has(request: RequestContext, tag: bytes) -> bool:
    """Whether one of the tags that the client holds is this one; a strong one of the same text counts."""
    for name, value in request.headers:
        if name == b"if-none-match":
            held = [one.strip().removeprefix(b"W/") for one in value.split(b",")]
            if b"*" in held or tag.removeprefix(b"W/") in held:
                return True
    return False
