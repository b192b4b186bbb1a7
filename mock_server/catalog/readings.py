"""The ways to read a schema that has alternatives: in each of them every constraint is known to apply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .schema import ANNOTATIONS, Schema

__all__ = ["Reading", "closed", "readings"]

MOST_READINGS = 64
"""In how many ways one schema is read; a schema with more of them is taken as it is, unread."""

_ALTERNATIVES = frozenset({"anyOf", "oneOf", "allOf", "if", "then", "else", "dependentSchemas", "x-rules"})
_OTHERS = ("additionalProperties", "unevaluatedProperties", "patternProperties")


class Reading(NamedTuple):
    """One choice among all alternatives of a schema: the parts that apply to a value together."""

    parts: tuple[dict[str, Any], ...]
    """Schemas without alternatives at their root; the fields and items within them still have theirs."""
    fields: Mapping[str, tuple[Any, ...]] | None
    """The documented fields, each with the schemas that its value has; None where none is documented."""
    exhaustive: bool
    """Whether a field that is not documented may be dropped: `additionalProperties` and its like are the
    contract's own word on them, and then judge."""

    @property
    def schema(self) -> dict[str, Any]:
        """The reading as one schema."""
        if not self.parts:
            return {}
        return self.parts[0] if len(self.parts) == 1 else {"allOf": list(self.parts)}

    @property
    def types(self) -> frozenset[str] | None:
        """The JSON types that a value may have, None where any."""
        named = [part["type"] for part in self.parts if "type" in part]
        if not named:
            return None
        sets = [frozenset([kinds] if isinstance(kinds, str) else kinds) for kinds in named]
        # An integer is a number too.
        wide = [kinds | {"integer"} if "number" in kinds else kinds for kinds in sets]
        shared = frozenset.intersection(*wide)
        return shared - {"integer"} if all("number" in kinds for kinds in sets) else shared

    @property
    def others(self) -> tuple[Any, ...]:
        """The schemas of the fields that are not documented by name."""
        if any("patternProperties" in part for part in self.parts):
            return ()
        found = (part.get("additionalProperties", True) for part in self.parts)
        return tuple(schema for schema in found if isinstance(schema, dict))

    @property
    def items(self) -> tuple[Any, ...]:
        """The schemas of the items of an array, beyond those that have a place of their own."""
        return tuple(part["items"] for part in self.parts if "items" in part)

    @property
    def first_items(self) -> tuple[tuple[Any, ...], ...]:
        """The schemas of the items that have a place of their own, place by place."""
        rows = [(part.get("prefixItems", ()), part.get("items", True)) for part in self.parts]
        count = max((len(row) for row, _ in rows), default=0)
        return tuple(
            tuple(row[place] if place < len(row) else rest for row, rest in rows) for place in range(count)
        )

    @property
    def most_items(self) -> int | None:
        """How many items an array may have, None where any number."""
        return min((part["maxItems"] for part in self.parts if "maxItems" in part), default=None)


def readings(*schemas: Any) -> tuple[Reading, ...]:
    """The readings of schemas that apply to one value together; at least one.

    A value that keeps the schemas keeps the schema of one of its readings.
    """
    found: list[Reading] = []
    for parts in _choices(schemas):
        if len(found) == MOST_READINGS:
            return (Reading(tuple(_as_object(schema) for schema in schemas), None, False),)
        found.append(_reading(parts))
    return tuple(found)


def _choices(schemas: tuple[Any, ...]) -> Iterator[tuple[dict[str, Any], ...]]:
    parts: list[dict[str, Any]] = []
    groups: list[list[Any]] = []
    for schema in schemas:
        _open(schema, parts, groups)
    if not groups:
        yield tuple(parts)
        return
    rest = [{"anyOf": group} for group in groups[1:]]
    for branch in groups[0]:
        yield from _choices((*parts, *rest, branch))


def _open(schema: Any, parts: list[dict[str, Any]], groups: list[list[Any]]) -> None:
    """Add what of a schema always applies to `parts`, and to `groups` lists of which one applies."""
    plain = _as_object(schema)
    own = {key: value for key, value in plain.items() if key not in _ALTERNATIVES}
    if any(key not in ANNOTATIONS and not key.startswith("x-") for key in own):
        parts.append(own)
    for one in plain.get("allOf", ()):
        _open(one, parts, groups)
    groups += [list(plain[keyword]) for keyword in ("anyOf", "oneOf") if keyword in plain]
    if "if" in plain:
        condition = plain["if"]
        kept = {"allOf": [condition, plain.get("then", True)]}
        groups.append([kept, {"allOf": [{"not": condition}, plain.get("else", True)]}])
    for name, dependent in plain.get("dependentSchemas", {}).items():
        there = {"required": [name]}
        groups.append([{"allOf": [there, dependent]}, {"not": there}])


def _as_object(schema: Any) -> dict[str, Any]:
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    return dict(schema)


def _reading(parts: tuple[dict[str, Any], ...]) -> Reading:
    fields: dict[str, tuple[Any, ...]] = {}
    for part in parts:
        for name, field in part.get("properties", {}).items():
            fields[name] = (*fields.get(name, ()), field)
    documented = any("properties" in part for part in parts)
    exhaustive = documented and not any(keyword in part for part in parts for keyword in _OTHERS)
    if exhaustive:
        # What a value must have is documented by that.
        for name in (name for part in parts for name in part.get("required", ())):
            fields.setdefault(name, ())
    return Reading(parts, fields if documented else None, exhaustive)


def closed(*schemas: Any) -> Any:
    """The schema of the values that keep some schemas and have no field beyond the documented ones.

    A value keeps it where one reading fits it that would drop no field, at every depth.
    """
    shut = [_shut(reading) for reading in readings(*schemas)]
    ways = shut[0] if len(shut) == 1 else {"anyOf": shut}
    # Of the alternatives of `oneOf` no more than one may fit, which no reading by itself can say.
    whole = [schema for schema in schemas if _chooses_one(schema)]
    return {"allOf": [ways, *whole]} if whole else ways


def _shut(reading: Reading) -> dict[str, Any]:
    shut = {**reading.schema}
    if reading.fields is not None:
        shut["properties"] = {name: closed(*fields) for name, fields in reading.fields.items()}
    if reading.exhaustive:
        shut["additionalProperties"] = False
    elif reading.others:
        shut["additionalProperties"] = closed(*reading.others)
    if reading.first_items:
        shut["prefixItems"] = [closed(*items) for items in reading.first_items]
    if reading.items:
        shut["items"] = closed(*reading.items)
    return shut


def _chooses_one(schema: Schema | bool) -> bool:
    if isinstance(schema, bool):
        return False
    branches = [*schema.get("allOf", ()), *schema.get("anyOf", ())]
    branches += [schema.get("then", True), schema.get("else", True)]
    return "oneOf" in schema or any(map(_chooses_one, branches))
