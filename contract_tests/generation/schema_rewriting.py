"""The algebra of schemas: what two constraints say together, and what one says when it is denied.

A variant's prose rules (`prompt` or `multi_prompt`, not both) are JSON Schemas with `if`, `not` and `oneOf`
in them. Instead of making bodies and throwing most of them away, `worlds` rewrites a body's schema and its
rules into a few plain object schemas, in each of which every body keeps every rule that could be rewritten.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

__all__ = ["ABSENT", "EXCEPT", "Schema", "deny", "meet", "normalised", "split", "worlds"]

Schema: TypeAlias = Mapping[str, Any]

ABSENT = "x-absent"
"""Our own keyword: names of fields that must not be there."""
EXCEPT = "x-except"
"""Our own keyword: values that must not be taken."""

_TYPES = ("null", "boolean", "number", "string", "array", "object")
_MOST_WORLDS = 48


def normalised(schema: Schema) -> dict[str, Any]:
    """The same schema in one dialect: `type` a list, `const` an `enum`, no `allOf`."""
    plain = {key: value for key, value in schema.items() if key not in ("const", "allOf")}
    if "const" in schema:
        plain["enum"] = [schema["const"]]
    if "type" in schema:
        types = schema["type"]
        plain["type"] = list(types) if isinstance(types, list | tuple) else [types]
    for part in schema.get("allOf", ()):
        plain = meet(plain, part) or {"enum": []}
    return _narrowed(plain)


def _narrowed(schema: dict[str, Any]) -> dict[str, Any]:
    """Take the values to leave out from an enum, or from what a boolean can be."""
    if EXCEPT not in schema:
        return schema
    known = schema.get("enum", [False, True] if schema.get("type") == ["boolean"] else None)
    if known is None:
        return schema
    left = {key: value for key, value in schema.items() if key != EXCEPT}
    left["enum"] = [value for value in known if not _among(value, schema[EXCEPT])]
    return left


def _among(value: Any, values: Iterable[Any]) -> bool:
    return any(type(value) is type(one) and value == one for one in values)


def meet(one: Schema, other: Schema) -> dict[str, Any] | None:
    """The schema of the values that satisfy both, None where there are none as far as can be seen."""
    left, right = normalised(one), normalised(other)
    for here, there in ((left, right), (right, left)):
        for keyword in ("anyOf", "oneOf"):
            if keyword in here and there:
                rest = {key: value for key, value in here.items() if key != keyword}
                both = meet(rest, there)
                if both is None:
                    return None
                branches = [met for branch in here[keyword] if (met := meet(branch, both)) is not None]
                return {keyword: branches} if branches else None
    both = {**left, **right}
    for key in left.keys() & right.keys():
        if key in _MEETS:
            both[key] = _MEETS[key](left[key], right[key])
    both = _narrowed(both)
    if "enum" in both and "type" in both:
        both["enum"] = [value for value in both["enum"] if any(_typed(value, kind) for kind in both["type"])]
    return None if _is_empty(both) else both


def _is_empty(schema: Schema) -> bool:
    if schema.get("type") == [] or schema.get("enum") == []:
        return True
    if set(schema.get("required", ())) & set(schema.get(ABSENT, ())):
        return True
    if any(
        schema.get(low, 0) > schema.get(high, float("inf"))
        for low, high in (("minItems", "maxItems"), ("minLength", "maxLength"))
    ):
        return True
    fields = schema.get("properties", {})
    return any(fields.get(name) is False for name in schema.get("required", ()))


def _typed(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and value == int(value))
    return {"string": str, "array": list, "object": dict, "null": type(None)}.get(kind) is type(value)


def _meet_types(one: list[str], other: list[str]) -> list[str]:
    shared = [kind for kind in one if kind in other or (kind == "integer" and "number" in other)]
    return shared + [kind for kind in other if kind == "integer" and "number" in one and kind not in shared]


def _meet_fields(one: Schema, other: Schema) -> dict[str, Any]:
    fields = {**one, **other}
    for name in one.keys() & other.keys():
        fields[name] = _meet_any(one[name], other[name])
    return {name: fields[name] for name in (*one, *(name for name in other if name not in one))}


def _meet_any(one: Any, other: Any) -> Any:
    if one is True:
        return other
    if other is True:
        return one
    if one is False or other is False:
        return False
    met = meet(one, other)
    return False if met is None else met


def _joined(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return [*one, *(item for item in other if item not in one)]


_MEETS: dict[str, Any] = {
    "type": _meet_types,
    "enum": lambda one, other: [value for value in one if _among(value, other)],
    "properties": _meet_fields,
    "items": _meet_any,
    "required": _joined,
    ABSENT: _joined,
    EXCEPT: _joined,
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
}


def _product(parts: Iterable[Iterable[Schema]]) -> list[dict[str, Any]]:
    """Every way to satisfy one alternative of each part."""
    found: list[dict[str, Any]] = [{}]
    for part in parts:
        part = list(part)
        found = [met for one in found for other in part if (met := meet(one, other)) is not None]
        if len(found) > _MOST_WORLDS:
            raise NotImplementedError("too many alternatives to keep apart")
    return found


def split(rule: Schema | bool) -> list[dict[str, Any]]:
    """Plain schemas of which a value that keeps the rule satisfies at least one.

    Raises `NotImplementedError` for a keyword that cannot be rewritten.
    """
    if isinstance(rule, bool):
        return [{}] if rule else []
    parts: list[list[dict[str, Any]]] = []
    plain: dict[str, Any] = {}
    for key, value in rule.items():
        if key == "allOf":
            parts.extend(split(one) for one in value)
        elif key == "anyOf":
            parts.append([one for branch in value for one in split(branch)])
        elif key == "oneOf":
            parts.append(_exactly_one(value))
        elif key == "not":
            parts.append(deny(value))
        elif key == "if":
            yes = _product([split(value), split(rule.get("then", True))])
            parts.append(yes + _product([deny(value), split(rule.get("else", True))]))
        elif key == "properties":
            parts.extend(_split_field(name, sub) for name, sub in value.items())
        elif key == "items":
            branches = split(value)
            plain[key] = branches[0] if len(branches) == 1 else {"anyOf": branches}
        elif key not in ("then", "else"):
            plain[key] = value
    return _product([[plain], *parts])


def _split_field(name: str, rule: Schema | bool) -> list[dict[str, Any]]:
    branches = split(rule)
    if not branches:
        return [{ABSENT: [name]}]
    return [{"properties": {name: branch}} for branch in branches]


def _exactly_one(branches: list[Any]) -> list[dict[str, Any]]:
    ways = []
    for number, branch in enumerate(branches):
        others = [deny(other) for place, other in enumerate(branches) if place != number]
        ways.extend(_product([split(branch), *others]))
    return ways


def deny(rule: Schema | bool) -> list[dict[str, Any]]:
    """Plain schemas of which a value that breaks the rule satisfies at least one; errors as of `split`."""
    if isinstance(rule, bool):
        return [] if rule else [{}]
    ways: list[dict[str, Any]] = []
    for key, value in rule.items():
        if key in _DENIALS:
            ways.extend(_DENIALS[key](value))
        elif key == "contains":
            ways.extend(_deny_contains(rule))
        elif key == "if":
            ways.extend(_product([split(value), deny(rule.get("then", True))]))
            ways.extend(_product([deny(value), deny(rule.get("else", True))]))
        elif key not in ("then", "else", "minContains", "maxContains") and not key.startswith("x-"):
            raise NotImplementedError(f"cannot deny {key!r}")
    return ways


def _deny_contains(rule: Schema) -> list[dict[str, Any]]:
    least, most = rule.get("minContains", 1), rule.get("maxContains")
    lists: dict[str, Any] = {"type": ["array"], "contains": rule["contains"]}
    fewer = [{**lists, "minContains": 0, "maxContains": least - 1}] if least > 0 else []
    return fewer if most is None else [*fewer, {**lists, "minContains": most + 1}]


def _deny_one_of(branches: list[Any]) -> list[dict[str, Any]]:
    """None of the branches, or any two of them."""
    none = _product([deny(branch) for branch in branches])
    pairs = itertools.combinations(branches, 2)
    return none + [way for one, other in pairs for way in _product([split(one), split(other)])]


def _deny_type(types: str | list[str]) -> list[dict[str, Any]]:
    denied = {types} if isinstance(types, str) else set(types)
    left = [kind for kind in _TYPES if kind not in denied]
    return [{"type": left}] if left else []


def _deny_fields(fields: Schema) -> list[dict[str, Any]]:
    return [
        {"required": [name], "properties": {name: broken}}
        for name, sub in fields.items()
        for broken in deny(sub)
    ]


_DENIALS: dict[str, Any] = {
    "type": _deny_type,
    "enum": lambda values: [{EXCEPT: values}],
    "const": lambda value: [{EXCEPT: [value]}],
    "required": lambda names: [{ABSENT: [name]} for name in names],
    "properties": _deny_fields,
    "allOf": lambda parts: [way for part in parts for way in deny(part)],
    "anyOf": lambda parts: _product([deny(part) for part in parts]),
    "oneOf": _deny_one_of,
    "not": split,
    "minItems": lambda count: [{"type": ["array"], "maxItems": count - 1}] if count else [],
    "maxItems": lambda count: [{"type": ["array"], "minItems": count + 1}],
    "minLength": lambda count: [{"type": ["string"], "maxLength": count - 1}] if count else [],
    "maxLength": lambda count: [{"type": ["string"], "minLength": count + 1}],
    "minimum": lambda bound: [{"type": ["number"], "exclusiveMaximum": bound}],
    "maximum": lambda bound: [{"type": ["number"], "exclusiveMinimum": bound}],
}


def worlds(body: Schema, rules: Iterable[Schema]) -> list[dict[str, Any]]:
    """Plain schemas of the bodies that keep the rules, each of them within `body`.

    A rule that cannot be rewritten is left out: bodies made from a world are still to be held against it.
    """
    found: list[dict[str, Any]] = [dict(body)]
    for rule in rules:
        try:
            ways = [known for way in split(rule) if (known := _documented(way, body)) is not None]
        except NotImplementedError:
            continue
        met = [both for one in found for way in ways if (both := meet(one, way)) is not None]
        if met and len(met) <= _MOST_WORLDS:
            found = met
    return found


def _documented(way: Schema, body: Schema) -> dict[str, Any] | None:
    """What a way says of the fields that the body has; None where it requires one that it has not."""
    known = body.get("properties", {})
    if not known.keys() >= set(way.get("required", ())):
        return None
    fields = {name: sub for name, sub in way.get("properties", {}).items() if name in known}
    return {**way, "properties": fields}
