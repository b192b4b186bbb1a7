"""OpenAPI 3.0 documents brought up to 3.1, whose schemas are plain JSON Schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from .documents import rewritten_schemas
from .schema import ANNOTATIONS, Inner, rewritten

__all__ = ["DIALECT", "upgraded", "upgraded_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}
_BINDS_NULL = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "const", "$ref"})
"""Keywords that may refuse null whatever the type says; the others let it pass."""


def upgraded(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A resolved document as OpenAPI 3.1, and a sentence for each thing that had to change.

    `nullable` becomes a null type, beside others and as an alternative of its own, a default that is a
    numeric string becomes a number, boolean exclusive bounds become numbers, a field's own `required` joins
    the list of its object, and an answer without a description gets the name of its status.
    """
    changed: list[str] = []
    modern = copy.deepcopy(dict(document))
    if not str(modern.get("openapi", "")).startswith("3.1"):
        changed.append(f"openapi: {modern.get('openapi', 'missing')!r} is now '3.1.0'")
        modern["openapi"] = "3.1.0"
    modern.setdefault("jsonSchemaDialect", DIALECT)
    for place, responses in _responses(modern):
        _describe(responses, place, changed)
    found: dict[str, Any] = rewritten_schemas(modern, lambda schema, at: upgraded_schema(schema, at, changed))
    return found, changed


def upgraded_schema(schema: Any, at: str = "", changed: list[str] | None = None) -> Any:
    """A resolved schema of OpenAPI 3.0 as JSON Schema 2020-12; one that is such already comes back equal.

    What had to change is added to `changed`, a sentence each, with its place below `at`.
    """
    changes: list[str] = [] if changed is None else changed
    return _without_mark(_upgraded(schema, at, changes))


def _upgraded(schema: Any, at: str, changed: list[str]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    needed: list[str] = []

    def change(inner: Inner) -> Any:
        if inner.keyword in ("anyOf", "oneOf") and _says_null(inner.schema):
            changed.append(f"{at}/{inner.place}: `nullable` alone is now the null type")
            return {key: value for key, value in inner.schema.items() if key != "nullable"} | _NULL
        modern = _upgraded(inner.schema, f"{at}/{inner.place}", changed)
        if _has_mark(modern) and inner.keyword == "properties":
            needed.extend([str(inner.step)] if modern["required"] else [])
            changed.append(f"{at}: `required` of {inner.step} is now in the list of its object")
        return _without_mark(modern)

    plain: dict[str, Any] = rewritten(schema, change)
    if needed:
        known = plain.get("required", [])
        plain["required"] = [*known, *(name for name in needed if name not in known)]
    plain = _denull(plain, at, changed)
    _number_default(plain, at, changed)
    _exclusive(plain, at, changed)
    return plain


def _says_null(option: Any) -> bool:
    """Whether an alternative says nothing but `nullable`: so null is written where no type can be."""
    return (
        isinstance(option, Mapping)
        and option.get("nullable") is True
        and all(key == "nullable" or _is_annotation(key) for key in option)
    )


def _has_mark(schema: Any) -> bool:
    """Whether a schema says of itself that it is required, as the oldest drafts had it."""
    return isinstance(schema, Mapping) and isinstance(schema.get("required"), bool)


def _without_mark(schema: Any) -> Any:
    if not _has_mark(schema):
        return schema
    return {key: value for key, value in schema.items() if key != "required"}


def _denull(schema: dict[str, Any], at: str, changed: list[str]) -> dict[str, Any]:
    """The schema with a null type for `nullable`, wherever that stands."""
    nullable = schema.get("nullable")
    if not isinstance(nullable, bool):
        return schema
    rest = {key: value for key, value in schema.items() if key != "nullable"}
    binding = [key for key in rest if not _is_annotation(key)]
    if not nullable or not binding:
        changed.append(
            f"{at}: `nullable` is gone, as null is {'allowed' if nullable else 'refused'} without it"
        )
        return rest
    changed.append(f"{at}: `nullable` is now a null type")
    if binding == ["anyOf"]:
        options = rest["anyOf"]
        return rest if _NULL in options else {**rest, "anyOf": [*options, dict(_NULL)]}
    if _BINDS_NULL & set(binding) or not {"type", "enum"} & set(binding):
        bound = {key: rest[key] for key in binding}
        return {key: rest[key] for key in rest if key not in bound} | {"anyOf": [bound, dict(_NULL)]}
    if "type" in rest:
        kinds = [rest["type"]] if isinstance(rest["type"], str) else list(rest["type"])
        rest["type"] = kinds if "null" in kinds else [*kinds, "null"]
    if isinstance(rest.get("enum"), list) and None not in rest["enum"]:
        rest["enum"] = [*rest["enum"], None]
    return rest


def _is_annotation(keyword: str) -> bool:
    return keyword in ANNOTATIONS or keyword.startswith("x-")


def _number_default(schema: dict[str, Any], at: str, changed: list[str]) -> None:
    default, kind = schema.get("default"), schema.get("type")
    kinds = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    if not isinstance(default, str) or "string" in kinds or not {"integer", "number"} & set(kinds):
        return
    try:
        schema["default"] = float(default) if "number" in kinds else int(default)
    except ValueError:
        return
    changed.append(f"{at}: the default {default!r} is now {schema['default']}")


def _exclusive(schema: dict[str, Any], at: str, changed: list[str]) -> None:
    for bound, keyword in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(keyword), bool):
            if schema.pop(keyword) and bound in schema:
                schema[keyword] = schema.pop(bound)
            changed.append(f"{at}: `{keyword}` is now a number")


def _responses(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The answers of every operation of a document, with their places."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if isinstance(operation, dict) and isinstance(operation.get("responses"), dict):
                yield f"/paths/{path}/{method}/responses", operation["responses"]


def _describe(responses: dict[str, Any], at: str, changed: list[str]) -> None:
    for status, answer in responses.items():
        if isinstance(answer, dict) and "$ref" not in answer and not answer.get("description"):
            name = HTTPStatus(int(status)).phrase if status.isdigit() and _known(int(status)) else "Answer"
            answer["description"] = f"{name}."
            changed.append(f"{at}/{status}: has a description now")


def _known(status: int) -> bool:
    return status in HTTPStatus._value2member_map_
