"""What is answered to all that is neither a create nor a poll: models, billing, videos, other methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .billing import BILLING_PATHS, billing
from .models import DOCUMENT_PATH, MODEL_LISTS, list_models, model_document, one_model
from .outcome import Outcome, Refusal
from .request_context import RequestContext
from .response import MockResponse, preflight_response
from .video import video

if TYPE_CHECKING:
    from ..common import Common
    from ..workspace import Workspace

__all__ = ["respond"]

MOST_SHOWN = 1000
"""Characters of a path that a message repeats."""


async def respond(
    common: Common, space: Workspace, request: RequestContext, outcome: Outcome, *, generation: bool
) -> MockResponse:
    """Answer a request; `generation` says that its path is one of creates and polls."""
    path, method = request.path, request.method
    if generation:
        return _other_method(request, "GET, POST")
    listed = path in MODEL_LISTS
    if listed or path.startswith("/model/"):
        if method != "GET":
            return _other_method(request, "GET")
        if listed:
            return await list_models(common, space, request, outcome)
        return one_model(space, request, outcome)
    if path == DOCUMENT_PATH:
        if method != "GET":
            return _other_method(request, "GET")
        return model_document(space, request, outcome)
    if path in BILLING_PATHS:
        if method != "GET":
            return _other_method(request, "GET")
        return await billing(space, request, outcome)
    if path.startswith("/media/"):
        if method in ("GET", "HEAD"):
            return await video(space, request, outcome)
        return _other_method(request, "GET, HEAD")
    if method == "OPTIONS":
        return _preflight(request)
    raise Refusal(404, f"Cannot {method} {path[:MOST_SHOWN]}")


def _other_method(request: RequestContext, allowed: str) -> MockResponse:
    if request.method == "OPTIONS":
        return _preflight(request)
    text = f"Method Not Allowed: expected {allowed.replace(', ', ' or ')}, received {request.method}."
    raise Refusal(405, text, headers=[(b"allow", f"{allowed}, OPTIONS".encode())])


def _preflight(request: RequestContext) -> MockResponse:
    asked = [value for name, value in request.headers if name == b"access-control-request-headers"]
    return preflight_response(asked[0].decode("latin-1") if asked else None)
