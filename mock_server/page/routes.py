"""Where the page is: at `/_mock/`, for whoever may control the server; a browser is led there from `/`."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..common import Common
from ..control.auth import TOKEN_COOKIE, guarded
from .files import REFERENCE, file_response

__all__ = ["page_routes"]


def page_routes(common: Common) -> list[Route]:
    """The routes of the page."""
    return [
        Route("/", _to_the_page, methods=["GET"]),
        Route("/docs", _reference, methods=["GET"]),
        Route("/_mock", _to_the_page),
        Route("/_mock/", guarded(common, _page), methods=["GET"]),
        Route("/_mock/page/{file:path}", guarded(common, _page_file), methods=["GET"]),
    ]


async def _to_the_page(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/_mock/")


async def _page(request: Request) -> Response:
    """Show jobs and exchanges in a browser, live; `?token=` is for servers with a control token."""
    if "token" in request.query_params:
        # Its own requests, and a stream of events, cannot carry a header: the browser keeps the token.
        path = request.scope.get("root_path", "") + "/_mock/"
        moved = RedirectResponse(path, 303)
        token = request.query_params["token"]
        moved.set_cookie(TOKEN_COOKIE, token, path=path, httponly=True, samesite="strict")
        return moved
    return _file(request, "index.html")


async def _reference(request: Request) -> Response:
    """Show the API reference, whose requests go to this server."""
    return _file(request, REFERENCE)


async def _page_file(request: Request) -> Response:
    return _file(request, request.path_params["file"])


def _file(request: Request, path: str) -> Response:
    response = file_response(request, path)
    if response is None:
        raise HTTPException(404, "Not Found")
    return response
