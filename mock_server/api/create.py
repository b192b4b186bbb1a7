"""The POST that makes a job, on every path that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import SHOWN, KlingMockError, PayloadError, UnknownModel, some_of
from ..jobs.store import CREDITS_PER_USD, Job
from ..jobs.timeline import FINAL_STATUSES, PLAIN_PLAN, Step, resolve_timeline
from ..media import clip_for
from ..validation import Problem, message, noted, parse_json
from .faults import apply_fault, struck
from .job_json import create_body, plain_body
from .request_context import Call, authorise, redirected
from .response import JSON, Answer, encode, error_answer, header_id

if TYPE_CHECKING:
    from ..catalog import Variant
    from ..exchanges.journal import Exchange
    from ..scenarios import Scenario
    from ..scenarios.selection import Choice
    from ..state import State

__all__ = ["create"]

IMAGE_FIELDS = ("image_url", "image_list")
QUEUED_SHARE = 0.04
"""The part of a documented generation time that a job is queued: one poll in the documented listings."""


def create(state: State, call: Call, body: bytes, *, legacy: bool, family: str = "kling") -> Answer:
    """Answer a POST: refuse it, or make the job that its scenario describes."""
    exchange = call.exchange
    exchange.kind = "create"
    key = authorise(state, call)
    if isinstance(key, Answer):
        return key
    checked = _check(state, call, body, legacy=legacy, family=family)
    if isinstance(checked, Answer):
        return checked
    payload, variant = checked
    try:
        choice = state.chooser.choose(call.scenario, key, payload.get("prompt"))
    except KlingMockError as error:
        exchange.violations = (Problem("scenario", "the name of a scenario", str(error), "scenario"),)
        return error_answer(state, exchange, 400, str(error), problems=exchange.violations)
    exchange.scenario = choice.scenario.name
    return _play(state, call, choice, payload, variant, 201 if legacy else 200)


def _check(
    state: State, call: Call, body: bytes, *, legacy: bool, family: str
) -> tuple[dict[str, Any], Variant] | Answer:
    """The payload and its variant, or the 400 that names all that is wrong with it."""
    exchange = call.exchange
    media_type = call.content_type
    if media_type != b"application/json":
        media_type = media_type.partition(b";")[0].strip().lower()
    if media_type != b"application/json" and not media_type.endswith(b"+json"):
        received = media_type.decode("latin-1") or "no Content-Type"
        problem = Problem("header Content-Type", "application/json", received, "contentType")
        return _refuse(state, exchange, (problem,))
    try:
        payload = parse_json(body)
    except PayloadError as error:
        exchange.violations = (_bad_json(error),)
        text = f"Body validation error: {error}"
        return error_answer(state, exchange, 400, text, problems=exchange.violations)
    if not isinstance(payload, dict):
        return _refuse(state, exchange, (Problem("body", "a JSON object", _kind(payload), "type"),))
    model = payload.get("model")
    if not isinstance(model, str):
        return _refuse(state, exchange, (_no_model(state, payload),))
    exchange.model = model[:SHOWN]
    try:
        variant = state.catalog.find(model)
    except UnknownModel as error:
        exchange.violations = (_unknown_model(error),)
        text = f"Body validation error: model: {error}"
        return error_answer(state, exchange, 400, text, problems=exchange.violations)
    if legacy and family != variant.vendor:
        expected = f"a model of {family}; {model} is at /v2/generate/video/{variant.vendor}/generation"
        return _refuse(state, exchange, (Problem("model", expected, model, "path"),))
    verdict = state.validator.check(
        variant, payload, legacy=legacy and variant.legacy, strict=state.settings.strict
    )
    exchange.findings = noted(verdict.findings)
    if verdict.violations:
        return _refuse(state, exchange, verdict.violations)
    return payload if verdict.taken is None else verdict.taken, variant


def _bad_json(error: PayloadError) -> Problem:
    """A PayloadError as a Problem."""
    return Problem("body", error.expected, error.received, "json")


def _no_model(state: State, payload: dict[str, Any]) -> Problem:
    """A payload whose model is missing, or no text; known ids are named, as for one that is unknown."""
    some = some_of([variant.model for variant in state.catalog.variants])
    expected = f"the id of a model, such as {' or '.join(some)}; GET /v1/models lists them"
    if "model" not in payload:
        return Problem("model", expected, "nothing", "required")
    return Problem("model", expected, _kind(payload["model"]), "type")


def _unknown_model(error: UnknownModel) -> Problem:
    expected = "one of " + ", ".join(error.nearest or error.examples)
    return Problem("model", expected, error.model[:SHOWN], "enum")


def _refuse(state: State, exchange: Exchange, problems: tuple[Problem, ...]) -> Answer:
    exchange.violations = noted(problems)
    text = f"Body validation error: {message(problems)}"
    return error_answer(state, exchange, 400, text, problems=problems)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _play(
    state: State, call: Call, choice: Choice, payload: dict[str, Any], variant: Variant, success: int
) -> Answer:
    """Make the job and answer, as far as the scenario's create faults let it."""
    exchange, scenario = call.exchange, choice.scenario
    if not scenario.faults:
        made_job = _make_job(state, call, choice, payload, variant)
        if made_job is None:
            return _full(state, exchange)
        state.chooser.done(choice, job_made=True)
        return _created(state, call, made_job, scenario.create_code or success)
    elapsed = state.clock.now() - state.started_at
    faults = struck(scenario, "create", choice.hits, elapsed)
    other_origin = call.other_origin(state) if faults else ""
    faults = [fault for fault in faults if fault.kind != "redirect" or not redirected(call)]
    replacing = next((fault for fault in faults if not fault.modifies), None)
    made = replacing is None or replacing.job_made
    answer: Answer | None = None
    if made:
        made_job = _make_job(state, call, choice, payload, variant)
        if made_job is None:
            return _full(state, exchange)
        answer = _created(state, call, made_job, scenario.create_code or success)
    if replacing is not None:
        exchange.fault = replacing.kind
        answer = apply_fault(state, exchange, replacing, answer, other_origin)
    for fault in faults:
        if fault.modifies:
            exchange.fault = exchange.fault or fault.kind
            answer = apply_fault(state, exchange, fault, answer, other_origin)
    state.chooser.done(choice, job_made=made, elapsed=elapsed)
    assert answer is not None
    return answer


def _full(state: State, exchange: Exchange) -> Answer:
    full = f"this mock holds {state.jobs.limit} unfinished jobs; raise --max-jobs or reset it."
    return error_answer(state, exchange, 429, f"Too Many Requests: {full}", headers=[(b"retry-after", b"30")])


def _make_job(
    state: State, call: Call, choice: Choice, payload: dict[str, Any], variant: Variant
) -> Job | None:
    now = call.exchange.at
    if not state.jobs.room(now):
        return None
    scenario, settings = choice.scenario, state.settings
    facts = state.catalog.facts(variant.model)
    clip = clip_for(variant, facts, payload)
    if settings.polls is not None:
        queued, generating, by = float(settings.polls[0]), float(settings.polls[1]), "polls"
    elif settings.realistic:
        whole = facts.seconds_for(clip.seconds)
        queued, generating, by = whole * QUEUED_SHARE, whole * (1 - QUEUED_SHARE), "time"
    else:
        queued, generating, by = settings.queued, settings.generating, "time"
    job_id = state.ids.generation_id(scenario.ids or "nanoid", variant.model)
    while state.jobs.get(job_id) is not None:
        # A seed that was set anew begins again with ids that are taken.
        job_id = state.ids.generation_id(scenario.ids or "nanoid", variant.model)
    job = Job(
        id=job_id,
        variant=variant,
        scenario=scenario,
        timeline=resolve_timeline(_plan(scenario), queued=queued, generating=generating, by=by),
        made_at=now,
        credits=facts.credits_for(clip.seconds),
        clip=clip.name,
        image_url=_image_of(payload) if scenario.error == "detail" else "",
    )
    state.jobs.add(job)
    call.exchange.job_id = job.id
    call.exchange.known_id = True
    return job


def _plan(scenario: Scenario) -> tuple[Step, ...] | None:
    """The plan of a job; one that ends in its create stays there, whatever else the scenario says."""
    if scenario.create_status in FINAL_STATUSES:
        return (Step(scenario.create_status),)
    # What most jobs have is found faster by no plan than by three steps.
    return None if scenario.plan is PLAIN_PLAN else scenario.plan


def _image_of(payload: dict[str, Any]) -> str:
    for name in IMAGE_FIELDS:
        value = payload.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value[:512]
    return ""


def _created(state: State, call: Call, job: Job, success: int) -> Answer:
    status = job.scenario.create_status or "queued"
    call.exchange.state = status
    if status == "completed":
        job.set_expiry(job.made_at, state.settings.video_lifetime)
    if job.scenario.shapes or status in ("completed", "error") or job.credits is not None:
        body = encode(create_body(job, status, call.origin(state), call.other_origin(state)))
    else:
        body = plain_body(job, status)
    headers = [(b"x-inference-id", header_id(job.id))]
    if job.credits is not None and "no-usage" not in job.scenario.shapes:
        headers.append((b"x-aimlapi-credits-used", b"%d" % job.credits))
        headers.append((b"x-aimlapi-usd-spent", f"{job.credits / CREDITS_PER_USD:.6f}".encode()))
    return Answer(success, body, JSON, headers)
