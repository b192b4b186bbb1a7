"""Two contracts held against each other, constraint by constraint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.schema import CONSTRAINTS, Inner, inner_schemas
from .answers import comparable
from .severity import OF_ANSWERS, OF_BODIES, Severities, Severity

__all__ = ["Difference", "answer_differences", "constraints_of", "differences", "wording_differences"]

_COMPARED = (CONSTRAINTS - {"required", "nullable"}) | {"default", "deprecated"}
"""What of a schema is compared; `required` is said of each field that it names."""
_WORDS = ("title", "description", "example", "examples", "externalDocs", "$comment")
"""What is said of a field to people."""
_ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One constraint that the two contracts do not share."""

    field: str
    """Such as `dynamic_masks[].trajectories`; an alternative is marked `|1`, one that holds as well `&1`."""
    constraint: str
    """A keyword of JSON Schema, `required`, `wording`, or `field` where one side lacks the field."""
    ours: str
    theirs: str
    severity: Severity
    """What it means to clients of the first contract."""

    def line(self, there: str = "in the file") -> str:
        """The difference as one line; `there` says where the second contract is."""
        if self.constraint == "field":
            return f"{self.field}: {'only' if self.ours == _ABSENT else 'not'} {there}"
        if self.constraint == "wording":
            return f"{self.field or 'body'}: said in other words"
        return f"{self.field or 'body'}: {self.constraint} is {self.ours}, {there} {self.theirs}"


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Difference]:
    """Where two resolved create schemas differ in what they accept or assume; prose does not count."""
    return _differences(_aligned(ours, theirs), _aligned(theirs, ours), OF_BODIES)


def answer_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Difference]:
    """Where two resolved schemas of answers differ in what a client has to read."""
    here, there = comparable(ours, theirs), comparable(theirs, ours)
    # Of several forms that an answer had, it may have kept one; a form that is new, nobody reads.
    return _differences(_aligned(here, there), there, OF_ANSWERS)


def _differences(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], severities: Severities
) -> list[Difference]:
    left, right = constraints_of(ours), constraints_of(theirs)
    found: list[Difference] = []
    lacking: list[str] = []
    for field in dict.fromkeys([*left, *right]):
        if any(field == name or field.startswith((f"{name}.", f"{name}[", f"{name}|")) for name in lacking):
            continue
        if field not in left or field not in right:
            lacking.append(field)
            here, there = (_ABSENT, "present") if field not in left else ("present", _ABSENT)
            severity = severities.field(field, left.get(field), right.get(field))
            found.append(Difference(field, "field", here, there, severity))
            continue
        found += _of_field(field, left[field], right[field], severities)
    return found


def _of_field(
    field: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], severities: Severities
) -> Iterator[Difference]:
    for keyword in dict.fromkeys([*ours, *theirs]):
        here, there = _shown(keyword, ours), _shown(keyword, theirs)
        if here != there:
            yield Difference(field, keyword, here, there, severities.keyword(keyword, ours, theirs))


def wording_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Difference]:
    """The fields of both contracts of which something else is said to people."""
    left, right = dict(_words(ours, "")), dict(_words(theirs, ""))
    changed = [field for field in left if field in right and left[field] != right[field]]
    return [Difference(field, "wording", "", "", "wording") for field in changed]


def _aligned(schema: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema; of alternatives that the other does not have, with the nearest in their place."""
    options = schema.get("anyOf", ())
    if options and "anyOf" not in other:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return min(({**rest, **option} for option in options), key=lambda one: len(differences(one, other)))
    if "properties" not in schema:
        return schema
    theirs = other.get("properties", {})
    fields = {name: _aligned(field, theirs.get(name, field)) for name, field in schema["properties"].items()}
    return {**schema, "properties": fields}


def constraints_of(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Field by field, the constraints of a resolved schema."""
    return dict(_walk(schema, "", required=False))


def _walk(schema: Mapping[str, Any], at: str, *, required: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    own = {keyword: schema[keyword] for keyword in schema if keyword in _COMPARED}
    if schema.get("additionalProperties") is False:
        own["additionalProperties"] = False
    if required:
        own["required"] = True
    yield at, own
    names = schema.get("required", ())
    for inner in inner_schemas(schema):
        if isinstance(inner.schema, dict) and inner.keyword != "x-rules":
            needed = inner.keyword == "properties" and inner.step in names
            yield from _walk(inner.schema, _place(at, inner), required=needed)


def _words(schema: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    yield at, {keyword: schema[keyword] for keyword in _WORDS if keyword in schema}
    for inner in inner_schemas(schema):
        if isinstance(inner.schema, dict) and inner.keyword != "x-rules":
            yield from _words(inner.schema, _place(at, inner))


def _place(at: str, inner: Inner) -> str:
    """What a schema within that of `at` is called: a field's name, `[]` for items, `|1` for alternatives."""
    match inner.keyword:
        case "properties":
            return f"{at}.{inner.step}" if at else str(inner.step)
        case "items":
            return f"{at}[]"
        case "anyOf" | "oneOf":
            return f"{at}|{int(inner.step or 0) + 1}"
        case "allOf":
            return f"{at}&{int(inner.step or 0) + 1}"
    return f"{at}|{inner.place}"


def _shown(keyword: str, constraints: Mapping[str, Any]) -> str:
    """A constraint as JSON."""
    if keyword not in constraints:
        return _ABSENT
    value = constraints[keyword]
    if keyword in ("enum", "type") and isinstance(value, list):
        # Their order means nothing.
        value = sorted(value, key=lambda item: json.dumps(item))
        if keyword == "type" and len(value) == 1:
            value = value[0]
    return json.dumps(value, ensure_ascii=False)
