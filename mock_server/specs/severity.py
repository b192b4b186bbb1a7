"""What a difference between two contracts means to the clients of the first one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = [
    "OF_ANSWERS",
    "OF_BODIES",
    "SEVERITIES",
    "Constraints",
    "Severities",
    "Severity",
    "answer_field_severity",
    "answer_severity",
    "field_severity",
    "severity_of",
    "worst",
]

Severity = Literal["breaking", "widening", "wording"]
SEVERITIES: Mapping[Severity, str] = {
    "breaking": "what was right may be refused, or mean something else, or the answer be read wrongly",
    "widening": "more is possible, and what was right still is",
    "wording": "nothing that a request or an answer shows",
}
Constraints: TypeAlias = Mapping[str, Any]
"""What one field is bound by: keywords of JSON Schema, and `required`."""

_LOWER = {"minimum": "exclusiveMinimum", "exclusiveMinimum": "minimum"}
_UPPER = {"maximum": "exclusiveMaximum", "exclusiveMaximum": "maximum"}
_LEAST = ("minLength", "minItems", "minProperties", "minContains")
_MOST = ("maxLength", "maxItems", "maxProperties", "maxContains")


class Severities(NamedTuple):
    """How a kind of schema is judged: one that clients have to keep, or one that they read by."""

    keyword: Callable[[str, Constraints, Constraints], Severity]
    """What a keyword that differs means."""
    field: Callable[[str, Constraints | None, Constraints | None], Severity]
    """What it means that one side lacks a field or an alternative."""


def worst(severities: Any) -> Severity | None:
    """The one that matters most; None where there is none."""
    found = set(severities)
    return next((one for one in SEVERITIES if one in found), None)


def severity_of(keyword: str, ours: Constraints, theirs: Constraints) -> Severity:
    """What it means that a keyword of a field differs; both are all that the field is bound by."""
    if keyword in _LOWER:
        return _compared(_lower(ours), _lower(theirs))
    if keyword in _UPPER:
        return _compared(_upper(ours), _upper(theirs))
    if keyword in _LEAST:
        return _compared(ours.get(keyword, 0), theirs.get(keyword, 0))
    if keyword in _MOST:
        return _compared(-ours.get(keyword, math.inf), -theirs.get(keyword, math.inf))
    if keyword in ("enum", "const"):
        return _narrowed(_values(ours), _values(theirs))
    if keyword == "type":
        return _narrowed(_types(ours), _types(theirs))
    if keyword == "multipleOf":
        return _steps(ours.get(keyword), theirs.get(keyword))
    if keyword == "default":
        # Who leaves the field out gets something else; a default that is only told of changes nothing.
        return "breaking" if keyword in ours and keyword in theirs else "wording"
    if keyword in ("deprecated", "readOnly"):
        return "wording"
    if keyword == "additionalProperties":
        return "breaking" if keyword in theirs else "widening"
    # What is or is not there: required, pattern, format, uniqueItems, dependentRequired, …
    here, there = ours.get(keyword) or None, theirs.get(keyword) or None
    if here == there:
        return "wording"
    return "widening" if there is None else "breaking"


def field_severity(place: str, ours: Constraints | None, theirs: Constraints | None) -> Severity:
    """What it means that one side lacks a field, an alternative, or what is said of items altogether."""
    last = place.rpartition(".")[2]
    gone = theirs is None
    if last.rpartition("|")[1]:
        # One of several ways to be right.
        return "breaking" if gone else "widening"
    if last.endswith("]") or last.rpartition("&")[1]:
        # One more thing to be right in.
        return "widening" if gone else "breaking"
    return "breaking" if gone or (theirs or {}).get("required") else "widening"


def answer_severity(keyword: str, ours: Constraints, theirs: Constraints) -> Severity:
    """The same for a field of an answer: what it may be now, its reader was not told of."""
    if keyword == "default":
        return "wording"
    return severity_of(keyword, theirs, ours)


def answer_field_severity(place: str, ours: Constraints | None, theirs: Constraints | None) -> Severity:
    """The same for what one side's answer lacks."""
    last = place.rpartition(".")[2]
    if last.endswith("]") or last.rpartition("|")[1] or last.rpartition("&")[1]:
        return field_severity(place, theirs, ours)
    return "breaking" if theirs is None else "widening"


OF_BODIES = Severities(severity_of, field_severity)
OF_ANSWERS = Severities(answer_severity, answer_field_severity)


def _compared(ours: Any, theirs: Any) -> Severity:
    if ours == theirs:
        return "wording"
    return "breaking" if theirs > ours else "widening"


def _lower(one: Constraints) -> tuple[float, bool]:
    return max((one.get("minimum", -math.inf), False), (one.get("exclusiveMinimum", -math.inf), True))


def _upper(one: Constraints) -> tuple[float, bool]:
    return max((-one.get("maximum", math.inf), False), (-one.get("exclusiveMaximum", math.inf), True))


def _values(one: Constraints) -> frozenset[str] | None:
    """The values that are allowed, None for any."""
    values = [one["const"]] if "const" in one else one.get("enum")
    return None if values is None else frozenset(map(repr, values))


def _types(one: Constraints) -> frozenset[str] | None:
    types = one.get("type")
    if types is None:
        return None
    found = {types} if isinstance(types, str) else set(types)
    return frozenset(found | {"integer"} if "number" in found else found)


def _narrowed(ours: frozenset[str] | None, theirs: frozenset[str] | None) -> Severity:
    if ours == theirs:
        return "wording"
    if theirs is None or (ours is not None and ours <= theirs):
        return "widening"
    return "breaking"


def _steps(ours: Any, theirs: Any) -> Severity:
    if ours == theirs:
        return "wording"
    if not theirs:
        return "widening"
    times = ours / theirs if ours else 0.5
    return "widening" if math.isclose(times, round(times)) and round(times) else "breaking"
