"""Values at and just beyond every bound of a resolved schema, enumerated from the schema itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["accepted", "alternatives", "minimal", "refused"]

Schema = dict[str, Any]

LINKS = [
    "https://example.com/a.png",
    "http://h/p?q=1#f",
    "data:image/png;base64,iVBORw0KGgo=",
    "iVBORw0KGgoAAAANSUhEUg==",
]
IDS = ["b906d239-565b-4012-9234-246189283143"]
NO_LINKS = ["", "nonsense", "ftp://example.com/a.png", "http://", "/a/b.png", "data:image/png;base64"]
OTHERS: dict[str, list[Any]] = {
    "string": [5, 0.5, True, None, [], {}],
    "integer": ["five", 5.5, True, None, [], {}],
    "number": ["half", False, None, [], {}],
    "boolean": ["true", 0, 1, None, [], {}],
    "array": ["[]", 5, None, {}],
    "object": ["{}", 5, None, []],
    "null": [5, "", []],
}


def kinds_of(schema: Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def alternatives(schema: Schema) -> list[Schema]:
    """The schemas of which a value keeps one, if there are any."""
    found: list[Schema] = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    return found


def minimal(schema: Schema) -> Any:
    """The smallest valid value, with no optional field."""
    for option in alternatives(schema)[:1]:
        return minimal(option)
    if "enum" in schema:
        return schema["enum"][0]
    kind = kinds_of(schema)[0]
    if kind == "object":
        return {name: minimal(schema["properties"][name]) for name in schema.get("required", [])}
    if kind == "array":
        return [minimal(schema["items"]) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return texts_of(schema)[0]
    if kind == "null":
        return None
    return False if kind == "boolean" else schema.get("minimum", 0)


def texts_of(schema: Schema) -> list[str]:
    """Valid texts, the shortest first."""
    least = "x" * schema.get("minLength", 0)
    return {"uri": LINKS, "uuid": IDS}.get(schema.get("format", ""), [least, f"é\u2028\U0001f600{least}"])


def accepted(schema: Schema) -> Iterator[Any]:
    """Valid values, every bound among them."""
    if alternatives(schema):
        for option in alternatives(schema):
            yield from accepted(option)
        return
    if "enum" in schema:
        yield from schema["enum"]
        return
    if "null" in kinds_of(schema):
        yield None
    kind = kinds_of(schema)[0]
    if kind == "object":
        yield minimal(schema)
        for name, field in schema["properties"].items():
            for value in accepted(field):
                yield {**minimal(schema), name: value}
    elif kind == "array":
        least = schema.get("minItems", 0)
        for size in {least, schema.get("maxItems", least + 3)}:
            yield [minimal(schema["items"])] * size
        for value in accepted(schema["items"]):
            yield [value, *minimal(schema)[1:]]
    elif kind == "string":
        yield from texts_of(schema)
        if "maxLength" in schema:
            yield "\U0001f600" * schema["maxLength"]
    elif kind == "boolean":
        yield from (True, False)
    elif kind != "null":
        low, high = schema.get("minimum", -(10**30)), schema.get("maximum", 10**30)
        yield from (low, high, float(low), float(high), *(zero for zero in (0, -0.0) if low <= zero <= high))
        if kind == "number":
            yield from (low + 0.0001, high - 0.0001)


def refused(schema: Schema) -> Iterator[tuple[Any, str]]:
    """Values with one constraint broken, each with the path of the broken field within the value."""
    if alternatives(schema):
        for option in alternatives(schema):
            yield from ((value, path) for value, path in refused(option) if path)
        return
    kinds = kinds_of(schema)
    for value in OTHERS[kinds[0]]:
        if not (value is None and "null" in kinds):
            yield value, ""
    if "enum" in schema:
        numbers = [item for item in schema["enum"] if isinstance(item, int)]
        beyond = (
            [min(numbers) - 1, max(numbers) + 1] if numbers else ["no such value", schema["enum"][0] + " "]
        )
        gaps = [n for n in range(min(numbers, default=0), max(numbers, default=0)) if n not in numbers]
        yield from ((value, "") for value in [*beyond, *gaps])
    elif kinds[0] == "object":
        yield from _refused_objects(schema)
    elif kinds[0] == "array":
        yield from _refused_arrays(schema)
    elif kinds[0] == "string":
        if schema.get("format") == "uri":
            yield from ((value, "") for value in NO_LINKS)
        if schema.get("format") == "uuid":
            yield from ((value, "") for value in ("", IDS[0][:-1]))
        if schema.get("minLength", 0) > 0:
            yield "x" * (schema["minLength"] - 1), ""
        if "maxLength" in schema:
            yield "x" * (schema["maxLength"] + 1), ""
    elif kinds[0] != "null":
        step = 1 if kinds[0] == "integer" else 0.0001
        if "minimum" in schema:
            yield schema["minimum"] - step, ""
        if "maximum" in schema:
            yield schema["maximum"] + step, ""


def _refused_objects(schema: Schema) -> Iterator[tuple[Any, str]]:
    whole = minimal(schema)
    for name in schema.get("required", []):
        yield {key: value for key, value in whole.items() if key != name}, f".{name}"
    for name, field in schema["properties"].items():
        for value, path in refused(field):
            yield {**whole, name: value}, f".{name}{path}"


def _refused_arrays(schema: Schema) -> Iterator[tuple[Any, str]]:
    item = minimal(schema["items"])
    if schema.get("minItems", 0) > 0:
        yield [item] * (schema["minItems"] - 1), ""
    if "maxItems" in schema:
        yield [item] * (schema["maxItems"] + 1), ""
    for value, path in refused(schema["items"]):
        yield [value, *minimal(schema)[1:]], f"[0]{path}"
