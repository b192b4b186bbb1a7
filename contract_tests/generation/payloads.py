"""Payloads of one model: valid ones, those at a boundary, and those with exactly one constraint broken."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from kling_mock.errors import SettingsError

from .contract_view import ContractView, current_catalog, current_view
from .negative_values import MISSING
from .payload_factory import Bodies, Case, InvalidCase

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = [
    "MISSING",
    "Case",
    "InvalidCase",
    "bodies_of",
    "boundary_payloads",
    "fields_left_out",
    "fields_of",
    "invalid_cases",
    "invalid_payloads",
    "smallest_payload",
    "valid_payloads",
    "worded",
]

WORDS = "a cat"


def bodies_of(model: str, *, legacy: bool = False) -> Bodies:
    """The create body of a model as its vendored document describes it, compiled once.

    `legacy` takes the older contract of `/v2/generate/video/…` instead. While a client is checked, what it
    cannot express is left out (`contract_view`). Raises `UnknownModel`; `SettingsError` where a field is
    left out without which there is no body.
    """
    return _compiled(model, legacy, current_view())


@functools.lru_cache(maxsize=256)
def _compiled(model: str, legacy: bool, view: ContractView) -> Bodies:
    schema = _narrowed(_schema(model, view, legacy=legacy), model, view.fields)
    return Bodies(_named_first(schema, model), where=f"the create body of {model}")


def _narrowed(schema: dict[str, Any], model: str, fields: frozenset[str] | None) -> dict[str, Any]:
    """A schema with some of its fields alone, and the model."""
    if fields is None:
        return schema
    kept = fields | {"model"}
    lost = [name for name in schema.get("required", ()) if name not in kept]
    if lost:
        raise SettingsError(f"{model} needs {' and '.join(lost)}, which the client's fields leave out.")
    properties = {name: field for name, field in schema["properties"].items() if name in kept}
    return {**schema, "properties": properties}


def fields_left_out(model: str) -> list[str]:
    """The fields of a model that the client of the current view cannot be asked for."""
    asked = fields_of(model)
    return [name for name in _schema(model, current_view())["properties"] if name not in asked]


def fields_of(model: str) -> dict[str, Any]:
    """The fields of a model that a client can be asked for, each with its schema."""
    view = current_view()
    properties: dict[str, Any] = _narrowed(_schema(model, view), model, view.fields)["properties"]
    return properties


def _schema(model: str, view: ContractView, *, legacy: bool = False) -> dict[str, Any]:
    catalog = current_catalog()
    older = legacy or (view.legacy and catalog.find(model).legacy)
    return catalog.create_schema(model, legacy=older)


def _named_first(schema: dict[str, Any], model: str) -> dict[str, Any]:
    """The schema with the id that was asked for before its aliases, so that small bodies name it."""
    field = schema["properties"]["model"]
    ids = [model, *(name for name in field["enum"] if name != model)]
    return {**schema, "properties": {**schema["properties"], "model": {**field, "enum": ids}}}


def valid_payloads(model: str, *, legacy: bool = False) -> SearchStrategy[dict[str, Any]]:
    """A strategy of valid create bodies of a model, weighted to the boundaries of its schema.

    Every optional field comes and goes on its own; the variant's prose rules are kept; pictures are links,
    data URIs and base64; prompts are in many scripts, never with a lone surrogate. It shrinks to the smallest
    body: the required fields alone, each as simple as can be.
    """
    return bodies_of(model, legacy=legacy).valid


def smallest_payload(model: str) -> dict[str, Any]:
    """A new body of a model with its required fields alone, each as simple as can be; a prompt has words."""
    return worded(model, bodies_of(model).smallest())


def worded(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body with words for a prompt where it has none: there are clients that refuse to pay for nothing.

    A model that knows no prompt, or a client that has no way to say one, gets none.
    """
    bodies = bodies_of(model)
    if body.get("prompt") or "prompt" not in bodies.shape.fields:
        return body
    found = {**body, "prompt": WORDS}
    return found if bodies.accepts(found) and bodies.rules.kept(found) else body


def boundary_payloads(model: str, *, legacy: bool = False) -> list[Case]:
    """Every boundary of a model's schema once, from the smallest body to the largest, in a fixed order.

    For `pytest.mark.parametrize("case", boundary_payloads(model), ids=lambda case: case.id)`; each call makes
    new bodies, which a test may change.
    """
    return list(bodies_of(model, legacy=legacy).boundary_cases())


def invalid_cases(model: str, *, legacy: bool = False, rules: bool = False) -> list[InvalidCase]:
    """Every constraint of a model's schema broken alone, in a fixed order: the exhaustive list.

    Each constraint has a value just outside and values of other types. What the server tolerates (numeric
    strings for numbers, unknown fields) is not in the list. With `rules` a case for each prose rule follows,
    labelled `rule:ID`: its body satisfies the schema, and only a strict server refuses it.
    """
    bodies = bodies_of(model, legacy=legacy)
    return [*bodies.invalid_cases(), *(bodies.rule_cases() if rules else ())]


def invalid_payloads(model: str, *, legacy: bool = False) -> SearchStrategy[InvalidCase]:
    """A strategy over `invalid_cases`, each in a body that is otherwise valid and of any size.

    It shrinks to the first case of the list that fails, in its smallest body.
    """
    return bodies_of(model, legacy=legacy).invalid
