"""JSON Schema: the one table of its keywords, and the one way to go through a schema.

Resolving, merging, tolerance, strictness, checking and comparing all take the schemas within a schema from
here, so that none of them passes over a keyword that another one knows. A keyword that is not in the table
is an error: what is not understood cannot be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from ..errors import SpecError

__all__ = [
    "ANNOTATIONS",
    "CONSTRAINTS",
    "KEYWORDS",
    "Holds",
    "Inner",
    "Schema",
    "check_schema",
    "inner_schemas",
    "rewritten",
    "schema_faults",
    "walk",
]

Schema: TypeAlias = Mapping[str, Any]


class Holds(StrEnum):
    """The kinds of values that keywords have."""

    SCHEMA = "a schema"
    SCHEMAS = "a list of schemas"
    FIELDS = "an object of schemas"
    RULES = "a list of rules"
    """Our own `x-rules`: each rule has a `schema`, which is judged apart."""
    CONSTRAINT = "plain data that binds a value"
    ANNOTATION = "plain data that binds nobody"


KEYWORDS: Mapping[str, Holds] = {
    "allOf": Holds.SCHEMAS,
    "anyOf": Holds.SCHEMAS,
    "oneOf": Holds.SCHEMAS,
    "prefixItems": Holds.SCHEMAS,
    "properties": Holds.FIELDS,
    "patternProperties": Holds.FIELDS,
    "dependentSchemas": Holds.FIELDS,
    "$defs": Holds.FIELDS,
    "definitions": Holds.FIELDS,
    "additionalProperties": Holds.SCHEMA,
    "unevaluatedProperties": Holds.SCHEMA,
    "propertyNames": Holds.SCHEMA,
    "items": Holds.SCHEMA,
    "unevaluatedItems": Holds.SCHEMA,
    "contains": Holds.SCHEMA,
    "not": Holds.SCHEMA,
    "if": Holds.SCHEMA,
    "then": Holds.SCHEMA,
    "else": Holds.SCHEMA,
    "x-rules": Holds.RULES,
    "$ref": Holds.CONSTRAINT,
    "type": Holds.CONSTRAINT,
    "enum": Holds.CONSTRAINT,
    "const": Holds.CONSTRAINT,
    "format": Holds.CONSTRAINT,
    "minimum": Holds.CONSTRAINT,
    "maximum": Holds.CONSTRAINT,
    "exclusiveMinimum": Holds.CONSTRAINT,
    "exclusiveMaximum": Holds.CONSTRAINT,
    "multipleOf": Holds.CONSTRAINT,
    "minLength": Holds.CONSTRAINT,
    "maxLength": Holds.CONSTRAINT,
    "pattern": Holds.CONSTRAINT,
    "minItems": Holds.CONSTRAINT,
    "maxItems": Holds.CONSTRAINT,
    "uniqueItems": Holds.CONSTRAINT,
    "minContains": Holds.CONSTRAINT,
    "maxContains": Holds.CONSTRAINT,
    "minProperties": Holds.CONSTRAINT,
    "maxProperties": Holds.CONSTRAINT,
    "required": Holds.CONSTRAINT,
    "dependentRequired": Holds.CONSTRAINT,
    "nullable": Holds.CONSTRAINT,
    "$comment": Holds.ANNOTATION,
    "$id": Holds.ANNOTATION,
    "$schema": Holds.ANNOTATION,
    "contentEncoding": Holds.ANNOTATION,
    "contentMediaType": Holds.ANNOTATION,
    "contentSchema": Holds.ANNOTATION,
    "default": Holds.ANNOTATION,
    "deprecated": Holds.ANNOTATION,
    "description": Holds.ANNOTATION,
    "discriminator": Holds.ANNOTATION,
    "example": Holds.ANNOTATION,
    "examples": Holds.ANNOTATION,
    "externalDocs": Holds.ANNOTATION,
    "readOnly": Holds.ANNOTATION,
    "title": Holds.ANNOTATION,
    "writeOnly": Holds.ANNOTATION,
    "xml": Holds.ANNOTATION,
}
"""Every keyword of JSON Schema 2020-12 and OpenAPI 3.0 that is understood; others that start with `x-` are
annotations. `nullable` is in the table because documents are read before they are brought up to date."""

CONSTRAINTS = frozenset(keyword for keyword, holds in KEYWORDS.items() if holds is Holds.CONSTRAINT)
ANNOTATIONS = frozenset(keyword for keyword, holds in KEYWORDS.items() if holds is Holds.ANNOTATION)
_PLAIN = CONSTRAINTS | ANNOTATIONS
_HOLDERS = {keyword: holds for keyword, holds in KEYWORDS.items() if keyword not in _PLAIN}
_HELD: dict[Holds, Any] = {
    Holds.SCHEMA: dict | bool,
    Holds.SCHEMAS: list,
    Holds.FIELDS: dict,
    Holds.RULES: list,
}


class Inner(NamedTuple):
    """A schema directly within another: under which keyword, and under which name or number of it."""

    keyword: str
    step: str | int | None
    schema: Any
    """An object, or one of the schemas `true` and `false`."""

    @property
    def place(self) -> str:
        """Where it stands in the outer schema, such as `properties/seed` or `items`."""
        return self.keyword if self.step is None else f"{self.keyword}/{self.step}"


def inner_schemas(schema: Any) -> Iterator[Inner]:
    """The schemas directly within a schema, in the order of the schema; values of a wrong type hold none."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        holds = _HOLDERS.get(keyword)
        if holds is None:
            continue
        if holds is Holds.SCHEMA:
            if isinstance(value, dict | bool):
                yield Inner(keyword, None, value)
        elif holds is Holds.FIELDS:
            if isinstance(value, dict):
                for name, one in value.items():
                    yield Inner(keyword, name, one)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                if holds is Holds.SCHEMAS:
                    yield Inner(keyword, number, one)
                elif isinstance(one, dict) and "schema" in one:
                    yield Inner(keyword, number, one["schema"])


def rewritten(schema: Any, change: Callable[[Inner], Any]) -> Any:
    """A copy of a schema in which each schema directly within it is what `change` makes of it."""
    if not isinstance(schema, dict):
        return schema
    copied = dict(schema)
    for inner in inner_schemas(schema):
        changed = change(inner)
        if inner.step is None:
            copied[inner.keyword] = changed
            continue
        holder = copied[inner.keyword]
        if holder is schema[inner.keyword]:
            holder = copied[inner.keyword] = holder.copy()
        if KEYWORDS[inner.keyword] is Holds.RULES:
            changed = {**holder[inner.step], "schema": changed}
        holder[inner.step] = changed
    return copied


def walk(schema: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """A schema and all within it, each with its place, such as `properties/masks/items`."""
    yield at, schema
    for inner in inner_schemas(schema):
        yield from walk(inner.schema, f"{at}/{inner.place}" if at else inner.place)


def schema_faults(schema: Any, at: str = "") -> Iterator[tuple[str, str, str]]:
    """The place, the keyword and a sentence for whatever in a schema the table does not know."""
    for place, one in walk(schema, at):
        if isinstance(one, bool):
            continue
        if not isinstance(one, dict):
            yield place, "", f"expected a schema, received {one!r:.40}"
            continue
        for keyword in one.keys() - _PLAIN:
            holds = _HOLDERS.get(keyword)
            if holds is None:
                if not keyword.startswith("x-"):
                    yield place, keyword, f"the keyword {keyword!r} is unknown"
            elif not isinstance(one[keyword], _HELD[holds]):
                yield place, keyword, f"{keyword!r} holds {holds}, received {one[keyword]!r:.40}"


def check_schema(schema: Any, where: str) -> None:
    """Raise SpecError for the first thing in a schema that the table does not know, with its place."""
    for place, keyword, says in schema_faults(schema, where):
        raise SpecError(f"{place}: {says}.", place=place, keyword=keyword)
