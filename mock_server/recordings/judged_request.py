"""What the body of a recorded create asks for, and what the contract says of it."""

from __future__ import annotations

from typing import NamedTuple

from ..api.generation_paths import generation_paths
from ..catalog import Catalog, Variant
from ..errors import PayloadError, UnknownModel
from ..validation import Problem, Validator, parse_json
from ..validation.problems import UNKNOWN_MODEL
from .har_entry import Wire

__all__ = ["Judge", "Judged"]


class Judged(NamedTuple):
    """What is known of the body of a create."""

    model: str | None
    variant: Variant | None
    """None where the model has no document here."""
    legacy: bool
    violations: tuple[Problem, ...] = ()
    findings: tuple[Problem, ...] = ()
    valid: bool = False
    """Whether the contract takes it, for sure."""


class Judge:
    """Holds the bodies of recorded creates against the contract of the model that they name."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.paths = generation_paths(catalog)
        """The paths of creates and polls."""
        self._validator = Validator(catalog)

    def judge(self, wire: Wire, path: str) -> Judged | None:
        """What a create's body asks for; None where the recording does not have all of it."""
        if wire.body is None or len(wire.body) < wire.body_size:
            return None
        create_path = self.paths[path]
        typed = _content_type(wire)
        if typed is not None:
            return Judged(None, None, False, violations=(typed,))
        try:
            payload = parse_json(wire.body)
        except PayloadError as error:
            return Judged(None, None, False, (Problem("body", error.expected, error.received, "json"),))
        model = payload.get("model") if isinstance(payload, dict) else None
        if not isinstance(model, str):
            received = "nothing" if model is None else "no text"
            problem = Problem("model", "the id of a model", received, "type")
            return Judged(None, None, False, violations=(problem,))
        try:
            variant = self.catalog.find(model)
        except UnknownModel as error:
            constraint = "enum" if error.misspelt else UNKNOWN_MODEL
            problem = Problem("model", "the id of a model", model[:80], constraint)
            return Judged(model[:200], None, False, violations=(problem,))
        if create_path.vendor is not None and create_path.vendor != variant.vendor:
            return Judged(model, None, False)
        legacy = create_path.vendor is not None and variant.legacy
        verdict = self._validator.check(variant, payload, legacy=legacy)
        violations, findings = verdict.violations, verdict.findings
        return Judged(model, variant, legacy, violations, findings, not violations and not findings)


def _content_type(wire: Wire) -> Problem | None:
    """What is wrong with the header; nothing where the recording has no headers at all."""
    if not wire.headers:
        return None
    value = dict(wire.headers).get(b"content-type", b"").decode("latin-1")
    media_type = value.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return None
    return Problem("header Content-Type", "application/json", value[:80] or "no Content-Type", "contentType")
