"""The control API, the page and the references as one Starlette application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..api.error_response import error_response
from ..api.outcome import Refusal
from ..api.response import CORS_HEADERS, JSON
from ..common import Common
from ..entrance import route_path
from ..page import page_routes
from ..store.records import StoreError
from ..workspace import Workspace
from .auth import control_error, space_of
from .routes import control_routes

__all__ = ["ControlApp"]


class ControlApp(Starlette):
    """Answers what is for whoever controls a server; `scope` names the workspace that it is for."""

    def __init__(self, common: Common) -> None:
        routes = [*control_routes(common), *page_routes(common)]
        super().__init__(routes=routes, exception_handlers={HTTPException: _no_route})
        self.router.redirect_slashes = False

    async def answer(
        self, space: Workspace, refusal: Refusal | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request for a workspace, or refuse it where its workspace cannot be had."""
        if refusal is None:
            try:
                space.refresh()
            except StoreError as error:
                refusal = Refusal(503, f"{error}.")
        if refusal is not None:
            await control_error(refusal.status, refusal.message)(scope, receive, send)
        else:
            await self(scope, receive, send)


async def _no_route(request: Request, error: Exception) -> Response:
    """The API's error body for a path or a method that the control API does not have."""
    assert isinstance(error, HTTPException)
    method, path = request.method, route_path(request.scope)
    known = {"Not Found": f"Cannot {method} {path}", "Method Not Allowed": f"Cannot {method} {path}"}
    text = known.get(error.detail, error.detail)
    answer = error_response(space_of(request), path, error.status_code, text)
    response = Response(answer.body, answer.status, error.headers, JSON.decode())
    # The control API is for this machine's programs alone: no page of another origin may read it.
    shared = CORS_HEADERS if path.startswith("/openapi") else []
    response.raw_headers += [*answer.headers, *shared]
    return response
