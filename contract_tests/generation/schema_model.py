"""Shapes: a JSON Schema read once into a small tree that values can be made from.

Every keyword that the provider's documents use is understood; documents of OpenAPI 3.0 are brought up to
3.1 first. Any other keyword is a `SpecError` that names it and the place where it stands, because a
constraint that is skipped would make data that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from kling_mock.catalog.schema import ANNOTATIONS
from kling_mock.catalog.upgrade import upgraded_schema
from kling_mock.errors import SpecError
from kling_mock.validation.formats import FORMATS

from . import schema_rewriting

__all__ = [
    "Anything",
    "Array",
    "Boolean",
    "Choice",
    "Limit",
    "Null",
    "Number",
    "Object",
    "Shape",
    "Text",
    "Union",
    "fits",
    "read_shape",
    "same",
]


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever JSON can say: the schema `{}`."""


@dataclass(frozen=True, slots=True)
class Null:
    """Only null."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two bounds, each of which may be missing or open (not part of the range)."""

    integer: bool
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A string of `least` to `most` code points; `role` is the name of the field that holds it."""

    least: int = 0
    most: int | None = None
    format: str | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of listed values; `types` are the JSON types that the schema names beside the list."""

    values: tuple[Any, ...]
    types: frozenset[str] = frozenset()
    keyword: str = "enum"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many items of an array are of the kind `matching`; all the rest are of the kind `other`."""

    matching: Shape
    other: Shape
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Array:
    """A list of `least` to `most` items of one shape."""

    items: Shape
    least: int = 0
    most: int | None = None
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """An object; fields that are not listed are never made, and fields in `absent` must not be there."""

    fields: Mapping[str, Shape]
    required: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Union:
    """One of several shapes; exactly one of them where `keyword` is `oneOf`."""

    branches: tuple[Shape, ...]
    keyword: str


Shape: TypeAlias = Anything | Null | Boolean | Number | Text | Choice | Array | Object | Union

_UNDERSTOOD = frozenset(
    {"type", "enum", "const", "format", "minLength", "maxLength", "minimum", "maximum"}
    | {"exclusiveMinimum", "exclusiveMaximum", "items", "minItems", "maxItems", "properties", "required"}
    | {"additionalProperties", "anyOf", "oneOf", "allOf", "contains", "minContains", "maxContains"}
    | {schema_rewriting.ABSENT, schema_rewriting.EXCEPT}
)
_NOTES = ANNOTATIONS - {"contentEncoding", "contentMediaType", "contentSchema"}
"""Keywords without which data is right; validators pass over contents, but no data is made of them."""
_UNBOUND_FORMATS = frozenset({"int32", "int64", "float", "double", "password"})
"""Formats of OpenAPI that any value of their type has, as far as JSON can tell."""


def read_shape(schema: Mapping[str, Any] | bool, *, where: str = "the schema", role: str = "") -> Shape:
    """The shape of a resolved JSON Schema; `where` names it in errors, `role` is its field's name.

    Raises `SpecError` for a keyword, a type or a format that is not understood.
    """
    return _read(upgraded_schema(schema), where, role)


def _read(schema: Mapping[str, Any] | bool, where: str, role: str) -> Shape:
    if isinstance(schema, bool):
        if schema:
            return Anything()
        raise SpecError(f"{where} is `false`, which no value satisfies: take the field out of the document.")
    _check_keywords(schema, where)
    plain = schema_rewriting.normalised(schema)
    if "enum" in plain:
        return _choice(plain, where, "const" if "const" in schema else "enum")
    for keyword in ("anyOf", "oneOf"):
        if keyword in plain:
            return _union(plain, keyword, where, role)
    types = plain.get("type")
    if types is None:
        if plain.keys() & _UNDERSTOOD:
            raise SpecError(f"{where} has constraints but no `type`: expected one of {sorted(_READERS)}.")
        return Anything()
    branches = tuple(_read_type(kind, plain, where, role) for kind in types)
    return branches[0] if len(branches) == 1 else Union(branches, "type")


def _check_keywords(schema: Mapping[str, Any], where: str) -> None:
    for keyword in schema:
        if keyword not in _UNDERSTOOD and keyword not in _NOTES and not keyword.startswith("x-"):
            raise SpecError(
                f"{where} uses the keyword {keyword!r}, which cannot be turned into data. "
                f"Understood are: {', '.join(sorted(k for k in _UNDERSTOOD if not k.startswith('x-')))}."
            )
    form = schema.get("format")
    if form is not None and form not in FORMATS and form not in _UNBOUND_FORMATS:
        raise SpecError(f"{where} has the format {form!r}; understood are: {', '.join(sorted(FORMATS))}.")


def _choice(schema: Mapping[str, Any], where: str, keyword: str) -> Shape:
    types = frozenset(schema.get("type", ()))
    values = tuple(value for value in schema["enum"] if not types or any(_is(value, kind) for kind in types))
    if not values:
        raise SpecError(f"{where} lists no value of its own type {sorted(types)}: {schema['enum']!r}.")
    return Choice(values, types, keyword)


def _union(schema: Mapping[str, Any], keyword: str, where: str, role: str) -> Shape:
    rest = {key: value for key, value in schema.items() if key != keyword}
    branches = []
    for number, branch in enumerate(schema[keyword]):
        place = f"{where}/{keyword}/{number}"
        if isinstance(branch, Mapping):
            _check_keywords(branch, place)
            branch = schema_rewriting.meet(branch, rest)
        if branch is not None:
            branches.append(_read(branch, place, role))
    if not branches:
        raise SpecError(f"{where} cannot be satisfied by any branch of its {keyword}.")
    return Union(tuple(branches), keyword)


def _read_type(kind: str, schema: Mapping[str, Any], where: str, role: str) -> Shape:
    if kind not in _READERS:
        raise SpecError(f"{where} has the type {kind!r}; expected one of {', '.join(sorted(_READERS))}.")
    shape: Shape = _READERS[kind](schema, where, role)
    return shape


def _read_number(schema: Mapping[str, Any], where: str, role: str, *, integer: bool = False) -> Shape:
    low, low_open = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, high_open = _bound(schema, "maximum", "exclusiveMaximum", min)
    if low is not None and high is not None and (low > high or (low == high and (low_open or high_open))):
        raise SpecError(f"{where} has no number between its bounds {low} and {high}.")
    return Number(integer, low, high, low_open, high_open)


def _bound(schema: Mapping[str, Any], closed: str, opened: str, tighter: Any) -> tuple[float | None, bool]:
    limit, beyond = schema.get(closed), schema.get(opened)
    if beyond is None:
        return limit, False
    if limit is None or tighter(limit, beyond) == beyond:
        return beyond, True
    return limit, False


def _read_text(schema: Mapping[str, Any], where: str, role: str) -> Shape:
    form = schema.get("format")
    return Text(schema.get("minLength", 0), schema.get("maxLength"), form if form in FORMATS else None, role)


def _read_array(schema: Mapping[str, Any], where: str, role: str) -> Shape:
    items = schema.get("items", {})
    shape = _read(items, f"{where}/items", role)
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if "contains" not in schema:
        return Array(shape, least, most)
    matching = schema_rewriting.meet(items, schema["contains"])
    others = [
        other
        for part in schema_rewriting.deny(schema["contains"])
        if (other := schema_rewriting.meet(items, part))
    ]
    if matching is None or not others:
        return Array(shape, least, most)
    rest = others[0] if len(others) == 1 else {"anyOf": others}
    limit = Limit(
        _read(matching, f"{where}/contains", role),
        _read(rest, f"{where}/contains", role),
        schema.get("minContains", 1),
        schema.get("maxContains"),
    )
    return Array(shape, max(least, limit.least), most, limit)


def _read_object(schema: Mapping[str, Any], where: str, role: str) -> Shape:
    absent = frozenset(schema.get(schema_rewriting.ABSENT, ()))
    fields = {
        name: _read(field, f"{where}/properties/{name}", name)
        for name, field in schema.get("properties", {}).items()
        if name not in absent
    }
    required = frozenset(schema.get("required", ()))
    if not required <= fields.keys():
        missing = ", ".join(sorted(required - fields.keys()))
        raise SpecError(f"{where} requires fields that it does not describe: {missing}.")
    return Object(fields, required, absent)


_READERS: dict[str, Any] = {
    "null": lambda schema, where, role: Null(),
    "boolean": lambda schema, where, role: Boolean(),
    "integer": lambda schema, where, role: _read_number(schema, where, role, integer=True),
    "number": _read_number,
    "string": _read_text,
    "array": _read_array,
    "object": _read_object,
}


def _is(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a JSON type; 5.0 is an integer, true is not a number."""
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
    return isinstance(value, dict)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, where 1 and 1.0 are and 1 and true are not."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def fits(shape: Shape, value: Any) -> bool:
    """Whether a value satisfies a shape."""
    match shape:
        case Anything():
            return True
        case Null() | Boolean():
            return _is(value, type(shape).__name__.lower())
        case Choice():
            return any(same(value, one) for one in shape.values)
        case Number():
            return _is(value, "integer" if shape.integer else "number") and _within(shape, value)
        case Text():
            return isinstance(value, str) and _text_fits(shape, value)
        case Array():
            return isinstance(value, list) and _array_fits(shape, value)
        case Object():
            return isinstance(value, dict) and _object_fits(shape, value)
        case Union():
            kept = sum(fits(branch, value) for branch in shape.branches)
            return kept == 1 if shape.keyword == "oneOf" else kept > 0


def _within(shape: Number, value: float) -> bool:
    if shape.low is not None and (value < shape.low or (shape.low_open and value == shape.low)):
        return False
    return shape.high is None or value < shape.high or (value == shape.high and not shape.high_open)


def _text_fits(shape: Text, value: str) -> bool:
    if len(value) < shape.least or (shape.most is not None and len(value) > shape.most):
        return False
    return shape.format is None or FORMATS[shape.format](value)


def _array_fits(shape: Array, value: list[Any]) -> bool:
    if len(value) < shape.least or (shape.most is not None and len(value) > shape.most):
        return False
    limit = shape.limit
    if limit is not None:
        count = sum(fits(limit.matching, item) for item in value)
        if count < limit.least or (limit.most is not None and count > limit.most):
            return False
    return all(fits(shape.items, item) for item in value)


def _object_fits(shape: Object, value: dict[str, Any]) -> bool:
    if not shape.required <= value.keys() or shape.absent & value.keys():
        return False
    return all(fits(field, value[name]) for name, field in shape.fields.items() if name in value)
