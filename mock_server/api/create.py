"""The POST that makes a job, on every path that has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..billing.costs import credits_of
from ..billing.ledger import committed_bounds
from ..errors import KlingMockError, UnknownScenario, shortened
from ..events import EventKind
from ..jobs.charges import CREDITS_PER_USD
from ..jobs.plan import JobPlan
from ..scenarios.builtin import OUT_OF_CREDITS, TOO_MANY_REQUESTS
from ..store import UNBOUNDED, AddResult, JobBounds
from ..timeline import ProgressBy, Timeline, resolve_timeline
from ..validation import Problem
from .body_reader import LargeBody
from .faults import play_faults
from .generation_paths import CreatePath
from .job_json import create_body, plain_body, status_word
from .judged import Judged
from .judging import judge, judge_here, takes_long
from .outcome import Forgotten, Outcome, Refusal
from .request_context import RequestContext, authorise
from .response import MockResponse, encode, header_id

if TYPE_CHECKING:
    from ..catalog.model_facts import Facts
    from ..common import Common
    from ..scenarios import Scenario
    from ..settings import Settings
    from ..workspace import Workspace

__all__ = ["create"]

IMAGE_FIELDS = ("image_url", "image_list")


async def create(
    common: Common,
    space: Workspace,
    request: RequestContext,
    outcome: Outcome,
    body: bytes | LargeBody,
    path: CreatePath,
) -> MockResponse:
    """Answer a POST: refuse it, or make the job that its scenario describes."""
    outcome.kind = "create"
    key = authorise(space, request)
    contracts = common.contracts_of(space)
    asked = None
    if not (isinstance(body, LargeBody) or takes_long(body)):
        asked = judge_here(contracts, space.settings, request, outcome, body, path)
    if asked is None:
        work = partial(judge, contracts, space.settings, request, outcome, body, path)
        asked = await _judged_beside(common, space, request, work)
    cost = credits_of(space.prices, space.catalog, asked)
    bounds = committed_bounds(space.settings)
    if not await space.store.has_room(request.at):
        raise _full(space)
    if bounds is not UNBOUNDED:
        await _check_account(space, request.at, cost, bounds)
    choose = partial(space.names.asked, request.scenario, key, asked.payload.get("prompt"))
    elapsed = request.at - space.started_at
    try:
        taken = await space.store.take_scenario(choose, elapsed, request.at, redirected=request.redirected)
    except KlingMockError as error:
        raise _no_scenario(error) from None
    if taken.dequeued:
        space.tell_scenario()
    scenario = taken.scenario
    outcome.scenario = scenario.name
    if not taken.job_made:
        return play_faults(space, request, outcome, taken.faults, None)
    plan = await _make_job(space, request, scenario, asked, cost, bounds)
    outcome.job_id, outcome.known_id = plan.id, True
    expires_at = None
    if scenario.create_status == "completed":
        expires_at = await space.store.tell_created(plan.id, request.at, space.settings.video_lifetime)
    response = _created(request, outcome, plan, expires_at, scenario.create_code or asked.success)
    if not taken.faults:
        return response
    return play_faults(space, request, outcome, taken.faults, response)


def _no_scenario(error: KlingMockError) -> Refusal:
    """The refusal of a create that asks for a scenario which is none."""
    received = repr(shortened(error.name)) if isinstance(error, UnknownScenario) else str(error)
    problem = Problem("scenario", "the name of a scenario", received, "scenario")
    return Refusal(400, str(error), problems=(problem,))


async def _judged_beside(
    common: Common, space: Workspace, request: RequestContext, work: Callable[[], Judged]
) -> Judged:
    """What a body asks for, found beside the event loop; refuses it as `judge` does."""
    try:
        return await common.off_loop.run(work)
    finally:
        if space.store.resets != request.resets:
            raise Forgotten


def decide_job(
    job_id: str, scenario: Scenario, asked: Judged, cost: int | None, settings: Settings, now: float
) -> JobPlan:
    """What becomes of an accepted create: the plan of its job."""
    facts, clip = asked.facts, asked.clip
    decided = (
        job_id,
        asked.variant.model,
        scenario,
        _timeline(scenario, settings, facts, clip.seconds),
        now,
        cost,
        clip.name,
        _image_of(asked.payload) if scenario.error == "detail" else "",
        asked.variant.answers,
    )
    # What the class itself does, without a call in between.
    return tuple.__new__(JobPlan, decided)


def _timeline(scenario: Scenario, settings: Settings, facts: Facts, clip_seconds: float) -> Timeline:
    by: ProgressBy
    if settings.polls is not None:
        queued, generating, by = float(settings.polls[0]), float(settings.polls[1]), "polls"
    elif settings.realistic:
        (queued, generating), by = facts.spans_for(clip_seconds), "time"
    else:
        queued, generating, by = settings.queued, settings.generating, "time"
    return resolve_timeline(scenario.course, queued, generating, by)


async def _check_account(space: Workspace, now: float, cost: int | None, bounds: JobBounds) -> None:
    """Refuse a create that the account does not take; before its scenario is chosen, which is counted."""
    store = space.store
    if bounds.unfinished < math.inf and await store.unfinished(now) >= bounds.unfinished:
        raise _busy(space)
    if not bounds.covers((await store.totals()).credits, cost):
        raise _dry(space)


async def _make_job(
    space: Workspace,
    request: RequestContext,
    scenario: Scenario,
    asked: Judged,
    cost: int | None,
    bounds: JobBounds,
) -> JobPlan:
    """Keep a new job, whose plan depends on its id; refuses it where it does not fit."""
    store, style = space.store, scenario.ids or "nanoid"
    while True:
        number = await store.next_number()
        job_id = space.ids.generation_id(style, asked.variant.model, number)
        plan = decide_job(job_id, scenario, asked, cost, space.settings, request.at)
        added = await store.add_job(plan, request.resets, bounds)
        if added is AddResult.ADDED:
            space.tell(EventKind.JOB_MADE, plan, request.at)
            return plan
        if added is AddResult.FULL:
            raise _full(space)
        if added is AddResult.BUSY:
            raise _busy(space)
        if added is AddResult.DRY:
            raise _dry(space)
        if added is AddResult.OUTDATED:
            raise Refusal(503, "Service unavailable: this mock was reset while the request was under way.")
        # A seed that was set anew begins again with ids that are taken.


def _full(space: Workspace) -> Refusal:
    text = f"this mock holds {space.store.limit} unfinished jobs; raise --max-jobs or reset it."
    return Refusal(429, f"Too Many Requests: {text}", headers=[(b"retry-after", b"30")])


def _busy(space: Workspace) -> Refusal:
    """Documented without a number and without Retry-After; the journal says which limit it was."""
    most = space.settings.max_concurrent
    noted = Problem("jobs", f"at most {most} unfinished at once (--max-concurrent)", "one more", "account")
    return Refusal(429, TOO_MANY_REQUESTS, noted=(noted,))


def _dry(space: Workspace) -> Refusal:
    noted = Problem(
        "account", f"what ${space.settings.balance:g} cover (--balance)", "a job beyond it", "account"
    )
    return Refusal(403, OUT_OF_CREDITS, noted=(noted,))


def _image_of(payload: dict[str, Any]) -> str:
    for name in IMAGE_FIELDS:
        value = payload.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value[:512]
    return ""


def _created(
    request: RequestContext, outcome: Outcome, plan: JobPlan, expires_at: float | None, success: int
) -> MockResponse:
    """The response to a create that is accepted."""
    scenario = plan.scenario
    status = outcome.state = scenario.create_status or "queued"
    outcome.word = status_word(plan, status)
    if scenario.shapes or plan.answers or status in ("completed", "error") or plan.credits is not None:
        body = encode(create_body(plan, expires_at, status, request.origin(), request.other_origin()))
    else:
        body = plain_body(plan, status)
    lines = b"x-inference-id: %b\r\n" % header_id(plan.id)
    if plan.credits is not None and "no-usage" not in scenario.shapes:
        spent = plan.credits, plan.credits / CREDITS_PER_USD
        lines += b"x-aimlapi-credits-used: %d\r\nx-aimlapi-usd-spent: %.6f\r\n" % spent
    return MockResponse(success, body, lines=lines)
