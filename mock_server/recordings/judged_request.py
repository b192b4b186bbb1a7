"""What the body of a recorded create asks for, and what the contract says of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..api.generation_paths import vendored_paths
from ..catalog import Catalog, Variant
from ..errors import PayloadError
from ..validation import Problem, Validator, parse_json
from .har_entry import Wire

__all__ = ["Judge", "Judged"]


class Judged(NamedTuple):
    """What is known of the body of a create."""

    model: str | None
    variant: Variant | None
    """None where the model is another vendor's, or unknown."""
    legacy: bool
    violations: tuple[Problem, ...] = ()
    findings: tuple[Problem, ...] = ()
    valid: bool = False
    """Whether the contract takes it, for sure."""


class Judge:
    """Holds the bodies of recorded creates against the contract of the model that they name."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._validator = Validator(catalog)

    def judge(self, wire: Wire, path: str) -> Judged | None:
        """What a create's body asks for; None where the recording does not have all of it."""
        if wire.body is None or len(wire.body) < wire.body_size:
            return None
        create_path = vendored_paths()[path]
        typed = _content_type(wire)
        if typed is not None:
            return Judged(None, None, False, violations=(typed,))
        try:
            payload = parse_json(wire.body)
        except PayloadError as error:
            return Judged(None, None, False, (Problem("body", error.expected, error.received, "json"),))
        model = payload.get("model") if isinstance(payload, dict) else None
        variant = self.catalog.get(model) if isinstance(model, str) else None
        if not isinstance(model, str) or variant is None:
            return Judged(_text(model), None, False, violations=_no_model(model))
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


def _no_model(model: Any) -> tuple[Problem, ...]:
    if isinstance(model, str) and "kling" not in model.lower():
        return ()
    received = model[:80] if isinstance(model, str) else "nothing" if model is None else "no text"
    return (Problem("model", "the id of a Kling model", received, "enum"),)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
