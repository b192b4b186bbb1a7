"""The control API under /_mock/, and the OpenAPI documents: JSON in and out, for loopback only."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib import resources
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from ..api.response import CORS_HEADERS, preflight_answer
from ..clock import Clock
from ..errors import KlingMockError, PayloadError, SettingsError, UnknownModel
from ..exchanges.journal import Exchange
from ..scenarios import CATALOGUE, Scenario
from ..state import State
from ..units import parse_speed
from ..validation.strict_json import parse_json

__all__ = ["control_routes"]

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
_LIMIT = re.compile(r"\d{1,9}", re.ASCII)
FILTER_NAMES = {"job": "job_id"}
"""What an exchange's row calls a filter otherwise."""
TOKEN_COOKIE = "kling-mock-token"
FILTERS = ("kind", "method", "status", "job_id", "model", "scenario", "state", "fault")


class Control:
    """The handlers, over one server's state."""

    def __init__(self, state: State) -> None:
        self.state = state

    async def health(self, _request: Request) -> Response:
        """Say that the server runs, and what it holds."""
        state = self.state
        return JSONResponse(
            {
                "status": "ok",
                "models": len(state.catalog.variants),
                "jobs": len(state.jobs),
                "jobs_made": state.jobs.made,
                "jobs_dropped": state.jobs.dropped,
                "exchanges": state.journal.count,
                "open": state.traffic.open,
                "held": state.traffic.held,
                "seed": state.ids.seed,
                "scenario": state.chooser.default.name,
            }
        )

    async def page(self, request: Request) -> Response:
        """Show jobs and exchanges in a browser, live; `?token=` is for servers with a control token."""
        if "token" in request.query_params:
            # Its own requests, and a stream of events, cannot carry a header: the browser keeps the token.
            moved = RedirectResponse("/_mock/", 303)
            token = request.query_params["token"]
            moved.set_cookie(TOKEN_COOKIE, token, path="/_mock/", httponly=True, samesite="strict")
            return moved
        text = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        policy = (
            "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
        )
        return HTMLResponse(text, headers={"content-security-policy": policy, "cache-control": "no-store"})

    async def jobs(self, request: Request) -> Response:
        """List the jobs, the last `limit` of them."""
        now = self.state.clock.now()
        limit = _limit(request, dict(request.query_params), "limit=N")
        return JSONResponse({"jobs": [job.as_dict(now) for job in _last(list(self.state.jobs), limit)]})

    async def job(self, request: Request) -> Response:
        """Show one job with its exchanges."""
        job = self.state.jobs.get(request.path_params["job_id"])
        if job is None:
            return _error(404, f"There is no job {request.path_params['job_id']!r}.")
        exchanges = [exchange.as_dict() for exchange in self.state.journal.select(job_id=job.id)]
        return JSONResponse(job.as_dict(self.state.clock.now()) | {"exchanges": exchanges})

    async def exchanges(self, request: Request) -> Response:
        """List exchanges, filtered by the query, the last `limit` of them."""
        wanted = {FILTER_NAMES.get(name, name): value for name, value in request.query_params.items()}
        limit = _limit(request, wanted, f"the filters {', '.join(FILTERS)} and limit=N", FILTERS)
        wanted.pop("limit", None)
        found = _last(self.state.journal.select(**wanted), limit)
        return JSONResponse({"exchanges": [exchange.as_dict() for exchange in found]})

    async def har(self, _request: Request) -> Response:
        """Give the journal as HAR 1.2."""
        from ..exchanges.har import har_log

        disposition = {"content-disposition": 'attachment; filename="kling-mock.har"'}
        return JSONResponse(har_log(self.state.journal), headers=disposition)

    async def charges(self, request: Request) -> Response:
        """List what would have been billed, the last `limit` of it, and the sums of all."""
        limit = _limit(request, dict(request.query_params), "limit=N")
        charges = self.state.charges()
        billed = [charge for charge in charges if charge.billed]
        known = [charge.usd for charge in billed if charge.usd is not None]
        shown = [charge.as_dict() for charge in _last(charges, limit)]
        sums = {"usd": sum(known), "made": len(charges), "billed": len(billed), "priced": len(known)}
        return JSONResponse({"charges": shown} | sums)

    async def clock(self, request: Request) -> Response:
        """Show the clock; a POST sets `speed`, or moves it with `advance` or `until` (and `job`)."""
        clock = self.state.clock
        if request.method == "POST":
            _move(clock, await _body(request, {"advance", "until", "job", "speed"}))
        wake = clock.next_wake()
        wakes = None if wake is None or wake == float("inf") else wake
        shown = {"now": clock.now(), "speed": clock.speed, "frozen": clock.frozen, "next_wake": wakes}
        return JSONResponse(shown | {"quiet": self.state.traffic.quiet()})

    async def scenario(self, request: Request) -> Response:
        """Show the default scenario and the queue; a POST or PUT of `scenario` sets the default."""
        chooser = self.state.chooser
        if request.method not in ("GET", "HEAD"):
            chooser.use(_text(await _body(request, {"scenario"}), "scenario"))
        return JSONResponse(
            {"scenario": chooser.default.name, "next": [scenario.name for scenario in chooser.queue]}
        )

    async def next_scenario(self, request: Request) -> Response:
        """Queue a scenario for the next create."""
        self.state.chooser.next(_text(await _body(request, {"scenario"}), "scenario"))
        return JSONResponse({"next": [scenario.name for scenario in self.state.chooser.queue]})

    async def scenarios(self, _request: Request) -> Response:
        """List every scenario with its sentence, the user's own last."""
        own = self.state.chooser.own
        rows = [_scenario_row(scenario, own=False) for scenario in CATALOGUE.values()]
        rows += [_scenario_row(scenario, own=True) for scenario in own.values()]
        return JSONResponse({"scenarios": rows})

    async def reset(self, _request: Request) -> Response:
        """Forget jobs, exchanges and queued scenarios."""
        self.state.reset()
        return JSONResponse({"status": "reset"})

    async def events(self, _request: Request) -> Response:
        """Stream every exchange as a server-sent event named `exchange`."""
        return StreamingResponse(
            self._stream(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _stream(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[Exchange] = asyncio.Queue(maxsize=1000)

        def listener(exchange: Exchange) -> None:
            if not queue.full():
                queue.put_nowait(exchange)

        self.state.journal.listeners.append(listener)
        try:
            yield ": connected\n\n"
            while True:
                exchange = await queue.get()
                data = json.dumps(exchange.as_dict(bodies=False))
                yield f"event: exchange\nid: {exchange.number}\ndata: {data}\n\n"
        finally:
            self.state.journal.listeners.remove(listener)

    async def openapi(self, request: Request) -> Response:
        """Give one OpenAPI document for all variants."""
        return JSONResponse(self.state.catalog.merged(server_url=_server_url(request)))

    async def openapi_of(self, request: Request) -> Response:
        """Give one variant's OpenAPI document, references resolved."""
        model = request.path_params["model"].removesuffix(".json")
        try:
            document = self.state.catalog.document(model, server_url=_server_url(request))
        except UnknownModel as error:
            raise HTTPException(404, str(error)) from None
        return JSONResponse(document)


def _server_url(request: Request) -> str:
    """The address by which a client reaches this server, below a prefix where it is mounted at one."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def control_routes(state: State) -> list[Route]:
    """The routes of the control API, guarded, and those of the OpenAPI documents, open."""
    control = Control(state)
    guarded: list[tuple[str, Handler, list[str]]] = [
        ("/_mock/", control.page, ["GET"]),
        ("/_mock/health", control.health, ["GET"]),
        ("/_mock/jobs", control.jobs, ["GET"]),
        ("/_mock/jobs/{job_id:path}", control.job, ["GET"]),
        ("/_mock/exchanges", control.exchanges, ["GET"]),
        ("/_mock/exchanges.har", control.har, ["GET"]),
        ("/_mock/charges", control.charges, ["GET"]),
        ("/_mock/clock", control.clock, ["GET", "POST"]),
        ("/_mock/scenario", control.scenario, ["GET", "POST", "PUT"]),
        ("/_mock/scenario/next", control.next_scenario, ["POST"]),
        ("/_mock/scenarios", control.scenarios, ["GET"]),
        ("/_mock/reset", control.reset, ["POST"]),
        ("/_mock/events", control.events, ["GET"]),
    ]
    routes = [Route(path, _guarded(state, handler), methods=methods) for path, handler, methods in guarded]
    routes.append(Route("/_mock", lambda request: RedirectResponse("/_mock/")))
    for path, handler in (("/openapi.json", control.openapi), ("/openapi/{model:path}", control.openapi_of)):
        routes.append(Route(path, _open(state, handler), methods=["GET", "OPTIONS"]))
    return routes


def _open(state: State, handler: Handler) -> Handler:
    """A handler that any page may read, with the headers of every answer of the API."""

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            asked = request.headers.get("access-control-request-headers")
            granted = preflight_answer(asked)
            response = Response(status_code=granted.status)
            response.raw_headers += granted.headers
        else:
            response = await handler(request)
        response.raw_headers += [*CORS_HEADERS, (b"x-inference-id", state.ids.request_id().encode())]
        return response

    return answer


def _guarded(state: State, handler: Handler) -> Handler:
    async def guard(request: Request) -> Response:
        try:
            refused = _refusal(state, request)
        except ValueError as error:
            # urlsplit: a Host or Origin that is no such thing
            refused = f"The control API expects a Host and an Origin that are addresses: {error}."
        if refused is not None:
            return _error(403, refused)
        try:
            return await handler(request)
        except KlingMockError as error:
            return _error(400, str(error))

    return guard


def _refusal(state: State, request: Request) -> str | None:
    """Why a request may not control the server; None where it may.

    A page in a browser must not reach it: neither by a request from another origin (Origin), nor by a name
    that was made to point to this machine (Host).
    """
    token = state.settings.control_token
    if token is not None:
        given = _given_token(request)
        if hmac.compare_digest(given.encode(), token.encode()):
            return None
        return (
            "The control API of this server needs its token: expected 'Authorization: Bearer CONTROL_TOKEN', "
            "or in a browser /_mock/?token=CONTROL_TOKEN."
        )
    client = request.client.host if request.client else ""
    if not _is_loopback(client):
        return (
            f"The control API answers this machine only, not {client or 'a stranger'}; see --control-token."
        )
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if not _is_loopback(host):
        return f"The control API is reached by a loopback name, not as {host!r}; see --control-token."
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return (
            f"The control API answers no page of another origin, and {origin!r} is one; see --control-token."
        )
    return None


def _given_token(request: Request) -> str:
    """The token of a request: in its header, or of a page in the cookie that the page was opened with."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if request.url.path == "/_mock/" and "token" in request.query_params:
        return request.query_params["token"]
    return request.cookies.get(TOKEN_COOKIE, "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _body(request: Request, allowed: set[str]) -> dict[str, Any]:
    try:
        body = parse_json(await request.body())
    except PayloadError as error:
        wanted = f"Expected a JSON object with {' or '.join(sorted(allowed))}"
        raise ControlError(f"{wanted}. {error}") from None
    if not isinstance(body, dict) or not set(body) <= allowed or not body:
        raise ControlError(f"Expected a JSON object with {' or '.join(sorted(allowed))}, received {body!r}.")
    return body


def _move(clock: Clock, asked: dict[str, Any]) -> None:
    """Do to a clock what a request asks for: all of it, or nothing."""
    if {"advance", "until"} <= set(asked) or ("job" in asked and "until" not in asked):
        raise ControlError("Expected either advance or until, and job only beside until.")
    speed = _checked_speed(asked)
    if "advance" in asked:
        clock.advance(_number(asked, "advance"))
    elif "until" in asked:
        clock.advance(until=_text(asked, "until"), job=_text(asked, "job") if "job" in asked else None)
    if speed is not None:
        clock.speed = speed


def _checked_speed(asked: dict[str, Any]) -> float | None:
    """The speed that is asked for, checked before anything else of the same request is done."""
    if "speed" not in asked:
        return None
    try:
        return parse_speed(_number(asked, "speed"))
    except SettingsError as error:
        raise ControlError(str(error.blaming("speed"))) from None


def _limit(
    request: Request, wanted: dict[str, str], expected: str, names: tuple[str, ...] = ()
) -> int | None:
    """How many of the last entries a query asks for, None for all; other names than `names` are refused."""
    unknown = [name for name in wanted if name not in (*names, "limit")]
    limit = wanted.get("limit", "")
    if unknown or (limit and not _LIMIT.fullmatch(limit)):
        raise ControlError(f"Expected {expected}, received {unknown or limit}.")
    return int(limit) if limit else None


def _last(entries: Sequence[T], limit: int | None) -> Sequence[T]:
    return entries if limit is None else entries[len(entries) - limit :] if limit < len(entries) else entries


def _number(body: dict[str, Any], name: str) -> float:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(f"{name}: expected a number, received {value!r}.")
    try:
        return float(value)
    except OverflowError:
        raise ControlError(f"{name}: expected a number of a usable size, received more.") from None


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise ControlError(f"{name}: expected a string, received {value!r}.")
    return value


class ControlError(KlingMockError):
    """A request to the control API says something that it cannot take."""


def _scenario_row(scenario: Scenario, *, own: bool) -> dict[str, Any]:
    return {"name": scenario.name, "summary": scenario.summary, "ends": scenario.ends, "own": own}


def _error(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)
