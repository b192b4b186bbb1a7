"""The routes of the control API under /_mock/, and of the OpenAPI documents: JSON in and out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..api.response import CORS_HEADERS, encode, preflight_response
from ..common import Common
from ..errors import UnknownModel
from ..exchanges.exchange import Exchange
from ..jobs.charges import Charge
from ..kept_options import shown_options
from ..off_loop import OffLoop
from ..scenarios import Scenario
from ..settings import server_options
from ..workspace import Workspace
from .auth import Handler, control_error, guarded, space_of
from .body import (
    FILTERS,
    ControlError,
    Page,
    move_clock,
    object_in,
    page_of,
    scenario_in,
    text_in,
    whole_number,
)
from .choosing import judged_scenario, listed_scenarios
from .snapshot import Looks
from .sse import EventStreams

__all__ = ["control_routes"]

T = TypeVar("T")

SLICE = 50
"""Entries of a list that are written before the event loop gets to do something else."""


class _Anything(PathConvertor):
    """The rest of a path, line ends included."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


class Control:
    """The handlers, over one server; each request says which of its workspaces it is for."""

    def __init__(self, common: Common) -> None:
        self.common = common
        self.beside = OffLoop()
        self._streams: dict[str, EventStreams] = {}
        common.workspaces.on_end.append(lambda space: self._streams.pop(space.name, None))

    async def health(self, request: Request) -> Response:
        """Say that the server runs, and what the workspace holds."""
        space, traffic = space_of(request), self.common.traffic
        counts = await space.store.counts()
        return JSONResponse(
            {
                "status": "ok",
                "models": len(space.catalog.variants),
                "jobs": counts.kept,
                "jobs_made": counts.made,
                "jobs_dropped": counts.dropped,
                "exchanges": space.journal.count,
                "open": traffic.open,
                "held": traffic.held,
                "seed": space.ids.seed,
                "scenario": space.scenario.name,
            }
        )

    async def alive(self, _request: Request) -> Response:
        """Say to strangers, such as the health check of a container, that the server runs, and no more."""
        return JSONResponse({"status": "ok"})

    async def jobs(self, request: Request) -> Response:
        """List the jobs: the last `limit` of them, or of those `before` one."""
        space = space_of(request)
        space.step()
        now, store = space.clock.now(), space.store
        page, _ = page_of(request)
        found = await store.jobs(page.limit + 1, page.before)
        total = (await store.counts()).kept
        return await _listed(
            "jobs", found, page, total, lambda job: job.as_dict(now), lambda job: job.plan.id
        )

    async def job(self, request: Request) -> Response:
        """Show one job with its exchanges; a POST of an `action` completes, fails, holds or releases it."""
        space_of(request).step()
        job_id = request.path_params["job_id"]
        job = await space_of(request).store.find_job(job_id)
        if job is None:
            return control_error(404, f"There is no job {job_id!r}.")
        if request.method == "POST":
            action = text_in(await object_in(request, {"action"}), "action")
            job = space_of(request).direct(job_id, action)
            return JSONResponse(job.as_dict(space_of(request).clock.now()))
        found = space_of(request).journal.select(job_id=job_id)
        exchanges = [one async for one in self._beside_loop(found, Exchange.as_dict)]
        shown = _object(job.as_dict(space_of(request).clock.now()), {"exchanges": exchanges})
        return Response(shown, media_type="application/json")

    async def exchanges(self, request: Request) -> Response:
        """List exchanges, filtered by the query: the last `limit` of them, or of those `before` one."""
        space_of(request).step()
        page, wanted = page_of(request, *FILTERS, "bodies")
        bodies = wanted.pop("bodies", "true")
        if bodies not in ("true", "false"):
            raise ControlError(f"bodies: expected true or false, received {bodies!r}.")
        show = partial(Exchange.as_dict, bodies=bodies == "true")
        journal = space_of(request).journal
        before = _number_in(page.before)
        if wanted:
            matching = journal.select(**wanted)
            total = len(matching)
            found = [exchange for exchange in matching if before is None or exchange.number < before]
            found = found[max(0, len(found) - page.limit - 1) :]
        else:
            total = len(journal)
            found = journal.last(page.limit + 1, before)
        return await _listed(
            "exchanges", found, page, total, show, lambda shown: shown.number, self._beside_loop
        )

    async def har(self, request: Request) -> Response:
        """Give the journal as HAR 1.2."""
        from ..exchanges.har import har_log
        from .verdict import evidence_of

        prefix = request.scope.get("root_path", "").rstrip("/")
        space = space_of(request)
        beside = evidence_of(request)
        before, behind = _object(
            har_log((), beside=beside)["log"] | {"entries": []}, {"entries": [b""]}
        ).rsplit(b"]", 1)
        entries = self._beside_loop(
            list(space.journal), lambda one: har_log((one,), prefix=prefix)["log"]["entries"][0]
        )

        async def written() -> AsyncIterator[bytes]:
            comma = b""
            yield b'{"log":' + before
            async for entry in entries:
                yield comma + entry
                comma = b","
            yield b"]" + behind + b"}"

        disposition = {"content-disposition": 'attachment; filename="kling-mock.har"'}
        return StreamingResponse(written(), headers=disposition, media_type="application/json")

    async def _beside_loop(self, entries: Sequence[T], show: Callable[[T], Any]) -> AsyncIterator[bytes]:
        """Each entry as JSON, written beside the event loop: to hide keys in what clients sent takes long."""
        for start in range(0, len(entries), SLICE):
            some = entries[start : start + SLICE]
            for one in await self.beside.run(partial(_shown, some, show)):
                yield one

    async def charges(self, request: Request) -> Response:
        """List what would have been billed, a page of it as of jobs, and the sums of all."""
        space_of(request).step()
        page, _ = page_of(request)
        store = space_of(request).store
        found = await store.charges(page.limit + 1, page.before)
        sums = (await store.totals()).as_dict()
        counts = await store.counts()
        total = min(counts.made, counts.kept + store.limit)
        return await _listed(
            "charges", found, page, total, Charge.as_dict, lambda charge: charge.job_id, **sums
        )

    async def verdict(self, request: Request) -> Response:
        """Say what the exchanges break, what was made and what it would have cost; a POST ignores some."""
        # The rules are imported where somebody asks for them: a server starts without.
        from .verdict import ignored, verdict

        if request.method == "POST":
            rules = await object_in(request, {"ignore"})
            return JSONResponse({"ignored": ignored(space_of(request), rules["ignore"])})
        return await verdict(space_of(request), self.beside, request)

    async def evidence(self, request: Request) -> Response:
        """Say how the exchanges came about."""
        from .verdict import evidence

        return await evidence(request)

    async def clock(self, request: Request) -> Response:
        """Show the clock; a POST sets `speed`, or moves it with `advance` or `until` (and `job_id`)."""
        clock = space_of(request).clock
        if request.method == "POST":
            space_of(request).step()
            move_clock(clock, await object_in(request, {"advance", "until", "job_id", "speed"}))
        wake = clock.next_wake()
        wakes = None if wake is None or wake == float("inf") else wake
        shown = {"now": clock.now(), "speed": clock.speed, "frozen": clock.frozen, "next_wake": wakes}
        return JSONResponse(shown | {"quiet": self.common.traffic.quiet()})

    async def scenario(self, request: Request) -> Response:
        """Show the default scenario and the queue; a POST or PUT of `scenario` sets the default."""
        space = space_of(request)
        if request.method not in ("GET", "HEAD"):
            space.use(scenario_in(await object_in(request, {"scenario"}), space.names.own))
        return JSONResponse({"scenario": space.scenario.name, "next": _names(space.queue)})

    async def settings(self, request: Request) -> Response:
        """Show the options that were given; a POST or PATCH of some changes them until the next reset."""
        space = space_of(request)
        if request.method not in ("GET", "HEAD"):
            options = await object_in(request, set(server_options()))
            if "scenario" in options:
                options["scenario"] = scenario_in(options, space.names.own)
            space.configure(**options)
        return JSONResponse({"settings": shown_options(space.settings.given)})

    async def next_scenario(self, request: Request) -> Response:
        """Queue a scenario for the next create."""
        space = space_of(request)
        space.next(scenario_in(await object_in(request, {"scenario"}), space.names.own))
        return JSONResponse({"next": _names(space_of(request).queue)})

    async def reset(self, request: Request) -> Response:
        """Forget jobs, exchanges and queued scenarios."""
        space_of(request).reset()
        return JSONResponse({"status": "reset"})

    async def events(self, request: Request) -> Response:
        """Stream what happens as server-sent events; a finished exchange is an event named `exchange`."""
        space = space_of(request)
        streams = self._streams.get(space.name)
        if streams is None:
            streams = self._streams[space.name] = EventStreams(space)
        return streams.response(request)

    async def workspaces(self, request: Request) -> Response:
        """List the workspaces; a DELETE ends those that have a name. Below a prefix it is about that one."""
        spaces, own = self.common.workspaces, space_of(request)
        spaces.look()
        listed = [own] if own.name else [spaces.default, *spaces.named()]
        if request.method == "DELETE":
            return JSONResponse({"ended": [space.name for space in listed if spaces.end(space.name)]})
        rows = [await _workspace_row(space, spaces.idle_for(space)) for space in listed]
        return JSONResponse({"workspaces": rows})

    async def workspace(self, request: Request) -> Response:
        """End one workspace."""
        name, own = request.path_params["name"], space_of(request)
        if own.name not in ("", name) or not self.common.workspaces.end(name):
            return control_error(404, f"There is no workspace {name!r} here.")
        return JSONResponse({"ended": [name]})

    async def document(self, request: Request) -> Response:
        """Give the OpenAPI document of the control API itself."""
        from .described import control_document

        return JSONResponse(control_document(server_url=_server_url(request)))

    async def openapi(self, request: Request) -> Response:
        """Give one OpenAPI document for all variants."""
        return JSONResponse(space_of(request).catalog.merged(server_url=_server_url(request)))

    async def openapi_of(self, request: Request) -> Response:
        """Give one variant's OpenAPI document, references resolved."""
        model = request.path_params["model"].removesuffix(".json")
        try:
            document = space_of(request).catalog.document(model, server_url=_server_url(request))
        except UnknownModel as error:
            raise HTTPException(404, str(error)) from None
        return JSONResponse(document)


def _server_url(request: Request) -> str:
    """The address by which a client reaches this server, below a prefix where it is mounted at one."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def control_routes(common: Common) -> list[Route]:
    """The routes of the control API, guarded, and those of the OpenAPI documents, open."""
    control = Control(common)
    looks = Looks(common, control.beside)
    routes: list[tuple[str, Handler, list[str]]] = [
        ("/_mock/jobs", control.jobs, ["GET"]),
        ("/_mock/openapi.json", control.document, ["GET"]),
        ("/_mock/snapshot", looks.snapshot, ["GET"]),
        ("/_mock/videos/{job_id:anything}", looks.video, ["GET"]),
        ("/_mock/judge", looks.judge, ["POST"]),
        ("/_mock/models", looks.models, ["GET"]),
        ("/_mock/jobs/{job_id:anything}", control.job, ["GET", "POST"]),
        ("/_mock/exchanges", control.exchanges, ["GET"]),
        ("/_mock/exchanges/{number:int}", looks.exchange, ["GET"]),
        ("/_mock/exchanges.har", control.har, ["GET"]),
        ("/_mock/evidence", control.evidence, ["GET"]),
        ("/_mock/charges", control.charges, ["GET"]),
        ("/_mock/verdict", control.verdict, ["GET", "POST"]),
        ("/_mock/clock", control.clock, ["GET", "POST"]),
        ("/_mock/scenario", control.scenario, ["GET", "POST", "PUT"]),
        ("/_mock/scenario/judge", judged_scenario, ["POST"]),
        ("/_mock/scenario/next", control.next_scenario, ["POST"]),
        ("/_mock/settings", control.settings, ["GET", "POST", "PATCH"]),
        ("/_mock/scenarios", listed_scenarios, ["GET"]),
        ("/_mock/reset", control.reset, ["POST"]),
        ("/_mock/events", control.events, ["GET"]),
        ("/_mock/workspaces", control.workspaces, ["GET", "DELETE"]),
        ("/_mock/workspaces/{name}", control.workspace, ["DELETE"]),
    ]
    made = [Route(path, guarded(common, handler), methods=methods) for path, handler, methods in routes]
    made.append(Route("/_mock/health", guarded(common, control.health, control.alive), methods=["GET"]))
    for path, handler in (("/openapi.json", control.openapi), ("/openapi/{model:path}", control.openapi_of)):
        made.append(Route(path, _open(handler), methods=["GET", "OPTIONS"]))
    return made


def _shown(entries: Sequence[T], show: Callable[[T], Any]) -> list[bytes]:
    return [encode(show(entry)) for entry in entries]


async def _in_slices(entries: Sequence[T], show: Callable[[T], Any]) -> AsyncIterator[bytes]:
    """Each entry as JSON, of such as are soon written; the event loop gets its turns meanwhile."""
    for start in range(0, len(entries), SLICE):
        for one in _shown(entries[start : start + SLICE], show):
            yield one
        await asyncio.sleep(0)


def _object(value: dict[str, Any], lists: dict[str, list[bytes]]) -> bytes:
    """An object as JSON, with lists whose entries are JSON already behind its own members."""
    members = [b"%b:%b" % (encode(name), encode(part)) for name, part in value.items() if name not in lists]
    members += [b"%b:[%b]" % (encode(name), b",".join(entries)) for name, entries in lists.items()]
    return b"{%b}" % b",".join(members)


async def _listed(
    name: str,
    found: list[T],
    page: Page,
    total: int,
    show: Callable[[T], Any],
    id_of: Callable[[T], Any],
    write: Callable[[Sequence[T], Callable[[T], Any]], AsyncIterator[bytes]] = _in_slices,
    **more: Any,
) -> Response:
    """A page of a list, of which `found` has one entry more where there are older ones.

    `before` is what the next page is asked for with; null where there is none.
    """
    shown = found[max(0, len(found) - page.limit) :]
    older = id_of(shown[0]) if shown and len(found) > len(shown) else None
    entries = [entry async for entry in write(shown, show)]
    listed = _object(more | {"total": total, "before": older}, {name: entries})
    return Response(listed, media_type="application/json")


def _number_in(before: str | None) -> int | None:
    if before is None:
        return None
    return whole_number(before, "before", "the number of an exchange")


def _open(handler: Handler) -> Handler:
    """A handler that any page may read, with the headers of every answer of the API."""

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            asked = request.headers.get("access-control-request-headers")
            granted = preflight_response(asked)
            response = Response(status_code=granted.status)
            response.raw_headers += granted.headers
        else:
            response = await handler(request)
        inference = (b"x-inference-id", space_of(request).ids.request_id().encode())
        response.raw_headers += [*CORS_HEADERS, inference]
        return response

    return answer


def _names(scenarios: list[Scenario]) -> list[str]:
    return [scenario.name for scenario in scenarios]


async def _workspace_row(space: Workspace, idle: float) -> dict[str, Any]:
    counts = await space.store.counts()
    row = {"name": space.name, "jobs": counts.kept, "exchanges": space.journal.count}
    return row | {"scenario": space.scenario.name, "idle": idle}
