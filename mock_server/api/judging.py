"""Judging the body of a create: what it asks for, or all that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog import CREATE_PATH
from ..errors import SHOWN, PayloadError, UnknownModel, shortened, some_of
from ..validation import Problem, Unprepared, message, noted, parse_json
from ..validation.problems import UNKNOWN_MODEL
from .body_reader import LARGE_BODY, LargeBody
from .judged import Judged
from .outcome import Outcome, Refusal
from .request_context import RequestContext

if TYPE_CHECKING:
    from ..catalog import Catalog, Variant
    from ..contracts import Contracts
    from ..settings import Settings
    from .generation_paths import CreatePath

__all__ = ["judge", "judge_here", "takes_long"]

MANY_VALUES = 400
"""Values of a body, about, beyond which it is judged beside the loop: each may be a problem to explain."""


def takes_long(body: bytes) -> bool:
    """Whether a body is judged beside the event loop: large ones are, and those of many values."""
    size = len(body)
    if size > LARGE_BODY:
        return True
    return size > MANY_VALUES and body.count(b",") + body.count(b"[") > MANY_VALUES


def judge_here(
    contracts: Contracts,
    settings: Settings,
    request: RequestContext,
    outcome: Outcome,
    body: bytes,
    path: CreatePath,
) -> Judged | None:
    """What a body asks for; None for the first one that is wrong, which takes long as well."""
    key = body, request.content_type, request.path, settings.strict, settings.max_json_values
    known = contracts.judged.find(key)
    if known is not None:
        outcome.model, outcome.findings = known.model, known.findings
        return known
    try:
        judged = judge(contracts, settings, request, outcome, body, path, hasty=True)
    except Unprepared:
        return None
    contracts.judged.keep(key, judged)
    return judged


def judge(
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
    findings = outcome.findings = noted(verdict.findings) if verdict.findings else ()
    if verdict.violations:
        raise _invalid(*verdict.violations)
    taken = payload if verdict.taken is None else verdict.taken
    catalog = contracts.catalog
    success = catalog.created_status(variant.model, legacy=True) if legacy else path.success
    facts, shown = catalog.facts(variant.model), shortened(payload["model"])
    return Judged(taken, variant, facts, success, legacy=legacy, model=shown, findings=findings)


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
