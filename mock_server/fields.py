"""One table of fields for a frozen value: each names its type, unit, bounds and help once.

A dataclass is the table: a field's metadata holds what it may be. The constructor checks by it
(`check_fields`), text is read by it (`read_text`), plain data of TOML and JSON is read and written by it
(`read_fields`, `plain_fields`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from .errors import SettingsError, did_you_mean, nearest
from .field_kinds import FieldError, Kind, Nested

__all__ = [
    "Field",
    "Record",
    "about",
    "check_fields",
    "fields_of",
    "fields_schema",
    "plain_fields",
    "read_fields",
    "read_text",
    "said",
    "unknown",
]


class Record(Nested):
    """A value of a class with fields, or plain data that it is read from.

    `what` is what such a value is called, `expected` what a wrong one is answered with. With `short` a text
    stands for a value with nothing but its first field.
    """

    def __init__(self, cls: type[Any], what: str, expected: str, *, short: bool = False) -> None:
        self._cls = cls
        self._what = what
        self._expected = expected
        self._short = short

    def check(self, value: object) -> Any:
        if isinstance(value, self._cls):
            return value
        if self._short and isinstance(value, str):
            try:
                return self._cls(value)
            except FieldError as error:
                # The text stands for the whole: the field that it fills was not named.
                raise FieldError(error.problem) from None
        if not isinstance(value, Mapping):
            raise FieldError(f"expected {self._expected}, received {value!r}.")
        return self._cls(**read_fields(self._cls, value, self._what))

    def plain(self, value: Any) -> Any:
        written = plain_fields(value)
        return next(iter(written.values())) if self._short and len(written) == 1 else written

    def schema(self) -> dict[str, Any]:
        record = fields_schema(self._cls)
        if not self._short:
            return record
        return {"anyOf": [next(iter(record["properties"].values())), record]}


class Field(NamedTuple):
    """One field: its name, what it may hold, its default (`dataclasses.MISSING` where it is needed), help."""

    name: str
    kind: Kind
    default: Any
    help: str

    @property
    def needed(self) -> bool:
        """Whether a value must say it."""
        return self.default is dataclasses.MISSING

    def check(self, value: Any) -> Any:
        """The value as it is kept; a `FieldError` names this field."""
        if value is self.default:
            return value
        try:
            return self.kind.check(value)
        except SettingsError as error:
            raise self._named(error) from None

    def parse(self, text: str) -> Any:
        """The value that a line of text says; a `FieldError` names this field."""
        try:
            return self.kind.parse(text)
        except SettingsError as error:
            raise self._named(error) from None

    def _named(self, error: SettingsError) -> FieldError:
        placed = error if isinstance(error, FieldError) else FieldError(error.problem)
        return placed.within(self.name, option=self.name)


def about(kind: Kind, help: str) -> dict[str, Any]:
    """The metadata of a field that a value must have."""
    return {"kind": kind, "help": help}


def said(default: Any, kind: Kind, help: str) -> Any:
    """A field that a value may leave out."""
    return dataclasses.field(default=default, metadata=about(kind, help))


@cache
def _table(cls: Hashable) -> Mapping[str, Field]:
    return {
        field.name: Field(field.name, field.metadata["kind"], field.default, field.metadata["help"])
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if "kind" in field.metadata
    }


def fields_of(cls: type[Any]) -> Mapping[str, Field]:
    """The table of a class: its fields by name, in order."""
    return _table(cls)  # type: ignore[arg-type]


def check_fields(value: Any) -> None:
    """Check every field of a frozen value while it is made, and keep each in its own form."""
    for field in fields_of(type(value)).values():
        given = getattr(value, field.name)
        kept = field.check(given)
        if kept is not given:
            object.__setattr__(value, field.name, kept)


def check_names(cls: type[Any], names: Iterable[str], what: str) -> None:
    """Refuse fields that a class does not have, naming the nearest that it has."""
    known = tuple(fields_of(cls))
    for name in names:
        if name not in known:
            raise unknown(what, name, known)


def unknown(what: str, name: str, known: Iterable[str]) -> FieldError:
    """The error for a field that is none."""
    known = list(known)
    hint = did_you_mean(nearest(str(name), known)) or f" There are {', '.join(known)}."
    return FieldError(f"a {what} has no {name!r}.{hint}", path=(name,), whole=True)


def read_fields(cls: type[Any], data: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The arguments of a constructor from plain data; refuses unknown fields and misses needed ones."""
    table = fields_of(cls)
    check_names(cls, data, what)
    for field in table.values():
        if field.needed and field.name not in data:
            raise FieldError(f"a {what} needs {field.name!r}, which is missing.", whole=True)
    return {name: table[name].check(value) for name, value in data.items()}


def read_text(cls: type[Any], name: str, text: str) -> Any:
    """One field's value from text; the name is one that the class has."""
    return fields_of(cls)[name].parse(text)


def plain_fields(value: Any) -> dict[str, Any]:
    """A value as plain data that `read_fields` reads an equal one from; defaults are left out."""
    return {
        field.name: field.kind.plain(getattr(value, field.name))
        for field in fields_of(type(value)).values()
        if getattr(value, field.name) != field.default
    }


def fields_schema(cls: type[Any]) -> dict[str, Any]:
    """The plain data of a class as JSON Schema, each field with its help and its default."""
    properties = {}
    for field in fields_of(cls).values():
        said = field.default is not None and not field.needed and field.default not in ((), frozenset(), {})
        default = {"default": field.kind.plain(field.default)} if said else {}
        properties[field.name] = {**field.kind.schema(), "description": field.help, **default}
    needed = [field.name for field in fields_of(cls).values() if field.needed]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
