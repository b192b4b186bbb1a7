"""The answers of a contract: where a document has them, and as two of them can be held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SEEN", "answers_of", "comparable"]

SEEN = "x-seen"
"""Stands at what was seen or told elsewhere, and is not in the provider's own document: `true` at a field, a
list at values of an enum. A document that lacks it says nothing new."""
ANSWERING = ("post", "get")
NULL = "null"

Schema = Mapping[str, Any]


def answers_of(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the create and the poll of a resolved path answer where all is well, by method."""
    found = {}
    for method in ANSWERING:
        operation = item.get(method)
        responses = operation.get("responses") if isinstance(operation, dict) else None
        for status, response in (responses if isinstance(responses, dict) else {}).items():
            try:
                schema = response["content"]["application/json"]["schema"]
            except (KeyError, TypeError):
                continue
            if str(status).startswith("2") and isinstance(schema, dict):
                found[method] = schema
                break
    return found


def comparable(schema: Schema, other: Schema) -> dict[str, Any]:
    """The schema without what was seen and the other does not tell of, and with null in one place alone."""
    found = {key: value for key, value in schema.items() if key != SEEN}
    seen, enum = schema.get(SEEN), schema.get("enum")
    if isinstance(seen, list) and isinstance(enum, list):
        found["enum"] = [one for one in enum if one not in seen or one in other.get("enum", ())]
    fields, theirs = schema.get("properties"), other.get("properties", {})
    if isinstance(fields, dict):
        found["properties"] = {
            name: comparable(field, theirs.get(name, field))
            for name, field in fields.items()
            if name in theirs or field.get(SEEN) is not True
        }
    if isinstance(schema.get("items"), dict):
        items = other.get("items")
        found["items"] = comparable(schema["items"], items if isinstance(items, dict) else schema["items"])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            found[keyword] = _one_null(_paired(_one_null(schema[keyword]), _one_null(_alternatives(other))))
    return found


def _alternatives(schema: Schema) -> list[Any]:
    found: list[Any] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return found


def _paired(options: list[Any], others: list[Any]) -> list[Any]:
    """Each alternative as it can be held against the one in its place."""
    places = [*others, *options[len(others) :]]
    return [comparable(option, other) for option, other in zip(options, places, strict=False)]


def _one_null(options: list[Any]) -> list[Any]:
    """The alternatives with null, where any of them has it, in the first one alone."""
    kept = [option for option in options if option.get("type") != NULL]
    if not kept or not any(NULL in _types(option) for option in options):
        return list(options)
    plain = [{**one, "type": [kind for kind in _types(one) if kind != NULL]} for one in kept if "type" in one]
    if len(plain) < len(kept):
        return list(options)
    return [{**plain[0], "type": [*plain[0]["type"], NULL]}, *plain[1:]]


def _types(schema: Schema) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)
