"""What a page begins with: a workspace as it is, with the number of the event up to which that holds."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ..api.response import encode
from ..common import Common
from ..errors import PayloadError, UnknownModel
from ..exchanges.exchange import Exchange
from ..exchanges.redaction import NO_KEYS
from ..exchanges.shown_problems import shown_problems
from ..media import media_response
from ..off_loop import OffLoop
from ..real_time import real_time
from ..timing import SNAPSHOT_SHARED
from ..validation import Problem, parse_json
from ..workspace import Workspace
from .auth import control_error, space_of
from .body import whole_number

__all__ = ["Looks"]

MOST_JOBS = 1_000
MOST_EXCHANGES = 300
"""What a page is given at once; it asks for older exchanges when somebody goes there."""


class _Kept(NamedTuple):
    """A snapshot that several pages may be given: those that missed the same events ask at the same time."""

    space: Workspace
    number: int
    at: float
    text: asyncio.Future[bytes]


class Looks:
    """What only a page asks for."""

    def __init__(self, common: Common, beside: OffLoop) -> None:
        self.common = common
        self._beside = beside
        self._kept: _Kept | None = None

    async def snapshot(self, request: Request) -> Response:
        """Give all that a page shows at first; events after the number `event` are not in it yet.

        `?least=N` is content with one of a moment ago that has the event N.
        """
        space, least = space_of(request), request.query_params.get("least")
        kept = self._kept
        if least is not None:
            number = whole_number(least, "least", "the id of an event")
            soon = kept and real_time.monotonic() - kept.at < SNAPSHOT_SHARED
            if kept and soon and kept.space is space and kept.number >= number:
                return _answer(await asyncio.shield(kept.text))
        number = space.bus.number
        # While it is made already: pages that lost the same events ask at the same time.
        making = asyncio.ensure_future(self._snapshot(space, number))
        self._kept = _Kept(space, number, real_time.monotonic(), making)
        return _answer(await asyncio.shield(making))

    async def _snapshot(self, space: Workspace, number: int) -> bytes:
        now = space.clock.now()
        jobs = await space.store.jobs(MOST_JOBS)
        exchanges = space.journal.last(MOST_EXCHANGES)
        counts, totals = await space.store.counts(), await space.store.totals()
        shown = {
            "event": number,
            "resets": space.store.resets,
            "workspace": space.name,
            "clock": {"now": now, "speed": space.clock.speed},
            "scenario": {
                "scenario": space.scenario.name,
                "next": [scenario.name for scenario in space.queue],
            },
            "charges": totals.as_dict(),
            "made": counts.made,
            "total": len(space.journal),
            "jobs": [job.as_dict(now) for job in jobs],
        }
        rows = await self._beside.run(partial(_rows, exchanges))
        return encode({**shown, "exchanges": rows})

    async def exchange(self, request: Request) -> Response:
        """Show one exchange, with headers and bodies."""
        number = request.path_params["number"]
        found = space_of(request).journal.last(1, number + 1)
        if not found or found[0].number != number:
            return control_error(404, f"There is no exchange {number}.")
        return _json(await self._beside.run(found[0].as_dict))

    async def video(self, request: Request) -> Response:
        """Give the video of a completed job without a word in the journal: it is a look, no download."""
        space, job_id = space_of(request), request.path_params["job_id"]
        job = await space.store.find_job(job_id)
        if job is None or job.status(space.clock.now()) != "completed":
            return control_error(404, f"There is no video of a job {job_id!r}.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = media_response(job.plan.clip, request.method, headers)
        return Response(answer.body, answer.status, dict(answer.headers))

    async def judge(self, request: Request) -> Response:
        """Judge a body as a create would be, and make nothing."""
        space = space_of(request)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > space.settings.max_body:
                return control_error(400, f"Expected a body of at most {space.settings.max_body} bytes.")
        return _json(await self._beside.run(partial(self._judged, space, bytes(body))))

    def _judged(self, space: Workspace, body: bytes) -> dict[str, Any]:
        contracts = self.common.contracts_of(space)
        try:
            payload = parse_json(body, space.settings.max_json_values)
            if not isinstance(payload, dict):
                raise PayloadError("a JSON object", "another kind of JSON value")
            variant = contracts.catalog.find(str(payload.get("model")))
        except PayloadError as error:
            return _verdict([Problem("body", error.expected, error.received, "json")])
        except UnknownModel as error:
            some = "one of " + ", ".join(error.nearest or error.examples)
            return _verdict([Problem("model", some, error.model, "enum")])
        verdict = contracts.validator.check(variant, payload, strict=space.settings.strict)
        return _verdict(verdict.violations, verdict.findings)

    async def models(self, request: Request) -> Response:
        """List the models with their vendors, as few words as a choice among them needs."""
        catalog = space_of(request).catalog
        rows = [
            {"model": variant.model, "vendor": catalog.vendor(variant).name, "paths": variant.paths}
            for variant in catalog.variants
        ]
        return _json({"models": rows})


def _rows(exchanges: list[Exchange]) -> list[dict[str, Any]]:
    return [exchange.as_dict(bodies=False) for exchange in exchanges]


def _verdict(violations: Any, findings: Any = ()) -> dict[str, Any]:
    return {
        "valid": not violations,
        "violations": [problem.as_dict() for problem in shown_problems(violations, NO_KEYS)],
        "findings": [problem.as_dict() for problem in shown_problems(findings, NO_KEYS)],
    }


def _json(value: dict[str, Any]) -> Response:
    return _answer(encode(value))


def _answer(text: bytes) -> Response:
    return Response(text, media_type="application/json", headers={"cache-control": "no-store"})
