"""Who may control a server: programs of this machine, or whoever has the token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..common import Common
from ..entrance import route_path
from ..errors import KlingMockError
from ..hostnames import is_loopback
from ..serving.wire import SPACE
from ..store.records import StoreError
from ..workspace import Workspace

__all__ = ["TOKEN_COOKIE", "Handler", "control_error", "guarded", "space_of"]

Handler = Callable[[Request], Awaitable[Response]]
TOKEN_COOKIE = "kling-mock-token"
LONGEST_MESSAGE = 2000
"""Characters of a message."""


def space_of(request: Request) -> Workspace:
    """The workspace that a request is for."""
    space: Workspace = request.scope[SPACE]
    return space


def guarded(common: Common, handler: Handler, stranger: Handler | None = None) -> Handler:
    """A handler that answers only those who may control the server; errors are told in JSON.

    `stranger` answers those who may not, as long as they are no page of another origin.
    """

    async def guard(request: Request) -> Response:
        response = await _answer(common, request, handler, stranger)
        # A browser takes what it is given for what it is called, for no script.
        response.headers["x-content-type-options"] = "nosniff"
        return response

    return guard


async def _answer(common: Common, request: Request, handler: Handler, stranger: Handler | None) -> Response:
    try:
        foreign = _foreign_page(request)
        refused = foreign or _refusal(common, request)
    except ValueError as error:
        # urlsplit: a Host or Origin that is no such thing
        foreign = refused = f"The control API expects a Host and an Origin that are addresses: {error}."
    if refused is not None:
        return control_error(403, refused) if stranger is None or foreign else await stranger(request)
    space_of(request).claimed = True
    try:
        return await handler(request)
    except StoreError as error:
        return control_error(503, f"{error}.")
    except KlingMockError as error:
        return control_error(400, str(error))


def _foreign_page(request: Request) -> str | None:
    """Why a request comes from a page that must not reach the control API, token or not; None elsewhere.

    A browser sends the cookie that holds the token with requests of pages of other ports too.
    """
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc == request.headers.get("host"):
        return None
    return f"The control API answers no page of another origin, and {origin!r} is one; see --control-token."


def _refusal(common: Common, request: Request) -> str | None:
    """Why a request may not control the server; None where it may.

    Without a token a page in a browser must not reach it by a name that was made to point to this machine.
    """
    token = common.default.settings.control_token
    if token is not None:
        given = _given_token(request)
        if hmac.compare_digest(given.encode(), token.encode()):
            return None
        return (
            "The control API of this server needs its token: expected 'Authorization: Bearer CONTROL_TOKEN', "
            "or in a browser /_mock/?token=CONTROL_TOKEN."
        )
    client = request.client.host if request.client else ""
    if not is_loopback(client):
        return (
            f"The control API answers this machine only, not {client or 'a stranger'}; see --control-token."
        )
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if not is_loopback(host):
        return f"The control API is reached by a loopback name, not as {host!r}; see --control-token."
    return None


def _given_token(request: Request) -> str:
    """The token of a request: in its header, or of a page in the cookie that the page was opened with."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if route_path(request.scope) == "/_mock/" and "token" in request.query_params:
        return request.query_params["token"]
    return request.cookies.get(TOKEN_COOKIE, "")


def control_error(status: int, message: str) -> Response:
    """An error of the control API; of what it repeats of a request the beginning is enough."""
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]}…"
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)
