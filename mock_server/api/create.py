"""The POST that makes a job, on every path that has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..billing.costs import credits_of
from ..billing.ledger import committed_bounds
from ..catalog import CREATE_PATH
from ..errors import SHOWN, KlingMockError, PayloadError, UnknownModel, UnknownScenario, shortened, some_of
from ..events import EventKind
from ..jobs.charges import CREDITS_PER_USD
from ..jobs.plan import JobPlan
from ..media import clip_for
from ..scenarios.builtin import OUT_OF_CREDITS, TOO_MANY_REQUESTS
from ..store import UNBOUNDED, AddResult, JobBounds
from ..timeline import ProgressBy, Timeline, resolve_timeline
from ..validation import Problem, Unprepared, message, noted, parse_json
from ..validation.problems import UNKNOWN_MODEL
from .body_reader import LARGE_BODY, LargeBody
from .faults import play_faults
from .generation_paths import CreatePath
from .job_json import create_body, plain_body, status_word
from .outcome import Forgotten, Outcome, Refusal
from .request_context import RequestContext, authorise
from .response import MockResponse, encode, header_id

if TYPE_CHECKING:
    from ..catalog import Catalog, Variant
    from ..catalog.model_facts import Facts
    from ..common import Common
    from ..contracts import Contracts
    from ..scenarios import Scenario
    from ..settings import Settings
    from ..workspace import Workspace

__all__ = ["create", "takes_long"]

IMAGE_FIELDS = ("image_url", "image_list")
MANY_VALUES = 400
"""Values of a body, about, beyond which it is judged there too: each may be a problem that is explained."""


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
    asked = None if takes_long(body) else _judged_here(common, space, request, outcome, body, path)
    if asked is None:
        work = partial(_judged, common.contracts_of(space), space.settings, request, outcome, body, path)
        asked = await _judged_beside(common, space, request, work)
    asked.credits = credits_of(space.prices, space.catalog, asked)
    bounds = committed_bounds(space.settings)
    if not await space.store.has_room(request.at):
        raise _full(space)
    if bounds is not UNBOUNDED:
        await _check_account(space, request.at, asked, bounds)
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
    plan = await _make_job(space, request, scenario, asked, bounds)
    outcome.job_id, outcome.known_id = plan.id, True
    expires_at = None
    if scenario.create_status == "completed":
        expires_at = await space.store.tell_created(plan.id, request.at, space.settings.video_lifetime)
    response = _created(request, outcome, plan, expires_at, scenario.create_code or asked.success)
    if not taken.faults:
        return response
    return play_faults(space, request, outcome, taken.faults, response)


class Judged:
    """What a body that is taken asks for."""

    __slots__ = ("clip", "credits", "facts", "legacy", "payload", "success", "variant")

    def __init__(
        self, payload: dict[str, Any], variant: Variant, facts: Facts, success: int, *, legacy: bool
    ) -> None:
        self.payload = payload
        self.variant = variant
        self.facts = facts
        self.success = success
        """The status of an answer that says yes."""
        self.legacy = legacy
        """Whether it is judged by the older contract."""
        self.clip = clip_for(variant, facts, payload)
        self.credits: int | None = None
        """What its video costs; None where nobody says."""


def takes_long(body: bytes | LargeBody) -> bool:
    """Whether a body is judged beside the event loop: large ones are, and those of many values."""
    size = len(body)
    if size > LARGE_BODY or isinstance(body, LargeBody):
        return True
    return size > MANY_VALUES and body.count(b",") + body.count(b"[") > MANY_VALUES


def _judged_here(
    common: Common,
    space: Workspace,
    request: RequestContext,
    outcome: Outcome,
    body: bytes | LargeBody,
    path: CreatePath,
) -> Judged | None:
    """What a body asks for; None for the first one that is wrong, which takes long as well."""
    try:
        contracts = common.contracts_of(space)
        return _judged(contracts, space.settings, request, outcome, body, path, hasty=True)
    except Unprepared:
        return None


async def _judged_beside(
    common: Common, space: Workspace, request: RequestContext, work: Callable[[], Judged]
) -> Judged:
    """What a body asks for, found beside the event loop; refuses it as `_judged` does."""
    try:
        return await common.off_loop.run(work)
    finally:
        if space.store.resets != request.resets:
            raise Forgotten


def _judged(
    contracts: Contracts,
    settings: Settings,
    request: RequestContext,
    outcome: Outcome,
    body: bytes | LargeBody,
    path: CreatePath,
    *,
    hasty: bool = False,
) -> Judged:
    """What a body asks for; refuses the request with all that is wrong with it."""
    whole = body.whole() if isinstance(body, LargeBody) else body
    payload, variant = _checked_payload(contracts.catalog, settings, request, outcome, whole, path)
    legacy = path.vendor is not None and variant.legacy
    verdict = contracts.validator.check(variant, payload, legacy=legacy, strict=settings.strict, hasty=hasty)
    if verdict.findings:
        outcome.findings = noted(verdict.findings)
    if verdict.violations:
        raise _invalid(*verdict.violations)
    taken = payload if verdict.taken is None else verdict.taken
    catalog = contracts.catalog
    success = catalog.created_status(variant.model, legacy=True) if legacy else path.success
    return Judged(taken, variant, catalog.facts(variant.model), success, legacy=legacy)


def _checked_payload(
    catalog: Catalog,
    settings: Settings,
    request: RequestContext,
    outcome: Outcome,
    body: bytes,
    path: CreatePath,
) -> tuple[dict[str, Any], Variant]:
    """The JSON object of a body with the variant that it names."""
    media_type = request.content_type
    if media_type != b"application/json":
        media_type = media_type.partition(b";")[0].strip().lower()
    if media_type != b"application/json" and not media_type.endswith(b"+json"):
        received = media_type[:SHOWN].decode("latin-1") or "no Content-Type"
        raise _invalid(Problem("header Content-Type", "application/json", received, "contentType"))
    try:
        payload = parse_json(body, settings.max_json_values)
    except PayloadError as error:
        coding = _coding_of(request, body)
        if coding:
            raise _invalid(
                Problem("header Content-Encoding", "a body without coding", coding, "coding")
            ) from None
        raise Refusal(400, f"Body validation error: {error}", problems=(_bad_json(error),)) from None
    if not isinstance(payload, dict):
        raise _invalid(Problem("body", "a JSON object", _kind(payload), "type"))
    model = payload.get("model")
    if not isinstance(model, str):
        raise _invalid(_no_model(catalog, payload))
    outcome.model = shortened(model)
    try:
        variant = catalog.find(model)
    except UnknownModel as error:
        text = f"Body validation error: model: {error}"
        raise Refusal(400, text, problems=(_unknown_model(error),)) from None
    if path.vendor not in (None, variant.vendor) and request.path != variant.older_path:
        vendor = catalog.vendor(variant)
        there = variant.older_path or vendor.older_path or CREATE_PATH
        raise _invalid(Problem("model", f"a model of {path.vendor}; {model} is at {there}", model, "path"))
    return payload, variant


def _coding_of(request: RequestContext, body: bytes) -> str:
    """The coding of a body that is no JSON, by what its header says or its first bytes; empty for none."""
    for name, value in request.headers:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return value.decode("latin-1").strip()
    return "gzip" if body.startswith(b"\x1f\x8b") else ""


def _bad_json(error: PayloadError) -> Problem:
    """A PayloadError as a Problem."""
    return Problem("body", error.expected, error.received, "json")


def _no_model(catalog: Catalog, payload: dict[str, Any]) -> Problem:
    """A payload whose model is missing, or no text; known ids are named, as for one that is unknown."""
    some = some_of([variant.model for variant in catalog.variants])
    expected = f"the id of a model, such as {' or '.join(some)}; GET /v1/models lists them"
    if "model" not in payload:
        return Problem("model", expected, "nothing", "required")
    return Problem("model", expected, _kind(payload["model"]), "type")


def _unknown_model(error: UnknownModel) -> Problem:
    expected = "one of " + ", ".join(error.nearest or error.examples)
    constraint = "enum" if error.misspelt else UNKNOWN_MODEL
    return Problem("model", expected, shortened(error.model), constraint)


def _invalid(*problems: Problem) -> Refusal:
    text = f"Body validation error: {message(problems)}"
    return Refusal(400, text, problems=problems, noted=noted(problems))


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _no_scenario(error: KlingMockError) -> Refusal:
    """The refusal of a create that asks for a scenario which is none."""
    received = repr(shortened(error.name)) if isinstance(error, UnknownScenario) else str(error)
    problem = Problem("scenario", "the name of a scenario", received, "scenario")
    return Refusal(400, str(error), problems=(problem,))


def decide_job(job_id: str, scenario: Scenario, asked: Judged, settings: Settings, now: float) -> JobPlan:
    """What becomes of an accepted create: the plan of its job."""
    facts, clip = asked.facts, asked.clip
    decided = (
        job_id,
        asked.variant.model,
        scenario,
        _timeline(scenario, settings, facts, clip.seconds),
        now,
        asked.credits,
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


async def _check_account(space: Workspace, now: float, asked: Judged, bounds: JobBounds) -> None:
    """Refuse a create that the account does not take; before its scenario is chosen, which is counted."""
    store = space.store
    if bounds.unfinished < math.inf and await store.unfinished(now) >= bounds.unfinished:
        raise _busy(space)
    if not bounds.covers((await store.totals()).credits, asked.credits):
        raise _dry(space)


async def _make_job(
    space: Workspace, request: RequestContext, scenario: Scenario, asked: Judged, bounds: JobBounds
) -> JobPlan:
    """Keep a new job, whose plan depends on its id; refuses it where it does not fit."""
    store, style = space.store, scenario.ids or "nanoid"
    while True:
        number = await store.next_number()
        job_id = space.ids.generation_id(style, asked.variant.model, number)
        plan = decide_job(job_id, scenario, asked, space.settings, request.at)
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
